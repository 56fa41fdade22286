"""The tables explain themselves, and migrations lead to what the code believes them to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Inspector, inspect
from sqlalchemy.sql.type_api import TypeEngine

from migrate.edges.ledger.databases import Database, open_database
from migrate.edges.ledger.describing import describe
from migrate.edges.ledger.tables import metadata
from migrate.edges.ledger.upgrading import bring_up
from migrate.edges.ledger.versions import MIGRATIONS

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database that went through every migration."""
    url = "sqlite:///ledger.db" if request.param == "sqlite" else request.getfixturevalue("empty_postgresql_url")
    opened = open_database(url, root=tmp_path)
    bring_up(opened, MIGRATIONS)
    yield opened
    opened.close()


def family(kind: TypeEngine[Any]) -> str:
    """Return what a column type comes down to, on either database."""
    name = kind.__visit_name__.upper()
    return {"VARCHAR": "TEXT", "DOUBLE": "FLOAT", "DOUBLE_PRECISION": "FLOAT", "REAL": "FLOAT"}.get(name, name)


def shape(inspector: Inspector) -> dict[str, Any]:
    """Return the tables of a database: columns, keys, references, indexes."""
    return {
        table: (
            [(column["name"], family(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["name"],
            inspector.get_pk_constraint(table)["constrained_columns"],
            [(key["name"], key["constrained_columns"], key["options"]) for key in inspector.get_foreign_keys(table)],
            inspector.get_indexes(table),
        )
        for table in sorted(inspector.get_table_names())
    }


def test_migrations_lead_to_the_tables_of_today(database: Database, tmp_path: Path) -> None:
    """Whoever changes a table writes the migration: both roads end in the same schema."""
    migrated = database.read(lambda connection: shape(inspect(connection)))

    def make_anew(connection: Any) -> dict[str, Any]:
        for table in metadata.tables:
            connection.exec_driver_sql(
                f'DROP TABLE "{table}" CASCADE' if database.path is None else f"DROP TABLE {table}"
            )
        metadata.create_all(connection)
        return shape(inspect(connection))

    assert database.write(make_anew) == migrated


def test_keys_sort_by_code_point(database: Database) -> None:
    """Order does not depend on the language a database server was installed in."""
    keys = ["A", "Z", "a", "b", "é", "Ω"]

    def sort(connection: Any) -> list[str]:
        for key in ("b", "Ω", "A", "é", "Z", "a"):
            connection.exec_driver_sql(f"INSERT INTO bodies VALUES ('{key}', '0')")
        rows = connection.exec_driver_sql("SELECT digest FROM bodies ORDER BY digest")
        return [row[0] for row in rows]

    assert keys == database.write(sort)


def test_everything_is_explained() -> None:
    """Every table and every column says what it is for, in a sentence."""
    comments = {table.name: table.comment for table in metadata.tables.values()}
    comments |= {
        f"{table.name}.{column.name}": column.comment for table in metadata.sorted_tables for column in table.c
    }

    assert [] == [name for name, comment in comments.items() if not (comment or "").endswith((".", "..."))]


def test_postgresql_keeps_the_explanations(empty_postgresql_url: str, tmp_path: Path) -> None:
    """In PostgreSQL the explanations are where its own tools show them."""
    database = open_database(empty_postgresql_url, root=tmp_path)
    bring_up(database, MIGRATIONS)
    found = database.read(
        lambda connection: {column["name"]: column["comment"] for column in inspect(connection).get_columns("calls")}
    )
    database.close()

    assert {column.name: column.comment for column in metadata.tables["calls"].c} == found


def test_page_is_current() -> None:
    """The page about the tables is the one that the code makes."""
    assert describe() == (ROOT / "docs" / "ledger-schema.md").read_text(encoding="utf-8")


def test_example_of_the_page_runs(database: Database) -> None:
    """The query that the page shows is one that both databases answer."""
    query = describe().split("```sql")[1].split("```")[0].rstrip().rstrip(";")

    assert [] == database.read(lambda connection: connection.exec_driver_sql(query).all())
