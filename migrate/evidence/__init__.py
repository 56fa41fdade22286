"""Comparisons weighed: what a flow's cases say together about one candidate."""

from migrate.evidence.gates import Gates, parse_fail_on
from migrate.evidence.standing import Standing, standing
from migrate.evidence.weighing import weigh

__all__ = ["Gates", "Standing", "parse_fail_on", "standing", "weigh"]
