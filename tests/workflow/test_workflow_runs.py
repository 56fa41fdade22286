"""The accounts of a run: planned = judged + no replies + skipped + not run, or the run is incomplete."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate import __version__
from migrate.canonical import stamp
from migrate.vocabulary import CaseId, CaseVerdict, FlowName, NoReplyKind
from migrate.workflow.fold import Folded
from migrate.workflow.runs import close_run, new_run

NOW = dt.datetime(2026, 1, 15, 10, 30, 0, 123_456, tzinfo=dt.timezone(dt.timedelta(hours=2)))
LATER = NOW + dt.timedelta(minutes=5)
RUN = new_run("replay", NOW, candidates=("gpt-4.1",), command="pytest --model gpt-4.1", samples=3)


def folded(judged: int = 0, *, silent: int = 0, untried: int = 0, unwritten: int = 0) -> Folded:
    """Return what journals held: so many cases judged, without a reply, never asked, recorded and not written."""
    verdicts = Counter({CaseVerdict.SAME: judged + unwritten, CaseVerdict.NO_REPLY: silent + untried})
    return Folded(
        RUN,
        cases=judged + silent + untried + unwritten,
        verdicts=verdicts,
        no_replies=Counter({"timeout": silent} if silent else {}),
        not_run=Counter({"budget": untried} if untried else {}),
        unwritten={(FlowName("refund"), CaseId(f"c{number}")) for number in range(unwritten)},
    )


def test_a_run_starts_with_a_name_that_sorts_by_time():
    """The id begins with the moment of the clock at hand; what else is known of the run is taken in as it is."""
    run = new_run("replay", NOW, candidates=("gpt-4.1",), command="pytest --model gpt-4.1", samples=3)
    assert run.id.startswith("20260115-103000-")
    assert len("20260115-103000-") + 4 == len(run.id)
    assert ("replay", "2026-01-15T08:30:00.123Z", ("gpt-4.1",), __version__, "pytest --model gpt-4.1", 3) == (
        run.kind,
        run.started_at,
        run.candidates,
        run.tool_version,
        run.command,
        run.samples,
    )
    assert run.python_version.startswith("3.")


def test_a_stamp_is_of_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch):
    """The same moment has the same text in New York."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert "2026-01-15T08:30:00.123Z" == stamp(NOW)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_case_that_nobody_accounts_for_is_missing():
    """Without a word of why the run ended early it is incomplete all the same."""
    closed = close_run(RUN, LATER, folded(1), planned=2)
    assert ("incomplete", {"planned": 2, "judged": 1, "not_run:missing": 1}) == (closed.state, closed.accounts)


def test_all_judged_is_complete():
    """Nothing is missing: two accounts, and the run has its end in UTC."""
    closed = close_run(RUN, LATER, folded(4), planned=4)
    assert ("complete", {"planned": 4, "judged": 4}) == (closed.state, closed.accounts)
    assert "2026-01-15T08:35:00.123Z" == closed.finished_at == stamp(LATER)
    assert (RUN.id, RUN.started_at) == (closed.id, closed.started_at)


def test_a_case_without_a_reply_has_its_account_and_the_run_is_complete():
    """It was asked and nobody answered: an account by kind, and nothing that a resumed run would have to plan anew."""
    closed = close_run(RUN, LATER, folded(2, silent=1), planned=3)
    assert ("complete", {"planned": 3, "judged": 2, "no_reply:timeout": 1}) == (closed.state, closed.accounts)


def test_skipped_cases_are_accounted_for_by_reason():
    """What the user's own suite skips is neither judged nor missing."""
    closed = close_run(RUN, LATER, folded(1), planned=3, skipped={"needs a GPU": 2})
    assert ("complete", {"planned": 3, "judged": 1, "skipped:needs a GPU": 2}) == (closed.state, closed.accounts)


def test_cases_never_asked_leave_the_run_incomplete():
    """The run was stopped before them: accounted for by the reason, and to be resumed."""
    closed = close_run(RUN, LATER, folded(1, untried=2), planned=3)
    assert ("incomplete", {"planned": 3, "judged": 1, "not_run:budget": 2}) == (closed.state, closed.accounts)


def test_a_golden_that_could_not_be_written_leaves_the_run_incomplete():
    """Its case was answered and is not judged: there is nothing to judge against."""
    closed = close_run(RUN, LATER, folded(2, unwritten=1), planned=3)
    assert "incomplete" == closed.state
    assert {"planned": 3, "judged": 2, "not_run:golden not written": 1} == closed.accounts


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "missing"),
        ("stopping after 1 failures", "stopping after 1 failures"),
        ("budget: the cost cap of the run does not hold another call", "budget"),
        ("budget: the cap: 1 USD", "budget"),
        ("house rule: no more", "house rule: no more"),
    ],
)
def test_a_case_without_a_record_is_not_run(said: str, reason: str):
    """Its reason is what ended the run, by its kind where it is one of ours; without a reason it is missing."""
    closed = close_run(RUN, LATER, folded(1), planned=4, not_run=said)
    assert ("incomplete", {"planned": 4, "judged": 1, f"not_run:{reason}": 3}) == (closed.state, closed.accounts)


def test_those_without_a_record_join_those_that_were_told():
    """Stopped for the budget: cases that were told so and cases nobody came to are one account."""
    closed = close_run(RUN, LATER, folded(1, untried=2), planned=6, not_run="budget: the cap")
    assert {"planned": 6, "judged": 1, "not_run:budget": 5} == closed.accounts


def test_a_record_too_many_is_no_complete_run():
    """More accounts than were planned is a defect, and never passed as a whole run."""
    assert "incomplete" == close_run(RUN, LATER, folded(3), planned=2).state


COUNT = st.integers(0, 5)


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_the_accounts_add_up(judged: int, silent: int, untried: int, unwritten: int, skipped: int, lost: int):
    """Whatever came of the cases, what was planned is the sum of the other accounts; complete if all had an end."""
    planned = judged + silent + untried + unwritten + skipped + lost
    held = folded(judged, silent=silent, untried=untried, unwritten=unwritten)
    reasons = {"reason": skipped} if skipped else None
    closed = close_run(RUN, LATER, held, planned=planned, skipped=reasons, not_run=NoReplyKind.QUOTA.value)
    accounts = dict(closed.accounts)
    assert planned == accounts.pop("planned") == sum(accounts.values())
    assert ("incomplete" if untried or unwritten or lost else "complete") == closed.state
