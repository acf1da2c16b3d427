"""What the entrants that ship weigh and cost: size, parameters, time and memory of a picture.

    python benchmarks/entrants.py
    python benchmarks/entrants.py --entrant lumen-1 --threads 1 --json

Each is opened in a process of its own, in torch and float32 without any compiling, and paints alone and eight
at a time in turn. Told are medians; memory is the peak of the whole process, Python and torch included, and
what of it was there before the first weights were read.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from pathlib import Path
from typing import Any

from exports import peak_memory

from models.cards import adjusted
from models.catalog import BUILT_IN, read_catalog
from models.contracts import EntrantCard, GenerationRequest

PROMPT = "a red glass vase on an oak table in window light"
BATCHES = (1, 8)


def measured(card: EntrantCard, threads: int, rounds: int) -> dict[str, Any]:
    """One entrant, in the process that calls."""
    import torch
    from safetensors import safe_open

    from models.loading import load
    from models.training.export import megabytes

    torch.set_num_threads(threads)
    told: dict[str, Any] = {"entrant": card.slug, "memory_before": peak_memory()}
    if card.backend == "diffusers":
        card = adjusted(
            card, engine="torch", device="cpu", dtype="float32", batch=max(BATCHES), threads=threads
        )
    model = load(card)
    if card.folder:
        folder, count = Path(card.folder), 0
        for file in folder.rglob("diffusion_pytorch_model.safetensors"):
            with safe_open(file, "pt") as held:
                count += sum(held.get_tensor(name).numel() for name in held.keys())  # noqa: SIM118
        told |= {"megabytes": megabytes(folder), "parameters": count}
    requests = [GenerationRequest(PROMPT, seed) for seed in range(max(BATCHES))]
    model.generate(requests[:1])
    spent: dict[int, list[tuple[float, float]]] = {batch: [] for batch in BATCHES}
    for _ in range(rounds):
        for batch in BATCHES:
            clock, work = time.perf_counter(), time.process_time()
            model.generate(requests[:batch])
            now = time.perf_counter() - clock, time.process_time() - work
            spent[batch].append((now[0] / batch, now[1] / batch))
    for batch, pairs in spent.items():
        seconds, cpu = zip(*pairs, strict=True)
        told[f"batch_{batch}"] = {
            "seconds": statistics.median(seconds),
            "cpu_seconds": statistics.median(cpu),
        }
    return told | {"memory": peak_memory()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    catalog = read_catalog(BUILT_IN)
    shipped = [card.slug for card in catalog if card.folder]
    parser.add_argument("--entrant", action="append", choices=catalog.slugs, help="default: all with weights")
    parser.add_argument("--threads", type=int, default=2, help="of the processor (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON for a script")
    told = parser.parse_args()
    rows = []
    for slug in told.entrant or shipped:
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            rows.append(alone.apply(measured, (catalog[slug], told.threads, told.rounds)))
            alone.close()
            alone.join()
    if told.json:
        print(json.dumps(rows, indent=1))
        return
    print("entrant            MB  parameters   alone s, CPU-s   of 8 s, CPU-s    MiB (before)")
    for row in rows:
        one, eight = (row[f"batch_{batch}"] for batch in BATCHES)
        print(
            f"{row['entrant']:<16} {row.get('megabytes', 0):4.1f} {row.get('parameters', 0):11,}   "
            f"{one['seconds']:6.3f}, {one['cpu_seconds']:6.3f}   "
            f"{eight['seconds']:6.3f}, {eight['cpu_seconds']:6.3f}   "
            f"{row['memory']:6.0f} ({row['memory_before']:.0f})"
        )


if __name__ == "__main__":
    main()
