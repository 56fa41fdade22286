"""Check a canary over ten million JSON lines: time, memory, and the ratio to a bare DuckDB scan of the same columns.

`python benchmarks/canary_logs.py [CALLS]`. The lines are synthetic and of one plan; each measurement runs in a process
of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "canary")]

CALLS_PER_UNIT = 4
DAYS = 10
ROUNDS = 2


def make(folder: Path, calls: int) -> tuple[Path, Path]:
    """Write a plan and its log: a stage of 50 % with equal sides, an answer in fifty bad."""
    import duckdb
    from canary_nouns import plan, rollout

    from migrate.canary import plan_document

    units = calls // CALLS_PER_UNIT // DAYS
    made = plan(rollout(users_per_day=units, requests_per_day=units * CALLS_PER_UNIT))
    plan_path, log_path = folder / "plan.json", folder / "log.jsonl"
    plan_path.write_text(json.dumps(plan_document(made)))
    start = int(dt.datetime(2026, 2, 2, tzinfo=dt.UTC).timestamp())
    duckdb.connect().execute(f"""
COPY (SELECT
  strftime(make_timestamp(({start} + i * {DAYS * 86400} // {calls}) * 1000000), '%Y-%m-%dT%H:%M:%SZ') AS ts,
  'refund' AS flow, '{made.plan_id}' AS plan_id, 'user-' || (i // {CALLS_PER_UNIT}) AS unit_id,
  CASE WHEN hash(i // {CALLS_PER_UNIT}) % 2 = 0 THEN 'candidate' ELSE 'baseline' END AS assigned, 0.5 AS share,
  CASE WHEN hash(i // {CALLS_PER_UNIT}) % 2 = 0 THEN 'gpt-4.1-mini' ELSE 'gpt-4o' END AS request_model,
  CASE WHEN hash(i // {CALLS_PER_UNIT}) % 2 = 0 THEN 'gpt-4.1-mini' ELSE 'gpt-4o' END AS response_model,
  'chatcmpl-' || md5(i::VARCHAR) AS response_id, 400 + hash(i, 1) % 1500 AS latency_ms,
  300 + hash(i, 2) % 400 AS input_tokens, 256 * (hash(i, 3) % 2) AS cached_input_tokens,
  60 + hash(i, 4) % 100 AS output_tokens, round(0.0004 + (hash(i, 5) % 100) * 1e-6, 8) AS cost_usd,
  NULL AS error_type, 'stop' AS finish_reason, hash(i, 6) % 50 <> 0 AS schema_ok, false AS refusal, true AS grounded,
  NULL AS feedback, NULL AS fallback_from
FROM range({calls}) AS numbers(i)) TO '{log_path}' (FORMAT json)""")
    return plan_path, log_path


def check(plan_path: Path, log_path: Path) -> str:
    """Read, count and judge, as `canary check` does."""
    from migrate.canary.judging import judge
    from migrate.edges.logs import count_log
    from migrate.edges.rollouts import read_plan

    plan = read_plan(plan_path)
    log = count_log([log_path], plan)
    verdict = judge(plan.rollouts[0], log.flows["refund"])
    return f"{verdict.word} ({verdict.why}), {log.lines:,} lines"


def scan(_: Path, log_path: Path) -> str:
    """Only read the columns that a verdict needs, and count what is there."""
    import duckdb

    from migrate.edges.logs.columns import COLUMNS, jsonl_rows
    from migrate.edges.logs.counting import MEMORY, THREADS

    database = duckdb.connect()
    database.execute(f"SET memory_limit = '{MEMORY}'")
    database.execute(f"SET threads = {THREADS}")
    database.execute("SET preserve_insertion_order = false")
    counts = ", ".join(f"count({name})" for name in COLUMNS)
    row = database.execute(f"SELECT {counts} FROM ({jsonl_rows([log_path])})").fetchone()
    return f"{row[0] if row else 0:,} lines"


def measured(name: str, *paths: Path) -> tuple[float, float, float, str]:
    """Run one of the two in a process of its own; return wall and CPU seconds, peak memory in MB, and its words."""
    command = [sys.executable, __file__, name, *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, cpu, memory, said = done.stdout.strip().split("\t")
    return float(seconds), float(cpu), float(memory), said


def main(calls: int, rounds: int) -> None:
    """Scan and check in turns, so that what else the machine does meets both; the ratio is that of the sums."""
    with tempfile.TemporaryDirectory(prefix="canary-") as folder:
        paths = make(Path(folder), calls)
        size = paths[1].stat().st_size / 1e9
        print(f"{calls:,} calls, {size:.2f} GB of JSON lines")
        found = [(name, measured(name, *paths)) for _ in range(rounds) for name in ("scan", "check")]
    for name, (seconds, cpu, memory, said) in found:
        print(f"{name:6}{seconds:8.1f} s{cpu:8.1f} s of CPU{memory:8.0f} MB   {said}")
    wall, cpu = (
        sum(figures[place] for name, figures in found if name == "check")
        / sum(figures[place] for name, figures in found if name == "scan")
        for place in (0, 1)
    )
    print(f"ratio {wall:.2f}, of CPU {cpu:.2f} (promised: at most 3); memory promised: below 1,000 MB")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        began = time.perf_counter()
        words = {"check": check, "scan": scan}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        print(f"{time.perf_counter() - began:.3f}", f"{cpu:.3f}", f"{memory:.0f}", words, sep="\t")
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000, ROUNDS)
