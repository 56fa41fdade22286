"""Hold replays to the simulated provider's own account: what it did to each reply, against what was found in it.

Recording, replay and judging are the product's own verbs over real HTTP; only the ledger is left out. The log of
the provider is written by code that knows nothing of the judge's, so that neither can copy the other's mistakes.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from migrate import wiring
from migrate.ports import CaseRecord
from migrate.rendering import baseline_of, models_of
from migrate.vocabulary import Case, CaseId, CaseVerdict, Comparison, Finding, Flow, FlowName, Reply, Rung, Severity
from migrate.workflow.background import Background
from migrate.workflow.record import Recording, trials_of
from migrate.workflow.replay import Replay, Trial

HARMLESS = frozenset({"paraphrase", "code_style", "markdown", "jitter"})
"""Habits that change nothing a user would mind: other words, other looks, a confidence a little higher or lower."""
FLAGGED = frozenset({CaseVerdict.DRIFT, CaseVerdict.BREAKING})
"""Verdicts that call something a change."""


# --- Asking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """What is known of one golden."""

    different: int
    """How many different answers it holds."""
    plain: bool
    """True when nothing was done to any of them that a user would mind."""


Goldens: TypeAlias = Mapping[tuple[FlowName, CaseId], Recorded]


@dataclass(frozen=True)
class Workplace:
    """Where the inventory lies, and a scratch folder for the goldens and the provider's logs."""

    root: Path
    folder: Path

    def open(self, seed: int) -> wiring.World:
        """Return a world whose simulated provider has this seed, does not wait, and keeps a log."""
        overrides = {
            "provider": "simulated",
            "fixtures": (self.folder / "fixtures").as_posix(),
            "state": (self.folder / "state").as_posix(),
            "simulation_seed": seed,
            "time_scale": 0,
        }
        world = wiring.open_world(self.root, os.environ, overrides)
        self.folder.mkdir(parents=True, exist_ok=True)
        world.habit_log = str(self.folder / f"habits-{seed}.jsonl")
        return world

    def flows(self, *, names: Sequence[str] = (), cases: int | None = None, chains: bool = False) -> tuple[Flow, ...]:
        """Return the single prompts of the inventory, or its chains, or some of them with their first cases."""
        # The log has a line a reply, which of a chain is no sample: the two are held against it in different ways.
        all_ = [flow for flow in self.open(1).load_flows() if (flow.chain is not None) is chains]
        found = [flow for flow in all_ if not names or flow.name in names]
        return tuple(replace(flow, cases=flow.cases[:cases]) for flow in found)

    def record(self, flows: Sequence[Flow], seed: int) -> Goldens:
        """Record every golden anew; return what is known of each."""
        world = self.open(seed)
        try:
            verb = Recording(world.tools(), mode="rewrite", samples=None, usual=world.settings.samples)
            for trial, recorded in _asked(world, verb, list(trials_of(flows))):
                assert recorded.record is not None, f"{trial.flow.name}/{trial.case.id}: {recorded.note}"
            different = {(flow.name, case.id): _different(world, flow.name, case.id) for flow, case in _cases(flows)}
        finally:
            world.close()
        touched = {(line["flow"], line["case"]) for line in _lines(Path(str(world.habit_log))) if not _is_plain(line)}
        return {case: Recorded(count, case not in touched) for case, count in different.items()}

    def replay(
        self, flows: Sequence[Flow], candidates: Sequence[str], seed: int, goldens: Goldens
    ) -> Iterator[Replayed]:
        """Replay every case against every candidate; yield each with the log's lines once all are judged."""
        world = self.open(seed)
        try:
            parsed = wiring.candidates_of(candidates)
            plan = [(flow, case, candidate) for flow, case in _cases(flows) for candidate in parsed]
            trials = [Trial(number, *planned) for number, planned in enumerate(plan)]
            judged = [(trial, record) for trial, record in _asked(world, Replay(world.tools()), trials)]
        finally:
            world.close()
        lines = {line["request_id"]: line for line in _lines(Path(str(world.habit_log)))}
        for trial, record in judged:
            yield Replayed(trial.candidate.text, seed, record, goldens[trial.flow.name, trial.case.id], lines)


def _asked(world: wiring.World, verb: Any, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Any]]:
    """Yield each trial with what its verb concludes; the journal goes with the run, as nothing is to be resumed."""
    journal = world.open_journal("oracle", "main")
    background = Background(
        lambda deliver, full: world.engine(deliver, full, journal), lambda: verb.asks(trials, background.expect)
    )
    background.start()
    try:
        for trial in trials:
            yield trial, verb.conclude(trial, background.collect(trial.number))
    finally:
        background.stop()
        journal.close()
        wiring.discard_journal(world, "oracle")


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    with log.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _cases(flows: Sequence[Flow]) -> Iterator[tuple[Flow, Case]]:
    return ((flow, case) for flow in flows for case in flow.cases)


def _is_plain(line: Mapping[str, Any]) -> bool:
    return {habit["habit"] for habit in line["habits"]} <= HARMLESS


def _different(world: wiring.World, flow: FlowName, case: CaseId) -> int:
    golden = world.goldens.read(flow, case)
    assert golden is not None
    answers = [sample.sample.answer for sample in golden.samples]
    return len({(one.text, *((call.name, call.arguments) for call in one.tool_calls)) for one in answers if one})


def own_models(flows: Sequence[Flow]) -> str:
    """Return the candidate by which every flow is asked of the model it has today."""
    models = {model for flow in flows for model in models_of(flow, baseline_of(flow))}
    return ",".join(f"{model}={model}" for model in sorted(models))


# --- One reply --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Broken:
    """A broken promise, as the log and a finding can both name it."""

    rung: str
    kind: str
    path: str
    severity: str
    check: str = ""
    """Name of the check, where one failed."""


@dataclass(frozen=True)
class Told:
    """One reply: what the log says of it, and what was found in it."""

    place: str
    """Seed, model, flow, case and sample, for a person."""
    line: Mapping[str, Any]
    comparison: Comparison
    golden: Recorded
    found: frozenset[Broken]
    """Contract findings of the comparison in this very sample."""
    alone: frozenset[Broken]
    """Those among them that the answer shows by itself, without a golden."""
    agreement: tuple[Finding, ...]

    @property
    def habits(self) -> list[Mapping[str, Any]]:
        return list(self.line["habits"])

    @cached_property
    def causes(self) -> dict[Broken, str]:
        """The promises that habits break by their own account, each with the habit's name."""
        return promises_of(self.line)[0]

    @cached_property
    def consequences(self) -> dict[Broken, str]:
        """What the log says fails for the same reason."""
        return promises_of(self.line)[1]

    @property
    def harmless(self) -> bool:
        """True when nothing was done to the reply, nor to any answer of its golden, that a user would mind."""
        return self.golden.plain and _is_plain(self.line)

    @property
    def drifts(self) -> bool:
        """True when the reply is said to have changed, unexplained."""
        return any(finding.severity is Severity.DRIFT and finding.explained is None for finding in self.agreement)


@dataclass(frozen=True)
class Replayed:
    """One case against one candidate, with the log of the provider that answered."""

    candidate: str
    seed: int
    record: CaseRecord
    golden: Recorded
    lines: Mapping[str, Mapping[str, Any]]
    """By request id."""

    @property
    def comparison(self) -> Comparison:
        return self.record.comparison

    @cached_property
    def replies(self) -> tuple[Told, ...]:
        """Every sample with its line of the log."""
        return tuple(self._told(sample.sample.index, number) for number, sample in enumerate(self.record.samples))

    def _told(self, index: int, number: int) -> Told:
        judged, comparison = self.record.samples[number], self.comparison
        outcome = judged.sample.calls[-1].outcome
        assert isinstance(outcome, Reply), f"no reply: {outcome}"
        line = self.lines[str(outcome.request_id)]
        here = [finding for finding in comparison.findings if finding.sample == index]
        agreement = tuple(finding for finding in here if finding.rung is Rung.AGREEMENT)
        place = f"seed {self.seed} {line['model']} {comparison.flow}/{comparison.case} sample {index}"
        return Told(
            place, line, comparison, self.golden, contract_findings(here), contract_findings(judged.findings), agreement
        )


def contract_findings(findings: Iterable[Finding]) -> frozenset[Broken]:
    """Return what findings say is broken, those of agreement left out."""
    return frozenset(_of_finding(finding) for finding in findings if finding.rung is not Rung.AGREEMENT)


def promises_of(line: Mapping[str, Any]) -> tuple[dict[Broken, str], dict[Broken, str]]:
    """Return the promises that a line of the log says are broken, and what follows from that; each with its habit."""
    causes = {_of_log(habit["breaks"]): habit["habit"] for habit in line["habits"] if habit["breaks"]}
    return causes, {_of_log(other): habit["habit"] for habit in line["habits"] for other in habit["also"]}


def _of_finding(finding: Finding) -> Broken:
    check = finding.rule if finding.rung is Rung.CHECKS else ""
    return Broken(finding.rung.value, finding.kind.value, str(finding.path), finding.severity.value, check)


def _of_log(broken: Mapping[str, str]) -> Broken:
    check = broken.get("check", "") if broken["rung"] == Rung.CHECKS.value else ""
    return Broken(broken["rung"], broken["kind"], broken["path"], broken["severity"], check)


# --- The account ------------------------------------------------------------------------------------------------------


@dataclass
class Account:
    """What a number of replies add up to."""

    replies: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    """Breaks in the log, by habit."""
    places: set[tuple[str, Broken]] = field(default_factory=set)
    """Different breaks: the same habit at the same place of the same case, counted once."""
    consequences: int = 0
    found: int = 0
    beside_golden: int = 0
    """Breaks that only the golden shows: a refusal in plain words."""
    missed: list[str] = field(default_factory=list)
    missed_consequences: list[str] = field(default_factory=list)
    causeless: list[str] = field(default_factory=list)
    harmless: int = 0
    harmless_flagged: list[str] = field(default_factory=list)

    def add(self, told: Told) -> None:
        """Enter one reply."""
        self.replies += 1
        case = f"{told.comparison.flow}/{told.comparison.case}"
        for broken, habit in told.causes.items():
            self.causes[habit] += 1
            self.places.add((f"{case} {habit}", broken))
            self.beside_golden += broken in told.found - told.alone
        others = told.consequences.keys() - told.causes.keys()
        self.consequences += len(others)
        self.found += len(told.found)
        self.missed += [f"{told.place}: {one} of {told.causes[one]}" for one in told.causes.keys() - told.found]
        self.missed_consequences += [f"{told.place}: {one}" for one in others - told.found]
        self.causeless += [f"{told.place}: {one}" for one in told.found - told.causes.keys() - others]
        self.harmless += told.harmless
        if told.harmless and (told.drifts or told.found):
            self.harmless_flagged.append(f"{told.place}: {told.comparison.findings[0].message}")

    @property
    def broken(self) -> int:
        return self.causes.total()
