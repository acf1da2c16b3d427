"""Every page by day and by evening, on a desk and on a phone: axe finds nothing, nothing scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from arena.services import inviting
from arena.tables import Job, JobState
from tests.browser.conftest import Live
from tests.browser.test_voting import READY
from tests.web import small
from tests.web.pages import cast, deal
from tests.web.test_admin import fail_some, link
from tests.web.test_admin_integrity import suspect
from tests.web.test_catalogue_pages import cast_many
from tests.web.test_own_prompts import HELD, ask, take_own_prompts
from tests.web.test_reports import SENT

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
CATALOGUE = (
    "/leaderboard",
    "/leaderboard/plots",
    "/entrants",
    "/entrants/sfumato",
    "/battles",
    "/prompts",
    "/prompts/1",
    "/style",
    "/playground",
    "/data",
    "/method",
    "/fair-play",
    "/privacy",
)
ROOM = (
    "/admin",
    "/admin/account",
    "/admin/sign-in",
    "/admin/campaigns",
    "/admin/campaigns/new",
    "/admin/campaigns/open/edit",
    "/admin/campaigns/open/progress",
    "/admin/campaigns/open/prompts",
    "/admin/entrants",
    "/admin/jobs",
    "/admin/reports",
    "/admin/review",
    "/admin/integrity",
    "/admin/raters",
    "/admin/invites",
    "/admin/events",
    "/admin/campaigns/open",
)
"""The operators' pages; the last one has the button that the test presses next."""
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 780}


def violations(page: Page) -> list[str]:
    """What axe objects to on the page as it stands."""
    page.evaluate(AXE)
    told = page.evaluate("axe.run()")
    return [
        f"{page.url} {found['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for found in told["violations"]
        for node in found["nodes"]
    ]


def inspect(page: Page) -> list[str]:
    """What is wrong with the page for anybody who reads it otherwise."""
    page.evaluate("document.fonts.ready")
    if not page.locator(".easels").count():  # the varnish never ends
        page.evaluate("Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {})))")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return violations(page) + ([f"{page.url} scrolls sideways by {wide}"] if wide > 0 else [])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_every_page_can_be_used_by_everybody(
    visit: Callable[..., Page], live: Live, theme: str, viewport: dict[str, int], language: str
) -> None:
    cast_many(live.arena, 40)
    page = visit(viewport=viewport, color_scheme=theme, locale=language, expects=(404,))
    found = []
    for address in ("/", "/battles/next", *CATALOGUE, "/nowhere"):
        page.goto(live.url + address)
        if address == "/battles/next":
            page.wait_for_selector(READY)
        found += inspect(page)
    page.goto(live.url + "/battles/next")
    page.wait_for_selector(READY)
    for button in ("button[value=left]", "button[value=lighting]"):
        with page.expect_navigation():
            page.click(button)
        found += inspect(page)
    assert not found, "\n".join(found)


def fill_the_room(arena: small.SmallArena) -> None:
    """Give every page of the operators something to show."""
    rater = arena.app.test_client()
    take_own_prompts(arena)
    fail_some(arena, 6)
    cast(rater, deal(rater))
    suspect(arena)
    assert rater.post(f"{deal(rater)}/report", data=SENT).status_code == 303
    assert ask(rater, HELD).status_code == 303
    with arena.database.write.begin() as session:
        inviting.make_invite(
            session, campaign=arena.campaign, cohort="creators", uses=9, days=9, now=datetime.now(UTC)
        )


@pytest.mark.parametrize(
    ("viewport", "theme", "language"),
    [(DESK, "light", "en-GB"), (DESK, "dark", "fr-FR"), (PHONE, "light", "fr-FR"), (PHONE, "dark", "en-GB")],
    ids=["desk by day", "desk by evening", "phone by day", "phone by evening"],
)
def test_the_operators_room_can_be_used_by_everybody(
    visit: Callable[..., Page], live: Live, theme: str, viewport: dict[str, int], language: str
) -> None:
    fill_the_room(live.arena)
    page = visit(viewport=viewport, color_scheme=theme, locale=language, expects=(403, 410))
    page.goto(live.url + "/admin")
    found = inspect(page)
    address = live.url + link(live.arena)
    page.goto(address)
    found += inspect(page)
    with page.expect_navigation():
        page.locator("main button").click()
    for place in ROOM:
        page.goto(live.url + place)
        found += inspect(page)
    with page.expect_navigation():
        page.locator("form[action$='/again'] button").click()
    assert page.get_by_role("status").inner_text()
    found += inspect(page)
    page.goto(address)
    found += inspect(page)
    assert not found, "\n".join(found)


def test_an_operator_watches_the_pictures_come(visit: Callable[..., Page], live: Live) -> None:
    """The numbers move by themselves, and the page is whole again when the last picture is there."""
    fail_some(live.arena, 12)
    page = visit()
    page.goto(live.url + link(live.arena))
    page.get_by_role("button", name="Come in").click()
    page.get_by_role("link", name="Spring 2026").click()
    page.get_by_role("button", name="Try the failed ones again").click()
    bar = page.locator("[data-bar=all]")
    page.get_by_text("0 of 12 pictures").wait_for()
    assert bar.get_attribute("width") == "0.0%"
    with live.arena.database.write.begin() as session:
        for job in session.scalars(select(Job).limit(6)):
            job.state = JobState.DONE
    page.get_by_text("6 of 12 pictures").wait_for(timeout=9000)
    assert bar.get_attribute("width") == "50.0%"
    with live.arena.database.write.begin() as session:
        for job in session.scalars(select(Job)):
            job.state = JobState.DONE
    page.get_by_text("Nothing waits to be painted.").wait_for(timeout=9000)
    page.locator("[data-campaign]").wait_for(state="detached", timeout=9000)


def test_an_operator_needs_no_script(visit: Callable[..., Page], live: Live) -> None:
    fail_some(live.arena, 2)
    page = visit(java_script_enabled=False)
    page.goto(live.url + link(live.arena))
    page.get_by_role("button", name="Come in").click()
    page.get_by_role("link", name="Spring 2026").click()
    page.get_by_role("button", name="Try the failed ones again").click()
    expect(page.get_by_role("status")).to_have_text("2 failed pictures wait for another try.")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(live.url + "/")


def test_the_pages_of_an_empty_arena_can_be_used(
    visit: Callable[..., Page], tmp_path: Path, serve: Callable[[small.SmallArena], Live]
) -> None:
    arena = small.empty_arena(tmp_path / "empty")
    small.open_campaign(arena, paint=None)
    live = serve(arena)
    found = []
    for viewport in (DESK, PHONE):
        page = visit(viewport=viewport, expects=(404,))  # the words of a prompt are told once it was judged
        for address in ("/battles/next", *CATALOGUE):
            page.goto(live.url + address)
            found += inspect(page)
        page.close()
    arena.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("address", ["/", "/battles/next", *CATALOGUE])
def test_nothing_is_lost_at_twice_the_size(visit: Callable[..., Page], live: Live, address: str) -> None:
    cast_many(live.arena, 40)
    page = visit(viewport={"width": 720, "height": 450})
    page.goto(live.url + address)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.emulate_media(forced_colors="active", contrast="more")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_reader_who_wants_no_motion_gets_none(visit: Callable[..., Page], live: Live) -> None:
    page = visit(reduced_motion="reduce")
    page.goto(live.url + "/battles/next")
    page.wait_for_selector(READY)
    with page.expect_navigation():
        page.keyboard.press("1")
    moving = page.evaluate("document.getAnimations().filter(a => a.effect.getTiming().duration > 0).length")
    assert moving == 0


def test_the_theme_is_chosen_by_a_form(page: Page, live: Live) -> None:
    page.goto(live.url + "/leaderboard")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(23, 23, 23)")
    expect(page).to_have_url(live.url + "/leaderboard")
    page.get_by_role("button", name="Light").click()
    expect(page.locator("body")).not_to_have_css("background-color", "rgb(23, 23, 23)")
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Classement")


def test_nothing_near_a_picture_has_a_hue(visit: Callable[..., Page], live: Live) -> None:
    """On the wall red, green and blue are equal everywhere but in the wordmark's dot and the focus ring."""
    for theme in ("light", "dark"):
        page = visit(color_scheme=theme)
        page.goto(live.url + "/battles/next")
        hues = page.evaluate(
            """() => [...document.querySelectorAll('main, main *')].flatMap((e) => {
              const s = getComputedStyle(e);
              return [s.color, s.backgroundColor, s.borderTopColor, s.fill, s.stroke]
                .map((c) => c.match(/rgba?\\((\\d+), (\\d+), (\\d+)/))
                .filter((m) => m && !(m[1] === m[2] && m[2] === m[3]))
                .map((m) => `${e.tagName}.${e.getAttribute('class')} ${m[0]}`);
            })"""
        )
        assert not hues
