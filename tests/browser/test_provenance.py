"""A file checked in a real browser: the verdict has the focus, and axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.services import provenance
from arena.tables import Image
from tests.browser.conftest import Live
from tests.browser.test_access import DESK, PHONE, inspect
from tests.web.shown import close, judge


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_file_is_checked_by_everybody(
    visit: Callable[..., Page], live: Live, viewport: dict[str, int], tmp_path: Path
) -> None:
    assert provenance.establish(live.arena.settings, now=datetime.now(UTC))
    judge(live.arena, (Outcome.LEFT,) * 4)
    close(live.arena)
    with live.arena.database.read() as session:
        digest = str(session.scalars(select(Image.digest).order_by(Image.id)).first())
    signed = live.arena.app.test_client().get(f"/pictures/{digest}.png").data
    files = {
        "trusted": signed,
        "unknown": live.arena.images.get(digest),
        "invalid": signed[:-40] + signed[-39:],
    }
    page = visit(viewport=viewport, color_scheme="dark", locale="fr-FR")
    page.goto(f"{live.url}/pictures/{digest}/provenance")
    found = inspect(page)
    for state, data in files.items():
        (tmp_path / f"{state}.png").write_bytes(data)
        page.goto(f"{live.url}/provenance")
        page.set_input_files("#file", tmp_path / f"{state}.png")
        with page.expect_navigation():
            page.click("form.check button")
        assert page.get_attribute(".verdict", "data-state") == state
        assert page.evaluate("document.activeElement.id") == "verdict"
        found += inspect(page)
    assert not found, "\n".join(found)
