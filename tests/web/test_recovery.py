"""A code carries a voter to another browser; nothing is merged, and guessing is slowed down."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from arena.web.qr import qr_code
from arena.web.recovery import TRIES
from tests.web.pages import cast, deal, read


def make_code(client: FlaskClient) -> str:
    """Ask for a code as the page does; the letters it shows."""
    page = client.post(read(client.get("/my-votes/device")).form("/device").action)
    letters = re.findall(r"<span>([A-Z]{4})</span>", page.get_data(as_text=True))
    assert page.headers["Cache-Control"] == "no-store"
    return "-".join(letters)


def recover(client: FlaskClient, code: str, **more: str) -> TestResponse:
    return client.post("/recover", data={"code": code, **more})


def votes(client: FlaskClient) -> str:
    text = client.get("/my-votes").get_data(as_text=True)
    found = re.search(r"(\d+) votes? cast", text)
    return found[1] if found else "0"


def test_another_browser_goes_on_with_the_same_votes(client: FlaskClient, stranger: FlaskClient) -> None:
    battle = deal(client)
    cast(client, battle)
    code = make_code(client)
    page = read(stranger.get(f"/recover/{code}"))
    assert f'value="{code}"' in page.text, "a link fills the form in, and does nothing yet"
    assert votes(stranger) == "0"
    done = recover(stranger, code.lower().replace("-", " "))
    assert (done.status_code, done.headers["Location"]) == (303, "/my-votes")
    assert votes(stranger) == votes(client) == "1"
    assert stranger.get(battle).status_code == 200, "its battles are there as well"


def test_a_browser_with_votes_of_its_own_is_asked_which_to_keep(
    client: FlaskClient, stranger: FlaskClient
) -> None:
    cast(client, deal(client))
    cast(stranger, deal(stranger))
    cast(stranger, deal(stranger))
    code = make_code(client)
    asked = recover(stranger, code)
    assert "Which votes shall this browser keep?" in asked.get_data(as_text=True)
    (form,) = [form for form in read(asked).forms if form.action == "/recover"]
    assert form.buttons == [("keep", "theirs"), ("keep", "mine")]
    assert votes(stranger) == "2"
    recover(stranger, form.hidden["code"], keep="mine")
    assert votes(stranger) == "2"
    recover(stranger, form.hidden["code"], keep="theirs")
    assert stranger.get("/my-votes").get_data() == client.get("/my-votes").get_data()


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("AAAA-BBBB-CCCC-DDDD-EEEE", 400, "One of these letters is wrong"),
        ("AAAA-AAAA-AAAA-AAAA-AAAA", 404, "Nobody has this code"),
        ("", 400, "One of these letters is wrong"),
        ("<script>" * 30, 400, "One of these letters is wrong"),
    ],
)
def test_a_code_that_opens_nothing_says_so_in_its_form(
    client: FlaskClient, code: str, status: int, told: str
) -> None:
    page = recover(client, code)
    assert page.status_code == status
    assert told in page.get_data(as_text=True)
    assert "<script>" not in page.get_data(as_text=True).split("<main")[1]


def test_codes_can_be_tried_only_so_often_a_minute(client: FlaskClient, stranger: FlaskClient) -> None:
    code = make_code(client)
    for _ in range(TRIES):
        recover(stranger, "AAAA-BBBB-CCCC-DDDD-EEEE")
    assert recover(stranger, code).status_code == 429
    assert votes(stranger) == "0"


def test_a_qr_code_is_a_square_of_whole_modules_with_a_quiet_border() -> None:
    code = qr_code("https://arena.example/recover/AAAA-BBBB-CCCC-DDDD-EEEE")
    corners = [tuple(map(int, run)) for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", code.path)]
    assert min(min(x, y) for x, y, _ in corners) == 4
    assert max(x + width for x, _, width in corners) == code.size - 4
    assert re.sub(r"M\d+ \d+h(\d+)v1h-\1z", "", code.path) == ""
    # the three finder patterns: seven dark modules in a row at three corners
    for corner in ((4, 4), (code.size - 11, 4), (4, code.size - 11)):
        assert (*corner, 7) in corners
