"""Several flows taken together: which are shown to be good enough, which alarm, and what they say as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from migrate.canary.counted import Counted
from migrate.canary.evidence_path import bad_process
from migrate.canary.nouns import Claims, Rollout
from migrate.canary.verdicts import Verdict
from migrate.statistics import (
    benjamini_hochberg,
    benjamini_yekutieli,
    combined,
    e_benjamini_hochberg,
    stratified,
)

Q: Final = 0.05
"""Expected share of wrong ones among the flows that are claimed to be good enough, or that alarm."""


def claims_of(rollouts: Sequence[Rollout]) -> Claims:
    """Return which flows the offline evidence shows to be within their margin, all that were asked taken together.

    By Benjamini and Hochberg's procedure; by Benjamini and Yekutieli's where two flows or more are seen by a judge,
    whose errors they share. A claim also keeps the flow's own alpha.
    """
    asked = [rollout for rollout in rollouts if rollout.p is not None]
    shared = sum(rollout.judge is not None for rollout in asked) > 1
    ps = [rollout.p or 0.0 for rollout in asked]
    kept = (benjamini_yekutieli if shared else benjamini_hochberg)(ps, Q)
    flows = tuple(one.flow for one, p, yes in zip(asked, ps, kept, strict=True) if yes and p <= one.alpha)
    return Claims("benjamini_yekutieli" if shared else "benjamini_hochberg", Q, flows, len(asked))


@dataclass(frozen=True, slots=True)
class Together:
    """What the running flows of a plan say as one. It warns; what stops a rollout is its own evidence."""

    flows: int
    q: float
    alarms: tuple[str, ...]
    """Flows whose evidence alarms by the e-value procedure of Benjamini and Hochberg, under any dependence."""
    pooled_e: float
    """Mean of the flows' evidence."""
    stratified_e: float
    """Evidence of bad answers in all flows at once, each with its own share and allowed ratio."""
    threshold: float


def together(rollouts: Sequence[Rollout], counted: Sequence[Counted], verdicts: Sequence[Verdict]) -> Together:
    """Return what flows say as one, from where their evidence stands now and not from where it was highest."""
    now = [verdict.path[-1].e if verdict.path else 1.0 for verdict in verdicts]
    alarmed = e_benjamini_hochberg(now, Q) if now else ()
    return Together(
        flows=len(verdicts),
        q=Q,
        alarms=tuple(one.flow for one, yes in zip(verdicts, alarmed, strict=True) if yes),
        pooled_e=combined(now) if now else 1.0,
        stratified_e=stratified([bad_process(one, log) for one, log in zip(rollouts, counted, strict=True)]),
        threshold=1 / Q,
    )
