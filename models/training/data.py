"""Lumen's training data: thousands of path-traced pictures with their scenes, in shards.

A shard is a Parquet file of 250 pictures (lossless WebP) with the JSON of their scenes; captions are drawn
anew each epoch by `models.atelier.captions.caption`. Rendering may be killed at any time: a finished shard
appears by one rename and is skipped by the next run, a half-written one is made again. The pictures depend
only on the seed, not on the number of workers.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from models.atelier.grammar import GRAMMAR_VERSION, Scene, family, scene_from_json, scene_to_json
from models.atelier.splits import (
    HOLD_OUT_SEED,
    SPLITS,
    draw,
    held_out_digest,
    held_pairs,
    held_places,
    held_triples,
)
from models.errors import GenerationFailed, ModelError

log = logging.getLogger(__name__)
COLUMNS = ("id", "split", "family", "seed", "scene", "image")
TRIES = 3


class OtherDataset(ModelError):
    """The folder holds a data set made with other settings."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a data set.

    Attributes
    ----------
    count : int
        Pictures to train on; the test splits come on top, see `split_counts`.
    seed : int
    size, samples : int
        Pixels along one side; light paths a pixel (always denoised).
    shard_size : int
        Pictures in a shard.
    """

    count: int
    seed: int
    size: int = 256
    samples: int = 8
    shard_size: int = 250


@dataclass(frozen=True, slots=True)
class Shard:
    """Places `start` to `stop` of a split."""

    split: str
    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.split}-{self.number:05d}"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One row of a shard; `image` holds the bytes of a lossless WebP."""

    id: str
    split: str
    family: str
    seed: int
    scene: Scene
    image: bytes


def split_counts(count: int) -> dict[str, int]:
    """Pictures in every split: each test of still lifes has a 24th of the training set, places a 48th."""
    test = max(1, count // 24)
    return dict(zip(SPLITS, (count, test, test, test, max(1, count // 48)), strict=True))


def shards(recipe: Recipe) -> list[Shard]:
    """Every shard, in the order of rendering: the test splits are spread evenly among the training shards."""
    found: list[tuple[float, Shard]] = []
    for split, count in split_counts(recipe.count).items():
        starts = range(0, count, recipe.shard_size)
        for n, start in enumerate(starts):
            shard = Shard(split, n, start, min(start + recipe.shard_size, count))
            found.append(((n + 0.5) / len(starts), shard))
    return [shard for _, shard in sorted(found, key=lambda item: (item[0], item[1].name))]


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


_progress: Any = None
_parent = 0


def _render_in_own_session(folder: Path, recipe: Recipe, shard: Shard, progress: Any, parent: int) -> None:
    """What a worker runs: a session of its own gives it a full share of a busy machine."""
    global _progress, _parent
    _progress, _parent = progress, parent
    if hasattr(os, "setsid"):
        os.setsid()
    from models.atelier.render import one_thread

    one_thread()
    render_shard(folder, recipe, shard)


def render_shard(folder: Path, recipe: Recipe, shard: Shard) -> dict[str, Any]:
    """Render one shard into `folder` and return its line of the manifest."""
    import pyarrow
    import pyarrow.parquet
    from PIL import Image

    from models.atelier.entrant import paint
    from models.atelier.render import Settings

    settings = Settings(size=recipe.size, samples=recipe.samples, denoise=True)
    started = time.process_time()
    rows: list[dict[str, Any]] = []
    for index in range(shard.start, shard.stop):
        if _parent and os.getppid() != _parent:
            raise SystemExit("the process that asked for this shard is gone")
        scene, seed = draw(shard.split, index, recipe.seed)
        encoded = io.BytesIO()
        Image.fromarray(paint(scene, seed, settings)).save(encoded, "WEBP", lossless=True, method=1)
        told = (
            f"{shard.split}-{index:06d}",
            shard.split,
            family(scene),
            seed,
            scene_to_json(scene),
            encoded.getvalue(),
        )
        rows.append(dict(zip(COLUMNS, told, strict=True)))
        if _progress is not None:
            with _progress.get_lock():
                _progress.value += 1
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    line = {
        "name": f"{shard.name}.parquet",
        "split": shard.split,
        "pictures": len(rows),
        "landscapes": sum(row["family"] == "landscape" for row in rows),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "cpu_seconds": round(time.process_time() - started, 2),
    }
    _replace(folder / f"{shard.name}.parquet", content)
    _replace(folder / f"{shard.name}.json", json.dumps(line, indent=1).encode())
    return line


def _finished(folder: Path, shard: Shard) -> dict[str, Any] | None:
    """The manifest line of a shard that is there and whole, else `None`."""
    data, note = folder / f"{shard.name}.parquet", folder / f"{shard.name}.json"
    if not (data.exists() and note.exists()):
        return None
    try:
        line: dict[str, Any] = json.loads(note.read_text())
    except ValueError:
        return None
    whole = data.stat().st_size == line.get("bytes") and line.get("pictures") == shard.stop - shard.start
    return line if whole else None


def _claim(folder: Path, recipe: Recipe) -> None:
    """Say what the folder holds; refuse a folder that holds something else."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
    told = {"grammar": GRAMMAR_VERSION, "held_out": held_out_digest(), **asdict(recipe)}
    path = folder / "recipe.json"
    if path.exists() and json.loads(path.read_text()) != told:
        raise OtherDataset(f"{folder} holds a data set made with other settings: {path.read_text().strip()}")
    _replace(path, json.dumps(told).encode())


def write_manifest(folder: Path, recipe: Recipe, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Write ``manifest.json``, the licence note and the data card for the shards that are there."""
    from models.training.card import LICENCE, data_card

    manifest: dict[str, Any] = {
        "grammar": GRAMMAR_VERSION,
        "recipe": asdict(recipe),
        "renderer": {name: version(name) for name in ("mitsuba", "pyoidn")}
        | {"variant": "scalar_rgb", "denoise": True},
        "wanted": split_counts(recipe.count),
        "pictures": {s: sum(line["pictures"] for line in lines if line["split"] == s) for s in SPLITS},
        "landscapes": sum(line["landscapes"] for line in lines),
        "cpu_seconds": round(sum(line["cpu_seconds"] for line in lines), 1),
        "held_out": {
            "seed": HOLD_OUT_SEED,
            "digest": held_out_digest(),
            "triples": sorted(held_triples()),
            "pairs": sorted(held_pairs()),
            "places": sorted(held_places()),
        },
        "shards": sorted(lines, key=lambda line: str(line["name"])),
    }
    _replace(folder / "manifest.json", json.dumps(manifest, indent=1).encode())
    _replace(folder / "LICENCE.md", LICENCE.encode())
    _replace(folder / "README.md", data_card(manifest).encode())
    return manifest


def render_dataset(
    folder: Path,
    count: int,
    seed: int,
    size: int = 256,
    samples: int = 8,
    workers: int = 1,
    shard_size: int = 250,
) -> dict[str, Any]:
    """Render what is missing of a data set, with a progress bar.

    Parameters
    ----------
    folder : Path
        Made if need be; finished shards in it are kept.
    count, seed, size, samples, shard_size
        See `Recipe`.
    workers : int
        Processes; each uses one core. With 0 this process does it all.

    Returns
    -------
    dict
        The manifest, as written to ``manifest.json``.

    Raises
    ------
    OtherDataset
        If the folder holds pictures of another recipe.
    """
    from tqdm import tqdm

    recipe = Recipe(count, seed, size, samples, shard_size)
    _claim(folder, recipe)
    lines = [line for shard in shards(recipe) if (line := _finished(folder, shard)) is not None]
    waiting = [shard for shard in shards(recipe) if _finished(folder, shard) is None]
    progress = multiprocessing.get_context("spawn").Value("q", 0)
    done = sum(line["pictures"] for line in lines)
    write_manifest(folder, recipe, lines)
    total = sum(split_counts(count).values())
    with tqdm(total=total, initial=done, unit="picture", smoothing=0.05) as bar:
        for line in _work(
            folder, recipe, waiting, workers, progress, lambda: bar.update(done + progress.value - bar.n)
        ):
            lines.append(line)
            write_manifest(folder, recipe, lines)
    return write_manifest(folder, recipe, lines)


def _work(
    folder: Path,
    recipe: Recipe,
    waiting: Sequence[Shard],
    workers: int,
    progress: Any,
    tick: Callable[[], object],
) -> Iterator[dict[str, Any]]:
    """Render shards, a fresh process for each, and yield their manifest lines as they finish.

    A shard whose process dies is tried three times; the others go on meanwhile.
    """
    if workers == 0:
        yield from (render_shard(folder, recipe, shard) for shard in waiting)
        return
    context = multiprocessing.get_context("spawn")
    queue, tries, lost = list(waiting)[::-1], Counter[str](), list[str]()
    running: dict[Any, Shard] = {}
    try:
        while queue or running:
            while queue and len(running) < workers:
                shard = queue.pop()
                arguments = (folder, recipe, shard, progress, os.getpid())
                process = context.Process(target=_render_in_own_session, args=arguments, name=shard.name)
                process.start()
                running[process] = shard
            wait([process.sentinel for process in running], timeout=1.0)
            tick()
            for process in [process for process in running if not process.is_alive()]:
                shard = running.pop(process)
                process.join()
                if (line := _finished(folder, shard)) is not None:
                    yield line
                    continue
                tries[shard.name] += 1
                log.warning("shard %s stopped with code %s", shard.name, process.exitcode)
                if tries[shard.name] < TRIES:
                    queue.append(shard)
                else:
                    lost.append(shard.name)
    finally:
        for process in running:
            process.terminate()
    if lost:
        raise GenerationFailed(f"these shards failed {TRIES} times: {', '.join(lost)}")


def read_shard(path: Path) -> Iterator[Picture]:
    """The pictures of one shard, in order."""
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(path, columns=list(COLUMNS)).to_pylist():
        yield Picture(**{**row, "scene": scene_from_json(row["scene"])})


def finished_shards(folder: Path, split: str) -> list[Path]:
    """Shards of a split that are there and whole; more may come while rendering goes on."""
    return sorted(
        path for note in folder.glob(f"{split}-*.json") if (path := note.with_suffix(".parquet")).exists()
    )


EXAMPLES = """examples:
  python -m models.training.data --out data/atelier --count 24000 --workers 2
  python -m models.training.data --out /tmp/taste --count 48 --size 128 --shard-size 16
Stop it at any time; the same command goes on where it stopped."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.data",
        description="Render Lumen's training data: still lifes and landscapes with their scenes, in shards.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument(
        "--count", type=int, default=24000, help="pictures to train on (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides every picture (default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="pixels along one side (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=8, help="light paths a pixel (default: %(default)s)")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)"
    )
    parser.add_argument(
        "--shard-size", type=int, default=250, help="pictures in a shard (default: %(default)s)"
    )
    told = parser.parse_args(arguments)
    try:
        manifest = render_dataset(
            told.out, told.count, told.seed, told.size, told.samples, told.workers, told.shard_size
        )
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{sum(manifest['pictures'].values())} pictures in {told.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
