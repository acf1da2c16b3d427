"""Pictures with names, when their campaign has closed: for everybody, and looked at closely."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from analysis.outcomes import Outcome
from tests.browser.conftest import Live
from tests.browser.test_access import DESK, PHONE, inspect
from tests.web.shown import close, judge


@pytest.mark.parametrize(("theme", "viewport"), [("light", PHONE), ("dark", DESK)], ids=["phone", "desk"])
def test_pictures_with_names_can_be_looked_at_by_everybody(
    visit: Callable[..., Page], live: Live, theme: str, viewport: dict[str, int]
) -> None:
    judge(live.arena, tuple(Outcome) * 8, reasons=["lighting"])
    close(live.arena)
    page = visit(viewport=viewport, color_scheme=theme)
    found = []
    for address in ("/battles", "/battles/1", "/prompts/1", "/entrants/sfumato", "/battles?words=nothing"):
        page.goto(live.url + address)
        found += inspect(page)
    assert not found, "\n".join(found)


def test_both_pictures_are_enlarged_at_the_same_spot(page: Page, live: Live) -> None:
    judge(live.arena, [Outcome.LEFT])
    close(live.arena)
    page.goto(live.url + "/battles/1")
    page.locator("[data-canvas] img").first.hover(position={"x": 60, "y": 90})
    page.keyboard.down("z")
    spots = page.evaluate(
        "[...document.querySelectorAll('[data-canvas].zoomed img')].map((i) => i.style.transformOrigin)"
    )
    assert len(spots) == 2
    assert spots[0] == spots[1] != "50% 50%"
    page.keyboard.up("z")
    assert page.locator("[data-canvas].zoomed").count() == 0


def test_filters_that_ask_for_nothing_leave_the_address(page: Page, live: Live) -> None:
    judge(live.arena, [Outcome.LEFT, Outcome.TIE])
    close(live.arena)
    page.goto(live.url + "/battles")
    page.get_by_label("Outcome").select_option("tie")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/battles?outcome=tie")
    assert page.get_by_role("status").inner_text().startswith("1 battle")
