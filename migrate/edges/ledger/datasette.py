"""Metadata for datasette over the ledger: what each table and column means, and queries that are ready to be asked."""

from __future__ import annotations

from typing import Any, Final

from migrate.edges.ledger import tables

_NEWEST: Final = "(SELECT max(id) FROM runs WHERE kind = 'replay')"
"""Stands where a query says NEWEST; ids are ordered by time."""

_QUERIES: Final[dict[str, tuple[str, str]]] = {
    "largest_changes": (
        "Largest changes of the newest replay: equal kind and place, over all cases",
        """SELECT flow, severity, kind, path, count(DISTINCT case_id) AS cases,
       group_concat(DISTINCT candidate) AS candidates
FROM findings
WHERE run_id = NEWEST AND explained IS NULL
GROUP BY flow, severity, kind, path
ORDER BY CASE severity WHEN 'breaking' THEN 0 WHEN 'drift' THEN 1 ELSE 2 END, cases DESC, flow, path""",
    ),
    "flow_over_runs": (
        "What became of a flow's cases, run by run",
        """SELECT runs.started_at, comparisons.candidate, count(*) AS cases,
       sum(verdict = 'breaking') AS breaking, sum(verdict = 'drift') AS drift,
       sum(verdict IN ('same', 'within_noise')) AS unchanged, runs.simulated
FROM comparisons JOIN runs ON runs.id = comparisons.run_id
WHERE comparisons.flow = :flow AND runs.kind = 'replay'
GROUP BY runs.id, comparisons.candidate
ORDER BY runs.started_at DESC, comparisons.candidate""",
    ),
    "case_over_runs": (
        "One case, run by run, with its worst unexplained finding",
        """SELECT runs.started_at, comparisons.candidate, comparisons.verdict,
       (SELECT path || ': ' || message FROM findings
        WHERE findings.run_id = comparisons.run_id AND findings.flow = comparisons.flow
          AND findings.candidate = comparisons.candidate AND findings.case_id = comparisons.case_id
          AND explained IS NULL ORDER BY position LIMIT 1) AS worst_finding
FROM comparisons JOIN runs ON runs.id = comparisons.run_id
WHERE comparisons.flow = :flow AND comparisons.case_id = :case_id AND runs.kind = 'replay'
ORDER BY runs.started_at DESC, comparisons.candidate""",
    ),
    "cost_by_flow": (
        "What the newest replay's samples cost, both sides; calls of unknown cost are counted, never taken for 0",
        """SELECT flow, candidate,
       sum(CASE WHEN side = 'baseline' THEN cost_pico END) / 1e12 AS baseline_usd,
       sum(CASE WHEN side = 'candidate' THEN cost_pico END) / 1e12 AS candidate_usd,
       sum(no_reply IS NULL AND cost_pico IS NULL) AS unknown_calls, count(*) AS calls
FROM calls
WHERE run_id = NEWEST
GROUP BY flow, candidate
ORDER BY candidate_usd DESC""",
    ),
    "latency_by_flow": (
        "Median and 95th percentile of the newest replay's calls (of calls, not of case means as in the report)",
        """WITH ranked AS (
  SELECT flow, candidate, side, total_ms,
         row_number() OVER (PARTITION BY flow, candidate, side ORDER BY total_ms) AS place,
         count(*) OVER (PARTITION BY flow, candidate, side) AS calls
  FROM calls WHERE run_id = NEWEST AND total_ms IS NOT NULL
)
SELECT flow, candidate, side, calls,
       max(CASE WHEN place <= (calls + 1) / 2 THEN total_ms END) AS p50_ms,
       max(CASE WHEN place <= (calls * 95 + 99) / 100 THEN total_ms END) AS p95_ms
FROM ranked
GROUP BY flow, candidate, side
ORDER BY flow, candidate, side""",
    ),
    "models_asked_and_served": (
        "Which models were asked, which answered, and from where the answers came",
        """SELECT runs.started_at, calls.side, calls.asked_model, calls.served_model, calls.source,
       calls.simulated, count(*) AS calls
FROM calls JOIN runs ON runs.id = calls.run_id
GROUP BY runs.id, calls.side, calls.asked_model, calls.served_model, calls.source, calls.simulated
ORDER BY runs.started_at DESC, calls.side, calls DESC""",
    ),
    "faults_of_the_road": (
        "Answers that never came: by run, model and kind",
        """SELECT runs.started_at, calls.asked_model, calls.no_reply, count(*) AS calls, sum(calls.attempts) AS attempts
FROM calls JOIN runs ON runs.id = calls.run_id
WHERE calls.no_reply IS NOT NULL
GROUP BY runs.id, calls.asked_model, calls.no_reply
ORDER BY runs.started_at DESC, calls DESC""",
    ),
    "steps_of_chains": (
        "Calls, time and cost by step of a chain, in the newest replay",
        """SELECT flow, candidate, side, step, count(*) AS calls,
       round(avg(total_ms), 1) AS mean_ms, sum(cost_pico) / 1e12 AS usd
FROM calls
WHERE run_id = NEWEST AND step IS NOT NULL
GROUP BY flow, candidate, side, step
ORDER BY flow, candidate, side, min(ordinal)""",
    ),
    "slowest_cases": (
        "The slowest samples of the newest replay's candidates, all their calls together",
        """SELECT flow, candidate, case_id, sample, round(sum(total_ms), 1) AS ms, count(*) AS calls
FROM calls
WHERE run_id = NEWEST AND side = 'candidate'
GROUP BY flow, candidate, case_id, sample
ORDER BY ms DESC
LIMIT 100""",
    ),
    "answers_that_say": (
        "Final answers of any run that hold a word",
        """SELECT run_id, flow, candidate, case_id, sample, json_extract(answer, '$.text') AS answer
FROM samples
WHERE answer LIKE '%' || :word || '%'
ORDER BY run_id DESC, flow, case_id
LIMIT 200""",
    ),
}

QUERIES: Final = {name: (title, sql.replace("NEWEST", _NEWEST)) for name, (title, sql) in _QUERIES.items()}
"""Name -> its title and its SQL, which SQLite runs; `:name` is asked for."""


def metadata() -> dict[str, Any]:
    """Return the metadata of a database named `ledger`, which is what datasette calls `ledger.db`."""
    described = {
        table.name: {
            "description": table.comment,
            "columns": {column.name: column.comment for column in table.columns if column.comment},
        }
        for table in tables.metadata.sorted_tables
    }
    queries = {name: {"title": title, "sql": sql} for name, (title, sql) in QUERIES.items()}
    return {
        "title": "Runs of prompt-migrate",
        "databases": {"ledger": {"tables": described, "queries": queries}},
    }
