"""Votes from counts."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.outcomes import Outcome
from arena.services.fitting import BoardVotes


def board_votes(cells: Iterable[tuple[str, str, Outcome, int]]) -> BoardVotes:
    """Votes of so many raters, one each, on one prompt."""
    votes = BoardVotes()
    for left, right, outcome, count in cells:
        for _ in range(count):
            votes.add(left, right, outcome.value, len(votes), "a prompt")
    return votes
