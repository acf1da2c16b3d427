"""Making a backup of a running arena: database first, then the pictures, which it can only have more of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from arena import __version__
from arena.config import Settings
from arena.db import Database, revision
from arena.errors import ArenaError, Invalid, Unavailable
from arena.services.backup_folder import (
    MANIFEST,
    PICTURES,
    Manifest,
    Part,
    Step,
    lay_by_digest,
    part_of,
    write_manifest,
)
from arena.services.database_copies import SUFFIXES, copy_out, snapshot
from arena.storage import ImageStore
from arena.tables import BlindCopy, Image, Seal, Vote

BACKUPS = "backups"
LEFT_BEHIND = ("assets", BACKUPS, "digests.json", "fingerprints.txt", "signed")
"""What a data folder can have again: lighting, earlier backups, sums of weights, looks, signed copies."""

SECRET_SUFFIXES = (".key", ".pem")


def back_up(
    settings: Settings,
    database: Database,
    images: ImageStore,
    *,
    folder: Path,
    now: datetime,
    step: Step,
    with_pictures: bool = True,
    with_secrets: bool = False,
) -> Manifest:
    """Save an arena while it runs; what lies in the folder from before and is the same stays.

    Parameters
    ----------
    folder : Path
        A new or empty folder, or that of an earlier backup.
    with_pictures : bool
        Also the pictures.
    with_secrets : bool
        Also the files of the data folder that only their owner may read.

    Raises
    ------
    Invalid
        If the folder holds something else.
    SettingsError, Unavailable
        If the database cannot be copied now; the backup of before is whole then.
    """
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise Invalid(f"{folder} holds something that is no backup; name a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    stamp = now.strftime("%Y%m%dT%H%M%S%fZ")
    suffix = SUFFIXES[make_url(settings.database).get_backend_name()]
    copy = folder / f"database-{stamp}.{suffix}"
    with snapshot(database) as session:
        referred = referred_pictures(session) if with_pictures else set()
        counts = _counts(session)
        copy_out(session, settings.database, copy, step)
    pictures: Part | None = None
    lost: tuple[str, ...] = ()
    if with_pictures:
        wanted = referred.union(images.digests())
        kept, lost = _copy_pictures(images, ImageStore(folder / PICTURES), wanted, step)
        pictures = _write_list(folder, f"pictures-{stamp}.txt", kept)
    files, left_out = _copy_files(settings, folder, with_secrets=with_secrets)
    manifest = Manifest(
        made_at=now.isoformat(),
        version=__version__,
        revision=revision(database) or "",
        database=part_of(folder, copy),
        pictures=pictures,
        lost=lost,
        files=files,
        left_out=left_out,
        settings=_plain(settings),
        **counts,
    )
    write_manifest(folder, manifest)
    for old in (*folder.glob("database-*"), *folder.glob("pictures-*.txt")):
        if stamp not in old.name:
            old.unlink()
    return manifest


def referred_pictures(session: Session) -> set[str]:
    """Digests of all pictures that the database names."""
    digests = set(session.scalars(select(Image.digest))) | set(session.scalars(select(BlindCopy.digest)))
    came = session.scalars(select(Image.notes).where(Image.batch == 0))
    return digests | {str(notes["original"]) for notes in came if notes.get("original")}


def _counts(session: Session) -> dict[str, Any]:
    return {
        "votes": session.scalar(select(func.count(Vote.id))) or 0,
        "seals": session.scalar(select(func.count(Seal.id))) or 0,
        "head": session.scalar(select(Seal.digest).order_by(Seal.id.desc()).limit(1)),
    }


def _copy_pictures(
    images: ImageStore, target: ImageStore, wanted: Iterable[str], step: Step
) -> tuple[list[str], tuple[str, ...]]:
    """Copy pictures, each checked against its digest; what cannot be read is told, not copied."""
    digests, lost = sorted(wanted), []
    for number, digest in enumerate(digests, start=1):
        try:
            target.get(digest)
        except ArenaError:
            try:
                target.put(images.get(digest))
            except Unavailable:
                raise
            except ArenaError:
                lost.append(digest)
        step("pictures", number, len(digests))
    return digests, tuple(lost)


def _write_list(folder: Path, name: str, digests: Iterable[str]) -> Part:
    (folder / name).write_text("".join(f"{digest}\n" for digest in digests))
    return part_of(folder, folder / name)


def _copy_files(
    settings: Settings, folder: Path, *, with_secrets: bool
) -> tuple[dict[str, Part], tuple[str, ...]]:
    """Copy the other files of the data folder; secrets only if asked."""
    files, left_out = {}, []
    for file in _own_files(settings, folder):
        name = str(file.relative_to(settings.home))
        if _is_secret(file) and not with_secrets:
            left_out.append(name)
        else:
            files[name] = lay_by_digest(file, folder)
    return files, tuple(left_out)


def _own_files(settings: Settings, folder: Path) -> Iterator[Path]:
    """Files of the data folder, without database, pictures, what is being written, and the backup itself."""
    home = settings.home
    elsewhere = {settings.images, settings.assets, folder, *(home / name for name in LEFT_BEHIND)}
    database = make_url(settings.database).database or ""
    for file in sorted(home.rglob("*")):
        name = file.relative_to(home)
        if (
            file.is_file()
            and not file.is_symlink()
            and not any(part.startswith(".") for part in name.parts)
            and not elsewhere.intersection((file, *file.parents))
            and not (database and str(file).startswith(database))
        ):
            yield file


def _is_secret(file: Path) -> bool:
    return file.suffix in SECRET_SUFFIXES or not file.stat().st_mode & 0o077


def _plain(settings: Settings) -> dict[str, str]:
    """The settings by their variables, without what is secret."""
    told = {each.metadata["variable"]: getattr(settings, each.name) for each in fields(settings) if each.repr}
    told["ARENA_DATABASE"] = make_url(settings.database).render_as_string(hide_password=True)
    return {name: str(value) for name, value in told.items() if value is not None}
