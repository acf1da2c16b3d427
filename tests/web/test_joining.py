"""An invitation's page offers, takes, and says what it did; consent is told before the first vote."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from arena.services import inviting
from arena.tables import Audience, Campaign, OperatorRole, Voter
from tests.web import small
from tests.web.pages import cast, deal, read, settle
from tests.web.test_admin import come_in
from tests.web.test_admin import link as operator_link

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def link(arena: small.SmallArena) -> str:
    """An invitation for one voter to a campaign that takes votes by invitation alone."""
    with arena.database.write.begin() as session:
        campaign = session.scalars(select(Campaign).where(Campaign.slug == arena.campaign)).one()
        campaign.audience = Audience.INVITED
        made = inviting.make_invite(
            session,
            campaign=arena.campaign,
            cohort="creators",
            uses=1,
            days=3,
            now=datetime.now(UTC),
            actor="rose",
        )
    return f"/join/{made.token}"


def test_a_link_lets_in_once_whoever_takes_it(
    arena: small.SmallArena, client: FlaskClient, stranger: FlaskClient, link: str
) -> None:
    assert client.get("/battles/next").status_code == 403
    page = client.get(link)
    text = page.get_data(as_text=True)
    for told in ("rose invites you", "Spring 2026", "Creators", "By voting you agree"):
        assert told in text
    assert page.headers["Cache-Control"] == "no-store"
    stranger.get(link)  # looking uses nothing up
    taken = client.post(read(page).form(link).action)
    assert taken.status_code == 303
    assert "count as those of Creators" in client.get(taken.headers["Location"]).get_data(as_text=True)
    settle(client, deal(client))
    with arena.database.read() as session:
        assert session.scalars(select(Voter.cohort)).all() == ["creators"]
    refused = stranger.get(link)
    assert refused.status_code == 410
    assert "This invitation is over" in refused.get_data(as_text=True)
    assert stranger.post(link).status_code == 410
    assert stranger.get("/join/no-such-token").status_code == 404


def test_nobody_is_led_to_a_campaign_that_does_not_let_them_in(
    arena: small.SmallArena, client: FlaskClient, stranger: FlaskClient, link: str
) -> None:
    small.open_campaign(arena, slug="summer", name="Summer", prompts=("A pear in the rain",))
    client.post(link)
    for voter, prompts in ((client, small.PROMPTS), (stranger, ("A pear in the rain",))):
        shown = voter.get(voter.get("/battles/next").headers["Location"]).get_data(as_text=True)
        assert [prompt in shown for prompt in prompts].count(True) == 1
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).where(Campaign.slug == "open").values(closed_at=NOW))
    shown = client.get(client.get("/battles/next").headers["Location"]).get_data(as_text=True)
    assert "A pear in the rain" in shown


def test_who_has_voted_is_told_that_the_old_group_stays(
    arena: small.SmallArena, client: FlaskClient, link: str
) -> None:
    small.open_campaign(arena, slug="summer", name="Summer", prompts=("A pear in the rain",))
    summer = "/battles/next?campaign=summer"
    assert cast(client, client.get(summer).headers["Location"]).status_code == 303
    told = client.get(client.post(link).headers["Location"]).get_data(as_text=True)
    assert "You had voted before you came" in told
    assert "Creators" not in told
    with arena.database.read() as session:
        assert session.scalars(select(Voter.cohort)).all() == ["public"]


def test_consent_is_told_in_full_until_a_vote_was_cast_under_it(client: FlaskClient) -> None:
    first = client.get(deal(client)).get_data(as_text=True)
    assert "By voting you agree" in first
    assert 'aria-describedby="consent"' in first
    settle(client, deal(client))
    second = client.get(deal(client)).get_data(as_text=True)
    assert "By voting you agree" not in second
    assert "published without your name" in second


def test_an_operator_makes_a_link_and_takes_it_back_and_an_analyst_looks(
    arena: small.SmallArena, client: FlaskClient, stranger: FlaskClient
) -> None:
    ann, bob = arena.app.test_client(), arena.app.test_client()
    come_in(ann, operator_link(arena))
    come_in(bob, operator_link(arena, "bob", OperatorRole.ANALYST))
    told = {"campaign": arena.campaign, "cohort": "creators", "uses": "2", "days": "14"}
    for wrong in ({"cohort": "All of them"}, {"uses": "many"}, {"days": "0"}, {"campaign": "none"}):
        refused = ann.post("/admin/invites", data={**told, **wrong})
        assert refused.status_code in {400, 404}
        assert "othing was made" in refused.get_data(as_text=True)
    assert bob.post("/admin/invites", data=told).status_code == 403
    page = ann.post("/admin/invites", data=told).get_data(as_text=True)
    (address,) = re.findall(r"https?://[^/]+(/join/[\w-]+)", page)
    assert client.post(address).status_code == 303
    assert address not in ann.get("/admin/invites").get_data(as_text=True), "it is shown once"
    seen = bob.get("/admin/invites").get_data(as_text=True)
    assert "1 of 2" in seen
    assert "Take back" not in seen
    assert ann.post("/admin/invites/1/revoke").status_code == 303
    assert stranger.post(address).status_code == 410
    assert "ann took back an invitation to open" in ann.get("/admin").get_data(as_text=True)
