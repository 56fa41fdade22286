"""What a provider, or another process of the run, tells the engine, and what it then leaves undone."""

from __future__ import annotations

import asyncio
import random

import pytest
from fakes.providers import FakeProvider, failed, said
from fakes.purses import FakePurse

from migrate.canonical import request_of
from migrate.edges.clock import SystemClock
from migrate.ports import Attempt
from migrate.vocabulary import Call, NoReplyKind, Reply, Request
from migrate.workflow.engine import ABSENT_AFTER, Ask, Engine
from migrate.workflow.pacing import Pace, Policy
from tests.engine.test_engine import QUICK, FixedPrices, asks, run


@pytest.mark.parametrize("seed", range(10))
def test_what_chance_heaps_up_is_no_pressure(seed: int):
    """One call in twenty put off at random: a quarter of the room is always there, and nearly all of it most times."""
    pace, rng, rooms = Pace(Policy(concurrency=50)), random.Random(seed), []
    for number in range(4000):
        limited = rng.random() < 0.05
        pace.learn(failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.01) if limited else said("fine"), now=float(number))
        rooms.append(pace.limit)
    settled = sorted(rooms[500:])
    assert settled[0] > 12
    assert settled[len(settled) // 4] > 45


def test_a_provider_that_puts_everybody_off_is_asked_by_one_at_a_time():
    """Where every answer is "later", the room shrinks to one call, and comes back with the answers."""
    pace = Pace(Policy(concurrency=50))
    for number in range(100):
        pace.learn(failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.01), now=float(number))
    assert 1 == pace.limit
    for number in range(1000):
        pace.learn(said("fine"), now=200.0 + number)
    assert 50 == pace.limit


def absent(request: Request, sample: int, tried: int) -> Attempt:
    return failed(NoReplyKind.MODEL_NOT_FOUND, retry=False)


def test_a_model_that_is_not_there_is_asked_a_few_times_only():
    """Who never answers and is told to be unknown is asked no more; the other calls say so, and were not made."""
    delivered, engine = run(FakeProvider(absent), 50)
    assert 50 == len(delivered)
    assert {NoReplyKind.MODEL_NOT_FOUND} == {call.outcome.kind for call in delivered.values()}  # type: ignore[union-attr]
    assert ABSENT_AFTER <= engine.tally.attempts < ABSENT_AFTER + QUICK.concurrency
    assert engine.tally.attempts == sum(call.attempts for call in delivered.values())
    assert engine.tally.stopped is None


def test_a_model_that_has_answered_is_there():
    """A router may know a model on one of its machines and not on another: what was answered once is asked again."""
    provider = FakeProvider(lambda r, s, tried: said("x") if r.body["n"] % 10 == 0 else absent(r, s, tried))
    delivered, engine = run(provider, 50, Policy(concurrency=1))
    assert 50 == engine.tally.attempts
    assert 5 == sum(isinstance(call.outcome, Reply) for call in delivered.values())


def test_another_model_is_still_asked():
    """Of two candidates the one that is there gets all its calls."""
    two = [
        Ask(n, 1, request_of("chat", {"model": ("here", "gone")[n % 2], "n": n}, lambda value: value))
        for n in range(40)
    ]
    provider = FakeProvider(lambda r, s, tried: said("x") if r.model == "here" else absent(r, s, tried))
    delivered: dict[int, Call] = {}

    async def main() -> None:
        deliver = lambda ask, call: delivered.__setitem__(ask.ticket, call)  # noqa: E731
        await Engine(provider, QUICK, SystemClock(), deliver).run(iter(two))

    asyncio.run(main())
    assert [n for n in range(40) if n % 2 == 0] == sorted(
        n for n, call in delivered.items() if isinstance(call.outcome, Reply)
    )


@pytest.mark.parametrize("told", ["stop", "pause"])
def test_what_is_told_while_money_is_set_aside_is_heeded(told: str):
    """Setting money aside waits for other processes: what they are told meanwhile holds for the call too."""

    class Slow(FakePurse):
        def reserve(self, amount: int) -> bool:
            if told == "stop":
                self.stop(NoReplyKind.QUOTA)
            elif not self.paused_until:
                self.pause(SystemClock().monotonic() + 0.05)
            return super().reserve(amount)

    purse, provider = Slow(), FakeProvider(lambda r, s, tried: called.append(SystemClock().monotonic()) or said("x"))
    called: list[float] = []

    async def main() -> None:
        engine = Engine(provider, QUICK, SystemClock(), lambda ask, call: None, purse=purse, prices=FixedPrices())
        await engine.run(iter(asks(1)))

    asyncio.run(main())
    assert (0 if told == "stop" else 1) == len(called)
    assert all(at >= purse.paused_until for at in called)
    assert (0, 0 if told == "stop" else 60) == (purse.reserved, purse.spent)
