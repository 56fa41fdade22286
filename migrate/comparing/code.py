"""Code in answers, checked without running it: SQL is prepared against an empty database, Python is parsed."""

from __future__ import annotations

import ast
import sqlite3
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

MAX_LENGTH: Final = 100_000
"""Characters of code that are checked."""
_STEPS: Final = 1_000_000
"""Virtual machine steps after which preparing a schema is given up."""
_FORBIDDEN: Final = frozenset(
    {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_ALTER_TABLE}
)


def sql_problem(text: str, schema: str, dialect: str = "sqlite") -> str | None:
    """Return why a statement is not valid SQL on the schema, None when it is.

    The statement is only prepared (`EXPLAIN`), on a database in memory without rows: nothing is executed. Raises
    NotImplementedError for a dialect that cannot be checked here, ValueError for a schema that is not valid itself.
    """
    if dialect != "sqlite":
        raise NotImplementedError(f"SQL dialect {dialect} cannot be checked here")
    if len(text) > MAX_LENGTH:
        return f"longer than {MAX_LENGTH} characters"
    statement = text.strip().rstrip(";").rstrip()
    if not statement:
        return "no statement"
    database = sqlite3.connect(":memory:")
    try:
        database.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action in _FORBIDDEN else sqlite3.SQLITE_OK)
        _create(database, schema)
        return _unprepared(database, statement)
    finally:
        database.close()


def _unprepared(database: sqlite3.Connection, statement: str) -> str | None:
    try:
        database.execute(f"EXPLAIN {statement}").close()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        return None if _is_unbound(error) else str(error)
    return None


def _create(database: sqlite3.Connection, schema: str) -> None:
    database.set_progress_handler(lambda: 1, _STEPS)
    try:
        database.executescript(schema)
    except sqlite3.Error as error:
        raise ValueError(f"the schema of the check is not valid: {error}") from error
    finally:
        database.set_progress_handler(None, 0)


def _is_unbound(error: Exception) -> bool:
    """Return whether only the values of `?` or `:name` are missing: the statement itself was prepared."""
    return isinstance(error, sqlite3.ProgrammingError) and "binding" in str(error)


def python_problem(text: str, defines: Sequence[str] = ()) -> str | None:
    """Return why a text is not Python, or what it does not define; parsed and checked statically, never executed."""
    if len(text) > MAX_LENGTH:
        return f"longer than {MAX_LENGTH} characters"
    names = _top_level_names(text)
    if isinstance(names, str):
        return names
    missing = [name for name in defines if name not in names]
    return f"does not define {', '.join(missing)}" if missing else None


@lru_cache(maxsize=256)
def _top_level_names(text: str) -> frozenset[str] | str:
    """Return the functions and classes a module defines, or why it cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        return f"not Python: {error.msg}" + (f" at line {error.lineno}" if error.lineno else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return f"not Python: {type(error).__name__}"
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in tree.body if isinstance(node, defining))
