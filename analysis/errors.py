"""What can go wrong, as one tree; every error carries its data.

::

    AnalysisError
    ├── InvalidComparisons          (also a ValueError)
    │   └── UnknownOutcome
    ├── InvalidOption               (also a ValueError)
    ├── DisconnectedError
    └── ConvergenceError
"""

from __future__ import annotations

from collections.abc import Sequence

ROWS_SHOWN = 5
"""How many row numbers an error message names before it stops."""


class AnalysisError(Exception):
    """Anything this package refuses to do; catch this one to catch all."""


class InvalidComparisons(AnalysisError, ValueError):
    """The votes cannot be read as comparisons.

    Attributes
    ----------
    rows : tuple of int
        The first bad rows, counted from zero; empty where rows have no meaning.
    count : int
        How many rows are bad in all.
    """

    def __init__(self, problem: str, *, rows: Sequence[int] = (), count: int = 0) -> None:
        self.rows = tuple(rows)[:ROWS_SHOWN]
        self.count = count
        super().__init__(problem + _where(self.rows, count))


class UnknownOutcome(InvalidComparisons):
    """A word that names no outcome; it is never read as a tie.

    Attributes
    ----------
    word : str
        The word as it was met.
    """

    def __init__(
        self,
        word: object,
        *,
        vocabulary: str | None = None,
        rows: Sequence[int] = (),
        count: int = 0,
    ) -> None:
        self.word = str(word)
        of = f" of the format {vocabulary!r}" if vocabulary else ""
        super().__init__(f"{self.word!r} is not an outcome{of}", rows=rows, count=count)


class InvalidOption(AnalysisError, ValueError):
    """An option has a value that is not among the offered ones, or does not go with the data."""


class DisconnectedError(AnalysisError):
    """The question needs entrants to be connected, and they are not.

    Attributes
    ----------
    groups : tuple of tuple of str
        The entrants of each group.
    """

    def __init__(self, problem: str, groups: Sequence[Sequence[str]] = ()) -> None:
        super().__init__(problem)
        self.groups = tuple(tuple(group) for group in groups)


class ConvergenceError(AnalysisError):
    """A fit did not arrive; there is no number to show.

    Attributes
    ----------
    iterations : int
        How many steps were tried.
    """

    def __init__(self, problem: str, *, iterations: int) -> None:
        super().__init__(f"{problem} (after {iterations} steps)")
        self.iterations = iterations


def _where(rows: tuple[int, ...], count: int) -> str:
    """Say which rows are meant, as the tail of a sentence."""
    if not rows:
        return ""
    shown = ", ".join(str(row) for row in rows)
    if count == 1:
        return f" (row {shown})"
    more = ", ..." if count > len(rows) else ""
    return f" ({count} rows: {shown}{more})"
