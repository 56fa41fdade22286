"""One sample of a chain: asked call by call through the engine, or answered from recordings, and judged as a trace.

Every call of it is written down as it arrives and looked up before it is made, by its own request key and sample:
a run that is killed inside a chain goes on behind the last answer it had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from migrate.canonical import digest_json
from migrate.comparing import Contract, contract_of, judge
from migrate.errors import PromptMigrateError
from migrate.rendering.steps import Due, Ending, Play, Read, Reader
from migrate.vocabulary import (
    Answer,
    Call,
    Chain,
    Check,
    Finding,
    FindingKind,
    Flow,
    Judged,
    Prompt,
    Reply,
    Request,
    Rung,
    Sample,
    Step,
)
from migrate.workflow.engine import Answered, Ask, Trace

Recorded = Callable[[Request, int], Call | None]
"""Request and sample -> the answer there is already."""
_FAILS: Final = (Rung.ANSWERED, Rung.PARSED, Rung.SCHEMA, Rung.TOOLS)


@dataclass(frozen=True, slots=True)
class ChainAsk:
    """One sample of a chain to be made: implements `engine.Several`."""

    ticket: int
    """Whose answer it is: the number of the trial."""
    sample: int
    play: Callable[[], Play]
    recorded: Recorded
    keep: Callable[[int, Call], None]
    """Writes down a call with its sample, as soon as it is there."""
    lost: Callable[[Request, int], int]
    """Tries of a call before the run was stopped that may have been paid for."""

    async def run(self, call: Callable[[Ask], Awaitable[Call]]) -> Trace:
        """Make the calls of the sample; those that do not wait for each other are made at once."""
        return await _played(self.play(), lambda due: asyncio.gather(*(self._made(one, call) for one in due)))

    async def _made(self, due: Due, call: Callable[[Ask], Awaitable[Call]]) -> Call:
        known = self.recorded(due.request, self.sample)
        if known is not None:
            return known
        lost = self.lost(due.request, self.sample)
        made = replace(await call(Ask(self.ticket, self.sample, due.request, lost)), step=due.step.name)
        self.keep(self.sample, made)
        return made


async def _played(play: Play, make: Callable[[tuple[Due, ...]], Awaitable[Sequence[Call]]]) -> Trace:
    calls: list[Call] = []
    try:
        due = next(play)
        while True:
            made = await make(due)
            numbered = tuple(
                replace(call, ordinal=len(calls) + place, step=one.step.name)
                for place, (one, call) in enumerate(zip(due, made, strict=True))
            )
            calls += numbered
            due = play.send(numbered)
    except StopIteration as over:
        ending: Ending = over.value
        return Trace(tuple(calls), ending.answer, ending.broke)
    except PromptMigrateError as problem:
        return Trace(tuple(calls), None, problem=problem)


def play_offline(play: Play, answer: Callable[[Request], Call]) -> Trace:
    """Play one sample with answers that are there already, or a no-reply that says they are not."""

    async def made(due: tuple[Due, ...]) -> Sequence[Call]:
        return [answer(one.request) for one in due]

    running = _played(play, made)
    try:
        running.send(None)
    except StopIteration as over:
        trace: Trace = over.value
        return trace
    raise AssertionError("a play that asks nobody never waits")


# --- Judging --------------------------------------------------------------------------------------------------


class Promises:
    """What a chain and each of its steps promise; built once for all cases of a flow in one wording."""

    def __init__(self, flow: Flow, chain: Chain) -> None:
        self.chain = chain
        self._is_own = chain is flow.chain
        parse = flow.parse if chain.answer is not None or not chain.steps else chain.steps[-1].parse
        self._flow = flow if parse == flow.parse else replace(flow, parse=parse)
        self._contracts = {step.name: _contract(flow, step) for step in chain.steps}
        # A failure that another step waits for is provided for: the chain goes on, so it breaks nothing.
        foreseen = {name for step in chain.steps if step.when is not None for name in step.when.failed}
        self._promised = {
            step.name: _nothing(flow, step) if step.name in foreseen else self._contracts[step.name]
            for step in chain.steps
        }
        # A golden of the flow's own wording may have steps that a variant has not.
        own = flow.chain.steps if flow.chain is not None else ()
        self._others = {step.name: _nothing(flow, step) for step in own if step.name not in self._promised}

    def contract(self, prompt: Prompt, checks: tuple[Check, ...]) -> Contract:
        """Return what one case of the chain promises: of its final answer, and of the calls before it."""
        own = contract_of(self._flow, prompt, checks)
        steps = {name: contract.digest for name, contract in self._promised.items()}
        return replace(own, digest=digest_json([own.digest, steps]), inner=self._inner, counts_calls=self._is_own)

    def _inner(self, call: Call) -> Contract:
        name = call.step or ""
        return self._promised[name] if name in self._promised else self._others[name]

    def reader(self) -> Reader:
        """Return how the application reads the answers of steps."""
        return self._read

    def _read(self, step: Step, answer: Answer) -> Read:
        judged = judge(self._contracts[step.name], Sample(1, (), answer))
        failed = any(judged.rungs[rung] is False for rung in _FAILS)
        if step.parse == "text":
            return Read(answer.text, failed)
        return Read(judged.value if judged.rungs[Rung.PARSED] else None, failed)


class PromisesOf:
    """The promises of every flow and wording a run comes across."""

    def __init__(self) -> None:
        # Nouns hold dicts and cannot be hashed: they are known by identity, and kept so that an id is not used twice.
        self._known: dict[tuple[int, int], tuple[Flow, Promises]] = {}

    def of(self, flow: Flow, chain: Chain) -> Promises:
        key = (id(flow), id(chain))
        if key not in self._known:
            self._known[key] = (flow, Promises(flow, chain))
        return self._known[key][1]


def _contract(flow: Flow, step: Step) -> Contract:
    return contract_of(replace(flow, parse=step.parse, rules=(), checks=()), step.prompt, ())


def _nothing(flow: Flow, step: Step) -> Contract:
    plain = replace(step.prompt, schema=None, tools=(), response_format="text")
    return contract_of(replace(flow, parse="text", rules=(), checks=()), plain, ())


def sample_of(index: int, answered: Answered) -> Sample:
    """Return a sample of what came of one call, or of the calls of a chain. Raises what is wrong with the chain."""
    if isinstance(answered, Trace):
        if answered.problem is not None:
            raise answered.problem
        return Sample(index, answered.calls, answered.answer)
    final = answered.outcome.answer if isinstance(answered.outcome, Reply) else None
    return Sample(index, (answered,), final)


def told(judged: Judged, answered: Answered) -> Judged:
    """Return a judged sample whose missing answer says why the chain ended."""
    if not isinstance(answered, Trace) or not answered.broke:
        return judged
    findings = tuple(
        replace(found, message=f"the chain ended: {answered.broke}") if _is_final_silence(found) else found
        for found in judged.findings
    )
    return replace(judged, findings=findings)


def _is_final_silence(found: Finding) -> bool:
    return found.kind is FindingKind.EMPTY and found.path == "$"
