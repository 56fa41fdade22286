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


def broken_checks(checks: tuple[Check, ...], draft: Draft) -> tuple[Break, ...]:
    """Return the checks a draft fails, in their order; those this eye cannot judge are never among them."""
    if not checks:
        return ()
    text = written(draft)
    plain = tuple(
        Break(Rung.CHECKS, FindingKind.CHECK_FAILED, check.path or JsonPath("$"), check.name)
        for check in checks
        if check.kind != "tool_calls" and _holds(check, draft, text) is False
    )
    return (
        *plain,
        *(broken for check in checks if check.kind == "tool_calls" for broken in _broken_calls(check, draft)),
    )


def _broken_calls(check: Check, draft: Draft) -> list[Break]:
    """Return what a `tool_calls` check finds wrong: a call missing, one too many, an argument it names another."""
    expected = check.arguments["value"]
    wanted = expected.get("tool_calls", []) if isinstance(expected, dict) else expected or []
    left = list(enumerate(draft.calls))
    broken: list[Break] = []
    missing = 0
    for call in wanted:
        named = call.get("arguments") or {}
        fitting = [(index, made) for index, made in left if made.name == call["name"]]
        if not fitting:
            missing += 1
            continue
        index, made = max(fitting, key=lambda one: (_agreeing(one[1].arguments, named), -one[0]))
        left.remove((index, made))
        wrong = [key for key in named if not isinstance(made.arguments, dict) or made.arguments.get(key) != named[key]]
        broken += [_call_break(FindingKind.INVALID_ARGUMENTS, check, index, "arguments", key) for key in wrong]
    kinds = [FindingKind.WRONG_TOOL] * missing + [FindingKind.UNEXPECTED_TOOL_CALL] * len(left)
    broken += [_call_break(kind, check, index) for kind, (index, _) in zip(kinds, left, strict=False)]
    if missing > len(left):
        broken.append(Break(Rung.TOOLS, FindingKind.MISSING_TOOL_CALL, JsonPath("$tool_calls"), check.name))
    return broken


def _agreeing(arguments: Json, named: JsonObject) -> int:
    return sum(isinstance(arguments, dict) and arguments.get(key) == wanted for key, wanted in named.items())


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
