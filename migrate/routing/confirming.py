"""What a choice is worth on cases that had no part in it: five-fold cross-fitting.

The figures of a chosen model are flattered by having been chosen by them. So the cases are parted into five folds by a
hash of their names; for each fold the choice is made again on the other four, and only the fold itself is counted. The
sum is an unbiased account of what choosing this way gives with four fifths of the cases (S. Geisser, "The predictive
sample reuse method with applications", JASA 70 (1975)).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from migrate.routing.choosing import chosen_of, options, weighed
from migrate.routing.nouns import Confirmed, FlowTrials, Option, RoutePolicy, Trial
from migrate.routing.spending import difference_interval, mean_interval
from migrate.vocabulary import CaseId, Comparison

FOLDS: Final = 5

Choice = TypeVar("Choice")


def fold_of(case: CaseId) -> int:
    """Return the fold of a case, by its name alone: the same in every run and on every machine."""
    return int.from_bytes(hashlib.sha256(case.encode("utf-8", "surrogatepass")).digest()[:8], "big") % FOLDS


def cross_fitted(cases: Sequence[CaseId], choose: Callable[[frozenset[CaseId]], Choice]) -> list[tuple[CaseId, Choice]]:
    """Return each case with the choice that the other folds make."""
    found: list[tuple[CaseId, Choice]] = []
    for fold in range(FOLDS):
        held_out = [case for case in cases if fold_of(case) == fold]
        if held_out:
            choice = choose(frozenset(case for case in cases if fold_of(case) != fold))
            found += [(case, choice) for case in held_out]
    return found


def confirmed(flow: FlowTrials, chosen: Option, policy: RoutePolicy) -> Confirmed | None:
    """Return what choosing a model of this flow as it was chosen gives on held-out cases.

    In a fold whose training cases choose no model the baseline answers: no excess, no saving.
    """
    cases = [one.case for one in chosen.trial.comparisons if one.scores is not None]

    def choose(kept: frozenset[CaseId]) -> Option | None:
        return _choice(flow, kept, chosen.level, policy)

    pairs = cross_fitted(cases, choose)
    if not pairs:
        return None
    by_fold = {fold_of(case): choice for case, choice in pairs}
    same = sum(choice is not None and choice.candidate == chosen.candidate for choice in by_fold.values())
    known = {trial.candidate: Held(trial) for trial in flow.trials}
    picked = [(case, None if choice is None else known[choice.candidate]) for case, choice in pairs]
    excess = [
        0.0 if held is None else held.excess[case] for case, held in picked if held is None or case in held.excess
    ]
    costs = chosen.trial.costs
    saving = [
        0.0 if held is None else held.saving[case]
        for case, held in picked
        if case in (costs if held is None else held.saving)
    ]
    return Confirmed(
        folds=len(by_fold),
        same=same,
        excess=difference_interval(excess),
        saving=mean_interval(saving) if saving else None,
        cases=len(pairs),
    )


class Held:
    """What each case says of one candidate."""

    def __init__(self, trial: Trial) -> None:
        found = ((one.case, _contract(one)) for one in trial.comparisons)
        self.excess = {case: value for case, value in found if value is not None}
        self.saving = {case: float(cost.baseline - cost.candidate) for case, cost in trial.costs.items()}


def _choice(flow: FlowTrials, kept: frozenset[CaseId], level: float, policy: RoutePolicy) -> Option | None:
    # Cases that are left out on purpose are none that the run lacks.
    part = replace(
        flow, trials=tuple(only(trial, kept) for trial in flow.trials), policy=replace(flow.policy, cases=None)
    )
    return chosen_of(options(weighed(part, policy), level, policy))


def only(trial: Trial, kept: frozenset[CaseId]) -> Trial:
    """Return the trial on some of its cases; its latency stays, which is not chosen by here."""
    return replace(
        trial,
        comparisons=tuple(one for one in trial.comparisons if one.case in kept),
        costs={case: cost for case, cost in trial.costs.items() if case in kept},
    )


def _contract(comparison: Comparison) -> float | None:
    """Return the excess of a case, missing answers taken for bad."""
    scores = comparison.scores
    if scores is None or not scores.contract.baseline.total:
        return None
    before, after = scores.contract.baseline, scores.contract.candidate
    return before.passed / before.total - after.passed / scores.planned
