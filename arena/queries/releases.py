"""What an export holds beside the votes: prompts, pictures, entrants, boards, deals and seals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from arena.domain.cards import public_runtime
from arena.domain.seals import day_of
from arena.errors import UnknownCampaign
from arena.queries.removed import excluded, retracted, stands, withdrawn
from arena.queries.votes import label
from arena.tables import (
    Battle,
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Image,
    Job,
    JobState,
    Prompt,
    Rating,
    RatingRun,
    Removal,
    RemovalKind,
    Seal,
    SealEntry,
    Vote,
    Voter,
)

CHUNK = 2_000
Row = dict[str, Any]
Rows = Select[*tuple[Any, ...]]


def campaigns_of(session: Session, slug: str | None) -> list[Campaign]:
    """The campaign of that name, or all of them.

    Raises
    ------
    UnknownCampaign
        With the names there are.
    """
    found = list(session.scalars(select(Campaign).order_by(Campaign.id)))
    if slug is None:
        return found
    named = [campaign for campaign in found if campaign.slug == slug]
    if not named:
        raise UnknownCampaign(slug, tuple(campaign.slug for campaign in found))
    return named


@dataclass(frozen=True, slots=True)
class VoteCounts:
    """How many votes there are: those that stand in the chain, those removed there, those not sealed."""

    stand: int
    withdrawn: int
    excluded: int
    retracted: int
    unsealed: int


def vote_counts(session: Session, campaign_id: int | None) -> VoteCounts:
    """Count votes by what an export makes of them."""
    every, sealed, gone, out, undone = (
        _votes(session, campaign_id, condition)
        for condition in (
            None,
            exists().where(SealEntry.vote_id == Vote.id),
            withdrawn(sealed=True),
            excluded(sealed=True),
            retracted(sealed=True),
        )
    )
    return VoteCounts(
        stand=sealed - gone - out - undone,
        withdrawn=gone,
        excluded=out,
        retracted=undone,
        unsealed=every - sealed,
    )


def _votes(session: Session, campaign_id: int | None, condition: ColumnElement[bool] | None) -> int:
    query = select(func.count()).select_from(Vote)
    if condition is not None:
        query = query.where(condition)
    if campaign_id is not None:
        query = query.join(Battle, Vote.battle_id == Battle.id).where(Battle.campaign_id == campaign_id)
    return session.scalar(query) or 0


def cohorts(session: Session, campaign_id: int | None) -> dict[str, int]:
    """Votes that stand in the chain, by the cohort of their raters."""
    query = (
        select(Voter.cohort, func.count(Vote.id))
        .join(Battle, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(exists().where(SealEntry.vote_id == Vote.id), stands(sealed=True))
        .group_by(Voter.cohort)
        .order_by(Voter.cohort)
    )
    if campaign_id is not None:
        query = query.where(Battle.campaign_id == campaign_id)
    return dict(session.execute(query).all())


def prompt_rows(session: Session, campaign_id: int | None) -> Iterator[list[Row]]:
    """Prompts in chunks."""
    query = select(Prompt)
    if campaign_id is not None:
        query = query.where(Prompt.id.in_(_prompts(campaign_id)))
    for found in _pages(session, query, Prompt.id):
        yield [prompt_row(prompt) for (prompt,) in found]


def prompt_row(prompt: Prompt) -> Row:
    """A prompt as it is published."""
    return {
        "prompt_digest": prompt.digest,
        "prompt": prompt.text,
        "categories": " ".join(prompt.categories),
        "language": prompt.language,
        "source": prompt.source.value,
        "licence": prompt.licence,
    }


def picture_count(session: Session, campaign_id: int | None) -> int:
    """How many pictures an export holds."""
    return session.scalar(_of_campaign(select(func.count()).select_from(Image), campaign_id)) or 0


def picture_rows(session: Session, campaign_id: int | None) -> Iterator[list[Row]]:
    """Pictures in chunks; ``file`` is for the writer to fill in."""
    query = _of_campaign(
        select(Image, Entrant.slug, Entrant.revision, Prompt.digest)
        .join(Entrant, Image.entrant_id == Entrant.id)
        .join(Prompt, Image.prompt_id == Prompt.id),
        campaign_id,
    )
    for found in _pages(session, query, Image.id):
        yield [
            {
                "image": image.digest,
                "file": "",
                "entrant": slug,
                "revision": revision,
                "prompt_digest": prompt,
                "seed": image.seed,
                "width": image.width,
                "height": image.height,
                "bytes": image.length,
                "seconds": image.seconds,
                "cpu_seconds": image.cpu_seconds,
                "batch": image.batch,
                "peak_bytes": image.peak_bytes,
                "joules": image.joules,
                "energy_method": image.energy_method,
                "hardware": image.hardware,
                "made_on": day_of(image.made_at),
                "settings": _json(_public(image.settings)),
                "environment": _json(image.environment),
                "notes": _json(image.notes),
            }
            for image, slug, revision, prompt in found
        ]


def entrant_cards(session: Session, campaign_id: int | None) -> list[Row]:
    """Cards of the entrants, with how often each refused a prompt."""
    asked = [] if campaign_id is None else [Job.prompt_id.in_(_prompts(campaign_id))]
    refusals = session.execute(
        select(Job.entrant_id, func.count(Job.id))
        .where(Job.state == JobState.REFUSED, *asked)
        .group_by(Job.entrant_id)
    )
    refused = dict(refusals.all())
    query = select(Entrant).order_by(Entrant.id)
    if campaign_id is not None:
        query = query.where(Entrant.id.in_(_entrants(campaign_id)))
    return [
        {
            "entrant": label(entrant.slug, entrant.revision),
            "slug": entrant.slug,
            "revision": entrant.revision,
            "name": entrant.name,
            "kind": entrant.kind,
            "family": entrant.family,
            "backend": entrant.backend,
            "identity": entrant.identity,
            "runtime": public_runtime(entrant.runtime),
            "licence": entrant.licence,
            "description": entrant.description,
            "source": entrant.source,
            "entered_on": day_of(entrant.entered_at),
            "retired_on": day_of(entrant.retired_at) if entrant.retired_at else None,
            "refused": refused.get(entrant.id, 0),
        }
        for entrant in session.scalars(query)
    ]


def labels(session: Session, campaign_id: int) -> list[str]:
    """Entrants of a campaign in the order in which its board is fitted."""
    return [
        label(slug, revision)
        for slug, revision in session.execute(
            select(Entrant.slug, Entrant.revision)
            .where(Entrant.id.in_(_entrants(campaign_id)))
            .order_by(Entrant.id)
        )
    ]


def questions(session: Session, campaign_id: int) -> Sequence[Criterion]:
    """Criteria of a campaign, in its order."""
    return session.scalars(
        select(Criterion).where(Criterion.campaign_id == campaign_id).order_by(Criterion.position)
    ).all()


def ratings_of(session: Session, run: RatingRun) -> list[tuple[int, str, Rating]]:
    """Rows of a run in the order of its board: entrant's id, its label, its rating."""
    return [
        (rating.entrant_id, label(slug, revision), rating)
        for rating, slug, revision in session.execute(
            select(Rating, Entrant.slug, Entrant.revision)
            .join(Entrant, Rating.entrant_id == Entrant.id)
            .where(Rating.run_id == run.id)
            .order_by(Rating.position)
        )
    ]


def dealt_rows(session: Session, campaign_id: int | None, *, now: datetime) -> list[Row]:
    """What became of the battles of each ordered pair; a battle counts in one column beside ``dealt``."""
    left, right = aliased(Entrant), aliased(Entrant)
    sealed = (Vote.battle_id == Battle.id, SealEntry.vote_id == Vote.id)
    answered = exists().where(*sealed, ~retracted(sealed=True))
    voted = exists().where(*sealed, stands(sealed=True))
    skipped = ~answered & Battle.skipped_at.is_not(None)
    expired = ~answered & Battle.skipped_at.is_(None) & (Battle.expires_at <= now)
    query = (
        select(
            Campaign.slug.label("campaign"),
            Battle.kind,
            left.slug.label("left_slug"),
            left.revision.label("left_revision"),
            right.slug.label("right_slug"),
            right.revision.label("right_revision"),
            func.count(Battle.id).label("dealt"),
            _sum(voted).label("voted"),
            _sum(answered).label("answered"),
            _sum(skipped).label("skipped"),
            _sum(expired).label("expired"),
        )
        .join(Campaign, Battle.campaign_id == Campaign.id)
        .join(left, Battle.left_entrant_id == left.id)
        .join(right, Battle.right_entrant_id == right.id)
        .group_by(Campaign.slug, Battle.kind, *(column for side in (left, right) for column in _name(side)))
        .order_by(Campaign.slug, Battle.kind, left.id, right.id)
    )
    if campaign_id is not None:
        query = query.where(Battle.campaign_id == campaign_id)
    return [
        {
            "campaign": row.campaign,
            "kind": row.kind.value,
            "left": label(row.left_slug, row.left_revision),
            "right": label(row.right_slug, row.right_revision),
            "dealt": row.dealt,
            "voted": row.voted,
            "removed": row.answered - row.voted,
            "skipped": row.skipped,
            "expired": row.expired,
            "open": row.dealt - row.answered - row.skipped - row.expired,
        }
        for row in session.execute(query)
    ]


def seal_rows(session: Session, campaign_id: int | None) -> Iterator[Row]:
    """The chain from its first link; a leaf has its vote's number only if the export holds the vote."""
    taken_back = (
        select(Removal.vote_id)
        .join(SealEntry, SealEntry.removal_id == Removal.id)
        .where(Removal.kind != RemovalKind.EXCLUDED)
    )
    query = (
        select(
            Seal.id,
            Seal.previous,
            Seal.digest,
            Seal.entries,
            Seal.sealed_at,
            SealEntry.leaf,
            Vote.id.label("vote_id"),
            Battle.campaign_id,
        )
        .join(SealEntry, SealEntry.seal_id == Seal.id)
        .outerjoin(Vote, (SealEntry.vote_id == Vote.id) & Vote.id.not_in(taken_back))
        .outerjoin(Battle, Vote.battle_id == Battle.id)
        .order_by(SealEntry.seal_id, SealEntry.position)
        .execution_options(yield_per=CHUNK)
    )
    for seal_id, entries in groupby(session.execute(query), key=lambda entry: entry.id):
        held = list(entries)
        yield {
            "seal": seal_id,
            "previous": held[0].previous,
            "digest": held[0].digest,
            "count": held[0].entries,
            "day": day_of(held[0].sealed_at),
            "leaves": [
                [entry.leaf, entry.vote_id if campaign_id in (None, entry.campaign_id) else None]
                for entry in held
            ],
        }


def _prompts(campaign_id: int) -> Select[int]:
    return select(CampaignPrompt.prompt_id).where(CampaignPrompt.campaign_id == campaign_id)


def _entrants(campaign_id: int) -> Select[int]:
    return select(CampaignEntrant.entrant_id).where(CampaignEntrant.campaign_id == campaign_id)


def _of_campaign(query: Rows, campaign_id: int | None) -> Rows:
    if campaign_id is None:
        return query
    return query.where(
        Image.prompt_id.in_(_prompts(campaign_id)), Image.entrant_id.in_(_entrants(campaign_id))
    )


def _pages(session: Session, query: Rows, by: Any) -> Iterator[Sequence[Any]]:
    """Rows in the order of an id, a chunk at a time."""
    last = 0
    query = query.add_columns(by).order_by(by).limit(CHUNK)
    while rows := session.execute(query.where(by > last)).all():
        last = rows[-1][-1]
        yield [row[:-1] for row in rows]


def _name(side: type[Entrant]) -> tuple[Any, ...]:
    return side.id, side.slug, side.revision


def _sum(condition: ColumnElement[bool]) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _public(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a picture without what is private in its runtime."""
    return {**settings, **{key: public_runtime(settings[key]) for key in ("runtime",) if key in settings}}


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
