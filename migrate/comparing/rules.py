"""Rules by JSON path: which one governs a place, the most specific winning.

A rule speaks of the place its path names and, for the kinds in `_INHERITED`, of everything below it. A concrete
step is more specific than `[*]`, a longer path more than a shorter one. An expired rule does not hold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from migrate.comparing.paths import Step, parse_path
from migrate.vocabulary import Json, Rule

_INHERITED: Final = frozenset({"ignore", "exact", "tolerance", "similarity", "present"})


@dataclass(slots=True)
class _Node:
    """One step of the rules' paths, laid over each other."""

    children: dict[Step, _Node] = field(default_factory=dict)
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rules as seen from one place of an answer."""

    nodes: tuple[_Node, ...] = ()
    """Where the rules' paths have got to, most specific first."""
    here: Rule | None = None
    """The rule that names this very place."""
    above: Rule | None = None
    """The rule that holds for everything below this place."""

    @property
    def rule(self) -> Rule | None:
        """The rule that governs this place."""
        return self.here or self.above

    @property
    def kind(self) -> str:
        """Kind of the governing rule, empty when there is none."""
        rule = self.here or self.above
        return rule.kind if rule is not None else ""

    @property
    def silent(self) -> bool:
        """True when nothing at this place or below it is compared."""
        return self.kind in ("ignore", "present") and not any(node.children for node in self.nodes)

    def down(self, step: Step) -> Cursor:
        """Return the rules as seen one step further."""
        if not self.nodes:
            return self if self.here is None else Cursor((), None, self.above)
        nodes = [node.children[step] for node in self.nodes if step in node.children]
        if step is not None:
            nodes += [node.children[None] for node in self.nodes if None in node.children]
        here = next((node.rule for node in nodes if node.rule is not None), None)
        above = here if here is not None and here.kind in _INHERITED else self.above
        if not nodes and above is None:
            return NO_RULES
        return Cursor(tuple(nodes), here, above)


NO_RULES: Final = Cursor()


class RuleBook:
    """The rules of a flow, ready to be followed from either root."""

    __slots__ = ("_days", "_rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules: Final = tuple(rules)
        self._days: Final[dict[dt.date | None, Cursor]] = {}

    def root(self, name: Step, today: dt.date | None) -> Cursor:
        """Return the rules as seen from a root (`$` or `$tool_calls`), those expired before `today` left out.

        Without a day every rule holds.
        """
        if not self._rules:
            return NO_RULES
        if today not in self._days:
            self._days[today] = Cursor((_laid_out(self._rules, today),))
        return self._days[today].down(name)


def _laid_out(rules: Sequence[Rule], today: dt.date | None) -> _Node:
    root = _Node()
    for rule in rules:
        if not _holds(rule, today):
            continue
        node = root
        for step in parse_path(rule.path):
            node = node.children.setdefault(step, _Node())
        node.rule = rule
    return root


def _holds(rule: Rule, today: dt.date | None) -> bool:
    return today is None or rule.expires is None or dt.date.fromisoformat(rule.expires) >= today


def tolerance_of(rule: Rule) -> tuple[float, float]:
    """Return the absolute and the relative bound of a `tolerance` rule."""
    value: Json = rule.value
    if isinstance(value, dict):
        bounds: dict[str, float] = value
        return float(bounds.get("abs") or 0.0), float(bounds.get("rel") or 0.0)
    return float(value), 0.0


def bound_of(rule: Rule) -> float:
    """Return the bound of a `similarity` rule, 0 to 1."""
    value: Json = rule.value
    if isinstance(value, dict):
        value = value["similarity" if "similarity" in value else "bound"]
    return float(value)


def key_of(rule: Rule) -> str:
    """Return the field that a `key` rule matches list items by."""
    value: Json = rule.value
    return str(value.get("key", "") if isinstance(value, dict) else value)


def options_of(rule: Rule) -> list[Json]:
    """Return the values a `one_of` rule allows."""
    value: Json = rule.value
    return list(value.get("one_of", ()) if isinstance(value, dict) else value)


def pattern_of(rule: Rule) -> str:
    """Return the pattern of a `regex` rule."""
    value: Json = rule.value
    return str(value.get("regex", value.get("pattern", "")) if isinstance(value, dict) else value)
