"""Raters' own prompts on the real server and worker: seconds from the words to the pair.

    python benchmarks/own_prompts.py --raters 8 --alone 5
    python benchmarks/own_prompts.py --lumen

Starts the server and its workers on loopback in a temporary folder with the path tracers that ship, and stops
them. One rater alone, several times; then all at once, each a prompt of its own; then one that is taken back,
one whose words an entrant declines, and one whose worker is killed while it paints. With ``--lumen`` two
Lumens of the shipped size with random weights paint instead, at 4 and 16 steps: what that takes does not hang
on what they have learnt. They decline nothing. Prints JSON; ``processor_seconds`` are the workers' own.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

import models.training
from arena.cli.context import Context
from arena.cli.serve import start_worker
from arena.cli.setup import prepare
from arena.config import make_home
from arena.services.curation import find_entrant, open_campaign
from arena.tables import Job, JobState, Submission

TRACERS = ("atelier", "atelier-plain", "atelier-draft")
LUMENS = {"lumen-4": (4, 1.0), "lumen-16": (16, 3.0)}
"""Steps and guidance."""
SHIPPED = Path(models.training.__file__).with_name("configs") / "lumen-1.toml"
CANVAS = 256
POLL = 0.25
LONGEST = 300.0
THINGS = ("vase", "mug", "bowl", "ring", "book", "candle", "bottle", "sphere")
COLOURS = ("red", "blue", "green", "yellow", "white")


class Rater:
    """A browser without script: a cookie of its own, and no redirect that it did not ask for."""

    def __init__(self, url: str) -> None:
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(jar, NoRedirect).open

    def send(self, path: str, told: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Ask for a page or send a form; the status, where it leads, and its text."""
        data = urllib.parse.urlencode(told).encode() if told is not None else None
        try:
            with self._open(self.url + path, data, timeout=30) as answer:
                return answer.status, "", answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Location") or "", error.read().decode()

    def ask(self, prompt: str) -> str:
        """Send words of one's own; the address of the wait."""
        form = {"prompt": prompt, "language": "en", "campaign": "own"}
        status, address, page = self.send("/own-prompt", form)
        if status != 303:
            raise SystemExit(f"the words were not taken: {status} {page[:300]}")
        return address

    def wait(self, address: str) -> tuple[float, str]:
        """Wait as the page does without script; seconds, and the battle or the title of the end."""
        started = time.monotonic()
        while time.monotonic() - started < LONGEST:
            status, leads_to, page = self.send(address)
            if status == 303 and leads_to.startswith("/battles/"):
                return time.monotonic() - started, "battle"
            if "own-ended" in page:
                return time.monotonic() - started, page.partition("<h1>")[2].partition("</h1>")[0]
            time.sleep(POLL)
        return LONGEST, "still waiting"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Tells where a redirect leads instead of going there."""

    def redirect_request(self, *_: Any) -> None:
        return None


def wait_until_open(url: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            Rater(url).send("/healthz")
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL)
        else:
            return


def prompt(number: int) -> str:
    """Words that every entrant that ships knows."""
    thing, colour = THINGS[number % len(THINGS)], COLOURS[number % len(COLOURS)]
    return f"a {colour} {thing} and a {COLOURS[(number + 2) % len(COLOURS)]} cube on a wooden table"


def at_once(url: str, raters: int, first: int) -> list[tuple[float, str]]:
    """Several raters who send their words at the same moment."""
    told: list[tuple[float, str]] = []
    start = threading.Barrier(raters)

    def rate(number: int) -> None:
        rater = Rater(url)
        start.wait()
        told.append(rater.wait(rater.ask(prompt(number))))

    threads = [threading.Thread(target=rate, args=(first + number,)) for number in range(raters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def summary(told: list[tuple[float, str]]) -> dict[str, Any]:
    """What came of raters, and how long they waited; also said at once, since all of it takes a while."""
    print([(round(took, 2), came) for took, came in told], file=sys.stderr, flush=True)
    seconds = sorted(took for took, came in told if came == "battle")
    p95 = seconds[min(len(seconds) - 1, round(0.95 * len(seconds)))] if seconds else None
    return {
        "raters": len(told),
        "battles": len(seconds),
        "median_seconds": round(statistics.median(seconds), 2) if seconds else None,
        "p95_seconds": round(p95, 2) if p95 is not None else None,
        "ends": sorted({came for _, came in told}),
    }


def put_lumens(home: Path) -> None:
    """A Lumen of the shipped size that has learnt nothing, and a catalogue that enters it twice."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler

    from models.lumen.autoencoder import LumenAutoencoder
    from models.lumen.pipeline import LumenPipeline
    from models.lumen.text_encoder import LumenTextEncoder
    from models.lumen.tokenizer import make_tokenizer
    from models.lumen.transformer import LumenTransformer

    torch.manual_seed(0)
    sizes, tokenizer = tomllib.loads(SHIPPED.read_text()), make_tokenizer()
    LumenPipeline(
        tokenizer=tokenizer,
        text_encoder=LumenTextEncoder(tokenizer.vocab_size, **sizes["text"]).eval(),
        transformer=LumenTransformer(**sizes["network"]).eval(),
        vae=LumenAutoencoder(encoder_blocks=()).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=sizes["shift"]),
    ).save_pretrained(home / "lumen")
    cards = [
        f'[[entrant]]\nslug = "{slug}"\nname = "{slug}"\nkind = "baseline"\nbackend = "diffusers"\n'
        f'identity = {{ path = "lumen", steps = {steps}, guidance = {guidance}, size = {sizes["size"]} }}\n'
        for slug, (steps, guidance) in LUMENS.items()
    ]
    (home / "catalog.toml").write_text("\n".join(cards))


def processor_seconds(worker: subprocess.Popen[bytes]) -> float:
    """User and system seconds of a worker so far."""
    fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def crashed(context: Context, url: str, number: int, lease: int) -> dict[str, Any]:
    """A rater whose worker is killed while it paints; another takes it up when the lease has run out."""
    worker = start_worker(context, "--lease", str(lease), "--no-clerk")
    rater = Rater(url)
    address = rater.ask(prompt(number))
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        with context.database.read() as session:
            running = select(Job.id).where(Job.priority < 0, Job.state == JobState.RUNNING).limit(1)
            if session.scalar(running) is not None:
                break
        time.sleep(0.02)
    worker.kill()
    worker.wait()
    _, _, page = rater.send(address)
    seen = page.partition("data-stage>")[2].partition("</p>")[0]
    second = start_worker(context, "--lease", str(lease), "--no-clerk")
    try:
        seconds, came = rater.wait(address)
    finally:
        second.terminate()
        second.wait(timeout=60)
    return {"seen_after_the_kill": seen, "seconds": round(seconds, 2), "came": came, "lease_seconds": lease}


def main() -> None:
    """Run all of it once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raters", type=int, default=8)
    parser.add_argument("--alone", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--port", type=int, default=18765)
    parser.add_argument("--lumen", action="store_true", help="two Lumens with random weights paint")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = str(Path(folder) / "home")
        context = Context({**os.environ, "ARENA_HOME": home, "ARENA_LOG_LEVEL": "error"})
        if asked.lumen:
            make_home(Path(home))
            put_lumens(Path(home))
        prepare(context)
        now = datetime.now(UTC)
        with context.database.write.begin() as session:
            entrants = [find_entrant(session, slug) for slug in (LUMENS if asked.lumen else TRACERS)]
            open_campaign(
                session, slug="own", name="Own", entrants=entrants, canvas=CANVAS, now=now, own_prompts=True
            )
        url = f"http://127.0.0.1:{asked.port}"
        command = [sys.executable, "-c", "from arena.cli import main; main()", "serve", "--no-worker"]
        server = subprocess.Popen([*command, "--port", str(asked.port)], env=context.environ)
        wait_until_open(url)
        workers = [start_worker(context) for _ in range(asked.workers)]
        told: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "workers": asked.workers}
        try:
            first = Rater(url)
            told["first"] = summary([first.wait(first.ask(prompt(100)))])
            before = sum(map(processor_seconds, workers))
            alone = []
            for number in range(asked.alone):
                rater = Rater(url)
                alone.append(rater.wait(rater.ask(prompt(number))))
            told["alone"] = summary(alone)
            told["at_once"] = summary(at_once(url, asked.raters, 20))
            spent = sum(map(processor_seconds, workers)) - before
            told["processor_seconds"] = round(spent / (asked.alone + asked.raters), 2)
            rater = Rater(url)
            address = rater.ask(prompt(60))
            rater.send(f"{address}/cancel", {})
            told["taken_back"] = rater.wait(address)[1]
            if not asked.lumen:
                told["declined"] = rater.wait(rater.ask("a dragon reading a newspaper"))
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait(timeout=60)
        try:
            told["killed"] = crashed(context, url, 70, lease=5)
        finally:
            server.terminate()
            server.wait(timeout=60)
        with context.database.read() as session:
            states = session.scalars(select(Submission.state)).all()
        told["submissions"] = {state.value: states.count(state) for state in sorted(set(states))}
    json.dump(told, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
