"""How long ratings take: ours beside choix, evalica and arena-rank, on the same generated votes.

    pip install -e '.[bench]'
    python benchmarks/ranking.py                        1M votes of 50 models, then of 200
    python benchmarks/ranking.py --peers /path/to/other/venv/bin/python --json
    python benchmarks/ranking.py --file 5000000         a Parquet file to a printed board with `arena rate`

Every number is CPU seconds of a fresh process on one core, from a pandas frame of strings to ratings; reading
the file and importing are not counted. The median of the repeats is shown. ``first`` is the first call in a
process; ``again`` a second one, after whatever is compiled has been compiled, and ratios compare that. Memory
is what the first call needed at most beside the frame (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import FEATURES, theirs_arena_rank, theirs_choix, theirs_evalica

ONE_THREAD = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS",
         "POLARS_MAX_THREADS", "ARROW_NUM_THREADS"),
        "1",
    ),
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}  # fmt: skip

TASKS = ("points", "intervals", "rank sets", "bootstrap", "davidson", "contextual", "elo", "from counts")

PROGRAMS: dict[str, tuple[str, ...]] = {
    "ours": TASKS,
    "choix": ("points",),
    "evalica": ("points", "bootstrap", "davidson", "elo"),
    "arena-rank": ("points", "intervals", "bootstrap", "contextual"),
}

NOTES = {
    ("ours", "bootstrap"): "1,000 draws, exact, from counts",
    ("ours", "rank sets"): "on top of the fit",
    ("ours", "from counts"): "board with intervals, without rank sets",
    ("choix", "points"): "dense, with an adapter of our own",
    ("evalica", "bootstrap"): "5 draws",
    ("evalica", "davidson"): "Newman's, its model of ties",
    ("arena-rank", "bootstrap"): "2 draws",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--entrants", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the peers")
    parser.add_argument("--file", type=int, metavar="VOTES", help="time `arena rate` on a file instead")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=3, metavar=("PROGRAM", "TASK", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = whole_file(Path(folder), options) if options.file else compare(Path(folder), options)
    if options.json:
        print(json.dumps(found, indent=2))
    elif not options.file:
        print_table(found, options.entrants)
    else:
        print(f"{found['votes']:,} votes in {found['megabytes']:.0f} MB of Parquet to a printed board: "
              f"{found['cpu_seconds']:.2f} CPU seconds, {found['wall_seconds']:.2f} s, "
              f"{found['peak_megabytes']:.0f} MB at most")  # fmt: skip


def compare(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time every task of every program."""
    found = []
    for entrants in options.entrants:
        file = folder / f"{entrants}.parquet"
        write_votes(file, options.votes, entrants)
        for task in options.tasks:
            for program in options.programs:
                if task not in PROGRAMS[program]:
                    continue
                python = sys.executable if program == "ours" else options.peers
                runs = [run(python, program, task, file) for _ in range(options.repeats)]
                line: dict[str, Any] = {"entrants": entrants, "task": task, "program": program}
                if any("error" in one for one in runs):
                    line["error"] = next(one["error"] for one in runs if "error" in one)
                else:
                    for key in ("first", "again", "megabytes"):
                        line[key] = statistics.median(one[key] for one in runs)
                    line["top"] = runs[0]["top"]
                found.append(line)
                print(
                    f"  {entrants} {task} {program}: {line.get('again', line.get('error'))}", file=sys.stderr
                )
    return found


def run(python: str, program: str, task: str, file: Path) -> dict[str, Any]:
    """Run one task in a fresh process."""
    command = [python, "-W", "ignore", __file__, "--child", program, task, str(file)]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **ONE_THREAD},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    except subprocess.TimeoutExpired:
        return {"error": "not done after ten minutes"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["failed"])[-1][:120]}
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def child(program: str, task: str, file: str) -> None:
    """Time one task twice."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import pandas as pd

    columns = ["model_a", "model_b", "winner", *(FEATURES if task == "contextual" else [])]
    frame = pd.read_parquet(file, columns=columns)
    work = WORK[program](task, frame)
    Path("/proc/self/clear_refs").write_text("5")  # The peak counts from here.
    before = memory("VmRSS")
    started = time.process_time()
    top = work()
    first = time.process_time() - started
    peak = memory("VmHWM")
    started = time.process_time()
    work()
    again = time.process_time() - started
    print(json.dumps({"first": first, "again": again, "megabytes": peak - before, "top": top}))


def memory(name: str, status: str | None = None) -> float:
    """Read megabytes from a process's status; Linux only, where the peak of a parent is not inherited."""
    found = re.search(rf"{name}:\s+(\d+) kB", status or Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1)) / 1024


def ours(task: str, frame: Any) -> Callable[[], str]:
    """Tasks of this package."""
    import numpy as np

    import analysis
    from analysis.likelihood import BradleyTerry

    def read(**more: Any) -> Any:
        return analysis.Comparisons.from_frame(frame, "model_a", "model_b", "winner", **more)

    def top(labels: Any, values: Any) -> str:
        return str(labels[int(np.nanargmax(values))])

    def points() -> str:
        from analysis.connections import connect
        from analysis.likelihood import climb
        from analysis.pairs import pairs_of

        # The fit alone, without its covariance.
        comparisons = read()
        pairs = pairs_of(comparisons)
        assert connect(pairs).n_components == 1
        n = comparisons.n_entrants
        return top(comparisons.labels, climb(BradleyTerry(), pairs, np.zeros(n), np.arange(1, n)).strengths)

    def fitted() -> str:
        fit = (analysis.fit_davidson if task == "davidson" else analysis.fit_bradley_terry)(read())
        analysis.wald_intervals(fit)
        return top(fit.labels, fit.strengths)

    def contextual() -> str:
        covariates = {name: frame[name].to_numpy() for name in FEATURES}
        fit = analysis.fit_contextual(read(keep_votes=True), covariates, position=False)
        analysis.wald_intervals(fit)
        return top(fit.labels, fit.strengths)

    def elo() -> str:
        made = analysis.run_elo(read(keep_votes=True))
        return top(made.labels, made.ratings)

    if task in ("rank sets", "bootstrap", "from counts"):
        comparisons = read()
        fit = analysis.fit_bradley_terry(comparisons)

        def rank_sets() -> str:
            return top(fit.labels, -analysis.rank_intervals(fit).low)

        def resampled() -> str:
            made = analysis.bootstrap(analysis.fit_bradley_terry(read()), draws=1000)
            return top(made.labels, made.strengths.mean(axis=0))

        words = [str(word) for word in analysis.Outcome] * len(comparisons.left)
        cells = (comparisons.left.repeat(4), comparisons.right.repeat(4), words, comparisons.counts.ravel())

        def from_counts() -> str:
            stored = analysis.Comparisons.from_counts(comparisons.labels, *cells)
            return analysis.leaderboard(analysis.fit_bradley_terry(stored), ranks=False).rows[0].entrant

        return {"rank sets": rank_sets, "bootstrap": resampled, "from counts": from_counts}[task]
    return {"points": points, "contextual": contextual, "elo": elo}.get(task, fitted)


WORK: dict[str, Callable[[str, Any], Callable[[], str]]] = {
    "ours": ours, "choix": theirs_choix, "evalica": theirs_evalica, "arena-rank": theirs_arena_rank
}  # fmt: skip


def write_votes(file: Path, votes: int, entrants: int) -> None:
    """Generate votes with ties and four covariates, as strings."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from analysis.simulate import Arena

    drawn = Arena(np.linspace(-1, 1, entrants), tie=0.6, both_bad=0.4).votes(votes, seed=entrants)
    words = {"left": "model_a", "right": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
    rng = np.random.default_rng(entrants)
    pq.write_table(
        pa.table(
            {
                "model_a": pa.array(drawn["left"].astype(str), pa.string()),
                "model_b": pa.array(drawn["right"].astype(str), pa.string()),
                "winner": pa.array(drawn["outcome"].astype(str).map(words), pa.string()),
                **{name: rng.normal(size=votes) for name in FEATURES},
            }
        ),
        file,
    )


def whole_file(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Time `arena rate` from the start of the process to its end."""
    import pyarrow.parquet as pq

    file = folder / "votes.parquet"
    write_votes(file, options.file, options.entrants[0])
    columns = ["model_a", "model_b", "winner"]
    pq.write_table(pq.read_table(file, columns=columns), file)
    runs = []
    for _ in range(options.repeats):
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        measured = (
            "from arena.cli import main; import atexit, pathlib, sys;"
            "atexit.register(lambda: print(pathlib.Path('/proc/self/status').read_text(), file=sys.stderr));"
            "main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", measured, "rate", str(file)],
            env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        runs.append(
            {
                "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
                "wall_seconds": time.perf_counter() - started,
                "peak_megabytes": memory("VmHWM", done.stderr),
            }
        )
    return {
        "votes": options.file,
        "entrants": options.entrants[0],
        "megabytes": file.stat().st_size / 2**20,
        **{key: statistics.median(one[key] for one in runs) for key in runs[0]},
    }


def print_table(found: list[dict[str, Any]], sizes: list[int]) -> None:
    """Print a Markdown table: one line a task and program, other sizes in brackets."""
    print("| work | program | again, s | first, s | memory, MB | times ours |")
    print("|---|---|---|---|---|---|")
    at = {(line["task"], line["program"], line["entrants"]): line for line in found}
    for task, program, size in at:
        if size != sizes[0]:
            continue
        lines = [at[task, program, n] for n in sizes if (task, program, n) in at]
        note = NOTES.get((program, task))
        cells = [task + (f" ({note})" if note else ""), program]
        cells += [
            _bracketed(lines, key, digits) for key, digits in (("again", 3), ("first", 3), ("megabytes", 0))
        ]
        ratios = [
            {"ratio": line["again"] / at[task, "ours", line["entrants"]]["again"]}
            for line in lines
            if "again" in line and "again" in at.get((task, "ours", line["entrants"]), {})
        ]
        cells.append("" if program == "ours" or not ratios else _bracketed(ratios, "ratio", 1))
        print("| " + " | ".join(cells) + " |")
    for line in found:
        if "error" in line:
            print(f"{line['program']}, {line['task']}, {line['entrants']}: {line['error']}")


def _bracketed(lines: list[dict[str, Any]], key: str, digits: int) -> str:
    """Several sizes in one cell."""
    words = [f"{line[key]:,.{digits}f}" if key in line else "-" for line in lines]
    return words[0] + (f" ({', '.join(words[1:])})" if len(words) > 1 else "")


if __name__ == "__main__":
    main()
