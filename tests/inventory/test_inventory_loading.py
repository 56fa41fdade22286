"""What a sound inventory becomes: nouns, whole and with their places."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from migrate.edges.inventory import discover, load, load_flow, load_readable
from migrate.errors import InventoryProblem
from migrate.rendering import rehearse
from migrate.vocabulary import Check, Chunks, Flow, FlowName, Place, Rule, Settings, Tool, Traffic

POSITIVE = Path(__file__).parent / "examples" / "positive"
PROMPT = 'model: gpt-4o\nmessages:\n  - {role: user, content: "{{ question }}"}\n'


def example(name: str) -> dict[str, Flow]:
    return {flow.name: flow for flow in load(POSITIVE / name / "prompts", POSITIVE / name)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    return tmp_path


def write(project: Path, **files: str) -> None:
    for name, text in files.items():
        (project / "prompts" / name.replace("__", ".")).write_text(text, "utf-8")


def test_every_key_arrives() -> None:
    """The example with every key gives a flow with every field."""
    flow = example("everything")["refund"]
    assert ("Refund triage", "payments-team", "high", "fenced", 3) == (
        flow.title,
        flow.owner,
        flow.critical,
        flow.parse,
        flow.samples,
    )
    assert Traffic(12000, 4000, 0.4) == flow.traffic
    assert {"margin": 0.03, "cost": 0.1, "p95": 0.2} == flow.tolerances
    assert {"x-ticket", "x-anything"} == {*flow.extras}
    assert Place("prompts/refund.prompt.yml", 2) == flow.place
    assert Place("prompts/refund.prompt.yml", 63, "$.cases") == flow.cases_place


def test_parameters_get_their_wire_names() -> None:
    """`modelParameters` becomes Chat Completions' parameters; choices about tools and streaming become fields."""
    prompt = example("everything")["refund"].prompt
    expected = {
        "temperature": 0,
        "top_p": 1,
        "max_tokens": 300,
        "seed": 7,
        "stop": ["END", "STOP"],
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "logit_bias": {"50256": -100},
        "logprobs": True,
        "top_logprobs": 3,
        "reasoning_effort": "low",
        "verbosity": "low",
        "service_tier": "default",
        "prompt_cache_key": "refund",
        "user": "migration",
        "metadata": {"team": "payments"},
    }
    assert expected == prompt.parameters
    assert {"type": "function", "function": {"name": "get_order"}} == prompt.tool_choice
    assert (False, True) == (prompt.parallel_tool_calls, prompt.stream)
    assert ("json_schema", "refund", True) == (prompt.response_format, prompt.schema_name, prompt.schema_strict)
    nothing = {"type": "object", "properties": {}}
    assert [
        Tool("get_order", "Looks an order up.", {"type": "object", "properties": {"id": {"type": "string"}}}, True),
        Tool("cancel", "Cancels.", {"type": "object"}),
        Tool("flat", "", nothing),
    ] == [*prompt.tools]


def test_messages_know_where_their_text_begins() -> None:
    """A block of text begins in the line after its key, a short text in the line of its key."""
    messages = example("everything")["refund"].prompt.messages
    assert [("system", 52), ("", 54), ("user", 58), ("assistant", 60), ("tool", 62)] == [
        (message.role, message.place.line if message.place else None) for message in messages
    ]
    assert "history" == messages[1].turns_from
    assert {"name": "customer"} == messages[2].extra


def test_cases_know_their_rows() -> None:
    """A case of a JSONL file stands there; one in the prompt file stands there; blank lines count."""
    cases = example("everything")["refund"].cases
    assert [
        ("late-parcel", "prompts/cases/refund.jsonl:1"),
        ("wrong-size", "prompts/cases/refund.jsonl:3"),
        ("row-1", "prompts/refund.prompt.yml:65 at $.testData[0]"),
    ] == [(case.id, str(case.place)) for case in cases]
    assert ("de", "slow") == cases[0].tags
    assert {"total": 12.5} == cases[0].expected
    assert ["12.5"] == [check.arguments["value"] for check in cases[0].checks]
    assert ("2026-01-15", "yes") == (cases[2].inputs["today"], cases[2].expected)
    assert "expected" not in cases[2].inputs


def test_documents_are_read_once_and_shared() -> None:
    """A file named by many inputs is one text in memory."""
    inputs = example("everything")["refund"].cases[0].inputs
    assert "Order 4711\n2 × boots\n" == inputs["order"]
    assert inputs["order"] is inputs["all"][0]


def test_short_forms_of_checks_become_long_ones() -> None:
    """Whatever form a check was written in, its arguments are the documented mapping."""
    flow = example("everything")["refund"]
    arguments = [(check.kind, check.arguments, check.path) for check in flow.checks]
    expected = [
        ("equals", {"value": "{{ expected.total }}"}, "$.total"),
        ("contains", {"value": ["all", "of", "these"]}, None),
        ("not_contains", {"value": "```", "ignore_case": True}, None),
        ("starts_with", {"value": "{"}, None),
        ("ends_with", {"value": ["}", "{{ ending }}"]}, None),
        ("regex", {"pattern": "^\\{", "flags": "s"}, None),
        ("not_regex", {"pattern": "sorry"}, None),
        ("one_of", {"value": ["a", "b"]}, "$.kind"),
        ("number", {"equals": 3, "abs": 0.01, "rel": 0.1, "min": 0, "max": "{{ limit }}"}, "$.total"),
        ("json_path", {"length": {"min": 1, "max": 3}}, "$.items"),
        ("json_path", {"exists": True, "count": 2}, "$.items[*].id"),
        ("length", {"min": 1, "max": 120, "unit": "sentences"}, None),
        ("label", {"one_of": ["billing", "bug"], "value": "{{ expected.label }}"}, "$.label"),
        ("json", {}, None),
        ("sql", {"dialect": "sqlite", "schema": "CREATE TABLE a (b)"}, None),
        ("python", {"defines": ["f"], "parses": True}, None),
        ("citations", {"passages": "{{ passages }}", "min": 1}, None),
        ("tool_calls", {"value": [{"name": "get_order", "arguments": {"id": "1"}}]}, None),
        ("judge", {"prompt": "Is {{ completion }} kind?"}, None),
    ]
    assert expected == arguments[: len(expected)]
    assert ("the amount", "contains", "one_of at $.kind") == tuple(flow.checks[at].name for at in (0, 1, 7))
    assert Place("prompts/refund.prompt.yml", 67, "$.checks[0]") == flow.checks[0].place


def test_evaluators_of_github_become_checks() -> None:
    """String evaluators mind upper and lower case as GitHub does; those that ask a model are kept, not judged."""
    flow = example("github-models")["summarize"]
    assert ("ends_with", {"value": ".", "ignore_case": True}, "ends with a full stop") == (
        flow.checks[0].kind,
        flow.checks[0].arguments,
        flow.checks[0].name,
    )
    assert ["judge", "judge"] == [check.kind for check in flow.checks[1:]]
    assert "similar" == flow.checks[1].name
    equals = example("everything")["refund"].checks[-5:-1]
    assert [("equals", False), ("contains", True), ("starts_with", True), ("ends_with", True)] == [
        (check.kind, "ignore_case" in check.arguments) for check in equals
    ]


def test_tolerated_findings() -> None:
    """A tolerated finding has its place with any index, the last day it holds, and what bounds it."""
    (one,) = example("everything")["refund"].tolerated
    assert ("$.items[*].price", "rounding", "2026-12-31") == (one.path, one.reason, one.expires)
    assert (("late-parcel",), None, 2) == (one.cases, one.candidate, one.at_most)


def test_rules() -> None:
    """Every form of a rule becomes its kind and value."""
    rules = {rule.path: rule for rule in example("everything")["refund"].rules}
    assert Rule("$.total", "tolerance", {"abs": 0.01}, reason="rounding", expires="2026-12-31") == rules["$.total"]
    assert Rule("$.ratio", "tolerance", {"abs": 0.1, "rel": 0.05}) == rules["$.ratio"]
    assert Rule("$.summary", "similarity", 0.6, metric="token_set") == rules["$.summary"]
    assert Rule("$.items", "key", "sku") == rules["$.items"]
    assert Rule("$.items[*].seen", "ignore", reason="a clock") == rules["$.items[*].seen"]
    assert ["ignore", "unordered", "one_of", "regex", "exact", "present"] == [
        rules[path].kind for path in ("$.notes", "$.tags", "$.status", "$.id", "$.exact", '$["odd key"]')
    ]


def test_variants_are_whole_prompts() -> None:
    """Keys a variant gives replace those of the prompt; the others, and the baseline model, stay."""
    flow = example("everything")["refund"]
    terse, responses = flow.variants
    assert ("terse", ("gpt-4.1-mini", "gpt-4.1-nano")) == (terse.name, terse.default_for)
    assert ({"temperature": 0.2}, "text", "gpt-4o") == (
        terse.prompt.parameters,
        terse.prompt.response_format,
        terse.prompt.model,
    )
    assert flow.prompt.tools == terse.prompt.tools
    assert ("responses", ["other"], {"type": "object"}) == (
        responses.prompt.api,
        [tool.name for tool in responses.prompt.tools],
        responses.prompt.schema,
    )
    assert flow.prompt.messages == responses.prompt.messages


def test_github_models_files_load_unchanged() -> None:
    """Files in GitHub Models' own format need nothing added, and their cases render."""
    flows = example("github-models")
    assert {"bare", "people", "summarize"} == {*flows}
    assert [] == [problem for flow in flows.values() for problem in rehearse(flow)]
    people = flows["people"]
    assert ("person", True, "json") == (people.prompt.schema_name, people.prompt.schema_strict, people.parse)
    assert [("row-1", {"name": "Alice", "age": "30"}), ("row-2", {"name": "Bob", "age": 25})] == [
        (case.id, case.inputs) for case in people.cases
    ]
    assert "system" == flows["summarize"].prompt.messages[0].role


def test_words_of_yaml_stay_what_was_written() -> None:
    """Where a text is wanted the written one is taken; elsewhere only what JSON could have written is no text."""
    (flow,) = example("words").values()
    assert ("012", "no", "4.10", "2026-11-01", "4.1", "yes") == (
        flow.name,
        flow.title,
        flow.description,
        flow.owner,
        flow.prompt.model,
        flow.prompt.messages[0].content,
    )
    (case,) = flow.cases
    assert ("4.10", ("on", "1.0")) == (case.id, case.tags)
    assert {
        "country": "no",
        "sexagesimal": "190:20:30",
        "octal": "012",
        "hex": "0x1F",
        "grouped": "1_000",
        "date": "2026-11-01",
        "time": "2026-11-01T10:00:00Z",
        "nan": ".nan",
        "inf": "-.inf",
        "plus": "+1",
        "dot": ".5",
        "text": "3",
        "whole": -3,
        "real": 1000.0,
        "flag": True,
        "off": False,
        "nothing": None,
        "empty": None,
        "anchored": [1, 2],
        "repeated": [1, 2],
    } == case.inputs


def test_flows_are_called_after_their_files() -> None:
    """A file's name becomes the flow's, in characters that every file system takes."""
    assert {"Customer-reply-new", "v1.2_final"} == {*example("names")}


def test_settings_say_where_the_inventory_is(project: Path) -> None:
    """The folder comes from the settings, and places are told relative to the project's root."""
    (project / "prompts").rename(project / "questions")
    (project / "questions" / "a.prompt.yml").write_text(PROMPT, "utf-8")
    (flow,) = load(Settings(root=project, prompts="questions"))
    assert Place("questions/a.prompt.yml", 1) == flow.place


def test_one_file_loads_alone(project: Path) -> None:
    """`load_flow` reads one file and minds nothing else, broken neighbours included."""
    write(project, a__prompt__yml=PROMPT, b__prompt__yml="nonsense")
    assert "a" == load_flow(project / "prompts" / "a.prompt.yml", root=project).name


def test_a_folder_that_is_not_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing folder is told with the command that makes one, and where it was looked for if that is elsewhere."""
    assert () == load(project / "prompts", project)
    told = []
    for stands in (project, project / "prompts"):
        monkeypatch.chdir(stands)
        with pytest.raises(InventoryProblem) as caught:
            load(project / "nowhere", project)
        told.append(str(caught.value))
    words = "1 problem in the inventory:\n  nowhere: there is no such folder{}\nnext: prompt-migrate init"
    assert [words.format(""), words.format(f" in {project}")] == told


def test_discovery_enters_no_hidden_folder_and_no_link(project: Path) -> None:
    """Only prompt files count, sorted; folders that are hidden or links are left alone."""
    prompts = project / "prompts"
    (prompts / ".git").mkdir()
    (prompts / "sub").mkdir()
    (project / "elsewhere").mkdir()
    (prompts / "link").symlink_to(project / "elsewhere")
    for name in ("b.prompt.yml", "a.prompt.yaml", "note.yml", "sub/c.prompt.yml", ".git/d.prompt.yml"):
        (prompts / name).write_text(PROMPT, "utf-8")
    (project / "elsewhere" / "e.prompt.yml").write_text(PROMPT, "utf-8")
    assert ["a.prompt.yaml", "b.prompt.yml", "sub/c.prompt.yml"] == [
        path.relative_to(prompts).as_posix() for path in discover(prompts)
    ]


def test_ten_thousand_cases_in_a_file_of_rows(project: Path) -> None:
    """A JSONL file of 10,000 cases is read in half a second, with little more in memory than its cases."""
    rows = [
        json.dumps({"id": f"case-{at}", "inputs": {"question": f"Where is {at}?", "n": at}, "expected": {"n": at}})
        for at in range(10_000)
    ]
    write(project, a__prompt__yml=PROMPT + "cases: a.jsonl\n", a__jsonl="\n".join(rows))

    def seconds() -> float:
        started = time.process_time()
        load(project / "prompts", project)
        return time.process_time() - started

    assert min(seconds() for _ in range(3)) < 0.5
    tracemalloc.start()
    (flow,) = load(project / "prompts", project)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 10_000 == len(flow.cases)
    assert peak - kept < 4_000_000


def test_thousands_of_cases_in_the_prompt_file(project: Path) -> None:
    """Five thousand cases written in YAML are read in a second or so, each with its line."""
    rows = [
        f'  - id: case-{at}\n    inputs: {{question: "Where is {at}?"}}\n    expected: {{n: {at}}}'
        for at in range(5_000)
    ]
    write(project, a__prompt__yml=PROMPT + "cases:\n" + "\n".join(rows) + "\n")
    started = time.process_time()
    (flow,) = load(project / "prompts", project)
    assert time.process_time() - started < 2
    assert [5, 8, 15_002] == [case.place.line for case in (*flow.cases[:2], flow.cases[-1]) if case.place]


def test_checks_of_a_case_are_checks(project: Path) -> None:
    """A case's own checks are read like the flow's, with places of their own."""
    write(project, a__prompt__yml=PROMPT + "cases:\n  - id: a\n    checks:\n      - {contains: x, path: $.a}\n")
    (flow,) = load(project / "prompts", project)
    place = Place("prompts/a.prompt.yml", 7, "$.cases[0].checks[0]")
    assert (Check("contains", {"value": "x"}, "$.a", "contains at $.a", place),) == flow.cases[0].checks


def test_the_configuration_makes_chunks_smaller(tmp_path: Path) -> None:
    """`chunk_tokens` goes before what prompt files say, and takes what cases expect of their chunks away."""
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.prompt.yml").write_text(
        """
model: gpt-4o
steps:
  - step: notes
    for_each: {chunks_of: text, tokens: 12000, overlap: 400}
    messages: [{role: user, content: "{{ item }}"}]
  - step: digest
    messages: [{role: user, content: "{{ steps.notes | join }}"}]
cases:
  - {id: a, inputs: {text: Long}, expected_steps: {notes: [One]}}
""",
        encoding="utf-8",
    )
    (flow,) = load(Settings(tmp_path, chunk_tokens=500))
    assert flow.chain is not None
    assert Chunks("text", 500, 250) == flow.chain.steps[0].for_each
    assert {} == flow.cases[0].expected_steps


def test_what_can_be_read_is_read_and_the_rest_is_named_by_flow(tmp_path: Path) -> None:
    """A broken file is its own flow's trouble: told by the name it says, else by the file's, with file and line."""
    sound = "model: gpt-4o\nmessages: [{role: user, content: hi}]\ncases: [{id: a}]\n"
    for name, text in {
        "good": sound,
        "edited": f"{sound}rules: [\n",
        "other": f'flow: "refund"\n{sound}rules: [\n',
        "wrong": f"{sound}colour: red\n",
        "one": f"flow: twin\n{sound}",
        "two": f"flow: twin\n{sound}",
    }.items():
        (tmp_path / "prompts").mkdir(exist_ok=True)
        (tmp_path / "prompts" / f"{name}.prompt.yml").write_text(text, encoding="utf-8")
    found = load_readable(Settings(root=tmp_path))
    assert ["good"] == [flow.name for flow in found.flows]
    assert {"edited", "refund", "wrong", "twin"} == {*found.broken}
    start = "its prompt file cannot be read: prompts/"
    assert found.broken[FlowName("edited")].startswith(f"{start}edited.prompt.yml:5: not YAML")
    assert found.broken[FlowName("wrong")].startswith(f'{start}wrong.prompt.yml:4 at $.colour: unknown key "colour"')
    assert "already in prompts/one.prompt.yml" in found.broken[FlowName("twin")]


def test_a_project_without_a_prompts_folder_has_nothing_to_read(tmp_path: Path) -> None:
    """As of a project of application flows alone."""
    assert ((), {}) == (load_readable(Settings(root=tmp_path)).flows, load_readable(Settings(root=tmp_path)).broken)
