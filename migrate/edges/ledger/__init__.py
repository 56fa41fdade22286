"""The history of runs in SQLite or PostgreSQL; the only room that knows SQLAlchemy."""

from migrate.edges.ledger.databases import sqlite_url
from migrate.edges.ledger.store import SqlLedger, open_ledger, upgrade

__all__ = ["SqlLedger", "open_ledger", "sqlite_url", "upgrade"]
