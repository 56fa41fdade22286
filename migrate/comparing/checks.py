"""Rung 5: the assertions that a flow and its cases make about an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from migrate.canonical import canonical_json
from migrate.comparing.answers import read_strictly, without_fence
from migrate.comparing.code import python_problem, sql_problem
from migrate.comparing.paths import ANSWER, MISSING, brief, look_up, parse_path, said
from migrate.comparing.patterns import matches
from migrate.comparing.wording import length_of
from migrate.vocabulary import Check, CheckKind, Finding, FindingKind, Json, JsonObject, JsonPath, Rung, Severity


@dataclass(frozen=True, slots=True)
class Subject:
    """What checks look at: one answer, as text and, where it is JSON, as a value."""

    text: str
    value: Json = MISSING
    """MISSING when the answer is not JSON or could not be read."""
    promised: bool = False
    """True when the flow promises JSON: then a check of the whole answer looks at the value."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that does not hold."""

    message: str
    expected: Json = None
    actual: Json = None


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A check that cannot be decided here."""

    reason: str


Result: TypeAlias = Failure | Unjudged | None
_Judge: TypeAlias = Callable[[Json, Mapping[str, Json]], Result]

_OF_TEXT: Final = frozenset(
    {
        "contains", "not_contains", "starts_with", "ends_with", "regex", "not_regex", "length", "json", "sql",
        "python", "citations",
    }
)  # fmt: skip
"""Kinds that look at the text of an answer as it stands, unless they name a path."""


def name_of(check: Check) -> str:
    """Return how a finding calls a check."""
    return check.name or (f"{check.kind} {check.path}" if check.path else check.kind)


def run_check(check: Check, subject: Subject) -> Finding | Unjudged | None:
    """Judge one check; None when it holds. A `tool_calls` check belongs to rung 4 and is not run here."""
    result = _run(check, subject)
    if isinstance(result, Failure):
        path = check.path or JsonPath(ANSWER)
        kind, severity = FindingKind.CHECK_FAILED, Severity.BREAKING
        found = (brief(result.expected), brief(result.actual))
        return Finding(Rung.CHECKS, kind, severity, path, result.message, *found, rule=name_of(check))
    return Unjudged(f"{name_of(check)}: {result.reason}") if result is not None else None


def needs_value(check: Check) -> bool:
    """Return whether a check looks at the parsed answer rather than at its text."""
    return check.path is not None or check.kind not in _OF_TEXT


def _run(check: Check, subject: Subject) -> Result:
    if check.kind == "judge":
        return Unjudged("judges are not available")
    judge = _JUDGES[check.kind]
    if check.path is None:
        of_text = check.kind in _OF_TEXT or not subject.promised
        if not of_text and subject.value is MISSING:
            return Failure("the answer is not JSON that could be checked")
        if check.kind == "json_path":
            return _json_path([] if subject.value is MISSING else [subject.value], check.arguments)
        return judge(subject.text if of_text else subject.value, check.arguments)
    value = subject.value if subject.value is not MISSING else _parsed(subject)
    if value is MISSING:
        return Failure("the answer is not JSON that could be checked")
    found = [item for _, item in look_up(value, parse_path(check.path)[1:])]
    if check.kind == "json_path":
        return _json_path(found, check.arguments)
    if not found:
        return Failure(f"nothing at {check.path}")
    return _first(judge(item, check.arguments) for item in found)


def _parsed(subject: Subject) -> Json:
    if subject.promised:
        return MISSING
    valid, value, _ = read_strictly(subject.text)
    return value if valid else MISSING


def _first(results: Iterator[Result]) -> Result:
    return next((result for result in results if result is not None), None)


# --- Kinds ----------------------------------------------------------------------------------------------------------


def _argument(arguments: JsonObject, *names: str) -> Json:
    return next((arguments[name] for name in names if name in arguments), None)


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _several(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _folded(value: Json, arguments: JsonObject) -> str:
    return _as_text(value).casefold() if arguments.get("ignore_case") else _as_text(value)


def _equals(actual: Json, arguments: JsonObject) -> Result:
    wanted = _argument(arguments, "value", "equals")
    same = actual.strip() == wanted.strip() if isinstance(actual, str) and isinstance(wanted, str) else actual == wanted
    if not same or isinstance(actual, bool) is not isinstance(wanted, bool):
        return Failure(f"is {said(actual)}, expected {said(wanted)}", wanted, actual)
    return None


def _contains(actual: Json, arguments: JsonObject) -> Result:
    for wanted in _several(_argument(arguments, "value", "contains")):
        if not _holds(actual, wanted, arguments):
            return Failure(f"does not contain {said(wanted)}", wanted, actual)
    return None


def _not_contains(actual: Json, arguments: JsonObject) -> Result:
    for unwanted in _several(_argument(arguments, "value", "not_contains")):
        if _holds(actual, unwanted, arguments):
            return Failure(f"contains {said(unwanted)}", None, unwanted)
    return None


def _holds(actual: Json, part: Json, arguments: JsonObject) -> bool:
    wanted = _folded(part, arguments)
    if isinstance(actual, list):
        return any(_folded(item, arguments) == wanted for item in actual)
    return wanted in _folded(actual, arguments)


def _starts_with(actual: Json, arguments: JsonObject) -> Result:
    wanted = _several(_argument(arguments, "value", "starts_with"))
    if _folded(actual, arguments).lstrip().startswith(tuple(_folded(item, arguments) for item in wanted)):
        return None
    return Failure(f"does not start with {said(wanted[0] if len(wanted) == 1 else wanted)}", wanted, actual)


def _ends_with(actual: Json, arguments: JsonObject) -> Result:
    wanted = _several(_argument(arguments, "value", "ends_with"))
    if _folded(actual, arguments).rstrip().endswith(tuple(_folded(item, arguments) for item in wanted)):
        return None
    return Failure(f"does not end with {said(wanted[0] if len(wanted) == 1 else wanted)}", wanted, actual)


def _regex(actual: Json, arguments: JsonObject) -> Result:
    pattern = str(_argument(arguments, "pattern", "value", "regex"))
    found = matches(pattern, _as_text(actual), str(arguments.get("flags", "")))
    if found is None:
        return Unjudged("the pattern needs too many steps on this answer")
    return None if found else Failure(f"does not match {said(pattern)}", pattern, actual)


def _not_regex(actual: Json, arguments: JsonObject) -> Result:
    pattern = str(_argument(arguments, "pattern", "value", "not_regex"))
    found = matches(pattern, _as_text(actual), str(arguments.get("flags", "")))
    if found is None:
        return Unjudged("the pattern needs too many steps on this answer")
    return Failure(f"matches {said(pattern)}", None, actual) if found else None


def _one_of(actual: Json, arguments: JsonObject) -> Result:
    options = _several(_argument(arguments, "value", "one_of", "values"))
    got = actual.strip() if isinstance(actual, str) else actual
    if any(got == option and isinstance(got, bool) is isinstance(option, bool) for option in options):
        return None
    return Failure(f"{said(actual)} is not one of {said(options)}", options, actual)


def _label(actual: Json, arguments: JsonObject) -> Result:
    got = _normal_label(actual)
    options = _several(_argument(arguments, "one_of", "labels") or [])
    if options and got not in [_normal_label(option) for option in options]:
        return Failure(f"{said(actual)} is not one of the labels", options, actual)
    wanted = arguments.get("value")
    if wanted is not None and got != _normal_label(wanted):
        return Failure(f"label is {said(actual)}, expected {said(wanted)}", wanted, actual)
    return None


def _normal_label(value: Json) -> str:
    return _as_text(value).strip().casefold().rstrip(".!?,;: ")


def _number(actual: Json, arguments: JsonObject) -> Result:
    number = _decimal(actual)
    if number is None:
        return Failure(f"{said(actual)} is not a number", None, actual)
    wanted = _decimal(arguments.get("equals"))
    if wanted is not None and abs(number - wanted) > _allowed(arguments, wanted):
        return Failure(f"is {said(actual)}, expected {said(arguments['equals'])}", arguments["equals"], actual)
    least, most = _decimal(arguments.get("min")), _decimal(arguments.get("max"))
    if least is not None and number < least:
        return Failure(f"is {said(actual)}, less than {said(arguments['min'])}", arguments["min"], actual)
    if most is not None and number > most:
        return Failure(f"is {said(actual)}, more than {said(arguments['max'])}", arguments["max"], actual)
    return None


def _allowed(arguments: JsonObject, wanted: Decimal) -> Decimal:
    absolute = _decimal(arguments.get("abs")) or Decimal(0)
    relative = _decimal(arguments.get("rel")) or Decimal(0)
    return max(absolute, relative * abs(wanted))


def _decimal(value: Json) -> Decimal | None:
    """Return a JSON number, or the number a text consists of, exactly; None for anything else."""
    if value is None or isinstance(value, bool | list | dict):
        return None
    try:
        number = Decimal(str(value).strip()) if len(str(value)) <= 400 else None
    except (InvalidOperation, ValueError):
        return None
    return number if number is not None and number.is_finite() else None


def _json_path(found: Sequence[Json], arguments: JsonObject) -> Result:
    if arguments.get("exists") and not found:
        return Failure("does not exist")
    if arguments.get("absent") and found:
        return Failure("exists, and should not", None, found[0])
    wanted = arguments.get("count")
    if wanted is not None and len(found) != wanted:
        return Failure(f"found {len(found)} times, expected {wanted}", wanted, len(found))
    bounds = arguments.get("length")
    if bounds is None:
        return None
    if not found:
        return Failure("does not exist")
    return _first(_within(_size(item), bounds, "items") for item in found)


def _size(value: Json) -> int:
    return len(value) if isinstance(value, list | dict | str) else 0


def _within(size: int, bounds: Json, unit: str) -> Result:
    limits = bounds if isinstance(bounds, dict) else {"min": bounds, "max": bounds}
    least, most = limits.get("min"), limits.get("max")
    if least is not None and size < least:
        return Failure(f"{size} {unit}, fewer than {least}", least, size)
    if most is not None and size > most:
        return Failure(f"{size} {unit}, more than {most}", most, size)
    return None


_SENTENCES: Final = re.compile("[.!?\u3002\uff01\uff1f]+(?=\\s|$|[^\\x00-\\x7f])")
_UNITS: Final[dict[str, Callable[[str], int]]] = {
    "words": length_of,
    "characters": len,
    "lines": lambda text: len(text.strip().splitlines()),
    "sentences": lambda text: len([part for part in _SENTENCES.split(text) if part.strip()]),
}


def _length(actual: Json, arguments: JsonObject) -> Result:
    if isinstance(actual, list):
        return _within(len(actual), arguments, "items")
    unit = str(arguments.get("unit", "words"))
    return _within(_UNITS[unit](_as_text(actual)), arguments, unit)


def _is_json(actual: Json, arguments: JsonObject) -> Result:
    if not isinstance(actual, str) or _argument(arguments, "value", "json") is False:
        return None
    valid, _, problem = read_strictly(actual)
    return None if valid else Failure(f"not JSON: {problem}", None, actual)


def _code(actual: Json) -> str:
    """Return the code of an answer without the fence around it: whether there may be one is for another check."""
    text = _as_text(actual)
    inner = without_fence(text)
    return text if inner is None else inner


def _sql(actual: Json, arguments: JsonObject) -> Result:
    dialect = str(arguments.get("dialect", "sqlite"))
    try:
        problem = sql_problem(_code(actual), str(arguments.get("schema", "")), dialect)
    except (NotImplementedError, ValueError) as error:
        return Unjudged(str(error))
    return None if problem is None else Failure(f"not valid SQL: {problem}", None, actual)


def _python(actual: Json, arguments: JsonObject) -> Result:
    problem = python_problem(_code(actual), [str(name) for name in _several(arguments.get("defines", []))])
    return None if problem is None else Failure(problem, None, actual)


# --- Citations ------------------------------------------------------------------------------------------------------

_BRACKETED: Final = re.compile(r"\[([^\[\]\n]{1,80})\](?!\()")


def _citations(actual: Json, arguments: JsonObject) -> Result:
    known = _passage_ids(_argument(arguments, "passages", "value"))
    cited = [str(item) for item in actual] if isinstance(actual, list) else list(_cited(_as_text(actual), known))
    unknown = [name for name in cited if name not in known]
    if unknown:
        return Failure(f"cites {said(unknown[0])}, which is no passage", sorted(known), unknown)
    least = arguments.get("min", 1)
    count = len(set(cited))
    if count < least:
        return Failure(f"cites {count} passages, expected at least {least}", least, count)
    return None


def _passage_ids(passages: Json) -> frozenset[str]:
    if isinstance(passages, dict):
        return frozenset(str(name) for name in passages)
    items = _several(passages) if passages is not None else []
    ids = {str(index) for index in range(1, len(items) + 1)}
    return frozenset(ids | {str(item["id"]) for item in items if isinstance(item, dict) and "id" in item})


def _cited(text: str, known: frozenset[str]) -> Iterator[str]:
    """Yield the names in square brackets that are meant as citations: numbers, or shaped like a known id."""
    shapes = {_shape(name) for name in known} | {"9"}
    for group in _BRACKETED.findall(text):
        for part in re.split(r"[,;]", group):
            name = part.strip().lstrip("^#")
            if name in known or _shape(name) in shapes:
                yield name


def _shape(name: str) -> str:
    return re.sub(r"\d+", "9", name)


_JUDGES: Final[dict[CheckKind, _Judge]] = {
    "equals": _equals,
    "contains": _contains,
    "not_contains": _not_contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "regex": _regex,
    "not_regex": _not_regex,
    "one_of": _one_of,
    "number": _number,
    "json_path": lambda actual, arguments: _json_path([actual], arguments),
    "length": _length,
    "label": _label,
    "json": _is_json,
    "sql": _sql,
    "python": _python,
    "citations": _citations,
}
