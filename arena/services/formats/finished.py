"""What is finished of an export that was stopped, so that the same command goes on from there.

Beside the files lies `PROGRESS`: first what is being exported, then a line for each file that is whole, with
its checksum. A file is written under another name and renamed when it is whole, so that whatever stops an
export leaves no half a file under a name that counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from arena.services.release_folder import sha256_of

PROGRESS: Final = "progress.jsonl"
BEGUN: Final = ".part"
"""Ending of a file that is being written."""

ANEW: Final = "the export that was stopped here was of other votes or options; it was begun anew"
_DIGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Whole:
    """A finished file: which part of the export it belongs to, and how many of its rows it holds."""

    file: str
    part: str
    rows: int
    sha256: str


@dataclass(slots=True)
class Finished:
    """The finished files of an export in `folder`.

    ``key`` numbers the raters; an export that goes on has that of the one which was stopped. ``note`` says
    in one sentence what became of that one, if there was one.
    """

    folder: Path
    key: bytes
    files: dict[str, list[Whole]] = field(default_factory=dict)
    note: str | None = None

    def of(self, part: str) -> tuple[Whole, ...]:
        """The finished files of a part, in their order."""
        return tuple(self.files.get(part, ()))

    def add(self, part: str, begun: Path, rows: int) -> None:
        """Give a file its name, now that it is whole, and write down that it is."""
        file = begun.with_name(begun.name.removesuffix(BEGUN))
        digest = sha256_of(begun)
        begun.replace(file)
        whole = Whole(file.relative_to(self.folder).as_posix(), part, rows, digest)
        self.files.setdefault(part, []).append(whole)
        _append(self.folder, asdict(whole))

    def sums(self) -> dict[str, str]:
        """Checksums of the finished files."""
        return {whole.file: whole.sha256 for found in self.files.values() for whole in found}


def begin(folder: Path, plan: str, key: bytes) -> Finished:
    """See what is finished of the same export in a folder, and clear away all else.

    Parameters
    ----------
    folder : Path
        As an export that was stopped left it, or new.
    plan : str
        Digest of all that the files are made of.
    key : bytes
        Numbers the raters, unless an export is gone on with.
    """
    before, files = _read(folder)
    if before is None or before.get("plan") != plan:
        _clear(folder, keep=set())
        found = Finished(folder, key, note=ANEW if before else None)
    else:
        found = Finished(folder, bytes.fromhex(before["key"]), files)
        kept = {whole.file for each in files.values() for whole in each}
        kept |= {picture.relative_to(folder).as_posix() for picture in _pictures(folder)}
        _clear(folder, keep=kept)
        found.note = f"went on with an export that was stopped: {len(kept):,} of its files were whole"
    (folder / PROGRESS).unlink(missing_ok=True)
    _append(folder, {"plan": plan, "key": found.key.hex()})
    for each in found.files.values():
        for whole in each:
            _append(folder, asdict(whole))
    return found


def lay_down(folder: Path, name: str, data: bytes) -> None:
    """Write a small file so that it is whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    begun = folder / f"{name}{BEGUN}"
    begun.write_bytes(data)
    begun.replace(folder / name)


def plan_of(told: Mapping[str, Any], columns: Mapping[str, Any]) -> str:
    """Digest of what an export is made of.

    Parameters
    ----------
    told : mapping
        Anything with a telling ``repr``; of mappings each item.
    columns : mapping of str to ndarray
        Columns of numbers.
    """
    digest = hashlib.sha256()
    for name, value in sorted(told.items()):
        digest.update(name.encode())
        for item in sorted(value.items()) if isinstance(value, Mapping) else (value,):
            digest.update(repr(item).encode("utf-8", "surrogateescape"))
    for name, column in sorted(columns.items()):
        digest.update(f"{name} {column.dtype}".encode())
        digest.update(column.tobytes())
    return digest.hexdigest()


def _append(folder: Path, told: Mapping[str, Any]) -> None:
    with (folder / PROGRESS).open("a", encoding="utf-8") as out:
        out.write(json.dumps(told) + "\n")
        out.flush()
        os.fsync(out.fileno())


def _read(folder: Path) -> tuple[dict[str, Any] | None, dict[str, list[Whole]]]:
    """What was being exported, and its files up to the first of each part that is not whole."""
    files: dict[str, list[Whole]] = {}
    try:
        first, *lines = (folder / PROGRESS).read_text(encoding="utf-8").splitlines()
        before: dict[str, Any] = json.loads(first)
    except (OSError, ValueError):
        return None, files
    broken = set()
    for line in lines:
        try:
            whole = Whole(**json.loads(line))
            if whole.part not in broken and sha256_of(folder / whole.file) == whole.sha256:
                files.setdefault(whole.part, []).append(whole)
                continue
            broken.add(whole.part)
        except (OSError, ValueError, TypeError):
            break
    return before, files


def _pictures(folder: Path) -> Iterator[Path]:
    """Pictures that are what their name says; of others nobody knows whether they are whole."""
    for file in folder.rglob("*.png"):
        if len(file.stem) == _DIGEST and sha256_of(file) == file.stem:
            yield file


def _clear(folder: Path, *, keep: set[str]) -> None:
    if not keep:
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name not in (PROGRESS, "export.json"):
                entry.unlink()
        return
    for file in [found for found in folder.rglob("*") if found.is_file()]:
        name = file.relative_to(folder).as_posix()
        if name not in (*keep, PROGRESS, "export.json"):
            file.unlink()
