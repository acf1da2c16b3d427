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
from arena.queries.boards import first_criterion, votes_of
from arena.queries.fair_play import SAMPLING, Battles, Shown
from arena.queries.studies import newest_study
from arena.services.dealing import Stocks, pair_weights
from arena.services.fitting import LEVEL
from arena.tables import Battle, BattleKind, Campaign, CampaignEntrant, Entrant, Study, Vote

VERSION: Final = "1"

REST: Final = timedelta(seconds=30)
"""So long the counts rest, and `REST_TIMES` as long as counting took, before they are made anew."""

REST_TIMES: Final = 20

CHUNK: Final = 100_000
"""At most so many battles are read between two seals."""

SETTLED: Final = timedelta(minutes=1)
"""So long after a battle ended nothing of it changes, whatever the clock of another process says."""

Floats = NDArray[np.float64]
Cell = tuple[BattleKind, int, int]
"""Kind, left entrant, right entrant."""

_COLUMNS: Final = 7


@dataclass(slots=True)
class _Counted:
    """Battles of a campaign that are settled, counted up to one of them.

    The numbers of a cell are battles, answered, skipped and expired ones, those with a known probability, and
    the sums of its inverse and of the square of that.
    """

    cells: dict[Cell, Floats] = field(default_factory=dict)
    last: int = 0


@dataclass(slots=True)
class SamplingBook:
    """What a worker has counted of battles, and when it may look again."""

    stocks: Stocks = field(default_factory=Stocks)
    counted: dict[int, _Counted] = field(default_factory=dict)
    next: datetime | None = None


def refresh(database: Database, book: SamplingBook, *, now: datetime) -> int:
    """Tell anew how often everybody was shown, of every campaign where it changed; returns how many.

    A book that has much to read first reads `CHUNK` battles a time and tells nothing yet.
    """
    if book.next is not None and now < book.next:
        return 0
    started = time.process_time()
    with database.read() as session:
        campaigns = session.scalars(select(Campaign).order_by(Campaign.id)).all()
    made = 0
    for campaign in campaigns:
        with database.read() as session:
            _of_one_moment(session)
            counted = book.counted.setdefault(campaign.id, _Counted())
            if not _read_settled(session, campaign.id, counted, now=now):
                return made
            before = newest_study(session, campaign.id, SAMPLING)
            result = _result(session, campaign, counted, book.stocks, now=now)
        if before is None or before.result != result:
            with told_plainly(), database.write.begin() as session:
                _keep(session, campaign.id, result, seconds=time.process_time() - started, now=now)
            made += 1
    book.next = now + max(REST, REST_TIMES * timedelta(seconds=time.process_time() - started))
    return made


def _of_one_moment(session: Session) -> None:
    """See that all reads of a transaction are of one moment, as on SQLite they always are."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _read_settled(session: Session, campaign_id: int, counted: _Counted, *, now: datetime) -> bool:
    """Count battles that have been settled since, at most `CHUNK` numbers on; whether none is left."""
    newest = session.scalar(
        select(Battle.id)
        .where(
            Battle.campaign_id == campaign_id,
            Battle.id > counted.last,
            Battle.expires_at <= now - SETTLED,
        )
        .order_by(Battle.id.desc())
        .limit(1)
    )
    if newest is None:
        return True
    until = min(newest, counted.last + CHUNK)
    _add(counted.cells, _cells(session, campaign_id, after=counted.last, until=until, now=now))
    counted.last = until
    return until == newest


def _cells(
    session: Session, campaign_id: int, *, after: int, until: int | None = None, now: datetime
) -> dict[Cell, Floats]:
    """Count the battles with numbers above one, up to another."""
    question = first_criterion(session, campaign_id).id
    answered = exists().where(Vote.battle_id == Battle.id, Vote.criterion_id == question).correlate(Battle)
    skipped = ~answered & (Battle.skipped_at < Battle.expires_at)
    too_late = Battle.skipped_at.is_(None) | (Battle.skipped_at >= Battle.expires_at)
    expired = ~answered & too_late & (Battle.expires_at <= now)
    inverse = 1.0 / Battle.propensity
    query = select(
        Battle.kind,
        Battle.left_entrant_id,
        Battle.right_entrant_id,
        func.count(),
        *(func.count().filter(condition) for condition in (answered, skipped, expired)),
        func.count(Battle.propensity),
        func.coalesce(func.sum(inverse), 0.0),
        func.coalesce(func.sum(inverse * inverse), 0.0),
    ).where(Battle.campaign_id == campaign_id, Battle.id > after)
    if until is not None:
        query = query.where(Battle.id <= until)
    rows = session.execute(query.group_by(Battle.kind, Battle.left_entrant_id, Battle.right_entrant_id))
    return {(kind, left, right): np.array(numbers, dtype=float) for kind, left, right, *numbers in rows}


def _add(cells: dict[Cell, Floats], more: Mapping[Cell, Floats]) -> None:
    for cell, numbers in more.items():
        cells[cell] = cells[cell] + numbers if cell in cells else numbers


def _result(
    session: Session, campaign: Campaign, counted: _Counted, stocks: Stocks, *, now: datetime
) -> dict[str, Any]:
    """Everything that is told of a campaign, as JSON."""
    cells = dict(counted.cells)
    _add(cells, _cells(session, campaign.id, after=counted.last, now=now))
    ordinary = {cell: numbers for cell, numbers in cells.items() if cell[0] is BattleKind.ORDINARY}
    families = dict(
        session.execute(
            select(Entrant.id, Entrant.family)
            .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
            .where(CampaignEntrant.campaign_id == campaign.id)
            .order_by(Entrant.id)
        ).all()
    )
    policy, pictures = _policy(session, campaign, stocks, now=now)
    return {
        "entrants": _shown(ordinary, {entrant: str(entrant) for entrant in families}, policy),
        "families": _shown(ordinary, families, policy),
        "kinds": _kinds(cells),
        "known": round(sum(numbers[4] for numbers in ordinary.values())),
        "counted": votes_of(session, campaign.id, first_criterion(session, campaign.id).id),
        "pictures": pictures,
    }


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
    cells: Mapping[Cell, Floats], group_of: Mapping[int, str], policy: Mapping[int, float] | None
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


def _kinds(cells: Mapping[Cell, Floats]) -> dict[str, dict[str, int]]:
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
