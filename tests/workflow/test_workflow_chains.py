"""One sample of a chain: asked call by call, gone on with after a stop, judged as a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes.providers import FakeProvider, failed, said

from migrate.comparing import judge
from migrate.edges.clock import SystemClock
from migrate.ports import Attempt
from migrate.rendering import baseline_of, play_of
from migrate.rendering.steps import Play
from migrate.vocabulary import (
    Answer,
    Call,
    Case,
    CaseId,
    Chain,
    Flow,
    FlowName,
    Json,
    MessageTemplate,
    NoReplyKind,
    Prompt,
    Reply,
    Request,
    Rung,
    Step,
    When,
)
from migrate.workflow.chains import ChainAsk, Promises, play_offline, sample_of, told
from migrate.workflow.engine import Answered, Asked, Engine, Trace
from migrate.workflow.pacing import Policy

SCHEMA = {"type": "object", "properties": {"sure": {"type": "number"}}, "required": ["sure"]}


def step(name: str, text: str, schema: Json = None, **more: object) -> Step:
    prompt = Prompt((MessageTemplate("user", text),), "gpt-4o", schema=schema)
    return Step(name, prompt, "text" if schema is None else "json", **more)  # type: ignore[arg-type]


CHAIN = Chain(
    (
        step("read", "read {{ question }}", SCHEMA),
        step("again", "read {{ question }} well", SCHEMA, when=When(("read",))),
        step("notes", "note {{ item }}", for_each="{{ parts }}"),
        step("reply", "reply {{ (steps.again or steps.read).sure }} {{ steps.notes | join(' ') }}"),
    )
)
CASE = Case(CaseId("zip"), {"question": "Q", "parts": ["a", "b"]})
FLOW = Flow(FlowName("claim"), CHAIN.steps[-1].prompt, (CASE,), chain=CHAIN)
PROMISES = Promises(FLOW, CHAIN)
GOOD = {"read Q": '{"sure": 1}', "note a": "A", "note b": "B", "reply 1 A B": "Done."}


def play() -> Play:
    return play_of(FLOW, CASE, baseline_of(FLOW), lambda value: value, PROMISES.reader())


def message(request: Request) -> str:
    return str(request.body["messages"][0]["content"])


class Bench:
    """A provider that answers by message, and the answers that were written down."""

    def __init__(self, answers: dict[str, str | NoReplyKind]) -> None:
        self.answers = answers
        self.kept: dict[str, Call] = {}
        self.provider = FakeProvider(self.answer)
        self.asked: list[str] = []

    def answer(self, request: Request, sample: int, tried: int) -> Attempt:
        self.asked.append(message(request))
        given = self.answers[message(request)]
        return failed(given, retry=False) if isinstance(given, NoReplyKind) else said(given)

    def recorded(self, request: Request, sample: int) -> Call | None:
        call = self.kept.get(message(request))
        return None if call is None else replace(call, request=request)

    def keep(self, sample: int, call: Call) -> None:
        self.kept[message(call.request)] = call

    def ask(self) -> ChainAsk:
        return ChainAsk(7, 1, play, self.recorded, self.keep, lambda request, sample: 0)

    def run(self) -> Trace:
        found: list[tuple[Asked, Answered]] = []

        async def main() -> None:
            policy = Policy(concurrency=4, backoff_base_s=0.0)
            engine = Engine(self.provider, policy, SystemClock(), lambda *pair: found.append(pair))
            await engine.run(iter([self.ask()]))

        asyncio.run(main())
        ((_, trace),) = found
        assert isinstance(trace, Trace)
        return trace


def calls_of(trace: Trace) -> list[tuple[int, str | None, str]]:
    return [(call.ordinal, call.step, message(call.request)) for call in trace.calls]


def test_a_chain_is_asked_through_the_engine_and_delivered_as_one_trace() -> None:
    """Every call has its ordinal and its step, the last answer is the final one, and each was written down."""
    bench = Bench(GOOD)  # type: ignore[arg-type]
    trace = bench.run()
    expected = [(0, "read", "read Q"), (1, "notes", "note a"), (2, "notes", "note b"), (3, "reply", "reply 1 A B")]
    assert expected == calls_of(trace)
    assert Answer("Done.") == trace.answer
    assert {*GOOD} == {*bench.kept}
    assert [("read", 0), ("notes", 0)] == [(bench.kept[name].step, 0) for name in ("read Q", "note a")]


@pytest.mark.parametrize("answered", range(1, 4))
def test_a_stopped_chain_goes_on_behind_its_last_answer(answered: int) -> None:
    """What was answered before the stop is not asked again, wherever in the chain it came."""
    whole = Bench(GOOD)  # type: ignore[arg-type]
    whole.run()
    again = Bench(GOOD)  # type: ignore[arg-type]
    before = [*GOOD][:answered]
    again.kept = {name: whole.kept[name] for name in before}
    trace = again.run()
    assert [*GOOD][answered:] == again.asked
    assert (4, Answer("Done.")) == (len(trace.calls), trace.answer)


def test_a_broken_answer_escalates_and_breaks_nothing() -> None:
    """A step that another one waits for may fail: the chain was made for it, and its final answer decides."""
    bench = Bench({**GOOD, "read Q": "sure!", "read Q well": '{"sure": 1}'})
    trace = bench.run()
    assert ["read", "again", "notes", "notes", "reply"] == [call.step for call in trace.calls]
    contract = PROMISES.contract(FLOW.prompt, ())
    judged = judge(contract, sample_of(1, trace))
    assert (True, False) == (judged.kept, judged.rungs[Rung.PARSED] is False)


def test_a_step_nobody_provides_for_breaks_the_contract_of_its_sample() -> None:
    """The step's own schema is broken: told at its call, although the final answer is fine."""
    bench = Bench({**GOOD, "read Q": "sure!", "read Q well": '{"sure": true}', "reply True A B": "Done."})
    judged = judge(PROMISES.contract(FLOW.prompt, ()), sample_of(1, bench.run()))
    assert not judged.kept
    assert ["$calls[1].sure"] == [finding.path for finding in judged.findings]


def test_a_chain_that_cannot_go_on_says_where() -> None:
    """No answer reaches the user: the sample is empty, and its finding names the step and what it lacked."""
    chain = Chain((step("read", "read {{ question }}", SCHEMA), step("reply", "reply {{ steps.read.sure }}")))
    flow = replace(FLOW, prompt=chain.steps[-1].prompt, chain=chain)
    promises = Promises(flow, chain)

    def answer(request: Request) -> Call:
        return Call(request, Reply(Answer("sure!"), "gpt-4o"))

    trace = play_offline(play_of(flow, CASE, baseline_of(flow), lambda value: value, promises.reader()), answer)
    judged = told(judge(promises.contract(flow.prompt, ()), sample_of(1, trace)), trace)
    assert "the chain ended: step reply: null has no 'sure'" in [finding.message for finding in judged.findings]
    assert judged.rungs[Rung.ANSWERED] is False


def test_a_fault_of_the_road_leaves_the_sample_without_an_answer() -> None:
    """The calls before it are kept, and nothing after it is asked."""
    bench = Bench({**GOOD, "note b": NoReplyKind.TIMEOUT})
    trace = bench.run()
    assert (None, 3) == (trace.answer, len(trace.calls))
    sample = sample_of(1, trace)
    assert sample.no_reply is not None
    assert NoReplyKind.TIMEOUT == sample.no_reply.kind
    assert {"read Q", "note a", "note b"} == {*bench.kept}


def test_chains_and_single_calls_share_the_engine() -> None:
    """Several chains at once stay within the calls in flight that are allowed."""
    bench = Bench(GOOD)  # type: ignore[arg-type]
    found: list[Answered] = []

    def asks() -> Iterator[Asked]:
        for ticket in range(20):
            yield ChainAsk(ticket, 1, play, lambda request, sample: None, bench.keep, lambda request, sample: 0)

    async def main() -> None:
        engine = Engine(
            bench.provider, Policy(concurrency=3), SystemClock(), lambda _, answered: found.append(answered)
        )
        await engine.run(asks())

    asyncio.run(main())
    assert 20 == len(found)
    assert bench.provider.most_in_flight <= 3


def test_a_variant_may_have_other_steps_than_its_golden() -> None:
    """Calls of a golden that the variant does not make promise nothing there: its final answer is what counts."""
    batched = Chain((step("all", "all {{ parts }}"),))
    trace = Bench(GOOD).run()  # type: ignore[arg-type]
    contract = Promises(FLOW, batched).contract(FLOW.prompt, ())
    assert judge(contract, sample_of(1, trace)).kept
    assert (False, True) == (contract.counts_calls, PROMISES.contract(FLOW.prompt, ()).counts_calls)
