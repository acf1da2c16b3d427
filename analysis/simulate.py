"""Simulated arenas with a known truth, for tests, planning and benchmarks.

A vote on entrants a and b by rater k on prompt q follows Davidson's model at
x = (r_a - r_b) + (u_ka - u_kb) + (v_qa - v_qb), with normal tastes u and normal prompt effects v. Part of the
ties is called both bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.bradley_terry import fit_bradley_terry
from analysis.comparisons import OUTCOMES, Comparisons
from analysis.likelihood import Davidson

if TYPE_CHECKING:
    import pandas as pd

_NODES: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Arena:
    """The truth that votes are drawn from.

    Attributes
    ----------
    strengths : ndarray of shape (n,)
        In nats, of an average rater on an average prompt.
    tie : float
        Davidson's nu: equals tie in ``tie / (tie + 2)`` of their votes; 0 for none.
    both_bad : float
        Share of the ties that is called both bad.
    raters, prompts : int
        How many there are to draw from.
    rater_spread, prompt_spread : float
        Standard deviation of each taste and each prompt effect, in nats.
    """

    strengths: Floats
    tie: float = 0.6
    both_bad: float = 0.2
    raters: int = 100
    prompts: int = 100
    rater_spread: float = 0.0
    prompt_spread: float = 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        """Names in the order of `strengths`, which is also their alphabetical order."""
        width = len(str(len(self.strengths)))
        return tuple(f"entrant-{i + 1:0{width}d}" for i in range(len(self.strengths)))

    def votes(self, n_votes: int, *, seed: int, exposure: Floats | None = None) -> pd.DataFrame:
        """Draw votes.

        Parameters
        ----------
        n_votes : int
        seed : int
            Draws raters' tastes and prompt effects, too.
        exposure : ndarray of shape (n,), optional
            How often each entrant is shown, relative to the others; equal by default.

        Returns
        -------
        pandas.DataFrame
            Columns left, right, outcome, rater, prompt; all categories.
        """
        import pandas as pd

        rng = np.random.default_rng(seed)
        n = len(self.strengths)
        share = np.ones(n) if exposure is None else np.asarray(exposure, dtype=np.float64)
        weights = np.outer(share, share) * (1 - np.eye(n))
        pair = rng.choice(n * n, size=n_votes, p=(weights / weights.sum()).ravel())
        left, right = pair // n, pair % n
        rater = rng.integers(self.raters, size=n_votes)
        prompt = rng.integers(self.prompts, size=n_votes)
        x = self.strengths[left] - self.strengths[right]
        if self.rater_spread:
            taste = rng.normal(0, self.rater_spread, (self.raters, n))
            x = x + taste[rater, left] - taste[rater, right]
        if self.prompt_spread:
            effect = rng.normal(0, self.prompt_spread, (self.prompts, n))
            x = x + effect[prompt, left] - effect[prompt, right]
        win, lose = self._shares(x)
        u = rng.random(n_votes)
        tied = np.where(rng.random(n_votes) < self.both_bad, 3, 2)
        outcome = np.where(u < win, 0, np.where(u < win + lose, 1, tied))

        def coded(codes: Ints, levels: Sequence[str]) -> pd.Categorical[str]:
            return pd.Categorical.from_codes(codes, pd.Index(levels))

        return pd.DataFrame(
            {
                "left": coded(left, self.labels),
                "right": coded(right, self.labels),
                "outcome": coded(outcome, [str(word) for word in OUTCOMES]),
                "rater": coded(rater, [f"rater-{i}" for i in range(self.raters)]),
                "prompt": coded(prompt, [f"prompt-{i}" for i in range(self.prompts)]),
            }
        )

    def comparisons(self, n_votes: int, *, seed: int, exposure: Floats | None = None) -> Comparisons:
        """Draw votes and reduce them to counts, every entrant among the labels."""
        return Comparisons.from_frame(self.votes(n_votes, seed=seed, exposure=exposure), labels=self.labels)

    def target(self, *, ties: str = "half", exposure: Floats | None = None) -> Floats:
        """What Bradley-Terry with half wins estimates, with endless votes, raters and prompts.

        Ties pull strengths together, and so do tastes that differ, so this is not `strengths`: it is the
        fit to the expected counts, by Gauss-Hermite quadrature over tastes and prompt effects.

        Returns
        -------
        ndarray of shape (n,)
            In nats, mean zero.
        """
        n = len(self.strengths)
        left, right = np.nonzero(~np.eye(n, dtype=np.bool_))
        nodes, node_weights = np.polynomial.hermite_e.hermegauss(_NODES)
        node_weights = node_weights / node_weights.sum()
        spread = np.sqrt(2 * (self.rater_spread**2 + self.prompt_spread**2))
        x = (self.strengths[left] - self.strengths[right])[:, None] + spread * nodes
        win, lose = (share @ node_weights for share in self._shares(x))
        share = np.ones(n) if exposure is None else np.asarray(exposure, dtype=np.float64)
        votes = 1e6 * share[left] * share[right]
        counts = np.column_stack([win, lose, 1 - win - lose]) * votes[:, None]
        expected = Comparisons.from_counts(
            self.labels,
            np.repeat(left, 3),
            np.repeat(right, 3),
            ["left", "right", "tie"] * left.size,
            np.clip(counts, 0, None).ravel(),
        )
        return fit_bradley_terry(expected, ties=ties).strengths

    def _shares(self, x: Floats) -> tuple[Floats, Floats]:
        """P(left wins) and P(right wins)."""
        if self.tie <= 0:
            win = 1 / (1 + np.exp(-x))
            return win, 1 - win
        win, lose, _ = Davidson.probabilities(x, float(np.log(self.tie)))
        return win, lose
