"""Whose call it is: tasks, threads, pools, nested contexts, and calls that are nobody's."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
import sdk_forms
from scripted_server import ScriptedServer
from sdk_forms import KEY, MODEL

from migrate.edges.clock import SystemClock
from migrate.edges.intercept import Interception, Tape, Trace


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(sdk_forms.provider) as running:
        yield running


def recording() -> Interception:
    return Interception("record", SystemClock(), lambda value: value)


def ask(server: ScriptedServer, words: str) -> None:
    with openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": words}])


async def ask_async(server: ScriptedServer, words: str) -> None:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as client:
        await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": words}])


def words_of(trace: Trace) -> list[str]:
    assert 0 == trace.faults, trace.first_fault
    return sorted(call.request.body["messages"][0]["content"] for call in trace.calls)


def test_fifty_flows_at_once_keep_their_calls_apart(server: ScriptedServer):
    """Tasks that run at the same time, each with calls of its own in parallel, land each in its own trace."""

    async def flow(number: int) -> Trace:
        with recording() as trace:
            await asyncio.gather(*(ask_async(server, f"{number}.{call}") for call in range(3)))
        return trace

    async def run() -> list[Trace]:
        return await asyncio.gather(*map(flow, range(50)))

    traces = asyncio.run(run())
    assert [[f"{number}.{call}" for call in range(3)] for number in range(50)] == list(map(words_of, traces))


def test_flows_in_threads_keep_their_calls_apart(server: ScriptedServer):
    """One interception, entered in several threads at once, opens a trace in each."""
    interception = recording()
    both_open = threading.Barrier(4)

    def flow(number: int) -> Trace:
        with interception as trace:
            both_open.wait(10)
            ask(server, f"{number}")
            both_open.wait(10)
        return trace

    with ThreadPoolExecutor(4) as pool:
        traces = list(pool.map(flow, range(4)))
    assert [[f"{number}"] for number in range(4)] == list(map(words_of, traces))


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def in_a_pool(work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def in_a_thread_of_a_thread(work: Callable[[], None]) -> None:
    in_a_thread(lambda: in_a_thread(work))


def in_to_thread(work: Callable[[], None]) -> None:
    asyncio.run(asyncio.to_thread(work))


def in_the_executor_of_a_loop(work: Callable[[], None]) -> None:
    async def run() -> None:
        await asyncio.get_running_loop().run_in_executor(None, work)

    asyncio.run(run())


def in_an_empty_context(work: Callable[[], None]) -> None:
    contextvars.Context().run(work)


STARTERS = (in_a_thread, in_a_pool, in_a_thread_of_a_thread, in_to_thread, in_the_executor_of_a_loop)


@pytest.mark.parametrize("start", STARTERS)
def test_what_a_flow_starts_belongs_to_it(server: ScriptedServer, start: Callable[[Callable[[], None]], None]):
    """Threads and jobs of pools are inside the flow that started them, also while another flow is open."""

    async def flow(name: str) -> Trace:
        with recording() as trace:
            context = contextvars.copy_context()
            await asyncio.to_thread(context.run, start, lambda: ask(server, name))
        return trace

    async def run() -> list[Trace]:
        return await asyncio.gather(flow("one"), flow("two"))

    assert [["one"], ["two"]] == list(map(words_of, asyncio.run(run())))


def test_a_pool_that_outlives_flows_does_each_job_for_its_own(server: ScriptedServer):
    """A pool of the application keeps its threads; whose a job is, is told by who submits it."""
    with ThreadPoolExecutor(1) as pool:
        traces = []
        for name in ("one", "two"):
            with recording() as trace:
                pool.submit(ask, server, name).result()
            traces.append(trace)
        pool.submit(ask, server, "nobody").result()
    assert [["one"], ["two"]] == list(map(words_of, traces))


def test_a_thread_older_than_the_flow_works_for_the_only_one_there_is(server: ScriptedServer):
    """A worker that takes jobs from a queue is taken to work for the flow that is open, if it is one."""
    jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
    done = threading.Semaphore(0)

    def worker() -> None:
        while (job := jobs.get()) is not None:
            job()
            done.release()

    thread = threading.Thread(target=worker)
    thread.start()
    with recording() as trace:
        jobs.put(lambda: ask(server, "from the worker"))
        assert done.acquire(timeout=10)
    jobs.put(None)
    thread.join()
    assert ["from the worker"] == words_of(trace)


def test_a_context_made_before_the_flow_works_for_the_only_one_there_is(server: ScriptedServer):
    """Test runners keep event loops, and their contexts, over several tests."""
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        traces = []
        for name in ("one", "two"):
            with recording() as trace:
                runner.run(ask_async(server, name))
            traces.append(trace)
    assert [["one"], ["two"]] == list(map(words_of, traces))


def test_inner_contexts_see_for_themselves_alone(server: ScriptedServer):
    """A call belongs to the innermost context; when it closes, the outer one sees again."""
    with recording() as outer:
        ask(server, "before")
        with recording() as inner:
            ask(server, "within")
            in_a_thread(lambda: ask(server, "within, in a thread"))
        ask(server, "after")
    assert (["after", "before"], ["within", "within, in a thread"]) == (words_of(outer), words_of(inner))


def test_the_same_interception_may_be_nested(server: ScriptedServer):
    """Entered twice, it opens two traces, and closes the inner one first."""
    interception = recording()
    with interception as outer:
        with interception as inner:
            ask(server, "inner")
        ask(server, "outer")
    assert (["outer"], ["inner"]) == (words_of(outer), words_of(inner))


def test_calls_outside_are_not_seen(server: ScriptedServer):
    """Before and after a context nothing is recorded."""
    ask(server, "before")
    with recording() as trace:
        pass
    ask(server, "after")
    assert [] == words_of(trace)


def test_a_call_that_may_be_any_flows_is_nobodys(server: ScriptedServer):
    """With several flows open, a call from an older thread is recorded by none, and goes out as ever."""
    second = recording()
    with recording() as one:
        # Two flows side by side: neither was opened inside the other.
        beside = contextvars.Context()
        two = beside.run(second.__enter__)
        in_an_empty_context(lambda: ask(server, "whose?"))
        beside.run(second.__exit__, None, None, None)
    assert ([], []) == (words_of(one), words_of(two))


def test_nobodys_call_does_not_leave_while_a_flow_is_offline(server: ScriptedServer):
    """Where it may belong to a flow that must not call, it is refused, and each such flow is told."""
    nothing = Interception("offline", SystemClock(), lambda value: value, answers=Tape(()))
    before = len(server.seen)
    with recording() as live:
        beside = contextvars.Context()
        offline = beside.run(nothing.__enter__)
        with pytest.raises(openai.APIConnectionError, match="none of them started"):
            in_an_empty_context(lambda: ask(server, "whose?"))
        beside.run(nothing.__exit__, None, None, None)
    assert before == len(server.seen)
    assert {"POST /v1/chat/completions (nobody's)": 1} == offline.others
    assert [] == words_of(live)


def test_a_context_may_be_closed_from_another_one(server: ScriptedServer):
    """Fixtures are set up and torn down in different copies of the context."""
    interception = recording()
    trace = contextvars.copy_context().run(interception.__enter__)
    ask(server, "between")
    contextvars.copy_context().run(interception.__exit__, None, None, None)
    ask(server, "after")
    assert ["between"] == words_of(trace)


def patched() -> list[Any]:
    owners = [(httpx2.Client, "send"), (httpx2.AsyncClient, "send"), (threading.Thread, "start")]
    return [getattr(owner, name) for owner, name in [*owners, (ThreadPoolExecutor, "submit")]]


def test_the_patches_are_gone_with_the_last_context():
    """Everything patched is as it was, also after contexts that overlapped."""
    before = patched()
    first, second = recording(), recording()
    first.__enter__()
    second.__enter__()
    assert before != patched()
    first.__exit__(None, None, None)
    assert before != patched()
    second.__exit__(None, None, None)
    assert before == patched()


def test_the_patches_are_gone_when_the_application_raises():
    """An error inside leaves nothing behind and is the application's own."""
    before = patched()
    fault = RuntimeError("the application's")
    with pytest.raises(RuntimeError) as caught, recording():
        raise fault
    assert fault is caught.value
    assert before == patched()


def test_what_others_patch_meanwhile_stays_theirs(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch):
    """A patch put over ours is not taken away with it, and sees what passes later."""
    told: list[str] = []
    interception = recording()
    trace = interception.__enter__()
    ours = httpx2.Client.send

    def theirs(self: httpx2.Client, request: httpx2.Request, **options: Any) -> httpx2.Response:
        told.append(request.method)
        return ours(self, request, **options)

    monkeypatch.setattr(httpx2.Client, "send", theirs)
    ask(server, "both")
    interception.__exit__(None, None, None)
    assert theirs is httpx2.Client.send
    ask(server, "theirs alone")
    with recording() as again:
        ask(server, "both again")
    assert (["both"], ["both again"], 3) == (words_of(trace), words_of(again), len(told))
    monkeypatch.undo()
    with recording() as last:
        ask(server, "ours alone")
    assert ["ours alone"] == words_of(last)
    assert ours is not httpx2.Client.send, "what they had covered is taken off as well"


def test_a_client_that_works_through_another_is_seen_once(server: ScriptedServer):
    """A transport that hands requests on through a client of its own makes one call, not two."""

    class Through(httpx2.BaseTransport):
        def __init__(self) -> None:
            self.inner = httpx2.Client()

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return self.inner.send(httpx2.Request("POST", request.url, headers=request.headers, content=request.read()))

        def close(self) -> None:
            self.inner.close()

    with recording() as trace:
        http_client = httpx2.Client(transport=Through())
        with openai.OpenAI(api_key=KEY, base_url=server.url, http_client=http_client) as client:
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "once"}])
    assert ["once"] == words_of(trace)


def test_our_own_calls_are_nobodys_flow(server: ScriptedServer):
    """What the product itself asks while a flow is open does not land in the flow's trace."""
    from migrate.canonical import request_of
    from migrate.edges.providers.openai import connect

    async def run() -> None:
        provider = connect(name="test", api_key=KEY, base_url=server.url)
        body = {"model": MODEL, "messages": [{"role": "user", "content": "ours"}]}
        await provider.ask(request_of("chat", body, lambda value: value), sample=1, timeout_s=5)
        await provider.close()

    with recording() as trace:
        asyncio.run(run())
    assert [] == words_of(trace)
