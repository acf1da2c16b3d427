"""The rater's wait: from the key press, or the tap, to the next page painted, in a real Chromium.

    python benchmarks/battle_page.py
    python benchmarks/battle_page.py --battles 100 --chromium /usr/bin/chromium

Serves an arena of its own with pictures of 512 pixels and votes through it three times: by keyboard on a
desk, by touch at 360 pixels, and by keyboard over a line of 400 ms and 1 Mbit/s. A rater looks at each page
for ``--look`` seconds, in which the next pair is fetched. Of each step (the answer, the reasons, the next
pair) prints median and 95th percentile of milliseconds from the input's own time stamp to the frame after
the one in which the page hangs with both pictures decoded; and layout shift and console errors of the run.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import waitress
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from sqlalchemy import update
from waitress import wasyncore

from arena.tables import Campaign
from tests.web import small

SIDE = 512
LATENCY_MS, BYTES_A_SECOND = 400, 1_000_000 // 8
STEPS = {
    "answer to reasons": "form[data-reasons]",
    "reasons to reveal": "a[data-next]",
    "reveal to next pair": "form[data-ballot] fieldset.open:enabled",
}
WATCH = """
(() => {
  const state = (window.__watch = { shift: 0, waiting: null, taken: null });
  const shifts = (list) => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) state.shift += e.value;
  };
  new PerformanceObserver(shifts).observe({ type: "layout-shift", buffered: true });
  let began = 0;
  const there = () => {
    if (!document.querySelector(state.waiting)) return false;
    return [...document.querySelectorAll("[data-canvas] > img")].every((e) => e.complete && e.naturalWidth);
  };
  const look = () => {
    if (!there()) return requestAnimationFrame(look);
    requestAnimationFrame((painted) => { state.taken = painted - began; state.waiting = null; });
  };
  const start = (event) => {
    if (!state.waiting || state.taken !== null || began === event.timeStamp) return;
    began = event.timeStamp;
    requestAnimationFrame(look);
  };
  for (const kind of ["keydown", "pointerup"]) addEventListener(kind, start, true);
})();
"""

TAKEN = "window.__watch.taken"
RUNS = {
    "keyboard": {},
    "touch at 360": {"touch": True},
    "400 ms, 1 Mbit/s": {"slow": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--battles", type=int, default=100)
    parser.add_argument("--look", type=float, default=0.4, help="seconds that a rater looks at each page")
    parser.add_argument("--slow-look", type=float, default=3.0, help="the same on the slow line")
    parser.add_argument("--slow-battles", type=int, default=20)
    parser.add_argument("--run", choices=RUNS, nargs="+", default=list(RUNS), help="which of the three")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    told = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), told.battles) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=told.chromium, args=["--no-sandbox"])
        for name in told.run:
            slow = "slow" in RUNS[name]
            battles, look = (told.slow_battles, told.slow_look) if slow else (told.battles, told.look)
            found = vote(browser, url, battles, look, **RUNS[name])
            sys.stdout.write(json.dumps({"run": name, **found}) + "\n")
            sys.stdout.flush()
        browser.close()


@contextmanager
def served(folder: Path, battles: int) -> Iterator[str]:
    """An arena with enough prompts for every run, and the address at which it is served."""
    arena = small.empty_arena(folder / "home")
    prompts = [f"A vase on a table, number {number}" for number in range(battles + 10)]
    small.open_campaign(arena, prompts=prompts, canvas=SIDE, paint=grainy)
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).values(set_size=10 * battles))
    sockets: dict[int, Any] = {}
    server = waitress.create_server(arena.app, host="127.0.0.1", port=0, threads=8, map=sockets)
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            wasyncore.loop(timeout=0.1, map=sockets, count=1)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    stop.set()
    thread.join()
    arena.close()


def grainy(slug: str, number: int) -> Image.Image:
    """A picture whose file is about as long as a painted one's: smooth, with a little grain."""
    rng = random.Random(f"{slug} {number}")
    rough = Image.frombytes("RGB", (16, 16), rng.randbytes(768)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    grain = Image.frombytes("RGB", (128, 128), rng.randbytes(128 * 128 * 3)).resize((SIDE, SIDE))
    return Image.blend(rough, grain, 0.05)


def vote(
    browser: Browser, url: str, battles: int, look: float, *, touch: bool = False, slow: bool = False
) -> dict[str, Any]:
    """Vote as a new rater; what each step took."""
    viewport = ViewportSize(width=360, height=780) if touch else ViewportSize(width=1440, height=900)
    context = browser.new_context(viewport=viewport, has_touch=touch, is_mobile=touch)
    page = context.new_page()
    page.set_default_timeout(120_000)
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(WATCH)
    if slow:
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        limits = {"downloadThroughput": BYTES_A_SECOND, "uploadThroughput": BYTES_A_SECOND}
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY_MS, **limits})
    page.goto(f"{url}/battles/next")
    page.wait_for_selector(STEPS["reveal to next pair"])
    taken: dict[str, list[float]] = {name: [] for name in STEPS}
    lengths = page.evaluate(
        """performance.getEntriesByType("resource").filter((e) => e.name.includes("/pictures/"))
           .map((e) => e.encodedBodySize)"""
    )
    for _ in range(battles):
        for name, selector in STEPS.items():
            page.wait_for_timeout(1000 * look)
            taken[name].append(step(page, name, selector, touch=touch))
    told = {name: spread(times) for name, times in taken.items()}
    shift = page.evaluate("window.__watch.shift")
    context.close()
    return {
        "battles": battles,
        "a picture's bytes": round(statistics.mean(lengths)),
        "ms": told,
        "layout shift": shift,
        "console errors": errors,
    }


def step(page: Page, name: str, selector: str, *, touch: bool) -> float:
    """Press the key, or tap, and wait until the next page is painted; milliseconds."""
    page.evaluate("(selector) => Object.assign(window.__watch, { waiting: selector, taken: null })", selector)
    if touch:
        page.locator("button[value=left], [data-go], a[data-next]").first.tap()
    else:
        page.keyboard.press("1" if name == "answer to reasons" else "Enter")
    page.wait_for_function(f"() => {TAKEN} !== null", polling=20)
    return float(page.evaluate(TAKEN))


def spread(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
    }


if __name__ == "__main__":
    main()
