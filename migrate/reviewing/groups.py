"""Groups of equal changes: three hundred cases with one and the same difference are one thing to look at.

Two findings are equal when flow, path (list indices as `[*]`), kind, severity, types before and after and the class
of the values are: `12.5 -> "12.50"` and `3 -> "3"` are both `number -> string`. Where the exact word is the news (a
value outside an enum, the name of a tool or a check) it belongs to the fingerprint; elsewhere it would tear one
change apart into as many groups as there are cases.

Findings carry values cut short: of a large list or object only its size is left, in words that are read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from migrate.canonical import any_index, canonical_json, digest
from migrate.vocabulary import (
    CaseId,
    CaseVerdict,
    Comparison,
    Finding,
    FindingKind,
    FlowName,
    Group,
    Json,
    JsonPath,
    Rung,
    Severity,
)

ID_LENGTH: Final = 7
"""Hex digits of a group's id: among a thousand groups two share one with a chance of 0.2 %."""

LONGEST_WORD: Final = 40
"""Characters of a value that is still a word, and not prose."""

WORST_FIRST: Final = {Severity.BREAKING: 0, Severity.DRIFT: 1, Severity.COSMETIC: 2}

_NUMBER: Final = re.compile(r"[-+]?\d+(?:[.,]\d+)*%?")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?")
_STAND_IN: Final = re.compile(r"(?:(object with \d+ keys?)|(list of \d+ items?)|(integer of about \d+ digits))")

_BY_WORD: Final = frozenset(
    {
        FindingKind.NOT_IN_ENUM,
        FindingKind.MISSING_TOOL_CALL,
        FindingKind.UNEXPECTED_TOOL_CALL,
        FindingKind.WRONG_TOOL,
        FindingKind.UNKNOWN_TOOL,
    }
)
"""Kinds whose exact word is part of the change."""

_BY_RULE: Final = frozenset({FindingKind.CHECK_FAILED, FindingKind.SCHEMA_VIOLATION})
"""Kinds told apart by the check or the schema rule that made them."""

_BY_TYPE: Final = frozenset({FindingKind.TYPE_CHANGED, FindingKind.WRONG_TYPE, FindingKind.NULL_NOT_ALLOWED})
"""Kinds of which the types say all, and are shown in the title."""

_BY_KEY: Final = frozenset(
    {FindingKind.KEY_ADDED, FindingKind.EXTRA_KEY, FindingKind.KEY_REMOVED, FindingKind.MISSING_REQUIRED}
)
"""Kinds about a key, whatever its value."""


_CONTRACT_BROKEN_TODAY: Final = frozenset({CaseVerdict.UNSTABLE_BASELINE, CaseVerdict.IMPROVED})


class Fingerprint(NamedTuple):
    """What equal changes have in common."""

    flow: FlowName
    path: JsonPath
    kind: FindingKind
    severity: Severity
    types: str
    """`number -> string`."""
    values: str
    """The class of the values, or the very word; empty where the types say all."""


def group_changes(comparisons: Iterable[Comparison]) -> tuple[Group, ...]:
    """Return the groups of the unexplained findings of one candidate's comparisons, worst first, then largest."""
    grouping = Grouping()
    for comparison in comparisons:
        grouping.add(comparison)
    return grouping.groups()


class Grouping:
    """Groups comparisons as they come, keeping case ids and counts alone."""

    def __init__(self) -> None:
        self._members: dict[Fingerprint, _Members] = {}

    def add(self, comparison: Comparison) -> None:
        """Count the findings of a comparison that nothing explains."""
        for finding in open_findings(comparison):
            fingerprint = fingerprint_of(comparison.flow, finding)
            members = self._members.get(fingerprint)
            if members is None:
                members = self._members[fingerprint] = _Members(finding.rung)
            members.cases[comparison.case] = None
            members.count += 1

    def groups(self) -> tuple[Group, ...]:
        """Return the groups so far, worst first, then largest."""
        return tuple(sorted(self._groups(), key=_order))

    def _groups(self) -> Iterator[Group]:
        titles = _titles(self._members)
        for fingerprint, members in self._members.items():
            yield Group(
                id=group_id(fingerprint),
                kind=fingerprint.kind,
                severity=fingerprint.severity,
                rung=members.rung,
                path=fingerprint.path,
                title=titles[fingerprint],
                cases=tuple(sorted(members.cases)),
                count=members.count,
            )


class _Members:
    """Who belongs to a group."""

    __slots__ = ("cases", "count", "rung")

    def __init__(self, rung: Rung) -> None:
        self.rung = rung
        self.cases: dict[CaseId, None] = {}
        self.count = 0


def open_findings(comparison: Comparison) -> Iterator[Finding]:
    """Yield the findings that nothing explains.

    Where today's model breaks the contract as well (always, or no less often than the candidate) a broken contract is
    no change: those findings are left out.
    """
    if comparison.verdict is CaseVerdict.CONTRACT_NOT_KEPT:
        return
    shared = comparison.verdict in _CONTRACT_BROKEN_TODAY
    for finding in comparison.findings:
        if finding.explained is None and not (shared and finding.rung is not Rung.AGREEMENT):
            yield finding


def fingerprint_of(flow: FlowName, finding: Finding) -> Fingerprint:
    """Return what a finding has in common with its equals."""
    kind, before, after = finding.kind, finding.expected, finding.actual
    types = f"{_type_before(kind, before)} -> {_type_of(after)}"
    if kind in _BY_KEY:
        types = values = ""
    elif kind in _BY_TYPE:
        values = ""
    elif kind in _BY_RULE:
        values = finding.rule
    elif kind is FindingKind.NOT_IN_ENUM:
        values = _word(after)
    elif kind in _BY_WORD:
        values = f"{_word(before)} -> {_word(after)}"
    else:
        values = f"{_class_of(before)} -> {_class_of(after)}"
    return Fingerprint(flow, any_index(finding.path), kind, finding.severity, types, values)


def group_id(fingerprint: Fingerprint) -> str:
    """Return the short, stable id of a group: the same change has it in every run and for every candidate."""
    flow, path, kind, severity, types, values = fingerprint
    return "G" + digest(canonical_json([flow, path, kind.value, severity.value, types, values]))[:ID_LENGTH]


def _order(group: Group) -> tuple[int, int, int, str, str]:
    return WORST_FIRST[group.severity], -len(group.cases), -group.count, group.path, group.id


def _titles(fingerprints: Iterable[Fingerprint]) -> dict[Fingerprint, str]:
    """Return the title of each group; where several of a flow would have the same one, with what tells them apart.

    Those that differ in severity alone keep it: the severity stands beside every title.
    """
    alike: dict[tuple[FlowName, str], list[Fingerprint]] = {}
    for one in fingerprints:
        alike.setdefault((one.flow, _title(one)), []).append(one)
    return {one: f"{title}{_apart(one, same)}" for (_, title), same in alike.items() for one in same}


def _apart(one: Fingerprint, same: Iterable[Fingerprint]) -> str:
    """Return what tells a group from others of its title: the class of its values, else their types."""
    others = [other for other in same if other != one]
    if any(other.values != one.values for other in others):
        return f", {_shown(one.values)}"
    return f", {one.types}" if any(other.types != one.types for other in others) else ""


def _title(fingerprint: Fingerprint) -> str:
    _, path, kind, _, types, values = fingerprint
    words = kind.value.replace("_", " ")
    if kind in _BY_TYPE:
        return f"{path} {types}"
    if kind in _BY_RULE:
        return f"{path} {words}: {values}" if values else f"{path} {words}"
    if kind in _BY_WORD:
        return f"{path} {words}: {_shown(values)}"
    if kind is FindingKind.VALUE_CHANGED:
        return f"{path} {words}, {values}"
    return f"{path} {words}"


def _shown(values: str) -> str:
    """Return an exact pair without the side that nobody named."""
    before, _, after = values.partition(" -> ")
    return after if before == "null" else before if after == "null" else values


def _type_before(kind: FindingKind, value: Json) -> str:
    """Return the type a value had, or, for a broken schema, what it should have been: `number or null`."""
    if kind is FindingKind.WRONG_TYPE and isinstance(value, str):
        return value
    if kind is FindingKind.NULL_NOT_ALLOWED:
        return value if isinstance(value, str) else "enum"
    return _type_of(value)


def _type_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            stand_in = _STAND_IN.fullmatch(value)
            return "string" if stand_in is None else ("object", "array", "number")[(stand_in.lastindex or 1) - 1]
        case list() | tuple():
            return "array"
        case _:
            return "object"


def _class_of(value: Json) -> str:
    """Return a coarse description under which equal changes of different values meet."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() if _type_of(value) == "string":
            return _text_class(value)
        case list() | tuple():
            return "array" if value else "empty array"
        case _:
            return _type_of(value)


def _text_class(text: str) -> str:
    if not text.strip():
        return "empty text"
    if _NUMBER.fullmatch(text):
        return "number as text"
    if _DATE.fullmatch(text):
        return "date"
    if text.startswith(("https://", "http://")):
        return "address"
    return "word" if len(text) <= LONGEST_WORD and not any(char.isspace() for char in text) else "text"


def _word(value: Json) -> str:
    """Return the word itself where it is short enough to be one, else its class."""
    if isinstance(value, (bool, int, float, str)) and len(str(value)) <= LONGEST_WORD:
        return f'"{value}"' if isinstance(value, str) else str(value)
    return _class_of(value)
