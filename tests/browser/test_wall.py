"""One page of the wall takes the place of another: undo, spots, looking closer, lost connections, sets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select, update

from analysis.outcomes import Outcome
from arena.tables import Battle, Campaign, Criterion, Point, Reason, RevealPolicy, Vote
from tests.browser.conftest import Live
from tests.browser.test_voting import READY, open_battle

SHIFTS = """new Promise((resolve) => {
  let sum = 0;
  const add = (list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; };
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 100);
})"""


def ballots(live: Live) -> list[tuple[int, Outcome]]:
    with live.arena.database.read() as session:
        return [(v.ballot_no, v.outcome) for v in session.scalars(select(Vote).order_by(Vote.id))]


def let(live: Live, **told: object) -> None:
    with live.arena.database.write.begin() as session:
        session.execute(update(Campaign).values(**told))


def test_pages_change_in_place_and_focus_is_never_lost(page: Page, live: Live) -> None:
    open_battle(page, live)
    page.evaluate("window.stays = true")
    focused = "document.activeElement.closest('main') !== null"
    for _ in range(2):
        page.keyboard.press("1")
        expect(page.get_by_role("button", name="Reveal")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_selector("a[data-next][data-ready]")
        assert page.evaluate(focused)
        page.keyboard.press("Enter")
        page.wait_for_selector(READY)
        assert page.evaluate(focused)
    assert page.evaluate("window.stays") is True
    assert page.locator("[data-told]").inner_text() == "3 of 30"
    assert page.evaluate(SHIFTS) == 0
    page.go_back()
    expect(page.get_by_role("link", name="Next pair")).to_be_visible()


def test_u_undoes_until_the_reveal(page: Page, live: Live) -> None:
    battle = open_battle(page, live)
    page.keyboard.press("1")
    page.wait_for_selector("form[data-reasons]")
    page.keyboard.press("u")
    page.wait_for_selector(READY)
    assert page.url == battle
    expect(page.locator("[data-told]")).to_have_text("Your answer was taken back.")
    page.keyboard.press("4")
    page.wait_for_selector("form[data-reasons]")
    assert ballots(live) == [(1, Outcome.LEFT), (2, Outcome.RIGHT)]


def test_pictures_that_stay_are_not_hung_anew(page: Page, live: Live) -> None:
    """Neither between two questions nor before the reasons does a picture flash."""
    with live.arena.database.write.begin() as session:
        campaign = session.scalars(select(Campaign)).one()
        session.add(Criterion(campaign_id=campaign.id, slug="prompt", question="Which follows?", position=1))
    open_battle(page, live)
    page.evaluate("window.hung = [...document.querySelectorAll('[data-canvas] > img')]")
    same = "[...document.querySelectorAll('[data-canvas] > img')].every((e, n) => e === window.hung[n])"
    shown = "getComputedStyle(document.querySelector('[data-canvas] > img')).opacity"
    for step, there in (("1", "Which follows?"), ("2", "What let the other one down?")):
        page.keyboard.press(step)
        expect(page.get_by_role("heading", name=there)).to_be_visible()
        assert page.evaluate(same)
        assert page.evaluate(shown) == "1"
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Which follows?")).to_be_focused()
    page.keyboard.press("u")
    page.wait_for_selector("[data-ballot] button[name=preference]")
    page.keyboard.press("4")
    expect(page.get_by_role("heading", name="Which follows?")).to_be_visible()
    assert ballots(live) == [(1, Outcome.LEFT), (1, Outcome.TIE), (2, Outcome.RIGHT)]


def test_a_pair_is_skipped_in_place_and_once(page: Page, live: Live) -> None:
    battle = open_battle(page, live)
    page.evaluate("window.stays = true")
    page.keyboard.press("s")
    page.keyboard.press("1")
    page.wait_for_function("(before) => location.href !== before", arg=battle)
    page.wait_for_selector(READY)
    assert page.evaluate("window.stays") is True
    assert page.evaluate("document.activeElement.closest('main') !== null")
    assert not ballots(live)


def test_an_undo_whose_answer_was_lost_is_sent_again_and_undoes_once(
    visit: Callable[..., Page], live: Live
) -> None:
    page = visit(expects=(503,))
    open_battle(page, live)
    page.keyboard.press("1")
    page.wait_for_selector("form[data-reasons]")

    def lose(route: Route) -> None:
        route.fetch()
        route.fulfill(status=503)

    page.route("**/undo", lose, times=1)
    page.keyboard.press("u")
    expect(page.locator("[data-waits]")).to_be_visible()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_selector(READY)
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_vote_without_connection_is_sent_once_when_it_is_back(
    visit: Callable[..., Page], live: Live
) -> None:
    page = visit(expects=(503,))
    open_battle(page, live)
    page.route("**/vote", lambda route: route.fulfill(status=503))
    page.keyboard.press("2")
    expect(page.locator("[data-waits]")).to_be_visible()
    assert not ballots(live)
    page.unroute("**/vote")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_selector("form[data-reasons]")
    assert ballots(live) == [(1, Outcome.TIE)]
    assert page.evaluate("localStorage.getItem('outbox')") is None


def test_spots_are_tapped_named_and_taken_away(page: Page, live: Live) -> None:
    open_battle(page, live)
    page.keyboard.press("1")
    page.wait_for_selector("form[data-reasons]")
    left, right = (page.locator("[data-canvas]").nth(n) for n in (0, 1))
    box = right.bounding_box()
    assert box
    right.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.75})
    left.click(position={"x": 40, "y": 40})
    left.get_by_role("button", name="Mark 2, left picture").click()
    page.get_by_role("button", name="Anatomy").click()
    expect(page.get_by_role("button", name="Anatomy")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("m")
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowDown", "Enter", "Escape"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("You marked:")).to_contain_text("1: right picture, Anatomy")
    with live.arena.database.read() as session:
        told = [(p.side.value, p.x, p.y, p.tag) for p in session.scalars(select(Point).order_by(Point.id))]
        assert list(session.scalars(select(Reason.tag))) == ["anatomy"]
    assert told == [
        ("right", pytest.approx(0.25, abs=0.01), pytest.approx(0.75, abs=0.01), "anatomy"),
        ("left", 0.52, 0.62, None),
    ]


def test_both_pictures_are_looked_at_together_and_hang_whole_again(page: Page, live: Live) -> None:
    open_battle(page, live)
    shapes = "[...document.querySelectorAll('[data-canvas] > img')].map((e) => e.style.transform)"
    box = page.locator("[data-canvas]").nth(1).bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.wheel(0, -400)
    page.keyboard.press("+")
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 80)
    page.mouse.up()
    left, right = page.evaluate(shapes)
    assert left == right
    assert "scale" in left
    page.keyboard.press("0")
    assert page.evaluate(shapes) == ["", ""]
    page.keyboard.down("f")
    sources = page.evaluate("[...document.querySelectorAll('[data-canvas] img')].map((e) => e.src)")
    assert sources == [sources[0], sources[1], sources[1], sources[0]]
    page.keyboard.up("f")
    assert page.locator("[data-canvas] img").count() == 2


def test_where_names_are_held_back_the_next_pair_follows_and_the_set_ends(page: Page, live: Live) -> None:
    let(live, reveal=RevealPolicy.END_OF_SET, set_size=2)
    first = open_battle(page, live)
    page.keyboard.press("1")
    page.wait_for_selector("form[data-reasons]")
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    assert page.url != first
    page.keyboard.press("2")
    page.wait_for_selector("form[data-reasons]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your first set is complete")).to_be_focused()
    expect(page.get_by_role("heading", name="Who painted what in this set")).to_be_visible()
    with live.arena.database.read() as session:
        assert len(session.scalars(select(Battle)).all()) == 2, "nothing is dealt in the pause"
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    assert len(ballots(live)) == 2


def test_on_a_phone_a_tap_marks_and_one_thumb_goes_on(visit: Callable[..., Page], live: Live) -> None:
    page = visit(viewport={"width": 360, "height": 780}, has_touch=True)
    open_battle(page, live)
    page.get_by_role("button", name="Top better").tap()
    page.wait_for_selector("form[data-reasons]")
    page.locator("[data-canvas]").first.tap()
    expect(page.get_by_role("button", name="Mark 1, left picture")).to_be_visible()
    reveal = page.get_by_role("button", name="Reveal")
    box = reveal.bounding_box()
    assert box
    assert box["y"] > 780 / 2
    reveal.tap()
    expect(page.get_by_text("You marked:")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
