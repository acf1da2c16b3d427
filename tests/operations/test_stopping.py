"""What is told to stop ends in good order; what is broken on the way loses no acknowledged vote."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.services.curation import NewPrompt, add_prompts, find_entrant, open_campaign
from arena.services.generation import enqueue
from arena.tables import Job, JobState

FAULTS = Path(__file__).parents[2] / "benchmarks" / "faults.py"
SLOW_PAINTER = """[[entrant]]
slug = "slow"
name = "Slow"
kind = "baseline"
backend = "atelier"
[entrant.identity]
size = 512
samples = 4096
denoise = false
"""


def test_a_worker_that_stops_leaves_no_lease(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text(SLOW_PAINTER)
    context = Context({**os.environ, "ARENA_HOME": str(tmp_path), "ARENA_LOG_LEVEL": "error"})
    prepare(context)
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        entrants = [find_entrant(session, slug) for slug in ("slow", "atelier")]
        campaign = open_campaign(session, slug="stop", name="Stop", entrants=entrants, canvas=64, now=now)
        add_prompts(session, campaign, [NewPrompt("a red vase on an oak table")], now=now)
        session.flush()
        enqueue(session, campaign, now=now)

    def jobs(state: JobState) -> int:
        with context.database.read() as session:
            query = select(func.count()).select_from(Job).where(Job.state == state)
            return session.scalar(query) or 0

    command = [
        sys.executable,
        "-c",
        "from arena.cli import main; main()",
        "work",
        "--grace",
        "1",
        "--no-clerk",
    ]
    worker = subprocess.Popen(command, env=context.environ)
    for _ in range(1200):
        if jobs(JobState.RUNNING):
            break
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=120) == 0
    assert jobs(JobState.RUNNING) == 0
    with context.database.read() as session:
        held = select(func.count()).where(Job.state == JobState.QUEUED, Job.leased_until.is_not(None))
        assert session.scalar(held) == 0
        queued = select(func.max(Job.attempts)).where(Job.state == JobState.QUEUED)
        assert session.scalar(queued) == 0
    context.database.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        "stop",
        "full-disk",
        "locked",
        "clock",
        "redis",
        "s3",
        "pictures",
        "upgrade",
        "power",
        "power-careless",
    ],
)
def test_a_fault_loses_no_acknowledged_vote(fault: str) -> None:
    if fault.startswith("power") and shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    done = subprocess.run(
        [sys.executable, FAULTS, "--only", fault, "--seconds", "2", "--ballots", "1500", "--json"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)[fault]
    if "not_here" in told:
        pytest.skip(told["not_here"])
    assert told["acknowledged"] > 0
    if fault == "power-careless":
        assert told["acknowledged_but_lost"] > 0
        return
    assert (told["acknowledged_but_lost"], told["counted_twice"], told["chain"]) == (0, 0, "whole")
    expected = {
        "stop": {"exit_code": 0},
        "redis": {"api_before": [200] * 3, "api_after": [200] * 3},
        "s3": {"ready_before": 200, "ready_after": 503, "cached": "shown", "not_cached": "unavailable"},
        "pictures": {"whole": "shown", "short": "corrupt_image", "flipped": "corrupt_image"},
        "upgrade": {"old_ready": 503, "old_reads": 200, "new_ready": 200, "old_exit_code": 0},
    }
    assert expected.get(fault, {}).items() <= told.items()
