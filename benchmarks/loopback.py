"""A loopback server far faster than any client measured against it: canned chat completions, optional latency.

    python benchmarks/loopback.py [--latency-ms 200]

Prints one JSON line with its base URL and ends when its standard input closes. It counts what it answered and
tells at GET /stats: the oracle for "how many calls were made".
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

ANSWER = {
    "id": "resp",
    "category": "delivery",
    "priority": "high",
    "language": "de",
    "needs_human": True,
    "confidence": 0.87,
    "items": [{"sku": "NL-4411", "quantity": 2, "price": 19.9}, {"sku": "NL-0917", "quantity": 1, "price": 149.0}],
    "reason": "The parcel has been marked as delivered, yet the customer says that nothing arrived at the door.",
}


def completion(model: str) -> bytes:
    body: dict[str, Any] = {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 1767225600,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": json.dumps(ANSWER), "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 261,
            "completion_tokens": 96,
            "total_tokens": 357,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_loopback",
    }
    return json.dumps(body).encode()


def response(body: bytes) -> bytes:
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_loopback\r\n"
        f"openai-processing-ms: 1\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Loopback(asyncio.Protocol):
    """One keep-alive connection: whole requests in, canned responses out."""

    latency_s = 0.0
    served = 0
    canned: dict[bytes, bytes] = {}  # noqa: RUF012 - one cache for every connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.pending = b""

    def data_received(self, data: bytes) -> None:
        self.pending += data
        while (end := self.pending.find(b"\r\n\r\n")) >= 0:
            head = self.pending[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.pending) < end + 4 + size:
                return
            body = self.pending[end + 4 : end + 4 + size]
            self.pending = self.pending[end + 4 + size :]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get "):
            self.transport.write(response(json.dumps({"served": Loopback.served}).encode()))
            return
        Loopback.served += 1
        at = body.find(b'"model"')
        model = body[at + 7 : at + 80].split(b'"')[1]
        if model not in self.canned:
            self.canned[model] = response(completion(model.decode()))
        if self.latency_s:
            asyncio.get_running_loop().call_later(self.latency_s, self.write, self.canned[model])
        else:
            self.transport.write(self.canned[model])

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


async def serve(latency_ms: float) -> None:
    Loopback.latency_s = latency_ms / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Loopback, "127.0.0.1", 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"base_url": f"http://127.0.0.1:{port}/v1"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    asyncio.run(serve(parser.parse_args().latency_ms))
