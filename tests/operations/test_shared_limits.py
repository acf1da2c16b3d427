"""Requests are counted for all processes together, and for each by itself while Redis is away."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from arena.web.limits import Minutes, Taken, counting
from arena.web.shared_limits import REST_SECONDS, SharedMinutes


def test_without_redis_a_process_counts_for_itself() -> None:
    assert isinstance(counting(None), Minutes)
    clock = [0.0]
    shared = SharedMinutes("redis://127.0.0.1:1/0", clock=lambda: clock[0])
    assert shared.take("ann", 1).allowed
    assert not shared.take("ann", 1).allowed
    assert shared.take("bob", 1).allowed


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_two_processes_count_together_and_go_on_without(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    redis = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    clock = [0.0]
    one, other = (SharedMinutes(f"redis://127.0.0.1:{port}/0", clock=lambda: clock[0]) for _ in range(2))

    def take(counts: SharedMinutes, name: str) -> Taken:
        clock[0] += REST_SECONDS  # whoever found nobody there asks again
        return counts.take(name, 3)

    for _ in range(600):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                break
        time.sleep(0.05)
    told = [take(counts, "ann") for counts in (one, other, one, other)]
    assert [each.allowed for each in told] == [True, True, True, False]
    assert [each.left for each in told] == [2, 1, 0, 0]
    assert 50 < told[-1].again <= 60
    redis.kill()
    redis.wait()
    assert [take(other, "ann").allowed for _ in range(4)] == [True, True, True, False]
