"""Pictures by content: the name of a file is the SHA-256 of its bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from arena.errors import CorruptImage, Unavailable, UnknownPicture


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
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}:
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


def _write_whole(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
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
