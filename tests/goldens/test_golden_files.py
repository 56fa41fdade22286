"""What stands in a golden, and that it is read back as it was."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import golden_nouns as nouns
import jsonschema_rs
import pytest
from golden_nouns import golden, request, sample
from hypothesis import given, settings
from redaction.secret_samples import whole

import migrate
from migrate.edges.goldens import GoldenFiles
from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import (
    Answer,
    Approval,
    CaseId,
    Finding,
    FindingKind,
    FlowName,
    Golden,
    JsonPath,
    NoReply,
    NoReplyKind,
    Rung,
    Severity,
    Timing,
    ToolCall,
)

EXAMPLES = Path(__file__).parent / "examples"
SCHEMA = jsonschema_rs.Draft202012Validator(
    json.loads((Path(migrate.__file__).parent / "schemas" / "golden.schema.json").read_text())
)
REFUND, LATE = FlowName("refund"), CaseId("late-parcel")


@pytest.fixture
def files(tmp_path: Path) -> GoldenFiles:
    """An empty store."""
    return GoldenFiles(tmp_path / "fixtures", Redactor())


def content(files: GoldenFiles, golden: Golden) -> bytes:
    return (files.root.parent / files.path(golden.flow, golden.case)).read_bytes()


def json_golden() -> Golden:
    """Two samples: plain JSON in the schema's order of keys, and the same in a fence, with what was found wrong."""
    asked = request(response_format={"type": "json_object"})
    plain = sample(
        1, Answer('{"label":"delivery","confidence":0.97}'), asked, {"label": "delivery", "confidence": 0.97}
    )
    fenced = sample(2, Answer('```json\n{"label": "delivery"}\n```'), asked, {"label": "delivery"})
    finding = Finding(
        Rung.PARSED,
        FindingKind.FENCED_JSON,
        Severity.BREAKING,
        JsonPath("$"),
        "the JSON stands in a code fence",
        sample=2,
    )
    repaired = {Rung.SCHEMA: True}
    rungs = {**fenced.rungs, Rung.PARSED: False, Rung.SCHEMA: False, Rung.CHECKS: None}
    fenced = replace(fenced, rungs=rungs, findings=(finding,), if_repaired=repaired)
    return Golden(REFUND, LATE, "gpt-4o", (asked,), (plain, fenced), contract_digest="c0ffee")


def text_golden() -> Golden:
    """Prose, a tool call and a refusal; an approved answer."""
    asked = request("Wo bleibt mein Paket?")
    prose = sample(1, Answer("Guten Tag,\n\nIhr Paket kommt morgen.\n"), asked)
    call = ToolCall("find_order", '{"order_id": "NL-2025-104233"}', "call_x8sd7f6s")
    tools = sample(2, Answer(None, (call,), finish="tool_calls"), asked)
    refused = sample(3, Answer(None, refusal="I cannot help with that.", finish="stop"), asked)
    seen = Approval(Answer("Es kommt morgen."), "gpt-4.1", "Anna", "shorter is fine", "sha256:1f2e", "2026-01-20")
    return Golden(
        REFUND, CaseId("german"), "gpt-4o", (asked,), (prose, tools, refused), (seen,), contract_digest="c0ffee"
    )


@pytest.mark.parametrize("make", [json_golden, text_golden], ids=["json", "text"])
def test_a_golden_looks_like_the_example(make: object, files: GoldenFiles) -> None:
    """The whole file, as a reviewer sees it in git; `tests/goldens/examples` holds the expected one."""
    assert callable(make)
    made = make()
    files.write(made)
    expected = EXAMPLES / f"{make.__name__}.json"
    assert expected.read_text(encoding="utf-8") == content(files, made).decode()


def test_a_file_is_sorted_and_indented(files: GoldenFiles) -> None:
    """Sorted keys, two spaces, UTF-8 as it is, one newline at the end: the form every JSON tool writes."""
    made = golden("late-parcel", "Schön: [1, 2]")
    files.write(made)
    text = content(files, made).decode()
    assert json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n" == text
    assert "Schön" in text


def test_the_checksum_can_be_checked_by_hand(files: GoldenFiles) -> None:
    """It is SHA-256 of the file without its own line."""
    import hashlib

    made = golden()
    files.write(made)
    lines = content(files, made).decode().splitlines(keepends=True)
    without = "".join(line for line in lines if not line.startswith('  "checksum": '))
    assert f"sha256:{hashlib.sha256(without.encode()).hexdigest()}" == json.loads("".join(lines))["checksum"]


@settings(max_examples=50)
@given(made=nouns.goldens())
def test_what_was_written_is_read_back(made: Golden, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any golden, with lone surrogates, NUL, fences and odd JSON in it, comes back equal, redaction apart."""
    redactor = Redactor()
    files = GoldenFiles(tmp_path_factory.mktemp("goldens", numbered=True), redactor)
    assert files.write(made)
    read = files.read(made.flow, made.case)
    assert read is not None
    assert nouns.as_kept(made, redactor) == replace(read, digest="")
    assert read == files.stored(made)
    assert list(SCHEMA.iter_errors(json.loads(content(files, made)))) == []
    assert not files.write(read), "what was read is what is there"


@settings(max_examples=50)
@given(text=nouns.texts)
def test_every_text_is_kept_to_the_letter(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Structure, layout and order of keys give the raw text back exactly."""
    files = GoldenFiles(tmp_path_factory.mktemp("texts", numbered=True), Redactor(enabled=False))
    files.write(golden("late-parcel", text))
    read = files.read(REFUND, LATE)
    assert read is not None
    assert Answer(nouns.paired(text)) == read.samples[0].sample.answer


def test_a_very_long_line_is_kept(files: GoldenFiles) -> None:
    """An answer is never cut."""
    text = "word " * 200_000
    files.write(golden("late-parcel", text))
    read = files.read(REFUND, LATE)
    assert read is not None
    assert Answer(text) == read.samples[0].sample.answer


def test_plain_json_answers_are_kept_as_structure_alone(files: GoldenFiles) -> None:
    """JSON that can be written again exactly needs no raw text beside it; a fenced one does."""
    made = json_golden()
    files.write(made)
    plain, fenced = (entry["calls"][0]["answer"] for entry in json.loads(content(files, made))["samples"])
    assert ["json", "order"] == sorted(plain)
    assert ["json", "raw"] == sorted(fenced)


def test_an_equal_recording_leaves_the_bytes_alone(files: GoldenFiles) -> None:
    """Same answers, other ids, latencies and dates: no byte and no time of the file changes."""
    asked = request()
    one = sample(1, Answer(None, (ToolCall("f", "{}", "call_a1"),)), asked, timing=Timing(100.0), at="2026-01-15")
    two = sample(1, Answer(None, (ToolCall("f", "{}", "call_b2"),)), asked, timing=Timing(250.0), at="2026-02-01")
    made = Golden(REFUND, LATE, "gpt-4o", (asked,), (one,))
    assert files.write(made)
    path = files.root.parent / files.path(REFUND, LATE)
    os.utime(path, (1, 1))
    before = path.read_bytes()
    assert not files.write(replace(made, samples=(two,)))
    assert before == path.read_bytes()
    assert 1 == path.stat().st_mtime


@pytest.mark.parametrize("noise", ["ms", "100.5", "2026-01-15", "req_1", "fp_1", "default", "call_a1", "usage"])
def test_what_changes_from_one_recording_to_the_next_is_not_in_a_golden(noise: str, files: GoldenFiles) -> None:
    """No latency, date, request id, fingerprint, tier or usage: those are measurements."""
    one = sample(1, Answer("x", (ToolCall("f", "{}", "call_a1"),)), request(), timing=Timing(100.5), at="2026-01-15")
    made = Golden(REFUND, LATE, "gpt-4o", (request(),), (one,))
    files.write(made)
    assert noise not in content(files, made).decode().replace('"samples"', "").replace("items", "")


def test_ids_that_later_calls_quote_are_kept(files: GoldenFiles) -> None:
    """In a trace of several calls the id of a tool call links them, so it stays."""
    first = sample(1, Answer(None, (ToolCall("f", "{}", "call_a1"),)), request("one")).sample.calls[0]
    last = sample(1, Answer("done"), request("two")).sample.calls[0]
    judged = replace(sample(1, Answer("done"), request("two")))
    judged = replace(judged, sample=replace(judged.sample, calls=(first, replace(last, ordinal=1))))
    made = Golden(REFUND, LATE, "gpt-4o", (first.request, last.request), (judged,))
    files.write(made)
    read = files.read(REFUND, LATE)
    assert read is not None
    assert "call_a1" == read.samples[0].sample.calls[0].outcome.answer.tool_calls[0].id  # type: ignore[union-attr]
    assert made.requests == read.requests


def test_a_trace_keeps_every_call_and_a_final_answer_of_its_own(files: GoldenFiles) -> None:
    """Calls stand in their order with their requests; a final answer that none of them gave stands beside them."""
    calls = [sample(1, Answer(name), request(name)).sample.calls[0] for name in ("one", "two")]
    calls = [replace(call, ordinal=ordinal) for ordinal, call in enumerate(calls)]
    final = Answer('{"answer":"two","golden":{"total":7}}')
    judged = replace(sample(1, final, request(), json.loads(final.text or "")), parsed=True)
    judged = replace(judged, sample=replace(judged.sample, calls=tuple(calls)))
    made = Golden(REFUND, LATE, "gpt-4o", tuple(call.request for call in calls), (judged,))
    files.write(made)
    read = files.read(REFUND, LATE)
    assert read is not None
    assert final == read.samples[0].sample.answer
    assert {"answer": "two", "golden": {"total": 7}} == read.samples[0].value
    assert [(0, "one"), (1, "two")] == [
        (call.ordinal, call.outcome.answer.text)  # type: ignore[union-attr]
        for call in read.samples[0].sample.calls
    ]
    assert not files.write(read)


def test_secrets_and_personal_data_never_reach_the_file(files: GoldenFiles) -> None:
    """Redaction comes before the first byte: in messages, answers, JSON keys, arguments, findings and approvals."""
    secret, mail = whole("s·k-proj-") + "A1b2C3d4" * 8, whole("anna@example·.com")
    asked = request(f"I am {mail}, my key is {secret}", tools=[{"name": mail}])
    answer = Answer(f'{{"{mail}": "{secret}"}}', (ToolCall("f", json.dumps({"to": mail}), "x"),), refusal=f"no, {mail}")
    finding = Finding(
        Rung.CHECKS, FindingKind.CHECK_FAILED, Severity.BREAKING, JsonPath("$"), mail, secret, {secret: mail}
    )
    judged = replace(sample(1, answer, asked, {mail: secret}), findings=(finding,), unjudged=(f"judge {mail}",))
    approved = Approval(Answer(f"Dear {mail}"), "gpt-4.1", "Anna", f"asked {mail}", "sha256:1f2e")
    made = Golden(REFUND, LATE, "gpt-4o", (asked,), (judged,), (approved,))
    files.write(made)
    text = content(files, made).decode()
    assert secret not in text
    assert mail not in text
    assert 9 <= text.count("<email:")


def test_long_inputs_are_kept_by_digest(files: GoldenFiles) -> None:
    """A document in a prompt is not copied: its first words, its length and its digest stand for it."""
    document = "The handbook of the shop. " * 20_000
    made = golden(asked=request(document))
    files.write(made)
    read = files.read(REFUND, LATE)
    assert read is not None
    kept = read.requests[0].body["messages"][1]["content"]
    assert kept.startswith("The handbook of the shop. The handbook")
    assert kept.endswith("]")
    assert "520000 characters, sha256:" in kept
    assert len(content(files, made)) < 3000
    assert (made.requests[0].request_key, made.requests[0].prompt_key) == (
        read.requests[0].request_key,
        read.requests[0].prompt_key,
    )


def test_invisible_characters_are_written_as_escapes(files: GoldenFiles) -> None:
    """What a terminal or a reviewer would not see (bidi, C1, zero width, language tags) is seen in git."""
    hidden = "pay\u202epal \x9b2J \u200b \U000e0041 \ud800"
    made = golden("late-parcel", hidden)
    files.write(made)
    text = content(files, made).decode()
    assert "pay\\u202epal \\u009b2J \\u200b \\udb40\\udc41 \\ud800" in text
    read = files.read(REFUND, LATE)
    assert read is not None
    assert Answer(hidden) == read.samples[0].sample.answer


def test_numbers_json_has_no_word_for_become_text(files: GoldenFiles) -> None:
    """A finding about infinity can be kept: infinity stands there as text."""
    finding = Finding(
        Rung.CHECKS, FindingKind.CHECK_FAILED, Severity.BREAKING, JsonPath("$"), "too big", 1, [float("inf"), 10**5000]
    )
    made = golden()
    files.write(replace(made, samples=(replace(made.samples[0], findings=(finding,)),)))
    read = files.read(REFUND, LATE)
    assert read is not None
    kept = read.samples[0].findings[0].actual
    assert "inf" == kept[0]
    assert kept[1].startswith("0x")


def test_an_unanswered_sample_is_no_golden(files: GoldenFiles) -> None:
    """A fault of the road is never kept as a baseline answer."""
    made = golden()
    call = replace(made.samples[0].sample.calls[0], outcome=NoReply(NoReplyKind.TIMEOUT, "nothing for 600 s"))
    missing = replace(made.samples[0], sample=replace(made.samples[0].sample, calls=(call,), answer=None))
    with pytest.raises(StoreProblem, match=r"cannot keep fixtures/refund/late-parcel.json: a sample without an answer"):
        files.write(replace(made, samples=(missing,)))
    assert files.read(REFUND, LATE) is None


def test_a_golden_changed_since_it_was_read_is_not_overwritten(files: GoldenFiles) -> None:
    """Compare and swap: an approval is only added to the golden the reviewer saw."""
    files.write(golden("late-parcel", "first"))
    seen = files.read(REFUND, LATE)
    assert seen is not None
    files.write(golden("late-parcel", "second"))
    with pytest.raises(StoreProblem, match="was changed since it was read"):
        files.write(seen)
    now = files.read(REFUND, LATE)
    assert now is not None
    assert "second" == now.samples[0].sample.answer.text  # type: ignore[union-attr]
    approved = (Approval(Answer("fine"), "gpt-4.1", "Anna", "", "sha256:1f2e"),)
    assert files.write(replace(now, approved=approved))


def test_flows_and_cases_are_listed(files: GoldenFiles) -> None:
    """Every golden is found again by name, sorted; measurements are no case."""
    for flow, case in (
        ("refund", "b"),
        ("refund", "A"),
        ("label", "x.y"),
        ("refund", "con"),
        ("refund", "measurements"),
    ):
        files.write(golden(case, flow=flow))
    files.write_measurements(REFUND, [nouns.measurement("b", 1)])
    assert ("label", "refund") == files.flows()
    assert ("A", "b", "con", "measurements") == files.cases(REFUND)
    assert () == files.cases(FlowName("unknown"))
    assert files.read(REFUND, CaseId("unknown")) is None
    assert () == GoldenFiles(files.root / "nowhere", Redactor()).flows()


@given(
    made=nouns.measurements.flatmap(lambda one: nouns.st.lists(nouns.measurements, max_size=3).map(lambda r: [one, *r]))
)
def test_measurements_are_read_back(made: list[object], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Measurements come back as they were, sorted by case, sample and call."""
    files = GoldenFiles(tmp_path_factory.mktemp("measured", numbered=True), Redactor())
    files.write_measurements(REFUND, made)  # type: ignore[arg-type]
    key = lambda row: (row.case, row.sample, row.ordinal, row.asked_model)  # noqa: E731
    assert sorted(made, key=key) == list(files.measurements(REFUND))  # type: ignore[type-var]
    assert not files.write_measurements(REFUND, files.measurements(REFUND))


def test_measurements_are_one_row_a_line(files: GoldenFiles) -> None:
    """Recording one case again changes the lines of that case, and no other."""
    files.write_measurements(REFUND, [nouns.measurement("a", 1), nouns.measurement("b", 1), nouns.measurement("b", 2)])
    path = files.root / "refund" / "measurements.json"
    before = path.read_text().splitlines()
    assert files.write_measurements(REFUND, [nouns.measurement("b", 1, ms=90.0)])
    after = path.read_text().splitlines()
    assert before[:5] == after[:5]
    assert '"case": "a"' in after[4]
    assert 2 == len(files.measurements(REFUND))
    assert not files.write_measurements(REFUND, [])


@pytest.mark.parametrize("file", ["golden", "measurements"])
def test_files_follow_their_published_schemas(file: str, files: GoldenFiles) -> None:
    """A file of every shape is valid by `migrate/schemas`; a strange key is not."""
    import jsonschema

    schema = json.loads((Path(migrate.__file__).parent / "schemas" / f"{file}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for made in (json_golden(), text_golden()):
        files.write(made)
    files.write_measurements(REFUND, [nouns.measurement("a", 1, timing=None, served_model=None)])
    paths = [
        path for path in (files.root / "refund").iterdir() if (path.name == "measurements.json") == (file != "golden")
    ]
    assert paths
    for path in paths:
        document = json.loads(path.read_text())
        validator.validate(document)
        assert not validator.is_valid({**document, "strange": 1})
