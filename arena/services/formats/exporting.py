"""Export in another format: choose the votes, write them, say what was dropped, and let the folder stand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.formats import LEADERBOARD
from arena.domain.seals import day_of
from arena.queries.releases import campaigns_of, entrant_cards, questions
from arena.services.formats import boards
from arena.services.formats.card import Facts, format_card
from arena.services.formats.choosing import Chosen, choose
from arena.services.formats.contracts import Desk, Format, Parts, Preference
from arena.services.formats.filters import Filters
from arena.services.formats.finished import Finished, begin, plan_of
from arena.services.formats.folder import made_whole, sign
from arena.services.formats.pictures import Pictures
from arena.services.formats.registry import find
from arena.services.publishing import while_open
from arena.storage import ImageStore

Progress = Callable[[int, int], None]
SHARD_BYTES: Final = 512 * 2**20


@dataclass(frozen=True, slots=True)
class FormatReport:
    """What was written: ``rows_in`` is ``rows_out`` and all that was dropped.

    They count votes, or for the boards rows of boards; ``parts`` counts the rows of the files, which are
    fewer where a row holds several votes. ``note`` says what became of an export that was stopped here.
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
    note: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**asdict(self), "warnings": list(self.warnings)}

    def signed(self) -> dict[str, Any]:
        """What the folder itself tells: nothing of where it lies and how it came about."""
        own = ("folder", "files", "bytes", "note")
        return {key: value for key, value in self.as_dict().items() if key not in own}

    def lines(self) -> list[str]:
        """The report for people."""
        parts = ", ".join(f"{name} {rows:,}" for name, rows in self.parts.items())
        return [
            f"{self.format}: {self.rows_in:,} in, {self.rows_out:,} out; rows: {parts}",
            *(f"Dropped: {n:,} {why}" for why, n in self.dropped.items()),
            *(f"Merged: {' and '.join(outcomes)} are both {word}" for word, outcomes in self.merged.items()),
            *(f"Note: {told}" for told in (*self.warnings, self.note) if told),
            f"{self.files:,} files, {self.bytes / 1e6:.1f} MB in {self.folder}; "
            "check them with `sha256sum -c SHA256SUMS` there.",
        ]


@dataclass(frozen=True, slots=True)
class _Written:
    rows_in: int
    rows_out: int
    dropped: Mapping[str, int]
    parts: Parts
    finished: Finished


def export_as(
    session: Session,
    name: str,
    *,
    folder: Path,
    images: ImageStore,
    asked: Filters,
    now: datetime,
    rng: random.Random,
    shard_bytes: int = SHARD_BYTES,
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
        New, empty, or an earlier export of this kind, which is replaced once the new one is whole. If the
        same export was stopped there, this one goes on with it.
    asked : Filters
        Which votes.
    rng : random.Random
        Numbers the raters; unpredictable, unless two exports shall number them alike.
    shard_bytes : int
        Formats of several files begin another after so many bytes of pictures.
    progress : callable, optional
        Is told how many pictures and votes are done, and how many there are.

    Raises
    ------
    Conflict
        If the folder holds anything but an export.
    Invalid, UnknownCampaign, UnknownEntrant
        If something is asked for that cannot be had, or no vote is left.
    Unavailable
        If the disk is full or the folder cannot be written; run again, it goes on where it stopped.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    tell = progress or (lambda _done, _all: None)
    key = rng.randbytes(32)
    form = None if name == LEADERBOARD else find(name)
    campaigns = campaigns_of(session, asked.campaign)
    with made_whole(folder) as part:
        if form is None:
            written = _boards(session, part, asked, key)
        else:
            campaign_id = None if asked.campaign is None else campaigns[0].id
            written = _votes(session, part, form, asked, campaign_id, images, key, shard_bytes, tell)
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
            note=written.finished.note,
        )
        files, size = sign(part, report.signed(), written.finished.sums())
    return replace(report, files=files, bytes=size)


def _votes(
    session: Session,
    part: Path,
    form: Format,
    asked: Filters,
    campaign_id: int | None,
    images: ImageStore,
    key: bytes,
    shard_bytes: int,
    tell: Progress,
) -> _Written:
    chosen = choose(session, asked, form, campaign_id=campaign_id, store=images, step=tell)
    finished = begin(part, _plan(chosen, form, asked, shard_bytes), key)
    chosen.number_raters(finished.key)
    read = len(chosen.pictures) if form.pictures else 0
    total = read + len(chosen)

    def counted() -> Iterator[Preference]:
        for done, vote in enumerate(chosen.rows(), start=1):
            yield vote
            tell(read + done, total)

    desk = Desk(part, Pictures(images), asked.split is not None, finished, shard_bytes)
    parts = form.write(counted(), desk)
    return _Written(chosen.votes_in, len(chosen), chosen.dropped, parts, finished)


def _plan(chosen: Chosen, form: Format, asked: Filters, shard_bytes: int) -> str:
    """Digest of all that the files are made of: an export goes on with one that was of the same."""
    return plan_of(
        {
            "format": form.name,
            "filters": asked.told(),
            "shards": shard_bytes,
            "writers": (version("vernissage-arena"), pa.__version__),
            "in": chosen.votes_in,
            "dropped": chosen.dropped,
            "questions": chosen.questions,
            "names": chosen.names,
            "prompts": chosen.prompts,
            "pictures": chosen.pictures,
            "parts": chosen.parts,
        },
        chosen.columns,
    )


def _boards(session: Session, part: Path, asked: Filters, key: bytes) -> _Written:
    """Boards are few and written anew."""
    finished = begin(part, key.hex(), key)
    desk = Desk(part, lambda _digest: b"", split=False, finished=finished, shard_bytes=SHARD_BYTES)
    rows_in, dropped, parts = boards.write_boards(session, desk, asked)
    return _Written(rows_in, rows_in - sum(dropped.values()), dropped, parts, finished)


def _empty_parts(asked: Filters, parts: Parts) -> tuple[str, ...]:
    if asked.split is None:
        return ()
    return tuple(
        f"no vote fell to {name}: with so few prompts try another --seed"
        for name, _ in asked.split.shares
        if name not in parts
    )
