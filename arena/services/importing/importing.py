"""Import: look through a file of votes, then keep all of it in one transaction, or nothing.

One transaction, because votes are sealed and counted as soon as they are seen: what is half there could not
be taken back. Reading, checking and storing pictures are done before it begins; on SQLite other votes wait
while it lasts.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.domain.categories import SLUGS
from arena.domain.seals import day_of
from arena.errors import Conflict
from arena.queries.prompts import categories as in_use
from arena.services.curation import record
from arena.services.importing import entering
from arena.services.importing.contracts import Asked, Origin
from arena.services.importing.keeping import Keeper
from arena.services.importing.registry import files_of, find
from arena.services.importing.staging import chunks, stage
from arena.services.importing.survey import Survey, survey
from arena.services.release_folder import sha256_of
from arena.storage import ImageStore
from arena.tables import Campaign, Event

IMPORTED: Final = "votes.imported"
Progress = Callable[[str, float], None]
"""Is told what is being done, and how much of it is."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a file holds, and what was kept of it.

    ``rows`` is the rows that were taken and all that were ``dropped``; a row may be several votes.
    ``pictures`` are those that are new here. ``imported_on`` is the day on which the same file was imported
    before: nothing was changed then.
    """

    format: str
    file: str
    sha256: str
    campaign: str
    rows: int
    votes: int
    dropped: Mapping[str, int]
    entrants: Mapping[str, int]
    criteria: Mapping[str, int]
    prompts: int
    raters: int
    pictures: int
    first_day: str | None
    last_day: str | None
    notes: tuple[str, ...]
    dry_run: bool
    imported_on: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**asdict(self), "notes": list(self.notes)}

    def lines(self) -> list[str]:
        """The report for people."""
        if self.imported_on:
            return [
                f"{self.file} was imported into {self.campaign} on {self.imported_on}; nothing was changed."
            ]
        days = f", from {self.first_day} to {self.last_day}" if self.first_day else ""
        return [
            f"{self.format}: {self.rows:,} rows in, {self.votes:,} votes "
            + (f"would go into {self.campaign}" if self.dry_run else f"taken into {self.campaign}"),
            f"{len(self.entrants):,} entrants, {self.prompts:,} prompts, {self.raters:,} raters, "
            f"{self.pictures:,} {'' if self.dry_run else 'new '}pictures{days}",
            *(f"Dropped: {n:,} {why}" for why, n in self.dropped.items()),
            *(f"Note: {note}" for note in self.notes),
        ]


def import_votes(
    database: Database,
    images: ImageStore,
    path: Path,
    form: str,
    *,
    now: datetime,
    campaign: str | None = None,
    of: str | None = None,
    outcomes: Mapping[str, Any] | None = None,
    pictures: bool = True,
    new_categories: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda _what, _share: None,
) -> ImportReport:
    """Bring the votes of another arena here.

    Parameters
    ----------
    path : Path
        A file, or a folder of files.
    form : str
        Name of a format.
    campaign : str, optional
        What to call their campaign, if not as the file; a campaign of imports may be added to by name.
    of : str, optional
        Which campaign of the file, if it holds several.
    outcomes : mapping of str to Outcome, optional
        What words of the file mean that its format does not know.
    pictures : bool
        Whether pictures are taken along.
    new_categories : bool
        Whether prompts may bring categories that no prompt here has.
    dry_run : bool
        Only look through it.
    progress : callable, optional
        Is told what is being done, and which share of it is done.

    Raises
    ------
    Invalid
        If the format brings no votes, or a row cannot be read; the first is named, and nothing is kept.
    NameTaken
        If the campaign is not one of imports, or only happens to be called like the file.
    Conflict
        If the file was changed while it was read.
    """
    shape = find(form)
    files = files_of(shape, path)
    stamp, digest = _stamp(files), _digest(files)
    slug = campaign or entering.slug_of(path.resolve().stem)
    with database.read() as session:
        before = _imported(session, form, digest, of)
        known = frozenset({*SLUGS, *in_use(session)})
        if before is None:
            entering.may_take(session, slug, by_name=campaign is not None)
    if before is not None:
        return _again(before, form, path, digest)
    foreign = shape.origin(path)
    anything = new_categories or foreign.cards
    asked = Asked(now, of, outcomes or {}, pictures, None if anything else known)
    found = survey(shape, files, asked, lambda share: progress("checking", share))
    report = _report(found, form, path, digest, slug, dry_run=dry_run)
    if dry_run:
        return report
    with tempfile.TemporaryFile() as staged:
        stage(shape, files, asked, images, staged, lambda share: progress("reading", share))
        if _stamp(files) != stamp:
            raise Conflict(f"{path} was changed while it was read; nothing was imported, run it again")
        with told_plainly(), database.write.begin() as session:
            taken = entering.may_take(session, slug, by_name=campaign is not None)
            if (before := _imported(session, form, digest, of)) is not None:
                return _again(before, form, path, digest)
            keeper = _keeper(session, slug, taken, found, foreign, path.name, now)
            done = 0
            for chunk in chunks(staged):
                keeper.keep(chunk)
                done += len(chunk)
                progress("writing", done / found.votes)
            keeper.finish()
            told = {**report.as_dict(), "of": of, "pictures": keeper.pictures}
            record(session, now=now, actor="import", kind=IMPORTED, subject=slug, data=told)
    return ImportReport(**{**asdict(report), "pictures": keeper.pictures})


def _keeper(
    session: Session,
    slug: str,
    taken: Campaign | None,
    found: Survey,
    foreign: Origin,
    file: str,
    now: datetime,
) -> Keeper:
    entrants = entering.enter_all(session, found.entrants, foreign.cards, file=file, now=now)
    opened, criteria = entering.open_for(
        session,
        slug,
        found=taken,
        criteria=list(found.criteria),
        questions=foreign.questions,
        entrants=entrants.values(),
        now=now,
    )
    ids = {name: entrant.id for name, entrant in entrants.items()}
    return Keeper(session, opened, criteria, ids, origin=file[:120], now=now)


def _imported(session: Session, form: str, digest: str, of: str | None) -> Event | None:
    """The event of an import of the same bytes as the same format."""
    for event in session.scalars(select(Event).where(Event.kind == IMPORTED).order_by(Event.id)):
        if (event.data["format"], event.data["sha256"], event.data["of"]) == (form, digest, of):
            return event
    return None


def _again(before: Event, form: str, path: Path, digest: str) -> ImportReport:
    told = {key: value for key, value in before.data.items() if key != "of"}
    told |= {"format": form, "file": str(path), "sha256": digest, "notes": tuple(told["notes"])}
    return ImportReport(**{**told, "imported_on": day_of(before.at)})


def _report(found: Survey, form: str, path: Path, digest: str, slug: str, *, dry_run: bool) -> ImportReport:
    first, last = found.days or (None, None)
    return ImportReport(
        format=form,
        file=str(path),
        sha256=digest,
        campaign=slug,
        rows=found.rows,
        votes=found.votes,
        dropped=dict(found.dropped),
        entrants=dict(found.entrants),
        criteria=dict(found.criteria),
        prompts=found.prompts,
        raters=found.raters,
        pictures=found.pictures,
        first_day=first.isoformat() if first else None,
        last_day=last.isoformat() if last else None,
        notes=tuple(_notes(found)),
        dry_run=dry_run,
    )


def _notes(found: Survey) -> list[str]:
    notes = {
        "without a time, counted as of today": found.untimed,
        "without a rater, counted as one rater's": found.unsigned,
        "without a prompt, counted as on one prompt": found.unprompted,
        "without their pictures": found.bare,
    }
    return [f"{votes:,} {what}" for what, votes in notes.items() if votes]


def _stamp(files: Sequence[Path]) -> list[tuple[int, int]]:
    """What changes when a file does."""
    found = [file.stat() for file in files]
    return [(each.st_size, each.st_mtime_ns) for each in found]


def _digest(files: Sequence[Path]) -> str:
    """SHA-256 of a file; of several that of their digests, one after the other."""
    digests = [sha256_of(file) for file in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()
