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

from arena.domain.blinding import PICTURES_LAST
from arena.domain.columns import VOTES, Column
from arena.domain.pseudonyms import Pseudonyms
from arena.queries.votes import CHUNK, private_of, public_part, reasons_of, sealed_votes

Row = dict[str, Any]
HIDDEN_WHILE_DEALT = ("left_image", "right_image", "private_digest")
"""With these a voter could tell who painted a picture that is still being judged."""

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
    pseudonyms: Pseudonyms,
    campaign_id: int | None = None,
    blind: datetime | None = None,
    battles: Sequence[int] | None = None,
    after: int = 0,
    chunk: int = CHUNK,
) -> Iterator[list[Row]]:
    """Every sealed vote in the order of ids, in chunks that fit into memory.

    Parameters
    ----------
    session : Session
        Reads only.
    pseudonyms : Pseudonyms
        Names for the raters.
    campaign_id : int, optional
        One campaign alone.
    blind : datetime, optional
        The present, for whoever may know no more than the raters: `HIDDEN_WHILE_DEALT` is empty in votes of
        campaigns that are not closed, and votes whose voter may still be asked for reasons are left out.
    battles : sequence of int, optional
        Votes of these battles alone.
    after : int
        Only votes of higher ids.
    chunk : int
        Most votes at a time.
    """
    told_before = None if blind is None else blind - PICTURES_LAST
    for found in sealed_votes(
        session, campaign_id=campaign_id, told_before=told_before, battles=battles, after=after, chunk=chunk
    ):
        reasons = reasons_of(session, first=found[0].id, last=found[-1].id)
        rows = []
        for vote in found:
            told, told_late = reasons.get(vote.battle_id, ((), ()))
            row = {
                **public_part(vote),
                "prompt": vote.text,
                "categories": " ".join(vote.categories),
                "source": vote.source.value,
                "left_entrant": vote.left_slug,
                "right_entrant": vote.right_slug,
                "reasons": " ".join(told),
                "reasons_unblinded": " ".join(told_late),
                "elapsed_s": None if vote.elapsed_ms is None else round(vote.elapsed_ms / 1000, 1),
                "rater": pseudonyms.of(vote.voter),
                "private_digest": private_of(vote),
                "leaf": vote.leaf,
                "seal": vote.seal_id,
            }
            if blind and (vote.closed_at is None or vote.closed_at > blind):
                row.update(dict.fromkeys(HIDDEN_WHILE_DEALT, ""))
            rows.append(row)
        yield rows


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
        """Write a row group."""
        table = pa.Table.from_pylist(rows, schema=self._schema)
        self._writer.write_table(table, row_group_size=len(rows))

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


def csv_chunks(chunks: Iterator[list[Row]]) -> Iterator[bytes]:
    """The CSV file of chunks of votes, piece by piece."""
    yield header(VOTES)
    for rows in chunks:
        yield b"".join(csv_lines(VOTES, rows))


def parquet_chunks(chunks: Iterator[list[Row]]) -> Iterator[bytes]:
    """The Parquet file of chunks of votes, piece by piece."""
    sink = _Pieces()
    with ParquetRows(pa.PythonFile(sink, mode="w"), VOTES) as writer:
        for rows in chunks:
            writer.write(rows)
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
