"""The real vote flow under load: what a machine carries, beside what its server and its disk can do at all.

    python benchmarks/load.py                                   # SQLite, 16 and 64 clients, 60 s each
    python benchmarks/load.py --postgres postgresql+psycopg://...  # and PostgreSQL: an empty database
    python benchmarks/load.py --seconds 10 --clients 16

Loopback alone. Each client is a rater with a cookie: it asks for a pair, loads both pictures, votes, gives
reasons, and sees the reveal, as fast as it is answered. In turns within one run the same clients ask for the
empty route, and the disk is asked for ``fdatasync``. Clients and server share the machine.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fault_tools import end, start
from PIL import Image as Pillow
from sqlalchemy import select
from votes import PROCESSES, Bench, Connection, fdatasyncs

from arena.media.blind import blind_copy
from arena.services.curation import NewPrompt, add_prompts, find_entrant, open_campaign
from arena.tables import BlindCopy, CampaignPrompt, Entrant, Image, Job, JobState, Prompt

CANVAS = 256
PROMPTS = 400
BALLOT = b"preference=left&consent=2026-11&elapsed_ms=1200"
CAMPAIGN = "flow"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--postgres", metavar="URL", help="an empty database")
    options = parser.parse_args()
    databases: dict[str, dict[str, str]] = {"sqlite": {}}
    if options.postgres:
        databases["postgresql"] = {"ARENA_DATABASE": options.postgres}
    for name, environ in databases.items():
        with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
            bench = Bench(Path(folder), battles=1, rng=random.Random(1), environ=environ)
            open_flow(bench)
            server = start(bench, "serve")
            try:
                for clients in options.clients:
                    line = measure(bench, clients, options.seconds)
                    print(json.dumps({"database": name, "clients": clients, **line}), flush=True)
            finally:
                end(server)
                bench.context.database.dispose()


def measure(bench: Bench, clients: int, seconds: float) -> dict[str, float]:
    """Votes and pages a second, what the vote and the pages took, and the limits beside them."""
    syncs = fdatasyncs(bench.home, seconds=2.0)
    empty = run(bench.port, clients, min(seconds, 10.0), flow=False)["empty"]
    told = run(bench.port, clients, seconds, flow=True)
    votes, pages = told["vote"], [wait for name, waits in told.items() if name != "vote" for wait in waits]
    per_second = len(votes) / seconds
    return {
        "votes_per_second": round(per_second, 1),
        "pages_per_second": round(len(pages) / seconds, 1),
        "vote_p50_ms": at(votes, 0.5),
        "vote_p99_ms": at(votes, 0.99),
        "deal_p99_ms": at(told["deal"], 0.99),
        "picture_p99_ms": at(told["picture"], 0.99),
        "empty_per_second": round(len(empty) / min(seconds, 10.0), 1),
        "empty_p99_ms": at(empty, 0.99),
        "fdatasync_per_second": round(syncs, 1),
        "refused": len(told["refused"]),
    }


def at(waits: list[float], share: float) -> float:
    """A quantile, in milliseconds."""
    return round(1000 * sorted(waits)[int(share * (len(waits) - 1))], 1) if waits else 0.0


def run(port: int, clients: int, seconds: float, *, flow: bool) -> dict[str, list[float]]:
    """Drive the server from separate processes; seconds of every answer, by what was asked."""
    results: Any = multiprocessing.Queue()
    share = clients // PROCESSES
    processes = [
        multiprocessing.Process(target=drive, args=(port, share, seconds, flow, results))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    told = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return {name: [wait for each in told for wait in each[name]] for name in NAMES}


NAMES = ("empty", "deal", "battle", "picture", "vote", "reasons", "reveal", "refused")


def drive(port: int, clients: int, seconds: float, flow: bool, results: Any) -> None:
    ends = time.monotonic() + seconds
    told: dict[str, list[float]] = {name: [] for name in NAMES}

    def client() -> None:
        rater = Rater(port)
        for name, request in rater.flow() if flow else rater.nothing():
            if time.monotonic() >= ends:
                return
            started = time.monotonic()
            status = rater.ask(request)
            told[name if status < 400 else "refused"].append(time.monotonic() - started)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(told)


class Rater:
    """A browser without a screen: keeps its cookie and follows the pair it was dealt."""

    def __init__(self, port: int) -> None:
        self._connection = Connection(port)
        self._cookie = ""
        self._body = b""

    def ask(self, request: bytes) -> int:
        """Send a request, keep the cookie and the body; the status."""
        status, head, self._body = self._connection.ask_whole(request)
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            if name.lower() == b"set-cookie":
                self._cookie = value.split(b";", 1)[0].decode()
        return status

    def nothing(self) -> Iterator[tuple[str, bytes]]:
        """The empty route, again and again."""
        while True:
            yield "empty", self._get("/healthz")

    def flow(self) -> Iterator[tuple[str, bytes]]:
        """What a rater's browser asks for, pair after pair; a new rater once all pairs are done."""
        while True:
            yield "deal", self._get(f"/battles/next?campaign={CAMPAIGN}", accept="application/json")
            dealt = json.loads(self._body)
            if dealt.get("battle") is None:
                self._cookie = ""
                continue
            yield "battle", self._get(dealt["battle"])
            for picture in dealt["pictures"]:
                yield "picture", self._get(picture)
            yield (
                "vote",
                self._post(f"{dealt['battle']}/vote", BALLOT),
            )
            yield "reasons", self._post(f"{dealt['battle']}/reasons", b"")
            yield "reveal", self._get(dealt["battle"])

    def _get(self, path: str, accept: str = "text/html") -> bytes:
        return f"GET {path} HTTP/1.1\r\n{self._head()}Accept: {accept}\r\n\r\n".encode()

    def _post(self, path: str, body: bytes) -> bytes:
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        length = f"Content-Length: {len(body)}\r\n\r\n"
        return f"POST {path} HTTP/1.1\r\n{self._head()}{kind}{length}".encode() + body

    def _head(self) -> str:
        return "Host: 127.0.0.1\r\n" + (f"Cookie: {self._cookie}\r\n" if self._cookie else "")


def open_flow(bench: Bench) -> None:
    """A campaign whose pictures are all there, real PNG files on its canvas."""
    now = datetime.now(UTC)
    context = bench.context
    with context.database.write.begin() as session:
        entrants = [find_entrant(session, slug) for slug in session.scalars(select(Entrant.slug))]
        campaign = open_campaign(
            session,
            slug=CAMPAIGN,
            name="Flow",
            entrants=entrants,
            canvas=CANVAS,
            now=now,
            minutes_to_vote=600,
        )
        add_prompts(session, campaign, [NewPrompt(f"a vase, number {n}") for n in range(PROMPTS)], now=now)
        session.flush()
        files = [noise(number) for number in range(32)]
        kept = [(context.images.put(data), *hung(context, data)) for data in files]
        asked = select(Prompt.id).join(CampaignPrompt).where(CampaignPrompt.campaign_id == campaign.id)
        for number, prompt_id in enumerate(session.scalars(asked)):
            for place, entrant in enumerate(entrants):
                add_picture(session, entrant.id, prompt_id, *kept[(number + 7 * place) % len(kept)])


def noise(number: int) -> bytes:
    """A PNG of about 60 kB."""
    chance = random.Random(number)
    small = Pillow.frombytes("RGB", (96, 96), chance.randbytes(96 * 96 * 3))
    out = io.BytesIO()
    small.resize((CANVAS, CANVAS), Pillow.Resampling.BICUBIC).save(out, format="PNG")
    return out.getvalue()


def hung(context: Any, data: bytes) -> tuple[str, str]:
    """The blind copy of a picture: digest and method."""
    copy, method = blind_copy(data, CANVAS)
    return context.images.put(copy), method


def add_picture(session: Any, entrant: int, prompt: int, digest: str, copy: str, method: str) -> None:
    """Rows of a picture that was painted and hung."""
    now = datetime.now(UTC)
    job = Job(
        entrant_id=entrant, prompt_id=prompt, seed=1, state=JobState.DONE, priority=0, attempts=1,
        created_at=now, not_before=now,
    )  # fmt: skip
    session.add(job)
    session.flush()
    image = Image(
        job_id=job.id, entrant_id=entrant, prompt_id=prompt, seed=1, digest=digest, width=CANVAS,
        height=CANVAS, length=1, seconds=1.0, cpu_seconds=1.0, batch=1, settings={}, environment={},
        notes={}, made_at=now,
    )  # fmt: skip
    session.add(image)
    session.flush()
    session.add(BlindCopy(image_id=image.id, canvas=CANVAS, digest=copy, method=method))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
