"""What every ledger promises, whatever it is kept in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.errors import StoreProblem, UsageProblem
from migrate.ports import CaseRecord, Ledger
from migrate.vocabulary import CaseVerdict, FlowName, PriceUsed, Timing, Usage
from tests.ledger.records import record_named, run_named


def test_run_comes_back(ledger: Ledger) -> None:
    """A run is read as it was started."""
    run = run_named("run-001", candidates=("gpt-4.1", "gpt-4.1@terse"), git_dirty=True, accounts={"planned": 2})
    ledger.start(run)

    assert run == ledger.run("run-001")


def test_a_complete_run_does_not_start_again(ledger: Ledger) -> None:
    """The id of a run that ended well is taken for good."""
    ledger.start(run_named("run-001"))
    ledger.finish(run_named("run-001", state="complete"))

    with pytest.raises(StoreProblem, match="run-001"):
        ledger.start(run_named("run-001"))


@pytest.mark.parametrize("state", ["running", "incomplete", "interrupted"])
def test_a_run_that_did_not_end_well_starts_again(ledger: Ledger, state: str) -> None:
    """A resumed run goes on under its id, and so does one whose process was killed while it was written."""
    ledger.start(run_named("run-001"))
    ledger.finish(run_named("run-001", state=state))

    ledger.start(run_named("run-001", command="pytest --migrate-resume"))

    assert "pytest --migrate-resume" == ledger.run("run-001").command


def test_finish_replaces_state_and_accounts(ledger: Ledger) -> None:
    """A finished run holds its end, its state and its accounts."""
    run = run_named("run-001")
    ledger.start(run)
    done = dataclasses.replace(
        run, state="complete", finished_at="2026-01-15T09:31:00Z", accounts={"planned": 3, "judged": 3}
    )
    ledger.finish(done)

    assert (done,) == ledger.runs()


def test_finish_needs_a_start(ledger: Ledger) -> None:
    """A run that never started cannot finish."""
    with pytest.raises(StoreProblem, match="run-404"):
        ledger.finish(run_named("run-404"))


def test_runs_are_listed_newest_first(ledger: Ledger) -> None:
    """Runs come newest first, as many as asked for."""
    for number in ("002", "003", "001"):
        ledger.start(run_named(f"run-{number}"))

    assert ["run-003", "run-002"] == [run.id for run in ledger.runs(limit=2)]


def test_runs_of_one_moment_are_listed_by_id(ledger: Ledger) -> None:
    """Two runs that started at the same time have a fixed order."""
    for name in ("b", "a", "c"):
        ledger.start(run_named(name, started_at="2026-01-15T09:30:00Z"))

    assert ["c", "b", "a"] == [run.id for run in ledger.runs()]


def test_run_without_an_id_is_the_newest_replay(ledger: Ledger) -> None:
    """Recording runs are not what `compare` means by the last run."""
    ledger.start(run_named("run-001"))
    ledger.start(run_named("run-002"))
    ledger.start(run_named("run-003", kind="record"))

    assert "run-002" == ledger.run(None).id


def test_a_resumed_run_is_as_new_as_its_end(ledger: Ledger) -> None:
    """Without an id the replay that ended last is meant, not the one that was started last."""
    for name, started, ended in (("run-001", "09:30", "11:00"), ("run-002", "10:00", "10:30")):
        times = {"started_at": f"2026-01-15T{started}:00.000Z", "finished_at": f"2026-01-15T{ended}:00.000Z"}
        run = run_named(name, **times)
        ledger.start(run)
        ledger.finish(dataclasses.replace(run, state="complete"))

    assert "run-001" == ledger.run(None).id


NO_MODEL = {"planned": 2, "no_reply:model_not_found": 1, "not_run:model_not_found": 1}


@pytest.mark.parametrize(
    ("verdicts", "accounts", "expected"),
    [
        ((CaseVerdict.NO_REPLY,), NO_MODEL, "run-001"),
        ((CaseVerdict.STALE_GOLDEN, CaseVerdict.NO_REPLY), NO_MODEL, "run-001"),
        ((CaseVerdict.SAME, CaseVerdict.NO_REPLY), NO_MODEL, "run-002"),
        ((CaseVerdict.NO_REPLY,), {"planned": 1, "no_reply:timeout": 1}, "run-002"),
    ],
    ids=["a wrong name", "and stale goldens", "another one answered", "no answer in time"],
)
def test_a_replay_asked_in_vain_is_not_the_newest(
    ledger: Ledger, verdicts: tuple[CaseVerdict, ...], accounts: dict[str, int], expected: str
) -> None:
    """A wrong name says nothing of any model; a provider that is down does, of the run."""
    for name, found in (("run-001", (CaseVerdict.SAME,)), ("run-002", verdicts)):
        run = run_named(name, accounts=accounts if name == "run-002" else {})
        ledger.start(run)
        ledger.add(run.id, [record_named(f"case-{n}", verdict=one) for n, one in enumerate(found)])

    assert expected == ledger.run(None).id


def test_a_replay_asked_in_vain_is_shown_where_there_is_no_other(ledger: Ledger) -> None:
    """What just happened is better than nothing."""
    ledger.start(run_named("run-001", accounts=NO_MODEL))
    ledger.add("run-001", [record_named("case-1", verdict=CaseVerdict.NO_REPLY)])

    assert "run-001" == ledger.run(None).id


@pytest.mark.parametrize("wanted", [None, "run-9", "", "r\udce9", "\x00"])
def test_missing_run_is_a_usage_problem(ledger: Ledger, wanted: str | None) -> None:
    """Asking for a run that is not there is the user's mistake, not the store's damage."""
    ledger.start(run_named("run-001", kind="record"))

    with pytest.raises(UsageProblem):
        ledger.run(wanted)


def test_run_is_found_by_unique_beginning(ledger: Ledger) -> None:
    """The beginning of an id is enough, as long as it is one run's."""
    for name in ("20260115-093000-aa", "20260115-093000-ab", "20260116-080000-cd"):
        ledger.start(run_named(name))

    assert "20260116-080000-cd" == ledger.run("20260116").id


def test_ambiguous_beginning_names_the_runs(ledger: Ledger) -> None:
    """A beginning of several ids is refused with those ids."""
    for name in ("20260115-aa", "20260115-ab"):
        ledger.start(run_named(name))

    with pytest.raises(UsageProblem, match=r"20260115-ab.*20260115-aa"):
        ledger.run("20260115")


def test_whole_id_is_never_ambiguous(ledger: Ledger) -> None:
    """An id that begins another one can still be asked for, however many begin with it."""
    for name in ("a", *(f"a{number}" for number in range(9))):
        ledger.start(run_named(name))

    assert "a" == ledger.run("a").id


def test_wildcards_mean_themselves(ledger: Ledger) -> None:
    """What matches anything in SQL matches nothing in an id."""
    ledger.start(run_named("run-001"))

    with pytest.raises(UsageProblem):
        ledger.run("%")


def test_records_come_back_in_order(ledger: Ledger) -> None:
    """Records are equal to what was added, ordered by flow, candidate and case, upper case first."""
    records = [
        record_named("b", "refund", "gpt-4.1"),
        record_named("a", "refund", "gpt-4.1-mini"),
        record_named("a", "refund", "gpt-4.1", samples=3),
        record_named("Z", "refund", "gpt-4.1"),
        record_named("a", "answer", "gpt-4.1"),
        record_named("a", "Refund", "gpt-4.1"),
    ]
    ledger.start(run_named("run-001"))

    assert 6 == ledger.add("run-001", records)
    assert [records[i] for i in (5, 4, 3, 2, 0, 1)] == list(ledger.records("run-001"))


def test_one_record_is_found_by_its_key(ledger: Ledger) -> None:
    """The record of one case and candidate is the one among all records; a case that is not there is none."""
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named(case=case) for case in ("a", "b", "c")])

    wanted = next(one for one in ledger.records("run-001") if one.comparison.case == "b")
    found = wanted.comparison
    assert wanted == ledger.record("run-001", found.flow, found.candidate, found.case)
    assert ledger.record("run-001", found.flow, "another", found.case) is None


def test_records_of_runs_are_apart(ledger: Ledger) -> None:
    """A run's records hold nothing of another run."""
    for name, ms in (("run-001", 100.0), ("run-002", 200.0)):
        ledger.start(run_named(name))
        ledger.add(name, [record_named("a", ms=ms)])

    assert [record_named("a", ms=100.0)] == list(ledger.records("run-001"))


def test_adding_again_replaces(ledger: Ledger) -> None:
    """A case added again takes the place of its earlier self, with everything that hung on it."""
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named("a", samples=5), record_named("b")])
    less = CaseRecord(dataclasses.replace(record_named("a").comparison, verdict=CaseVerdict.SAME, findings=()))
    ledger.add("run-001", [less])

    assert [less, record_named("b")] == list(ledger.records("run-001"))


def test_last_of_equal_cases_wins(ledger: Ledger) -> None:
    """A case that comes twice in one call is kept as it came last."""
    ledger.start(run_named("run-001"))

    assert 2 == ledger.add("run-001", [record_named("a", ms=1.0), record_named("a", ms=2.0)])
    assert [record_named("a", ms=2.0)] == list(ledger.records("run-001"))


def test_many_records_cross_every_batch(ledger: Ledger) -> None:
    """Records come back whole and in order where one batch ends and the next begins."""
    records = [record_named(f"case-{number:04}") for number in range(1001)]
    ledger.start(run_named("run-001"))
    ledger.add("run-001", iter(records))

    assert records == list(ledger.records("run-001"))


def test_no_records_are_no_records(ledger: Ledger) -> None:
    """A run without cases adds and yields nothing."""
    ledger.start(run_named("run-001"))

    assert 0 == ledger.add("run-001", [])
    assert [] == list(ledger.records("run-001"))


def test_records_need_a_run(ledger: Ledger) -> None:
    """Records of a run that was never started are refused, and so is reading them."""
    with pytest.raises(StoreProblem, match="run-404"):
        ledger.add("run-404", [record_named("a")])
    with pytest.raises(StoreProblem, match="run-404"):
        next(ledger.records("run-404"))


def test_failing_source_keeps_what_was_whole(ledger: Ledger) -> None:
    """When the stream of records breaks, no case is half there, and the next attempt completes it."""
    records = [record_named(f"case-{number:04}") for number in range(600)]

    def broken() -> Iterator[CaseRecord]:
        yield from records
        raise RuntimeError("the journal ends here")

    ledger.start(run_named("run-001"))
    with pytest.raises(RuntimeError):
        ledger.add("run-001", broken())
    kept = list(ledger.records("run-001"))

    assert records[: len(kept)] == kept
    ledger.add("run-001", records)
    assert records == list(ledger.records("run-001"))


def test_reading_lets_writers_in(ledger: Ledger) -> None:
    """A reader that stops in the middle holds up nobody: the same process may write meanwhile."""
    ledger.start(run_named("run-001"))
    ledger.start(run_named("run-002"))
    ledger.add("run-001", [record_named(f"case-{number:04}") for number in range(600)])
    for record in ledger.records("run-001"):
        if record.comparison.case in ("case-0000", "case-0550"):
            ledger.add("run-002", [record])

    assert ["case-0000", "case-0550"] == [record.comparison.case for record in ledger.records("run-002")]


def test_prices_are_kept_and_may_repeat(ledger: Any) -> None:
    """A price row given again is no error, and a changed one replaces it."""
    price = PriceUsed("gpt-4.1", "default", "2", "0.5", None, "8", "genai-prices 0.2.3", "2026-01-15")
    changed = dataclasses.replace(price, output="8.00")
    batch = dataclasses.replace(price, tier="batch", input="1")
    ledger.start(run_named("run-001"))
    ledger.add_prices("run-001", [price, price, batch])
    ledger.add_prices("run-001", [changed])

    assert (batch, changed) == ledger.prices("run-001")


def test_prices_need_a_run(ledger: Ledger) -> None:
    """Prices of a run that was never started are refused."""
    with pytest.raises(StoreProblem, match="run-404"):
        ledger.add_prices("run-404", [])


def test_history_is_newest_first(ledger: Ledger) -> None:
    """A flow's history has a row a run and candidate, newest run first, and as many rows as asked for."""
    for name in ("run-001", "run-002"):
        ledger.start(run_named(name))
        ledger.add(name, [record_named("a", candidate=model) for model in ("gpt-4.1-mini", "gpt-4.1")])
        ledger.add(name, [record_named("a", flow="answer")])

    rows = ledger.history(FlowName("refund"), limit=3)
    expected = [("run-002", "gpt-4.1"), ("run-002", "gpt-4.1-mini"), ("run-001", "gpt-4.1")]
    assert expected == [(row.run.id, row.candidate) for row in rows]


def test_history_of_unknown_flow_is_empty(ledger: Ledger) -> None:
    """A flow without runs has no history, which is no error."""
    assert () == ledger.history(FlowName("refund"))


def test_flows_of_all_runs_are_known(ledger: Any) -> None:
    """The ledger knows every flow that was ever run."""
    for name, flow in (("run-001", "refund"), ("run-002", "answer"), ("run-003", "refund")):
        ledger.start(run_named(name))
        ledger.add(name, [record_named("a", flow)])

    assert ("answer", "refund") == ledger.flows()


def test_history_adds_costs_exactly(ledger: Ledger) -> None:
    """Dollars are added as decimals: ten times 0.1 is 1, to the last digit."""
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named(f"case-{n}", usd="0.100000000001") for n in range(10)])

    (row,) = ledger.history(FlowName("refund"))
    assert ("1.00000000001", 0) == (row.cost_usd, row.unknown_cost)


def test_history_says_how_much_is_unknown(ledger: Ledger) -> None:
    """Calls without a price are counted apart; when none has one the cost is unknown, not 0."""
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named("a", usd="0.5"), record_named("b", usd=None)])
    ledger.add("run-001", [record_named("a", "answer", usd=None)])

    (refund,), (answer,) = ledger.history(FlowName("refund")), ledger.history(FlowName("answer"))
    assert ("0.5", 1, None, 1) == (refund.cost_usd, refund.unknown_cost, answer.cost_usd, answer.unknown_cost)


def test_history_of_free_calls_costs_nothing(ledger: Ledger) -> None:
    """A cost of 0 is known."""
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named("a", usd="0.000")])

    assert "0" == ledger.history(FlowName("refund"))[0].cost_usd


def test_history_quantiles_are_over_case_means(ledger: Ledger) -> None:
    """Latency is weighed by case: five slow samples of one case count as one case."""
    slow = record_named("slow", ms=900.0, samples=5)
    fast = [record_named(f"fast-{n}", ms=100.0 * n) for n in (1, 2)]
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [slow, *fast])

    (row,) = ledger.history(FlowName("refund"))
    assert (200.0, pytest.approx(830.0), 3) == (row.p50_ms, row.p95_ms, row.n)


def test_history_adds_the_calls_of_a_chain(ledger: Ledger) -> None:
    """A sample of two calls took as long as both, and one that lacks an answer has no latency."""
    chain, broken = record_named("chain", ms=300.0), record_named("broken", ms=300.0)
    second = dataclasses.replace(chain.candidate[0], ordinal=1)
    lost = dataclasses.replace(broken.candidate[0], ordinal=1, served_model=None, cost_usd=None)
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [dataclasses.replace(chain, candidate=(*chain.candidate, second))])
    ledger.add("run-001", [dataclasses.replace(broken, candidate=(*broken.candidate, lost))])

    (row,) = ledger.history(FlowName("refund"))
    assert (600.0, 1) == (row.p50_ms, row.n)


def test_history_keeps_cold_and_warm_samples_apart(ledger: Ledger) -> None:
    """An answer whose prompt was cached is faster for a reason that is not the model's: the commoner kind is told."""
    mixed = record_named("a", ms=800.0, samples=2)
    first, second = mixed.candidate
    warm = dataclasses.replace(second, usage=Usage(240, 200, None, 32, 0), timing=Timing(100.0))
    ledger.start(run_named("run-001"))
    ledger.start(run_named("run-002"))
    ledger.add("run-001", [dataclasses.replace(mixed, candidate=(first, warm))])
    ledger.add("run-002", [dataclasses.replace(record_named("b", ms=800.0), candidate=(warm,))])

    newer, older = ledger.history(FlowName("refund"))
    assert (100.0, 1, 800.0, 1) == (newer.p50_ms, newer.n, older.p50_ms, older.n)


def test_history_counts_verdicts(ledger: Ledger) -> None:
    """A row tells how many cases ended in which verdict, and whose goldens they were compared with."""
    same = record_named("c")
    same = dataclasses.replace(same, comparison=dataclasses.replace(same.comparison, verdict=CaseVerdict.SAME))
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named("a"), record_named("b"), same])

    (row,) = ledger.history(FlowName("refund"))
    assert (3, {"drift": 2, "same": 1}) == (row.cases, row.verdicts)
    assert (same.comparison.baseline,) == row.baselines


def test_history_has_recording_runs_too(ledger: Ledger) -> None:
    """What recording a flow cost stands in the same history."""
    ledger.start(run_named("run-001", kind="record"))
    ledger.add("run-001", [dataclasses.replace(record_named("a", candidate="gpt-4o", usd="0.25"), baseline=())])

    (row,) = ledger.history(FlowName("refund"))
    assert ("record", "gpt-4o", "0.25") == (row.run.kind, row.candidate, row.cost_usd)


def test_absurd_usage_does_not_break_history(ledger: Ledger) -> None:
    """Calls that claim to cost millions are added up like any others."""
    ledger.start(run_named("run-001"))
    ledger.add("run-001", [record_named(f"case-{n}", usd="9000000") for n in range(4)])

    assert "36000000" == ledger.history(FlowName("refund"))[0].cost_usd
