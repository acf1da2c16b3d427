"""Raters who do not vote as the others do.

Three looks at each rater, all against Davidson's model fitted to the votes of everybody else:

- how surprising the votes are, ``S = -2 sum log p(own vote)`` [1]_: finds those who vote at random or
  against everybody;
- how far they push one entrant, ``z = sum w (y - E y) / sqrt(sum w^2 var y)`` with `w` the influence of a
  vote on that entrant's strength: finds those who vote for a target;
- a betting score that may be read after every vote, ``prod 1 / (2 p)`` over the decided votes [2]_. With
  ties its expectation could exceed one, so they are left out and `p` is the probability given a decision.

p-values come from votes simulated on the rater's own pairs, not from tables; raters are many, so read the
adjusted ones. A finding is a reason to look, never a verdict: taste looks like this, too.

References
----------
.. [1] R. Min, T. Pang, C. Du, Q. Liu, M. Cheng, M. Lin, "Improving your model ranking on Chatbot Arena by
   vote rigging", ICML 2025, arXiv:2501.17858.
.. [2] W.-L. Chiang et al., "Chatbot Arena: an open platform for evaluating LLMs by human preference", ICML
   2024, arXiv:2403.04132.
.. [3] J. Besag, P. Clifford, "Sequential Monte Carlo p-values", Biometrika 78(2), 1991.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import csr_array

from analysis.arrays import Bools, Floats, Ints
from analysis.comparisons import BOTH_BAD, LEFT, RIGHT, TIE, Comparisons, Votes, require_option
from analysis.connections import connect
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.estimate import generalised_inverse, within_components
from analysis.likelihood import Davidson, climb
from analysis.multiplicity import adjust_e_values, adjust_p_values
from analysis.pairs import Pairs, pairs_of

if TYPE_CHECKING:
    import pandas as pd

EXCEEDANCES: Final = 20
"""Simulation for a rater stops when so many simulated scores reach the real one [3]_."""

LARGE_SHARE: Final = 0.005
"""Raters with more of the votes are left out by a refit; the others by one Newton step."""

_SCORES: Final = np.array([1.0, 0.0, 0.5])
_BLOCK: Final = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RaterTests:
    """One place an array for each rater, in the order of `codes`.

    Attributes
    ----------
    codes : ndarray of shape (n_raters,)
        As in ``comparisons.votes.clusters["rater"]``.
    votes : ndarray of shape (n_raters,)
        Votes that could be judged: both entrants connected by the votes of others.
    surprise : ndarray of shape (n_raters,)
        S, in twice nats.
    surprise_p, surprise_adjusted : ndarray of shape (n_raters,)
        Simulated, one-sided; NaN without votes to judge.
    target : str or None
    push : ndarray of shape (n_raters,)
        z for the target, positive upwards; NaN without a target or influence on it.
    push_p, push_adjusted : ndarray of shape (n_raters,)
        Two-sided, simulated.
    bet : ndarray of shape (n_raters,)
        Largest value of the betting score so far; a rater at or above 1 / alpha is found at level alpha,
        whenever one looks.
    bet_adjusted : ndarray of shape (n_raters,)
    method : str
        Of the adjustment.
    seed : int
    """

    codes: Ints
    votes: Ints
    surprise: Floats
    surprise_p: Floats
    surprise_adjusted: Floats
    target: str | None
    push: Floats
    push_p: Floats
    push_adjusted: Floats
    bet: Floats
    bet_adjusted: Floats
    method: str
    seed: int

    def frame(self) -> pd.DataFrame:
        """One row a rater, the most surprising first."""
        import pandas as pd

        names = ("codes", "votes", "surprise", "surprise_p", "surprise_adjusted", "push", "push_p",
                 "push_adjusted", "bet", "bet_adjusted")  # fmt: skip
        table = pd.DataFrame({name: getattr(self, name) for name in names})
        return table.rename(columns={"codes": "rater"}).sort_values("surprise_p", kind="stable")


def rater_tests(
    comparisons: Comparisons,
    *,
    target: str | None = None,
    both_bad: str = "tie",
    method: str = "benjamini-hochberg",
    draws: int = 10_000,
    seed: int = 0,
) -> RaterTests:
    """Test every rater against all others.

    Parameters
    ----------
    comparisons : Comparisons
        Read with a rater column; unweighted.
    target : str, optional
        An entrant that somebody may be pushing.
    both_bad : {"tie", "drop"}
    method : {"holm", "benjamini-hochberg"}
        For the adjusted p-values.
    draws : int
        Simulated scores at most for a rater; the smallest p-value is 1 / (draws + 1).
    seed : int
    """
    require_option("both_bad", both_bad, ("tie", "drop"))
    votes = comparisons.votes
    if votes is None or "rater" not in votes.clusters:
        raise InvalidComparisons("the votes were read without a column for rater")
    if votes.weight is not None:
        raise InvalidComparisons("rater tests are for unweighted votes")
    if draws < 1:
        raise InvalidOption("draws must be positive")
    goal = None if target is None else comparisons.index(target)
    codes, rater = np.unique(votes.clusters["rater"], return_inverse=True)
    probability, weight = leave_one_out(comparisons, votes, rater, codes.size, both_bad, goal)
    answer = np.minimum(votes.outcome, TIE).astype(np.int64)
    used = np.isfinite(probability[:, 0])
    if both_bad == "drop":
        used &= votes.outcome != BOTH_BAD
    kept = np.flatnonzero(used)
    order = kept[np.argsort(rater[kept], kind="stable")]
    rater, answer, probability, weight = rater[order], answer[order], probability[order], weight[order]
    counts = np.bincount(rater, minlength=codes.size)
    rng = np.random.default_rng(seed)

    with np.errstate(divide="ignore"):
        surprises = -2 * np.log(probability)
    surprise, surprise_p = _simulated(surprises, probability, answer, counts, draws, rng)
    push, push_p = np.full(codes.size, np.nan), np.full(codes.size, np.nan)
    if goal is not None:
        expected = probability @ _SCORES
        variance = probability @ _SCORES**2 - expected**2
        total = np.bincount(rater, weight**2 * variance, codes.size)
        pushes = weight[:, None] * (_SCORES - expected[:, None])
        moved = np.bincount(rater, pushes[np.arange(rater.size), answer], codes.size)
        push = np.divide(moved, np.sqrt(total), out=push, where=total > 1e-24)
        push_p = _simulated(pushes, probability, answer, counts, draws, rng, two_sided=True)[1]
        push_p[np.isnan(push)] = np.nan
    bet = _bets(probability, answer, rater, codes.size)
    return RaterTests(
        codes, counts, surprise, surprise_p, adjust_p_values(surprise_p, method=method), target, push,
        push_p, adjust_p_values(push_p, method=method), bet, adjust_e_values(bet), method, seed,
    )  # fmt: skip


def leave_one_out(
    comparisons: Comparisons, votes: Votes, rater: Ints, n_raters: int, both_bad: str, goal: int | None
) -> tuple[Floats, Floats]:
    """Probabilities (n_votes, 3) of each vote's answers by the others' votes, and its influence on the goal.

    `rater` numbers the rater of each vote from zero; without a `goal` the influence is zero. NaN where the
    others' votes do not connect the two entrants. Entrants connected by all votes are taken to stay connected
    without a small rater.
    """
    strengths, eta, component, inverse = _davidson(pairs_of(comparisons, both_bad=both_bad))
    n = comparisons.n_entrants
    left, right, answer = votes.left.astype(np.int64), votes.right.astype(np.int64), votes.outcome
    inner = component[left] == component[right]
    win, lose, tie = Davidson.probabilities(strengths[left] - strengths[right], eta)
    fitted = inner & ~((answer == BOTH_BAD) & (both_bad == "drop"))
    by_x = fitted * ((answer == LEFT) * 1.0 - (answer == RIGHT) - (win - lose)) / 2
    by_eta = np.bincount(rater, fitted * ((answer >= TIE) - tie), n_raters)
    ends = (np.concatenate([rater, rater]), np.concatenate([left, right]))
    scores = csr_array((np.concatenate([by_x, -by_x]), ends), shape=(n_raters, n))
    order = np.argsort(rater, kind="stable")
    probability = np.empty((len(rater), 3))
    # Without a rater the summit moves by minus the inverse information times the rater's score.
    for begin in range(0, n_raters, block := max(1, _BLOCK // n)):
        own = order[slice(*np.searchsorted(rater[order], [begin, begin + block]))]
        moved, own_eta = strengths - scores[begin : begin + block] @ inverse[:n, :n], np.full(own.size, eta)
        if np.isfinite(eta):
            eta_score = by_eta[begin : begin + block]
            moved -= np.outer(eta_score, inverse[n, :n])
            shift = scores[begin : begin + block] @ inverse[:n, n] + eta_score * inverse[n, n]
            own_eta -= shift[rater[own] - begin]
        at = rater[own] - begin
        x = moved[at, left[own]] - moved[at, right[own]]
        probability[own] = _shares(x, own_eta)
    probability[~inner] = np.nan
    weight = np.zeros(len(rater)) if goal is None else inverse[goal, left] - inverse[goal, right]
    sizes = np.bincount(rater, minlength=n_raters)
    for k in np.flatnonzero(sizes > max(1, LARGE_SHARE * len(rater))).tolist():
        own = np.flatnonzero(rater == k)
        others = _others(comparisons, votes, own, both_bad)
        r, eta, parts, own_inverse = _davidson(others)
        found = _shares(r[left[own]] - r[right[own]], np.full(own.size, eta))
        found[parts[left[own]] != parts[right[own]]] = np.nan
        probability[own] = found
        if goal is not None:
            weight[own] = own_inverse[goal, left[own]] - own_inverse[goal, right[own]]
    return probability, weight


def _davidson(pairs: Pairs) -> tuple[Floats, float, Ints, Floats]:
    """Strengths, eta, components, inverse information of strengths and eta; eta is -inf without ties."""
    connectivity = connect(pairs)
    inner = within_components(pairs, connectivity)
    anchors = np.unique(connectivity.component, return_index=True)[1]
    free = np.setdiff1d(np.arange(pairs.n), anchors)
    tied = float(inner.ties.sum())
    decided = float((inner.wins + inner.losses).sum())
    if tied and not decided:
        raise InvalidComparisons("there are nothing but ties: no rater can stand out")
    model = Davidson()
    start = float(np.log(2 * tied / decided)) if tied else -np.inf
    summit = climb(model, inner, np.zeros(pairs.n), free, eta=start if tied else -745.0, free_eta=tied > 0)
    r = summit.strengths
    terms = model.terms(inner, r[inner.first] - r[inner.second], summit.eta)
    size = pairs.n + (1 if tied else 0)
    information = np.zeros((size, size))
    information[: pairs.n, : pairs.n] = inner.laplacian(terms.curvature)
    if tied and terms.eta_cross is not None:
        information[pairs.n, : pairs.n] = information[: pairs.n, pairs.n] = inner.total(terms.eta_cross)
        information[pairs.n, pairs.n] = terms.eta_curvature
    inverse = generalised_inverse(information, connectivity.component)
    return r, summit.eta if tied else -np.inf, connectivity.component, inverse


def _shares(x: Floats, eta: Floats) -> Floats:
    """Davidson's probabilities of a win of the left, of the right and of a tie; shape (n_votes, 3)."""
    logits = np.column_stack([x / 2, -x / 2, eta])
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def _others(comparisons: Comparisons, votes: Votes, own: Ints, both_bad: str) -> Pairs:
    """Count the votes of everybody else."""
    n = comparisons.n_entrants
    kept: Bools = np.ones(len(votes.left), dtype=np.bool_)
    kept[own] = False
    cell = (votes.left[kept].astype(np.int64) * n + votes.right[kept]) * 4 + votes.outcome[kept]
    present, counts = np.unique(cell, return_counts=True)
    rest = Comparisons.from_counts(
        comparisons.labels, present // 4 // n, present // 4 % n,
        [("left", "right", "tie", "both_bad")[i] for i in (present % 4).tolist()], counts,
    )  # fmt: skip
    return pairs_of(rest, both_bad=both_bad)


def _simulated(
    values: Floats,
    probability: Floats,
    answer: Ints,
    counts: Ints,
    draws: int,
    rng: np.random.Generator,
    *,
    two_sided: bool = False,
) -> tuple[Floats, Floats]:
    """Sum `values` of the answers for each rater, and the chance of a sum as large under `probability`."""
    ends = np.cumsum(counts)
    score, p_value = np.full(counts.size, np.nan), np.full(counts.size, np.nan)
    steps = np.cumsum(probability, axis=1)[:, :2]
    for k in np.flatnonzero(counts).tolist():
        own = slice(int(ends[k] - counts[k]), int(ends[k]))
        mine = values[own]
        score[k] = mine[np.arange(len(mine)), answer[own]].sum()
        bar = abs(score[k]) if two_sided else score[k]
        done = reached = 0
        size = 100
        while done < draws:
            size = min(size, draws - done, max(1, _BLOCK // len(mine)))
            u = rng.random((size, len(mine)))
            rest = np.where(u < steps[own, 1], mine[:, 1], mine[:, 2])
            sums = np.where(u < steps[own, 0], mine[:, 0], rest).sum(axis=1)
            hit = np.flatnonzero((np.abs(sums) if two_sided else sums) >= bar - 1e-9 * (1 + abs(bar)))
            if reached + hit.size >= EXCEEDANCES:
                p_value[k] = EXCEEDANCES / (done + int(hit[EXCEEDANCES - reached - 1]) + 1)
                break
            reached += hit.size
            done += size
            size *= 4
        else:
            p_value[k] = (reached + 1) / (draws + 1)
    return score, p_value


def _bets(probability: Floats, answer: Ints, rater: Ints, n_raters: int) -> Floats:
    """Largest product of 1 / (2 p) over the decided votes of each rater, in their order; at least one."""
    decided = answer < TIE
    win = probability[decided, 0] / (probability[decided, 0] + probability[decided, 1])
    said = np.where(answer[decided] == LEFT, win, 1 - win)
    of = rater[decided]
    best = np.ones(n_raters)
    if of.size:
        logs = np.cumsum(-np.log(2 * said))
        begins = np.flatnonzero(np.diff(of, prepend=-1))
        before = np.where(begins > 0, logs[begins - 1], 0.0)
        highest = np.maximum.reduceat(logs, begins) - before
        best[of[begins]] = np.exp(np.clip(highest, 0, 700))
    return best
