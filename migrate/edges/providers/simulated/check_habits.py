"""The habit of failing a check: a wrong label, a wrong figure, a word too many, at a place a check reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from migrate.edges.providers.simulated.check_eye import unfenced
from migrate.edges.providers.simulated.draft import Draft, Slip
from migrate.edges.providers.simulated.facts import changed_facts
from migrate.edges.providers.simulated.json_habits import other_values, outside
from migrate.edges.providers.simulated.places import Steps, put, select
from migrate.edges.providers.simulated.scene import Proposal, Scene
from migrate.edges.providers.simulated.shapes import nodes
from migrate.vocabulary import Check, FindingKind, Json, JsonPath

_WHOLE: Final = JsonPath("$")
Reworded = tuple[str, str]
"""A text, and how it came to be."""


def failed_check(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Yield answers that should fail one of the checks, the likelier way first.

    Which check fails, and that the schema still holds, is for the guard to see: `breaks` is left open here.
    """
    for check in scene.ordered(scene.checks, lambda check: f"{check.kind} {check.path} {check.name}", "failed_check"):
        if draft.kind == "json":
            yield from _in_json(scene, draft, check)
        elif draft.kind == "text" and draft.text is not None and check.path in (None, "$"):
            for text, how in _in_text(check, draft.text):
                yield replace(draft, text=text), _slip(_WHOLE, draft.text[:200], text[:200], how)


def _slip(path: JsonPath, before: Json, after: Json, how: str, steps: Steps | None = None) -> Slip:
    return Slip("failed_check", path, before, after, changes=FindingKind.VALUE_CHANGED, how=how, steps=steps)


def _in_json(scene: Scene, draft: Draft, check: Check) -> Iterator[Proposal]:
    places = {steps for steps, _ in select(draft.value, str(check.path or "$"))}
    for node in nodes(draft.value, scene.schema):
        inside = any(node.steps[: len(steps)] == steps for steps in places)
        if not inside or not scene.free(node.steps) or not node.steps:
            continue
        others: list[Reworded | tuple[Json, str]] = [(new, "another value") for new in other_values(node)]
        if isinstance(node.value, str) and "enum" not in node.schema:
            others += list(_in_text(check, node.value))
        if isinstance(node.value, list) and node.value:
            others.append((node.value[:-1], "an item fewer"))
        for new, how in others:
            changed = replace(draft, value=put(draft.value, node.steps, new))
            yield changed, _slip(check.path or _WHOLE, node.value, new, how, node.steps)


def _in_text(check: Check, text: str) -> Iterator[Reworded]:
    yield from _for_labels(check, text)
    yield from _for_parts(check, text)
    yield from _for_code(check, text)
    yield from ((new, f"{before} became {after}") for new, before, after in changed_facts(text))
    yield re.sub(r"\[(\w+)\]", "[99]", text), "a citation of nothing"
    yield f"Sure! {text}", "a word in front"
    yield f"{text}\n\nLet me know if there is anything else.", "a sentence behind"
    yield text[: max(1, len(text) // 8)], "too short"
    yield " ".join([text] * 12), "too long"


def _for_labels(check: Check, text: str) -> Iterator[Reworded]:
    """Yield another label, a label nobody knows, and a label in a sentence."""
    if check.kind not in ("label", "one_of", "equals"):
        return
    options = check.arguments.get("one_of" if check.kind == "label" else "value") or ()
    known = [str(option) for option in options] if isinstance(options, list) else []
    yield from ((option, "another label") for option in known if option.casefold() != text.strip().casefold())
    yield outside(text.strip(), known), "a label outside the set"
    yield f"The answer is {text.strip()}, as far as I can tell.", "a label in a sentence"


def _for_parts(check: Check, text: str) -> Iterator[Reworded]:
    """Yield the text without what it must contain, or with what it must not."""
    wanted = check.arguments.get("value")
    parts = [part for part in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(part, str) and part]
    for part in parts:
        if check.kind == "not_contains":
            yield f"{text} {part}", "a forbidden word"
        elif part in text:
            yield text.replace(part, next((new for new, *_ in changed_facts(part)), "")), f"without {part}"


def _for_code(check: Check, text: str) -> Iterator[Reworded]:
    """Yield code that names a table or function nobody defined."""
    code = unfenced(text)
    if check.kind == "sql":
        yield re.sub(r"(?i)\b(from|join)\s+(\w+)", r"\1 \2_archive", code, count=1), "a table nobody knows"
    elif check.kind == "python":
        yield re.sub(r"\bdef (\w+)", r"def \1_v2", code, count=1), "a function of another name"
        yield re.sub(r"(?m):$", "", code, count=1), "a colon left out"
