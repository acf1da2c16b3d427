"""Whether the operators' door tells by its time which names there are.

    python benchmarks/sign_in.py                # 200 pairs of tries, about two minutes of one core
    python benchmarks/sign_in.py --processor    # seconds of the processor, in this process: less noise

A real server on loopback is asked in pairs, in either order: a name that an operator has, a wrong password,
and a name that nobody has. Each try comes from an address of its own, as the door counts them. Printed are
both medians, the median of the differences within pairs with its 95 % interval, and how often the known
name took longer: one half if its time tells nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import numpy as np
from fault_tools import ARENA, end, wait_for_pages
from votes import free_port

from arena.app import create_app
from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.domain import totp
from arena.domain.passwords import hashed
from arena.services import operators, signing_in
from arena.services.ledger import Ledger

Try = Callable[[str, str], float]
"""A try under a name, from an address; the seconds that it took."""

NAMES = 10
"""Operators: one name may be tried thirty times a minute."""


def main() -> None:
    """Ask in pairs, and print what the times tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="vernissage-") as home:
        port = free_port()
        environ = {**os.environ, "ARENA_HOME": home, "ARENA_PORT": str(port), "ARENA_LOG_LEVEL": "error"}
        enter_operators(Context(environ))
        asked = in_process(environ) if options.processor else over_http(environ, port)
        with asked as try_once:
            pairs = [pair(try_once, number, rng) for number in range(-5, options.pairs)][5:]
    print(json.dumps(told(pairs, options.seed), indent=2))


def enter_operators(context: Context) -> None:
    """Give each a password and a second factor, as the room does."""
    settings, now = prepare(context), datetime.now(UTC)
    with context.database.write.begin() as session:
        for number in range(NAMES):
            name = f"known-{number}"
            operators.make_link(session, name, now=now)
            signing_in.begin(session, name, password=hashed("four plain words here"), now=now)
            key = signing_in.second_factor(settings.secret, signing_in.standing(session, name).salt)
            code = totp.code_at(key, totp.step_of(now))
            signing_in.confirm(session, name, code, secret=settings.secret, now=now)
    context.database.dispose()


def pair(try_once: Try, number: int, rng: random.Random) -> tuple[float, float]:
    """Seconds of a try with a known name and of one with an unknown name, tried in either order."""
    names = [f"known-{number % NAMES}", f"other-{number % NAMES}"]
    took = {name: try_once(name, f"203.0.113.{rng.randrange(1, 255)}") for name in rng.sample(names, k=2)}
    return took[names[0]], took[names[1]]


@contextmanager
def over_http(environ: dict[str, str], port: int) -> Iterator[Try]:
    """Ask a server in a process of its own; seconds on a clock until it refuses."""
    server = subprocess.Popen([*ARENA, "serve", "--no-worker"], env=environ, stdout=subprocess.DEVNULL)

    def try_once(name: str, address: str) -> float:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": address}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.connect()
            started = time.perf_counter()
            connection.request("POST", "/admin/sign-in", urllib.parse.urlencode(form(name)), headers)
            answer = connection.getresponse()
            answer.read()
            took = time.perf_counter() - started
        assert answer.status == 403, f"the door answered {answer.status}"
        return took

    try:
        wait_for_pages(port, server)
        yield try_once
    finally:
        end(server)


@contextmanager
def in_process(environ: dict[str, str]) -> Iterator[Try]:
    """Ask the application here; seconds of the processor, those of its writer too."""
    context = Context(environ)
    ledger = Ledger(context.database)
    app = create_app(context.settings, database=context.database, images=context.images, write=ledger.write)
    client = app.test_client()

    def try_once(name: str, address: str) -> float:
        started = time.process_time()
        answer = client.post("/admin/sign-in", data=form(name), environ_base={"REMOTE_ADDR": address})
        took = time.process_time() - started
        assert answer.status_code == 403, f"the door answered {answer.status_code}"
        return took

    try:
        yield try_once
    finally:
        ledger.close()
        context.database.dispose()


def form(name: str) -> dict[str, str]:
    """What a guesser types."""
    return {"name": name, "password": "a wrong guess", "code": "123456"}


def told(pairs: list[tuple[float, float]], seed: int) -> dict[str, float | list[float]]:
    """Medians in milliseconds, and what tells the two apart."""
    known, unknown = np.array(pairs).T * 1000
    apart = known - unknown
    draws = np.random.default_rng(seed).choice(apart, (2000, len(apart)))
    return {
        "pairs": len(pairs),
        "known_name_ms": round(statistics.median(known), 1),
        "unknown_name_ms": round(statistics.median(unknown), 1),
        "difference_ms": round(float(np.median(apart)), 2),
        "interval_ms": [round(float(q), 2) for q in np.quantile(np.median(draws, axis=1), (0.025, 0.975))],
        "known_took_longer": round(float((apart > 0).mean()), 3),
    }


if __name__ == "__main__":
    main()
