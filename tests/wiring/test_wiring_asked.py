"""What a candidate was asked: put together again, and shown only where it gives the very key that was sent."""

from __future__ import annotations

from dataclasses import replace

from measured import compared, record

from migrate.canonical import request_of
from migrate.ports import CaseRecord
from migrate.rendering import parse_candidate, render
from migrate.vocabulary import (
    Answer,
    Call,
    Case,
    CaseId,
    Chain,
    Flow,
    FlowName,
    Golden,
    Json,
    Judged,
    MessageTemplate,
    Prompt,
    Reply,
    Request,
    Rung,
    Sample,
    Step,
)
from migrate.wiring.asked import Asked


def as_it_is(value: Json) -> Json:
    return value


class Plain:
    """A redactor that leaves everything as it is."""

    def value(self, value: Json) -> Json:
        return value


REDACTOR = Plain()
CASE = Case(CaseId("late-parcel"), {"question": "Where is my parcel?"})


def prompt(content: str) -> Prompt:
    return Prompt((MessageTemplate("user", content),), "gpt-4o")


PLAIN = Flow(FlowName("refund"), prompt("Sort: {{ question }}"), (CASE,))
STEPS = (Step("read", prompt("Read: {{ question }}")), Step("reply", prompt("Reply to {{ steps.read }}")))
CHAINED = Flow(FlowName("refund"), STEPS[1].prompt, (CASE,), chain=Chain(STEPS))


def only_key(request: Request, model: str) -> Request:
    """A request as the ledger has it: its model and its keys."""
    return replace(request, body={"model": model})


def answered(request: Request, text: str, ordinal: int = 0) -> Call:
    return Call(request, Reply(Answer(text), "gpt-4.1"), ordinal=ordinal)


def replayed(*calls: Call) -> CaseRecord:
    sample = Judged(Sample(1, calls, Answer("done")), {Rung.ANSWERED: True})
    return replace(record(compared("late-parcel")), samples=(sample,))


def sent(text: str, model: str = "gpt-4.1") -> Request:
    return request_of("chat", {"model": model, "messages": [{"role": "user", "content": text}]}, as_it_is)


def test_a_prompt_is_rendered_again_under_its_key() -> None:
    """The prompt file still gives what was asked: the whole request is shown."""
    asked = render(PLAIN, CASE, model="gpt-4.1", redact=as_it_is)
    found = Asked({PLAIN.name: PLAIN}, REDACTOR).of(replayed(answered(only_key(asked, "gpt-4.1"), "late")), None)
    assert {asked.request_key: asked} == found


def test_a_prompt_that_was_edited_since_is_not_shown_as_sent() -> None:
    """Another text has another key: only the key of what was asked is known."""
    asked = sent("Sort this: Where is my parcel?")
    assert {} == Asked({PLAIN.name: PLAIN}, REDACTOR).of(replayed(answered(only_key(asked, "gpt-4.1"), "late")), None)


def test_the_goldens_question_to_another_model_needs_no_prompt_file() -> None:
    """Where the key says that only the model differs, the golden's text is what was sent."""
    before, after = sent("Sort it.", "gpt-4o"), sent("Sort it.", "gpt-4.1")
    golden = Golden(FlowName("refund"), CaseId("late-parcel"), "gpt-4o", (before,), ())
    assert {after.request_key: after} == Asked({}, REDACTOR).of(
        replayed(answered(only_key(after, "gpt-4.1"), "x")), golden
    )


def test_the_later_questions_of_a_chain_are_made_of_its_own_answers() -> None:
    """Each sample is played again with what it was answered: every call shows the text that was sent."""
    first, second = sent("Read: Where is my parcel?"), sent("Reply to a parcel is missing")
    calls = (
        answered(only_key(first, "gpt-4.1"), "a parcel is missing"),
        answered(only_key(second, "gpt-4.1"), "done", ordinal=1),
    )
    found = Asked({CHAINED.name: CHAINED}, REDACTOR).of(replayed(*calls), None)
    assert {first.request_key: first, second.request_key: second} == found


def test_a_chain_whose_later_step_was_edited_shows_what_is_still_known() -> None:
    """The first question is whole, the second stays a key."""
    first, second = sent("Read: Where is my parcel?"), sent("Answer: a parcel is missing")
    calls = (
        answered(only_key(first, "gpt-4.1"), "a parcel is missing"),
        answered(only_key(second, "gpt-4.1"), "done", ordinal=1),
    )
    found = Asked({CHAINED.name: CHAINED}, REDACTOR).of(replayed(*calls), None)
    assert {first.request_key: first} == found


def test_a_candidate_that_names_no_variant_there_is_shows_keys() -> None:
    """The variant left the prompt file after the run: no traceback, no text that was not sent."""
    asked = sent("Sort: Where is my parcel?")
    gone = replayed(answered(only_key(asked, "gpt-4.1"), "late"))
    gone = replace(gone, comparison=replace(gone.comparison, candidate="gpt-4.1@terse"))
    assert "terse" == parse_candidate(gone.comparison.candidate).variant
    assert {} == Asked({PLAIN.name: PLAIN}, REDACTOR).of(gone, None)
