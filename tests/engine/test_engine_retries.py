"""Retries to the number: how many are made, how long each waits, and what a call that failed is told with."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field, replace

import pytest
from fakes.providers import FakeProvider, failed, said
from fakes.purses import FakePurse

from migrate.edges.clock import SystemClock
from migrate.ports import Attempt, Limits
from migrate.vocabulary import Call, NoReply, NoReplyKind, Reply, Request, Source, Timing, Usage
from migrate.workflow.engine import Engine, Prices
from migrate.workflow.pacing import Pace, Policy
from tests.engine.test_engine import QUICK, FixedPrices, asks

ALONE = Policy(concurrency=1, backoff_base_s=0.0)


class Most(random.Random):
    """Draws the largest there is."""

    def uniform(self, a: float, b: float) -> float:
        return b


def run(
    provider: FakeProvider,
    count: int,
    policy: Policy = ALONE,
    *,
    purse: FakePurse | None = None,
    prices: Prices | None = None,
) -> tuple[list[Call], Engine]:
    """Return the calls in the order of their asks, and the engine that made them."""
    delivered: dict[int, Call] = {}

    async def main() -> Engine:
        deliver = lambda ask, call: delivered.__setitem__(ask.ticket, call)  # noqa: E731
        engine = Engine(provider, policy, SystemClock(), deliver, purse=purse, prices=prices, rng=Most())
        await engine.run(iter(asks(count)))
        return engine

    engine = asyncio.run(main())
    return [delivered[number] for number in sorted(delivered)], engine


def down(request: Request, sample: int, tried: int) -> Attempt:
    return failed(NoReplyKind.SERVER_ERROR)


def waited_ms(call: Call) -> float:
    assert call.timing is not None
    return call.timing.waited_ms


@pytest.mark.parametrize("spare", [0, 1, 5])
def test_no_more_retries_than_are_spare(spare: int):
    """A provider that always fails is asked once a call and so many times more, over all calls."""
    _, engine = run(FakeProvider(down), 20, replace(ALONE, spare_retries=spare, retry_share=0.0))
    assert (20 + spare, spare) == (engine.tally.attempts, engine.tally.retries)


def test_retries_are_a_share_of_all_attempts():
    """Half of the attempts may be retries: forty calls that fail at first get their second try from the second on."""
    provider = FakeProvider(lambda r, s, tried: down(r, s, tried) if tried == 1 else said("x"))
    calls, engine = run(provider, 40, replace(ALONE, spare_retries=0, retry_share=0.5))
    assert isinstance(calls[0].outcome, NoReply)
    assert all(isinstance(call.outcome, Reply) for call in calls[1:])
    assert (79, 39) == (engine.tally.attempts, engine.tally.retries)


@pytest.mark.parametrize("kind", [NoReplyKind.RATE_LIMIT, NoReplyKind.SERVER_ERROR])
def test_the_pause_a_provider_asks_for_is_waited(kind: NoReplyKind):
    """To the millisecond where there is no jitter, and the call says how long it waited."""
    provider = FakeProvider(lambda r, s, tried: failed(kind, retry_after_s=0.02) if tried == 1 else said("x"))
    (call,), _ = run(provider, 1)
    assert 20.0 == waited_ms(call)


def test_being_put_off_is_no_step_of_the_back_off():
    """Two rate limits, then a fault, each waits as long as a first fault does."""
    policy = replace(ALONE, backoff_base_s=0.01)
    kinds = [NoReplyKind.RATE_LIMIT, NoReplyKind.RATE_LIMIT, NoReplyKind.SERVER_ERROR, NoReplyKind.SERVER_ERROR]
    provider = FakeProvider(lambda r, s, tried: failed(kinds[tried - 1]) if tried <= 4 else said("x"))
    (call,), _ = run(provider, 1, policy)
    assert [10.0, 10.0, 10.0, 20.0] == pytest.approx([10.0, 10.0, 10.0, waited_ms(call) - 30.0])
    assert 5 == call.attempts


def test_a_try_has_the_time_of_the_policy():
    """The provider is told how long one attempt may take."""
    told: list[float | None] = []

    class Timed(FakeProvider):
        async def ask(self, request: Request, *, sample: int, timeout_s: float) -> Attempt:
            told.append(timeout_s)
            return await super().ask(request, sample=sample, timeout_s=timeout_s)

    run(Timed(lambda r, s, tried: said("x")), 2, replace(ALONE, timeout_s=7.0))
    assert [7.0, 7.0] == told


def test_rate_limits_of_one_wave_halve_the_calls_in_flight_once():
    """Eight calls that were under way together are one sign of pressure."""
    policy = Policy(concurrency=8, put_offs=0)
    _, engine = run(FakeProvider(lambda r, s, tried: failed(NoReplyKind.RATE_LIMIT)), 8, policy)
    assert 4 == engine._pace.limit


@pytest.mark.parametrize(("asked_s", "stopped"), [(0.02, False), (0.03, True)])
def test_only_a_pause_longer_than_a_run_holds_ends_it(asked_s: float, stopped: bool):
    """What it holds exactly is waited for; more ends the run with the provider's status and the pause in words."""
    refused = NoReply(NoReplyKind.RATE_LIMIT, "later", 429)
    late = Attempt(refused, retry=True, retry_after_s=asked_s, charged=False)
    provider = FakeProvider(lambda r, s, tried: late if tried == 1 else said("x"))
    calls, engine = run(provider, 2, replace(ALONE, longest_pause_s=0.02))
    assert stopped == (engine.tally.stopped is not None)
    if stopped:
        words = "the provider asks to wait 0 s, which is longer than a run holds"
        assert [refused, NoReply(NoReplyKind.RATE_LIMIT, words, 429)] == [call.outcome for call in calls]


def test_a_rate_limit_without_a_pause_ends_no_run():
    """However short the pauses are that a run holds."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.RATE_LIMIT) if tried == 1 else said("x"))
    _, engine = run(provider, 1, replace(ALONE, longest_pause_s=0.5))
    assert engine.tally.stopped is None


def test_a_provider_that_is_down_is_told_with_its_last_word():
    """After so many calls in a row without an answer the others are told how many, and why the last one failed."""
    gone = Attempt(NoReply(NoReplyKind.SERVER_ERROR, "HTTP 503", 503), retry=False, charged=False)
    calls, _ = run(FakeProvider(lambda r, s, tried: gone), 5, replace(ALONE, down_after=3))
    words = "3 calls in a row got no answer, the last one: HTTP 503"
    assert [NoReply(NoReplyKind.SERVER_ERROR, words, 503)] * 2 == [call.outcome for call in calls[3:]]
    assert [1, 1, 1, 0, 0] == [call.attempts for call in calls]


def test_an_answer_begins_the_count_of_silent_calls_anew():
    """Two in a row, an answer, two in a row: never three."""
    gone = Attempt(NoReply(NoReplyKind.SERVER_ERROR, "HTTP 503", 503), retry=False, charged=False)
    provider = FakeProvider(lambda r, s, tried: said("x") if r.body["n"] % 3 == 2 else gone)
    _, engine = run(provider, 12, replace(ALONE, down_after=3))
    assert (12, None) == (engine.tally.attempts, engine.tally.stopped)


def test_a_model_that_is_not_there_is_asked_once_by_one():
    """One call after the other: the first is told so, and the others say that they were not made."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.MODEL_NOT_FOUND, retry=False))
    calls, engine = run(provider, 8)
    assert 1 == engine.tally.attempts
    words = "not asked: its provider says that there is no gpt-4.1"
    assert [NoReply(NoReplyKind.MODEL_NOT_FOUND, words)] * 7 == [call.outcome for call in calls[1:]]


def test_a_reply_is_booked_at_its_own_cost():
    """The answer's usage and the model that was asked make the amount."""

    class ByTokens:
        def most(self, request: Request) -> int:
            return 1000

        def cost(self, reply: Reply, asked: str) -> int:
            assert asked == "gpt-4.1"
            return reply.usage.input_tokens or 0

    def answer(request: Request, sample: int, tried: int) -> Attempt:
        attempt = said("x")
        assert isinstance(attempt.outcome, Reply)
        usage = Usage(100 + request.body["n"], 0, None, 5, 0)
        return replace(attempt, outcome=replace(attempt.outcome, usage=usage))

    purse = FakePurse(10_000)
    run(FakeProvider(answer), 4, QUICK, purse=purse, prices=ByTokens())
    assert (100 + 101 + 102 + 103, 0) == (purse.spent, purse.reserved)


@dataclass
class Lines:
    """A journal in memory: what was written down before each try, and after each one that is followed by another."""

    lines: list[tuple[str, int, int, int, int]] = field(default_factory=list)

    def attempt(self, request: Request, sample: int, tried: int, reserved: int, lost: int = 0) -> None:
        self.lines.append((f"try {request.body['n']}", sample, tried, reserved, lost))

    def failed(self, request: Request, sample: int, lost: int) -> None:
        self.lines.append((f"failed {request.body['n']}", sample, 0, 0, lost))

    def call(self, sample: int, call: Call) -> None: ...

    def case(self, record: object) -> None: ...

    def close(self) -> None: ...


def test_every_try_is_written_down_before_it_is_made():
    """With the money set aside for it, and how many tries before it may have been paid for without a word of usage.

    A refusal is not billed, a silence may be; tries of a run that was stopped before count too.
    """
    silence, refusal = failed(NoReplyKind.TIMEOUT), replace(failed(NoReplyKind.SERVER_ERROR), charged=False)
    script = [silence, refusal, said("x")]
    provider, journal, purse = FakeProvider(lambda r, s, tried: script[tried - 1]), Lines(), FakePurse(1000)
    delivered: list[Call] = []

    async def main() -> None:
        engine = Engine(
            provider,
            ALONE,
            SystemClock(),
            lambda ask, call: delivered.append(call),  # type: ignore[arg-type]
            journal=journal,
            purse=purse,
            prices=FixedPrices(),
        )
        await engine.run(iter([replace(asks(1)[0], sample=7, lost=2)]))

    asyncio.run(main())
    assert [
        ("try 0", 7, 1, 100, 2),
        ("failed 0", 7, 0, 0, 3),
        ("try 0", 7, 2, 100, 3),
        ("failed 0", 7, 0, 0, 3),
        ("try 0", 7, 3, 100, 3),
    ] == journal.lines
    (call,) = delivered
    assert (3, 3, 100 + 0 + 60, 0) == (call.attempts, call.lost, purse.spent, purse.reserved)


def test_a_call_says_all_that_is_known_of_it():
    """Its own time, apart from what it waited; the UTC moment of the answer; that it was live, and who simulated it."""
    simulated = replace(said("x"), simulated=True)
    provider = FakeProvider(
        lambda r, s, tried: failed(NoReplyKind.SERVER_ERROR, retry_after_s=0.01) if tried == 1 else simulated
    )
    (call,), _ = run(provider, 1)
    assert Timing(12.0, None, waited_ms=10.0) == call.timing
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", call.at)
    assert (Source.LIVE, True, 2, 1) == (call.source, call.simulated, call.attempts, call.lost)


def test_a_last_try_without_a_word_of_usage_counts_as_lost():
    """So does the one that ends the call; a call that was never made has lost nothing."""
    silent = FakeProvider(lambda r, s, tried: failed(NoReplyKind.TIMEOUT))
    (call,), _ = run(silent, 1, replace(ALONE, tries=2))
    assert (2, 2) == (call.attempts, call.lost)
    purse = FakePurse(0)
    (never,), _ = run(silent, 1, purse=purse, prices=FixedPrices())
    assert (0, 0, NoReplyKind.BUDGET) == (never.attempts, never.lost, purse.stopped)


def test_a_call_without_a_price_or_room_under_the_cap_says_why():
    """Both end the run for everybody, and nothing was asked or set aside."""

    class Priced:
        def __init__(self, most: int | None) -> None:
            self._most = most

        def most(self, request: Request) -> int | None:
            assert request.model == "gpt-4.1"
            return self._most

        def cost(self, reply: Reply, asked: str) -> int | None:
            return None

    for most, words in (
        (None, "no price is known for gpt-4.1, so the cap cannot be kept"),
        (101, "the cost cap of the run does not hold another call"),
    ):
        purse, provider = FakePurse(100), FakeProvider(lambda r, s, tried: said("x"))
        calls, _ = run(provider, 2, purse=purse, prices=Priced(most))
        assert [NoReply(NoReplyKind.BUDGET, words)] * 2 == [call.outcome for call in calls]
        assert (NoReplyKind.BUDGET, {}, 0) == (purse.stopped, provider.tries, purse.reserved)


@pytest.mark.parametrize(
    ("limits", "pause_s"),
    [
        (Limits(remaining_requests=2, reset_requests_s=3.0), 3.0),
        (Limits(remaining_requests=3, reset_requests_s=3.0), 0.0),
        (Limits(remaining_requests=0), 0.0),
        (Limits(remaining_tokens=0, reset_tokens_s=4.0), 4.0),
        (Limits(remaining_tokens=1, reset_tokens_s=4.0), 0.0),
        (Limits(remaining_tokens=0), 0.0),
        (Limits(remaining_requests=0, reset_requests_s=3.0, remaining_tokens=0, reset_tokens_s=4.0), 4.0),
        (Limits(remaining_requests=0, reset_requests_s=600.0), 60.0),
    ],
)
def test_a_window_that_is_used_up_is_waited_for(limits: Limits, pause_s: float):
    """Two requests left or no token: until the reset, a minute at most; where no reset is told, nobody waits."""
    pace = Pace(Policy())
    pace.learn(replace(said("x"), limits=limits), now=100.0)
    assert (100.0 + pause_s if pause_s else 0.0) == pace.paused_until


def test_starts_are_a_minute_over_the_rate_apart():
    """Sixty a minute: one that was saved up, then one each second; who comes early is told how long to wait."""
    pace = Pace(Policy(requests_per_minute=60))
    assert [0.0, 0.0, 1.0, 0.5, 0.0, 1.0] == [pace.turn(now) for now in (100.0, 100.0, 100.0, 100.5, 101.0, 101.0)]
