"""QR codes as one SVG path, without a style or a picture from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final

import segno

QUIET: Final = 4
"""Light modules around a code, without which cameras do not find it."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """A square of so many modules, and the path of its dark ones."""

    size: int
    path: str


def qr_code(text: str) -> QrCode:
    """Write a text as a QR code that stands a quarter of it being spoiled."""
    matrix = segno.make(text, error="q", micro=False).matrix
    runs = []
    for y, row in enumerate(matrix, start=QUIET):
        x = QUIET
        for dark, modules in groupby(row):
            width = len(list(modules))
            if dark:
                runs.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return QrCode(len(matrix) + 2 * QUIET, "".join(runs))
