"""What must change in a request before another model takes it, and how that is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from migrate.catalogue import UNKNOWN_FAMILY, Family, facts
from migrate.edges.intercept.asking import Asked
from migrate.edges.intercept.edits import Drop, Edit, Put, Rename
from migrate.vocabulary import Json


class Swaps(Protocol):
    """Says which model a call goes to; a `Candidate` does."""

    def model_for(self, baseline: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Swap:
    """The changes of one request; none when it goes out as the application made it."""

    edits: tuple[Edit, ...] = ()
    deployment: str | None = None
    """Azure's deployment to send it to; None: the one in the URL, or there is none."""
    notes: tuple[str, ...] = ()
    """What was changed beside the model: `temperature: not taken by gpt-5, left out`."""


UNSWAPPED: Final = Swap()
Changes = dict[str, tuple[Edit, str]]
"""Member -> what is done to it, and the words for it."""


def swap_for(asked: Asked, swaps: Swaps | None) -> Swap:
    """Return what changes for the candidate; embeddings are never swapped, models that are not mapped stay."""
    if swaps is None or asked.endpoint == "embeddings":
        return UNSWAPPED
    target = swaps.model_for(asked.model)
    if target == asked.model and asked.deployment is not None:
        target = swaps.model_for(asked.deployment)
        if target == asked.deployment:
            return UNSWAPPED
    elif target == asked.model:
        return UNSWAPPED
    edits, notes = _translated(asked, target)
    deployment = None if asked.deployment is None else target
    return Swap((Put("model", target), *edits), deployment, notes)


def _translated(asked: Asked, target: str) -> tuple[tuple[Edit, ...], tuple[str, ...]]:
    known = facts(target)
    family = UNKNOWN_FAMILY if known is None else known.family
    changes = {**_wanted(asked, family, target), **_renamed(asked, family, target)}
    parameters = _parameters(asked) | {name: edit.value for name, (edit, _) in changes.items() if isinstance(edit, Put)}
    for name in family.refusals(parameters):
        if name in asked.body:
            changes[name] = Drop(name), f"{name}: not taken by {target}, left out"
    return tuple(edit for edit, _ in changes.values()), tuple(note for _, note in changes.values())


def _wanted(asked: Asked, family: Family, target: str) -> Changes:
    """Return what the family wants beside function tools in Chat Completions."""
    if asked.endpoint != "chat" or not asked.body.get("tools"):
        return {}
    return {
        name: (Put(name, value), f"{name}: set to {value}, which {target} wants beside tools")
        for name, value in family.tools_in_chat.items()
        if asked.body.get(name) != value
    }


def _renamed(asked: Asked, family: Family, target: str) -> Changes:
    changes: Changes = {}
    for name, to in family.renamed.items() if asked.endpoint == "chat" else ():
        if name not in asked.body:
            continue
        if to in asked.body:
            changes[name] = Drop(name), f"{name}: left out, {to} says it to {target}"
        else:
            changes[name] = Rename(name, to), f"{name}: sent as {to}, the name {target} takes"
    return changes


def _parameters(asked: Asked) -> dict[str, Json]:
    """Return the parameters of a request in Chat Completions' names."""
    reasoning = asked.body.get("reasoning")
    effort = reasoning.get("effort") if isinstance(reasoning, Mapping) else None
    return dict(asked.body) if effort is None else {**asked.body, "reasoning_effort": effort}
