"""What each layer between a prompt and its picture adds, in milliseconds of one picture.

    python benchmarks/layers.py --entrant lumen-1-turbo
    python benchmarks/layers.py --entrant lumen-1-turbo --ray var/ray/bin/python       Ray Serve, too

One caller asks for one picture at a time, in turn of: the engine itself; the batcher over it; the batcher
over an engine in a process of its own, as `arena work` and `arena serve --api` have it; the images API on
loopback, as a remote engine; Ray Serve on loopback, the same way. Each has an engine of its own, all of
them warm, and only one paints at any time. Told are medians, and the median of what each takes more than
the engine itself did in the same turn.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from click.testing import CliRunner
from tqdm import tqdm
from votes import free_port

from arena.cli import arena
from models.batching import Batcher
from models.catalog import BUILT_IN, read_catalog
from models.contracts import EntrantCard, GenerationRequest
from models.engine_process import EngineProcess
from models.loading import load
from models.remote import through

APP = Path(__file__).parents[1] / "deploy" / "ray_app.py"
PROMPT = "a red glass vase on an oak table in window light"
KEY = "VERNISSAGE_ENGINE_KEY"
SETUP = (["init"], ["keys", "make", "bench"])
Way = Callable[[GenerationRequest], object]


@contextlib.contextmanager
def started(command: list[str], environ: dict[str, str]) -> Iterator[None]:
    """A server in a process of its own, from its first line on."""
    process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        if "open on" not in (told := process.stdout.readline()):
            sys.exit(f"{' '.join(command)} did not start: {told}")
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def served(command: list[str], card: EntrantCard, home: Path, key: str) -> Iterator[Way]:
    """A remote engine."""
    port = free_port()
    environ = {"ARENA_HOME": str(home), KEY: key}
    with started([*command, "--port", str(port)], environ):
        os.environ[KEY] = key
        with through(f"http://127.0.0.1:{port}/v1", card) as afar:
            yield lambda request: afar.generate([request])


def measure(card: EntrantCard, ray: str | None, pictures: int) -> dict[str, object]:
    rng = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="vernissage-") as place, contextlib.ExitStack() as stack:
        home = Path(place)
        key = [CliRunner().invoke(arena, words, env={"ARENA_HOME": str(home)}).stdout for words in SETUP][-1]
        model = load(card)
        near = stack.enter_context(Batcher(lambda _: model))
        far = stack.enter_context(EngineProcess(card))
        over = stack.enter_context(Batcher(lambda _: far))
        ways: dict[str, Way] = {
            "engine": lambda request: model.generate([request]),
            "batcher": lambda request: near.submit("one", request).result(),
            "batcher_over_process": lambda request: over.submit("one", request).result(),
        }
        api = [str(Path(sys.executable).with_name("arena")), "serve", "--api"]
        ways["images_api"] = stack.enter_context(served(api, card, home, key.strip()))
        if ray:
            command = [ray, str(APP), "--entrant", card.slug]
            ways["ray_serve"] = stack.enter_context(served(command, card, home, "a secret of this run"))
        took: dict[str, list[float]] = {name: [] for name in ways}
        for turn in tqdm(range(-2, pictures), desc="pictures", unit="turn"):
            for name in rng.sample(sorted(ways), len(ways)):
                begun = time.perf_counter()
                ways[name](GenerationRequest(PROMPT, turn + 2))
                if turn >= 0:  # the first ones also warm up
                    took[name].append(1000 * (time.perf_counter() - begun))
    more = {
        name: statistics.median(one - own for one, own in zip(times, took["engine"], strict=True))
        for name, times in took.items()
    }
    return {
        "entrant": f"{card.slug}@{card.revision}",
        "pictures_each": pictures,
        "median_ms": {name: round(statistics.median(times), 1) for name, times in took.items()},
        "more_than_the_engine_ms": {
            name: round(value, 1) for name, value in more.items() if name != "engine"
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--entrant", required=True, help="of the catalogue that ships")
    parser.add_argument("--ray", help="a Python that has ray and this package (`make ray` builds one)")
    parser.add_argument("--pictures", type=int, default=100, help="of each layer")
    options = parser.parse_args()
    print(
        json.dumps(measure(read_catalog(BUILT_IN)[options.entrant], options.ray, options.pictures), indent=1)
    )


if __name__ == "__main__":
    main()
