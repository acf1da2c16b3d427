"""Pictures by content: the name of a file is the SHA-256 of its bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from arena.errors import CorruptImage, Unavailable, UnknownPicture

DIGEST = re.compile(r"[0-9a-f]{64}")
UNFINISHED = ".new-"
"""How the name of a file begins that is still being written."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(frozen=True, slots=True)
class ImageStore:
    """A folder of PNG files named by their digest; what is written once is never changed."""

    folder: Path

    def path(self, digest: str) -> Path:
        """Where the bytes of that digest lie, or would lie."""
        return self.folder / digest[:2] / f"{digest[2:]}.png"

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their digest; they are on disk when this returns.

        Raises
        ------
        Unavailable
            If the folder cannot be written or the disk is full; nothing half-written is left.
        """
        digest = hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
            return digest
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(target, data)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Unavailable(f"the picture cannot be kept in {self.folder}: {error.strerror}") from error
            raise
        return digest

    def get(self, digest: str) -> bytes:
        """Read the bytes of a digest, checked against it.

        Raises
        ------
        UnknownPicture
            If there is no such file.
        CorruptImage
            If the file's bytes are others.
        """
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise UnknownPicture(f"picture {digest[:12]} is not in {self.folder}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise CorruptImage(digest)
        return data

    def digests(self) -> Iterator[str]:
        """The digest of every picture that is kept, in order."""
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(folder.glob("*.png")):
                if DIGEST.fullmatch(folder.name + file.stem):
                    yield folder.name + file.stem

    def probe(self) -> None:
        """See that a picture could be kept now.

        Raises
        ------
        Unavailable
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=UNFINISHED) as file:
                file.write(b"\0" * 4096)
        except OSError as error:
            raise Unavailable(f"no picture can be kept in {self.folder}: {error.strerror}") from error


def _write_whole(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=UNFINISHED)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a file that was renamed is not there for good before."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
