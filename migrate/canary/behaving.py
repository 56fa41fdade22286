"""How a plan behaves: rollouts of this very plan, simulated at several true excesses.

Each day of each stage both arms draw their bad units, those of a pool member by member; evidence is looked at once a
day, that of a pool's members beside the pool's, gates at their planned sizes. Bad answers alone are drawn: what caps
and the other metrics stop is not in it. Units are independent in a simulation; real ones are not. The shares have a
standard error of at most 0.5 / sqrt(rollouts): 1.1 points for 2,000, 2.2 for 500.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final, Literal

from migrate.canary.ladder import points
from migrate.canary.nouns import Behaviour, Metric, Rollout, Stage
from migrate.statistics import candidate_chance, newcombe, ratios
from migrate.statistics.events import GRID
from migrate.statistics.tails import binomial_shares

TABLED: Final = 3000
"""Units up to which a day is drawn from the exact distribution; beyond it from the normal one."""
LEVELS: Final = (0.0, 0.5, 1.0, 2.0, 8.0)
"""True excesses, in margins."""
ALONE: Final = (2.0, 8.0)
"""The same of a member of a pool that has it alone."""
ALONE_PART: Final = 4
"""One in so many of the rollouts is spent on such a row: there are two of them for every member."""
HIDDEN: Final = 0.1
"""A member that is worse by 8 margins and comes through more often is told of: its pool hides it."""
SURE: Final = 700.0
"""Log of an evidence past every threshold; a larger one is no float."""

End = Literal["promoted", "rolled_back", "held"]


def behaviour(rollout: Rollout, rollouts: int, seed: int) -> tuple[Behaviour, ...]:
    """Return what simulated rollouts of the plan do at an excess of 0, 1/2, 1, 2 and 8 margins.

    Of a pool that is the excess of every member; it follows what a quarter as many do where one member alone has 2 or 8
    margins.
    """
    if rollout.verdict not in ("ready", "ready_modified"):
        return ()
    few = max(rollouts // ALONE_PART, 1)
    truths = _truths(rollout)
    return tuple(_at(rollout, excess, harmed, few if harmed else rollouts, seed) for excess, harmed in truths)


def with_behaviour(rollout: Rollout, rollouts: int, seed: int) -> Rollout:
    """Return the rollout with what simulated ones do, and with a warning where a pool would hide a member's harm.

    So it is where a budget stops candidates that are as good: it is a plain sum, which chance may spend.
    """
    rows = behaviour(rollout, rollouts, seed)
    hidden = [row for row in rows if row.harmed and row.excess >= ALONE[-1] * rollout.margin and row.promoted > HIDDEN]
    said = [
        f"{row.harmed} alone may be {points(row.excess)} points worse and come through, in {row.promoted:.0%} of "
        "simulated rollouts: it has too few units for evidence of its own; read its answers, or take it out"
        for row in hidden
    ]
    said += [
        f"an equal candidate spends the budget of {rollout.budget:.3g} by chance and is rolled back, in "
        f"{row.overspent:.0%} of simulated rollouts: a larger budget keeps more of them"
        for row in rows[:1]
        if row.overspent > rollout.alpha
    ]
    return replace(rollout, behaviour=rows, reasons=(*rollout.reasons, *said))


def _truths(rollout: Rollout) -> Iterator[tuple[float, str]]:
    """Yield an excess, and the member that has it alone; an empty name is all of them."""
    yield from ((level * rollout.margin, "") for level in LEVELS)
    if rollout.member_part:
        yield from ((level * rollout.margin, stratum.flow) for stratum in rollout.strata for level in ALONE)


def _at(rollout: Rollout, excess: float, harmed: str, rollouts: int, seed: int) -> Behaviour:
    dice = random.Random(f"{seed} {rollout.flow} {rollout.candidate} {excess!r} {harmed}".rstrip())  # noqa: S311 - draws, not secrets
    metric = next(metric for metric in rollout.metrics if metric.name == "bad")
    world = _World(rollout, metric, tuple(_parts(rollout, metric, excess, harmed)), dice)
    runs = [world.rollout_once() for _ in range(rollouts)]
    shown = sorted(run.bad for run in runs)

    def share(end: End) -> float:
        return sum(run.end == end for run in runs) / rollouts

    flows = [stratum.flow for stratum in rollout.strata] if rollout.member_part else []
    return Behaviour(
        excess=excess,
        rollouts=rollouts,
        promoted=share("promoted"),
        rolled_back=share("rolled_back"),
        held=share("held"),
        days=sum(run.days for run in runs) / rollouts,
        bad_mean=sum(shown) / rollouts,
        bad_p95=float(shown[min(int(0.95 * rollouts), rollouts - 1)]),
        overspent=sum(run.overspent for run in runs) / rollouts,
        harmed=harmed,
        by_member={flow: sum(run.culprit == at for run in runs) / rollouts for at, flow in enumerate(flows)},
    )


def _parts(rollout: Rollout, metric: Metric, excess: float, harmed: str) -> Iterator[_Part]:
    """Yield what draws lots by itself: the members of a pool, or the flow."""
    if not rollout.member_part:
        yield _Part(rollout.units_per_day, metric.rate, min(metric.rate + excess, 1.0), metric.r0, 0.0)
        return
    for stratum in rollout.strata:
        bad, worse = stratum.bad, excess if harmed in ("", stratum.flow) else 0.0
        weight = rollout.member_part * bad.weight
        yield _Part(stratum.units_per_day, bad.rate, min(bad.rate + worse, 1.0), bad.r0, weight)


@dataclass(frozen=True, slots=True)
class _Part:
    """A flow, or one member of a pool, and what is true of its two models."""

    units_per_day: float
    rate: float
    """Of bad units of the control's."""
    candidate_rate: float
    r0: float
    weight: float
    """Part of the rollback's error that its own evidence has beside the pool's; 0 for a flow."""

    def until(self, share: float, days: int) -> tuple[int, int]:
        """Return the units of both sides in the first days of a stage."""
        return _until(self.units_per_day, share, days)


@dataclass(slots=True)
class _Seen:
    """Bad units of one part, or of all together, and the evidence they are."""

    r0: float
    weight: float
    before: Sequence[float] = (0.0,) * GRID
    """Log of the evidence of the stages that are done, by alternative."""
    candidate: int = 0
    """Bad units of the stage that is going on."""
    control: int = 0

    def at_most(self, share: float) -> float:
        """Return what its part is not past, cheap to know: no alternative has gained more than the likeliest one."""
        most = max(self.before) + _most(self.candidate, self.control, candidate_chance(share, self.r0))
        return self.weight * exp(min(most, SURE))

    def logs(self, share: float) -> list[float]:
        gains = _gains(share, self.r0)
        return [
            old + self.candidate * hit + self.control * miss
            for old, (hit, miss) in zip(self.before, gains, strict=True)
        ]

    def weighed(self, share: float) -> float:
        return self.weight * exp(min(_mixed(self.logs(share)), SURE))

    def leave(self, share: float) -> None:
        """Keep what a stage has shown, and begin the next one."""
        self.before = self.logs(share)
        self.candidate = self.control = 0


@dataclass(slots=True)
class _Run:
    """One simulated rollout on its way."""

    evidence: tuple[_Seen, ...]
    """What all show as one, and after it what each member of a pool shows by itself."""
    end: End = "promoted"
    culprit: int | None = None
    """Place of the member whose own evidence weighs most where the rollout is rolled back."""
    days: int = 0
    began: int = 0
    """Days when the stage that is going on began."""
    bad: int = 0
    spent: float = 0.0
    overspent: bool = False
    """It was rolled back because the budget was spent."""

    @property
    def whole(self) -> _Seen:
        return self.evidence[0]


@dataclass(frozen=True, slots=True)
class _World:
    """A plan and what is true of its two models."""

    rollout: Rollout
    metric: Metric
    parts: Sequence[_Part]
    dice: random.Random

    def rollout_once(self) -> _Run:
        own = [_Seen(part.r0, part.weight) for part in self.parts if part.weight]
        run = _Run((_Seen(self.metric.r0, self.metric.weight), *own))
        for stage in self.rollout.stages:
            if stage.share_kind == "watch" or run.end != "promoted":
                break
            run.began = run.days
            self._climb(run, stage)
            if run.end == "promoted":
                for seen in run.evidence:
                    seen.leave(stage.share)
        return run

    def _climb(self, run: _Run, stage: Stage) -> None:
        """Take one stage: day by day, with a look at its end and two extensions."""
        for look in range(1, max(stage.looks, 1) + 1):
            for _ in range(stage.days):
                self._day(run, stage)
                if self._stops(run, stage.share):
                    run.end = "rolled_back"
                    return
                if self._passes_early(run, stage):
                    return
            if not stage.looks or self._passes(run, stage, look):
                return
        run.end = "held"

    def _day(self, run: _Run, stage: Stage) -> None:
        day = run.days - run.began
        for place, part in enumerate(self.parts):
            # Whole units, as many in all as the share of all days: a day of few has none of them at times.
            before, after = part.until(stage.share, day), part.until(stage.share, day + 1)
            candidate = _drawn(after[0] - before[0], part.candidate_rate, self.dice)
            control = _drawn(after[1] - before[1], part.rate, self.dice)
            for seen in (run.whole, *run.evidence[place + 1 : place + 2]):
                seen.candidate += candidate
                seen.control += control
            run.bad += candidate
            run.spent += candidate - stage.share / (1 - stage.share) * control
        run.days += 1

    def _passes(self, run: _Run, stage: Stage, look: int) -> bool:
        sizes = [part.until(stage.share, stage.days * look) for part in self.parts]
        candidate, control = (sum(side) for side in zip(*sizes, strict=True))
        if not (candidate and control):
            return False
        level = 1 - 2 * (stage.level_of(look) or self.rollout.alpha)
        upper = newcombe((run.whole.candidate, candidate), (run.whole.control, control), level)[1]
        return upper < stage.margin * self.metric.margin / self.rollout.margin

    def _passes_early(self, run: _Run, stage: Stage) -> bool:
        """Say whether the mirrored evidence of this stage is enough, its least days over."""
        if stage.early is None or run.days - run.began < stage.early.days:
            return False
        gains = _gains(stage.share, stage.early.r0["bad"], below=True)
        return _mixed([run.whole.candidate * hit + run.whole.control * miss for hit, miss in gains]) >= log(
            stage.early.e
        )

    def _stops(self, run: _Run, share: float) -> bool:
        """Say whether the budget is spent, or the evidence of all stages is past what bad answers may err by."""
        run.overspent = bool(self.rollout.budget) and run.spent > self.rollout.budget
        if run.overspent:
            return True
        # Bounds are mostly enough; the largest are replaced first by what they bound.
        bounds = {at: seen.at_most(share) for at, seen in enumerate(run.evidence)}
        total = sum(bounds.values())
        for at in sorted(bounds, key=bounds.__getitem__, reverse=True):
            if total < 1 / self.rollout.alpha:
                return False
            total += run.evidence[at].weighed(share) - bounds[at]
        if total < 1 / self.rollout.alpha:
            return False
        whole, *own = (seen.weighed(share) for seen in run.evidence)
        run.culprit = own.index(max(own)) if own and max(own) > whole else None
        return True


@lru_cache(maxsize=4096)
def _until(units_per_day: float, share: float, days: int) -> tuple[int, int]:
    return round(units_per_day * share * days), round(units_per_day * (1 - share) * days)


def _mixed(logs: Sequence[float]) -> float:
    """Return the log of the mean of what these are logs of."""
    most = max(logs)
    return most + log(sum(exp(one - most) for one in logs) / len(logs))


def _most(candidate: int, control: int, null: float) -> float:
    """Return what the likeliest alternative has gained in this stage."""
    total = candidate + control
    if not total or candidate <= total * null:
        return 0.0
    gained = candidate * log(candidate / (total * null))
    return gained + (control * log(control / (total * (1 - null))) if control else 0.0)


@lru_cache(maxsize=256)
def _gains(share: float, r0: float, *, below: bool = False) -> tuple[tuple[float, float], ...]:
    """Return what a bad answer of the candidate's and one of the control's add to the log of each alternative."""
    null = candidate_chance(share, r0)
    chances = [candidate_chance(share, ratio) for ratio in ratios(r0, below=below)]
    return tuple((log(chance / null), log((1 - chance) / (1 - null))) for chance in chances)


def _drawn(n: int, p: float, dice: random.Random) -> int:
    if n <= TABLED:
        return bisect_left(_cumulated(n, p), dice.random())
    z = NormalDist().inv_cdf(min(max(dice.random(), 1e-12), 1 - 1e-12))
    return min(max(round(n * p + z * sqrt(n * p * (1 - p))), 0), n)


@lru_cache(maxsize=2048)
def _cumulated(n: int, p: float) -> tuple[float, ...]:
    tails = list(accumulate(binomial_shares(n, p)))
    tails[-1] = 1.0
    return tuple(tails)
