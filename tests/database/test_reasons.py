"""Which reasons are counted, and against whom."""

from __future__ import annotations

import pytest

from analysis.intervals import wilson_interval
from analysis.outcomes import Outcome
from arena.db import Database
from arena.queries.reasons import reasons
from arena.storage import ImageStore
from arena.tables import BattleKind
from tests.factory import open_arena

LEFT, RIGHT = Outcome.LEFT, Outcome.RIGHT


def test_blind_reasons_count_against_who_lost_and_for_who_won(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, criteria=("preference", "detail"))
    rose, lily, iris = (arena.entrants[name] for name in ("rose", "lily", "iris"))
    told = (
        ("rose", "lily", LEFT, ("texture", "lighting")),
        ("lily", "rose", RIGHT, ("texture",)),
        ("lily", "rose", LEFT, ("generic",)),
        ("iris", "lily", RIGHT, ("texture",)),
        ("rose", "iris", LEFT, ()),
        ("rose", "iris", Outcome.TIE, ("generic",)),
        ("rose", "iris", Outcome.BOTH_BAD, ("anatomy",)),
    )
    for left, right, outcome, tags in told:
        battle = arena.deal(left, right)
        arena.vote(battle, outcome, reasons=tags)
        arena.vote(
            battle, LEFT if outcome is RIGHT else RIGHT, criterion=1
        )  # another question chose otherwise
    arena.vote(arena.deal("rose", "lily"), LEFT, unblinded=("anatomy",))
    arena.vote(arena.deal("rose", "lily", kind=BattleKind.MIRRORED), LEFT, reasons=("anatomy",))
    with database.read() as session:
        found = reasons(session, arena.campaign_id)
    assert found.battles == 4
    assert found.average == {"generic": 1 / 4, "lighting": 1 / 4, "texture": 3 / 4}
    assert set(found.profiles) == {rose, lily, iris}
    loser = found.profiles[lily]
    assert (loser.lost, loser.won) == (2, 2)
    assert [(it.tag, it.count, it.share) for it in loser.against] == [
        ("texture", 2, 1.0), ("lighting", 1, 0.5), ("generic", 0, 0.0)
    ]  # fmt: skip
    assert {it.tag: it.share for it in loser.for_it} == {"generic": 0.5, "texture": 0.5, "lighting": 0.0}
    assert (loser.against[0].low, loser.against[0].high) == pytest.approx(wilson_interval(2, 2))
    assert found.profiles[iris].for_it == ()
    assert [it.count for it in found.profiles[iris].against] == [1, 0, 0]


def test_without_votes_there_are_no_reasons(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images)
    with database.read() as session:
        found = reasons(session, arena.campaign_id)
    assert (found.battles, found.average, found.profiles) == (0, {}, {})
