"""Files that rows are written to as they come, one or more a part of the export."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from arena.services.formats.contracts import Desk, Part, Parts
from arena.services.formats.finished import BEGUN

Row = Mapping[str, Any]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""How `datasets` keeps a picture in a table."""

GROUP_ROWS = 2_000
GROUP_BYTES = 16 * 2**20
"""A row group is written when it has so many rows, or bytes of pictures."""


def hugging_face(schema: pa.Schema) -> pa.Schema:
    """Say in a schema which columns `datasets` shall show as pictures; the others must be plain."""
    features = {
        column.name: {"_type": "Image"}
        if column.type == IMAGE
        else {"dtype": _dtype(column.type), "_type": "Value"}
        for column in schema
    }
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64", "float": "float32"}.get(str(kind), str(kind))


class Tables:
    """Parquet files of parts, as ``FOLDER/PART-00000.parquet``; memory holds one row group a part.

    A context that ends the last file of each part. Before a row is made, ask with `kept` whether an export
    that was stopped has it already.
    """

    def __init__(self, desk: Desk, folder: str, schema: pa.Schema) -> None:
        self._desk = desk
        self._folder = folder
        self._schema = schema
        self._parts: dict[str, _Shards] = {}

    def kept(self, part: str) -> bool:
        """Whether the next row of a part is in a finished file; it is then counted."""
        return self._shards(part).kept()

    def add(self, part: str, row: Row, size: int = 0) -> None:
        """Add a row to a part; ``size`` is what its pictures weigh, in bytes."""
        self._shards(part).add(row, size)

    def _shards(self, part: str) -> _Shards:
        if part not in self._parts:
            (self._desk.folder / self._folder).mkdir(parents=True, exist_ok=True)
            self._parts[part] = _Shards(self._desk, self._folder, part, self._schema)
        return self._parts[part]

    @property
    def parts(self) -> Parts:
        """What was written so far."""
        return {
            part: Part(f"{self._folder}/{part}-*.parquet", shards.rows)
            for part, shards in self._parts.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for shards in self._parts.values():
            if error is None:
                shards.end()
            else:
                shards.let_go()


class _Shards:
    """The files of one part."""

    def __init__(self, desk: Desk, folder: str, part: str, schema: pa.Schema) -> None:
        self._desk = desk
        self._stem = desk.folder / folder / part
        self._part = part
        self._schema = schema
        self._writer: Any = None
        self._group: list[Row] = []
        self._group_bytes = self._shard_bytes = self._shard_rows = 0
        self._group_limit = min(GROUP_BYTES, desk.shard_bytes)
        self._kept = sum(whole.rows for whole in desk.finished.of(part))
        self.rows = 0

    def kept(self) -> bool:
        if self.rows < self._kept:
            self.rows += 1
            return True
        return False

    def add(self, row: Row, size: int) -> None:
        self._group.append(row)
        self._group_bytes += size
        self.rows += 1
        if len(self._group) >= GROUP_ROWS or self._group_bytes >= self._group_limit:
            self._flush()

    @property
    def _begun(self) -> Path:
        """The file that is being written."""
        place = len(self._desk.finished.of(self._part))
        return self._stem.with_name(f"{self._part}-{place:05d}.parquet{BEGUN}")

    def _flush(self) -> None:
        if not self._group:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._begun, self._schema, compression="zstd")
        table = pa.Table.from_pylist(self._group, schema=self._schema)
        self._writer.write_table(table, row_group_size=len(self._group))
        self._shard_bytes += self._group_bytes
        self._shard_rows += len(self._group)
        self._group, self._group_bytes = [], 0
        if self._shard_bytes >= self._desk.shard_bytes:
            self._end_shard()

    def _end_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._desk.finished.add(self._part, self._begun, self._shard_rows)
        self._writer, self._shard_bytes, self._shard_rows = None, 0, 0

    def end(self) -> None:
        """Write what is left."""
        self._flush()
        self._end_shard()

    def let_go(self) -> None:
        """Close the file that is being written, whatever state it is in."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()


class _Texts(ABC):
    """A text file a part, opened when its first row comes; a context that closes them."""

    _end = ""
    """What comes after the last row."""

    def __init__(self, root: Path, name: Callable[[str], str]) -> None:
        self._root = root
        self._name = name
        self._open = ExitStack()
        self._files: dict[str, IO[str]] = {}
        self._rows: Counter[str] = Counter()

    @property
    def parts(self) -> Parts:
        """What was written so far."""
        return {part: Part(self._name(part), rows) for part, rows in self._rows.items()}

    def add(self, part: str, row: Row) -> None:
        """Add a row to a part."""
        file = self._files.get(part)
        if file is None:
            path = self._root / self._name(part)
            path.parent.mkdir(parents=True, exist_ok=True)
            file = self._files[part] = self._open.enter_context(path.open("w", encoding="utf-8", newline=""))
        self._put(file, row, first=not self._rows[part])
        self._rows[part] += 1

    @abstractmethod
    def _put(self, file: IO[str], row: Row, *, first: bool) -> None:
        """Write a row."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            for file in self._files.values():
                file.write(self._end)
        self._open.close()


class JsonArrays(_Texts):
    """A JSON array a part, a row a line."""

    _end = "\n]\n"

    def _put(self, file: IO[str], row: Row, *, first: bool) -> None:
        file.write("[\n" if first else ",\n")
        file.write(json.dumps(row, ensure_ascii=False))


class JsonLines(_Texts):
    """A JSON object a line."""

    def _put(self, file: IO[str], row: Row, *, first: bool) -> None:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


class CsvFiles(_Texts):
    """A CSV file a part, with a header."""

    def __init__(self, root: Path, name: Callable[[str], str], columns: Sequence[str]) -> None:
        super().__init__(root, name)
        self._columns = columns

    def _put(self, file: IO[str], row: Row, *, first: bool) -> None:
        writer = csv.writer(file, lineterminator="\n")
        if first:
            writer.writerow(self._columns)
        writer.writerow([row[name] for name in self._columns])
