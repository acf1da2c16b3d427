"""PostgreSQL, a bucket, Redis, two web processes and two workers, all of them real, as one arena."""

from __future__ import annotations

import http.cookiejar
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from arena.bucket import open_bucket
from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.db import Database
from arena.services.curation import NewPrompt, add_prompts, find_entrant, open_campaign
from arena.services.generation import enqueue
from arena.services.sealing import broken_seal, unsealed
from arena.tables import Battle, Image, Job, JobState, Vote
from tests.conftest import POSTGRES
from tests.operations.test_backup import new_database

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not POSTGRES or not shutil.which("redis-server"), reason="needs PostgreSQL and Redis"),
]
ARENA = [sys.executable, "-c", "from arena.cli import main; main()"]
BUCKET = """
import sys, threading
from moto.server import ThreadedMotoServer

ThreadedMotoServer("127.0.0.1", int(sys.argv[1])).start()
threading.Event().wait()
"""
PAINTERS = "\n".join(
    f"""[[entrant]]
slug = "{slug}"
name = "{slug.title()}"
kind = "baseline"
backend = "atelier"
[entrant.identity]
size = {size}
samples = 1
denoise = false
"""
    for slug, size in (("small", 32), ("smaller", 24))
)
PROMPTS = tuple(f"a {colour} vase on an oak table" for colour in ("red", "blue", "green", "yellow"))
RATERS, PAIRS, PER_ADDRESS = 6, 4, 120


class Cluster:
    """The processes, and what they share."""

    def __init__(self, folder: Path, database: str) -> None:
        self.ports = free_ports(4)
        self.folder = folder
        self.environ = {
            **os.environ,
            "ARENA_HOME": str(folder / "home"),
            "ARENA_DATABASE": database,
            "ARENA_BUCKET": "s3://pictures/arena",
            "ARENA_REDIS": f"redis://127.0.0.1:{self.ports[1]}/0",
            "ARENA_LOG": "json",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ports[0]}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def pages(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports[2:]]

    def start(self, name: str, *words: str, **environ: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                words, env=self.environ | environ, stdout=log, stderr=log, cwd=self.folder
            )
        self.processes.append(process)
        return process


def free_ports(number: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with new_database("postgresql", tmp_path) as url:
        made = Cluster(tmp_path, url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, made.environ[name])
        made.start("bucket", sys.executable, "-c", BUCKET, str(made.ports[0]))
        made.start("redis", "redis-server", "--port", str(made.ports[1]), "--bind", "127.0.0.1", "--save", "")
        yield made
        for process in made.processes:
            process.kill()
            process.wait()


def until(what: str, holds: object, seconds: float = 300.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < ends, f"{what} did not come within {seconds:.0f} s"
        time.sleep(0.2)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def rate(cluster: Cluster, pairs: int) -> list[str]:
    """One rater's pairs, each request to the other web process; keys whose vote was acknowledged."""
    jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(rfc2965=False))
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    kept, turn = [], 0

    def ask(path: str, data: bytes | None = None, **headers: str) -> bytes:
        nonlocal turn
        turn += 1
        for cookie in jar:
            cookie.port = None
        request = urllib.request.Request(cluster.pages[turn % 2] + path, data=data, headers=headers)
        with opener.open(request, timeout=30) as answer:
            return bytes(answer.read())

    for _ in range(pairs):
        dealt = json.loads(ask("/battles/next?campaign=together", Accept="application/json"))
        if dealt["battle"] is None:
            break
        for picture in dealt["pictures"]:
            assert ask(picture).startswith(b"\x89PNG")
        ask(f"{dealt['battle']}/vote", b"preference=left&consent=2026-11&elapsed_ms=900")
        kept.append(dealt["battle"].rsplit("/", 1)[1])
        ask(f"{dealt['battle']}/reasons", b"")
    return kept


def open_together(context: Context) -> None:
    prepare(context)
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        entrants = [find_entrant(session, slug) for slug in ("small", "smaller")]
        campaign = open_campaign(
            session, slug="together", name="Together", entrants=entrants, canvas=64, now=now
        )
        add_prompts(session, campaign, [NewPrompt(text) for text in PROMPTS], now=now)
        session.flush()
        enqueue(session, campaign, now=now)


def jobs(database: Database) -> dict[JobState, int]:
    with database.read() as session:
        return dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())


def test_many_processes_are_one_arena(cluster: Cluster) -> None:
    import boto3

    endpoint = cluster.environ["AWS_ENDPOINT_URL"]
    until("the bucket", lambda: status(endpoint))
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="pictures")
    home = Path(cluster.environ["ARENA_HOME"])
    home.mkdir()
    (home / "catalog.toml").write_text(PAINTERS)
    context = Context(cluster.environ)
    open_together(context)
    workers = [cluster.start(f"worker-{number}", *ARENA, "work") for number in range(2)]
    webs = [
        cluster.start(f"web-{port}", *ARENA, "serve", "--no-worker", "--port", str(port))
        for port in cluster.ports[2:]
    ]
    for page in cluster.pages:
        until("a web process", lambda page=page: status(f"{page}/readyz") == 200)
    until("the pictures", lambda: jobs(context.database) == {JobState.DONE: 2 * len(PROMPTS)})

    with ThreadPoolExecutor(RATERS) as raters:
        kept = [key for keys in raters.map(lambda _: rate(cluster, PAIRS), range(RATERS)) for key in keys]
    assert len(kept) == RATERS * PAIRS

    answers = [status(f"{cluster.pages[n % 2]}/api/v1/campaigns") for n in range(PER_ADDRESS + 10)]
    assert (answers.count(200), answers.count(429)) == (PER_ADDRESS, 10)

    until("the seals", lambda: not sealed_later(context.database))
    for process in (*webs, *workers):
        process.terminate()
    assert [process.wait(timeout=60) for process in (*webs, *workers)] == [0, 0, 0, 0]
    store = open_bucket("s3://pictures/arena", cache=cluster.folder / "nothing", endpoint=endpoint)
    with context.database.read() as session:
        voted = set(session.scalars(select(Battle.key).join(Vote, Vote.battle_id == Battle.id)))
        assert voted == set(kept)
        assert broken_seal(session) is None
        for digest in session.scalars(select(Image.digest)):
            assert store.get(digest)
    done = subprocess.run(
        [*ARENA, "backup", cluster.folder / "backup", "--json"], env=cluster.environ, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["votes"] == len(kept)
    context.database.dispose()


def sealed_later(database: Database) -> int:
    with database.read() as session:
        return unsealed(session)
