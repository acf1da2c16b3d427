"""Who beats whom: a table of win shares in board order, coloured by eleven classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from arena.queries.boards import BoardRow

CLASSES: Final = 11
"""Classes of equal width, from 0 to 100 per cent; the middle one holds 50."""

MOST: Final = 20
"""A matrix of more entrants shows so many from the top, unless all are asked for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Votes of the row's entrant against the column's; both bad is a draw."""

    wins: int
    draws: int
    losses: int

    @property
    def votes(self) -> int:
        """All votes of the pair."""
        return self.wins + self.draws + self.losses

    @property
    def share(self) -> float:
        """What the row won of them, a draw as half."""
        return (2 * self.wins + self.draws) / (2 * self.votes)

    @property
    def heat(self) -> int:
        """The class of the share, from 0 to 10; whole numbers, so that no rounding moves a boundary."""
        return min(CLASSES - 1, CLASSES * (2 * self.wins + self.draws) // (2 * self.votes))


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One entrant against each of `Matrix.columns`; null where the two never met."""

    row: BoardRow
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two entrants that met, the better placed first."""

    first: BoardRow
    second: BoardRow
    cell: Cell


@dataclass(frozen=True, slots=True)
class Matrix:
    """The matrix of the entrants on top of a board; ``entrants`` is how many the board has."""

    columns: tuple[BoardRow, ...]
    rows: tuple[MatrixRow, ...]
    entrants: int

    @property
    def pairs(self) -> list[Pair]:
        """Every pair of the matrix that met, once."""
        return [
            Pair(line.row, other, cell)
            for place, line in enumerate(self.rows)
            for other, cell in zip(self.columns[place + 1 :], line.cells[place + 1 :], strict=True)
            if cell
        ]


def win_matrix(
    rows: Sequence[BoardRow], pairs: Mapping[str, Any] | None, *, most: int | None = MOST
) -> Matrix | None:
    """The matrix of a board, from its table of pairs; nothing where no two entrants met.

    Parameters
    ----------
    rows : sequence of BoardRow
        In board order.
    pairs : mapping or None
        ``labels``, ``wins`` and ``draws``, as `arena.queries.boards.pairs_of` reads them.
    most : int or None
        How many entrants to show; None for all.
    """
    if pairs is None:
        return None
    place = {label: n for n, label in enumerate(pairs["labels"])}
    wins, draws = pairs["wins"], pairs["draws"]
    shown = tuple(rows[:most])

    def cell(row: BoardRow, column: BoardRow) -> Cell | None:
        if row is column or row.entrant not in place or column.entrant not in place:
            return None
        a, b = place[row.entrant], place[column.entrant]
        met = Cell(wins[a][b], draws[a][b], wins[b][a])
        return met if met.votes else None

    made = Matrix(
        columns=shown,
        rows=tuple(MatrixRow(row, tuple(cell(row, column) for column in shown)) for row in shown),
        entrants=len(rows),
    )
    return made if made.pairs else None
