"""How a plan behaves: rollouts of this very plan, simulated at several true excesses.

Each day of each stage both arms draw their bad units, those of a pool member by member; evidence is looked at once a
day, that of a pool's members beside the pool's, gates at their planned sizes. Bad answers alone are drawn: what caps
and the other metrics stop is not in it. Units are independent in a simulation; real ones are not. The shares have a
standard error of at most 0.5 / sqrt(rollouts): 1.1 points for 2,000, 2.2 for 500.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import log
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from migrate.canary.nouns import Behaviour, Metric, Rollout, Stage
from migrate.evidence.words import points
from migrate.statistics import candidate_chance
from migrate.statistics.events import GRID, hits, misses

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import RandomState
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]
    Places = NDArray[np.int64]
    """Which of the rollouts that are simulated side by side."""

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
NOBODY: Final = -1


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
    metric = next(metric for metric in rollout.metrics if metric.name == "bad")
    dice = _dice(seed, rollout.flow, rollout.candidate, excess, harmed)
    world = _World(rollout, metric, tuple(_parts(rollout, metric, excess, harmed)), rollouts, dice)
    world.run()
    shown = sorted(world.bad.tolist())
    flows = [stratum.flow for stratum in rollout.strata] if rollout.member_part else []
    return Behaviour(
        excess=excess,
        rollouts=rollouts,
        promoted=float(world.promoted.mean()),
        rolled_back=float(world.rolled_back.mean()),
        held=float(world.held.mean()),
        days=float(world.days.mean()),
        bad_mean=float(world.bad.mean()),
        bad_p95=float(shown[min(int(0.95 * rollouts), rollouts - 1)]),
        overspent=float(world.overspent.mean()),
        harmed=harmed,
        by_member={flow: float((world.culprit == at).mean()) for at, flow in enumerate(flows)},
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
        return round(self.units_per_day * share * days), round(self.units_per_day * (1 - share) * days)


class _Seen:
    """Bad units of one part, or of all together, and the evidence they are: one of each for every rollout."""

    def __init__(self, r0: float, weight: float, rollouts: int) -> None:
        import numpy as np

        self._r0 = r0
        self._weight = weight
        self._before = np.zeros((rollouts, GRID))
        """Log of the evidence of the stages that are done, by alternative."""
        self.candidate = np.zeros(rollouts, dtype=np.int64)
        """Bad units of the stage that is going on."""
        self.control = np.zeros(rollouts, dtype=np.int64)

    def at_most(self, at: Places, share: float) -> Floats:
        """Return what its part is not past, cheap to know: no alternative has gained more than the likeliest one."""
        import numpy as np

        candidate, control = self.candidate[at], self.control[at]
        total, null = candidate + control, candidate_chance(share, self._r0)
        with np.errstate(divide="ignore", invalid="ignore"):
            gained = candidate * np.log(candidate / (total * null))
            gained += np.where(control, control * np.log(control / (total * (1 - null))), 0.0)
        most = self._before[at].max(axis=1) + np.where(candidate > total * null, gained, 0.0)
        return np.asarray(self._weight * np.exp(np.minimum(most, SURE)))

    def weighed(self, at: Places, share: float) -> Floats:
        """Return the part of the rollback's threshold that its evidence makes up."""
        import numpy as np

        return self._weight * np.exp(np.minimum(_mixed(self._logs(at, share)), SURE))

    def leave(self, at: Places, share: float) -> None:
        """Keep what a stage has shown, and begin the next one."""
        self._before[at] = self._logs(at, share)
        self.candidate[at] = self.control[at] = 0

    def mirrored(self, at: Places, share: float, r0: float) -> Floats:
        """Return the log of this stage's evidence that the ratio of bad rates is less than `r0`."""
        return _mixed(_gained(self.candidate[at], self.control[at], share, r0, below=True))

    def _logs(self, at: Places, share: float) -> Floats:
        return self._before[at] + _gained(self.candidate[at], self.control[at], share, self._r0)


class _World:
    """Rollouts of one plan side by side, and what is true of its two models.

    All are in one stage at a time: those that leave it before the others wait for them, which costs them no day.
    """

    def __init__(self, rollout: Rollout, metric: Metric, parts: Sequence[_Part], rollouts: int, dice: RandomState):
        import numpy as np

        self._rollout, self._metric, self._parts, self._dice = rollout, metric, parts, dice
        own = [_Seen(part.r0, part.weight, rollouts) for part in parts if part.weight]
        self._evidence = (_Seen(metric.r0, metric.weight, rollouts), *own)
        """What all parts show as one, and after it what each member of a pool shows by itself."""
        self.rolled_back = np.zeros(rollouts, dtype=bool)
        self.held = np.zeros(rollouts, dtype=bool)
        self.overspent = np.zeros(rollouts, dtype=bool)
        """Those that were rolled back because the budget was spent."""
        self.culprit = np.full(rollouts, NOBODY)
        """Place of the member whose own evidence weighs most where the rollout is rolled back."""
        self.days = np.zeros(rollouts, dtype=np.int64)
        self.bad = np.zeros(rollouts, dtype=np.int64)
        self._spent = np.zeros(rollouts)

    @property
    def promoted(self) -> NDArray[np.bool_]:
        return ~(self.rolled_back | self.held)

    def run(self) -> None:
        """Let every rollout climb until it is at its end."""
        for stage in self._rollout.stages:
            if stage.share_kind == "watch":
                return
            self._climb(stage)
            through = self.promoted.nonzero()[0]
            for seen in self._evidence:
                seen.leave(through, stage.share)

    def _climb(self, stage: Stage) -> None:
        """Take one stage: day by day, with a look at its end and two extensions."""
        at = self.promoted.nonzero()[0]
        for look in range(1, max(stage.looks, 1) + 1):
            for day in range(stage.days * (look - 1), stage.days * look):
                if not len(at):
                    return
                self._spend_day(at, stage, day)
                at = at[~self._stopped(at, stage.share)]
                at = at[~self._early(at, stage, day + 1)]
            if not stage.looks:
                return
            at = at[~self._passed(at, stage, look)]
        self.held[at] = True

    def _spend_day(self, at: Places, stage: Stage, day: int) -> None:
        for place, part in enumerate(self._parts):
            # Whole units, as many in all as the share of all days: a day of few has none of them at times.
            before, after = part.until(stage.share, day), part.until(stage.share, day + 1)
            candidate = self._dice.binomial(after[0] - before[0], part.candidate_rate, len(at))
            control = self._dice.binomial(after[1] - before[1], part.rate, len(at))
            for seen in (self._evidence[0], *self._evidence[place + 1 : place + 2]):
                seen.candidate[at] += candidate
                seen.control[at] += control
            self.bad[at] += candidate
            self._spent[at] += candidate - stage.share / (1 - stage.share) * control
        self.days[at] += 1

    def _stopped(self, at: Places, share: float) -> NDArray[np.bool_]:
        """Say where the budget is spent, or the evidence of all stages is past what bad answers may err by."""
        import numpy as np

        enough = 1 / self._rollout.alpha
        over = (self._spent[at] > self._rollout.budget) & bool(self._rollout.budget)
        self.overspent[at] = over
        # Bounds are mostly enough: what is bounded wants forty exponentials a rollout.
        bounds: Floats = np.sum([seen.at_most(at, share) for seen in self._evidence], axis=0)
        near = (~over & (bounds >= enough)).nonzero()[0]
        weighed = np.array([seen.weighed(at[near], share) for seen in self._evidence])
        shown = weighed.sum(axis=0) >= enough
        whole, own = weighed[0], weighed[1:]
        if len(own):
            blamed = shown & (own.max(axis=0) > whole)
            self.culprit[at[near][blamed]] = own.argmax(axis=0)[blamed]
        stopped = over.copy()
        stopped[near] = shown
        self.rolled_back[at] = stopped
        return stopped

    def _early(self, at: Places, stage: Stage, days: int) -> NDArray[np.bool_]:
        """Say where the mirrored evidence of this stage is enough, its least days over."""
        import numpy as np

        if stage.early is None or days < stage.early.days:
            return np.zeros(len(at), dtype=bool)
        shown = self._evidence[0].mirrored(at, stage.share, stage.early.r0["bad"])
        return shown >= log(stage.early.e)

    def _passed(self, at: Places, stage: Stage, look: int) -> NDArray[np.bool_]:
        import numpy as np

        sizes = [part.until(stage.share, stage.days * look) for part in self._parts]
        candidate, control = (sum(side) for side in zip(*sizes, strict=True))
        if not (candidate and control):
            return np.zeros(len(at), dtype=bool)
        level = 1 - 2 * (stage.level_of(look) or self._rollout.alpha)
        whole = self._evidence[0]
        upper = upper_of_difference(whole.candidate[at], candidate, whole.control[at], control, level)
        return upper < stage.margin * self._metric.margin / self._rollout.margin


def upper_of_difference(bad: Counts, of: int, control_bad: Counts, of_control: int, level: float) -> Floats:
    """Return the upper bound of `statistics.newcombe` for many pairs of counts at once."""
    import numpy as np

    z = NormalDist().inv_cdf((1 + level) / 2)

    def wilson(passed: Counts, total: int, side: int) -> Floats:
        share, pull = passed / total, z * z / total
        reach = z * np.sqrt((share * (1 - share) + pull / 4) / total)
        return np.asarray((share + pull / 2 + side * reach) / (1 + pull))

    share, other = bad / of, control_bad / of_control
    high = np.where(bad == of, 1.0, wilson(bad, of, 1))
    low = np.where(control_bad == 0, 0.0, wilson(control_bad, of_control, -1))
    return np.minimum(share - other + np.sqrt((high - share) ** 2 + (other - low) ** 2), 1.0)


def _mixed(logs: Floats) -> Floats:
    """Return the log of the mean of what the last axis has the logs of."""
    import numpy as np

    most = logs.max(axis=-1, keepdims=True)
    return np.asarray(most[..., 0] + np.log(np.exp(logs - most).mean(axis=-1)))


def _gained(candidate: Counts, control: Counts, share: float, r0: float, *, below: bool = False) -> Floats:
    """Return what bad answers of both sides add to the log of each alternative, for every rollout."""
    import numpy as np

    gains = np.multiply.outer(candidate, hits(share, r0, below=below))
    return np.asarray(gains + np.multiply.outer(control, misses(share, r0, below=below)))


def _dice(*said: object) -> RandomState:
    """Return dice that fall alike for the same words: of the kind whose falls no release of numpy changes."""
    import numpy as np

    return np.random.RandomState(np.frombuffer(sha256(repr(said).encode()).digest(), dtype="<u4"))
