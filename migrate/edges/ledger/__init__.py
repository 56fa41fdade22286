"""The history of runs in SQLite or PostgreSQL; the only room that knows SQLAlchemy.

What it gives is imported when it is asked for: SQLAlchemy takes longer to load than many a command to run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from migrate.edges.ledger.databases import sqlite_url
    from migrate.edges.ledger.store import SqlLedger, open_ledger, upgrade

__all__ = ["SqlLedger", "open_ledger", "sqlite_url", "upgrade"]

_HOMES: Final = {"SqlLedger": "store", "open_ledger": "store", "upgrade": "store", "sqlite_url": "databases"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
