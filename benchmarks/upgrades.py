"""Two versions side by side on one database, the old one voted in while the new one migrates it.

A version is a folder of code and runs in processes of its own. The new one is this checkout with one more
migration; or the old one is the commit before the newest migration came, where the history is at hand.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from fault_tools import ARENA, NotHere, Setting, end, postgres, wait_for_pages
from votes import free_port, run_clients

HERE = Path(__file__).parents[1]
MIGRATIONS = "arena/migrations/versions"
PARTS = ("models", "analysis", "templates", "benchmarks")
FIRST_SHARE = 0.3
"""How much of the time passes before the database is migrated."""

NEXT_MIGRATION = '''"""What the next version adds

Revision ID: {revision}
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None


def upgrade() -> None:
    op.add_column("battle", sa.Column("novelty", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("vote", sa.Column("novelty", sa.Integer(), nullable=False, server_default="0"))
    op.create_table("novelty", sa.Column("id", sa.Integer(), primary_key=True))
'''
BALLOTS = """
import json, random, sys
from pathlib import Path
from votes import Bench

made = Bench(Path(sys.argv[1]), battles=int(sys.argv[2]), rng=random.Random(1))
json.dump(made.ballots, sys.stdout)
"""
VERDICT = """
import json, sys
from votes import verdict
from arena.cli.context import Context

json.dump(verdict(Context(), set(json.load(sys.stdin))), sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Version:
    """A folder of code, and the arena that it serves on a port of its own."""

    folder: Path
    environ: dict[str, str]

    @property
    def port(self) -> int:
        return int(self.environ["ARENA_PORT"])

    def serve(self, *options: str) -> subprocess.Popen[bytes]:
        """Start its server; wait for its pages."""
        process = subprocess.Popen(
            [*ARENA, "serve", *options],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_pages(self.port, process)
        return process

    def run(self, command: list[str], told: str = "") -> str:
        """Run a command of its code to the end; what it printed."""
        environ = {**self.environ, "PYTHONPATH": str(self.folder / "benchmarks")}
        done = subprocess.run(
            command, cwd=self.folder, env=environ, input=told, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, path: str) -> int:
        """What it answers to a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


def upgrade(setting: Setting) -> dict[str, Any]:
    """This checkout, and one with one more migration, on SQLite."""
    return side_by_side(setting, HERE, next_version(setting.scratch / "next"), {})


def upgrade_postgres(setting: Setting) -> dict[str, Any]:
    """The same on PostgreSQL."""
    with postgres(setting.scratch) as own:
        new = next_version(setting.scratch / "next")
        return side_by_side(setting, HERE, new, {"ARENA_DATABASE": own["url"]})


def upgrade_from_before(setting: Setting) -> dict[str, Any]:
    """The commit before the newest migration came, and this checkout."""
    return side_by_side(setting, earlier_version(setting.scratch / "before"), HERE, {})


def side_by_side(setting: Setting, old_code: Path, new_code: Path, more: dict[str, str]) -> dict[str, Any]:
    """Vote at the old version, migrate by the new one, vote at both, send again what the old did not take.

    Both run their workers too, which seal votes of either version.
    """
    home = setting.scratch / "home"
    home.mkdir()
    environ = {**os.environ, **more, "ARENA_HOME": str(home), "ARENA_LOG_LEVEL": "error"}
    old = Version(old_code, {**environ, "ARENA_PORT": str(free_port())})
    new = Version(new_code, {**environ, "ARENA_PORT": str(free_port())})
    made = json.loads(old.run([sys.executable, "-c", BALLOTS, str(home), str(3 * setting.ballots)]))
    ballots = [(cookie, key) for cookie, key in made]
    mine, others = ballots[::2], ballots[1::2]
    at_new: dict[str, Any] = {}
    processes = [old.serve()]

    def go_over() -> None:
        time.sleep(FIRST_SHARE * setting.seconds)
        began = time.monotonic()
        new.run([*ARENA, "upgrade"])
        at_new["migrated_in"] = round(time.monotonic() - began, 1)
        processes.append(new.serve())
        at_new["open_after"] = round(time.monotonic() - began, 1)
        at_new["kept"], _, at_new["other"] = run_clients(new.port, others, setting.seconds)

    try:
        kept, _, other = run_clients(old.port, mine, 2 * setting.seconds + 10, meanwhile=go_over)
        told: dict[str, Any] = {"old_ready": old.status("/readyz"), "old_reads": old.status("/leaderboard")}
        told |= {"new_ready": new.status("/readyz")}
        processes[0].terminate()
        told["old_exit_code"] = processes[0].wait(timeout=60)
        left = [ballot for ballot in mine if ballot[1] not in set(kept)]
        again, _, more_other = run_clients(new.port, left, setting.seconds) if left else ([], [], [])
    finally:
        end(*processes)
    acknowledged = {*kept, *at_new["kept"], *again}
    found = json.loads(new.run([sys.executable, "-c", VERDICT], told=json.dumps(sorted(acknowledged))))
    told |= {"by_old": len(kept), "by_new": len(at_new["kept"]), "again_by_new": len(again)}
    told |= {"old_refused": counted(other), "new_refused": counted(at_new["other"] + more_other)}
    return {**found, **told, **{name: at_new[name] for name in ("migrated_in", "open_after")}}


def counted(other: list[int]) -> dict[str, int]:
    """Answers that acknowledged nothing, by status."""
    return {str(status): other.count(status) for status in sorted(set(other))}


def next_version(folder: Path) -> Path:
    """This checkout with one more migration."""
    folder.mkdir()
    shutil.copytree(HERE / "arena", folder / "arena", ignore=shutil.ignore_patterns("__pycache__"))
    for part in PARTS:
        (folder / part).symlink_to(HERE / part)
    before = max(path.name[:4] for path in (HERE / MIGRATIONS).glob("[0-9]*.py"))
    revision = f"{int(before) + 1:04}"
    text = NEXT_MIGRATION.format(revision=revision, before=before)
    (folder / MIGRATIONS / f"{revision}_novelty.py").write_text(text)
    return folder


def earlier_version(folder: Path) -> Path:
    """The commit before the one that brought the newest migration."""
    newest = max((HERE / MIGRATIONS).glob("[0-9]*.py"))
    came = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest.relative_to(HERE)))
    archive = git("archive", "--format=tar", f"{came.decode().strip()}^")
    folder.mkdir()
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def git(*words: str) -> bytes:
    """What git says of this checkout."""
    done = subprocess.run(["git", "-C", HERE, *words], capture_output=True, check=False)
    if done.returncode or not done.stdout:
        raise NotHere("needs git, and the history of this checkout")
    return done.stdout
