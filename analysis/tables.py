"""Tables of votes as Arrow tables: from files by their endings, and from frames."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

from analysis.columns import Column, encode
from analysis.errors import InvalidComparisons, InvalidOption

ENDINGS: Final = (".parquet", ".csv", ".csv.gz", ".tsv", ".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A table that is there, and not read yet.

    Attributes
    ----------
    names : tuple of str
        Its columns.
    read : callable
        From names of columns to a pyarrow.Table.
    """

    names: tuple[str, ...]
    read: Callable[[Sequence[str]], Any]


def open_table(source: Any) -> Source:
    """Open a file or a frame; errors as in `analysis.reading.read_votes`."""
    if isinstance(source, Source):
        return source
    if isinstance(source, (str, PathLike)):
        source = Path(source)
        if not source.name.lower().endswith(ENDINGS):
            raise InvalidOption(f"cannot read {source.name}: the name must end in {', '.join(ENDINGS)}")
        try:
            return _open_file(source)
        except OSError as error:
            raise InvalidOption(f"cannot read {source}: {error.strerror or error}") from error
    return _frame(source)


def strings(column: Any) -> Column:
    """Encode any column as strings."""
    return encode(column)


def _open_file(path: Path) -> Source:
    name = path.name.lower()
    if name.endswith(".parquet"):
        return _parquet(path)
    if name.endswith((".csv", ".csv.gz", ".tsv")):
        return _csv(path, "\t" if name.endswith(".tsv") else ",")
    return _json(path)


def _parquet(path: Path) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InvalidComparisons(f"{path.name} is not a Parquet file: {_line(error)}") from error

    def read(names: Sequence[str]) -> Any:
        text = [name for name in names if str(schema.field(name).type) in ("string", "large_string")]
        try:
            return pq.read_table(path, columns=list(names), read_dictionary=text, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise InvalidComparisons(f"{path.name} is damaged: {_line(error)}") from error

    return Source(tuple(schema.names), read)


def _csv(path: Path, delimiter: str) -> Source:
    import pyarrow as pa
    import pyarrow.csv as pc

    parse = pc.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    opener = gzip.open if path.name.lower().endswith(".gz") else Path.open
    with opener(path, "rb") as file:
        first = file.readline().decode("utf-8-sig", errors="replace")
    if not first.strip():
        raise InvalidComparisons(f"{path.name} is empty")
    try:
        header = pc.read_csv(pa.py_buffer(first.encode()), parse_options=parse)
    except pa.ArrowInvalid as error:
        raise InvalidComparisons(f"{path.name} is no table: {_line(error)}") from error

    def read(names: Sequence[str]) -> Any:
        options = pc.ConvertOptions(
            include_columns=list(names), auto_dict_encode=True, auto_dict_max_cardinality=100_000,
            null_values=[""], strings_can_be_null=True, true_values=[], false_values=[],
        )  # fmt: skip
        try:
            return pc.read_csv(
                path, parse_options=parse, convert_options=options,
                read_options=pc.ReadOptions(use_threads=False),
            )  # fmt: skip
        except pa.ArrowInvalid as error:
            raise InvalidComparisons(f"{path.name} is no table: {_line(error)}") from error

    return Source(tuple(header.column_names), read)


def _json(path: Path) -> Source:
    """Read a list of objects, or an object a line; nested values are not kept, but for lists of names."""
    try:
        text = path.read_text("utf-8-sig")
        if text.lstrip()[:1] == "[":
            rows = json.loads(text)
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise InvalidComparisons(f"{path.name} is not JSON: {error}") from error
    if not rows:
        raise InvalidComparisons(f"{path.name} is empty")
    bad = [i for i, row in enumerate(rows) if not isinstance(row, dict)]
    if bad:
        raise InvalidComparisons("a vote must be an object", rows=bad, count=len(bad))
    names = tuple(dict.fromkeys(name for row in rows for name in row))

    def read(wanted: Sequence[str]) -> Any:
        import pyarrow as pa

        columns = {name: [row.get(name) for row in rows] for name in wanted}
        try:
            return pa.table({name: _array(values) for name, values in columns.items()})
        except UnicodeEncodeError as error:
            raise InvalidComparisons(f"{path.name} holds half a character: {error.reason}") from error

    return Source(names, read)


def _array(values: list[Any]) -> Any:
    """Make an Arrow array, of strings where the values have no one type."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _frame(source: Any) -> Source:
    import pandas as pd
    import pyarrow as pa

    library = type(source).__module__.partition(".")[0]
    if isinstance(source, dict):
        source = pd.DataFrame(source)
    if isinstance(source, pd.DataFrame):
        frame = source
        return Source(
            tuple(map(str, frame.columns)),
            lambda names: pa.Table.from_pandas(frame[list(names)], preserve_index=False),
        )
    if library == "polars":
        whole = source.collect() if hasattr(source, "collect") else source
        return Source(tuple(whole.columns), lambda names: whole.select(list(names)).to_arrow())
    if library == "pyarrow":
        return Source(tuple(source.schema.names), lambda names: source.select(list(names)))
    raise InvalidOption(f"cannot read votes from a {type(source).__name__}")


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
