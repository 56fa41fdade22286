"""Checks bound to a case: `{{ expression }}` in their arguments replaced by what it means there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from migrate.errors import InventoryProblem, Problem, did_you_mean
from migrate.rendering.passages import known_before
from migrate.rendering.templates import Fault
from migrate.vocabulary import Case, Chain, Check, Flow, Json

if TYPE_CHECKING:
    from migrate.rendering.sandbox import SandboxedExpression

_WHOLE: Final = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
_DOTTED: Final = re.compile(r"\s*\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}\s*", re.ASCII)
_UNDEFINED: Final = re.compile(r'"(\w+)" is not among the inputs')


def bind_checks(flow: Flow, case: Case, chain: Chain | None = None) -> tuple[Check, ...]:
    """Return the checks of a case, the flow's first: every argument that is one whole `{{ expression }}` is replaced
    by its value, made from the case's inputs and `expected`, and from the `passages` of a chain that looks them up.
    `chain` is the flow's own unless given. Raises InventoryProblem with all that cannot be bound.
    """
    variables = case.inputs if case.expected is None else {**case.inputs, "expected": case.expected}
    chain = chain or flow.chain
    if chain is not None:
        variables = {**variables, **known_before(chain, case.inputs)}
    bound: list[Check] = []
    problems: list[Problem] = []
    for check in (*flow.checks, *case.checks):
        try:
            bound.append(_bound(check, variables))
        except Fault as fault:
            problems.append(_problem(fault, flow, case, check, variables))
    if problems:
        raise InventoryProblem(problems)
    return tuple(bound)


def _bound(check: Check, variables: Mapping[str, Any]) -> Check:
    # A judge's prompt speaks of an answer that is not there yet.
    if check.kind == "judge":
        return check
    arguments = _resolved(check.arguments, variables)
    return check if arguments is check.arguments else replace(check, arguments=arguments)


def _resolved(value: Json, variables: Mapping[str, Any]) -> Json:
    """Return the value with its expressions evaluated; the same object when it holds none."""
    if isinstance(value, str):
        return evaluate(value, variables) if "{{" in value and _WHOLE.fullmatch(value) else value
    if isinstance(value, dict):
        made = {name: _resolved(item, variables) for name, item in value.items()}
        return made if any(made[name] is not value[name] for name in value) else value
    if isinstance(value, list):
        items = [_resolved(item, variables) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def evaluate(text: str, variables: Mapping[str, Any]) -> Json:
    """Return the value of one `{{ expression }}`; a path of names is followed here, all else by the sandbox."""
    dotted = _DOTTED.fullmatch(text)
    if dotted:
        value: Any = variables
        for name in dotted[1].split("."):
            if not isinstance(value, Mapping) or name not in value:
                break
            value = value[name]
        else:
            return value
    return _expression(text).value(variables)


@lru_cache(maxsize=1024)
def _expression(text: str) -> SandboxedExpression:
    from migrate.rendering.sandbox import SandboxedExpression

    return SandboxedExpression(text)


def _problem(fault: Fault, flow: Flow, case: Case, check: Check, variables: Mapping[str, Any]) -> Problem:
    hint = fault.hint
    missing = _UNDEFINED.search(fault.message)
    if missing and missing[1] == "expected":
        words = f'case {flow.name}/{case.id}: check "{check.name or check.kind}" needs `expected`, which is not given'
        return Problem(words, case.place or check.place)
    if missing and not hint:
        hint = did_you_mean(missing[1], [*variables, "expected"])
    words = f'case {flow.name}/{case.id}: check "{check.name or check.kind}" cannot be bound: {fault.message}'
    return Problem(words, check.place, hint)
