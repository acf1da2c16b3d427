"""Votes with all that was known when they were cast: what is sealed, and what is exported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Result,
    Select,
    SQLColumnExpression,
    String,
    exists,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session, aliased

from arena.domain.seals import Value, day_of, leaf, private_digest
from arena.queries.board_readers import untold
from arena.queries.removed import stands
from arena.tables import (
    Battle,
    Campaign,
    Criterion,
    Entrant,
    Image,
    Point,
    Prompt,
    Reason,
    SealEntry,
    Vote,
    Voter,
)

CHUNK = 13_000
_AT_ONCE = 500
_FEW = 200
"""Votes in a chunk, ids in a query, and rows that are held before they become columns."""

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
    """Whether a vote may leave the arena: its rater saw the names, or can neither undo it nor answer more.

    Of a battle that was never revealed that is so when the vote is as old as that, and with it the last
    answer, or the battle's time was over by then.
    """
    done = Battle.voted_at.is_not(None) | (Battle.expires_at <= told_before)
    return Battle.revealed_at.is_not(None) | ((Vote.cast_at <= told_before) & done)


def sealed_votes(
    session: Session,
    *,
    campaign_id: int | None = None,
    told_before: datetime | None = None,
    battles: Sequence[int] | None = None,
    after: int = 0,
    chunk: int | None = None,
    which: ColumnElement[bool] | None = None,
) -> Iterator[dict[str, list[Any]]]:
    """Every sealed vote that stands, in the order of ids, in chunks by column, as ids of what others tell.

    One row is joined of three tables alone, and ``cast_at`` is text (`moment_text`): that is several times
    as fast as joining all that is told of a vote. With ``told_before`` only those that are `released`, of
    campaigns that are not `untold`; with ``battles`` only theirs; with ``after`` only those of higher ids;
    ``chunk`` is `CHUNK` if not given; ``which`` of `arena.queries.removed` asks for other votes than those
    that stand.
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
            moment_text(session, Vote.cast_at).label("cast_at"),
            Battle.prompt_id,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            Battle.left_image_id,
            Battle.right_image_id,
            Battle.voter_id,
            type_coerce(Battle.kind, String).label("kind"),
            type_coerce(Battle.expected, String).label("expected"),
            func.coalesce(Battle.repeats_id, 0).label("repeats"),
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
        query = query.where(released(told_before), Battle.campaign_id.not_in(untold(told_before)))
    if battles is not None:
        query = query.where(Vote.battle_id.in_(battles))
    last = after
    connection = session.connection()  # no entities are read, so nothing of the session's is needed
    while (columns := _by_column(connection.execute(query.where(Vote.id > last))))["id"]:
        last = columns["id"][-1]
        yield columns


def _by_column(result: Result[*tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows as columns; so few are rows at any time that they never set off the garbage collector."""
    columns: dict[str, list[Any]] = {name: [] for name in result.keys()}  # noqa: SIM118 - no mapping
    for rows in result.partitions(_FEW):
        for column, cells in zip(columns.values(), zip(*rows, strict=True), strict=True):
            column.extend(cells)
    return columns


def moment_text(session: Session, column: SQLColumnExpression[datetime]) -> ColumnElement[str]:
    """A moment in UTC as text, 2026-11-02 09:00:00.000000, which is much faster to read than a moment."""
    if session.get_bind().dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD HH24:MI:SS.US")
    return type_coerce(column, String)


def voters_of(session: Session, ids: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    """Ids, keys and cohorts of voters; keys are never to be published."""
    for start in range(0, len(ids), _AT_ONCE):
        some = Voter.id.in_(ids[start : start + _AT_ONCE])
        yield from session.execute(select(Voter.id, Voter.key, Voter.cohort).where(some))


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


Told = Mapping[int, tuple[list[str], list[str]]]
"""What was told of battles: before the names were shown, and after."""


def reasons_of(session: Session, votes: Sequence[int], battles: Sequence[int]) -> Told:
    """Reasons of the battles of votes, which are in the order of their ids."""
    query = select(Reason.battle_id, Reason.unblinded, Reason.tag).order_by(Reason.id)
    return _told(session.execute(query.where(_voted(Reason.battle_id, votes, battles))))


def points_of(session: Session, votes: Sequence[int], battles: Sequence[int]) -> Told:
    """Spots marked in the battles of votes, as side:x:y:reason; see `reasons_of`."""
    query = select(Point.battle_id, Point.unblinded, Point.side, Point.x, Point.y, Point.tag)
    rows = session.execute(query.where(_voted(Point.battle_id, votes, battles)).order_by(Point.id))
    return _told((battle, late, f"{side}:{x}:{y}:{tag or ''}") for battle, late, side, x, y, tag in rows)


def _voted(
    battle_id: SQLColumnExpression[int], votes: Sequence[int], battles: Sequence[int]
) -> ColumnElement[bool]:
    """Whether a battle is one of those; the range alone finds at once that there are none."""
    within = exists().where(Vote.battle_id == battle_id, Vote.id.between(votes[0], votes[-1]))
    return battle_id.between(min(battles), max(battles)) & within


def _told(rows: Iterable[Any]) -> Told:
    found: dict[int, tuple[list[str], list[str]]] = {}
    for battle, unblinded, word in rows:
        found.setdefault(battle, ([], []))[1 if unblinded else 0].append(word)
    return found
