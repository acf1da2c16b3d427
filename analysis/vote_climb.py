"""Newton's method over all votes, from a start found on a sample of them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.errors import ConvergenceError
from analysis.identification import Identified, filled, identify
from analysis.likelihood import MAX_STEP
from analysis.vote_blocks import Sums, VoteTable

TOLERANCE: Final = 1e-6
"""The last step is smaller, in nats; as convergence is quadratic, the error then is its square."""


def approach(sample: VoteTable, start: Floats) -> tuple[Floats, int]:
    """Fit a sample, held a little to where it starts, and give back what it found; (n + n_effects,)."""
    n = sample.n
    theta = start.copy()
    iterations = 0
    while iterations < 10:
        iterations += 1
        sums = sample.sums(theta[:n], theta[n:])
        hold = 1e-3 * (1 + np.diagonal(sums.information).mean())
        step = np.linalg.solve(
            sums.information + hold * np.eye(theta.size), sums.slope - hold * (theta - start)
        )
        theta += step * min(1.0, 1 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-2:
            break
    return theta, iterations


def climb_votes(
    table: VoteTable, begun: Floats, component: Ints, max_iterations: int
) -> tuple[Floats, Sums, Identified, int]:
    """Newton's method over all votes; a step that overshoots, by the slope at its end, is halved."""
    n = table.n
    theta = begun.copy()
    step: Floats = np.zeros_like(theta)
    rising, longest = 0.0, math.inf
    whole_rank = False
    for iteration in range(1, max_iterations + 1):
        sums = table.sums(theta[:n], theta[n:], last=longest < math.sqrt(TOLERANCE))
        ahead = float(sums.slope @ step)
        if ahead < -0.5 * rising:
            step = np.asarray(step / 2, dtype=np.float64)
            theta -= step
            rising, longest = rising / 2, math.inf
            continue
        if whole_rank:
            try:
                solved = np.linalg.solve(filled(sums.information, component), sums.slope)
            except np.linalg.LinAlgError:
                break
            step = np.asarray(solved, dtype=np.float64)
        else:
            found = identify(sums.information, component)
            whole_rank = found.full
            step = found.generalised @ sums.slope
        longest = float(np.abs(step).max(initial=0.0))
        step = np.asarray(step * min(1.0, MAX_STEP / max(longest, 1e-300)), dtype=np.float64)
        theta += step
        rising = float(sums.slope @ step)
        if longest < TOLERANCE:
            if sums.filling is None:
                sums = table.sums(theta[:n], theta[n:], last=True)
            return theta, sums, identify(sums.information, component), iteration
        if np.abs(theta).max() > 1e3:
            break
    raise ConvergenceError(
        "the likelihood still rises: perhaps a covariate tells wins from losses without error",
        iterations=iteration,
    )
