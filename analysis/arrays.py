"""Names for the array types that the signatures of this package use."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
"""Real numbers; the shape and the unit stand in the docstring."""

Ints: TypeAlias = NDArray[np.int64]
"""Whole numbers: positions of entrants, components, islands."""

Codes: TypeAlias = NDArray[np.signedinteger]
"""Positions in a list of levels, in whatever width the source had; -1 is a null."""

Bools: TypeAlias = NDArray[np.bool_]
"""Yes or no."""
