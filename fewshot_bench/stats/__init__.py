"""Statistics of few-shot evaluation: intervals that say what they are about, fair comparisons.

Accuracies are fractions in [0, 1]. Results are frozen dataclasses. Input that can't mean what a
statistic assumes raises :class:`fewshot_bench.errors.StatisticsError`. Randomness comes from an
explicit ``rng`` (a seed or a numpy Generator), never from global state. numpy and scipy only.

Which interval answers which question is told in ``docs/statistics.md``.
"""

from fewshot_bench.stats.all_pairs import AllPairs, compare_all
from fewshot_bench.stats.bayes import BayesSignedRank, bayes_signed_rank
from fewshot_bench.stats.calibration import ece, ece_ci
from fewshot_bench.stats.components import (
    VarianceComponents,
    optimal_queries,
    variance_components,
)
from fewshot_bench.stats.control import ControlVariateInterval, control_variate_ci
from fewshot_bench.stats.datasets import mean_over_datasets
from fewshot_bench.stats.differences import Differences, all_differences
from fewshot_bench.stats.dominance import aso_epsilon
from fewshot_bench.stats.friedman import FriedmanTest, friedman, nemenyi_cd, rank_cliques
from fewshot_bench.stats.interval import DegenerateWarning, Estimand, Interval
from fewshot_bench.stats.intervals import MeanInterval, mean_ci
from fewshot_bench.stats.losses import brier, nll, query_brier, query_nll
from fewshot_bench.stats.meta_analysis import RandomEffects, random_effects
from fewshot_bench.stats.methods import (
    MethodComparison,
    compare_methods,
    compare_methods_unpaired,
)
from fewshot_bench.stats.open_classes import open_class_ci
from fewshot_bench.stats.open_images import OpenInterval, open_image_ci
from fewshot_bench.stats.open_planning import OpenBound, open_bound
from fewshot_bench.stats.paired import PairedComparison, compare_paired
from fewshot_bench.stats.pairing import UnpairedComparison, align_episodes, compare_unpaired
from fewshot_bench.stats.pigeonhole import pigeonhole_ci
from fewshot_bench.stats.planning import (
    chance_normalized,
    episodes_for_seeds,
    min_detectable_effect,
    noether_sample_size,
)
from fewshot_bench.stats.pool import disjoint_equivalent
from fewshot_bench.stats.ranks import holm, rank_sets
from fewshot_bench.stats.score_bootstrap import prob_improvement_ci, stratified_bootstrap
from fewshot_bench.stats.scores import (
    improvement_per_dataset,
    iqm,
    performance_profile,
    prob_improvement,
)
from fewshot_bench.stats.seeds import SeedInterval, seed_episode_ci
from fewshot_bench.stats.sequences import (
    ConfidenceSequence,
    asymptotic_cs,
    asymptotic_cs_half_width,
)
from fewshot_bench.stats.sign_flip import SignFlipTest, sign_flip_test
from fewshot_bench.stats.simultaneous import SimultaneousIntervals, simultaneous_ci
from fewshot_bench.stats.stopping import FixedWidthStop, fixed_width_n, fixed_width_stop
from fewshot_bench.stats.tails import Quantiles, cvar, quantiles
from fewshot_bench.stats.wilcoxon import PairwiseWilcoxon, TooFewDatasetsWarning, pairwise_wilcoxon

__all__ = [
    "AllPairs",
    "BayesSignedRank",
    "ConfidenceSequence",
    "ControlVariateInterval",
    "DegenerateWarning",
    "Differences",
    "Estimand",
    "FixedWidthStop",
    "FriedmanTest",
    "Interval",
    "MeanInterval",
    "MethodComparison",
    "OpenBound",
    "OpenInterval",
    "PairedComparison",
    "PairwiseWilcoxon",
    "Quantiles",
    "RandomEffects",
    "SeedInterval",
    "SignFlipTest",
    "SimultaneousIntervals",
    "TooFewDatasetsWarning",
    "UnpairedComparison",
    "VarianceComponents",
    "align_episodes",
    "all_differences",
    "aso_epsilon",
    "asymptotic_cs",
    "asymptotic_cs_half_width",
    "bayes_signed_rank",
    "brier",
    "chance_normalized",
    "compare_all",
    "compare_methods",
    "compare_methods_unpaired",
    "compare_paired",
    "compare_unpaired",
    "control_variate_ci",
    "cvar",
    "disjoint_equivalent",
    "ece",
    "ece_ci",
    "episodes_for_seeds",
    "fixed_width_n",
    "fixed_width_stop",
    "friedman",
    "holm",
    "improvement_per_dataset",
    "iqm",
    "mean_ci",
    "mean_over_datasets",
    "min_detectable_effect",
    "nemenyi_cd",
    "nll",
    "noether_sample_size",
    "open_bound",
    "open_class_ci",
    "open_image_ci",
    "optimal_queries",
    "pairwise_wilcoxon",
    "performance_profile",
    "pigeonhole_ci",
    "prob_improvement",
    "prob_improvement_ci",
    "quantiles",
    "query_brier",
    "query_nll",
    "random_effects",
    "rank_cliques",
    "rank_sets",
    "seed_episode_ci",
    "sign_flip_test",
    "simultaneous_ci",
    "stratified_bootstrap",
    "variance_components",
]
