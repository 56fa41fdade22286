"""What "the same request" means: canonical JSON, digests, and the two keys of a request.

`request_key` identifies the full wire request; `prompt_key` leaves out the model and everything that only
tunes sampling or transport, so that the same question asked of two models has one `prompt_key`. Both are
hashes of the *redacted* body: a chained call that quotes an earlier, redacted answer still matches.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Final

from migrate.vocabulary import Api, Json, JsonObject, Request

KEY_VERSION: Final = 1
"""Version of the key algorithm. A new one re-keys stored requests; it never makes a golden stale."""

SAMPLING_PARAMETERS: Final = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "metadata",
        "model",
        "n",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning",
        "reasoning_effort",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)
"""Wire keys that do not belong to the question itself."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: Json) -> str:
    """Return the one text of a JSON value: sorted keys, no spaces, no escapes that JSON does not need.

    Raises ValueError for NaN and infinities, which are not JSON.
    """
    return _encode(value)


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hex; lone surrogates, which models do emit, are hashed as they are."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_json(value: Json) -> str:
    """Return the SHA-256 of a JSON value's canonical text."""
    return digest(canonical_json(value))


def request_of(api: Api, body: JsonObject, redact: Callable[[Json], Json]) -> Request:
    """Return the request with its keys; `redact` must be idempotent."""
    stored = redact(body)
    question = {name: value for name, value in stored.items() if name not in SAMPLING_PARAMETERS}
    return Request(api=api, body=body, request_key=_key(api, stored), prompt_key=_key(api, question))


def _key(api: Api, body: JsonObject) -> str:
    text = canonical_json(body)
    return f"k{KEY_VERSION}:" + digest(api + "\n" + text)[:32]
