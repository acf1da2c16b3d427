"""How long ratings take: ours beside choix, evalica and arena-rank, on the same generated votes.

    pip install -e '.[bench]'
    python benchmarks/ranking.py                        1M votes of 50 models, then of 200
    python benchmarks/ranking.py --peers /path/to/other/venv/bin/python --json
    python benchmarks/ranking.py --file 5000000         a Parquet file to a printed board with `arena rate`

Every number is CPU seconds of a fresh process on one core, from a pandas frame of strings to ratings; reading
the file and importing are not counted. The median of the repeats is shown. ``first`` is the first call in a
process; ``again`` a second one, after whatever is compiled has been compiled, and ratios compare that. Memory
is what the first call added to the peak of the process.
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

FEATURES = ["f0", "f1", "f2", "f3"]


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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    top = work()
    first = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    work()
    again = time.process_time() - started
    print(json.dumps({"first": first, "again": again, "megabytes": (peak - before) / 1024, "top": top}))


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
        from analysis.connectivity import connect
        from analysis.likelihood import climb
        from analysis.pairs import pairs_of

        # The fit alone, without its covariance.
        comparisons = read()
        pairs = pairs_of(comparisons)
        assert connect(pairs).n_components == 1
        n = comparisons.n_entrants
        return top(comparisons.labels, climb(BradleyTerry(), pairs, np.zeros(n), np.arange(1, n)).strengths)

    def intervals() -> str:
        fit = analysis.fit_bradley_terry(read())
        analysis.wald_intervals(fit)
        return top(fit.labels, fit.strengths)

    def davidson() -> str:
        fit = analysis.fit_davidson(read())
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
    return {
        "points": points, "intervals": intervals, "davidson": davidson, "contextual": contextual, "elo": elo
    }[task]  # fmt: skip


def theirs_choix(_task: str, frame: Any) -> Callable[[], str]:
    """Give choix a table of wins; ties are half a win to each, as everywhere here."""
    import choix
    import numpy as np
    import pandas as pd

    def points() -> str:
        left, right, words = (pd.Categorical(frame[name]) for name in ("model_a", "model_b", "winner"))
        labels = left.categories.union(right.categories)
        n, k = len(labels), len(words.categories)
        a = labels.get_indexer(left.categories)[left.codes]
        b = labels.get_indexer(right.categories)[right.codes]
        counts = np.bincount((a * n + b) * k + words.codes, minlength=n * n * k).reshape(n, n, k)
        at = {word: i for i, word in enumerate(words.categories)}
        tied = sum(counts[:, :, i] for word, i in at.items() if word.startswith("tie")) / 2
        wins = counts[:, :, at["model_a"]] + tied + (counts[:, :, at["model_b"]] + tied).T
        return str(labels[int(np.argmax(choix.ilsr_pairwise_dense(wins)))])

    return points


def theirs_evalica(task: str, frame: Any) -> Callable[[], str]:
    """Give evalica columns of names and a column of its own outcomes."""
    import evalica

    words = {"model_a": evalica.Winner.X, "model_b": evalica.Winner.Y}
    methods = {"points": evalica.bradley_terry, "davidson": evalica.newman, "elo": evalica.elo}

    def columns() -> tuple[Any, Any, list[Any]]:
        winners = [words.get(word, evalica.Winner.Draw) for word in frame["winner"]]
        return frame["model_a"], frame["model_b"], winners

    def rate() -> str:
        return str(methods[task](*columns()).scores.idxmax())

    def resample() -> str:
        made = evalica.bootstrap(
            evalica.bradley_terry, *columns(), n_resamples=5, bootstrap_method="percentile", random_state=0
        )
        return str(made.result.scores.idxmax())

    return resample if task == "bootstrap" else rate


def theirs_arena_rank(task: str, frame: Any) -> Callable[[], str]:
    """Give arena-rank the frame."""
    import jax

    jax.config.update("jax_enable_x64", True)  # noqa: FBT003
    from arena_rank.models.bradley_terry import BradleyTerry, fit_single_bootstrap_sample
    from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
    from arena_rank.utils.data_utils import ContextualPairDataset, PairDataset

    def top(labels: Any, ratings: Any) -> str:
        return str(labels[int(ratings.argmax())])

    def plain() -> str:
        data = PairDataset.from_pandas(frame)
        model = BradleyTerry(n_competitors=data.n_competitors)
        if task == "points":
            model.fit(data)
            return top(data.competitors, model.params["ratings"])
        made = model.compute_ratings_and_cis(data)
        jax.block_until_ready(made["rating_upper"])
        return top(data.competitors, model.params["ratings"])

    def bootstrap() -> str:
        # What its pool of processes does, in this process: the pool never returns on one core.
        data = PairDataset.from_pandas(frame)
        model = BradleyTerry(n_competitors=data.n_competitors)
        total = data.counts.sum()
        drawn = jax.random.multinomial(
            jax.random.PRNGKey(0),
            int(total),
            data.counts / total,
            shape=(2, len(data.counts)),
            dtype=model.dtype,
        )
        fitted = [fit_single_bootstrap_sample(counts, model, data) for counts in drawn]
        return top(data.competitors, fitted[0]["ratings"])

    def contextual() -> str:
        data = ContextualPairDataset.from_pandas(frame, feature_cols=FEATURES, reweighted=False)
        model = ContextualBradleyTerry(n_competitors=data.n_competitors, n_features=len(FEATURES))
        model.compute_ratings_and_cis(data)
        return top(data.competitors, model.params["ratings"])

    return {"contextual": contextual, "bootstrap": bootstrap}.get(task, plain)


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
            "import resource; from arena.cli import main; import atexit, sys;"
            "atexit.register(lambda: print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,"
            " file=sys.stderr)); main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", measured, "rate", str(file)],
            env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        peak = re.search(r"peak (\d+)", done.stderr)
        assert peak
        runs.append(
            {
                "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
                "wall_seconds": time.perf_counter() - started,
                "peak_megabytes": int(peak.group(1)) / 1024,
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
