"""Pictures on order: what dynamic batching costs, how long a rater waits, what a killed worker loses.

    python benchmarks/serving.py rate --rounds 7
    python benchmarks/serving.py rate --entrant lumen-1 --json rate.json
    python benchmarks/serving.py kill --kills 10 --workers 3

``rate`` compares, in turns within one run, one entrant painting full batches in a loop with 16 callers that
each ask the batcher for one picture at a time; then it keeps the batcher full of a campaign's requests and
asks for single pictures as a rater does; then it measures what the batcher and a process of its own add to a
picture of 1024 pixels that is there already. Without ``--entrant`` the entrant is a Lumen with random weights
at 128 pixels. ``kill`` has several ``arena generate`` make one campaign on SQLite (or an empty
``ARENA_DATABASE``), kills one that is painting, starts another, and so on; then every picture must be there,
whole and once.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from killed_workers import kill
from PIL import Image

from models.batching import Answer, Batcher, largest_batch
from models.cards import read_card
from models.catalog import BUILT_IN, read_catalog
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, TextToImage
from models.engine_process import EngineProcess
from models.loading import load

CALLERS = 16
RATER_EVERY = 0.5
SIDE = 1024
PROMPTS = ("a red vase on an oak table", "a gold ring on slate", "a blue mug by a window", "the open sea")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("rate")
    one.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    one.add_argument("--rounds", type=int, default=7)
    one.add_argument("--batch", type=int, default=8, help="of the entrant with random weights")
    one.add_argument("--entrant", help="of a catalogue, in place of random weights")
    one.add_argument("--catalog", type=Path, help="a catalogue beside the one that ships")
    two = commands.add_parser("kill")
    two.add_argument("--kills", type=int, default=10)
    two.add_argument("--workers", type=int, default=3)
    two.add_argument("--prompts", type=int, default=150)
    two.add_argument("--seed", type=int, default=1)
    for command in (one, two):
        command.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vernissage-") as home:
        if options.what == "rate":
            told = rate(find_card(options, Path(home)), seconds=options.seconds, rounds=options.rounds)
        else:
            told = kill(
                Path(home),
                kills=options.kills,
                workers=options.workers,
                prompts=options.prompts,
                rng=random.Random(options.seed),
            )
    text = json.dumps(told, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(bool(told.get("wrong")))


# -- how fast


def find_card(options: argparse.Namespace, home: Path) -> EntrantCard:
    if options.entrant:
        files = [BUILT_IN, options.catalog] if options.catalog else [BUILT_IN]
        return read_catalog(*files)[options.entrant]
    save_random(home / "lumen")
    told = {
        "slug": "random",
        "name": "Random weights",
        "kind": "baseline",
        "backend": "diffusers",
        "identity": {"path": str(home / "lumen"), "steps": 8, "guidance": 3.0, "size": 128},
        "runtime": {"device": "cpu", "batch": options.batch},
    }
    return read_card(told, file=home / "catalog.toml")


def save_random(folder: Path) -> None:
    """A small Lumen that has learnt nothing: what it takes to paint does not depend on that."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler

    from models.lumen.autoencoder import LumenAutoencoder
    from models.lumen.pipeline import LumenPipeline
    from models.lumen.text_encoder import LumenTextEncoder
    from models.lumen.tokenizer import make_tokenizer
    from models.lumen.transformer import LumenTransformer

    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    LumenPipeline(
        tokenizer=tokenizer,
        text_encoder=LumenTextEncoder(tokenizer.vocab_size, width=128, layers=2, heads=4, hidden=256).eval(),
        transformer=LumenTransformer(
            channels=16, grid=8, width=192, layers=6, heads=4, hidden=384, text_width=128
        ).eval(),
        vae=LumenAutoencoder(encoder_blocks=()).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder)


def rate(card: EntrantCard, *, seconds: float, rounds: int) -> dict[str, Any]:
    model = load(card)
    batch = largest_batch(model)
    model.generate(requests(batch))  # what only the first batch takes
    lines: list[dict[str, float]] = []
    waited: list[float] = []
    with Batcher(lambda _: model) as batcher:
        for number in range(rounds):
            turns: list[Callable[[], dict[str, float]]] = [
                lambda: timed("direct", lambda: direct(model, batch, seconds)),
                lambda: timed("batcher", lambda: through(batcher, seconds)),
                lambda: waited.extend(waits(batcher, seconds)) or {},
            ]
            order = turns if number % 2 == 0 else turns[::-1]
            told = {key: value for turn in order for key, value in turn().items()}
            for per in ("second", "cpu_second"):
                told[f"ratio_per_{per}"] = (
                    told[f"batcher_pictures_per_{per}"] / told[f"direct_pictures_per_{per}"]
                )
            lines.append(told)
            print(f"round {number + 1}: {told}", file=sys.stderr)
    return {
        "entrant": card.slug,
        "size": card.identity["size"],
        "batch": batch,
        "callers": CALLERS,
        "median": medians(lines),
        "rater": {"pictures": len(waited), "p50_ms": at(waited, 0.5), "p95_ms": at(waited, 0.95)},
        "overhead": overhead(seconds=seconds),
        "rounds": lines,
    }


def requests(number: int, first: int = 0) -> list[GenerationRequest]:
    return [GenerationRequest(PROMPTS[n % len(PROMPTS)], first + n) for n in range(number)]


def timed(name: str, paint: Callable[[], int]) -> dict[str, float]:
    """Pictures a second, and a second of processor time: on a busy machine only the latter is steady."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = paint()
    return {
        f"{name}_pictures_per_second": made / (time.perf_counter() - wall),
        f"{name}_pictures_per_cpu_second": made / (time.process_time() - cpu),
    }


def direct(model: TextToImage, batch: int, seconds: float) -> int:
    """Paint full batches one after another, with nobody in between.

    In a thread of its own like the batcher's: on Linux the main thread's memory is managed otherwise.
    """
    made: list[int] = []

    def paint() -> None:
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            made.append(len(model.generate(requests(batch, batch * len(made)))))

    run([paint])
    return sum(made)


def through(batcher: Batcher, seconds: float) -> int:
    """Paint for callers that each wait for one picture before they ask for the next."""
    ends = time.perf_counter() + seconds
    made = [0] * CALLERS

    def caller(number: int) -> None:
        while time.perf_counter() < ends:
            request = requests(CALLERS, 1000 * made[number])[number]
            batcher.submit("one", request, priority=10).result()
            made[number] += 1

    run([lambda number=number: caller(number) for number in range(CALLERS)])  # type: ignore[misc]
    return sum(made)


def waits(batcher: Batcher, seconds: float) -> list[float]:
    """Milliseconds that a rater waits for one picture while a campaign keeps the queue full."""
    over = threading.Event()
    told: list[float] = []

    def campaign() -> None:
        while not over.is_set():
            batcher.submit("one", requests(1)[0], priority=10).result()

    def rater() -> None:
        rng = random.Random(1)
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            time.sleep(rng.uniform(0, 2 * RATER_EVERY))
            asked = time.perf_counter()
            batcher.submit("one", requests(1)[0]).result()
            told.append(1000 * (time.perf_counter() - asked))
        over.set()

    run([rater, *[campaign] * (4 * CALLERS)])
    return told


def at(values: Sequence[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 1)


class Still:
    """Hands out one finished picture: what is left is what the layers around it take."""

    def __init__(self, card: EntrantCard) -> None:
        self.card = card
        pixels = Image.effect_noise((SIDE, SIDE), 50).convert("RGB")
        self.answer = GeneratedImage(pixels=pixels, seed=0, seconds=0.0, cpu_seconds=0.0)

    def generate(self, asked: Sequence[GenerationRequest]) -> list[Answer]:
        return [self.answer for _ in asked]


def overhead(*, seconds: float) -> dict[str, float]:
    """Milliseconds that each layer takes for one picture, when one caller asks for one at a time."""
    card = EntrantCard("still", "Still", "baseline", "still", "still", {"size": SIDE}, {"batch": 1})
    model, request, rng = Still(card), requests(1)[0], random.Random(1)
    took: dict[str, list[float]] = {}
    with (
        EngineProcess(card, load=Still) as engine,
        Batcher(lambda _: model, window=0) as near,
        Batcher(lambda _: engine, window=0) as far,
    ):
        ways: dict[str, Callable[[], object]] = {
            "direct": lambda: model.generate([request]),
            "batcher": lambda: near.submit("one", request).result(),
            "process": lambda: engine.generate([request]),
            "batcher_over_process": lambda: far.submit("one", request).result(),
        }
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            for name in rng.sample(sorted(ways), len(ways)):  # who comes first finds other caches
                started = time.perf_counter()
                ways[name]()
                took.setdefault(name, []).append(1000 * (time.perf_counter() - started))
    told = {f"{name}_ms": round(statistics.median(values), 3) for name, values in sorted(took.items())}
    return {"size": SIDE, "pictures_each": len(took["direct"]), **told}


def run(tasks: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def medians(lines: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(line[name] for line in lines), 3) for name in lines[0]}


if __name__ == "__main__":
    main()
