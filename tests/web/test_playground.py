"""The playground: named pictures on request, never of words that a campaign is dealing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import func, select, update

from arena.services import sketching
from arena.services.sketching import SketchOutcome
from arena.tables import Campaign, JobState, Sketch
from tests.web import small
from tests.web.pages import read

NOW = datetime.now(UTC)
WORKER = "test:1"


def ask(client: FlaskClient, prompt: str = "a lighthouse", **more: str) -> str:
    """Ask for a sketch and return its address."""
    response = client.post("/playground", data={"prompt": prompt, "entrant": "sfumato", **more})
    assert response.status_code == 303, response.get_data(as_text=True)
    return response.headers["Location"]


def paint(arena: small.SmallArena, came: SketchOutcome) -> sketching.ClaimedSketch:
    """Do what a worker does with the next sketch."""
    with arena.database.write.begin() as session:
        sketch = sketching.claim(session, worker=WORKER, now=NOW)
    assert sketch
    with arena.database.write.begin() as session:
        sketching.settle(session, sketch, came, worker=WORKER, now=NOW)
    return sketch


def png() -> bytes:
    out = BytesIO()
    Pillow.new("RGB", (8, 8), (10, 20, 30)).save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_asked_for_waited_for_and_taken_home(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    address = ask(client, seed="7", steps="12")
    assert "It is next." in client.get(address).get_data(as_text=True)
    assert client.get(f"{address}.png").status_code == 404
    sketch = paint(arena, SketchOutcome(JobState.DONE, png(), 1.5, words=("lighthouse",)))
    assert (sketch.prompt, sketch.seed, sketch.steps) == ("a lighthouse", 7, 12)
    page = client.get(address).get_data(as_text=True)
    for told in ("Sfumato 2.1", "Words it does not know: lighthouse", "1.5 s", f"{address}.png"):
        assert told in page
    taken = client.get(f"{address}.png?download=1")
    assert taken.data == png()
    assert taken.headers["Content-Disposition"].startswith("attachment; filename=sfumato-")
    assert taken.headers["Cache-Control"] == "private, max-age=600"
    assert address in client.get("/playground").get_data(as_text=True)


def test_only_who_asked_sees_it(client: FlaskClient, stranger: FlaskClient, arena: small.SmallArena) -> None:
    address = ask(client)
    paint(arena, SketchOutcome(JobState.DONE, png(), 1.0))
    assert stranger.get(address).status_code == 404
    assert stranger.get(f"{address}.png").status_code == 404
    assert address not in stranger.get("/playground").get_data(as_text=True)
    stranger.post(f"{address}/cancel")
    assert client.get(f"{address}.png").status_code == 200


@pytest.mark.parametrize("written", [small.PROMPTS[1], small.PROMPTS[1].upper() + " !"])
def test_words_that_a_campaign_deals_are_not_painted_by_name(
    client: FlaskClient, arena: small.SmallArena, written: str
) -> None:
    response = client.post("/playground", data={"prompt": written, "entrant": "sfumato"})
    assert response.status_code == 403
    assert "These words hang in a show" in response.get_data(as_text=True)
    with arena.database.write.begin() as session:
        assert session.scalar(select(func.count()).select_from(Sketch)) == 0
        session.execute(update(Campaign).values(closed_at=NOW - timedelta(seconds=1)))
    ask(client, written)


def test_the_queue_is_told_and_is_not_endless(client: FlaskClient, arena: small.SmallArena) -> None:
    addresses = [ask(client, f"a lighthouse, number {n}") for n in range(sketching.MOST_WAITING)]
    assert "Number 3 in the queue." in client.get(addresses[2]).get_data(as_text=True)
    response = client.post("/playground", data={"prompt": "one more", "entrant": "sfumato"})
    assert response.status_code == 429
    assert "Enough sketches are waiting" in response.get_data(as_text=True)
    client.post(f"{addresses[0]}/cancel")
    assert client.get(addresses[0]).status_code == 404
    assert "Number 2 in the queue." in client.get(addresses[2]).get_data(as_text=True)
    ask(client, "one more")


def test_a_script_is_told_only_what_is_new(client: FlaskClient, arena: small.SmallArena) -> None:
    address = ask(client)
    first = client.get(address, headers={"Accept": "application/json"})
    assert first.json["settled"] is False
    again = {"Accept": "application/json", "If-None-Match": first.headers["ETag"]}
    assert client.get(address, headers=again).status_code == 304
    paint(arena, SketchOutcome(JobState.REFUSED, reason="it does not know “lighthouse”"))
    told = client.get(address, headers=again)
    assert (told.status_code, told.json["state"]) == (200, "refused")
    assert "The entrant declined: it does not know" in client.get(address).get_data(as_text=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": " "},
        {"prompt": "x" * 5000},
        {"entrant": "nobody"},
        {"entrant": ""},
        {"seed": "-1"},
        {"seed": "4294967296"},
        {"seed": "one"},
        {"steps": "0"},
        {"steps": "9999"},
    ],
)
def test_nonsense_is_refused_and_queues_nothing(
    client: FlaskClient, arena: small.SmallArena, wrong: dict[str, str]
) -> None:
    response = client.post("/playground", data={"prompt": "a lighthouse", "entrant": "sfumato", **wrong})
    assert response.status_code in (400, 404)
    with arena.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Sketch)) == 0


def test_words_that_a_checker_declines_are_not_painted(client: FlaskClient, arena: small.SmallArena) -> None:
    declined = client.post("/playground", data={"prompt": "A severed head on a table", "entrant": "sfumato"})
    assert declined.status_code == 403
    assert "These words are not painted here" in declined.get_data(as_text=True)
    with arena.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Sketch)) == 0
    assert ask(client, "A marble nude in a museum")  # a doubt alone is no refusal: only its asker sees it


def test_the_form_carries_what_was_asked_before(client: FlaskClient) -> None:
    page = client.get("/playground?prompt=%3Cb%3Ea+lighthouse&steps=9").get_data(as_text=True)
    assert "&lt;b&gt;a lighthouse</textarea>" in page
    assert 'value="9"' in page
    assert read(client.get("/playground")).form("/playground").method == "post"
