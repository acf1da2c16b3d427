"""Statistics of pairwise comparisons: fits, intervals, ranks, and what votes cannot say.

Begin with `Comparisons.from_frame`, then `fit_bradley_terry`, then `leaderboard`:

>>> import pandas as pd
>>> votes = pd.DataFrame({"left": ["a", "b"], "right": ["b", "a"], "outcome": ["left", "left"]})
>>> board = leaderboard(fit_bradley_terry(Comparisons.from_frame(votes)))
>>> [(row.entrant, row.rating) for row in board.rows]
[('a', 1000.0), ('b', 1000.0)]
"""

from analysis.bootstrap import Bootstrap, bootstrap
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.clustering import clustered
from analysis.comparisons import Comparisons, Votes
from analysis.connectivity import (
    Connectivity,
    Standing,
    algebraic_connectivity,
    articulation_entrants,
    connectivity,
    require_connected,
)
from analysis.elo import EloRun, rate_period, run_elo
from analysis.errors import (
    AnalysisError,
    ConvergenceError,
    DisconnectedError,
    InvalidComparisons,
    InvalidOption,
    UnknownOutcome,
)
from analysis.estimate import StrengthFit
from analysis.intervals import (
    Difference,
    best_probabilities,
    difference,
    quasi_standard_errors,
    standard_errors,
    wald_intervals,
    wilson_interval,
)
from analysis.leaderboard import Leaderboard, LeaderboardRow, leaderboard
from analysis.outcomes import OUTCOME_WORDS, Outcome, parse_outcome
from analysis.profile import FEW_VOTES, profile_interval
from analysis.ranks import RankIntervals, rank_intervals
from analysis.scale import CENTRE, POINTS_PER_NAT, to_points, to_rating
from analysis.ties import TieFit, fit_davidson, fit_rao_kupper

__all__ = [
    "CENTRE",
    "FEW_VOTES",
    "OUTCOME_WORDS",
    "POINTS_PER_NAT",
    "AnalysisError",
    "Bootstrap",
    "BradleyTerryFit",
    "Comparisons",
    "Connectivity",
    "ConvergenceError",
    "Difference",
    "DisconnectedError",
    "EloRun",
    "InvalidComparisons",
    "InvalidOption",
    "Leaderboard",
    "LeaderboardRow",
    "Outcome",
    "RankIntervals",
    "Standing",
    "StrengthFit",
    "TieFit",
    "UnknownOutcome",
    "Votes",
    "algebraic_connectivity",
    "articulation_entrants",
    "best_probabilities",
    "bootstrap",
    "clustered",
    "connectivity",
    "difference",
    "fit_bradley_terry",
    "fit_davidson",
    "fit_rao_kupper",
    "leaderboard",
    "parse_outcome",
    "profile_interval",
    "quasi_standard_errors",
    "rank_intervals",
    "rate_period",
    "require_connected",
    "run_elo",
    "standard_errors",
    "to_points",
    "to_rating",
    "wald_intervals",
    "wilson_interval",
]
