"""How the pictures of votes differ in style: what a board can hold equal."""

from __future__ import annotations

from typing import Final

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.errors import NotMeasured
from arena.services.fitting import Style
from arena.services.snapshots import Mask, Snapshot
from arena.tables import Image, ImageMeasure

MEASURES: Final = ("brightness", "saturation", "colourfulness", "contrast", "sharpness", "edge_density")
"""Columns of `ImageMeasure` that a style-controlled board holds equal."""

LOGARITHMIC: Final = frozenset({"sharpness"})
"""Measures whose ratios matter: a variance spans several powers of ten."""


def style_of(session: Session, campaign_id: int, snapshot: Snapshot, chosen: Mask | None) -> Style:
    """Of each vote, or each chosen one, the style of the left picture less that of the right.

    Raises
    ------
    NotMeasured
        If a picture that was voted on has not been measured yet.
    """
    sides = [snapshot.left_image.values, snapshot.right_image.values]
    left, right = sides if chosen is None else (side[chosen] for side in sides)
    largest = session.scalar(select(func.max(Image.id))) or 0
    values = np.full((largest + 1, len(MEASURES)), np.nan)
    columns = [getattr(ImageMeasure, name) for name in MEASURES]
    rows = session.execute(select(ImageMeasure.image_id, *columns)).all()
    if rows:
        table = np.array([tuple(row) for row in rows], dtype=np.float64)
        values[table[:, 0].astype(np.int64)] = table[:, 1:]
    missing = np.unique(np.concatenate([side[np.isnan(values[side, 0])] for side in (left, right)]))
    if missing.size:
        raise NotMeasured(int(missing.size))
    for place, name in enumerate(MEASURES):
        if name in LOGARITHMIC:
            values[:, place] = np.log10(np.maximum(values[:, place], 1e-9))
    return {name: values[left, place] - values[right, place] for place, name in enumerate(MEASURES)}
