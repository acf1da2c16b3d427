"""The folder of an export: claimed before anything is written, and whole only once its manifest stands.

While an export is being written the folder holds ``manifest.json.part``; it becomes ``manifest.json`` by one
rename at the end. A killed export therefore has no manifest, and may be run again into the same folder: it
goes on under its id.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arena.domain.columns import FILES
from arena.errors import Conflict, Unavailable

FORMAT = "vernissage/1"
MANIFEST = "manifest.json"
PART = "manifest.json.part"
PERSONAL = "personal.json"
SUMS = "SHA256SUMS"
SAYS = ("campaign", "digest", "export", "exported_on", "files", "format", "head", "release", "seals", "votes")
"""What every manifest says; of an export that is no release, ``release`` is null."""

RELEASED = ("croissant.json", PERSONAL)
"""What the manifest of a release names beside the files of every export; `SUMS` is made from the manifest."""

_PICTURE = re.compile(r"[0-9a-f]{64}\.png")
_BLOCK = 1 << 18


@contextmanager
def told_of_disk(folder: Path) -> Iterator[None]:
    """Turn what the disk says into a sentence for people.

    Raises
    ------
    Unavailable
        If the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise Unavailable(
            f"the export cannot be written to {folder}: {why}; it has no manifest, run it again"
        ) from error


def claim(folder: Path, export: str, campaign: str | None) -> str:
    """Make the folder ready: new, empty, or an earlier export whose files make room.

    Returns the id of the export: the one given, or that of an export of the same campaign which was stopped
    here, so that it ends as it would have ended.

    Raises
    ------
    Conflict
        If it holds anything else; nothing is touched then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {entry.name for entry in folder.iterdir()}
    if names and not _is_export(folder):
        raise Conflict(f"{folder} is not empty and holds no export; name a new folder")
    stopped = _told(folder / PART)
    if stopped.get("campaign") == campaign and isinstance(stopped.get("export"), str):
        export = stopped["export"]
    told = {"format": FORMAT, "export": export, "campaign": campaign}
    (folder / PART).write_text(json.dumps(told), encoding="utf-8")
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in FILES:
        if not name.endswith("/"):
            (folder / name).unlink(missing_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    return export


def _is_export(folder: Path) -> bool:
    return any(
        str(_told(folder / name).get("format", "")).startswith("vernissage/") for name in (MANIFEST, PART)
    )


def _told(file: Path) -> dict[str, Any]:
    """What a manifest says, finished or not; nothing if it cannot be read."""
    try:
        told = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def drop_old_pictures(folder: Path, kept: set[str]) -> None:
    """Remove pictures of an earlier export that are not in this one."""
    for file in (folder / "images").iterdir():
        if _PICTURE.fullmatch(file.name) and file.name not in kept:
            file.unlink()


def finish(folder: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """Hash every file, and let the manifest stand; only now is it an export.

    Parameters
    ----------
    told : mapping
        What else the manifest says.
    """
    os.sync()  # once for all the pictures: the manifest must not outlive what it speaks of
    manifest = {**told, "format": FORMAT, "files": hashed(folder)}
    manifest["digest"] = manifest_digest(manifest)
    with (folder / PART).open("wb") as out:
        out.write(manifest_bytes(manifest))
        out.flush()
        os.fsync(out.fileno())
    (folder / PART).replace(folder / MANIFEST)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return manifest


def hashed(folder: Path) -> dict[str, dict[str, Any]]:
    """SHA-256 and length of every file that an export writes, by name."""
    return {
        name: {"sha256": sha256_of(folder / name), "bytes": (folder / name).stat().st_size}
        for name in sorted(own_files(folder))
    }


def sums(folder: Path, manifest: Mapping[str, Any]) -> bytes:
    """``SHA256SUMS`` of a release: every file that its manifest names, and the manifest itself."""
    digests = {name: file["sha256"] for name, file in manifest["files"].items()}
    digests[MANIFEST] = sha256_of(folder / MANIFEST)
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def own_files(folder: Path) -> Iterator[str]:
    """Names of the files that an export writes, as far as they are there; the manifest is not among them."""
    for name in (*FILES, *RELEASED):
        if name != MANIFEST and (folder / name).is_file():
            yield name
    for file in (folder / "images").iterdir():
        if _PICTURE.fullmatch(file.name):
            yield f"images/{file.name}"


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """The one way in which a manifest is written."""
    return (json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of all that a manifest says but this digest."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(manifest_bytes(rest)).hexdigest()


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, read block by block."""
    told = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            told.update(block)
    return told.hexdigest()
