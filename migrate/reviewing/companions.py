"""Groups that mostly touch the same cases: one change of an answer is often met by several rules.

A date that reads differently is a value that changed, and a check that failed. Each is decided by itself, because each
is another promise; a reviewer who decides the one is told of the other.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from migrate.canonical import any_index
from migrate.reviewing.choosing import Seen, changes_of, meant
from migrate.reviewing.groups import WORST_FIRST, Grouping, fingerprint_of, group_id, open_findings
from migrate.reviewing.seen import seen_digest
from migrate.vocabulary import CaseId, Decision, FlowName, Group, Severity

_WHOLE: Final = re.compile(r"\$(calls\[[^\]]*\])?\.?(tool_calls(\[\*\])?)?")
"""Paths of a whole answer, of a call's, or of the calls of tools in it."""


class LeftOpen(NamedTuple):
    """A group in which cases stay open that were let pass for another of their changes."""

    flow: FlowName
    group: Group
    members: tuple[tuple[CaseId, str], ...]
    """Its cases, each with the candidate's text."""


class Companion(NamedTuple):
    """Another group that most members of a group are in as well."""

    id: str
    shared: int
    """Members of both."""


def is_one_change(one: Group, other: Group) -> bool:
    """Say whether two groups of the same cases are one change, met by two rules: both are at one place in the answers.

    The whole answer is no such place: a fence and a wrong fact are both there and have nothing in common.
    """
    return one.path == other.path and not _WHOLE.fullmatch(one.path)


def companions(groups: Mapping[str, Collection[Hashable]]) -> dict[str, tuple[Companion, ...]]:
    """Return for each group the others that at least half of its members are in, those that share most first.

    Groups are given by id with their members, in the order in which equals are listed.
    """
    of: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name, members in groups.items():
        for member in set(members):
            of[member].append(name)
    rank = {name: place for place, name in enumerate(groups)}
    found: dict[str, tuple[Companion, ...]] = {}
    for name, members in groups.items():
        shared = Counter(other for member in set(members) for other in of[member] if other != name)
        half = len(set(members)) / 2
        mostly = (Companion(other, count) for other, count in shared.items() if count >= half)
        found[name] = tuple(sorted(mostly, key=lambda one: (-one.shared, rank[one.id])))
    return found


def left_open(cases: Iterable[tuple[Seen, Sequence[Decision]]]) -> tuple[LeftOpen, ...]:
    """Return the groups that cases stay open in after what was decided of them, worst first, then largest.

    Decisions on other answers than those seen say nothing of these.
    """
    flows: defaultdict[FlowName, Grouping] = defaultdict(Grouping)
    members: defaultdict[str, dict[tuple[CaseId, str], None]] = defaultdict(dict)
    for seen, decisions in cases:
        comparison, answers = seen.comparison, seen_digest(seen.samples)
        mine = [one for one in decisions if one.seen == answers]
        said = {change for one in mine for change in changes_of(meant(one, comparison))}
        rest = (one for one in comparison.findings if one.severity is not Severity.COSMETIC)
        findings = tuple(one for one in rest if (one.kind, any_index(one.path)) not in said)
        left = replace(comparison, findings=findings)
        flows[comparison.flow].add(left)
        for name in {group_id(fingerprint_of(left.flow, finding)) for finding in open_findings(left)}:
            members[name][left.case, left.candidate] = None
    groups = ((flow, group) for flow, grouping in flows.items() for group in grouping.groups())
    found = (LeftOpen(flow, group, tuple(members[group.id])) for flow, group in groups)
    return tuple(
        sorted(found, key=lambda one: (WORST_FIRST[one.group.severity], -len(one.members), one.flow, one.group.id))
    )
