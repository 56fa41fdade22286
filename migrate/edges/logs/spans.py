"""OpenTelemetry's GenAI spans as lines of a log: OTLP JSON, as the collector's file exporter writes it.

The GenAI conventions are in development and have moved names, so that old and new ones are read. There is no attribute
for schema compliance or thumbs: evaluations named `json_schema`, `groundedness` and `user_feedback` stand for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from migrate.edges.logs.columns import LARGEST_LINE, quoted

ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "flow": ("gen_ai.prompt.name", "prompt_migrate.flow"),
    "plan_id": ("prompt_migrate.plan_id", "feature_flag.version", "feature_flag.set.id"),
    "unit_id": ("feature_flag.context.id", "gen_ai.conversation.id", "enduser.id"),
    "assigned": ("prompt_migrate.assigned", "feature_flag.result.variant", "feature_flag.variant"),
    "share": ("prompt_migrate.share",),
    "request_model": ("gen_ai.request.model",),
    "response_model": ("gen_ai.response.model",),
    "response_id": ("gen_ai.response.id",),
    "cached_input_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cached_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cost_usd": ("prompt_migrate.cost_usd", "gen_ai.usage.cost"),
    "error_type": ("error.type",),
    "finish_reason": ("gen_ai.response.finish_reasons", "gen_ai.completion.finish_reason"),
    "fallback_from": ("prompt_migrate.fallback_from",),
}
"""Column -> attributes of a span, or of its feature flag event, the first that is there."""
GOOD: Final = ("pass", "passed", "valid", "true", "grounded", "good", "ok", "yes", "up")
BAD: Final = ("fail", "failed", "invalid", "false", "ungrounded", "bad", "no", "down")

LATEST_NS: Final = 4 * 10**18
"""Nanoseconds since 1970 that a span may begin at: some time of 2096."""
SPAN: Final = (
    "STRUCT(name VARCHAR, startTimeUnixNano VARCHAR, endTimeUnixNano VARCHAR, "
    "attributes STRUCT(key VARCHAR, value JSON)[], "
    "events STRUCT(name VARCHAR, attributes STRUCT(key VARCHAR, value JSON)[])[])"
)
LINES: Final = (
    f"STRUCT(resource STRUCT(attributes STRUCT(key VARCHAR, value JSON)[]), scopeSpans STRUCT(spans {SPAN}[])[])[]"
)


def span_rows(paths: Sequence[Path]) -> str:
    """Return the SELECT of OTLP JSON files; the side is the flag's variant, as it is written there."""
    files = "[" + ", ".join(quoted(str(path)) for path in paths) + "]"
    source = (
        f"read_json({files}, format='newline_delimited', ignore_errors=true, maximum_object_size={LARGEST_LINE}, "
        f"columns={{'resourceSpans': {quoted(LINES)}}})"
    )
    spans = (
        "SELECT unnest(scope.spans) AS span FROM (SELECT unnest(part.scopeSpans) AS scope FROM "
        f"(SELECT unnest(resourceSpans) AS part FROM {source}))"
    )
    flat = (
        "SELECT span, span.attributes || coalesce(flatten(list_transform(list_filter(span.events, "
        "lambda e: e.name = 'feature_flag.evaluation'), lambda e: e.attributes)), []) AS given, "
        "list_filter(span.events, lambda e: e.name = 'gen_ai.evaluation.result') AS judged "
        f"FROM ({spans})"
    )
    return f"SELECT {_columns()} FROM ({flat}) WHERE {_text('flow')} IS NOT NULL"


def _columns() -> str:
    start, end = "TRY_CAST(span.startTimeUnixNano AS BIGINT)", "TRY_CAST(span.endTimeUnixNano AS BIGINT)"
    columns = {
        "ts": f"CASE WHEN {start} BETWEEN 0 AND {LATEST_NS} "
        f"THEN strftime(make_timestamp({start} // 1000), '%Y-%m-%dT%H:%M:%SZ') END",
        "flow": _text("flow"),
        "plan_id": _text("plan_id"),
        "unit_id": _text("unit_id"),
        "assigned": _text("assigned"),
        "share": _number("share"),
        "request_model": _text("request_model"),
        "response_model": _text("response_model"),
        "response_id": _text("response_id"),
        "latency_ms": f"({end} - {start}) / 1e6",
        "cached_input_tokens": _number("cached_input_tokens"),
        "output_tokens": _number("output_tokens"),
        "cost_usd": _number("cost_usd"),
        "error_type": _text("error_type"),
        "finish_reason": _text("finish_reason"),
        "schema_ok": _verdict("json_schema"),
        "refusal": _refused(),
        "grounded": _verdict("groundedness"),
        "judge": "NULL::STRUCT(name VARCHAR, score DOUBLE, label VARCHAR, sampled BOOLEAN)",
        "feedback": f"CASE {_verdict('user_feedback')} WHEN true THEN 'up' WHEN false THEN 'down' END",
        "fallback_from": _text("fallback_from"),
        "simulated": "NULL::BOOLEAN",
    }
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())


def _number(column: str) -> str:
    """Return the SQL of a column's attribute as a number; NULL where it is none."""
    return f"TRY_CAST({_text(column)} AS DOUBLE)"


def _text(column: str) -> str:
    """Return the SQL of a column's attribute as text, whatever type its value has."""
    return _coalesced([_value("given", name) for name in ATTRIBUTES[column]])


def _coalesced(parts: Sequence[str]) -> str:
    return f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0]


def _value(attributes: str, key: str) -> str:
    value = f"list_filter({attributes}, lambda a: a.key = {quoted(key)})[1].value"
    kinds = ("stringValue", "intValue", "doubleValue", "boolValue", "arrayValue.values[0].stringValue")
    found = [f"json_extract_string({value}, {quoted('$.' + kind)})" for kind in kinds]
    return f"coalesce({', '.join(found)})"


def _verdict(name: str) -> str:
    """Return the SQL of what an evaluation says: true, false, or NULL where there is none or it says neither."""
    named = f"list_filter(judged, lambda e: {_value('e.attributes', 'gen_ai.evaluation.name')} = {quoted(name)})[1]"
    label = f"lower({_label(named)})"
    good, bad = (", ".join(quoted(word) for word in words) for words in (GOOD, BAD))
    return f"(CASE WHEN {label} IN ({good}) THEN true WHEN {label} IN ({bad}) THEN false END)"


def _label(event: str) -> str:
    labels = ("gen_ai.evaluation.score.label", "gen_ai.evaluation.score.value")
    return _coalesced([_value(f"{event}.attributes", name) for name in labels])


def _refused() -> str:
    return f"({_text('finish_reason')} = 'refusal')"
