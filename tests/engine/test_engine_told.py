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
from migrate.vocabulary import Call, NoReply, NoReplyKind, Reply, Request
from migrate.workflow.engine import Ask, Engine, unpriced
from migrate.workflow.pacing import Pace, Policy, backoff
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


def test_a_model_that_is_not_there_is_asked_no_more():
    """The first reply that it is unknown ends its calls but for those in flight; the others were not made."""
    delivered, engine = run(FakeProvider(absent), 50)
    assert 50 == len(delivered)
    assert {NoReplyKind.MODEL_NOT_FOUND} == {call.outcome.kind for call in delivered.values()}  # type: ignore[union-attr]
    assert 1 <= engine.tally.attempts <= QUICK.concurrency
    assert engine.is_absent("gpt-4.1")
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


def test_a_fault_that_ends_the_run_is_told_to_the_other_processes_and_a_halt_is_not():
    """Which fault it was is in what they share; that this process was asked to stop is its own affair."""
    purse = FakePurse()
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.QUOTA, retry=False))
    outcomes: list[Reply | NoReply] = []

    async def main(halted: bool) -> None:
        deliver = lambda ask, call: outcomes.append(call.outcome)  # noqa: E731
        engine = Engine(provider, QUICK, SystemClock(), deliver, purse=purse, prices=FixedPrices())
        if halted:
            engine.halt()
        await engine.run(iter(asks(20)))

    asyncio.run(main(halted=True))
    assert (None, {}) == (purse.stopped, provider.tries)
    # What was taken up is given its account, and no further call is taken.
    assert [NoReply(NoReplyKind.INTERRUPTED, "the run was stopped before the call was made")] * 4 == outcomes
    asyncio.run(main(halted=False))
    assert NoReplyKind.QUOTA is purse.stopped


@pytest.mark.parametrize(
    ("tier", "where"),
    [(None, ""), ("auto", ""), ("default", ""), ("priority", ' in the service tier "priority"')],
)
def test_what_has_no_price_is_named_with_its_tier(tier: str | None, where: str):
    """A model that has a price may have none in the tier that was asked for."""
    body = {"model": "gpt-4.1"} if tier is None else {"model": "gpt-4.1", "service_tier": tier}
    asked = request_of("chat", body, lambda value: value)
    assert f"no price is known for gpt-4.1{where}, so the cap cannot be kept" == unpriced(asked)


class Most(random.Random):
    """Draws the largest there is."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_pause_before_a_retry_doubles_up_to_its_bound():
    """Half a second at most before the second try, one before the third, and never more than the bound."""
    policy = Policy(tries=10, backoff_base_s=0.5, backoff_cap_s=20.0)
    assert [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0] == [backoff(policy, n, None, Most()) for n in range(1, 9)]
    assert [2.5, 3.0] == [backoff(policy, n, 2.0, Most()) for n in (1, 2)]


def test_the_longest_pause_a_run_holds_is_held():
    """Asked for exactly as long it waits; asked for more it gives up, and so it does after the last try."""
    policy = Policy(tries=3, longest_pause_s=120.0)
    assert 120.0 <= (backoff(policy, 1, 120.0, Most()) or 0.0)
    assert backoff(policy, 1, 120.1, Most()) is None
    assert backoff(policy, 2, None, Most()) is not None
    assert backoff(policy, 3, None, Most()) is None
