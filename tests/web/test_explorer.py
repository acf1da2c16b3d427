"""Battles and prompts by name: only when nothing can be unmasked, with every filter in the address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.queries import explorer
from arena.tables import Battle, CampaignPrompt, Entrant, Image, Prompt
from tests.web import small
from tests.web.pages import read
from tests.web.shown import close, judge

BAD = (
    ("/battles?campaign=none", 404, "unknown_campaign"),
    ("/battles?entrant=none", 404, "unknown_entrant"),
    ("/battles?against=sfumato@000000000000", 404, "unknown_entrant"),
    ("/battles?outcome=better", 400, "invalid"),
    ("/battles?reason=ugly", 400, "invalid"),
    ("/battles?category=none", 400, "invalid"),
    ("/battles?before=soon", 400, "invalid"),
    ("/battles?after=-1", 400, "invalid"),
    ("/battles?before=99999999999999999999", 400, "invalid"),
    ("/battles?prompt=4000", 404, "not_found"),
    ("/battles?words=" + "x" * 201, 400, "invalid"),
    ("/battles/4000", 404, "not_on_show"),
    ("/battles/4294967296", 404, "not_found"),
    ("/prompts?category=none", 400, "invalid"),
    ("/prompts/4000", 404, "not_found"),
    ("/prompts/4294967296", 404, "not_found"),
    ("/entrants/none", 404, "unknown_entrant"),
)
FOUR = (Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD)


def pages(arena: small.SmallArena) -> list[str]:
    """Every address that could show a picture by name."""
    with arena.database.read() as session:
        entrants = [f"/entrants/{one.slug}@{one.revision}" for one in session.scalars(select(Entrant))]
        prompts = [f"/prompts/{number}" for number in session.scalars(select(Prompt.id))]
        battles = [f"/battles/{number}" for number in session.scalars(select(Battle.id))]
    return ["/battles", "/prompts", "/entrants", *entrants, *prompts, *battles]


def digests(arena: small.SmallArena) -> set[str]:
    with arena.database.read() as session:
        return set(session.scalars(select(Image.digest)))


def shown(arena: small.SmallArena) -> set[str]:
    """Digests of pictures that any page tells, and that can then be fetched."""
    client = arena.app.test_client()
    told = "".join(client.get(address).get_data(as_text=True) for address in pages(arena))
    found = {digest for digest in digests(arena) if digest in told}
    for digest in found:
        assert client.get(f"/pictures/{digest}.png").mimetype == "image/png"
    return found


def test_no_picture_is_named_while_its_campaign_is_open(arena: small.SmallArena) -> None:
    numbers = judge(arena, FOUR * 6)
    client = arena.app.test_client()
    assert not shown(arena)
    assert client.get(f"/battles/{numbers[0]}").status_code == 404
    assert "Nothing hangs here yet" in client.get("/battles").get_data(as_text=True)
    prompt = client.get("/prompts/1").get_data(as_text=True)
    assert small.PROMPTS[0] in prompt
    assert "Its pictures come later" in prompt
    assert not any(card.name in prompt for card in small.CARDS)
    close(arena)
    assert shown(arena) == digests(arena)
    assert client.get(f"/battles/{numbers[0]}").status_code == 200


def test_the_words_of_a_prompt_are_told_once_it_was_judged(arena: small.SmallArena) -> None:
    client = arena.app.test_client()
    page = client.get("/prompts").get_data(as_text=True)
    assert "4 prompts wait for their first votes." in page
    judge(arena, [Outcome.LEFT])
    with arena.database.read() as session:
        judged = session.scalars(select(Prompt).join(Battle, Battle.prompt_id == Prompt.id)).one()
    page += client.get("/prompts").get_data(as_text=True)
    assert "3 more not judged yet" in page
    assert [words for words in small.PROMPTS if words in page] == [judged.text]
    assert client.get(f"/prompts/{judged.id}").status_code == 200
    assert client.get(f"/prompts/{judged.id % 4 + 1}").status_code == 404
    close(arena)
    page = client.get("/prompts").get_data(as_text=True)
    assert all(words in page for words in small.PROMPTS)


def test_a_prompt_that_is_dealt_again_goes_back_under_embargo(arena: small.SmallArena) -> None:
    """Its battles are gone from the list and by number, and its pictures from the entrants' pages."""
    judge(arena, FOUR * 6)
    close(arena)
    small.open_campaign(
        arena,
        slug="second",
        name="Autumn",
        prompts=["A pear"],
        cards=[small.card("late", "Late", "external"), small.card("later", "Later", "external")],
        paint=lambda slug, number: small.scribble(slug, number + 900),
    )
    before = shown(arena)  # which also fills what is kept of the entrants' pictures
    with arena.database.write.begin() as session:
        session.add(CampaignPrompt(campaign_id=2, prompt_id=1, position=1))
    with arena.database.read() as session:
        hidden = set(session.scalars(select(Image.digest).where(Image.prompt_id == 1)))
        battles = list(session.scalars(select(Battle.id).where(Battle.prompt_id == 1)))
    assert battles
    assert before & hidden
    assert shown(arena) == before - hidden
    statuses = {arena.app.test_client().get(f"/battles/{number}").status_code for number in battles}
    assert statuses == {404}


def test_a_battle_whose_voter_has_not_seen_the_names_waits_until_it_is_past(arena: small.SmallArena) -> None:
    (number,) = judge(arena, [Outcome.LEFT], reveal=False)
    close(arena)
    client = arena.app.test_client()
    assert client.get(f"/battles/{number}").status_code == 200  # dealt two hours ago for one hour
    with arena.database.write.begin() as session:
        session.get_one(Battle, number).expires_at = datetime.now(UTC) + timedelta(minutes=9)
    assert client.get(f"/battles/{number}").status_code == 404
    assert "Nothing hangs here yet" in client.get("/battles").get_data(as_text=True)
    with arena.database.write.begin() as session:
        session.get_one(Battle, number).revealed_at = datetime.now(UTC)
    assert client.get(f"/battles/{number}").status_code == 200


def test_a_battle_tells_the_day_and_nothing_of_its_voter(arena: small.SmallArena) -> None:
    (number,) = judge(arena, [Outcome.RIGHT], reasons=["lighting"])
    close(arena)
    with arena.database.read() as session:
        battle = session.get_one(Battle, number)
        prompt, right = (
            session.get_one(Prompt, battle.prompt_id),
            session.get_one(Image, battle.right_image_id),
        )
        name = session.get_one(Entrant, battle.right_entrant_id).name
        at = battle.voted_at
    assert at is not None
    for address in (f"/battles/{number}", "/battles"):
        page = arena.app.test_client().get(address).get_data(as_text=True)
        for told in (prompt.text, right.digest, f"{name} was preferred", at.date().isoformat()):
            assert told in page
        assert "lighting" in page.lower()
        for secret in (battle.key, battle.left_token, f"{1:08x}", at.strftime("%H:%M"), "2718", "2.7 s"):
            assert secret not in page


def test_the_address_holds_every_filter_and_older_pages_keep_them(
    arena: small.SmallArena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer, "PAGE", 5)
    numbers = judge(arena, FOUR * 6, reasons=["texture"])
    close(arena)
    client = arena.app.test_client()
    asked = "outcome=tie&reason=texture&category=still-life&campaign=open"
    page = read(client.get(f"/battles?{asked}"))
    assert "6 battles" in page.text
    for option in ("tie", "texture", "still-life", "open"):
        assert f'<option value="{option}" selected>' in page.text
    (older,) = [link for link in page.links if "before=" in link]
    assert all(part in older for part in asked.split("&"))
    rest = read(client.get(older))
    seen = [n for n in numbers if any(f'id="battle-{n}"' in told.text for told in (page, rest))]
    assert seen == numbers[2::4]
    assert any("after=" in link for link in rest.links)
    assert not any("before=" in link for link in rest.links)


def test_the_battles_of_one_entrant_that_it_won(arena: small.SmallArena) -> None:
    numbers = judge(arena, (Outcome.LEFT,) * 12)
    close(arena)
    with arena.database.read() as session:
        won = [n for n in numbers if session.get_one(Battle, n).left_entrant_id == arena.entrants["kiln"]]
    assert 0 < len(won) < 12
    page = arena.app.test_client().get("/battles?entrant=kiln&outcome=won").get_data(as_text=True)
    assert [n for n in numbers if f'id="battle-{n}"' in page] == won
    assert page.count("Baseline K was preferred") == len(won)


def test_bad_input_gets_one_clear_sentence(client: FlaskClient) -> None:
    for address, status, code in BAD:
        assert client.get(address).status_code == status, address
        told = client.get(address, headers={"Accept": "application/json"})
        assert (told.status_code, told.get_json()["error"]["code"]) == (status, code), address


def test_odd_words_are_only_words(arena: small.SmallArena) -> None:
    close(arena)
    client = arena.app.test_client()
    for words, found in (
        ("vase GOLD", 1),
        ("%", 0),
        ("_", 0),
        ("'", 0),
        ("in a row", 1),
        ("the", 0),
        ("a", 4),
    ):
        page = read(client.get("/prompts", query_string={"words": words})).text
        assert (f"{found} prompt" in page) is bool(found), words
        assert ("No prompt is like that" in page) is not bool(found), words


def test_an_empty_arena_has_these_pages(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    assert "Nothing hangs here yet" in client.get("/battles").get_data(as_text=True)
    assert "Nothing is asked for yet" in client.get("/prompts").get_data(as_text=True)


def test_these_pages_are_kept_until_they_change(arena: small.SmallArena) -> None:
    judge(arena, [Outcome.LEFT])
    close(arena)
    client = arena.app.test_client()
    for address in ("/battles", "/battles/1", "/prompts", "/prompts/1", "/entrants/sfumato"):
        first = client.get(address)
        assert {"Cookie", "Accept-Language"} <= set(first.headers["Vary"].split(", "))
        again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
        assert not read(first).styled
