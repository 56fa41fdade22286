"""The page `docs/ledger-schema.md`, made of the tables' own comments.

`python -m migrate.edges.ledger.describing > docs/ledger-schema.md` writes it anew.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from sqlalchemy import Column, ForeignKeyConstraint, Table
from sqlalchemy.dialects import sqlite

from migrate.edges.ledger.tables import metadata
from migrate.edges.ledger.versions import MIGRATIONS

_ORDER: Final = ("runs", "comparisons", "findings", "samples", "calls", "bodies", "prices", "schema_version")

_HEAD: Final = """# The ledger's tables

<!-- Made by `python -m migrate.edges.ledger.describing`; change the comments in `migrate/edges/ledger/tables.py`. -->

The ledger keeps the history of runs: in `.prompt-migrate/ledger.db` (SQLite), or in the PostgreSQL database that the
setting `ledger` names. The tables are the same in both, and yours to query; only prompt-migrate writes them.
Goldens and measurements in `fixtures/` are the originals: a lost ledger takes no golden with it.

- Money is whole numbers of 1e-12 US dollars (`cost_pico`), beside the exact decimal as text (`cost_usd`).
- Times are UTC, as ISO 8601 text. Durations are milliseconds.
- Unknown is null, never 0.
- JSON is kept as text. A NUL character, a lone surrogate or U+001A in a text is written as U+001A and four
  hexadecimal digits, since PostgreSQL refuses the first two.
- Rows of a case go away with its row in `comparisons`, and those with their run.
"""

_EXAMPLE: Final = """## An example

What a flow cost against each candidate, run by run:

```sql
SELECT runs.started_at, calls.candidate,
       sum(calls.cost_pico) / 1e12 AS usd,
       sum(calls.lost) + count(calls.served_model) - count(calls.cost_pico) AS unknown
FROM calls JOIN runs ON runs.id = calls.run_id
WHERE calls.flow = 'refund' AND calls.side = 'candidate'
GROUP BY runs.started_at, calls.candidate
ORDER BY runs.started_at DESC;
```
"""


def describe() -> str:
    """Return the page, in Markdown."""
    versions = [f"- Version {migration.version}: {migration.change}" for migration in MIGRATIONS]
    history = "\n".join(["## Versions", "", *versions, ""])
    return "\n".join([_HEAD, history, *(_table(metadata.tables[name]) for name in _ORDER), _EXAMPLE])


def _table(table: Table) -> str:
    head = [f"## {table.name}", "", table.comment or "", "", "| column | type | |", "|---|---|---|"]
    return "\n".join([*head, *(_line(column) for column in table.columns), "", *_references(table)])


def _line(column: Column[Any]) -> str:
    marks = "key" if column.primary_key else "" if column.nullable else "not null"
    kind = f"{column.type.compile(dialect=sqlite.dialect())} {marks}".rstrip().lower()
    return f"| `{column.name}` | {kind} | {(column.comment or '').replace('|', chr(92) + '|')} |"


def _references(table: Table) -> list[str]:
    keys = (constraint for constraint in table.constraints if isinstance(constraint, ForeignKeyConstraint))
    return [f"({', '.join(key.column_keys)}) refers to `{key.referred_table.name}`.\n" for key in keys]


if __name__ == "__main__":
    sys.stdout.write(describe())
