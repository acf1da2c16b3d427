"""The folder of an export in another format: it takes its name only when it is whole.

All is written into ``NAME.part`` beside it, which becomes the folder by one rename. What stops an export
leaves no folder of that name, or the one from before.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arena.errors import Conflict, Unavailable
from arena.services.release_folder import sha256_of

REPORT = "export.json"
SUMS = "SHA256SUMS"
MADE_BY = "vernissage-format/1"


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """Give a new folder to write into, which becomes `folder` if all goes well, and is removed if not.

    Raises
    ------
    Conflict
        If `folder` holds anything but an export of this kind; nothing is touched then.
    Unavailable
        If the disk is full or cannot be written.
    """
    folder = folder.resolve()
    part = folder.with_name(f"{folder.name}.part")
    try:
        for taken in (folder, part):
            if taken.exists() and not _may_go(taken):
                raise Conflict(f"{taken} is not empty and holds no export; name a new folder")
        if part.exists():
            shutil.rmtree(part)
        part.mkdir(parents=True)
        (part / REPORT).write_text(json.dumps({"made_by": MADE_BY}), encoding="utf-8")
        try:
            yield part
            _rename(part, folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    except OSError as error:
        why = error.strerror or str(error)
        raise Unavailable(
            f"the export cannot be written to {folder}: {why}; nothing is left of it, run it again"
        ) from error


def _may_go(folder: Path) -> bool:
    """Whether a folder is empty, or an export that may be made anew."""
    if not any(folder.iterdir()):
        return True
    try:
        return bool(json.loads((folder / REPORT).read_bytes())["made_by"] == MADE_BY)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _rename(part: Path, folder: Path) -> None:
    os.sync()  # once for all the files: the name must not outlive what it speaks of
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def sign(folder: Path, told: Mapping[str, Any]) -> tuple[int, int]:
    """Write the report, and the checksums of all files as ``sha256sum -c`` reads them.

    Returns
    -------
    tuple of int
        How many files there are, and their bytes.
    """
    text = json.dumps({"made_by": MADE_BY, **told}, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / REPORT).write_text(text + "\n", encoding="utf-8")
    count = total = 0
    with (folder / SUMS).open("w", encoding="utf-8") as sums:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name != SUMS:
                sums.write(f"{sha256_of(file)}  {file.relative_to(folder).as_posix()}\n")
                count, total = count + 1, total + file.stat().st_size
    return count + 1, total + (folder / SUMS).stat().st_size
