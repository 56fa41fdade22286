"""Vectors through the real SDK from a real server: what is tried again, what is not, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scripted_server import Scripted, ScriptedServer, Seen, error, ok

from migrate.edges.providers.embedding import Embedder
from migrate.errors import UsageProblem

MODEL, KEY = "text-embedding-3-small", "sk-test-key"


def vectors(_: Seen) -> Scripted:
    row = {"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}
    return ok({"object": "list", "data": [row], "model": MODEL, "usage": {"prompt_tokens": 3, "total_tokens": 3}})


def after(*first: Scripted) -> Callable[[Seen], Scripted]:
    """Answer some requests in turn, then every further one with a vector."""
    answers = iter(first)
    return lambda seen: next(answers, None) or vectors(seen)


def ask(script: Callable[[Seen], Scripted]) -> tuple[str | list[int | None], int, list[float]]:
    """Return the tokens of the batches or the words of the problem, how many requests came, and the pauses."""
    slept: list[float] = []
    with ScriptedServer(script) as server:
        maker = Embedder("test", KEY, server.url, redact=lambda text: text.replace(KEY, "[key]"), sleep=slept.append)
        try:
            came: str | list[int | None] = [batch.tokens for batch in maker.make(MODEL, ["one"])]
        except UsageProblem as problem:
            came = str(problem)
        return came, len(server.seen), slept


def test_a_rate_limit_is_waited_for_as_long_as_it_says() -> None:
    """Nobody bills a refusal, so it is tried again: after the stated pause, or one that doubles."""
    assert ([3], 4, [7.0, 1.0, 2.0]) == ask(after(error(429, retry_after="7"), error(503), error(500)))


def test_what_may_have_been_paid_for_is_not_tried_again() -> None:
    """A connection that broke leaves the cost of one request open, never of several."""
    cut = Scripted((b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",), hang_up=True)
    words, seen, slept = ask(after(cut))
    assert (1, []) == (seen, slept)
    assert "no prompt was asked" in words


@pytest.mark.parametrize(
    "refusal",
    [error(429, "insufficient_quota"), error(429, retry_after="600"), error(401)],
    ids=["quota", "long", "key"],
)
def test_a_refusal_that_does_not_pass_is_final(refusal: Scripted) -> None:
    """An empty account, a pause longer than a run holds, and a wrong key are said at once."""
    words, seen, slept = ask(after(refusal))
    assert (True, 1, []) == (isinstance(words, str), seen, slept)


def test_four_tries_are_enough() -> None:
    """Then the complaint is told, without the key that it quotes."""
    words, seen, slept = ask(lambda _: error(503, message=f"no room for {KEY}"))
    assert (4, [0.5, 1.0, 2.0]) == (seen, slept)
    assert ("no room for [key]" in words, KEY in words) == (True, False)
