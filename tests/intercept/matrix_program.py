"""One process of the matrix: other versions of the SDK and what is built on it, seen, swapped and replayed.

Run as `python matrix_program.py sdk|litellm|langchain|respx` with the folder of packages first on the path; prints
one JSON object: versions, and a list of what was not as promised.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import openai
import sdk_forms
from scripted_server import ScriptedServer
from sdk_forms import ANSWERED, FAILING, KEY, MODEL, USER, clients, outcome

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Recorded, Tape, Trace
from migrate.rendering import parse_candidate

NOWHERE = "http://127.0.0.1:9/v1"
# Libraries keep connections in caches: one event loop for all of their calls, as an application has it.
run = asyncio.Runner().run


def opened(mode: Any, **facts: Any) -> Interception:
    return Interception(mode, SystemClock(), lambda value: value, **facts)


class Report:
    """Collects what was not as promised."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.done = 0

    def check(self, name: str, promised: object, found: object) -> None:
        self.done += 1
        if promised != found:
            self.wrong.append(f"{name}: promised {promised!r}"[:600] + f", found {found!r}"[:600])

    def trace(self, name: str, trace: Trace, requests: int) -> None:
        """Check that every request of the server is a call of the trace that got its answer."""
        self.check(f"{name}: calls", requests, sum(call.attempts for call in trace.calls))
        self.check(f"{name}: faults", "", trace.first_fault)
        self.check(f"{name}: under way", 0, trace.under_way)


def sent(server: ScriptedServer, since: int) -> list[tuple[Any, ...]]:
    return [(seen.method, seen.path, sorted(seen.headers.items()), seen.body) for seen in server.seen[since:]]


def sdk(server: ScriptedServer, report: Report) -> None:
    """Every form of every client: the same with and without us, swapped in the model alone, the same offline."""
    made = clients(server.url)
    for kind in made:
        for form in [*ANSWERED, *FAILING]:
            name = f"{kind}, {form}"
            start = len(server.seen)
            plain = outcome((ANSWERED | FAILING)[form], made[kind]())
            middle = len(server.seen)
            with opened("record") as trace:
                watched = outcome((ANSWERED | FAILING)[form], made[kind]())
            report.check(f"{name}: application", plain, watched)
            report.check(f"{name}: server", sent(server, start)[: middle - start], sent(server, middle))
            report.trace(name, trace, len(server.seen) - middle)
            if form in ANSWERED:
                report.check(f"{name}: answered", False, "raised" in plain)
                _swap(server, report, kind, form)
                _replay(report, kind, form, trace)


def _swap(server: ScriptedServer, report: Report, kind: str, form: str) -> None:
    start = len(server.seen)
    outcome(ANSWERED[form], clients(server.url)[kind]())
    middle = len(server.seen)
    with opened("live", swap=parse_candidate("gpt-4.1")):
        outcome(ANSWERED[form], clients(server.url)[kind]())
    expected = [seen.body.replace(b'"gpt-4o"', b'"gpt-4.1"', 1) for seen in server.seen[start:middle]]
    report.check(f"{kind}, {form}: swapped", expected, [seen.body for seen in server.seen[middle:]])


def _replay(report: Report, kind: str, form: str, trace: Trace) -> None:
    with opened("offline", answers=Tape(map(Recorded.of, trace.exchanges))) as again:
        replayed = outcome(ANSWERED[form], clients(NOWHERE)[kind]())
    report.check(f"{kind}, {form}: misses", [], [miss.message for miss in again.misses])
    report.check(f"{kind}, {form}: replayed", False, isinstance(replayed, list) and replayed[:1] == ["raised"])
    answers = [[call.outcome.answer for call in one.calls] for one in (trace, again)]  # type: ignore[union-attr]
    report.check(f"{kind}, {form}: answers", *answers)


def built_on_it(server: ScriptedServer, report: Report, works: dict[str, Callable[[str], object]]) -> None:
    """Each piece of work: seen as often as the server saw it, the same again offline, swapped when told to."""
    for name, work in works.items():
        before = len(server.seen)
        with opened("record") as trace:
            first = work(server.url)
        report.trace(name, trace, len(server.seen) - before)
        report.check(f"{name}: seen at all", True, bool(trace.calls))
        before = len(server.seen)
        with opened("offline", answers=Tape(map(Recorded.of, trace.exchanges))) as again:
            second = work(NOWHERE)
        report.check(f"{name}: misses", [], [miss.message for miss in again.misses])
        report.check(f"{name}: offline", (first, before), (second, len(server.seen)))
        with opened("live", swap=parse_candidate("gpt-4o=gpt-4.1")) as swapped:
            work(server.url)
        models = {call.request.model for call in swapped.calls if call.request.api != "embeddings"}
        report.check(f"{name}: swapped", set() if "embedding" in name else {"gpt-4.1"}, models)


def litellm(server: ScriptedServer, report: Report) -> None:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch one
    import litellm as library

    library.telemetry = False
    chat = {"model": f"openai/{MODEL}", "messages": USER, "api_key": KEY}

    async def streamed(url: str) -> str:
        answer = await library.acompletion(**chat, api_base=url, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])

    async def responses(url: str) -> str:
        answer = await library.aresponses(model=f"openai/{MODEL}", input="x", api_key=KEY, api_base=url)
        return str(answer.output[0].content[0].text)

    built_on_it(server, report, {
        "completion": lambda url: library.completion(**chat, api_base=url).choices[0].message.content,
        "completion with tools": lambda url: (
    library.completion(**chat, api_base=url, tools=sdk_forms.TOOLS).choices[0].message.tool_calls[0].function.name
),
        "acompletion": lambda url: run(library.acompletion(**chat, api_base=url)).choices[0].message.content,
        "streamed": lambda url: "".join(
            chunk.choices[0].delta.content or "" for chunk in library.completion(**chat, api_base=url, stream=True)
        ),
        "streamed, async": lambda url: run(streamed(url)),
        "responses": lambda url: library.responses(
            model=f"openai/{MODEL}", input="x", api_key=KEY, api_base=url
        ).output[0].content[0].text,
        "responses, async": lambda url: run(responses(url)),
        "embedding": lambda url: library.embedding(
            model="openai/text-embedding-3-small", input=["a"], api_key=KEY, api_base=url
        ).data[0]["embedding"],
    })  # fmt: skip


def langchain(server: ScriptedServer, report: Report) -> None:
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    def chat(url: str, **facts: Any) -> Any:
        return ChatOpenAI(model=MODEL, api_key=KEY, base_url=url, max_retries=1, **facts)

    async def streamed(url: str) -> str:
        return "".join([str(chunk.text) async for chunk in chat(url).astream("Where?")])

    async def gathered(url: str) -> list[str]:
        return [str(answer.text) for answer in await chat(url).abatch(["Where?", "When?", "Why?"])]

    built_on_it(server, report, {
        "invoke": lambda url: str(chat(url).invoke("Where?").text),
        "stream": lambda url: "".join(str(chunk.text) for chunk in chat(url).stream("Where?")),
        "stream, async": lambda url: run(streamed(url)),
        "batch in threads": lambda url: [str(answer.text) for answer in chat(url).batch(["Where?", "When?"])],
        "batch, async": lambda url: run(gathered(url)),
        "structured": lambda url: chat(url).with_structured_output(sdk_forms.Parcel).invoke("Parcel?").model_dump(),
        "tools": lambda url: chat(url).bind_tools(sdk_forms.TOOLS).invoke("Where?").tool_calls[0]["args"],
        "responses": lambda url: str(chat(url, use_responses_api=True).invoke("Where?").text),
        "embeddings": lambda url: OpenAIEmbeddings(
            model="text-embedding-3-small", api_key=KEY, base_url=url, check_embedding_ctx_length=False
        ).embed_query("x"),
    })  # fmt: skip


def respx(server: ScriptedServer, report: Report) -> None:
    """respx patches the transport below: its routes answer what leaves, ours what does not."""
    import httpx
    import respx as library

    def application(url: str) -> tuple[str, str]:
        with openai.OpenAI(api_key=KEY, base_url=url, max_retries=0) as client:
            told = client.chat.completions.create(model=MODEL, messages=USER)  # type: ignore[call-overload]
        return told.choices[0].message.content, httpx.get("http://weather.example/").text

    with opened("record") as trace, library.mock as router:
        router.get("http://weather.example/").mock(return_value=httpx.Response(200, text="rain"))
        router.route(host="127.0.0.1").pass_through()
        first = application(server.url)
    report.trace("beside respx", trace, 1)
    with opened("offline", answers=Tape(map(Recorded.of, trace.exchanges))) as again, library.mock as router:
        route = router.get("http://weather.example/").mock(return_value=httpx.Response(200, text="rain"))
        report.check("offline beside respx", first, application(NOWHERE))
        report.check("respx's own route", 1, route.call_count)
    report.check("offline beside respx: misses", [], again.misses)
    with library.mock as router, opened("live", swap=parse_candidate("gpt-4.1")) as live:
        router.get("http://weather.example/").mock(return_value=httpx.Response(200, text="rain"))
        body = {"model": "gpt-4.1", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "mock"}}]}
        route = router.post("http://mock.example/v1/chat/completions").mock(return_value=httpx.Response(200, json=body))
        report.check("respx answers what leaves", ("mock", "rain"), application("http://mock.example/v1"))
        report.check("respx sees it swapped", "gpt-4.1", json.loads(route.calls[0].request.content)["model"])
    report.check("what respx answered is in the trace", "mock", live.calls[0].outcome.answer.text)  # type: ignore[union-attr]


def main(which: str) -> None:
    report = Report()
    with ScriptedServer(sdk_forms.provider) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of other people's libraries
        {"sdk": sdk, "litellm": litellm, "langchain": langchain, "respx": respx}[which](server, report)
    names = {"sdk": "openai", "litellm": "litellm", "langchain": "langchain-openai", "respx": "respx"}
    versions = {name: version(name) for name in ("openai", names[which])}
    print(json.dumps({"versions": versions, "checks": report.done, "wrong": report.wrong}))


if __name__ == "__main__":
    main(sys.argv[1])
