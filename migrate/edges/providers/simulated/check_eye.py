"""Checks judged the plain way, one small function a kind; arguments are in the inventory's long form, bound."""

from __future__ import annotations

import ast
import functools
import json
import re
import sqlite3
from collections.abc import Callable
from typing import Final

from migrate.vocabulary import Json, JsonObject

_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


def _as_text(subject: Json) -> str:
    return subject if isinstance(subject, str) else json.dumps(subject, ensure_ascii=False)


def _as_list(argument: Json) -> list[str]:
    return [_as_text(part) for part in (argument if isinstance(argument, list) else [argument])]


def _label_text(subject: Json) -> str:
    return _as_text(subject).strip().casefold().rstrip(".!?,;: ")


def _equals(subject: Json, arguments: JsonObject) -> bool:
    return _same(subject, arguments["value"])


def _same(one: Json, other: Json) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.strip() == other.strip()
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _one_of(subject: Json, arguments: JsonObject) -> bool:
    return any(_same(subject, option) for option in arguments["value"])


def _label(subject: Json, arguments: JsonObject) -> bool:
    options = [_label_text(option) for option in arguments.get("one_of") or [subject]]
    wanted = arguments.get("value")
    found = _label_text(subject)
    return found in options and (wanted is None or found == _label_text(wanted))


def _holding(subject: Json, arguments: JsonObject) -> list[bool]:
    """Say of every part whether the subject holds it: a text as a stretch of it, a list as one of its items."""
    text, parts = _folded(subject, arguments)
    if isinstance(subject, list):
        items = [_folded(item, arguments)[0] for item in subject]
        return [part in items for part in parts]
    return [part in text for part in parts]


def _folded(subject: Json, arguments: JsonObject) -> tuple[str, list[str]]:
    fold: Callable[[str], str] = str.casefold if arguments.get("ignore_case") else str
    return fold(_as_text(subject)), [fold(part) for part in _as_list(arguments["value"])]


def _contains(subject: Json, arguments: JsonObject) -> bool:
    return all(_holding(subject, arguments))


def _not_contains(subject: Json, arguments: JsonObject) -> bool:
    return not any(_holding(subject, arguments))


def _starts(subject: Json, arguments: JsonObject) -> bool:
    text, parts = _folded(subject, arguments)
    return text.startswith(tuple(parts))


def _ends(subject: Json, arguments: JsonObject) -> bool:
    text, parts = _folded(subject, arguments)
    return text.endswith(tuple(parts))


def _regex(subject: Json, arguments: JsonObject) -> bool:
    flags = functools.reduce(lambda all_, one: all_ | _FLAGS.get(one, 0), arguments.get("flags") or "", 0)
    return re.search(arguments["pattern"], _as_text(subject), flags) is not None


def _not_regex(subject: Json, arguments: JsonObject) -> bool:
    return not _regex(subject, arguments)


def _number(subject: Json, arguments: JsonObject) -> bool:
    try:
        found = float(subject)
    except (TypeError, ValueError):
        return False
    wanted = arguments.get("equals")
    slack = max(float(arguments.get("abs") or 0), float(arguments.get("rel") or 0) * abs(float(wanted or 0)))
    in_range = arguments.get("min", found) <= found <= arguments.get("max", found)
    return in_range and (wanted is None or abs(found - float(wanted)) <= slack + 1e-9)


def path_holds(subjects: list[Json], arguments: JsonObject) -> bool:
    """Judge a `json_path` check by all that stands at its path."""
    lengths = arguments.get("length") or {}
    sized = [len(subject) for subject in subjects if isinstance(subject, list | str | dict)]
    return all(
        (
            not arguments.get("exists") or bool(subjects),
            not arguments.get("absent") or not subjects,
            arguments.get("count", len(subjects)) == len(subjects),
            not lengths or (bool(sized) and all(_between(size, lengths) for size in sized)),
        )
    )


def _between(size: int, bounds: JsonObject) -> bool:
    return bool(bounds.get("min", size) <= size <= bounds.get("max", size))


def _length(subject: Json, arguments: JsonObject) -> bool:
    if isinstance(subject, list | dict):
        return _between(len(subject), arguments)
    text = _as_text(subject)
    match arguments.get("unit"):
        case "characters":
            size = len(text)
        case "sentences":
            size = len(re.findall(r"[^.!?]+[.!?]*", text))
        case "lines":
            size = len(text.splitlines())
        case _:
            size = len(text.split())
    return _between(size, arguments)


def _parses(subject: Json, _: JsonObject) -> bool:
    try:
        json.loads(_as_text(subject))
    except ValueError:
        return False
    return True


@functools.lru_cache(maxsize=256)
def _sql_holds(statement: str, schema: str) -> bool:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(schema)
        connection.execute("EXPLAIN " + statement)
    except (sqlite3.Error, sqlite3.Warning):
        return False
    finally:
        connection.close()
    return True


def _sql(subject: Json, arguments: JsonObject) -> bool:
    return _sql_holds(unfenced(_as_text(subject)).strip().rstrip(";"), str(arguments.get("schema") or ""))


def _python(subject: Json, arguments: JsonObject) -> bool:
    try:
        tree = ast.parse(unfenced(_as_text(subject)))
    except (SyntaxError, ValueError):
        return False
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    defined = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    return set(_as_list(arguments.get("defines") or [])) <= defined


def _citations(subject: Json, arguments: JsonObject) -> bool:
    passages = arguments.get("passages") or []
    ids = {str(number + 1) for number in range(len(passages))}
    ids |= {str(key) for key in passages} if isinstance(passages, dict) else set()
    ids |= {str(passage["id"]) for passage in passages if isinstance(passage, dict) and "id" in passage}
    if isinstance(subject, list):
        cited = [str(one) for one in subject]
    else:
        cited = re.findall(r"\[([^\[\]\s]{1,40})\]", _as_text(subject))
    return len(cited) >= int(arguments.get("min", 1)) and all(one in ids for one in cited)


def unfenced(text: str) -> str:
    """Return the code inside a fence, or the text when there is none."""
    found = re.search(r"```\w*\n(.*?)```", text, re.DOTALL)
    return found[1] if found else text


BY_VALUE: Final = frozenset({"equals", "one_of", "number", "label", "json_path", "length"})
"""Kinds that look at the JSON value, where there is one; the others look at its text."""

JUDGES: Final[dict[str, Callable[[Json, JsonObject], bool]]] = {
    "equals": _equals,
    "label": _label,
    "contains": _contains,
    "not_contains": _not_contains,
    "starts_with": _starts,
    "ends_with": _ends,
    "regex": _regex,
    "not_regex": _not_regex,
    "one_of": _one_of,
    "number": _number,
    "json_path": lambda *_: True,
    "length": _length,
    "json": _parses,
    "sql": _sql,
    "python": _python,
    "citations": _citations,
}
"""Kind of check -> whether a subject passes it; `tool_calls` and `judge` are not for single subjects."""
