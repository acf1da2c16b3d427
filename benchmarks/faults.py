"""What breaks, and what it costs: each fault is made for real, under load, on loopback, and then counted.

    python benchmarks/faults.py                     # all of them, about five minutes
    python benchmarks/faults.py --only web power    # some
    python benchmarks/faults.py --json --seconds 3

Every acknowledged vote must be there, none twice, and the chain of seals whole; the exit code is 1 otherwise.
``power-careless`` is the power cut with SQLite told not to sync: it must lose votes, or the shim is blind.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fault_services
import upgrades
from fault_tools import START_SECONDS, NotHere, Setting, end, postgres, small_disk, start, told, vote_while
from power_loss import power_loss
from votes import is_well

from arena.errors import Unavailable
from arena.storage import ImageStore

Fault = Callable[[Setting], dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(FAULTS), metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--seconds", type=float, default=10.0, help="of voting in each")
    parser.add_argument("--ballots", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lines = {}
    for name in options.only or FAULTS:
        with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
            rng = random.Random(f"{options.seed} {name}")
            setting = Setting(Path(folder), options.seconds, options.ballots, rng)
            try:
                lines[name] = FAULTS[name](setting)
            except NotHere as why:
                lines[name] = {"not_here": str(why)}
        if not options.json:
            print(row(name, lines[name]), flush=True)
    if options.json:
        print(json.dumps(lines, indent=2))
    sys.exit(any(bad(name, line) for name, line in lines.items()))


def bad(name: str, line: dict[str, Any]) -> bool:
    if "not_here" in line:
        return False
    return is_well(line) if name == CARELESS else not is_well(line)


def row(name: str, line: dict[str, Any]) -> str:
    """A line of the table."""
    if "not_here" in line:
        return f"| {name} | not tried: {line['not_here']} | | | |"
    verdict = ("acknowledged", "acknowledged_but_lost", "counted_twice", "chain", "in_the_database")
    more = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in line.items() if key not in verdict)
    counts = " | ".join(str(line[key]) for key in verdict[:4])
    return f"| {name} | {counts} | {more} |"


def stop(setting: Setting) -> dict[str, Any]:
    """SIGTERM: what was asked is answered, the process ends by itself."""
    bench = setting.bench()
    server = start(bench, "serve")
    kept, other = vote_while(bench, setting.seconds, lambda: strike(server, signal.SIGTERM, setting))
    return told(bench, kept, other, exit_code=server.wait(timeout=60))


def web(setting: Setting) -> dict[str, Any]:
    """SIGKILL of the web process."""
    bench = setting.bench()
    server = start(bench, "serve", "--no-worker")
    kept, other = vote_while(bench, setting.seconds, lambda: strike(server, signal.SIGKILL, setting))
    server.wait()
    return told(bench, kept, other)


def worker(setting: Setting) -> dict[str, Any]:
    """SIGKILL of the worker that seals, and a new one."""
    bench = setting.bench()
    server, helper = start(bench, "serve", "--no-worker"), start(bench, "work")
    helpers = [helper]

    def kill() -> None:
        strike(helper, signal.SIGKILL, setting)
        helpers.append(start(bench, "work"))

    kept, other = vote_while(bench, setting.seconds, kill)
    end(server, *helpers)
    return told(bench, kept, other)


def database(setting: Setting) -> dict[str, Any]:
    """SIGKILL of PostgreSQL, all its processes; it recovers while the server goes on."""
    with postgres(setting.scratch) as own:
        bench = setting.bench(ARENA_DATABASE=own["url"])
        server = start(bench, "serve", "--no-worker")

        def kill() -> None:
            time.sleep(setting.seconds / 3)
            own["kill"]()
            own["start"]()

        kept, other = vote_while(bench, setting.seconds, kill)
        end(server)
        return told(bench, kept, other)


def full_disk(setting: Setting) -> dict[str, Any]:
    """The disk fills up while people vote; then there is room again."""
    home = setting.scratch / "home"
    with small_disk(home, megabytes=64 + setting.ballots // 500):
        bench = setting.bench(home)
        server = start(bench, "serve", "--no-worker")
        filler = home / "filler"

        def fill() -> None:
            time.sleep(setting.seconds / 3)
            try:
                with filler.open("wb", buffering=0) as out:
                    while out.write(b"\0" * 65536):
                        pass
            except OSError:
                time.sleep(setting.seconds / 3)
            filler.unlink()

        kept, other = vote_while(bench, setting.seconds, fill)
        end(server)
        return told(bench, kept, other)


def read_only(setting: Setting) -> dict[str, Any]:
    """A disk that is mounted read-only: nothing starts on it, and nothing is lost once it is mended."""
    home = setting.scratch / "home"
    with small_disk(home, megabytes=64 + setting.ballots // 500) as remount:
        bench = setting.bench(home)
        late = bench.take(len(bench.ballots) // 2)
        server = start(bench, "serve", "--no-worker")
        kept, other = vote_while(bench, setting.seconds / 2, lambda: None)
        end(server)
        bench.context.database.dispose()
        remount("ro")
        refused = start(bench, "work")
        try:
            exit_code: int | None = refused.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            exit_code = None
            end(refused)
        try:
            ImageStore(home / "images").put(b"a picture")
            pictures = "kept"
        except Unavailable:
            pictures = "refused"
        remount("rw")
        bench.ballots = late
        server = start(bench, "serve", "--no-worker")
        again, more = vote_while(bench, setting.seconds / 2, lambda: None)
        end(server)
        return told(bench, kept | again, other + more, start_exit_code=exit_code, pictures=pictures)


def locked(setting: Setting) -> dict[str, Any]:
    """Another program holds the database's lock for 30 s, or for what the run lasts."""
    bench = setting.bench()
    server = start(bench, "serve", "--no-worker")
    held = max(30.0, setting.seconds) if setting.seconds >= 10 else setting.seconds

    def hold() -> None:
        time.sleep(1.0)
        other = sqlite3.connect(bench.home / "arena.sqlite", timeout=10, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(held)
        other.execute("ROLLBACK")
        other.close()

    kept, other = vote_while(bench, held + 4.0, hold)
    end(server)
    return told(bench, kept, other, held_seconds=held)


def power(setting: Setting) -> dict[str, Any]:
    """A power cut: what was not synced is gone."""
    return power_loss(setting.scratch, setting.bench(), seconds=setting.seconds, synchronous=True)


def power_careless(setting: Setting) -> dict[str, Any]:
    """The same with ``synchronous=OFF``, which must lose votes."""
    return power_loss(setting.scratch, setting.bench(), seconds=setting.seconds, synchronous=False)


def strike(process: Any, how: signal.Signals, setting: Setting) -> None:
    """Send a signal at some moment in the middle."""
    time.sleep(setting.rng.uniform(0.25, 0.75) * setting.seconds)
    process.send_signal(how)


CARELESS = "power-careless"
FAULTS: dict[str, Fault] = {
    "stop": stop,
    "web": web,
    "worker": worker,
    "database": database,
    "full-disk": full_disk,
    "read-only": read_only,
    "locked": locked,
    "clock": fault_services.clock,
    "redis": fault_services.redis_down,
    "s3": fault_services.s3_down,
    "pictures": fault_services.pictures,
    "upgrade": upgrades.upgrade,
    "upgrade-postgres": upgrades.upgrade_postgres,
    "upgrade-from-before": upgrades.upgrade_from_before,
    "power": power,
    CARELESS: power_careless,
}

if __name__ == "__main__":
    main()
