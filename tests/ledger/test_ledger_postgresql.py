"""What is particular to a ledger on a PostgreSQL server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from migrate.edges.ledger import open_ledger
from migrate.errors import StoreProblem, UsageProblem


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_urls_of_other_tools_will_do(postgresql_url: str, tmp_path: Path, scheme: str) -> None:
    """The driver need not be named."""
    ledger = open_ledger(postgresql_url.replace("postgresql+psycopg", scheme), root=tmp_path)
    ledger.runs()
    ledger.close()


def test_password_is_never_said(tmp_path: Path) -> None:
    """A server that cannot be reached is named without the password, soon."""
    url = "postgresql://team:hunter2@127.0.0.1:1/ledger"
    with pytest.raises(StoreProblem) as problem:
        open_ledger(url, root=tmp_path)

    assert "postgresql+psycopg://team:***@127.0.0.1:1/ledger" in str(problem.value)
    assert "hunter2" not in str(problem.value)


def test_unreadable_url_is_not_repeated(tmp_path: Path) -> None:
    """A URL that cannot be read may hold a password too."""
    with pytest.raises(UsageProblem) as problem:
        open_ledger("postgresql://team:hunter2@host:port/ledger", root=tmp_path)

    assert "hunter2" not in str(problem.value)


def test_foreign_tables_are_left_alone(empty_postgresql_url: str, tmp_path: Path) -> None:
    """A database where another program has a table of the same name is not taken over; other tables do not matter."""
    import psycopg

    with psycopg.connect(empty_postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
        open_ledger(empty_postgresql_url, root=tmp_path).close()
        connection.execute("DROP TABLE schema_version")

    with pytest.raises(StoreProblem, match="not a ledger: it has the table bodies"):
        open_ledger(empty_postgresql_url, root=tmp_path)


def test_missing_driver_names_the_extra(tmp_path: Path) -> None:
    """Without the driver, the command that installs it is named."""
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "import pathlib\n"
        "from migrate.edges.ledger import open_ledger\n"
        "from migrate.errors import UsageProblem\n"
        "try: open_ledger('postgresql://host/name', root=pathlib.Path())\n"
        "except UsageProblem as problem: print(problem.next_command)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert "pip install 'prompt-migrate[postgresql]'\n" == done.stdout
