"""The attacks of `rigging` by browsers on a running server, beside the same attacks by the services.

    python benchmarks/rigging_http.py                       target and omnipresent, 1 and 5 % of all votes
    python benchmarks/rigging_http.py --attacks target --shares 0.01

Honest raters vote as in `rigging`. Then each account of the attacker is a new browser on loopback, with the
cookie that the server gives it: it asks for a pair, loads the page and both pictures, tells the painter by
the pixels (each entrant here paints one colour; the attacker errs as often as in `rigging`), votes or passes,
and sends the reasons. It reads nothing but answers. By the services too account follows account.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import io
import json
import os
import random
import subprocess
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fault_tools import ARENA, end, wait_for_pages
from PIL import Image as Pillow
from rigging import DAYS, MOST_DEALS, SLUG, VOTES_EACH, Stage, honest_arena, line, say
from rigging_votes import BEGIN, CANVAS, ENTRANTS, Answer
from sqlalchemy import select, update
from votes import free_port

from arena.config import make_home
from arena.storage import ImageStore
from arena.tables import BlindCopy, Image

MOST_VOTES = 2_000
"""How many votes the browsers of a run cast at most."""


def main() -> None:
    """Run each attack both ways."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--raters", type=int, default=250, help="honest raters [250]")
    parser.add_argument("--each", type=int, default=30, help="votes of each [30]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attacks", nargs="+", choices=VOTES_EACH, default=["target", "omnipresent"])
    parser.add_argument("--shares", nargs="+", type=float, default=[0.01, 0.05], help="of all votes")
    told = parser.parse_args()
    cases = [
        (attack, share, round(share / (1 - share) * told.raters * told.each))
        for attack in told.attacks
        for share in told.shares
    ]
    if sum(votes for *_, votes in cases) > MOST_VOTES:
        parser.error(f"that is more than {MOST_VOTES} votes; name fewer attacks, or smaller shares")
    with tempfile.TemporaryDirectory(prefix="vernissage-") as name:
        folder, rng = Path(name), random.Random(told.seed)
        base = honest_arena(folder / "honest.sqlite", told.raters, told.each, told.seed, rng)
        before = base.strengths()
        for number, (attack, share, votes) in enumerate(cases):
            for kind, way in (("services", OneByOne), ("http", Browsers)):
                home = folder / f"{kind}-{number}"
                make_home(home)
                base.copy(home / "arena.sqlite").close()
                with way(home).open() as stage:
                    row = stage.rig(
                        attack, share, votes, VOTES_EACH[attack], before, told.raters, told.seed, rng
                    )
                say(f"{kind:9}{line(row)}")
        base.close()


class OneByOne(Stage):
    """An arena whose attacker opens account after account, once the honest raters are done."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "arena.sqlite")
        self.home = home
        self._accounts = 0

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """The arena, until it is closed."""
        yield self
        self.close()

    def moment(self, rng: random.Random) -> datetime:
        """When the next account begins."""
        self._accounts += 1
        return BEGIN + timedelta(days=DAYS, hours=self._accounts)


class Browsers(OneByOne):
    """The same arena behind its server, where an account is a browser."""

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Give every entrant a colour, and serve the arena."""
        self.hang_colours(ImageStore(self.home / "images"))
        self.port = free_port()
        environ = {**os.environ, "ARENA_HOME": str(self.home), "ARENA_PORT": str(self.port)}
        words = [*ARENA, "serve", "--no-worker"]
        server = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_pages(self.port, server)
            yield self
        finally:
            end(server)
            self.close()

    def hang_colours(self, images: ImageStore) -> None:
        """Make real pictures of the rows: of each entrant a grey of its own."""
        with self.database.write.begin() as session:
            for entrant in range(1, ENTRANTS + 1):
                out = io.BytesIO()
                Pillow.new("L", (CANVAS, CANVAS), entrant).save(out, format="PNG")
                painted = select(Image.id).where(Image.entrant_id == entrant)
                session.execute(
                    update(BlindCopy)
                    .where(BlindCopy.image_id.in_(painted))
                    .values(digest=images.put(out.getvalue()))
                )

    def vote(self, voter: str, votes: int, answer: Answer, moment: datetime, rng: random.Random) -> int:
        """One browser's session; whatever it is called, the server gives it a key."""
        browser, cast = Browser(self.port), 0
        for _ in range(MOST_DEALS):
            dealt = json.loads(browser.get(f"/battles/next?campaign={SLUG}", accept="application/json"))
            if cast == votes or dealt["battle"] is None:
                break
            browser.get(dealt["battle"])
            left, right = (painter(browser.get(picture)) for picture in dealt["pictures"])
            said = answer(left, right, 0)
            if said is None:
                browser.post(f"{dealt['battle']}/skip")
                continue
            browser.post(
                f"{dealt['battle']}/vote", preference=said.value, elapsed_ms="4000", consent="benchmark"
            )
            browser.post(f"{dealt['battle']}/reasons")
            cast += 1
        return cast


class Browser:
    """A browser without a screen: it keeps its cookies, and follows where it is sent."""

    def __init__(self, port: int) -> None:
        self._site = f"http://127.0.0.1:{port}"
        kept: Any = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(kept)

    def get(self, path: str, *, accept: str = "text/html") -> bytes:
        """Ask for a page or a picture."""
        asked = urllib.request.Request(self._site + path, headers={"Accept": accept})
        with self._opener.open(asked, timeout=60) as answer:
            return bytes(answer.read())

    def post(self, path: str, **fields: str) -> None:
        """Send a form."""
        data = urllib.parse.urlencode(fields).encode()
        with self._opener.open(self._site + path, data=data, timeout=60) as answer:
            answer.read()


def painter(picture: bytes) -> int:
    """Number of the entrant that painted a picture, by its first pixel."""
    pixel = Pillow.open(io.BytesIO(picture)).convert("L").getpixel((0, 0))
    assert isinstance(pixel, int)
    return pixel


if __name__ == "__main__":
    main()
