"""Looks at raters: honest ones with tastes are left alone, attackers are found, chances are what they say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from analysis import Comparisons, fit_bradley_terry
from analysis.ballots import Ballots, ballots_of, with_tastes_of
from analysis.bursts import find_burst
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.rater_flags import LOOKS, flag_raters, influence
from analysis.rings import find_rings
from analysis.simulate import Arena

TARGET = "entrant-5"
FOLLOWING = LOOKS.index("following")


def honest(seed: int, *, raters: int = 60, each: int = 24, spread: float = 0.5) -> pd.DataFrame:
    arena = Arena(np.linspace(0.6, -0.6, 6), raters=raters, rater_spread=spread, prompt_spread=0.4)
    return arena.votes(raters * each, seed=seed).astype(str)


def attackers(kind: str, *, accounts: int, each: int, seed: int = 9) -> pd.DataFrame:
    """Votes for a target, or by one fixed order, or by the toss of a coin."""
    rng = np.random.default_rng(seed)
    labels = [f"entrant-{number}" for number in range(1, 7)]
    place = {name: number for number, name in enumerate([TARGET, *reversed(labels)])}
    rows = []
    for account in range(accounts):
        drawn = (rng.choice(labels, 2, replace=False) for _ in itertools.count())
        pairs = ((a, b) for a, b in drawn if kind != "target" or TARGET in (a, b))
        for left, right in itertools.islice(pairs, each):
            wanted = left == TARGET if kind == "target" else place[left] < place[right]
            said = rng.random() < 0.5 if kind == "coin" else wanted
            prompt = f"prompt-{rng.integers(100)}"
            rows.append((left, right, "left" if said else "right", f"bad-{account}", prompt))
    return pd.DataFrame(rows, columns=["left", "right", "outcome", "rater", "prompt"])


def read(*votes: pd.DataFrame) -> tuple[Comparisons, Ballots, np.ndarray]:
    """Ballots, and which of their raters are attackers."""
    table = pd.concat(votes, ignore_index=True)
    comparisons = Comparisons.from_frame(table, rater="rater", prompt="prompt", keep_votes=True)
    ballots = ballots_of(comparisons)
    assert comparisons.votes is not None
    of = dict(zip(comparisons.votes.clusters["rater"].tolist(), table["rater"], strict=True))
    bad = np.array([of[code].startswith("bad") for code in ballots.codes.tolist()])
    return comparisons, ballots, bad


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_honest_raters_are_not_found_however_far_their_tastes_differ(spread: float) -> None:
    found, p_values = 0, []
    for seed in range(4):
        comparisons, ballots, _ = read(honest(seed, spread=spread))
        flags = flag_raters(ballots, fit_bradley_terry(comparisons), seed=1)
        found += int(flags.found.any(axis=1).sum()) + len(find_rings(ballots))
        p_values.append(flags.p_value)
    assert found == 0
    low = (np.concatenate(p_values) <= 0.1).mean(axis=0)
    # 240 raters: three standard errors of a share of 10 % are 6 points
    assert np.all(low <= 0.16), dict(zip(LOOKS, low, strict=True))


def test_tastes_are_recovered_and_a_few_attackers_do_not_widen_them_much() -> None:
    _, ballots, _ = read(honest(1, raters=200, each=40, spread=0.6))
    assert 0.45 < ballots.taste.mean() < 0.75
    _, rigged, bad = read(
        honest(1, raters=200, each=40, spread=0.6), attackers("target", accounts=10, each=40)
    )
    assert rigged.taste.mean() < ballots.taste.mean() + 0.2
    assert with_tastes_of(rigged, ~bad).taste == pytest.approx(ballots.taste, abs=0.08)


def test_who_follows_a_target_is_found_by_their_own_ballot() -> None:
    comparisons, ballots, bad = read(honest(2), attackers("target", accounts=2, each=30))
    flags = flag_raters(ballots, fit_bradley_terry(comparisons), seed=1)
    assert flags.found[bad, FOLLOWING].all()
    assert not flags.found[~bad].any()
    target = comparisons.labels.index(TARGET)
    assert set(flags.about[bad, FOLLOWING]) == {target}
    assert flags.upward[bad, FOLLOWING].all()
    moved = influence(ballots, fit_bradley_terry(comparisons))
    assert moved[bad, target].min() > np.abs(moved[~bad]).max()
    assert moved.sum(axis=1) == pytest.approx(0, abs=1e-9)


def test_influence_is_what_leaving_a_rater_out_does() -> None:
    votes = honest(3, spread=0.0)
    comparisons, ballots, _ = read(votes)
    fit = fit_bradley_terry(comparisons)
    moved = influence(ballots, fit)
    raters = list(dict.fromkeys(votes["rater"]))
    for rater in (0, 17, 40):
        without = votes[votes["rater"] != raters[rater]]
        left = fit_bradley_terry(Comparisons.from_frame(without, labels=list(comparisons.labels)))
        assert fit.strengths - left.strengths == pytest.approx(moved[rater], abs=0.02)


def test_a_ring_is_found_whole_by_the_same_table_of_winners() -> None:
    _, ballots, bad = read(honest(4), attackers("order", accounts=4, each=30))
    (ring,) = find_rings(ballots)
    assert sorted(ring.members.tolist()) == np.flatnonzero(bad).tolist()
    assert ring.agreeing == ring.answers > 1.5 * ring.honest
    assert ring.log_e > -math.log(0.01)
    _, tossing, _ = read(honest(4), attackers("coin", accounts=4, each=30))
    assert find_rings(tossing) == []


def test_a_burst_is_found_where_it_is_and_not_when_it_is_spread() -> None:
    votes, many = honest(5), attackers("target", accounts=8, each=10)
    _, ballots, bad = read(votes, many)
    together = ballots.place.astype(np.float64)  # attackers vote last, one after the other
    burst = find_burst(ballots, together)
    assert burst is not None
    assert burst.p_value <= 0.01
    assert burst.upward
    assert bad[burst.members].sum() >= 6
    assert not (~bad)[burst.members].any()
    chance = np.random.default_rng(1).permutation(ballots.n_raters)
    calm = find_burst(ballots, chance[ballots.rater].astype(np.float64))
    assert calm is not None
    assert calm.p_value > 0.01


def test_the_p_value_of_a_burst_is_that_of_a_permutation() -> None:
    p_values = []
    for seed in range(12):
        _, ballots, _ = read(honest(seed, raters=24, each=10))
        order = np.random.default_rng(seed).permutation(ballots.n_raters)
        found = find_burst(ballots, order[ballots.rater].astype(np.float64), seed=seed)
        assert found is not None
        p_values.append(found.p_value)
    assert 0.25 < np.mean(p_values) < 0.75, "three standard errors of the mean of twelve"
    assert np.mean(np.array(p_values) <= 0.1) <= 0.4


def test_votes_without_raters_and_wrong_levels_are_refused() -> None:
    votes = honest(6, raters=5)
    with pytest.raises(InvalidComparisons, match="rater"):
        ballots_of(Comparisons.from_frame(votes, keep_votes=True))
    comparisons, ballots, _ = read(votes)
    with pytest.raises(InvalidOption, match="between 0 and 1"):
        flag_raters(ballots, fit_bradley_terry(comparisons), level=0.0)
    with pytest.raises(InvalidOption, match="between 0 and 1"):
        find_rings(ballots, share=1.0)
    with pytest.raises(InvalidOption, match="one value for each vote"):
        find_burst(ballots, np.zeros(3))
