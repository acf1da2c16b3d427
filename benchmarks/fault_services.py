"""Faults of what stands beside the database: Redis, a bucket, single pictures, and the clock."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from fault_tools import NotHere, Setting, end, start, told, vote_while
from sqlalchemy import select
from votes import Bench, free_port, verdict

from analysis.outcomes import Outcome
from arena.bucket import open_bucket
from arena.errors import ArenaError
from arena.services.sealing import seal_pending
from arena.services.voting import cast_vote
from arena.storage import ImageStore
from arena.tables import Battle, Criterion, Voter

AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
MOTO = """
import sys, time
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", int(sys.argv[1]))
server.start()
time.sleep(3600)
"""


def redis_down(setting: Setting) -> dict[str, Any]:
    """Redis is killed while requests are counted in it; each process then counts for itself."""
    if shutil.which("redis-server") is None:
        raise NotHere("needs redis-server")
    port = free_port()
    redis = subprocess.Popen(
        [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(setting.scratch),
        ],
        stdout=subprocess.DEVNULL,
    )
    bench = setting.bench(ARENA_REDIS=f"redis://127.0.0.1:{port}/0")
    server = start(bench, "serve", "--no-worker")
    answers: list[int] = []

    def kill() -> None:
        for moment in range(6):
            if moment == 3:
                redis.kill()
                redis.wait()
            answers.append(status(bench, "/api/v1/campaigns"))
            time.sleep(setting.seconds / 12)

    try:
        kept, other = vote_while(bench, setting.seconds, kill)
        end(server)
    finally:
        redis.kill()
        redis.wait()
    return told(bench, kept, other, api_before=answers[:3], api_after=answers[3:])


def s3_down(setting: Setting) -> dict[str, Any]:
    """The bucket is killed: what was shown before is still shown, what was not says so, votes go on."""
    port = free_port()
    bucket = subprocess.Popen(
        [sys.executable, "-c", MOTO, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    bench = setting.bench(ARENA_BUCKET="s3://pictures", AWS_ENDPOINT_URL=endpoint, **AWS)
    try:
        wait_for_bucket(endpoint)
        import boto3

        boto3.client("s3", endpoint_url=endpoint, **credentials()).create_bucket(Bucket="pictures")
        kept, other, shown = _without_bucket(setting, bench, bucket, endpoint)
    finally:
        bucket.kill()
        bucket.wait()
    return told(bench, kept, other, **shown)


def _without_bucket(
    setting: Setting, bench: Bench, bucket: subprocess.Popen[bytes], endpoint: str
) -> tuple[set[str], list[int], dict[str, Any]]:
    import os

    os.environ.update(AWS)
    store = open_bucket("s3://pictures", cache=bench.home / "images", endpoint=endpoint)
    near, far = store.put(b"a picture that was shown"), store.put(b"a picture that nobody saw")
    store.path(far).unlink()
    server = start(bench, "serve", "--no-worker")
    shown: dict[str, Any] = {"ready_before": status(bench, "/readyz")}

    def kill() -> None:
        time.sleep(setting.seconds / 3)
        bucket.kill()
        shown["cached"] = told_of(store, near)
        shown["not_cached"] = told_of(store, far)
        shown["ready_after"] = status(bench, "/readyz")

    kept, other = vote_while(bench, setting.seconds, kill)
    end(server)
    return kept, other, shown


def pictures(setting: Setting) -> dict[str, Any]:
    """One picture is cut short, one has a flipped bit: neither is ever shown."""
    bench = setting.bench()
    store = ImageStore(bench.home / "images")
    whole, short, flipped = (store.put(bytes([number]) * 4096) for number in range(3))
    store.path(short).write_bytes(store.path(short).read_bytes()[:1000])
    data = bytearray(store.path(flipped).read_bytes())
    data[2000] ^= 1
    store.path(flipped).write_bytes(data)
    server = start(bench, "serve", "--no-worker")
    kept, other = vote_while(bench, setting.seconds / 2, lambda: None)
    end(server)
    shown = {
        "whole": told_of(store, whole),
        "short": told_of(store, short),
        "flipped": told_of(store, flipped),
    }
    return told(bench, kept, other, **shown)


def clock(setting: Setting) -> dict[str, Any]:
    """The clock jumps a day forward and two back between votes; deadlines move, the chain does not care."""
    bench = setting.bench()
    ballots = bench.take(300)
    jumps = (timedelta(0), timedelta(days=1), timedelta(days=-1), timedelta(minutes=1))
    started = datetime.now(UTC)
    kept, expired = set(), 0
    database = bench.context.database
    with database.read() as session:
        voters = dict(
            session.execute(select(Battle.key, Voter.key).join(Voter, Battle.voter_id == Voter.id)).all()
        )
        criterion = session.scalars(select(Criterion.slug)).first()
    for number, (_, key) in enumerate(ballots):
        now = started + jumps[number % len(jumps)]
        try:
            with database.write.begin() as session:
                cast_vote(
                    session, key=key, voter_key=voters[key], criterion=str(criterion), outcome=Outcome.LEFT,
                    elapsed_ms=900, consent="2026-11", now=now,
                )  # fmt: skip
            kept.add(key)
        except ArenaError:
            expired += 1
        if number % 50 == 0:
            with database.write.begin() as session:
                seal_pending(session, now=now)
    found = verdict(bench.context, kept)
    database.dispose()
    return {**found, "expired": expired}


def told_of(store: ImageStore, digest: str) -> str:
    """What comes of reading a picture."""
    try:
        store.get(digest)
    except ArenaError as error:
        return error.code
    return "shown"


def status(bench: Bench, path: str) -> int:
    """The status of a page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{bench.port}{path}", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def credentials() -> dict[str, str]:
    """The keys of a bucket that asks for any."""
    return {
        "aws_access_key_id": AWS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": AWS["AWS_SECRET_ACCESS_KEY"],
        "region_name": AWS["AWS_DEFAULT_REGION"],
    }


def wait_for_bucket(endpoint: str) -> None:
    """Wait until something answers."""
    for _ in range(200):
        try:
            urllib.request.urlopen(endpoint, timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise NotHere("the bucket did not start; `pip install 'moto[s3]' flask-cors` has it")
