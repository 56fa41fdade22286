"""Every case of a flow rendered and bound once, without asking anybody, to see whether it could be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from migrate.errors import InventoryProblem, Problem
from migrate.rendering.binding import bind_checks
from migrate.rendering.requests import render
from migrate.rendering.steps import Due, Read, baseline_of, chain_for, play_of
from migrate.vocabulary import Answer, Call, Candidate, Case, Flow, Json, Reply


def rehearse(flow: Flow) -> list[Problem]:
    """Return what keeps a flow's cases from being rendered, in the flow's wording and in each variant's.

    The same problem in many cases is told once, with the first of them and the number of the others.
    """
    first: dict[tuple[str, str, str], Problem] = {}
    cases: dict[tuple[str, str, str], set[str]] = {}
    for case in flow.cases:
        for problem in _problems(flow, case):
            words = problem.message.removeprefix(f"case {flow.name}/{case.id}: ")
            # A problem told at the case has another place in each.
            key = (words, "" if problem.place == case.place else str(problem.place), problem.hint)
            first.setdefault(key, problem)
            cases.setdefault(key, set()).add(case.id)
    return [_counted(problem, len(cases[key])) for key, problem in first.items()]


def _problems(flow: Flow, case: Case) -> Iterator[Problem]:
    if flow.chain is not None:
        yield from _chain_problems(flow, case)
        return
    for prompt in (flow.prompt, *(variant.prompt for variant in flow.variants)):
        try:
            render(flow, case, prompt=prompt, redact=_as_it_is)
        except InventoryProblem as error:
            yield from error.problems
    try:
        bind_checks(flow, case)
    except InventoryProblem as error:
        yield from error.problems


# --- Chains -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One call of a chain as it would be made if every step before it were answered as expected."""

    due: Due
    expected: Json
    """None where the case does not say what its answer should be."""
    number: int
    """Place among the calls of its step, from 1."""


def wordings_of(flow: Flow) -> Iterator[tuple[str | None, Candidate]]:
    """Yield a flow's own wording and its variants, by name, each as the baseline asked in it."""
    own = baseline_of(flow)
    yield None, own
    for variant in flow.variants:
        yield variant.name, replace(own, variant=variant.name)


def rehearsed_calls(
    flow: Flow, case: Case, candidate: Candidate, redact: Callable[[Json], Json]
) -> tuple[list[Rehearsed], str]:
    """Return the calls of a chain as far as the case's `expected_steps` lead, and why it broke there, if it did.

    Raises InventoryProblem for what no answer has a part in.
    """
    chain = chain_for(flow, candidate)
    values = dict(case.expected_steps)
    if chain.answer is None:
        values.setdefault(chain.steps[-1].name, case.expected)
    calls: list[Rehearsed] = []
    play = play_of(flow, case, candidate, redact, lambda _, answer: Read(calls[int(answer.text or 0)].expected))
    try:
        due = next(play)
        while True:
            first = len(calls)
            calls += [Rehearsed(one, _expected(values, one, place), place + 1) for place, one in enumerate(due)]
            if due[0].step.name not in values:
                return calls, ""
            due = play.send(tuple(_answered(one, first + place) for place, one in enumerate(due)))
    except StopIteration as over:
        return calls, over.value.broke


def escalated_calls(flow: Flow, case: Case, candidate: Candidate, redact: Callable[[Json], Json]) -> list[Rehearsed]:
    """Return the calls of steps that are made only where an answer is not as expected, and that are provided for.

    A candidate that answers worse than is expected takes ways that the expected answers do not lead to.
    """
    chain = chain_for(flow, candidate)
    usual = {call.due.step.name for call in rehearsed_calls(flow, case, candidate, redact)[0]}
    others = {step.name for step in chain.steps if step.name in case.expected_steps} - usual
    if not others:
        return []
    steps = tuple(replace(step, when=None) if step.name in others else step for step in chain.steps)
    forced = replace(flow, chain=replace(chain, steps=steps), variants=())
    return [call for call in rehearsed_calls(forced, case, candidate, redact)[0] if call.due.step.name in others]


def _answered(due: Due, place: int) -> Call:
    """Return a call whose answer is the place of what is expected there."""
    return Call(due.request, Reply(Answer(str(place)), due.request.model))


def _expected(values: Mapping[str, Json], due: Due, place: int) -> Json:
    value = values.get(due.step.name)
    if due.step.for_each is None:
        return value
    return value[place] if isinstance(value, list) and place < len(value) else None


def _chain_problems(flow: Flow, case: Case) -> Iterator[Problem]:
    for name, candidate in wordings_of(flow):
        try:
            calls, broke = rehearsed_calls(flow, case, candidate, _as_it_is)
            bind_checks(flow, case, chain_for(flow, candidate))
        except InventoryProblem as error:
            yield from error.problems
            continue
        if broke:
            where = "" if name is None else f"variant {name}: "
            hint = "with the answers its `expected_steps` name"
            yield Problem(f"case {flow.name}/{case.id}: {where}{broke}", case.place, hint)
        yield from _wrong_numbers(flow, case, calls)


def _wrong_numbers(flow: Flow, case: Case, calls: Sequence[Rehearsed]) -> Iterator[Problem]:
    """Yield the steps for which a case expects another number of answers than there will be."""
    for step in dict.fromkeys(call.due.step.name for call in calls):
        given = case.expected_steps.get(step)
        made = [call for call in calls if call.due.step.name == step]
        if given is None or made[0].due.step.for_each is None:
            continue
        if not isinstance(given, list) or len(given) != len(made):
            count = f"{len(given)} answers" if isinstance(given, list) else "no list"
            words = f"case {flow.name}/{case.id}: step {step} is made {len(made)} times, and {count} are expected"
            yield Problem(words.replace("no list are", "no list of answers is"), case.place)


def _as_it_is(value: Json) -> Json:
    """Stand in for redaction: the keys made here are thrown away."""
    return value


def _counted(problem: Problem, cases: int) -> Problem:
    if cases == 1:
        return problem
    others = f"{cases - 1} more case" + ("s" if cases > 2 else "")
    return replace(problem, message=f"{problem.message}, and {others}")
