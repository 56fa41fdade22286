"""A log to counts: one scan of the files into a narrow table on disk, and everything else from that table.

Ids are kept as 64-bit hashes, a line as its side, its second and one word of flags. Memory is bounded: what does not
fit is spilled to a temporary folder, which is removed in the end.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from migrate.canary.counted import Arm, Counted, Event, Hour, Log, Served, Side, pooled_counts
from migrate.canary.nouns import Metric, Plan, Rollout
from migrate.canary.terms import METRICS, MetricName
from migrate.edges.logs import statements as sql
from migrate.edges.logs.columns import COLUMNS, form_of, jsonl_rows, parquet_rows, quoted
from migrate.edges.logs.spans import span_rows
from migrate.errors import UsageProblem
from migrate.statistics.quantiles import interval_ranks

MEMORY: Final = "512MB"
THREADS: Final = 2
DECILES: Final = tuple(place / 10 for place in range(1, 10))
ARMS: Final[tuple[Arm, Arm]] = ("control", "candidate")
LEVEL: Final = 0.90
"""Of the interval of p95."""


def count_log(paths: Sequence[Path], plan: Plan, *, share: float | None = None) -> Log:
    """Return what the lines of the files come down to, for the flows of a plan.

    `share`: taken for lines that do not carry one. Raises UsageProblem where the extra is missing or nothing is read.
    """
    form = form_of(paths)
    with tempfile.TemporaryDirectory(prefix="prompt-migrate-") as folder:
        database = _connect(Path(folder))
        try:
            if form == "parquet":
                rows = parquet_rows(paths, _present(database, paths))
            elif form == "otel":
                rows = span_rows(paths)
            else:
                rows = jsonl_rows(paths)
            return _Counter(database, plan, share).counted(rows)
        except _errors() as error:
            raise UsageProblem(f"the log cannot be read: {str(error).splitlines()[0]}") from None
        finally:
            database.close()


def _connect(folder: Path) -> Any:
    try:
        import duckdb
    except ImportError:
        raise UsageProblem(
            "reading production logs needs DuckDB, which is not installed",
            next_command='python -m pip install "prompt-migrate[canary]"',
        ) from None
    settings = {
        "memory_limit": MEMORY,
        "threads": THREADS,
        "temp_directory": str(folder / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "TimeZone": "UTC",
    }
    database = duckdb.connect(str(folder / "log.duckdb"))
    for name, value in settings.items():
        database.execute(f"SET {name} = {quoted(value) if isinstance(value, str) else value}")
    database.execute("SET enable_progress_bar = false")
    return database


def _errors() -> Any:
    import duckdb

    return duckdb.Error


def _present(database: Any, paths: Sequence[Path]) -> list[str]:
    """Return the columns that Parquet files have."""
    files = "[" + ", ".join(quoted(str(path)) for path in paths) + "]"
    found = database.execute(f"DESCRIBE SELECT * FROM read_parquet({files}, union_by_name=true)").fetchall()
    return [row[0] for row in found if row[0] in COLUMNS]


class _Counter:
    """One log on its way to counts."""

    def __init__(self, database: Any, plan: Plan, share: float | None) -> None:
        self._database = database
        self._plan = plan
        self._flows_logged = [member for rollout in plan.rollouts for member in rollout.members]
        self._share = share

    def counted(self, rows: str) -> Log:
        """Read the files once, put right what comes twice or late, and count."""
        self._flows()
        self._run(sql.lines(rows, self._plan.plan_id, self._share))
        kinds = dict(self._all("SELECT kind, count(*) FROM lines GROUP BY kind"))
        others = self._all(
            "SELECT other, count(*) FROM lines WHERE kind = 4 GROUP BY other ORDER BY 2 DESC, 1 LIMIT 20"
        )
        late, orphans = self._join_late() if kinds.get(1) else ({}, 0)
        repeated = self._leave_out_repeated()
        self._run(sql.SEEN)
        self._run(sql.BAD)
        parts = _Parts(self, late, repeated)
        total, unreadable = sum(kinds.values()), kinds.get(3, 0)
        dealt = {flow: replace(one, lines=total, unreadable=unreadable) for flow, one in self._dealt(parts)}
        return Log(
            flows=dealt,
            lines=total,
            unreadable=unreadable,
            other_plans={name or "(none)": count for name, count in others},
            orphans=orphans,
            missing_columns=self._absent() if kinds.get(0) else (),
        )

    def _dealt(self, parts: _Parts) -> Iterator[tuple[str, Counted]]:
        """Yield each rollout's counts: a flow's, or those of a pool's members added up."""
        place = 0
        for rollout in self._plan.rollouts:
            places = range(place, place + len(rollout.members))
            each = [parts.of(at, member) for at, member in zip(places, rollout.members, strict=True)]
            place = places.stop
            yield rollout.flow, parts.pool(places, rollout, each) if rollout.strata else each[0]

    def _flows(self) -> None:
        self._run(
            "CREATE TABLE flows(name VARCHAR, no UTINYINT, slow DOUBLE, tokens DOUBLE, dear DOUBLE, schemed BOOLEAN, "
            "by_call BOOLEAN, candidate VARCHAR, baseline VARCHAR)"
        )
        for place, rollout in enumerate(self._flows_logged):
            limits = {metric.name: metric for metric in rollout.metrics}
            row = (
                rollout.flow, place, _limit(limits.get("slow")), _limit(limits.get("tokens")),
                _limit(limits.get("cost")), "schema" in limits, rollout.units == "calls",
                rollout.candidate, rollout.baseline,
            )  # fmt: skip
            self._database.execute(f"INSERT INTO flows VALUES ({', '.join('?' * len(row))})", row)

    def _join_late(self) -> tuple[Mapping[int, int], int]:
        """Give outcomes that came as lines of their own to their calls; return how many by flow, and the orphans."""
        self._run(sql.LATE)
        matched = dict(self._all(sql.MATCHED))
        self._run(sql.JOIN_LATE)
        ((total,),) = self._all("SELECT count(*) FROM late")
        return matched, total - sum(matched.values())

    def _leave_out_repeated(self) -> Mapping[int, tuple[int, int]]:
        """Remove lines that repeat a call; return by flow how many, and how many of them are of another call."""
        self._run(sql.REPEATED)
        counts = "sum(times - 1)::BIGINT, coalesce(sum(times - 1) FILTER (clash), 0)::BIGINT"
        found = {row[0]: (row[1], row[2]) for row in self._all(f"SELECT flow, {counts} FROM repeated GROUP BY flow")}
        if found:
            self._run(sql.FIRST_OF_REPEATED)
            self._run(sql.REMOVE_REPEATED)
        return found

    def _absent(self) -> tuple[str, ...]:
        """Return what no call of the log says, though verdicts or figures want it."""
        wanted = {"latency_ms": "latency", "cost_usd": "nano", "output_tokens": "tokens"}
        counts = self._all(f"SELECT {', '.join(f'count({name})' for name in wanted.values())} FROM lines")
        return tuple(name for name, count in zip(wanted, counts[0], strict=True) if not count)

    def _run(self, statement: str) -> None:
        self._database.execute(statement)

    def _all(self, statement: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._database.execute(statement).fetchall()
        return found

    rows = _all


def _limit(metric: Metric | None) -> float | None:
    return None if metric is None else metric.limit


class _Parts:
    """The counts of all flows, asked for once and dealt out."""

    def __init__(self, counter: _Counter, late: Mapping[int, int], repeated: Mapping[int, tuple[int, int]]) -> None:
        self._counter = counter
        self._late = late
        self._repeated = repeated
        self._calls = _by_flow(counter.rows(sql.CALLS_BY_HOUR))
        self._units = _by_flow(counter.rows(sql.UNITS_BY_HOUR))
        self._missing = _by_flow(counter.rows(sql.MISSING_BY_HOUR))
        self._judged = _by_flow(counter.rows(sql.JUDGED_BY_HOUR))
        self._bad = _by_flow(counter.rows(sql.BAD_BY_HOUR))
        self._events = _by_flow(counter.rows(sql.EVENTS))
        self._served = _by_flow(counter.rows(sql.SERVED))
        self._said = {row[0]: row[1:] for row in counter.rows(sql.TOTALS)}
        self._crossed = dict(counter.rows(sql.CROSSED))

    def of(self, flow: int, rollout: Rollout) -> Counted:
        unassigned, fallbacks, unnamed, simulated = self._said.get(flow, (0, 0, 0, False))
        duplicates, clashing = self._repeated.get(flow, (0, 0))
        hours = self._hours(flow)
        return Counted(
            flow=rollout.flow,
            hours=hours,
            events=tuple(
                Event(hour, bp / 1e4, ARMS[arm], METRICS[metric], units, half)
                for metric, bp, arm, half, hour, units in self._events[flow]
            ),
            served=tuple(Served(ARMS[arm], model or "", calls) for arm, model, calls in self._served[flow]),
            sides=self._sides([flow], hours),
            unassigned=unassigned,
            crossed=self._crossed.get(flow, 0),
            duplicates=duplicates,
            clashing=clashing,
            unnamed=unnamed,
            late=self._late.get(flow, 0),
            fallbacks=fallbacks,
            simulated=bool(simulated),
        )

    def _hours(self, flow: int) -> tuple[Hour, ...]:
        bad: dict[tuple[int, int, int], dict[MetricName, int]] = defaultdict(dict)
        for metric, bp, arm, hour, units in self._bad[flow]:
            bad[bp, arm, hour][METRICS[metric]] = units
        units = {row[:3]: row[3] for row in self._units[flow]}
        missing = {row[:3]: row[3] for row in self._missing[flow]}
        judged = {row[:3]: row[3] for row in self._judged[flow]}
        calls = {row[:3]: row[3:] for row in self._calls[flow]}
        return tuple(
            Hour(
                hour=key[2],
                share=key[0] / 1e4,
                arm=ARMS[key[1]],
                calls=calls[key][0],
                bad_calls=calls[key][1],
                units=units.get(key, 0),
                bad=bad.get(key, {}),
                missing=missing.get(key, 0),
                judged=judged.get(key, 0),
            )
            for key in sorted(calls, key=lambda key: (key[2], key[0], key[1]))
        )

    def pool(self, flows: Sequence[int], rollout: Rollout, each: Sequence[Counted]) -> Counted:
        """Return the counts of several flows as one, with the latency and cost of all their calls."""
        whole = pooled_counts(rollout.flow, each)
        return replace(whole, sides=self._sides(flows, whole.hours))

    def _sides(self, flows: Sequence[int], hours: Sequence[Hour]) -> tuple[Side, ...]:
        """Return latency, cost and feedback of the newest stage."""
        if not hours:
            return ()
        share = max(row.share for row in hours if row.hour == hours[-1].hour)
        found = []
        for place, arm in enumerate(ARMS):
            calls = sum(row.calls for row in hours if row.arm == arm and abs(row.share - share) < 5e-5)
            if calls:
                found.append(self._side(flows, round(share * 1e4), place, calls))
        return tuple(found)

    def _side(self, flows: Sequence[int], bp: int, arm: int, calls: int) -> Side:
        place = f"flow IN ({', '.join(map(str, flows))}) AND bp = {bp} AND arm = {arm}"
        where = f"kind = 0 AND {place}"
        low, high = interval_ranks(calls, 0.95, LEVEL)
        ((*quantiles, priced, mean, cold, warm, ratings),) = self._counter.rows(
            sql.side(where, [*DECILES, 0.5, 0.95, (low or 1) / calls, (high or calls) / calls])
        )
        *deciles, p50, p95, p95_low, p95_high = quantiles
        ((first, second),) = self._counter.rows(sql.halves(place))
        groups = tuple(self._counter.rows(sql.cost_groups(where))) if priced else ()
        known = tuple(value for value in deciles if value is not None)
        return Side(
            arm=ARMS[arm], calls=calls, p50_ms=p50, p95_ms=p95, p95_low_ms=p95_low if low else None,
            p95_high_ms=p95_high if high else None, deciles_ms=known, priced=priced, mean_usd=mean,
            cost_groups=groups, cold_usd=cold, warm_usd=warm, ratings=ratings, half_units=(first, second),
        )  # fmt: skip


def _by_flow(rows: Sequence[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row[1:])
    return found
