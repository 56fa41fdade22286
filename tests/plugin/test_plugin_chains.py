"""A chain under a candidate that is told by step: each step is asked of its own model, and paid for by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_project import Project, opened

CHAIN = """\
name: Digest
steps:
  - step: notes
    model: gpt-4o-mini
    for_each: "{{ parts }}"
    parse: json
    jsonSchema: {type: object, required: [note], properties: {note: {type: string}}}
    messages: [{role: user, content: "Note: {{ item }}"}]
  - step: answer
    model: gpt-4o
    messages: [{role: user, content: "Sum up:{% for one in steps.notes %} {{ one.note }}{% endfor %}"}]
cases:
  - {id: two, inputs: {parts: [first, second]}, expected: Both., expected_steps: {notes: [{note: A}, {note: B}]}}
"""
SINGLE = """\
name: Alone
model: gpt-4o
messages: [{role: user, content: "Alone {{ text }}"}]
cases:
  - {id: one, inputs: {text: x}, expected: One.}
"""
FIRST, SECOND, SUM = "Note: first", "Note: second", "Sum up: A B"


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Project]:
    """A project with a chain of two steps and a single prompt, recorded, one sample a case."""
    with opened(tmp_path / "project", prompts={"digest": CHAIN, "alone": SINGLE}) as project:
        project.configure(samples=1)
        for model in ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"):
            project.say(model, {FIRST: '{"note": "A"}', SECOND: '{"note": "B"}', SUM: "Both.", "Alone x": "One."})
        project.run("--golden=new", "-q").assert_outcomes(passed=2)
        project.models.counts.clear()
        yield project


def test_each_step_is_asked_of_the_model_it_is_given(chain: Project) -> None:
    """`--model answer:gpt-4.1,notes:gpt-4.1-mini` asks those two, as often as the steps run, and nobody else."""
    result = chain.run("--model", "answer:gpt-4.1,notes:gpt-4.1-mini", "-v")
    result.assert_outcomes(passed=1)
    assert "digest.prompt.yml::two[answer:gpt-4.1,notes:gpt-4.1-mini]" in result.stdout.str()
    assert {("gpt-4.1-mini", FIRST): 1, ("gpt-4.1-mini", SECOND): 1, ("gpt-4.1", SUM): 1} == chain.models.counts


def test_steps_that_are_not_named_stay_at_the_model_of_today(chain: Project) -> None:
    """A flow without the step is left out; the other step is asked of today's model again."""
    chain.run("--model", "answer:gpt-4.1").assert_outcomes(passed=1)
    assert Counter({"gpt-4o-mini": 2, "gpt-4.1": 1}) == Counter(
        model for (model, _), count in chain.models.counts.items() for _ in range(count)
    )


def test_each_step_is_paid_for_by_its_own_model(chain: Project) -> None:
    """`compare` tells calls and cost by step; the flow costs what its steps cost together."""
    chain.run("--model", "answer:gpt-4.1,notes:gpt-4.1-mini")
    (flow,) = chain.compared()["flows"]
    # Every call reads 6 + 4 cached tokens and writes 2.
    steps = {step["step"]: (step["calls"]["candidate"], step["cost_usd"]) for step in flow["steps"]}
    notes, answer = steps["notes"], steps["answer"]
    assert (2, "0.0000048", "0.000012") == (notes[0], notes[1]["baseline"], notes[1]["candidate"])
    assert (1, "0.00004", "0.00003") == (answer[0], answer[1]["baseline"], answer[1]["candidate"])
    assert "0.0000448" == flow["cost_usd"]["baseline"]


def test_what_breaks_in_a_step_is_told_by_the_step(chain: Project) -> None:
    """A candidate that wraps its notes in prose breaks that step's contract, and the finding names its call."""
    chain.say("gpt-4.1-mini", {FIRST: 'Sure: {"note": "A"}'})
    chain.run("--model", "notes:gpt-4.1-mini").assert_outcomes(failed=1)
    (flow,) = chain.compared()["flows"]
    assert ["$calls[0]"] == [group["path"] for group in flow["groups"] if group["rung"] == "parsed"]
