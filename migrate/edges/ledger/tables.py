"""The tables of the ledger as they are today; `versions` holds how they came to be.

Every table and column explains itself: `docs/ledger-schema.md` is made of these comments.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKeyConstraint, Integer, MetaData, Table, Text, func
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from migrate.edges.ledger.columns import AnyText, JsonText, KeyText

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str, comment: str, kind: type[TypeEngine[Any]] = KeyText) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False, comment=comment)


def _has(name: str, kind: type[TypeEngine[Any]], comment: str) -> Column[Any]:
    return Column(name, kind, nullable=False, comment=comment)


def _may(name: str, kind: type[TypeEngine[Any]], comment: str) -> Column[Any]:
    return Column(name, kind, comment=comment)


def _of_run() -> list[SchemaItem]:
    return [_key("run_id", "The run."), ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE")]


def _of_case() -> list[SchemaItem]:
    """Return the four columns that name a case of a run, tied to its comparison."""
    names = ["run_id", "flow", "candidate", "case_id"]
    whole = ForeignKeyConstraint(names, [f"comparisons.{name}" for name in names], ondelete="CASCADE")
    return [*(_key(name, f"As in `comparisons.{name}`.") for name in names), whole]


schema_version: Final = Table(
    "schema_version",
    metadata,
    _key("version", "Number of the migration; the largest is the schema's version.", Integer),
    _has("change", AnyText, "What the migration did, in one line."),
    _has("applied_at", AnyText, "UTC time, ISO 8601."),
    _has("tool_version", AnyText, "The prompt-migrate that applied it; an older one may not know this schema."),
    comment="The migrations this database went through, each written in the transaction that made it.",
)

runs: Final = Table(
    "runs",
    metadata,
    _key("id", "Time-ordered and short enough to type."),
    _has("kind", Text, "`record` or `replay`."),
    _has("started_at", KeyText, "UTC time, ISO 8601."),
    _may("finished_at", AnyText, "UTC time, ISO 8601; null while the run is going on, or when it was killed."),
    _has("state", Text, "`running`, `complete`, `incomplete` or `interrupted`."),
    _has("candidates", JsonText, "JSON list: the candidates as typed."),
    _may("baseline", AnyText, "The baseline model, when the whole run has one."),
    _may("samples", Integer, "Samples a case asked for on the command line; null: as many as the golden has."),
    _has("simulated", Boolean, "True when the simulated provider answered."),
    _may("git_commit", AnyText, "Commit of the working tree; null outside git."),
    _may("git_dirty", Boolean, "True when the working tree held uncommitted changes."),
    _has("tool_version", AnyText, "Version of prompt-migrate."),
    _has("python_version", AnyText, "Version of Python."),
    _has("provider", AnyText, "Name of the provider that was asked."),
    _has("command", AnyText, "The command line, free of secrets."),
    _has("as_of", AnyText, "The date lifecycle facts were judged against."),
    _has(
        "accounts",
        JsonText,
        "JSON object of counts: planned, judged, `no_reply:<kind>`, `skipped:<reason>`, `not_run:<reason>`.",
    ),
    comment="One row a recording or replay.",
)

prices: Final = Table(
    "prices",
    metadata,
    *_of_run(),
    _key("model", "The model the price is of."),
    _key("tier", "Service tier."),
    _key("source", "The price table: `genai-prices 0.2.3`, `override prices.toml`."),
    _key("as_of", "The date the prices held."),
    _may("input", AnyText, "US dollars per million input tokens, exact decimal; null: unknown."),
    _may("cached", AnyText, "The same for input tokens read from the cache."),
    _may("cache_write", AnyText, "The same for input tokens written to the cache."),
    _may("output", AnyText, "The same for output tokens, reasoning ones included."),
    comment="The rows of the price table a run was priced by.",
)

comparisons: Final = Table(
    "comparisons",
    metadata,
    *_of_run(),
    _key("flow", "The flow."),
    _key("candidate", "The candidate as typed; in a recording run the baseline model."),
    _key("case_id", "The case."),
    _has("baseline", AnyText, "Model of the golden."),
    _has("verdict", Text, "What became of the case: `same`, `within_noise`, `drift`, `breaking` ..."),
    _has(
        "rungs",
        Text,
        "JSON object: rung -> null where the flow does not promise it, else `baseline` and "
        "`candidate`, each [passed, total] samples. Beside them `scores`, what the verdict of the flow weighs: samples "
        "that keep the whole `contract`, `agreement` with the golden less one sample, samples `planned`.",
    ),
    _has("noise_measured", Boolean, "False when the golden holds a single sample."),
    _has("unjudged", JsonText, "JSON list: checks that could not be judged, with the reason."),
    _has("note", AnyText, "Why there is no comparison, for `no_golden`, `stale_golden`, `no_reply`."),
    _may("critical", Text, "What a marked test says of its flow: `low` to `critical`; null: its prompt file says it."),
    _may("changed", JsonText, "JSON list: what was changed in an application's calls for the candidate."),
    # No other index: until it has statistics PostgreSQL would look keys up in it, through all the cases of a flow.
    comment="One row a case, candidate and run.",
)

findings: Final = Table(
    "findings",
    metadata,
    *_of_case(),
    _key("position", "From 0, worst first.", Integer),
    _has("rung", Text, "Where on the ladder it stands."),
    _has("kind", Text, "What it is about: `missing_required`, `value_changed` ..."),
    _has("severity", Text, "`breaking`, `drift` or `cosmetic`."),
    _has("path", AnyText, "JSON path in the answer."),
    _has("message", AnyText, "One clause for a person."),
    _may("expected", JsonText, "JSON value."),
    _may("actual", JsonText, "JSON value."),
    _has("rule", AnyText, "What made it: a rule path, a check, a schema path."),
    _may("explained", AnyText, "`noise`, `approval`, `toleration`, `inner` or `consequence`; null: it counts."),
    _may("sample", Integer, "Index of the candidate sample it was found in."),
    comment="One row a difference or broken rule of a comparison.",
)

samples: Final = Table(
    "samples",
    metadata,
    *_of_case(),
    _key("position", "From 0.", Integer),
    _has("sample", Integer, "Index of the sample, from 1."),
    _has("kept", Boolean, "True when every promised contract rung passed."),
    _may("no_reply", Text, "Kind of the fault of the road, when the answer is missing."),
    _may(
        "answer",
        JsonText,
        "JSON object: the final answer (`text`, `tool_calls`, `refusal`, `finish`), redacted; null: none.",
    ),
    _may("value", JsonText, "The parsed answer, repaired if it had to be; null for text."),
    _has("parsed", Boolean, "True when `value` holds parsed JSON (`null` is a value too)."),
    _has("rungs", Text, "JSON object: contract rung -> true, false, or null where the flow does not promise it."),
    _may("if_repaired", Text, "The same for the repaired text, when the raw text did not parse."),
    _has("findings", JsonText, "JSON list: what rungs 1 to 5 found in this sample alone."),
    _has("unjudged", JsonText, "JSON list: checks that could not be judged, with the reason."),
    _has(
        "trace",
        JsonText,
        "JSON list of calls: request (`body` is a digest in `bodies`), reply or fault, timing. "
        "A call without `answer` gave the final one.",
    ),
    comment="One row a sample of the candidate; those without an answer included.",
)

calls: Final = Table(
    "calls",
    metadata,
    *_of_case(),
    _key("side", "`baseline` (of the golden's samples) or `candidate`."),
    _key("position", "From 0.", Integer),
    _has("sample", Integer, "Index of the sample, from 1."),
    _has(
        "ordinal",
        Integer,
        "Place among the calls of the sample, from 0; -1: the vector of a query that a step looked passages up by.",
    ),
    _has("asked_model", AnyText, "Model asked for."),
    _may("served_model", AnyText, "Model that answered, as the provider names it."),
    _may("input_tokens", BigInteger, "All input tokens, cached ones included; null: unknown, never 0."),
    _may("cached_tokens", BigInteger, "Input tokens read from the cache."),
    _may("cache_write_tokens", BigInteger, "Input tokens written to the cache."),
    _may("output_tokens", BigInteger, "All output tokens, reasoning ones included."),
    _may("reasoning_tokens", BigInteger, "Output tokens spent on reasoning."),
    _may("service_tier", AnyText, "Tier that served the call."),
    _may("total_ms", Double, "Milliseconds from request to last byte, of the attempt that counted."),
    _may("first_token_ms", Double, "Milliseconds from request to first content, when streamed."),
    _may("waited_ms", Double, "Milliseconds of back-off and shared pauses before that attempt."),
    _may("attempts", Integer, "Tries it took; null on the baseline's side, where only the measurement is known."),
    _may("no_reply", Text, "Kind of the fault of the road; null: it answered, or is the baseline's."),
    _has("at", AnyText, "UTC time of the answer, ISO 8601; a replayed answer keeps its own."),
    _has("source", Text, "`live`, `recording` or `golden`."),
    _has("simulated", Boolean, "True when the simulated provider answered."),
    _may("request_id", AnyText, "The provider's id of the request."),
    _may("request_key", AnyText, "Identity of the request; null on the baseline's side."),
    _may("cost_pico", BigInteger, "Cost in 1e-12 US dollars, for sums; null: usage or price is unknown."),
    _may("cost_usd", AnyText, "The same cost as an exact decimal of US dollars."),
    Column(
        "lost",
        Integer,
        nullable=False,
        server_default="0",
        comment="Failed attempts that may have been paid for and whose usage nobody told: the cost lacks them.",
    ),
    _may("step", AnyText, "The step of a chain that made the call; null: no chain."),
    _may("started_ms", Double, "Milliseconds from the beginning of the sample to that attempt; null: unknown."),
    comment="One row a call of the baseline's or the candidate's samples: usage, latency, cost.",
)

bodies: Final = Table(
    "bodies",
    metadata,
    _key("digest", "SHA-256 of the JSON text of the body, in hex."),
    _has("body", AnyText, "JSON body of a request, redacted; kept once however often it is sent."),
    comment="Request bodies, shared by all samples and runs that sent them.",
)

NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.id.desc())
LAST_ENDED_FIRST: Final = (func.coalesce(runs.c.finished_at, runs.c.started_at).desc(), *NEWEST_FIRST)
"""A run that was resumed is as new as its end."""
