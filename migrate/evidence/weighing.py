"""Weigh case records as they come: verdicts, rates, money, latency and groups, one flow and candidate at a time.

Of each case only a few numbers are kept, so that ten thousand cases weigh little. The case is the statistical unit:
its samples are averaged before anything is compared, and baseline and candidate may have different numbers of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from migrate.comparing.forgiving import fails_for_a_rejection
from migrate.evidence import words
from migrate.evidence.latency import Clockings, quantiles_of, times_of
from migrate.evidence.money import Ratio, Spending
from migrate.evidence.policy import Policy, stricter
from migrate.evidence.steps import Steps
from migrate.evidence.tally import Tally
from migrate.evidence.tolerating import Excused
from migrate.evidence.verdict import Ruling, rule
from migrate.reviewing import Grouping
from migrate.vocabulary import (
    CaseVerdict,
    Comparison,
    Criticality,
    FlowEvidence,
    FlowName,
    Judged,
    Measurement,
    Rung,
    RungRates,
)


class Record(Protocol):
    """One case against one candidate, with what was measured on both sides: the shape of the ledger's records."""

    @property
    def comparison(self) -> Comparison: ...

    @property
    def samples(self) -> Sequence[Judged]: ...

    @property
    def baseline(self) -> Sequence[Measurement]: ...

    @property
    def candidate(self) -> Sequence[Measurement]: ...


def weigh(records: Iterable[Record], *, policies: Mapping[FlowName, Policy] | None = None) -> tuple[FlowEvidence, ...]:
    """Return the evidence of every flow and candidate, in the order in which they first come.

    `policies` are what the inventory says of its flows; for a flow it does not know the marks of its tests say it, and
    what nobody says is a medium one. Without policies there are no verdicts.
    """
    scales: dict[tuple[FlowName, str], _Scale] = {}
    for record in records:
        key = (record.comparison.flow, record.comparison.candidate)
        scale = scales.get(key)
        if scale is None:
            scale = scales[key] = _Scale()
        scale.add(record)
    weighed = {} if policies is None else {key: policies.get(key[0]) or scale.policy for key, scale in scales.items()}
    rulings = _rulings(scales, weighed)
    return tuple(scale.evidence(*key, rulings.get(key), weighed.get(key)) for key, scale in scales.items())


_Key = tuple[FlowName, str]
"""Flow and candidate."""


def _rulings(scales: Mapping[_Key, _Scale], policies: Mapping[_Key, Policy]) -> dict[_Key, Ruling]:
    """Return the rulings, candidate by candidate: the flows of one are decided on together."""
    found: dict[_Key, Ruling] = {}
    for candidate in dict.fromkeys(candidate for _, candidate in policies):
        keys = [key for key in policies if key[1] == candidate]
        trials = [(scales[key].tally, policies[key]) for key in keys]
        found |= zip(keys, rule(trials), strict=True)
    return found


class _Scale:
    """What is known so far of one flow against one candidate."""

    def __init__(self) -> None:
        self.samples = 0
        self.simulated = False
        self.baselines: dict[str, None] = {}
        self.verdicts: Counter[CaseVerdict] = Counter()
        self.rejected = 0
        self.unjudged: Counter[str] = Counter()
        self.rungs: dict[Rung, RungRates] = {}
        self.grouping = Grouping()
        self.spent = (Spending(), Spending())
        self.ratio = Ratio()
        self.clocked = (Clockings(), Clockings())
        self.tally = Tally()
        self.steps = Steps()
        self.several_calls = False
        self.critical: Criticality | None = None
        self.changed: Counter[str] = Counter()
        self.excused = Excused()

    def add(self, record: Record) -> None:
        comparison = record.comparison
        self.samples += len(record.samples)
        self.verdicts[comparison.verdict] += 1
        self.rejected += fails_for_a_rejection(comparison)
        self.unjudged.update(set(comparison.unjudged))
        if comparison.baseline:
            self.baselines[comparison.baseline] = None
        self.grouping.add(comparison)
        self.tally.add(comparison)
        self.excused.add(comparison)
        self.changed.update(comparison.changed)
        if comparison.critical is not None:
            self.critical = stricter(self.critical, comparison.critical)
        self._add_rungs(comparison.rungs)
        sides = (record.baseline, record.candidate)
        for measurements, spending, clockings in zip(sides, self.spent, self.clocked, strict=True):
            spending.add(measurements)
            clockings.add(measurements)
            self.simulated = self.simulated or any(measurement.simulated for measurement in measurements)
            if len(measurements) > 1 and not self.several_calls:
                self.several_calls = any(measurement.ordinal > 0 for measurement in measurements)
        self.ratio.add(*sides)
        self.steps.add(*sides)

    @property
    def policy(self) -> Policy:
        """What the tests of a flow without a prompt file say of it."""
        return Policy() if self.critical is None else Policy(self.critical)

    def _add_rungs(self, rungs: Mapping[Rung, RungRates | None]) -> None:
        for rung, more in rungs.items():
            if more is not None:
                sofar = self.rungs.get(rung)
                self.rungs[rung] = (
                    more
                    if sofar is None
                    else RungRates(sofar.baseline + more.baseline, sofar.candidate + more.candidate)
                )

    def _itself(self, candidate: str) -> tuple[str, ...]:
        return (words.itself(candidate),) if list(self.baselines) == [candidate] else ()

    def evidence(self, flow: FlowName, candidate: str, ruling: Ruling | None, policy: Policy | None) -> FlowEvidence:
        latency_baseline, latency_candidate = quantiles_of(*self.clocked)
        return FlowEvidence(
            flow=flow,
            baseline=", ".join(self.baselines),
            candidate=candidate,
            cases=self.verdicts.total(),
            samples=self.samples,
            verdicts={verdict: self.verdicts[verdict] for verdict in CaseVerdict},
            rungs={rung: self.rungs.get(rung) for rung in Rung},
            cost_baseline=self.spent[0].money(),
            cost_candidate=self.spent[1].money(),
            cost_ratio=self.ratio.value(),
            latency_baseline=latency_baseline,
            latency_candidate=latency_candidate,
            groups=self.grouping.groups(),
            simulated=self.simulated,
            verdict=None if ruling is None else ruling.verdict,
            cases_needed=None if ruling is None else ruling.cases_needed,
            unjudged=dict(self.unjudged),
            reasons=() if ruling is None else (*self._itself(candidate), *ruling.reasons),
            metrics=() if ruling is None else ruling.metrics,
            excluded={why: tuple(cases) for why, cases in self.tally.excluded.items()},
            steps=self.steps.evidence(),
            times=times_of(*self.clocked),
            changed=dict(self.changed),
            critical=None if policy is None else policy.critical,
            several_calls=self.several_calls,
            rejected=self.rejected,
            tolerated=self.excused.changes(candidate, () if policy is None else policy.tolerated),
        )


__all__ = ["Record", "weigh"]
