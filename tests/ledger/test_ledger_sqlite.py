"""The ledger as a file: where it may lie, how it is written, and what is said when it cannot be."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from migrate.edges.ledger import open_ledger, sqlite_url, upgrade
from migrate.edges.ledger.soundness import network_file_system, wal_is_sound
from migrate.edges.ledger.versions import MIGRATIONS
from migrate.errors import StoreProblem, UsageProblem
from tests.ledger.records import record_named, run_named

URL = "sqlite:///state/ledger.db"


def fill(root: Path, url: str = URL, cases: int = 1) -> Path:
    """Make a ledger with one run and return its file."""
    ledger = open_ledger(url, root=root)
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named(f"case-{number}") for number in range(cases)])
    ledger.close()
    return root / "state" / "ledger.db"


def contents(folder: Path) -> dict[str, str]:
    """Return a digest of every file of a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def pragma(path: Path, text: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {text}").fetchone()[0]


# --- Where it lies -----------------------------------------------------------------------------------


def test_file_is_made_where_the_url_says(tmp_path: Path) -> None:
    """A relative URL starts at the project's folder, and missing folders are made."""
    assert fill(tmp_path).is_file()


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Answers of models may hold customers' words: nobody else may read them."""
    path = fill(tmp_path)

    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}


@pytest.mark.parametrize("name", ["50% off", "a?b=c", "two words", "приклад 𝄞", "%41", "#hash&co", "quote's"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    """Characters that mean something in a URL mean themselves in a path."""
    path = tmp_path / name / f"{name}.db"
    ledger = open_ledger(sqlite_url(path), root=Path())
    ledger.start(run_named("run-001"))
    ledger.close()

    assert [name] == [entry.name for entry in tmp_path.iterdir()]
    assert f"{name}.db" in [entry.name for entry in path.parent.iterdir()]


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("results/ledger.db", 'did you mean "sqlite:///results/ledger.db"?'),
        ("sqlite://", "sqlite:///path/ledger.db"),
        ("sqlite:///", "sqlite:///path/ledger.db"),
        ("sqlite:///:memory:", "sqlite:///path/ledger.db"),
        ("sqlite:///a?b.db", "%3F"),
        ("mysql://host/name", "postgresql+psycopg://"),
        ("", "sqlite:///"),
    ],
)
def test_urls_that_cannot_be_meant_are_refused(tmp_path: Path, url: str, hint: str) -> None:
    """A URL that names no ledger is refused with what to write instead, and nothing is made."""
    with pytest.raises(UsageProblem) as problem:
        open_ledger(url, root=tmp_path)

    assert hint in str(problem.value)
    assert [] == list(tmp_path.iterdir())


# --- How it is written -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_wal_needs_a_mended_sqlite(version: tuple[int, int, int], sound: bool) -> None:
    """Write-ahead logging is used only where SQLite is free of the fault that loses commits in it."""
    assert sound == wal_is_sound(version)


@pytest.mark.parametrize(("version", "mode"), [((3, 40, 1), "delete"), ((3, 53, 0), "wal")])
def test_journal_follows_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], mode: str
) -> None:
    """An old SQLite keeps a rollback journal, a mended one a write-ahead log."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)

    # The file itself only knows whether it has a write-ahead log: any rollback journal reads as the default one.
    assert mode == pragma(fill(tmp_path), "journal_mode")


MOUNTED = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw
31 22 0:41 / {root} rw,relatime shared:1 - nfs4 server:/export rw
32 31 0:42 / {root}/own\\040disk rw - ext4 /dev/vdb1 rw
33 22 0:43 / {root}x rw - fuse.sshfs me@there: rw
"""
"""What the kernel says of mounts: the fifth word is the place, a space in it is `\\040`."""


@pytest.mark.parametrize(
    ("under", "expected"),
    [("share/project", "nfs4"), ("share/own disk/project", None), ("elsewhere", None), ("sharex/a", "fuse.sshfs")],
)
def test_a_network_file_system_is_told_by_its_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under: str, expected: str | None
) -> None:
    """The longest mount a path is under says what it is on, whether the path is there or not."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTED.format(root=tmp_path / "share"), "utf-8")
    monkeypatch.setattr("migrate.edges.ledger.soundness.MOUNTS", mounts)
    assert expected == network_file_system(tmp_path / under)


def test_wal_is_never_used_over_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mended SQLite keeps a rollback journal on a disk that other machines may share."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 53, 0))
    monkeypatch.setattr("migrate.edges.ledger.databases.network_file_system", lambda _: "nfs4")
    assert "delete" == pragma(fill(tmp_path), "journal_mode")


def test_wal_is_left_by_an_old_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that a newer SQLite switched to write-ahead logging is switched back, with all it holds."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 53, 0))
    path = fill(tmp_path)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    ledger = open_ledger(URL, root=tmp_path)

    assert [record_named("case-0")] == list(ledger.records("run-001"))
    ledger.close()
    assert "delete" == pragma(path, "journal_mode")


def test_commits_are_durable_and_keys_enforced(tmp_path: Path) -> None:
    """Every connection that writes syncs fully, waits for others, and knows what belongs to what."""
    ledger = open_ledger(URL, root=tmp_path)
    names = ("synchronous", "busy_timeout", "foreign_keys", "journal_mode")
    found = ledger._database.write(
        lambda connection: [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    )
    ledger.close()

    journal = "wal" if wal_is_sound(sqlite3.sqlite_version_info) else "truncate"
    assert [2, 10_000, 1, journal] == found


# --- What is said when it cannot be ------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["no database", "torn", "blank pages"])
def test_damaged_file_is_named_with_the_next_command(tmp_path: Path, damage: str) -> None:
    """A damaged ledger is named, kept, and a command is given that moves it out of the way."""
    path = fill(tmp_path, cases=200)
    whole = path.read_bytes()
    harmed = {
        "no database": b"<<<<<<< HEAD\n" + whole,
        "torn": whole[: len(whole) // 2],
        "blank pages": whole[:4096] + bytes(len(whole) - 4096),
    }[damage]
    path.write_bytes(harmed)

    with pytest.raises(StoreProblem) as problem:
        list(open_ledger(URL, root=tmp_path).records("run-001"))

    assert 13 == problem.value.exit_code
    assert "state/ledger.db is damaged" in str(problem.value)
    assert "next: mv state/ledger.db state/ledger.db.damaged" in str(problem.value)
    assert harmed == path.read_bytes()


def test_following_the_next_command_helps(tmp_path: Path) -> None:
    """With the damaged file moved aside, the next run makes a new ledger."""
    path = fill(tmp_path)
    path.write_bytes(b"not a database at all, but long enough for a header of a hundred bytes" * 4)
    with pytest.raises(StoreProblem) as problem:
        open_ledger(URL, root=tmp_path)
    subprocess.run(problem.value.next_command, shell=True, check=True, cwd=tmp_path)

    assert (0, len(MIGRATIONS)) == upgrade(URL, root=tmp_path)


def test_foreign_database_is_left_alone(tmp_path: Path) -> None:
    """A database of another program is not taken over."""
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    before = contents(tmp_path)

    with pytest.raises(StoreProblem, match="invoices"):
        open_ledger("sqlite:///other.db", root=tmp_path)
    assert before == contents(tmp_path)


def test_newer_ledger_is_refused_untouched(tmp_path: Path) -> None:
    """A ledger of a newer version is not opened, not written, and the version it needs is named."""
    path = fill(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schema_version VALUES (7, 'Later.', '2027-01-01T00:00:00Z', '3.2.1')")
    before = contents(path.parent)

    with pytest.raises(StoreProblem) as problem:
        open_ledger(URL, root=tmp_path)
    assert "has schema 7, made by prompt-migrate 3.2.1" in str(problem.value)
    assert "next: pip install 'prompt-migrate>=3.2.1'" in str(problem.value)
    assert before == contents(path.parent)


def test_impossible_folder_is_a_sentence(tmp_path: Path) -> None:
    """Where no folder can be made, the user is told so."""
    (tmp_path / "state").write_text("a file, where the folder should be")

    with pytest.raises(StoreProblem, match=r"state/ledger\.db cannot be made"):
        open_ledger(URL, root=tmp_path)


def test_locked_ledger_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another program never lets go, the user learns that, and not what SQLite calls it."""
    monkeypatch.setattr("migrate.edges.ledger.databases.BUSY_S", 0.0)
    monkeypatch.setattr("migrate.edges.ledger.databases.PATIENCE_S", 0.0)
    path = fill(tmp_path)
    ledger = open_ledger(URL, root=tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreProblem, match="stayed locked"):
            ledger._database.write(lambda _: None, patience_s=0.0)
    ledger.close()


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Act as a user whom the permissions of files bind: root may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    nobody = 65534
    os.setegid(nobody)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can reach, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="ledger-public-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


def test_readonly_folder_without_a_ledger_is_a_sentence(public_folder: Path) -> None:
    """In a folder that nothing may be written to, opening a new ledger says so."""
    public_folder.chmod(0o555)

    with bound_by_permissions(), pytest.raises(StoreProblem) as problem:
        open_ledger(URL, root=public_folder)
    assert "the ledger state/ledger.db cannot be made: Permission denied" == problem.value.message


def test_readonly_ledger_can_be_read(public_folder: Path) -> None:
    """A ledger that may not be written can still be read; writing to it says what to do."""
    path = fill(public_folder)
    path.chmod(0o444)
    path.parent.chmod(0o555)

    with bound_by_permissions():
        ledger = open_ledger(URL, root=public_folder)
        assert [record_named("case-0")] == list(ledger.records("run-001"))
        with pytest.raises(StoreProblem) as problem:
            ledger.start(run_named("run-002"))
        ledger.close()
    assert "the ledger state/ledger.db cannot be written: it or its folder is read-only" == problem.value.message


def test_unreadable_ledger_is_a_sentence(public_folder: Path) -> None:
    """A ledger that may not be read is not opened, and the reason is given."""
    fill(public_folder).chmod(0o000)

    with bound_by_permissions(), pytest.raises(StoreProblem, match=r"state/ledger\.db cannot be opened"):
        open_ledger(URL, root=public_folder)
