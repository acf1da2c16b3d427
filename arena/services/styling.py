"""How the pictures of votes differ in style: what a board can hold equal."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.errors import NoPictures, NotMeasured
from arena.services.fitting import Style
from arena.services.snapshots import CHUNK, Mask, Snapshot
from arena.tables import ImageMeasure

MEASURES: Final = ("brightness", "saturation", "colourfulness", "contrast", "sharpness", "edge_density")
"""Columns of `ImageMeasure` that a style-controlled board holds equal."""

LOGARITHMIC: Final = frozenset({"sharpness"})
"""Measures whose ratios matter: a variance spans several powers of ten."""

_SMALLEST: Final = 1e-9


class StyleCache:
    """The measures of all pictures, kept in memory; those of newer pictures are read when asked for."""

    def __init__(self) -> None:
        self._values: NDArray[np.float64] = np.full((1, len(MEASURES)), np.nan)
        self._count, self._last = 0, 0

    def differences(self, session: Session, snapshot: Snapshot, chosen: Mask | None) -> Style:
        """Of each vote, or each chosen one, the style of the left picture less that of the right.

        Raises
        ------
        NotMeasured
            If a picture that was voted on has not been measured yet.
        NoPictures
            If votes came from another arena without their pictures.
        """
        self._read(session)
        sides = [snapshot.left_image.values, snapshot.right_image.values]
        left, right = sides if chosen is None else (side[chosen] for side in sides)
        self._grow(int(max(left.max(initial=0), right.max(initial=0))) + 1)
        both = np.concatenate([left, right])
        if not both.all():
            raise NoPictures(int(np.count_nonzero((left == 0) | (right == 0))))
        missing = np.unique(both[np.isnan(self._values[both, 0])])
        if missing.size:
            raise NotMeasured(int(missing.size))
        return {
            name: self._values[left, place] - self._values[right, place]
            for place, name in enumerate(MEASURES)
        }

    def read_ahead(self, session: Session) -> None:
        """Read the measures for the first time, before anybody waits for them: a million take seconds."""
        if not self._count:
            self._read(session)

    def _read(self, session: Session) -> None:
        """Read what is new; all, where pictures were measured out of their order or anew."""
        count, last = session.execute(
            select(func.count(ImageMeasure.image_id), func.coalesce(func.max(ImageMeasure.image_id), 0))
        ).one()
        newer = session.scalar(
            select(func.count(ImageMeasure.image_id)).where(ImageMeasure.image_id > self._last)
        )
        after = self._last if self._count + (newer or 0) == count else 0
        self._grow(last + 1)
        columns = [getattr(ImageMeasure, name) for name in MEASURES]
        result = session.execute(select(ImageMeasure.image_id, *columns).where(ImageMeasure.image_id > after))
        while rows := result.fetchmany(CHUNK):
            ids, *measures = zip(*rows, strict=True)
            for place, (name, values) in enumerate(zip(MEASURES, measures, strict=True)):
                found = np.asarray(values, dtype=np.float64)
                self._values[np.asarray(ids), place] = (
                    np.log10(np.maximum(found, _SMALLEST)) if name in LOGARITHMIC else found
                )
        self._count, self._last = count, last

    def _grow(self, size: int) -> None:
        if size > len(self._values):
            larger = np.full((max(size, 2 * len(self._values)), len(MEASURES)), np.nan)
            larger[: len(self._values)] = self._values
            self._values = larger
