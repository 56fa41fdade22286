"""The caller's output limit: counted, and where it is too small, kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from migrate.edges.providers.simulated.draft import Break, Draft, Performance, Slip
from migrate.edges.providers.simulated.tokens import Counter
from migrate.vocabulary import FindingKind, JsonPath, Rung

_WHOLE: Final = JsonPath("$")
_PER_CALL: Final = 8
"""Tokens of the format around one tool call."""


def output_tokens(draft: Draft, counter: Counter) -> int:
    """Return the tokens a reply is billed for."""
    words = counter.count(draft.text or "") + counter.count(draft.refusal or "")
    return words + sum(_PER_CALL + counter.count(call.name) + counter.count(call.text) for call in draft.calls)


def limited(performance: Performance, limit: int | None, counter: Counter) -> Performance:
    """Return the performance cut at the caller's limit; the slip that says so takes the place of any other break."""
    draft = performance.draft
    if limit is None or output_tokens(draft, counter) <= limit:
        return performance
    also = [slip.breaks for slip in performance.slips if slip.breaks is not None]
    if draft.kind == "json":
        also.append(Break(Rung.PARSED, FindingKind.INVALID_JSON, _WHOLE))
    slip = Slip(
        "output_limit",
        _WHOLE,
        output_tokens(draft, counter),
        limit,
        Break(Rung.ANSWERED, FindingKind.TRUNCATED, _WHOLE),
        tuple(also),
        origin="request",
    )
    kept = tuple(replace(slip, breaks=None, also=()) for slip in performance.slips)
    return Performance(_cut(draft, limit, counter), (slip, *kept))


def _cut(draft: Draft, limit: int, counter: Counter) -> Draft:
    if not draft.calls:
        text = None if draft.text is None else counter.cut(draft.text, limit)
        refusal = None if draft.refusal is None else counter.cut(draft.refusal, limit)
        return replace(draft, text=text, refusal=refusal, finish="length")
    last = draft.calls[-1]
    cut = replace(last, raw=counter.cut(last.text, max(1, limit - _PER_CALL)))
    return replace(draft, calls=(*draft.calls[:-1], cut), finish="length")
