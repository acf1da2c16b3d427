"""A rater's own words over the pages: warned before anything is kept, painted by two unseen, hung at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from arena.domain.own_prompts import MOST_WAITING
from arena.services import generation, painting
from arena.services.reviewing import set_own_prompts
from arena.tables import (
    Battle,
    Campaign,
    Entrant,
    Job,
    JobState,
    OperatorRole,
    Prompt,
    SafetyVerdict,
    Submission,
    SubmissionState,
)
from models.contracts import GeneratedImage
from tests.web import small
from tests.web.pages import read
from tests.web.test_admin import link

WORDS = "A green glass bottle and a white pebble on marble"
HELD = "A marble nude by an old master in a museum"
PERSONAL = "A letter to jane.doe@example.org on a desk"
WORKER = "test:1"
JSON = {"Accept": "application/json"}
NAMES = ("Sfumato", "Baseline K", "Grisaille", "sfumato", "kiln", "grisaille")


@pytest.fixture
def arena(bare: small.SmallArena) -> small.SmallArena:
    """Three entrants of which all can paint while one waits."""
    small.open_campaign(bare)
    take_own_prompts(bare)
    return bare


def take_own_prompts(arena: small.SmallArena) -> None:
    with arena.database.write.begin() as session:
        campaign = session.scalars(select(Campaign).where(Campaign.slug == arena.campaign)).one()
        set_own_prompts(session, campaign, taken=True, actor="ann", now=datetime.now(UTC))


def ask(client: FlaskClient, prompt: str = WORDS, **more: str) -> TestResponse:
    told = {"prompt": prompt, "language": "en", "campaign": "open", **more}
    return client.post("/own-prompt", data=told)


def asked(client: FlaskClient, prompt: str = WORDS, **more: str) -> str:
    """Ask, and return the address of the wait."""
    response = ask(client, prompt, **more)
    assert response.status_code == 303, response.get_data(as_text=True)
    return str(response.headers["Location"])


def paint(arena: small.SmallArena, *, most: int = 2) -> None:
    """Do what a worker does with the next pictures."""
    for _ in range(most):
        now = datetime.now(UTC)
        with arena.database.write.begin() as session:
            (job,) = generation.claim(session, worker=WORKER, now=now)
            sizes = painting.canvases(session, job)
        noise = random.Random(f"{job.entrant}{job.seed}").randbytes(64 * 64 * 3)
        made = GeneratedImage(Pillow.frombytes("RGB", (64, 64), noise), job.seed, 0.5, 0.4)
        painted = painting.store(arena.images, job, made, sizes)
        with arena.database.write.begin() as session:
            assert painting.settle(session, painted, settings={}, environment={}, worker=WORKER, now=now)


def rows(arena: small.SmallArena, table: type) -> int:
    with arena.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_from_words_to_the_reveal_and_no_name_before(client: FlaskClient, arena: small.SmallArena) -> None:
    form = read(client.get("/own-prompt")).form("/own-prompt")
    assert form.hidden == {"campaign": "open"}
    address = asked(client)
    pages = [client.get(address).get_data(as_text=True)]
    assert "Next in the queue" in pages[0]
    paint(arena, most=1)
    half = client.get(address, headers=JSON)
    assert (half.json["settled"], half.json["stage"]) == (False, "Being painted")
    assert client.get(address, headers={**JSON, "If-None-Match": half.headers["ETag"]}).status_code == 304
    pages += [half.get_data(as_text=True), client.get(address).get_data(as_text=True)]
    paint(arena, most=1)
    assert client.get(address, headers=JSON).json["settled"] is True
    hung = client.get(address)
    battle = hung.headers["Location"]
    assert (hung.status_code, battle.startswith("/battles/")) == (303, True)
    pages.append(client.get(battle).get_data(as_text=True))
    assert WORDS in pages[-1]
    for page in pages:
        assert not any(name in page for name in NAMES)
    ballot = read(client.get(battle)).form("/vote")
    assert client.post(ballot.action, data={**ballot.hidden, "preference": "left"}).status_code == 303
    client.post(f"{battle}/reasons", data={"reason": ""})
    assert sum(name in client.get(battle).get_data(as_text=True) for name in NAMES[:3]) == 2


def test_only_who_asked_sees_it(client: FlaskClient, stranger: FlaskClient, arena: small.SmallArena) -> None:
    address = asked(client)
    assert stranger.get(address).status_code == 404
    assert stranger.post(f"{address}/cancel").status_code == 404
    assert client.get(address).status_code == 200


def test_personal_data_is_warned_of_before_anything_is_kept(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    response = ask(client, PERSONAL)
    page = response.get_data(as_text=True)
    assert (response.status_code, "This looks like an e-mail address." in page) == (422, True)
    assert "jane.doe@example.org on a desk</textarea>" in page
    assert (rows(arena, Submission), rows(arena, SafetyVerdict), rows(arena, Prompt)) == (0, 0, 4)
    name, value = read(response).form("/own-prompt").buttons[1]
    other = ask(client, PERSONAL.replace("jane", "john"), **{name: value})
    assert other.status_code == 422  # words that were changed are looked at anew
    assert client.get(asked(client, PERSONAL, **{name: value})).status_code == 200


def test_words_that_are_declined_say_why_and_are_not_kept(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    response = ask(client, "A severed head on a table")
    page = response.get_data(as_text=True)
    assert (response.status_code, "not painted here: violence. They were not kept." in page) == (403, True)
    assert (rows(arena, Submission), rows(arena, SafetyVerdict), rows(arena, Prompt)) == (0, 1, 4)
    assert ask(client, "Shoot a photo of an empty theatre").status_code == 303


@pytest.mark.parametrize(
    ("wrong", "status", "told"),
    [
        ({"prompt": " "}, 400, "Write what should be painted."),
        ({"prompt": "x" * 401}, 400, "400 characters can be painted"),
        ({"prompt": small.PROMPTS[1].upper() + " !"}, 403, "Change a few of them."),
        ({"language": "klingon"}, 400, "We cannot read that"),
        ({"campaign": "nowhere"}, 404, "There is no such show"),
    ],
)
def test_what_cannot_be_taken_is_told_on_the_form(
    client: FlaskClient, arena: small.SmallArena, wrong: dict[str, str], status: int, told: str
) -> None:
    response = ask(client, **wrong)
    assert (response.status_code, told in response.get_data(as_text=True)) == (status, True)
    assert rows(arena, Submission) == 0


def test_too_many_at_once_are_told_and_one_taken_back_makes_room(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    addresses = [asked(client, f"{WORDS}, {n}") for n in range(MOST_WAITING)]
    assert "Number 2 in the queue" in client.get(addresses[1]).get_data(as_text=True)
    full = ask(client, "one more")
    assert (full.status_code, "Enough prompts wait already." in full.get_data(as_text=True)) == (429, True)
    assert ask(client, "one more").status_code == 429
    assert client.post(f"{addresses[0]}/cancel").headers["Location"] == addresses[0]
    page = client.get(addresses[0]).get_data(as_text=True)
    assert "Taken back" in page
    assert f"{WORDS}, 0" not in page
    asked(client, "one more")
    assert rows(arena, Battle) == 0


@pytest.mark.parametrize(
    ("state", "reason", "title"),
    [
        (JobState.REFUSED, "words it does not know", "One of the two declined"),
        (JobState.REFUSED, "safety", "A picture is not shown"),
        (JobState.FAILED, "RuntimeError: broke", "It could not be painted"),
    ],
)
def test_a_generation_that_comes_to_nothing_is_told_without_its_cause(
    client: FlaskClient, arena: small.SmallArena, state: JobState, reason: str, title: str
) -> None:
    address = asked(client)
    with arena.database.write.begin() as session:
        first = select(func.min(Job.id)).where(Job.priority < 0).scalar_subquery()
        session.execute(update(Job).where(Job.id == first).values(state=state, reason=reason))
    assert not any(name in client.get(address, headers=JSON).get_data(as_text=True) for name in NAMES)
    page = client.get(address).get_data(as_text=True)
    assert title in page
    assert reason not in page
    assert ("Who declined" in page) is (state is JobState.REFUSED)
    assert "/own-prompt?" in page
    assert rows(arena, Battle) == 0


def test_a_wait_that_is_too_long_ends(client: FlaskClient, arena: small.SmallArena) -> None:
    address = asked(client)
    with arena.database.write.begin() as session:
        session.execute(update(Submission).values(queued_at=datetime.now(UTC) - timedelta(minutes=16)))
    assert "It took too long" in client.get(address).get_data(as_text=True)
    with arena.database.read() as session:
        assert session.scalars(select(Submission.state)).one() is SubmissionState.LATE


def test_an_operator_decides_what_no_checker_is_sure_of(client: FlaskClient, arena: small.SmallArena) -> None:
    address = asked(client, HELD)
    other = asked(client, "Ein Leuchtturm am Meer", language="und")
    assert "Somebody looks at it first" in client.get(address).get_data(as_text=True)
    assert client.get("/admin/review").status_code == 403
    operator = arena.app.test_client()
    operator.post(link(arena))
    room = operator.get("/admin/review")
    assert HELD in room.get_data(as_text=True)
    assert "no rule is of its language" in room.get_data(as_text=True)
    allow, _, _, block = [form for form in read(room).forms if "/admin/review/prompts/" in form.action]
    for form in (allow, block):
        assert operator.post(form.action).status_code == 303
    assert "Next in the queue" in client.get(address).get_data(as_text=True)
    assert "An operator read these words and declined them." in client.get(other).get_data(as_text=True)
    assert "declined the held prompt" in operator.get("/admin").get_data(as_text=True)
    assert "No prompt waits." in operator.get("/admin/review").get_data(as_text=True)
    analyst = arena.app.test_client()
    analyst.post(link(arena, "eve", role=OperatorRole.ANALYST))
    assert analyst.post(allow.action).status_code == 403


def test_without_a_campaign_that_takes_them_the_page_says_so(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    assert "No commissions now" in client.get("/own-prompt").get_data(as_text=True)
    small.open_campaign(bare)
    assert ask(client).status_code == 409
    take_own_prompts(bare)
    with bare.database.write.begin() as session:
        session.execute(update(Entrant).where(Entrant.slug != "kiln").values(backend="retrieval"))
    assert "No commissions now" in client.get("/own-prompt").get_data(as_text=True)


def test_who_cannot_paint_while_one_waits_is_named_on_the_form(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    with arena.database.write.begin() as session:
        session.execute(update(Entrant).where(Entrant.slug == "grisaille").values(backend="images-api"))
    page = client.get("/own-prompt").get_data(as_text=True)
    assert "2 entrants can paint it; two are drawn." in page
    assert "Not while you wait: Grisaille." in page


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[small.SmallArena]:
    """An arena whose operator added a rule."""
    home = tmp_path / "strict"
    home.mkdir()
    (home / "moderation.toml").write_text('[[rule]]\ncategory = "other"\nwords = ["pebble"]\n')
    opened = small.empty_arena(home)
    small.open_campaign(opened)
    take_own_prompts(opened)
    yield opened
    opened.close()


def test_a_list_of_the_operators_own_counts(strict: small.SmallArena) -> None:
    response = ask(strict.app.test_client())
    assert "something the operator does not show" in response.get_data(as_text=True)


def test_words_of_every_script_are_shown_in_their_direction(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    page = ask(client, "מגדלור <b>על</b> צוק " * 30).get_data(as_text=True)
    assert 'dir="auto"' in page
    assert "&lt;b&gt;" in page
