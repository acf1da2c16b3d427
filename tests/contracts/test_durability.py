"""A server killed in the middle of voting: what it acknowledged is there, once, and the chain is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "votes.py"


def test_a_killed_server_loses_no_acknowledged_vote() -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARK, "kill", "--rounds", "2", "--seconds", "4", "--battles", "6000"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["acknowledged"] > 0
    assert told["acknowledged_but_lost"] == 0
    assert told["counted_twice"] == 0
    assert told["chain"] == "whole"
