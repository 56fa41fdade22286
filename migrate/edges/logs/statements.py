"""The statements that a log is counted with; every name in them is ours, every value a number or a quoted literal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from migrate.canary.terms import METRICS
from migrate.edges.logs.columns import quoted

# One bit a metric, in the order of all tables; then what else a verdict wants to know of a call.
BAD_BITS: Final = {name: 1 << place for place, name in enumerate(METRICS)}
NO_END: Final = 1 << 9
"""Nobody knows how the call ended."""
NO_SCHEMA: Final = 1 << 10
"""The flow promises a schema, and nobody said whether it was kept."""
KNOWS_SCHEMA: Final = 1 << 11
JUDGED: Final = 1 << 12
FALLEN: Final = 1 << 13
RATED: Final = 1 << 14
CACHED: Final = 1 << 15
SIMULATED: Final = 1 << 16
UNNAMED: Final = 1 << 17
"""The plan counts users, and nobody said whose call it was."""

LATEST: Final = 2**31 - 1 - 86400
"""Seconds since 1970, in 2038; a call that is dated later, or before 1970, is not readable."""
LARGEST: Final = 1e12
"""Milliseconds, tokens, or a thousand times the US dollars of one call; what is no number up to it is not known."""

COST_GROUPS: Final = 256
"""Groups that a side's units are parted into for the interval of their mean cost."""

FAILED: Final = (
    "(coalesce(error_type, '') <> '' OR coalesce(fallback_from, '') <> '' "
    "OR coalesce(lower(finish_reason) IN ('length', 'content_filter', 'error', 'timeout'), false))"
)
GROUNDED: Final = (
    "coalesce(grounded, CASE WHEN lower(judge.label) IN ('grounded', 'pass', 'good', 'ok') THEN true "
    "WHEN lower(judge.label) IN ('ungrounded', 'fail', 'bad') THEN false END)"
)
LATE_LINE: Final = (
    "(assigned IS NULL AND unit_id IS NULL AND response_id IS NOT NULL AND "
    "(schema_ok IS NOT NULL OR feedback IS NOT NULL OR grounded IS NOT NULL OR refusal IS NOT NULL "
    "OR judge IS NOT NULL))"
)


def _flags() -> str:
    schema_bad = "coalesce(NOT schema_ok, false)"
    refused = "coalesce(refusal, false)"
    bits = {
        BAD_BITS["bad"]: f"{FAILED} OR {schema_bad} OR {refused}",
        BAD_BITS["error"]: FAILED,
        BAD_BITS["schema"]: f"{FAILED} OR {schema_bad}",
        BAD_BITS["refusal"]: f"{FAILED} OR {refused}",
        BAD_BITS["ungrounded"]: f"coalesce(NOT {GROUNDED}, false)",
        BAD_BITS["thumbs_down"]: f"{FAILED} OR coalesce(lower(feedback) = 'down', false)",
        BAD_BITS["slow"]: f"{FAILED} OR coalesce(latency_ms > slow, false)",
        BAD_BITS["tokens"]: "coalesce(output_tokens > tokens_limit, false)",
        BAD_BITS["cost"]: "coalesce(cost_usd > dear, false)",
        NO_END: "concat(error_type, finish_reason, fallback_from) = ''",
        NO_SCHEMA: f"schemed AND schema_ok IS NULL AND NOT {FAILED}",
        KNOWS_SCHEMA: "schema_ok IS NOT NULL",
        JUDGED: f"{GROUNDED} IS NOT NULL",
        FALLEN: "coalesce(fallback_from, '') <> ''",
        RATED: "feedback IS NOT NULL",
        CACHED: "coalesce(cached_input_tokens, 0) > 0",
        SIMULATED: "coalesce(simulated, false)",
        UNNAMED: "NOT by_call AND unit_id IS NULL",
    }
    return " + ".join(f"CASE WHEN {said} THEN {bit} ELSE 0 END" for bit, said in bits.items())


def lines(rows: str, plan_id: str, share: float | None) -> str:
    """Return the statement that reads the files into the narrow table.

    kind: 0 a call, 1 an outcome that came late, 2 a call without a side, 3 not readable, 4 of another plan, 5 of a flow
    that the plan does not have.
    """
    given = "NULL" if share is None else repr(float(share))
    kind = (
        "CASE WHEN flow IS NULL OR sec IS NULL THEN 3 WHEN no IS NULL THEN 5 "
        f"WHEN plan_id IS DISTINCT FROM {quoted(plan_id)} THEN 4 WHEN {LATE_LINE} THEN 1 "
        "WHEN arm IS NULL OR bp IS NULL THEN 2 ELSE 0 END"
    )
    return f"""
CREATE TABLE lines AS SELECT
  {kind}::UTINYINT AS kind, no AS flow, rid,
  CASE WHEN by_call THEN coalesce(rid, hash(ts, latency_ms, output_tokens))
       ELSE coalesce(hash(unit_id), rid, hash(ts, latency_ms, output_tokens)) END AS unit,
  sec, arm, bp, ({_flags()})::INTEGER AS flags,
  latency_ms::FLOAT AS latency, (cost_usd * 1e9)::BIGINT AS nano, output_tokens::FLOAT AS tokens,
  response_model AS served,
  CASE WHEN plan_id IS DISTINCT FROM {quoted(plan_id)} THEN plan_id END AS other
FROM (
  SELECT log.* EXCLUDE (share, latency_ms, cost_usd, output_tokens),
    {_number("latency_ms")}, {_number("cost_usd", LARGEST / 1e3)}, {_number("output_tokens")},
    flows.* EXCLUDE (tokens), flows.tokens AS tokens_limit,
    CASE WHEN response_id IS NOT NULL THEN hash(response_id) END AS rid,
    CASE WHEN epoch(try_cast(ts AS TIMESTAMPTZ)) BETWEEN 0 AND {LATEST}
         THEN epoch(try_cast(ts AS TIMESTAMPTZ))::INTEGER END AS sec,
    (CASE WHEN lower(assigned) = 'candidate' OR assigned = candidate THEN 1
          WHEN lower(assigned) IN ('baseline', 'control') OR assigned = baseline THEN 0 END)::UTINYINT AS arm,
    CASE WHEN coalesce(log.share, {given}) BETWEEN 0 AND 1
         THEN round(coalesce(log.share, {given}) * 10000)::SMALLINT END AS bp
  FROM ({rows}) AS log LEFT JOIN flows ON log.flow = flows.name
)"""


def _number(name: str, largest: float = LARGEST) -> str:
    """Return a column of numbers, what is none (or infinite, or below 0) taken for not known."""
    return f"CASE WHEN log.{name} BETWEEN 0 AND {largest!r} THEN log.{name} END AS {name}"


_OUTCOMES: Final = sum(BAD_BITS[name] for name in ("bad", "schema", "refusal", "ungrounded", "thumbs_down"))
LATE: Final = f"""
CREATE TABLE late AS SELECT rid, bit_or(flags & {_OUTCOMES | KNOWS_SCHEMA | JUDGED | RATED}) AS flags
FROM lines WHERE kind = 1 GROUP BY rid"""
MATCHED: Final = """
SELECT flow, count(DISTINCT rid) FROM lines SEMI JOIN late USING (rid) WHERE kind = 0 GROUP BY flow"""
JOIN_LATE: Final = f"""
UPDATE lines SET flags = CASE WHEN late.flags & {KNOWS_SCHEMA} <> 0
  THEN (lines.flags | late.flags) & ~{NO_SCHEMA} ELSE lines.flags | late.flags END
FROM late WHERE lines.rid = late.rid AND lines.kind = 0"""
REPEATED: Final = """
CREATE TABLE repeated AS SELECT any_value(flow) AS flow, rid, count(*) AS times,
  coalesce(min(latency) < max(latency), false) AS clash FROM lines
WHERE kind = 0 AND rid IS NOT NULL GROUP BY rid HAVING count(*) > 1"""
FIRST_OF_REPEATED: Final = """
CREATE TABLE firsts AS SELECT lines.rowid AS line FROM lines JOIN repeated USING (rid) WHERE kind = 0
QUALIFY row_number() OVER (PARTITION BY rid ORDER BY sec, flags DESC, latency, nano, unit) > 1"""
REMOVE_REPEATED: Final = "DELETE FROM lines USING firsts WHERE lines.rowid = firsts.line"

_MISSING: Final = NO_END | NO_SCHEMA
SEEN: Final = f"""
CREATE TABLE seen AS SELECT flow, bp, arm, unit, min(sec) AS sec,
  min(CASE WHEN flags & {_MISSING} <> 0 THEN sec END) AS missing,
  min(CASE WHEN flags & {JUDGED} <> 0 THEN sec END) AS judged,
  bit_or(flags & {BAD_BITS["bad"]}) AS bad
FROM lines WHERE kind = 0 GROUP BY flow, bp, arm, unit"""
BAD: Final = "CREATE TABLE bad AS " + " UNION ALL ".join(
    f"SELECT flow, bp, arm, unit, {place}::UTINYINT AS metric, min(sec) AS sec FROM lines "
    f"WHERE kind = 0 AND flags & {bit} <> 0 GROUP BY flow, bp, arm, unit"
    for place, bit in enumerate(BAD_BITS.values())
)

OTHER_PLANS: Final = """
SELECT other, count(*) FROM lines WHERE kind = 4 GROUP BY other ORDER BY count(*) DESC, other LIMIT 20"""
CALLS_BY_HOUR: Final = f"""
SELECT flow, bp, arm, sec // 3600 AS hour, count(*), count(*) FILTER (flags & {BAD_BITS["bad"]} <> 0)
FROM lines WHERE kind = 0 GROUP BY flow, bp, arm, hour"""
UNITS_BY_HOUR: Final = "SELECT flow, bp, arm, sec // 3600 AS hour, count(*) FROM seen GROUP BY flow, bp, arm, hour"
MISSING_BY_HOUR: Final = """
SELECT flow, bp, arm, missing // 3600 AS hour, count(*) FROM seen
WHERE missing IS NOT NULL AND bad = 0 GROUP BY flow, bp, arm, hour"""
JUDGED_BY_HOUR: Final = """
SELECT flow, bp, arm, judged // 3600 AS hour, count(*) FROM seen WHERE judged IS NOT NULL
GROUP BY flow, bp, arm, hour"""
BAD_BY_HOUR: Final = """
SELECT flow, metric, bp, arm, sec // 3600 AS hour, count(*) FROM bad GROUP BY flow, metric, bp, arm, hour"""
EVENTS: Final = """
SELECT flow, metric, (first % 100000) // 2 AS bp, first % 2 AS arm, half, first // 360000000 AS hour, count(*)
FROM (SELECT flow, metric, unit, (unit >> 20) & 1 AS half, min(sec::BIGINT * 100000 + bp * 2 + arm) AS first
      FROM bad GROUP BY flow, metric, unit)
GROUP BY ALL ORDER BY ALL"""
SERVED: Final = f"""
SELECT flow, arm, served, count(*) FROM lines WHERE kind = 0 AND flags & {FALLEN} = 0 AND served IS NOT NULL
GROUP BY ALL ORDER BY ALL"""
TOTALS: Final = f"""
SELECT flow, count(*) FILTER (kind = 2), count(*) FILTER (kind = 0 AND flags & {FALLEN} <> 0),
  count(*) FILTER (kind = 0 AND flags & {UNNAMED} <> 0),
  bool_or(flags & {SIMULATED} <> 0)
FROM lines WHERE kind IN (0, 2) GROUP BY flow"""
CROSSED: Final = """
SELECT flow, count(*) FROM (SELECT flow, bp, unit FROM seen GROUP BY flow, bp, unit HAVING count(*) > 1)
GROUP BY flow"""


def side(where: str, fractions: Sequence[float]) -> str:
    """Return the statement for one side's latency, cost and feedback; `fractions` are quantiles of the latency."""
    wanted = ", ".join(f"quantile_disc(latency, {min(fraction, 1.0)!r})" for fraction in fractions)
    cold, warm = (f"avg(nano) FILTER (flags & {CACHED} {sign} 0) / 1e9" for sign in ("=", "<>"))
    return (
        f"SELECT {wanted}, count(nano), round(sum(nano) / count(nano) / 1e9, 12), "
        f"round({cold}, 12), round({warm}, 12), count(*) FILTER (flags & {RATED} <> 0) FROM lines WHERE {where}"
    )


def cost_groups(where: str) -> str:
    """Return the statement for a side's priced calls and their dollars, by group of units: a third hash parts them."""
    return (
        f"SELECT count(nano), round(sum(nano) / 1e9, 9) FROM lines WHERE {where} AND nano IS NOT NULL "
        f"GROUP BY (unit >> 32) % {COST_GROUPS} ORDER BY (unit >> 32) % {COST_GROUPS}"
    )


def halves(where: str) -> str:
    """Return the statement for a side's units by a second hash."""
    return (
        f"SELECT count(*) FILTER ((unit >> 20) & 1 = 0), count(*) FILTER ((unit >> 20) & 1 = 1) FROM seen WHERE {where}"
    )
