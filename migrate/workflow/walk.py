"""A review, step by step: groups worst first, what was decided of them, and a way back, with nothing of a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migrate.reviewing import (
    WORST_FIRST,
    Choice,
    Companion,
    Said,
    Seen,
    chosen,
    companions,
    fingerprint_of,
    group_changes,
    group_id,
    is_one_change,
    meant,
    showing,
)
from migrate.vocabulary import CaseId, Comparison, Decision, Finding, FlowName, Group, Rung, Severity

Key = tuple[FlowName, CaseId, str]
"""Flow, case, text of the candidate."""


@dataclass(frozen=True, slots=True)
class Example:
    """One case of a group, as it is shown."""

    case: str
    candidate: str
    finding: Finding
    samples: int
    """Samples of the case that show the finding."""


@dataclass(frozen=True, slots=True)
class Change:
    """One group of equal changes, over all candidates of the run."""

    flow: str
    group: Group
    candidates: tuple[str, ...]
    examples: tuple[Example, ...]
    mates: tuple[tuple[Companion, Group], ...] = ()
    """Groups that most of its cases are in as well."""

    @property
    def twins(self) -> tuple[tuple[Companion, Group], ...]:
        """Those of its mates that are the same change, met by another rule."""
        return tuple(pair for pair in self.mates if is_one_change(self.group, pair[1]))

    @property
    def cases(self) -> int:
        """Cases to decide on: one that changed against two candidates is two, as everywhere."""
        return len(self.examples)

    @property
    def is_contract(self) -> bool:
        """True when it can be tolerated but not accepted."""
        return self.group.rung is not Rung.AGREEMENT


@dataclass(slots=True)
class Session:
    """What is open and what was decided so far; nothing is written before the decisions are handed over."""

    cases: Sequence[Seen]
    given: Decision
    """Reviewer, for every decision of the session."""
    now: Callable[[], str]
    """Each decision has a time of its own: by it the last one is found, another day."""
    standing: Mapping[Key, Sequence[Decision]] = field(default_factory=dict)
    """What was decided before, the oldest first, by flow, case and candidate."""
    _made: list[dict[str, list[Decision]]] = field(default_factory=list)
    """What was decided at a time, by group."""

    def changes(self) -> tuple[Change, ...]:
        """Return the groups that are worth a decision, worst first, then largest."""
        found = [change for change in self._changes() if change.group.severity.value != "cosmetic"]
        return tuple(sorted(found, key=_order))

    def _changes(self) -> Iterator[Change]:
        for flow in dict.fromkeys(seen.comparison.flow for seen in self.cases):
            mine = [seen for seen in self.cases if seen.comparison.flow == flow]
            groups = {group.id: group for group in group_changes(seen.comparison for seen in mine)}
            shown = {name: tuple(_examples(group, mine)) for name, group in groups.items()}
            shared = companions({name: [(one.case, one.candidate) for one in these] for name, these in shown.items()})
            for name, group in groups.items():
                examples = shown[name]
                candidates = tuple(dict.fromkeys(one.candidate for one in examples))
                mates = ((mate, groups[mate.id]) for mate in shared[name])
                worth = tuple(pair for pair in mates if pair[1].severity is not Severity.COSMETIC)
                yield Change(flow, group, candidates, examples, worth)

    def decide(
        self,
        change: Change,
        verdict: str,
        reason: str = "",
        without: Iterable[CaseId] = (),
        twins: Iterable[Group] = (),
        **bounds: str | int | None,
    ) -> int:
        """Decide on a group but for some cases, and on twins of it as far as they share those cases.

        Returns for how many cases. Bounds are those of a toleration.
        """
        given = replace(self.given, at=self.now(), verdict=verdict, reason=reason, **bounds)  # type: ignore[arg-type]
        choice = Choice(group=change.group.id, without=frozenset(without))
        made = list(chosen(self.cases, choice, given))
        meant_cases = {(one.case, one.candidate) for one in made}
        act = {change.group.id: made}
        for twin in twins:
            also = chosen(self.cases, replace(choice, group=twin.id), given)
            act[twin.id] = [one for one in also if (one.case, one.candidate) in meant_cases]
        self._made.append(act)
        return len(made)

    def shared(self, change: Change, twin: Group, without: Iterable[CaseId]) -> int:
        """Return how many cases of a group, but for some, are in a twin of it as well."""
        left_out = {*without}
        mine = {(one.case, one.candidate) for one in change.examples if one.case not in left_out}
        theirs = (seen for seen in self.cases if seen.comparison.flow == change.flow)
        return len(mine & {(one.case, one.candidate) for one in _examples(twin, theirs)})

    def said_before(self, change: Change) -> dict[Decision, Said]:
        """Return what was decided of a group before the session, the last word on each case, with how far it goes."""
        members = {(change.flow, one.case, one.candidate) for one in change.examples}
        found: dict[Decision, Said] = {}
        for comparison in (seen.comparison for seen in self.cases):
            key = comparison.flow, comparison.case, comparison.candidate
            earlier = self.standing.get(key, ()) if key in members else ()
            last = next((one for one in reversed(earlier) if _is_about(one, change.group, comparison)), None)
            if last is not None:
                said = found.setdefault(replace(last, case=CaseId(""), candidate="", seen=""), Said())
                said.cases += 1
                samples = showing(last, comparison)
                if last.at_most is not None and samples > last.at_most:
                    said.over, said.most = said.over + 1, max(said.most, samples)
        return found

    def undo(self) -> str | None:
        """Take the last decision back; return the group it was about, None when there is none."""
        return next(iter(self._made.pop())) if self._made else None

    def decided(self) -> dict[str, str]:
        """Return what was decided of which group."""
        return {group: made[0].verdict for group, made in self._by_group().items() if made}

    def decisions(self) -> tuple[Decision, ...]:
        """Return everything decided, the last word on a group alone."""
        return tuple(decision for made in self._by_group().values() for decision in made)

    def _by_group(self) -> dict[str, list[Decision]]:
        return {group: made for act in self._made for group, made in act.items()}


def _is_about(decision: Decision, group: Group, comparison: Comparison) -> bool:
    return any(group_id(fingerprint_of(comparison.flow, one)) == group.id for one in meant(decision, comparison))


def _examples(group: Group, cases: Iterable[Seen]) -> Iterator[Example]:
    for seen in cases:
        comparison = seen.comparison
        probe = Decision(comparison.flow, comparison.case, comparison.candidate, "accept", None, "", group=group.id)
        found = list(meant(probe, comparison))
        if found:
            yield Example(comparison.case, comparison.candidate, found[0], len({one.sample for one in found}))


def _order(change: Change) -> tuple[int, int, str, str]:
    return WORST_FIRST[change.group.severity], -change.cases, change.flow, change.group.id
