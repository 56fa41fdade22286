"""What "the same request" means: canonical JSON, digests, and the two keys of a request.

`request_key` identifies the full wire request; `prompt_key` leaves out the model and everything that only
tunes sampling or transport, so that the same question asked of two models has one `prompt_key`. Both are
hashes of the *redacted* body: a chained call that quotes an earlier, redacted answer still matches.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from migrate.vocabulary import Endpoint, Json, JsonObject, JsonPath, Request

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

# Values come from JSON, so none holds itself: looking out for that would be a fifth of encoding.
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


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


def request_of(api: Endpoint, body: JsonObject, redact: Callable[[Json], Json]) -> Request:
    """Return the request with its keys; `redact` must be idempotent."""
    return requests_of(api, body, [body["model"]], redact)[0]


def requests_of(
    api: Endpoint, body: JsonObject, models: Sequence[str], redact: Callable[[Json], Json]
) -> tuple[Request, ...]:
    """Return the same body as a request to each of several models; it is redacted and encoded once."""
    stored = redact(body)
    # Every member is encoded once; all keys are put together from the same texts.
    parts = {name: canonical_json(value) for name, value in stored.items()}
    prompt_key = _key(api, {name: part for name, part in parts.items() if name not in SAMPLING_PARAMETERS})
    requests = []
    for model in models:
        sent = body if model == body["model"] else {**body, "model": model}
        request_key = _key(api, {**parts, "model": canonical_json(redact(model))})
        requests.append(Request(api=api, body=sent, request_key=request_key, prompt_key=prompt_key))
    return tuple(requests)


def _key(api: Endpoint, parts: Mapping[str, str]) -> str:
    """Return the hash of the canonical text of an object whose members are encoded already."""
    text = ",".join([f"{_name(name)}:{parts[name]}" for name in sorted(parts)])
    return f"k{KEY_VERSION}:" + digest(f"{api}\n{{{text}}}")[:32]


_INDEX: Final = re.compile(r'("(?:[^"\\]|\\.)*"|\A\$calls\[\d+\])|\[\d+\]')


@lru_cache(maxsize=4096)
def any_index(path: JsonPath) -> JsonPath:
    """Return a path with its list indices as `[*]`; digits inside quoted keys, and of the call, are left alone."""
    return JsonPath(_INDEX.sub(lambda match: match.group(1) or "[*]", path))


@lru_cache(maxsize=256)  # the names of parameters: a few dozen, with every request
def _name(name: str) -> str:
    return canonical_json(name)


def stamp(now: dt.datetime) -> str:
    """Return a time as records hold it: UTC, ISO 8601, milliseconds, `Z`."""
    return now.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
