"""Which versions of SQLite can be trusted with a write-ahead log; read by `doctor` too, so without SQLAlchemy."""


def wal_is_sound(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite is free of the WAL-reset fault, which can lose commits of two connections.

    Source: https://sqlite.org/wal.html#walresetbug: 3.7.0 to 3.51.2, mended in 3.51.3, 3.50.7 and 3.44.6.
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)
