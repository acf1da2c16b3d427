"""Log-likelihoods of paired comparisons, and the climb to their maximum.

Every model here is a function of the differences x = r_first - r_second of the pairs that met and, for the
two tie models, of one more number, eta. All are concave, so Newton's method with halved steps finds the
maximum where there is one.

References
----------
.. [BT1952] R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs I", Biometrika 39, 1952.
.. [Davidson1970] R. R. Davidson, "On extending the Bradley-Terry model to accommodate ties in paired
   comparison experiments", Journal of the American Statistical Association 65, 1970.
.. [RaoKupper1967] P. V. Rao, L. L. Kupper, "Ties in paired-comparison experiments: a generalization of the
   Bradley-Terry model", Journal of the American Statistical Association 62, 1967.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import expit, log_expit

from analysis.arrays import Floats, Ints
from analysis.errors import ConvergenceError
from analysis.pairs import Pairs

MAX_STEP: Final = 4.0
"""No strength moves by more nats in one step."""

HALF_WINS: Final = np.array([1.0, 0.0, 0.5, 0.5])
"""What the left scores by each outcome where a tie is half a win to each."""

DENSE_LIMIT: Final = 1000
"""With more free entrants the Newton system is solved sparse."""


class Terms(NamedTuple):
    """A log-likelihood and its derivatives, pair by pair.

    `value` is the sum; `slope` (first derivative) and `curvature` (minus the second) by x have shape
    (n_pairs,). The last three belong to eta: first derivative, minus the mixed ones (n_pairs,), minus the
    second.
    """

    value: float
    slope: Floats
    curvature: Floats
    eta_slope: float = 0.0
    eta_cross: Floats | None = None
    eta_curvature: float = 0.0


class Model(Protocol):
    """What a model of one comparison has to know."""

    @property
    def has_eta(self) -> bool:
        """Whether there is a parameter for ties."""

    def terms(self, pairs: Pairs, x: Floats, eta: float) -> Terms:
        """Log-likelihood of the pairs at differences `x`, in nats."""

    def squared_scores(self, squares: Pairs, x: Floats, eta: float) -> tuple[Floats, Floats, float]:
        """Sums of squared score contributions: by x (n_pairs,), x times eta (n_pairs,), eta."""

    def vote_scores(self, outcome: NDArray[np.int8], x: Floats, eta: float) -> tuple[Floats, Floats]:
        """Scores of single votes by x = r_left - r_right and by eta, each (n_votes,)."""


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """P(first wins) = 1 / (1 + exp(-x)); a tie is half a win to each [BT1952]_."""

    has_eta: bool = False

    def terms(self, pairs: Pairs, x: Floats, eta: float = 0.0) -> Terms:
        """Log-likelihood with derivatives."""
        wins, losses = pairs.half_wins()
        p = expit(x)
        met = wins + losses
        # log(1 - p) = log p - x
        value = float(met @ log_expit(x) - losses @ x)
        return Terms(value, wins - met * p, met * p * (1 - p))

    def squared_scores(self, squares: Pairs, x: Floats, eta: float = 0.0) -> tuple[Floats, Floats, float]:
        """Residuals are 1 - p, -p, and 1/2 - p for a tie: each outcome squared by itself."""
        p = expit(x)
        by_x = squares.wins * (1 - p) ** 2 + squares.losses * p**2 + squares.ties * (0.5 - p) ** 2
        return by_x, np.zeros_like(by_x), 0.0

    def vote_scores(self, outcome: NDArray[np.int8], x: Floats, eta: float = 0.0) -> tuple[Floats, Floats]:
        """What was scored less what was expected."""
        by_x = HALF_WINS[outcome] - expit(x)
        return by_x, np.zeros_like(by_x)


@dataclass(frozen=True, slots=True)
class Davidson:
    """Wins and ties in proportion exp(x/2) : exp(-x/2) : exp(eta), eta = log nu [Davidson1970]_."""

    has_eta: bool = True

    @staticmethod
    def probabilities(x: Floats, eta: float) -> tuple[Floats, Floats, Floats]:
        """P(first wins), P(second wins), P(tie)."""
        top = np.maximum(np.abs(x) / 2, eta)
        win, lose, tie = np.exp(x / 2 - top), np.exp(-x / 2 - top), np.exp(eta - top)
        total = win + lose + tie
        return win / total, lose / total, tie / total

    def terms(self, pairs: Pairs, x: Floats, eta: float) -> Terms:
        """Log-likelihood with derivatives."""
        win, lose, tie = self.probabilities(x, eta)
        met = pairs.wins + pairs.losses + pairs.ties
        log_total = np.logaddexp(np.logaddexp(x / 2, -x / 2), eta)
        value = float((pairs.wins - pairs.losses) @ x / 2 + eta * pairs.ties.sum() - met @ log_total)
        return Terms(
            value,
            (pairs.wins - pairs.losses - met * (win - lose)) / 2,
            met * (win + lose - (win - lose) ** 2) / 4,
            float(pairs.ties.sum() - met @ tie),
            -met * (win - lose) * tie / 2,
            float(met @ (tie * (1 - tie))),
        )

    def squared_scores(self, squares: Pairs, x: Floats, eta: float) -> tuple[Floats, Floats, float]:
        """Scores by x are (±1 - (P1 - P2)) / 2 and, for a tie, -(P1 - P2) / 2; by eta, [tie] - P(tie)."""
        win, lose, tie = self.probabilities(x, eta)
        gap = win - lose
        parts = [(squares.wins, 1.0, 0.0), (squares.losses, -1.0, 0.0), (squares.ties, 0.0, 1.0)]
        return _sum_scores([(w, (s - gap) / 2, t - tie) for w, s, t in parts])

    def vote_scores(self, outcome: NDArray[np.int8], x: Floats, eta: float) -> tuple[Floats, Floats]:
        """The same vote by vote."""
        win, lose, tie = self.probabilities(x, eta)
        return HALF_WINS[outcome] - (1 + win - lose) / 2, (outcome > 1) - tie


@dataclass(frozen=True, slots=True)
class RaoKupper:
    """P(first wins) = 1 / (1 + exp(eta - x)), eta = log kappa > 0; the rest are ties [RaoKupper1967]_."""

    has_eta: bool = True

    def terms(self, pairs: Pairs, x: Floats, eta: float) -> Terms:
        """Log-likelihood with derivatives; P(tie) = (kappa^2 - 1) P(first) P(second)."""
        if eta <= 0:
            nowhere = np.zeros_like(x)
            return Terms(-np.inf, nowhere, nowhere, 0.0, nowhere, 1.0)
        win, lose = expit(x - eta), expit(-x - eta)
        won, lost = pairs.wins + pairs.ties, pairs.losses + pairs.ties
        tied = float(pairs.ties.sum())
        value = float(
            won @ log_expit(x - eta) + lost @ log_expit(-x - eta) + tied * np.log(np.expm1(2 * eta))
        )
        bend_won, bend_lost = won * win * (1 - win), lost * lose * (1 - lose)
        grown = -np.expm1(-2 * eta)
        return Terms(
            value,
            won * (1 - win) - lost * (1 - lose),
            bend_won + bend_lost,
            float(-(won @ (1 - win)) - lost @ (1 - lose) + 2 * tied / grown),
            bend_lost - bend_won,
            float((bend_won + bend_lost).sum() + 4 * tied * np.exp(-2 * eta) / grown**2),
        )

    def squared_scores(self, squares: Pairs, x: Floats, eta: float) -> tuple[Floats, Floats, float]:
        """A tie scores as a win and a loss at once, and by eta 2 / (1 - kappa^-2) more."""
        lose_by, win_by = 1 - expit(x - eta), 1 - expit(-x - eta)
        grown = -np.expm1(-2 * eta)
        return _sum_scores([
            (squares.wins, lose_by, -lose_by),
            (squares.losses, -win_by, -win_by),
            (squares.ties, lose_by - win_by, 2 / grown - lose_by - win_by),
        ])  # fmt: skip

    def vote_scores(self, outcome: NDArray[np.int8], x: Floats, eta: float) -> tuple[Floats, Floats]:
        """The same vote by vote."""
        lose_by, win_by = 1 - expit(x - eta), 1 - expit(-x - eta)
        by_x = np.choose(np.minimum(outcome, 2), [lose_by, -win_by, lose_by - win_by])
        of_tie = -2 / np.expm1(-2 * eta) - lose_by - win_by
        return by_x, np.choose(np.minimum(outcome, 2), [-lose_by, -win_by, of_tie])


class Summit(NamedTuple):
    """Where a climb ended: strengths (n,), eta, log-likelihood, number of steps."""

    strengths: Floats
    eta: float
    value: float
    iterations: int


def climb(
    model: Model,
    pairs: Pairs,
    strengths: Floats,
    free: Ints,
    *,
    eta: float = 0.0,
    free_eta: bool = False,
    keep_sum: bool = False,
    tolerance: float = 1e-8,
    max_iterations: int = 100,
) -> Summit:
    """Maximise over the strengths of some entrants, the others held.

    Parameters
    ----------
    model : Model
    pairs : Pairs
    strengths : ndarray of shape (n,)
        Where to start, in nats.
    free : ndarray of int
        Positions of the entrants that may move. At least one of those they met must be held, directly or
        through others, or nothing would fix their level.
    eta, free_eta : float, bool
        Start of the tie parameter, and whether it may move.
    keep_sum : bool
        Move only so that the sum of the strengths stays.
    tolerance : float
        The last step is smaller, in nats; as convergence is quadratic, the error then is its square.
    max_iterations : int

    Raises
    ------
    ConvergenceError
        No maximum was reached.
    """
    r = strengths.astype(np.float64, copy=True)
    size = free.size + (1 if free_eta else 0)
    now = model.terms(pairs, r[pairs.first] - r[pairs.second], eta)
    if size == 0:
        return Summit(r, eta, now.value, 0)
    for iteration in range(1, max_iterations + 1):
        gradient = np.empty(size)
        gradient[: free.size] = pairs.total(now.slope)[free]
        if free_eta:
            gradient[-1] = now.eta_slope
        step = _newton_step(pairs, now, free, free_eta, gradient, keep_sum, iteration)
        longest = float(np.max(np.abs(step), initial=0.0))
        if longest > MAX_STEP:
            step *= MAX_STEP / longest
        slack = 1e-11 * (1 + abs(now.value))
        scale = 1.0
        while True:
            tried, tried_eta = r.copy(), eta
            tried[free] += scale * step[: free.size]
            if free_eta:
                tried_eta = eta + scale * float(step[-1])
            then = model.terms(pairs, tried[pairs.first] - tried[pairs.second], tried_eta)
            if then.value >= now.value - slack:
                break
            scale /= 2
            if scale < 1e-10:
                raise ConvergenceError("no step raises the likelihood", iterations=iteration)
        r, eta, now = tried, tried_eta, then
        if longest < tolerance:
            return Summit(r, eta, now.value, iteration)
    raise ConvergenceError("the likelihood still rises", iterations=max_iterations)


def _newton_step(
    pairs: Pairs, now: Terms, free: Ints, free_eta: bool, gradient: Floats, keep_sum: bool, iteration: int
) -> Floats:
    """Solve information times step = gradient, on the free entrants and eta."""
    ones = np.zeros_like(gradient)
    ones[: free.size] = 1.0
    right = np.column_stack([gradient, ones]) if keep_sum else gradient[:, None]
    if free.size > DENSE_LIMIT and not free_eta:
        solved = _solve_sparse(pairs, now, free, right)
    elif free.size > DENSE_LIMIT and now.eta_cross is not None:
        cross = pairs.total(now.eta_cross)[free]
        alone, along = _solve_sparse(pairs, now, free, np.column_stack([gradient[:-1], cross])).T
        by_eta = (gradient[-1] - cross @ alone) / (now.eta_curvature - cross @ along)
        solved = np.append(alone - by_eta * along, by_eta)[:, None]
    else:
        information = np.zeros((gradient.size, gradient.size))
        whole = pairs.laplacian(now.curvature)
        information[: free.size, : free.size] = whole[np.ix_(free, free)]
        if free_eta and now.eta_cross is not None:
            cross = pairs.total(now.eta_cross)[free]
            information[-1, : free.size] = information[: free.size, -1] = cross
            information[-1, -1] = now.eta_curvature
        try:
            factor = cho_factor(information, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            raise ConvergenceError("the likelihood has no single maximum", iterations=iteration) from None
        solved = cho_solve(factor, right, check_finite=False)
    if not np.all(np.isfinite(solved)):
        raise ConvergenceError("the likelihood has no single maximum", iterations=iteration)
    step: Floats = solved[:, 0]
    if keep_sum:
        along = solved[:, 1]
        step = step - along * (ones @ step) / (ones @ along)
    return step


def _solve_sparse(pairs: Pairs, now: Terms, free: Ints, right: Floats) -> Floats:
    """Solve the Newton system of thousands of entrants, most of whom never met."""
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import cg

    n = pairs.n
    rows = np.concatenate([pairs.first, pairs.second, np.arange(n)])
    columns = np.concatenate([pairs.second, pairs.first, np.arange(n)])
    diagonal = np.bincount(pairs.first, now.curvature, n) + np.bincount(pairs.second, now.curvature, n)
    values = np.concatenate([-now.curvature, -now.curvature, diagonal])
    part = coo_array((values, (rows, columns)), shape=(n, n)).tocsr()[free][:, free]
    scaled = diags_array(1 / diagonal[free])
    solved = np.empty_like(right)
    for i in range(right.shape[1]):
        solved[:, i], left_over = cg(part, right[:, i], rtol=1e-10, maxiter=20 * n, M=scaled)
        if left_over:
            solved[:, i] = np.nan
    return solved


def _sum_scores(parts: list[tuple[Floats, Floats, Floats]]) -> tuple[Floats, Floats, float]:
    """Sum weight times squares and products of (score by x, score by eta) over the outcomes."""
    by_x: Floats = sum((w * a * a for w, a, _ in parts), start=np.zeros_like(parts[0][0]))
    mixed: Floats = sum((w * a * b for w, a, b in parts), start=np.zeros_like(parts[0][0]))
    by_eta = float(sum((w * b * b).sum() for w, _, b in parts))
    return by_x, mixed, by_eta
