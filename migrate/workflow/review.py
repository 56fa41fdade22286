"""Deciding: what reviewers say of changes becomes approvals, rejections and tolerations, each with a line in the log.

The log first, then the files: no approval is without its line, whenever a process is killed. A line whose golden never
came to be does no harm: it leads to a file that is not there, and the same command finishes what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from migrate.errors import PromptMigrateError
from migrate.ports import CaseRecord, DecisionLog, Goldens, Ledger, PromptFiles
from migrate.reviewing import Decided, Outcome, Seen, decide, joined
from migrate.vocabulary import CaseId, Decision, Flow, FlowName, Golden, JsonObject, Run, Toleration

Key = tuple[FlowName, CaseId, str]
"""Flow, case, text of the candidate."""
RUNS_BACK: Final = 50
"""Replays looked through, the newest first, for the newest answer to a case."""


class Review:
    """Applies decisions: the one place where they are written, whatever door they came through."""

    def __init__(
        self,
        flows: Iterable[Flow],
        goldens: Goldens,
        log: DecisionLog,
        prompts: PromptFiles,
        ledger: Ledger,
    ) -> None:
        self._flows: Mapping[FlowName, Flow] = {flow.name: flow for flow in flows}
        self._tolerated = {name: flow.tolerated for name, flow in self._flows.items()}
        self._goldens = goldens
        self._log = log
        self._prompts = prompts
        self._ledger = ledger

    def seen(self, run: Run) -> Iterator[Seen]:
        """Yield the cases of a run as a reviewer sees them today."""
        for record in self._ledger.records(run.id):
            yield self._seen(record)

    def apply(self, decisions: Sequence[Decision], *, write: bool = True) -> tuple[Outcome, ...]:
        """Apply decisions and return what became of each, in their order; without `write` nothing is changed."""
        current = self._current({_key(decision) for decision in decisions})
        outcomes: dict[int, Outcome] = {}
        for flow in dict.fromkeys(decision.flow for decision in decisions):
            mine = [(place, decision) for place, decision in enumerate(decisions) if decision.flow == flow]
            outcomes |= self._of_flow(flow, mine, current, write=write)
        return tuple(outcomes[place] for place in range(len(decisions)))

    def _of_flow(
        self,
        flow: FlowName,
        decisions: Sequence[tuple[int, Decision]],
        current: Mapping[Key, Seen],
        *,
        write: bool,
    ) -> dict[int, Outcome]:
        outcomes: dict[int, Outcome] = {}
        tolerated: list[Toleration] = []
        goldens: list[tuple[Decided, Golden | None]] = []
        for case in dict.fromkeys(decision.case for _, decision in decisions):
            mine = [(place, decision) for place, decision in decisions if decision.case == case]
            decided, golden = self._of_case(flow, case, [decision for _, decision in mine], current)
            tolerated += decided.tolerated
            outcomes |= dict(zip((place for place, _ in mine), decided.outcomes, strict=True))
            goldens.append((decided, golden))
        why = self._no_place(flow, joined(tolerated)) if tolerated else ""
        if why:
            outcomes = {place: _refused_toleration(outcome, why) for place, outcome in outcomes.items()}
        if write:
            self._write(flow, goldens, () if why else joined(tolerated))
        return outcomes

    def _write(
        self, flow: FlowName, goldens: Sequence[tuple[Decided, Golden | None]], tolerated: Sequence[Toleration]
    ) -> None:
        """Write what was decided of a flow: its lines in the log, then golden by golden, then the prompt file."""
        entries: list[JsonObject] = []
        for decided, before in goldens:
            after = before if decided.golden is None else self._goldens.stored(decided.golden)
            written = [one for one in decided.outcomes if one.status == "written"]
            entries += [
                _entry(one, before, after) for one in written if tolerated or one.decision.verdict != "tolerate"
            ]
        self._log.add(flow, entries)
        for decided, _ in goldens:
            if decided.golden is not None:
                self._goldens.write(decided.golden)
        if tolerated:
            self._prompts.tolerate(self._flows[flow], tolerated, write=True)
            self._tolerated[flow] = (*tolerated, *self._tolerated[flow])

    def _of_case(
        self, flow: FlowName, case: CaseId, decisions: Sequence[Decision], current: Mapping[Key, Seen]
    ) -> tuple[Decided, Golden | None]:
        golden = self._goldens.read(flow, case)
        reached = self._reached(flow, case)
        after, changed = golden, False
        outcomes: dict[int, Outcome] = {}
        tolerated: list[Toleration] = []
        for candidate in dict.fromkeys(decision.candidate for decision in decisions):
            mine = [(place, one) for place, one in enumerate(decisions) if one.candidate == candidate]
            digest = "" if golden is None else golden.digest
            base = all(one.base is not None and reached(one.base, digest) for _, one in mine)
            seen, known = current.get((flow, case, candidate)), self._tolerated.get(flow, ())
            found = decide([one for _, one in mine], after, seen, base=base, tolerated=known)
            outcomes |= dict(zip((place for place, _ in mine), found.outcomes, strict=True))
            tolerated += found.tolerated
            after, changed = (found.golden, True) if found.golden is not None else (after, changed)
        ordered = tuple(outcomes[place] for place in range(len(decisions)))
        return Decided(ordered, after if changed else None, tuple(tolerated)), golden

    def _reached(self, flow: FlowName, case: CaseId) -> Callable[[str, str], bool]:
        """Return a test: did a golden come from an earlier one by decisions alone?"""
        steps: dict[object, set[object]] = {}
        for entry in self._log.entries(flow):
            if entry.get("case") == case:
                steps.setdefault(entry["base"], set()).add(entry["after"])

        def reached(start: str, end: str) -> bool:
            known: set[object] = set()
            ahead: set[object] = {start}
            while ahead and end not in ahead:
                known |= ahead
                ahead = {after for at in ahead for after in steps.get(at, ())} - known
            return end in ahead

        return reached

    def _no_place(self, flow: FlowName, tolerated: Sequence[Toleration]) -> str:
        """Return why tolerations cannot be added to the prompt file, empty when they can."""
        if flow not in self._flows:
            return "no prompt file has this flow; what a marked test need not keep stands in `ignore` of its mark"
        try:
            self._prompts.tolerate(self._flows[flow], tolerated, write=False)
        except PromptMigrateError as problem:
            return str(problem)
        return ""

    def _current(self, wanted: set[Key]) -> dict[Key, Seen]:
        """Return the newest answers to the cases wanted."""
        found: dict[Key, Seen] = {}
        for run in self._ledger.runs(limit=RUNS_BACK):
            missing = wanted - found.keys()
            if not missing:
                break
            if run.kind == "replay" and {candidate for _, _, candidate in missing} & {*run.candidates}:
                for record in self._ledger.records(run.id):
                    key = record.comparison.flow, record.comparison.case, record.comparison.candidate
                    if key in missing:
                        found[key] = self._seen(record)
        return found

    def _seen(self, record: CaseRecord) -> Seen:
        golden = self._goldens.read(record.comparison.flow, record.comparison.case)
        return Seen(record.comparison, record.samples, None if golden is None else golden.digest)


def _key(decision: Decision) -> Key:
    return decision.flow, decision.case, decision.candidate


def _refused_toleration(outcome: Outcome, why: str) -> Outcome:
    if outcome.decision.verdict != "tolerate" or outcome.status == "refused":
        return outcome
    return replace(outcome, status="refused", why=why)


def _entry(outcome: Outcome, before: Golden | None, after: Golden | None) -> JsonObject:
    """Return the line of the log: what was decided by whom, and the golden before and after."""
    decision = outcome.decision
    entry = {
        "at": decision.at,
        "case": decision.case,
        "candidate": decision.candidate,
        "verdict": decision.verdict,
        "reviewer": decision.reviewer,
        "reason": decision.reason,
        "base": None if before is None else before.digest,
        "after": None if after is None else after.digest,
        "seen": decision.seen,
    }
    more = {"group": decision.group, "path": decision.path, "expires": decision.expires, "at_most": decision.at_most}
    return entry | {name: value for name, value in more.items() if value is not None}
