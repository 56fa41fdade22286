"""Rung 4: the right tools were called, the right number of times, with arguments their schemas allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from migrate.canonical import canonical_json
from migrate.comparing.answers import read_strictly
from migrate.comparing.paths import TOOL_CALLS, Step, brief, said, write_path
from migrate.comparing.schema import Broken, Schema, compile_schema, type_name
from migrate.comparing.shape import equal
from migrate.vocabulary import Check, Finding, FindingKind, Json, Prompt, Rung, Severity, ToolCall

Names: TypeAlias = tuple[str, ...]
"""Names of the tools one answer calls, sorted: what is called and how often, without order."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What a prompt promises about tool calls."""

    arguments: Mapping[str, Schema]
    """Schema of the arguments, by name of the tool."""
    choice: Json = None
    """`auto`, `none`, `required`, or the tool that has to be called, in the wire's form."""
    parallel: bool | None = None
    """False: at most one call an answer."""


def toolbox_of(prompt: Prompt) -> Toolbox | None:
    """Return what the prompt promises about tool calls, None when it declares no tools."""
    if not prompt.tools:
        return None
    arguments = {tool.name: compile_schema(dict(tool.parameters)) for tool in prompt.tools}
    return Toolbox(arguments, prompt.tool_choice, prompt.parallel_tool_calls)


def names_of(calls: Iterable[ToolCall]) -> Names:
    """Return the names of tool calls, without order."""
    return tuple(sorted(call.name for call in calls))


def judge_calls(toolbox: Toolbox, calls: Sequence[ToolCall]) -> Iterator[Finding]:
    """Yield what is wrong with tool calls by the prompt alone: names, arguments, and the choice it leaves."""
    for index, call in enumerate(calls):
        schema = toolbox.arguments.get(call.name)
        if schema is None:
            words = f"no tool is called {said(call.name)}"
            known = brief(sorted(toolbox.arguments))
            yield _finding(FindingKind.UNKNOWN_TOOL, (index, "name"), words, known, brief(call.name))
        else:
            yield from _judge_arguments(index, call, schema)
    yield from _judge_choice(toolbox, calls)


def _judge_arguments(index: int, call: ToolCall, schema: Schema) -> Iterator[Finding]:
    valid, value, problem = read_strictly(call.arguments)
    place: tuple[Step, ...] = (index, "arguments")
    if not valid:
        words = f"arguments of {call.name} are not JSON: {problem}"
        yield _finding(FindingKind.INVALID_ARGUMENTS, place, words, None, brief(call.arguments))
    elif not isinstance(value, dict):
        words = f"arguments of {call.name} are not an object but {type_name(value)}"
        yield _finding(FindingKind.INVALID_ARGUMENTS, place, words, "object", brief(value))
    else:
        yield from (_broken(call.name, place, broken) for broken in schema.broken(value))


def _broken(name: str, place: tuple[Step, ...], broken: Broken) -> Finding:
    null = broken.kind is FindingKind.NULL_NOT_ALLOWED
    kind = FindingKind.NULL_ARGUMENT if null else FindingKind.INVALID_ARGUMENTS
    words = f"arguments of {name}: {broken.message}"
    return _finding(kind, (*place, *broken.steps), words, broken.expected, broken.actual, broken.rule)


def _judge_choice(toolbox: Toolbox, calls: Sequence[ToolCall]) -> Iterator[Finding]:
    choice = toolbox.choice
    if toolbox.parallel is False and len(calls) > 1:
        words = f"{len(calls)} tool calls where parallel calls are switched off"
        yield _finding(FindingKind.WRONG_CALL_COUNT, (), words, 1, len(calls), "parallel_tool_calls")
    if choice == "none" and calls:
        words = "a tool call where the prompt forbids any"
        yield _finding(FindingKind.UNEXPECTED_TOOL_CALL, (0,), words, None, calls[0].name, "tool_choice")
    required = _required_tool(choice)
    if (choice == "required" or required) and not calls:
        words = "no tool call where the prompt requires one"
        yield _finding(FindingKind.MISSING_TOOL_CALL, (), words, required or "any tool", None, "tool_choice")
    for index, call in enumerate(calls):
        if required and call.name != required and call.name in toolbox.arguments:
            words = f"{call.name} was called where the prompt requires {required}"
            yield _finding(FindingKind.WRONG_TOOL, (index, "name"), words, required, call.name, "tool_choice")


def _required_tool(choice: Json) -> str:
    if not isinstance(choice, dict):
        return ""
    inner = choice.get("function")
    return str((inner if isinstance(inner, dict) else choice).get("name", ""))


# --- Which tools, how often ---------------------------------------------------------------------------------------


def judge_names(
    allowed: Sequence[Names], calls: Sequence[ToolCall], rule: str, declared: Iterable[str]
) -> list[Finding]:
    """Return how calls differ from the nearest of the allowed sets of names; nothing when they are one of them."""
    actual = names_of(calls)
    if not allowed or actual in allowed:
        return []
    nearest = min(sorted(allowed), key=lambda names: _apart(names, actual))
    missing = sorted((Counter(nearest) - Counter(actual)).elements())
    surplus = _surplus(nearest, calls)
    known = frozenset(declared)
    found = []
    for wanted, (index, name) in zip(missing, surplus, strict=False):
        if name in known:  # a tool that is not declared is a finding already
            words = f"{name} was called instead of {wanted}"
            found.append(_finding(FindingKind.WRONG_TOOL, (index, "name"), words, wanted, name, rule))
    paired = min(len(missing), len(surplus))
    found += [_missing(name, nearest, actual, rule) for name in dict.fromkeys(missing[paired:])]
    found += [_unexpected(index, name, nearest, actual, rule) for index, name in surplus[paired:] if name in known]
    return found


def _apart(one: Names, other: Names) -> int:
    left, right = Counter(one), Counter(other)
    return (left - right).total() + (right - left).total()


def _surplus(nearest: Names, calls: Sequence[ToolCall]) -> list[tuple[int, str]]:
    wanted = Counter(nearest)
    surplus = []
    for index, call in enumerate(calls):
        if wanted[call.name]:
            wanted[call.name] -= 1
        else:
            surplus.append((index, call.name))
    return surplus


def _missing(name: str, nearest: Names, actual: Names, rule: str) -> Finding:
    wanted, got = nearest.count(name), actual.count(name)
    if got:
        words = f"{name} was called {_times(got)}, not {_times(wanted)}"
        return _finding(FindingKind.WRONG_CALL_COUNT, (), words, wanted, got, rule)
    return _finding(FindingKind.MISSING_TOOL_CALL, (), f"{name} was not called", name, None, rule)


def _unexpected(index: int, name: str, nearest: Names, actual: Names, rule: str) -> Finding:
    wanted, got = nearest.count(name), actual.count(name)
    if wanted:
        words = f"{name} was called {_times(got)}, not {_times(wanted)}"
        return _finding(FindingKind.WRONG_CALL_COUNT, (index,), words, wanted, got, rule)
    words = f"{brief(name, 60)} was called" + (" too" if nearest else " where no call is expected")
    return _finding(FindingKind.UNEXPECTED_TOOL_CALL, (index,), words, None, brief(name), rule)


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


# --- The `tool_calls` check -----------------------------------------------------------------------------------------


def expected_calls(check: Check) -> list[tuple[str, dict[str, Json]]]:
    """Return name and named arguments of every call that a `tool_calls` check expects."""
    value = check.arguments.get("value", check.arguments.get("tool_calls"))
    if isinstance(value, dict):
        value = value.get("tool_calls", [value])
    calls = []
    for item in value or ():
        call = item if isinstance(item, dict) else {"name": str(item)}
        arguments = call.get("arguments")
        if isinstance(arguments, str):
            _, arguments, _ = read_strictly(arguments)
        calls.append((str(call.get("name", "")), arguments if isinstance(arguments, dict) else {}))
    return calls


def judge_expected(check: Check, calls: Sequence[ToolCall], declared: Iterable[str]) -> Iterator[Finding]:
    """Yield how calls differ from what a `tool_calls` check expects: names in any order, arguments where named."""
    expected = expected_calls(check)
    rule = check.name or "tool_calls"
    yield from judge_names([tuple(sorted(name for name, _ in expected))], calls, rule, declared)
    for name, arguments, index in _assigned(expected, calls):
        _, actual, _ = read_strictly(calls[index].arguments)
        got = actual if isinstance(actual, dict) else {}
        for key, wanted in arguments.items():
            if key in got and equal(got[key], wanted):
                continue
            words = f"argument {key} of {name} is " + (said(got[key]) if key in got else "missing")
            kind = FindingKind.INVALID_ARGUMENTS
            where = (index, "arguments", key)
            yield _finding(kind, where, f"{words}, expected {said(wanted)}", brief(wanted), brief(got.get(key)), rule)


def _assigned(
    expected: Sequence[tuple[str, dict[str, Json]]], calls: Sequence[ToolCall]
) -> Iterator[tuple[str, dict[str, Json], int]]:
    """Pair expected with actual calls of the same name, those with the most agreeing arguments first."""
    pairs = sorted(
        (-_agreeing(arguments, call), place, index)
        for place, (name, arguments) in enumerate(expected)
        for index, call in enumerate(calls)
        if call.name == name
    )
    places: set[int] = set()
    taken: set[int] = set()
    for _, place, index in pairs:
        if place not in places and index not in taken:
            places.add(place)
            taken.add(index)
            yield *expected[place], index


def _agreeing(arguments: Mapping[str, Json], call: ToolCall) -> int:
    _, actual, _ = read_strictly(call.arguments)
    if not isinstance(actual, dict):
        return 0
    return sum(key in actual and equal(actual[key], wanted) for key, wanted in arguments.items())


# --- Calls as a document --------------------------------------------------------------------------------------------

_OCCURRENCE: Final = "\u0000"
"""Separates a tool's name from its occurrence; no tool name holds it."""


def as_document(calls: Sequence[ToolCall]) -> tuple[dict[str, Json], dict[str, int]]:
    """Return the arguments of calls by name and occurrence, so that their order does not matter, and each one's index.

    Arguments that are not JSON stay text. Calls of one tool are put in the order of their arguments.
    """
    document: dict[str, Json] = {}
    places: dict[str, int] = {}
    count: Counter[str] = Counter()
    for index, name, arguments in sorted(_readable(calls), key=_order):
        key = f"{name}{_OCCURRENCE}{count[name]}"
        count[name] += 1
        document[key], places[key] = arguments, index
    return document, places


def _readable(calls: Sequence[ToolCall]) -> Iterator[tuple[int, str, Json]]:
    for index, call in enumerate(calls):
        valid, value, _ = read_strictly(call.arguments)
        yield index, call.name, value if valid else call.arguments


def _order(call: tuple[int, str, Json]) -> tuple[str, str]:
    return call[1], canonical_json(call[2])


def tool_of(key: str) -> str:
    """Return the name of the tool that a key of the document stands for."""
    return key.partition(_OCCURRENCE)[0]


def _finding(kind: FindingKind, place: tuple[Step, ...], message: str, *about: Json) -> Finding:
    """Return a finding of this rung; `about` is what was expected, what there was, and the rule."""
    return Finding(Rung.TOOLS, kind, Severity.BREAKING, write_path((TOOL_CALLS, *place)), message, *about)
