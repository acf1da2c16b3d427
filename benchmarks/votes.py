"""Votes under load: how many a second are durable, and whether a killed server loses one.

    python benchmarks/votes.py rate --seconds 20
    python benchmarks/votes.py kill --rounds 10 --seconds 20

Both start the real server on loopback with SQLite in a temporary folder (or ``ARENA_DATABASE``), and stop it.
``rate`` prints votes a second beside the same server's empty route and beside ``fdatasync`` calls a second
on the same disk, in turns within one run. ``kill`` sends SIGKILL at a random moment of every round and then
counts: every acknowledged vote must be there, none twice, and the chain of seals must verify.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import multiprocessing
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.services.curation import find_entrant, open_campaign
from arena.services.sealing import broken_seal, seal_pending
from arena.tables import (
    Battle,
    BattleKind,
    Entrant,
    Image,
    Job,
    JobState,
    Prompt,
    PromptSource,
    TaggedBy,
    Vote,
    Voter,
)

CLIENTS = 16
PROCESSES = 2
VOTERS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["rate", "kill"])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=None, help="rate: 3, kill: 10")
    parser.add_argument("--battles", type=int, default=40_000, help="dealt before the first round")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vernissage-") as home:
        bench = Bench(Path(home), battles=options.battles, rng=random.Random(options.seed))
        if options.what == "rate":
            rate(bench, seconds=options.seconds, rounds=options.rounds or 3)
        else:
            kill(bench, seconds=options.seconds, rounds=options.rounds or 10)


class Bench:
    """A data folder with dealt battles, and the signed cookies of the voters they were dealt to."""

    def __init__(
        self, home: Path, *, battles: int, rng: random.Random, environ: Mapping[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.rng = rng
        own = {"ARENA_HOME": str(home), "ARENA_PORT": str(self.port), "ARENA_LOG_LEVEL": "error"}
        self.environ = {**os.environ, **(environ or {}), **own}
        self.context = Context(self.environ)
        self.home = home
        prepare(self.context)
        self.ballots = deal(self.context, battles)

    @contextmanager
    def server(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-c", "from arena.cli import main; main()", "serve", *options]
        process = subprocess.Popen(command, env=self.environ, stdout=subprocess.DEVNULL)
        try:
            wait_for(self.port)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)

    def take(self, number: int) -> list[tuple[str, str]]:
        taken, self.ballots = self.ballots[:number], self.ballots[number:]
        return taken


def deal(context: Context, number: int) -> list[tuple[str, str]]:
    """Write entrants, prompts, pictures and battles; return (cookie, battle key) of each."""
    from arena.app import create_app
    from arena.services.ledger import Ledger

    now = datetime.now(UTC)
    digest = "0" * 64
    with context.database.write.begin() as session:
        entrants = [find_entrant(session, slug) for slug in session.scalars(select(Entrant.slug))]
        campaign = open_campaign(
            session, slug="load", name="Load", entrants=entrants, canvas=256, now=now, minutes_to_vote=600
        )
        prompt = Prompt(
            text="a vase", digest=digest, categories=["still-life"], tagged_by=TaggedBy.IMPORT,
            language="en", source=PromptSource.CURATED, licence="", origin="", created_at=now,
        )  # fmt: skip
        session.add(prompt)
        session.flush()
        pictures = []
        for entrant in entrants:
            job = Job(
                entrant_id=entrant.id, prompt_id=prompt.id, seed=1, state=JobState.DONE, priority=0,
                attempts=1, created_at=now, not_before=now,
            )  # fmt: skip
            session.add(job)
            session.flush()
            image = Image(
                job_id=job.id, entrant_id=entrant.id, prompt_id=prompt.id, seed=1, digest=digest, width=256,
                height=256, length=1, seconds=1.0, cpu_seconds=1.0, batch=1, settings={}, environment={},
                notes={}, made_at=now,
            )  # fmt: skip
            session.add(image)
            session.flush()
            pictures.append((entrant.id, image.id))
        voters = [Voter(key=secrets.token_hex(16), cohort="public", created_at=now) for _ in range(VOTERS)]
        session.add_all(voters)
        session.flush()
        pairs = itertools.cycle(itertools.permutations(pictures, 2))
        rows = []
        for place in range(number):
            left, right = next(pairs)
            rows.append(
                {
                    "key": secrets.token_urlsafe(16),
                    "campaign_id": campaign.id,
                    "prompt_id": prompt.id,
                    "voter_id": voters[place % VOTERS].id,
                    "kind": BattleKind.ORDINARY,
                    "left_entrant_id": left[0],
                    "right_entrant_id": right[0],
                    "left_image_id": left[1],
                    "right_image_id": right[1],
                    "left_token": secrets.token_urlsafe(16),
                    "right_token": secrets.token_urlsafe(16),
                    "propensity": 0.1,
                    "eligible": digest,
                    "policy": "uniform/1",
                    "dealt_at": now,
                    "expires_at": now + timedelta(hours=10),
                }
            )
        session.execute(insert(Battle), rows)
    app = create_app(
        context.settings,
        database=context.database,
        images=context.images,
        write=Ledger(context.database).write,
    )
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookies = [f"arena={signer.dumps({'voter': voter.key})}" for voter in voters]
    return [(cookies[place % VOTERS], row["key"]) for place, row in enumerate(rows)]


class Connection:
    """One keep-alive connection that costs the machine as little as it can."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None

    def ask(self, request: bytes) -> int:
        """Send a request and return the status of its answer."""
        return self.ask_whole(request)[0]

    def ask_whole(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; status, head and body of its answer."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, body = answer.partition(b"\r\n\r\n")
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        while len(body) < length:
            body += self._more()
        return int(head[9:12]), head, body

    def _more(self) -> bytes:
        assert self.socket is not None
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def vote_request(cookie: str, key: str) -> bytes:
    body = b"elapsed_ms=1234&consent=2026-11&preference=left"
    return (
        f"POST /battles/{key}/vote HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


EMPTY = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def drive(port: int, ballots: list[tuple[str, str]] | None, seconds: float, results: Any) -> None:
    """Clients of one process: each asks as fast as it is answered; puts (answered, waits, statuses)."""
    ends = time.monotonic() + seconds
    lists = [ballots[n :: CLIENTS // PROCESSES] if ballots else None for n in range(CLIENTS // PROCESSES)]
    told: list[tuple[list[str], list[float], list[int]]] = []

    def client(mine: list[tuple[str, str]] | None) -> None:
        connection = Connection(port)
        keys: list[str] = []
        waits: list[float] = []
        other: list[int] = []
        told.append((keys, waits, other))
        for cookie, key in mine if mine is not None else itertools.repeat(("", "")):
            if time.monotonic() >= ends:
                return
            request = vote_request(cookie, key) if key else EMPTY
            started = time.monotonic()
            try:
                status = connection.ask(request)
            except OSError:
                return
            waits.append(time.monotonic() - started)
            if status == (303 if key else 200):
                keys.append(key)
            else:
                other.append(status)

    threads = [threading.Thread(target=client, args=(mine,)) for mine in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(
        (
            [key for keys, _, _ in told for key in keys],
            [wait for _, waits, _ in told for wait in waits],
            [status for _, _, other in told for status in other],
        )
    )


def run_clients(
    port: int, ballots: list[tuple[str, str]] | None, seconds: float, *, meanwhile: Any = None
) -> tuple[list[str], list[float], list[int]]:
    """Drive the server from separate processes and gather what they were told."""
    results: Any = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(
            target=drive, args=(port, ballots[n::PROCESSES] if ballots else None, seconds, results)
        )
        for n in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    if meanwhile:
        meanwhile()
    gathered = [results.get() for _ in processes]
    for process in processes:
        process.join()
    keys, waits, other = (list(itertools.chain(*parts)) for parts in zip(*gathered, strict=True))
    return keys, waits, other


def rate(bench: Bench, *, seconds: float, rounds: int) -> None:
    lines = []
    with bench.server():
        run_clients(bench.port, bench.take(500), 2.0)
        for _ in range(rounds):
            syncs = fdatasyncs(bench.home, seconds=2.0)
            empty, _, _ = run_clients(bench.port, None, seconds)
            offered = bench.take(len(bench.ballots) // rounds)
            kept, waits, other = run_clients(bench.port, offered, seconds)
            assert not other, f"unexpected answers: {sorted(set(other))}"
            took = min(seconds, sum(waits) / CLIENTS)
            waits.sort()
            lines.append(
                {
                    "votes_per_second": len(kept) / took,
                    "empty_per_second": len(empty) / seconds,
                    "fdatasync_per_second": syncs,
                    "ratio_to_empty": len(kept) / took / (len(empty) / seconds),
                    "p50_ms": 1000 * waits[len(waits) // 2],
                    "p99_ms": 1000 * waits[int(len(waits) * 0.99)],
                    "worst_ms": 1000 * waits[-1],
                }
            )
    print(json.dumps({"rounds": lines, "median": medians(lines)}, indent=2))


def medians(lines: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(line[name] for line in lines), 3) for name in lines[0]}


def kill(bench: Bench, *, seconds: float, rounds: int) -> None:
    acknowledged: set[str] = set()
    share = len(bench.ballots) // rounds
    for number in range(1, rounds + 1):
        with bench.server() as server:
            when = bench.rng.uniform(0.25, 0.75) * seconds

            def strike(server: subprocess.Popen[bytes] = server, when: float = when) -> None:
                time.sleep(when)
                server.send_signal(signal.SIGKILL)

            kept, _, other = run_clients(bench.port, bench.take(share), seconds, meanwhile=strike)
        assert not other, f"unexpected answers: {sorted(set(other))}"
        acknowledged.update(kept)
        print(f"round {number}: killed after {when:.1f} s, {len(kept)} votes acknowledged", file=sys.stderr)
    told = verdict(bench.context, acknowledged)
    print(json.dumps({"rounds": rounds, **told}, indent=2))
    sys.exit(not is_well(told))


def verdict(context: Context, acknowledged: set[str]) -> dict[str, Any]:
    with context.database.write.begin() as session:
        while seal_pending(session, now=datetime.now(UTC)):
            pass
    with context.database.read() as session:
        voted = session.scalars(select(Battle.key).join(Vote, Vote.battle_id == Battle.id)).all()
        twice = session.scalar(
            select(func.count()).select_from(
                select(Vote.battle_id).group_by(Vote.battle_id).having(func.count() > 1).subquery()
            )
        )
        broken = broken_seal(session)
    return {
        "acknowledged": len(acknowledged),
        "in_the_database": len(voted),
        "acknowledged_but_lost": len(acknowledged - set(voted)),
        "counted_twice": twice,
        "chain": broken or "whole",
    }


def is_well(told: Mapping[str, Any]) -> bool:
    return not told["acknowledged_but_lost"] and not told["counted_twice"] and told["chain"] == "whole"


def fdatasyncs(folder: Path, *, seconds: float) -> float:
    """How many times a second 4 KiB can be made durable on the disk of a folder."""
    file = folder / "fdatasync"
    handle = os.open(file, os.O_CREAT | os.O_WRONLY)
    started = time.monotonic()
    number = 0
    while time.monotonic() - started < seconds:
        os.pwrite(handle, b"\0" * 4096, 0)
        os.fdatasync(handle)
        number += 1
    os.close(handle)
    file.unlink()
    return number / (time.monotonic() - started)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
