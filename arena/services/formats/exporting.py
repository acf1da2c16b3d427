"""Export in another format: choose the votes, write them, say what was dropped, and let the folder stand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.formats import LEADERBOARD
from arena.domain.seals import day_of
from arena.queries.releases import campaigns_of, entrant_cards, questions
from arena.services.formats import boards
from arena.services.formats.card import Facts, format_card
from arena.services.formats.choosing import choose
from arena.services.formats.contracts import Desk, Format, Parts, Preference
from arena.services.formats.filters import Filters
from arena.services.formats.folder import made_whole, sign
from arena.services.formats.pictures import Pictures
from arena.services.formats.registry import find
from arena.services.publishing import while_open
from arena.storage import ImageStore

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FormatReport:
    """What was written: ``rows_in`` is ``rows_out`` and all that was dropped.

    They count votes, or for the boards rows of boards; ``parts`` counts the rows of the files, which are
    fewer where a row holds several votes.
    """

    format: str
    folder: str
    filters: Mapping[str, Any]
    rows_in: int
    rows_out: int
    dropped: Mapping[str, int]
    merged: Mapping[str, list[Outcome]]
    parts: Mapping[str, int]
    files: int
    bytes: int
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**asdict(self), "warnings": list(self.warnings)}

    def lines(self) -> list[str]:
        """The report for people."""
        parts = ", ".join(f"{name} {rows:,}" for name, rows in self.parts.items())
        return [
            f"{self.format}: {self.rows_in:,} in, {self.rows_out:,} out; rows: {parts}",
            *(f"Dropped: {n:,} {why}" for why, n in self.dropped.items()),
            *(f"Merged: {' and '.join(outcomes)} are both {word}" for word, outcomes in self.merged.items()),
            *(f"Note: {warning}" for warning in self.warnings),
            f"{self.files:,} files, {self.bytes / 1e6:.1f} MB in {self.folder}; "
            "check them with `sha256sum -c SHA256SUMS` there.",
        ]


@dataclass(frozen=True, slots=True)
class _Written:
    rows_in: int
    rows_out: int
    dropped: Mapping[str, int]
    parts: Parts


def export_as(
    session: Session,
    name: str,
    *,
    folder: Path,
    images: ImageStore,
    asked: Filters,
    now: datetime,
    rng: random.Random,
    progress: Progress | None = None,
) -> FormatReport:
    """Write an export in another format than the arena's own.

    Parameters
    ----------
    session : Session
        Only reads, and has not read yet: the whole export is one snapshot.
    name : str
        Key of `arena.domain.formats.FORMATS`, but for the arena's own format.
    folder : Path
        New, empty, or an earlier export of this kind, which is replaced once the new one is whole.
    asked : Filters
        Which votes.
    rng : random.Random
        Numbers the raters; unpredictable, unless two exports shall number them alike.
    progress : callable, optional
        Is told how many pictures and votes are done, and how many there are.

    Raises
    ------
    Conflict
        If the folder holds anything but an export.
    Invalid, UnknownCampaign, UnknownEntrant
        If something is asked for that cannot be had, or no vote is left.
    Unavailable
        If the disk is full or the folder cannot be written; nothing is left then.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    tell = progress or (lambda _done, _all: None)
    form = None if name == LEADERBOARD else find(name)
    campaigns = campaigns_of(session, asked.campaign)
    with made_whole(folder) as part:
        if form is None:
            written = _boards(session, part, asked)
        else:
            campaign_id = None if asked.campaign is None else campaigns[0].id
            written = _votes(session, part, form, asked, campaign_id, images, rng, tell)
        facts = Facts(
            format=name,
            title=form.title if form else boards.TITLE,
            reader=form.reader if form else boards.READER,
            day=day_of(now),
            unit="votes" if form else "rows of boards",
            campaigns=campaigns,
            questions={
                each.slug: [f"{q.slug}: {q.question}" for q in questions(session, each.id)]
                for each in campaigns
            },
            cards=entrant_cards(session, campaigns[0].id if asked.campaign else None),
            filters=asked.told(),
            rows_in=written.rows_in,
            rows_out=written.rows_out,
            dropped=written.dropped,
            parts=written.parts,
            config=form.config if form else boards.CONFIG,
            words=form.words if form else {},
            remarks=form.remarks if form else boards.REMARKS,
            second_hand=form.second_hand if form else (),
        )
        (part / "README.md").write_text(format_card(facts), encoding="utf-8")
        report = FormatReport(
            format=name,
            folder=str(folder),
            filters=facts.filters,
            rows_in=written.rows_in,
            rows_out=written.rows_out,
            dropped=written.dropped,
            merged=form.merged if form else {},
            parts={each: told.rows for each, told in written.parts.items()},
            files=0,
            bytes=0,
            warnings=(*_empty_parts(asked, written.parts), *while_open(campaigns, now)),
        )
        told = {
            key: value for key, value in report.as_dict().items() if key not in ("folder", "files", "bytes")
        }
        files, size = sign(part, told)
    return replace(report, files=files, bytes=size)


def _votes(
    session: Session,
    part: Path,
    form: Format,
    asked: Filters,
    campaign_id: int | None,
    images: ImageStore,
    rng: random.Random,
    tell: Progress,
) -> _Written:
    chosen = choose(session, asked, form, campaign_id=campaign_id, store=images, rng=rng, step=tell)
    read = len(chosen.pictures) if form.pictures else 0
    total = read + len(chosen)

    def counted() -> Iterator[Preference]:
        for done, vote in enumerate(chosen.rows(), start=1):
            yield vote
            tell(read + done, total)

    parts = form.write(counted(), Desk(part, Pictures(images), split=asked.split is not None))
    return _Written(chosen.votes_in, len(chosen), chosen.dropped, parts)


def _boards(session: Session, part: Path, asked: Filters) -> _Written:
    rows_in, dropped, parts = boards.write_boards(session, part, asked)
    return _Written(rows_in, rows_in - sum(dropped.values()), dropped, parts)


def _empty_parts(asked: Filters, parts: Parts) -> tuple[str, ...]:
    if asked.split is None:
        return ()
    return tuple(
        f"no vote fell to {name}: with so few prompts try another --seed"
        for name, _ in asked.split.shares
        if name not in parts
    )
