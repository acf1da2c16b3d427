"""Standings: what the votes say, no more, and every run kept."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from analysis.outcomes import Outcome
from arena.queries.boards import board
from arena.services import curation, generation, standings
from arena.services.fitting import fit_board
from arena.services.snapshots import Snapshot, SnapshotCache
from arena.services.working import keep_books
from arena.tables import Battle, Campaign, Rating, RatingRun, Seal
from tests.cells import board_votes
from tests.database.conftest import NOW, Arena, card

RESTED = NOW + timedelta(hours=1)
"""When every board has rested, however slow the machine."""


def vote_by_taste(arena: Arena, voters: int, taste: dict[int, float]) -> None:
    """Let voters prefer the entrant with more of ``taste``; every fifth of them the other one."""
    for number in range(voters):
        voter = f"voter{number}"
        key = arena.deal(voter, seed=number)
        with arena.database.read() as session:
            battle = session.scalars(select(Battle).where(Battle.key == key)).one()
        left = taste[battle.left_entrant_id] > taste[battle.right_entrant_id]
        if number % 5 == 0:
            left = not left
        arena.vote(voter, key, Outcome.LEFT if left else Outcome.RIGHT)


def test_the_board_follows_the_votes(arena: Arena) -> None:
    with arena.database.read() as session:
        ids = list(session.scalars(select(Battle.left_entrant_id)))
    assert ids == []
    vote_by_taste(arena, 90, {1: 3.0, 2: 2.0, 3: 1.0})
    assert keep_books(arena.database) == (90, 1)
    with arena.database.read() as session:
        shown = board(session)
        seals = session.scalar(select(func.sum(Seal.entries)))
    assert [row.entrant for row in shown.rows] == ["e0", "e1", "e2"]
    assert shown.votes == shown.votes_now == 90
    assert seals == 90
    for row in shown.rows:
        assert row.low < row.rating < row.high
        assert row.rank_low <= row.rank <= row.rank_high
        assert row.elo is not None
    assert sum(row.rating for row in shown.rows) / 3 == pytest.approx(1000.0)
    assert sum(row.votes for row in shown.rows) == 180


def test_a_board_is_fitted_once_for_its_votes(arena: Arena) -> None:
    vote_by_taste(arena, 10, {1: 3.0, 2: 2.0, 3: 1.0})
    assert standings.refresh(arena.database, now=NOW) == 1
    assert standings.refresh(arena.database, now=NOW) == 0
    arena.vote("late", arena.deal("late"))
    assert standings.refresh(arena.database, now=RESTED) == 1
    with arena.database.read() as session:
        assert session.scalars(select(RatingRun.votes).order_by(RatingRun.id)).all() == [10, 11]
        assert session.scalar(select(func.count()).select_from(Rating)) == 6


def test_another_worker_that_fitted_the_same_votes_keeps_no_second_run(arena: Arena) -> None:
    vote_by_taste(arena, 10, {1: 3.0, 2: 2.0, 3: 1.0})
    with arena.database.read() as session:
        (due,) = standings._due(session, NOW)
        fitted = standings.fit(session, due, cache=standings.Cache())
    for expected in (True, False):
        with arena.database.write.begin() as session:
            assert (standings.keep(session, fitted, now=NOW) is not None) is expected


def test_without_votes_there_is_a_board_and_no_number(arena: Arena) -> None:
    assert keep_books(arena.database) == (0, 0)
    with arena.database.read() as session:
        shown = board(session)
    assert shown.run is None
    assert [row.rating for row in shown.rows] == [None] * 3
    assert all(row.provisional for row in shown.rows)


def test_one_that_never_lost_has_an_open_end(arena: Arena) -> None:
    table = fit_board(
        ["best", "mid", "low"],
        board_votes(
            [
                ("best", "mid", Outcome.LEFT, 9),
                ("best", "low", Outcome.LEFT, 9),
                ("mid", "low", Outcome.LEFT, 6),
                ("low", "mid", Outcome.LEFT, 4),
            ]
        ),
        seed=0,
    ).table
    best = next(row for row in table.rows if row.entrant == "best")
    assert best.high is None
    assert best.provisional
    assert best.reason
    assert table.rows[0].entrant == "best"


def test_two_islands_are_not_ranked_against_each_other() -> None:
    cells = []
    for a, b in (("a", "b"), ("c", "d")):
        cells += [(a, b, Outcome.LEFT, 8), (b, a, Outcome.LEFT, 5)]
    table = fit_board(["a", "b", "c", "d"], board_votes(cells), seed=0).table
    assert len({row.island for row in table.rows}) == 2
    assert any("island" in warning or "never met" in warning for warning in table.warnings)
    assert all(row.rank is None for row in table.rows if row.island > 0)


def test_an_entrant_that_joins_later_is_on_the_board_without_a_number(arena: Arena) -> None:
    vote_by_taste(arena, 10, {1: 3.0, 2: 2.0, 3: 1.0})
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        newcomer = curation.enter(session, card("newcomer"), now=NOW)
        curation.join(session, campaign, [newcomer], now=NOW)
        session.flush()
        generation.enqueue(session, campaign, now=NOW)
    keep_books(arena.database)
    with arena.database.read() as session:
        rows = {row.entrant: row for row in board(session).rows}
    assert rows["newcomer"].rating is None
    assert rows["newcomer"].votes == 0


def test_two_revisions_of_one_entrant_are_two_rows(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        again = curation.enter(session, card("e0", samples=9), now=NOW)
        curation.join(session, campaign, [again], now=NOW)
    with arena.database.read() as session:
        names = [row.entrant for row in board(session).rows]
    assert len([name for name in names if name.startswith("e0@")]) == 2
    assert len(set(names)) == 4


def test_a_cache_of_votes_gives_the_board_of_all_votes_read_at_once(arena: Arena) -> None:
    cache = standings.Cache()
    vote_by_taste(arena, 12, {1: 3.0, 2: 2.0, 3: 1.0})
    standings.refresh(arena.database, now=NOW, cache=cache)
    for n in range(30):
        arena.vote(f"late{n}", arena.deal(f"late{n}", seed=n), Outcome.RIGHT)
    with arena.database.read() as session:
        (due,) = standings._due(session, RESTED)
        grown = standings.fit(session, due, cache=cache)
        at_once = standings.fit(session, due, cache=standings.Cache())
    assert (grown.votes, grown.last_vote_id) == (at_once.votes, at_once.last_vote_id) == (42, 42)
    assert grown.fitted.table.as_dict() == at_once.fitted.table.as_dict()
    assert grown.elo == pytest.approx(at_once.elo)
    assert set(grown.elo) == {1, 2, 3}


def test_a_vote_that_was_committed_behind_others_is_read_too(arena: Arena) -> None:
    vote_by_taste(arena, 12, {1: 3.0, 2: 2.0, 3: 1.0})
    cache = SnapshotCache()
    with arena.database.read() as session:
        whole = cache.read(session, arena.campaign_id, arena.criterion_id)
        # As if the first votes had not been there yet when later ones were read.
        late = cache._kept[arena.criterion_id] = Snapshot(last=4)
        late.read(session, arena.campaign_id, arena.criterion_id)
        assert len(late) == 8
        again = cache.read(session, arena.campaign_id, arena.criterion_id)
    assert len(again) == 12
    assert again.rater.values.tolist() == whole.rater.values.tolist()


def test_intervals_are_about_other_raters_where_there_are_three(arena: Arena) -> None:
    moments = itertools.count(1)

    def clusters() -> list[str]:
        standings.refresh(arena.database, now=NOW + next(moments) * timedelta(hours=1))
        with arena.database.read() as session:
            return list(board(session).options["clusters"])

    for voter, expected in (("a", False), ("b", False), ("c", True)):
        for n in range(4):
            arena.vote(voter, arena.deal(voter, seed=n), Outcome.LEFT if n % 2 else Outcome.RIGHT)
        assert ("rater" in clusters()) is expected


def test_a_board_that_takes_long_rests_between_fits(arena: Arena) -> None:
    vote_by_taste(arena, 10, {1: 3.0, 2: 2.0, 3: 1.0})
    assert standings.refresh(arena.database, now=NOW) == 1
    with arena.database.write.begin() as session:
        session.execute(update(RatingRun).values(cpu_seconds=3.0))
    arena.vote("late", arena.deal("late"))
    assert standings.refresh(arena.database, now=NOW + timedelta(seconds=29)) == 0
    assert standings.refresh(arena.database, now=NOW + timedelta(seconds=30)) == 1
