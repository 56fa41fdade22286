"""The replays a canary is planned from: one run if it is named, else the newest whole one of every candidate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migrate.canary import Offline
from migrate.canary.offline import is_answered
from migrate.comparing.forgiving import rejected
from migrate.errors import UsageProblem
from migrate.evidence.policy import Policy
from migrate.ports import CaseRecord
from migrate.presenting.routes import VERDICTS
from migrate.routing import TrialOf, TrialReader, words
from migrate.routing.spending import cost_of
from migrate.vocabulary import Flow, FlowEvidence, FlowName, Run, RungRates
from migrate.wiring.routes import Prices, Subject, newest_replays
from migrate.wiring.world import World

Key = tuple[FlowName, str]
"""Flow and candidate."""


class Replays:
    """Which run speaks for each candidate of each flow."""

    def __init__(
        self, world: World, run_id: str | None, flows: Iterable[Flow], policies: Mapping[FlowName, Policy]
    ) -> None:
        """Choose the runs. Raises UsageProblem for a named run that is no replay, and where there is none at all."""
        self._world = world
        self._named = None if run_id is None else _replay(world, run_id)
        self._newest: dict[Key, Run] = {}
        for flow in flows if self._named is None else ():
            subject = Subject(flow.name, policies[flow.name], flow.traffic, flow.prompt.model)
            rows = newest_replays(world.ledger, subject)
            self._newest |= {(flow.name, candidate): row.run for candidate, row in rows.items()}
        if self._named is None and not self._newest:
            raise UsageProblem("no flow of the inventory was replayed here yet", next_command="pytest --model MODEL")

    def run_of(self, flow: FlowName, candidate: str) -> Run:
        return self._named or self._newest[flow, candidate]

    def records(self) -> Iterator[CaseRecord]:
        """Yield the records of the chosen runs, each run read once."""
        if self._named is not None:
            yield from self._world.ledger.records(self._named.id)
        for run_id in dict.fromkeys(run.id for run in self._newest.values()):
            for record in self._world.ledger.records(run_id):
                found = self._newest.get((record.comparison.flow, record.comparison.candidate))
                if found is not None and found.id == run_id:
                    yield record


def _replay(world: World, run_id: str) -> Run:
    run = world.ledger.run(run_id)
    if run.kind != "replay":
        raise UsageProblem(f"run {run.id} recorded goldens: it has no candidate", next_command="prompt-migrate runs")
    return run


def worth_planning(evidence: Sequence[FlowEvidence], policies: Mapping[FlowName, Policy]) -> list[FlowEvidence]:
    """Return the evidence without what only a part of a flow's cases says, where a candidate was replayed whole."""

    def whole(one: FlowEvidence) -> bool:
        policy = policies.get(one.flow)
        return is_answered(one) and (policy is None or policy.cases is None or one.cases >= policy.cases)

    better = {one.flow for one in evidence if whole(one)}
    return [one for one in evidence if whole(one) or one.flow not in better]


@dataclass(slots=True)
class Seen:
    """What the records of one flow and candidate show beside the rates, taken as they come."""

    world: World
    key: Key
    costs: TrialReader
    worse: dict[str, list[str]] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, world: World, prices: Prices, flow: Flow, candidate: str) -> Seen:
        return cls(world, (flow.name, candidate), TrialReader(TrialOf(candidate), prices.of(flow.traffic)))

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
        golden = self.world.goldens.read(comparison.flow, comparison.case) if comparison.findings else None
        again = () if golden is None else rejected(golden.rejected, comparison.candidate, comparison.findings)
        if again:
            self.rejected.append(f"{comparison.case} ({'; '.join(again)})")

    def offline(self, policy: Policy) -> Offline:
        """Return what was taken."""
        worse = {name: tuple(cases) for name, cases in self.worse.items()}
        return Offline(policy.cases, worse, tuple(self.rejected), self._dearer())

    def _dearer(self) -> str:
        cost = cost_of(self.costs.trial().costs.values())
        if cost is None or cost.candidate <= cost.baseline:
            return ""
        return f'{words.dearer(self.key[1], cost)}: "{VERDICTS["keep_baseline_cheaper"]}" in route'


def _is_worse(both: RungRates) -> bool:
    before, after = both.baseline.share, both.candidate.share
    return before is not None and after is not None and after < before


__all__ = ["Replays", "Seen", "worth_planning"]
