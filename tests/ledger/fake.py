"""A ledger in memory, which answers as the real ones do: for tests of whatever needs a ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from migrate.errors import StoreProblem, UsageProblem
from migrate.ports import CaseRecord, HistoryRow
from migrate.statistics import quantile
from migrate.vocabulary import CaseId, FlowName, Measurement, PriceUsed, Run


class MemoryLedger:
    """`ports.Ledger` in dictionaries."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._records: dict[str, dict[tuple[str, str, str], CaseRecord]] = {}
        self._prices: dict[str, dict[tuple[str, ...], PriceUsed]] = {}

    def start(self, run: Run) -> None:
        if run.id in self._runs and self._runs[run.id].state == "complete":
            raise StoreProblem(f"the ledger in memory has a run {run.id} already")
        self._runs[run.id] = run
        self._records.setdefault(run.id, {})
        self._prices.setdefault(run.id, {})

    def add(self, run_id: str, records: Iterable[CaseRecord]) -> int:
        self._must_exist(run_id)
        count = 0
        for record in records:
            self._records[run_id][_key(record)] = record
            count += 1
        return count

    def add_prices(self, run_id: str, prices: Iterable[PriceUsed]) -> None:
        self._must_exist(run_id)
        self._prices[run_id].update({(one.model, one.tier, one.source, one.as_of): one for one in prices})

    def prices(self, run_id: str) -> tuple[PriceUsed, ...]:
        return tuple(price for _, price in sorted(self._prices.get(run_id, {}).items()))

    def finish(self, run: Run) -> None:
        self._must_exist(run.id)
        self._runs[run.id] = run

    def run(self, run_id: str | None) -> Run:
        if run_id in self._runs:
            return self._runs[run_id]
        newest = self.runs(limit=len(self._runs))
        if run_id is None:
            # Sorting keeps the order of those that ended together.
            last = sorted(newest, key=lambda run: run.ended_at, reverse=True)
            replays = [run for run in last if run.kind == "replay"]
            found = [run for run in replays if not run.asked_in_vain(self._verdicts(run.id))][:1] or replays[:1]
        else:
            found = [run for run in newest if run_id and run.id.startswith(run_id)]
        if len(found) != 1:
            raise UsageProblem(f"{len(found)} runs are called {run_id}: {', '.join(run.id for run in found)}")
        return found[0]

    def _verdicts(self, run_id: str) -> set[str]:
        return {record.comparison.verdict.value for record in self._records[run_id].values()}

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        newest = sorted(self._runs.values(), key=lambda run: (run.started_at, run.id), reverse=True)
        return tuple(newest[:limit])

    def records(self, run_id: str) -> Iterator[CaseRecord]:
        self._must_exist(run_id)
        for _, record in sorted(self._records[run_id].items(), key=lambda item: item[0]):
            yield record

    def record(self, run_id: str, flow: FlowName, candidate: str, case: CaseId) -> CaseRecord | None:
        self._must_exist(run_id)
        return self._records[run_id].get((flow, candidate, case))

    def history(self, flow: FlowName, *, limit: int = 50) -> tuple[HistoryRow, ...]:
        rows = (
            _row(run, flow, candidate, records)
            for run in self.runs(limit=len(self._runs))
            for candidate, records in sorted(self._of_flow(run.id, flow).items())
        )
        return tuple(rows)[:limit]

    def flows(self) -> tuple[FlowName, ...]:
        return tuple(sorted({FlowName(flow) for records in self._records.values() for flow, _, _ in records}))

    def close(self) -> None:
        """Keep everything: what is in memory goes with the ledger."""

    def _of_flow(self, run_id: str, flow: str) -> dict[str, list[CaseRecord]]:
        by_candidate: dict[str, list[CaseRecord]] = {}
        for (its_flow, candidate, _), record in self._records[run_id].items():
            if its_flow == flow:
                by_candidate.setdefault(candidate, []).append(record)
        return by_candidate

    def _must_exist(self, run_id: str) -> None:
        if run_id not in self._runs:
            raise StoreProblem(f"the ledger in memory has no run {run_id}")


def _key(record: CaseRecord) -> tuple[str, str, str]:
    return record.comparison.flow, record.comparison.candidate, record.comparison.case


def _row(run: Run, flow: FlowName, candidate: str, records: list[CaseRecord]) -> HistoryRow:
    costs = [one.cost_usd for record in records for one in record.candidate]
    known = [Decimal(cost) for cost in costs if cost is not None]
    cold = [_mean_ms(record.candidate, warm=False) for record in records]
    warm = [_mean_ms(record.candidate, warm=True) for record in records]
    means = [mean for mean in max(cold, warm, key=_count) if mean is not None]
    return HistoryRow(
        run=run,
        flow=flow,
        candidate=candidate,
        cases=len(records),
        verdicts=dict(sorted(Counter(record.comparison.verdict.value for record in records).items())),
        cost_usd=f"{sum(known).normalize():f}" if known else None,
        unknown_cost=sum(one.unknown for record in records for one in record.candidate),
        p50_ms=quantile(means, 0.5),
        p95_ms=quantile(means, 0.95),
        n=len(means),
        baselines=tuple(sorted({record.comparison.baseline for record in records})),
    )


def _count(means: list[float | None]) -> int:
    return sum(mean is not None for mean in means)


def _mean_ms(measurements: Iterable[Measurement], *, warm: bool) -> float | None:
    by_sample: dict[int, list[Measurement]] = {}
    for one in measurements:
        by_sample.setdefault(one.sample, []).append(one)
    totals = [
        sum(one.timing.total_ms for one in calls if one.timing)
        for calls in by_sample.values()
        if all(one.timing is not None and one.served_model is not None for one in calls)
        and any(one.usage.cached_tokens for one in calls) == warm
    ]
    return sum(totals) / len(totals) if totals else None
