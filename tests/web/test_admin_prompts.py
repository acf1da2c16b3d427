"""The operators' page of a campaign's prompts: what it lists, and the form that changes categories."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from arena.domain.categories import CATEGORIES, UNCATEGORISED
from arena.tables import Event, OperatorRole, Prompt, TaggedBy, Tally
from arena.web import words
from tests.web import small
from tests.web.pages import cast, deal, read
from tests.web.test_admin import come_in, link

PAGE = "/admin/campaigns/open/prompts"


@pytest.fixture
def ann(arena: small.SmallArena) -> FlaskClient:
    """A browser in which an operator is in."""
    client = arena.app.test_client()
    come_in(client, link(arena))
    return client


def prompts(arena: small.SmallArena) -> list[Prompt]:
    """The campaign's prompts in its order."""
    with arena.database.read() as session:
        return list(session.scalars(select(Prompt).order_by(Prompt.id)))


def test_every_category_has_words(arena: small.SmallArena) -> None:
    names = {category.slug: category.name for category in CATEGORIES}
    assert dict(words.CATEGORIES) == {**names, UNCATEGORISED: "Uncategorised"}


def test_categories_are_changed_in_a_form_and_votes_follow(
    ann: FlaskClient, client: FlaskClient, arena: small.SmallArena
) -> None:
    cast(client, deal(client))
    with arena.database.read() as session:
        number = session.scalars(select(Event.id).order_by(Event.id.desc())).first() or 0
    assert PAGE in read(ann.get("/admin/campaigns/open")).links
    for prompt in prompts(arena):
        opened = read(ann.get(f"{PAGE}?change={prompt.id}&words=a"))
        form = opened.form(f"/{prompt.id}?words=a")
        assert (form.method, opened.styled) == ("post", [])
        told = {"categories": ["3d", "", "still-life"], "own": "vessels"}
        answer = ann.post(form.action, data=told)
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith(f"#prompt-{prompt.id}")
        page = ann.get(answer.headers["Location"]).get_data(as_text=True)
        assert "3D · Still life · Vessels" in page
        assert "The prompt has its categories." in page
    assert [(one.categories, one.tagged_by) for one in prompts(arena)] == [
        (["3d", "still-life", "vessels"], TaggedBy.OPERATOR)
    ] * 4
    with arena.database.read() as session:
        told_of = session.scalars(select(Event).where(Event.id > number)).all()
        assert [(one.actor, one.kind) for one in told_of] == [("ann", "prompt.tagged")] * 4
        counted = {tally.category: tally.votes for tally in session.scalars(select(Tally))}
    assert counted == dict.fromkeys(("all", "3d", "still-life", "vessels"), 1)
    assert "changed the categories of the prompt" in ann.get("/admin").get_data(as_text=True)


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"own": "My Posters"}, "“My Posters” cannot be a category"),
        ({"own": "all"}, "“all” cannot be a category"),
        ({"categories": ["lanscape"]}, "not known here any more"),
        ({"categories": [one.slug for one in CATEGORIES[:8]], "own": "ninth"}, "more than 8 categories"),
    ],
)
def test_what_cannot_be_a_category_is_told_beside_the_form(
    ann: FlaskClient, arena: small.SmallArena, told: dict[str, object], fault: str
) -> None:
    before = prompts(arena)[0]
    answer = ann.post(f"{PAGE}/{before.id}", data=told)
    assert answer.status_code == 400
    page = read(answer)
    assert fault in page.text
    assert page.form(f"/{before.id}").method == "post"
    after = prompts(arena)[0]
    assert (after.categories, after.tagged_by) == (before.categories, before.tagged_by)


def test_only_operators_change_and_only_from_these_pages(
    ann: FlaskClient, client: FlaskClient, arena: small.SmallArena
) -> None:
    number = prompts(arena)[0].id
    bob = arena.app.test_client()
    come_in(bob, link(arena, "bob", OperatorRole.ANALYST))
    shown = read(bob.get(f"{PAGE}?change={number}"))
    assert "Still life" in shown.text
    assert not any(form.action.startswith(f"{PAGE}/") for form in shown.forms)
    data = {"categories": ["people"]}
    assert client.get(PAGE).status_code == 403
    for browser, headers in (
        (client, {}),
        (bob, {}),
        (ann, {"Sec-Fetch-Site": "cross-site"}),
        (ann, {"Origin": "https://elsewhere.example"}),
    ):
        assert browser.post(f"{PAGE}/{number}", data=data, headers=headers).status_code == 403
    assert prompts(arena)[0].categories == ["still-life"]


def test_prompts_are_found_by_category_and_words_and_others_are_not_there(
    ann: FlaskClient, arena: small.SmallArena
) -> None:
    assert "4 prompts" in ann.get(f"{PAGE}?category=still-life").get_data(as_text=True)
    found = ann.get(f"{PAGE}?words=BOWLS+row&category=").get_data(as_text=True)
    assert "1 prompt" in found
    assert small.PROMPTS[1] in found
    assert small.PROMPTS[0] not in found
    none = ann.get(f"{PAGE}?category=still-life&words=100%25").get_data(as_text=True)
    assert "No prompt of this campaign is like that." in none
    assert ann.get("/admin/campaigns/none/prompts").status_code == 404
    assert ann.post(f"{PAGE}/999", data={"categories": ["people"]}).status_code == 404
