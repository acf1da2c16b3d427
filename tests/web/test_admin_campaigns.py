"""The operators' pages of campaigns and ledgers, registered plans, and boards that are kept back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from arena.queries.finding import find_campaign
from arena.services import operators
from arena.services.curation import enter, find_entrant, join
from arena.services.standings import refresh
from arena.tables import BoardReaders, Campaign, Entrant, Event, OperatorRole
from tests.web import small
from tests.web.pages import deal, read, settle

NEW = "/admin/campaigns/new"
JSON = {"Accept": "application/json"}


def operator(arena: small.SmallArena, name: str = "ann", role: OperatorRole | None = None) -> FlaskClient:
    """A browser in which somebody is in."""
    client = arena.app.test_client()
    with arena.database.write.begin() as session:
        token = operators.make_link(session, name, now=datetime.now(UTC), role=role).token
    assert client.post(f"/admin/links/{token}").status_code == 303
    return client


@pytest.fixture
def ann(arena: small.SmallArena) -> FlaskClient:
    """A browser in which an operator is in."""
    return operator(arena)


def form_of(arena: small.SmallArena, **changes: object) -> dict[str, object]:
    """What a browser sends of the form of a new campaign."""
    with arena.database.read() as session:
        names = [
            f"{one.slug}@{one.revision}" for one in session.scalars(select(Entrant).order_by(Entrant.id))
        ]
    return {
        "act": "open",
        "name": "Autumn",
        "slug": "autumn",
        "questions": ["preference", "craft"],
        "own": "a red vase\n\na green cup\n",
        "entrants": names,
        "canvas": "128",
        "seeds": "1",
        "policy": "targeted",
        "set_size": "20",
        "minutes_to_vote": "60",
        "reveal": "each",
        "audience": "public",
        "board": "hidden",
        "checks": "6",
        "target": "pair",
        "a": "sfumato",
        "b": "best_baseline",
        "gap": "30",
        "error": "5",
        "power": "80",
        "least_votes": "200",
        **changes,
    }


def test_a_campaign_is_opened_and_registered_by_its_pages(ann: FlaskClient, arena: small.SmallArena) -> None:
    page = read(ann.get(NEW))
    assert [form.method for form in page.forms if not form.action] == ["post"]
    assert not page.styled
    opened = ann.post(NEW, data=form_of(arena))
    assert (opened.status_code, opened.headers["Location"]) == (303, "/admin/campaigns/autumn/progress")
    page = read(ann.get(opened.headers["Location"]))
    assert "Tell sfumato from the best baseline at 30 points." in page.text
    assert ann.post(page.form("/register").action).status_code == 303
    with arena.database.read() as session:
        digest = find_campaign(session, "autumn").registration_digest
    assert digest
    stranger = arena.app.test_client()
    told = stranger.get("/campaigns/autumn/plan")
    assert digest in told.get_data(as_text=True)
    assert "a red vase" not in told.get_data(as_text=True)
    body = stranger.get("/campaigns/autumn/plan.json").get_data()
    assert hashlib.sha256(body).hexdigest() == digest
    assert stranger.get("/campaigns/open/plan").status_code == 404
    with arena.database.write.begin() as session:
        late = enter(session, small.card("late", "Late One", "baseline"), now=datetime.now(UTC))
        join(session, find_campaign(session, "autumn"), [late], now=datetime.now(UTC))
    assert "Late One was added," in stranger.get("/campaigns/autumn/plan").get_data(as_text=True)
    assert stranger.get("/campaigns/autumn/plan.json").get_data() == body
    refused = ann.post(
        "/admin/campaigns/autumn/edit", data=form_of(arena, act="keep", name="Later", until="2099-01-01")
    )
    assert refused.status_code == 303
    with arena.database.read() as session:
        found = find_campaign(session, "autumn")
        assert (found.name, found.set_size, found.registration_digest) == ("Later", 20, digest)
        kinds = list(session.scalars(select(Event.kind).where(Event.subject == "autumn").order_by(Event.id)))
    assert kinds == ["campaign.opened", "campaign.registered", "campaign.amended", "campaign.changed"]


def test_what_is_wrong_about_a_form_is_told_and_nothing_is_lost_or_opened(
    ann: FlaskClient, arena: small.SmallArena
) -> None:
    for wrong, status in (
        ({"slug": "open"}, 409),
        ({"slug": "Open now"}, 400),
        ({"entrants": ["sfumato"]}, 400),
        ({"canvas": "large"}, 400),
        ({"gap": "nan"}, 400),
        ({"a": "nobody"}, 400),
        ({"board": "mine"}, 400),
        ({"target": "everything"}, 400),
        ({"until": "soon"}, 400),
        ({"questions": [], "question": ""}, 400),
    ):
        answer = ann.post(NEW, data=form_of(arena, own="a pear at dusk", **wrong))
        page = answer.get_data(as_text=True)
        assert answer.status_code == status, wrong
        assert 'role="alert"' in page
        assert "a pear at dusk" in page
    with arena.database.read() as session:
        assert session.scalars(select(Campaign.slug)).all() == ["open"]


def test_the_calculator_works_with_a_button_and_with_a_script(
    ann: FlaskClient, arena: small.SmallArena
) -> None:
    page = ann.post(NEW, data=form_of(arena, act="reckon", raters="10", votes_each="100")).get_data(
        as_text=True
    )
    assert "What this will take" in page
    assert "with these raters." in page
    card = ann.post("/admin/campaigns/reckon", data=form_of(arena, gap="60")).get_data(as_text=True)
    assert "<html" not in card
    assert "Pairs of entrants" in card
    few = ann.post("/admin/campaigns/reckon", data=form_of(arena, entrants=["sfumato"])).get_data(
        as_text=True
    )
    assert "Choose two entrants or more." in few
    with arena.database.read() as session:
        assert session.scalars(select(Campaign.slug)).all() == ["open"]


def test_after_votes_the_form_holds_name_end_and_cap(ann: FlaskClient, arena: small.SmallArena) -> None:
    whole = ann.get("/admin/campaigns/open/edit").get_data(as_text=True)
    assert 'name="entrants"' in whole
    settle(ann, deal(ann))
    fixed = ann.get("/admin/campaigns/open/edit").get_data(as_text=True)
    assert 'name="entrants"' not in fixed
    assert 'name="most_votes"' in fixed
    told = {"act": "keep", "name": "May", "most_votes": "300", "set_size": "5"}
    assert ann.post("/admin/campaigns/open/edit", data=told).status_code == 303
    with arena.database.read() as session:
        found = find_campaign(session, "open")
    assert (found.name, found.most_votes, found.set_size) == ("May", 300, 30)
    progress = ann.get("/admin/campaigns/open/progress")
    assert "Votes per pair" in progress.get_data(as_text=True)
    script = ann.get("/admin/campaigns/open/progress", headers=JSON)
    assert script.get_json() == {"votes": 1, "look": None, "open": True}
    again = ann.get(
        "/admin/campaigns/open/progress", headers={**JSON, "If-None-Match": script.headers["ETag"]}
    )
    assert again.status_code == 304
    assert ann.post("/admin/campaigns/open/close").status_code == 303
    assert "Closed by hand." in ann.get("/admin/campaigns/open/progress").get_data(as_text=True)
    assert ann.get("/admin/campaigns/open/edit").status_code == 409


def test_an_analyst_looks_and_a_stranger_does_not(arena: small.SmallArena) -> None:
    bob, stranger = operator(arena, "bob", OperatorRole.ANALYST), arena.app.test_client()
    for page in ("campaigns", "campaigns/open/progress", "entrants", "raters", "events", "jobs"):
        assert bob.get(f"/admin/{page}").status_code == 200, page
        assert stranger.get(f"/admin/{page}").status_code == 403, page
    assert bob.get(NEW).status_code == 403
    for act in ("campaigns/new", "campaigns/open/edit", "campaigns/open/close", "campaigns/open/register",
                "entrants/kiln/retire"):  # fmt: skip
        assert bob.post(f"/admin/{act}", data=form_of(arena)).status_code == 403, act
    with arena.database.read() as session:
        assert find_campaign(session, "open").closed_at is None
        assert find_entrant(session, "kiln").retired_at is None


def test_the_ledgers_tell_of_entrants_raters_events_and_jobs(
    ann: FlaskClient, arena: small.SmallArena
) -> None:
    settle(ann, deal(ann))
    with arena.database.read() as session:
        kiln = find_entrant(session, "kiln")
        name = f"kiln@{kiln.revision}"
    assert ann.post(read(ann.get("/admin/entrants")).form(f"{name}/retire").action).status_code == 303
    page = ann.get("/admin/entrants")
    assert "Retired" in page.get_data(as_text=True)
    assert "kiln" in ann.get("/leaderboard.csv").get_data(as_text=True), "it stays on boards"
    assert ann.post(read(page).form(f"{name}/return").action).status_code == 303
    events = ann.get("/admin/events?kind=entrant.retired").get_data(as_text=True)
    assert f"ann retired {name}" in events
    assert "came in" not in events
    raters = ann.get("/admin/raters").get_data(as_text=True)
    with ann.session_transaction() as cookie:
        assert cookie["voter"] not in raters
    assert "1 rater" in raters
    assert "Baseline K" in ann.get("/admin/jobs").get_data(as_text=True)
    assert ann.get("/admin/events?page=99&kind=none").status_code == 200


def test_a_covered_board_is_seen_by_nobody_but_operators_until_it_closes(
    ann: FlaskClient, arena: small.SmallArena
) -> None:
    client = arena.app.test_client()
    reveal = settle(client, deal(client)).get_data(as_text=True)
    refresh(arena.database, now=datetime.now(UTC))
    boards = ("", ".json", ".csv", "/plots")
    others = ("/fair-play", "/style", "/api/v1/leaderboard", "/api/v1/runs/1")
    open_to_all = (*(f"/leaderboard{part}" for part in boards), *others)
    for address in open_to_all:
        assert client.get(address).status_code == 200, address
    arena.app.extensions["arena"].pages._pages.clear()
    for readers, mine in ((BoardReaders.HIDDEN, 403), (BoardReaders.STAFF, 403), (BoardReaders.RATERS, 200)):
        with arena.database.write.begin() as session:
            find_campaign(session, "open").board = readers
        for address in open_to_all:
            stranger = arena.app.test_client().get(address)
            assert stranger.status_code == 403, (readers, address)
            assert "Sfumato" not in stranger.get_data(as_text=True)
        assert ann.get("/leaderboard").status_code == 200
        assert client.get("/leaderboard").status_code == mine
        assert client.get("/api/v1/runs").get_json()["data"] == []
        assert client.get("/api/v1/votes").get_json()["data"] == []
        assert client.get("/entrants/sfumato").status_code == 200
    assert reveal
    with arena.database.write.begin() as session:
        find_campaign(session, "open").closed_at = datetime.now(UTC)
    assert arena.app.test_client().get("/leaderboard").status_code == 200
