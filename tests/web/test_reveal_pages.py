"""After the vote: names, cards, ratings as of a vote, and the originals."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO

from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import select, update

from arena.services.standings import refresh
from arena.tables import Battle, Entrant
from tests.web import small
from tests.web.pages import cast, deal, read, settle


def sides(arena: small.SmallArena, battle: str) -> tuple[Entrant, Entrant]:
    with arena.database.read() as session:
        row = session.scalars(select(Battle).where(Battle.key == battle.rsplit("/", 1)[1])).one()
        found = [session.get(Entrant, which) for which in (row.left_entrant_id, row.right_entrant_id)]
    assert found[0]
    assert found[1]
    return found[0], found[1]


def test_the_reveal_names_both_and_the_one_chosen(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    page = settle(client, battle, "right").get_data(as_text=True)
    left, right = sides(arena, battle)
    assert f"You chose the right one, <b>{right.name}</b>." in page
    assert page.index(f"<h2>{left.name}</h2>") < page.index(f"<h2>{right.name}</h2>")
    assert page.count('aria-label="Your choice"') == 1


def test_a_tie_and_both_bad_choose_nobody(client: FlaskClient) -> None:
    for outcome, words, asks in (
        ("tie", "You called it a tie between", "What made them alike?"),
        ("both_bad", "You called both bad:", "What went wrong?"),
    ):
        battle = deal(client)
        cast(client, battle, outcome)
        assert asks in client.get(battle).get_data(as_text=True)
        client.post(f"{battle}/reasons")
        page = client.get(battle).get_data(as_text=True)
        assert words in page
        assert "Your choice" not in page


def test_ratings_are_those_of_the_newest_board_and_say_so(arena: small.SmallArena) -> None:
    for _ in range(8):
        client = arena.app.test_client()
        for outcome in ("left", "right", "tie"):
            settle(client, deal(client), outcome)
    refresh(arena.database, now=datetime.now(UTC))
    client = arena.app.test_client()
    page = settle(client, deal(client)).get_data(as_text=True)
    assert "as of vote 24." in page
    assert len(re.findall(r'class="rating">\s*\d{3,4}', page)) == 2
    assert not re.search(r"[+−-]\d+\.\d", page), "no change made by this vote"


def test_without_a_board_nothing_is_invented(client: FlaskClient) -> None:
    page = settle(client, deal(client)).get_data(as_text=True)
    assert page.count("Not rated yet") == 2
    assert "No board has been computed yet" in page


def test_the_original_is_the_picture_as_it_was_made(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    page = read(settle(client, battle))
    left, _ = sides(arena, battle)
    (address,) = [link for link in page.links if link.startswith("/originals/") and link.endswith("/left")]
    response = client.get(address)
    assert re.fullmatch(
        rf"attachment; filename={left.slug}-48\d+\.png", response.headers["Content-Disposition"]
    )
    with Pillow.open(BytesIO(response.get_data())) as picture:
        assert picture.size == (small.CANVAS, small.CANVAS)


def test_words_that_an_entrant_did_not_know_are_told(bare: small.SmallArena) -> None:
    small.open_campaign(bare, notes={"unknown_words": ["celadon", "<b>dusk</b>"]})
    client = bare.app.test_client()
    page = settle(client, deal(client)).get_data(as_text=True)
    assert "It did not know: celadon, &lt;b&gt;dusk&lt;/b&gt;." in page


def test_an_old_reveal_still_shows_its_pictures(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    settle(client, battle)
    with arena.database.write.begin() as session:
        session.execute(update(Battle).values(voted_at=datetime(2020, 1, 1, tzinfo=UTC)))
    for picture in read(client.get(battle)).pictures:
        assert client.get(picture["src"]).status_code == 200


def test_the_next_pair_can_be_fetched_while_the_reveal_is_read(client: FlaskClient) -> None:
    battle = deal(client)
    page = read(settle(client, battle))
    (onward,) = [link for link in page.links if link.startswith("/battles/next")]
    told = client.get(onward, headers={"Accept": "application/json"}).get_json()
    assert told["state"] == "open"
    assert told["battle"] != battle
    assert [p["src"] for p in read(client.get(told["battle"])).pictures] == told["pictures"]


def test_a_prompt_of_a_thousand_letters_and_of_markup_is_text(bare: small.SmallArena) -> None:
    small.open_campaign(bare, prompts=["<script>alert(1)</script> " + "gold " * 180])
    page = read(bare.app.test_client().get("/battles/next", follow_redirects=True))
    assert "&lt;script&gt;" in page.text
    assert all("src" in script for script in page.scripts)
