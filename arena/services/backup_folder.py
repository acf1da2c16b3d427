"""A backup as it lies in a folder: a manifest that names everything else, and things named by their SHA-256.

::

    manifest.json           what was saved, when, and the checksum of each part; and its own
    database-STAMP.sqlite   or .dump of PostgreSQL
    pictures-STAMP.txt      the digest of every picture
    pictures/ab/cdef....png
    files/0123....          other files of the data folder, by digest

What is named by its digest is never written twice, and the manifest is put in place last: a backup that was
cut off leaves the one before it whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, Invalid
from arena.storage import ImageStore, sync_folder

MANIFEST = "manifest.json"
PICTURES = "pictures"
FILES = "files"
MOST_TOLD = 10
Step = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and how much there is."""


class DamagedBackup(ArenaError):
    """A backup is not what its manifest says; ``problems`` names each part that is wrong."""

    code = "damaged_backup"

    def __init__(self, problems: list[str]) -> None:
        more = f", and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
        super().__init__(f"the backup is damaged: {'; '.join(problems[:MOST_TOLD])}{more}; use another one")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a backup, and what it must be; ``mode`` are the permissions that it had."""

    file: str
    bytes: int
    sha256: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    ``revision`` is that of the schema, ``head`` the newest seal. ``files`` are parts by their path in the
    data folder; ``left_out`` the secrets among them that were not asked for. ``pictures`` lists digests, and
    is none if they were not asked for; ``lost`` are those that could not be read when it was made.
    """

    made_at: str
    version: str
    revision: str
    database: Part
    pictures: Part | None
    lost: tuple[str, ...]
    files: Mapping[str, Part]
    left_out: tuple[str, ...]
    settings: Mapping[str, Any]
    votes: int
    seals: int
    head: str | None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in place, whole and durable."""
    told = asdict(manifest)
    part = folder / f".{MANIFEST}"
    with part.open("w", encoding="utf-8") as file:
        json.dump({"sha256": _sum(told), "backup": told}, file, indent=2, ensure_ascii=False, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST)
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises
    ------
    Invalid
        If the folder holds no backup.
    DamagedBackup
        If the manifest is not what its checksum says.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Invalid(f"{folder} holds no backup; `arena backup {folder}` makes one") from error
    try:
        read = json.loads(data)
        told = read["backup"]
        whole = _sum(told) == read["sha256"]
    except (ValueError, LookupError, TypeError):
        whole = False
    if not whole:
        raise DamagedBackup([f"{MANIFEST} does not match its checksum"])
    pictures = told["pictures"]
    return Manifest(
        **{
            **told,
            "database": Part(**told["database"]),
            "pictures": Part(**pictures) if pictures else None,
            "files": {path: Part(**part) for path, part in told["files"].items()},
            "lost": tuple(told["lost"]),
            "left_out": tuple(told["left_out"]),
        }
    )


def _sum(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def verify(folder: Path, step: Step) -> Manifest:
    """Read all of a backup and compare it with its checksums.

    Raises
    ------
    Invalid
        If there is no backup.
    DamagedBackup
        With every part that is missing or changed.
    """
    manifest = read_manifest(folder)
    parts = [manifest.database, *manifest.files.values()]
    parts += [manifest.pictures] if manifest.pictures else []
    problems: list[str] = []
    for number, part in enumerate(parts, start=1):
        problems += _wrong(folder, part)
        step("files", number, len(parts))
    if manifest.pictures and not problems:
        store, digests = ImageStore(folder / PICTURES), listed(folder, manifest)
        for number, digest in enumerate(digests, start=1):
            if digest not in manifest.lost:
                problems += _wrong_picture(store, digest)
            step("pictures", number, len(digests))
    if problems:
        raise DamagedBackup(problems)
    return manifest


def listed(folder: Path, manifest: Manifest) -> list[str]:
    """Digests of the pictures of a backup; none if it holds no pictures."""
    return (folder / manifest.pictures.file).read_text().split() if manifest.pictures else []


def _wrong(folder: Path, part: Part) -> Iterator[str]:
    file = folder / part.file
    if not file.is_file():
        yield f"{part.file} is missing"
    elif file.stat().st_size != part.bytes:
        yield f"{part.file} has {file.stat().st_size} bytes, not {part.bytes}"
    elif sha256_of(file) != part.sha256:
        yield f"{part.file} does not match its checksum"


def _wrong_picture(store: ImageStore, digest: str) -> Iterator[str]:
    name = store.path(digest).relative_to(store.folder.parent)
    if not store.path(digest).is_file():
        yield f"{name} is missing"
    elif sha256_of(store.path(digest)) != digest:
        yield f"{name} does not match its checksum"


def part_of(folder: Path, file: Path) -> Part:
    """A file of a backup as its manifest names it."""
    return Part(str(file.relative_to(folder)), file.stat().st_size, sha256_of(file))


def sha256_of(file: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def lay_by_digest(source: Path, folder: Path) -> Part:
    """Copy a file into a backup under its digest, unless it lies there whole."""
    target_folder = folder / FILES
    target_folder.mkdir(exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target_folder, prefix=".new-")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out, source.open("rb") as data:
            shutil.copyfileobj(data, out, 1024 * 1024)
            out.flush()
            os.fsync(out.fileno())
        digest = sha256_of(part)
        part.replace(target_folder / digest)
        sync_folder(target_folder)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return replace(part_of(folder, target_folder / digest), mode=source.stat().st_mode & 0o777)


def pack(folder: Path, file: Path) -> None:
    """Write a backup as one tar file."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as out:
            with tarfile.open(fileobj=out, mode="w") as tar:
                tar.add(folder, arcname=".")
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(file.parent)


@contextmanager
def unpacked(source: Path, beside: Path) -> Iterator[Path]:
    """The folder of a backup; a tar file is unpacked beside the given folder while the block runs.

    Raises
    ------
    Invalid
        If the file is no tar file.
    """
    if source.is_dir() or not source.exists():
        yield source
        return
    with tempfile.TemporaryDirectory(dir=beside, prefix=".restore-") as folder:
        try:
            with tarfile.open(source) as tar:
                tar.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError) as error:
            raise Invalid(f"{source} is neither the folder nor the tar file of a backup: {error}") from error
        yield Path(folder)
