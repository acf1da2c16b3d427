"""A board's runs over time: the first, the newest, and evenly between."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from arena.db import Database
from arena.domain.views import View
from arena.queries.history import Reading, history
from arena.storage import ImageStore
from arena.tables import Rating, RatingRun
from tests import factory

ALL_VOTES, STYLE = View(), View(style=True)


@pytest.fixture
def arena(database: Database, images: ImageStore) -> factory.Arena:
    return factory.open_arena(database, images)


def keep_runs(arena: factory.Arena, count: int, *, view: View = ALL_VOTES) -> list[int]:
    """Keep runs a minute apart; the first entrant gains a point with each, the second appears halfway."""
    with arena.database.write.begin() as session:
        told = {
            "campaign_id": arena.campaign_id, "criterion_id": arena.criteria[0], "view": str(view),
            "method": "bradley-terry", "method_version": "1", "options": {}, "seed": 1, "last_vote_id": 1,
            "warnings": [], "details": {}, "cpu_seconds": 0.1,
        }  # fmt: skip
        session.execute(
            insert(RatingRun),
            [
                {**told, "votes": n + 1, "votes_in_all": n + 1, "fitted_at": arena.tick(60)}
                for n in range(count)
            ],
        )
        runs = list(
            session.scalars(select(RatingRun.id).where(RatingRun.view == str(view)).order_by(RatingRun.id))
        )[-count:]
        blank = dict.fromkeys(column.name for column in Rating.__table__.columns)
        rose, lily, _ = arena.entrants.values()
        session.execute(
            insert(Rating),
            [
                {
                    **blank, "run_id": run, "entrant_id": entrant, "position": place, "rating": 1000.0 + n,
                    "low": 900.0 + n, "votes": 1, "wins": 1, "losses": 0, "ties": 0, "both_bad": 0,
                    "provisional": False, "island": 0,
                }
                for n, run in enumerate(runs)
                for place, entrant in enumerate((rose, lily) if n >= count // 2 else (rose,))
            ],
        )  # fmt: skip
    return runs


def test_few_runs_are_read_one_and_all(arena: factory.Arena) -> None:
    runs = keep_runs(arena, 7)
    keep_runs(arena, 3, view=STYLE)
    with arena.database.read() as session:
        told = history(session, arena.campaign_id, arena.criteria[0], ALL_VOTES, most=7)
    assert [moment.run for moment in told.moments] == runs
    assert [moment.votes for moment in told.moments] == [1, 2, 3, 4, 5, 6, 7]
    assert told.moments[1].at - told.moments[0].at == timedelta(minutes=1)
    assert told.tracks["rose"][-1] == Reading(1006.0, 906.0, None)
    assert told.tracks["lily"][:3] == (None, None, None)
    assert told.tracks["iris"] == (None,) * 7


def test_of_many_runs_the_ends_and_some_evenly_between_are_read(arena: factory.Arena) -> None:
    runs = []
    for _ in range(5):
        runs += keep_runs(arena, 100)
        keep_runs(arena, 11, view=STYLE)
    for most in (2, 3, 12, 120):
        with arena.database.read() as session:
            told = history(
                session, arena.campaign_id, arena.criteria[0], ALL_VOTES, entrants={"rose"}, most=most
            )
        picked = [moment.run for moment in told.moments]
        assert picked[0] == runs[0]
        assert picked[-1] == runs[-1]
        assert set(picked) <= set(runs)
        assert 0.8 * most <= len(picked) <= most
        gaps = [later - run for run, later in itertools.pairwise(picked)]
        assert max(gaps) <= (runs[-1] - runs[0]) / (most - 1) + 12
        assert list(told.tracks) == ["rose"]
        assert all(told.tracks["rose"])


def test_an_arena_without_runs_has_an_empty_history(arena: factory.Arena) -> None:
    with arena.database.read() as session:
        told = history(session, arena.campaign_id, arena.criteria[0], ALL_VOTES)
    assert told.moments == ()
    assert told.tracks == {"rose": (), "lily": (), "iris": ()}
