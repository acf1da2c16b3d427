"""A check looks like any other pair until its names are shown, and then says kindly what it was."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.tables import Battle, BattleKind
from tests.web import small
from tests.web.pages import cast, deal, settle


def make_check(arena: small.SmallArena, kind: BattleKind) -> None:
    """Turn the battle that hangs into a check."""
    with arena.database.write.begin() as session:
        battle = session.scalars(select(Battle).where(Battle.voted_at.is_(None))).one()
        battle.kind = kind
        battle.propensity = None
        if kind is BattleKind.KNOWN_ANSWER:
            battle.right_entrant_id = battle.left_entrant_id
            battle.expected = Outcome.LEFT


@pytest.mark.parametrize("kind", [BattleKind.REPEATED, BattleKind.MIRRORED, BattleKind.KNOWN_ANSWER])
def test_before_the_names_nothing_tells_a_check(
    arena: small.SmallArena, client: FlaskClient, kind: BattleKind
) -> None:
    address = deal(client)
    before = client.get(address)
    make_check(arena, kind)
    after = client.get(address)
    assert after.get_data() == before.get_data()
    assert dict(after.headers) == dict(before.headers)
    cast(client, address)
    asked = client.get(address).get_data()
    with arena.database.write.begin() as session:
        session.scalars(select(Battle)).one().kind = BattleKind.ORDINARY
    assert client.get(address).get_data() == asked


@pytest.mark.parametrize(
    ("kind", "answer", "told"),
    [
        (BattleKind.REPEATED, "left", "Changing your mind is no fault."),
        (BattleKind.MIRRORED, "tie", "Changing your mind is no fault."),
        (BattleKind.KNOWN_ANSWER, "left", "You found the one that follows the prompt."),
        (BattleKind.KNOWN_ANSWER, "right", "The other one was painted for this prompt;"),
        (BattleKind.KNOWN_ANSWER, "tie", "Only one of them was painted for this prompt;"),
        (BattleKind.KNOWN_ANSWER, "both_bad", "Neither convinced you; that is an answer, too"),
    ],
)
def test_with_the_names_it_is_told_kindly(
    arena: small.SmallArena, client: FlaskClient, kind: BattleKind, answer: str, told: str
) -> None:
    address = deal(client)
    make_check(arena, kind)
    page = settle(client, address, answer).get_data(as_text=True)
    assert told in page
    assert "It counts on no board." in page
    own = client.get("/my-votes").get_data(as_text=True)
    assert "a check, which counts on no board" in own
    assert re.search(r"1 vote cast</?\w*[^·]*· 0 count|1 vote cast · 0 count", own)


def test_an_ordinary_pair_says_nothing_of_checks(client: FlaskClient) -> None:
    assert "It counts on no board." not in settle(client, deal(client)).get_data(as_text=True)
