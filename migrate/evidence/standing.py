"""Where a run stands: closed gates, stale goldens, missing answers; what every skin turns into its own exit code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrate.evidence.gates import Gates
from migrate.vocabulary import CaseVerdict, FlowEvidence, Run


@dataclass(frozen=True, slots=True)
class Standing:
    """Why a run is not fine, in words; nothing closed, stale or incomplete when it is."""

    closed: tuple[str, ...]
    """Reasons of closed gates: regressions, or figures past their limit."""
    stale: tuple[str, ...]
    """Goldens that no longer match what their prompts render to."""
    incomplete: tuple[str, ...]
    """Planned cases without a judgement."""
    left_open: tuple[str, ...] = ()
    """Flows that are shown to be unsafe and close no gate, with what would close it; the run is fine all the same."""

    @property
    def fine(self) -> bool:
        return not (self.closed or self.stale or self.incomplete)

    def words(self) -> Iterator[str]:
        """Yield every reason, a line each, with what it is a reason of."""
        yield from (f"gate closed: {reason}" for reason in self.closed)
        yield from (f"stale: {reason}" for reason in self.stale)
        yield from (f"incomplete: {reason}" for reason in self.incomplete)
        yield from (f"gate open: {reason}" for reason in self.left_open)


def standing(run: Run, evidence: Sequence[FlowEvidence], gates: Gates) -> Standing:
    """Return where a replay stands."""
    return Standing(
        closed=tuple(gates.closed(evidence)),
        stale=tuple(_stale(evidence)),
        incomplete=tuple(_incomplete(run, evidence)),
        left_open=tuple(gates.left_open(evidence)),
    )


def _stale(evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    for flow in evidence:
        count = flow.verdicts.get(CaseVerdict.STALE_GOLDEN, 0)
        if count:
            yield f"{flow.flow} against {flow.candidate}: {count} of {flow.cases} cases have a stale golden"


def _incomplete(run: Run, evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    if run.state != "complete":
        yield f"run {run.id} is {run.state}"
    for flow in evidence:
        count = flow.verdicts.get(CaseVerdict.NO_REPLY, 0)
        if count:
            yield f"{flow.flow} against {flow.candidate}: {count} of {flow.cases} cases lack a reply"
    for name, count in run.accounts.items():
        if name.startswith("not_run:") and count:
            yield f"{count} cases not run: {name.removeprefix('not_run:')}"
    if not evidence:
        yield f"run {run.id} has no judged case"
