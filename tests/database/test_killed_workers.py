"""Workers killed while they paint: every picture is there in the end, whole and once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from arena.db import Database

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "serving.py"


def test_killed_workers_lose_no_picture_and_make_none_twice(database: Database) -> None:
    url = database.write_engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, BENCHMARK, "kill", "--kills", "2", "--workers", "2", "--prompts", "15"],
        capture_output=True,
        text=True,
        timeout=1500,
        env={**os.environ, "ARENA_DATABASE": url},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == 2
    assert told["painted_more_than_once"] >= 1, "workers were killed while they painted"
    assert (told["lost"], told["twice"], told["damaged"]) == (0, 0, 0)
    assert told["states"] == {"done": told["asked"]} == {"done": told["pictures"]}
