"""A power cut in the middle of voting: what the disk had not been told to keep is gone.

`power_loss.c`, preloaded into the real server, logs its writes and its syncs. After SIGKILL the files are
made anew from that log, each only up to its own last sync, and the arena is opened on them.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fault_tools import wait_for_pages
from votes import Bench, run_clients, verdict

from arena.cli.context import Context

SHIM = Path(__file__).with_name("power_loss.c")
RECORD = struct.Struct("=cqqi")
SERVE = "from arena.cli import main; main()"
UNSAFE = f"""
from sqlalchemy import event
from sqlalchemy.pool import Pool

@event.listens_for(Pool, "checkout")
def careless(connection, record, proxy):
    connection.execute("PRAGMA synchronous=OFF")

{SERVE}
"""
"""The same server, but SQLite never syncs."""


def power_loss(scratch: Path, bench: Bench, *, seconds: float, synchronous: bool) -> dict[str, Any]:
    """Cut the power of a server that takes votes; the verdict is on what the disk still has."""
    home = bench.home
    bench.context.database.dispose()
    before = scratch / "before"
    before.mkdir()
    for file in home.glob("arena.sqlite*"):
        shutil.copy(file, before)
    log, shim = scratch / "power.log", scratch / "power_loss.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, SHIM, "-ldl"], check=True)
    environ = bench.environ | {
        "LD_PRELOAD": str(shim),
        "POWER_FOLDER": str(home / "arena.sqlite"),
        "POWER_LOG": str(log),
    }
    program = SERVE if synchronous else UNSAFE
    server = subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--no-worker"], env=environ, stdout=subprocess.DEVNULL
    )
    try:
        wait_for_pages(bench.port, server)

        def cut() -> None:
            time.sleep(seconds * 0.7)
            server.send_signal(signal.SIGKILL)

        kept, _, other = run_clients(bench.port, bench.ballots, seconds, meanwhile=cut)
    finally:
        server.kill()
        server.wait()
    assert not other, f"unexpected answers: {sorted(set(other))}"
    after = scratch / "after"
    after.mkdir()
    discarded = replay(log, before, after)
    shutil.copy(home / "secret.key", after)
    context = Context({**bench.environ, "ARENA_HOME": str(after)})
    told = verdict(context, set(kept))
    context.database.dispose()
    return {**told, "discarded_writes": discarded}


def replay(log: Path, before: Path, after: Path) -> int:
    """Make the files as the disk has them; returns how many writes it never kept."""
    files = {file.name: bytearray(file.read_bytes()) for file in before.iterdir() if "-shm" not in file.name}
    waiting: dict[str, list[tuple[bytes, int, bytes | int]]] = {}
    for kind, name, offset, told in records(log):
        if kind == b"S":
            for act in waiting.pop(name, []):
                apply(files.setdefault(name, bytearray()), *act)
        elif kind == b"U":
            files.pop(name, None)
            waiting.pop(name, None)
        else:
            waiting.setdefault(name, []).append((kind, offset, told))
    for name, data in files.items():
        (after / name).write_bytes(data)
    return sum(len(acts) for acts in waiting.values())


def apply(data: bytearray, kind: bytes, offset: int, told: bytes | int) -> None:
    """Do to a file what was done to it."""
    if kind == b"T":
        assert isinstance(told, int)
        data[told:] = b"\0" * max(0, told - len(data))
        return
    assert isinstance(told, bytes)
    if len(data) < offset:
        data.extend(b"\0" * (offset - len(data)))
    data[offset : offset + len(told)] = told


def records(log: Path) -> Iterator[tuple[bytes, str, int, bytes | int]]:
    """What the shim wrote: kind, name of the file, offset, and the bytes or the length."""
    with log.open("rb") as file:
        while len(head := file.read(RECORD.size)) == RECORD.size:
            kind, offset, length, path_length = RECORD.unpack(head)
            path = file.read(path_length).decode()
            data = file.read(length) if kind == b"W" else length
            yield kind, os.path.basename(path), offset, data  # noqa: PTH119 - a name that may be gone
