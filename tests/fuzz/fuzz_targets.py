"""Everything of the product that reads what others wrote: one function a reader, which ends in a value or in words."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fuzz_inputs as inputs
from hypothesis import strategies as st

from migrate.comparing import check_schema, compare, contract_of, judge, parse_answer
from migrate.edges.configuration import read_settings
from migrate.edges.goldens import GoldenFiles
from migrate.edges.goldens.folders import Folder
from migrate.edges.goldens.paper import sealed
from migrate.edges.importers import harvest_of, mapping_of, source_of
from migrate.edges.inventory import load
from migrate.edges.journal import JournalFile, lost_tries, read_journal
from migrate.edges.ledger import open_ledger
from migrate.edges.plans import Plans
from migrate.edges.recordings import RecordingStore
from migrate.errors import PromptMigrateError
from migrate.inert import csv_cell, indent, inert
from migrate.presenting.document import compare_document
from migrate.presenting.failure import failure_lines
from migrate.pricing import PriceTable
from migrate.pricing.overrides import EXAMPLE
from migrate.redaction import Redactor
from migrate.rendering import rehearse
from migrate.rendering.templates import Fault, fill
from migrate.vocabulary import (
    Answer,
    Call,
    CaseId,
    Flow,
    FlowName,
    Golden,
    Prompt,
    Reply,
    Request,
    Run,
    Sample,
    Tool,
    ToolCall,
    Usage,
)  # fmt: skip
from migrate.wire.replies import NotAReply, read_answer, read_body
from migrate.wire.streams import Assembly
from migrate.wire.writing import Script, write_body, write_events

TESTS = Path(__file__).parents[1]
TODAY = dt.date(2026, 1, 15)
REQUEST = Request("chat", {"model": "gpt-4o", "messages": [{"role": "user", "content": "a"}]}, "k1:a", "k1:b")
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["label", "items"],
    "properties": {
        "label": {"type": "string", "enum": ["late", "lost"], "pattern": "^[a-z]+$"},
        "items": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/item"}},
        "note": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]},
    },
    "$defs": {"item": {"type": "object", "properties": {"sku": {"const": "A"}, "price": {"minimum": 0}}}},
}
ANSWER = '{"label": "late", "items": [{"sku": "A", "price": 1.5}], "note": null}'


@dataclass(frozen=True)
class Target:
    """One reader under fuzzing."""

    name: str
    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    share: int = 1
    """Parts of all inputs that it gets."""


@contextmanager
def in_words() -> Iterator[None]:
    """Let pass what the product says in words; nothing else."""
    with suppress(PromptMigrateError, NotAReply, Fault):
        yield


@cache
def folder() -> Path:
    """A folder for what is read from files, gone at the end of the process."""
    made = tempfile.TemporaryDirectory(prefix="fuzz-")
    _KEPT.append(made)
    return Path(made.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []

# --- What comes over the wire -----------------------------------------------------------------------------------

CALLS = (ToolCall("refund", '{"amount": 3}', "call_1"), ToolCall("note", "{}", "call_2"))
ANSWERS = (
    Answer("Hello, Ann.\nBye."),
    Answer(ANSWER),
    Answer(None, CALLS, None, "tool_calls"),
    Answer(None, (), "I cannot help with that.", "stop"),
    Answer("cut", (), None, "length"),
)
SCRIPTS = [
    Script(api, {"model": "gpt-4o", "input": "a"}, Reply(answer, "gpt-4o", Usage(10, 4, 0, 2, 1), "default"), "r1", 1)  # type: ignore[arg-type]
    for api in ("chat", "responses")
    for answer in ANSWERS
]
BODIES = [write_body(script) for script in SCRIPTS]
STREAMS = [b"".join(write_events(script)) for script in SCRIPTS]


def read_reply(content: bytes, kind: str = "application/json") -> None:
    for api in ("chat", "responses", "embeddings"):
        with in_words():
            reply = read_answer(api, read_body(content, kind), "gpt-4o", "r1")  # type: ignore[arg-type]
            judged_against_golden(reply.answer, cases()[:1])


def read_stream(content: bytes) -> None:
    for api in ("chat", "responses"):
        assembly = Assembly(api)  # type: ignore[arg-type]
        with in_words():
            for line in content.decode("utf-8", "replace").splitlines():
                assembly.feed(line)
        for whole in (assembly.body, assembly.partial):
            with in_words():
                answer = read_answer(api, whole(), "gpt-4o", None).answer  # type: ignore[arg-type]
                judged_against_golden(answer, cases()[3:])


@st.composite
def streams(draw: Callable[[Any], Any]) -> bytes:
    """Events of a stream, one of them changed inside."""
    blocks = draw(st.sampled_from(STREAMS)).split(b"\n\n")
    at = draw(st.integers(0, len(blocks) - 1))
    head, mark, data = blocks[at].partition(b"data: ")
    with suppress(ValueError):
        blocks[at] = head + mark + inputs.dumped(draw(inputs.near(json.loads(data))))
    return b"\n\n".join(blocks)


# --- What is judged ----------------------------------------------------------------------------------------------

TOOLS = (Tool("refund", "", {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}),)


@cache
def cases() -> list[tuple[Any, Golden]]:
    """Contracts with goldens: prose, JSON, tool calls."""
    made = []
    for parse, schema, tools, answer in (
        ("text", None, (), ANSWERS[0]),
        ("json", SCHEMA, (), ANSWERS[1]),
        ("fenced", None, (), ANSWERS[1]),
        ("text", None, TOOLS, ANSWERS[2]),
    ):
        prompt = Prompt(messages=(), model="gpt-4o", schema=schema, tools=tools)
        flow = Flow(FlowName("refund"), prompt, (), parse=parse)  # type: ignore[arg-type]
        contract = contract_of(flow, prompt, ())
        samples = tuple(judge(contract, Sample(k, (Call(REQUEST, Reply(answer, "gpt-4o")),), answer)) for k in (1, 2))
        made.append((contract, Golden(flow.name, CaseId("a"), "gpt-4o", (REQUEST,), samples)))
    return made


def judged_against_golden(answer: Answer, among: list[tuple[Any, Golden]]) -> None:
    """Judge, compare, redact and print an answer, as a replay does."""
    call = Call(REQUEST, Reply(answer, "gpt-4o"))
    for contract, golden in among:
        judged = judge(contract, Sample(1, (call,), answer))
        found = compare(
            contract, golden, [judged], candidate="gpt-4.1", flow=golden.flow, case=golden.case, today=TODAY, planned=1
        )
        "\n".join(failure_lines(found, None, "gpt-4.1")).encode()
    shown = answer.text or ""
    Redactor().text(shown)
    for text in (inert(shown), indent(shown), csv_cell(shown)):
        text.encode()


def judge_text(text: str) -> None:
    for parse in ("json", "fenced", "text"):
        parse_answer(parse, text)  # type: ignore[arg-type]
    judged_against_golden(Answer(text), cases()[:3])
    judged_against_golden(Answer(text, (ToolCall("refund", text), ToolCall(text[:40], "{}")), text[:9]), cases()[3:])


@st.composite
def answers(draw: Callable[[Any], Any]) -> str:
    """Texts a model might give: nearly the right JSON, fenced, chatty, deep, cut, or anything at all."""
    value = draw(inputs.near(json.loads(ANSWER)) | inputs.JSON)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2])))
    wrap = draw(st.sampled_from(["{}", "```json\n{}\n```", "Sure:\n{}\nBye.", "\ufeff{}", "{} {}", "~~~\n{}"]))
    text = wrap.replace("{}", text)
    cut = draw(st.integers(0, len(text))) if draw(st.integers(0, 3)) == 0 else len(text)
    return draw(st.just(text[:cut]) | inputs.ANY_TEXT | inputs.ODD_TEXT) if draw(st.integers(0, 4)) == 0 else text[:cut]


def use_schema(given: tuple[Any, Any]) -> None:
    schema, value = given
    problems = check_schema(schema)
    if not problems and (isinstance(schema, dict | bool)):
        prompt = Prompt(messages=(), model="gpt-4o", schema=schema)
        flow = Flow(FlowName("refund"), prompt, (), parse="json")
        contract = contract_of(flow, prompt, ())
        answer = Answer(json.dumps(value))
        judge(contract, Sample(1, (Call(REQUEST, Reply(answer, "gpt-4o")),), answer))


# --- What lies in files ------------------------------------------------------------------------------------------

EXAMPLES = [path.read_bytes() for path in sorted((TESTS / "goldens" / "examples").glob("*.json"))]


@cache
def measurement_file() -> bytes:
    from tests.goldens.golden_nouns import golden, measurement

    files = GoldenFiles(folder() / "fixtures", Redactor())
    files.write(golden("late-parcel", ANSWER))
    files.write_measurements(FlowName("refund"), [measurement("late-parcel", 1), measurement("other", 1)])
    return (folder() / "fixtures" / "refund" / "measurements.json").read_bytes()


def read_golden(content: bytes) -> None:
    """Read the bytes as a golden, as measurements, and as what `goldens check` and `doctor` look into."""
    files, (flow, case) = GoldenFiles(Path("fixtures"), Redactor()), (FlowName("refund"), CaseId("late-parcel"))
    names, read = Folder.files, Folder.read
    Folder.files, Folder.read = lambda self: ["late-parcel.json"], lambda self, file: content  # type: ignore[method-assign]
    try:
        for look in (
            lambda: files.read(flow, case), lambda: files.measurements(flow), lambda: files.leaks(flow, case),
            lambda: files.cases(flow),
        ):  # fmt: skip
            with in_words():
                look()
    finally:
        Folder.files, Folder.read = names, read  # type: ignore[method-assign]


@st.composite
def sealed_goldens(draw: Callable[[Any], Any]) -> bytes:
    """Goldens of another shape whose checksum is right all the same: somebody made them with care."""
    document = draw(inputs.near(*(json.loads(example) for example in EXAMPLES)))
    if not isinstance(document, dict):
        return inputs.dumped(document)
    document.pop("checksum", None)
    try:
        return sealed({**document, "format": document.get("format", 1)})[0].encode()
    except (ValueError, TypeError, StopIteration):
        return inputs.dumped(document)


INVENTORY = TESTS / "inventory" / "examples" / "positive" / "everything" / "prompts"
PROMPT_FILE = (INVENTORY / "refund.prompt.yml").read_bytes()


def load_prompt(content: bytes) -> None:
    prompts = folder() / "project" / "prompts"
    if not prompts.exists():
        shutil.copytree(INVENTORY, prompts)
    (prompts / "refund.prompt.yml").write_bytes(content)
    with in_words():
        for flow in load(prompts, prompts.parent):
            rehearse(flow)


@st.composite
def prompt_files(draw: Callable[[Any], Any]) -> bytes:
    from migrate.documents.reading import read_yaml

    return inputs.dumped(draw(inputs.near(read_yaml(PROMPT_FILE.decode(), lambda *_: None).value)))


CONFIG = b"""\
provider = "proxy"
as_of = "2026-01-15"
samples = 2
fail_on = ["breaking", "cost:+10%"]
max_cost = "2.50"

[providers.proxy]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "PROXY_KEY"
models = ["gpt-*"]
served_as = {"gpt-4o" = ["gpt-4o-proxy"]}
headers_env = {"x-team" = "TEAM"}
"""
PRICES = EXAMPLE.encode()


def read_config(content: bytes) -> None:
    project = folder() / "configured"
    project.mkdir(exist_ok=True)
    for name in ("prompt-migrate.toml", "prices.toml"):
        (project / name).write_bytes(content)
    with in_words():
        read_settings(project, {}, {})
    with in_words():
        PriceTable(override=project / "prices.toml").price_usage("gpt-4o", Usage(1, 0, 0, 1), on=TODAY)
    environ = {"PROMPT_MIGRATE_SAMPLES": content.decode("latin-1")[:40], "PROMPT_MIGRATE_MAX_COST": "1e400"}
    with in_words():
        read_settings(folder(), environ, {"as_of": content.decode("latin-1")[:12]})


def fill_template(text: str) -> None:
    with in_words():
        fill(text, {"x": "a", "rows": [1, {"a": 2}], "d": {"a": [1]}})


WORDS = (
    "{{ }} {% %} {# #} x d.a |upper |map |tojson for in rows if endif ( ) [ ] ' ~ * 9 ** set = . macro m() loop raw -"
)

IMPORTS = TESTS / "importers" / "examples"
FOREIGN = sorted(path for path in IMPORTS.glob("*/source/**/*") if path.is_file())


@st.composite
def foreign_files(draw: Callable[[Any], Any]) -> tuple[Path, bytes]:
    """Draw a file that is imported: an example of its form, damaged, or its values in another shape."""
    path = draw(st.sampled_from(FOREIGN))
    content = path.read_bytes()
    if path.suffix == ".json":
        return path, draw(near_json(json.loads(content)))
    return path, draw(inputs.damaged(content) | st.binary(max_size=60))


def read_foreign(given: tuple[Path, bytes]) -> None:
    path, content = given
    source = IMPORTS / path.relative_to(IMPORTS).parts[0] / "source"
    project = folder() / "foreign" / source.parent.name
    if not project.exists():
        shutil.copytree(source, project)
    copy, entry = project / path.relative_to(source), project / "promptfooconfig.yaml"
    copy.write_bytes(content)
    for mapped in (None, mapping_of(["vars.text=question"])):
        harvest = harvest_of([source_of(entry if entry.exists() else copy, project)], mapped, "country")
        assert all(refused.reason for refused in harvest.refused)
    shutil.copy(path, copy)


# --- What the state folder holds ---------------------------------------------------------------------------------


@cache
def databases() -> tuple[bytes, bytes]:
    """A filled ledger and filled recordings."""
    from tests.ledger.records import record_named, run_named

    ledger = open_ledger("sqlite:///made.db", root=folder())
    for run in ("run001", "run002"):
        ledger.start(run_named(run))
        ledger.add(run, [record_named(f"case-{number}") for number in range(20)])
        ledger.finish(run_named(run, state="complete"))
    ledger.close()
    store = RecordingStore(folder() / "made-recordings.db", Redactor())
    store.put((k, Call(REQUEST, Reply(Answer(ANSWER), "gpt-4o"))) for k in range(1, 20))
    store.close()
    return (folder() / "made.db").read_bytes(), (folder() / "made-recordings.db").read_bytes()


def put_database(name: str, content: bytes) -> Path:
    path = folder() / name
    for left in folder().glob(f"{name}*"):
        left.unlink()
    path.write_bytes(content)
    return path


def read_ledger(damage: inputs.Overwritten) -> None:
    put_database("ledger.db", damage.of(databases()[0]))
    with in_words():
        ledger = open_ledger("sqlite:///ledger.db", root=folder())
        try:
            for look in (
                ledger.runs, ledger.flows, lambda: list(ledger.records("run001")), lambda: ledger.prices("run001"),
                lambda: ledger.history(FlowName("refund")), lambda: ledger.run(None), lambda: document_of(ledger),
            ):  # fmt: skip
                with in_words():
                    look()
        finally:
            ledger.close()


def document_of(ledger: Any) -> None:
    run = ledger.run("run001")
    from migrate.evidence import weigh

    compare_document(run, list(weigh(ledger.records("run001"))))


def read_recordings(damage: inputs.Overwritten) -> None:
    store = RecordingStore(put_database("recordings.db", damage.of(databases()[1])), Redactor())
    for look in (
        store.count,
        lambda: store.get("k1:a", 1),
        lambda: store.get_many([("k1:a", k) for k in range(1, 20)]),
    ):
        with in_words():
            look()
    store.close()


@cache
def journal_file() -> bytes:
    from tests.ledger.records import record_named, run_named

    journal = JournalFile(folder() / "made.jsonl")
    journal.run(run_named("run001"))
    journal.attempt(REQUEST, 1, 1, 5)
    journal.failed(REQUEST, 1, 1)
    journal.call(1, Call(REQUEST, Reply(Answer(ANSWER), "gpt-4o")))
    journal.case(record_named("a"))
    journal.close()
    return (folder() / "made.jsonl").read_bytes()


def read_journal_file(content: bytes) -> None:
    path = folder() / "read.main.jsonl"
    path.write_bytes(content)
    list(read_journal(path, []))
    lost_tries([path])


@st.composite
def sealed_journals(draw: Callable[[Any], Any]) -> bytes:
    """Lines of another shape whose checksum is right all the same."""
    import zlib

    lines = journal_file().splitlines()
    event = json.loads(draw(st.sampled_from(lines)))
    event.pop("crc")
    made = draw(inputs.near(event))
    text = inputs.dumped(made if isinstance(made, dict) else {})[:-1]
    return b'%s,"crc":"%08x"}\n' % (text, zlib.crc32(text))


@cache
def plan_file() -> Any:
    from migrate.edges.plans import Plan

    plans = Plans(folder() / "plans")
    plans.keep(Plan(Run("r1", "replay", "2026-01-15T09:30:00Z"), ("a", "b"), {"model": ["gpt-4.1"]}, {("k", 1): 2}))
    return json.loads((folder() / "plans" / "r1.plan.json").read_text())


def read_plan(content: bytes) -> None:
    plan_file()
    (folder() / "plans" / "r1.plan.json").write_bytes(content)
    with in_words():
        Plans(folder() / "plans").find("r1")


def near_json(*examples: Any) -> st.SearchStrategy[bytes]:
    return inputs.near(*examples).map(inputs.dumped)


def targets() -> list[Target]:
    """Return every reader with what it is given."""
    texts = inputs.ANY_TEXT | inputs.ODD_TEXT
    junk, measured = st.binary(max_size=60), measurement_file()
    return [
        Target("reply bodies", near_json(*BODIES) | inputs.damaged(*map(inputs.dumped, BODIES)) | junk, read_reply, 4),
        Target("streams", streams() | inputs.damaged(*STREAMS) | junk, read_stream, 4),
        Target("answers", answers(), judge_text, 4),
        Target("schemas", st.tuples(inputs.near(SCHEMA), inputs.near(json.loads(ANSWER))), use_schema, 2),
        Target("goldens", sealed_goldens() | inputs.damaged(*EXAMPLES) | junk, read_golden, 4),
        Target("measurements", inputs.damaged(measured) | near_json(json.loads(measured)), read_golden),
        Target("prompt files", prompt_files() | inputs.damaged(PROMPT_FILE) | junk, load_prompt, 2),
        Target("configuration", inputs.damaged(CONFIG, PRICES) | junk, read_config, 2),
        Target("templates", st.lists(st.sampled_from(WORDS.split()), max_size=16).map(" ".join) | texts, fill_template),
        Target("ledger pages", inputs.overwritten(), read_ledger),
        Target("recording pages", inputs.overwritten(), read_recordings),
        Target("journals", sealed_journals() | inputs.damaged(journal_file()), read_journal_file, 2),
        Target("foreign files", foreign_files(), read_foreign, 2),
        Target("plans", near_json(plan_file()) | inputs.damaged(inputs.dumped(plan_file())), read_plan),
    ]
