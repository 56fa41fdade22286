"""Intervals, tests, sizes and evidence: plain numbers in, plain numbers out, no libraries.

A level is two-sided, an alpha one-sided; shares and margins lie between 0 and 1.
"""

from migrate.statistics.agreement import alpha_interval, krippendorff_alpha
from migrate.statistics.bootstrap import ratio_interval
from migrate.statistics.events import (
    BadEvents,
    candidate_chance,
    cap_e,
    cap_table,
    combined,
    judged_share,
    ratios,
    stop_table,
    stratified,
)
from migrate.statistics.excess import (
    Differences,
    cases_within,
    clean_cases,
    lower_bound,
    p_beyond,
    p_within,
    upper_bound,
)
from migrate.statistics.families import (
    benjamini_hochberg,
    benjamini_yekutieli,
    e_benjamini_hochberg,
    faced_levels,
    fixed_sequence,
    holm,
    holm_adjusted,
    sequence_adjusted,
)
from migrate.statistics.judging import seen_margin, seen_rate, true_interval, true_rate
from migrate.statistics.mismatch import mismatch_e, mismatch_p
from migrate.statistics.nested import (
    Components,
    Estimate,
    clustered_estimate,
    components,
    design_effect,
    estimate,
    paired_estimate,
)
from migrate.statistics.paired import Pairs, mcnemar_exact, newcombe_paired, tango, tango_score
from migrate.statistics.proportions import clopper_pearson, newcombe, weighted_bound, wilson
from migrate.statistics.quantiles import quantile, quantile_interval
from migrate.statistics.sizes import (
    Size,
    exact_power,
    farrington_manning,
    nested_cases,
    paired_cases,
    powered,
    rare_cases,
    restricted_rates,
)
from migrate.statistics.spending import boundaries, spent

__all__ = [
    "BadEvents",
    "Components",
    "Differences",
    "Estimate",
    "Pairs",
    "Size",
    "alpha_interval",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "boundaries",
    "candidate_chance",
    "cap_e",
    "cap_table",
    "cases_within",
    "clean_cases",
    "clopper_pearson",
    "clustered_estimate",
    "combined",
    "components",
    "design_effect",
    "e_benjamini_hochberg",
    "estimate",
    "exact_power",
    "faced_levels",
    "farrington_manning",
    "fixed_sequence",
    "holm",
    "holm_adjusted",
    "judged_share",
    "krippendorff_alpha",
    "lower_bound",
    "mcnemar_exact",
    "mismatch_e",
    "mismatch_p",
    "nested_cases",
    "newcombe",
    "newcombe_paired",
    "p_beyond",
    "p_within",
    "paired_cases",
    "paired_estimate",
    "powered",
    "quantile",
    "quantile_interval",
    "rare_cases",
    "ratio_interval",
    "ratios",
    "restricted_rates",
    "seen_margin",
    "seen_rate",
    "sequence_adjusted",
    "spent",
    "stop_table",
    "stratified",
    "tango",
    "tango_score",
    "true_interval",
    "true_rate",
    "upper_bound",
    "weighted_bound",
    "wilson",
]
