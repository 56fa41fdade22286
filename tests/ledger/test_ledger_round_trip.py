"""What goes into a ledger comes out as it was, whatever a model said."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from migrate.edges.ledger import open_ledger
from migrate.edges.ledger.columns import restored, storable
from migrate.edges.ledger.rows import pico_of, usd_of
from migrate.ports import CaseRecord, Ledger
from migrate.vocabulary import Answer, FlowName, Judged, PriceUsed, Run, Sample, Usage
from tests.ledger.records import record_named, run_named
from tests.ledger.strategies import anything, case_records, maybe_text, names, runs

ODD = "NUL \x00, half a pair \ud83d, a pair in halves \ud83d\ude00, a mark \x1a0000, é 𝄞"

fresh_names = (f"run-{number}" for number in range(10**9))
# The ledger is shared by the examples on purpose: each writes a run of its own.
shared = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared
@given(record=case_records())
def test_any_record_comes_back(ledger: Ledger, record: CaseRecord) -> None:
    """A record is read as it was written, to the type of every number and the half of every character."""
    name = next(fresh_names)
    ledger.start(run_named(name))
    ledger.add(name, [record])

    assert repr([record]) == repr(list(ledger.records(name)))


@shared
@given(run=runs, end=st.sampled_from(["complete", "incomplete", "interrupted"]))
def test_any_run_comes_back(ledger: Ledger, run: Run, end: Any) -> None:
    """A run is read as it was started, and then as it finished."""
    run = dataclasses.replace(run, id=next(fresh_names))
    ledger.start(run)
    assert run == ledger.run(run.id)

    done = dataclasses.replace(run, state=end, command=run.command + "!")
    ledger.finish(done)
    assert done == ledger.run(run.id)


@shared
@given(price=st.builds(PriceUsed, names, anything, maybe_text, maybe_text, maybe_text, maybe_text, anything, names))
def test_any_price_comes_back(ledger: Any, price: PriceUsed) -> None:
    """A price row is read as it was written."""
    name = next(fresh_names)
    ledger.start(run_named(name))
    ledger.add_prices(name, [price])

    assert (price,) == ledger.prices(name)


def test_key_order_of_answers_comes_back(ledger: Ledger) -> None:
    """The order of an object's keys is part of what a model said."""
    answer = Judged(Sample(1, (), Answer("{}")), {}, value={"b": 1, "a": {"d": 1, "c": 2}}, parsed=True)
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [dataclasses.replace(record_named("a"), samples=(answer,))])

    (record,) = ledger.records("run-001")
    assert '{"b": 1, "a": {"d": 1, "c": 2}}' == str(record.samples[0].value).replace("'", '"')


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nonsense_counts_are_unknown(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A server that counts more tokens than a column holds does not cost us the run: the count is unknown."""
    ordinary = record_named("a")
    absurd = dataclasses.replace(
        ordinary.candidate[0], usage=Usage(10**30, 0, None, 2**63 - 1), cost_usd="1" + "0" * 25
    )
    url = "sqlite:///ledger.db" if kind == "sqlite" else request.getfixturevalue("empty_postgresql_url")
    ledger = open_ledger(url, root=tmp_path)
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [dataclasses.replace(ordinary, candidate=(absurd,))])
    (kept,) = ledger.records("run-001")
    (row,) = ledger.history(FlowName("refund"))
    ledger.close()

    assert (dataclasses.replace(absurd, usage=Usage(None, 0, None, 2**63 - 1)),) == kept.candidate
    assert (None, 1) == (row.cost_usd, row.unknown_cost)


def test_equal_texts_are_one_body(tmp_path: Path) -> None:
    """A request body is kept once, however many samples and runs sent it."""
    ledger = open_ledger("sqlite:///ledger.db", root=tmp_path)
    for name in ("run-001", "run-002"):
        ledger.start(run_named(name))
        ledger.add(name, [record_named("a", samples=5), record_named("b", samples=5)])
    ledger.close()

    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        rows = connection.execute("SELECT digest, body FROM bodies").fetchall()
    assert 2 == len(rows)
    assert [hashlib.sha256(body.encode()).hexdigest() for _, body in rows] == [digest for digest, _ in rows]


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A function that writes a text with the database's own client and reads it back."""
    if request.param == "sqlite":
        connection: Any = sqlite3.connect(":memory:")
        mark = "?"
    else:
        connection = psycopg.connect(request.getfixturevalue("postgresql_url").replace("+psycopg", ""))
        mark = "%s"
    connection.execute("CREATE TEMPORARY TABLE kept (text TEXT)")

    def write_and_read(text: str) -> str:
        connection.execute("DELETE FROM kept")
        connection.execute(f"INSERT INTO kept VALUES ({mark})", (text,))
        return str(connection.execute("SELECT text FROM kept").fetchone()[0])

    yield write_and_read
    connection.close()


@shared
@given(text=anything)
@example(text=ODD)
def test_stored_form_is_taken_by_both_databases(stored: Any, text: str) -> None:
    """Every text has a form that the database takes and gives back unchanged."""
    assert storable(text) == stored(storable(text))


@given(text=st.text(st.characters(codec=None)) | anything)
@example(text=ODD)
def test_stored_form_loses_nothing(text: str) -> None:
    """From the stored form comes the very text."""
    assert text == restored(storable(text))


@given(one=anything, other=anything)
@example(one="\x00", other="\x1a0000")
def test_stored_forms_differ_as_their_texts_do(one: str, other: str) -> None:
    """Two texts never share a stored form, so that keys stay apart."""
    assert (one == other) == (storable(one) == storable(other))


@pytest.mark.parametrize(
    ("usd", "pico", "again"),
    [
        ("0", 0, "0"),
        ("0.0012", 1_200_000_000, "0.0012"),
        ("1.10", 1_100_000_000_000, "1.1"),
        ("120", 120_000_000_000_000, "120"),
        ("1E-12", 1, "0.000000000001"),
        ("0.0000000000005", 0, "0"),
        ("0.0000000000015", 2, "0.000000000002"),
        ("1e9", None, None),
        (None, None, None),
    ],
)
def test_dollars_are_whole_picodollars(usd: str | None, pico: int | None, again: str | None) -> None:
    """Dollars become whole 1e-12 dollars, rounded half to even; what no column holds is left to the exact text."""
    assert pico == pico_of(usd)
    assert again == (None if pico is None else usd_of(pico))
