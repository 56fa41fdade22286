"""The HTTP server: the routes of the API on loopback, answered by the troupe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from migrate.edges.providers.simulated import chat_api, responses_api
from migrate.edges.providers.simulated.complaints import Refused, no_key, unknown_model, unknown_url
from migrate.edges.providers.simulated.embeddings import embeddings
from migrate.edges.providers.simulated.latency import Delay
from migrate.edges.providers.simulated.models import model_list, model_object
from migrate.edges.providers.simulated.question import Question
from migrate.edges.providers.simulated.served import Served, wire_json
from migrate.edges.providers.simulated.simulation import Asked, Simulation, parsed
from migrate.edges.providers.simulated.tokens import warm
from migrate.vocabulary import Api, Json

_LARGEST_BODY: Final = 256 * 1024 * 1024
_SHORTEST_WAIT_S: Final = 0.001
_LIMITS: Final = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "30000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "29999000",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "2ms",
}

Fault = Callable[[web.Request, Question], Awaitable[web.StreamResponse | None]]
"""Asked before every answer; what it returns is sent instead, None lets the answer through."""


def application(simulation: Simulation, fault: Fault | None = None) -> web.Application:
    """Return the aiohttp application of one simulation."""
    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_error_shape])
    api = _Routes(simulation, fault)
    app.router.add_post("/v1/chat/completions", api.chat)
    app.router.add_post("/v1/responses", api.responses)
    app.router.add_post("/v1/embeddings", api.embeddings)
    app.router.add_get("/v1/models", api.model_list)
    app.router.add_get("/v1/models/{name}", api.model)
    app.router.add_route("*", "/{path:.*}", api.nothing)
    return app


@web.middleware
async def _error_shape(
    request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return _json(refused.body, {"x-simulated": "true"}, refused.status)


def _json(body: Json, headers: dict[str, str], status: int = 200) -> web.Response:
    return web.Response(body=wire_json(body).encode(), status=status, headers=headers, content_type="application/json")


@dataclass(frozen=True, slots=True)
class _Routes:
    """The endpoints."""

    simulation: Simulation
    fault: Fault | None

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._reply(request, "chat")

    async def responses(self, request: web.Request) -> web.StreamResponse:
        return await self._reply(request, "responses")

    async def embeddings(self, request: web.Request) -> web.Response:
        _check_key(request)
        body = embeddings(parsed(await request.read()), self.simulation.count)
        return _json(body, {**_LIMITS, "x-simulated": "true"})

    async def model_list(self, request: web.Request) -> web.Response:
        _check_key(request)
        return _json(model_list(self.simulation.models), {"x-simulated": "true"})

    async def model(self, request: web.Request) -> web.Response:
        _check_key(request)
        name = request.match_info["name"]
        found = self.simulation.models.find(name)
        if found is None:
            raise unknown_model(name)
        return _json(model_object(found), {"x-simulated": "true"})

    async def nothing(self, request: web.Request) -> web.Response:
        raise unknown_url(request.method, request.path)

    async def _reply(self, request: web.Request, api: Api) -> web.StreamResponse:
        _check_key(request)
        asked = self.simulation.understand(api, await request.read(), request.headers)
        other = None if self.fault is None else await self.fault(request, asked.question)
        if other is not None:
            return other
        served, waits = self.simulation.answer(asked)
        headers = _headers(served, waits)
        if asked.question.stream:
            return await _streamed(request, _events(asked, served), headers, waits, self.simulation.time_scale)
        await asyncio.sleep(waits.total_ms / 1000 * self.simulation.time_scale)
        body = chat_api.write(served) if api == "chat" else responses_api.write(served, asked.body)
        return _json(body, headers)


def _check_key(request: web.Request) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise no_key()


def _headers(served: Served, waits: Delay) -> dict[str, str]:
    return {
        **_LIMITS,
        "x-request-id": served.request_id,
        "openai-processing-ms": str(round(waits.total_ms)),
        "openai-version": "2020-10-01",
        "x-simulated": "true",
        "x-simulated-latency-ms": str(waits.total_ms),
        "x-simulated-first-token-ms": str(waits.first_token_ms),
    }


def _events(asked: Asked, served: Served) -> list[str]:
    if asked.question.api == "chat":
        return list(chat_api.events(served))
    return list(responses_api.events(served, asked.body))


async def _streamed(
    request: web.Request, events: list[str], headers: dict[str, str], waits: Delay, scale: float
) -> web.StreamResponse:
    """Send events spread over the scaled latency: the first after the time to first token, the last at its end."""
    response = web.StreamResponse(headers={**headers, "Content-Type": "text/event-stream; charset=utf-8"})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await response.prepare(request)
    step = (waits.total_ms - waits.first_token_ms) / max(1, len(events) - 1)
    for index, event in enumerate(events):
        left = begun + (waits.first_token_ms + index * step) / 1000 * scale - loop.time()
        if left >= _SHORTEST_WAIT_S:
            await asyncio.sleep(left)
        await response.write(event.encode())
    await response.write_eof()
    return response


async def serve(
    simulation: Simulation,
    *,
    ready: Callable[[str], None],
    stop: asyncio.Event,
    port: int = 0,
    fault: Fault | None = None,
) -> None:
    """Serve on loopback until `stop` is set; `ready` is told the base URL once requests are taken.

    Port 0 is any free one. Raises OSError when the port is taken.
    """
    runner = web.AppRunner(application(simulation, fault), access_log=None, shutdown_timeout=0.2, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        ready(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
        warm()
        await stop.wait()
    finally:
        await runner.cleanup()
