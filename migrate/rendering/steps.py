"""A chain played out for one sample: which calls are due, and the final answer once all of them are made.

Nothing is asked here. A play is a generator: it yields the calls that can be made now, all at once, is sent what came
of them, and returns how the sample ended. Templates see the case's inputs and beside them

    steps.NAME      what a step was answered, as the application read it: a value, a text, or null where it was not
                    made or could not be read; a list of them where it is repeated
    item            the item of a repeated step, with `item_number` (from 1) and `item_count`
    passages        what was looked up, by this step or by the last one that did: {id, title, text}

What a model answered may be too little for a later template. That is what happens to the application too: the chain
ends there, without an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from migrate.canonical import digest_json
from migrate.errors import InventoryProblem, Problem, UsageProblem, did_you_mean
from migrate.rendering.binding import evaluate
from migrate.rendering.candidates import prompt_for
from migrate.rendering.chunks import chunks_of
from migrate.rendering.passages import embedded, looked_up
from migrate.rendering.requests import render
from migrate.rendering.templates import Fault, fill
from migrate.vocabulary import Answer, Call, Candidate, Case, Chain, Chunks, Flow, Json, Reply, Request, Retrieval, Step

MOST_ITEMS: Final = 1_000
"""Items a step may be repeated over."""


@dataclass(frozen=True, slots=True)
class Due:
    """A call that can be made now."""

    step: Step
    request: Request
    variables: Mapping[str, Json]
    """What its templates were filled with."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the application gets out of the answer of a step."""

    value: Json
    """None when it could not be read."""
    failed: bool = False
    """True when the step's own contract is broken: not answered, not read, against its schema or tools."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a sample of a chain ended."""

    answer: Answer | None
    """None: a call got no reply."""
    broke: str = ""
    """Why the application could not go on with what it was answered; empty when it could."""


Play: TypeAlias = Generator[tuple[Due, ...], tuple[Call, ...], Ending]
Reader = Callable[[Step, Answer], Read]
Redact = Callable[[Json], Json]


def chain_for(flow: Flow, candidate: Candidate) -> Chain:
    """Return the steps in the wording a candidate gets, as `prompt_for` does for single prompts."""
    assert flow.chain is not None, "a single prompt has no chain"
    model = candidate.model_for(flow.prompt.model)
    for variant in flow.variants:
        named = variant.name == candidate.variant if candidate.variant is not None else model in variant.default_for
        if named and variant.chain is not None:
            return variant.chain
    return flow.chain


def models_of(flow: Flow, candidate: Candidate) -> tuple[str, ...]:
    """Return the models a flow asks under a candidate, each once, in the order of its steps."""
    if flow.chain is None:
        return (candidate.model_for(prompt_for(flow, candidate).model),)
    steps = chain_for(flow, candidate).steps
    return tuple(dict.fromkeys(candidate.model_for(step.prompt.model, step.name) for step in steps))


def baseline_of(flow: Flow) -> Candidate:
    """Return the baseline as a candidate of its own flow: what a recording asks. Every step stays at its model."""
    model = flow.prompt.model
    return Candidate(model, model if flow.chain is None else None)


_digests: Final[dict[int, tuple[Chain, str]]] = {}
"""Known by identity, and kept so that an id is not used twice: a corpus is hashed once a run."""


def chain_digest(chain: Chain) -> str:
    """Return a hash a step of what a chain asks, `notes:1f0c... answer:77ab...`: another one makes goldens stale."""
    known = _digests.get(id(chain))
    if known is None:
        parts = [f"{step.name}:{digest_json(_defined(step))[:16]}" for step in chain.steps]
        parts += [] if chain.answer is None else [f"={digest_json(chain.answer)[:16]}"]
        known = _digests[id(chain)] = (chain, " ".join(parts))
    return known[1]


def changed_steps(before: str, after: str) -> str:
    """Return what differs between two digests of chains, in words; empty when nothing does."""
    if before == after:
        return ""
    old, new = (dict(part.rsplit(part[-17], 1) for part in text.split()) for text in (before, after))
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    words = [f"step {name}" if name else "the answer made of the steps" for name in names]
    return ", ".join(words) or "the order of the steps"


def _defined(step: Step) -> Json:
    prompt, look, when = step.prompt, step.retrieve, step.when
    each = step.for_each
    return {
        "name": step.name,
        "model": prompt.model,
        "api": prompt.api,
        "messages": [[one.role, one.content, dict(one.extra), one.turns_from] for one in prompt.messages],
        "parameters": dict(prompt.parameters),
        "format": [prompt.response_format, prompt.schema_name, prompt.schema_strict, prompt.stream],
        "schema": prompt.schema,
        "tools": [[tool.name, tool.description, tool.parameters, tool.strict] for tool in prompt.tools],
        "choice": [prompt.tool_choice, prompt.parallel_tool_calls],
        "parse": step.parse,
        "for_each": [each.of, each.tokens, each.overlap] if isinstance(each, Chunks) else each,
        "retrieve": look and _looked_for(look),
        "when": when and [list(when.failed), when.holds],
    }


def _looked_for(look: Retrieval) -> Json:
    passages = [[one.id, one.title, one.text] for one in look.passages]
    # What is looked up by BM25 keeps the digest it had before there were embeddings.
    return [look.query, look.top, passages, *([look.embeddings] if look.embeddings else [])]


def embedded_texts(flow: Flow) -> Iterator[tuple[str, str]]:
    """Yield model and text of every vector that the cases of a flow need, in all of its wordings, each once.

    What cannot be filled is left out here: the run complains of it.
    """
    chains = [flow.chain, *(variant.chain for variant in flow.variants)]
    steps = [(chain, step) for chain in chains if chain is not None for step in chain.steps]
    found: dict[tuple[str, str], None] = {}
    for chain, step in steps:
        look = step.retrieve
        if look is None or not look.embeddings:
            continue
        found.update(dict.fromkeys((look.embeddings, embedded(passage)) for passage in look.passages))
        for case in flow.cases:
            found.update(dict.fromkeys((look.embeddings, query) for query in _queries(flow, chain, case, step)))
    yield from found


def looked_up_by(flow: Flow, case: Case, candidate: Candidate) -> Iterator[tuple[str, str, str]]:
    """Yield step, model and text of every query that an answer to a case needs the vector of.

    One of a query that comes again: an application asks for it again. What cannot be filled is left out.
    """
    chain = chain_for(flow, candidate)
    for step in chain.steps:
        if step.retrieve is not None and step.retrieve.embeddings:
            for query in _queries(flow, chain, case, step):
                yield step.name, step.retrieve.embeddings, query


def _queries(flow: Flow, chain: Chain, case: Case, step: Step) -> list[str]:
    playing = _Playing(replace(flow, chain=chain, variants=()), case, baseline_of(flow), lambda value: value, _unread)
    assert step.retrieve is not None
    try:
        return [fill(step.retrieve.query, variables) for variables in playing.rounds(step)]
    except (Fault, InventoryProblem):
        return []


def first_request(flow: Flow, case: Case, candidate: Candidate, redact: Redact) -> Request:
    """Return the first call of a chain, which depends on the case alone. Raises InventoryProblem."""
    play = play_of(flow, case, candidate, redact, _unread)
    try:
        return next(play)[0].request
    except StopIteration:
        words = f"case {flow.name}/{case.id}: no step of the chain is made"
        raise UsageProblem(
            words, hint="every step is left out by its `when`, or has nothing to be repeated over"
        ) from None


def _unread(_step: Step, _answer: Answer) -> Read:
    return Read(None)


# --- One sample -----------------------------------------------------------------------------------------------


def play_of(flow: Flow, case: Case, candidate: Candidate, redact: Redact, read: Reader) -> Play:
    """Play a chain for one sample; `read` says what the application gets out of an answer.

    Raises InventoryProblem when a template cannot be filled before any model was asked: later ones depend on answers.
    """
    return _Playing(flow, case, candidate, redact, read).play()


class _Playing:
    """What is known so far of one sample."""

    def __init__(self, flow: Flow, case: Case, candidate: Candidate, redact: Redact, read: Reader) -> None:
        self.flow, self.case, self.candidate = flow, case, candidate
        self.redact, self.read, self.chain = redact, read, chain_for(flow, candidate)
        self.steps: dict[str, Json] = {}
        self.failed: set[str] = set()
        self.variables: dict[str, Json] = {**case.inputs, "steps": self.steps}
        self.last: Answer | None = None
        self.asked = False

    def play(self) -> Play:
        for step in self.chain.steps:
            try:
                due = self._due(step) if self._wanted(step) else None
            except (Fault, InventoryProblem) as problem:
                return self._broken(step.name, problem)
            if due is None:
                self.steps[step.name] = None
                continue
            calls = (yield due) if due else ()
            self.asked = self.asked or bool(due)
            if not all(isinstance(call.outcome, Reply) for call in calls):
                return Ending(None)
            self._take(step, calls)
        return self._ended()

    def _ended(self) -> Ending:
        if self.chain.answer is None:
            return Ending(self.last)
        try:
            return Ending(Answer(fill(self.chain.answer, self.variables)))
        except Fault as problem:
            return self._broken("answer", problem)

    def _wanted(self, step: Step) -> bool:
        when = step.when
        if when is None or not self.failed.isdisjoint(when.failed):
            return True
        return bool(when.holds and evaluate(when.holds, self.variables))

    def _due(self, step: Step) -> tuple[Due, ...]:
        model = self.candidate.model_for(step.prompt.model, step.name)
        due = []
        for variables in self._looked_up(step):
            case = replace(self.case, inputs=variables)
            request = render(self.flow, case, prompt=step.prompt, model=model, redact=self.redact)
            due.append(Due(step, request, variables))
        return tuple(due)

    def _looked_up(self, step: Step) -> list[Mapping[str, Json]]:
        """Return the variables of every call of a step, with the passages it looked up."""
        rounds = self.rounds(step)
        if step.retrieve is None:
            return rounds
        if step.for_each is None:
            self.variables["passages"] = looked_up(step, self.variables)
            return rounds
        return [{**variables, "passages": looked_up(step, variables)} for variables in rounds]

    def rounds(self, step: Step) -> list[Mapping[str, Json]]:
        """Return the variables of every call of a step, before it has looked anything up."""
        if step.for_each is None:
            return [self.variables]
        items = self._items(step.for_each)
        return [
            {**self.variables, "item": item, "item_number": number, "item_count": len(items)}
            for number, item in enumerate(items, start=1)
        ]

    def _items(self, each: Chunks | str) -> list[Json]:
        if isinstance(each, str):
            items = evaluate(each, self.variables)
            if not isinstance(items, list | tuple):
                raise Fault('"for_each" must give a list')
        else:
            text = self.variables.get(each.of)
            if not isinstance(text, str):
                hint = did_you_mean(each.of, self.case.inputs) if text is None else ""
                raise Fault(f'"{each.of}", which is to be cut into chunks, is no text among the inputs', hint=hint)
            items = chunks_of(text, each)
        if len(items) > MOST_ITEMS:
            raise Fault(f"{len(items)} items, a step is repeated over {MOST_ITEMS} at most")
        return list(items)

    def _take(self, step: Step, calls: tuple[Call, ...]) -> None:
        values = []
        for call in calls:
            assert isinstance(call.outcome, Reply)
            self.last = call.outcome.answer
            read = self.read(step, call.outcome.answer)
            values.append(read.value)
            if read.failed:
                self.failed.add(step.name)
        self.steps[step.name] = values[0] if step.for_each is None else values

    def _broken(self, where: str, problem: Fault | InventoryProblem) -> Ending:
        """Return the end of a chain whose application cannot go on; raise what no model had a part in."""
        words = problem.problems[0].message if isinstance(problem, InventoryProblem) else problem.message
        words = words.removeprefix(f"case {self.flow.name}/{self.case.id}: ")
        if self.asked:
            return Ending(Answer(None), f"step {where}: {words}")
        if isinstance(problem, InventoryProblem):
            raise problem
        raise _unfillable(self.flow, self.case, self.chain, where, problem)


def _unfillable(flow: Flow, case: Case, chain: Chain, where: str, fault: Fault) -> InventoryProblem:
    step = chain.step(where)
    place = (step.place if step is not None else None) or flow.place
    return InventoryProblem([Problem(f"case {flow.name}/{case.id}: step {where}: {fault.message}", place, fault.hint)])
