"""Votes: one each, by whom the battle was dealt to, in time; and counted as they are cast."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from analysis.outcomes import Outcome
from arena.errors import (
    AlreadyVoted,
    ArenaError,
    BattleExpired,
    CampaignClosed,
    Invalid,
    NotVotedYet,
    UnknownBattle,
    UnknownReason,
)
from arena.services import voting
from arena.services.ledger import Ledger
from arena.tables import Battle, BattleKind, Campaign, Reason, Tally, Vote
from tests.database.conftest import NOW, Arena


def counted(arena: Arena) -> int:
    with arena.database.read() as session:
        return session.scalar(select(func.coalesce(func.sum(Tally.votes), 0)).where(Tally.category == "all"))


def test_a_vote_is_kept_and_counted(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key, Outcome.RIGHT)
    with arena.database.read() as session:
        vote = session.scalars(select(Vote)).one()
        tallies = session.execute(select(Tally.category, Tally.outcome, Tally.votes)).all()
        battle = session.scalars(select(Battle)).one()
    assert vote.outcome is Outcome.RIGHT
    assert vote.cast_at == NOW + timedelta(seconds=9)
    assert sorted(tallies) == [("all", Outcome.RIGHT, 1), ("still-life", Outcome.RIGHT, 1)]
    assert battle.voted_at == vote.cast_at


def test_a_second_vote_is_refused_and_changes_nothing(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key, Outcome.LEFT)
    with pytest.raises(AlreadyVoted):
        arena.vote("ann", key, Outcome.RIGHT)
    assert counted(arena) == 1


def test_sixteen_tabs_at_once_count_one_vote(arena: Arena) -> None:
    key = arena.deal("ann")
    ledger = Ledger(arena.database)
    told: list[str] = []
    gate = threading.Barrier(16)

    def tab() -> None:
        gate.wait()
        try:
            ledger.write(
                lambda session: voting.cast_vote(
                    session,
                    key=key,
                    voter_key="ann",
                    criterion="preference",
                    outcome=Outcome.TIE,
                    elapsed_ms=None,
                    consent="2026-11",
                    now=NOW,
                )
            )
            told.append("kept")
        except AlreadyVoted:
            told.append("refused")

    tabs = [threading.Thread(target=tab) for _ in range(16)]
    for thread in tabs:
        thread.start()
    for thread in tabs:
        thread.join()
    ledger.close()
    assert sorted(told) == ["kept"] + ["refused"] * 15
    assert counted(arena) == 1


def test_a_battle_of_somebody_else_is_unknown(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.deal("bob")
    for voter in ("bob", "nobody", ""):
        with pytest.raises(UnknownBattle):
            arena.vote(voter, key)
    assert counted(arena) == 0


def test_a_late_vote_is_refused(arena: Arena) -> None:
    key = arena.deal("ann")
    with pytest.raises(BattleExpired):
        arena.vote("ann", key, at=NOW + timedelta(hours=1))
    assert counted(arena) == 0


def test_a_skipped_battle_takes_no_vote(arena: Arena) -> None:
    key = arena.deal("ann")
    with arena.database.write.begin() as session:
        voting.skip(session, key=key, voter_key="ann", now=NOW)
    with pytest.raises(BattleExpired):
        arena.vote("ann", key)


def test_a_closed_campaign_takes_no_vote(arena: Arena) -> None:
    key = arena.deal("ann")
    with arena.database.write.begin() as session:
        session.get_one(Campaign, arena.campaign_id).closed_at = NOW
    with pytest.raises(CampaignClosed):
        arena.vote("ann", key)


@pytest.mark.parametrize(("criterion", "consent"), [("beauty", "2026-11"), ("preference", "")])
def test_a_vote_without_its_question_or_consent_is_refused(
    arena: Arena, criterion: str, consent: str
) -> None:
    key = arena.deal("ann")
    with arena.database.write.begin() as session, pytest.raises(Invalid):
        voting.cast_vote(
            session,
            key=key,
            voter_key="ann",
            criterion=criterion,
            outcome=Outcome.LEFT,
            elapsed_ms=None,
            consent=consent,
            now=NOW,
        )
    assert counted(arena) == 0


def test_an_implausible_stopwatch_is_not_kept(arena: Arena) -> None:
    for voter, elapsed in (("ann", -5), ("bob", 10**12)):
        key = arena.deal(voter)
        with arena.database.write.begin() as session:
            voting.cast_vote(
                session,
                key=key,
                voter_key=voter,
                criterion="preference",
                outcome=Outcome.LEFT,
                elapsed_ms=elapsed,
                consent="2026-11",
                now=NOW,
            )
    with arena.database.read() as session:
        assert session.scalars(select(Vote.elapsed_ms)).all() == [None, None]


def test_only_ordinary_battles_are_counted(arena: Arena) -> None:
    key = arena.deal("ann")
    with arena.database.write.begin() as session:
        session.scalars(select(Battle)).one().kind = BattleKind.REPEATED
    arena.vote("ann", key)
    assert counted(arena) == 0


def test_reasons_come_after_the_vote_and_names_after_the_reasons(arena: Arena) -> None:
    key = arena.deal("ann")
    steps = {"key": key, "voter_key": "ann", "now": NOW}
    with arena.database.write.begin() as session:
        with pytest.raises(NotVotedYet):
            voting.give_reasons(session, tags=["lighting"], **steps)
        with pytest.raises(NotVotedYet):
            voting.settle(session, **steps)
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        voting.give_reasons(session, tags=["lighting", "lighting"], **steps)
        voting.settle(session, **steps)
        voting.give_reasons(session, tags=["lighting", "generic"], **steps)
        with pytest.raises(UnknownReason):
            voting.give_reasons(session, tags=["text", "ugly"], **steps)
    with arena.database.read() as session:
        reasons = session.execute(select(Reason.tag, Reason.unblinded).order_by(Reason.id)).all()
    assert [tuple(reason) for reason in reasons] == [("lighting", False), ("generic", True)]


@pytest.mark.parametrize("statement", ["UPDATE vote SET outcome = 'tie'", "DELETE FROM vote"])
def test_the_database_itself_keeps_votes_as_they_are(arena: Arena, statement: str) -> None:
    arena.vote("ann", arena.deal("ann"))
    with pytest.raises(DatabaseError, match="never changed"), arena.database.write.begin() as session:
        session.execute(text(statement))


def test_work_that_fails_takes_nothing_with_it(arena: Arena) -> None:
    """In one commit of the ledger a refused piece is rolled back alone."""
    ledger = Ledger(arena.database)
    keys = {voter: arena.deal(voter) for voter in ("ann", "bob", "cem")}
    results: dict[str, str] = {}

    def cast(voter: str, criterion: str) -> None:
        try:
            ledger.write(
                lambda session: voting.cast_vote(
                    session,
                    key=keys[voter],
                    voter_key=voter,
                    criterion=criterion,
                    outcome=Outcome.LEFT,
                    elapsed_ms=None,
                    consent="2026-11",
                    now=NOW,
                )
            )
            results[voter] = "kept"
        except ArenaError as error:
            results[voter] = error.code

    threads = [
        threading.Thread(target=cast, args=(voter, "nonsense" if voter == "bob" else "preference"))
        for voter in keys
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    assert results == {"ann": "kept", "bob": "invalid", "cem": "kept"}
    assert counted(arena) == 2
