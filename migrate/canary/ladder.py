"""Which shares a rollout climbs, and what each of its gates has to exclude."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from migrate.canary.nouns import Inputs
from migrate.canary.terms import FIRST_SHARE, HOLD_BACK, SMALL, Terms
from migrate.evidence.words import points
from migrate.statistics import paired_cases, wilson
from migrate.vocabulary import FlowMetric

MARGINS: Final = (1, 2, 4, 8)
"""Multiples of the flow's margin, from the last comparing stage backwards."""
STEPS: Final = (0.01, 0.05, 0.10, 0.25, 0.50)
"""Shares a rollout may start with."""
LARGE: Final = 0.25


def contract_of(inputs: Inputs) -> FlowMetric | None:
    """Return the metric that the offline evidence is about."""
    return next((metric for metric in inputs.evidence.metrics if metric.name == "contract"), None)


def unfavourable(inputs: Inputs, terms: Terms) -> float:
    """Return the excess to be prepared for: the upper bound of the offline one, doubled for hand-written cases."""
    contract = contract_of(inputs)
    high = 1.0 if contract is None else contract.high
    return min(terms.caution * max(high, 0.0), 1.0)


def first_share(inputs: Inputs, terms: Terms, per_day: float) -> float:
    """Return the largest step whose first day costs at most `per_day` bad units in excess; 0 where none is so small.

    share <= B_day / (N U), N the units of a day and U the unfavourable excess.
    """
    excess = unfavourable(inputs, terms)
    allowed = per_day / (inputs.units_per_day * excess) if excess else 1.0
    cap = FIRST_SHARE[inputs.critical] if terms.first_share is None else terms.first_share
    return max((step for step in STEPS if step <= min(allowed, cap)), default=0.0)


def comparing_shares(inputs: Inputs, terms: Terms, first: float) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the shares at which both sides are compared, and in words what was changed of the ladder."""
    ladder = tuple(share for share in terms.ladder if share < 1)
    said = []
    before = tuple(step for step in (*SMALL, 0.10) if first <= step < ladder[0]) if ladder else ()
    if before:
        said.append(f"starts at {percent(first)}: {_why_small(inputs, terms)}")
    ladder = (*before, *ladder)
    if first >= LARGE and len(ladder) > 1 and ladder[0] < LARGE and _shown_offline(inputs):
        ladder = tuple(share for share in ladder if share >= LARGE)
        said.append("no 10 % stage: the offline evidence shows the margin already")
    return ladder, tuple(said)


def _why_small(inputs: Inputs, terms: Terms) -> str:
    cap = FIRST_SHARE[inputs.critical] if terms.first_share is None else terms.first_share
    excess = unfavourable(inputs, terms)
    return (
        f"offline the candidate may be {points(excess)} points worse (bound times {terms.caution:g}), "
        f"and at most {percent(cap)} may be new at once"
    )


def _shown_offline(inputs: Inputs) -> bool:
    contract = contract_of(inputs)
    if contract is None or contract.p > inputs.alpha:
        return False
    return contract.cases >= cases_wanted(inputs)


def cases_wanted(inputs: Inputs) -> int:
    """Return the paired cases that show the margin offline, for an equal candidate that differs as often as seen."""
    contract = contract_of(inputs)
    if contract is None or not contract.cases:
        discordant = 0.5
    else:
        discordant = wilson(contract.worse + contract.better, contract.cases)[1]
    return paired_cases(discordant, inputs.margin, alpha=inputs.alpha, power=inputs.power)


def stage_margins(margin: float, stages: int) -> tuple[float, ...]:
    """Return what each gate excludes: the last one the margin, those before it 2, 4 and 8 times as much."""
    multiples = [MARGINS[min(back, len(MARGINS) - 1)] for back in reversed(range(stages))]
    return tuple(min(margin * multiple, 0.5) for multiple in multiples)


def hold_back(inputs: Inputs, terms: Terms) -> float:
    return HOLD_BACK[inputs.critical] if terms.hold_back is None else terms.hold_back


def merged(shares: Sequence[float]) -> tuple[float, ...]:
    """Return the ladder with the step before 25 % left out."""
    return tuple(share for share in shares if share != 0.10) if LARGE in shares else tuple(shares)


def percent(share: float) -> str:
    """Return `10 %`."""
    return f"{share * 100:g} %"
