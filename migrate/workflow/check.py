"""Check: hold every golden against its file, the inventory, today's prompts and the rules of redaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from migrate.errors import StoreProblem
from migrate.ports import Goldens
from migrate.vocabulary import Case, CaseId, Flow, FlowName
from migrate.workflow.applications import is_of_test
from migrate.workflow.replay import Redacts, stale_today

FaultKind = Literal["damaged", "secret", "orphan", "missing", "stale", "collision"]


class CheckedGoldens(Goldens, Protocol):
    """Goldens that can be looked at closely."""

    def path(self, flow: FlowName, case: CaseId | None) -> str:
        """Return where a golden stands, or the measurements of a flow, as the user would type it."""
        ...

    def leaks(self, flow: FlowName, case: CaseId) -> tuple[str, ...]:
        """Return what redaction would take out of a golden today: `github_token at $.samples[0]...`."""
        ...

    def leftovers(self) -> tuple[str, ...]:
        """Return the paths of temporary files that killed writers left."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a golden, or one that is not there."""

    kind: FaultKind
    flow: FlowName
    case: CaseId | None
    """None: the whole flow."""
    file: str
    message: str
    """One sentence, with the file in it."""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """What a check found."""

    flows: int
    """Flows of the inventory."""
    cases: int
    """Cases of the inventory."""
    goldens: int
    """Goldens that are there, damaged ones included."""
    faults: tuple[Fault, ...]
    """Any fault closes the gate."""
    unmeasured: tuple[str, ...] = ()
    """Goldens without measurements: their cost and latency cannot be compared."""
    leftovers: tuple[str, ...] = ()
    of_tests: int = 0
    """Goldens of marked tests: only pytest knows whether their tests are still there."""

    @property
    def damaged(self) -> bool:
        return any(fault.kind == "damaged" for fault in self.faults)


def check_goldens(flows: Sequence[Flow], goldens: CheckedGoldens, redactor: Redacts) -> GoldenCheck:
    """Look at every golden there is and every case there should be one for; nothing is changed or recorded."""
    return _Check(flows, goldens, redactor).result()


class _Check:
    def __init__(self, flows: Sequence[Flow], goldens: CheckedGoldens, redactor: Redacts) -> None:
        self.flows = {flow.name: flow for flow in flows}
        self.goldens = goldens
        self.redactor = redactor
        self.count = 0
        self.of_tests = 0
        self.unmeasured: list[str] = []

    def result(self) -> GoldenCheck:
        faults = tuple(fault for name in self.names() for fault in self.flow_faults(name))
        cases = sum(len(flow.cases) for flow in self.flows.values())
        leftovers = self.goldens.leftovers()
        return GoldenCheck(len(self.flows), cases, self.count, faults, tuple(self.unmeasured), leftovers, self.of_tests)

    def names(self) -> list[FlowName]:
        return sorted({*self.flows, *self.goldens.flows()})

    def flow_faults(self, name: FlowName) -> Iterator[Fault]:
        flow = self.flows.get(name)
        try:
            known = self.goldens.cases(name)
        except StoreProblem as problem:
            yield self.damaged(name, None, problem)
            return
        self.count += len(known)
        yield from self.collisions(name, known)
        cases = {case.id: case for case in flow.cases} if flow is not None else {}
        for case_id in known:
            yield from self.case_faults(flow, name, case_id, cases.get(case_id))
        for case_id in sorted(cases.keys() - set(known)):
            file = self.goldens.path(name, case_id)
            hint = f'pytest --golden=new -k "{name} and {case_id}"'
            yield Fault("missing", name, case_id, file, f'case "{case_id}" of flow "{name}" has no golden', hint)
        yield from self.measurement_faults(name, known)

    def case_faults(self, flow: Flow | None, name: FlowName, case_id: CaseId, case: Case | None) -> Iterator[Fault]:
        file = self.goldens.path(name, case_id)
        try:
            golden = self.goldens.read(name, case_id)
            leaks = self.goldens.leaks(name, case_id)
        except StoreProblem as problem:
            yield self.damaged(name, case_id, problem)
            return
        again = f'pytest --golden=rewrite -k "{name} and {case_id}"'
        if leaks:
            yield Fault("secret", name, case_id, file, f"{file} holds {'; '.join(leaks)}", f"record it again: {again}")
        if case is None and golden is not None and is_of_test(golden):
            self.of_tests += 1
        elif flow is None or case is None:
            what = f'case "{case_id}"' if flow is not None else f'flow "{name}"'
            message = f"{file} is of {what}, which is not in the inventory"
            yield Fault("orphan", name, case_id, file, message, f"git rm {file}")
        elif golden is not None and (why := stale_today(flow, case, golden, self.redactor)):
            yield Fault("stale", name, case_id, file, f"{file} is stale: {why}", again)

    def collisions(self, name: FlowName, known: Sequence[CaseId]) -> Iterator[Fault]:
        seen: dict[str, CaseId] = {}
        for case_id in known:
            first = seen.setdefault(case_id.casefold(), case_id)
            if first != case_id:
                file = self.goldens.path(name, case_id)
                message = f'{file} and the golden of "{first}" are one file where capitals do not count'
                yield Fault("collision", name, case_id, file, message, "rename one of the cases")

    def measurement_faults(self, name: FlowName, known: Sequence[CaseId]) -> Iterator[Fault]:
        try:
            measured = {row.case for row in self.goldens.measurements(name)}
        except StoreProblem as problem:
            yield self.damaged(name, None, problem)
            return
        self.unmeasured += [f"{name}/{case_id}" for case_id in known if case_id not in measured]

    def damaged(self, flow: FlowName, case: CaseId | None, problem: StoreProblem) -> Fault:
        return Fault("damaged", flow, case, self.goldens.path(flow, case), problem.message, problem.hint)
