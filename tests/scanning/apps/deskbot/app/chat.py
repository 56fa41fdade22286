"""Conversations kept in memory."""

import os

from openai import AsyncAzureOpenAI, OpenAI


class Conversation:
    def __init__(self, name: str, model: str = "gpt-4o"):
        self._client = OpenAI()
        self.model = model
        self.messages = [{"role": "system", "content": f"You are {name}, a patient guide."}]

    def say(self, text: str) -> str:
        self.messages.append({"role": "user", "content": text})
        reply = self._client.chat.completions.create(model=self.model, messages=self.messages, top_p=0.9)
        answer = reply.choices[0].message
        self.messages.append({"role": "assistant", "content": answer.content})
        return answer.content

    def stream(self, text: str):
        with self._client.chat.completions.stream(
            model=self.model,
            messages=[*self.messages, {"role": "user", "content": text}],
        ) as stream:
            yield from stream

    def title(self) -> str:
        reply = self._client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini" if len(self.messages) < 20 else self.model,
            messages=[{"role": "user", "content": f"Give a title to: {self.messages[1]['content']}"}],
            max_tokens=12,
        )
        return reply.parse().choices[0].message.content


class Office:
    def __init__(self):
        self.azure = AsyncAzureOpenAI(azure_endpoint=os.environ["AZURE_ENDPOINT"], api_version="2024-10-21")

    async def polite(self, text):
        reply = await self.azure.chat.completions.create(
            model=os.environ["DESKBOT_DEPLOYMENT"],
            messages=[{"role": "user", "content": "Make this polite:\n" + text}],
        )
        return reply.choices[0].message.content


guide = Conversation("Ada", model="gpt-4o-mini")
