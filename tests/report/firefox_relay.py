"""Firefox with a relay before it, for what it lacks of the protocol: `firefox_relay.py FIREFOX ARGUMENT ...`.

Playwright drives an unchanged Firefox over WebDriver BiDi and speaks the newest draft of it, some of which the Firefox
of a long-term release does not know yet. Everything is passed on as it is, but for what `answered` and `told` mend; a
Firefox that lacks nothing is not noticed. The page under test never meets the relay.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

LISTENS: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
DISPENSABLE: Final = {"emulation.setMediaFeaturesOverride"}
"""Playwright sends it for every context; a dark scheme can be had by a preference instead."""
DOWNLOADS: Final = {"browsingContext.downloadWillBegin", "browsingContext.downloadEnd"}


def answered(message: dict[str, Any], asked: dict[int, str]) -> dict[str, Any]:
    """Let a dispensable command that Firefox does not know have succeeded."""
    method = asked.pop(message.get("id", -1), "")
    if method in DISPENSABLE and message.get("error") == "unknown command":
        return {"type": "success", "id": message["id"], "result": {}}
    return message


def told(message: dict[str, Any]) -> dict[str, Any]:
    """Give a download a name of its own: Playwright passes over one that has none and is no navigation either."""
    if message.get("method") in DOWNLOADS:
        params = message["params"]
        if not params.get("download") and not params.get("navigation"):
            params["download"] = f"{params['context']} {params['url']}"
    return message


class Relay:
    """Passes messages between one client and the Firefox that listens at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: dict[int, str] = {}

    async def __call__(self, request: web.Request) -> web.WebSocketResponse:
        near = web.WebSocketResponse(max_msg_size=0, compress=False)
        await near.prepare(request)
        async with (
            ClientSession() as session,
            session.ws_connect(f"{self.address}{request.path}", max_msg_size=0) as far,
        ):
            await asyncio.gather(self._there(near, far), self._back(near, far))
        return near

    async def _there(self, near: web.WebSocketResponse, far: ClientWebSocketResponse) -> None:
        async for message in near:
            if message.type is WSMsgType.TEXT:
                command = json.loads(message.data)
                self.asked[command["id"]] = command["method"]
                await far.send_str(message.data)
        await far.close()

    async def _back(self, near: web.WebSocketResponse, far: ClientWebSocketResponse) -> None:
        async for message in far:
            if message.type is WSMsgType.TEXT:
                await near.send_str(json.dumps(told(answered(json.loads(message.data), self.asked))))
        await near.close()


async def main(command: list[str]) -> int:
    """Start Firefox, say where the relay listens in the words Firefox would say it, and end when Firefox ends."""
    firefox = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert firefox.stderr is not None
    while line := (await firefox.stderr.readline()).decode():
        found = LISTENS.search(line)
        print(await listen(Relay(found[1])) if found else line.rstrip(), file=sys.stderr, flush=True)
    return await firefox.wait()


async def listen(relay: Relay) -> str:
    """Serve the relay on a free port of loopback; return Firefox's line with the address of the relay in it."""
    app = web.Application()
    app.router.add_get("/{path:.*}", relay.__call__)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"WebDriver BiDi listening on ws://127.0.0.1:{runner.addresses[0][1]}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
