"""Calls an application makes by itself: none leaves without its money set aside and its line in the journal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from fakes.purses import FakePurse

from migrate.canonical import request_of
from migrate.vocabulary import Answer, Call, NoReply, NoReplyKind, Reply, Request, Usage
from migrate.workflow.metering import Meter, equal_key

SAMPLE, MOST, COST = 2, 100, 60


@dataclass
class Lines:
    """A journal in memory."""

    attempts: list[tuple[str, int, int, int]] = field(default_factory=list)
    calls: list[tuple[int, Call]] = field(default_factory=list)
    failures: list[tuple[str, int, int]] = field(default_factory=list)

    def attempt(self, request: Request, sample: int, tried: int, reserved: int, lost: int = 0) -> None:
        self.attempts.append((request.request_key, sample, tried, reserved))

    def failed(self, request: Request, sample: int, lost: int) -> None:
        self.failures.append((request.request_key, sample, lost))

    def call(self, sample: int, call: Call) -> None:
        self.calls.append((sample, call))

    def case(self, record: object) -> None:
        raise AssertionError("a meter judges nothing")

    def close(self) -> None: ...


class Fixed:
    """Every call costs at most MOST and in truth COST as gpt-4.1; nobody prices a model called "unpriced"."""

    def most(self, request: Request) -> int | None:
        return None if request.model == "unpriced" else MOST

    def cost(self, reply: Reply, asked: str) -> int | None:
        return COST if asked == "gpt-4.1" and reply.usage.input_tokens is not None else None


def ask(n: int = 0, model: str = "gpt-4.1") -> Request:
    return request_of("chat", {"model": model, "n": n}, lambda value: value)


def reply(usage: Usage = Usage(10, 0, None, 5, 0)) -> Reply:  # noqa: B008 - a frozen noun
    return Reply(Answer("x"), "gpt-4.1", usage)


def metered(cap: int | None = None) -> tuple[Meter, Lines, FakePurse]:
    lines, purse = Lines(), FakePurse(cap)
    redacted = lambda call: replace(call, step="redacted")  # noqa: E731
    return Meter(SAMPLE, lines, redact=redacted, purse=purse, prices=Fixed()), lines, purse


def test_a_call_sets_its_most_aside_and_gives_back_what_it_did_not_cost():
    """The journal has the try with its money before it leaves, and the redacted answer when it is there."""
    meter, lines, purse = metered(1000)
    request = ask()
    assert meter.gate(request, 1) is None
    assert (MOST, 0) == (purse.reserved, purse.spent)
    assert [(request.request_key, SAMPLE, 1, MOST)] == lines.attempts

    meter.ended(Call(request, reply()), 0)
    assert (0, COST) == (purse.reserved, purse.spent)
    assert [(SAMPLE, Call(request, reply(), step="redacted"))] == lines.calls
    assert [] == lines.failures
    assert meter.stopped is None


@pytest.mark.parametrize(
    ("outcome", "lost", "spent"),
    [
        (NoReply(NoReplyKind.RATE_LIMIT, "later"), 0, 0),
        (NoReply(NoReplyKind.TIMEOUT, "silence"), 1, MOST),
        (reply(Usage()), 0, MOST),
    ],
    ids=["refused", "broken", "no usage"],
)
def test_what_nobody_told_counts_as_the_most_it_can_have_cost(outcome: Reply | NoReply, lost: int, spent: int):
    """Only a refusal is free; a broken try and an answer without usage are booked at what was set aside."""
    meter, _, purse = metered(1000)
    request = ask()
    meter.gate(request, 1)
    meter.ended(Call(request, outcome, lost=lost), 0)
    assert (0, spent) == (purse.reserved, purse.spent)


def test_a_broken_try_is_written_down_with_what_it_may_have_cost():
    """A resumed run knows of tries that nobody told the usage of."""
    meter, lines, _ = metered()
    request = ask()
    meter.gate(request, 1)
    meter.ended(Call(request, NoReply(NoReplyKind.TIMEOUT, "silence"), lost=1), 0)
    assert ([(request.request_key, SAMPLE, 1)], []) == (lines.failures, lines.calls)
    assert meter.stopped is None


def test_the_cap_keeps_a_call_back_and_every_later_one():
    """The call that does not fit is refused with the reason, is not in the journal, and stops the run for all."""
    meter, lines, purse = metered(MOST + MOST // 2)
    first, second = ask(1), ask(2)
    assert meter.gate(first, 1) is None
    refused = meter.gate(second, 1)
    assert NoReply(NoReplyKind.BUDGET, "the cost cap of the run does not hold another call") == refused
    assert (refused, NoReplyKind.BUDGET) == (meter.stopped, purse.stopped)
    assert 1 == len(lines.attempts)

    meter.ended(Call(second, refused), 0)
    assert (MOST, 0) == (purse.reserved, purse.spent)
    assert ([], []) == (lines.calls, lines.failures)
    assert refused == meter.gate(ask(3), 1)


def test_a_cap_may_be_used_up_to_the_last_of_it():
    """What fits exactly is let through."""
    meter, _, purse = metered(MOST)
    assert meter.gate(ask(), 1) is None
    assert MOST == purse.reserved


def test_a_model_without_a_price_is_refused_under_a_cap():
    """What it costs is unknown, and unknown is never nothing."""
    meter, lines, purse = metered(1000)
    refused = meter.gate(ask(model="unpriced"), 1)
    assert NoReply(NoReplyKind.BUDGET, "no price is known for unpriced, so the cap cannot be kept") == refused
    assert (0, []) == (purse.reserved, lines.attempts)
    assert refused == meter.stopped


@pytest.mark.parametrize("lacking", ["both", "a purse", "prices"])
def test_without_a_purse_or_prices_calls_leave_and_are_written_down(lacking: str):
    """No cap: nothing is set aside, nothing is booked, and a fault that ends the run ends it here."""
    lines, purse, request = Lines(), FakePurse(), ask()
    shared = {} if lacking == "both" else {"prices": Fixed()} if lacking == "a purse" else {"purse": purse}
    meter = Meter(SAMPLE, lines, redact=lambda call: call, **shared)  # type: ignore[arg-type]
    assert meter.gate(request, 1) is None
    meter.ended(Call(request, reply()), 0)
    assert [(request.request_key, SAMPLE, 1, 0)] == lines.attempts
    assert [(SAMPLE, Call(request, reply()))] == lines.calls
    assert (0, 0) == (purse.reserved, purse.spent)
    meter.ended(Call(request, NoReply(NoReplyKind.QUOTA, "no more")), 0)
    assert NoReply(NoReplyKind.QUOTA, "no more") == meter.gate(request, 2)


@pytest.mark.parametrize("kind", [NoReplyKind.QUOTA, NoReplyKind.AUTHENTICATION])
def test_a_fault_every_call_would_meet_stops_all(kind: NoReplyKind):
    """The first one is told to the other processes, and nothing leaves any more; the first reason stays."""
    meter, _, purse = metered(1000)
    one, other = ask(1), ask(2)
    meter.gate(one, 1)
    meter.gate(other, 1)
    why = NoReply(kind, "no more")
    meter.ended(Call(one, why), 0)
    meter.ended(Call(other, NoReply(NoReplyKind.QUOTA, "later word")), 0)
    assert (why, kind) == (meter.stopped, purse.stopped)
    assert why == meter.gate(ask(3), 1)
    assert (0, 0) == (purse.reserved, purse.spent)


def test_a_fault_that_passes_stops_nobody():
    """A rate limit is the application's to wait for."""
    meter, _, purse = metered(1000)
    request = ask()
    meter.gate(request, 1)
    meter.ended(Call(request, NoReply(NoReplyKind.RATE_LIMIT, "later")), 0)
    assert (None, None) == (meter.stopped, purse.stopped)
    assert meter.gate(request, 2) is None


def test_a_stop_of_another_worker_holds_here():
    """What one process was told keeps the calls of all processes back."""
    meter, lines, purse = metered(1000)
    purse.stop(NoReplyKind.QUOTA)
    assert NoReply(NoReplyKind.QUOTA, "the run was stopped in another worker") == meter.gate(ask(), 1)
    assert ([], 0) == (lines.attempts, purse.reserved)


def test_equal_requests_are_told_apart_and_tries_of_one_are_not():
    """A second request with the same content has a key of its own; a second try of the first keeps the first's."""
    meter, lines, _ = metered(1000)
    first, second = ask(), replace(ask())
    assert first == second
    meter.gate(first, 1)
    meter.gate(second, 1)
    meter.ended(Call(first, NoReply(NoReplyKind.TIMEOUT, "silence"), lost=1), 0)
    meter.gate(first, 2)
    key = first.request_key
    assert [(key, 1), (f"{key}+1", 1), (key, 2)] == [(found, tried) for found, _, tried, _ in lines.attempts]
    meter.ended(Call(second, reply()), 1)
    assert f"{key}+1" == lines.calls[0][1].request.request_key
    assert (key, f"{key}+2") == (equal_key(key, 0), equal_key(key, 2))


def test_different_requests_keep_their_own_keys():
    """Only what is equal is numbered."""
    meter, lines, _ = metered(1000)
    one, other = ask(1), ask(2)
    meter.gate(one, 1)
    meter.gate(other, 1)
    assert [one.request_key, other.request_key] == [key for key, *_ in lines.attempts]


def test_a_request_that_is_gone_is_not_taken_for_a_later_one():
    """An application that forgets its requests, one after the other, still gets a key for each."""
    meter, lines, _ = metered()
    key = ask().request_key
    for _ in range(20):
        request = replace(ask())
        meter.gate(request, 1)
        meter.ended(Call(request, NoReply(NoReplyKind.RATE_LIMIT, "later")), 0)
        del request
    assert [key, *(f"{key}+{number}" for number in range(1, 20))] == [found for found, *_ in lines.attempts]
