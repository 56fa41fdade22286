"""Production logs of a canary, counted with DuckDB: JSONL, Parquet, or OpenTelemetry spans as OTLP JSON.

DuckDB is an optional extra: it is imported when a log is read, and its absence is one clear sentence.
"""

from migrate.edges.logs.counting import count_log

__all__ = ["count_log"]
