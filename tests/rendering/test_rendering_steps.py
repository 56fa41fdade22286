"""Chains played out: what each step sees, which calls are due together, and how a sample ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migrate.errors import InventoryProblem
from migrate.rendering import baseline_of, chain_digest, models_of, parse_candidate, rehearse
from migrate.rendering.steps import Ending, Read, changed_steps, first_request, play_of
from migrate.vocabulary import (
    Answer,
    Call,
    Candidate,
    Case,
    CaseId,
    Chain,
    Chunks,
    Flow,
    FlowName,
    Json,
    MessageTemplate,
    NoReply,
    NoReplyKind,
    Passage,
    Prompt,
    Reply,
    Retrieval,
    Step,
    Variant,
    When,
)

CASE = Case(CaseId("zip"), {"question": "Where is my tent?", "parts": ["a", "b"], "text": "one two\n" * 30})
SMALL, LARGE = "gpt-4o-mini", "gpt-4o"


def step(name: str, text: str, model: str = SMALL, **more: Any) -> Step:
    return Step(name, Prompt((MessageTemplate("user", text),), model), **more)


def flow_of(*steps: Step, answer: str | None = None, case: Case = CASE) -> Flow:
    chain = Chain(steps, answer)
    return Flow(FlowName("claim"), steps[-1].prompt, (case,), chain=chain)


def asked(
    flow: Flow, answers: Callable[[str, str], Any], candidate: Candidate | None = None
) -> tuple[list[str], Ending]:
    """Play a chain; `answers` says by step and message what comes back: a value, or a fault of the road.

    Return `step model: message`, calls that are due together in one entry, and the ending.
    """
    seen: dict[str, Json] = {}

    def read(step: Step, answer: Answer) -> Read:
        value = seen[answer.text or ""]
        return Read(None, failed=True) if value is FAILED else Read(value)

    play = play_of(flow, flow.cases[0], candidate or baseline_of(flow), lambda value: value, read)
    lines: list[str] = []
    try:
        due = next(play)
        while True:
            calls, together = [], []
            for one in due:
                text = one.request.body["messages"][0]["content"]
                value = answers(one.step.name, text)
                seen[key := f"{len(lines)}.{len(calls)}"] = value
                reply = value if isinstance(value, NoReply) else Reply(Answer(key), one.request.model)
                calls.append(Call(one.request, reply))
                together.append(f"{one.step.name} {one.request.model}: {text}")
            lines.append(" | ".join(together))
            due = play.send(tuple(calls))
    except StopIteration as over:
        return lines, over.value


FAILED = object()


def test_a_step_sees_what_the_steps_before_it_were_answered() -> None:
    """Values are values: a template reaches into them, a repeated step goes over a list of them."""
    flow = flow_of(
        step("plan", "{{ question }}"),
        step("look", "{{ item.word }} {{ item_number }}/{{ item_count }}", for_each="{{ steps.plan.words }}"),
        step("reply", "{{ question }} {{ steps.look | join(', ') }}", LARGE),
    )
    said = {"plan": {"words": [{"word": "tent"}, {"word": "bag"}]}, "look": "found", "reply": "Here."}
    lines, ending = asked(flow, lambda name, text: said[name] if name != "look" else text.upper())
    assert [
        "plan gpt-4o-mini: Where is my tent?",
        "look gpt-4o-mini: tent 1/2 | look gpt-4o-mini: bag 2/2",
        "reply gpt-4o: Where is my tent? TENT 1/2, BAG 2/2",
    ] == lines
    assert Ending(Answer("2.0")) == ending


def test_a_text_is_cut_into_chunks() -> None:
    """One call a chunk, all of them due at once."""
    flow = flow_of(step("notes", "{{ item }}", for_each=Chunks("text", 60)), step("sum", "{{ steps.notes | length }}"))
    lines, _ = asked(flow, lambda name, text: "noted")
    assert [2, 1] == [line.count("gpt-4o-mini: ") for line in lines]
    assert "sum gpt-4o-mini: 2" == lines[1]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"sure": 0.9}, ["first", "reply gpt-4o: null"]),
        ({"sure": 0.2}, ["first", "again", 'reply gpt-4o: {"sure": 1}']),
        (FAILED, ["first", "again", 'reply gpt-4o: {"sure": 1}']),
    ],
)
def test_a_step_is_made_when_another_one_failed_or_an_expression_holds(first: Any, expected: list[str]) -> None:
    """Escalation: by a broken contract, or by a low confidence. A step that is not made is null."""
    flow = flow_of(
        step("first", "read"),
        step("again", "read well", LARGE, when=When(("first",), "{{ steps.first.sure < 0.5 }}")),
        step("reply", "{{ steps.again | tojson }}", LARGE),
    )
    lines, _ = asked(flow, lambda name, text: first if name == "first" else {"sure": 1})
    assert expected == [line if line.startswith("reply") else line.split()[0] for line in lines]


def test_passages_are_looked_up_for_the_step_and_stay_for_later_ones() -> None:
    """`passages` holds id, title and text."""
    corpus = (Passage("P1", "A tent needs pegs.", "Tents"), Passage("P2", "A bag needs nothing."))
    look = Retrieval("{{ question }}", corpus, 1, "corpus.jsonl")
    flow = flow_of(
        step("find", "{% for p in passages %}{{ p.id }} {{ p.title }}: {{ p.text }}{% endfor %}", retrieve=look),
        step("reply", "{{ passages[0].id }}"),
    )
    lines, _ = asked(flow, lambda name, text: "")
    assert ["find gpt-4o-mini: P1 Tents: A tent needs pegs.", "reply gpt-4o-mini: P1"] == lines


def test_the_application_may_make_the_answer_itself() -> None:
    """With `answer` the final answer is a text made of the steps."""
    flow = flow_of(step("label", "{{ item }}", for_each="{{ parts }}"), answer="{{ steps.label | tojson }}")
    assert Ending(Answer('["A", "B"]')) == asked(flow, lambda name, text: text.upper())[1]


def test_a_chain_ends_without_an_answer_where_the_application_cannot_go_on() -> None:
    """What a model answered is too little for the next template: no answer, and why."""
    flow = flow_of(step("first", "x"), step("reply", "{{ steps.first.name }}"))
    lines, ending = asked(flow, lambda name, text: FAILED)
    assert ["first gpt-4o-mini: x"] == lines
    assert Ending(Answer(None), "step reply: null has no 'name'") == ending


def test_a_fault_of_the_road_ends_a_chain_without_a_verdict() -> None:
    """A call without a reply leaves the sample without an answer, and no further call is due."""
    flow = flow_of(step("first", "{{ item }}", for_each="{{ parts }}"), step("reply", "x"))
    lines, ending = asked(flow, lambda name, text: NoReply(NoReplyKind.TIMEOUT, "no") if text == "b" else "A")
    assert (1, Ending(None)) == (len(lines), ending)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([step("a", "{{ questoin }}")], '"questoin" is not among the inputs'),
        (
            [step("a", "x", for_each=Chunks("txt", 60))],
            '"txt", which is to be cut into chunks, is no text among the inputs',
        ),
        ([step("a", "x", for_each="{{ question }}")], '"for_each" must give a list'),
    ],
)
def test_a_mistake_in_the_first_step_is_the_files(steps: list[Step], words: str) -> None:
    """No model had a part in it, so it is told as a problem of the inventory."""
    flow = flow_of(*steps)
    with pytest.raises(InventoryProblem) as caught:
        first_request(flow, CASE, baseline_of(flow), lambda value: value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (None, (SMALL, LARGE)),
        ("gpt-4.1", ("gpt-4.1",)),
        ("reply:gpt-4.1", (SMALL, "gpt-4.1")),
        ("gpt-4o-mini=gpt-4.1-nano", ("gpt-4.1-nano", LARGE)),
    ],
)
def test_every_step_has_a_model_of_its_own(candidate: str | None, expected: tuple[str, ...]) -> None:
    """A candidate replaces all of them, those of today's models it maps, or those of the steps it names."""
    flow = flow_of(step("first", "x"), step("reply", "y", LARGE))
    assert expected == models_of(flow, baseline_of(flow) if candidate is None else parse_candidate(candidate))


def test_a_variant_of_a_chain_is_a_whole_chain() -> None:
    """Named by the candidate, or default for its model."""
    flow = flow_of(step("label", "{{ item }}", for_each="{{ parts }}"), answer="{{ steps.label | tojson }}")
    other = flow_of(step("all", "{{ parts | join('+') }}"), answer="{{ steps.all }}")
    variant = Variant("batched", flow.prompt, ("gpt-4.1",), other.chain)
    flow = replace(flow, variants=(variant,))
    for text in ("gpt-4o@batched", "gpt-4.1"):
        lines, _ = asked(flow, lambda name, text: text, parse_candidate(text))
        assert [f"all {text.partition('@')[0]}: a+b"] == lines


def test_the_digest_of_a_chain_names_the_steps_that_changed() -> None:
    """Wording, model, schema, corpus, condition: another step; and what stays is not named."""
    before = Chain((step("first", "x"), step("reply", "y", LARGE)))
    after = Chain((step("first", "x"), step("reply", "y!", LARGE)), "{{ steps.reply }}")
    words = changed_steps(chain_digest(before), chain_digest(after))
    assert "step reply, the answer made of the steps" == words
    assert "" == changed_steps(chain_digest(before), chain_digest(Chain(before.steps)))
    turned = Chain((before.steps[1], before.steps[0]))
    assert "the order of the steps" == changed_steps(chain_digest(before), chain_digest(turned))


def test_a_chain_is_rehearsed_with_what_its_cases_expect() -> None:
    """Later templates are filled with the expected answers; without them as far as the inputs lead."""
    steps = (step("first", "x"), step("reply", "{{ steps.first.name }} {{ steps.first.nmae }}"))
    told = replace(CASE, expected_steps={"first": {"name": "Ann"}})
    (problem,) = rehearse(flow_of(*steps, case=told))
    assert "case claim/zip: step reply: " in problem.message
    assert 'there is no "nmae" in the mapping' in problem.message
    assert [] == rehearse(flow_of(*steps))


def test_a_rehearsal_counts_the_answers_of_repeated_steps() -> None:
    """Expected answers are a list with one entry a call."""
    flow = flow_of(step("label", "{{ item }}", for_each="{{ parts }}"), answer="{{ steps.label | tojson }}")
    told = replace(CASE, expected_steps={"label": ["A"]})
    (problem,) = rehearse(replace(flow, cases=(told,)))
    assert "case claim/zip: step label is made 2 times, and 1 answers are expected" == problem.message
