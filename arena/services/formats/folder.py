"""The folder of an export in another format: it takes its name only when it is whole.

All is written into ``NAME.part`` beside it, which becomes the folder by one rename. What stops an export
leaves no folder of that name, or the one from before; and ``NAME.part``, from which the next one goes on.
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
from arena.services.formats.finished import PROGRESS
from arena.services.release_folder import sha256_of

REPORT = "export.json"
SUMS = "SHA256SUMS"
MADE_BY = "vernissage-format/1"


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """Give a folder to write into, which becomes `folder` if all goes well.

    It is new, or what an export that was stopped has left; see `arena.services.formats.finished`. It stays
    if this one is stopped by a key, by the disk or by being killed; if it is refused, nothing new stays.

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
        gone_on = part.exists()
        part.mkdir(parents=True, exist_ok=True)
        (part / REPORT).write_text(json.dumps({"made_by": MADE_BY}), encoding="utf-8")
        try:
            yield part
            (part / PROGRESS).unlink(missing_ok=True)
            _rename(part, folder)
        except (OSError, KeyboardInterrupt):
            raise
        except BaseException:
            if not gone_on:
                shutil.rmtree(part, ignore_errors=True)
            raise
    except OSError as error:
        why = error.strerror or str(error)
        raise Unavailable(
            f"the export cannot be written to {folder}: {why}; run it again, and it goes on where it stopped"
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


def sign(folder: Path, told: Mapping[str, Any], known: Mapping[str, str]) -> tuple[int, int]:
    """Write the report, and the checksums of all files as ``sha256sum -c`` reads them.

    Parameters
    ----------
    known : mapping of str to str
        Checksums that need not be computed anew, by file.

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
            if file.is_file() and file.name not in (SUMS, PROGRESS):
                name = file.relative_to(folder).as_posix()
                sums.write(f"{known.get(name) or sha256_of(file)}  {name}\n")
                count, total = count + 1, total + file.stat().st_size
    return count + 1, total + (folder / SUMS).stat().st_size
