"""A real Chromium on a real server, whose every complaint fails the test."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import waitress
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from waitress import wasyncore

from tests.web import small

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
HINT = "The browser tests need Chromium: install it (Debian: apt-get install chromium)."

OVERTAKEN = "net::ERR_ABORTED"
"""What a request ends with when its page is left before it is answered."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; without one the tests fail and say what to install."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(HINT, pytrace=False)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield opened
        opened.close()


@dataclass(slots=True)
class Live:
    """An arena that is being served."""

    arena: small.SmallArena
    url: str


@pytest.fixture
def serve() -> Iterator[Callable[[small.SmallArena], Live]]:
    """Serve arenas until the test ends."""
    threads: list[threading.Thread] = []
    stop = threading.Event()

    def start(arena: small.SmallArena) -> Live:
        sockets: dict[int, Any] = {}
        server = waitress.create_server(arena.app, host="127.0.0.1", port=0, threads=8, map=sockets)

        def run() -> None:
            while not stop.is_set():
                wasyncore.loop(timeout=0.1, map=sockets, count=1)
            server.task_dispatcher.shutdown()
            wasyncore.close_all(sockets)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        threads.append(thread)
        return Live(arena, f"http://127.0.0.1:{server.effective_port}")

    yield start
    stop.set()
    for thread in threads:
        thread.join(timeout=10)


@pytest.fixture
def live(tmp_path: Path, serve: Callable[[small.SmallArena], Live]) -> Iterator[Live]:
    """An arena with three entrants and four prompts, all painted."""
    arena = small.empty_arena(tmp_path / "home")
    small.open_campaign(arena)
    yield serve(arena)
    arena.close()


def late(error: object) -> bool:
    """Whether it only says that a busy browser skipped the animation between two pages."""
    return str(error).startswith("Transition was")


@pytest.fixture
def visit(browser: Browser, live: Live) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser profile of its own; a console error or a failed request fails the test.

    It needs the server only to be closed before it: a page may still be fetching when its test ends.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def start(*, expects: tuple[int, ...] = (), **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()

        def told(kind: str, text: str) -> None:
            if not any(f"status of {status}" in text for status in expects):
                complaints.append(f"{kind}: {text}")

        page.on("console", lambda m: told(m.type, m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: None if late(error) else told("exception", str(error)))
        page.on(
            "requestfailed",
            lambda r: told("request failed", f"{r.url} {r.failure}") if r.failure != OVERTAKEN else None,
        )
        return page

    yield start
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A desktop page, by day."""
    return visit()
