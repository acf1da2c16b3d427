"""Who was dealt how often, and what became of it: counted by the worker, so that no page adds up battles.

What a policy gave a pair at each moment is not kept, only the probability of what it drew. Two things follow
from these honestly. Each battle divided by its probability stands for all that could have been dealt then
[1]_: the share of an entrant among all of that is what even dealing would have given it. And the weights as
they are now say what the policy gives a rater who has judged nothing yet.

References
----------
.. [1] D. G. Horvitz, D. J. Thompson, "A generalization of sampling without replacement from a finite
   universe", Journal of the American Statistical Association 47, 1952.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sqlalchemy import delete, exists, func, select, text
from sqlalchemy.orm import Session
from threadpoolctl import threadpool_limits

from analysis import wilson_interval
from arena.db import Database, told_plainly
from arena.domain.blinding import PICTURES_LAST
from arena.queries.boards import votes_of
from arena.queries.fair_play import SAMPLING, Battles, Removed, Shown
from arena.queries.finding import first_criterion
from arena.queries.removed import retracted
from arena.queries.showing import first_criteria
from arena.queries.studies import newest_study
from arena.services.dealing import Stocks, pair_weights
from arena.services.fitting import LEVEL
from arena.tables import Battle, BattleKind, Campaign, CampaignEntrant, Entrant, Removal, Study, Vote

VERSION: Final = "1"

REST: Final = timedelta(seconds=30)
"""So long the counts rest, and `REST_TIMES` as long as counting took, before they are made anew."""

REST_TIMES: Final = 20

CHUNK: Final = 50_000
"""At most so many battles are read between two seals."""

SETTLED: Final = PICTURES_LAST + timedelta(minutes=1)
"""So long after a battle ended nothing of it changes, whatever the clock of another process says.

A vote can be undone while the pictures hang, which may be until so long after the end.
"""

Floats = NDArray[np.float64]
Cells = Mapping[tuple[BattleKind, int, int], Floats]
"""Numbers by kind, left entrant and right entrant; see `SamplingBook`."""

_COLUMNS: Final = 7


@dataclass(slots=True)
class SamplingBook:
    """What a worker has counted of battles, and when it may look again.

    ``settled`` are, by campaign, those up to the number ``last``: nothing of them changes any more. The
    numbers of a cell are battles, answered, skipped and expired ones, those with a known probability, and the
    sums of its inverse and of the square of that.
    """

    stocks: Stocks = field(default_factory=Stocks)
    settled: dict[int, Cells] = field(default_factory=dict)
    last: int = 0
    next: datetime | None = None


def refresh(database: Database, book: SamplingBook, *, now: datetime) -> int:
    """Tell anew how often everybody was shown, of every campaign where it changed; returns how many.

    A book that has much to read first reads `CHUNK` battles a time and tells nothing yet.
    """
    if book.next is not None and now < book.next:
        return 0
    started = time.process_time()
    told: list[tuple[int, dict[str, Any]]] = []
    with database.read() as session:
        _of_one_moment(session)
        if not _read_settled(session, book, now=now):
            return 0
        newer = _count(session, after=book.last, now=now)
        for campaign in session.scalars(select(Campaign).order_by(Campaign.id)).all():
            cells = _together(book.settled.get(campaign.id, {}), newer.get(campaign.id, {}))
            result = _result(session, campaign, cells, book.stocks, now=now)
            before = newest_study(session, campaign.id, SAMPLING)
            if before is None or before.result != result:
                told.append((campaign.id, result))
    seconds = time.process_time() - started
    for campaign_id, result in told:
        with told_plainly(), database.write.begin() as session:
            _keep(session, campaign_id, result, seconds=seconds, now=now)
    book.next = now + max(REST, REST_TIMES * timedelta(seconds=seconds))
    return len(told)


def _of_one_moment(session: Session) -> None:
    """See that all reads of a transaction are of one moment, as on SQLite they always are."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _read_settled(session: Session, book: SamplingBook, *, now: datetime) -> bool:
    """Count battles that have been settled since, at most `CHUNK` numbers on; whether none is left.

    Counting stops before the first that may still change, and at the newest that cannot: one that was dealt
    before it and is not committed yet would be as old.
    """
    newer = Battle.id > book.last
    settled = Battle.expires_at <= now - SETTLED
    newest = session.scalar(select(Battle.id).where(newer, settled).order_by(Battle.id.desc()).limit(1))
    if newest is None:
        return True
    until = min(newest, book.last + CHUNK)
    unsettled = session.scalar(
        select(Battle.id).where(newer, ~settled, Battle.id <= until).order_by(Battle.id).limit(1)
    )
    if unsettled is not None:
        until = newest = unsettled - 1
    for campaign_id, cells in _count(session, after=book.last, until=until, now=now).items():
        book.settled[campaign_id] = _together(book.settled.get(campaign_id, {}), cells)
    book.last = until
    return until == newest


def _count(session: Session, *, after: int, until: int | None = None, now: datetime) -> Mapping[int, Cells]:
    """Count the battles with numbers above one, up to another, by campaign."""
    first = Vote.criterion_id.in_(first_criteria(session))
    answered = exists().where(Vote.battle_id == Battle.id, first, ~retracted()).correlate(Battle)
    skipped = ~answered & (Battle.skipped_at < Battle.expires_at)
    too_late = Battle.skipped_at.is_(None) | (Battle.skipped_at >= Battle.expires_at)
    expired = ~answered & too_late & (Battle.expires_at <= now)
    inverse = 1.0 / Battle.propensity
    keys = (Battle.campaign_id, Battle.kind, Battle.left_entrant_id, Battle.right_entrant_id)
    query = select(
        *keys,
        func.count(),
        *(func.count().filter(condition) for condition in (answered, skipped, expired)),
        func.count(Battle.propensity),
        func.coalesce(func.sum(inverse), 0.0),
        func.coalesce(func.sum(inverse * inverse), 0.0),
    ).where(Battle.id > after)
    if until is not None:
        query = query.where(Battle.id <= until)
    found: dict[int, dict[tuple[BattleKind, int, int], Floats]] = {}
    for campaign_id, kind, left, right, *numbers in session.execute(query.group_by(*keys)):
        found.setdefault(campaign_id, {})[kind, left, right] = np.array(numbers, dtype=float)
    return found


def _together(cells: Cells, more: Cells) -> Cells:
    together = dict(cells)
    for cell, numbers in more.items():
        together[cell] = together[cell] + numbers if cell in together else numbers
    return together


def _result(
    session: Session, campaign: Campaign, cells: Cells, stocks: Stocks, *, now: datetime
) -> dict[str, Any]:
    """Everything that is told of a campaign, as JSON."""
    ordinary = {cell: numbers for cell, numbers in cells.items() if cell[0] is BattleKind.ORDINARY}
    families = dict(
        session.execute(
            select(Entrant.id, Entrant.family)
            .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
            .where(CampaignEntrant.campaign_id == campaign.id)
            .order_by(Entrant.id)
        ).all()
    )
    question = first_criterion(session, campaign.id).id
    policy, pictures = _policy(session, campaign, stocks, now=now)
    return {
        "entrants": _shown(ordinary, {entrant: str(entrant) for entrant in families}, policy),
        "families": _shown(ordinary, families, policy),
        "kinds": _kinds(cells),
        "known": round(sum(numbers[4] for numbers in ordinary.values())),
        "counted": votes_of(session, campaign.id, question),
        "removed": [{**asdict(one), "kind": one.kind.value} for one in _removed(session, question)],
        "pictures": pictures,
    }


def _removed(session: Session, criterion_id: int) -> list[Removed]:
    """Votes on ordinary battles that were removed, by rule."""
    rows = session.execute(
        select(Removal.kind, Removal.rule, func.count())
        .join(Vote, Removal.vote_id == Vote.id)
        .join(Battle, Vote.battle_id == Battle.id)
        .where(Removal.criterion_id == criterion_id, Battle.kind == BattleKind.ORDINARY)
        .group_by(Removal.kind, Removal.rule)
        .order_by(Removal.kind, Removal.rule)
    )
    return [Removed(*row) for row in rows]


def _policy(
    session: Session, campaign: Campaign, stocks: Stocks, *, now: datetime
) -> tuple[dict[int, float] | None, int]:
    """Share of places that a rater who has judged nothing is dealt now; and how many pictures there are."""
    with stocks.of(session, campaign) as stock:
        pairs, pictures = sorted(stock.pairs), len(stock.prompt_of)
    if not pairs or (campaign.closed_at is not None and campaign.closed_at <= now):
        return None, pictures
    with threadpool_limits(1, user_api="blas"):
        weights = pair_weights(session, campaign, pairs)
    total = sum(weights.values())
    share: dict[int, float] = {}
    for pair, weight in weights.items():
        for entrant in pair:
            share[entrant] = share.get(entrant, 0.0) + weight / total / 2
    return share, pictures


def _shown(
    cells: Cells, group_of: Mapping[int, str], policy: Mapping[int, float] | None
) -> dict[str, dict[str, Any]]:
    """Add up cells by groups of entrants."""
    names = list(dict.fromkeys(group_of.values()))
    place = {name: n for n, name in enumerate(names)}
    n = len(names)
    left = np.array([place[group_of[cell[1]]] for cell in cells], dtype=np.int64)
    right = np.array([place[group_of[cell[2]]] for cell in cells], dtype=np.int64)
    numbers = np.array(list(cells.values()), dtype=float).reshape(-1, _COLUMNS).T

    def places(values: Floats) -> Floats:
        return np.asarray(np.bincount(left, values, n) + np.bincount(right, values, n))

    dealt, voted, skipped, expired = (places(values) for values in numbers[:4])
    on_left = np.bincount(left, numbers[0], n)
    offered, half = _offered(left, right, numbers[5], numbers[6], n)
    everything = float(dealt.sum())
    rows = {}
    for i, name in enumerate(names):
        members = [entrant for entrant, group in group_of.items() if group == name]
        low, high = wilson_interval(on_left[i], dealt[i], level=LEVEL)
        shown = Shown(
            entrants=len(members),
            places=round(dealt[i]),
            left=round(on_left[i]),
            left_low=_known(low),
            left_high=_known(high),
            voted=round(voted[i]),
            skipped=round(skipped[i]),
            expired=round(expired[i]),
            share=dealt[i] / everything if everything else 0.0,
            offered=_known(offered[i]),
            offered_low=_known(max(0.0, offered[i] - half[i])),
            offered_high=_known(min(1.0, offered[i] + half[i])),
            policy=None if policy is None else sum(policy.get(entrant, 0.0) for entrant in members),
        )
        rows[name] = asdict(shown)
    return rows


def _offered(
    left: NDArray[np.int64], right: NDArray[np.int64], inverse: Floats, squares: Floats, n: int
) -> tuple[Floats, Floats]:
    """Shares among all that could have been dealt, and half the widths of their intervals.

    With weights w and c = 0, 1 or 2 places of a group in a battle the share is that of w c / 2 in all w, a
    ratio, whose variance is the sum of (w (c / 2 - share))² over the square of the sum of w.
    """
    total = inverse.sum()
    if not total:
        return np.full(n, np.nan), np.full(n, np.nan)
    both = np.where(left == right, squares, 0.0)
    share = (np.bincount(left, inverse, n) + np.bincount(right, inverse, n)) / (2 * total)
    once = np.bincount(left, squares, n) + np.bincount(right, squares, n)
    twice = once + 2 * np.bincount(left, both, n)
    spread = twice / 4 - share * once + share**2 * squares.sum()
    half = float(ndtri((1 + LEVEL) / 2)) * np.sqrt(np.clip(spread, 0, None)) / total
    return np.asarray(share), np.asarray(half)


def _kinds(cells: Cells) -> dict[str, dict[str, int]]:
    """What became of the battles of each kind."""
    told = {}
    for kind in BattleKind:
        numbers = sum((of for cell, of in cells.items() if cell[0] is kind), np.zeros(_COLUMNS))
        battles = Battles(*(round(number) for number in numbers[:4]))
        told[kind.value] = asdict(battles)
    return told


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _keep(
    session: Session, campaign_id: int, result: dict[str, Any], *, seconds: float, now: datetime
) -> None:
    session.execute(delete(Study).where(Study.campaign_id == campaign_id, Study.kind == SAMPLING))
    session.add(
        Study(
            campaign_id=campaign_id,
            kind=SAMPLING,
            version=VERSION,
            pictures=result["pictures"],
            result=result,
            cpu_seconds=seconds,
            made_at=now,
        )
    )
