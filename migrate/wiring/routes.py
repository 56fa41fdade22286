"""Evidence for routing, joined: the newest whole replay of every candidate of every flow, prices, goldens, calendar."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from migrate.errors import UsageProblem, did_you_mean
from migrate.evidence.policy import Policy, policies_of, stricter
from migrate.ports import CaseRecord, HistoryRow, Ledger
from migrate.presenting.meant import to_type
from migrate.routing import (
    FlowTrials,
    LeftOut,
    RoutePolicy,
    RouteReport,
    Row,
    Trial,
    TrialOf,
    TrialReader,
    Why,
    baseline_rows,
    routed,
)
from migrate.routing.words import left_out as left_out_words
from migrate.vocabulary import CaseId, CaseVerdict, Flow, FlowName, Golden, Measurement, Traffic, Usage
from migrate.wiring.replays import Subject, Today, left_out, speaking, subject_of

if TYPE_CHECKING:
    from migrate.edges.evidence_files import EvidenceFile, EvidenceFlow
    from migrate.wiring.world import World


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    rollout_days: int = 30
    any_order: bool = False
    candidates: tuple[str, ...] = ()
    """In the order in which they are tested; empty: all that were replayed, the dearest by its list price first."""


class Prices:
    """What calls would cost in production: the rates of the day, and the share of input it reads from the cache."""

    def __init__(self, world: World) -> None:
        from migrate.pricing import PriceTable

        settings = world.settings
        override = world.root / settings.prices if settings.prices else None
        # A folder in which nothing was run stays as it is.
        cache = world.state / "prices.json" if world.state.is_dir() else None
        self._day = world.clock.today()
        self._table = PriceTable(override=override, cache=cache, today=self._day)

    def of(self, traffic: Traffic) -> _Price:
        """Return the price of one flow's calls."""
        return _Price(self, traffic.cached_share)

    def usd(self, measurement: Measurement, usage: Usage) -> Decimal | str:
        """Return what a usage costs, by the served model, else by the asked one; or why nobody can say."""
        found = None
        for model in (measurement.served_model, measurement.asked_model):
            if model is not None:
                found = self._table.price_usage(model, usage, on=self._day, tier=measurement.service_tier)
                if found.usd is not None:
                    return found.usd
        return found.reason if found is not None else "no model is known"

    def listed(self, models: Iterable[str]) -> Decimal | None:
        """Return what a plain call of 1,000 tokens in and 300 out costs, all models together; None: unknown."""
        usage, total = Usage(1_000, 0, None, 300), Decimal()
        for model in models:
            usd = self._table.price_usage(model, usage, on=self._day).usd
            if usd is None:
                return None
            total += usd
        return total


@dataclass(frozen=True, slots=True)
class _Price:
    prices: Prices
    cached_share: float | None

    def __call__(self, measurement: Measurement) -> Decimal | str:
        usage = measurement.usage
        if self.cached_share is not None and usage.input_tokens is not None:
            usage = replace(usage, cached_tokens=int(usage.input_tokens * self.cached_share), cache_write_tokens=None)
        return self.prices.usd(measurement, usage)


def route_of_ledger(world: World, ledger: Ledger, wanted: Wanted) -> RouteReport:
    """Route every flow of the inventory by what the ledger knows. Raises UsageProblem where there is no replay."""
    inventory = world.flows()
    flows = list(_subjects(inventory))
    flows += _outside(ledger, {flow.name for flow in flows})
    prices = Prices(world)
    found = list(_Weighing(ledger, flows, Today(world, inventory), prices).trials())
    if not any(flow.trials or flow.left_out for flow in found):
        raise UsageProblem("nothing was replayed here yet", next_command="pytest --model MODEL")
    _check_weighed(found, wanted)
    found = [_asked_for(flow, wanted, prices) for flow in found]
    pinned = world.settings.as_of is not None
    return routed(found, policy_of(world, wanted, found), source="ledger", pinned=pinned)


def _asked_for(flow: FlowTrials, wanted: Wanted, prices: Prices) -> FlowTrials:
    """Return a flow with the candidates that the command line asks for, in the order in which they are tested."""
    silent = tuple(one for one in flow.left_out if not wanted.candidates or one.candidate in wanted.candidates)
    return replace(flow, trials=ordered(flow.trials, wanted, prices), left_out=silent)


def _subjects(flows: Sequence[Flow]) -> Iterator[Subject]:
    policies = policies_of(flows)
    yield from (subject_of(flow, policies[flow.name]) for flow in flows)


def _outside(ledger: Ledger, known: Collection[FlowName]) -> list[Subject]:
    """Return the flows of the newest replay that have no prompt file: tests of the application, without traffic."""
    try:
        run = ledger.run(None)
    except UsageProblem:
        return []
    found: dict[FlowName, Subject] = {}
    for record in ledger.records(run.id):
        one = record.comparison
        if one.flow not in known:
            sofar = found.get(one.flow)
            critical = stricter(sofar.policy.critical if sofar else None, one.critical or "medium")
            found[one.flow] = Subject(one.flow, Policy(critical), Traffic(), sofar.baseline if sofar else one.baseline)
    return list(found.values())


_Readers = dict[tuple[FlowName, str], TrialReader]
_Goldens = dict[FlowName, dict[CaseId, tuple[Row, ...]]]


class _Weighing:
    """Turns the replays that speak for each candidate into trials; each run is read once."""

    def __init__(self, ledger: Ledger, subjects: Sequence[Subject], today: Today, prices: Prices) -> None:
        self._ledger = ledger
        self._subjects = {subject.name: subject for subject in subjects}
        self._today = today
        self._prices = prices
        self._speaking = {subject.name: speaking(ledger, subject) for subject in subjects}
        self._readers: _Readers = {}
        self._goldens: _Goldens = {}

    def trials(self) -> Iterator[FlowTrials]:
        """Yield every flow with what was recorded of its candidates, and with those that nothing was compared of."""
        self._read()
        for name, subject in self._subjects.items():
            every = [reader.trial() for (flow, _), reader in self._readers.items() if flow == name]
            yield FlowTrials(
                flow=name,
                policy=subject.policy,
                traffic=subject.traffic,
                baseline=subject.baseline,
                trials=tuple(trial for trial in every if trial.is_compared),
                baseline_rows=self._goldens.get(name, {}),
                left_out=(
                    *(self._silent(name, trial) for trial in every if not trial.is_compared),
                    *left_out(subject, self._speaking[name].older, self._today),
                ),
            )

    def _read(self) -> None:
        wanted: dict[tuple[str, FlowName, str], HistoryRow] = {
            (row.run.id, name, candidate): row
            for name, found in self._speaking.items()
            for candidate, row in found.rows.items()
        }
        for run_id in dict.fromkeys(run_id for run_id, _, _ in wanted):
            for record in self._ledger.records(run_id):
                row = wanted.get((run_id, record.comparison.flow, record.comparison.candidate))
                if row is not None:
                    self._add(self._today.held(record), row)

    def _add(self, record: CaseRecord, row: HistoryRow) -> None:
        comparison = record.comparison
        key = (comparison.flow, comparison.candidate)
        price = self._prices.of(self._subjects[comparison.flow].traffic)
        if key not in self._readers:
            self._readers[key] = TrialReader(TrialOf(comparison.candidate, row.run.id, row.run.simulated), price)
        self._readers[key].add(record)
        own = self._goldens.setdefault(comparison.flow, {})
        if comparison.case not in own and comparison.scores is not None:
            golden = self._today.golden(comparison.flow, comparison.case)
            own |= {} if golden is None else _golden_rows(golden, record, price)

    def _silent(self, flow: FlowName, trial: Trial) -> LeftOut:
        """Return a candidate of which nothing was compared, by what most of its cases say."""
        verdicts = Counter(one.verdict for one in trial.comparisons)
        if verdicts[CaseVerdict.NO_REPLY] == verdicts.total():
            return LeftOut(trial.candidate, trial.run, "no_answer")
        stale = [one.case for one in trial.comparisons if one.verdict is CaseVerdict.STALE_GOLDEN]
        why: Why = "asked_otherwise" if stale else "not_compared"
        if any(self._today.staleness(flow, case) for case in stale):
            why = "stale"
        return LeftOut(trial.candidate, trial.run, why)


def _golden_rows(golden: Golden, record: CaseRecord, price: _Price) -> dict[CaseId, tuple[Row, ...]]:
    """Return the baseline's own answers to one case, where it has them as they were compared."""
    comparison, scores = record.comparison, record.comparison.scores
    if scores is None:
        return {}
    rows = baseline_rows(golden.samples, scores.contract, scores.agreement, record.baseline, price)
    return {} if rows is None else {comparison.case: rows}


def ordered(trials: Sequence[Trial], wanted: Wanted, prices: Prices) -> tuple[Trial, ...]:
    """Return the trials in the order in which they are tested, which no answer has a part in."""
    if wanted.candidates:
        places = {text: place for place, text in enumerate(wanted.candidates)}
        chosen = [trial for trial in trials if trial.candidate in places]
        return tuple(sorted(chosen, key=lambda trial: places[trial.candidate]))
    listed = {trial.candidate: prices.listed(trial.models) for trial in trials}
    return tuple(sorted(trials, key=lambda trial: _dearest_first(listed[trial.candidate], trial)))


def _dearest_first(listed: Decimal | None, trial: Trial) -> tuple[Decimal, str]:
    return Decimal(0) if listed is None else -listed, trial.candidate


def _check_candidates(known: Iterable[str], wanted: Wanted, *, made_up: bool = False) -> None:
    names = sorted(set(known))
    for text in wanted.candidates:
        if text not in names:
            meant = to_type(text, names)
            # What was replayed already is not asked again: the name alone was wrong.
            typed = "prompt-migrate route --candidate" if meant in names else "pytest --model"
            raise UsageProblem(
                f'no replay has the candidate "{text}"',
                hint=did_you_mean(text, names),
                next_command="" if made_up else f"{typed} {shlex.quote(meant)}",
            )


def _check_weighed(flows: Sequence[FlowTrials], wanted: Wanted) -> None:
    """Refuse a candidate that was asked for and cannot be weighed in any flow."""
    weighed = {trial.candidate for flow in flows for trial in flow.trials}
    absent = {one.candidate: one for flow in flows for one in flow.left_out}
    for text in wanted.candidates:
        if text in absent and text not in weighed:
            (why,) = left_out_words([absent[text]])
            again = to_type(text, weighed) if absent[text].why == "no_answer" else text
            raise UsageProblem(
                f"nothing of {text} can be weighed: {why}", hint=did_you_mean(text, weighed),
                next_command=f"pytest --model {again}",
            )  # fmt: skip
        if text not in weighed and any(flow.baseline == text for flow in flows):
            raise UsageProblem(f"{text} is the baseline: there is nothing to route to it")
    _check_candidates(weighed, wanted)


def policy_of(world: World, wanted: Wanted, flows: Sequence[FlowTrials]) -> RoutePolicy:
    """Return what holds for all flows; OpenAI's calendar binds where OpenAI answers."""
    models = {model for flow in flows for trial in flow.trials for model in trial.models}
    models |= {flow.baseline for flow in flows}
    binding = frozenset(model for model in models if world.is_openai(model))
    return RoutePolicy(world.clock.today(), wanted.rollout_days, wanted.any_order, calendars=binding)


# --- an evidence file -----------------------------------------------------------------------------------------------


def route_of_file(world: World, file: EvidenceFile, wanted: Wanted) -> RouteReport:
    """Route the flows of an evidence file: made-up answers, today's prices and calendar."""
    _check_candidates((candidate for flow in file.flows for candidate in flow.records), wanted, made_up=True)
    prices = Prices(world)
    flows = [_file_flow(flow, prices, wanted) for flow in file.flows]
    policy = RoutePolicy(world.clock.today(), wanted.rollout_days, wanted.any_order)
    pinned = world.settings.as_of is not None
    return routed(flows, policy, source=file.name, synthetic=True, pinned=pinned, note=file.note)


def _file_flow(flow: EvidenceFlow, prices: Prices, wanted: Wanted) -> FlowTrials:
    price = prices.of(flow.traffic)
    trials = []
    for candidate, records in flow.records.items():
        reader = TrialReader(TrialOf(candidate), price, flow.judgements.get(candidate))
        for record in records:
            reader.add(record)
        trials.append(reader.trial())
    return FlowTrials(
        flow=flow.name,
        policy=Policy(flow.critical, flow.margin, flow.cases),
        traffic=flow.traffic,
        baseline=flow.baseline,
        trials=ordered(trials, wanted, prices),
        baseline_rows=_file_baseline(flow, price),
        judge_usd=flow.judge_usd,
    )


def _file_baseline(flow: EvidenceFlow, price: _Price) -> dict[CaseId, tuple[Row, ...]]:
    records = next(iter(flow.records.values()), ())
    found = {}
    for record in records:
        comparison = record.comparison
        if comparison.scores is not None:
            samples, scores = flow.baseline_samples[comparison.case], comparison.scores
            rows = baseline_rows(samples, scores.contract, scores.agreement, record.baseline, price)
            if rows is not None:
                found[comparison.case] = rows
    return found
