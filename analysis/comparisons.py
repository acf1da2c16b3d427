"""Votes on pairs, checked once at the door and reduced to counts.

`Comparisons` is the one input type of this package. Whatever can be computed from counts is computed from
its cells: one for each ordered pair (left, right) that met, with a number for each of the four outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Floats, Ints
from analysis.columns import Column, encode, numbers, read_columns
from analysis.errors import InvalidComparisons, InvalidOption, UnknownOutcome
from analysis.outcomes import Outcome, parse_outcome

OUTCOMES: Final[tuple[Outcome, ...]] = (Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD)
"""The order of the outcomes in every array of this package."""

LEFT, RIGHT, TIE, BOTH_BAD = range(4)

TABLE_CELLS: Final = 20_000_000
"""Up to so many cells votes are counted in a full table; above, only the cells that occur are sorted."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """The votes one by one, in the order of the source.

    Attributes
    ----------
    left, right : ndarray of int32, shape (n_votes,)
        Positions in `Comparisons.labels`.
    outcome : ndarray of int8, shape (n_votes,)
        Positions in `OUTCOMES`.
    weight : ndarray of shape (n_votes,), or None
        None where every vote weighs one.
    clusters : mapping of str to ndarray of shape (n_votes,)
        Codes of "rater" and "prompt", where the source had them.
    levels : mapping of str to tuple of str
        What the codes stand for.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    outcome: NDArray[np.int8]
    weight: Floats | None
    clusters: Mapping[str, Ints]
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Validated votes as counts; make one with `from_frame` or `from_counts`.

    Attributes
    ----------
    labels : tuple of str
        The entrants; some may have no votes.
    left, right : ndarray of shape (n_cells,)
        The ordered pair of each cell, as positions in `labels`.
    counts : ndarray of shape (n_cells, 4)
        Votes, by outcome in the order of `OUTCOMES`.
    weights : ndarray of shape (n_cells, 4)
        Sums of the votes' weights; the same array as `counts` where every vote weighs one.
    squares : ndarray of shape (n_cells, 4)
        Sums of the squared weights, for sandwich covariances.
    votes : Votes or None
        The votes one by one, where asked for.
    """

    labels: tuple[str, ...]
    left: Ints
    right: Ints
    counts: Floats
    weights: Floats
    squares: Floats
    votes: Votes | None = field(default=None, repr=False)

    @property
    def n_entrants(self) -> int:
        """How many entrants there are, those without votes included."""
        return len(self.labels)

    @property
    def n_votes(self) -> int:
        """How many votes there are, ties and both-bad votes included."""
        return round(float(self.counts.sum()))

    def index(self, label: str) -> int:
        """Position of an entrant; InvalidComparisons where there is none of that name."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise InvalidComparisons(f"no entrant is called {label!r}") from None

    def table(self) -> Floats:
        """Votes as a full table of shape (n, n, 4): [left, right, outcome]."""
        table = np.zeros((self.n_entrants, self.n_entrants, 4))
        table[self.left, self.right] = self.counts
        return table

    @classmethod
    def from_counts(
        cls,
        labels: Sequence[str],
        left: Sequence[str] | Sequence[int] | NDArray[Any],
        right: Sequence[str] | Sequence[int] | NDArray[Any],
        outcome: Sequence[str],
        count: Sequence[float] | NDArray[Any] | None = None,
    ) -> Comparisons:
        """Take counts, as a tally table keeps them.

        Parameters
        ----------
        labels : sequence of str
            Every entrant of the board, those without votes included; no name twice.
        left, right : sequence of str or int
            Labels, or positions in `labels`.
        outcome : sequence of Outcome or str
            Any word of `OUTCOME_WORDS`.
        count : sequence of float, optional
            Votes of each row, zero or more; equal rows add up. One each by default.

        Raises
        ------
        UnknownOutcome, InvalidComparisons
            A word, entrant or count is not valid, or an entrant meets itself; the error names the rows.
        """
        names = _unique_labels(labels)
        left_at = _positions(left, names, "left")
        right_at = _positions(right, names, "right")
        outcome_at = _outcomes(outcome)
        values = np.ones(len(left_at)) if count is None else np.asarray(count, dtype=np.float64)
        if not len(left_at) == len(right_at) == len(outcome_at) == len(values):
            raise InvalidComparisons("left, right, outcome and count must be of one length")
        _refuse(~(np.isfinite(values) & (values >= 0)), "a count must be zero or more")
        _refuse(left_at == right_at, "an entrant cannot be compared with itself")
        cell = (left_at * len(names) + right_at) * 4 + outcome_at
        left_cell, right_cell, counts = _cells(cell, values, len(names))
        return cls(names, left_cell, right_cell, counts, counts, counts)

    @classmethod
    def from_frame(
        cls,
        source: Any,
        left: str = "left",
        right: str = "right",
        outcome: str = "outcome",
        *,
        rater: str | None = None,
        prompt: str | None = None,
        weight: str | None = None,
        labels: Sequence[str] | None = None,
        vocabulary: str | None = None,
        keep_votes: bool | None = None,
    ) -> Comparisons:
        """Take a table with one vote a row.

        Parameters
        ----------
        source : pandas.DataFrame, polars.DataFrame, pyarrow.Table, mapping, or path of .parquet or .csv
            Columns of strings, Arrow strings or categories; categories are fastest. Not copied.
        left, right, outcome : str
            Names of the columns with the entrants shown and the word for what was said.
        rater, prompt : str, optional
            Names of the columns whose votes belong together; kept vote by vote for clustered covariances.
        weight : str, optional
            Name of a column of positive weights.
        labels : sequence of str, optional
            Every entrant of the board; by default those that occur, sorted.
        vocabulary : str, optional
            Key of `OUTCOME_WORDS`, to know the words of that format only.
        keep_votes : bool, optional
            Keep the votes in their order, as `run_elo` needs; by default only with `rater` or `prompt`.

        Raises
        ------
        UnknownOutcome
            A row holds an unknown word; the error names the word, the first rows and how many there are.
        InvalidComparisons
            A null, an entrant against itself, a weight that is not positive, an entrant not in `labels`,
            a missing column.
        """
        asked = {"rater": rater, "prompt": prompt}
        clusters = {role: name for role, name in asked.items() if name is not None}
        wanted = [left, right, outcome, *clusters.values(), *([weight] if weight else [])]
        columns = read_columns(source, wanted)
        sides = (encode(columns[left]), encode(columns[right]), encode(columns[outcome]))
        for name, column in zip((left, right, outcome), sides, strict=True):
            _refuse_nulls(column, name)
        weights = numbers(columns[weight]) if weight else None
        if weights is not None:
            _refuse(~(np.isfinite(weights) & (weights > 0)), "a weight must be a positive number")
        reading = _Reading(sides, labels, vocabulary)
        kept = None
        if keep_votes or (keep_votes is None and clusters):
            encoded = {role: _clusters(columns[name], name) for role, name in clusters.items()}
            kept = reading.votes(weights, encoded)
        return cls(*reading.totals(weights), kept)


class _Reading:
    """Three coded columns on their way to cells; levels are looked at, never rows, unless one is bad."""

    def __init__(
        self, sides: tuple[Column, Column, Column], labels: Sequence[str] | None, vocabulary: str | None
    ) -> None:
        self.left, self.right, self.outcome = sides
        if not len(self.left.codes) == len(self.right.codes) == len(self.outcome.codes):
            raise InvalidComparisons("left, right and outcome must be of one length")
        self.shape = tuple(len(side.levels) for side in sides)
        self.cells = int(np.prod(self.shape, dtype=np.int64))
        width: Any = np.int32 if self.cells < 2**31 else np.int64
        cell = self.left.codes * width(self.shape[1] * self.shape[2])
        cell += self.right.codes * width(self.shape[2])
        cell += self.outcome.codes
        self.cell = cell
        if self.cells <= TABLE_CELLS:
            full = np.bincount(cell, minlength=self.cells)
            self.present: Ints = np.flatnonzero(full)
            self.count: Ints = full[self.present]
        else:
            self.present, self.count = np.unique(cell, return_counts=True)
        at = np.unravel_index(self.present, self.shape) if self.present.size else (self.present,) * 3
        self.outcome_map = self._read_words(at[2], vocabulary)
        self.labels, self.left_map, self.right_map = self._read_labels(at[0], at[1], labels)
        n = len(self.labels)
        left_at, right_at = self.left_map[at[0]], self.right_map[at[1]]
        if np.any(left_at == right_at):
            same = self.left_map[self.left.codes] == self.right_map[self.right.codes]
            _refuse(same, "an entrant cannot be compared with itself")
        self.target = (left_at * n + right_at) * 4 + self.outcome_map[at[2]]

    def totals(self, weights: Floats | None) -> tuple[tuple[str, ...], Ints, Ints, Floats, Floats, Floats]:
        """Labels, the ordered pair of each cell, counts, sums of weights and of squared weights."""
        n = len(self.labels)
        left, right, counts = _cells(self.target, self.count.astype(np.float64), n)
        if weights is None:
            return self.labels, left, right, counts, counts, counts
        where = np.searchsorted(self.present, self.cell)
        sums = np.bincount(where, weights, minlength=self.present.size).astype(np.float64)
        squares = np.bincount(where, weights * weights, minlength=self.present.size).astype(np.float64)
        return (
            self.labels, left, right, counts,
            _cells(self.target, sums, n)[2], _cells(self.target, squares, n)[2],
        )  # fmt: skip

    def votes(self, weights: Floats | None, clusters: dict[str, Column]) -> Votes:
        """Give the votes one by one."""
        return Votes(
            self.left_map.astype(np.int32)[self.left.codes],
            self.right_map.astype(np.int32)[self.right.codes],
            self.outcome_map.astype(np.int8)[self.outcome.codes],
            weights,
            MappingProxyType({role: column.codes.astype(np.int64) for role, column in clusters.items()}),
            MappingProxyType({role: column.levels for role, column in clusters.items()}),
        )

    def _read_words(self, occurring: Ints, vocabulary: str | None) -> Ints:
        """Map the levels of the outcome column to `OUTCOMES`; only words that occur must be known."""
        mapping = np.full(len(self.outcome.levels), -1, dtype=np.int64)
        for level in np.unique(occurring).tolist():
            word = self.outcome.levels[level]
            try:
                mapping[level] = OUTCOMES.index(parse_outcome(word, vocabulary))
            except UnknownOutcome:
                rows = np.flatnonzero(self.outcome.codes == level)
                first = rows[:10].tolist()
                raise UnknownOutcome(word, vocabulary=vocabulary, rows=first, count=len(rows)) from None
        return mapping

    def _read_labels(
        self, left: Ints, right: Ints, labels: Sequence[str] | None
    ) -> tuple[tuple[str, ...], Ints, Ints]:
        """Join the levels of both sides to one list of entrants."""
        used_left = {self.left.levels[i] for i in np.unique(left).tolist()}
        used_right = {self.right.levels[i] for i in np.unique(right).tolist()}
        names = tuple(sorted(used_left | used_right)) if labels is None else _unique_labels(labels)
        position = {name: i for i, name in enumerate(names)}
        for side, used in ((self.left, used_left), (self.right, used_right)):
            strangers = used - position.keys()
            if strangers:
                levels = [i for i, name in enumerate(side.levels) if name in strangers]
                _refuse(
                    np.isin(side.codes, levels), f"not among the labels: {', '.join(sorted(strangers)[:5])}"
                )
        maps = [np.array([position.get(name, -1) for name in side.levels], dtype=np.int64)
                for side in (self.left, self.right)]  # fmt: skip
        return names, maps[0], maps[1]


def _cells(cell: Ints, values: Floats, n: int) -> tuple[Ints, Ints, Floats]:
    """Add up values by (left, right, outcome) and lay them out a row for each ordered pair."""
    pair, at = np.unique(cell // 4, return_inverse=True)
    counts = np.bincount(at * 4 + cell % 4, values, minlength=pair.size * 4).reshape(-1, 4)
    return pair // max(n, 1), pair % max(n, 1), np.asarray(counts, dtype=np.float64)


def _unique_labels(labels: Sequence[str]) -> tuple[str, ...]:
    names = tuple(map(str, labels))
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidComparisons(f"labels stand twice: {', '.join(twice[:5])}")
    return names


def _positions(entrants: Any, names: tuple[str, ...], side: str) -> Ints:
    """Turn labels or positions to positions."""
    if len(entrants) == 0:
        return np.zeros(0, dtype=np.int64)
    if not isinstance(entrants[0], str):
        given = np.asarray(entrants)
        if given.dtype.kind not in "iu":
            raise InvalidComparisons(f"{side} must hold labels or whole numbers")
        _refuse((given < 0) | (given >= len(names)), f"{side} points to no label")
        return given.astype(np.int64)
    position = {name: i for i, name in enumerate(names)}
    found = np.array([position.get(name, -1) for name in entrants], dtype=np.int64)
    _refuse(found < 0, f"{side} names an entrant that is not among the labels")
    return found


def _outcomes(words: Sequence[str]) -> Ints:
    """Turn words to positions in `OUTCOMES`."""
    known: dict[str, int] = {}
    for word in dict.fromkeys(words):
        try:
            known[word] = OUTCOMES.index(parse_outcome(word))
        except UnknownOutcome:
            rows = [i for i, other in enumerate(words) if other == word]
            raise UnknownOutcome(word, rows=rows[:10], count=len(rows)) from None
    return np.array([known[word] for word in words], dtype=np.int64)


def _clusters(column: Any, name: str) -> Column:
    encoded = encode(column)
    _refuse_nulls(encoded, name)
    return encoded


def _refuse_nulls(column: Column, name: str) -> None:
    if column.codes.size and column.codes.min() < 0:
        _refuse(column.codes < 0, f"{name} is null")


def _refuse(bad: NDArray[np.bool_], problem: str) -> None:
    """Raise with the first bad rows where there are any."""
    rows = np.flatnonzero(bad)
    if rows.size:
        raise InvalidComparisons(problem, rows=rows[:10].tolist(), count=rows.size)


def require_option(name: str, value: str, offered: Sequence[str]) -> None:
    """Raise InvalidOption where `value` is not one of those offered."""
    if value not in offered:
        raise InvalidOption(f"{name} must be one of {', '.join(offered)}, not {value!r}")
