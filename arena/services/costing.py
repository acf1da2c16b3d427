"""What the pictures of each entrant took, kept beside the boards, so that no page adds up a million rows."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import ceil
from statistics import median
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.queries.costs import COSTS, Costs, newest_costs
from arena.services.snapshots import CHUNK
from arena.tables import Campaign, CampaignEntrant, Image, Job, JobState, Study

VERSION = "1"


@dataclass(slots=True)
class _Pictures:
    """Of one entrant's pictures: wall and processor seconds, joules where known, and how those were got."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    joules: list[float] = field(default_factory=list)
    methods: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class CostBook:
    """What a worker has read of pictures, so that only newer ones are read again."""

    _of: dict[int, _Pictures] = field(default_factory=dict)
    _last: int = 0

    def read(self, session: Session) -> None:
        """Read the pictures that are newer than the last one."""
        result = session.execute(
            select(
                Image.id,
                Image.entrant_id,
                Image.seconds,
                Image.cpu_seconds,
                Image.joules,
                Image.energy_method,
            )
            .where(Image.id > self._last)
            .order_by(Image.id)
        )
        while rows := result.fetchmany(CHUNK):
            for number, entrant, seconds, cpu_seconds, joules, method in rows:
                self._last = number
                if seconds is None or cpu_seconds is None:  # painted in another arena, which did not tell
                    continue
                pictures = self._of.setdefault(entrant, _Pictures())
                pictures.seconds.append(seconds)
                pictures.cpu_seconds.append(cpu_seconds)
                if joules is not None:
                    pictures.joules.append(joules)
                    pictures.methods[method or ""] += 1

    def costs(self, entrant_id: int, refused: int) -> Costs:
        """What the pictures of an entrant took."""
        pictures = self._of.get(entrant_id, _Pictures())
        seconds, joules = sorted(pictures.seconds), pictures.joules
        return Costs(
            pictures=len(seconds),
            refused=refused,
            seconds=median(seconds) if seconds else None,
            seconds_p95=seconds[ceil(0.95 * len(seconds)) - 1] if seconds else None,
            cpu_seconds=median(pictures.cpu_seconds) if seconds else None,
            joules=median(joules) if joules else None,
            energy_method=(next(iter(pictures.methods)) if len(pictures.methods) == 1 else "mixed")
            if joules
            else None,
        )

    def count(self, entrant_id: int) -> int:
        """How many pictures of an entrant have been read."""
        return len(self._of[entrant_id].seconds) if entrant_id in self._of else 0


def refresh(database: Database, book: CostBook, *, now: datetime) -> int:
    """Tell anew what pictures took, of every campaign that has new ones or refusals; returns how many."""
    started = time.process_time()
    told: list[tuple[int, dict[int, Costs]]] = []
    with database.read() as session:
        book.read(session)
        refused = _refusals(session)
        for campaign_id, entrants in _entrants(session).items():
            before = newest_costs(session, campaign_id)
            known = {number: (one.pictures, one.refused) for number, one in before.items()}
            if any(known.get(n, (0, 0)) != (book.count(n), refused.get(n, 0)) for n in entrants):
                told.append((campaign_id, {n: book.costs(n, refused.get(n, 0)) for n in entrants}))
    for campaign_id, costs in told:
        with told_plainly(), database.write.begin() as session:
            session.execute(delete(Study).where(Study.campaign_id == campaign_id, Study.kind == COSTS))
            session.add(
                Study(
                    campaign_id=campaign_id,
                    kind=COSTS,
                    version=VERSION,
                    pictures=sum(one.pictures for one in costs.values()),
                    result=_result(costs),
                    cpu_seconds=time.process_time() - started,
                    made_at=now,
                )
            )
    return len(told)


def _result(costs: dict[int, Costs]) -> dict[str, Any]:
    return {str(number): asdict(one) for number, one in costs.items()}


def _refusals(session: Session) -> dict[int, int]:
    rows = session.execute(
        select(Job.entrant_id, func.count(Job.id))
        .where(Job.state == JobState.REFUSED)
        .group_by(Job.entrant_id)
    )
    return dict(rows.all())


def _entrants(session: Session) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for campaign_id, entrant_id in session.execute(
        select(Campaign.id, CampaignEntrant.entrant_id).join(CampaignEntrant)
    ):
        found.setdefault(campaign_id, []).append(entrant_id)
    return found
