"""Colours of figures, for light and for dark pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a figure.

    Attributes
    ----------
    paper, ink, faint, grid, accent : str
        Background, text, secondary things, grid lines, the data.
    lost, even, won : str
        Ends and middle of the scale of a win matrix.
    on_even, on_strong : str
        Text upon the middle and upon the ends.
    lines : tuple of str
        For entrants told apart.
    """

    paper: str
    ink: str
    faint: str
    grid: str
    accent: str
    lost: str
    even: str
    won: str
    on_even: str
    on_strong: str
    lines: tuple[str, ...]


THEMES: Final[Mapping[str, Theme]] = {
    "light": Theme(
        paper="#ffffff",
        ink="#1b1f24",
        faint="#6b7280",
        grid="#e5e7eb",
        accent="#0072b2",
        lost="#b3500a",
        even="#e6e4df",
        won="#0a5f96",
        on_even="#1b1f24",
        on_strong="#ffffff",
        lines=("#0072b2", "#c25a00", "#007d5a", "#a8457f", "#3f83ad", "#8a7400", "#4b4f56"),
    ),
    "dark": Theme(
        paper="#15181c",
        ink="#e8eaed",
        faint="#9aa2ad",
        grid="#2c323a",
        accent="#56b4e9",
        lost="#e8893a",
        even="#39404a",
        won="#56b4e9",
        on_even="#e8eaed",
        on_strong="#0d0f12",
        lines=("#56b4e9", "#e69f00", "#2fc798", "#e08dba", "#a5c8e4", "#f0e442", "#c9ced6"),
    ),
}

MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
"""Lines differ in their markers, too."""
