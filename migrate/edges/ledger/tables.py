"""The tables of the ledger as they are today; `versions` holds how they came to be.

Every table and column explains itself: `docs/ledger-schema.md` is made of these comments.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, ForeignKeyConstraint, Index, Integer, MetaData, Table

from migrate.edges.ledger.columns import AnyText, JsonText, KeyText

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _of_run() -> Column[Any]:
    key = ForeignKey("runs.id", ondelete="CASCADE")
    return Column("run_id", KeyText, key, primary_key=True, comment="The run.")


def _of_case() -> list[Any]:
    """Return the four columns that name a case of a run, tied to its comparison."""
    names = ["run_id", "flow", "candidate", "case_id"]
    columns: list[Any] = [Column(name, KeyText, primary_key=True, comment=f"As in `comparisons.{name}`.") for name in names]
    whole = ForeignKeyConstraint(names, [f"comparisons.{name}" for name in names], ondelete="CASCADE")
    return [*columns, whole]


schema_version: Final = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False, comment="Number of the migration; the largest is the schema's version."),
    Column("change", AnyText, nullable=False, comment="What the migration did, in one line."),
    Column("applied_at", AnyText, nullable=False, comment="UTC time, ISO 8601."),
    Column("tool_version", AnyText, nullable=False, comment="The prompt-migrate that applied it; an older one may not know this schema."),
    comment="The migrations this database went through, each written in the transaction that made it.",
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", KeyText, primary_key=True, comment="Time-ordered and short enough to type."),
    Column("kind", AnyText, nullable=False, comment="`record` or `replay`."),
    Column("started_at", KeyText, nullable=False, comment="UTC time, ISO 8601."),
    Column("finished_at", AnyText, comment="UTC time, ISO 8601; null while the run is going on, or when it was killed."),
    Column("state", AnyText, nullable=False, comment="`running`, `complete`, `incomplete` or `interrupted`."),
    Column("candidates", JsonText, nullable=False, comment="JSON list: the candidates as typed."),
    Column("baseline", AnyText, comment="The baseline model, when the whole run has one."),
    Column("samples", Integer, comment="Samples a case asked for on the command line; null: as many as the golden has."),
    Column("simulated", Boolean, nullable=False, comment="True when the simulated provider answered."),
    Column("git_commit", AnyText, comment="Commit of the working tree; null outside git."),
    Column("git_dirty", Boolean, comment="True when the working tree held uncommitted changes."),
    Column("tool_version", AnyText, nullable=False, comment="Version of prompt-migrate."),
    Column("python_version", AnyText, nullable=False, comment="Version of Python."),
    Column("provider", AnyText, nullable=False, comment="Name of the provider that was asked."),
    Column("command", AnyText, nullable=False, comment="The command line, free of secrets."),
    Column("as_of", AnyText, nullable=False, comment="The date lifecycle facts were judged against."),
    Column("accounts", JsonText, nullable=False, comment="JSON object of counts: planned, judged, `no_reply:<kind>`, `skipped:<reason>`, `not_run:<reason>`."),
    comment="One row a recording or replay.",
)  # fmt: skip

prices: Final = Table(
    "prices",
    metadata,
    _of_run(),
    Column("model", KeyText, primary_key=True, comment="The model the price is of."),
    Column("tier", KeyText, primary_key=True, comment="Service tier."),
    Column("source", KeyText, primary_key=True, comment="The price table: `genai-prices 0.2.3`, `override prices.toml`."),
    Column("as_of", KeyText, primary_key=True, comment="The date the prices held."),
    Column("input", AnyText, comment="US dollars per million input tokens, exact decimal; null: unknown."),
    Column("cached", AnyText, comment="The same for input tokens read from the cache."),
    Column("cache_write", AnyText, comment="The same for input tokens written to the cache."),
    Column("output", AnyText, comment="The same for output tokens, reasoning ones included."),
    comment="The rows of the price table a run was priced by.",
)  # fmt: skip

comparisons: Final = Table(
    "comparisons",
    metadata,
    _of_run(),
    Column("flow", KeyText, primary_key=True, comment="The flow."),
    Column("candidate", KeyText, primary_key=True, comment="The candidate as typed; in a recording run the baseline model."),
    Column("case_id", KeyText, primary_key=True, comment="The case."),
    Column("baseline", AnyText, nullable=False, comment="Model of the golden."),
    Column("verdict", AnyText, nullable=False, comment="What became of the case: `same`, `within_noise`, `drift`, `breaking` ..."),
    Column("rungs", JsonText, nullable=False, comment="JSON object: rung -> null where the flow does not promise it, else `baseline` and `candidate`, each [passed, total] samples."),
    Column("noise_measured", Boolean, nullable=False, comment="False when the golden holds a single sample."),
    Column("unjudged", JsonText, nullable=False, comment="JSON list: checks that could not be judged, with the reason."),
    Column("note", AnyText, nullable=False, comment="Why there is no comparison, for `no_golden`, `stale_golden`, `no_reply`."),
    Index(None, "flow", "run_id", "candidate", "verdict"),
    comment="One row a case, candidate and run.",
)  # fmt: skip

findings: Final = Table(
    "findings",
    metadata,
    *_of_case(),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="From 0, worst first."),
    Column("rung", AnyText, nullable=False, comment="Where on the ladder it stands."),
    Column("kind", AnyText, nullable=False, comment="What it is about: `missing_required`, `value_changed` ..."),
    Column("severity", AnyText, nullable=False, comment="`breaking`, `drift` or `cosmetic`."),
    Column("path", AnyText, nullable=False, comment="JSON path in the answer."),
    Column("message", AnyText, nullable=False, comment="One clause for a person."),
    Column("expected", JsonText, comment="JSON value."),
    Column("actual", JsonText, comment="JSON value."),
    Column("rule", AnyText, nullable=False, comment="What made it: a rule path, a check, a schema path."),
    Column("explained", AnyText, comment="`noise` or `approval` when something explains it; null: it counts."),
    Column("sample", Integer, comment="Index of the candidate sample it was found in."),
    comment="One row a difference or broken rule of a comparison.",
)  # fmt: skip

samples: Final = Table(
    "samples",
    metadata,
    *_of_case(),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="From 0."),
    Column("sample", Integer, nullable=False, comment="Index of the sample, from 1."),
    Column("kept", Boolean, nullable=False, comment="True when every promised contract rung passed."),
    Column("no_reply", AnyText, comment="Kind of the fault of the road, when the answer is missing."),
    Column("answer", JsonText, comment="JSON object: the final answer (`text`, `tool_calls`, `refusal`, `finish`), redacted; null: none."),
    Column("value", JsonText, comment="The parsed answer, repaired if it had to be; null for text."),
    Column("parsed", Boolean, nullable=False, comment="True when `value` holds parsed JSON (`null` is a value too)."),
    Column("rungs", JsonText, nullable=False, comment="JSON object: contract rung -> true, false, or null where the flow does not promise it."),
    Column("if_repaired", JsonText, comment="The same for the repaired text, when the raw text did not parse."),
    Column("findings", JsonText, nullable=False, comment="JSON list: what rungs 1 to 5 found in this sample alone."),
    Column("unjudged", JsonText, nullable=False, comment="JSON list: checks that could not be judged, with the reason."),
    Column("trace", JsonText, nullable=False, comment="JSON list of calls: request (`body` is a digest in `bodies`), reply or fault, timing. A call without `answer` gave the final one."),
    comment="One row a sample of the candidate; those without an answer included.",
)  # fmt: skip

calls: Final = Table(
    "calls",
    metadata,
    *_of_case(),
    Column("side", KeyText, primary_key=True, comment="`baseline` (of the golden's samples) or `candidate`."),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="From 0."),
    Column("sample", Integer, nullable=False, comment="Index of the sample, from 1."),
    Column("ordinal", Integer, nullable=False, comment="Place among the calls of the sample, from 0."),
    Column("asked_model", AnyText, nullable=False, comment="Model asked for."),
    Column("served_model", AnyText, comment="Model that answered, as the provider names it."),
    Column("input_tokens", BigInteger, comment="All input tokens, cached ones included; null: unknown, never 0."),
    Column("cached_tokens", BigInteger, comment="Input tokens read from the cache."),
    Column("cache_write_tokens", BigInteger, comment="Input tokens written to the cache."),
    Column("output_tokens", BigInteger, comment="All output tokens, reasoning ones included."),
    Column("reasoning_tokens", BigInteger, comment="Output tokens spent on reasoning."),
    Column("service_tier", AnyText, comment="Tier that served the call."),
    Column("total_ms", Double, comment="Milliseconds from request to last byte, of the attempt that counted."),
    Column("first_token_ms", Double, comment="Milliseconds from request to first content, when streamed."),
    Column("waited_ms", Double, comment="Milliseconds of back-off and shared pauses before that attempt."),
    Column("attempts", Integer, comment="Tries it took; null on the baseline's side, where only the measurement is known."),
    Column("no_reply", AnyText, comment="Kind of the fault of the road; null: it answered, or is the baseline's."),
    Column("at", AnyText, nullable=False, comment="UTC time of the answer, ISO 8601; a replayed answer keeps its own."),
    Column("source", AnyText, nullable=False, comment="`live`, `recording` or `golden`."),
    Column("simulated", Boolean, nullable=False, comment="True when the simulated provider answered."),
    Column("request_id", AnyText, comment="The provider's id of the request."),
    Column("request_key", AnyText, comment="Identity of the request; null on the baseline's side."),
    Column("cost_pico", BigInteger, comment="Cost in 1e-12 US dollars, for sums; null: usage or price is unknown."),
    Column("cost_usd", AnyText, comment="The same cost as an exact decimal of US dollars."),
    comment="One row a call of the baseline's or the candidate's samples: usage, latency, cost.",
)  # fmt: skip

bodies: Final = Table(
    "bodies",
    metadata,
    Column("digest", KeyText, primary_key=True, comment="SHA-256 of the JSON text of the body, in hex."),
    Column("body", JsonText, nullable=False, comment="JSON body of a request, redacted; kept once however often it is sent."),
    comment="Request bodies, shared by all samples and runs that sent them.",
)

NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.id.desc())
