from .agreement import (
    Agreement,
    NoiseCeiling,
    SelfAgreement,
    krippendorff_alpha,
    noise_ceiling,
    rater_agreement,
    self_agreement,
)
from .boards import Leaderboard, LeaderboardRow, leaderboard
from .bradley_terry import BradleyTerryFit, fit_bradley_terry
from .cluster_resampling import ClusterBootstrap, cluster_bootstrap
from .clustering import clustered, effective_clusters, usable_ways
from .comparisons import Comparisons, Votes
from .connections import (
    Connectivity,
    Standing,
    algebraic_connectivity,
    articulation_entrants,
    connectivity,
    require_connected,
)
from .contextual import ContextualFit, Effect, fit_contextual
from .covariates import read_covariates
from .design import Deal, boosted_probabilities, deal, pair_probabilities, uniform_probabilities
from .design_trials import PolicyTrial, compare_policies
from .diagnostics import (
    BothBadRate,
    GoodnessOfFit,
    Intransitivity,
    PositionBias,
    both_bad_rates,
    goodness_of_fit,
    intransitivity,
    position_bias,
)
from .elo import EloRun, rate_period, run_elo
from .errors import (
    AnalysisError,
    ConvergenceError,
    DisconnectedError,
    InvalidComparisons,
    InvalidOption,
    UnknownOutcome,
)
from .estimate import StrengthFit
from .glicko import Glicko2Rating, Glicko2Run, rate_glicko2, run_glicko2
from .intervals import (
    Difference,
    best_probabilities,
    difference,
    quasi_standard_errors,
    standard_errors,
    wald_intervals,
    wilson_interval,
)
from .judges import JudgeFit, fit_judges, judge_weights
from .multiplicity import adjust_e_values, adjust_p_values
from .outcomes import OUTCOME_WORDS, Outcome, parse_outcome
from .picture_diversity import Diversity, diversity
from .planning import (
    VotesStillNeeded,
    expected_half_width,
    power_of,
    total_votes,
    visible_difference,
    votes_for_half_width,
    votes_needed,
    votes_still_needed,
)
from .profile import FEW_VOTES, profile_interval
from .ranks import RankIntervals, rank_intervals
from .rater_checks import RepeatCeiling, repeat_ceiling, side_tests
from .rater_looks import RaterTests, rater_tests
from .rating import rate
from .rating_drift import Drift, drift
from .reading import VoteFile, read_votes
from .resampling import Bootstrap, bootstrap
from .rigging import Resistance, StabilityCertificate, rig, stability_certificate, withstands
from .scale import CENTRE, POINTS_PER_NAT, to_points, to_rating
from .selection import (
    Exposure,
    SelectedBest,
    expected_maximum,
    exposure_frame,
    exposure_shares,
    selection_adjusted,
)
from .sequential import (
    Separation,
    SequenceInterval,
    best_rho,
    difference_sequence,
    log_e_value,
    neighbours,
    separations,
    sequence_half_width,
)
from .subsets import reweighted, select_votes
from .telling import Telling, Told, tell
from .tie_rules import TieRuleComparison, TieRuleLoss, compare_tie_rules
from .ties import TieFit, fit_davidson, fit_rao_kupper
from .vote_fragility import Fragility, VoteGroup, fragility, vote_influence
from .weighting import Weighting, effective_sample_size, pair_weights, propensity_weights

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
