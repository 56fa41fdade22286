"""What an answer must keep, judged by this room's own small eye: the schema and the plainer checks.

It serves two ends. A harmless habit is dropped when it would break a promise, and a harmful one is kept only
when it breaks the promise it is meant to break. Nothing of `migrate.comparing` is used: the habit log is to
be an account of its own.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from migrate.edges.providers.simulated.check_eye import BY_VALUE, JUDGES, path_holds
from migrate.edges.providers.simulated.draft import Break, Draft
from migrate.edges.providers.simulated.places import path_text, select
from migrate.vocabulary import Check, FindingKind, Json, JsonObject, JsonPath, Rung


@functools.lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(json.loads(schema), offline=True, validate_formats=False)


def schema_text(schema: JsonObject | None) -> str | None:
    """Return a schema as the text by which its validator is kept."""
    return None if schema is None else json.dumps(schema, sort_keys=True)


def schema_problems(schema: str | None, value: Json, root: str = "$") -> list[tuple[JsonPath, str]]:
    """Return what a value breaks: the path of the value and the keyword of the schema."""
    if schema is None:
        return []
    try:
        errors = list(_validator(schema).iter_errors(value))
    except (ValueError, SystemError):  # a lone surrogate, which the validator cannot take
        return []
    return [(path_text(tuple(error.instance_path), root), str(error.schema_path[-1])) for error in errors]


def broken_checks(checks: tuple[Check, ...], draft: Draft, tools: frozenset[str] = frozenset()) -> tuple[Break, ...]:
    """Return the checks a draft fails, in their order; those this eye cannot judge are never among them.

    `tools` are the names on offer. Of text that should be JSON and is none, only what looks at text is judged.
    """
    if not checks:
        return ()
    text = written(draft)
    readable = draft.kind != "json" or (draft.refusal is None and (draft.text is None or _holds_json(draft.text)))
    plain = tuple(
        Break(Rung.CHECKS, FindingKind.CHECK_FAILED, check.path or JsonPath("$"), check.name)
        for check in checks
        if check.kind != "tool_calls" and (readable or _of_text(check)) and _holds(check, draft, text) is False
    )
    calls = (check for check in checks if check.kind == "tool_calls")
    return (*plain, *(broken for check in calls for broken in broken_calls(check, draft, tools)))


def _holds_json(text: str) -> bool:
    """Say whether a whole JSON answer can be got out of a text: from a fence and from among prose it can."""
    ends = [text.rfind(bracket) for bracket in "}]"]
    starts = [found for found in (text.find("{"), text.find("[")) if found >= 0]
    try:
        json.loads(text[min(starts, default=0) : max(ends) + 1])
    except ValueError:
        return False
    return True


def _of_text(check: Check) -> bool:
    return check.path is None and check.kind not in BY_VALUE


def broken_calls(check: Check, draft: Draft, tools: frozenset[str]) -> list[Break]:
    """Return what a `tool_calls` check finds wrong: a call missing, one too many, an argument it names another.

    A call of the wrong tool stands for one that is missing. A tool that is not on offer is wrong in itself, and
    not once more for being another than the right one.
    """
    expected = check.arguments["value"]
    wanted = expected.get("tool_calls", []) if isinstance(expected, dict) else expected or []
    pairs = _paired(wanted, draft)
    wrong = [
        _call_break(FindingKind.INVALID_ARGUMENTS, check, index, "arguments", key)
        for place, index in pairs
        for key, value in (wanted[place].get("arguments") or {}).items()
        if not _holds_argument(draft.calls[index].arguments, key, value)
    ]
    paired = {index for _, index in pairs}
    missing = sorted(call["name"] for place, call in enumerate(wanted) if place not in dict(pairs))
    surplus = [index for index in range(len(draft.calls)) if index not in paired]
    swapped, over = surplus[: len(missing)], surplus[len(missing) :]
    known = [index for index in swapped if draft.calls[index].name in tools]
    right = {call["name"] for call in wanted}
    return [
        *(_call_break(FindingKind.WRONG_TOOL, check, index, "name") for index in known),
        *(_lost(check, name, draft) for name in dict.fromkeys(missing[len(swapped) :])),
        *(_call_break(_over(draft.calls[index].name, right), check, index) for index in over),
        *wrong,
    ]


def _paired(wanted: Json, draft: Draft) -> list[tuple[int, int]]:
    """Return which call stands for which expected one: of the same name, those that agree most first."""
    ranked = sorted(
        (-sum(_holds_argument(made.arguments, *one) for one in (call.get("arguments") or {}).items()), place, index)
        for place, call in enumerate(wanted)
        for index, made in enumerate(draft.calls)
        if made.name == call["name"]
    )
    pairs: list[tuple[int, int]] = []
    for _, place, index in ranked:
        if all(place != other and index != taken for other, taken in pairs):
            pairs.append((place, index))
    return pairs


def _holds_argument(arguments: Json, key: str, value: Json) -> bool:
    return isinstance(arguments, dict) and key in arguments and arguments[key] == value


def _over(name: str, right: set[str]) -> FindingKind:
    return FindingKind.WRONG_CALL_COUNT if name in right else FindingKind.UNEXPECTED_TOOL_CALL


def _lost(check: Check, name: str, draft: Draft) -> Break:
    called = any(call.name == name for call in draft.calls)
    kind = FindingKind.WRONG_CALL_COUNT if called else FindingKind.MISSING_TOOL_CALL
    return Break(Rung.TOOLS, kind, JsonPath("$tool_calls"), check.name)


def _call_break(kind: FindingKind, check: Check, index: int, *steps: str) -> Break:
    return Break(Rung.TOOLS, kind, path_text(steps, f"$tool_calls[{index}]"), check.name)


def written(draft: Draft) -> str:
    """Return the text of a draft as it would be sent, in its plainest form."""
    if draft.text is not None or draft.kind != "json":
        return draft.text or ""
    return json.dumps(draft.value, ensure_ascii=False)


def _holds(check: Check, draft: Draft, text: str) -> bool | None:
    """Say whether a check passes; None: not for this eye."""
    judge = JUDGES.get(check.kind)
    if judge is None:
        return None
    if check.path in (None, "$"):
        subjects = [draft.value if draft.kind == "json" and check.kind in BY_VALUE else text]
    else:
        subjects = [value for _, value in select(draft.value, str(check.path))] if draft.kind == "json" else []
    if check.kind == "json_path":
        return path_holds(subjects, check.arguments)
    return bool(subjects) and all(judge(subject, check.arguments) for subject in subjects)
