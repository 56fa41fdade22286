"""How often a route is wrong, in simulated flows with known true rates. `nox -s route_errors` draws 500."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from decimal import Decimal

from measured import compared, scores
from routing_flows import DOLLARS, FULL, MINI, NANO, POLICY, TODAY

from migrate.evidence.latency import Clockings
from migrate.evidence.policy import Policy
from migrate.routing import FlowTrials, Trial
from migrate.routing.choosing import chosen_of, levels, options, weighed
from migrate.routing.confirming import cross_fitted
from migrate.routing.nouns import CaseCost
from migrate.statistics import clopper_pearson
from migrate.vocabulary import CaseId, FlowName, Traffic

DRAWS = int(os.environ.get("ROUTE_DRAWS", "24"))
MARGIN, ALPHA = 0.03, 0.05
SIZES = (40, 120, 300, 600)


GOOD, LOST = scores((2, 2), (2, 2), ((2, 2), (2, 2))), scores((2, 2), (0, 2), ((2, 2), (0, 2)))


def drawn(dice: random.Random, name: str, excess: dict[str, float], n: int) -> FlowTrials:
    """A flow of n cases, two samples each; a case is lost wholly or not at all, which is the hardest to see."""
    trials = tuple(_trial(dice, model, rate, n) for model, rate in excess.items())
    return FlowTrials(FlowName(name), Policy("medium", MARGIN, n), Traffic(), TODAY, trials)


def _trial(dice: random.Random, model: str, rate: float, n: int) -> Trial:
    found = [compared(f"c{k:04}", scores=LOST if dice.random() < rate else GOOD) for k in range(n)]
    kept = 1 - sum(one.scores is LOST for one in found) / n
    cost = {CaseId("c0000"): CaseCost(Decimal(DOLLARS[TODAY]), 1.0, Decimal(DOLLARS[model]), kept)}
    return Trial(model, (model,), tuple(found), {}, cost, "", (Clockings(), Clockings()))


def rates(dice: random.Random) -> dict[str, float]:
    """True excesses, the cheaper the worse: a third of the draws right at the margin, a third near it."""
    kind = dice.randrange(3)
    if kind == 0:
        return dict.fromkeys((FULL, MINI, NANO), MARGIN)
    worst = MARGIN * 1.5 if kind == 1 else 0.12
    found = sorted(max(dice.uniform(-worst / 2, worst), 0) for _ in range(3))
    return dict(zip((FULL, MINI, NANO), found, strict=True))


def switched(flows: list[FlowTrials], *, any_order: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the place of each flow that switches, and the model it goes to."""
    policy = POLICY if not any_order else type(POLICY)(POLICY.as_of, any_order=True)
    candidates = [weighed(flow, policy) for flow in flows]
    for place, (found, level) in enumerate(zip(candidates, levels(candidates, policy), strict=True)):
        chosen = chosen_of(options(found, level, policy))
        if chosen is not None:
            yield place, chosen.candidate


def wrong_share(seed: int, *, any_order: bool) -> tuple[int, int]:
    """Return how many of `DRAWS` flows switch to a model that is worse by the margin or more, and how many switch."""
    dice, wrong, all_ = random.Random(seed), 0, 0
    for _ in range(DRAWS):
        true = rates(dice)
        for _, model in switched([drawn(dice, "refund", true, dice.choice(SIZES))], any_order=any_order):
            all_ += 1
            wrong += true[model] >= MARGIN
    return wrong, all_


def test_wrong_switches_among_random_true_rates() -> None:
    """Of flows with random true rates at most alpha go to a model that is worse by the margin: within the interval."""
    for any_order in (False, True):
        wrong, switches = wrong_share(5, any_order=any_order)
        low, high = clopper_pearson(wrong, DRAWS)
        order = "any" if any_order else "fixed"
        print(f"{order} order: {wrong} wrong of {DRAWS} draws, {switches} switches; 95 % {low:.4f} to {high:.4f}")
        assert low <= ALPHA
        assert switches > 0


def test_wrong_switches_among_many_flows() -> None:
    """Ten flows decided on together, half of them at the margin: the mean share of wrong switches is within q."""
    dice, shares = random.Random(11), []
    for _ in range(max(DRAWS // 10, 4)):
        true = [dict.fromkeys((FULL, MINI, NANO), MARGIN if n % 2 else 0.0) for n in range(10)]
        flows = [drawn(dice, f"f{n}", one, 300) for n, one in enumerate(true)]
        found = list(switched(flows))
        shares.append(sum(true[place][model] >= MARGIN for place, model in found) / max(len(found), 1))
    mean = sum(shares) / len(shares)
    print(f"mean share of wrong switches over {len(shares)} families of ten: {mean:.4f}")
    assert mean <= 0.05 + 3 * 0.1 / len(shares) ** 0.5


def test_cross_fitting_takes_the_luck_out_of_a_choice() -> None:
    """The best of five equal coins looks better than it is; on held-out cases it does not."""
    dice, naive, honest = random.Random(3), [], []
    cases = [CaseId(f"c{n}") for n in range(100)]
    for _ in range(60):
        scores = [{case: float(dice.random() < 0.5) for case in cases} for _ in range(5)]

        def best(kept: frozenset[CaseId], scores: list[dict[CaseId, float]] = scores) -> int:
            totals = [sum(found[case] for case in kept) for found in scores]
            return totals.index(max(totals))

        naive.append(sum(scores[best(frozenset(cases))].values()) / 100)
        honest.append(sum(scores[model][case] for case, model in cross_fitted(cases, best)) / 100)
    assert sum(naive) / 60 > 0.54
    assert abs(sum(honest) / 60 - 0.5) < 0.02
