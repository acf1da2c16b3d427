"""Votes are sealed once each, in a chain that cannot fork, whoever seals and whatever commits when."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DatabaseError

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.seals import GENESIS
from arena.queries import votes as votes_module
from arena.queries.data import data_page
from arena.queries.votes import leaf_of, sealed_votes, votes_of_seal
from arena.services.sealing import broken_seal, seal_pending, unsealed
from arena.storage import ImageStore
from arena.tables import Seal, SealEntry, Vote
from tests.factory import NOON, Arena, open_arena


def seal(database: Database, **options: int) -> int:
    with database.write.begin() as session:
        return seal_pending(session, now=NOON, **options)


def chain(database: Database) -> list[Seal]:
    with database.read() as session:
        return list(session.scalars(select(Seal).order_by(Seal.id)))


def test_what_is_committed_is_sealed_in_order_and_only_once(arena: Arena) -> None:
    numbers = [arena.vote(arena.deal("rose", "lily", voter=f"v{n}")) for n in range(5)]
    assert seal(arena.database, limit=3) == 3
    assert seal(arena.database, limit=3) == 2
    assert seal(arena.database) == 0
    with arena.database.read() as session:
        entries = session.execute(
            select(SealEntry.vote_id, SealEntry.position).order_by(SealEntry.seal_id, SealEntry.position)
        ).all()
        assert [tuple(entry) for entry in entries] == list(zip(numbers, [0, 1, 2, 0, 1], strict=True))
        assert unsealed(session) == 0
        assert broken_seal(session) is None


def test_without_votes_there_is_no_seal(arena: Arena) -> None:
    assert seal(arena.database) == 0
    assert chain(arena.database) == []


def test_every_seal_follows_the_one_before(arena: Arena) -> None:
    arena.fill(30, rng=random.Random(1))
    while seal(arena.database, limit=7):
        pass
    links = chain(arena.database)
    assert [link.previous for link in links] == [GENESIS, *(link.digest for link in links[:-1])]
    assert [link.entries for link in links] == [7, 7, 7, 7, 2]


def test_the_leaf_that_is_kept_is_the_leaf_of_the_vote_as_read_back(arena: Arena) -> None:
    arena.fill(30, rng=random.Random(1))
    seal(arena.database)
    with arena.database.read() as session:
        rows = votes_of_seal(session, 1)
    assert len(rows) == 30
    assert all(leaf_of(row) == row.leaf for row in rows)


def test_parallel_sealers_never_fork_the_chain_nor_seal_a_vote_twice(arena: Arena) -> None:
    arena.fill(300, rng=random.Random(2))
    problems: list[Exception] = []
    sealed: list[int] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            start.wait()
            while True:
                sealed.append(seal(arena.database, limit=11))
                with arena.database.read() as session:
                    if not unsealed(session):
                        return
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sum(sealed) == 300
    links = chain(arena.database)
    assert [link.previous for link in links] == [GENESIS, *(link.digest for link in links[:-1])]
    with arena.database.read() as session:
        assert broken_seal(session) is None
        assert session.scalar(select(func.count(SealEntry.vote_id.distinct()))) == 300


def test_votes_are_cast_while_others_are_sealed(arena: Arena) -> None:
    arena.fill(50, rng=random.Random(3))
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            seal(arena.database, limit=9)

    thread = threading.Thread(target=work)
    thread.start()
    for n in range(15):
        arena.vote(arena.deal("lily", "iris", voter=f"late {n}"))
    done.set()
    thread.join()
    while seal(arena.database):
        pass
    with arena.database.read() as session:
        assert unsealed(session) == 0
        assert broken_seal(session) is None


def test_a_vote_that_commits_long_after_its_neighbours_is_still_sealed(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(votes_module, "REACH", 5)
    battles = [arena.deal("rose", "iris", voter=f"v{n}") for n in range(21)]

    def cast(number: int, battle: int) -> None:
        with arena.database.write.begin() as session:
            session.execute(
                insert(Vote).values(
                    id=number,
                    battle_id=battle,
                    criterion_id=arena.criteria[0],
                    ballot_no=1,
                    outcome=Outcome.TIE,
                    elapsed_ms=None,
                    consent="2026-11",
                    salt=b"0" * 16,
                    cast_at=NOON,
                )
            )

    for number, battle in enumerate(battles[:20], start=100):
        cast(number, battle)
    assert seal(arena.database) == 20
    cast(3, battles[20])
    assert seal(arena.database) == 1
    with arena.database.read() as session:
        assert broken_seal(session) is None
        numbers = [number for chunk in sealed_votes(session) for number in chunk["id"]]
        assert numbers == [3, *range(100, 120)]


def test_the_database_itself_refuses_to_change_a_vote(arena: Arena) -> None:
    arena.vote(arena.deal("rose", "lily"))
    with pytest.raises(DatabaseError, match="never changed"), arena.database.write.begin() as session:
        session.execute(text("UPDATE vote SET outcome = 'right'"))


@pytest.mark.parametrize(
    ("table", "statement", "told"),
    [
        ("vote", "UPDATE vote SET outcome = 'tie' WHERE id = 2", "vote 2 in seal 1 is not what was sealed"),
        ("vote", "UPDATE vote SET elapsed_ms = 1 WHERE id = 4", "vote 4 in seal 2 is not what was sealed"),
        ("seal_entry", "DELETE FROM seal_entry WHERE vote_id = 3", "seal 1 should hold 3 leaves in order"),
        ("seal", "UPDATE seal SET previous = digest WHERE id = 2", "seal 2 does not follow"),
        ("seal", f"UPDATE seal SET digest = '{'ab' * 32}' WHERE id = 2", "the leaves of seal 2"),
        ("battle", "UPDATE battle SET propensity = 1", "vote 1 in seal 1 is not what was sealed"),
    ],
)
def test_what_was_changed_behind_the_back_of_the_database_is_named(
    arena: Arena, table: str, statement: str, told: str
) -> None:
    for n in range(5):
        arena.vote(arena.deal("rose", "lily", voter=f"v{n}"), Outcome.LEFT)
    while seal(arena.database, limit=3):
        pass
    with arena.database.write.begin() as session:
        if table != "battle":
            on = f" ON {table}" if session.get_bind().dialect.name == "postgresql" else ""
            session.execute(text(f"DROP TRIGGER keep_{table}{'' if on else '_delete'}{on}"))
            if not on:
                session.execute(text(f"DROP TRIGGER keep_{table}_update"))
        session.execute(text(statement))
    with arena.database.read() as session:
        found = broken_seal(session)
    assert found is not None
    assert told in found


def test_the_data_page_counts_what_there_is(arena: Arena, images: ImageStore) -> None:
    with arena.database.read() as session:
        empty = data_page(session)
    assert (empty.votes, empty.sealed, empty.head, empty.sealed_at, empty.voters) == (0, 0, None, None, 0)
    assert empty.first_vote_at is None
    open_arena(arena.database, images, slug="autumn")
    first = arena.now + timedelta(seconds=0)
    for n in range(3):
        arena.vote(arena.deal("rose", "lily", voter=f"v{n % 2}", prompt=n))
    arena.deal("rose", "lily", voter="only looks")
    seal(arena.database, limit=2)
    with arena.database.read() as session:
        page = data_page(session)
    assert (page.votes, page.sealed, page.voters) == (3, 2, 2)
    assert (page.pictures, page.entrants, page.prompts) == (12, 3, 4)
    assert page.head == chain(arena.database)[-1].digest
    assert page.sealed_at == NOON
    assert page.first_vote_at is not None
    assert page.last_vote_at is not None
    assert first < page.first_vote_at < page.last_vote_at == arena.now - timedelta(seconds=7.013)
