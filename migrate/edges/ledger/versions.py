"""How the schema came to be: numbered migrations, never changed once released; the newest is what `tables` says.

To change the schema, change `tables` and append a migration. Version 1: the first schema. Version 2: `calls.lost`.
Version 3: `calls.step`. Version 4: `calls.started_ms`.
Version 5: `comparisons.critical`. Version 6: `comparisons.changed`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, run inside a transaction together with its row in `schema_version`."""

    version: int
    """From 1, without gaps."""
    change: str
    """What it does, in one line."""
    apply: Callable[[Connection], None]
    """Change tables and rows. On SQLite foreign keys are not enforced meanwhile, but checked before the commit."""
    recounts: frozenset[str] = frozenset()
    """Tables whose number of rows it is meant to change; any other change of a count stops the upgrade."""


# Frozen text, not `metadata.create_all`: this step must make the same tables forever. `{c}` is PostgreSQL's
# collation by code point, which is SQLite's only way.
_CASE: Final = "run_id TEXT{c} NOT NULL, flow TEXT{c} NOT NULL, candidate TEXT{c} NOT NULL, case_id TEXT{c} NOT NULL"
_OF_CASE: Final = (
    "FOREIGN KEY (run_id, flow, candidate, case_id) "
    "REFERENCES comparisons (run_id, flow, candidate, case_id) ON DELETE CASCADE"
)
_FIRST_TABLES: Final = (
    """
    CREATE TABLE schema_version (
        version INTEGER NOT NULL, change TEXT NOT NULL, applied_at TEXT NOT NULL, tool_version TEXT NOT NULL,
        CONSTRAINT pk_schema_version PRIMARY KEY (version)
    )""",
    """
    CREATE TABLE runs (
        id TEXT{c} NOT NULL, kind TEXT NOT NULL, started_at TEXT{c} NOT NULL, finished_at TEXT, state TEXT NOT NULL,
        candidates TEXT NOT NULL, baseline TEXT, samples INTEGER, simulated BOOLEAN NOT NULL,
        git_commit TEXT, git_dirty BOOLEAN, tool_version TEXT NOT NULL, python_version TEXT NOT NULL,
        provider TEXT NOT NULL, command TEXT NOT NULL, as_of TEXT NOT NULL, accounts TEXT NOT NULL,
        CONSTRAINT pk_runs PRIMARY KEY (id)
    )""",
    """
    CREATE TABLE prices (
        run_id TEXT{c} NOT NULL, model TEXT{c} NOT NULL, tier TEXT{c} NOT NULL, source TEXT{c} NOT NULL,
        as_of TEXT{c} NOT NULL, input TEXT, cached TEXT, cache_write TEXT, output TEXT,
        CONSTRAINT pk_prices PRIMARY KEY (run_id, model, tier, source, as_of),
        CONSTRAINT fk_prices_runs FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
    )""",
    """
    CREATE TABLE comparisons (
        {case},
        baseline TEXT NOT NULL, verdict TEXT NOT NULL, rungs TEXT NOT NULL, noise_measured BOOLEAN NOT NULL,
        unjudged TEXT NOT NULL, note TEXT NOT NULL,
        CONSTRAINT pk_comparisons PRIMARY KEY (run_id, flow, candidate, case_id),
        CONSTRAINT fk_comparisons_runs FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
    )""",
    """
    CREATE TABLE findings (
        {case},
        position INTEGER NOT NULL, rung TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL,
        path TEXT NOT NULL, message TEXT NOT NULL, expected TEXT, actual TEXT, rule TEXT NOT NULL,
        explained TEXT, sample INTEGER,
        CONSTRAINT pk_findings PRIMARY KEY (run_id, flow, candidate, case_id, position),
        CONSTRAINT fk_findings_comparisons {of_case}
    )""",
    """
    CREATE TABLE samples (
        {case},
        position INTEGER NOT NULL, sample INTEGER NOT NULL, kept BOOLEAN NOT NULL, no_reply TEXT,
        answer TEXT, value TEXT, parsed BOOLEAN NOT NULL, rungs TEXT NOT NULL, if_repaired TEXT,
        findings TEXT NOT NULL, unjudged TEXT NOT NULL, trace TEXT NOT NULL,
        CONSTRAINT pk_samples PRIMARY KEY (run_id, flow, candidate, case_id, position),
        CONSTRAINT fk_samples_comparisons {of_case}
    )""",
    """
    CREATE TABLE calls (
        {case},
        side TEXT{c} NOT NULL, position INTEGER NOT NULL, sample INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        asked_model TEXT NOT NULL, served_model TEXT, input_tokens BIGINT,
        cached_tokens BIGINT, cache_write_tokens BIGINT, output_tokens BIGINT, reasoning_tokens BIGINT,
        service_tier TEXT, total_ms DOUBLE PRECISION, first_token_ms DOUBLE PRECISION, waited_ms DOUBLE PRECISION,
        attempts INTEGER, no_reply TEXT, at TEXT NOT NULL, source TEXT NOT NULL, simulated BOOLEAN NOT NULL,
        request_id TEXT, request_key TEXT, cost_pico BIGINT, cost_usd TEXT,
        CONSTRAINT pk_calls PRIMARY KEY (run_id, flow, candidate, case_id, side, position),
        CONSTRAINT fk_calls_comparisons {of_case}
    )""",
    """
    CREATE TABLE bodies (
        digest TEXT{c} NOT NULL, body TEXT NOT NULL,
        CONSTRAINT pk_bodies PRIMARY KEY (digest)
    )""",
)


def _first(connection: Connection) -> None:
    collation = ' COLLATE "C"' if connection.dialect.name == "postgresql" else ""
    case = _CASE.format(c=collation)
    for statement in _FIRST_TABLES:
        connection.exec_driver_sql(statement.format(c=collation, case=case, of_case=_OF_CASE))


_MARKED: Final = re.compile("\x1a[0-9a-f]{4}")
"""What version 1 writes for characters that databases refuse; no count depends on them."""


def _count_lost(connection: Connection) -> None:
    """Give calls the attempts nobody told the usage of; they stood in the traces of samples alone."""
    connection.exec_driver_sql("ALTER TABLE calls ADD COLUMN lost INTEGER DEFAULT 0 NOT NULL")
    samples = "SELECT run_id, flow, candidate, case_id, sample, trace FROM samples WHERE trace LIKE '%\"lost\":%'"
    change = text(
        "UPDATE calls SET lost = :lost WHERE run_id = :run_id AND flow = :flow AND candidate = :candidate "
        "AND case_id = :case_id AND side = 'candidate' AND sample = :sample AND ordinal = :ordinal"
    )
    for row in connection.execute(text(samples)).mappings().all():
        key = {name: row[name] for name in ("run_id", "flow", "candidate", "case_id", "sample")}
        for call in json.loads(_MARKED.sub("", row["trace"])):
            connection.execute(change, key | {"lost": call.get("lost", 0), "ordinal": call.get("ordinal", 0)})


def _name_steps(connection: Connection) -> None:
    """Add `calls.step`; ledgers of before hold no chains."""
    connection.exec_driver_sql("ALTER TABLE calls ADD COLUMN step TEXT")


def _time_starts(connection: Connection) -> None:
    """Add `calls.started_ms`; of calls of before nobody wrote down when they began."""
    connection.exec_driver_sql("ALTER TABLE calls ADD COLUMN started_ms DOUBLE PRECISION")


def _keep_class(connection: Connection) -> None:
    """Add `comparisons.critical`; flows of marked tests were weighed as medium ones once their run was over."""
    connection.exec_driver_sql("ALTER TABLE comparisons ADD COLUMN critical TEXT")


def _keep_changes(connection: Connection) -> None:
    """Add `comparisons.changed`; until then it stood, among other words, in the notes of cases."""
    connection.exec_driver_sql("ALTER TABLE comparisons ADD COLUMN changed TEXT")


MIGRATIONS: Final = (
    Migration(1, "Make the first tables.", _first),
    Migration(2, "Count, beside each call, the attempts whose usage nobody told.", _count_lost),
    Migration(3, "Name, beside each call, the step of the chain that made it.", _name_steps),
    Migration(4, "Note, beside each call, when in its sample it began.", _time_starts),
    Migration(5, "Keep, beside each case, how critical a marked test calls its flow.", _keep_class),
    Migration(6, "Keep, beside each case, what was changed in its calls for the candidate.", _keep_changes),
)
