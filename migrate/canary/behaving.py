"""How a plan behaves: rollouts of this very plan, simulated at several true excesses.

Each day of each stage both arms draw their bad units; evidence is looked at once a day, gates at their planned sizes.
Units are independent in a simulation; real ones are not. The shares have a standard error of at most
0.5 / sqrt(rollouts): 1.1 points for 2,000.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final, Literal

from migrate.canary.nouns import Behaviour, Metric, Rollout, Stage
from migrate.statistics import candidate_chance, newcombe, ratios
from migrate.statistics.tails import binomial_shares

TABLED: Final = 3000
"""Units up to which a day is drawn from the exact distribution; beyond it from the normal one."""
LEVELS: Final = (0.0, 0.5, 1.0, 2.0, 8.0)
"""True excesses, in margins."""

End = Literal["promoted", "rolled_back", "held"]


def behaviour(rollout: Rollout, rollouts: int, seed: int) -> tuple[Behaviour, ...]:
    """Return what simulated rollouts of the plan do at an excess of 0, 1/2, 1, 2 and 8 margins."""
    if rollout.verdict not in ("ready", "ready_modified"):
        return ()
    return tuple(_at(rollout, level * rollout.margin, rollouts, seed) for level in LEVELS)


def _at(rollout: Rollout, excess: float, rollouts: int, seed: int) -> Behaviour:
    dice = random.Random(f"{seed} {rollout.flow} {rollout.candidate} {excess!r}")  # noqa: S311 - draws, not secrets
    world = _World(rollout, next(metric for metric in rollout.metrics if metric.name == "bad"), excess, dice)
    runs = [world.rollout_once() for _ in range(rollouts)]
    shown = sorted(run.bad for run in runs)

    def share(end: End) -> float:
        return sum(run.end == end for run in runs) / rollouts

    return Behaviour(
        excess=excess,
        rollouts=rollouts,
        promoted=share("promoted"),
        rolled_back=share("rolled_back"),
        held=share("held"),
        days=sum(run.days for run in runs) / rollouts,
        bad_mean=sum(shown) / rollouts,
        bad_p95=float(shown[min(int(0.95 * rollouts), rollouts - 1)]),
    )


@dataclass(slots=True)
class _Run:
    """One simulated rollout on its way."""

    before: list[float]
    """Log of the evidence of the stages that are done, by alternative."""
    end: End = "promoted"
    days: int = 0
    began: int = 0
    """Days when the stage that is going on began."""
    bad: int = 0
    spent: float = 0.0
    candidate: int = 0
    """Bad units of the stage that is going on."""
    control: int = 0


@dataclass(frozen=True, slots=True)
class _World:
    """A plan and what is true of its two models."""

    rollout: Rollout
    metric: Metric
    excess: float
    dice: random.Random

    def rollout_once(self) -> _Run:
        run = _Run([0.0] * len(ratios(self.metric.r0)))
        for stage in self.rollout.stages:
            if stage.share_kind == "watch" or run.end != "promoted":
                break
            run.began = run.days
            self._climb(run, stage)
            run.before = self._logs(run, stage.share)
            run.candidate = run.control = 0
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
        units, rate = self.rollout.units_per_day, self.metric.rate
        candidate = _drawn(round(units * stage.share), min(rate + self.excess, 1.0), self.dice)
        control = _drawn(round(units * (1 - stage.share)), rate, self.dice)
        run.candidate += candidate
        run.control += control
        run.days += 1
        run.bad += candidate
        run.spent += candidate - stage.share / (1 - stage.share) * control

    def _passes(self, run: _Run, stage: Stage, look: int) -> bool:
        units = self.rollout.units_per_day * stage.days * look
        sizes = round(units * stage.share), round(units * (1 - stage.share))
        level = 1 - 2 * (stage.level_of(look) or self.rollout.alpha)
        upper = newcombe((run.candidate, sizes[0]), (run.control, sizes[1]), level)[1]
        return upper < stage.margin * self.metric.margin / self.rollout.margin

    def _passes_early(self, run: _Run, stage: Stage) -> bool:
        """Say whether the mirrored evidence of this stage is enough, its least days over."""
        if stage.early is None or run.days - run.began < stage.early.days:
            return False
        gains = _gains(stage.share, stage.early.r0["bad"], below=True)
        logs = [run.candidate * hit + run.control * miss for hit, miss in gains]
        most = max(logs)
        return log(sum(exp(one - most) for one in logs) / len(logs)) + most >= log(stage.early.e)

    def _stops(self, run: _Run, share: float) -> bool:
        """Say whether the budget is spent, or the evidence of all stages is past what this metric may err by."""
        if self.rollout.budget and run.spent > self.rollout.budget:
            return True
        threshold = -log(self.rollout.alpha * self.metric.weight)
        # No alternative has gained more than the likeliest one: cheap to know, and mostly enough.
        if max(run.before) + _most(run, candidate_chance(share, self.metric.r0)) < threshold:
            return False
        logs = self._logs(run, share)
        most = max(logs)
        return most >= threshold and log(sum(exp(one - most) for one in logs) / len(logs)) + most >= threshold

    def _logs(self, run: _Run, share: float) -> list[float]:
        bad, good = run.candidate, run.control
        gains = _gains(share, self.metric.r0)
        return [old + bad * hit + good * miss for old, (hit, miss) in zip(run.before, gains, strict=True)]


def _most(run: _Run, null: float) -> float:
    """Return what the likeliest alternative has gained in this stage."""
    total = run.candidate + run.control
    if not total or run.candidate <= total * null:
        return 0.0
    gained = run.candidate * log(run.candidate / (total * null))
    return gained + (run.control * log(run.control / (total * (1 - null))) if run.control else 0.0)


@lru_cache(maxsize=64)
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


@lru_cache(maxsize=512)
def _cumulated(n: int, p: float) -> tuple[float, ...]:
    tails = list(accumulate(binomial_shares(n, p)))
    tails[-1] = 1.0
    return tuple(tails)
