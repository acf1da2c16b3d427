"""Statistics of pairwise comparisons: fits, intervals, ranks, and what votes cannot say.

Begin with `Comparisons.from_frame`, then `fit_bradley_terry`, then `leaderboard`:

>>> import pandas as pd
>>> votes = pd.DataFrame({"left": ["a", "b"], "right": ["b", "a"], "outcome": ["left", "left"]})
>>> board = leaderboard(fit_bradley_terry(Comparisons.from_frame(votes)))
>>> [(row.entrant, row.rating) for row in board.rows]
[('a', 1000.0), ('b', 1000.0)]
"""

from analysis.agreement import (
    Agreement,
    NoiseCeiling,
    SelfAgreement,
    krippendorff_alpha,
    noise_ceiling,
    rater_agreement,
    self_agreement,
)
from analysis.bootstrap import Bootstrap, bootstrap
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.cluster_bootstrap import ClusterBootstrap, cluster_bootstrap
from analysis.clustering import clustered, effective_clusters, usable_ways
from analysis.comparisons import Comparisons, Votes
from analysis.connectivity import (
    Connectivity,
    Standing,
    algebraic_connectivity,
    articulation_entrants,
    connectivity,
    require_connected,
)
from analysis.contextual import ContextualFit, Effect, fit_contextual
from analysis.covariates import read_covariates
from analysis.design import Deal, boosted_probabilities, deal, pair_probabilities, uniform_probabilities
from analysis.design_trials import PolicyTrial, compare_policies
from analysis.diagnostics import (
    BothBadRate,
    GoodnessOfFit,
    Intransitivity,
    PositionBias,
    both_bad_rates,
    goodness_of_fit,
    intransitivity,
    position_bias,
)
from analysis.diversity import Diversity, diversity
from analysis.drift import Drift, drift
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
from analysis.fragility import Fragility, VoteGroup, fragility, vote_influence
from analysis.glicko import Glicko2Rating, Glicko2Run, rate_glicko2, run_glicko2
from analysis.intervals import (
    Difference,
    best_probabilities,
    difference,
    quasi_standard_errors,
    standard_errors,
    wald_intervals,
    wilson_interval,
)
from analysis.judges import JudgeFit, fit_judges, judge_weights
from analysis.leaderboard import Leaderboard, LeaderboardRow, leaderboard
from analysis.multiplicity import adjust_e_values, adjust_p_values
from analysis.outcomes import OUTCOME_WORDS, Outcome, parse_outcome
from analysis.planning import (
    VotesStillNeeded,
    expected_half_width,
    power_of,
    total_votes,
    visible_difference,
    votes_for_half_width,
    votes_needed,
    votes_still_needed,
)
from analysis.profile import FEW_VOTES, profile_interval
from analysis.ranks import RankIntervals, rank_intervals
from analysis.rater_checks import RepeatCeiling, repeat_ceiling, side_tests
from analysis.rater_tests import RaterTests, rater_tests
from analysis.rating import rate
from analysis.reading import VoteFile, read_votes
from analysis.rigging import Resistance, StabilityCertificate, rig, stability_certificate, withstands
from analysis.scale import CENTRE, POINTS_PER_NAT, to_points, to_rating
from analysis.selection import (
    Exposure,
    SelectedBest,
    expected_maximum,
    exposure_frame,
    exposure_shares,
    selection_adjusted,
)
from analysis.sequential import (
    Separation,
    SequenceInterval,
    best_rho,
    difference_sequence,
    log_e_value,
    neighbours,
    separations,
    sequence_half_width,
)
from analysis.subsets import reweighted, select_votes
from analysis.telling import Telling, Told, tell
from analysis.tie_rules import TieRuleComparison, TieRuleLoss, compare_tie_rules
from analysis.ties import TieFit, fit_davidson, fit_rao_kupper
from analysis.weighting import Weighting, effective_sample_size, pair_weights, propensity_weights

__all__ = [
    "CENTRE",
    "FEW_VOTES",
    "OUTCOME_WORDS",
    "POINTS_PER_NAT",
    "Agreement",
    "AnalysisError",
    "Bootstrap",
    "BothBadRate",
    "BradleyTerryFit",
    "ClusterBootstrap",
    "Comparisons",
    "Connectivity",
    "ContextualFit",
    "ConvergenceError",
    "Deal",
    "Difference",
    "DisconnectedError",
    "Diversity",
    "Drift",
    "Effect",
    "EloRun",
    "Exposure",
    "Fragility",
    "Glicko2Rating",
    "Glicko2Run",
    "GoodnessOfFit",
    "Intransitivity",
    "InvalidComparisons",
    "InvalidOption",
    "JudgeFit",
    "Leaderboard",
    "LeaderboardRow",
    "NoiseCeiling",
    "Outcome",
    "PolicyTrial",
    "PositionBias",
    "RankIntervals",
    "RaterTests",
    "RepeatCeiling",
    "Resistance",
    "SelectedBest",
    "SelfAgreement",
    "Separation",
    "SequenceInterval",
    "StabilityCertificate",
    "Standing",
    "StrengthFit",
    "Telling",
    "TieFit",
    "TieRuleComparison",
    "TieRuleLoss",
    "Told",
    "UnknownOutcome",
    "VoteFile",
    "VoteGroup",
    "Votes",
    "VotesStillNeeded",
    "Weighting",
    "adjust_e_values",
    "adjust_p_values",
    "algebraic_connectivity",
    "articulation_entrants",
    "best_probabilities",
    "best_rho",
    "boosted_probabilities",
    "bootstrap",
    "both_bad_rates",
    "cluster_bootstrap",
    "clustered",
    "compare_policies",
    "compare_tie_rules",
    "connectivity",
    "deal",
    "difference",
    "difference_sequence",
    "diversity",
    "drift",
    "effective_clusters",
    "effective_sample_size",
    "expected_half_width",
    "expected_maximum",
    "exposure_frame",
    "exposure_shares",
    "fit_bradley_terry",
    "fit_contextual",
    "fit_davidson",
    "fit_judges",
    "fit_rao_kupper",
    "fragility",
    "goodness_of_fit",
    "intransitivity",
    "judge_weights",
    "krippendorff_alpha",
    "leaderboard",
    "log_e_value",
    "neighbours",
    "noise_ceiling",
    "pair_probabilities",
    "pair_weights",
    "parse_outcome",
    "position_bias",
    "power_of",
    "profile_interval",
    "propensity_weights",
    "quasi_standard_errors",
    "rank_intervals",
    "rate",
    "rate_glicko2",
    "rate_period",
    "rater_agreement",
    "rater_tests",
    "read_covariates",
    "read_votes",
    "repeat_ceiling",
    "require_connected",
    "reweighted",
    "rig",
    "run_elo",
    "run_glicko2",
    "select_votes",
    "selection_adjusted",
    "self_agreement",
    "separations",
    "sequence_half_width",
    "side_tests",
    "stability_certificate",
    "standard_errors",
    "tell",
    "to_points",
    "to_rating",
    "total_votes",
    "uniform_probabilities",
    "usable_ways",
    "visible_difference",
    "vote_influence",
    "votes_for_half_width",
    "votes_needed",
    "votes_still_needed",
    "wald_intervals",
    "wilson_interval",
    "withstands",
]
