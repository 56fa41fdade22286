"""The engine: every ask is answered once, retries have one owner, a fatal fault ends the run."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter

import pytest
from fakes.providers import FakeProvider, failed, said
from fakes.purses import FakePurse
from hypothesis import given
from hypothesis import strategies as st

from migrate.canonical import request_of
from migrate.edges.clock import SystemClock
from migrate.ports import Attempt, Limits
from migrate.vocabulary import Call, NoReply, NoReplyKind, Reply, Request
from migrate.workflow.background import Background
from migrate.workflow.engine import Ask, Engine
from migrate.workflow.pacing import Pace, Policy, backoff

QUICK = Policy(concurrency=4, backoff_base_s=0.0, tries=4)


def asks(count: int) -> list[Ask]:
    return [Ask(n, 1, request_of("chat", {"model": "gpt-4.1", "n": n}, lambda value: value)) for n in range(count)]


def run(provider: FakeProvider, count: int, policy: Policy = QUICK) -> tuple[dict[int, Call], Engine]:
    delivered: dict[int, Call] = {}

    def deliver(ask: Ask, call: Call) -> None:
        assert ask.ticket not in delivered, "an ask was delivered twice"
        delivered[ask.ticket] = call

    async def main() -> Engine:
        engine = Engine(provider, policy, SystemClock(), deliver, rng=random.Random(1))
        await engine.run(iter(asks(count)))
        return engine

    return delivered, asyncio.run(main())


def test_every_ask_is_delivered_exactly_once():
    """A hundred asks, a hundred answers, never more in flight than allowed."""
    provider = FakeProvider(lambda request, sample, tried: said(str(request.body["n"])))
    delivered, engine = run(provider, 100)
    assert {n: str(n) for n in range(100)} == {n: call.outcome.answer.text for n, call in delivered.items()}  # type: ignore[union-attr]
    assert 4 == provider.most_in_flight
    assert (100, 100) == (engine.tally.calls, engine.tally.attempts)


def test_a_passing_fault_is_tried_again_and_the_attempts_are_told():
    """The answer that counts says how many attempts it took."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.SERVER_ERROR) if tried < 3 else said("at last"))
    delivered, engine = run(provider, 1)
    assert isinstance(delivered[0].outcome, Reply)
    assert 3 == delivered[0].attempts
    assert {"server_error": 2} == engine.tally.kinds


def test_tries_are_bounded():
    """A fault that stays becomes a no-reply after the last try."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.TIMEOUT))
    delivered, _ = run(provider, 1)
    assert isinstance(delivered[0].outcome, NoReply)
    assert (4, [4]) == (delivered[0].attempts, list(provider.tries.values()))


def test_a_fault_that_would_come_back_is_not_tried_again():
    """A bad request costs one attempt."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.BAD_REQUEST, retry=False))
    _, engine = run(provider, 1)
    assert 1 == engine.tally.attempts


@pytest.mark.parametrize("kind", [NoReplyKind.QUOTA, NoReplyKind.AUTHENTICATION])
def test_an_exhausted_quota_ends_the_run_for_everybody(kind: NoReplyKind):
    """The first fatal fault stops the calls that have not started; each still gets its account."""
    provider = FakeProvider(lambda r, s, tried: failed(kind, retry=False))
    delivered, engine = run(provider, 50)
    assert 50 == len(delivered)
    assert engine.tally.attempts <= QUICK.concurrency
    assert {kind} == {call.outcome.kind for call in delivered.values() if isinstance(call.outcome, NoReply)}


def test_a_rate_limit_halves_the_calls_in_flight():
    """Pressure is taken off at once and given back slowly."""
    pace = Pace(Policy(concurrency=8))
    pace.learn(failed(NoReplyKind.RATE_LIMIT, retry_after_s=2.0), now=100.0)
    assert (4, 102.0) == (pace.limit, pace.paused_until)
    for _ in range(4):
        pace.learn(said("fine"), now=103.0)
    assert 5 == pace.limit


def test_calls_that_were_under_way_together_halve_once():
    """Fifty rate limits of one burst are one sign of pressure, not fifty."""
    pace = Pace(Policy(concurrency=64))
    for _ in range(50):
        pace.learn(failed(NoReplyKind.RATE_LIMIT), now=100.0, began=99.0)
    assert 32 == pace.limit
    pace.learn(failed(NoReplyKind.RATE_LIMIT), now=102.0, began=101.0)
    assert 16 == pace.limit


def test_a_rate_limit_now_and_then_is_answered_by_its_pause_alone():
    """Where one call in twenty is put off, keeping the stated pauses is enough: as many stay in flight."""
    pace = Pace(Policy(concurrency=50))
    for number in range(400):
        limited = number % 20 == 19
        pace.learn(failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.01) if limited else said("fine"), now=float(number))
    assert 50 == pace.limit


def test_an_overloaded_server_may_state_a_pause_too():
    """A 503 with Retry-After holds everybody back as a 429 does."""
    pace = Pace(Policy())
    pace.learn(failed(NoReplyKind.SERVER_ERROR, retry_after_s=2.0), now=10.0)
    assert 12.0 == pace.paused_until


def test_a_nearly_empty_window_pauses_before_the_limit_is_hit():
    """The provider's own word of its limits is heeded."""
    pace = Pace(Policy())
    attempt = said("fine")
    low = Attempt(attempt.outcome, attempt.timing, limits=Limits(remaining_requests=1, reset_requests_s=3.0))
    pace.learn(low, now=10.0)
    assert 13.0 == pace.paused_until


def test_nobody_waits_longer_than_the_run_holds():
    """A server asking for ten minutes ends the call instead."""
    assert backoff(Policy(), 1, 600.0, random.Random(1)) is None


def test_a_pause_longer_than_the_run_holds_ends_the_run():
    """ "Come back in ten minutes" is said once: the rest is not run, instead of failing call by call."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.RATE_LIMIT, retry_after_s=600.0))
    delivered, engine = run(provider, 50)
    assert engine.tally.attempts <= QUICK.concurrency
    assert {NoReplyKind.RATE_LIMIT} == {call.outcome.kind for call in delivered.values()}  # type: ignore[union-attr]
    assert engine.tally.stopped is not None
    assert "asks to wait 600 s" in engine.tally.stopped.message


def test_being_put_off_is_no_failure():
    """A call may be put off more often than it may fail: rate limits use up neither its tries nor the retries."""
    provider = FakeProvider(
        lambda r, s, tried: failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.0) if tried <= 10 else said("at last")
    )
    delivered, engine = run(provider, 3, Policy(concurrency=4, backoff_base_s=0.0, spare_retries=0))
    assert [11, 11, 11] == [call.attempts for call in delivered.values()]
    assert all(isinstance(call.outcome, Reply) for call in delivered.values())
    assert 0 == engine.tally.retries


def test_being_put_off_for_ever_ends_the_call():
    """There is an end to it."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.0))
    delivered, _ = run(provider, 1, Policy(backoff_base_s=0.0, put_offs=7))
    assert 8 == delivered[0].attempts


@given(st.integers(1, 3), st.one_of(st.none(), st.floats(0, 120)), st.integers())
def test_backoff_is_at_least_what_the_server_asked_and_never_more_than_the_cap_above(
    tried: int, asked: float | None, seed: int
):
    """Full jitter lies on top of the pause the server asked for."""
    policy = Policy()
    pause = backoff(policy, tried, asked, random.Random(seed))
    assert pause is not None
    assert (asked or 0.0) <= pause <= (asked or 0.0) + policy.backoff_cap_s


def background(provider: FakeProvider, per_ticket: list[int], *, start_after_s: float = 0.0) -> Background:
    def source():
        for ticket, count in enumerate(per_ticket):
            made.expect(ticket, count)
            for sample in range(1, count + 1):
                request = request_of("chat", {"model": "gpt-4.1", "n": ticket}, lambda value: value)
                yield Ask(ticket, sample, request)

    made = Background(lambda deliver, full: Engine(provider, QUICK, SystemClock(), deliver, full=full), source)
    if start_after_s:
        threading.Timer(start_after_s, made.start).start()
    else:
        made.start()
    return made


def test_each_item_waits_only_for_its_own_answers_in_any_order():
    """Tickets may be collected in an order of their own; samples come in theirs."""
    counts = [3, 0, 1, 5, 2] * 20
    made = background(FakeProvider(lambda request, sample, tried: said(f"{request.body['n']}/{sample}")), counts)
    order = list(range(len(counts)))
    random.Random(4).shuffle(order)
    got: Counter[int] = Counter()
    for ticket in order:
        calls = made.collect(ticket)
        assert list(range(1, counts[ticket] + 1)) == [sample for sample, _ in calls]
        got[ticket] += len(calls)
    made.stop()
    assert {ticket: count for ticket, count in enumerate(counts) if count} == {t: n for t, n in got.items() if n}


def test_memory_is_bounded_when_judging_is_slower_than_asking():
    """More answers than the backlog holds are still all collected, in order."""
    made = background(FakeProvider(lambda request, sample, tried: said("x")), [1] * 3000)
    for ticket in range(3000):
        assert 1 == len(made.collect(ticket))
    made.stop()


def test_asking_and_reading_take_turns_where_answers_come_faster_than_they_are_read(monkeypatch: pytest.MonkeyPatch):
    """Who reads what was there lets the engine ask all it may: the first answer read finds the others waiting."""
    monkeypatch.setattr("migrate.workflow.background.AHEAD_S", 60.0)
    made = background(FakeProvider(lambda request, sample, tried: said("x")), [1] * 400, start_after_s=0.1)
    made.collect(0)
    assert made.engine is not None
    assert 400 == made.engine.tally.calls
    made.stop()


def test_an_answer_is_read_while_another_call_hangs(monkeypatch: pytest.MonkeyPatch):
    """Taking turns ends after its time: progress is shown though one call is slow."""
    monkeypatch.setattr("migrate.workflow.background.AHEAD_S", 0.05)
    hangs, let_go = threading.Event(), threading.Event()

    class OneHangs(FakeProvider):
        async def ask(self, request: Request, *, sample: int, timeout_s: float) -> Attempt:
            if request.body["n"] == 1:
                hangs.set()
                await asyncio.to_thread(let_go.wait)
            return await super().ask(request, sample=sample, timeout_s=timeout_s)

    made = background(OneHangs(lambda request, sample, tried: said("x")), [1, 1])
    try:
        assert 1 == len(made.collect(0))
        assert hangs.wait(10)
    finally:
        let_go.set()
    assert 1 == len(made.collect(1))
    made.stop()


def test_a_failure_of_the_engine_reaches_the_item_that_waits():
    """A bug in the thread is raised where somebody can see it, never swallowed."""

    def broken(request: Request, sample: int, tried: int) -> Attempt:
        raise ZeroDivisionError("a bug")

    made = background(FakeProvider(broken), [1])
    with pytest.raises(ZeroDivisionError):
        made.collect(0)
    made.stop()


def test_stopping_closes_the_provider():
    """Connections do not outlive the run."""
    provider = FakeProvider(lambda request, sample, tried: said("x"))
    made = background(provider, [1])
    made.collect(0)
    made.stop()
    assert provider.closed


# --- money -------------------------------------------------------------------------------------------------


class FixedPrices:
    """Every call may cost 100 and costs 60."""

    def most(self, request: Request) -> int | None:
        return 100

    def cost(self, reply: Reply, asked: str) -> int | None:
        return 60


def spend(provider: FakeProvider, count: int, cap: int) -> tuple[dict[int, Call], FakePurse]:
    purse = FakePurse(cap)
    delivered: dict[int, Call] = {}

    async def main() -> None:
        engine = Engine(
            provider,
            QUICK,
            SystemClock(),
            lambda ask, call: delivered.__setitem__(ask.ticket, call),
            purse=purse,
            prices=FixedPrices(),
            rng=random.Random(1),
        )
        await engine.run(iter(asks(count)))

    asyncio.run(main())
    return delivered, purse


@given(st.integers(0, 3000))
def test_the_cap_is_never_passed_and_every_ask_has_its_account(cap: int):
    """Money is set aside before each try, so spent and reserved together stay under the cap at every moment."""
    delivered, purse = spend(FakeProvider(lambda r, s, tried: said("x")), 40, cap)
    assert purse.most_reserved <= cap
    assert 0 == purse.reserved
    answered = [call for call in delivered.values() if isinstance(call.outcome, Reply)]
    assert 60 * len(answered) == purse.spent
    assert 40 == len(delivered)
    stopped = [call.outcome.kind for call in delivered.values() if isinstance(call.outcome, NoReply)]
    assert set(stopped) <= {NoReplyKind.BUDGET}


def test_a_cost_nobody_told_counts_as_the_most_it_can_have_been():
    """A broken answer may have been paid for; a refused one was not."""
    lost = FakeProvider(lambda r, s, tried: failed(NoReplyKind.INCOMPLETE_STREAM, retry=False))
    delivered, purse = spend(lost, 1, 1000)
    assert (100, 1) == (purse.spent, delivered[0].lost)
    refused = Attempt(NoReply(NoReplyKind.SERVER_ERROR, "no"), charged=False)
    delivered, purse = spend(FakeProvider(lambda r, s, tried: refused), 1, 1000)
    assert (0, 0) == (purse.spent, delivered[0].lost)


def test_retries_have_a_budget_of_their_own():
    """A provider that fails every time gets one fifth more calls, not four times as many."""
    provider = FakeProvider(lambda r, s, tried: failed(NoReplyKind.SERVER_ERROR))
    policy = Policy(concurrency=4, backoff_base_s=0.0, spare_retries=5, down_after=1000)
    delivered, engine = run(provider, 400, policy)
    assert 400 == len(delivered)
    assert engine.tally.retries <= 0.2 * engine.tally.attempts + 5


@pytest.mark.parametrize("kind", [NoReplyKind.CONNECTION, NoReplyKind.SERVER_ERROR, NoReplyKind.TIMEOUT])
def test_a_provider_that_is_down_ends_the_run(kind: NoReplyKind):
    """After so many calls in a row without an answer nobody else is asked, and all are accounted for."""
    provider = FakeProvider(lambda r, s, tried: failed(kind))
    policy = Policy(concurrency=4, backoff_base_s=0.0, tries=2, down_after=20)
    delivered, engine = run(provider, 400, policy)
    tried = [call for call in delivered.values() if call.attempts]
    assert (400, kind) == (len(delivered), engine.tally.stopped and engine.tally.stopped.kind)
    assert 20 <= len(tried) < 20 + policy.concurrency


def test_one_answer_in_between_is_a_sign_of_life():
    """A provider that answers every tenth call is slow and sick, not down: everybody is asked."""
    provider = FakeProvider(
        lambda r, s, tried: said("yes") if r.body["n"] % 10 == 0 else failed(NoReplyKind.SERVER_ERROR)
    )
    policy = Policy(concurrency=4, backoff_base_s=0.0, tries=1, down_after=20)
    delivered, engine = run(provider, 400, policy)
    assert (400, None) == (len(delivered), engine.tally.stopped)
    assert all(call.attempts for call in delivered.values())


def test_a_pause_is_shared_with_the_other_processes():
    """What one worker is told, the purse tells all of them."""
    purse = FakePurse()
    provider = FakeProvider(
        lambda r, s, tried: failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.01) if tried == 1 else said("x")
    )

    async def main() -> None:
        engine = Engine(provider, QUICK, SystemClock(), lambda ask, call: None, purse=purse, rng=random.Random(1))
        await engine.run(iter(asks(1)))

    before = SystemClock().monotonic()
    asyncio.run(main())
    assert purse.paused_until >= before + 0.01


@given(st.floats(30, 6000), st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_starts_keep_to_the_rate(rate: float, gaps: list[float]):
    """Over any stretch of time no more calls start than the rate and one second of saved-up turns allow."""
    pace, now, starts = Pace(Policy(requests_per_minute=rate)), 1000.0, []
    for gap in gaps:
        now += gap
        wait = pace.turn(now)
        if wait > 0:
            now += wait
            assert pace.turn(now + 1e-9) == 0.0
        starts.append(now)
    stretch = starts[-1] - starts[0]
    assert len(starts) <= (stretch + 1.0) * rate / 60.0 + 2


def test_a_call_waits_for_the_money_that_others_do_not_need():
    """Calls cost less than is set aside for them: a cap that holds one at a time still lets all of them be made."""
    delivered, purse = spend(FakeProvider(lambda r, s, tried: said("x")), 8, 8 * 60 + 40)
    assert all(isinstance(call.outcome, Reply) for call in delivered.values())
    assert (480, 0) == (purse.spent, purse.reserved)


def test_money_of_a_dead_process_is_not_waited_for_without_end():
    """What a killed worker set aside never comes back: the run stops instead of hanging."""
    purse, delivered = FakePurse(150), {}
    purse.reserve(100)
    policy = Policy(concurrency=2, timeout_s=0.05)

    async def main() -> None:
        provider = FakeProvider(lambda r, s, tried: said("x"))
        deliver = lambda ask, call: delivered.__setitem__(ask.ticket, call)  # noqa: E731
        engine = Engine(provider, policy, SystemClock(), deliver, purse=purse, prices=FixedPrices())
        await engine.run(iter(asks(3)))

    asyncio.run(main())
    assert [NoReplyKind.BUDGET] * 3 == [call.outcome.kind for call in delivered.values()]


def test_money_that_another_process_gives_back_is_waited_for():
    """It had set aside what this one needs, for a call of its own: nobody is told that the cap does not hold it."""
    purse, delivered = FakePurse(150), {}
    purse.reserve(100)

    async def main() -> None:
        provider = FakeProvider(lambda r, s, tried: said("x"))
        deliver = lambda ask, call: delivered.__setitem__(ask.ticket, call)  # noqa: E731
        engine = Engine(provider, QUICK, SystemClock(), deliver, purse=purse, prices=FixedPrices())
        asyncio.get_running_loop().call_later(0.2, purse.settle, 100, 0)
        await engine.run(iter(asks(1)))

    asyncio.run(main())
    assert [True] == [isinstance(call.outcome, Reply) for call in delivered.values()]
    assert (60, 0) == (purse.spent, purse.reserved)


@pytest.mark.parametrize("halted", [False, True], ids=["until there is room", "until it is halted"])
def test_no_ask_is_taken_while_there_is_no_room_for_its_answer(halted: bool):
    """Each worker ends the call it made and takes no other; then all of the rest is made, or nothing after a halt."""
    delivered: list[int] = []
    room = threading.Event()

    async def main() -> int:
        full = lambda: len(delivered) >= 4 and not room.is_set()  # noqa: E731
        engine = Engine(
            FakeProvider(lambda r, s, tried: said("x")),
            QUICK,
            SystemClock(),
            lambda ask, call: delivered.append(ask.ticket),
            full=full,
        )
        running = asyncio.create_task(engine.run(iter(asks(20))))
        await asyncio.sleep(0.3)
        held = len(delivered)
        (engine.halt if halted else room.set)()
        await asyncio.wait_for(running, 30)
        return held

    held = asyncio.run(main())
    assert 4 <= held < 4 + QUICK.concurrency
    assert (held if halted else 20) == len(delivered)


def test_what_stopped_another_worker_stops_this_one():
    """The first worker to meet an exhausted quota ends the run for all; no further call is made."""
    purse, delivered = FakePurse(), {}
    purse.stop(NoReplyKind.QUOTA)
    provider = FakeProvider(lambda r, s, tried: said("x"))

    async def main() -> None:
        deliver = lambda ask, call: delivered.__setitem__(ask.ticket, call)  # noqa: E731
        await Engine(provider, QUICK, SystemClock(), deliver, purse=purse).run(iter(asks(3)))

    asyncio.run(main())
    assert ({}, [(NoReplyKind.QUOTA, 0)] * 3) == (
        provider.tries,
        [(call.outcome.kind, call.attempts) for call in delivered.values()],
    )


def test_a_stop_wakes_those_who_wait():
    """Nobody sleeps through the end of the run: a call that waits to be tried again is given up at once."""

    def answer(request: Request, sample: int, tried: int) -> Attempt:
        if request.body["n"]:
            return failed(NoReplyKind.QUOTA, retry=False)
        return failed(NoReplyKind.SERVER_ERROR, retry_after_s=100.0)

    before = SystemClock().monotonic()
    delivered, _ = run(FakeProvider(answer), 2)
    assert SystemClock().monotonic() - before < 50
    assert {NoReplyKind.QUOTA} == {call.outcome.kind for call in delivered.values()}  # type: ignore[union-attr]


def test_a_stop_lets_out_those_who_wait_for_room():
    """With one call in flight and many waiting, an exhausted quota still gives every ask its account."""

    def answer(request: Request, sample: int, tried: int) -> Attempt:
        if provider.tries[request.request_key, 1] == 1 and request.body["n"] < 8:
            return failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.0)
        return failed(NoReplyKind.QUOTA, retry=False) if request.body["n"] > 20 else said("x")

    provider = FakeProvider(answer)
    delivered, _ = run(provider, 40, Policy(concurrency=8, backoff_base_s=0.0))
    assert 40 == len(delivered)


@given(st.integers(0, 2**32), st.sampled_from([0.05, 0.2, 0.5]), st.integers(2, 12))
def test_nobody_waits_for_room_for_ever(seed: int, share: float, concurrency: int):
    """However limits come and go, every call gets its turn: room that came back is given to those who wait."""
    rng = random.Random(seed)
    provider = FakeProvider(
        lambda r, s, tried: failed(NoReplyKind.RATE_LIMIT, retry_after_s=0.0) if rng.random() < share else said("x")
    )
    policy = Policy(concurrency=concurrency, backoff_base_s=0.0)

    async def main() -> int:
        delivered: list[int] = []
        engine = Engine(provider, policy, SystemClock(), lambda ask, call: delivered.append(ask.ticket), rng=rng)
        await asyncio.wait_for(engine.run(iter(asks(60))), 20)
        return len(delivered)

    assert 60 == asyncio.run(main())
