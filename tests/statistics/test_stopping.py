"""The stop rule of campaigns: what it says, how rarely it is wrong, and what it is planned to take."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.comparisons import Comparisons
from analysis.design import UNIFORM_SHARE, pair_probabilities, targeted_probabilities
from analysis.errors import InvalidOption
from analysis.planning import total_votes, votes_needed
from analysis.scale import POINTS_PER_NAT
from analysis.simulate import Arena
from analysis.stopping import Aim, answer_of, look, planned_votes, votes_left
from analysis.stopping_trials import run_trials

FIRST, SECOND, THIRD = "entrant-1", "entrant-2", "entrant-3"


def arena_of(*points: float, **more: float) -> Arena:
    """A truth in points."""
    return Arena(np.array(points) / POINTS_PER_NAT, tie=0.6, **more)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1, 90, "above"),
        (-90, -1, "below"),
        (-20, 29, "alike"),
        (-31, 20, None),
        (-10, 40, None),
        (None, None, None),
    ],
)
def test_an_interval_answers_by_where_zero_and_the_gap_lie(
    low: float | None, high: float | None, told: str | None
) -> None:
    assert answer_of(low, high, 30) == told


def test_swapping_a_pair_turns_the_answer_and_nothing_else() -> None:
    votes = arena_of(80, 0, -40).comparisons(3000, seed=4)
    forth, back = look(votes, Aim(((FIRST, SECOND),), 30)), look(votes, Aim(((SECOND, FIRST),), 30))
    assert (forth.answer, back.answer) == ("above", "below")
    assert forth.estimate == pytest.approx(-back.estimate)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))
    assert (forth.states[0].wins, forth.states[0].losses) == (back.states[0].losses, back.states[0].wins)


def test_the_best_of_several_is_the_smallest_difference_at_a_shared_error() -> None:
    votes = arena_of(80, 0, 40).comparisons(4000, seed=4)
    pairs = ((FIRST, SECOND), (FIRST, THIRD))
    found = look(votes, Aim(pairs, 30, against_best=True))
    assert found.estimate == min(state.estimate for state in found.states)
    assert found.low == min(state.low for state in found.states)
    alone = look(votes, Aim((pairs[1],), 30))
    assert found.states[1].low < alone.low < alone.high < found.states[1].high


def test_ties_decide_nothing() -> None:
    decided = [("a", "b", "left", 300), ("b", "c", "left", 200), ("a", "c", "right", 150)]
    tied = [("a", "b", "tie", 400), ("b", "c", "both_bad", 90)]

    def counted(rows: list[tuple[str, str, str, int]]) -> Comparisons:
        turned = [(right, left, outcome, votes // 3) for left, right, outcome, votes in rows]
        left, right, outcome, votes = zip(*rows, *turned, strict=True)
        place = {"a": 0, "b": 1, "c": 2}
        return Comparisons.from_counts(
            ("a", "b", "c"), [place[x] for x in left], [place[x] for x in right], outcome, votes
        )

    aim = Aim((("a", "b"),), 30)
    assert look(counted(decided + tied), aim) == look(counted(decided), aim)


def test_raters_and_prompts_that_differ_widen_the_sequence() -> None:
    arena = Arena(
        np.array([60, 0, -40]) / POINTS_PER_NAT, raters=30, prompts=30, rater_spread=0.8, prompt_spread=0.8
    )
    votes = arena.votes(4000, seed=2)
    aim = Aim(((FIRST, SECOND),), 30)
    plain = look(Comparisons.from_frame(votes), aim)
    clustered = look(Comparisons.from_frame(votes, rater="rater", prompt="prompt", keep_votes=True), aim)
    assert clustered.estimate == pytest.approx(plain.estimate)
    assert clustered.high - clustered.low > 1.5 * (plain.high - plain.low)
    assert clustered.clock < plain.clock


def test_equals_are_told_apart_in_one_of_twenty_campaigns_at_most() -> None:
    arena = arena_of(20, 20, 0, -20, -40, -60)
    found = run_trials(arena, Aim(((FIRST, SECOND),), 100), policy="targeted", trials=20, limit=6000, seed=1)
    assert sum(one.wrong for one in found) <= 1
    assert [one.answer for one in found].count("alike") >= 18


def test_pairs_that_it_asks_about_take_fewer_votes_than_all_alike() -> None:
    arena = arena_of(120, 0, -20, -40, -60, -80)
    aim = Aim(((FIRST, SECOND),), 100)
    votes = {
        policy: np.mean(
            [one.votes for one in run_trials(arena, aim, policy=policy, trials=6, limit=6000, seed=3)]
        )
        for policy in ("uniform", "targeted")
    }
    assert votes["targeted"] < 0.8 * votes["uniform"]


def test_a_plan_for_any_time_costs_about_twice_one_look_at_the_end() -> None:
    for gap in (20, 30, 50, 100):
        aim = Aim(((FIRST, SECOND),), gap)
        assert 1.7 < planned_votes(2, aim) / votes_needed(gap) < 2.2
        assert 1.7 < planned_votes(6, aim, tie_share=0.2) / total_votes(6, gap, tie_share=0.2) < 2.2


def test_votes_left_lead_to_the_answer() -> None:
    arena, aim = arena_of(60, 0, -30), Aim(((FIRST, SECOND),), 30)
    frame = arena.votes(20_000, seed=8)
    seen = look(Comparisons.from_frame(frame.head(800), labels=arena.labels), aim)
    left = votes_left(seen, aim, 800)
    assert seen.answer is None
    assert left is not None
    assert 0 < left < 10_000
    assert votes_left(look(Comparisons.from_frame(frame), aim), aim, 20_000) == 0


def test_targeted_pairs_go_where_the_wanted_variance_falls_most() -> None:
    wins = np.array([[0, 30, 9, 4], [20, 0, 8, 12], [7, 9, 0, 10], [6, 3, 11, 0]], dtype=np.float64)
    told = targeted_probabilities(wins, [(0, 1)])
    assert told == pytest.approx(told.T)
    assert np.triu(told).sum() == pytest.approx(1)
    assert told[~np.eye(4, dtype=bool)].min() >= UNIFORM_SHARE / 6
    everything = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    assert targeted_probabilities(wins, everything).shape == pair_probabilities(wins).shape
    assert told[0, 1] == np.triu(told).max()
    with pytest.raises(InvalidOption, match="one pair or more"):
        targeted_probabilities(wins, [(1, 1)])


@pytest.mark.parametrize("wrong", [{"gap": 0}, {"error": 0.6}, {"pairs": ()}, {"pairs": (("a", "a"),)}])
def test_a_question_that_asks_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidOption):
        Aim(**{"pairs": (("a", "b"),), "gap": 30.0, **wrong})
