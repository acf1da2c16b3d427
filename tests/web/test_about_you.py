"""Questions about the voter: off by default, skippable, deleted on wish, told as counts that hide the few."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from arena.queries.finding import find_campaign
from arena.services.about_voters import about_counts, set_asking, tell
from arena.tables import Campaign, Voter
from tests.web import small
from tests.web.pages import cast, deal, read, settle

NOW = datetime.now(UTC)


def finish_a_set(arena: small.SmallArena, client: FlaskClient) -> str:
    """Vote through a first set of two; the page at its end."""
    with arena.database.write.begin() as session:
        session.scalars(select(Campaign)).one().set_size = 2
    for _ in range(2):
        settle(client, deal(client))
    return client.get("/battles/next").get_data(as_text=True)


def ask(arena: small.SmallArena, asks: bool = True) -> None:
    with arena.database.write.begin() as session:
        set_asking(session, find_campaign(session, None), asks, now=NOW, actor="operator")


@pytest.mark.parametrize("asks", [False, True])
def test_only_a_campaign_that_asks_leads_to_the_questions(
    arena: small.SmallArena, client: FlaskClient, asks: bool
) -> None:
    ask(arena, asks)
    page = finish_a_set(arena, client)
    assert "first set is complete" in page
    assert ("/about-you" in page) is asks


def test_what_is_told_is_kept_coarsely_and_deleted_on_wish(
    arena: small.SmallArena, client: FlaskClient
) -> None:
    cast(client, deal(client))
    assert client.get("/about-you").get_data(as_text=True).count("checked") == 3
    client.post("/about-you", data={"age": "25-39", "visual_work": "", "screen": "laptop", "name": "Ann"})
    with arena.database.read() as session:
        assert session.scalars(select(Voter.about)).one() == {"age": "25-39", "screen": "laptop"}
    assert client.post("/about-you", data={"age": "37"}).status_code == 400
    page = read(client.get("/about-you"))
    assert ("delete", "1") in page.form("/about-you").buttons
    client.post("/about-you", data={"age": "25-39", "delete": "1"})
    with arena.database.read() as session:
        assert session.scalars(select(Voter.about)).one() is None


def test_numbers_below_five_are_hidden_and_cannot_be_reckoned(arena: small.SmallArena) -> None:
    said = ["under-25"] * 2 + ["25-39"] * 6 + ["40-59"] * 7
    for age in said:
        client = arena.app.test_client()
        cast(client, deal(client))
        with arena.database.write.begin() as session:
            voter = session.scalars(select(Voter).order_by(Voter.id.desc()).limit(1)).one()
            tell(session, voter_key=voter.key, sent={"age": age}, now=NOW)
    with arena.database.read() as session:
        counts = about_counts(session, find_campaign(session, None))
    assert counts["age"] == {"under-25": None, "25-39": None, "40-59": 7, "60-and-over": 0}
    assert set(counts["screen"].values()) == {0}
    page = arena.app.test_client().get("/fair-play").get_data(as_text=True)
    assert "Who voted" not in page, "nobody is asked here"
    ask(arena)
    page = arena.app.test_client().get("/fair-play").get_data(as_text=True)
    assert [who.split("<")[0] for who in page.split('id="who"')[1].split("<td>")[1:4]] == [
        "Under 25",
        "25 to 39",
        "40 to 59",
    ]
