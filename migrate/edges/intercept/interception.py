"""See every call of the OpenAI API that is made in a context, at the transport, without a change to the application."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType, TracebackType
from typing import Any, Final, Literal

from migrate.canonical import request_of, requests_of
from migrate.edges.intercept import current
from migrate.edges.intercept.asking import Asked, endpoint_of, path_for, read_asked, speaks_api
from migrate.edges.intercept.differing import nearest
from migrate.edges.intercept.edits import Put, edited, spliced
from migrate.edges.intercept.listening import Listener
from migrate.edges.intercept.patching import Patches, async_send, sync_send
from migrate.edges.intercept.replaying import refusal, replay_of
from migrate.edges.intercept.settling import settled_body
from migrate.edges.intercept.swapping import UNSWAPPED, Swap, Swaps, swap_for
from migrate.edges.intercept.tape import Answers, Recorded
from migrate.edges.intercept.tees import tee
from migrate.edges.intercept.trace import Ending, Entry, Exchange, Miss, Trace
from migrate.ports import Clock
from migrate.vocabulary import Json, JsonObject, NoReply, NoReplyKind, Request, Source
from migrate.wire import OWN_CLIENT

Mode = Literal["record", "live", "offline"]
Gate = Callable[[Request, int], NoReply | None]
"""Asked with each request and the number of its attempt before it leaves; what it returns keeps it from leaving."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where live calls go instead of where the application sends them."""

    base_url: str
    """With the version, `http://127.0.0.1:8080/v1`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Replace those of the application; `authorization` and `api-key` of the application never go there."""


@dataclass(slots=True)
class Interception:
    """Sees the calls made while it is open: `with Interception(...) as trace`.

    It may be entered several times, also at once in several threads and tasks: every time it opens a trace of its
    own. Contexts nest: a call belongs to the innermost one, and to that one alone. What a thread or task started
    inside does is inside.

    `record` sends every request as it is. `live` sends chat and responses calls with the model swapped. `offline`
    lets no call of the API leave: what `answers` does not answer is a connection error to the application, and a
    `Miss` in the trace.
    """

    mode: Mode
    clock: Clock
    redact: Callable[[Json], Json]
    """Idempotent; keys are made of what it returns."""
    swap: Swaps | None = None
    """The candidate, in mode `live`."""
    answers: Answers | None = None
    """Asked first in every mode; what it answers does not leave."""
    seen: Callable[[Exchange], None] | None = None
    """Told after every attempt, in the thread that made it. One that failed is told again when it is tried again."""
    gate: Gate | None = None
    route: Callable[[str], Route | None] | None = None
    """Asked with the model of each live call; None: it goes where the application sends it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Added to live calls."""
    hosts: Collection[str] = ()
    """Further hosts that speak the API, for calls that are not made by its SDK."""
    served_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Asked model -> names it may be served under beside its own and its dated snapshots."""

    def __post_init__(self) -> None:
        if self.swap is not None and self.mode == "record":
            raise ValueError("a recording is of the models the application asks for: nothing is swapped")
        if self.answers is None and self.mode == "offline":
            raise ValueError("offline calls are answered from recordings: answers are missing")

    def __enter__(self) -> Trace:
        trace = Trace(opened=self.clock.monotonic(), seen=self.seen)
        with _PATCHING:
            _PATCHES.put_on()
            current.enter(current.Context(self, trace))
        return trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _PATCHING:
            context, left = current.leave(self)
            if not left:
                _PATCHES.take_off()
        context.trace.close(self.clock.monotonic())


# --- One request ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sending:
    """What becomes of one request: the request that leaves and who listens, or the response that is there already.

    Without a listener it leaves unrecorded, though it is a call of the API.
    """

    request: Any
    listener: Listener | None = None
    response: Any = None


class _Refused(Exception):
    """The call may not leave; carries what the application gets to see."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _begin(module: ModuleType, client: Any, request: Any) -> _Sending | None:
    """Return what becomes of a request; None when it is nobody's business. Raises _Refused."""
    if current.is_inside() or getattr(client, OWN_CLIENT, False):
        return None
    context = current.current()
    if context is None:
        _keep_strays(module, request)
        return None
    try:
        return _seen(module, context, request)
    except _Refused:
        raise
    except Exception as fault:
        context.trace.fault(fault)
        if context.interception.mode == "offline" and speaks_api(request, context.interception.hosts):
            words = f"the call could not be looked up, and live calls are off: {fault}"
            raise _Refused(refusal(module, request, words)) from fault
        return _Sending(request)


def _seen(module: ModuleType, context: current.Context, request: Any) -> _Sending | None:
    endpoint = endpoint_of(request, context.interception.hosts)
    asked = None if endpoint is None else read_asked(request, endpoint)
    if asked is None:
        return _note_other(module, context, request)
    return _Call(module, context.interception, context.trace, request, asked).begin()


def _keep_strays(module: ModuleType, request: Any) -> None:
    """Refuse a call of which nobody can say whose it is, when it may be one that must not leave."""
    offline = [context for context in current.open_contexts() if context.interception.mode == "offline"]
    if not offline or not any(speaks_api(request, context.interception.hosts) for context in offline):
        return
    words = "several flows are open, and the call comes from a thread that none of them started"
    for context in offline:
        context.trace.other(request.method, f"{request.url.path} (nobody's)")
    raise _Refused(refusal(module, request, f"live calls are off: {words}"))


def _note_other(module: ModuleType, context: current.Context, request: Any) -> _Sending | None:
    """Count a call of the API that cannot be recorded; offline it may not leave."""
    if not speaks_api(request, context.interception.hosts):
        return None
    context.trace.other(request.method, request.url.path)
    if context.interception.mode == "offline":
        words = f"{request.method} {request.url.path} is not recorded, and live calls are off"
        raise _Refused(refusal(module, request, words))
    return _Sending(request)


@dataclass(slots=True)
class _Call:
    """One call on its way out."""

    module: ModuleType
    interception: Interception
    trace: Trace
    request: Any
    asked: Asked

    def begin(self) -> _Sending:
        swap = swap_for(self.asked, self.interception.swap)
        asked, sent = self._requests(swap)
        now = self.interception.clock.monotonic()
        entry = self.trace.begin(asked, sent, swap, self.asked.streamed, now)
        recorded = self._recorded(entry)
        if recorded is not None:
            return self._replayed(entry, recorded)
        if self.interception.mode == "offline":
            raise self._missed(entry)
        if self.interception.gate is not None:
            self._ask_gate(self.interception.gate, entry)
        return self._live(entry, swap)

    def _requests(self, swap: Swap) -> tuple[Request, Request]:
        """Return what the application asks and what is sent, with their keys; one object when nothing is swapped."""
        settled = settled_body(self.asked.endpoint, self.asked.body, self.trace.known)
        redact, endpoint = self.interception.redact, self.asked.endpoint
        match swap.edits:
            case ():
                asked = request_of(endpoint, settled, redact)
                return asked, asked
            case (Put("model", target),):
                asked, sent = requests_of(endpoint, settled, (self.asked.model, target), redact)
                return asked, sent
        return request_of(endpoint, settled, redact), request_of(endpoint, edited(settled, swap.edits), redact)

    def _recorded(self, entry: Entry) -> Recorded | None:
        answers = self.interception.answers
        recorded = None if answers is None else answers.answer(entry.sent, entry.equal)
        # Vectors are in no reply: without the body they are not recorded.
        return None if recorded is None or (recorded.body is None and entry.sent.api == "embeddings") else recorded

    # --- live ---------------------------------------------------------------------------------------------

    def _live(self, entry: Entry, swap: Swap) -> _Sending:
        request = self._rewritten(swap)
        also: tuple[str, ...] | None = self.interception.served_as.get(entry.sent.model, ())
        if self.asked.deployment is not None:
            also = None  # Azure's deployments have names of their own; which model answers there is the resource's say.
        listener = Listener(self.trace, entry, self.interception.clock, also, self._plain)
        self.trace.watch(id(listener), listener.dropped)
        return _Sending(request, listener)

    def _plain(self, text: str) -> str:
        return str(self.interception.redact(text))

    def _rewritten(self, swap: Swap) -> Any:
        """Return the request that leaves: the application's own object when nothing changes."""
        interception, request = self.interception, self.request
        target = swap.edits[0].value if swap.edits and isinstance(swap.edits[0], Put) else self.asked.model
        route = None if interception.route is None else interception.route(str(target))
        if swap is UNSWAPPED and route is None and not interception.headers:
            return request
        content = spliced(self.asked.text, swap.edits) if swap.edits else self.asked.text
        data = content.encode("utf-8", "surrogatepass")
        headers = request.headers.copy()
        headers["content-length"] = str(len(data))
        url = request.url
        if swap.deployment is not None:
            url = url.copy_with(path=path_for(url.path, swap.deployment))
        if route is not None:
            url = self.module.URL(route.base_url.rstrip("/") + _ENDPOINT_PATHS[self.asked.endpoint])
            headers = _routed(headers, url, route)
        headers.update(interception.headers)
        return self.module.Request(request.method, url, headers=headers, content=data, extensions=request.extensions)

    def _ask_gate(self, gate: Gate, entry: Entry) -> None:
        no_reply = gate(entry.sent, entry.attempts)
        if no_reply is not None:
            self._close(entry, no_reply)
            raise _Refused(refusal(self.module, self.request, no_reply.message))

    # --- recorded -----------------------------------------------------------------------------------------

    def _replayed(self, entry: Entry, recorded: Recorded) -> _Sending:
        replay = replay_of(self.module, self.request, entry, recorded)
        call = recorded.call
        ending = Ending(
            outcome=replay.script.reply,
            timing=call.timing,
            at=call.at,
            body=replay.body,
            source=Source.GOLDEN if call.source is Source.GOLDEN else Source.RECORDING,
            simulated=call.simulated,
        )
        with self.trace.harmless():
            self.trace.end(entry, ending, self.interception.clock.monotonic())
        return _Sending(self.request, response=replay.response)

    def _missed(self, entry: Entry) -> _Refused:
        """Remember the call as a miss; return what the application gets to see."""
        miss = self._miss(entry)
        self.trace.miss(miss)
        self._close(entry, NoReply(NoReplyKind.NO_RECORDING, miss.message))
        return _Refused(refusal(self.module, self.request, miss.message))

    def _miss(self, entry: Entry) -> Miss:
        sent = entry.sent
        answers = self.interception.answers
        assert answers is not None, "offline calls are answered from recordings"
        body: JsonObject = self.interception.redact(sent.body)
        recorded = list(answers.requests())
        words = f"no recording answers this call to {sent.model}"
        if any(request.request_key == sent.request_key for request in recorded):
            if sent.api == "embeddings":
                # Goldens are in git and hold no vectors; which of the two it is cannot be told from here.
                return Miss(sent, f"{words}: its vectors are not kept on this machine, or were asked for less often")
            return Miss(sent, f"{words} for the {_ordinal(entry.equal + 1)} time: it was recorded less often")
        near = nearest(sent, body, recorded)
        if near is None:
            return Miss(sent, f"{words}: nothing of {sent.api} is recorded")
        request, difference = near
        values = f"{_short(difference.recorded)} recorded, {_short(difference.asked)} asked"
        return Miss(
            sent,
            f"{words}; the nearest one differs first at {difference.path}: {values}",
            request,
            difference.path,
            difference.recorded,
            difference.asked,
        )

    def _close(self, entry: Entry, no_reply: NoReply) -> None:
        with self.trace.harmless():
            now = self.interception.clock.monotonic()
            self.trace.end(entry, Ending(no_reply, None, "", unpaid=True), now)


_ENDPOINT_PATHS: Final = {"chat": "/chat/completions", "responses": "/responses", "embeddings": "/embeddings"}
_SHOWN: Final = 60


def _routed(headers: Any, url: Any, route: Route) -> Any:
    for name in ("authorization", "api-key", "cookie", "openai-organization", "openai-project"):
        headers.pop(name, None)
    headers["host"] = url.netloc.decode("ascii")
    headers.update(route.headers)
    return headers


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number if number < 20 else number % 10, "th")
    return f"{number}{suffix}"


# --- `send`, wrapped --------------------------------------------------------------------------------------


def _send(module: ModuleType, real: Callable[..., Any], client: Any, request: Any, options: dict[str, Any]) -> Any:
    sending = None if client.is_closed else _started(module, client, request)
    if sending is None:
        return real(client, request, **options)
    if sending.response is not None:
        return _hand_over(client, sending.response, options)
    try:
        with current.inside():
            response = real(client, sending.request, **options)
    except BaseException as error:
        if sending.listener is not None:
            sending.listener.failed(error)
        raise
    if sending.listener is not None:
        _listen(module, response, sending.listener, options)
    return response


async def _send_async(
    module: ModuleType, real: Callable[..., Any], client: Any, request: Any, options: dict[str, Any]
) -> Any:
    sending = None if client.is_closed else _started(module, client, request)
    if sending is None:
        return await real(client, request, **options)
    if sending.response is not None:
        return await _hand_over_async(client, sending.response, options)
    try:
        with current.inside():
            response = await real(client, sending.request, **options)
    except BaseException as error:
        if sending.listener is not None:
            sending.listener.failed(error)
        raise
    if sending.listener is not None:
        _listen(module, response, sending.listener, options)
    return response


def _started(module: ModuleType, client: Any, request: Any) -> _Sending | None:
    try:
        return _begin(module, client, request)
    except _Refused as refused:
        raise refused.error from None


def _listen(module: ModuleType, response: Any, listener: Listener, options: Mapping[str, Any]) -> None:
    """Let the listener hear the body: at once when it is read already, else as the application reads it."""
    with listener.trace.harmless():
        listener.answered(response.status_code, response.headers)
        if not options.get("stream"):
            listener.chunk(response.content)
            listener.whole()
            return
        if response.headers.get("content-encoding", "identity") != "identity":
            listener.decode = partial(_decoded, module, response.headers["content-encoding"])
        response.stream = tee(module, response.stream, listener)


def _decoded(module: ModuleType, encoding: str, content: bytes) -> bytes:
    plain: bytes = module.Response(200, headers={"content-encoding": encoding}, content=content).content
    return plain


def _hand_over(client: Any, response: Any, options: Mapping[str, Any]) -> Any:
    """Return a recorded response as the client itself would: its hooks told, read unless it is streamed."""
    for hook in client.event_hooks["request"]:
        hook(response.request)
    for hook in client.event_hooks["response"]:
        hook(response)
    if not options.get("stream"):
        response.read()
    return response


async def _hand_over_async(client: Any, response: Any, options: Mapping[str, Any]) -> Any:
    from anyio.lowlevel import checkpoint

    # A live call always gives way to other tasks; a replayed one must too.
    await checkpoint()
    for hook in client.event_hooks["request"]:
        await hook(response.request)
    for hook in client.event_hooks["response"]:
        await hook(response)
    if not options.get("stream"):
        await response.aread()
    return response


_PATCHING: Final = threading.Lock()
_PATCHES: Final = Patches(partial(sync_send, _send), partial(async_send, _send_async))
