"""What fuzzing found, one line each: inputs that once ended in a traceback, and how they end now."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest
from fuzz_targets import BODIES, EXAMPLES, SCRIPTS, databases

from migrate.edges.configuration import read_settings
from migrate.edges.goldens import GoldenFiles
from migrate.edges.goldens.paper import sealed
from migrate.edges.journal import read_journal
from migrate.edges.ledger import open_ledger
from migrate.edges.plans import Plans
from migrate.edges.recordings import RecordingStore
from migrate.edges.rollouts import read_policy
from migrate.errors import StoreProblem, UsageProblem
from migrate.pricing.overrides import read_overrides
from migrate.redaction import Redactor
from migrate.vocabulary import CaseId, FlowName, Usage
from migrate.wire.replies import NotAReply, read_answer, read_body
from migrate.wire.streams import Assembly

CHAT = next(body for script, body in zip(SCRIPTS, BODIES, strict=True) if script.endpoint == "chat")
RESPONSE = next(body for script, body in zip(SCRIPTS, BODIES, strict=True) if script.endpoint == "responses")
DEEP = "[" * 100_000


def chat(**message: Any) -> dict[str, Any]:
    choice = CHAT["choices"][0]
    return CHAT | {"choices": [choice | {"message": choice["message"] | message}]}


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat", chat(tool_calls=5)),
        ("chat", chat(tool_calls="refund")),
        ("chat", chat(tool_calls=[5])),
        ("chat", chat(tool_calls={"name": "x"})),
        ("responses", RESPONSE | {"output": 5}),
        ("embeddings", CHAT | {"data": 5}),
    ],
)
def test_a_body_of_another_shape_is_malformed(api: Any, body: dict[str, Any]) -> None:
    """A part of the wrong type is a no-reply of its own kind, for every API."""
    with pytest.raises(NotAReply) as caught:
        read_answer(api, body, "gpt-4o", None)
    assert "malformed_body" == caught.value.no_reply.kind.value


@pytest.mark.parametrize(
    "body",
    [
        RESPONSE | {"output": [{"type": "message", "content": 5}]},
        RESPONSE | {"status": "incomplete", "incomplete_details": "length"},
        RESPONSE | {"usage": 5},
    ],
    ids=["content", "details", "usage"],
)
def test_a_part_that_tells_nothing_is_left_out(body: dict[str, Any]) -> None:
    """Where a part can be done without, the rest of the answer is read."""
    assert "gpt-4o" == read_answer("responses", body, "gpt-4o", None).served_model


@pytest.mark.parametrize("count", [10**9 + 1, 2**63, 10**40, -1, 1.5, "7", True])
def test_an_insane_count_of_tokens_is_unknown(count: Any) -> None:
    """No database could hold it and no bill would: it is unknown, and the answer is a reply all the same."""
    usage = {"prompt_tokens": count, "completion_tokens": 10**9}
    assert Usage(output_tokens=10**9) == read_answer("chat", CHAT | {"usage": usage}, "gpt-4o", None).usage


EVENTS = [
    ("chat", "[1"),
    ("chat", DEEP),
    ("chat", {"choices": 5}),
    ("chat", {"choices": [{"delta": -1}]}),
    ("chat", {"choices": [{"delta": {"content": 5}}]}),
    ("chat", {"choices": [{"delta": {"refusal": ["x"]}}]}),
    ("chat", {"choices": [{"delta": {"tool_calls": 5}}]}),
    ("chat", {"choices": [{"delta": {"tool_calls": [5]}}]}),
    ("chat", {"choices": [{"delta": {"tool_calls": [{"index": []}]}}]}),
    ("chat", {"choices": [{"delta": {"tool_calls": [{"function": 5}]}}]}),
    ("chat", {"choices": [{"delta": {"tool_calls": [{"function": {"name": 5}}]}}]}),
    ("responses", {"type": "response.created", "response": "x"}),
    ("responses", {"type": "response.completed", "response": ["x"]}),
    ("responses", {"type": "response.output_item.added", "item": 5}),
    ("responses", {"type": "response.output_item.added", "output_index": [], "item": {"type": "function_call"}}),
    ("responses", {"type": "response.output_text.delta", "delta": {"a": 1}}),
    ("responses", {"type": "response.function_call_arguments.delta", "output_index": {}, "delta": "x"}),
]


@pytest.mark.parametrize(("api", "event"), EVENTS, ids=lambda value: str(value)[:40])
def test_an_event_of_another_shape_is_no_reply(api: Any, event: Any) -> None:
    """An event with a part of the wrong type, cut, or nested without end is a no-reply in words."""
    with pytest.raises(NotAReply) as caught:
        Assembly(api).feed("data: " + (event if isinstance(event, str) else json.dumps(event)))
    assert caught.value.no_reply.kind.value in {"malformed_body", "incomplete_stream"}


def test_an_event_of_an_unknown_type_is_passed_over() -> None:
    """APIs grow: an event nobody knows is no fault, whatever its type is written as."""
    assembly = Assembly("responses")
    assembly.feed('data: {"type": ["response.created"]}')
    assert not assembly.started


@pytest.mark.parametrize("body", [DEEP, '{"model": ' + "9" * 5_000 + "}", '{"a": ' * 5_000, "\ud800"])
def test_a_body_that_no_reader_can_hold_is_malformed(body: str) -> None:
    """Depth and digits without end are a no-reply, and cost nothing."""
    with pytest.raises(NotAReply, match="not whole JSON"):
        read_body(body.encode("utf-8", "surrogatepass"), "application/json")


@pytest.mark.parametrize("approved", [None, 5, [5], "x", {"a": 1}])
def test_a_golden_made_with_care_is_checked_for_leaks_in_words(approved: Any, tmp_path: Path) -> None:
    """A file with a right checksum and approvals of another shape is damage to `goldens check` too."""
    document = json.loads(EXAMPLES[0])
    del document["checksum"]
    flow, case = FlowName(document["flow"]), CaseId(document["case"])
    path = tmp_path / "fixtures" / flow / f"{case}.json"
    path.parent.mkdir(parents=True)
    path.write_text(sealed({**document, "approved": approved})[0], encoding="utf-8")
    with pytest.raises(StoreProblem, match="does not have the shape of a golden"):
        GoldenFiles(tmp_path / "fixtures", Redactor()).leaks(flow, case)


def test_a_sealed_line_of_another_shape_is_a_damaged_line(tmp_path: Path) -> None:
    """A journal line with a right checksum and half a rate in it is told by its number."""
    text = json.dumps({"case": {"flow": "a", "rungs": {"parsed": [1]}}})[:-1].encode()
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'%s,"crc":"%08x"}\n' % (text, zlib.crc32(text)))
    damaged: list[int] = []
    assert ([], [1]) == (list(read_journal(path, damaged)), damaged)


@pytest.mark.parametrize("content", [DEEP, "5", "[]", '{"format": 1, "run": 5}', '{"format": 1, "options": 5}', "\0"])
def test_a_plan_of_another_shape_is_damage(content: str, tmp_path: Path) -> None:
    """A plan nobody can read is named, with what to do about it."""
    (tmp_path / "r1.plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(StoreProblem, match="r1\\.plan\\.json is damaged"):
        Plans(tmp_path).find("r1")


def test_a_row_that_is_no_json_is_damage_of_the_ledger(tmp_path: Path) -> None:
    """A row that SQLite can read and nobody else is damage, and the file is named."""
    path = tmp_path / "ledger.db"
    path.write_bytes(databases()[0])
    with sqlite3.connect(path) as connection:
        connection.execute("update runs set accounts = '[1'")
    connection.close()
    ledger = open_ledger("sqlite:///ledger.db", root=tmp_path)
    with pytest.raises(StoreProblem, match=r"ledger\.db is damaged: a row is not what was written"):
        ledger.runs()
    ledger.close()


def test_a_page_that_cannot_even_be_quoted_is_damage(tmp_path: Path) -> None:
    """SQLite's complaint about a damaged schema quotes bytes that are no text: told in words all the same."""
    content = databases()[1]
    at = content.index(b"CREATE TABLE") if b"CREATE TABLE" in content else content.index(b"create table", 100)
    path = tmp_path / "state" / "recordings.db"
    path.parent.mkdir()
    path.write_bytes(content[: at - 12] + b"\xa5" * 10 + content[at - 2 :])
    with pytest.raises(StoreProblem, match=r"state/recordings\.db"):
        RecordingStore(path, Redactor()).get("k1:a", 1)


LONG_NUMBER = "9" * 5_000
DEEP_TOML = "a = " + "[" * 5_000


@pytest.mark.parametrize("text", [f"samples = {LONG_NUMBER}", DEEP_TOML, "samples = 1e9999999999999999999"])
@pytest.mark.parametrize("read", ["settings", "prices", "policy"])
def test_toml_that_python_does_not_read_is_said(tmp_path: Path, read: str, text: str) -> None:
    """An integer of 5,000 digits, brackets without end and a number past all bounds end in words."""
    path = tmp_path / "prompt-migrate.toml"
    path.write_text(text, "utf-8")
    looks = {
        "settings": lambda: read_settings(tmp_path, {}, {}),
        "prices": lambda: read_overrides(path),
        "policy": lambda: read_policy(path),
    }
    with pytest.raises(UsageProblem):
        looks[read]()
