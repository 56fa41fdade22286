"""Comparisons weighed: what a flow's cases say together about one candidate."""

from migrate.evidence.gates import Gates, parse_fail_on
from migrate.evidence.policy import CLASSES, Policy, Stakes, policies_of
from migrate.evidence.standing import Standing, standing
from migrate.evidence.weighing import weigh

__all__ = [
    "CLASSES",
    "Gates",
    "Policy",
    "Stakes",
    "Standing",
    "parse_fail_on",
    "policies_of",
    "standing",
    "weigh",
]
