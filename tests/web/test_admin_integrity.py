"""The operators' page of dishonest votes, what readers are told, and boards that are published later."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select, update

from arena.cli import arena as command_line
from arena.domain.integrity import IN_FORCE, RULES, Decision, Look
from arena.services import standings
from arena.services.integrity import keep
from arena.services.integrity_looks import Findings, Found
from arena.tables import Campaign, Event, IntegrityFlag, OperatorRole, RatingRun, Removal, Vote
from tests.web import small
from tests.web.pages import cast, deal, read
from tests.web.test_admin import come_in, link

PAGE = "/admin/integrity"
NOW = datetime.now(UTC)


def vote(client: FlaskClient, times: int = 1) -> None:
    """Vote on the next pairs, without reasons."""
    for _ in range(times):
        cast(client, deal(client))


def suspect(arena: small.SmallArena) -> None:
    """Let the looks have two findings on the first rater."""
    usual = {"votes": 2, "moved": "1", "points": 3.1, "p": 0.0001, "adjusted": 0.004, "value": 4.2}
    following = {**usual, "entrant": "1", "upward": True, "met": 2, "won": 2.0, "expected": 0.8}
    ring = {
        "votes": 2, "moved": "1", "points": 3.1, "members": 3, "agreeing": 40, "answers": 41, "honest": 20.5,
        "log_e": 12.0, "lifted": "1", "sunk": None,
    }  # fmt: skip
    looks = ((Look.FOLLOWING, following), (Look.RING, ring))
    with arena.database.write.begin() as session:
        campaign = session.scalars(select(Campaign)).one()
        findings = Findings(found=tuple(Found(1, look, evidence) for look, evidence in looks))
        assert keep(session, campaign, findings, RULES[IN_FORCE], now=NOW) == 2


@pytest.fixture
def found(arena: small.SmallArena, client: FlaskClient) -> small.SmallArena:
    """A rater who voted twice, with two findings."""
    vote(client, 2)
    suspect(arena)
    return arena


@pytest.fixture
def ann(arena: small.SmallArena) -> FlaskClient:
    """A browser in which an operator is in."""
    client = arena.app.test_client()
    come_in(client, link(arena))
    return client


def test_only_operators_see_the_page_and_only_they_decide(
    found: small.SmallArena, client: FlaskClient
) -> None:
    for response in (client.get(PAGE), client.post(f"{PAGE}/1/exclude"), client.post(f"{PAGE}/1/dismiss")):
        assert response.status_code == 403
    bob = found.app.test_client()
    come_in(bob, link(found, "bob", OperatorRole.ANALYST))
    assert "Exclude the votes" not in bob.get(PAGE).get_data(as_text=True)
    assert bob.post(f"{PAGE}/1/exclude").status_code == 403
    with found.database.read() as session:
        assert set(session.scalars(select(IntegrityFlag.decision))) == {Decision.OPEN}


def test_an_operator_reads_the_figures_and_excludes(found: small.SmallArena, ann: FlaskClient) -> None:
    page = ann.get(PAGE)
    told = page.get_data(as_text=True)
    assert "Sfumato 2.1 hung in 2 of the votes and won 2 of them" in told
    assert "40 of 41 cases" in told
    assert "It lets Sfumato 2.1 win." in told
    assert re.search(r"100(\.0)? in a million", told)
    forms = [form.action for form in read(page).forms if "/integrity/" in form.action]
    assert forms == [f"{PAGE}/1/dismiss", f"{PAGE}/1/exclude"]
    assert ann.post(f"{PAGE}/1/exclude").status_code == 303
    with found.database.read() as session:
        votes = session.scalars(select(Vote.id)).all()
        removals = session.scalars(select(Removal)).all()
        assert [one.vote_id for one in removals] == votes
        assert {(one.rule, one.by) for one in removals} == {("integrity/1", "ann")}
        kinds = list(session.scalars(select(Event.kind).where(Event.actor == "ann")))
    assert kinds[-2:] == ["votes.excluded", "integrity.excluded"]
    after = ann.get(PAGE).get_data(as_text=True)
    assert "No finding waits." in after
    assert "excluded by ann" in after
    assert ann.post(f"{PAGE}/1/dismiss").status_code == 409
    assert ann.post(f"{PAGE}/77/dismiss").status_code == 404
    assert "left out raters of open by the rule of integrity" in ann.get("/admin/events").get_data(
        as_text=True
    )


def test_readers_are_told_the_rule_and_the_counts(found: small.SmallArena, client: FlaskClient) -> None:
    method = client.get("/method").get_data(as_text=True)
    assert 'id="integrity"' in method
    assert "integrity/1" in method
    page = client.get("/fair-play").get_data(as_text=True)
    assert "Nobody has been looked at yet" in page
    home = str(found.settings.home)
    env = {"ARENA_HOME": home, "ARENA_SECRET_KEY": found.settings.secret}
    told = CliRunner().invoke(command_line, ["integrity", "--campaign", "open", "--look"], env=env)
    assert told.exit_code == 0
    assert "2 votes of 1 raters" in told.output
    page = client.get("/fair-play").get_data(as_text=True)
    assert "Waiting for an operator: 0; let stand: 0; excluded: 0, with 0 votes." in page
    refused = CliRunner().invoke(command_line, ["integrity", "--exclude"], env=env)
    assert refused.exit_code == 2


def test_a_board_that_is_published_later_is_as_it_was(arena: small.SmallArena, client: FlaskClient) -> None:
    vote(client, 2)
    standings.refresh(arena.database, now=NOW - timedelta(hours=30))
    with arena.database.write.begin() as session:
        session.scalars(select(Campaign)).one().delay_hours = 24
    vote(arena.app.test_client(), 3)
    standings.refresh(arena.database, now=NOW)
    told = client.get("/leaderboard.json?campaign=open").get_json()
    assert (told["votes"], told["votes_now"], told["lags"]) == (2, 2, False)
    for address in ("/leaderboard/plots", "/fair-play", "/style", "/leaderboard?ties=drop"):
        kept = client.get(f"{address}{'&' if '?' in address else '?'}campaign=open")
        assert (address, kept.status_code) == (address, 403)
        assert "published later" in kept.get_data(as_text=True)
    ann = arena.app.test_client()
    come_in(ann, link(arena))
    assert ann.get("/leaderboard.json?campaign=open").get_json()["votes"] == 5
    with arena.database.write.begin() as session:
        session.execute(update(RatingRun).values(fitted_at=NOW))
    assert client.get("/leaderboard.json?campaign=open").get_json()["votes"] == 0, "not published yet"
    with arena.database.write.begin() as session:
        session.scalars(select(Campaign)).one().closed_at = NOW - timedelta(hours=25)
    assert client.get("/leaderboard.json?campaign=open").get_json()["votes"] == 5, "it closed a day ago"
