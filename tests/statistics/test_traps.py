"""What leaderboards get wrong: each trap has a test."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from analysis import (
    Comparisons,
    ConvergenceError,
    DisconnectedError,
    InvalidComparisons,
    InvalidOption,
    articulation_entrants,
    best_probabilities,
    bootstrap,
    clustered,
    connectivity,
    difference,
    fit_bradley_terry,
    fit_davidson,
    leaderboard,
    profile_interval,
    rank_intervals,
    require_connected,
    run_elo,
)
from analysis.simulate import Arena

CORE = [
    (a, b, outcome, count)
    for a, b in ("AB", "BC", "CA")
    for outcome, count in (("left", 40), ("right", 30), ("tie", 10), ("both_bad", 5))
]


def compare(rows, labels):
    left, right, outcome, count = zip(*rows, strict=True) if rows else ([], [], [], [])
    return Comparisons.from_counts(labels, left, right, outcome, count)


def board(rows, labels, **options):
    made = leaderboard(fit_bradley_terry(compare(rows, labels), **options))
    json.dumps(made.as_dict(), allow_nan=False)
    assert list(made.frame()["entrant"]) == [row.entrant for row in made.rows]
    return made, {row.entrant: row for row in made.rows}


def test_no_votes_make_a_board_of_blanks():
    made, rows = board([], "AB")
    assert made.warnings == ("There are no votes yet.",)
    assert made.votes == 0
    for row in rows.values():
        assert (row.rating, row.low, row.high, row.rank, row.win_rate) == (None,) * 5
        assert row.provisional
        assert row.reason == "no votes"


def test_no_entrants_make_an_empty_board():
    assert board([], [])[0].rows == ()


def test_one_vote_orders_two_entrants_and_rates_none():
    made, rows = board([("A", "B", "left", 1)], "AB")
    assert (rows["A"].rank, rows["B"].rank) == (1, 2)
    assert (rows["A"].rank_low, rows["A"].rank_high) == (1, 2)
    assert (rows["A"].rating, rows["A"].low, rows["A"].high) == (None, None, None)
    assert "no rating can be estimated yet" in made.warnings[0]


def test_an_undefeated_entrant_is_open_above():
    made, rows = board([*CORE, ("X", "A", "left", 7)], "ABCX")
    x = rows["X"]
    assert x.rating is None
    assert x.high is None
    assert x.low > 1000
    assert x.rank == 1
    assert x.provisional
    assert "undefeated" in x.reason
    assert "never lost" in made.warnings[0]
    # The others are as if X had not played.
    alone = board(CORE, "ABC")[1]
    for name in "ABC":
        assert rows[name].rating == pytest.approx(alone[name].rating, abs=1e-9)
        assert not rows[name].provisional


def test_a_winless_entrant_is_open_below():
    rows = board([*CORE, ("A", "Y", "left", 7)], "ABCY")[1]
    assert (rows["Y"].rating, rows["Y"].low, rows["Y"].rank) == (None, None, 4)
    assert rows["Y"].high < 1000
    assert "winless" in rows["Y"].reason


def test_the_bound_of_an_undefeated_entrant_is_where_its_wins_become_unlikely():
    # Seven wins against an equal-strength core, held: p^7 = exp(-3.8415 / 2), low = logit p.
    fit = fit_bradley_terry(compare([*CORE, ("X", "A", "left", 7)], "ABCX"))
    p = math.exp(-3.841458821 / 14)
    assert profile_interval(fit, 3).low == pytest.approx(math.log(p / (1 - p)) + fit.strengths[0], abs=1e-4)


def test_a_group_that_never_lost_is_separated_though_each_of_its_members_did():
    rows = board([*CORE, ("X", "Y", "left", 3), ("X", "Y", "right", 2), ("X", "A", "left", 5)], "ABCXY")[1]
    for name in "XY":
        assert (rows[name].rating, rows[name].high) == (None, None)
        assert rows[name].low is not None
        assert "group of 2" in rows[name].reason
    assert (rows["X"].rank, rows["Y"].rank) == (1, 2)


def test_two_undefeated_entrants_who_never_met_have_no_rank():
    rows = board([*CORE, ("X", "A", "left", 7), ("Y", "A", "left", 200)], "ABCXY")[1]
    for name in "XY":
        assert rows[name].rank is None
        assert (rows[name].rank_low, rows[name].rank_high) == (1, 2)


def test_a_few_wins_are_not_surely_above():
    rows = board([*CORE, ("X", "A", "left", 2)], "ABCX")[1]
    assert rows["X"].rank == 1
    assert rows["X"].rank_high == 4


def test_who_met_only_separated_entrants_has_no_rating_and_no_rank():
    rows = board([*CORE, ("X", "A", "left", 7), ("X", "W", "left", 3)], "ABCXW")[1]
    assert (rows["W"].rating, rows["W"].low, rows["W"].high, rows["W"].rank) == (None,) * 4
    assert (rows["A"].rank, rows["X"].rank) != (None, None)


def test_two_islands_are_told_apart_and_only_one_is_ranked():
    made, rows = board([*CORE, ("X", "Y", "left", 30), ("X", "Y", "right", 20)], "ABCXY")
    assert "2 groups that never met" in made.warnings[0]
    assert {rows[name].island for name in "ABC"} == {0}
    assert {rows[name].island for name in "XY"} == {1}
    assert rows["X"].rating == pytest.approx(1000 + 400 * math.log10(1.5) / 2, abs=1e-6)
    assert rows["X"].rank is rows["X"].rank_low is rows["X"].rank_high is None
    assert rows["X"].provisional
    assert [rows[name].rank for name in "ABC"] == [1, 1, 1]
    assert rows["A"].rank_high == 3
    with pytest.raises(DisconnectedError):
        difference(fit_bradley_terry(compare([*CORE, ("X", "Y", "tie", 3)], "ABCXY")), "A", "X")


def test_entrants_without_votes_change_nothing_for_the_others():
    rows, alone = board(CORE, "ABCN")[1], board(CORE, "ABC")[1]
    assert rows["A"] == alone["A"]
    assert rows["N"].reason == "no votes"


def test_a_newcomer_with_twelve_of_a_million_votes_is_wide():
    arena = Arena(np.linspace(-0.5, 0.5, 20), tie=0)
    big = arena.comparisons(1_000_000, seed=1)
    counts = [*big.counts.ravel(), 8, 4]
    left, right = np.append(np.repeat(big.left, 4), [20, 20]), np.append(np.repeat(big.right, 4), [10, 11])
    outcome = ["left", "right", "tie", "both_bad"] * len(big.left) + ["left", "right"]
    fit = fit_bradley_terry(Comparisons.from_counts([*big.labels, "new"], left, right, outcome, counts))
    row = next(row for row in leaderboard(fit).rows if row.entrant == "new")
    # 8 to 4 is 120 points, give or take sqrt(1/8 + 1/4) nats or 106 points; 1.96 of those are 209.
    assert row.rating == pytest.approx(1000 + 400 * math.log10(2), abs=15)
    assert 350 < row.high - row.low < 520
    assert row.provisional
    assert "fewer than" in row.reason


def test_the_bootstrap_is_not_too_wide_with_ties():
    fit = fit_bradley_terry(Arena(np.linspace(-1, 1, 10), tie=0.8).comparisons(20_000, seed=2))
    spread = bootstrap(fit, draws=2000, seed=0).strengths.std(axis=0)
    # Resampling half wins is 16 % too wide at this rate of ties.
    assert np.mean(spread / np.sqrt(fit.variance)) == pytest.approx(1, abs=0.02)
    hessian = fit_bradley_terry(fit.comparisons, covariance="hessian")
    assert np.mean(np.sqrt(hessian.variance / fit.variance)) > 1.12


def test_a_draw_of_the_bootstrap_may_be_undefeated():
    fit = fit_bradley_terry(compare([*CORE, ("X", "A", "left", 9), ("X", "A", "right", 1)], "ABCX"))
    drawn = bootstrap(fit, draws=500, seed=0)
    assert drawn.n_separated > 50
    assert drawn.interval()[1][3] == np.inf
    assert np.isfinite(drawn.interval()[0][3])


def test_the_undefeated_leave_the_question_of_the_best_open():
    fit = fit_bradley_terry(compare([*CORE, ("X", "A", "left", 9)], "ABCX"))
    assert np.isnan(best_probabilities(fit)).all()
    assert np.nansum(best_probabilities(fit_bradley_terry(compare(CORE, "ABC")))) == pytest.approx(1)


def test_dropped_ties_are_counted_and_do_not_connect():
    made, rows = board([*CORE, ("X", "A", "tie", 6), ("X", "A", "both_bad", 2)], "ABCX", ties="drop")
    assert made.dropped == {"tie": 36, "both_bad": 17}
    assert rows["X"].reason == "no votes that count"
    assert (rows["X"].votes, rows["X"].ties, rows["X"].both_bad, rows["X"].rating) == (8, 6, 2, None)


def test_counts_of_a_row_add_up():
    made, rows = board(CORE, "ABC")
    a = rows["A"]
    assert (a.wins, a.losses, a.ties, a.both_bad, a.votes) == (70, 70, 20, 10, 170)
    assert a.win_rate == 0.5
    assert a.both_bad_low < a.both_bad_rate == 10 / 170 < a.both_bad_high
    assert made.votes == 255
    assert sum(row.votes for row in made.rows) == 2 * made.votes


def test_both_bad_may_be_left_out_alone():
    made, _ = board(CORE, "ABC", both_bad="drop")
    assert made.dropped == {"tie": 0, "both_bad": 15}


def test_connected_or_not_is_said_with_the_groups():
    rows = [*CORE, ("X", "A", "left", 7)]
    with pytest.raises(DisconnectedError) as caught:
        require_connected(compare(rows, "ABCX"))
    assert caught.value.groups == (("X",), ("A", "B", "C"))
    require_connected(compare(CORE, "ABC"))


def test_components_are_numbered_in_win_order():
    rows = [("D", "C", "left", 1), ("C", "B", "left", 1), ("B", "C", "left", 1), ("B", "A", "left", 1)]
    assert connectivity(compare(rows, "ABCD")).component.tolist() == [2, 1, 1, 0]


def test_articulation_entrants_hold_the_board_together():
    rows = [(a, b, "tie", 1) for a, b in ("AB", "BC", "CA", "CD", "DE", "EC", "EF")]
    assert articulation_entrants(compare(rows, "ABCDEF")) == ("C", "E")
    assert articulation_entrants(compare(CORE, "ABC")) == ()


def test_not_arriving_is_an_error():
    with pytest.raises(ConvergenceError) as caught:
        fit_bradley_terry(compare([("A", "B", "left", 10**6), ("B", "A", "left", 1)], "AB"), max_iterations=2)
    assert caught.value.iterations == 2


def test_davidson_without_ties_is_refused():
    with pytest.raises(InvalidComparisons, match="no ties"):
        fit_davidson(compare([("A", "B", "left", 3), ("A", "B", "right", 3)], "AB"))


def test_davidson_makes_a_board_too():
    made = leaderboard(fit_davidson(compare([*CORE, ("X", "A", "left", 9)], "ABCX")))
    assert made.method == "davidson"
    assert made.rows[0].entrant == "X"
    assert made.rows[0].low > 1000


def test_elo_without_an_order_is_refused_and_a_run_away_too():
    with pytest.raises(InvalidComparisons, match="order"):
        run_elo(compare(CORE, "ABC"))
    votes = Arena(np.zeros(3)).votes(500, seed=0)
    with pytest.raises(InvalidOption, match="run away"):
        run_elo(Comparisons.from_frame(votes, keep_votes=True), k=1e9)


def test_clusters_must_have_been_read():
    with pytest.raises(InvalidComparisons, match="rater"):
        clustered(fit_bradley_terry(compare(CORE, "ABC")), by=["rater"])


def test_few_clusters_are_warned_of():
    arena = Arena(np.linspace(-1, 1, 4), raters=8, prompts=50, rater_spread=0.5)
    votes = Comparisons.from_frame(arena.votes(2000, seed=0), rater="rater", prompt="prompt")
    made = leaderboard(clustered(fit_bradley_terry(votes)))
    assert made.warnings[0].startswith("Few raters or prompts: they weigh like 8.0 equally busy ones")
    assert "8 raters and 50 prompts" in made.target
    assert made.covariance_method == "sandwich clustered by rater and prompt"


def test_unknown_options_are_refused():
    for option in ({"ties": "coin"}, {"both_bad": "x"}, {"solver": "magic"}, {"covariance": "none"}):
        with pytest.raises(InvalidOption, match="must be one of"):
            fit_bradley_terry(compare(CORE, "ABC"), **option)


def test_the_same_seed_gives_the_same_board():
    fit = fit_bradley_terry(Arena(np.linspace(-1, 1, 6)).comparisons(1000, seed=4))
    assert leaderboard(fit, seed=3).as_dict() == leaderboard(fit, seed=3).as_dict()
    assert rank_intervals(fit, seed=1).critical_value != rank_intervals(fit, seed=2).critical_value


def test_more_than_a_thousand_entrants_are_fitted_and_warned_of():
    fit = fit_bradley_terry(Arena(np.linspace(-1, 1, 1200)).comparisons(60_000, seed=1))
    made = leaderboard(fit)
    assert "too narrow" in " ".join(made.warnings)
    assert made.rows[0].rank_low is None
    truth = np.linspace(-1, 1, 1200)
    assert np.corrcoef(np.nan_to_num(fit.strengths), truth)[0, 1] > 0.85
