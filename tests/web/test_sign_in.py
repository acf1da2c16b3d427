"""Password and second factor through the pages: set up in the room, asked for at the door."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from arena.domain import totp
from arena.services import signing_in
from arena.web.admin_sign_in import TRIES
from tests.web import small
from tests.web.pages import read
from tests.web.test_admin import come_in, events, link

PASSWORD = "four plain words here"
CODE = re.compile(r"\b(?:[A-Z]{4}-){4}[A-Z]{4}\b")


@pytest.fixture
def ann(arena: small.SmallArena) -> FlaskClient:
    """A browser in which an operator is in by a link."""
    client = arena.app.test_client()
    come_in(client, link(arena))
    return client


def code(arena: small.SmallArena, *, steps: int = 0) -> str:
    """What the app of ann shows now, or some steps from now."""
    with arena.database.read() as session:
        salt = signing_in.standing(session, "ann").salt
    key = signing_in.second_factor(arena.settings.secret, salt)
    return totp.code_at(key, totp.step_of(datetime.now(UTC)) + steps)


def begin(client: FlaskClient, password: str = PASSWORD, again: str | None = None) -> TestResponse:
    """Send the first form of the account page."""
    form = read(client.get("/admin/account")).form("/begin")
    return client.post(form.action, data={"new": password, "again": password if again is None else again})


def set_up(arena: small.SmallArena, client: FlaskClient) -> list[str]:
    """Set up a password and a second factor; the recovery codes of the page."""
    assert begin(client).status_code == 303
    return confirm(arena, client)


def confirm(arena: small.SmallArena, client: FlaskClient) -> list[str]:
    """Turn on what was begun; the recovery codes of the page."""
    form = read(client.get("/admin/account")).form("/confirm")
    told = client.post(form.action, data={"code": code(arena, steps=-1), "act": "confirm"})
    assert told.status_code == 200
    return CODE.findall(told.get_data(as_text=True))


def sign_in(client: FlaskClient, typed: str, name: str = "ann", password: str = PASSWORD) -> TestResponse:
    """Send the form of the door."""
    form = read(client.get("/admin/sign-in")).form("/sign-in")
    return client.post(form.action, data={"name": name, "password": password, "code": typed})


def test_an_operator_sets_up_a_password_and_comes_in_by_it(
    arena: small.SmallArena, ann: FlaskClient, stranger: FlaskClient
) -> None:
    begin(ann)
    page = ann.get("/admin/account").get_data(as_text=True)
    with arena.database.read() as session:
        key = signing_in.second_factor(arena.settings.secret, signing_in.standing(session, "ann").salt)
    assert totp.spelt(key) in page
    assert 'class="qr"' in page
    assert sign_in(stranger, code(arena)).status_code == 403, "not before it was confirmed"
    codes = confirm(arena, ann)
    assert len(set(codes)) == signing_in.RECOVERY_CODES
    later = ann.get("/admin/account").get_data(as_text=True)
    assert "8 recovery codes are left." in later
    assert not CODE.search(later)
    assert totp.spelt(key) not in later
    used = code(arena)
    response = sign_in(stranger, used)
    assert (response.status_code, response.headers["Location"]) == (303, "/admin")
    assert "ann, operator" in stranger.get("/admin").get_data(as_text=True)
    other = arena.app.test_client()
    assert sign_in(other, used).status_code == 403, "the code was used"
    assert sign_in(other, codes[0]).status_code == 303
    told = events(arena, "ann")
    assert told.count("operator.password") == 1
    assert told[-2:] == ["operator.code_used", "operator.came_in"]


def test_the_door_tells_nobody_which_part_was_wrong(
    arena: small.SmallArena, ann: FlaskClient, stranger: FlaskClient
) -> None:
    set_up(arena, ann)
    pages = [
        sign_in(stranger, *wrong)
        for wrong in (
            ("000000", "ann", PASSWORD),
            (code(arena), "ann", "some other words"),
            (code(arena), "nobody-here", PASSWORD),
        )
    ]
    assert {page.status_code for page in pages} == {403}
    assert len({re.sub(r'value="[a-z-]*"', "", page.get_data(as_text=True)) for page in pages}) == 1
    assert all("Set-Cookie" not in page.headers for page in pages)
    assert PASSWORD not in pages[0].get_data(as_text=True)


def test_guessing_is_slowed_down_whichever_door_is_tried(
    arena: small.SmallArena, stranger: FlaskClient
) -> None:
    for _ in range(TRIES - 1):
        assert stranger.get("/admin/openid").status_code == 404
    told = [sign_in(stranger, "1", f"n{number}", "x") for number in range(2)]
    assert [answer.status_code for answer in told] == [403, 429]
    assert "Wait a minute" in told[-1].get_data(as_text=True)


def test_changes_ask_for_the_password_and_a_code(arena: small.SmallArena, ann: FlaskClient) -> None:
    set_up(arena, ann)
    other = arena.app.test_client()
    sign_in(other, code(arena))

    def change(typed: str, act: str, password: str = PASSWORD, **more: str) -> TestResponse:
        form = read(ann.get("/admin/account")).form("/change")
        return ann.post(form.action, data={"password": password, "code": typed, "act": act, **more})

    new = {"new": "quite another text", "again": "quite another text"}
    assert change("000000", "password", **new).status_code == 403
    assert change(code(arena, steps=1), "password", new="short", again="short").status_code == 400
    assert other.get("/admin").status_code == 200
    assert change(code(arena, steps=1), "password", **new).status_code == 303
    assert other.get("/admin").status_code == 403, "sessions elsewhere ended"
    assert ann.get("/admin").status_code == 200
    with arena.database.write.begin() as session:
        codes = signing_in.renew_codes(session, "ann", now=datetime.now(UTC))
    assert sign_in(other, codes[0]).status_code == 403, "the old password"
    assert sign_in(other, codes[0], password=new["new"]).status_code == 303
    renewed = CODE.findall(change(codes[1], "codes", password=new["new"]).get_data(as_text=True))
    assert len(renewed) == signing_in.RECOVERY_CODES
    assert change(renewed[0], "off", password=new["new"]).status_code == 303
    assert read(ann.get("/admin/account")).form("/begin")


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", "short", "at least 12 characters"),
        ("abababababababab", "abababababababab", "repeats itself"),
        (PASSWORD, PASSWORD + "x", "The two passwords differ"),
    ],
)
def test_a_password_that_will_not_do_is_told_why(
    ann: FlaskClient, password: str, again: str, told: str
) -> None:
    response = begin(ann, password, again)
    assert response.status_code == 400
    assert told in response.get_data(as_text=True)
    assert read(ann.get("/admin/account")).form("/begin")


def test_other_browsers_are_signed_out_by_a_button(arena: small.SmallArena, ann: FlaskClient) -> None:
    other = arena.app.test_client()
    come_in(other, link(arena))
    form = read(ann.get("/admin/account")).form("/elsewhere")
    assert ann.post(form.action).status_code == 303
    assert other.get("/admin").status_code == 403
    assert "You are in nowhere else." in ann.get("/admin/account").get_data(as_text=True)


def test_no_secret_of_the_door_is_logged(
    arena: small.SmallArena, ann: FlaskClient, stranger: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    codes, typed = set_up(arena, ann), code(arena)
    sign_in(stranger, typed)
    sign_in(stranger, "000000")
    cookie = stranger.get_cookie("operator", path="/admin")
    assert cookie
    assert caplog.text
    for secret in (PASSWORD, typed, codes[0], cookie.value, arena.settings.secret):
        assert secret not in caplog.text
