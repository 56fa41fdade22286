"""Evidence and policy to the plan of a rollout; the plan and counted events to a verdict. No file, clock or socket."""

from migrate.canary.behaving import behaviour
from migrate.canary.documents import identified, identity, plan_document, plan_of
from migrate.canary.nouns import Inputs, Offline, Plan, Rollout, SideFacts, Stage
from migrate.canary.planning import plan_flow
from migrate.canary.scheduling import scheduled
from migrate.canary.terms import CanaryPolicy, Terms

__all__ = [
    "CanaryPolicy",
    "Inputs",
    "Offline",
    "Plan",
    "Rollout",
    "SideFacts",
    "Stage",
    "Terms",
    "behaviour",
    "identified",
    "identity",
    "plan_document",
    "plan_flow",
    "plan_of",
    "scheduled",
]
