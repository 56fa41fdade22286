"""From a plan and what its log comes down to, to a verdict; a pure function of both, in a fixed order of questions.

1. roll back? Evidence, cap or budget: whatever else is wrong, harm stops the rollout. 2. Are the data those of this
plan? 3. Do both sides fail? 4. Is there enough? 5. Does the gate pass, missing outcomes taken for the worst? Else it
goes on. Only the concurrent control is tested against; history is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from migrate.canary import wording
from migrate.canary.counted import Counted
from migrate.canary.evidence_path import Evidence, halves, weigh_evidence
from migrate.canary.gates import (
    DAY,
    Elapsed,
    Totals,
    bound,
    elapsed,
    hours_to_go,
    looks,
    margin_of,
    passed_early,
    same,
    totals,
)
from migrate.canary.metrics import CAP_WEIGHT, WATCHED_ONLY
from migrate.canary.nouns import Rollout, Stage
from migrate.canary.terms import MetricName
from migrate.canary.verdicts import EarlyPass, Look, MemberReading, Reading, Verdict, Why, Word
from migrate.catalogue import is_served_as
from migrate.statistics import cap_e, mismatch_e, mismatch_p

ASSIGNED: Final = 0.95
"""Share of the calls that must say which side they were meant for."""
FOREIGN: Final = 0.005
"""Share of the calls that may be answered by another model, or run at a share the plan does not have."""
CROSSED: Final = 0.005
"""Share of the units that may have been on both sides."""
MISMATCH_P: Final = 0.0005
MISMATCH_E: Final = 1000.0
OVERLAP: Final = 2
"""Hours in which servers may still run at the share before."""


def judge(rollout: Rollout, counted: Counted) -> Verdict:
    """Return the verdict of one flow."""
    return _Check(rollout, counted).verdict()


@dataclass(frozen=True)
class _Check:
    """One flow's plan and log, and what is asked of them."""

    rollout: Rollout
    counted: Counted

    # --- What there is ---

    @cached_property
    def planned(self) -> dict[float, tuple[int, Stage]]:
        return {round(stage.share, 4): (at, stage) for at, stage in enumerate(self.rollout.stages, 1)}

    @cached_property
    def share(self) -> float:
        """The share of the newest hour: the largest, where servers still differ."""
        newest = max(row.hour for row in self.counted.hours)
        return max(row.share for row in self.counted.hours if row.hour == newest)

    @cached_property
    def place(self) -> tuple[int, Stage] | None:
        return self.planned.get(round(self.share, 4))

    @cached_property
    def evidence(self) -> Evidence:
        return weigh_evidence(self.rollout, self.counted)

    @cached_property
    def first(self) -> int:
        return min(row.hour for row in self.counted.hours if same(row.share, self.share))

    @cached_property
    def last(self) -> int:
        return max(row.hour for row in self.counted.hours)

    @cached_property
    def time(self) -> Elapsed:
        return elapsed(self.rollout, self.counted.hours, self.share)

    @property
    def hours(self) -> int:
        return self.time.hours

    @cached_property
    def sofar(self) -> Totals:
        return totals(self.counted.hours, self.share)

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        return looks(self.rollout, self.place[1], self.counted) if self.place else ()

    @cached_property
    def early(self) -> EarlyPass | None:
        return passed_early(self.rollout, self.place[1], self.counted, self.evidence.alone) if self.place else None

    # --- The order of questions ---

    def verdict(self) -> Verdict:
        """Return the first answer that holds, with all numbers."""
        if not self.counted.hours:
            return self._empty()
        word, why, said = self._answer()
        return self._said(word, why, said)

    def _answer(self) -> tuple[Word, Why, tuple[str, ...]]:
        for question in (self._control, self._harm, self._data, self._both, self._drift, self._enough):
            found = question()
            if found is not None:
                return found
        return self._gate()

    def _harm(self) -> tuple[Word, Why, tuple[str, ...]] | None:
        evidence, rollout = self.evidence, self.rollout
        if evidence.most >= 1 / rollout.alpha:
            parts = [metric.weight * evidence.at_most.get(metric.name, 1.0) for metric in rollout.metrics]
            members = [rollout.member_part * e for e in evidence.strata_at_most]
            cap = CAP_WEIGHT * rollout.own_part * evidence.cap_at_most
            if members and max(members) > max(*parts, cap):
                flow = rollout.strata[members.index(max(members))].flow
                found = next(reading for reading in self._members() if reading.flow == flow)
                return "rollback", "member", wording.harmed_member(rollout, found, self.share, evidence)
            if cap > max(parts):
                return "rollback", "cap", wording.capped(rollout, self.sofar, self.place)
            return "rollback", "evidence", wording.harm(rollout, self.sofar, self.share, evidence)
        if rollout.budget and evidence.spent_most > rollout.budget:
            return "rollback", "budget", wording.spent(rollout, evidence)
        return None

    def _control(self) -> tuple[Word, Why, tuple[str, ...]] | None:
        if self.share < 1 and not self.sofar["control"].units:
            # What was shown before, with a control, is not undone by a stage without one.
            return self._harm_before() or ("unusable", "no_control", wording.no_control(self.rollout, self.share))
        return None

    def _harm_before(self) -> tuple[Word, Why, tuple[str, ...]] | None:
        """Return what the log said before its newest stage began, if that was to roll back."""
        before = _before(self.counted, self.first)
        if not before.hours:
            return None
        word, why, said = _Check(self.rollout, before)._answer()
        return (word, why, said) if word == "rollback" else None

    def _data(self) -> tuple[Word, Why, tuple[str, ...]] | None:
        faults = tuple(self._faults())
        return ("hold", "data_invalid", wording.invalid(faults)) if faults else None

    def _faults(self) -> Iterator[str]:
        counted, calls = self.counted, sum(row.calls for row in self.counted.hours)
        if counted.unreadable > (1 - ASSIGNED) * counted.lines:
            yield f"{counted.unreadable} of {counted.lines} lines of the log cannot be read, or have no time"
        if counted.unnamed > (1 - ASSIGNED) * calls:
            yield f"{counted.unnamed} of {calls} calls do not say whose they are: the plan counts users, by unit_id"
        if counted.clashing > FOREIGN * (calls + counted.clashing):
            yield f"{counted.clashing} lines carry the response_id of another call: calls cannot be told apart"
        if counted.unassigned > (1 - ASSIGNED) * (calls + counted.unassigned):
            total = calls + counted.unassigned
            yield f"{counted.unassigned} of {total} calls do not say which side they were meant for"
        for arm, model in (("candidate", self.rollout.candidate), ("control", self.rollout.baseline)):
            yield from self._foreign(arm, model)
        strange = sum(row.calls for row in counted.hours if round(row.share, 4) not in self.planned)
        if self.place is None or strange > FOREIGN * calls:
            shares = ", ".join(
                sorted({f"{row.share:.2%}" for row in counted.hours if round(row.share, 4) not in self.planned})
            )
            yield f"{strange} calls ran at a share that the plan does not have: {shares}"
        back = [row for row in counted.hours if row.share < self.share - 5e-5 and row.hour > self.first + OVERLAP]
        if back:
            yield f"{sum(row.calls for row in back)} calls ran at an earlier share after {self.share:.0%} had begun"
        further = [row.share for row in counted.hours if row.share > self.share + 5e-5]
        if further:
            yield f"the share went back from {max(further):.0%} to {self.share:.0%}: a rollout cut back is over"
        units = sum(total.units for total in self.sofar.values())
        if counted.crossed > CROSSED * units:
            yield f"{counted.crossed} units were on both sides: the assignment does not stick"
        if self.evidence.alone:
            yield f"in {len(self.evidence.alone)} hours no call of the control is in the log"
        yield from self._mismatch()
        yield from self._member_mismatch()

    def _foreign(self, arm: str, model: str) -> Iterator[str]:
        served = [row for row in self.counted.served if row.arm == arm]
        wanted = wording.model_of(model)
        foreign = [row for row in served if wanted and row.model and not is_served_as(wanted, row.model)]
        calls, wrong = sum(row.calls for row in served), sum(row.calls for row in foreign)
        if calls and wrong > FOREIGN * calls:
            names = ", ".join(sorted({row.model for row in foreign})[:3])
            yield f"{wrong} of {calls} calls of the {arm} were answered by {names}, not {wanted}, and not as a fallback"

    def _mismatch(self) -> Iterator[str]:
        counts = [self.sofar["candidate"].units, self.sofar["control"].units]
        if self.share >= 1:
            return
        shares = [self.share, 1 - self.share]
        if mismatch_e(counts, shares) >= MISMATCH_E or (self.looks and self._look_p(self.looks[-1]) < MISMATCH_P):
            wanted = self.share * sum(counts)
            split = f"{counts[0]} of {sum(counts)} units are the candidate's, {wanted:.0f} were planned"
            yield f"{split}: the split is broken"

    def _member_mismatch(self) -> Iterator[str]:
        """Yield members of a pool that are split otherwise: two that are off to both sides look planned together."""
        if self.share >= 1 or len(self.rollout.strata) < 2:
            return
        for member in self._members():
            counts = [member.candidate_units, member.control_units]
            if mismatch_e(counts, [self.share, 1 - self.share]) >= MISMATCH_E * len(self.rollout.strata):
                split = (
                    f"{counts[0]} of {sum(counts)} units are the candidate's, {self.share * sum(counts):.0f} planned"
                )
                yield f"{member.flow}: {split}: the members of a pool do not have one share"

    def _look_p(self, look: Look) -> float:
        return mismatch_p([look.candidate_units, look.control_units], [self.share, 1 - self.share])

    def _both(self) -> tuple[Word, Why, tuple[str, ...]] | None:
        now = [hour for hour in self.evidence.degraded if hour >= self.last - 1]
        if now or self.evidence.capped_both:
            return "hold", "both_arms_degraded", wording.both(self.sofar, bool(now))
        return None

    def _drift(self) -> tuple[Word, Why, tuple[str, ...]] | None:
        if self.place is None or self.place[1].share_kind != "watch":
            return None
        alerts = tuple(self._alerts())
        if alerts:
            return "hold", "drift", wording.drifting(self.rollout, alerts)
        return "observe", "nothing_drifts", wording.quiet(self.rollout, self.sofar["candidate"])

    def _alerts(self) -> Iterator[str]:
        """Yield what is past twice its share among the goldens, each at its part of alpha, however often one looks."""
        total = self.sofar["candidate"]
        watched = [
            metric for metric in self.rollout.metrics if metric.name in {"schema", "refusal", "bad", *WATCHED_ONLY}
        ]
        for metric in watched:
            bad, units = total.of(metric)
            cap = min(2 * metric.upper if metric.name in WATCHED_ONLY else metric.upper + metric.margin, 0.89)
            if cap_e(bad, units, cap) >= len(watched) / self.rollout.alpha:
                yield wording.alert(metric, bad, units, cap)

    def _enough(self) -> tuple[Word, Why, tuple[str, ...]] | None:
        stage = self._stage
        unseen = [one.flow for one in self._members() if not (one.candidate_units and one.control_units)]
        if unseen:
            return "hold", "not_enough", wording.unseen(self.rollout, stage, unseen)
        if stage.share_kind == "holdback":
            if self.hours >= DAY * stage.days:
                return "promote", "held_back_long_enough", wording.held_back(self.rollout, stage, self.sofar)
            return "hold", "not_enough", wording.more_days(stage, self.hours)
        if self.early is not None and not self.looks:
            said = wording.passed_early(self.rollout, (self.place or (0,))[0], stage, self.early)
            return "promote", "passed_early", said
        if self.looks:
            return None
        wait = hours_to_go(stage, self.sofar, self.hours, 1)
        return "hold", "not_enough", wording.more_units(stage, self.sofar, self.hours, wait)

    @property
    def _stage(self) -> Stage:
        if self.place is None:  # pragma: no cover - a share without a stage is a fault of the data, said before
            raise LookupError(self.share)
        return self.place[1]

    def _gate(self) -> tuple[Word, Why, tuple[str, ...]]:
        number, stage = (self.place or (0, None))[0], self._stage
        passed = next((look for look in self.looks if look.passed), None)
        if passed is not None:
            return "promote", "gate_passed", wording.passed(self.rollout, number, stage, passed)
        if self.early is not None:
            return "promote", "passed_early", wording.passed_early(self.rollout, number, stage, self.early)
        newest = self.looks[-1]
        if newest.passed_but_for_missing:
            return "hold", "missing_outcomes", wording.missing(self.sofar, newest, stage)
        if newest.number >= stage.looks:
            return "hold", "human_gate", wording.exhausted(stage, newest)
        wait = hours_to_go(stage, self.sofar, self.hours, newest.number + 1)
        return "hold", "inconclusive", wording.inconclusive(stage, self.sofar, newest, wait)

    # --- What is said with it ---

    def _empty(self) -> Verdict:
        said = wording.no_calls(self.rollout, self.counted.unassigned)
        return Verdict(
            flow=self.rollout.flow, word="unusable", why="no_calls", sentences=said, stage=None, share=None,
            started=None, seen_until=None, next_check=None, e=1.0, threshold=1 / self.rollout.alpha, cap_e=1.0,
            budget=self.rollout.budget, spent=0.0, mismatch_p=None, mismatch_e=None,
        )  # fmt: skip

    def _said(self, word: Word, why: Why, said: tuple[str, ...]) -> Verdict:
        evidence, counts = self.evidence, [self.sofar["candidate"].units, self.sofar["control"].units]
        shares = [self.share, 1 - self.share]
        split = self.share < 1 and all(counts)
        return Verdict(
            flow=self.rollout.flow,
            word=word,
            why=why,
            sentences=said,
            stage=None if self.place is None else self.place[0],
            share=self.share,
            started=moment(self.first),
            seen_until=moment(self.last + 1),
            next_check=self._next(word),
            e=evidence.most,
            threshold=1 / self.rollout.alpha,
            cap_e=evidence.cap,
            budget=self.rollout.budget,
            spent=evidence.spent,
            mismatch_p=mismatch_p(counts, shares) if split else None,
            mismatch_e=mismatch_e(counts, shares) if split else None,
            readings=tuple(self._readings()),
            looks=self.looks,
            early=self.early,
            path=evidence.path,
            missing_candidate=self.sofar["candidate"].missing,
            missing_control=self.sofar["control"].missing,
            notes=(*wording.notes(self.rollout, self.counted, evidence), *wording.silence(self.time.silent)),
            strata=tuple(self._members()),
            simulated=self.counted.simulated or self.rollout.simulated,
        )

    def _next(self, word: Word) -> str | None:
        """Return when looking again may say more: within the hour where evidence grows, else with a new day."""
        if word in ("rollback", "unusable"):
            return None
        if word == "promote" or self.evidence.path[-1].e > 1:
            return moment(self.last + 2)
        wait = DAY
        if self.place is not None and self.place[1].looks and len(self.looks) < self.place[1].looks:
            until = hours_to_go(self.place[1], self.sofar, self.hours, len(self.looks) + 1)
            wait = min(DAY, max(1, int(min(until, 1e6))))
        return moment(self.last + 1 + wait)

    def _members(self) -> Iterator[MemberReading]:
        part = self.rollout.member_part
        for place, (stratum, counted) in enumerate(zip(self.rollout.strata, self.counted.strata, strict=True)):
            sofar = totals(counted.hours, self.share)
            bad, units = sofar["candidate"].of(stratum.bad)
            control_bad, control = sofar["control"].of(stratum.bad)
            yield MemberReading(
                flow=stratum.flow,
                candidate_bad=bad,
                candidate_units=units,
                control_bad=control_bad,
                control_units=control,
                e=self.evidence.strata[place] if part else self.evidence.path[-1].e,
                threshold=1 / (self.rollout.alpha * (part or 1.0)),
            )

    def _readings(self) -> Iterator[Reading]:
        stage = self.place[1] if self.place else None
        for metric in self.rollout.metrics:
            bad, units = self.sofar["candidate"].of(metric)
            control_bad, control = self.sofar["control"].of(metric)
            both = bool(units and control and stage is not None)
            yield Reading(
                name=metric.name,
                hard=metric.hard,
                candidate_bad=bad,
                candidate_units=units,
                control_bad=control_bad,
                control_units=control,
                excess=bad / units - control_bad / control if both else None,
                upper=bound(self.rollout, stage, metric, self.sofar, worst=False) if both and stage else None,
                margin=margin_of(self.rollout, stage, metric) if stage else metric.margin,
                e=self.evidence.by_metric.get(metric.name, 1.0),
                threshold=1 / (self.rollout.alpha * metric.weight) if metric.weight else float("inf"),
                e_control_halves=halves(metric, self.counted),
            )


def _before(counted: Counted, hour: int) -> Counted:
    """Return a log as it was before an hour."""
    return replace(
        counted,
        hours=tuple(row for row in counted.hours if row.hour < hour),
        events=tuple(event for event in counted.events if event.hour < hour),
        strata=tuple(_before(one, hour) for one in counted.strata),
    )


def moment(hour: int) -> str:
    """Return the start of an hour as text, UTC."""
    return dt.datetime.fromtimestamp(hour * 3600, dt.UTC).strftime("%Y-%m-%dT%H:%MZ")


def exit_word(verdicts: Sequence[Verdict]) -> Word:
    """Return the word of several flows together: the worst."""
    order: tuple[Word, ...] = ("rollback", "unusable", "hold", "promote", "observe")
    return min((verdict.word for verdict in verdicts), key=order.index)


__all__ = ["MetricName", "exit_word", "judge", "moment"]
