"""Vectors through the OpenAI SDK, in batches, before a run begins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import openai

from migrate.catalogue import is_served_as
from migrate.errors import UsageProblem

AT_ONCE: Final = 100
"""Texts of one request."""
TRIES: Final = 4
"""After the first one, by the SDK itself, with its pauses."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The vectors of some texts, and what they took."""

    vectors: Mapping[str, Sequence[float]]
    tokens: int | None
    """As the provider counted them; None: it did not say."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """One place that makes vectors."""

    name: str
    """Of the provider."""
    api_key: str
    base_url: str | None = None
    azure: bool = False
    api_version: str | None = None
    headers: Mapping[str, str] | None = None
    served_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Model -> further names it may be served under."""
    timeout_s: float = 60.0

    def make(self, model: str, texts: Sequence[str]) -> Iterator[Batch]:
        """Yield the vectors of texts batch by batch, so that what was paid for can be kept before the next is asked.

        Raises UsageProblem when the provider refuses, or answers with something that is no vector for each text.
        """
        with self._client() as client:
            for start in range(0, len(texts), AT_ONCE):
                yield self._batch(client, model, texts[start : start + AT_ONCE])

    def _batch(self, client: openai.OpenAI, model: str, texts: Sequence[str]) -> Batch:
        try:
            made = client.embeddings.create(model=model, input=list(texts), encoding_format="float")
        except openai.OpenAIError as error:
            raise self._problem(model, _words(error)) from None
        if made.model not in self.served_as.get(model, ()) and not is_served_as(model, made.model):
            raise self._problem(model, f"it was served by {made.model}")
        rows = {row.index: row.embedding for row in made.data}
        if sorted(rows) != list(range(len(texts))):
            raise self._problem(model, f"{len(rows)} vectors came for {len(texts)} texts")
        if len({len(row) for row in rows.values()}) != 1 or not all(map(_is_vector, rows.values())):
            raise self._problem(model, "what came are no vectors of one length")
        usage = getattr(made, "usage", None)  # Local servers leave it out, whatever its type says.
        tokens = usage.prompt_tokens if usage is not None else None
        return Batch({text: rows[place] for place, text in enumerate(texts)}, tokens)

    def _client(self) -> openai.OpenAI:
        # A redirect would send the texts to a host nobody chose.
        http = openai.DefaultHttpxClient(follow_redirects=False)
        if self.azure:
            return openai.AzureOpenAI(
                azure_endpoint=self.base_url or "",
                api_version=self.api_version,
                api_key=self.api_key,
                max_retries=TRIES,
                timeout=self.timeout_s,
                http_client=http,
                default_headers=self.headers,
            )
        return openai.OpenAI(
            base_url=self.base_url,
            api_key=self.api_key,
            max_retries=TRIES,
            timeout=self.timeout_s,
            http_client=http,
            default_headers=self.headers,
        )

    def _problem(self, model: str, words: str) -> UsageProblem:
        hint = "or look passages up by words: leave `embeddings` out of `retrieve`"
        return UsageProblem(f"no vectors by {model} from {self.name}: {words}; no prompt was asked", hint=hint)


def _is_vector(row: Sequence[float]) -> bool:
    return bool(row) and all(map(math.isfinite, row))


def _words(error: openai.OpenAIError) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
