"""One place through which most of the service talks to the model."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from openai import AsyncOpenAI, OpenAI

from app.settings import DEFAULT_MODEL

SYSTEM = "You are the assistant of a help desk. Answer briefly and never invent an order number."


@lru_cache(maxsize=1)
def get_client() -> OpenAI:
    return OpenAI(max_retries=0, timeout=30)


@lru_cache(maxsize=1)
def get_async_client():
    client = AsyncOpenAI(max_retries=0)
    return client


def ask(prompt: str, *, system: str = SYSTEM, model: str = DEFAULT_MODEL, **options) -> str:
    """Ask once and return the text."""
    reply = get_client().chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": system},
            {"role": "user", "content": prompt},
        ],
        **options,
    )
    return reply.choices[0].message.content or ""


async def ask_async(messages, model=DEFAULT_MODEL):
    client = get_async_client()
    reply = await client.chat.completions.create(model=model, messages=messages, temperature=0)
    return reply.choices[0].message.content


async def ask_in_thread(question: str) -> str:
    reply = await asyncio.to_thread(
        get_client().chat.completions.create,
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": f"Answer in one word: {question}"}],
        max_tokens=5,
    )
    return reply.choices[0].message.content


async def stream_reply(history: list[dict], text: str):
    messages = [{"role": "system", "content": SYSTEM}]
    messages.extend(history)
    messages.append({"role": "user", "content": text})
    stream = await get_async_client().chat.completions.create(
        model="gpt-4o", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    async for chunk in stream:
        yield chunk
