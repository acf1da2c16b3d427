"""What the faults have in common: servers to break, and what is asked of them afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from votes import Bench, free_port, run_clients, verdict

ARENA = [sys.executable, "-c", "from arena.cli import main; main()"]
START_SECONDS = 120.0


class NotHere(Exception):
    """This machine does not let the fault be made, or lacks what it takes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a fault is made, for how long, and with what chance."""

    scratch: Path
    seconds: float
    ballots: int
    rng: random.Random

    def bench(self, home: Path | None = None, **environ: str) -> Bench:
        """A new arena with ballots to cast."""
        folder = home or self.scratch / "home"
        folder.mkdir(parents=True, exist_ok=True)
        return Bench(folder, battles=self.ballots, rng=self.rng, environ=environ)


def start(bench: Bench, *words: str, **environ: str) -> subprocess.Popen[bytes]:
    """Start a command of the arena's; its complaints are not shown."""
    process = subprocess.Popen(
        [*ARENA, *words],
        env=bench.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if words[0] == "serve":
        wait_for_pages(bench.port, process)
    return process


def wait_for_pages(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers; a busy machine takes a while to start one."""
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            assert process.poll() is None, f"the server ended with {process.returncode}"
            assert time.monotonic() < ends, f"the server did not start within {START_SECONDS:.0f} s"
            time.sleep(0.1)


def end(*processes: subprocess.Popen[bytes]) -> None:
    """Stop what still runs."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        process.wait(timeout=60)


def vote_while(bench: Bench, seconds: float, act: Callable[[], None]) -> tuple[set[str], list[int]]:
    """Vote from sixteen clients while something is done; keys acknowledged, and other answers."""
    ballots, bench.ballots = bench.ballots, []
    kept, _, other = run_clients(bench.port, ballots, seconds, meanwhile=act)
    return set(kept), other


def told(bench: Bench, kept: set[str], other: list[int], **more: Any) -> dict[str, Any]:
    """A verdict, with the answers that were no acknowledgement."""
    refused = {str(status): other.count(status) for status in sorted(set(other))}
    found = verdict(bench.context, kept)
    bench.context.database.dispose()
    return {**found, "refused": refused, **more}


@contextmanager
def postgres(scratch: Path) -> Iterator[Mapping[str, Any]]:
    """A PostgreSQL of our own on loopback: its URL, and functions that kill and start it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or os.geteuid() != 0:
        raise NotHere("needs PostgreSQL's server, and to be root to become its user")
    folder, port, data = found[-1].parent, free_port(), scratch / "postgres"
    data.mkdir()
    for parent in (data, *data.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    shutil.chown(data, "postgres", "postgres")

    control = (str(folder / "pg_ctl"), "-D", str(data / "db"))

    def run(*words: str) -> None:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *words]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    def begin() -> None:
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories=''"
        run(
            str(folder / "pg_ctl"),
            "-D",
            str(data / "db"),
            "-w",
            "-l",
            str(data / "log"),
            "-o",
            options,
            "start",
        )

    def kill() -> None:
        pid = int((data / "db" / "postmaster.pid").read_text().split()[0])
        children = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text().split()
        for each in (pid, *map(int, children)):
            os.kill(each, signal.SIGKILL)
        while any((Path("/proc") / str(each)).exists() for each in children):
            time.sleep(0.05)

    run(str(folder / "initdb"), "-D", str(data / "db"), "-A", "trust", "-U", "postgres", "-E", "UTF8")
    begin()
    try:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        yield {"url": url, "kill": kill, "start": begin}
    finally:
        run(*control, "-m", "immediate", "stop")


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Callable[[str], None]]:
    """A disk of its own in memory; yields what mounts it anew with other options."""
    folder.mkdir(parents=True)

    def mount(options: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True)
        if done.returncode:
            raise NotHere("this machine lets nothing be mounted")

    mount(f"size={megabytes}m")
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
