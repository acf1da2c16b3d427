"""Which interval a row of the board shows: Wald, resampled or by profile."""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.cluster_resampling import ClusterBootstrap
from analysis.connections import Standing
from analysis.estimate import StrengthFit
from analysis.intervals import wald_intervals
from analysis.profile import NOTHING, held_intervals, profile_interval
from analysis.resampling import Bootstrap
from analysis.scale import to_rating


def row_bounds(
    fit: StrengthFit,
    standings: tuple[Standing, ...],
    few: Bools,
    level: float,
    resampled: Bootstrap | ClusterBootstrap | None,
) -> tuple[Floats, Floats, list[str | None]]:
    """Bounds in points, (n,) each, and their kinds: Wald or resampled; for few votes by profile."""
    wald = wald_intervals(fit, level=level)
    low, high = wald if resampled is None else resampled.interval(level)
    low, high = low.copy(), high.copy()
    usual = "wald"
    if resampled is not None:
        usual = "cluster bootstrap-t" if isinstance(resampled, ClusterBootstrap) else "bootstrap"
    kinds: list[str | None] = [usual] * len(standings)
    held = {}
    if fit.covariance is None and not fit.model.has_eta:
        core = np.array([standing is Standing.CORE for standing in standings], dtype=np.bool_)
        at = np.flatnonzero(few & core)
        held = dict(zip(at.tolist(), zip(*held_intervals(fit, at, level=level), strict=True), strict=True))
    for i, standing in enumerate(standings):
        if standing in (Standing.APART, Standing.UNMET):
            low[i], high[i], kinds[i] = *NOTHING, None
        elif standing is not Standing.CORE or few[i]:
            found = held[i] if i in held else profile_interval(fit, i, level=level, standing=standing)
            kinds[i] = "profile"
            if standing is Standing.CORE and math.isfinite(fit.degrees_of_freedom):
                found = (min(found[0], wald[0][i]), max(found[1], wald[1][i]))
            low[i], high[i] = found
    return to_rating(low), to_rating(high), kinds
