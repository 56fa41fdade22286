"""What a decision says was seen, so that nothing else is blessed."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.canonical import digest_json
from migrate.vocabulary import Answer, Json, Judged


def seen_digest(samples: Sequence[Judged]) -> str:
    """Return the hash of a case's candidate answers: what a decision says was seen, so that nothing else is blessed.

    Ids of tool calls are left out, because they are never compared; a sample without an answer counts as none.
    """
    ordered = sorted(samples, key=lambda judged: judged.sample.index)
    return digest_json([[judged.sample.index, _seen(judged.sample.answer)] for judged in ordered])


def _seen(answer: Answer | None) -> Json:
    if answer is None:
        return None
    calls = [[call.name, call.arguments] for call in answer.tool_calls]
    return [answer.text, calls, answer.refusal, answer.finish]
