"""Every case of a flow rendered and bound once, without asking anybody, to see whether it could be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrate.errors import InventoryProblem, Problem
from migrate.rendering.binding import bind_checks
from migrate.rendering.requests import render
from migrate.vocabulary import Case, Flow, Json


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
    for prompt in (flow.prompt, *(variant.prompt for variant in flow.variants)):
        try:
            render(flow, case, prompt=prompt, redact=_as_it_is)
        except InventoryProblem as error:
            yield from error.problems
    try:
        bind_checks(flow, case)
    except InventoryProblem as error:
        yield from error.problems


def _as_it_is(value: Json) -> Json:
    """Stand in for redaction: the keys made here are thrown away."""
    return value


def _counted(problem: Problem, cases: int) -> Problem:
    if cases == 1:
        return problem
    others = f"{cases - 1} more case" + ("s" if cases > 2 else "")
    return replace(problem, message=f"{problem.message}, and {others}")
