"""Undo before the reveal: the question is open again; nothing of the first answer counts or is published."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.blinding import PICTURES_LAST
from arena.errors import CampaignClosed, NotVotedYet, UnknownBattle
from arena.queries.battles import BattleState, battle_page
from arena.queries.own_votes import own_votes
from arena.queries.released import told_battles
from arena.services import voting
from arena.services.publishing import UNDONE, WITHDRAWN, export
from arena.services.sealing import broken_seal, seal_pending
from arena.services.undoing import MOST_UNDONE, TooLateToUndo, UndoneEnough, undo
from arena.services.verifying import verify
from arena.tables import (
    Battle,
    Campaign,
    Criterion,
    Removal,
    RemovalKind,
    RevealPolicy,
    Tally,
    Vote,
)
from tests.database.conftest import NOW, Arena

LATER = NOW + timedelta(seconds=12)


def take_back(arena: Arena, voter: str, key: str) -> None:
    with arena.database.write.begin() as session:
        undo(session, key=key, voter_key=voter, now=LATER)


def counted(arena: Arena) -> list[tuple[Outcome, int]]:
    with arena.database.read() as session:
        rows = session.execute(select(Tally.outcome, Tally.votes).where(Tally.category == "all"))
        return sorted((row.outcome, row.votes) for row in rows)


def test_an_undone_vote_is_given_anew(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key, Outcome.LEFT)
    take_back(arena, "ann", key)
    assert counted(arena) == []
    assert arena.deal("ann") == key
    arena.vote("ann", key, Outcome.RIGHT)
    assert counted(arena) == [(Outcome.RIGHT, 1)]
    with arena.database.read() as session:
        votes = session.execute(select(Vote.ballot_no, Vote.outcome).order_by(Vote.id)).all()
        removal = session.scalars(select(Removal)).one()
        battle = session.scalars(select(Battle)).one()
        history = own_votes(session, voter_key="ann")
    assert votes == [(1, Outcome.LEFT), (2, Outcome.RIGHT)]
    assert (removal.kind, removal.rule, removal.by) == (RemovalKind.RETRACTED, None, "voter")
    assert battle.voted_at is not None
    assert (history.cast, history.standing) == (2, 1)
    assert [vote.removed for vote in history.votes] == [None, RemovalKind.RETRACTED]


def test_after_the_reveal_and_without_a_vote_nothing_is_undone(arena: Arena) -> None:
    key = arena.deal("ann")
    with pytest.raises(NotVotedYet):
        take_back(arena, "ann", key)
    with pytest.raises(UnknownBattle):
        take_back(arena, "bob", key)
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        voting.settle(session, key=key, voter_key="ann", now=LATER)
    with pytest.raises(TooLateToUndo):
        take_back(arena, "ann", key)
    assert counted(arena) == [(Outcome.LEFT, 1)]


def test_a_closed_campaign_lets_the_vote_stand(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        session.get_one(Campaign, arena.campaign_id).closed_at = NOW
    with pytest.raises(CampaignClosed):
        take_back(arena, "ann", key)
    assert counted(arena) == [(Outcome.LEFT, 1)]


def test_a_battle_is_undone_so_often_and_no_more(arena: Arena) -> None:
    key = arena.deal("ann")
    for _ in range(MOST_UNDONE):
        arena.vote("ann", key)
        take_back(arena, "ann", key)
    arena.vote("ann", key, Outcome.TIE)
    with pytest.raises(UndoneEnough):
        take_back(arena, "ann", key)
    assert counted(arena) == [(Outcome.TIE, 1)]


def test_a_battle_that_ran_out_meanwhile_has_its_time_anew(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        session.scalars(select(Battle)).one().expires_at = LATER - timedelta(seconds=1)
    take_back(arena, "ann", key)
    with arena.database.read() as session:
        page = battle_page(session, key=key, voter_key="ann", now=LATER + timedelta(seconds=1))
    assert page.state is BattleState.OPEN


def test_once_its_pictures_came_down_a_vote_is_told_and_not_undone(arena: Arena) -> None:
    """Nobody sees a vote with its names while its rater may still give it anew."""
    key = arena.deal("ann")
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        seal_pending(session, now=LATER)
        cast_at = session.scalars(select(Vote.cast_at)).one()
    down = cast_at + PICTURES_LAST
    with arena.database.read() as session:
        assert not told(session, now=down - timedelta(seconds=1))
        assert battle_page(session, key=key, voter_key="ann", now=down - timedelta(seconds=1)).hangs
        assert told(session, now=down)
    with pytest.raises(TooLateToUndo), arena.database.write.begin() as session:
        undo(session, key=key, voter_key="ann", now=down)


def test_a_vote_is_not_told_while_another_question_of_its_battle_is_open(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        session.add(Criterion(campaign_id=arena.campaign_id, slug="prompt", question="Which?", position=1))
    key = arena.deal("ann")
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        seal_pending(session, now=LATER)
        ends = session.scalars(select(Battle.expires_at)).one()
    assert ends > LATER + PICTURES_LAST, "else this tells nothing"
    with arena.database.read() as session:
        assert not told(session, now=LATER + PICTURES_LAST)
        assert told(session, now=ends + PICTURES_LAST)
    vote_on(arena, "ann", key, "prompt", Outcome.RIGHT)
    with arena.database.write.begin() as session:
        voting.settle(session, key=key, voter_key="ann", now=LATER)
    with arena.database.read() as session:
        assert told(session, now=LATER)


def told(session: Session, *, now: datetime) -> Sequence[int]:
    """The battles with votes that anybody may read."""
    return told_battles(session, campaign_id=None, after=0, limit=10, now=now)


def test_of_several_questions_the_last_answer_is_undone(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        session.add(Criterion(campaign_id=arena.campaign_id, slug="prompt", question="Which?", position=1))
    key = arena.deal("ann")
    arena.vote("ann", key, Outcome.LEFT)
    vote_on(arena, "ann", key, "prompt", Outcome.RIGHT)
    take_back(arena, "ann", key)
    with arena.database.read() as session:
        page = battle_page(session, key=key, voter_key="ann", now=LATER)
    assert [question.outcome for question in page.questions] == [Outcome.LEFT, None]
    assert page.state is BattleState.OPEN
    take_back(arena, "ann", key)
    vote_on(arena, "ann", key, "preference", Outcome.TIE)
    vote_on(arena, "ann", key, "prompt", Outcome.TIE)
    with arena.database.read() as session:
        page = battle_page(session, key=key, voter_key="ann", now=LATER)
    assert page.state is BattleState.VOTED
    assert counted(arena) == [(Outcome.TIE, 1), (Outcome.TIE, 1)]


def test_the_same_undo_sent_again_takes_nothing_more_back(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        session.add(Criterion(campaign_id=arena.campaign_id, slug="prompt", question="Which?", position=1))
    key = arena.deal("ann")
    arena.vote("ann", key, Outcome.LEFT)
    vote_on(arena, "ann", key, "prompt", Outcome.RIGHT)
    for _ in range(2):
        with arena.database.write.begin() as session:
            undo(session, key=key, voter_key="ann", answers=2, now=LATER)
    assert counted(arena) == [(Outcome.LEFT, 1)]


def vote_on(arena: Arena, voter: str, key: str, criterion: str, outcome: Outcome) -> None:
    with arena.database.write.begin() as session:
        voting.cast_vote(
            session,
            key=key,
            voter_key=voter,
            criterion=criterion,
            outcome=outcome,
            elapsed_ms=800,
            consent="2026-11",
            now=LATER,
        )


def test_an_export_holds_no_undone_ballot_and_still_verifies(arena: Arena, tmp_path: Path) -> None:
    """Sealed before and after the undo, and one that was undone and never given anew."""
    first, second = arena.deal("ann"), arena.deal("bob")
    arena.vote("ann", first, Outcome.LEFT)
    arena.vote("bob", second, Outcome.LEFT)
    with arena.database.write.begin() as session:
        assert seal_pending(session, now=LATER) == 2
    take_back(arena, "ann", first)
    take_back(arena, "bob", second)
    with arena.database.write.begin() as session:
        assert seal_pending(session, now=LATER) == 2
    arena.vote("ann", first, Outcome.RIGHT)
    with arena.database.write.begin() as session:
        seal_pending(session, now=LATER)
        assert broken_seal(session) is None
    with arena.database.read() as session:
        made = export(session, folder=tmp_path / "out", images=arena.images, secret_key="s" * 32, now=LATER)
    assert made.votes == 1
    assert made.dropped == {UNDONE: 2}
    assert WITHDRAWN not in made.dropped
    found = verify(tmp_path / "out")
    assert found.problems == ()
    assert any("0 withdrawn, 0 excluded and 2 retracted" in line for line in found.checked)
    with (tmp_path / "out" / "removals.csv").open(newline="") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["retracted", "retracted"]
    named = [
        vote
        for line in (tmp_path / "out" / "seals.jsonl").read_text().splitlines()
        for _, vote in json.loads(line)["leaves"]
        if vote is not None
    ]
    with arena.database.read() as session:
        assert named == [session.scalar(select(func.max(Vote.id)))]


@pytest.mark.parametrize("policy", [RevealPolicy.OFF, RevealPolicy.END_OF_SET])
def test_where_the_names_are_held_back_a_settled_battle_is_not_revealed(
    arena: Arena, policy: RevealPolicy
) -> None:
    with arena.database.write.begin() as session:
        session.get_one(Campaign, arena.campaign_id).reveal = policy
    key = arena.deal("ann")
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        assert voting.settle(session, key=key, voter_key="ann", now=LATER) is policy
    with arena.database.read() as session:
        assert battle_page(session, key=key, voter_key="ann", now=LATER).state is BattleState.SETTLED
        assert own_votes(session, voter_key="ann").votes[0].left is None
    with arena.database.write.begin() as session:
        seal_pending(session, now=LATER)
    with arena.database.read() as session:
        assert not told(session, now=LATER + timedelta(days=30)), "open, so its votes tell no names"
    with arena.database.write.begin() as session:
        assert voting.reveal_set(session, campaign_id=arena.campaign_id, voter_key="ann", now=LATER) == 1
    with arena.database.read() as session:
        assert battle_page(session, key=key, voter_key="ann", now=LATER).state is BattleState.REVEALED
        assert not told(session, now=LATER)
    with arena.database.write.begin() as session:
        session.get_one(Campaign, arena.campaign_id).closed_at = LATER
    with arena.database.read() as session:
        assert told(session, now=LATER + PICTURES_LAST)
