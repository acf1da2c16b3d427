"""Covariates of votes, checked once: differences between the left picture and the right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.arrays import Floats
from analysis.columns import numbers, read_columns
from analysis.comparisons import Comparisons
from analysis.errors import InvalidComparisons
from analysis.likelihood import HALF_WINS
from analysis.vote_blocks import VoteTable


def read_covariates(source: Any, columns: Mapping[str, str | tuple[str, str]]) -> dict[str, Floats]:
    """Take covariates out of a table of votes.

    Parameters
    ----------
    source : frame or path
        As for `Comparisons.from_frame`.
    columns : mapping of str to str or (str, str)
        A column of differences, left less right; or the columns of the left and of the right.

    Returns
    -------
    dict of str to ndarray of shape (n_votes,)
    """
    pairs = {
        name: (column,) if isinstance(column, str) else tuple(column) for name, column in columns.items()
    }
    wanted = dict.fromkeys(column for pair in pairs.values() for column in pair)
    read = {name: numbers(values) for name, values in read_columns(source, list(wanted)).items()}
    return {
        name: read[pair[0]] if len(pair) == 1 else read[pair[0]] - read[pair[1]]
        for name, pair in pairs.items()
    }


def lay_out(
    comparisons: Comparisons, covariates: Mapping[str, Any], *, position: bool, ties: str, both_bad: str
) -> VoteTable:
    """Check covariates and lay out the votes; without covariates counts do as well as votes.

    Parameters and errors as in `fit_contextual`.
    """
    votes, n = comparisons.votes, comparisons.n_entrants
    if votes is not None:
        left, right = votes.left.astype(np.int64), votes.right.astype(np.int64)
        outcome: Any = votes.outcome
        weight = votes.weight
        square = None if weight is None else weight * weight
    elif covariates:
        raise InvalidComparisons("covariates belong to single votes: read them with keep_votes=True")
    else:
        left, right = np.repeat(comparisons.left, 4), np.repeat(comparisons.right, 4)
        outcome = np.tile(np.arange(4), len(comparisons.left))
        weight, square = comparisons.weights.ravel(), comparisons.squares.ravel()
    unused = (outcome > 1) if ties == "drop" else (outcome > 2) if both_bad == "drop" else None
    if unused is not None and np.any(unused):
        weight = np.where(unused, 0.0, 1.0 if weight is None else weight)
        square = np.where(unused, 0.0, 1.0 if square is None else square)
    checked, scales = [], []
    for name, values in covariates.items():
        z = numbers(values)
        if z.shape != left.shape:
            raise InvalidComparisons(f"the covariate {name!r} must hold one number for each vote")
        bad = np.flatnonzero(~np.isfinite(z))
        if bad.size:
            raise InvalidComparisons(
                f"the covariate {name!r} is not a finite number", rows=bad[:10].tolist(), count=bad.size
            )
        checked.append(z)
        scales.append(float(z.std()) or float(np.abs(z).max(initial=0.0)) or 1.0)
    return VoteTable(
        n, left * n + right, left, right, HALF_WINS[outcome], weight, square, tuple(checked),
        np.array(scales), position,
    )  # fmt: skip
