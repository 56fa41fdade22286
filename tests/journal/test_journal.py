"""Journals: what was written comes back, line by line, whatever a killed process left at the end."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger.strategies import case_records

from migrate.edges.journal import JournalFile, journals, read_journal
from migrate.ports import CaseRecord
from migrate.vocabulary import Judged, Reply, Run


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
        last = calls[-1].outcome if calls else None
        answer = last.answer if isinstance(last, Reply) else None
        sample = dataclasses.replace(judged.sample, calls=calls, answer=answer)
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
    assert ["r1", "r2"] == [run.id for run in read_journal(path)]


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
