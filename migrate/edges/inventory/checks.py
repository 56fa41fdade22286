"""Checks of a prompt file or a case, and the evaluators of GitHub Models, which become checks.

Whatever short form was written, a check's arguments are always a mapping:

    equals, tool_calls                                 value
    contains, not_contains, starts_with, ends_with     value (a text or a list of texts), ignore_case
    one_of                                             value (a list)
    label                                              one_of (a list), value
    regex, not_regex                                   pattern, flags
    number                                             equals, abs, rel, min, max
    length                                             min, max, unit
    json_path                                          exists, absent, count, length (min, max)
    json                                               nothing
    sql                                                dialect, schema
    python                                             defines, parses
    citations                                          passages, min
    judge                                              as written

Any value may be one whole `{{ expression }}` instead, which is bound to each case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from migrate.comparing.paths import parse_path
from migrate.comparing.patterns import check_pattern
from migrate.documents.reading import Path
from migrate.edges.inventory.sheets import Sheet, Source, kind_of, one_of
from migrate.errors import did_you_mean
from migrate.vocabulary import Check, Json, JsonPath

UNITS: Final = ("words", "characters", "sentences", "lines")
DIALECTS: Final = ("sqlite",)
BINDING: Final = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
_MIXED: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)

Reader = Callable[[Sheet, str], Any]


def _any(sheet: Sheet, key: str) -> Json:
    return sheet.value[key]


def _text(sheet: Sheet, key: str) -> Json:
    return sheet.text(key)


def _texts(sheet: Sheet, key: str) -> Json:
    value = sheet.value[key]
    if isinstance(value, list):
        return list(sheet.texts(key))
    return sheet.text(key)


def _list(sheet: Sheet, key: str) -> Json:
    return sheet.items(key)


def _flag(sheet: Sheet, key: str) -> Json:
    return sheet.flag(key)


def _number(sheet: Sheet, key: str) -> Json:
    return sheet.number(key)


def _bound(sheet: Sheet, key: str) -> Json:
    return sheet.number(key, 0)


def _count(sheet: Sheet, key: str) -> Json:
    return sheet.whole(key, 0)


def _range(sheet: Sheet, key: str) -> Json:
    return _read(sheet.sheet(key, ("min", "max")), {"min": _count, "max": _count})


def _pattern(sheet: Sheet, key: str) -> Json:
    pattern = sheet.required(key)
    trouble = check_pattern(pattern, sheet.text("flags"))
    if trouble:
        sheet.complain(trouble, key)
    return pattern


def _choice(choices: tuple[str, ...]) -> Reader:
    return lambda sheet, key: sheet.choice(key, choices, choices[0])


@dataclass(frozen=True, slots=True)
class Shape:
    """What one kind of check may be given."""

    keys: Mapping[str, Reader]
    bare: str | None = None
    """The key that a value which is no mapping stands for."""
    always_bare: bool = False
    """True when a mapping is a value too."""
    needs: tuple[str, ...] = field(default=())
    """Keys of which at least one must be given."""


_CONTAINS: Final = Shape({"value": _texts, "ignore_case": _flag}, bare="value", needs=("value",))
_REGEX: Final = Shape({"pattern": _pattern, "flags": _text}, bare="pattern", needs=("pattern",))
_VALUE: Final = Shape({"value": _any}, bare="value", always_bare=True)

SHAPES: Final[dict[str, Shape]] = {
    "equals": _VALUE,
    "contains": _CONTAINS,
    "not_contains": _CONTAINS,
    "starts_with": _CONTAINS,
    "ends_with": _CONTAINS,
    "regex": _REGEX,
    "not_regex": _REGEX,
    "one_of": Shape({"value": _list}, bare="value", needs=("value",)),
    "number": Shape(
        {"equals": _number, "abs": _bound, "rel": _bound, "min": _number, "max": _number},
        bare="equals",
        needs=("equals", "min", "max"),
    ),
    "json_path": Shape(
        {"exists": _flag, "absent": _flag, "count": _count, "length": _range},
        needs=("exists", "absent", "count", "length"),
    ),
    "length": Shape({"min": _count, "max": _count, "unit": _choice(UNITS)}, needs=("min", "max")),
    "label": Shape({"one_of": _list, "value": _any}, bare="value", needs=("one_of", "value")),
    "json": Shape({}),
    "sql": Shape({"dialect": _choice(DIALECTS), "schema": _text}),
    "python": Shape({"defines": lambda sheet, key: list(sheet.texts(key)), "parses": _flag}),
    "citations": Shape({"passages": _any, "min": _count}, bare="passages", needs=("passages",)),
    "tool_calls": _VALUE,
    "judge": Shape({}),
}
SWITCHES: Final = ("json", "python", "sql")
"""Kinds that may be written `kind: true`."""
CHECK_KEYS: Final = (*SHAPES, "path", "name")

EVALUATOR_KEYS: Final = ("name", "string", "llm", "uses")
STRING_EVALUATORS: Final = {
    "equals": "equals",
    "contains": "contains",
    "startsWith": "starts_with",
    "endsWith": "ends_with",
}


def read_checks(sheet: Sheet, key: str = "checks") -> tuple[Check, ...]:
    """Return the checks under a key."""
    if not sheet.value.get(key):
        return tuple(sheet.items(key))
    return tuple(check for inner in sheet.sheets(key, CHECK_KEYS) for check in _check(inner))


def _check(sheet: Sheet) -> list[Check]:
    kinds = [key for key in sheet.value if key in SHAPES]
    if len(kinds) != 1:
        if kinds or not _mistyped(sheet):
            wanted = f"has one kind, not {' and '.join(kinds)}" if kinds else f"needs a kind: {one_of([*SHAPES])}"
            sheet.complain(f"a check {wanted}")
        return []
    kind = kinds[0]
    path = _path(sheet)
    name = sheet.text("name") or (f"{kind} at {path}" if path else kind)
    place = sheet.source.place(sheet.path)
    return [Check(kind, _arguments(sheet, kind), path, name, place)]  # type: ignore[arg-type]


def _mistyped(sheet: Sheet) -> bool:
    """Return True when the kind was there but mistyped, which has been said already."""
    return any(key not in CHECK_KEYS and did_you_mean(key, SHAPES) for key in sheet.value)


def _path(sheet: Sheet) -> JsonPath | None:
    text = sheet.text("path")
    if not text:
        return None
    try:
        parse_path(text)
    except ValueError as error:
        sheet.complain(str(error), "path")
    return JsonPath(text)


def _arguments(sheet: Sheet, kind: str) -> dict[str, Json]:
    given, shape = sheet.value[kind], SHAPES[kind]
    path = (*sheet.path, kind)
    if kind == "judge":
        return dict(given) if isinstance(given, dict) else {"prompt": given}
    if kind not in ("regex", "not_regex"):
        _refuse_mixed(sheet.source, path, given)
    if kind in SWITCHES and given is True:
        return {}
    if isinstance(given, dict) and not shape.always_bare:
        inner = Sheet(sheet.source, path, given, shape.keys)
        if shape.needs and not any(key in given for key in shape.needs):
            inner.complain(f'"{kind}" needs {one_of(shape.needs)}')
        return _read(inner, shape.keys)
    if shape.bare is None:
        sheet.complain(f'"{kind}" takes {_takes(kind, shape)}, not {kind_of(given)}', kind)
        return {}
    # The short form is read like the long one's main key, under the name of the kind.
    return {shape.bare: given if is_binding(given) else shape.keys[shape.bare](sheet, kind)}


def _takes(kind: str, shape: Shape) -> str:
    if not shape.keys:
        return "true"
    return ("true, or " if kind in SWITCHES else "") + f"a mapping of {', '.join(shape.keys)}"


def _read(sheet: Sheet, readers: Mapping[str, Reader]) -> dict[str, Json]:
    arguments: dict[str, Json] = {}
    for key, read in readers.items():
        if key not in sheet.value:
            continue
        given = sheet.value[key]
        arguments[key] = given if is_binding(given) else read(sheet, key)
    return arguments


def is_binding(value: Json) -> bool:
    """Return True for a text that is one whole `{{ expression }}`."""
    return isinstance(value, str) and "{{" in value and BINDING.fullmatch(value) is not None


def _refuse_mixed(source: Source, path: Path, value: Json) -> None:
    """Complain of texts that mix words and `{{ }}`: they would be compared as they stand, and never match."""
    if isinstance(value, str) and "{{" in value and not is_binding(value) and _MIXED.search(value):
        hint = "write one whole expression, such as \"{{ 'Order ' ~ id }}\""
        source.complain(path, "a text in a check is either fixed or one whole {{ expression }}", hint)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_mixed(source, (*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_mixed(source, (*path, index), item)


# --- GitHub Models' evaluators ----------------------------------------------------------------------------


def read_evaluators(sheet: Sheet) -> tuple[Check, ...]:
    """Return GitHub Models' evaluators as checks; those that ask a model are kept as `judge`, and not judged here."""
    if not sheet.value.get("evaluators"):
        return tuple(sheet.items("evaluators"))
    return tuple(check for inner in sheet.sheets("evaluators", EVALUATOR_KEYS) for check in _evaluator(inner))


def _evaluator(sheet: Sheet) -> list[Check]:
    name, place = sheet.text("name"), sheet.source.place(sheet.path)
    for kind in ("llm", "uses"):
        if sheet.has(kind):
            return [Check("judge", {kind: sheet.value[kind]}, None, name or "judge", place)]
    inner = sheet.sheet("string", STRING_EVALUATORS)
    checks = []
    for key, kind in STRING_EVALUATORS.items():
        if inner.has(key):
            # As `gh models eval` does it: only `equals` minds the case of letters.
            ignore = {} if kind == "equals" else {"ignore_case": True}
            arguments = {"value": inner.text(key), **ignore}
            checks.append(Check(kind, arguments, None, name or kind, place))  # type: ignore[arg-type]
    if not checks:
        sheet.complain('an evaluator needs "string" with equals, contains, startsWith or endsWith, or "llm" or "uses"')
    return checks
