"""A voter with a keyboard, a finger, or no script; afterwards the database is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.tables import Battle, Reason, Vote
from tests.browser.conftest import Live
from tests.web import small

READY = "form[data-ballot] fieldset.open:enabled"


def votes(live: Live) -> list[tuple[Outcome, int | None]]:
    with live.arena.database.read() as session:
        return [(vote.outcome, vote.elapsed_ms) for vote in session.scalars(select(Vote).order_by(Vote.id))]


def open_battle(page: Page, live: Live) -> str:
    page.goto(live.url)
    page.get_by_role("link", name="Start").click()
    page.wait_for_selector(READY)
    return page.url


@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        ("1", Outcome.LEFT),
        ("2", Outcome.TIE),
        ("3", Outcome.BOTH_BAD),
        ("4", Outcome.RIGHT),
        ("ArrowLeft", Outcome.LEFT),
        ("ArrowUp", Outcome.TIE),
        ("ArrowDown", Outcome.BOTH_BAD),
        ("ArrowRight", Outcome.RIGHT),
    ],
)
def test_a_key_votes(page: Page, live: Live, key: str, outcome: Outcome) -> None:
    battle = open_battle(page, live)
    with page.expect_navigation():
        page.keyboard.press(key)
    assert page.url == battle
    ((told, elapsed),) = votes(live)
    assert told is outcome
    assert elapsed is not None
    assert 0 <= elapsed < 60_000


def test_enter_reveals_and_goes_on_to_a_pair_that_is_already_there(page: Page, live: Live) -> None:
    battle = open_battle(page, live)
    with page.expect_navigation():
        page.keyboard.press("1")
    expect(page.get_by_role("button", name="Reveal")).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    onward = page.get_by_role("link", name="Next pair")
    expect(onward).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("You chose the left one")
    page.wait_for_selector("a[data-next][data-ready]")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    assert page.url != battle
    served = page.evaluate(
        """performance.getEntriesByType("resource")
           .map((e) => e.name).filter((name) => name.includes("/pictures/"))"""
    )
    assert len(served) == len(set(served)) == 4, "each picture was asked for once"


def test_one_tap_on_a_reason_reveals_at_once(page: Page, live: Live) -> None:
    open_battle(page, live)
    with page.expect_navigation():
        page.get_by_role("button", name="Right better").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Texture").click()
    expect(page.get_by_role("link", name="Next pair")).to_be_visible()
    with live.arena.database.read() as session:
        assert [reason.tag for reason in session.scalars(select(Reason))] == ["texture"]


def test_s_skips_and_is_no_vote(page: Page, live: Live) -> None:
    battle = open_battle(page, live)
    with page.expect_navigation():
        page.keyboard.press("s")
    page.wait_for_selector(READY)
    assert page.url != battle
    assert not votes(live)


def test_the_ballot_waits_for_both_pictures(page: Page, live: Live) -> None:
    held: list[Route] = []
    page.route(re.compile("/pictures/"), lambda route: held.append(route))
    page.goto(live.url + "/battles/next", wait_until="commit")
    while len(held) < 2:
        page.wait_for_timeout(20)
    page.wait_for_selector("form[data-ballot] fieldset:disabled")
    page.keyboard.press("1")
    held[0].continue_()
    page.wait_for_timeout(300)
    assert page.locator(READY).count() == 0
    assert page.locator(".canvas img").first.evaluate("e => getComputedStyle(e).opacity") == "0"
    held[1].continue_()
    page.wait_for_selector(READY)
    assert not votes(live)


def test_a_picture_that_does_not_come_is_told(visit: Callable[..., Page], live: Live) -> None:
    page = visit(expects=(404,))
    page.route(re.compile("/pictures/"), lambda route: route.fulfill(status=404))
    page.goto(live.url + "/battles/next")
    expect(page.get_by_text("A picture is missing.")).to_be_visible()
    assert page.locator(READY).count() == 0


def test_keys_can_be_turned_off(page: Page, live: Live) -> None:
    open_battle(page, live)
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Keys off").click()
    page.keyboard.press("1")
    page.keyboard.press("s")
    page.wait_for_timeout(200)
    assert not votes(live)
    page.reload()
    page.wait_for_selector(READY)
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Keys on").click()
    with page.expect_navigation():
        page.keyboard.press("4")
    assert [told for told, _ in votes(live)] == [Outcome.RIGHT]


def test_z_enlarges_both_at_one_spot(page: Page, live: Live) -> None:
    open_battle(page, live)
    box = page.locator(".canvas").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    page.keyboard.down("z")
    told = page.locator(".canvas img").evaluate_all(
        "all => all.map(e => [e.style.transform, e.style.transformOrigin])"
    )
    assert told[0] == told[1]
    assert "scale" in told[0][0]
    page.keyboard.up("z")
    assert page.locator(".canvas img").first.evaluate("e => e.style.transform") == ""


def test_twice_quickly_is_once(page: Page, live: Live) -> None:
    open_battle(page, live)
    with page.expect_navigation():
        page.evaluate(
            """() => {
              const form = document.querySelector('form[data-ballot]');
              form.requestSubmit(form.querySelector('[value=left]'));
              form.requestSubmit(form.querySelector('[value=right]'));
            }"""
        )
    page.wait_for_load_state()
    assert [told for told, _ in votes(live)] == [Outcome.LEFT]


def test_without_script_the_whole_way_works(visit: Callable[..., Page], live: Live) -> None:
    page = visit(java_script_enabled=False)
    page.goto(live.url)
    page.get_by_role("link", name="Start").click()
    page.get_by_role("button", name="Both bad").click()
    page.get_by_role("button", name="Reveal").click()
    page.get_by_role("link", name="Next pair").click()
    page.get_by_role("button", name="Left better").click()
    expect(page.get_by_role("button", name="Reveal")).to_be_visible()
    assert votes(live) == [(Outcome.BOTH_BAD, None), (Outcome.LEFT, None)]


def test_on_a_phone_the_words_are_top_and_bottom(visit: Callable[..., Page], live: Live) -> None:
    page = visit(viewport={"width": 360, "height": 780}, has_touch=True)
    open_battle(page, live)
    first, second = (page.locator(".canvas").nth(n).bounding_box() for n in (0, 1))
    assert first
    assert second
    assert first["y"] + first["height"] <= second["y"]
    with page.expect_navigation():
        page.get_by_role("button", name="Bottom better").tap()
    assert [told for told, _ in votes(live)] == [Outcome.RIGHT]


@pytest.mark.parametrize(
    ("width", "height"), [(1440, 900), (1280, 720), (1024, 768), (1280, 700), (360, 780)]
)
def test_a_battle_fits_one_screen(visit: Callable[..., Page], live: Live, width: int, height: int) -> None:
    page = visit(viewport={"width": width, "height": height})
    open_battle(page, live)
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    boxes = [page.locator(".canvas").nth(n).bounding_box() for n in (0, 1)]
    assert boxes[0]
    assert boxes[1]
    assert (boxes[0]["width"], boxes[0]["height"]) == (boxes[1]["width"], boxes[1]["height"])
    left, right = (page.locator(f"button[value={side}]").bounding_box() for side in ("left", "right"))
    assert left
    assert right
    assert abs(left["width"] - right["width"]) < 2


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (1024, 768)])
def test_the_reasons_and_the_reveal_fit_one_screen(
    visit: Callable[..., Page], live: Live, width: int, height: int
) -> None:
    page = visit(viewport={"width": width, "height": height})
    open_battle(page, live)
    for step in ("button[value=left]", "button[value=texture]"):
        with page.expect_navigation():
            page.click(step)
        assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
        assert page.evaluate("scrollY") == 0


def test_the_waiting_page_moves_on_by_itself(
    page: Page, tmp_path: Path, serve: Callable[[small.SmallArena], Live]
) -> None:
    arena = small.empty_arena(tmp_path / "slow")
    small.open_campaign(arena, paint=None)
    live = serve(arena)
    page.goto(live.url + "/battles/next")
    expect(page.get_by_role("status")).to_have_text("0 of 12 pictures")
    small.paint_all(arena)
    page.wait_for_selector(READY, timeout=10_000)
    assert "/battles/" in page.url
    with arena.database.read() as session:
        assert len(session.scalars(select(Battle)).all()) == 1
    arena.close()
