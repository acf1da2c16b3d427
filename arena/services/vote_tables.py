"""Rows of votes as they are published, and their two forms: CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from arena.domain.columns import VOTES, Column
from arena.domain.pseudonyms import Pseudonyms
from arena.services.vote_columns import Columns, vote_columns

Row = dict[str, Any]

_TYPES = {"text": pa.string(), "whole": pa.int64(), "real": pa.float64()}
_READ: dict[str, Callable[[str], Any]] = {
    "text": str,
    "whole": int,
    "real": lambda text: float(text) if text else None,
}
_ONCE = ("prompt_digest", "left_image", "right_image", "private_digest", "leaf", "eligible", "propensity")


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
    """Writes chunks of rows as row groups; memory holds one of them at a time.

    A context: the footer is written at its end, and what cannot be written after an error is let go.
    """

    def __init__(self, sink: Any, columns: Sequence[Column]) -> None:
        self._schema = schema(columns)
        self._writer = pq.ParquetWriter(
            sink,
            self._schema,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=[column.name for column in columns if column.name not in _ONCE],
        )

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows as a row group."""
        self._write(pa.Table.from_pylist(rows, schema=self._schema))

    def write_columns(self, cells: Columns) -> None:
        """Write columns as a row group."""
        self._write(pa.Table.from_pydict({name: cells[name] for name in self._schema.names}, self._schema))

    def _write(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=table.num_rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._writer.close()
            return
        with suppress(OSError, ValueError):
            self._writer.close()
        self._writer.is_open = False


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
            writer.write_columns(columns)
            yield sink.taken()
    yield sink.taken()


class _Pieces(io.RawIOBase):
    """A file that is only written, and emptied as it goes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
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
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
