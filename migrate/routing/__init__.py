"""Evidence, prices and the calendar turned into routes: which model each flow goes to, and why."""

from migrate.routing.deciding import routed
from migrate.routing.nouns import (
    Cascade,
    Cascades,
    Confirmed,
    Cost,
    FlowRoute,
    FlowTrials,
    Interval,
    Option,
    Point,
    Risk,
    RoutePolicy,
    RouteReport,
    Row,
    Rules,
    Signal,
    Trial,
)
from migrate.routing.reading import TrialOf, TrialReader, baseline_rows

__all__ = [
    "Cascade",
    "Cascades",
    "Confirmed",
    "Cost",
    "FlowRoute",
    "FlowTrials",
    "Interval",
    "Option",
    "Point",
    "Risk",
    "RoutePolicy",
    "RouteReport",
    "Row",
    "Rules",
    "Signal",
    "Trial",
    "TrialOf",
    "TrialReader",
    "baseline_rows",
    "routed",
]
