"""What a folder of weights is: one SHA-256 over everything a pipeline reads from it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from models.errors import CardError

WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".ckpt"})
SETTINGS = frozenset({".json", ".txt", ".model", ".jinja"})

Stamp = tuple[tuple[str, int, int], ...]


def digest_folder(folder: Path, *, cache: Path | None = None) -> str:
    """SHA-256 over the weights and the configuration of a folder, as 64 hex digits.

    The names of the files relative to the folder and their bytes count; where the folder lies, its hidden
    files and its documentation do not. Configuration counts because a tokenizer or a noise schedule decides
    pixels as much as a weight does.

    Parameters
    ----------
    folder : Path
        A folder such as ``save_pretrained`` writes.
    cache : Path or None
        A JSON file that remembers digests by path, sizes and times of change, so that gigabytes are read
        once; made if it is not there.

    Raises
    ------
    CardError
        If there is no such folder, it holds no weights, or it cannot be read.
    """
    folder = folder.resolve()
    try:
        stamp = _stamp(folder)
        if not any(Path(name).suffix in WEIGHTS for name, _, _ in stamp):
            raise CardError(f"{folder} holds no weights ({', '.join(sorted(WEIGHTS))})")
        if cache is None:
            return _digest(folder, stamp)
        key = hashlib.sha256(json.dumps([str(folder), stamp]).encode()).hexdigest()
        known = _remembered(cache)
        if key not in known:
            known[key] = _digest(folder, stamp)
            _remember(cache, known)
        return known[key]
    except OSError as error:
        raise CardError(f"{folder} cannot be read: {error.strerror or error}") from error


def _stamp(folder: Path) -> Stamp:
    """Name, size and time of change (ns) of each file that counts, by name."""
    if not folder.is_dir():
        raise CardError(f"{folder} is no folder")
    found = []
    for file in folder.rglob("*"):
        name = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if file.suffix in WEIGHTS | SETTINGS and not hidden and file.is_file():
            status = file.stat()
            found.append((name.as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


@lru_cache(maxsize=64)
def _digest(folder: Path, stamp: Stamp) -> str:
    total = hashlib.sha256()
    for name, _, _ in stamp:
        with (folder / name).open("rb") as file:
            told = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{told}  {name}\n".encode())
    return total.hexdigest()


def _remembered(cache: Path) -> dict[str, str]:
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(cache: Path, known: dict[str, str]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=cache.parent, prefix=f".{cache.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(known, file, indent=0, sort_keys=True)
    Path(name).replace(cache)
