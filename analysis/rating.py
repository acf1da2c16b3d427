"""From a file of votes to a board, by any method: what `arena rate` prints.

>>> import pandas as pd
>>> votes = pd.DataFrame({"model_a": ["x", "y"] * 20, "model_b": ["y", "x"] * 20, "winner": ["model_a"] * 40})
>>> [(row["entrant"], row["rating"]) for row in rate(read_votes(votes))["rows"]]
[('x', 1000.0), ('y', 1000.0)]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from analysis.arrays import Floats
from analysis.boards import Leaderboard, leaderboard, outcome_counts
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.cluster_resampling import ClusterBootstrap, cluster_bootstrap
from analysis.clustering import LEAST_CLUSTERS, clustered
from analysis.columns import numbers
from analysis.comparisons import Comparisons, require_option
from analysis.elo import run_elo
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.estimate import StrengthFit
from analysis.reading import VoteFile, read_votes
from analysis.resampling import Bootstrap, bootstrap
from analysis.scale import CENTRE
from analysis.ties import fit_davidson, fit_rao_kupper

__all__ = ["COLUMNS", "INTERVALS", "METHODS", "rate", "read_votes", "style_columns"]

METHODS: Final = ("bradley-terry", "davidson", "rao-kupper", "contextual", "elo", "glicko2")
INTERVALS: Final = ("sandwich", "hessian", "bootstrap", "cluster-bootstrap")

COLUMNS: Final = (
    "entrant", "rating", "low", "high", "rank", "rank_low", "rank_high", "votes", "wins", "ties", "both_bad",
    "provisional",
)  # fmt: skip
"""What a row holds, in this order."""

ROLES: Final = ("rater", "prompt")
_CLUSTERED: Final = ("sandwich", "cluster-bootstrap")
_SIDES: Final = (("{}_a", "{}_b"), ("{}_left", "{}_right"), ("left_{}", "right_{}"), ("{}_0", "{}_1"))

Board = dict[str, Any]


def rate(
    votes: VoteFile,
    *,
    method: str = "bradley-terry",
    ties: str | None = None,
    both_bad: str = "tie",
    style: Sequence[str] = (),
    intervals: str = "sandwich",
    cluster: Sequence[str] | None = None,
    anchor: tuple[str, float] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Board:
    """Rate the entrants of a file.

    Parameters
    ----------
    votes : VoteFile
        Of `read_votes`, with the columns of `style` asked for.
    method : str
        One of `METHODS`; "contextual" where `style` is given.
    ties : {"half", "drop"}, optional
        For "bradley-terry" and "contextual", "half" by default; the tie models have a parameter for them.
    both_bad : {"tie", "drop"}
    style : sequence of str
        Covariates: columns of differences, left less right, or names with a column for each side.
    intervals : {"sandwich", "hessian", "bootstrap", "cluster-bootstrap"}
    cluster : sequence of {"rater", "prompt"}, optional
        Whose votes belong together; by default whatever the file has columns for.
    anchor : (str, float), optional
        An entrant, and the rating at which it is to be shown: all ratings move by the same amount.
    level : float
    seed : int
        For rank intervals and the bootstrap.

    Returns
    -------
    dict
        method, method_version, votes, dropped (reason to number), rows (dicts of `COLUMNS`, best first) and
        warnings; ready for JSON.
    """
    require_option("method", method, METHODS)
    require_option("intervals", intervals, INTERVALS)
    require_option("both_bad", both_bad, ("tie", "drop"))
    if style and method in ("bradley-terry", "contextual"):
        method = "contextual"
    elif style:
        raise InvalidOption(f"style goes with bradley-terry, not with {method}")
    if ties is not None and method not in ("bradley-terry", "contextual"):
        raise InvalidOption(f"ties is an option of bradley-terry: {method} has its own way with them")
    if method in ("elo", "glicko2"):
        if cluster:
            raise InvalidOption(f"{method} has no clustered intervals")
        board = _in_order(votes, method, level)
    else:
        ways, said = _ways(votes, cluster, intervals)
        comparisons = votes.comparisons(ways, keep_votes=bool(style))
        kind = "hessian" if intervals == "hessian" else "sandwich"
        fit = _fit(comparisons, votes, method, ties or "half", both_bad, style, kind)
        if ways:
            fit = clustered(fit, by=ways)
        resampled: Bootstrap | ClusterBootstrap | None = None
        if intervals in ("bootstrap", "cluster-bootstrap"):
            if not isinstance(fit, BradleyTerryFit):
                raise InvalidOption("the bootstrap is offered for bradley-terry")
            if intervals == "bootstrap":
                resampled = bootstrap(fit, seed=seed)
            elif ways:
                resampled = cluster_bootstrap(fit, ways, seed=seed)
            else:
                raise InvalidOption("cluster-bootstrap needs votes of several raters or prompts")
        board = _dressed(leaderboard(fit, level=level, seed=seed, resampled=resampled), votes)
        board["warnings"] += said
    board["warnings"] += votes.warnings
    if anchor is not None:
        _anchored(board, *anchor)
    return board


def style_columns(names: Sequence[str], present: Sequence[str]) -> list[str]:
    """Which columns of a file hold these covariates: one of differences, or one for each side."""
    columns: list[str] = []
    for name in names:
        if name in present:
            columns.append(name)
            continue
        pairs = [(a.format(name), b.format(name)) for a, b in _SIDES]
        found = [pair for pair in pairs if set(pair) <= set(present)]
        if not found:
            raise InvalidComparisons(
                f"no column {name!r}, nor {name}_a and {name}_b; there are {', '.join(present)}"
            )
        columns += found[0]
    return columns


def _fit(
    comparisons: Comparisons,
    votes: VoteFile,
    method: str,
    ties: str,
    both_bad: str,
    style: Sequence[str],
    covariance: str,
) -> StrengthFit:
    """Fit by name."""
    if method == "contextual":
        from analysis.contextual import fit_contextual

        covariates = {name: _difference(votes, name) for name in style}
        return fit_contextual(comparisons, covariates, ties=ties, both_bad=both_bad, covariance=covariance)
    if method == "bradley-terry":
        return fit_bradley_terry(comparisons, ties=ties, both_bad=both_bad, covariance=covariance)
    models: Mapping[str, Callable[..., StrengthFit]] = {
        "davidson": fit_davidson,
        "rao-kupper": fit_rao_kupper,
    }
    return models[method](comparisons, both_bad=both_bad, covariance=covariance)


def _difference(votes: VoteFile, name: str) -> Floats:
    """Left less right of a covariate."""
    columns = [numbers(votes.column(column)) for column in style_columns([name], votes.table.column_names)]
    return columns[0] if len(columns) == 1 else columns[0] - columns[1]


def _ways(
    votes: VoteFile, cluster: Sequence[str] | None, intervals: str
) -> tuple[tuple[str, ...], list[str]]:
    """Whose votes to take together, and what has to be said about that."""
    plain = "every vote is taken as independent, and they are about these prompts, pictures and raters only."
    if cluster:
        unknown = [way for way in cluster if way not in ROLES]
        if unknown:
            raise InvalidOption(f"cluster by rater, prompt or both, not {', '.join(map(repr, unknown))}")
        if intervals not in _CLUSTERED:
            raise InvalidOption(f"clusters go with {' and '.join(_CLUSTERED)}, not with {intervals}")
        return tuple(dict.fromkeys(cluster)), []
    if cluster is not None or intervals not in _CLUSTERED:
        return (), [f"The intervals are not clustered: {plain}"]
    there = [way for way in ROLES if way in votes.roles]
    ways = tuple(way for way in there if _enough(votes, votes.roles[way]))
    if not ways:
        missing = (
            f"fewer than {LEAST_CLUSTERS} raters and prompts"
            if there
            else "no column of raters or prompts that is known"
        )
        return (), [f"The file has {missing}: the intervals are plain sandwiches, {plain}"]
    named = " and ".join(f"{way}s ({votes.roles[way]})" for way in ways)
    return ways, [f"The intervals are clustered by {named}."]


def _enough(votes: VoteFile, column: str) -> bool:
    from analysis.tables import strings

    codes = strings(votes.table.column(column)).codes
    return bool(codes.size and codes.min() >= 0 and np.unique(codes).size >= LEAST_CLUSTERS)


def _dressed(board: Leaderboard, votes: VoteFile) -> Board:
    """Give a board the form of this module."""
    return {
        "method": board.method,
        "method_version": board.method_version,
        "votes": board.votes,
        "dropped": {**board.dropped, **votes.dropped},
        "rows": [{name: getattr(row, name) for name in COLUMNS} for row in board.rows],
        "warnings": list(board.warnings),
    }


def _in_order(votes: VoteFile, method: str, level: float) -> Board:
    """Rate vote by vote, in the order of the file."""
    comparisons = votes.comparisons(keep_votes=True)
    warnings = []
    if method == "elo":
        run = run_elo(comparisons)
        ratings, version = run.ratings, run.method_version
        low = high = np.full(ratings.size, np.nan)
        warnings.append(
            "Online Elo depends on the order of the votes: in another order the same votes give other"
            " ratings. No interval describes that."
        )
    else:
        from analysis.glicko import run_glicko2

        glicko = run_glicko2(comparisons)
        ratings, version = glicko.ratings, glicko.method_version
        low, high = glicko.interval(level)
        warnings.append("Glicko-2 depends on the order of the votes and on where rating periods end.")
    counts = outcome_counts(comparisons).round().astype(int)
    order = np.argsort(-np.nan_to_num(ratings, nan=-np.inf), kind="stable")
    rows = []
    for i in order.tolist():
        rating = _known(ratings[i])
        wins, losses, ties, both_bad = counts[i].tolist()
        rank = None if rating is None else 1 + int(np.count_nonzero(ratings > rating))
        values = (
            comparisons.labels[i], rating, _known(low[i]), _known(high[i]), rank, None, None,
            wins + losses + ties + both_bad, wins, ties, both_bad, rating is None,
        )  # fmt: skip
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return {
        "method": method,
        "method_version": version,
        "votes": comparisons.n_votes,
        "dropped": {"tie": 0, "both_bad": 0, **votes.dropped},
        "rows": rows,
        "warnings": warnings,
    }


def _anchored(board: Board, entrant: str, rating: float = CENTRE) -> None:
    """Move all ratings alike, so that one is where it is wanted; intervals keep their width."""
    at = [row for row in board["rows"] if row["entrant"] == entrant]
    if not at:
        raise InvalidComparisons(f"no entrant is called {entrant!r}")
    if at[0]["rating"] is None:
        raise InvalidOption(f"{entrant} has no rating to anchor the others to")
    shift = rating - at[0]["rating"]
    for row in board["rows"]:
        for name in ("rating", "low", "high"):
            row[name] = None if row[name] is None else row[name] + shift


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
