"""Ask through the OpenAI SDK: any base URL, Azure, one attempt a call.

The SDK keeps what it is good at (authentication, URLs, headers, error classes); its HTTP backend is the aiohttp
one and its response models are not built, which together is most of what a call through it costs. Where it sends a
path's first request and with which headers serves the next ones (`sending`). What is streamed goes through it whole.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import httpx2
import openai
from openai import AsyncAzureOpenAI, AsyncOpenAI, AsyncStream, DefaultAioHttpClient

from migrate.edges.providers.sending import ENCODINGS, SAMPLE_HEADER, Line, Received, connector_of, has_proxy
from migrate.ports import Attempt, Limits
from migrate.vocabulary import Endpoint, NoReply, NoReplyKind, Reply, Request, Timing
from migrate.wire import OWN_CLIENT
from migrate.wire.faults import kind_of_status
from migrate.wire.replies import NotAReply, read_answer, read_body
from migrate.wire.streams import Assembly

PATHS: Final[Mapping[Endpoint, str]] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
}
NO_LIMITS: Final = Limits()
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
RETRIED: Final = frozenset(
    {
        NoReplyKind.TIMEOUT,
        NoReplyKind.CONNECTION,
        NoReplyKind.RATE_LIMIT,
        NoReplyKind.SERVER_ERROR,
        NoReplyKind.NOT_AN_API_ANSWER,
        NoReplyKind.MALFORMED_BODY,
        NoReplyKind.INCOMPLETE_STREAM,
    }
)
"""Faults that another try may cure; everything else would fail the same way again."""


class Refused(Exception):
    """An HTTP status that is no success, of a request the SDK did not send itself."""

    def __init__(self, received: Received) -> None:
        super().__init__(f"Error code: {received.status}")
        self.received = received


_learning: ContextVar[str] = ContextVar("path whose first request the SDK is making")


class OpenAIProvider:
    """`Provider` over one SDK client and the HTTP client it was given.

    `simulated` says that the server is the simulated provider: its own figures of latency, which are not
    shortened by its time scale, are then taken from its headers.
    """

    def __init__(
        self,
        client: AsyncOpenAI,
        http: httpx2.AsyncClient,
        *,
        name: str,
        connections: int = 50,
        simulated: bool = False,
        served_as: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._client = client
        self._connector: aiohttp.BaseConnector | None = None
        self._connections = connections
        self._lines: dict[str, Line] = {}
        self._first: dict[str, asyncio.Event] = {}
        http.event_hooks = {"request": [self._learn]}
        self._served_as = served_as or {}
        self._name = name
        self._simulated = simulated

    @property
    def name(self) -> str:
        return self._name

    async def ask(self, request: Request, *, sample: int, timeout_s: float) -> Attempt:
        """Send one request; the deadline is for all of it, so that a dripping body cannot outlive it."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(request, sample, timeout_s)
        except TimeoutError:
            waited = time.perf_counter() - started
            return _failed(NoReply(NoReplyKind.TIMEOUT, f"no whole answer within {waited:.1f} s"))
        except NotAReply as fault:
            return _failed(fault.no_reply)
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            if (refused := _refused(error)) is not None:
                return _failed(NoReply(NoReplyKind.CONNECTION, _cause(refused)))
            return _failed(NoReply(NoReplyKind.TIMEOUT, "the connection timed out"))
        except openai.APIConnectionError as error:
            return _failed(NoReply(NoReplyKind.CONNECTION, _cause(error)))
        except openai.APIStatusError as error:
            return _status(_received(error.response))
        except Refused as error:
            return _status(error.received)
        except (httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            return _failed(NoReply(NoReplyKind.CONNECTION, _cause(error)))

    async def close(self) -> None:
        for line in self._lines.values():
            await line.close()
        if self._connector is not None:
            await self._connector.close()
        await self._client.close()

    async def _ask(self, request: Request, sample: int, timeout_s: float) -> Attempt:
        headers = {SAMPLE_HEADER: str(sample)} if self._simulated else {}
        content = _encode(request.body).encode("utf-8", "surrogatepass")
        if request.body.get("stream"):
            return await self._stream(request, content, _options(headers, timeout_s))
        started = time.perf_counter()
        received = await self._post(self._path(request), content, headers, timeout_s)
        total_ms = (time.perf_counter() - started) * 1000
        headers_in = received.headers
        body = read_body(received.content, headers_in.get("content-type", ""))
        reply = self._read(request, body, headers_in)
        return self._answered(reply, headers_in, total_ms, None)

    async def _post(self, path: str, content: bytes, headers: Mapping[str, str], timeout_s: float) -> Received:
        """Send a request by the SDK, or like one it has sent: finding out the same anew doubles what a call costs."""
        if path not in self._lines and path in self._first:
            await self._first[path].wait()
        line = self._lines.get(path)
        if line is None:
            return await self._post_first(path, content, headers, timeout_s)
        received = await line.post(content, headers or None)
        if not 200 <= received.status < 300:
            raise Refused(received)
        return received

    async def _post_first(self, path: str, content: bytes, headers: Mapping[str, str], timeout_s: float) -> Received:
        """Let the SDK send; others that want the same path wait until it has said what it sends, not for its answer."""
        known = self._first.setdefault(path, asyncio.Event())
        given = _learning.set(path)
        try:
            options = _options(headers, timeout_s)
            response = await self._client.post(path, content=content, cast_to=httpx2.Response, options=options)
        finally:
            _learning.reset(given)
            known.set()
        return _received(response)

    async def _learn(self, request: httpx2.Request) -> None:
        """Keep what the SDK is about to send as the pattern of its path."""
        path = _learning.get("")
        if not path or path in self._lines:
            return
        if not has_proxy(request.url):
            if self._connector is None:
                self._connector = connector_of(self._connections, plain=request.url.scheme == "http")
            self._lines[path] = Line(request, self._connector)
        self._first[path].set()

    async def _stream(self, request: Request, content: bytes, options: Any) -> Attempt:
        started = time.perf_counter()
        stream = await self._client.post(
            self._path(request),
            content=content,
            cast_to=object,
            options=options,
            stream=True,
            stream_cls=AsyncStream[object],
        )
        assembly, first_ms = Assembly(request.api), None
        headers = stream.response.headers
        async with stream:
            async for line in stream.response.aiter_lines():
                assembly.feed(line)
                if first_ms is None and assembly.started:
                    first_ms = (time.perf_counter() - started) * 1000
        total_ms = (time.perf_counter() - started) * 1000
        reply = self._read(request, assembly.body(), headers)
        return self._answered(reply, headers, total_ms, first_ms)

    def _path(self, request: Request) -> str:
        """Return where a request goes. Azure's SDK client reads the deployment from a body it is given as an object."""
        path = PATHS[request.api]
        if isinstance(self._client, AsyncAzureOpenAI) and request.api != "responses":
            return f"/deployments/{quote(request.model, safe='')}{path}"
        return path

    def _read(self, request: Request, body: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        aliases = self._served_as.get(request.model, ())
        return read_answer(request.api, body, request.model, headers.get("x-request-id"), aliases)

    def _answered(self, reply: Reply, headers: Mapping[str, str], total_ms: float, first_ms: float | None) -> Attempt:
        timing = self._timing(headers, total_ms, first_ms)
        return Attempt(reply, timing, limits=_limits(headers), simulated=self._simulated)

    def _timing(self, headers: Mapping[str, str], total_ms: float, first_ms: float | None) -> Timing:
        if self._simulated and "x-simulated-latency-ms" in headers:
            first = headers.get("x-simulated-first-token-ms") if first_ms is not None else None
            return Timing(float(headers["x-simulated-latency-ms"]), float(first) if first else None)
        return Timing(total_ms, first_ms)


def connect(
    *,
    name: str,
    api_key: str,
    base_url: str | None = None,
    azure: bool = False,
    api_version: str | None = None,
    connections: int = 50,
    simulated: bool = False,
    served_as: Mapping[str, tuple[str, ...]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> OpenAIProvider:
    """Return a provider over a new SDK client. The key is handed on; it is kept where it is sent from.

    For Azure `base_url` is the resource's endpoint. `served_as` names further models that may answer for an asked one.
    """
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    # A plain http address, as loopback has it, needs no certificates; reading them costs more than fifty calls.
    plain = base_url is not None and base_url.startswith("http://")
    http_client = DefaultAioHttpClient(limits=limits, verify=not plain, headers={"accept-encoding": ENCODINGS})
    setattr(http_client, OWN_CLIENT, True)
    client: AsyncOpenAI
    if azure:
        client = AsyncAzureOpenAI(
            api_key=api_key,
            azure_endpoint=base_url or "",
            api_version=api_version,
            max_retries=0,
            http_client=http_client,
            default_headers=headers,
        )
    else:
        client = AsyncOpenAI(
            api_key=api_key, base_url=base_url, max_retries=0, http_client=http_client, default_headers=headers
        )
    return OpenAIProvider(
        client, http_client, name=name, connections=connections, simulated=simulated, served_as=served_as
    )


def _failed(no_reply: NoReply) -> Attempt:
    """Return a failed try that may have been paid for: nobody told its usage."""
    return Attempt(no_reply, retry=no_reply.kind in RETRIED)


def _options(headers: Mapping[str, str], timeout_s: float) -> Any:
    # follow_redirects: a redirect would send the prompt to a host nobody chose.
    own = {"content-type": "application/json", **headers}
    return {"headers": own, "timeout": timeout_s, "follow_redirects": False}


def _received(response: httpx2.Response) -> Received:
    """Return what the SDK received; the body of a broken stream may not have been read."""
    try:
        content = response.content
    except httpx2.StreamError:
        content = b""
    return Received(response.status_code, response.headers, content)


def _status(received: Received) -> Attempt:
    """Sort an HTTP status into a kind; quota is told from rate limits by its code."""
    status, (code, message) = received.status, _complaint(received.content)
    kind = kind_of_status(status, code, message)
    words = f"HTTP {status}" + (f" {code}" if code else "")
    no_reply = NoReply(kind, f"{words}: {_first_line(message)}" if message else words, status)
    # An error status is not billed: the server said that it did not answer.
    return Attempt(
        no_reply,
        retry=kind in RETRIED,
        retry_after_s=retry_after(received.headers),
        limits=_limits(received.headers),
        charged=False,
    )


def _complaint(content: bytes) -> tuple[str, str]:
    """Return the code and the message of an error answer, as far as it has them."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return "", ""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", str(error or "")
    return str(error.get("code") or ""), str(error.get("message") or "")


def retry_after(headers: Mapping[str, str], now: Callable[[], dt.datetime] | None = None) -> float | None:
    """Return the pause a server asked for, in seconds.

    Read are `retry-after-ms`, seconds, and an HTTP date, which is held against the server's own clock.
    """
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _seconds(value)
    if seconds is not None or value is None:
        return seconds
    at, reference = _http_date(value), _http_date(headers.get("date", ""))
    if at is None:
        return None
    today = reference or (now() if now else dt.datetime.now(dt.UTC))
    return max(0.0, (at - today).total_seconds())


def _http_date(value: str) -> dt.datetime | None:
    try:
        at = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def _seconds(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) and number >= 0 else None


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def _duration(value: str | None) -> float | None:
    """Read the API's durations: `1s`, `6m0s`, `20ms`."""
    match = _DURATION.fullmatch(value) if value else None
    if match is None:
        return None
    hours, minutes, seconds, milliseconds = (float(part) if part else 0.0 for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _limits(headers: Mapping[str, str]) -> Limits:
    if "x-ratelimit-remaining-requests" not in headers and "x-ratelimit-remaining-tokens" not in headers:
        return NO_LIMITS
    requests, tokens = headers.get("x-ratelimit-remaining-requests"), headers.get("x-ratelimit-remaining-tokens")
    return Limits(
        remaining_requests=int(requests) if requests and requests.isdecimal() else None,
        remaining_tokens=int(tokens) if tokens and tokens.isdecimal() else None,
        reset_requests_s=_duration(headers.get("x-ratelimit-reset-requests")),
        reset_tokens_s=_duration(headers.get("x-ratelimit-reset-tokens")),
    )


def _cause(error: BaseException) -> str:
    """Name the innermost cause; messages of the transport carry no secrets, URLs are left out all the same."""
    inner = error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    return f"{type(inner).__name__}: {_first_line(str(inner))}"


def _refused(error: BaseException) -> BaseException | None:
    """Return the failure to connect that stands behind what the SDK's client takes for a time that ran out."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, aiohttp.ClientConnectorError):
        cause = cause.__cause__
    return cause


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:200]
