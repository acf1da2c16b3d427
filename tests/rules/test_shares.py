"""What counted votes say: shares with their intervals, votes still needed, and pictures in their order."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from arena.queries.showing import Count
from arena.services.shares import most_and_least, share_of, still_needed


@pytest.mark.parametrize(("wins", "losses"), [(0, 4), (7, 3), (52, 48), (300, 200), (1, 0)])
def test_a_share_has_the_wilson_interval_of_scipy(wins: int, losses: int) -> None:
    share = share_of(Count(wins=wins, losses=losses, ties=9, both_bad=2))
    expected = binomtest(wins, wins + losses).proportion_ci(0.95, method="wilson")
    assert share is not None
    assert share.share == wins / (wins + losses)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_a_decided_vote_there_is_no_share() -> None:
    assert share_of(Count(ties=3, both_bad=1)) is None
    assert still_needed(Count()) is None
    assert still_needed(Count(ties=30)) is None


def test_votes_needed_grow_with_closeness_and_ties_and_end_when_separated() -> None:
    assert still_needed(Count(wins=300, losses=200)) == 0
    close, closer = still_needed(Count(wins=55, losses=45)), still_needed(Count(wins=52, losses=48))
    assert close is not None
    assert closer is not None
    assert 0 < close < closer
    tied = still_needed(Count(wins=55, losses=45, ties=100))
    assert tied is not None
    assert tied > close
    assert still_needed(Count(wins=50, losses=50)) is None
    assert still_needed(Count(wins=2, losses=0)) >= 1  # type: ignore[operator]


def test_it_does_not_matter_which_of_the_two_is_asked() -> None:
    assert still_needed(Count(wins=58, losses=42, ties=7)) == still_needed(Count(wins=42, losses=58, ties=7))


def test_one_vote_of_one_does_not_win() -> None:
    """The near end of the interval orders; a picture that won as often as it lost is in neither list."""
    counts = {
        1: Count(wins=1),
        2: Count(wins=18, losses=2),
        3: Count(wins=5, losses=5),
        4: Count(losses=1),
        5: Count(wins=1, losses=14),
        6: Count(ties=8),
    }
    assert most_and_least(counts, most=2) == ([2, 1], [5, 4])
    assert most_and_least(counts, most=1) == ([2], [5])
