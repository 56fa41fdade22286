"""What one `--model` value means, and which wording of a flow it gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.errors import UsageProblem
from migrate.rendering import parse_candidate, prompt_for
from migrate.vocabulary import Candidate, Flow, FlowName, MessageTemplate, Prompt, Variant


@pytest.mark.parametrize(
    ("text", "candidate"),
    [
        ("gpt-4.1", Candidate("gpt-4.1", model="gpt-4.1")),
        (" gpt-4.1 ", Candidate("gpt-4.1", model="gpt-4.1")),
        ("openai/gpt-4.1", Candidate("openai/gpt-4.1", model="openai/gpt-4.1")),
        ("gpt-4.1@terse", Candidate("gpt-4.1@terse", model="gpt-4.1", variant="terse")),
        ("ft:gpt-4o-mini:org::id", Candidate("ft:gpt-4o-mini:org::id", model="ft:gpt-4o-mini:org::id")),
        ("ft:gpt-4o-mini:org::id@terse", Candidate("ft:gpt-4o-mini:org::id@terse", "ft:gpt-4o-mini:org::id", "terse")),
        ("=llama3:8b@x", Candidate("=llama3:8b@x", model="llama3:8b@x")),
        (
            "gpt-4o=gpt-4.1, gpt-4o-mini=gpt-4.1-mini",
            Candidate(
                "gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini", mapping={"gpt-4o": "gpt-4.1", "gpt-4o-mini": "gpt-4.1-mini"}
            ),
        ),
        (
            "gpt-4o=ft:gpt-4o-mini:org::id",
            Candidate("gpt-4o=ft:gpt-4o-mini:org::id", mapping={"gpt-4o": "ft:gpt-4o-mini:org::id"}),
        ),
        (
            "answer:gpt-4.1,notes:ft:gpt-4o-mini:org::id",
            Candidate(
                "answer:gpt-4.1,notes:ft:gpt-4o-mini:org::id",
                steps={"answer": "gpt-4.1", "notes": "ft:gpt-4o-mini:org::id"},
            ),
        ),
    ],
)
def test_forms_of_a_candidate(text: str, candidate: Candidate) -> None:
    """Each documented form is understood, and the candidate's text is what was typed, without blanks."""
    assert candidate == parse_candidate(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a part is empty"),
        ("gpt-4.1,", "a part is empty"),
        ("gpt-4.1,gpt-4.1-mini", "several models in one value: repeat the option, once a candidate"),
        ("gpt-4o=gpt-4.1,notes:gpt-4.1", "models, mappings and steps cannot be mixed in one value"),
        ("gpt-4o=gpt-4.1,gpt-4o=gpt-4.1-mini", '"gpt-4o" is named twice'),
        ("gpt-4o=gpt-4.1@terse", "a variant goes with a single model, not with a mapping or a step"),
        ("gpt-4o=", "the model is missing"),
        ("answer:", "the model is missing"),
        ("gpt-4.1@", "the variant is missing"),
        ("=", "the model is missing"),
        ("gpt 4", '"gpt 4" is no name of a model'),
        ("-model", '"-model" is no name of a model'),
        ("a]b", '"a]b" is no name of a model'),
    ],
)
def test_refused_candidates(text: str, why: str) -> None:
    """A value that is none of the forms is refused with the reason and the forms there are."""
    with pytest.raises(UsageProblem) as caught:
        parse_candidate(text)
    assert why in caught.value.message
    assert "write a model, model@variant" in caught.value.hint


@given(st.text(max_size=60))
def test_any_text_is_a_candidate_or_refused(text: str) -> None:
    """Whatever is typed, the answer is a candidate that can be parsed again, or a usage problem."""
    try:
        candidate = parse_candidate(text)
    except UsageProblem:
        return
    assert candidate == parse_candidate(candidate.text)


BASE = Prompt((MessageTemplate("user", "as written"),), "gpt-4o")
TERSE = Prompt((MessageTemplate("user", "terse"),), "gpt-4o")
LITERAL = Prompt((MessageTemplate("user", "literal"),), "gpt-4o")
FLOW = Flow(
    FlowName("refund"),
    BASE,
    (),
    variants=(Variant("terse", TERSE), Variant("literal", LITERAL, default_for=("gpt-4.1-mini",))),
)


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("gpt-4.1", BASE),
        ("gpt-4.1@terse", TERSE),
        ("gpt-4.1-mini", LITERAL),
        ("gpt-4.1-mini@terse", TERSE),
        ("gpt-4o=gpt-4.1-mini", LITERAL),
        ("gpt-3.5-turbo=gpt-4.1-mini", BASE),
    ],
)
def test_wording_of_a_candidate(text: str, prompt: Prompt) -> None:
    """A named variant comes first, then the one that is default for the model, then the prompt itself."""
    assert prompt == prompt_for(FLOW, parse_candidate(text))


def test_a_variant_that_a_flow_does_not_have() -> None:
    """A variant is never silently replaced by another wording."""
    with pytest.raises(UsageProblem) as caught:
        prompt_for(FLOW, parse_candidate("gpt-4.1@tersee"))
    assert 'flow refund has no variant "tersee": it has terse, literal' == caught.value.message
    assert 'did you mean "terse"?' == caught.value.hint
