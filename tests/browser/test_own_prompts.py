"""A rater's own words in a real browser: counted, waited for, taken back by a key; axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlalchemy import func, select

from arena.tables import Job, JobState, Submission, SubmissionState
from tests.browser.conftest import Live
from tests.browser.test_access import DESK, PHONE, inspect
from tests.web.test_own_prompts import PERSONAL, WORDS, paint, take_own_prompts


def send(page: Page, live: Live, words: str) -> None:
    page.goto(f"{live.url}/own-prompt")
    page.fill("textarea", words)
    with page.expect_navigation():
        page.keyboard.press("Tab")
        page.click("main form button.ink")


def test_the_page_moves_on_by_itself_and_hangs_both_at_once(page: Page, live: Live) -> None:
    take_own_prompts(live.arena)
    page.goto(f"{live.url}/own-prompt")
    page.fill("textarea", WORDS)
    assert page.inner_text("[data-count]") == f"{len(WORDS)} of 400"
    with page.expect_navigation():
        page.click("main form button.ink")
    paint(live.arena)
    page.wait_for_url("**/battles/*")
    assert page.locator("[data-canvas] img").count() == 2
    assert page.inner_text(".prompt") == WORDS


def test_a_key_takes_it_back(page: Page, live: Live) -> None:
    take_own_prompts(live.arena)
    send(page, live, WORDS)
    with page.expect_navigation():
        page.keyboard.press("Escape")
    assert page.inner_text("h1") == "Taken back"
    with live.arena.database.read() as session:
        assert session.scalars(select(Submission.state)).one() is SubmissionState.CANCELLED


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_every_state_can_be_used_by_everybody(
    visit: Callable[..., Page], live: Live, viewport: dict[str, int]
) -> None:
    take_own_prompts(live.arena)
    page = visit(viewport=viewport, color_scheme="dark", locale="fr-FR", expects=(403, 422))
    found = []
    page.goto(f"{live.url}/own-prompt")
    found += inspect(page)
    for words in (PERSONAL, "A severed head on a table", WORDS):
        send(page, live, words)
        found += inspect(page)
    with live.arena.database.write.begin() as session:
        job = session.get_one(Job, session.scalar(select(func.max(Job.id))))
        job.state, job.reason = JobState.REFUSED, "words it does not know"
    page.reload()
    found += inspect(page)
    assert page.locator("details summary").count() == 1
    assert not found, "\n".join(found)
