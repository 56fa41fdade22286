"""What an answer must keep, judged by this room's own small eye: the schema and the plainer checks.

It serves two ends. A harmless habit is dropped when it would break a promise, and a harmful one is kept only
when it breaks the promise it is meant to break. Nothing of `migrate.comparing` is used: the habit log is to
be an account of its own.
"""

from __future__ import annotations

import ast
import functools
import json
import re
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from migrate.edges.providers.simulated.draft import Break, Draft
from migrate.edges.providers.simulated.places import path_text, select
from migrate.vocabulary import Check, FindingKind, Json, JsonObject, JsonPath, Rung

_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


@functools.lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(json.loads(schema), offline=True)


def schema_text(schema: JsonObject | None) -> str | None:
    """Return a schema as the text by which its validator is kept."""
    return None if schema is None else json.dumps(schema, sort_keys=True)


def schema_problems(schema: str | None, value: Json) -> list[tuple[JsonPath, str]]:
    """Return what a value breaks: the path of the value and the keyword of the schema."""
    if schema is None:
        return []
    return [(path_text(tuple(e.instance_path)), str(e.schema_path[-1])) for e in _validator(schema).iter_errors(value)]


def broken_checks(checks: tuple[Check, ...], draft: Draft) -> tuple[Break, ...]:
    """Return the checks a draft fails, in their order; those this eye cannot judge are never among them."""
    text = written(draft)
    return tuple(
        Break(Rung.CHECKS, FindingKind.CHECK_FAILED, check.path or JsonPath("$"), check.name)
        for check in checks
        if _holds(check, draft, text) is False
    )


def written(draft: Draft) -> str:
    """Return the text of a draft as it would be sent, in its plainest form."""
    if draft.text is not None or draft.kind != "json":
        return draft.text or ""
    return json.dumps(draft.value, ensure_ascii=False)


def _holds(check: Check, draft: Draft, text: str) -> bool | None:
    """Say whether a check passes; None: not for this eye."""
    judge = _JUDGES.get(check.kind)
    if judge is None:
        return None
    if check.path in (None, "$"):
        whole = draft.value if draft.kind == "json" else text
        subjects = [whole if check.kind in _BY_VALUE else text]
    else:
        subjects = [value for _, value in select(draft.value, str(check.path))] if draft.kind == "json" else []
    if check.kind == "json_path":
        return _json_path(subjects, _argument(check))
    return bool(subjects) and all(judge(subject, _argument(check), check.arguments) for subject in subjects)


def _argument(check: Check) -> Json:
    """Return what a check compares with, in its short form or its long one."""
    arguments = check.arguments
    return arguments.get("value", arguments.get(check.kind, arguments))


def _as_text(subject: Json) -> str:
    return subject if isinstance(subject, str) else json.dumps(subject, ensure_ascii=False)


def _as_list(argument: Json) -> list[str]:
    return [_as_text(part) for part in (argument if isinstance(argument, list) else [argument])]


def _label_text(subject: Json) -> str:
    return _as_text(subject).strip().casefold().rstrip(".!?,;: ")


def _equals(subject: Json, argument: Json, _: JsonObject) -> bool:
    if isinstance(subject, str) and isinstance(argument, str):
        return subject.strip() == argument.strip()
    return json.dumps(subject, sort_keys=True) == json.dumps(argument, sort_keys=True)


def _label(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    rule = arguments if "one_of" in arguments else argument
    options = [_label_text(option) for option in rule.get("one_of") or [subject]]
    wanted = rule.get("value")
    found = _label_text(subject)
    return found in options and (wanted is None or found == _label_text(wanted))


def _folded(subject: Json, arguments: JsonObject) -> tuple[str, Callable[[str], str]]:
    fold: Callable[[str], str] = str.casefold if arguments.get("ignore_case") else str
    return fold(_as_text(subject)), fold


def _contains(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    text, fold = _folded(subject, arguments)
    return all(fold(part) in text for part in _as_list(argument))


def _not_contains(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    text, fold = _folded(subject, arguments)
    return not any(fold(part) in text for part in _as_list(argument))


def _starts(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    text, fold = _folded(subject, arguments)
    return any(text.startswith(fold(part)) for part in _as_list(argument))


def _ends(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    text, fold = _folded(subject, arguments)
    return any(text.endswith(fold(part)) for part in _as_list(argument))


def _regex(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    rule = argument if isinstance(argument, dict) else arguments
    pattern = str(rule.get("pattern", argument))
    flags = functools.reduce(lambda all_, one: all_ | _FLAGS.get(one, 0), rule.get("flags") or "", 0)
    return re.search(pattern, _as_text(subject), flags) is not None


def _not_regex(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    return not _regex(subject, argument, arguments)


def _number(subject: Json, argument: Json, _: JsonObject) -> bool:
    try:
        found = float(subject)
    except (TypeError, ValueError):
        return False
    if not isinstance(argument, dict):
        return found == float(argument)
    wanted = argument.get("equals")
    slack = max(float(argument.get("abs") or 0), float(argument.get("rel") or 0) * abs(float(wanted or 0)))
    in_range = argument.get("min", found) <= found <= argument.get("max", found)
    return in_range and (wanted is None or abs(found - float(wanted)) <= slack + 1e-9)


def _json_path(subjects: list[Json], argument: Json) -> bool:
    lengths = argument.get("length") or {}
    sized = [len(subject) for subject in subjects if isinstance(subject, list | str | dict)]
    return all(
        (
            not argument.get("exists") or bool(subjects),
            not argument.get("absent") or not subjects,
            argument.get("count", len(subjects)) == len(subjects),
            not lengths or (bool(sized) and all(_between(size, lengths) for size in sized)),
        )
    )


def _between(size: int, bounds: Json) -> bool:
    if not isinstance(bounds, dict):
        return bool(size == bounds)
    return bool(bounds.get("min", size) <= size <= bounds.get("max", size))


def _length(subject: Json, argument: Json, _: JsonObject) -> bool:
    if isinstance(subject, list | dict):
        return _between(len(subject), argument)
    text = _as_text(subject)
    match argument.get("unit"):
        case "characters":
            size = len(text)
        case "sentences":
            size = len(re.findall(r"[^.!?]+[.!?]*", text))
        case "lines":
            size = len(text.splitlines())
        case _:
            size = len(text.split())
    return _between(size, argument)


def _parses(subject: Json, argument: Json, _: JsonObject) -> bool:
    if not isinstance(subject, str):
        return True
    try:
        json.loads(subject)
    except ValueError:
        return not argument
    return True


def _sql(subject: Json, argument: Json, _: JsonObject) -> bool:
    if not isinstance(argument, dict) or argument.get("dialect", "sqlite") != "sqlite":
        return True
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(str(argument.get("schema") or ""))
        connection.execute("EXPLAIN " + unfenced(_as_text(subject)).strip().rstrip(";"))
    except sqlite3.Error:
        return False
    finally:
        connection.close()
    return True


def _python(subject: Json, argument: Json, _: JsonObject) -> bool:
    try:
        tree = ast.parse(unfenced(_as_text(subject)))
    except (SyntaxError, ValueError):
        return False
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    wanted = argument.get("defines") if isinstance(argument, dict) else None
    return set(_as_list(wanted) if wanted else ()) <= defined


def _citations(subject: Json, argument: Json, arguments: JsonObject) -> bool:
    rule = argument if isinstance(argument, dict) and "passages" in argument else arguments
    passages = rule.get("passages") or []
    ids = {str(number + 1) for number in range(len(passages))}
    ids |= {str(key) for key in passages} if isinstance(passages, dict) else set()
    ids |= {str(passage["id"]) for passage in passages if isinstance(passage, dict) and "id" in passage}
    cited = re.findall(r"\[([^\[\]\s]{1,40})\]", _as_text(subject))
    return len(cited) >= int(rule.get("min", 1)) and all(one in ids for one in cited)


def unfenced(text: str) -> str:
    """Return the code inside a fence, or the text when there is none."""
    found = re.search(r"```\w*\n(.*?)```", text, re.DOTALL)
    return found[1] if found else text


def _one_of(subject: Json, argument: Json, _: JsonObject) -> bool:
    return any(_equals(subject, option, {}) for option in argument)


_BY_VALUE: Final = frozenset({"equals", "one_of", "number", "label", "json_path", "length"})
_Judge = Callable[[Json, Json, JsonObject], bool]
_JUDGES: Final[dict[str, _Judge]] = {
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
