"""Boards of a large arena: processor time of its fits, and its pages beside the server's empty route.

    python benchmarks/large_arena.py FOLDER
    python benchmarks/boards.py fits FOLDER
    python benchmarks/boards.py pages FOLDER --seconds 10

``fits`` reads the votes as the worker does and prints the CPU seconds of each kind of board, first with its
pictures' measures unread and then again, and of a refresh after 1,000 new votes. ``pages`` starts the real
server and prints p50 and p95 of the leaderboard and of its empty route, in turns within one run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from threadpoolctl import threadpool_limits

from analysis import Comparisons, fit_bradley_terry, leaderboard
from arena.cli.context import Context
from arena.domain.views import View
from arena.queries.boards import labels_of
from arena.queries.finding import find_campaign, first_criterion
from arena.services import standings
from arena.services.standings import Cache, Wanted
from arena.tables import Battle, Campaign, CampaignEntrant, Entrant, Tally, Vote
from benchmarks.large_arena import LARGE, context_of

VIEWS = (
    "",
    "category=category-3",
    "cohort=creators",
    "since=2026-08-01&until=2026-08-31",
    "ties=drop",
    "ties=davidson",
    "category=category-3&style=1",
    "style=1",
)
ADDRESSES = (f"/leaderboard?campaign={LARGE}", f"/leaderboard?campaign={LARGE}&category=category-3")
NEW_VOTES = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["fits", "pages"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="pages: of each round")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    context = context_of(told.folder)
    found = fits(context) if told.what == "fits" else pages(told.folder, context, told.seconds, told.rounds)
    print(json.dumps(found, indent=2))


def fits(context: Context) -> dict[str, Any]:
    """CPU seconds of everything that the worker does for boards."""
    cache = Cache()
    with context.database.read() as session, threadpool_limits(1, user_api="blas"):
        campaign = find_campaign(session, LARGE)
        criterion = first_criterion(session, campaign.id)
        told: dict[str, Any] = {"read": _cpu(lambda: cache.votes.read(session, campaign.id, criterion.id))}
        told["tally"] = _cpu(lambda: _from_tallies(session, campaign))
        for text in VIEWS:
            wanted = Wanted(campaign, criterion, View.of_text(text))
            times = [
                _cpu(lambda wanted=wanted: standings.fit(session, wanted, cache=cache)) for _ in range(2)
            ]
            told[text or "all votes"] = {"first": times[0], "again": times[1]}
    more_votes(context, NEW_VOTES)
    with context.database.read() as session, threadpool_limits(1, user_api="blas"):
        wanted = Wanted(campaign, criterion, View())
        told[f"after {NEW_VOTES} new votes"] = _cpu(lambda: standings.fit(session, wanted, cache=cache))
    return told


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return round(time.process_time() - started, 3)


def _from_tallies(session: Session, campaign: Campaign) -> object:
    """A board from stored counts alone, its votes taken as independent."""
    entrants = session.scalars(
        select(Entrant).join(CampaignEntrant).where(CampaignEntrant.campaign_id == campaign.id)
    ).all()
    names = labels_of(entrants)
    rows = session.execute(
        select(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome, Tally.votes).where(
            Tally.campaign_id == campaign.id, Tally.category == "all"
        )
    ).all()
    left, right, outcome, votes = zip(*rows, strict=True)
    counted = Comparisons.from_counts(
        list(names.values()), [names[n] for n in left], [names[n] for n in right], outcome, votes
    )
    return leaderboard(fit_bradley_terry(counted))


def more_votes(context: Context, number: int) -> None:
    """Copy the first battles as new ones, with a vote and a count each."""
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        campaign = find_campaign(session, LARGE)
        criterion = first_criterion(session, campaign.id)
        columns = [column for column in Battle.__table__.columns if column.key != "id"]
        rows = session.execute(
            select(*columns).where(Battle.campaign_id == campaign.id).limit(number)
        ).mappings()
        stamp = f"{time.time_ns():x}"
        for place, row in enumerate(rows.all()):
            fresh = {name: f"{stamp}{place}{name[0]}"[:32] for name in ("key", "left_token", "right_token")}
            battle = session.execute(
                insert(Battle).values(**{**row, **fresh}).returning(Battle.id)
            ).scalar_one()
            session.add(
                Vote(
                    battle_id=battle, criterion_id=criterion.id, ballot_no=1, outcome="left", elapsed_ms=None,
                    consent="2026-11", salt=os.urandom(16), cast_at=now,
                )
            )  # fmt: skip
            tally = session.scalars(
                select(Tally)
                .where(
                    Tally.campaign_id == campaign.id,
                    Tally.category == "all",
                    Tally.left_entrant_id == row["left_entrant_id"],
                    Tally.right_entrant_id == row["right_entrant_id"],
                    Tally.outcome == "left",
                )
                .limit(1)
            ).one()
            tally.votes += 1


def pages(folder: Path, context: Context, seconds: float, rounds: int) -> dict[str, Any]:
    """Milliseconds of a page and of the empty route, from one client, in turns."""
    cache = Cache()
    with context.database.write.begin() as session:
        criterion = first_criterion(session, find_campaign(session, LARGE).id)
        standings.ask(session, criterion.id, View(category="category-3"), now=datetime.now(UTC))
    standings.refresh(context.database, now=datetime.now(UTC), cache=cache)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, "ARENA_HOME": str(folder), "ARENA_PORT": str(port), "ARENA_LOG_LEVEL": "error"}
    command = [sys.executable, "-c", "from arena.cli import main; main()", "serve", "--no-worker"]
    server = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    found: dict[str, list[float]] = {}
    first: dict[str, list[float]] = {}
    try:
        _wait(port)
        for _ in range(rounds):
            for address in ("/healthz", *ADDRESSES):
                time.sleep(1.2)
                times = _times(port, address, seconds)
                first.setdefault(address, []).append(times[0])
                found.setdefault(address, []).extend(times)
    finally:
        server.terminate()
        server.wait(timeout=60)
    told: dict[str, Any] = {}
    floor = found["/healthz"]
    for address, times in found.items():
        p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        told[address] = {
            "requests": len(times),
            "p50_ms": round(1000 * p50, 2),
            "p95_ms": round(1000 * p95, 2),
            "p95_ratio": round(p95 / statistics.quantiles(floor, n=20)[-1], 2),
            "first_ms": round(1000 * statistics.median(first[address]), 1),
        }
    return told


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def _times(port: int, address: str, seconds: float) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        connection.request("GET", address)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - started)
        if answer.status != 200:
            raise SystemExit(f"{address} answered {answer.status}")
    connection.close()
    return times


if __name__ == "__main__":
    main()
