"""A vote is cast, found again and taken back in a browser; releases beside it: every theme and width."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Live
from tests.browser.test_access import DESK, PHONE, inspect
from tests.browser.test_voting import READY
from tests.web.test_releases import close, freeze


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_votes_are_taken_back_and_releases_read(
    visit: Callable[..., Page], live: Live, theme: str, viewport: dict[str, int]
) -> None:
    page = visit(viewport=viewport, color_scheme=theme)
    for _ in range(2):
        page.goto(live.url + "/battles/next")
        page.wait_for_selector(READY)
        for button in ("button[value=left]", "button[value=lighting]"):
            with page.expect_navigation():
                page.click(button)
    page.goto(live.url + "/my-votes")
    found = inspect(page)
    with page.expect_navigation():
        page.click("ol li:first-child .act a")
    found += inspect(page)
    with page.expect_navigation():
        page.click("main form button")
    assert page.get_by_role("status").inner_text() == "1 vote was withdrawn and counts no more."
    found += inspect(page)
    with page.expect_navigation():
        page.click("text=Withdraw all of them")
    found += inspect(page)
    freeze(live.arena, "2026-11")
    for address in ("/data", "/data/releases/2026-11"):
        page.goto(live.url + address)
        found += inspect(page)
    close(live.arena)
    page.reload()
    found += inspect(page)
    assert page.locator("a[download]").count() == 16
    assert not found, "\n".join(found)
