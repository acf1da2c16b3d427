"""Votes with all that was known when they were cast: what is sealed, and what is exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, exists, func, select, type_coerce
from sqlalchemy.orm import Session, aliased

from arena.domain.seals import Value, day_of, leaf, private_digest
from arena.queries.removed import stands
from arena.tables import (
    Battle,
    Campaign,
    Criterion,
    Entrant,
    Image,
    Prompt,
    Reason,
    SealEntry,
    Vote,
    Voter,
)

CHUNK = 10_000
_AT_ONCE = 500
REACH = 10_000
"""How far behind the newest sealed vote a late commit is looked for before all votes are looked through."""


def label(slug: str, revision: str) -> str:
    """Name of an entrant that no other shares."""
    return f"{slug}@{revision}"


def _joined() -> Select[*tuple[Any, ...]]:
    left, right = aliased(Entrant), aliased(Entrant)
    left_image, right_image = aliased(Image), aliased(Image)
    return (
        select(
            Vote.id,
            Vote.battle_id,
            Vote.ballot_no,
            Vote.outcome,
            Vote.elapsed_ms,
            Vote.consent,
            Vote.salt,
            Vote.cast_at,
            Campaign.slug.label("campaign"),
            Campaign.closed_at,
            Criterion.slug.label("criterion"),
            Prompt.text,
            Prompt.digest,
            Prompt.categories,
            Prompt.source,
            left.slug.label("left_slug"),
            left.revision.label("left_revision"),
            right.slug.label("right_slug"),
            right.revision.label("right_revision"),
            left_image.digest.label("left_digest"),
            right_image.digest.label("right_digest"),
            Battle.kind,
            Battle.propensity,
            Battle.eligible,
            Battle.policy,
            Voter.key.label("voter"),
        )
        .join(Battle, Vote.battle_id == Battle.id)
        .join(Campaign, Battle.campaign_id == Campaign.id)
        .join(Criterion, Vote.criterion_id == Criterion.id)
        .join(Prompt, Battle.prompt_id == Prompt.id)
        .join(left, Battle.left_entrant_id == left.id)
        .join(right, Battle.right_entrant_id == right.id)
        .outerjoin(left_image, Battle.left_image_id == left_image.id)
        .outerjoin(right_image, Battle.right_image_id == right_image.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .order_by(Vote.id)
    )


def public_part(row: Any) -> dict[str, Value]:
    """Fields of a vote that its leaf carries in the open."""
    return {
        "vote": row.id,
        "battle": row.battle_id,
        "campaign": row.campaign,
        "criterion": row.criterion,
        "ballot_no": row.ballot_no,
        "day": day_of(row.cast_at),
        "prompt_digest": row.digest,
        "left": label(row.left_slug, row.left_revision),
        "right": label(row.right_slug, row.right_revision),
        "left_image": row.left_digest or "",
        "right_image": row.right_digest or "",
        "outcome": row.outcome.value,
        "kind": row.kind.value,
        "propensity": row.propensity,
        "eligible": row.eligible,
        "policy": row.policy,
        "consent": row.consent,
    }


def leaf_of(row: Any) -> str:
    """Leaf of a vote as it stands in the database."""
    return leaf(public_part(row), private_of(row))


def private_of(row: Any) -> str:
    """Digest of the private part of a vote."""
    return private_digest(row.salt, voter=row.voter, cast_at=row.cast_at, elapsed_ms=row.elapsed_ms)


def unsealed_votes(session: Session, *, limit: int, missing: int) -> Sequence[Any]:
    """Votes without a seal, lowest id first; ``missing`` of them are known to be there.

    Transactions may commit out of the order of their ids, so a vote is found by having no seal. Near the
    newest sealed vote that is quick; only if some are not found there all votes are looked through.
    """
    query = _joined().where(~exists().where(SealEntry.vote_id == Vote.id)).limit(limit)
    newest = session.scalar(select(func.max(SealEntry.vote_id))) or 0
    near = session.execute(query.where(Vote.id > newest - REACH)).all()
    return near if len(near) == min(missing, limit) else session.execute(query).all()


def released(told_before: datetime) -> ColumnElement[bool]:
    """Whether a vote may leave the arena: its battle was revealed, or it is as old as that."""
    return Battle.revealed_at.is_not(None) | (Vote.cast_at <= told_before)


def sealed_votes(
    session: Session,
    *,
    campaign_id: int | None = None,
    told_before: datetime | None = None,
    battles: Sequence[int] | None = None,
    after: int = 0,
    chunk: int | None = None,
    which: ColumnElement[bool] | None = None,
) -> Iterator[Sequence[Any]]:
    """Every sealed vote that stands, in the order of ids, in chunks, as ids of what other tables tell.

    One row is joined of three tables alone: that is several times as fast as joining all that is told of a
    vote. With ``told_before`` only those that are `released`; with ``battles`` only theirs; with ``after``
    only those of higher ids; ``chunk`` is `CHUNK` if not given; ``which`` of `arena.queries.removed` asks for
    other votes than those that stand.
    """
    query = (
        select(
            Vote.id,
            Vote.battle_id,
            Battle.campaign_id,
            Vote.criterion_id,
            Vote.ballot_no,
            type_coerce(Vote.outcome, String).label("outcome"),
            Vote.elapsed_ms,
            Vote.consent,
            Vote.salt,
            Vote.cast_at,
            Battle.prompt_id,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            Battle.left_image_id,
            Battle.right_image_id,
            Battle.voter_id,
            type_coerce(Battle.kind, String).label("kind"),
            Battle.propensity,
            Battle.eligible,
            Battle.policy,
            SealEntry.seal_id,
            SealEntry.leaf,
        )
        .join(Battle, Vote.battle_id == Battle.id)
        .join(SealEntry, SealEntry.vote_id == Vote.id)
        .where(stands() if which is None else which)
        .order_by(Vote.id)
        .limit(chunk or CHUNK)
    )
    if campaign_id is not None:
        # The sum hides the index of campaigns: by it SQLite would sort all their votes for every chunk.
        query = query.where(Battle.campaign_id + 0 == campaign_id)
    if told_before is not None:
        query = query.where(released(told_before))
    if battles is not None:
        query = query.where(Vote.battle_id.in_(battles))
    last = after
    connection = session.connection()  # no entities are read, so nothing of the session's is needed
    while rows := connection.execute(query.where(Vote.id > last)).all():
        yield rows
        last = rows[-1].id


def voter_keys(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Keys of voters by id; never to be published."""
    found: dict[int, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        found |= dict(
            session.execute(
                select(Voter.id, Voter.key).where(Voter.id.in_(ids[start : start + _AT_ONCE]))
            ).all()
        )
    return found


def votes_of_seal(session: Session, seal_id: int) -> Sequence[Any]:
    """The votes of a seal in its order; rows also have ``position`` and ``leaf``."""
    return session.execute(
        _joined()
        .add_columns(SealEntry.position, SealEntry.leaf)
        .join(SealEntry, SealEntry.vote_id == Vote.id)
        .where(SealEntry.seal_id == seal_id)
        .order_by(None)
        .order_by(SealEntry.position)
    ).all()


def reasons_of(session: Session, *, first: int, last: int) -> Mapping[int, tuple[list[str], list[str]]]:
    """Reasons of the battles of a range of votes: battle -> (told blind, told after the names)."""
    found: dict[int, tuple[list[str], list[str]]] = {}
    battles = select(Vote.battle_id).where(Vote.id.between(first, last))
    for battle_id, tag, unblinded in session.execute(
        select(Reason.battle_id, Reason.tag, Reason.unblinded)
        .where(Reason.battle_id.in_(battles))
        .order_by(Reason.id)
    ):
        found.setdefault(battle_id, ([], []))[1 if unblinded else 0].append(tag)
    return found
