"""The index of a report: everything but the cases themselves, and where each of them is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from migrate.evidence.rating import HumanEvidence
from migrate.presenting.changes import Change, changes
from migrate.presenting.deciding import page_decision
from migrate.presenting.document import compare_document
from migrate.presenting.report.headline import headline, sentence
from migrate.presenting.report.rows import WORST_VERDICTS, rows_document
from migrate.reviewing import WORST_FIRST, Companion, companions, is_one_change
from migrate.vocabulary import (
    Decision,
    Flow,
    FlowEvidence,
    FlowName,
    Group,
    Json,
    JsonObject,
    PriceUsed,
    Quantiles,
    Run,
    Rung,
)

if TYPE_CHECKING:
    from migrate.presenting.report.building import ReportBuilder

FORMAT: Final = 1
"""1: the first form of index and chunks."""


class HistoryRow(Protocol):
    """One flow in one run against one candidate: the shape of the ledger's rows."""

    @property
    def run(self) -> Run: ...
    @property
    def candidate(self) -> str: ...
    @property
    def cases(self) -> int: ...
    @property
    def verdicts(self) -> Mapping[str, int]: ...
    @property
    def cost_usd(self) -> str | None: ...
    @property
    def unknown_cost(self) -> int: ...
    @property
    def p50_ms(self) -> float | None: ...
    @property
    def p95_ms(self) -> float | None: ...
    @property
    def n(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report tells beside the run's own records."""

    flows: Mapping[FlowName, Flow] = field(default_factory=dict)
    """The inventory as it is now; a flow that is gone from it is shown all the same."""
    prices: Sequence[PriceUsed] = ()
    history: Mapping[FlowName, Sequence[HistoryRow]] = field(default_factory=dict)
    """Newest first."""
    pages: Mapping[str, JsonObject] = field(default_factory=dict)
    """Further pages by name, as the documents of `route --json` and `canary plan --json`."""
    people: Sequence[HumanEvidence] = ()
    """What people said of the answers."""
    closed: Sequence[str] = ()
    """Why gates are closed."""
    leaving: Sequence[str] = ()
    """Which candidates leave their API soon, or no later than what they replace, and when."""
    decided: Sequence[Decision] = ()
    """What was decided of the run's changes: rejected before it, then everything since, the oldest first."""
    counted: Sequence[Decision] = ()
    """What was decided before the run and still stands in goldens and prompt files, the oldest first by flow."""


def index_document(builder: ReportBuilder, evidence: Sequence[FlowEvidence], facts: Facts) -> dict[str, Any]:
    """Return the index of a report as plain JSON values."""
    ordered = sorted(evidence, key=lambda flow: (flow.flow, builder.candidates.index(flow.candidate)))
    critical = {flow.flow: flow.critical for flow in ordered}
    names = list(critical)
    groups = _groups(ordered, builder.candidates)
    compared = compare_document(builder.run, ordered, facts.people)
    return {
        "format": FORMAT,
        "run": compared["run"],
        "simulated": compared["simulated"],
        "headline": headline(builder.run, ordered),
        "sentences": [sentence(candidate, ordered) for candidate in builder.candidates],
        "closed": list(facts.closed),
        "leaving": list(facts.leaving),
        "candidates": list(builder.candidates),
        "verdicts": [verdict.value for verdict in WORST_VERDICTS],
        "severities": [severity.value for severity in WORST_FIRST],
        "rungs": [rung.value for rung in Rung],
        "flows": [{**_flow(name, builder, facts), "critical": stakes} for name, stakes in critical.items()],
        "evidence": [
            {**_evidence(flow, document), "latency_spread": builder.latencies.document(flow.flow, flow.candidate)}
            for flow, document in zip(ordered, compared["flows"], strict=True)
        ],
        "groups": groups,
        "cases": rows_document(builder.rows, names, builder.candidates, [group["id"] for group in groups]),
        "provenance": {
            "calls": builder.provenance.document(),
            "days": builder.provenance.days(),
            "prices": [asdict(price) for price in facts.prices],
            "damaged": builder.damaged,
        },
        "people": [said for one in facts.people for said in _people(one, names, builder.candidates)],
        "pages": dict(facts.pages),
        "decided": [page_decision(one) for one in facts.decided],
    } | ({"counted": [page_decision(one) for one in facts.counted]} if facts.counted else {})


def _people(one: HumanEvidence, flows: Sequence[str], candidates: Sequence[str]) -> Iterator[JsonObject]:
    """Yield what people said of each rated case, beside whose verdict it is shown."""
    for case, marks in one.marks.items():
        yield {
            "flow": flows.index(one.flow),
            "candidate": candidates.index(one.candidate),
            "case": case,
            "raters": list(marks.raters),
            "preference": marks.preference,
            "correct": [marks.baseline_correct, marks.candidate_correct],
        }


def _flow(name: FlowName, builder: ReportBuilder, facts: Facts) -> JsonObject:
    flow = facts.flows.get(name)
    return {
        "name": name,
        "title": flow.title if flow else "",
        "description": flow.description if flow else "",
        "owner": flow.owner if flow else "",
        "parse": flow.parse if flow else None,
        "place": str(flow.place) if flow and flow.place else None,
        "rules": [_rule(rule) for rule in flow.rules] if flow else [],
        "tags": {case.id: list(case.tags) for case in flow.cases if case.tags} if flow else {},
        "noise": builder.noise.document(name),
        "history": [_history(row) for row in facts.history.get(name, ())],
    }


def _rule(rule: Any) -> JsonObject:
    return {"path": rule.path, "kind": rule.kind, "value": rule.value, "expires": rule.expires, "reason": rule.reason}


def _history(row: HistoryRow) -> JsonObject:
    return {
        "run": row.run.id,
        "at": row.run.started_at,
        "simulated": row.run.simulated,
        "candidate": row.candidate,
        "cases": row.cases,
        "verdicts": dict(row.verdicts),
        "cost_usd": row.cost_usd,
        "unknown_cost": row.unknown_cost,
        "p50": row.p50_ms,
        "p95": row.p95_ms,
        "n": row.n,
    }


def _evidence(flow: FlowEvidence, document: JsonObject) -> JsonObject:
    """Return a flow's part of `compare --json` with what only a page has room for; groups stand by themselves."""
    kept = {name: value for name, value in document.items() if name not in ("groups", "verdict_reason")}
    latency = document["latency_ms"]
    return kept | {
        "reasons": list(flow.reasons),
        "simulated": flow.simulated,
        "unjudged": dict(flow.unjudged),
        "latency_ms": {
            "baseline": latency["baseline"] | _median(flow.latency_baseline),
            "candidate": latency["candidate"] | _median(flow.latency_candidate),
        },
    }


def _median(side: Quantiles) -> dict[str, Json]:
    return {"p50_interval": None if side.p50_interval is None else list(side.p50_interval)}


def _groups(evidence: Sequence[FlowEvidence], candidates: Sequence[str]) -> list[JsonObject]:
    """Return the groups of equal changes over all candidates, worst first, then by the cases they touch."""
    ordered = sorted(changes(evidence, cosmetic=True), key=_place)
    members = {
        change.group.id: [(candidate, case) for candidate, group in change.shown for case in group.cases]
        for change in ordered
    }
    mates, groups = companions(members), {change.group.id: change.group for change in ordered}
    return [_group(change, candidates, mates[change.group.id], groups) for change in ordered]


def _place(change: Change) -> tuple[int, int, str, str]:
    return WORST_FIRST[change.group.severity], -change.cases, change.group.path, change.group.id


def _group(
    change: Change, candidates: Sequence[str], mates: Sequence[Companion], groups: Mapping[str, Group]
) -> JsonObject:
    group = change.group
    sizes = {candidates.index(candidate): len(own.cases) for candidate, own in change.shown}
    return {
        "id": group.id,
        "flow": change.flow,
        "kind": group.kind.value,
        "severity": group.severity.value,
        "rung": group.rung.value,
        "path": group.path,
        "title": group.title,
        "cases": {str(number): size for number, size in sorted(sizes.items())},
        "count": sum(own.count for _, own in change.shown),
        "mates": [list(mate) for mate in mates],
        "twins": [mate.id for mate in mates if is_one_change(group, groups[mate.id])],
    }
