"""What operators see: every campaign in numbers, one campaign entrant by entrant, and the newest events.

Counts and names only: while a campaign is open nobody, an operator neither, is shown a picture with its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from arena.errors import UnknownCampaign
from arena.tables import (
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Entrant,
    Event,
    Job,
    JobState,
    Prompt,
    Tally,
)

PACE_OVER = timedelta(minutes=5)
MOST_SHOWN = 20
_TROUBLE = (JobState.REFUSED, JobState.FAILED)
_LEAST_FOR_A_PACE = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """Pictures that were asked for, by what became of them."""

    made: int = 0
    refused: int = 0
    failed: int = 0
    waiting: int = 0

    @property
    def asked(self) -> int:
        """All of them."""
        return self.made + self.refused + self.failed + self.waiting


@dataclass(frozen=True, slots=True)
class CampaignState:
    """A campaign and how far it is."""

    slug: str
    name: str
    opened_at: datetime
    closed_at: datetime | None
    open: bool
    prompts: int
    entrants: int
    pictures: Counts
    votes: int


@dataclass(frozen=True, slots=True)
class EntrantState:
    """How far an entrant of a campaign is.

    Attributes
    ----------
    pace : float or None
        Pictures a second over the last `PACE_OVER`; None where too few were made to tell, or none waits.
    seconds_left : float or None
        Until all that wait are settled, at that pace.
    """

    slug: str
    name: str
    kind: str
    revision: str
    pictures: Counts
    pace: float | None
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is; ``pace`` and ``seconds_left`` as of an entrant, but of all together."""

    state: CampaignState
    entrants: tuple[EntrantState, ...]
    pace: float | None
    seconds_left: float | None

    @property
    def active(self) -> bool:
        """Whether pictures are still to come."""
        return self.state.pictures.waiting > 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why pictures of an entrant are missing, and how many are for this reason."""

    entrant: str
    state: JobState
    reason: str | None
    pictures: int


@dataclass(frozen=True, slots=True)
class HardPrompt:
    """A prompt that entrants declined or broke on, by name."""

    text: str
    language: str
    refused: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CampaignRoom:
    """One campaign as its operator sees it; ``more_…`` are those beyond the first `MOST_SHOWN`."""

    progress: Progress
    reasons: tuple[Reason, ...]
    more_reasons: int
    hard: tuple[HardPrompt, ...]
    more_hard: int


@dataclass(frozen=True, slots=True)
class EventLine:
    """Something that was done, by whom, to what."""

    id: int
    at: datetime
    actor: str
    kind: str
    subject: str
    data: Mapping[str, Any]


def overview(session: Session, *, now: datetime) -> list[CampaignState]:
    """Every campaign, the most recently opened first."""
    return [
        _state(session, campaign, _sum(_counts(session, campaign.id).values()), now)
        for campaign in session.scalars(select(Campaign).order_by(Campaign.id.desc()))
    ]


def progress(session: Session, slug: str, *, now: datetime) -> Progress:
    """How far a campaign and each of its entrants are, the first to enter first.

    Raises
    ------
    UnknownCampaign
        With the names there are.
    """
    campaign = _find(session, slug)
    counts = _counts(session, campaign.id)
    paces = _paces(session, campaign.id, now)
    entrants = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign.id)
        .order_by(Entrant.id)
    ).all()
    rows = tuple(_entrant(one, counts.get(one.id, Counts()), paces.get(one.id)) for one in entrants)
    pictures = _sum(row.pictures for row in rows)
    made, settled = (sum(pace[n] for pace in paces.values()) for n in (0, 1))
    known = settled > 0 and pictures.waiting > 0
    return Progress(
        state=_state(session, campaign, pictures, now),
        entrants=rows,
        pace=made if known else None,
        seconds_left=pictures.waiting / settled if known else None,
    )


def room(session: Session, slug: str, *, now: datetime) -> CampaignRoom:
    """One campaign: how far it is, and why pictures are missing, the most frequent first.

    Raises
    ------
    UnknownCampaign
    """
    far = progress(session, slug, now=now)
    campaign_id = _find(session, slug).id
    reasons, more_reasons = _reasons(session, campaign_id)
    hard, more_hard = _hard_prompts(session, campaign_id)
    return CampaignRoom(far, reasons, more_reasons, hard, more_hard)


def newest_events(session: Session, *, most: int = MOST_SHOWN) -> list[EventLine]:
    """What was done last, the newest first."""
    return [_line(event) for event in session.scalars(select(Event).order_by(Event.id.desc()).limit(most))]


def event(session: Session, event_id: int, *, actor: str, subject: str) -> EventLine | None:
    """One event of that actor about that subject; nothing if it is another's."""
    found = session.scalar(
        select(Event).where(Event.id == event_id, Event.actor == actor, Event.subject == subject)
    )
    return _line(found) if found else None


def _state(session: Session, campaign: Campaign, pictures: Counts, now: datetime) -> CampaignState:
    mine = campaign.id
    votes = select(func.sum(Tally.votes)).where(Tally.campaign_id == mine, Tally.category == "all")
    return CampaignState(
        slug=campaign.slug,
        name=campaign.name,
        opened_at=campaign.opened_at,
        closed_at=campaign.closed_at,
        open=campaign.closed_at is None or campaign.closed_at > now,
        prompts=_one(session, select(func.count()).where(CampaignPrompt.campaign_id == mine)),
        entrants=_one(session, select(func.count()).where(CampaignEntrant.campaign_id == mine)),
        pictures=pictures,
        votes=_one(session, votes),
    )


def _line(event: Event) -> EventLine:
    return EventLine(event.id, event.at, event.actor, event.kind, event.subject, event.data)


def _find(session: Session, slug: str) -> Campaign:
    found = session.scalar(select(Campaign).where(Campaign.slug == slug))
    if found is None:
        raise UnknownCampaign(slug, tuple(session.scalars(select(Campaign.slug).order_by(Campaign.slug))))
    return found


def _jobs_of(campaign_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The jobs of a campaign's entrants and prompts."""
    return (
        Job.entrant_id.in_(
            select(CampaignEntrant.entrant_id).where(CampaignEntrant.campaign_id == campaign_id)
        ),
        Job.prompt_id.in_(select(CampaignPrompt.prompt_id).where(CampaignPrompt.campaign_id == campaign_id)),
    )


def _counts(session: Session, campaign_id: int) -> dict[int, Counts]:
    """The pictures of each entrant of a campaign."""

    def of(*states: JobState) -> Any:
        return func.sum(case((Job.state.in_(states), 1), else_=0))

    rows = session.execute(
        select(
            Job.entrant_id,
            of(JobState.DONE),
            of(JobState.REFUSED),
            of(JobState.FAILED),
            of(JobState.QUEUED, JobState.RUNNING),
        )
        .where(*_jobs_of(campaign_id))
        .group_by(Job.entrant_id)
    )
    return {row[0]: Counts(*(int(number) for number in row[1:])) for row in rows}


def _sum(counts: Iterable[Counts]) -> Counts:
    told = list(counts)
    return Counts(
        made=sum(one.made for one in told),
        refused=sum(one.refused for one in told),
        failed=sum(one.failed for one in told),
        waiting=sum(one.waiting for one in told),
    )


def _paces(session: Session, campaign_id: int, now: datetime) -> dict[int, tuple[float, float]]:
    """Pictures made, and pictures settled, a second by each entrant: from the first of late until now."""
    rows = session.execute(
        select(
            Job.entrant_id,
            func.min(Job.finished_at),
            func.count(),
            func.sum(case((Job.state == JobState.DONE, 1), else_=0)),
        )
        .where(
            Job.state.in_([JobState.DONE, *_TROUBLE]),
            Job.finished_at > now - PACE_OVER,
            *_jobs_of(campaign_id),
        )
        .group_by(Job.entrant_id)
    )
    paces = {}
    for entrant_id, first, settled, made in rows:
        seconds = (now - first).total_seconds()
        if settled >= _LEAST_FOR_A_PACE and seconds > 0:
            share = (settled - 1) / settled  # the first of them only starts the clock
            paces[entrant_id] = (made * share / seconds, (settled - 1) / seconds)
    return paces


def _entrant(entrant: Entrant, counts: Counts, pace: tuple[float, float] | None) -> EntrantState:
    made, settled = pace if pace and counts.waiting else (None, None)
    return EntrantState(
        slug=entrant.slug,
        name=entrant.name,
        kind=entrant.kind,
        revision=entrant.revision,
        pictures=counts,
        pace=made,
        seconds_left=counts.waiting / settled if settled else None,
    )


def _reasons(session: Session, campaign_id: int) -> tuple[tuple[Reason, ...], int]:
    grouped = (
        select(Entrant.name, Job.state, Job.reason, func.count().label("pictures"))
        .join(Entrant, Entrant.id == Job.entrant_id)
        .where(Job.state.in_(_TROUBLE), *_jobs_of(campaign_id))
        .group_by(Entrant.id, Entrant.name, Job.state, Job.reason)
    )
    of_all = _one(session, select(func.count()).select_from(grouped.subquery()))
    rows = session.execute(
        grouped.order_by(func.count().desc(), Entrant.id, Job.reason).limit(MOST_SHOWN)
    ).all()
    return tuple(Reason(*row) for row in rows), of_all - len(rows)


def _hard_prompts(session: Session, campaign_id: int) -> tuple[tuple[HardPrompt, ...], int]:
    trouble = (Job.state.in_(_TROUBLE), *_jobs_of(campaign_id))
    of_all = _one(session, select(func.count(Job.prompt_id.distinct())).where(*trouble))
    prompts = session.execute(
        select(Prompt.id, Prompt.text, Prompt.language)
        .join(Job, Job.prompt_id == Prompt.id)
        .where(*trouble)
        .group_by(Prompt.id, Prompt.text, Prompt.language)
        .order_by(func.count().desc(), Prompt.id)
        .limit(MOST_SHOWN)
    ).all()
    who: dict[tuple[int, JobState], dict[str, None]] = {}
    for prompt_id, state, name in session.execute(
        select(Job.prompt_id, Job.state, Entrant.name)
        .join(Entrant, Entrant.id == Job.entrant_id)
        .where(*trouble, Job.prompt_id.in_([row.id for row in prompts]))
        .order_by(Entrant.id)
    ):
        who.setdefault((prompt_id, state), {})[name] = None
    hard = tuple(
        HardPrompt(
            text=row.text,
            language=row.language,
            refused=tuple(who.get((row.id, JobState.REFUSED), ())),
            failed=tuple(who.get((row.id, JobState.FAILED), ())),
        )
        for row in prompts
    )
    return hard, of_all - len(prompts)


def _one(session: Session, query: Select[int]) -> int:
    return int(session.scalar(query) or 0)
