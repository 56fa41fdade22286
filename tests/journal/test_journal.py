"""Journals: what was written comes back, line by line, whatever a killed process left at the end."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger.strategies import case_records

from migrate.edges.journal import JournalFile, claimed, is_alive, journals, lost_tries, read_journal
from migrate.errors import StoreProblem
from migrate.ports import CaseRecord
from migrate.vocabulary import (
    Answer,
    Call,
    CaseId,
    CaseVerdict,
    Comparison,
    FlowName,
    Judged,
    NoReply,
    NoReplyKind,
    Reply,
    Request,
    Run,
    Sample,
)


def run_named(run_id: str) -> Run:
    return Run(id=run_id, kind="replay", started_at="2026-01-15T10:00:00.000Z", candidates=("gpt-4.1",))


def with_models(record: CaseRecord) -> CaseRecord:
    """Every request that was sent names its model."""

    def named(judged: Judged) -> Judged:
        calls = tuple(
            dataclasses.replace(call, request=dataclasses.replace(call.request, body={"x": 1, "model": "gpt-4.1"}))
            for call in judged.sample.calls
        )
        return dataclasses.replace(judged, sample=dataclasses.replace(judged.sample, calls=calls))

    return dataclasses.replace(record, samples=tuple(named(judged) for judged in record.samples))


def without_what_a_journal_leaves_out(record: CaseRecord) -> CaseRecord:
    """Measurements are made from the calls again, parsed values from the text, bodies from the inventory."""

    def lean(judged: Judged) -> Judged:
        calls = tuple(
            dataclasses.replace(call, request=dataclasses.replace(call.request, body={"model": call.request.model}))
            for call in judged.sample.calls
        )
        sample = dataclasses.replace(judged.sample, calls=calls)
        return dataclasses.replace(judged, sample=sample, value=None, parsed=False)

    return CaseRecord(record.comparison, tuple(lean(judged) for judged in record.samples))


@given(record=case_records().map(with_models))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_case_comes_back_as_it_was_written(tmp_path: Path, record: CaseRecord):
    """Every noun of a judged case survives the journal, lone surrogates and NULs included."""
    path = tmp_path / "run.main.jsonl"
    path.unlink(missing_ok=True)
    journal = JournalFile(path)
    journal.case(record)
    for judged in record.samples:
        for call in judged.sample.calls:
            journal.call(judged.sample.index, call)
    journal.close()
    expected = without_what_a_journal_leaves_out(record)
    calls = [(judged.sample.index, call) for judged in expected.samples for call in judged.sample.calls]
    assert [expected, *calls] == list(read_journal(path))


@given(cut=st.integers(2, 400))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cut_last_line_costs_only_itself(tmp_path: Path, cut: int):
    """A process killed in the middle of a line loses that line and nothing before it (its newline alone is no loss)."""
    path = tmp_path / "run.gw0.jsonl"
    path.unlink(missing_ok=True)
    journal = JournalFile(path)
    for name in ("r1", "r2", "r3"):
        journal.run(run_named(name))
    journal.close()
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    path.write_bytes(whole[: -min(cut, last)])
    damaged: list[int] = []
    assert ["r1", "r2"] == [run.id for run in read_journal(path, damaged)]
    assert [] == damaged
    JournalFile(path).close()
    assert whole.splitlines(keepends=True)[:2] == path.read_bytes().splitlines(keepends=True)


def test_journals_are_found_by_run_the_controllers_first(tmp_path: Path):
    """The line that names the run is read before the lines of its workers."""
    for name in ("a.gw0", "a.main", "b.main", "a.gw1"):
        (tmp_path / f"{name}.jsonl").touch()
    assert {"a": ["a.main", "a.gw0", "a.gw1"], "b": ["b.main"]} == {
        run: [path.stem for path in paths] for run, paths in journals(tmp_path).items()
    }


def test_a_journal_is_for_its_owner_alone(tmp_path: Path):
    """Answers of production prompts are readable by nobody else on the machine."""
    journal = JournalFile(tmp_path / "journals" / "run.main.jsonl")
    journal.close()
    assert 0o600 == journal.path.stat().st_mode & 0o777


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_bit_is_noticed_and_costs_only_its_line(tmp_path: Path, at: int, bit: int):
    """Whatever bit is flipped, the other lines are read, the changed one is not, and its number is told."""
    path = tmp_path / "run.main.jsonl"
    path.unlink(missing_ok=True)
    journal = JournalFile(path)
    for name in ("r1", "r2", "r3"):
        journal.run(run_named(name))
    journal.close()
    whole = bytearray(path.read_bytes())
    # A newline that is no longer one makes one line of two, and a new one two of one: that is a test of its own.
    places = [place for place in range(len(whole)) if ord("\n") not in (whole[place], whole[place] ^ 1 << bit)]
    at = places[at % len(places)]
    line = whole[:at].count(b"\n") + 1
    whole[at] ^= 1 << bit
    path.write_bytes(whole)
    damaged: list[int] = []
    assert [f"r{number}" for number in (1, 2, 3) if number != line] == [run.id for run in read_journal(path, damaged)]
    assert [line] == damaged


def test_foreign_lines_are_damage(tmp_path: Path):
    """JSON of another kind is passed over and told by its line, whatever it is."""
    path = tmp_path / "run.main.jsonl"
    path.write_text('5\n[1]\n{"case": 3}\n{"call": {}}\n{"run": {"candidates": 3}}\n{"else": 1}\nnot JSON\n')
    damaged: list[int] = []
    assert [] == list(read_journal(path, damaged))
    assert [1, 2, 3, 4, 5, 6, 7] == damaged
    assert {} == lost_tries([path])


def test_tries_that_may_have_been_paid_for_are_told(tmp_path: Path):
    """In flight at the kill: one more than were lost before; failed or ended: as many as were counted."""
    journal = JournalFile(tmp_path / "run.main.jsonl")
    requests = [Request("chat", {"model": "gpt-4.1"}, key, "p") for key in ("flying", "waiting", "silent", "answered")]
    for request in requests:
        journal.attempt(request, 1, 1, 0)
    journal.failed(requests[1], 1, 1)
    journal.call(1, Call(requests[2], NoReply(NoReplyKind.TIMEOUT, "no"), lost=4))
    journal.call(1, Call(requests[3], Reply(Answer("x"), "gpt-4.1"), lost=0))
    journal.attempt(requests[0], 2, 3, 0, 2)
    journal.close()
    expected = {("flying", 1): 1, ("flying", 2): 3, ("waiting", 1): 1, ("silent", 1): 4, ("answered", 1): 0}
    assert expected == lost_tries([journal.path])


def test_a_journal_belongs_to_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Who opens one that another process writes is told that the run goes on there."""
    monkeypatch.setattr("migrate.edges.journal.PATIENCE_S", 0.0)
    journal = JournalFile(tmp_path / "run.main.jsonl")
    assert is_alive(journal.path)
    with pytest.raises(StoreProblem, match="is being written by another process"):
        JournalFile(tmp_path / "run.main.jsonl")
    journal.close()
    assert not is_alive(journal.path)
    with claimed([journal.path]) as mine, claimed([journal.path]) as also:
        assert (True, False) == (mine, also)


def test_lines_never_go_into_a_file_that_was_removed(tmp_path: Path):
    """A journal that is folded and removed while it is waited for is made anew."""
    path = tmp_path / "run.main.jsonl"
    JournalFile(path).close()
    with claimed([path]):
        waiting = threading.Thread(target=lambda: JournalFile(path).run(run_named("r1")))
        waiting.start()
        path.unlink()
    waiting.join()
    assert ["r1"] == [run.id for run in read_journal(path)]


def test_a_final_answer_that_no_call_gave_comes_back(tmp_path: Path):
    """What an application made of its calls is written down beside them."""
    asked = Request("chat", {"model": "gpt-4.1"}, "k1:a", "k1:a")
    call = Call(asked, Reply(Answer("7"), "gpt-4.1"))
    comparison = Comparison(FlowName("refund"), CaseId("late"), "gpt-4o", "gpt-4.1", CaseVerdict.SAME)
    judged = [Judged(Sample(k, (call,), Answer(text)), {}) for k, text in enumerate(("7", '{"answer":"7"}'), 1)]
    journal = JournalFile(tmp_path / "r1.main.jsonl")
    journal.case(CaseRecord(comparison, tuple(judged)))
    journal.close()
    (record,) = read_journal(tmp_path / "r1.main.jsonl")
    assert isinstance(record, CaseRecord)
    assert ["7", '{"answer":"7"}'] == [judged.sample.answer.text for judged in record.samples if judged.sample.answer]
