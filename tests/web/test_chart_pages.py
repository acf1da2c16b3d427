"""The plots page without script, and the board as a picture."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from PIL import Image as Pillow

from analysis.outcomes import Outcome
from arena.services import costing
from arena.services.standings import refresh
from arena.web import board_image
from tests.web import shown, small
from tests.web.pages import Page


def vote(arena: small.SmallArena, count: int) -> None:
    """Cast votes of many raters, and fit the board."""
    chance = random.Random(count)
    shown.judge(arena, [chance.choice(list(Outcome)) for _ in range(count)])
    refresh(arena.database, now=datetime.now(UTC))


class Drawings(HTMLParser):
    """How many drawings a page has, and which of them say what they are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.plots = self.titles = self.cells = self.unscoped = 0
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.plots += tag == "svg" and (told.get("class") or "").startswith("plot")
        self.titles += tag in {"title", "desc"} and self._inside == "svg"
        self.cells += (told.get("class") or "").startswith("heat-") and tag == "td"
        self.unscoped += tag == "th" and told.get("scope") not in {"col", "row"}
        if tag in {"svg", "head"}:
            self._inside = tag


def test_the_plots_need_no_script_and_say_what_they_are(arena: small.SmallArena, client: FlaskClient) -> None:
    vote(arena, 60)
    vote(arena, 61)
    costing.refresh(arena.database, costing.CostBook(), now=datetime.now(UTC))
    text = client.get("/leaderboard/plots").get_data(as_text=True)
    page, told = Page(text), Drawings(text)
    assert not page.styled
    assert not page.scripts
    assert told.plots == 4
    assert told.titles == 2 * told.plots
    assert told.cells == 6
    assert told.unscoped == 0
    assert "Not in the plot, without this number:" in text


def test_before_the_first_vote_the_page_says_what_is_missing(client: FlaskClient) -> None:
    text = client.get("/leaderboard/plots").get_data(as_text=True)
    assert Drawings(text).plots == 0
    assert "No two entrants have met in these votes yet." in text
    for card in small.CARDS:
        assert card.name in text


def test_without_a_campaign_the_page_says_so(bare: small.SmallArena) -> None:
    text = bare.app.test_client().get("/leaderboard/plots").get_data(as_text=True)
    assert "No campaign has been opened here." in text


def test_the_board_is_a_picture_drawn_once_a_run(arena: small.SmallArena, client: FlaskClient) -> None:
    assert client.get("/leaderboard.png").status_code == 404
    vote(arena, 60)
    before = board_image.drawn.cache_info().misses
    first = client.get("/leaderboard.png")
    picture = Pillow.open(io.BytesIO(first.data))
    assert (first.mimetype, picture.format, picture.width) == ("image/png", "PNG", 1600)
    colours = picture.convert("RGB").getcolors(2**24) or []
    assert {(255, 255, 255), (0x24, 0x54, 0x9A), (0xC4, 0x31, 0x1B)} <= {colour for _, colour in colours}
    assert client.get("/leaderboard.png").data == first.data
    assert board_image.drawn.cache_info().misses == before + 1
    again = client.get("/leaderboard.png", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    french = client.get("/leaderboard.png", headers={"Accept-Language": "fr"})
    assert french.headers["ETag"] != first.headers["ETag"]
    vote(arena, 61)
    newer = client.get("/leaderboard.png", headers={"If-None-Match": first.headers["ETag"]})
    assert newer.status_code == 200
    assert newer.data != first.data


def test_a_picture_of_votes_that_no_board_has_is_no_page(
    arena: small.SmallArena, client: FlaskClient
) -> None:
    vote(arena, 60)
    assert client.get("/leaderboard.png?ties=drop").status_code == 404
    assert client.get("/leaderboard.png?ties=never").status_code == 400
    assert client.get("/leaderboard.png?campaign=none").status_code == 404


@pytest.fixture(autouse=True)
def nothing_drawn_before() -> Iterator[None]:
    """No picture is kept from one test to the next."""
    board_image.drawn.cache_clear()
    yield
    board_image.drawn.cache_clear()
