"""Answers from the handbook."""

import litellm
from litellm import acompletion, completion as llm_completion
from openai import OpenAI

EMBEDDING = "text-embedding-3-small"
ROUTED = "openai/gpt-4o"
client = OpenAI()


def embed(texts: list[str]):
    return client.embeddings.create(model=EMBEDDING, input=texts, dimensions=512)


def embed_one(text):
    return litellm.embedding("openai/text-embedding-3-large", input=[text])


def answer(question: str, passages: list[str]) -> str:
    joined = "\n".join(f"[{number}] {passage}" for number, passage in enumerate(passages))
    reply = llm_completion(
        model=ROUTED,
        messages=[
            {"role": "system", "content": "Answer from the passages only and cite them as [n]."},
            {"role": "user", "content": f"Passages:\n{joined}\n\nQuestion: {question}"},
        ],
        temperature=0,
    )
    return reply.choices[0].message.content


async def rephrase(question: str, history: str = "") -> str:
    reply = await acompletion(
        "gpt-4o-mini",
        [{"role": "user", "content": f"History: {history}\nRephrase as one question: {question}"}],
    )
    return reply.choices[0].message.content
