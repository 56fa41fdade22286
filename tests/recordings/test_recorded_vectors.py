"""Vectors beside the recordings: what was answered comes back as it came, and damage is told."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from migrate.edges.recorded_vectors import RecordedVectors
from migrate.errors import StoreProblem

BODY = {"object": "list", "data": [{"index": 0, "embedding": [0.25, -1e-9]}], "model": "m", "usage": {"é": 1}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "vectors.db"


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"select count(*) from {table}").fetchone()[0])


def test_an_answer_comes_back_as_it_came(path: Path) -> None:
    """Number for number, under its question and its sample alone; the newer one counts."""
    with closing(RecordedVectors(path)) as store:
        store.put("k1:a", 1, {"data": []})
        store.put("k1:a", 1, BODY)
    with closing(RecordedVectors(path)) as store:
        found = [store.get(key, sample) for key, sample in (("k1:a", 1), ("k1:a", 2), ("k1:b", 1))]
    assert [BODY, None, None] == found


def test_looking_makes_no_file(path: Path) -> None:
    """A bare run writes nothing, and where nothing was kept nothing is found."""
    assert (None, False) == (RecordedVectors(path).get("k1:a", 1), path.parent.exists())


def test_equal_answers_are_kept_once(path: Path) -> None:
    """Samples of one question mostly have the same vectors."""
    with closing(RecordedVectors(path)) as store:
        for sample in range(1, 6):
            store.put("k1:a", sample, BODY)
    assert (1, 5) == (count(path, "bodies"), count(path, "answers"))


def test_many_may_write_at_once(path: Path) -> None:
    """Threads of an application and workers of a run each keep theirs."""

    def write(worker: int) -> None:
        with closing(RecordedVectors(path)) as store:
            for number in range(5):
                store.put(f"k1:{worker}-{number}", 1, BODY | {"model": f"{worker}-{number}"})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert 20 == count(path, "answers")


@pytest.mark.parametrize("damage", ["update bodies set body = x'00'", "no database"])
def test_damage_is_told_with_what_to_do(path: Path, damage: str) -> None:
    """A vector that is not the one that was kept is never handed out."""
    with closing(RecordedVectors(path)) as store:
        store.put("k1:a", 1, BODY)
    if damage.startswith("update"):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(damage)
    else:
        path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreProblem, match=r"state/vectors.db is damaged") as problem:
        RecordedVectors(path).get("k1:a", 1)
    assert "next: mv state/vectors.db state/vectors.db.damaged" in str(problem.value)
