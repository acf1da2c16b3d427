"""Prompts in any script stand where their readers look for them, on the wall and in the lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from arena.tables import Campaign, Prompt
from tests.browser.conftest import Live
from tests.web import small

PROMPTS = {
    "ar": "قطة بيضاء نائمة على سجادة حمراء قرب نافذة مفتوحة",
    "he": "כלב קטן רץ בשדה חמניות עם שקיעה",
    "ja": "雨の夜の路地裏、提灯に照らされた石畳と赤い傘",
    "en": "A lighthouse, " + "very ".join(["far away, "] * 60),
}
RIGHT_TO_LEFT = {"ar", "he"}

WHERE = """(words) => {
    const box = words.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(words);
    const lines = [...range.getClientRects()].filter((line) => line.width > 0);
    const spacing = getComputedStyle(words).letterSpacing;
    return {
        dir: getComputedStyle(words).direction, lang: words.lang,
        left: Math.min(...lines.map((line) => line.left)) - box.left,
        right: box.right - Math.max(...lines.map((line) => line.right)),
        joined: spacing === "normal" || spacing === "0px",
        wide: document.documentElement.scrollWidth - innerWidth,
    };
}"""


@pytest.fixture
def live(tmp_path: Path, serve: Callable[[small.SmallArena], Live]) -> Iterator[Live]:
    """An arena whose prompts are in four scripts."""
    arena = small.empty_arena(tmp_path / "home")
    small.open_campaign(arena, prompts=tuple(PROMPTS.values()))
    with arena.database.write.begin() as session:
        for language, text in PROMPTS.items():
            session.scalars(select(Prompt).where(Prompt.text == text.strip())).one().language = language
    yield serve(arena)
    arena.close()


@pytest.mark.parametrize("width", [360, 1440])
def test_a_prompt_is_shown_right_in_its_script(live: Live, visit: Callable[..., Page], width: int) -> None:
    page = visit(viewport={"width": width, "height": 800})
    seen = set()
    while len(seen) < len(PROMPTS):
        page.goto(f"{live.url}/battles/next")
        told = page.locator(".label .prompt").evaluate(WHERE)
        seen.add(told["lang"])
        assert told["dir"] == ("rtl" if told["lang"] in RIGHT_TO_LEFT else "ltr")
        assert told["wide"] <= 0
        if told["lang"] in RIGHT_TO_LEFT:
            assert told["right"] <= told["left"] + 1, "its lines begin at the right"
            assert told["joined"], "joined letters are not spaced"
        before = page.url
        page.get_by_role("button", name="Skip this pair").click()
        page.wait_for_url(lambda address, before=before: address != before)
    with live.arena.database.write.begin() as session:
        session.scalars(select(Campaign)).one().closed_at = datetime.now(UTC)
    page.goto(f"{live.url}/prompts")
    lines = page.locator(".prompts .words-of")
    told = {one["lang"]: one for one in (line.evaluate(WHERE) for line in lines.all())}
    assert set(told) == set(PROMPTS)
    for language, one in told.items():
        assert one["dir"] == ("rtl" if language in RIGHT_TO_LEFT else "ltr")
        assert one["wide"] <= 0
