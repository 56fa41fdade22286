"""The replays a canary is planned from: one run if it is named, else the newest whole one of every candidate."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migrate.canary import Offline
from migrate.canary.nouns import Unplanned
from migrate.canary.offline import compared, is_answered
from migrate.comparing.forgiving import rejected, rejected_words
from migrate.errors import UsageProblem
from migrate.evidence.policy import Policy
from migrate.ports import CaseRecord
from migrate.presenting.meant import UNNAMED
from migrate.presenting.routes import VERDICTS
from migrate.routing import TrialOf, TrialReader, words
from migrate.routing.spending import cost_of
from migrate.vocabulary import CaseVerdict, Flow, FlowEvidence, FlowName, Run, RungRates
from migrate.wiring.replays import Today, speaking, subject_of
from migrate.wiring.routes import Prices
from migrate.wiring.world import World

Key = tuple[FlowName, str]
"""Flow and candidate."""


class Replays:
    """Which run speaks for each candidate of each flow."""

    def __init__(
        self, world: World, run_id: str | None, flows: Sequence[Flow], policies: Mapping[FlowName, Policy]
    ) -> None:
        """Choose the runs. Raises UsageProblem for a named run that is no replay, and where there is none at all."""
        self._world = world
        self._named = None if run_id is None else _replay(world, run_id)
        self._today = Today(world, flows)
        self._subjects = {flow.name: subject_of(flow, policies[flow.name]) for flow in flows}
        self._newest: dict[Key, Run] = {}
        self._older: dict[FlowName, dict[str, str]] = {}
        for subject in self._subjects.values() if self._named is None else ():
            found = speaking(world.ledger, subject)
            self._newest |= {(subject.name, candidate): row.run for candidate, row in found.rows.items()}
            for candidate, row in found.older.items():
                self._older.setdefault(subject.name, {})[candidate] = ", ".join(row.baselines)

    def run_of(self, flow: FlowName, candidate: str) -> Run:
        return self._named or self._newest[flow, candidate]

    def records(self) -> Iterator[CaseRecord]:
        """Yield the records of the chosen runs as they stand today, each run read once.

        Those of an older baseline, and of the baseline against itself, are none.
        """
        runs = [self._named] if self._named is not None else self._newest.values()
        for run_id in dict.fromkeys(run.id for run in runs):
            for record in self._world.ledger.records(run_id):
                if self._speaks(record, run_id):
                    yield self._today.held(record)

    def _speaks(self, record: CaseRecord, run_id: str) -> bool:
        one = record.comparison
        if self._named is None:
            found = self._newest.get((one.flow, one.candidate))
            return found is not None and found.id == run_id
        subject = self._subjects.get(one.flow)
        if subject is None or not subject.is_baseline(one.candidate):
            older = subject is not None and bool(one.baseline) and one.baseline != subject.baseline
            if older:
                self._older.setdefault(one.flow, {})[one.candidate] = one.baseline
            return not older
        return False

    @property
    def flows(self) -> Collection[FlowName]:
        """The flows of the inventory."""
        return self._subjects.keys()

    def again(self, candidate: str | None, flows: Sequence[str] = ()) -> str:
        """Return what to type for the model of another replay: the one asked for, else the one the flows had before."""
        baselines = {subject.baseline for subject in self._subjects.values()}
        before = [one for flow in flows for one in self._older.get(FlowName(flow), {})]
        known = dict.fromkeys(one for one in (before if candidate is None else [candidate]) if one not in baselines)
        return next(iter(known)) if len(known) == 1 else UNNAMED

    @property
    def today(self) -> Today:
        """What prompt files and goldens say today."""
        return self._today

    def absence(self, flow: str, candidate: str | None = None) -> Unplanned | None:
        """Say why a flow of the inventory has nothing to plan from, once the records were read; None: nobody knows."""
        subject = self._subjects.get(FlowName(flow))
        if subject is None:
            return None
        if candidate is not None and subject.is_baseline(candidate):
            why = f"{candidate} is its baseline already: there is nothing to roll out"
            return Unplanned(flow, why, "name another candidate")
        older = self._older.get(subject.name, {})
        if not older or candidate not in (None, *older):
            return None
        before = ", ".join(sorted(set(older.values())))
        said = f"{', '.join(older)} {'was' if len(older) == 1 else 'were'} compared with {before}"
        return Unplanned(flow, f"{said}, and its baseline is {subject.baseline} now", "replay again to go on from it")

    def absent(self, flows: Collection[str]) -> Iterator[Unplanned]:
        """Yield the other flows of the inventory than these that have replays of an older baseline alone."""
        found = (self.absence(name) for name in self._subjects if name not in flows)
        yield from (gap for gap in found if gap is not None)


def _replay(world: World, run_id: str) -> Run:
    run = world.ledger.run(run_id)
    if run.kind != "replay":
        raise UsageProblem(f"run {run.id} recorded goldens: it has no candidate", next_command="prompt-migrate runs")
    return run


def worth_planning(evidence: Sequence[FlowEvidence], policies: Mapping[FlowName, Policy]) -> list[FlowEvidence]:
    """Return the evidence without what only a part of a flow's cases says, where a candidate was replayed whole."""

    def whole(one: FlowEvidence) -> bool:
        policy = policies.get(one.flow)
        return is_answered(one) and (policy is None or policy.cases is None or compared(one) >= policy.cases)

    better = {one.flow for one in evidence if whole(one)}
    return [one for one in evidence if whole(one) or one.flow not in better]


@dataclass(slots=True)
class Seen:
    """What the records of one flow and candidate show beside the rates, taken as they come."""

    today: Today
    key: Key
    costs: TrialReader
    worse: dict[str, list[str]] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    stale: int = 0
    outdated: int = 0

    @classmethod
    def of(cls, today: Today, prices: Prices, flow: Flow, candidate: str) -> Seen:
        return cls(today, (flow.name, candidate), TrialReader(TrialOf(candidate), prices.of(flow.traffic)))

    def add(self, record: CaseRecord) -> None:
        """Take one case."""
        comparison = record.comparison
        self.costs.add(record)
        if comparison.scores is not None:
            rates = {"contract": comparison.scores.contract, "agreement": comparison.scores.agreement}
            for name, both in rates.items():
                if both is not None and _is_worse(both):
                    self.worse.setdefault(name, []).append(comparison.case)
        # A rejection may be younger than the replay: the golden has it, the verdict of that day does not.
        golden = self.today.golden(comparison.flow, comparison.case) if comparison.findings else None
        if comparison.verdict is CaseVerdict.STALE_GOLDEN:
            stale = bool(self.today.staleness(comparison.flow, comparison.case))
            self.stale, self.outdated = self.stale + stale, self.outdated + (not stale)
        again = () if golden is None else rejected(golden.rejected, comparison.candidate, comparison.findings)
        if again:
            self.rejected.append(f"{comparison.case} ({'; '.join(rejected_words(again))})")

    def offline(self, policy: Policy, gate: str) -> Offline:
        """Return what was taken, with the word of the gate."""
        worse = {name: tuple(cases) for name, cases in self.worse.items()}
        return Offline(
            flow_cases=policy.cases,
            worse=worse,
            rejected=tuple(self.rejected),
            dearer=self._dearer(),
            stale=self.stale,
            outdated=self.outdated,
            gate=gate,
        )

    def _dearer(self) -> str:
        cost = cost_of(self.costs.trial().costs.values())
        if cost is None or cost.candidate <= cost.baseline:
            return ""
        return f'{words.dearer(self.key[1], cost)}: "{VERDICTS["keep_baseline_cheaper"]}" in route'


def _is_worse(both: RungRates) -> bool:
    before, after = both.baseline.share, both.candidate.share
    return before is not None and after is not None and after < before


__all__ = ["Replays", "Seen", "worth_planning"]
