"""Converted networks on disk, so that each is converted once on a machine.

An entry is a folder named by its key: ``model.xml``, ``model.bin`` and ``about.json``, which holds their
digests. It appears under its name only when it is whole, so that processes may share the store. The folder
may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

log = logging.getLogger(__name__)

FILES = ("model.xml", "model.bin")
ABOUT = "about.json"
MOST_BYTES = 24 * 2**30


def usual_folder() -> Path:
    """Where converted networks lie unless told otherwise: below ``XDG_CACHE_HOME``, or ``~/.cache``."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "vernissage" / "openvino"


def key_of(told: Mapping[str, Any]) -> str:
    """Name of the entry of a network: everything that decides what its files hold."""
    text = json.dumps(dict(told), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


class ProcessEnded(Exception):
    """Making an entry ended a process before."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A converted network on disk, and what was noted with it."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def model(self) -> Path:
        """The file that OpenVINO reads."""
        return self.folder / FILES[0]


class Store:
    """Entries below one folder.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    most_bytes : int
        What all entries may take; those used longest ago make room.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self.most_bytes = most_bytes

    def find(self, key: str) -> Entry | None:
        """An entry whose files are as they were written; None if there is none, or it is broken."""
        folder = self.folder / key
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            if about["files"] != _digests(folder):
                raise ValueError("its files have changed")
            os.utime(folder)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is broken (%s) and will be made anew", folder, error)
            return None
        return Entry(folder, about)

    def add(self, key: str, write: Callable[[Path], None], about: Mapping[str, Any]) -> Entry:
        """Write an entry, in the place of a broken one; what another process wrote meanwhile is as good.

        Parameters
        ----------
        key : str
        write : callable
            Given a path, writes ``model.xml`` there and ``model.bin`` beside it.
        about : mapping
            To note with it, as JSON can hold it.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{key}-{uuid.uuid4().hex}"
        draft.mkdir()
        try:
            write(draft / FILES[0])
            noted = {**about, "files": _digests(draft)}
            (draft / ABOUT).write_text(json.dumps(noted, indent=1), encoding="utf-8")
            if (there := self.find(key)) is not None:
                return there
            self._remove(self.folder / key)
            try:
                draft.rename(self.folder / key)
            except OSError:
                if (there := self.find(key)) is not None:
                    return there
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self._make_room(key)
        return Entry(self.folder / key, noted)

    @contextmanager
    def tried(self, key: str) -> Iterator[None]:
        """Note that an entry is being made, so that one that ends its process is not tried again.

        Raises
        ------
        ProcessEnded
            If a process that is no more left such a note.
        """
        note = self.folder / f".{key}.pid"
        with suppress(OSError, ValueError):
            if not psutil.pid_exists(int(note.read_text(encoding="ascii"))):
                raise ProcessEnded(f"a process ended while it was converted; remove {note} to try again")
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            note.write_text(str(os.getpid()), encoding="ascii")
        try:
            yield
        finally:
            with suppress(OSError):
                note.unlink()

    def _remove(self, folder: Path) -> None:
        """Remove an entry at once for other processes; those that have its files open keep them."""
        aside = self.folder / f".{folder.name}-{uuid.uuid4().hex}"
        try:
            folder.rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside, ignore_errors=True)

    def _make_room(self, but: str) -> None:
        entries = [one for one in self.folder.iterdir() if not one.name.startswith(".")]
        used = {one: sum(file.stat().st_size for file in one.iterdir()) for one in entries}
        for one in sorted(entries, key=lambda folder: folder.stat().st_mtime):
            if sum(used.values()) <= self.most_bytes:
                return
            if one.name != but:
                self._remove(one)
                del used[one]


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for name in FILES:
        with (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
