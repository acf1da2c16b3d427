"""Spots that raters mark on pictures, and reports that operators settle."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from arena.domain.spots import MOST_SPOTS, Spot, read_spots
from arena.errors import Conflict, Invalid, NotFound, NotVotedYet, UnknownReason
from arena.queries.battles import BattleState, battle_page
from arena.queries.reports import open_reports, settled_reports
from arena.services import reporting, voting
from arena.services.dealing import Dealt, Stocks, next_battle
from arena.tables import Battle, Event, PictureSide, Point, Reason, ReportKind, Verdict
from tests.database.conftest import NOW, Arena

LATER = NOW + timedelta(seconds=20)


def mark(arena: Arena, key: str, *told: str) -> None:
    with arena.database.write.begin() as session:
        voting.give_reasons(session, key=key, voter_key="ann", tags=[], spots=read_spots(told), now=LATER)


def test_spots_are_kept_and_their_tags_are_reasons(arena: Arena) -> None:
    key = arena.deal("ann")
    with pytest.raises(NotVotedYet):
        mark(arena, key, "left 0.5 0.5")
    arena.vote("ann", key)
    mark(arena, key, "left 0.25 1 anatomy", "right 0 0.123456")
    with arena.database.read() as session:
        points = session.scalars(select(Point).order_by(Point.id)).all()
        reasons = session.scalars(select(Reason)).all()
        page = battle_page(session, key=key, voter_key="ann", now=LATER)
    assert [(p.side, p.x, p.y, p.tag, p.unblinded) for p in points] == [
        (PictureSide.LEFT, 0.25, 1.0, "anatomy", False),
        (PictureSide.RIGHT, 0.0, 0.1235, None, False),
    ]
    assert [(reason.tag, reason.unblinded) for reason in reasons] == [("anatomy", False)]
    assert [(spot.side, spot.tag) for spot in page.marks] == [("left", "anatomy"), ("right", None)]


def test_spots_after_the_names_are_kept_apart(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        voting.settle(session, key=key, voter_key="ann", now=LATER)
    mark(arena, key, "left 0.5 0.5")
    with arena.database.read() as session:
        assert session.scalars(select(Point)).one().unblinded
        assert battle_page(session, key=key, voter_key="ann", now=LATER).marks == ()


def test_spots_sent_again_are_marked_once_and_a_battle_has_so_many_and_no_more(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key)
    spots = [f"left 0.5 0.{n}" for n in range(1, MOST_SPOTS + 1)]
    mark(arena, key, *spots)
    mark(arena, key, *spots)
    with pytest.raises(Conflict):
        mark(arena, key, "right 0.5 0.1")
    with arena.database.read() as session:
        assert len(session.scalars(select(Point)).all()) == MOST_SPOTS


@pytest.mark.parametrize(
    "told",
    ["", "left", "left 0.5", "top 0.5 0.5", "left 1.01 0", "left nan 0", "left a b", "left 0 0 text x"],
)
def test_what_is_no_spot_is_refused(told: str) -> None:
    with pytest.raises(Invalid):
        Spot.read(told)


def test_a_tag_that_is_not_offered_marks_nothing() -> None:
    with pytest.raises(UnknownReason):
        Spot.read("left 0 0 ugly")
    with pytest.raises(Invalid, match="at most 5"):
        read_spots(["left 0 0"] * 6)


def tell(arena: Arena, voter: str, key: str, side: PictureSide = PictureSide.LEFT) -> bool:
    with arena.database.write.begin() as session:
        return reporting.report(
            session,
            key=key,
            voter_key=voter,
            side=side,
            kind=ReportKind.TELLING,
            note="  a name is\n in the corner ",
            now=LATER,
        )


def test_a_reported_battle_is_set_aside_and_the_operators_are_told(arena: Arena) -> None:
    key = arena.deal("ann")
    assert tell(arena, "ann", key)
    assert tell(arena, "ann", key), "told again nothing changes"
    assert arena.deal("ann") != key
    with arena.database.read() as session:
        (line,) = open_reports(session)
        event = session.scalars(select(Event).where(Event.kind == "picture.reported")).one()
        assert battle_page(session, key=key, voter_key="ann", now=LATER).state is BattleState.SKIPPED
    assert (line.kind, line.note, line.others) == (ReportKind.TELLING, "a name is in the corner", 0)
    assert (event.actor, event.subject) == ("rater", str(line.picture))


def test_a_report_after_the_vote_leaves_the_vote(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key)
    assert not tell(arena, "ann", key)
    with arena.database.read() as session:
        assert battle_page(session, key=key, voter_key="ann", now=LATER).state is BattleState.VOTED


def test_a_picture_that_was_taken_down_is_dealt_to_nobody(arena: Arena) -> None:
    """Neither from a stock that was read before, and a pair that hangs elsewhere comes down."""
    stocks = Stocks()
    key = deal(arena, "ann", stocks)
    tell(arena, "ann", key)
    with arena.database.read() as session:
        (line,) = open_reports(session)
    for number in range(40):
        deal(arena, f"rater {number}", stocks, seed=number)
    with arena.database.write.begin() as session:
        reporting.take_down(session, line.number, actor="olga", now=LATER)
    hung_before = 0
    with arena.database.read() as session:
        for battle in session.scalars(select(Battle)):
            if line.picture in (battle.left_image_id, battle.right_image_id):
                hung_before += 1
                assert battle.skipped_at is not None or battle.expires_at == LATER
        last = max(battle.id for battle in session.scalars(select(Battle)))
    assert hung_before > 1
    for number in range(40):
        deal(arena, f"later {number}", stocks, seed=number)
    with arena.database.read() as session:
        for battle in session.scalars(select(Battle).where(Battle.id > last)):
            assert line.picture not in (battle.left_image_id, battle.right_image_id)
        assert open_reports(session) == []
        assert [one.verdict for one in settled_reports(session)] == [Verdict.TAKEN_DOWN]


def test_a_report_is_settled_once_and_for_every_report_of_the_picture(arena: Arena) -> None:
    keys = {voter: arena.deal(voter, seed=1) for voter in ("ann", "bob")}
    with arena.database.read() as session:
        battles = {battle.key: battle for battle in session.scalars(select(Battle))}
    assert len({battles[key].left_image_id for key in keys.values()}) == 1, "one draw for both"
    for voter, key in keys.items():
        tell(arena, voter, key)
    with arena.database.write.begin() as session:
        first, second = open_reports(session)
        assert (first.others, second.others) == (1, 1)
        reporting.keep(session, first.number, actor="olga", now=LATER)
        assert open_reports(session) == []
        with pytest.raises(Conflict):
            reporting.take_down(session, second.number, actor="olga", now=LATER)
        with pytest.raises(NotFound):
            reporting.keep(session, 99, actor="olga", now=LATER)


def deal(arena: Arena, voter: str, stocks: Stocks, *, seed: int = 0) -> str:
    with arena.database.write.begin() as session:
        dealt = next_battle(
            session,
            campaign=arena.campaign,
            voter_key=voter,
            now=NOW,
            rng=random.Random(seed),
            stocks=stocks,
        )
    assert isinstance(dealt, Dealt)
    return dealt.key
