"""The leaderboard of some of the votes: its whole state is in its address."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from arena.services.standings import refresh
from arena.services.working import keep_books
from tests.web import small
from tests.web.test_catalogue_pages import cast_many

VIEW = "category=still-life&ties=drop"


def fit(arena: small.SmallArena) -> None:
    """What the worker does once a second."""
    refresh(arena.database, now=datetime.now(UTC))


def test_a_view_is_computed_when_it_is_first_opened(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 120)
    first = client.get(f"/leaderboard?{VIEW}").get_data(as_text=True)
    assert "This board is being computed" in first
    assert '<meta http-equiv="refresh" content="2">' in first
    assert client.get(f"/leaderboard.json?{VIEW}").get_json()["run"] is None
    fit(arena)
    told = client.get(f"/leaderboard.json?{VIEW}").get_json()
    assert told["view"] == {"category": "still-life", "ties": "drop"}
    assert told["votes_in_all"] == 120
    assert told["options"]["ties"] == "drop"
    page = client.get(f"/leaderboard?{VIEW}&sort=rank").get_data(as_text=True)
    assert "This board is being computed" not in page
    assert 'value="drop" selected' in page
    assert "/leaderboard.csv?campaign=open&amp;category=still-life&amp;ties=drop" in page


def test_rows_are_sorted_as_the_address_says(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 120)

    def votes(order: str) -> list[str]:
        text = client.get(f"/leaderboard.csv?sort=win_rate&order={order}").get_data(as_text=True)
        return [row["entrant"] for row in csv.DictReader(io.StringIO(text))]

    rising, falling = votes("asc"), votes("desc")
    assert rising == falling[::-1]
    page = client.get("/leaderboard?sort=win_rate&order=asc").get_data(as_text=True)
    assert 'aria-sort="ascending"' in page
    assert page.count("aria-sort") == 1


def test_all_columns_say_more(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 120)
    few = client.get("/leaderboard").get_data(as_text=True)
    every = client.get("/leaderboard?columns=all").get_data(as_text=True)
    for label in ("Votes<br>to drop", "Against<br>in-house", "Told from<br>pixels", "Online<br>Elo"):
        assert label not in few
        assert label in every


@pytest.mark.parametrize(
    "told",
    ["ties=thirds", "sort=luck", "order=up", "since=soon", "style=1&ties=davidson", "criterion=beauty",
     "category=No Slug"],
)  # fmt: skip
@pytest.mark.parametrize(
    "address", ["/leaderboard", "/leaderboard.json", "/leaderboard.csv", "/leaderboard/plots"]
)
def test_what_cannot_be_shown_is_told(client: FlaskClient, address: str, told: str) -> None:
    assert client.get(f"{address}?{told}").status_code == 400


def test_a_category_that_no_vote_has_is_told(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 30)
    answer = client.get("/leaderboard?category=anime")
    assert answer.status_code == 400
    assert client.get("/leaderboard?category=still-life").status_code == 200


def test_style_that_cannot_be_held_equal_says_why(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 30)
    client.get("/leaderboard?style=1")
    fit(arena)
    page = client.get("/leaderboard?style=1&sort=rank").get_data(as_text=True)
    assert "These votes have no such board" in page
    assert "Style cannot be held equal yet" in page


def test_a_page_of_plots_is_of_the_same_view(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 60)
    keep_books(arena.database)
    page = client.get("/leaderboard/plots").get_data(as_text=True)
    assert page.count("<svg") > 2
    assert "Back to the leaderboard" in page
