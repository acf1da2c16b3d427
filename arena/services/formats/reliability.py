"""The filter of reliability: each of its conditions, and why it drops a vote."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from arena.domain.quality import TOO_FAST_MS
from arena.queries.reliability import Reliable, unreliable_votes, votes_of_excluded
from arena.services.formats.filters import Filters

Columns = dict[str, NDArray[np.int64]]
Mask = NDArray[np.bool_]

TOO_FAST = f"answered within {TOO_FAST_MS} ms"
OF_EXCLUDED = "of raters of whom a rule has excluded a vote"
OF_FEW_VOTES = "of raters with too few votes"
OF_FAILING = "of raters who gave too few known answers"


def unreliable(session: Session, columns: Columns, asked: Filters) -> Iterator[tuple[str, Mask]]:
    """Why votes are dropped, with those that stay, for each condition that is asked.

    Every condition looks at all the votes given, whichever of them another drops.
    """
    if asked.reliable:
        yield TOO_FAST, ~np.isin(columns["vote"], unreliable_votes(session, Reliable(leave_out_fast=True)))
        yield OF_EXCLUDED, ~np.isin(columns["vote"], votes_of_excluded(session))
    if (rate := asked.min_pass_rate) is not None:
        yield OF_FAILING, ~np.isin(columns["vote"], unreliable_votes(session, Reliable(rate)))
    if asked.min_rater_votes is not None:
        _, rater, votes = np.unique(columns["voter"], return_inverse=True, return_counts=True)
        yield OF_FEW_VOTES, votes[rater] >= asked.min_rater_votes
