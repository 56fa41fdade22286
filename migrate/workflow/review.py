"""Deciding: what reviewers say of changes becomes approvals, rejections and tolerations, each with a line in the log.

The log first, then the files: no approval is without its line, whenever a process is killed. A line whose golden never
came to be does no harm: it leads to a file that is not there, and the same command finishes what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from migrate.errors import PromptMigrateError
from migrate.ports import CaseRecord, DecisionLog, Goldens, Ledger, PromptFiles
from migrate.reviewing import (
    Choice,
    Decided,
    LeftOpen,
    Outcome,
    Seen,
    chosen,
    decide,
    joined,
    left_open,
    newest,
    reopened,
    standing,
    taken_back,
    unlike,
    written_by,
)
from migrate.reviewing.undoing import Made
from migrate.vocabulary import (
    CaseId,
    Comparison,
    Decision,
    Flow,
    FlowName,
    Golden,
    Inventory,
    Json,
    JsonObject,
    Run,
    Toleration,
)

Key = tuple[FlowName, CaseId, str]
"""Flow, case, text of the candidate."""
NO_FLOW: Final = "no prompt file has this flow; what a marked test need not keep stands in `ignore` of its mark"
KEPT_IN_GOLDENS: Final = ("accept", "reject")
DECIDED_SINCE: Final = "it was decided on again since, or the golden was recorded again: nothing is taken back"
RUNS_BACK: Final = 50
"""Replays looked through, the newest first, for the newest answer to a case."""
ONE_BY_ONE: Final = 20
"""Cases that are looked up singly; for more of them the whole run is read."""


class Review:
    """Applies decisions: the one place where they are written, whatever door they came through.

    Writers take turns, in all processes: goldens and prompt files are read and written within one turn.
    """

    def __init__(
        self,
        inventory: Callable[[], Inventory],
        goldens: Goldens,
        log: DecisionLog,
        prompts: PromptFiles,
        ledger: Ledger,
        *,
        today: str,
    ) -> None:
        """`today` is the day, in ISO's form, that runs are judged as of."""
        self._inventory = inventory
        self._flows: Mapping[FlowName, Flow] = {}
        self._broken: Mapping[FlowName, str] = {}
        self._tolerated: dict[FlowName, tuple[Toleration, ...]] = {}
        self._goldens = goldens
        self._log = log
        self._prompts = prompts
        self._ledger = ledger
        self._today = today

    @property
    def today(self) -> str:
        """The day, in ISO's form, that runs are judged as of."""
        return self._today

    def seen(self, run: Run) -> Iterator[Seen]:
        """Yield the cases of a run as a reviewer sees them today."""
        for record in self._ledger.records(run.id):
            yield self._seen(record)

    def open_elsewhere(self, run: Run, choice: Choice, given: Decision) -> Run | None:
        """Return the newest other replay in which what is chosen is open, where no newer one has answers to it."""
        answered: set[Key] = set()
        for other in self._ledger.runs(limit=RUNS_BACK):
            if other.kind != "replay":
                continue
            cases = [one for one in self.seen(other) if _key(one.comparison) not in answered and _has_answers(one)]
            if other.id != run.id and any(True for _ in chosen(cases, choice, given)):
                return other
            answered |= {_key(one.comparison) for one in cases}
        return None

    def apply(self, decisions: Sequence[Decision], *, write: bool = True, at: str | None = None) -> tuple[Outcome, ...]:
        """Apply decisions and return what became of each, in their order; without `write` nothing is changed.

        `at`: when they are written, where they were made before.
        """
        outcomes: dict[int, Outcome] = {}
        with self._log.turn():
            self._read_inventory()
            current = self._current({_key(decision) for decision in decisions})
            for flow in dict.fromkeys(decision.flow for decision in decisions):
                mine = [(place, decision) for place, decision in enumerate(decisions) if decision.flow == flow]
                outcomes |= self._of_flow(flow, mine, current, write=write, at=at)
        return tuple(outcomes[place] for place in range(len(decisions)))

    def lapsed(self, flows: Iterable[FlowName]) -> Iterator[str]:
        """Yield what was decided of goldens that are others now, case by case: recorded again, or changed by hand."""
        for flow in flows:
            last = {str(entry["case"]): entry for entry in self._log.entries(flow)}
            for case, entry in last.items():
                golden = self._goldens.read(flow, CaseId(case))
                if entry["verdict"] in KEPT_IN_GOLDENS and golden is not None and golden.digest != entry["after"]:
                    who, day = entry.get("reviewer") or "a reviewer", str(entry.get("at"))[:10]
                    yield f"{flow}/{case}: the golden is another one since {who} decided ({entry['verdict']}) on {day}"

    def standing_of(self, flows: Iterable[FlowName]) -> dict[Key, list[Decision]]:
        """Return what was decided and not taken back, the oldest first, by flow, case and candidate."""
        found: dict[Key, list[Decision]] = {}
        for flow in flows:
            for made in standing(flow, self._log.entries(flow)):
                found.setdefault(_key(made.decision), []).append(made.decision)
        return found

    def left_open(self, outcomes: Iterable[Outcome]) -> tuple[LeftOpen, ...]:
        """Return the groups in which cases that were just let pass stay open: they will not pass for that alone."""
        said: dict[Key, list[Decision]] = {}
        for one in outcomes:
            if one.status != "refused" and one.decision.verdict != "reject":
                said.setdefault(_key(one.decision), []).append(one.decision)
        before = self.standing_of(dict.fromkeys(flow for flow, _, _ in said))
        current = self._current(set(said))
        return left_open((current[key], [*before.get(key, ()), *mine]) for key, mine in said.items() if key in current)

    def last(self, flow: str | None = None, candidate: str | None = None) -> tuple[Outcome, ...]:
        """Return what was decided last in one go, by whomever: written, or refused where it cannot be taken back."""
        with self._log.turn():
            self._read_inventory()
            flows = dict.fromkeys((*self._flows, *self._goldens.flows()))
            logs = {name: standing(name, self._log.entries(name)) for name in flows if flow in (None, name)}
            wanted = {
                name: [one for one in made if candidate in (None, one.decision.candidate)]
                for name, made in logs.items()
            }
            return tuple(self._written_by(one) for one in newest(wanted))

    def _written_by(self, made: Made) -> Outcome:
        decision = made.decision
        golden = self._goldens.read(decision.flow, decision.case)
        known = self._tolerated.get(decision.flow, ())
        return written_by(made, golden, known, lambda one: self._goldens.stored(one).digest)

    def take_back(self, written: Sequence[Outcome], *, reviewer: str, at: str) -> tuple[Outcome, ...]:
        """Undo decisions that were written, the last one first; what was decided since by others stays.

        Those that were refused stay refused.
        """
        found: dict[int, Outcome] = {}
        with self._log.turn():
            self._read_inventory()
            entries: dict[Decision, list[tuple[int, Outcome]]] = {}
            for place, outcome in reversed([*enumerate(written)]):
                if outcome.decision.verdict == "tolerate":
                    entries.setdefault(_in_one_entry(outcome.decision), []).append((place, outcome))
                else:
                    found[place] = self._undone(outcome, reviewer, at)
            for together in entries.values():
                found |= self._untolerated(together[::-1], reviewer, at)
        return tuple(found[place] for place in range(len(written)))

    def _untolerated(self, written: Sequence[tuple[int, Outcome]], reviewer: str, at: str) -> dict[int, Outcome]:
        """Undo tolerations that were written as one entry; what they took the place of is written as one again."""
        found: dict[int, Outcome] = {}
        back: list[Outcome] = []
        for place, outcome in written:
            why = outcome.why if outcome.status == "refused" else self._still_there(outcome)
            found[place] = Outcome(outcome.decision, "refused", why) if why else Outcome(outcome.decision, "written")
            back += [] if why else [outcome]
        if back:
            flow = back[0].decision.flow
            goldens = [self._goldens.read(flow, one.decision.case) for one in back]
            entries = [
                self._undo_entry(one, golden, golden, reviewer, at) for one, golden in zip(back, goldens, strict=True)
            ]
            self._log.add(flow, entries)
            before = joined(part for one in back for part in one.replaced)
            after = joined(part for one in back for part in one.tolerated)
            self._prompts.tolerate(self._flows[flow], before, instead=after, write=True)
        return found

    def log_ends(self, flows: Iterable[FlowName]) -> dict[FlowName, int]:
        """Return how many lines the logs of flows have."""
        return {flow: len(self._log.entries(flow)) for flow in flows}

    def forget_undone(self, ends: Mapping[FlowName, int], reviewers: Collection[str]) -> None:
        """Take lines written since off the logs where all of them are of these reviewers and were taken back again.

        A log with a line of anybody else, or with one that stands, keeps them all.
        """
        with self._log.turn():
            for flow, end in ends.items():
                since = self._log.entries(flow)[end:]
                undone = sum(entry["verdict"] == "undo" for entry in since)
                # As many undos as decisions and none that stands: no undo is of a decision made before.
                balanced = 2 * undone == len(since) and not standing(flow, since)
                if since and balanced and all(entry["reviewer"] in reviewers for entry in since):
                    self._log.forget(flow, end)

    def _undone(self, outcome: Outcome, reviewer: str, at: str) -> Outcome:
        """Undo one decision kept in a golden: its line in the log first, as with every other."""
        decision = outcome.decision
        if outcome.status == "refused":
            return outcome
        golden = self._goldens.read(decision.flow, decision.case)
        new = taken_back(golden, outcome)
        if new is None:
            return Outcome(decision, "refused", DECIDED_SINCE)
        self._log.add(decision.flow, [self._undo_entry(outcome, golden, self._goldens.stored(new), reviewer, at)])
        self._goldens.write(new)
        return Outcome(decision, "written")

    def _undo_entry(
        self, outcome: Outcome, before: Golden | None, after: Golden | None, reviewer: str, at: str
    ) -> JsonObject:
        entry = {**_entry(outcome, before, after), "verdict": "undo", "undoes": outcome.decision.verdict}
        return {**entry, "reviewer": reviewer, "at": at}

    def _still_there(self, outcome: Outcome) -> str:
        """Return why tolerations cannot be taken out of the prompt file, empty when they can."""
        flow = self._flows.get(outcome.decision.flow)
        if flow is None:
            return self._broken.get(outcome.decision.flow, NO_FLOW)
        try:
            self._prompts.tolerate(flow, outcome.replaced, instead=outcome.tolerated, write=False)
        except PromptMigrateError as problem:
            return str(problem)
        return ""

    def _read_inventory(self) -> None:
        """Read the prompt files again: another writer may have added to them."""
        read = self._inventory()
        self._flows, self._broken = {flow.name: flow for flow in read.flows}, read.broken
        self._tolerated = {name: flow.tolerated for name, flow in self._flows.items()}

    def _of_flow(
        self,
        flow: FlowName,
        decisions: Sequence[tuple[int, Decision]],
        current: Mapping[Key, Seen],
        *,
        write: bool,
        at: str | None,
    ) -> dict[int, Outcome]:
        if flow in self._broken:
            return {place: Outcome(decision, "refused", self._broken[flow]) for place, decision in decisions}
        outcomes: dict[int, Outcome] = {}
        tolerated: list[Toleration] = []
        replaced: list[Toleration] = []
        goldens: list[tuple[Decided, Golden | None]] = []
        for case in dict.fromkeys(decision.case for _, decision in decisions):
            mine = [(place, decision) for place, decision in decisions if decision.case == case]
            decided, golden = self._of_case(flow, case, [decision for _, decision in mine], current)
            tolerated += decided.tolerated
            replaced += decided.replaced
            outcomes |= dict(zip((place for place, _ in mine), decided.outcomes, strict=True))
            goldens.append((decided, golden))
        why = self._no_place(flow, joined(tolerated), joined(replaced)) if tolerated else ""
        if why:
            outcomes = {place: _refused_toleration(outcome, why) for place, outcome in outcomes.items()}
        if write:
            self._write(flow, goldens, () if why else joined(tolerated), joined(replaced), at)
        return outcomes

    def _write(
        self,
        flow: FlowName,
        goldens: Sequence[tuple[Decided, Golden | None]],
        tolerated: Sequence[Toleration],
        replaced: Sequence[Toleration],
        at: str | None,
    ) -> None:
        """Write what was decided of a flow: its lines in the log, then golden by golden, then the prompt file."""
        entries: list[JsonObject] = []
        applied = {} if at is None else {"applied_at": at}
        for decided, before in goldens:
            after = before if decided.golden is None else self._goldens.stored(decided.golden)
            written = [one for one in decided.outcomes if one.status == "written"]
            entries += [
                {**_entry(one, before, after), **unlike(one), **applied}
                for one in written
                if tolerated or one.decision.verdict != "tolerate"
            ]
        # What was decided in one go stands together: so it is found when it is taken back.
        self._log.add(flow, sorted(entries, key=lambda entry: str(entry["at"])))
        for decided, _ in goldens:
            if decided.golden is not None:
                self._goldens.write(decided.golden)
        if tolerated:
            self._prompts.tolerate(self._flows[flow], tolerated, instead=replaced, write=True)

    def _of_case(
        self, flow: FlowName, case: CaseId, decisions: Sequence[Decision], current: Mapping[Key, Seen]
    ) -> tuple[Decided, Golden | None]:
        golden = self._goldens.read(flow, case)
        reached = self._reached(flow, case)
        after, changed = golden, False
        outcomes: dict[int, Outcome] = {}
        tolerated: list[Toleration] = []
        replaced: list[Toleration] = []
        for candidate in dict.fromkeys(decision.candidate for decision in decisions):
            mine = [(place, one) for place, one in enumerate(decisions) if one.candidate == candidate]
            digest = "" if golden is None else golden.digest
            base = all(one.base is not None and reached(one.base, digest) for _, one in mine)
            seen, known = current.get((flow, case, candidate)), self._tolerated.get(flow, ())
            found = decide([one for _, one in mine], after, seen, base=base, tolerated=known, today=self._today)
            outcomes |= dict(zip((place for place, _ in mine), found.outcomes, strict=True))
            tolerated += found.tolerated
            replaced += found.replaced
            after, changed = (found.golden, True) if found.golden is not None else (after, changed)
        ordered = tuple(outcomes[place] for place in range(len(decisions)))
        return Decided(ordered, after if changed else None, tuple(tolerated), tuple(replaced)), golden

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

    def _no_place(self, flow: FlowName, tolerated: Sequence[Toleration], replaced: Sequence[Toleration]) -> str:
        """Return why tolerations cannot be added to the prompt file, empty when they can."""
        if flow not in self._flows:
            return NO_FLOW
        try:
            self._prompts.tolerate(self._flows[flow], tolerated, instead=replaced, write=False)
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
                answered = filter(_has_answers, self._records(run, missing))
                found |= {_key(record.comparison): self._seen(record) for record in answered}
        return found

    def _records(self, run: Run, wanted: set[Key]) -> Iterator[CaseRecord]:
        if len(wanted) > ONE_BY_ONE:
            yield from (one for one in self._ledger.records(run.id) if _key(one.comparison) in wanted)
            return
        for flow, case, candidate in wanted:
            record = self._ledger.record(run.id, flow, candidate, case)
            if record is not None:
                yield record

    def _seen(self, record: CaseRecord) -> Seen:
        golden = self._goldens.read(record.comparison.flow, record.comparison.case)
        # A later run may have counted a decision that git took back since.
        known = self._tolerated.get(record.comparison.flow)
        comparison = reopened(record.comparison, golden, known)
        return Seen(comparison, record.samples, None if golden is None else golden.digest)


def _in_one_entry(toleration: Decision) -> Decision:
    """Return what those have in common that were written as one entry."""
    return replace(toleration, case=CaseId(""), seen="", base=None)


def _key(one: Decision | Comparison) -> Key:
    return one.flow, one.case, one.candidate


def _has_answers(one: CaseRecord | Seen) -> bool:
    """Say whether a candidate answered at all: a run that was told nothing leaves the answers of the one before."""
    return any(judged.sample.answer is not None for judged in one.samples)


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
    more: dict[str, Json] = {
        "group": decision.group,
        "path": decision.path,
        "expires": decision.expires,
        "at_most": decision.at_most,
    }
    if outcome.tolerated:
        more["tolerated"] = [{"kind": one.kind.value, "path": one.path} for one in outcome.tolerated]
    if outcome.replaced:
        more["replaced"] = [_terms(one) for one in outcome.replaced]
    return entry | {name: value for name, value in more.items() if value is not None}


def _terms(one: Toleration) -> JsonObject:
    terms = {"expires": one.expires, "at_most": one.at_most, "reason": one.reason, "reviewer": one.reviewer}
    return {"kind": one.kind.value, "path": one.path, **terms}
