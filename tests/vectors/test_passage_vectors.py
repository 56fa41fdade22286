"""Vectors kept outside git: made once, found by model and text, private, and told of when damaged."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from migrate.edges.passage_vectors import PassageVectors
from migrate.errors import StoreProblem

AT = "2026-01-15T00:00:00+00:00"


def test_a_vector_is_found_by_its_model_and_text(tmp_path: Path) -> None:
    """Another process finds what was kept, to 32 bits; another model or text has none."""
    PassageVectors(tmp_path / "passages.db").keep("m", {"a": [0.5, -0.25], "b": [1.0]}, tokens=3, at=AT)
    store = PassageVectors(tmp_path / "passages.db")
    assert [0.5, -0.25] == store.of("m", "a")
    assert [None, None] == [store.of("n", "a"), store.of("m", "c")]
    assert ["c", "d"] == store.missing("m", ["c", "a", "d", "c"])


def test_what_making_vectors_took_is_kept(tmp_path: Path) -> None:
    """Each batch with its day, model, number of texts and the tokens that were billed; no text is kept."""
    path = tmp_path / "passages.db"
    PassageVectors(path).keep("m", {"a secret sentence": [1.0]}, tokens=None, at=AT)
    with sqlite3.connect(path) as connection:
        assert [(AT, "m", 1, None)] == connection.execute("select * from made").fetchall()
    assert b"secret" not in path.read_bytes()


def test_what_a_batch_was_billed_for_is_shared_among_its_texts(tmp_path: Path) -> None:
    """By length, in whole tokens that add up to the bill; where there was no bill a share is unknown, not nothing."""
    store = PassageVectors(tmp_path / "passages.db")
    store.keep("m", {"a" * 30: [1.0], "b" * 10: [1.0], "c" * 20: [1.0]}, tokens=13, at=AT)
    store.keep("m", {"silent": [1.0]}, tokens=None, at=AT)
    shares = [store.tokens_of("m", text) for text in ("a" * 30, "b" * 10, "c" * 20, "silent", "never made")]
    assert [6, 2, 5, None, None] == shares


def test_looking_makes_no_file(tmp_path: Path) -> None:
    """A project without embeddings never sees one; the file that is made is private."""
    store = PassageVectors(tmp_path / "passages.db")
    assert store.of("m", "a") is None
    assert [] == list(tmp_path.iterdir())
    store.keep("m", {"a": [1.0]}, tokens=1, at=AT)
    assert [1.0] == store.of("m", "a")
    assert 0o600 == stat.S_IMODE(store.path.stat().st_mode)


@pytest.mark.parametrize("content", [b"no database at all, but text that is long enough to be taken for one" * 20])
def test_a_damaged_file_is_told_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    """No traceback: the file, and the command that lets it be made again."""
    path = tmp_path / "passages.db"
    path.write_bytes(content)
    with pytest.raises(StoreProblem, match=r"passages\.db.*\n?.*"):
        PassageVectors(path).of("m", "a")


def test_a_cut_vector_is_told(tmp_path: Path) -> None:
    """A changed row is no vector."""
    path = tmp_path / "passages.db"
    PassageVectors(path).keep("m", {"a": [1.0, 2.0]}, tokens=1, at=AT)
    with sqlite3.connect(path) as connection:
        connection.execute("update vectors set numbers = x'000000'")
    with pytest.raises(StoreProblem, match="not whole"):
        PassageVectors(path).of("m", "a")
