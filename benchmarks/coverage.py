"""How often intervals hold the truth, in simulated arenas whose truth is known.

    python benchmarks/coverage.py --arenas 2000 --json coverage.json

Each row is a kind of interval in a kind of arena: the share of entrants it covers, beside a nominal 95 %,
with the standard error of the simulation, and the mean width. Intervals that open at one end have no width.
With 2,000 arenas a run takes about ten minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, stdtrit

from analysis import (
    AnalysisError,
    Comparisons,
    bootstrap,
    cluster_bootstrap,
    clustered,
    fit_bradley_terry,
    fit_contextual,
    fit_davidson,
    fit_judges,
    profile_interval,
    rank_intervals,
    to_points,
    wald_intervals,
)
from analysis.simulate import Arena

Bounds = tuple[Any, Any]
Found = dict[str, tuple[Bounds, Any]]

NOMINAL = 0.95


@dataclass(frozen=True, slots=True)
class Row:
    """Coverage of one kind of interval.

    Attributes
    ----------
    arena, interval : str
    coverage, error : float
        Share covered, and its standard error over arenas.
    width : float
        Mean width in points, of intervals closed at both ends.
    open : float
        Share of intervals open at one end.
    intervals, arenas : int
    """

    arena: str
    interval: str
    coverage: float
    error: float
    width: float
    open: float
    intervals: int
    arenas: int


def read(frame: pd.DataFrame) -> Comparisons:
    return Comparisons.from_frame(frame, rater="rater", prompt="prompt")


def independent(seed: int) -> Found:
    """Votes without rater or prompt effects: 10 entrants, 2,000 votes, 30 % ties."""
    arena = Arena(np.linspace(-1, 1, 10), tie=0.9, raters=60, prompts=60)
    truth = arena.target()
    votes = read(arena.votes(2000, seed=seed))
    fit = fit_bradley_terry(votes)
    hessian = fit_bradley_terry(votes, covariance="hessian")
    profiles = np.array([profile_interval(fit, i) for i in range(10)]).T
    return {
        "sandwich": (wald_intervals(fit), truth),
        "inverse Hessian": (wald_intervals(hessian), truth),
        "profile": ((profiles[0], profiles[1]), truth),
        "vote bootstrap, percentile": (bootstrap(fit, draws=400, seed=seed).interval(), truth),
        "Davidson, sandwich": (wald_intervals(fit_davidson(votes)), arena.strengths),
        "clustered by rater and prompt": (wald_intervals(clustered(fit)), truth),
    }


def tastes(seed: int) -> Found:
    """Raters and prompts with effects of 0.6 nats: 60 raters, 60 prompts, 6,000 votes."""
    arena = Arena(np.linspace(-1, 1, 10), tie=0.6, raters=60, prompts=60, rater_spread=0.6, prompt_spread=0.6)
    fit = fit_bradley_terry(read(arena.votes(6000, seed=seed)))
    truth = arena.target()
    return {
        "sandwich (about these raters and prompts)": (wald_intervals(fit), truth),
        "clustered by rater": (wald_intervals(clustered(fit, ["rater"])), truth),
        "clustered by prompt": (wald_intervals(clustered(fit, ["prompt"])), truth),
        "clustered by rater and prompt": (wald_intervals(clustered(fit)), truth),
    }


def few_raters(seed: int, raters: int = 12) -> Found:
    """A small office: a few raters, 48 prompts, 1,500 votes, effects of 0.6 nats."""
    arena = Arena(
        np.linspace(-0.8, 0.8, 6), tie=0.6, raters=raters, prompts=48, rater_spread=0.6, prompt_spread=0.6
    )
    fit = fit_bradley_terry(read(arena.votes(1500, seed=seed)))
    truth = arena.target()
    found: Found = {
        "sandwich (about these raters and prompts)": (wald_intervals(fit), truth),
        "clustered by rater and prompt, t": (wald_intervals(clustered(fit)), truth),
    }
    try:
        drawn = cluster_bootstrap(fit, draws=199, seed=seed)
        found["cluster bootstrap-t, rater and prompt"] = (drawn.interval(), truth)
    except AnalysisError:
        pass
    return found


def zealots(seed: int) -> Found:
    """Twelve raters, the k-th with a share of 1 / k of the votes of the first, and 48 prompts."""
    arena = Arena(
        np.linspace(-0.8, 0.8, 6), tie=0.6, raters=12, prompts=48, rater_spread=0.6, prompt_spread=0.6
    )
    zeal = 1 / np.arange(1, 13)
    frame = arena.votes(4600, seed=seed)
    kept = np.random.default_rng([seed, 1]).random(len(frame)) < zeal[frame["rater"].cat.codes]
    fit = clustered(fit_bradley_terry(read(frame[kept])))
    truth = arena.target()
    half = stdtrit(11, 0.975) * np.sqrt(fit.variance)
    found: Found = {
        "two-way, t of effective clusters": (wald_intervals(fit), truth),
        "two-way, t of 12 - 1": ((fit.strengths - half, fit.strengths + half), truth),
    }
    try:
        drawn = cluster_bootstrap(fit, draws=199, seed=seed)
        found["cluster bootstrap-t"] = (drawn.interval(), truth)
    except AnalysisError:
        pass
    return found


def covariates(seed: int) -> Found:
    """Two covariates and an advantage of the left: 8 entrants, 2,000 votes."""
    rng = np.random.default_rng(seed)
    strengths = np.linspace(-0.8, 0.8, 8)
    left = rng.integers(8, size=2000)
    right = (left + rng.integers(1, 8, size=2000)) % 8
    z = rng.normal(size=(2, 2000))
    won = rng.random(2000) < expit(strengths[left] - strengths[right] + 0.2 + 0.4 * z[0] - 0.2 * z[1])
    names = np.array([f"e{i}" for i in range(8)])
    frame = pd.DataFrame(
        {"left": names[left], "right": names[right], "outcome": np.where(won, "left", "right")}
    )
    votes = Comparisons.from_frame(frame, keep_votes=True)
    fit = fit_contextual(votes, {"one": z[0], "two": z[1]})
    effects = fit.effect_table()
    low, high = (np.array([getattr(effect, end) for effect in effects]) for end in ("low", "high"))
    truth = np.array([0.2, 0.4, -0.2]) * [effect.scale for effect in effects]
    return {
        "contextual, strengths": (wald_intervals(fit), strengths),
        "contextual, effects": ((low, high), truth),
    }


def judges(seed: int) -> Found:
    """Forty raters with discriminations of spread 0.4: 6 entrants, 6,000 votes."""
    rng = np.random.default_rng(seed)
    theta = 1 + 0.4 * rng.normal(size=40)
    theta /= theta.mean()
    strengths = np.linspace(-1, 1, 6)
    left = rng.integers(6, size=6000)
    right = (left + rng.integers(1, 6, size=6000)) % 6
    rater = rng.integers(40, size=6000)
    won = rng.random(6000) < expit(theta[rater] * (strengths[left] - strengths[right]))
    names, raters = np.array([f"e{i}" for i in range(6)]), np.array([f"r{i:02d}" for i in range(40)])
    frame = pd.DataFrame(
        {"left": names[left], "right": names[right], "outcome": np.where(won, "left", "right"),
         "rater": raters[rater]}
    )  # fmt: skip
    fit = fit_judges(Comparisons.from_frame(frame, rater="rater"))
    return {
        "judge-aware, strengths": (wald_intervals(fit), strengths),
        "judge-aware, discriminations": (fit.discrimination_intervals(), theta),
    }


def newcomer(seed: int) -> Found:
    """One entrant with 5 to 20 votes on a board of eight with about 2,500."""
    arena = Arena(np.append(np.linspace(-1, 1, 8), 0.8), tie=0.5)
    exposure = np.append(np.ones(8), 0.02)
    votes = arena.comparisons(2500, seed=seed, exposure=exposure)
    own = votes.table()[8].sum() + votes.table()[:, 8].sum()
    if not 5 <= own <= 20:
        return {}
    truth = arena.target(exposure=exposure)
    fit = fit_bradley_terry(votes)
    low, high = profile_interval(fit, 8)
    # A newcomer without a loss is placed against the mean of the others.
    inside = fit.component[8] == fit.component[0]
    target = truth[8] if inside else truth[8] - truth[:8].mean()
    found: Found = {"profile, 5 to 20 votes": ((np.array([low]), np.array([high])), np.array([target]))}
    if inside:
        wald = wald_intervals(fit)
        found["sandwich, 5 to 20 votes (not shown on boards)"] = ((wald[0][8:], wald[1][8:]), truth[8:])
    return found


SCENES = {
    "no effects": independent,
    "rater and prompt effects": tastes,
    "12 raters, 48 prompts": few_raters,
    "4 raters, 48 prompts": partial(few_raters, raters=4),
    "12 unequal raters": zealots,
    "covariates": covariates,
    "unequal raters": judges,
    "newcomer": newcomer,
}


def coverage(arenas: int, seed: int) -> list[Row]:
    """Simulate every scene."""
    rows = []
    for scene, simulate in SCENES.items():
        shares: dict[str, list[float]] = {}
        widths: dict[str, list[Any]] = {}
        for number in range(arenas):
            for name, ((low, high), truth) in simulate(seed + number).items():
                shares.setdefault(name, []).append(float(np.mean((low <= truth) & (truth <= high))))
                widths.setdefault(name, []).append(high - low)
        for name, share in shares.items():
            width = np.concatenate(widths[name])
            closed = width[np.isfinite(width)]
            rows.append(
                Row(scene, name, float(np.mean(share)), float(np.std(share) / np.sqrt(len(share))),
                    to_points(float(closed.mean())) if closed.size else float("nan"),
                    1 - closed.size / width.size, width.size, len(share))
            )  # fmt: skip
        print(f"  {scene} done", file=sys.stderr)
    return rows


def wrong_ranks(arenas: int, seed: int) -> list[dict[str, Any]]:
    """Share of boards with at least one wrong claim that an entrant is above another."""
    arena = Arena(np.concatenate([np.zeros(5), np.linspace(0.05, 0.8, 10)]), tie=0.6)
    truth = arena.target()
    not_above = truth[:, None] <= truth + 1e-9
    found = []
    for n_votes in (1000, 3000, 30_000):
        wrong = {"max-T": 0, "each pair by z": 0, "intervals apart": 0}
        for number in range(arenas):
            fit = fit_bradley_terry(arena.comparisons(n_votes, seed=seed + number))
            claims = rank_intervals(fit, draws=500, seed=number).surely_above
            gap = fit.strengths[:, None] - fit.strengths
            variance = np.diagonal(fit.covariance)
            spread = np.sqrt(np.clip(variance[:, None] + variance - 2 * fit.covariance, 1e-12, None))
            low, high = wald_intervals(fit)
            wrong["max-T"] += bool(np.any(claims & not_above))
            wrong["each pair by z"] += bool(np.any((gap > 1.96 * spread) & not_above))
            wrong["intervals apart"] += bool(np.any((low[:, None] > high) & not_above))
        found += [
            {"votes": n_votes, "claims": name, "wrong": count / arenas, "arenas": arenas}
            for name, count in wrong.items()
        ]
    found += _wrong_ranks_of_tastes(arenas, seed)
    print("  ranks done", file=sys.stderr)
    return found


def _wrong_ranks_of_tastes(arenas: int, seed: int) -> list[dict[str, Any]]:
    """The same where raters and prompts have effects of 0.6 nats: 60 of each, and 12 raters of 48 prompts."""
    found = []
    for raters, prompts, n_votes in ((60, 60, 6000), (12, 48, 1500)):
        arena = Arena(
            np.concatenate([np.zeros(4), np.linspace(0.05, 0.8, 6)]),
            tie=0.6, raters=raters, prompts=prompts, rater_spread=0.6, prompt_spread=0.6,
        )  # fmt: skip
        truth = arena.target()
        not_above = truth[:, None] <= truth + 1e-9
        wrong = {"max-T, two-way clustered": 0, "max-T, plain": 0}
        for number in range(arenas):
            plain = fit_bradley_terry(read(arena.votes(n_votes, seed=seed + number)))
            for name, fit in zip(wrong, (clustered(plain), plain), strict=True):
                claims = rank_intervals(fit, draws=500, seed=number).surely_above
                wrong[name] += bool(np.any(claims & not_above))
        found += [
            {
                "votes": n_votes,
                "claims": f"{name}; {raters} raters",
                "wrong": count / arenas,
                "arenas": arenas,
            }
            for name, count in wrong.items()
        ]
    return found


def told(rows: Iterable[Row], ranks: Iterable[Mapping[str, Any]]) -> str:
    """Lay out both tables."""
    lines = [
        f"{'arena':26}{'interval':48}{'covers':>8}{'+-':>7}{'nominal':>9}{'width':>8}{'open':>7}{'arenas':>8}"
    ]
    lines += [
        f"{row.arena:26}{row.interval:48}{row.coverage:8.1%}{row.error:7.1%}{NOMINAL:9.0%}"
        f"{row.width:8.1f}{row.open:7.1%}{row.arenas:8d}"
        for row in rows
    ]
    lines += ["", f"{'boards with a wrong claim':26}{'claims by':48}{'wrong':>8}"]
    lines += [f"{row['votes']:>17,} votes   {row['claims']:48}{row['wrong']:8.1%}" for row in ranks]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--arenas", type=int, default=2000, help="simulated arenas a row (2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first arena (0)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    asked = parser.parse_args()
    warnings.simplefilter("error")
    begin = time.process_time()
    rows = coverage(asked.arenas, asked.seed)
    ranks = wrong_ranks(asked.arenas, asked.seed)
    spent = time.process_time() - begin
    print(told(rows, ranks))
    print(f"\n{asked.arenas} arenas, seed {asked.seed}, {spent:.0f} s of CPU")
    if asked.json:
        figures = {"arenas": asked.arenas, "seed": asked.seed, "cpu_seconds": round(spent, 1),
                   "coverage": [asdict(row) for row in rows], "wrong_ranks": ranks}  # fmt: skip
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
