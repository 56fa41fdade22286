"""Which replay speaks for each candidate of each flow: the newest whole one of what would be asked today.

`route` and `canary plan` both decide by it. A replay of an older baseline says nothing of today's; answers to a prompt
that changed since, or held against goldens that no longer fit it, are as those of a stale golden; and the baseline
against itself shows its noise, and is nowhere to go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from migrate.evidence.policy import Policy
from migrate.ports import CaseRecord, HistoryRow, Ledger
from migrate.rendering import chain_for, parse_candidate, prompt_for
from migrate.routing import LeftOut, Why
from migrate.vocabulary import CaseId, CaseVerdict, Flow, FlowName, Golden, Traffic
from migrate.wiring.world import World, offers
from migrate.workflow.replay import asked_otherwise, stale_today

RUNS: Final = 200
"""Runs of a flow that are looked through, newest first."""
UNCOMPARED: Final = (CaseVerdict.STALE_GOLDEN, CaseVerdict.NO_GOLDEN)


@dataclass(frozen=True, slots=True)
class Subject:
    """A flow that candidates are weighed for: one of the inventory, or one of the application's own tests."""

    name: FlowName
    policy: Policy
    traffic: Traffic
    baseline: str
    """Model of production today; of a test's flow those that its newest replay was compared with."""
    flow: Flow | None = None
    """None: it has no prompt file."""

    def is_baseline(self, text: str) -> bool:
        """Say whether a candidate is what production does today: the same models in the same words."""
        candidate = parse_candidate(text)
        if self.flow is None:
            models = [name.strip() for name in self.baseline.split(",")]
            return candidate.variant is None and all(candidate.model_for(model) == model for model in models)
        if not offers(self.flow, candidate) or prompt_for(self.flow, candidate) is not self.flow.prompt:
            return False
        if self.flow.chain is None:
            return candidate.model_for(self.baseline) == self.baseline
        steps = chain_for(self.flow, candidate).steps
        return all(candidate.model_for(step.prompt.model, step.name) == step.prompt.model for step in steps)


def subject_of(flow: Flow, policy: Policy) -> Subject:
    """Return a flow of the inventory as one that candidates are weighed for."""
    return Subject(flow.name, policy, flow.traffic, flow.prompt.model, flow)


@dataclass(frozen=True, slots=True)
class Speaking:
    """The replays of one flow that speak for its candidates."""

    rows: Mapping[str, HistoryRow] = field(default_factory=dict)
    """By candidate, sorted."""
    older: Mapping[str, HistoryRow] = field(default_factory=dict)
    """Newest replays of the candidates that were compared with another baseline than today's alone."""


def speaking(ledger: Ledger, subject: Subject) -> Speaking:
    """Return for each candidate of a flow the newest complete replay that compared all its cases, else the one that
    compared most of them. A name that its provider has not got is no candidate.
    """
    found: dict[str, HistoryRow] = {}
    older: dict[str, HistoryRow] = {}
    for row in ledger.history(subject.name, limit=RUNS):
        if row.run.kind != "replay" or row.run.asked_in_vain(row.verdicts) or subject.is_baseline(row.candidate):
            continue
        if any(row.baselines) and subject.baseline not in row.baselines:
            older.setdefault(row.candidate, row)
            continue
        sofar = found.get(row.candidate)
        if sofar is None or _worth(row, subject) > _worth(sofar, subject):
            found[row.candidate] = row
    return Speaking(dict(sorted(found.items())), {text: older[text] for text in sorted(older.keys() - found.keys())})


def _worth(row: HistoryRow, subject: Subject) -> tuple[bool, int]:
    compared = row.cases - sum(row.verdicts.get(verdict, 0) for verdict in UNCOMPARED)
    return row.run.state == "complete", min(compared, subject.policy.cases or compared)


class Today:
    """What the prompt files ask and the goldens hold today, against what a replay asked and was compared with."""

    def __init__(self, world: World, flows: Iterable[Flow]) -> None:
        self._world = world
        self._cases = {(flow.name, case.id): (flow, case) for flow in flows for case in flow.cases}
        self._stale: dict[tuple[FlowName, CaseId], str] = {}
        self._last: tuple[tuple[FlowName, CaseId], Golden | None] | None = None

    def golden(self, flow: FlowName, case: CaseId) -> Golden | None:
        """Return the golden of a case; the last one that was read is kept at hand."""
        if self._last is None or self._last[0] != (flow, case):
            self._last = ((flow, case), self._world.goldens.read(flow, case))
        return self._last[1]

    def staleness(self, flow: FlowName, case: CaseId) -> str:
        """Say why the golden of a case is stale; empty where it is not, or where there is none."""
        key = (flow, case)
        if key not in self._stale:
            golden, known = self.golden(*key), self._cases.get(key)
            self._stale[key] = (
                "" if golden is None or known is None else stale_today(*known, golden, self._world.redactor)
            )
        return self._stale[key]

    def held(self, record: CaseRecord) -> CaseRecord:
        """Return a record as it stands today: that of a stale golden where what is asked changed since."""
        one = record.comparison
        known = self._cases.get((one.flow, one.case))
        if known is None or one.scores is None or not one.scores.contract.candidate.total:
            return record
        stale = self.staleness(one.flow, one.case) or asked_otherwise(*known, record, self._world.redactor)
        if not stale:
            return record
        verdict = CaseVerdict.STALE_GOLDEN
        return replace(record, comparison=replace(one, verdict=verdict, findings=(), rungs={}, scores=None, note=stale))


def left_out(subject: Subject, older: Mapping[str, HistoryRow], today: Today) -> tuple[LeftOut, ...]:
    """Return the candidates that were compared with another baseline alone, and what gives them one of today."""
    found = []
    for candidate, row in older.items():
        case = next(iter(subject.flow.cases), None) if subject.flow is not None else None
        stale = case is not None and bool(today.staleness(subject.name, case.id))
        why: Why = "stale" if stale else "older_baseline"
        found.append(LeftOut(candidate, row.run.id, why, ", ".join(filter(None, row.baselines))))
    return tuple(found)


__all__ = ["Speaking", "Subject", "Today", "left_out", "speaking", "subject_of"]
