"""Evidence for routing, joined: the newest whole replay of every candidate of every flow, prices, goldens, calendar."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from migrate.errors import UsageProblem, did_you_mean
from migrate.evidence.policy import Policy, policies_of, stricter
from migrate.ports import CaseRecord, HistoryRow, Ledger
from migrate.presenting.meant import to_type
from migrate.routing import (
    FlowTrials,
    RoutePolicy,
    RouteReport,
    Row,
    Trial,
    TrialOf,
    TrialReader,
    baseline_rows,
    routed,
)
from migrate.vocabulary import CaseId, FlowName, Measurement, Traffic, Usage

if TYPE_CHECKING:
    from migrate.edges.evidence_files import EvidenceFile, EvidenceFlow
    from migrate.wiring.world import World

RUNS: Final = 200
"""Runs of a flow that are looked through, newest first."""


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
    flows = list(_inventory(world))
    flows += _outside(ledger, {flow.name for flow in flows})
    prices = Prices(world)
    newest = {flow.name: newest_replays(ledger, flow) for flow in flows}
    readers, goldens = _read(world, ledger, flows, newest, prices)
    if not readers:
        raise UsageProblem("nothing was replayed here yet", next_command="pytest --model MODEL")
    _check_candidates((candidate for _, candidate in readers), wanted)
    found = []
    for flow in flows:
        trials = [reader.trial() for (name, _), reader in readers.items() if name == flow.name]
        ordered = _ordered(trials, wanted, prices)
        rows = goldens.get(flow.name, {})
        found.append(FlowTrials(flow.name, flow.policy, flow.traffic, flow.baseline, ordered, rows))
    pinned = world.settings.as_of is not None
    return routed(found, _policy(world, wanted, found), source="ledger", pinned=pinned)


@dataclass(frozen=True, slots=True)
class Subject:
    """A flow to route: one of the inventory, or one of the application's own tests."""

    name: FlowName
    policy: Policy
    traffic: Traffic
    baseline: str


def _inventory(world: World) -> Iterator[Subject]:
    flows = world.flows()
    policies = policies_of(flows)
    for flow in flows:
        yield Subject(flow.name, policies[flow.name], flow.traffic, flow.prompt.model)


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


def newest_replays(ledger: Ledger, flow: Subject) -> dict[str, HistoryRow]:
    """Return for each candidate of a flow the newest complete replay of all its cases, else the one with most cases.

    A name that its provider has not got is no candidate.
    """
    found: dict[str, HistoryRow] = {}
    for row in ledger.history(flow.name, limit=RUNS):
        if row.run.kind != "replay" or row.run.asked_in_vain(row.verdicts):
            continue
        sofar = found.get(row.candidate)
        if sofar is None or _worth(row, flow) > _worth(sofar, flow):
            found[row.candidate] = row
    return dict(sorted(found.items()))


def _worth(row: HistoryRow, flow: Subject) -> tuple[bool, int]:
    return row.run.state == "complete", min(row.cases, flow.policy.cases or row.cases)


_Readers = dict[tuple[FlowName, str], TrialReader]
_Goldens = dict[FlowName, dict[CaseId, tuple[Row, ...]]]


def _read(
    world: World,
    ledger: Ledger,
    flows: Sequence[Subject],
    newest: Mapping[FlowName, Mapping[str, HistoryRow]],
    prices: Prices,
) -> tuple[_Readers, _Goldens]:
    """Read each run once; of its records those that are their candidate's newest."""
    by_name = {flow.name: flow for flow in flows}
    wanted = {(row.run.id, name, candidate): row for name, rows in newest.items() for candidate, row in rows.items()}
    readers: _Readers = {}
    goldens: _Goldens = {}
    for run_id in dict.fromkeys(run_id for run_id, _, _ in wanted):
        for record in ledger.records(run_id):
            comparison = record.comparison
            row = wanted.get((run_id, comparison.flow, comparison.candidate))
            if row is None:
                continue
            key, price = (comparison.flow, comparison.candidate), prices.of(by_name[comparison.flow].traffic)
            if key not in readers:
                readers[key] = TrialReader(TrialOf(comparison.candidate, run_id, row.run.simulated), price)
            readers[key].add(record)
            own = goldens.setdefault(comparison.flow, {})
            if comparison.case not in own and comparison.scores is not None:
                own |= _golden_rows(world, record, price)
    return readers, goldens


def _golden_rows(world: World, record: CaseRecord, price: _Price) -> dict[CaseId, tuple[Row, ...]]:
    """Return the baseline's own answers to one case, where it has them as they were compared."""
    comparison, scores = record.comparison, record.comparison.scores
    golden = world.goldens.read(comparison.flow, comparison.case)
    if golden is None or scores is None:
        return {}
    rows = baseline_rows(golden.samples, scores.contract, scores.agreement, record.baseline, price)
    return {} if rows is None else {comparison.case: rows}


def _ordered(trials: Sequence[Trial], wanted: Wanted, prices: Prices) -> tuple[Trial, ...]:
    """Return the trials in the order in which they are tested, which no answer has a part in."""
    if wanted.candidates:
        places = {text: place for place, text in enumerate(wanted.candidates)}
        chosen = [trial for trial in trials if trial.candidate in places]
        return tuple(sorted(chosen, key=lambda trial: places[trial.candidate]))
    listed = {trial.candidate: prices.listed(trial.models) for trial in trials}
    return tuple(sorted(trials, key=lambda trial: _dearest_first(listed[trial.candidate], trial)))


def _dearest_first(listed: Decimal | None, trial: Trial) -> tuple[Decimal, str]:
    return Decimal(0) if listed is None else -listed, trial.candidate


def _check_candidates(known: Iterable[str], wanted: Wanted) -> None:
    names = sorted(set(known))
    for text in wanted.candidates:
        if text not in names:
            raise UsageProblem(
                f'no replay has the candidate "{text}"',
                hint=did_you_mean(text, names),
                next_command=f"pytest --model {to_type(text, names)}",
            )


def _policy(world: World, wanted: Wanted, flows: Sequence[FlowTrials]) -> RoutePolicy:
    """Return what holds for all flows; OpenAI's calendar binds where OpenAI answers."""
    models = {model for flow in flows for trial in flow.trials for model in trial.models}
    models |= {flow.baseline for flow in flows}
    binding = frozenset(model for model in models if world.is_openai(model))
    return RoutePolicy(world.clock.today(), wanted.rollout_days, wanted.any_order, calendars=binding)


# --- an evidence file -----------------------------------------------------------------------------------------------


def route_of_file(world: World, file: EvidenceFile, wanted: Wanted) -> RouteReport:
    """Route the flows of an evidence file: made-up answers, today's prices and calendar."""
    _check_candidates((candidate for flow in file.flows for candidate in flow.records), wanted)
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
        trials=_ordered(trials, wanted, prices),
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
