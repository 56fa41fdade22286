"""What `--fail-on` may say, and when it closes the gate."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import evidence, latency, replay

from migrate.errors import UsageProblem
from migrate.evidence import Gates, Standing, parse_fail_on, standing
from migrate.vocabulary import CaseVerdict, FlowEvidence

COUNTS = {CaseVerdict.SAME: 7, CaseVerdict.BREAKING: 2, CaseVerdict.DRIFT: 1, CaseVerdict.UNSTABLE_BASELINE: 3}


@pytest.mark.parametrize(
    ("text", "gates"),
    [
        ("breaking", Gates(breaking=True)),
        ("breaking,drift", Gates(breaking=True, drift=True)),
        (" Unstable , drift ,", Gates(drift=True, unstable=True)),
        ("cost:+10%", Gates(cost=Decimal(10))),
        ("cost:10%,p95:+20%", Gates(cost=Decimal(10), p95=Decimal(20))),
        ("breaking,cost : -12.5 %", Gates(breaking=True, cost=Decimal("-12.5"))),
        ("p95:+0%", Gates(p95=Decimal(0))),
    ],
)
def test_what_a_list_means(text: str, gates: Gates) -> None:
    """Words, limits in percent, in any order and case."""
    assert gates == parse_fail_on(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--fail-on names no gate\na list of: breaking, drift, unstable, cost:+10%, p95:+20%"),
        (" , ", "--fail-on names no gate\na list of: breaking, drift, unstable, cost:+10%, p95:+20%"),
        ("braking", '--fail-on does not know "braking"\ndid you mean "breaking"?'),
        (
            "everything",
            '--fail-on does not know "everything"\na list of: breaking, drift, unstable, cost:+10%, p95:+20%',
        ),
        ("cost", '--fail-on cannot read "cost"\na growth in percent is meant: cost:+10%'),
        ("cost:+10", '--fail-on cannot read "cost:+10"\na growth in percent is meant: cost:+10%'),
        ("p95:fast", '--fail-on cannot read "p95:fast"\na growth in percent is meant: p95:+10%'),
        ("p99:+10%", '--fail-on does not know "p99:+10%"\ndid you mean "p95"?'),
        ("cost:+10%,cost:+20%", '--fail-on names "cost" twice\none limit each'),
    ],
)
def test_what_cannot_be_read_says_how_to_write_it(text: str, message: str) -> None:
    """A gate with a typo is never a gate that is open."""
    with pytest.raises(UsageProblem) as caught:
        parse_fail_on(text)
    assert message == str(caught.value)


@given(st.text(max_size=20))
def test_any_text_is_gates_or_a_clear_refusal(text: str) -> None:
    """There is no third outcome, and gates that were read do ask for something."""
    try:
        gates = parse_fail_on(text)
    except UsageProblem:
        return
    assert gates != Gates()


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("breaking", ["2 of 13 cases breaking"]),
        ("drift", ["1 of 13 cases drifting"]),
        ("unstable", ["3 of 13 cases with an unstable baseline"]),
        (
            "unstable,drift,breaking",
            ["2 of 13 cases breaking", "1 of 13 cases drifting", "3 of 13 cases with an unstable baseline"],
        ),
    ],
)
def test_verdicts_close_the_gates_that_ask_for_them(text: str, reasons: list[str]) -> None:
    """Each reason names flow, candidate and how many cases."""
    found = parse_fail_on(text).closed([evidence(verdicts=COUNTS), evidence("fine", verdicts={CaseVerdict.SAME: 1})])
    assert [f"refund against gpt-4.1: {reason}" for reason in reasons] == found


def test_a_case_without_a_golden_closes_every_gate() -> None:
    """What was compared with nothing did not pass."""
    found = parse_fail_on("drift").closed([evidence(verdicts={CaseVerdict.NO_GOLDEN: 2, CaseVerdict.SAME: 1})])
    assert ["refund against gpt-4.1: 2 of 3 cases without a golden, so compared with nothing"] == found


@pytest.mark.parametrize(
    ("text", "verdicts", "said"),
    [
        (
            "breaking",
            {CaseVerdict.DRIFT: 13, CaseVerdict.SAME: 27},
            "13 of 40 cases drifting; --fail-on breaking,drift would close it",
        ),
        (
            "cost:+10%",
            {CaseVerdict.BREAKING: 2, CaseVerdict.DRIFT: 1},
            "2 of 3 cases breaking, 1 of 3 cases drifting; --fail-on cost:+10%,breaking,drift would close it",
        ),
        ("breaking", {CaseVerdict.SAME: 3}, "no gate that --fail-on knows looks at what it shows"),
    ],
)
def test_an_unsafe_flow_that_closes_no_gate_says_what_would(
    text: str, verdicts: dict[CaseVerdict, int], said: str
) -> None:
    """Changes of meaning alone make a flow unsafe and stop no run by default: what to ask for is ready to be typed."""
    unsafe = replace(evidence(verdicts=verdicts, ratio=1.0), verdict="unsafe")
    gates = parse_fail_on(text)
    assert [f"refund against gpt-4.1 is unsafe: {said}"] == gates.left_open([unsafe])
    assert not gates.closed([unsafe])
    found = standing(replay(), [unsafe], gates)
    assert (found.left_open, found.fine) == ((f"refund against gpt-4.1 is unsafe: {said}",), True)


def test_an_unsafe_flow_that_closes_a_gate_is_told_once() -> None:
    """As a closed gate; and of flows that are not unsafe nothing is said."""
    unsafe = replace(evidence(verdicts=COUNTS), verdict="unsafe")
    gates = parse_fail_on("breaking")
    assert (1, []) == (len(gates.closed([unsafe])), gates.left_open([unsafe]))
    drifting = evidence(verdicts={CaseVerdict.DRIFT: 13})
    assert [] == gates.left_open([drifting, replace(drifting, verdict="insufficient")])


def test_broken_cases_that_a_list_lets_pass_are_told() -> None:
    """`drift` alone asks for nothing of a broken contract: who meant both learns what would ask for them."""
    broken = evidence(verdicts={CaseVerdict.SAME: 2, CaseVerdict.BREAKING: 1})
    said = "refund against gpt-4.1: 1 of 3 cases breaking; --fail-on drift,breaking would close it"
    assert [said] == parse_fail_on("drift").left_open([broken])
    assert [] == parse_fail_on("breaking").left_open([broken])


MEASURED = evidence(ratio=1.1, before=latency(100, 200, 60), after=latency(120, 250, 60, "simulated, live"))


@pytest.mark.parametrize(
    ("text", "flow", "reasons"),
    [
        ("cost:+10%", MEASURED, []),
        ("cost:+9.9%", MEASURED, ["cost +10.0%, more than +9.9%"]),
        ("cost:-5%", evidence(ratio=0.96), ["cost -4.0%, more than -5%"]),
        ("cost:+10%", evidence(), ["cost cannot be judged: no case has a known cost on both sides (0 calls unknown)"]),
        ("cost:+10%", evidence(ratio=0.5, unknown=(1, 2)), ["cost cannot be judged: 3 calls have no known cost"]),
        ("p95:+25%", MEASURED, []),
        (
            "p95:+20%",
            MEASURED,
            ["p95 +25.0%, more than +20% (simulated, live, n 60, against live, n 60)"],
        ),
        ("p95:+20%", evidence(after=latency(1, 2, 3)), ["p95 cannot be judged: the baseline's latency is not known"]),
        ("p95:+20%", evidence(before=latency(1, 2, 3)), ["p95 cannot be judged: the candidate's latency is not known"]),
        (
            "p95:+20%",
            evidence(before=latency(1, 2, 3), after=latency(1, 2, 3, "live, warm prompt cache")),
            ["p95 cannot be judged: live against live, warm prompt cache"],
        ),
    ],
)
def test_limits_close_when_passed_and_when_nobody_knows(text: str, flow: FlowEvidence, reasons: list[str]) -> None:
    """A growth that equals its limit passes; an unknown figure never does."""
    assert [f"refund against gpt-4.1: {reason}" for reason in reasons] == parse_fail_on(text).closed([flow])


@given(st.integers(1, 10**6), st.integers(-99, 300))
def test_the_limit_itself_is_kept(baseline: int, growth: int) -> None:
    """For any figures a growth of exactly the limit leaves the gate open, and a hundredth more closes it."""
    gates = parse_fail_on(f"p95:{growth:+}%")
    at, past = (
        evidence(before=latency(1, baseline, 9), after=latency(1, baseline * (100 + more) / 100, 9))
        for more in (growth, growth + 1)
    )
    assert gates.closed([at]) == []
    assert len(gates.closed([past])) == 1


# --- standing ---------------------------------------------------------------------------------------------


FINE = [evidence(verdicts={CaseVerdict.SAME: 3})]


def test_a_run_without_complaints_is_fine() -> None:
    """Complete, judged, nothing breaking."""
    found = standing(replay(accounts={"planned": 3, "judged": 3}), FINE, parse_fail_on("breaking"))
    assert Standing((), (), ()) == found
    assert found.fine


def test_every_complaint_is_told_in_its_own_list() -> None:
    """Closed gates, stale goldens and missing replies have different remedies."""
    counts = {CaseVerdict.BREAKING: 1, CaseVerdict.STALE_GOLDEN: 2, CaseVerdict.NO_REPLY: 3}
    run = replay(state="incomplete", accounts={"planned": 8, "judged": 3, "no_reply:timeout": 3, "not_run:-x": 2})
    found = standing(run, [evidence(verdicts=counts)], parse_fail_on("breaking"))
    assert ("refund against gpt-4.1: 1 of 6 cases breaking",) == found.closed
    assert ("refund against gpt-4.1: 2 of 6 cases have a stale golden",) == found.stale
    assert (
        "run 20261102-100000-ab12 is incomplete",
        "refund against gpt-4.1: 3 of 6 cases lack a reply",
        "2 cases not run: -x",
    ) == found.incomplete
    assert not found.fine


@pytest.mark.parametrize("state", ["running", "incomplete", "interrupted"])
def test_only_a_complete_run_is_fine(state: str) -> None:
    """A run that is not over, or was cut short, never passes."""
    found = standing(replay(state=state), FINE, parse_fail_on("breaking"))
    assert (f"run 20261102-100000-ab12 is {state}",) == found.incomplete


def test_a_run_without_cases_is_not_fine() -> None:
    """Nothing judged is nothing shown."""
    found = standing(replay(), [], parse_fail_on("breaking"))
    assert ("run 20261102-100000-ab12 has no judged case",) == found.incomplete
