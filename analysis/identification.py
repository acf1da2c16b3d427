"""Which parameters the votes can tell apart when strengths and covariates compete.

References
----------
.. [1] S. R. Searle, "Linear Models", Wiley, 1971, chapter 5: what is estimable does not depend on which
   generalised inverse is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.connections import Connectivity

UNIDENTIFIED: Final = 1e-8
"""A direction of the scaled information with less than this cannot be told from none."""


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    """What can be estimated.

    Attributes
    ----------
    entrants : ndarray of shape (n,)
        Whether a strength can be told from the effects, against the others of its component for which this
        is true.
    effects : ndarray of shape (n_effects,)
    inverse : ndarray of shape (n + n_effects, n + n_effects)
        Inverse of the information, strengths centred on the identified entrants of their component; zero
        rows for what is not identified.
    generalised, bread : ndarray of shape (n + n_effects, n + n_effects)
        A generalised inverse of the information, to solve with; and the same centred as `inverse` on the left
        alone, to turn scores to changes of the estimate.
    full : bool
        Whether everything is.
    """

    entrants: Bools
    effects: Bools
    inverse: Floats
    generalised: Floats
    bread: Floats
    full: bool


def filled(information: Floats, component: Ints) -> Floats:
    """Add what makes the information of every component's mean one instead of zero."""
    n = component.size
    whole = information.copy()
    whole[:n, :n] += (component[:, None] == component) / np.bincount(component)[component]
    return whole


def identify(information: Floats, component: Ints) -> Identified:
    """Find what the information identifies, and invert it there.

    Parameters
    ----------
    information : ndarray of shape (n + n_effects, n + n_effects)
    component : ndarray of shape (n,)
        Votes are of entrants within one component.
    """
    n, size = component.size, len(information)
    whole = filled(information, component)
    scale = np.sqrt(np.diagonal(whole))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(whole / np.outer(scale, scale))
    weak = values < UNIDENTIFIED
    entrants, effects = np.ones(n, dtype=np.bool_), np.ones(size - n, dtype=np.bool_)
    if weak.any():
        null = vectors[:, weak] / scale[:, None]
        null /= np.abs(null).max(axis=0)
        null[np.abs(null) < 1e-6] = 0.0
        effects = ~np.any(null[n:] != 0, axis=1)
        entrants = _largest_alike(null[:n], component)
    strong = np.where(weak, 0.0, 1 / np.where(weak, 1.0, values))
    inverse = (vectors * strong) @ vectors.T / np.outer(scale, scale)
    center = centring(component, entrants, size)
    center[n:, n:] *= effects[:, None]
    bread = center @ inverse
    return Identified(entrants, effects, bread @ center.T, inverse, bread, not weak.any())


def centring(component: Ints, entrants: Bools, size: int) -> Floats:
    """Make the matrix that takes off each component's mean over its identified entrants; (size, size)."""
    n = component.size
    matrix = np.eye(size)
    members = (component[:, None] == component) & entrants[None, :]
    count = np.maximum(members.sum(axis=1), 1)
    matrix[:n, :n] -= members / count[:, None]
    matrix[:n] *= np.append(entrants, np.ones(size - n)).astype(np.float64)[:n, None]
    return matrix


def split_off(connectivity: Connectivity, lost: Bools) -> Connectivity:
    """Make each lost entrant a component of its own without links, apart from all others.

    Where that empties a core there is no core.
    """
    if not lost.any():
        return connectivity
    component = connectivity.component.copy()
    component[lost] = connectivity.n_components + np.arange(int(lost.sum()))
    left_over = np.bincount(component, minlength=connectivity.n_components)
    core = np.array([c if c >= 0 and left_over[c] > 1 else -1 for c in connectivity.core.tolist()])
    gone = set(np.flatnonzero(left_over[: connectivity.n_components] == 0).tolist())
    links = frozenset(link for link in connectivity.links if not gone & set(link))
    order = np.unique(component, return_inverse=True)[1]
    number = dict(zip(component.tolist(), order.tolist(), strict=True))
    return Connectivity(
        np.asarray(order, dtype=np.int64),
        connectivity.island,
        np.array([number.get(c, -1) for c in core.tolist()], dtype=np.int64),
        frozenset((number[a], number[b]) for a, b in links),
    )


def _largest_alike(null: Floats, component: Ints) -> Bools:
    """Of each component the largest group that no null direction tells apart, if it has two entrants."""
    alike = np.zeros(len(null), dtype=np.bool_)
    rounded = np.round(null, 5)
    for number in np.unique(component):
        members = np.flatnonzero(component == number)
        groups = np.unique(rounded[members], axis=0, return_inverse=True)[1].ravel()
        sizes = np.bincount(groups)
        if sizes.max() > 1 or members.size == 1:
            alike[members[groups == int(np.argmax(sizes))]] = True
    return alike
