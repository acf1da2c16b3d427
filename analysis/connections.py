"""Who can be compared with whom: strongly connected components, islands, weak links.

A Bradley-Terry estimate exists exactly where the directed graph of wins is strongly connected [1]_: from
every entrant a chain of wins leads to every other. A tie is half a win both ways and connects both ways.

References
----------
.. [1] L. R. Ford Jr., "Solution of a ranking problem from binary comparisons", American Mathematical
   Monthly 64(8), 1957.
.. [2] M. Fiedler, "Algebraic connectivity of graphs", Czechoslovak Mathematical Journal 23, 1973.
.. [3] R. Tarjan, "Depth-first search and linear graph algorithms", SIAM Journal on Computing 1(2), 1972.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.arrays import Bools, Codes, Floats, Ints
from analysis.comparisons import Comparisons
from analysis.errors import DisconnectedError
from analysis.pairs import Pairs, pairs_of


class Standing(StrEnum):
    """Where an entrant stands to the core of its island."""

    CORE = "core"
    """In it: it has a finite estimate."""
    ABOVE = "above"
    """A chain of wins leads to the core and none back: its estimate is plus infinity."""
    BELOW = "below"
    """A chain of wins leads from the core and none back: its estimate is minus infinity."""
    APART = "apart"
    """No chain of wins leads either way, or there is no core."""
    UNMET = "unmet"
    """It met nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Connectivity:
    """How the entrants hang together.

    Attributes
    ----------
    component : ndarray of shape (n,)
        Strongly connected component of each entrant, numbered in win order: wins between components only
        ever lead from a lower number to a higher one.
    island : ndarray of shape (n,)
        Weakly connected component; 0 is the main island (most entrants, then most votes). Entrants who met
        nobody are islands of their own, numbered last.
    core : ndarray of shape (n_islands,)
        For each island its largest component (most entrants, then most votes); -1 where no component has
        two entrants, so that nothing can be estimated.
    links : frozenset of (int, int)
        Pairs of components (winner, loser) between which votes were cast.
    """

    component: Ints
    island: Ints
    core: Ints
    links: frozenset[tuple[int, int]]

    @property
    def n_components(self) -> int:
        """How many strongly connected components there are."""
        return int(self.component.max()) + 1 if self.component.size else 0

    @property
    def n_islands(self) -> int:
        """How many islands there are, entrants who met nobody included."""
        return int(self.island.max()) + 1 if self.island.size else 0

    def in_core(self) -> Bools:
        """Which entrants belong to the core of their island; shape (n,)."""
        return np.asarray(self.component == self.core[self.island], dtype=np.bool_)

    def standings(self) -> tuple[Standing, ...]:
        """Where each entrant stands to the core of its island."""
        over, under = self._reaching(1), self._reaching(0)
        alone = np.bincount(self.island)[self.island] == 1 if self.island.size else self.island
        found = []
        for c, met_nobody, island in zip(
            self.component.tolist(), alone.tolist(), self.island.tolist(), strict=True
        ):
            core = int(self.core[island])
            if met_nobody:
                found.append(Standing.UNMET)
            elif core < 0:
                found.append(Standing.APART)
            elif c == core:
                found.append(Standing.CORE)
            elif c in over:
                found.append(Standing.ABOVE)
            else:
                found.append(Standing.BELOW if c in under else Standing.APART)
        return tuple(found)

    def _reaching(self, end: int) -> set[int]:
        """Components from which wins lead to a core (end 1), or to which they lead from one (end 0)."""
        beside: dict[int, list[int]] = {}
        for link in self.links:
            beside.setdefault(link[end], []).append(link[1 - end])
        waiting = [c for c in self.core.tolist() if c >= 0]
        seen: set[int] = set()
        while waiting:
            for other in beside.get(waiting.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return seen

    def above(self) -> Bools:
        """Whether a chain of wins leads from one component to another, and so none back.

        Returns
        -------
        ndarray of shape (n_components, n_components)
            ``[a, b]``: every entrant of `a` stands above every entrant of `b` in the win order.
        """
        reach = np.zeros((self.n_components, self.n_components), dtype=np.bool_)
        for winner, loser in sorted(self.links, reverse=True):
            # Losers have higher numbers, so what they reach is complete by now.
            reach[winner, loser] = True
            reach[winner] |= reach[loser]
        return reach


def connect(pairs: Pairs) -> Connectivity:
    """Find components and islands of a list of pairs."""
    n = pairs.n
    wins, losses = pairs.half_wins()
    won, lost = wins > 0, losses > 0
    winner = np.concatenate([pairs.first[won], pairs.second[lost]])
    loser = np.concatenate([pairs.second[won], pairs.first[lost]])
    weight = (
        np.zeros(n) + np.bincount(pairs.first, wins + losses, n) + np.bincount(pairs.second, wins + losses, n)
    )
    if n == 0:
        none = np.zeros(0, dtype=np.int64)
        return Connectivity(none, none, none, frozenset())
    graph = coo_array((np.ones(winner.size), (winner, loser)), shape=(n, n)).tocsr()
    _, raw = connected_components(graph, directed=True, connection="strong")
    _, raw_island = connected_components(graph, directed=True, connection="weak")
    between = raw[winner] != raw[loser]
    edges = set(zip(raw[winner[between]].tolist(), raw[loser[between]].tolist(), strict=True))
    order = _win_order(raw, edges)
    component = order[raw]
    links = frozenset((int(order[a]), int(order[b])) for a, b in edges)
    island = _by_size(raw_island, weight)
    core = np.full(int(island.max()) + 1, -1, dtype=np.int64)
    size = np.bincount(component)
    heft = np.bincount(component, weight)
    best: dict[int, tuple[int, float, int]] = {}
    for i in np.flatnonzero(size[component] > 1).tolist():
        c = int(component[i])
        rank = (int(size[c]), float(heft[c]), -c)
        best[int(island[i])] = max(best.get(int(island[i]), rank), rank)
    for where, (_, _, negative) in best.items():
        core[where] = -negative
    return Connectivity(component, island, core, links)


def connectivity(comparisons: Comparisons, *, ties: str = "half", both_bad: str = "tie") -> Connectivity:
    """Find the components and islands of votes.

    Parameters
    ----------
    comparisons : Comparisons
    ties : {"half", "drop"}
    both_bad : {"tie", "drop"}
        A dropped vote connects nobody.
    """
    return connect(pairs_of(comparisons, ties=ties, both_bad=both_bad))


def require_connected(comparisons: Comparisons, *, ties: str = "half", both_bad: str = "tie") -> None:
    """Raise DisconnectedError, with the groups, unless all entrants are one strongly connected component."""
    found = connectivity(comparisons, ties=ties, both_bad=both_bad)
    if found.n_components > 1:
        groups = [
            [comparisons.labels[i] for i in np.flatnonzero(found.component == c).tolist()]
            for c in range(found.n_components)
        ]
        raise DisconnectedError(f"{found.n_components} groups of entrants are not connected by wins", groups)


def algebraic_connectivity(information: Floats) -> float:
    """Second smallest eigenvalue of the information matrix H, in nats to the power of -2 [2]_.

    Near zero where two parts of the board are held together by few votes; zero where they are not at all.
    """
    if len(information) < 2:
        return 0.0
    return max(0.0, float(np.linalg.eigvalsh(information)[1]))


def articulation_entrants(comparisons: Comparisons) -> tuple[str, ...]:
    """Entrants without whom an island would fall apart, by Tarjan's low points [3]_; sorted as the labels."""
    pairs = pairs_of(comparisons)
    neighbours: list[list[int]] = [[] for _ in range(pairs.n)]
    for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        neighbours[a].append(b)
        neighbours[b].append(a)
    seen = [-1] * pairs.n
    low = [0] * pairs.n
    cut: set[int] = set()
    clock = 0
    for root in range(pairs.n):
        if seen[root] >= 0:
            continue
        seen[root] = low[root] = clock
        clock += 1
        children = 0
        stack = [(root, -1, iter(neighbours[root]))]
        while stack:
            node, parent, rest = stack[-1]
            for other in rest:
                if seen[other] < 0:
                    seen[other] = low[other] = clock
                    clock += 1
                    stack.append((other, node, iter(neighbours[other])))
                    break
                if other != parent:
                    low[node] = min(low[node], seen[other])
            else:
                stack.pop()
                if parent >= 0:
                    low[parent] = min(low[parent], low[node])
                    if parent == root:
                        children += 1
                    elif low[node] >= seen[parent]:
                        cut.add(parent)
        if children > 1:
            cut.add(root)
    return tuple(comparisons.labels[i] for i in sorted(cut))


def _win_order(raw: Codes, edges: set[tuple[int, int]]) -> Ints:
    """Number components so that wins lead upwards only; among the free ones the first entrant decides."""
    n = int(raw.max()) + 1
    first = np.full(n, raw.size, dtype=np.int64)
    np.minimum.at(first, raw, np.arange(raw.size))
    waiting = [0] * n
    below: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        waiting[b] += 1
        below[a].append(b)
    ready = [(int(first[c]), c) for c in range(n) if waiting[c] == 0]
    heapq.heapify(ready)
    order = np.zeros(n, dtype=np.int64)
    for place in range(n):
        _, c = heapq.heappop(ready)
        order[c] = place
        for other in below[c]:
            waiting[other] -= 1
            if waiting[other] == 0:
                heapq.heappush(ready, (int(first[other]), other))
    return order


def _by_size(raw: Codes, weight: Floats) -> Ints:
    """Number groups by falling number of entrants, votes, first entrant; those without votes last."""
    size = np.bincount(raw)
    heft = np.bincount(raw, weight)
    first = np.full(size.size, raw.size, dtype=np.int64)
    np.minimum.at(first, raw, np.arange(raw.size))
    order = np.lexsort((first, -heft, -size))
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return np.asarray(place[raw], dtype=np.int64)
