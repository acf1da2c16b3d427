"""The learning curve of a run: every snapshot exported and scored, one JSON line each."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from models.errors import ModelError
from models.loading import load
from models.training.attributes import ATTRIBUTES
from models.training.evaluate import Judge
from models.training.export import export, folder_card
from models.training.loop import load_state
from models.training.reader import open_reader

EXAMPLES = """examples:
  python -m models.training.curve --run runs/train --autoencoder runs/autoencode/autoencoder \\
      --reader runs/reader/reader --data data/atelier --count 200 --out runs/train/curve.jsonl
Snapshots that the file has already are left alone, so the same command follows a run that goes on."""


def score_snapshot(
    snapshot: Path, autoencoder: Path, judge: Judge, *, steps: int, guidance: float, batch: int
) -> dict[str, Any]:
    """Export a snapshot into a folder that is thrown away, and measure it."""
    state = load_state(snapshot)
    with TemporaryDirectory() as place:
        folder = Path(place) / f"lumen-{state['step']}"
        export(snapshot, autoencoder, folder, steps=steps, guidance=guidance)
        report = judge.report(load(folder_card(folder, batch=batch)), prompts=8, seeds=4)
    return {
        "step": state["step"],
        "images": state["images"],
        "cpu_hours": round(state["cpu_seconds"] / 3600, 4),
        "report": asdict(report),
    }


def line(told: dict[str, Any] | None) -> str:
    """One row of the curve for reading, or its heading: seen / held-out triples of each attribute."""
    if told is None:
        return "    images  CPU-h  distance  " + "  ".join(f"{name:>11}" for name in ATTRIBUTES)
    seen, held = (told["report"]["splits"][name]["painted"] for name in ("test_seen", "test_triples"))
    cells = [
        "/".join(f"{split[name]:.2f}" if name in split else "-" for split in (seen, held))
        for name in ATTRIBUTES
    ]
    start = f"{told['images']:>10}  {told['cpu_hours']:>5.2f}  {told['report']['distance']:>8.3f}  "
    return start + "  ".join(f"{cell:>11}" for cell in cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.curve",
        description="Score every snapshot of a run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of a run of models.training.train")
    parser.add_argument("--autoencoder", type=Path, required=True, help="folder of the trained autoencoder")
    parser.add_argument("--reader", type=Path, required=True, help="folder of a trained reader")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--count", type=int, default=200, help="prompts of a split (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--guidance", type=float, default=3.0, help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=8, help="pictures at once (default: %(default)s)")
    told = parser.parse_args(arguments)
    torch.set_num_threads(1)
    before = told.out.read_text(encoding="utf-8").splitlines() if told.out.exists() else []
    known = {json.loads(text)["step"]: json.loads(text) for text in before}
    sys.stdout.write(line(None) + "\n")
    try:
        judge = Judge(open_reader(told.reader), told.data, count=told.count)
        for snapshot in sorted((told.run / "snapshots").glob("*.pt")):
            scored = known.get(int(snapshot.stem))
            if scored is None:
                scored = score_snapshot(
                    snapshot,
                    told.autoencoder,
                    judge,
                    steps=told.steps,
                    guidance=told.guidance,
                    batch=told.batch,
                )
                with told.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(scored) + "\n")
            sys.stdout.write(line(scored) + "\n")
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
