"""Restoring a backup into an empty place: all of it is verified before, and the chain of seals after."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from arena.config import Settings, make_home
from arena.db import Database, told_plainly, upgrade
from arena.errors import Conflict
from arena.services.backup_folder import PICTURES, DamagedBackup, Manifest, Step, listed, verify
from arena.services.database_copies import copy_in, is_empty
from arena.services.sealing import broken_seal
from arena.storage import ImageStore
from arena.tables import Seal, Vote


class NotEmpty(Conflict):
    """A backup is restored into an empty data folder and an empty database, or not at all."""

    code = "not_empty"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back; ``new_secret`` says that the backup held none: cookies and pseudonyms begin anew."""

    manifest: Manifest
    votes: int
    seals: int
    pictures: int
    new_secret: bool


def restore(
    settings: Settings, database: Database, images: ImageStore, *, folder: Path, step: Step
) -> Restored:
    """Bring back what a backup holds.

    Raises
    ------
    NotEmpty
        If the data folder or the database holds anything.
    Invalid, DamagedBackup
        If there is no backup, or it is not whole; nothing is written then. Also if the chain of seals that
        came back is broken.
    SettingsError, Unavailable
        If it cannot be written here.
    """
    home = settings.home
    if home.exists() and any(home.iterdir()):
        raise NotEmpty(f"{home} is not empty; name a new folder in ARENA_HOME, or move the old one aside")
    if not is_empty(database, settings.database):
        raise NotEmpty("the database is not empty; name a new one in ARENA_DATABASE")
    manifest = verify(folder, step)
    digests = [digest for digest in listed(folder, manifest) if digest not in manifest.lost]
    source = ImageStore(folder / PICTURES)
    for number, digest in enumerate(digests, start=1):
        images.put(source.get(digest))
        step("restored", number, len(digests))
    for name, part in manifest.files.items():
        target = home / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / part.file, target)
        target.chmod(part.mode)
    new_secret = settings.secret_key is None and not (home / "secret.key").exists()
    make_home(home)
    copy_in(folder / manifest.database.file, settings.database)
    upgrade(database)
    return Restored(manifest, *_checked(database, manifest), len(digests), new_secret)


def _checked(database: Database, manifest: Manifest) -> tuple[int, int]:
    """Votes and seals that came back; the chain is computed anew from them.

    Raises
    ------
    DamagedBackup
    """
    with told_plainly(), database.read() as session:
        votes = session.scalar(select(func.count(Vote.id))) or 0
        seals = session.scalar(select(func.count(Seal.id))) or 0
        head = session.scalar(select(Seal.digest).order_by(Seal.id.desc()).limit(1))
        broken = broken_seal(session)
    problems = [broken] if broken else []
    if (votes, seals, head) != (manifest.votes, manifest.seals, manifest.head):
        problems.append(
            f"{votes} votes and {seals} seals came back, not {manifest.votes} and {manifest.seals}"
        )
    if problems:
        raise DamagedBackup(problems)
    return votes, seals
