"""Vectors through the OpenAI SDK, in batches, before a run begins."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import openai
from openai.types import CreateEmbeddingResponse

from migrate.catalogue import is_served_as
from migrate.edges.providers.openai import retry_after
from migrate.errors import UsageProblem
from migrate.vocabulary import NoReplyKind
from migrate.wire.faults import kind_of_status

AT_ONCE: Final = 100
"""Texts of one request."""
TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.5
"""Where the server names none; doubled after each try."""
LONGEST_PAUSE_S: Final = 120.0
"""A server that asks for more is not waited for."""
UNPAID: Final = frozenset({NoReplyKind.RATE_LIMIT, NoReplyKind.SERVER_ERROR})
"""Refusals that pass, and that nobody bills. What breaks otherwise may have been paid for: it is not tried again."""


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
    redact: Callable[[str], str] = str
    """Takes secrets out of what a provider complains of: it may quote the key or the text it was sent."""
    sleep: Callable[[float], None] = time.sleep

    def make(self, model: str, texts: Sequence[str]) -> Iterator[Batch]:
        """Yield the vectors of texts batch by batch, so that what was paid for can be kept before the next is asked.

        Raises UsageProblem when the provider refuses, or answers with something that is no vector for each text.
        """
        with self._client() as client:
            for start in range(0, len(texts), AT_ONCE):
                yield self._batch(client, model, texts[start : start + AT_ONCE])

    def _batch(self, client: openai.OpenAI, model: str, texts: Sequence[str]) -> Batch:
        made = self._asked(client, model, list(texts))
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

    def _asked(self, client: openai.OpenAI, model: str, texts: list[str]) -> CreateEmbeddingResponse:
        pause = FIRST_PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                return client.embeddings.create(model=model, input=texts, encoding_format="float")
            except openai.OpenAIError as error:
                told = _pause_of(error, pause)
                if not left or told is None:
                    raise self._problem(model, self.redact(_words(error))) from None
            self.sleep(told)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    def _client(self) -> openai.OpenAI:
        # A redirect would send the texts to a host nobody chose.
        http = openai.DefaultHttpxClient(follow_redirects=False)
        if self.azure:
            return openai.AzureOpenAI(
                azure_endpoint=self.base_url or "",
                api_version=self.api_version,
                api_key=self.api_key,
                max_retries=0,
                timeout=self.timeout_s,
                http_client=http,
                default_headers=self.headers,
            )
        return openai.OpenAI(
            base_url=self.base_url,
            api_key=self.api_key,
            max_retries=0,
            timeout=self.timeout_s,
            http_client=http,
            default_headers=self.headers,
        )

    def _problem(self, model: str, words: str) -> UsageProblem:
        hint = "or look passages up by words: leave `embeddings` out of `retrieve`"
        return UsageProblem(f"no vectors by {model} from {self.name}: {words}; no prompt was asked", hint=hint)


def _is_vector(row: Sequence[float]) -> bool:
    return bool(row) and all(map(math.isfinite, row))


def _pause_of(error: openai.OpenAIError, usual_s: float) -> float | None:
    """Return the seconds to wait before another try; None when there must be none."""
    if not isinstance(error, openai.APIStatusError):
        return None
    kind = kind_of_status(error.status_code, str(error.code or ""), error.message)
    told = retry_after(error.response.headers)
    pause = usual_s if told is None else told
    return pause if kind in UNPAID and pause <= LONGEST_PAUSE_S else None


def _words(error: openai.OpenAIError) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
