"""Operators: links that let in once, sessions that end, retirement at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from arena.cli import arena as command
from arena.cli.context import Context
from arena.db import Database
from arena.errors import Invalid, NameTaken, SpentLink, UnknownLink, UnknownOperator
from arena.services import operators
from arena.tables import Event, Operator, OperatorLink, OperatorRole, OperatorSession
from tests.database.conftest import NOW

HOUR = timedelta(hours=1)


def link(
    database: Database, name: str = "ann", *, at: datetime = NOW, role: OperatorRole | None = None
) -> str:
    """Make a link; its token."""
    with database.write.begin() as session:
        return operators.make_link(session, name, now=at, role=role).token


def come_in(database: Database, token: str, *, at: datetime = NOW, before: str | None = None) -> str:
    """Use a link; the token of the session."""
    with database.write.begin() as session:
        return operators.use_link(session, token, now=at, before=before).token


def guest(database: Database, token: str, *, at: datetime = NOW) -> operators.Guest | None:
    """Who holds a session."""
    with database.read() as session:
        return operators.find_guest(session, token, now=at)


def events(database: Database) -> list[tuple[str, str, str]]:
    """What was done: actor, kind, subject."""
    with database.read() as session:
        return [tuple(row) for row in session.execute(select(Event.actor, Event.kind, Event.subject))]


def test_a_link_lets_in_once(database: Database) -> None:
    token = link(database)
    mine = come_in(database, token)
    seen = guest(database, mine)
    assert seen
    assert (seen.name, seen.role, seen.may_change) == ("ann", OperatorRole.OPERATOR, True)
    with pytest.raises(SpentLink):
        come_in(database, token)
    assert guest(database, token) is None, "the link's own token is no session"


def test_looking_at_a_link_does_not_use_it(database: Database) -> None:
    token = link(database)
    for _ in range(3):
        with database.read() as session:
            assert operators.check_link(session, token, now=NOW) == "ann"
    come_in(database, token)


def test_of_two_who_use_a_link_at_once_one_comes_in(database: Database) -> None:
    token = link(database)
    start, told = threading.Barrier(2), []

    def use() -> None:
        start.wait()
        try:
            told.append(come_in(database, token))
        except SpentLink:
            told.append(None)

    both = [threading.Thread(target=use) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(token is None for token in told) == [False, True]
    with database.read() as session:
        assert len(session.scalars(select(OperatorSession)).all()) == 1


def test_a_link_is_good_for_a_day_and_a_session_for_half_of_one(database: Database) -> None:
    token = link(database)
    with pytest.raises(SpentLink):
        come_in(database, token, at=NOW + 24 * HOUR)
    mine = come_in(database, token, at=NOW + 23 * HOUR)
    assert guest(database, mine, at=NOW + 34 * HOUR)
    assert guest(database, mine, at=NOW + 35 * HOUR) is None


def test_an_unknown_link_is_told_from_a_spent_one(database: Database) -> None:
    link(database)
    for token in ("", "x" * 43):
        with pytest.raises(UnknownLink):
            come_in(database, token)


def test_a_new_link_replaces_the_unused_one_of_before(database: Database) -> None:
    first, of_bob = link(database), link(database, "bob")
    second = link(database)
    with pytest.raises(SpentLink):
        come_in(database, first)
    come_in(database, second)
    come_in(database, of_bob)


def test_only_digests_are_kept(database: Database) -> None:
    token = link(database)
    mine = come_in(database, token)
    with database.read() as session:
        kept = [
            *session.scalars(select(OperatorLink.digest)),
            *session.scalars(select(OperatorSession.digest)),
        ]
        told = json.dumps(
            [
                [str(value) for value in row]
                for table in (OperatorLink, OperatorSession, Event)
                for row in session.execute(select(table.__table__))
            ]
        )
    assert kept == [operators.digest_of(token), operators.digest_of(mine)]
    assert token not in told
    assert mine not in told
    assert len({token, mine}) == 2
    assert min(len(token), len(mine)) >= 43, "256 bits in base 64"


def test_coming_in_ends_the_session_the_browser_had(database: Database) -> None:
    before = come_in(database, link(database))
    mine = come_in(database, link(database), before=before)
    assert guest(database, before) is None
    assert guest(database, mine)


def test_a_spent_link_ends_nothing(database: Database) -> None:
    token = link(database)
    mine = come_in(database, token)
    with pytest.raises(SpentLink):
        come_in(database, token, before=mine)
    assert guest(database, mine)


def test_retirement_ends_everything_at_once_and_for_ever(database: Database) -> None:
    mine = come_in(database, link(database))
    unused = link(database)
    others = come_in(database, link(database, "bob"))
    with database.write.begin() as session:
        assert operators.retire(session, "ann", now=NOW) is True
    with database.write.begin() as session:
        assert operators.retire(session, "ann", now=NOW + HOUR) is False
    assert guest(database, mine) is None
    assert guest(database, others)
    with pytest.raises(SpentLink):
        come_in(database, unused)
    with pytest.raises(NameTaken):
        link(database)
    with database.write.begin() as session, pytest.raises(UnknownOperator, match="ann, bob"):
        operators.retire(session, "eve", now=NOW)


def test_a_role_is_changed_at_once(database: Database) -> None:
    mine = come_in(database, link(database))
    link(database, role=OperatorRole.ANALYST)
    seen = guest(database, mine)
    assert seen
    assert not seen.may_change
    link(database)
    with database.read() as session:
        assert session.scalars(select(Operator.role)).one() is OperatorRole.ANALYST


def test_everything_is_an_event_of_who_did_it(database: Database) -> None:
    mine = come_in(database, link(database))
    link(database, role=OperatorRole.ANALYST)
    with database.write.begin() as session:
        operators.sign_out(session, mine, now=NOW)
        operators.sign_out(session, mine, now=NOW)
        operators.retire(session, "ann", now=NOW)
    assert events(database) == [
        ("operator", "operator.made", "ann"),
        ("operator", "operator.linked", "ann"),
        ("ann", "operator.came_in", "ann"),
        ("operator", "operator.role", "ann"),
        ("operator", "operator.linked", "ann"),
        ("ann", "operator.left", "ann"),
        ("operator", "operator.retired", "ann"),
    ]


@pytest.mark.parametrize("name", ["", "Ann", "a b", "-ann", "x" * 65, "operator", "init", "<b>"])
def test_a_name_is_a_name_and_nobody_elses(database: Database, name: str) -> None:
    with pytest.raises(Invalid):
        link(database, name)
    assert events(database) == []


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Run `arena` in a data folder of its own."""

    def start(*words: str) -> Result:
        context = Context({"ARENA_HOME": str(tmp_path / "home"), "ARENA_PUBLIC_URL": "https://arena.example"})
        done = CliRunner().invoke(command, words, obj=context, catch_exceptions=False)
        context.database.dispose()
        return done

    return start


def test_init_prints_a_link_for_the_first_operator_and_only_then(run: Callable[..., Result]) -> None:
    told = run("init").output
    assert told.count("https://arena.example/admin/links/") == 1
    assert "/admin/links/" not in run("init").output
    (row,) = json.loads(run("operators", "list", "--json").output)
    assert (row["name"], row["role"], row["retired_at"]) == ("owner", "operator", None)


def test_operators_are_let_in_listed_and_sent_away_from_the_command_line(
    run: Callable[..., Result],
) -> None:
    run("init")
    made = json.loads(run("operators", "link", "bob", "--role", "analyst", "--json").output)
    assert (made["name"], made["role"], made["new"]) == ("bob", "analyst", True)
    assert made["link"].startswith("https://arena.example/admin/links/")
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=50) < left <= timedelta(hours=24)
    again = json.loads(run("operators", "link", "bob", "--json").output)
    assert (again["new"], again["role"]) == (False, "analyst")
    assert again["link"] != made["link"]
    assert run("operators", "retire", "bob").output == "bob is retired.\n"
    assert run("operators", "retire", "bob").output == "bob was retired before.\n"
    listed = run("operators", "list").output.splitlines()
    assert [line.split()[0] for line in listed] == ["owner", "bob"]
    assert "retired" in listed[1]
