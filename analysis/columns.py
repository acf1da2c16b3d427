"""Columns of a frame, whatever its library, as whole-number codes and a short list of levels.

Strings are looked at once, by Arrow's dictionary encoder; categorical columns are taken as they are.
Nothing is copied that need not be: codes are views into the source where the source has codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Codes, Floats
from analysis.errors import InvalidComparisons, InvalidOption


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of labels.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,)
        Position in `levels`; -1 is a null.
    levels : tuple of str
        Some may not occur.
    """

    codes: Codes
    levels: tuple[str, ...]


def read_columns(source: Any, names: Sequence[str]) -> dict[str, Any]:
    """Take the named columns out of a frame or a file, without copying them.

    Parameters
    ----------
    source : pandas.DataFrame, polars.DataFrame, pyarrow.Table, mapping of sequences, or path
        A path must end in .parquet, .csv or .csv.gz.
    names : sequence of str

    Returns
    -------
    dict
        Name to column (pandas Series, or Arrow ChunkedArray).

    Raises
    ------
    InvalidComparisons
        A column is missing; the message names those that are there.
    InvalidOption
        `source` is nothing we can read.
    """
    if isinstance(source, (str, PathLike)):
        source = _read_file(Path(source), list(dict.fromkeys(names)))
    library = type(source).__module__.partition(".")[0]
    if isinstance(source, pd.DataFrame):
        present = [str(name) for name in source.columns]
    elif library == "polars":
        if hasattr(source, "collect"):
            source = source.collect()
        present = list(source.columns)
    elif library == "pyarrow":
        present = list(source.schema.names)
    elif isinstance(source, dict):
        present = [str(name) for name in source]
    else:
        raise InvalidOption(f"cannot read votes from a {type(source).__name__}")
    missing = [name for name in names if name not in present]
    if missing:
        raise InvalidComparisons(f"no column {', '.join(map(repr, missing))}; there are {', '.join(present)}")
    if library == "polars":
        return {name: source.get_column(name).to_arrow() for name in names}
    if isinstance(source, dict):
        return {name: pd.Series(source[name]) for name in names}
    return {name: source[name] for name in names}


def encode(column: Any) -> Column:
    """Give each distinct value a code.

    Parameters
    ----------
    column : pandas.Series, pyarrow.Array or pyarrow.ChunkedArray
        Strings, categories, whole numbers, anything with a text form.

    Returns
    -------
    Column
    """
    if isinstance(column, pd.Series):
        if isinstance(column.dtype, pd.CategoricalDtype):
            return Column(np.asarray(column.cat.codes), tuple(map(str, column.cat.categories)))
        if not hasattr(column.array, "__arrow_array__"):
            return _from_objects(column)
        column = column.array.__arrow_array__()
    return _from_arrow(column)


def numbers(column: Any) -> Floats:
    """Give a column of numbers as floats; a null is NaN.

    Raises
    ------
    InvalidComparisons
        The column does not hold numbers.
    """
    try:
        values = column.to_numpy() if hasattr(column, "to_numpy") else column
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidComparisons(f"weights must be numbers: {error}") from error


def _from_arrow(column: Any) -> Column:
    """Encode an Arrow array, keeping the codes that it may already have."""
    import pyarrow as pa

    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if pa.types.is_dictionary(chunked.type):
        chunked = chunked.unify_dictionaries()
    else:
        if pa.types.is_string_view(chunked.type):
            chunked = chunked.cast(pa.large_string())
        chunked = chunked.dictionary_encode()
    if chunked.num_chunks == 0:
        return Column(np.zeros(0, dtype=np.int32), ())
    whole = chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()
    indices = whole.indices
    if indices.null_count:
        signed = pa.int32() if indices.type.bit_width < 64 else pa.int64()
        indices = indices.cast(signed).fill_null(-1)
    codes = indices.to_numpy(zero_copy_only=False)
    levels = whole.dictionary.to_pylist()
    if codes.dtype.kind == "u":
        codes = codes.astype(np.int64)
    if None in levels:
        codes = np.where(codes == levels.index(None), -1, codes)
    return Column(codes, tuple(map(str, levels)))


def _from_objects(column: pd.Series) -> Column:
    """Encode Python objects or plain numbers."""
    import pyarrow as pa

    if column.dtype == object:
        try:
            coded = pa.dictionary(pa.int32(), pa.string())
            return _from_arrow(pa.array(column.to_numpy(), type=coded, from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            pass  # not only strings
    try:
        return _from_arrow(pa.array(column, from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        codes, levels = pd.factorize(column)
        return Column(codes, tuple(map(str, levels)))


def _read_file(path: Path, names: list[str]) -> Any:
    """Read the named columns of a file, strings as dictionaries."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        present = pq.read_schema(path)
        columns = [name for name in names if name in present.names]
        strings = [name for name in columns if str(present.field(name).type) in ("string", "large_string")]
        table = pq.read_table(path, columns=columns, read_dictionary=strings, use_threads=False)
        # A missing column is named by the caller, who also wants to say which ones there are.
        return table if len(columns) == len(names) else present.empty_table()
    if path.name.endswith((".csv", ".csv.gz")):
        import pyarrow.csv as pc

        options = pc.ConvertOptions(
            auto_dict_encode=True,
            auto_dict_max_cardinality=100_000,
            null_values=[""],
            strings_can_be_null=True,
        )
        return pc.read_csv(path, convert_options=options)
    raise InvalidOption(f"cannot read {path.name}: the name must end in .parquet, .csv or .csv.gz")
