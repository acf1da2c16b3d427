"""Rows of votes as they are published, and their two forms: CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from arena.domain.columns import VOTES, Column
from arena.domain.pseudonyms import Pseudonyms
from arena.services.vote_columns import Coded, Columns, vote_columns

Row = dict[str, Any]

_TYPES = {"text": pa.string(), "whole": pa.int64(), "real": pa.float64()}
_READ: dict[str, Callable[[str], Any]] = {
    "text": str,
    "whole": int,
    "real": lambda text: float(text) if text else None,
}
_ONCE = ("vote", "battle", "private_digest", "leaf", "eligible", "propensity", "image", "file")
"""Columns whose cells hardly repeat."""


def vote_rows(
    session: Session,
    *,
    pseudonyms: Pseudonyms | None,
    campaign_id: int | None = None,
    blind: datetime | None = None,
    battles: Sequence[int] | None = None,
    after: int = 0,
    chunk: int | None = None,
) -> Iterator[list[Row]]:
    """Every sealed vote in the order of ids, in chunks that fit into memory.

    The options are those of `vote_columns`.
    """
    for columns in vote_columns(
        session,
        pseudonyms=pseudonyms,
        campaign_id=campaign_id,
        blind=blind,
        battles=battles,
        after=after,
        chunk=chunk,
    ):
        yield rows_of(columns)


def rows_of(columns: Columns) -> list[Row]:
    """Columns as rows."""
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def header(columns: Sequence[Column]) -> bytes:
    """First line of a CSV file."""
    return (",".join(column.name for column in columns) + "\n").encode()


def csv_lines(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Rows as lines of CSV: UTF-8, floats in their shortest exact form, nothing where a value is missing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    lines = []
    for row in rows:
        writer.writerow([row[column.name] for column in columns])
        lines.append(out.getvalue().encode("utf-8", "surrogateescape"))
        out.seek(0)
        out.truncate()
    return lines


def csv_block(columns: Sequence[Column], cells: Columns) -> bytes:
    """Columns as lines of CSV: the same bytes as `csv_lines` of their rows."""
    out = io.StringIO()
    in_order = [cells[column.name] for column in columns]
    csv.writer(out, lineterminator="\n").writerows(zip(*in_order, strict=True))
    return out.getvalue().encode("utf-8", "surrogateescape")


def parse_cells(columns: Sequence[Column], cells: Mapping[str, str]) -> Row:
    """Values of a row of CSV.

    Raises
    ------
    ValueError
        If a number cannot be read.
    """
    return {column.name: _READ[column.kind](cells[column.name]) for column in columns}


def schema(columns: Sequence[Column]) -> pa.Schema:
    """Schema of a Parquet file of these columns."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in columns])


class ParquetRows:
    """Writes chunks of rows as row groups, each while the next is read; memory holds two at most.

    Text goes in as dictionaries, which `Coded` columns already are, and is read as text.

    A context: the footer is written at its end, and what cannot be written after an error is let go. What the
    disk says of a row group is raised with the next one, or at the end.
    """

    def __init__(self, sink: Any, columns: Sequence[Column]) -> None:
        self._schema = pa.schema(
            [
                (field.name, pa.dictionary(pa.int32(), field.type) if _repeats(field) else field.type)
                for field in schema(columns)
            ]
        )
        self._writer = pq.ParquetWriter(
            sink,
            self._schema,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=[name for name in self._schema.names if name not in _ONCE],
            store_schema=False,
        )
        self._hand = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows as a row group."""
        self._write(pa.Table.from_pylist(rows, schema=self._schema))

    def write_columns(self, cells: Columns) -> None:
        """Write columns as a row group."""
        self._write(self._table(cells))

    def take_columns(self, cells: Columns) -> None:
        """Write columns as a row group, and empty them first: memory holds them once."""
        table = self._table(cells)
        cells.clear()
        self._write(table)

    def _table(self, cells: Columns) -> pa.Table:
        arrays = [_array(cells[field.name], field.type) for field in self._schema]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _write(self, table: pa.Table) -> None:
        self._settle()
        self._writing = self._hand.submit(self._writer.write_table, table, row_group_size=table.num_rows)

    def _settle(self) -> None:
        """Wait until the row group before is written."""
        if self._writing is not None:
            self._writing.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._hand, suppress(*(() if error is None else (OSError, ValueError))):
                self._settle()
                self._writer.close()
        finally:
            self._writer.is_open = False


def _repeats(field: pa.Field) -> bool:
    return field.type == pa.string() and field.name not in _ONCE


def _array(cells: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if isinstance(cells, Coded):
        return pa.DictionaryArray.from_arrays(pa.array(cells.codes, pa.int32()), pa.array(cells.words))
    return pa.array(cells, kind)


def csv_chunks(chunks: Iterator[Columns]) -> Iterator[bytes]:
    """The CSV file of chunks of votes, piece by piece."""
    yield header(VOTES)
    for columns in chunks:
        yield csv_block(VOTES, columns)


def parquet_chunks(chunks: Iterator[Columns]) -> Iterator[bytes]:
    """The Parquet file of chunks of votes, piece by piece."""
    sink = _Pieces()
    with ParquetRows(pa.PythonFile(sink, mode="w"), VOTES) as writer:
        for columns in chunks:
            writer.take_columns(columns)
            yield sink.taken()
    yield sink.taken()


class _Pieces(io.RawIOBase):
    """A file that one thread writes, and another empties as it goes."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last time."""
        return b"".join(self._pieces.popleft() for _ in range(len(self._pieces)))
