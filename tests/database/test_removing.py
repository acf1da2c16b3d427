"""Votes that are removed count nowhere, whoever writes beside; their rows and their leaves stay."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.categories import SLUGS
from arena.errors import ArenaError, Invalid, UnknownVote
from arena.queries import explorer, prompts
from arena.queries.boards import newest_run, votes_of
from arena.queries.preferences import ballots
from arena.queries.released import mark
from arena.queries.votes import sealed_votes
from arena.services.removing import exclude, withdraw, withdraw_all
from arena.services.sealing import broken_seal, seal_pending, unsealed
from arena.services.snapshots import SnapshotCache
from arena.services.standings import Cache, refresh
from arena.services.tagging import set_categories
from arena.storage import ImageStore
from arena.tables import (
    Battle,
    BattleKind,
    Event,
    Prompt,
    Rating,
    Removal,
    RemovalKind,
    TaggedBy,
    Tally,
    Vote,
    Voter,
)
from tests import factory
from tests.database.conftest import NOW, Arena

LATER = factory.NOON + timedelta(days=9)


@pytest.fixture
def show(database: Database, images: ImageStore) -> factory.Arena:
    """A campaign with two questions, closed later."""
    closed = factory.NOON + timedelta(days=2)
    return factory.open_arena(database, images, criteria=("beauty", "likeness"), closed_at=closed)


def key_of(show: factory.Arena, name: str) -> str:
    """Key of a voter."""
    with show.database.read() as session:
        return session.get_one(Voter, show.voter(name)).key


def take_back(show: factory.Arena, name: str, vote_id: int) -> int:
    """Withdraw a vote as its voter does."""
    with show.database.write.begin() as session:
        return withdraw(session, voter_key=key_of(show, name), vote_id=vote_id, now=LATER)


def tallies(database: Database) -> dict[tuple[object, ...], int]:
    """Every tally by its key."""
    names = [column.name for column in Tally.__table__.primary_key]
    with database.read() as session:
        rows = session.scalars(select(Tally))
        return {tuple(getattr(row, name) for name in names): row.votes for row in rows}


def counted(database: Database) -> dict[tuple[object, ...], int]:
    """What counting the votes that stand gives."""
    found: Counter[tuple[object, ...]] = Counter()
    with database.read() as session:
        gone = set(session.scalars(select(Removal.vote_id)))
        for vote, battle, prompt, voter in session.execute(
            select(Vote, Battle, Prompt, Voter)
            .join(Battle, Vote.battle_id == Battle.id)
            .join(Prompt, Battle.prompt_id == Prompt.id)
            .join(Voter, Battle.voter_id == Voter.id)
            .where(Battle.kind == BattleKind.ORDINARY)
        ):
            if vote.id in gone:
                continue
            for category in ("all", *prompt.categories):
                key = (
                    battle.campaign_id,
                    vote.criterion_id,
                    category,
                    prompt.source,
                    voter.cohort,
                    battle.left_entrant_id,
                    battle.right_entrant_id,
                    vote.outcome,
                )
                found[key] += 1
    return dict(found)


def at_once(*works: Callable[[], None]) -> list[BaseException]:
    """Run works in threads of their own, together; what they raised."""
    problems: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            start.wait()
            work()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def test_tallies_are_what_counting_gives_after_votes_removals_and_changes_at_once(arena: Arena) -> None:
    """Six voters vote and take votes back, an operator excludes, categories change, a worker seals."""
    database, rng = arena.database, random.Random(3)
    voters = ("ann", "bob", "cem", "dee", "eli", "eve")

    def vote_and_take_back(voter: str) -> Callable[[], None]:
        own = random.Random(voter)

        def work() -> None:
            for _ in range(4):
                arena.vote(voter, arena.deal(voter), own.choice(list(Outcome)))
                if own.random() < 0.5:
                    with database.write.begin() as session:
                        mine = session.scalars(
                            select(Vote.id)
                            .join(Battle, Vote.battle_id == Battle.id)
                            .join(Voter, Battle.voter_id == Voter.id)
                            .where(Voter.key == voter)
                        ).all()
                        withdraw(session, voter_key=voter, vote_id=own.choice(mine), now=NOW)
            if voter == "eve":
                with database.write.begin() as session:
                    withdraw_all(session, voter_key=voter, now=NOW)

        return work

    def leave_out() -> None:
        for _ in range(6):
            with database.write.begin() as session:
                there = list(session.scalars(select(Vote.id)))
                exclude(session, rng.sample(there, min(2, len(there))), rule="too fast", by="sam", now=NOW)

    def tag() -> None:
        for _ in range(8):
            with database.write.begin() as session:
                prompt = session.scalars(select(Prompt).order_by(func.random()).limit(1)).one()
                told = rng.sample(SLUGS, rng.randint(0, 2))
                set_categories(session, prompt, told, by=TaggedBy.OPERATOR, now=NOW)

    def seal() -> None:
        for _ in range(12):
            with database.write.begin() as session:
                seal_pending(session, now=NOW, limit=4)

    assert at_once(*map(vote_and_take_back, voters), leave_out, tag, seal) == []
    assert tallies(database) == counted(database)
    with database.read() as session:
        removed = session.scalar(select(func.count(Removal.id))) or 0
        votes = session.scalar(select(func.count(Vote.id))) or 0
        assert 4 <= removed < votes == 24
        assert votes_of(session, arena.campaign_id, arena.criterion_id) == votes - removed
    while True:
        with database.write.begin() as session:
            if not seal_pending(session, now=NOW, limit=4):
                break
    with database.read() as session:
        assert unsealed(session) == 0
        assert broken_seal(session) is None


def test_a_vote_is_removed_once_however_many_ask(show: factory.Arena) -> None:
    vote = show.vote(show.deal("rose", "lily"))
    show.vote(show.deal("rose", "lily", voter="bob"))
    told: list[int] = []
    assert at_once(*[lambda: told.append(take_back(show, "ann", vote))] * 4) == []
    assert sorted(told) == [0, 0, 0, 1]
    with show.database.write.begin() as session:
        assert exclude(session, [vote], rule="late", by="sam", now=LATER) == 0
    assert tallies(show.database) == counted(show.database)
    assert sum(tallies(show.database).values()) == 2


def test_nobody_withdraws_the_vote_of_another(show: factory.Arena) -> None:
    mine, theirs = (show.vote(show.deal("rose", "lily", voter=name)) for name in ("ann", "bob"))
    before = tallies(show.database)
    for number in (theirs, mine + 1000):
        with pytest.raises(UnknownVote, match=f"no vote {number} of yours"):
            take_back(show, "ann", number)
    with pytest.raises(UnknownVote), show.database.write.begin() as session:
        withdraw(session, voter_key="", vote_id=mine, now=LATER)
    assert tallies(show.database) == before


def test_an_exclusion_names_its_rule_and_leaves_an_event(show: factory.Arena) -> None:
    votes = [show.vote(show.deal("rose", "lily", voter=f"v{n}")) for n in range(3)]
    with show.database.write.begin() as session:
        assert exclude(session, [*votes[:2], votes[0]], rule="too-fast", by="sam", now=LATER) == 2
    with show.database.read() as session:
        rows = session.scalars(select(Removal).order_by(Removal.vote_id)).all()
        assert [(row.vote_id, row.kind, row.rule, row.by) for row in rows] == [
            (vote, RemovalKind.EXCLUDED, "too-fast", "sam") for vote in votes[:2]
        ]
        (event,) = session.scalars(select(Event).where(Event.kind == "votes.excluded"))
        assert (event.actor, event.subject, event.data) == ("sam", "too-fast", {"votes": 2})


@pytest.mark.parametrize(
    ("votes", "rule", "error"),
    [([1], " ", Invalid), ([1], "x" * 65, Invalid), ([1, 99], "late", UnknownVote)],
)
def test_an_exclusion_that_makes_no_sense_removes_nothing(
    show: factory.Arena, votes: list[int], rule: str, error: type[ArenaError]
) -> None:
    show.vote(show.deal("rose", "lily"))
    with pytest.raises(error), show.database.write.begin() as session:
        exclude(session, votes, rule=rule, by="sam", now=LATER)
    assert sum(tallies(show.database).values()) == 2


def test_the_database_itself_keeps_removals_and_their_leaves(show: factory.Arena) -> None:
    take_back(show, "ann", show.vote(show.deal("rose", "lily")))
    for _ in range(2):
        with show.database.write.begin() as session:
            seal_pending(session, now=LATER)
    for statement in (
        "UPDATE removal SET kind = 'excluded', rule = 'x'",
        "DELETE FROM removal",
        "DELETE FROM seal_entry",
        "UPDATE seal_entry SET position = 4",
    ):
        with pytest.raises(DatabaseError, match="never changed"), show.database.write.begin() as session:
            session.execute(text(statement))


def test_boards_follow_a_removal_even_where_a_new_vote_hides_it_in_the_count(show: factory.Arena) -> None:
    rng = random.Random(2)
    show.fill(40, rng=rng, voters=4)
    cache, question = Cache(), show.criteria[0]
    assert refresh(show.database, now=LATER, cache=cache) == 1
    assert refresh(show.database, now=LATER, cache=cache) == 0
    with show.database.read() as session:
        gone = session.scalars(select(Vote.id).order_by(Vote.id).limit(1)).one()
        before = newest_run(session, show.campaign_id, question)
        assert before
    show.vote(show.deal("rose", "lily", voter="new"), Outcome.TIE)
    with show.database.write.begin() as session:
        exclude(session, [gone], rule="late", by="sam", now=LATER)
    with show.database.read() as session:
        assert votes_of(session, show.campaign_id, question) == before.votes_in_all
    assert refresh(show.database, now=LATER, cache=cache) == 1
    with show.database.read() as session:
        run = newest_run(session, show.campaign_id, question)
        assert run
        assert (run.votes, run.removed) == (40, 1)
        ratings = session.execute(
            select(Rating.wins, Rating.losses, Rating.ties, Rating.both_bad).where(Rating.run_id == run.id)
        )
        told = [sum(column) for column in zip(*ratings, strict=True)]
        fresh = SnapshotCache().read(session, show.campaign_id, question)
        kept = cache.votes.read(session, show.campaign_id, question)
        assert fresh.outcome.values.tolist() == kept.outcome.values.tolist()
        said = Counter(fresh.outcome.values.tolist())
    decided = said[0] + said[1]
    assert told == [decided, decided, 2 * said[2], 2 * said[3]]


def test_a_board_whose_last_vote_is_withdrawn_is_refitted_and_then_rests(show: factory.Arena) -> None:
    votes = [show.vote(show.deal("rose", "lily", voter=f"v{n}")) for n in range(2)]
    assert refresh(show.database, now=LATER) == 1
    for n, vote in enumerate(votes):
        take_back(show, f"v{n}", vote)
    assert refresh(show.database, now=LATER) == 1
    assert refresh(show.database, now=LATER) == 0
    with show.database.read() as session:
        run = newest_run(session, show.campaign_id, show.criteria[0])
    assert run
    assert (run.votes, run.votes_in_all, run.removed) == (0, 0, 2)


def test_what_is_shown_told_and_exported_leaves_removed_votes_out(show: factory.Arena) -> None:
    both = show.deal("rose", "lily")
    first, second = show.vote(both, Outcome.LEFT), show.vote(both, Outcome.TIE, criterion=1)
    other = show.vote(show.deal("rose", "lily", voter="bob"), Outcome.RIGHT)
    with show.database.write.begin() as session:
        seal_pending(session, now=LATER)

    def shown() -> list[int]:
        with show.database.read() as session:
            return [b.number for b in explorer.battle_list(session, explorer.Filters(), now=LATER).battles]

    def counts() -> int:
        with show.database.read() as session:
            page = prompts.prompt_page(session, show.prompts[0], now=LATER)
            return sum(painter.count.votes for painter in page.painters)

    def told() -> list[int]:
        with show.database.read() as session:
            return [number for chunk in sealed_votes(session) for number in chunk["id"]]

    def marked() -> tuple[object, ...]:
        with show.database.read() as session:
            return mark(session, now=LATER)

    assert (len(shown()), counts(), told()) == (2, 4, [first, second, other])
    before = marked()
    take_back(show, "ann", second)
    assert (len(shown()), counts(), told()) == (2, 4, [first, other])
    assert marked() != before
    take_back(show, "ann", first)
    assert (len(shown()), counts(), told()) == (1, 2, [other])
    with show.database.read() as session:
        assert ballots(session, None)["removed"].tolist() == [1, 1, 0]
