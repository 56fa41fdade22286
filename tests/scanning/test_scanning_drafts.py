"""Drafts of prompt files: YAML that the strict loader reads as it was meant, sound whatever the code holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_trees import plant, scanned

from migrate.documents.reading import read_yaml
from migrate.documents.writing import comment, written
from migrate.edges.inventory import load
from migrate.edges.scanning import drafts_of, scan, write_drafts
from migrate.edges.scanning.python.values import Hole, Text
from migrate.edges.scanning.templates import Variables, name_of
from migrate.rendering import rehearse
from migrate.rendering.templates import fill
from migrate.vocabulary import Flow

HEAD = "from openai import OpenAI\nclient = OpenAI()\n"


def drafted(folder: Path, files: dict[str, str | bytes]) -> tuple[list[str], tuple[Flow, ...]]:
    """Return what the drafts of some files leave open, and the flows they are; all of them must be sound."""
    found = scanned(folder / "source", files)
    drafts = drafts_of(found.sites)
    assert {"wrote"} == {one.what for one in write_drafts(drafts, folder / "prompts", "prompts")} | {"wrote"}
    flows = load(folder / "prompts", folder)
    assert [] == [problem for flow in flows for problem in rehearse(flow)]
    return [text for draft in drafts for text in draft.open], flows


def one(folder: Path, call: str, before: str = "") -> tuple[list[str], Flow]:
    open_, (flow,) = drafted(folder, {"app.py": f"{HEAD}{before}\ndef ask(text, more):\n    return {call}\n"})
    return open_, flow


def test_parameters_take_the_names_of_prompt_files(tmp_path: Path) -> None:
    """What the file has a key for is carried over; the rest is told as open."""
    open_, flow = one(
        tmp_path,
        'client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi there"}], top_p=0.5, '
        'max_tokens=5, stop=["x"], logit_bias={"5": -100}, reasoning_effort="low", service_tier="flex", n=3, '
        "temperature=7, seed=more)",
    )
    assert {
        "top_p": 0.5,
        "max_tokens": 5,
        "stop": ["x"],
        "logit_bias": {"5": -100},
        "reasoning_effort": "low",
        "service_tier": "flex",
    } == dict(flow.prompt.parameters)
    assert [
        "the parameter n is not carried over",
        "the parameter temperature has a value that is not carried over",
        "seed is known at run time only",
    ] == open_


def test_the_responses_api_keeps_its_own(tmp_path: Path) -> None:
    """`max_output_tokens` and `reasoning` are translated; instructions become the system message."""
    _, flow = one(
        tmp_path,
        'client.responses.create(model="gpt-4o", instructions="Be brief.", input=f"About {text}", max_output_tokens=9, '
        'reasoning={"effort": "low"}, text={"verbosity": "low"})',
    )
    assert ("responses", {"max_tokens": 9, "reasoning_effort": "low", "verbosity": "low"}) == (
        flow.prompt.api,
        dict(flow.prompt.parameters),
    )
    assert [("system", "Be brief."), ("user", "About {{ text }}")] == [
        (message.role, message.content) for message in flow.prompt.messages
    ]


def test_a_model_that_is_not_said_is_left_to_fill_in(tmp_path: Path) -> None:
    """A draft never guesses the model of production."""
    open_, flow = one(tmp_path, 'client.responses.create(model=more, input=f"About {text}")')
    assert "model-to-fill-in" == flow.prompt.model
    assert ["the code does not say the model (more): fill it in"] == open_


def test_a_routers_prefix_is_no_part_of_a_model(tmp_path: Path) -> None:
    """`openai/gpt-4o` is drafted as gpt-4o."""
    _, flow = one(
        tmp_path, 'litellm.completion("openai/gpt-4o", [{"role": "user", "content": "Hi"}])', "import litellm"
    )
    assert "gpt-4o" == flow.prompt.model


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ('{"type": "nonsense"}', "the schema is not sound: it is left out"),
        ('{"$ref": "http://elsewhere/x"}', "the schema is not sound: it is left out"),
    ],
)
def test_a_schema_that_no_loader_takes_is_left_out(tmp_path: Path, schema: str, why: str) -> None:
    """The draft stays sound, and says what is missing."""
    open_, flow = one(
        tmp_path,
        'client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], response_format='
        f'{{"type": "json_schema", "json_schema": {{"name": "x y", "schema": {schema}}}}})',
    )
    assert (None, [why]) == (flow.prompt.schema, open_)


def test_a_template_that_is_no_jinja_stays_text(tmp_path: Path) -> None:
    """What Jinja2 refuses is escaped: the draft renders to exactly that text."""
    code = HEAD + (
        "from jinja2 import Template\n"
        'text = Template("{% frobnicate %} {{ x }").render()\n'
        'client.responses.create(model="gpt-4o", input=text)\n'
    )
    _, (flow,) = drafted(tmp_path, {"app.py": code})
    assert "{% frobnicate %} {{ x }" == fill(flow.prompt.messages[0].content, {})


def test_a_template_with_filters_of_its_own_stays_text(tmp_path: Path) -> None:
    """A filter that prompt files do not have cannot be drafted; the text is kept, and it is told."""
    code = HEAD + (
        "from jinja2 import Template\n"
        'text = Template("Hello {{ name | mine }}").render(name="x")\n'
        'client.responses.create(model="gpt-4o", input=text)\n'
    )
    open_, (flow,) = drafted(tmp_path, {"app.py": code})
    assert "Hello {{ name | mine }}" == fill(flow.prompt.messages[0].content, {"name": ""})
    assert any(text.startswith("a template is not Jinja2 as prompt files take it") for text in open_)


def test_names_are_unique_and_safe(tmp_path: Path) -> None:
    """Functions of the same name, names no file may have, names in other scripts."""
    call = '    return client.responses.create(model="gpt-4o", input=f"Say {0} {{text}}")\n'
    names = ["nul", "größe", "ask", "ask", "_"]
    code = HEAD + "".join(f"def {name}(text):\n{call.format(number)}" for number, name in enumerate(names))
    _, flows = drafted(tmp_path, {"a b/con.py": code, "x/con.py": code.replace("{text}", "again {text}")})
    assert len({flow.name.casefold() for flow in flows}) == len(flows) == 10
    assert "grosse" in {flow.name for flow in flows}


def test_the_same_words_are_one_draft(tmp_path: Path) -> None:
    """A prompt that is asked in two places is drafted once."""
    code = HEAD + "".join(
        f'def {name}(text):\n    return client.responses.create(model="gpt-4o", input=f"About {{text}}")\n'
        for name in ("one", "two")
    )
    _, flows = drafted(tmp_path, {"app.py": code})
    assert ["one"] == [flow.name for flow in flows]


def test_tests_and_embeddings_are_not_drafted(tmp_path: Path) -> None:
    """Only calls of the application that send words of its own."""
    code = HEAD + 'client.responses.create(model="gpt-4o", input="Hello")\n'
    other = HEAD + 'client.embeddings.create(model="m", input="Hi")\nclient.responses.create(model="m", input=x)\n'
    _, flows = drafted(tmp_path, {"tests/test_app.py": code, "app.py": other})
    assert () == flows


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the way ends in a sentence, not in a traceback."""
    plant(tmp_path, {"app.py": HEAD + 'client.responses.create(model="gpt-4o", input="Hello")\n'})
    drafts = drafts_of(scan(tmp_path, tmp_path).sites)
    with pytest.raises(Exception, match="cannot be written"):
        list(write_drafts(drafts, tmp_path / "app.py" / "prompts", "prompts"))


# --- The paper --------------------------------------------------------------------------------------------

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
    st.sampled_from(
        ["no", "1e5", "012", "~", "null", "a: b", "- x", "#x", " x", "x ", "\n", "a\n\nb\n", "&a", "*", "{{ x }}"]
    ),
)
DOCUMENTS = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(
    st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8), DOCUMENTS, min_size=1)
)
def test_what_is_written_is_what_is_read(document: dict[str, Any]) -> None:
    """Any JSON value comes back from the strict reader as it was, with no complaint."""

    def complain(why: str, line: int) -> None:
        raise AssertionError(f"{line}: {why}")

    assert document == read_yaml(written(document), complain).value


@given(st.text())
def test_a_comment_is_one_line(text: str) -> None:
    """Nothing of the scanned code can end a comment."""
    assert 1 == len(comment(text).splitlines())
    assert comment(text).startswith("#")


PARTS = st.lists(st.one_of(st.text("ab{}%# \n", max_size=6), st.sampled_from("xyz").map(Hole)), max_size=8)


@given(PARTS, st.dictionaries(st.sampled_from("xyz"), st.text("{}%a", max_size=3), min_size=3))
def test_any_text_with_holes_is_a_template_of_it(parts: list[str | Hole], values: dict[str, str]) -> None:
    """Filled, the template gives the literal parts as they are and the values in the holes."""
    template = Variables().template(Text(tuple(parts)))
    plain = "".join(part if isinstance(part, str) else values[part.expression] for part in parts)
    assert plain == fill(template, values)


@given(st.text(max_size=60))
def test_any_code_gives_a_name(code: str) -> None:
    """A variable's name is always one that Jinja2 and Python take."""
    assert name_of(code).isidentifier()
    assert name_of(code).isascii()
