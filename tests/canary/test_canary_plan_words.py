"""A plan of several flows as a release manager reads it: where each stands first, and what they share once."""

from __future__ import annotations

from dataclasses import replace

from canary_nouns import plan, rollout

from migrate.canary import Rollout
from migrate.canary.nouns import Behaviour
from migrate.presenting.canary_plan import plan_lines, plan_markdown
from migrate.vocabulary import FlowName

LEAVES = "gpt-4.1 leaves the API on 2027-01-14"


def flow(name: str, **facts: object) -> Rollout:
    return replace(rollout(), flow=FlowName(name), **facts)  # type: ignore[arg-type]


def parts(*rollouts: Rollout) -> list[list[str]]:
    """The lines of a plan, in the paragraphs in which they stand."""
    text = "\n".join(plan_lines(plan(*rollouts), width=80))
    return [part.split("\n") for part in text.split("\n\n")]


def row(excess: float, rolled_back: float) -> Behaviour:
    return Behaviour(excess, 400, 1 - rolled_back, rolled_back, 0.0, 1.0, 1.0, 2.0)


def test_a_plan_of_several_flows_begins_with_where_each_stands() -> None:
    """A row each: verdict, first share, from which day, how many days; of what may not start only that."""
    ready = flow("refund", verdict="ready")
    blocked = flow("triage", verdict="do_not_start")
    _, overview, *_ = parts(ready, blocked)
    first = f"{ready.stages[0].share * 100:g}%"
    assert ["refund", ready.candidate, "ready", first, str(ready.starts_on_day), str(ready.days)] == overview[1].split()
    assert ["triage", ready.candidate, "do", "not", "start", "-", "-", "-"] == overview[2].split()
    assert parts(ready)[1][0].startswith("refund: ")


def test_what_several_flows_share_is_said_once_with_whose_it_is() -> None:
    """Under all flows, those of most first; a caveat of one flow stays with it, and so does why one may not start."""
    flows = (
        flow("refund", verdict="ready", reasons=(LEAVES,), assumptions=("of all", "of two", "of one")),
        flow("triage", verdict="ready_modified", reasons=(LEAVES,), assumptions=("of all", "of two")),
        flow("notes", verdict="do_not_start", reasons=(LEAVES,), assumptions=("of all",)),
    )
    for text in ("\n".join(plan_lines(plan(*flows), width=80)), "\n".join(plan_markdown(plan(*flows)))):
        assert (1, 1, 1) == tuple(text.count(f"- {words}") for words in ("of all", "of two", "of one"))
        assert 2 == text.count(LEAVES)
    told = parts(*flows)
    every, two = (
        next(part for part in told if part[0] == f"of {whose}:") for whose in ("every flow", "refund, triage")
    )
    assert "  - evidence of run 20260115-100000-abcd" in every
    said = [line for line in two if LEAVES in line or line.startswith("  - of ")]
    assert [f"  - {LEAVES}", "  - of all", "  - of two"] == said
    notes = next(part for part in told if part[0].startswith("notes: "))
    assert f"  - {LEAVES}" == notes[1]


def test_of_what_must_not_start_no_assumption_is_told() -> None:
    """Nothing was planned: the evidence remains, and says which metric it is of."""
    told = "\n".join(plan_lines(plan(flow("refund", verdict="do_not_start", assumptions=("of one",))), width=80))
    assert ("of one" in told, "planned with" in told) == (False, False)
    assert "offline, contract: +1 points worse in 100 cases (-2 to +4)" in told


def test_nobody_is_told_ready_of_what_the_replay_speaks_against() -> None:
    """In the row and in the headline: a closed gate before an estimate past the margin."""
    gate, past = "the replay closed its gate: 2 of 9 cases breaking", "past the margin by the best estimate: contract"
    both = flow("refund", verdict="ready_modified", reasons=(gate, past), doubts=("gate_closed", "past_margin"))
    one = flow("triage", verdict="cannot_reach_power", reasons=(past,), doubts=("past_margin",))
    told = parts(both, one)
    assert "ready, gate closed" in told[1][1]
    assert "cannot reach power, past margin" in told[1][2]
    assert told[2][0].startswith(f"refund: gpt-4o -> {both.candidate}: ready, gate closed, ")


def test_cases_that_two_metrics_name_are_named_once() -> None:
    """The second says that they are the same."""
    reasons = ("worse in a, b", "agreement worse in a, b", "agreement worse in c")
    told = parts(flow("refund", verdict="do_not_start", reasons=reasons))
    assert ["  - worse in a, b", "  - agreement worse in the same cases", "  - agreement worse in c"] == told[1][1:4]


def test_what_is_always_rolled_back_ends_the_table() -> None:
    """A larger excess is left to `--explain behaviour`, which is said; Markdown has every row."""
    made = flow("refund", verdict="ready", behaviour=(row(0.0, 0.0), row(0.02, 0.5), row(0.04, 1.0), row(0.08, 1.0)))
    lines = plan_lines(plan(made), width=80)
    assert ["0", "2", "4"] == [line.split()[0] for line in lines if " points  " in line]
    assert "always rolled back: --explain behaviour" in " ".join(" ".join(lines).split())
    assert any("8 points" in line for line in plan_markdown(plan(made)))


def test_a_plan_says_how_it_stands_to_a_route_and_which_is_next() -> None:
    """What is ready is rolled out; what the replay speaks against is mended; where none may start nothing is said."""
    ready = flow("refund", verdict="ready", reasons=())
    doubted = flow("triage", verdict="ready_modified", doubts=("gate_closed",))
    blocked = flow("notes", verdict="do_not_start")

    def told(*rollouts: Rollout) -> str:
        return " ".join(" ".join(plan_lines(plan(*rollouts), width=80)).split())

    thinner = "a canary may start on thinner evidence than route wants for a switch, for it stops itself: "
    assert f"{thinner}for what is ready it is the next step; a switch" in told(ready, blocked)
    assert f"{thinner}here mending what got worse is the next step; a switch" in told(doubted)
    assert "for what the replay speaks against (gate closed, past margin) mending is; a switch" in told(ready, doubted)
    assert thinner not in told(blocked)
