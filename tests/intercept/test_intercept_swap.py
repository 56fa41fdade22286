"""Live calls with the model swapped: what changes in the request, what does not, and how it is said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import openai
import pytest
import sdk_forms
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import ScriptedServer, ok
from sdk_forms import ANSWERED, KEY, USER, clients, outcome

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Route, Trace
from migrate.edges.intercept.edits import Drop, Edit, Put, Rename, edited, spliced
from migrate.rendering import parse_candidate
from migrate.vocabulary import Json, NoReply, NoReplyKind, Reply

FULL: Mapping[str, Any] = {
    "messages": USER,
    "model": "gpt-4o",
    "max_tokens": 50,
    "temperature": 0.1,
    "top_p": 0.25,
    "frequency_penalty": 1e-05,
    "logprobs": True,
    "top_logprobs": 2,
    "user": "häßlich 📦",
}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(sdk_forms.provider) as running:
        yield running


def live(candidate: str, **facts: Any) -> Interception:
    return Interception("live", SystemClock(), lambda value: value, swap=parse_candidate(candidate), **facts)


def ask_chat(server: ScriptedServer, candidate: str, **body: Any) -> tuple[bytes, Trace]:
    """Return the body that arrived for one chat call, and the trace."""
    with live(candidate) as trace, openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        client.chat.completions.create(**{"model": "gpt-4o", "messages": USER, **body})
    return server.seen[-1].body, trace


def ask_responses(server: ScriptedServer, candidate: str, **body: Any) -> tuple[bytes, Trace]:
    """Return the body that arrived for one responses call, and the trace."""
    with live(candidate) as trace, openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        client.responses.create(**{"model": "gpt-4o", "input": "x", **body})
    return server.seen[-1].body, trace


def unswapped(server: ScriptedServer, **body: Any) -> bytes:
    with openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        client.chat.completions.create(**body)
    return server.seen[-1].body


@pytest.mark.parametrize("kind", clients("http://unused/v1"))
@pytest.mark.parametrize("form", ANSWERED)
def test_only_the_model_changes_on_the_wire(server: ScriptedServer, form: str, kind: str):
    """Byte for byte, a request differs in the model alone, in its body and in the path of an Azure deployment."""
    start = len(server.seen)
    outcome(ANSWERED[form], clients(server.url)[kind]())
    middle = len(server.seen)
    with live("gpt-4.1") as trace:
        outcome(ANSWERED[form], clients(server.url)[kind]())
    plain, swapped = server.seen[start:middle], server.seen[middle:]
    is_embedding = form.startswith("embeddings")
    assert [seen.path if is_embedding else seen.path.replace("/gpt-4o/", "/gpt-4.1/") for seen in plain] == [
        seen.path for seen in swapped
    ]
    assert [seen.body if is_embedding else seen.body.replace(b'"gpt-4o"', b'"gpt-4.1"', 1) for seen in plain] == [
        seen.body for seen in swapped
    ]
    assert [len(seen.body) for seen in swapped] == [int(seen.headers["content-length"]) for seen in swapped]
    assert len(trace.calls) == len(swapped)
    assert () == sum((exchange.notes for exchange in trace.exchanges), ())


def test_the_trace_knows_what_was_asked_and_what_was_sent(server: ScriptedServer):
    """A call is to the candidate; beside it stands what the application asked; both are the same question."""
    _, trace = ask_chat(server, "gpt-4.1")
    (exchange,) = trace.exchanges
    assert ("gpt-4.1", "gpt-4o") == (exchange.call.request.model, exchange.asked.model)
    assert exchange.call.request.prompt_key == exchange.asked.prompt_key
    assert exchange.call.request.request_key != exchange.asked.request_key
    assert isinstance(exchange.call.outcome, Reply)
    assert "gpt-4.1-2025-04-14" == exchange.call.outcome.served_model


def test_models_that_are_not_mapped_stay(server: ScriptedServer):
    """A mapping swaps what it names; other calls go out as the application made them."""
    with live("gpt-4o=gpt-4.1") as trace, openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        for model in ("gpt-4o", "gpt-4o-mini"):
            client.chat.completions.create(model=model, messages=USER)  # type: ignore[arg-type]
    assert ["gpt-4.1", "gpt-4o-mini"] == [call.request.model for call in trace.calls]
    mapped, other = trace.exchanges
    assert other.asked is other.call.request
    assert mapped.asked is not mapped.call.request


def test_embeddings_are_never_swapped(server: ScriptedServer):
    """Vectors of two models have nothing to do with each other."""
    with live("gpt-4.1") as trace, openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        client.embeddings.create(model="text-embedding-3-small", input="x")
    (call,) = trace.calls
    assert ("embeddings", "text-embedding-3-small") == (call.request.api, call.request.model)
    assert isinstance(call.outcome, Reply)
    assert 4 == call.outcome.usage.input_tokens


def test_a_reasoning_model_gets_no_sampling_parameters(server: ScriptedServer):
    """What the candidate's family refuses is left out, what it calls otherwise is renamed, and each is said."""
    body, trace = ask_chat(server, "gpt-5", **FULL)
    assert {"model", "messages", "max_completion_tokens", "user"} == json.loads(body).keys()
    notes = trace.exchanges[0].notes
    assert "max_tokens: sent as max_completion_tokens, the name gpt-5 takes" in notes
    left_out = {note.partition(":")[0] for note in notes if note.endswith("left out")}
    assert {"temperature", "top_p", "logprobs", "top_logprobs", "frequency_penalty"} == left_out


def test_all_other_bytes_stay_when_parameters_are_translated(server: ScriptedServer):
    """Numbers, text and order of what stays are as the application wrote them."""
    plain = unswapped(server, **FULL)
    body, _ = ask_chat(server, "gpt-5", **FULL)
    expected = plain.replace(b'"gpt-4o"', b'"gpt-5"').replace(b'"max_tokens"', b'"max_completion_tokens"')
    for member in (b'"temperature":0.1', b'"top_p":0.25', b'"frequency_penalty":1e-05', b'"logprobs":true'):
        expected = expected.replace(member + b",", b"")
    assert expected.replace(b'"top_logprobs":2,', b"") == body


def test_a_parameter_that_says_the_same_twice_is_left_out(server: ScriptedServer):
    """Where the application gives both names, the one the candidate takes is kept."""
    body, trace = ask_chat(server, "gpt-5", max_tokens=50, max_completion_tokens=60)
    assert (60, False) == (json.loads(body)["max_completion_tokens"], "max_tokens" in json.loads(body))
    assert ("max_tokens: left out, max_completion_tokens says it to gpt-5",) == trace.exchanges[0].notes


def test_tools_beside_reasoning_are_made_acceptable(server: ScriptedServer):
    """A family that takes function tools in Chat Completions without reasoning only is told not to reason."""
    body, trace = ask_chat(server, "gpt-6-luna", tools=sdk_forms.TOOLS, temperature=0.1)
    assert ("none", 0.1) == (json.loads(body)["reasoning_effort"], json.loads(body)["temperature"])
    assert ("reasoning_effort: set to none, which gpt-6-luna wants beside tools",) == trace.exchanges[0].notes


def test_sampling_parameters_stay_where_the_model_does_not_reason(server: ScriptedServer):
    """A family refuses them only while it reasons: effort `none`, asked or by default, lets them pass."""
    quiet, _ = ask_responses(server, "gpt-6-luna", temperature=0.1, reasoning={"effort": "none"})
    assert 0.1 == json.loads(quiet)["temperature"]
    loud, trace = ask_responses(server, "gpt-6-luna", temperature=0.1)
    assert "temperature" not in json.loads(loud)
    assert ("temperature: not taken by gpt-6-luna, left out",) == trace.exchanges[0].notes


def test_an_unknown_candidate_gets_every_parameter(server: ScriptedServer):
    """Nothing is known, so nothing is changed but the model."""
    plain = unswapped(server, **FULL)
    body, trace = ask_chat(server, "our-own-7b", **FULL)
    assert plain.replace(b'"gpt-4o"', b'"our-own-7b"') == body
    assert () == trace.exchanges[0].notes


def test_an_azure_deployment_is_swapped_in_the_path_too(server: ScriptedServer):
    """The path decides there; the deployment of the candidate bears its name, and the query stays."""
    with live("prod-chat=prod-chat-41") as trace:
        client = openai.AzureOpenAI(
            api_key=KEY, azure_endpoint=server.url.removesuffix("/v1"), api_version="2025-01-01", max_retries=0
        )
        client.chat.completions.create(model="prod-chat", messages=USER)  # type: ignore[arg-type]
        client.close()
    seen = server.seen[-1]
    assert "/openai/deployments/prod-chat-41/chat/completions?api-version=2025-01-01" == seen.path
    assert "prod-chat-41" == seen.json["model"]
    assert isinstance(trace.calls[0].outcome, Reply), "a deployment's name is no model's: any may serve it"


def test_a_fixed_azure_deployment_is_mapped_by_its_own_name(server: ScriptedServer):
    """A client bound to a deployment sends whatever model the application says; the deployment is what is mapped."""
    with live("prod-chat=prod-chat-41"):
        client = openai.AzureOpenAI(
            api_key=KEY,
            azure_endpoint=server.url.removesuffix("/v1"),
            azure_deployment="prod-chat",
            api_version="2025-01-01",
            max_retries=0,
        )
        client.chat.completions.create(model="anything", messages=USER)  # type: ignore[arg-type]
        client.close()
    assert "/openai/deployments/prod-chat-41/chat/completions?api-version=2025-01-01" == server.seen[-1].path


def test_another_model_than_asked_is_no_reply(server: ScriptedServer):
    """A gateway that answers with the old model is found out."""
    with ScriptedServer(lambda _: ok(_answer_of("gpt-4o-2024-08-06"))) as stubborn:
        client = openai.OpenAI(api_key=KEY, base_url=stubborn.url)
        with live("gpt-4.1-mini") as trace:
            client.chat.completions.create(model="gpt-4o", messages=USER)  # type: ignore[arg-type]
        client.close()
    assert NoReplyKind.WRONG_MODEL is trace.calls[0].outcome.kind  # type: ignore[union-attr]


def _answer_of(model: str) -> Json:
    message = {"role": "assistant", "content": "x"}
    return {"model": model, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


def test_a_route_takes_calls_elsewhere_and_leaves_the_key_behind(server: ScriptedServer):
    """A call can be sent to another provider; it never gets the application's credentials."""
    route = Route(server.url, {"authorization": "Bearer other"})
    with live("gpt-4.1", route={"gpt-4.1": route}.get, headers={"x-sample": "3"}):
        client = openai.OpenAI(
            api_key=KEY, base_url="http://127.0.0.1:9/v1", organization="org-1", project="proj-1", max_retries=0
        )
        client.chat.completions.create(model="gpt-4o", messages=USER)  # type: ignore[arg-type]
        client.close()
    seen = server.seen[-1]
    assert ("/v1/chat/completions", "Bearer other", "3") == (
        seen.path,
        seen.headers["authorization"],
        seen.headers["x-sample"],
    )
    assert f"127.0.0.1:{server.port}" == seen.headers["host"]
    assert KEY not in str(seen.headers)
    assert not {"openai-organization", "openai-project"} & seen.headers.keys()


def test_a_gate_keeps_a_call_from_leaving(server: ScriptedServer):
    """What the gate returns is the outcome; the application sees a connection error and the server nothing."""
    closed = NoReply(NoReplyKind.BUDGET, "the cap of the run does not hold another call")
    asked: list[tuple[str, int]] = []

    def gate(request: Any, attempt: int) -> NoReply | None:
        asked.append((request.model, attempt))
        return closed if len(asked) > 1 else None

    before = len(server.seen)
    with live("gpt-4.1", gate=gate) as trace:
        assert "raised" not in outcome(ANSWERED["chat"], clients(server.url)["sync"]())
        seen = outcome(ANSWERED["responses"], clients(server.url)["async"]())
    assert ["raised", "APIConnectionError", closed.message] == seen[:3]
    assert [("gpt-4.1", 1), ("gpt-4.1", 1)] == asked
    assert before + 1 == len(server.seen)
    assert closed == trace.calls[1].outcome
    assert 0 == trace.calls[1].lost


def test_a_recording_swaps_nothing():
    """Goldens are of the models the application asks for."""
    with pytest.raises(ValueError, match="nothing is swapped"):
        Interception("record", SystemClock(), lambda value: value, swap=parse_candidate("gpt-4.1"))


# --- Splicing -------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["model", "a", "b", "max_tokens", 'odd "name', "ü"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
EDITS = st.lists(
    st.builds(Put, NAMES, VALUES)
    | st.builds(Drop, NAMES)
    | st.builds(Rename, NAMES, st.sampled_from(["new", "other"])),
    max_size=4,
)


def _apart(edits: list[Edit]) -> bool:
    """True when no renaming meets a member of its new name, which no translation asks for."""
    names = [edit.to for edit in edits if isinstance(edit, Rename)]
    return len(set(names)) == len(names) and not {*names} & {edit.name for edit in edits}


@given(
    body=st.dictionaries(NAMES, VALUES, max_size=6),
    edits=EDITS,
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
)
def test_a_spliced_text_reads_as_the_edited_body(
    body: dict[str, Json], edits: list[Edit], indent: int | None, ascii_only: bool
):
    """Changing the text and changing what it says are the same, however the text is laid out."""
    if not _apart(edits):
        return
    text = json.dumps(body, indent=indent, ensure_ascii=ascii_only)
    assert edited(body, edits) == json.loads(spliced(text, edits))


@given(body=st.dictionaries(NAMES, VALUES, max_size=6), indent=st.sampled_from([None, 2]))
def test_no_edit_leaves_every_byte(body: dict[str, Json], indent: int | None):
    """A text that is not changed is the same text."""
    text = json.dumps(body, indent=indent)
    assert text == spliced(text, [])


@given(body=st.dictionaries(NAMES, VALUES, min_size=1, max_size=6), value=VALUES)
def test_a_put_changes_the_bytes_of_its_value_alone(body: dict[str, Json], value: Json):
    """What stands before and after a replaced value stays."""
    name = min(body)
    body = {name: body[name], **body}
    text = json.dumps(body)
    changed = spliced(text, [Put(name, value)])
    old, new = json.dumps(body[name]), json.dumps(value, separators=(",", ":"))
    head = text.index(json.dumps(name) + ": ") + len(json.dumps(name) + ": ")
    assert text[:head] + new + text[head + len(old) :] == changed


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a"', '{"a":}', '{"a":1,,}', "null"])
def test_what_is_no_object_is_refused(text: str):
    """A text that is no JSON object is never sent half changed."""
    with pytest.raises(ValueError, match=r"no |Expecting|Invalid"):
        spliced(text, [Put("model", "x")])
