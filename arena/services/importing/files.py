"""Files of rows, read as they stream by: CSV, TSV, JSON, JSON lines and Parquet."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from arena.errors import Invalid
from arena.services.importing.cells import Row

MANY_ROWS: Final = 2_000
FEW_ROWS: Final = 64
"""Rows of a Parquet file that are held at a time, without and with pictures."""

LONGEST_CELL: Final = 1 << 26
_PIECE: Final = 1 << 18
_SPACE: Final = " \t\r\n,"


def columns_of(path: Path) -> tuple[str, ...]:
    """Names of the columns of a file; of JSON those of its first object.

    Raises
    ------
    Invalid
        If the file cannot be read as what its ending says.
    """
    if path.suffix == ".parquet":
        with _told_plainly(path), pq.ParquetFile(path) as file:
            return tuple(file.schema_arrow.names)
    if path.suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8-sig", newline="") as file, _told_plainly(path):
            return tuple(next(_csv(path, file), []))
    with _told_plainly(path):
        first = next(_objects(path), None)
    return tuple(first[0]) if first else ()


def rows_of(path: Path, columns: Sequence[str], *, at_once: int) -> Iterator[tuple[Row, float]]:
    """The rows of a file, with the cells of some columns, and which share of it has been read.

    Raises
    ------
    Invalid
        With the place, if the file cannot be read there.
    """
    with _told_plainly(path):
        if path.suffix == ".parquet":
            yield from _from_parquet(path, columns, at_once)
        elif path.suffix in (".csv", ".tsv"):
            yield from _from_csv(path, columns)
        else:
            wanted = set(columns)
            for number, (told, share) in enumerate(_objects(path), start=1):
                yield Row(path, f"row {number:,}", {name: told[name] for name in wanted & told.keys()}), share


@contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    """Turn what a file's reader says into a sentence for people."""
    try:
        yield
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise Invalid(f"{path} cannot be read: {why}") from error


def _csv(path: Path, file: Any) -> Any:
    csv.field_size_limit(LONGEST_CELL)  # an answer of a text model is longer than the module allows
    if path.suffix == ".tsv":
        return csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(file, strict=True)


def _from_csv(path: Path, columns: Sequence[str]) -> Iterator[tuple[Row, float]]:
    size = path.stat().st_size or 1
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        reader = _csv(path, file)
        names: list[str] = next(reader, [])
        wanted = [(place, name) for place, name in enumerate(names) if name in set(columns)]
        for cells in reader:
            if not cells:
                continue
            place = f"line {reader.line_num:,}"
            if len(cells) != len(names):
                raise Invalid(f"{path.name}, {place}: {len(cells)} cells under {len(names)} columns")
            yield Row(path, place, {name: cells[at] for at, name in wanted}), raw.tell() / size


def _from_parquet(path: Path, columns: Sequence[str], at_once: int) -> Iterator[tuple[Row, float]]:
    with pq.ParquetFile(path) as file:
        total, number = file.metadata.num_rows or 1, 0
        for batch in file.iter_batches(at_once, columns=list(columns)):
            for cells in _to_microseconds(batch).to_pylist():
                number += 1
                yield Row(path, f"row {number:,}", cells), number / total


def _to_microseconds(batch: pa.RecordBatch) -> pa.Table:
    """Python's moments end at the microsecond."""
    table = pa.Table.from_batches([batch])
    for at, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            coarser = pa.timestamp("us", column.type.tz)
            table = table.set_column(at, column.name, table.column(at).cast(coarser, safe=False))
    return table


def _objects(path: Path) -> Iterator[tuple[dict[str, Any], float]]:
    """The objects of a JSON array, or of JSON lines, one by one, and which share has been read."""
    size, held, number = path.stat().st_size or 1, "", 0
    decode = codecs.getincrementaldecoder("utf-8-sig")().decode
    parse = json.JSONDecoder().raw_decode
    with path.open("rb") as raw:
        whole = False
        while not whole:
            piece = raw.read(max(_PIECE, len(held)))
            whole = not piece
            held += decode(piece, final=whole)
            if number == 0:
                held = held.lstrip().removeprefix("[")
            at = 0
            while (at := _next(held, at)) < len(held) and held[at] != "]":
                try:
                    told, end = parse(held, at)
                except RecursionError as error:
                    raise Invalid(f"{path.name}, row {number + 1:,} is nested too deeply") from error
                except ValueError as error:
                    if whole:
                        raise Invalid(f"{path.name}, row {number + 1:,} is no JSON: {error}") from None
                    break
                number += 1
                if not isinstance(told, dict):
                    raise Invalid(f"{path.name}, row {number:,} is no JSON object")
                yield told, raw.tell() / size
                at = end
            held = held[at:]


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
