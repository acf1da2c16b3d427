"""The operator's room: who comes in and who does not, what it shows, what its buttons do."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from arena.services import curation, operators
from arena.tables import Campaign, Event, Job, JobState, OperatorLink, OperatorRole, OperatorSession
from tests.web import small
from tests.web.pages import read

PAGE = "/admin/campaigns/open"
JSON = {"Accept": "application/json"}


def link(arena: small.SmallArena, name: str = "ann", role: OperatorRole | None = None) -> str:
    """The address of a new link."""
    with arena.database.write.begin() as session:
        return f"/admin/links/{operators.make_link(session, name, now=datetime.now(UTC), role=role).token}"


def come_in(client: FlaskClient, address: str) -> TestResponse:
    """Open a link and press its button."""
    form = read(client.get(address)).forms[0]
    assert (form.method, form.action) == ("post", "")
    return client.post(address)


@pytest.fixture
def ann(arena: small.SmallArena) -> FlaskClient:
    """A browser in which an operator is in."""
    client = arena.app.test_client()
    assert come_in(client, link(arena)).status_code == 303
    return client


@pytest.fixture
def bob(arena: small.SmallArena) -> FlaskClient:
    """A browser in which an analyst is in."""
    client = arena.app.test_client()
    come_in(client, link(arena, "bob", OperatorRole.ANALYST))
    return client


def fail_some(arena: small.SmallArena, count: int = 2, state: JobState = JobState.FAILED) -> None:
    """Let pictures have failed, of the first jobs."""
    with arena.database.write.begin() as session:
        for job in session.scalars(select(Job).order_by(Job.id).limit(count)):
            job.state, job.reason = state, "RuntimeError: out of <memory>"


def states(arena: small.SmallArena) -> dict[JobState, int]:
    """How many jobs are in which state."""
    with arena.database.read() as session:
        return dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())


def events(arena: small.SmallArena, actor: str) -> list[str]:
    """What somebody did."""
    with arena.database.read() as session:
        return list(session.scalars(select(Event.kind).where(Event.actor == actor).order_by(Event.id)))


@pytest.mark.parametrize("address", ["/admin", PAGE, "/admin/campaigns/none"])
def test_a_stranger_is_told_how_to_get_a_link(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    page = response.get_data(as_text=True)
    assert response.status_code == 403
    assert "arena operators link NAME" in page
    assert "Spring 2026" not in page
    assert response.headers["Cache-Control"] == "no-store"
    told = client.get(address, headers=JSON)
    assert (told.status_code, told.get_json()["error"]["code"]) == (403, "not_signed_in")


@pytest.mark.parametrize("address", [f"{PAGE}/ask", f"{PAGE}/again", "/admin/leave"])
def test_a_stranger_changes_nothing(client: FlaskClient, arena: small.SmallArena, address: str) -> None:
    fail_some(arena)
    assert client.post(address).status_code == 403
    assert states(arena)[JobState.FAILED] == 2


def test_a_link_lets_in_by_its_button_and_once(arena: small.SmallArena, client: FlaskClient) -> None:
    address = link(arena)
    for _ in range(3):
        page = client.get(address)
        assert "ann" in page.get_data(as_text=True)
        assert "Set-Cookie" not in page.headers
        assert page.headers["Cache-Control"] == "no-store"
    client.head(address)
    response = come_in(client, address)
    assert (response.status_code, response.headers["Location"]) == (303, "/admin")
    assert "ann, operator" in client.get("/admin").get_data(as_text=True)
    other = arena.app.test_client()
    for again in (other.get(address), other.post(address)):
        assert again.status_code == 410
        assert "This link opens nothing" in again.get_data(as_text=True)
    assert other.get("/admin").status_code == 403
    assert events(arena, "ann") == ["operator.came_in"]


def test_links_that_open_nothing_have_one_page(arena: small.SmallArena, client: FlaskClient) -> None:
    expired = link(arena)
    with arena.database.write.begin() as session:
        session.execute(update(OperatorLink).values(expires_at=datetime.now(UTC)))
    told = {
        client.get(address).status_code: re.sub(
            r"links/[\w-]+", "", client.get(address).get_data(as_text=True)
        )
        for address in (expired, "/admin/links/" + "x" * 43)
    }
    assert set(told) == {410, 404}
    assert told[410] == told[404]
    assert client.post(expired).status_code == 410


@pytest.mark.parametrize("url", ["http://a.example", "https://a.example"])
def test_the_cookie_is_signed_hidden_from_scripts_and_kept_to_the_room(tmp_path: Path, url: str) -> None:
    arena = small.empty_arena(tmp_path / "home", ARENA_PUBLIC_URL=url)
    client = arena.app.test_client()
    answer = client.post(link(arena), base_url=url)
    told = {cookie.partition("=")[0]: cookie for cookie in answer.headers.getlist("Set-Cookie")}
    assert set(told) == {"operator", "operator_in"}
    for cookie in told.values():
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Max-Age=43200" in cookie
        assert ("Secure" in cookie) is url.startswith("https")
    assert "Path=/admin;" in told["operator"] or told["operator"].endswith("Path=/admin")
    signed = told["operator"].split("=")[1].split(".")[0].strip('"')
    token = json.loads(urlsafe_b64decode(signed + "=" * (-len(signed) % 4)))
    with arena.database.read() as session:
        assert session.scalars(select(OperatorSession.digest)).one() == operators.digest_of(token)
    assert signed not in told["operator_in"]
    arena.close()


def test_the_token_is_sent_to_no_other_page(ann: FlaskClient) -> None:
    for address, sent in (
        ("/admin", True),
        (PAGE, True),
        ("/leaderboard", False),
        ("/administrators", False),
    ):
        asked = ann.get(address).request
        assert ("operator" in asked.cookies) is sent, address


def test_what_the_other_pages_get_opens_nothing(ann: FlaskClient, arena: small.SmallArena) -> None:
    hint = ann.get_cookie("operator_in")
    assert hint
    other = arena.app.test_client()
    for name in ("operator", "operator_in"):
        other.set_cookie(name, hint.value, path="/")
    assert other.get("/admin").status_code == 403


def test_a_cookie_that_we_did_not_sign_is_nobody(ann: FlaskClient, arena: small.SmallArena) -> None:
    cookie = ann.get_cookie("operator", path="/admin")
    assert cookie
    token = cookie.value.split(".")[0].strip('"')
    for forged in (token, cookie.value[:-4] + "abcd", f'"{token}".x', "", "1"):
        other = arena.app.test_client()
        other.set_cookie("operator", forged, path="/admin")
        assert other.get("/admin").status_code == 403, forged
    honest = arena.app.test_client()
    honest.set_cookie("operator", cookie.value, path="/admin")
    assert honest.get("/admin").status_code == 200


def test_nobody_goes_on_in_a_session_that_was_planted(ann: FlaskClient, arena: small.SmallArena) -> None:
    """Who comes in gets a session of their own, and the one that the browser held ends."""
    planted = ann.get_cookie("operator", path="/admin")
    assert planted
    victim = arena.app.test_client()
    victim.set_cookie("operator", planted.value, path="/admin")
    come_in(victim, link(arena, "eve"))
    mine = victim.get_cookie("operator", path="/admin")
    assert mine
    assert mine.value != planted.value
    assert "eve, operator" in victim.get("/admin").get_data(as_text=True)
    assert ann.get("/admin").status_code == 403


def test_signing_out_ends_the_session_and_not_the_cookie_alone(
    ann: FlaskClient, arena: small.SmallArena
) -> None:
    kept = ann.get_cookie("operator", path="/admin")
    assert kept
    response = ann.post("/admin/leave")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert ann.get_cookie("operator", path="/admin") is None
    assert ann.get_cookie("operator_in") is None
    ann.set_cookie("operator", kept.value, path="/admin")
    assert ann.get("/admin").status_code == 403
    assert events(arena, "ann")[-1] == "operator.left"


def test_retirement_ends_access_at_once(ann: FlaskClient, bob: FlaskClient, arena: small.SmallArena) -> None:
    assert ann.get(PAGE).status_code == 200
    with arena.database.write.begin() as session:
        operators.retire(session, "ann", now=datetime.now(UTC))
    assert ann.get(PAGE).status_code == 403
    assert ann.post(f"{PAGE}/ask").status_code == 403
    assert "Operator’s room" not in ann.get("/leaderboard").get_data(as_text=True)
    assert bob.get(PAGE).status_code == 200


def test_a_session_ends_by_itself(ann: FlaskClient, arena: small.SmallArena) -> None:
    with arena.database.write.begin() as session:
        session.execute(update(OperatorSession).values(expires_at=datetime.now(UTC)))
    assert ann.get("/admin").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}],
)
def test_a_form_from_another_site_changes_nothing(
    ann: FlaskClient, arena: small.SmallArena, headers: dict[str, str]
) -> None:
    fail_some(arena)
    unused = link(arena, "eve")
    for address in (f"{PAGE}/ask", f"{PAGE}/again", "/admin/leave", unused):
        assert ann.post(address, headers=headers).status_code == 403, address
    assert states(arena)[JobState.FAILED] == 2
    assert ann.get("/admin").status_code == 200
    assert come_in(arena.app.test_client(), unused).status_code == 303


def test_the_footer_leads_only_operators_to_their_room(
    ann: FlaskClient, bob: FlaskClient, client: FlaskClient
) -> None:
    for address in ("/leaderboard", "/method", "/playground"):
        assert "/admin" in read(ann.get(address)).links
        assert "/admin" in read(bob.get(address)).links
        assert "/admin" not in read(client.get(address)).links
    client.set_cookie("operator_in", "1")
    assert "/admin" not in read(client.get("/leaderboard")).links


def test_the_room_lists_campaigns_and_what_was_done(ann: FlaskClient, arena: small.SmallArena) -> None:
    small.open_campaign(arena, slug="second", name="Autumn", prompts=["A pear"], paint=None)
    fail_some(arena, 1)
    page = ann.get("/admin").get_data(as_text=True)
    assert page.index("Autumn") < page.index("Spring 2026")
    for told in ("<dd>11 of 12</dd>", "<dd>0 of 3</dd>", 'width="91.7%"', 'width="0.0%"', "ann came in"):
        assert told in page
    assert "The command line opened the campaign second" in page


def test_an_arena_without_campaigns_has_a_room(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    come_in(client, link(bare))
    assert "No campaign has been opened here." in client.get("/admin").get_data(as_text=True)


def test_every_event_that_the_code_writes_has_its_words(ann: FlaskClient, arena: small.SmallArena) -> None:
    from arena import paths
    from arena.web.admin import EVENTS

    written = set()
    for file in (paths.PACKAGE / "services").glob("*.py"):
        written |= set(re.findall(r'kind="([a-z]+\.[a-z_]+)"', file.read_text()))
    assert len(written) > 9
    assert not written - EVENTS.keys()


def test_a_campaign_is_told_entrant_by_entrant(ann: FlaskClient, arena: small.SmallArena) -> None:
    fail_some(arena, 2)
    page = ann.get(PAGE).get_data(as_text=True)
    for card in small.CARDS:
        assert card.name in page
    assert "10 of 12 pictures" in page
    assert "RuntimeError: out of &lt;memory&gt;" in page
    assert small.PROMPTS[0] in page
    assert "Failed: Sfumato 2.1, Baseline K" in page
    assert ann.get("/admin/campaigns/none").status_code == 404


def test_no_picture_is_shown_while_people_vote(ann: FlaskClient) -> None:
    for address in ("/admin", PAGE):
        page = read(ann.get(address))
        assert not page.pictures
        assert not [found for found in page.links if "picture" in found or "original" in found]


def test_the_missing_pictures_are_asked_for_by_a_button(ann: FlaskClient, arena: small.SmallArena) -> None:
    with arena.database.write.begin() as session:
        campaign = session.scalars(select(Campaign)).one()
        curation.add_prompts(session, campaign, [curation.NewPrompt("A pear")], now=datetime.now(UTC))
    before = states(arena).get(JobState.QUEUED, 0)
    form = read(ann.get(PAGE)).form("/ask")
    response = ann.post(form.action)
    assert response.status_code == 303
    asked = states(arena)[JobState.QUEUED] - before
    assert asked == 3 * (len(small.PROMPTS) + 1), "the pictures of a small arena have seeds of their own"
    assert f"{asked} pictures were asked for." in ann.get(response.headers["Location"]).get_data(as_text=True)
    response = ann.post(form.action)
    assert states(arena)[JobState.QUEUED] - before == asked
    assert "Every picture had been asked for." in ann.get(response.headers["Location"]).get_data(as_text=True)
    assert events(arena, "ann")[1:] == ["campaign.asked", "campaign.asked"]


def test_what_failed_is_tried_again_by_a_button(ann: FlaskClient, arena: small.SmallArena) -> None:
    fail_some(arena, 2)
    told = []
    for _ in range(2):
        response = ann.post(read(ann.get(PAGE)).form("/again").action)
        told.append(ann.get(response.headers["Location"]).get_data(as_text=True))
    assert "2 failed pictures wait for another try." in told[0]
    assert "No picture had failed." in told[1]
    assert states(arena) == {JobState.DONE: 10, JobState.QUEUED: 2}


def test_only_what_one_did_oneself_is_told_as_done(ann: FlaskClient, bob: FlaskClient) -> None:
    done = ann.post(f"{PAGE}/again").headers["Location"]
    assert "No picture had failed." in ann.get(done).get_data(as_text=True)
    for client, address in ((bob, done), (ann, f"{PAGE}?done=1"), (ann, f"{PAGE}?done=x")):
        response = client.get(address)
        assert response.status_code == 200
        assert 'role="status"' not in response.get_data(as_text=True)


def test_an_analyst_looks_and_changes_nothing(bob: FlaskClient, arena: small.SmallArena) -> None:
    fail_some(arena)
    assert [form.action for form in read(bob.get(PAGE)).forms] == ["/preferences", "/admin/leave"]
    for button in ("ask", "again"):
        response = bob.post(f"{PAGE}/{button}")
        assert response.status_code == 403
        assert "You may look, not change" in response.get_data(as_text=True)
    assert states(arena)[JobState.FAILED] == 2
    assert events(arena, "bob") == ["operator.came_in"]


def test_a_closed_show_has_no_buttons_and_takes_no_requests(
    ann: FlaskClient, arena: small.SmallArena
) -> None:
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).values(closed_at=datetime.now(UTC) - timedelta(seconds=1)))
    page = ann.get(PAGE)
    assert "This show has closed" in page.get_data(as_text=True)
    assert len(read(page).forms) == 2
    assert ann.post(f"{PAGE}/ask").status_code == 409


def test_a_script_is_told_only_what_is_new(bare: small.SmallArena) -> None:
    small.open_campaign(bare, paint=None)
    client = bare.app.test_client()
    come_in(client, link(bare))
    first = client.get(PAGE, headers=JSON)
    told = first.get_json()
    assert (told["active"], told["cells"]["line"]) == (True, "0 of 12 pictures")
    again = {**JSON, "If-None-Match": first.headers["ETag"]}
    same = client.get(PAGE, headers=again)
    assert (same.status_code, same.get_data()) == (304, b"")
    assert same.headers["Cache-Control"] == "no-store"
    page = client.get(PAGE).get_data(as_text=True)
    assert 'http-equiv="refresh"' in page
    assert set(re.findall(r'data-cell="([^"]+)"', page)) <= told["cells"].keys()
    assert set(re.findall(r'data-bar="([^"]+)"', page)) == told["bars"].keys()
    small.paint_all(bare)
    done = client.get(PAGE, headers=again)
    assert (done.status_code, done.get_json()["active"]) == (200, False)
    assert done.get_json()["bars"]["all"] == "100.0%"
    assert 'http-equiv="refresh"' not in client.get(PAGE).get_data(as_text=True)


def test_the_room_carries_the_headers_of_every_page(ann: FlaskClient, arena: small.SmallArena) -> None:
    fail_some(arena)
    for address in ("/admin", PAGE, link(arena, "eve")):
        response = ann.get(address)
        page = read(response)
        assert response.headers["Cache-Control"] == "no-store"
        assert "ETag" not in response.headers
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert not page.styled
        assert all(script["src"].startswith("/static/") for script in page.scripts)
