"""Cascades replayed over recorded answers: ask a cheap model first, and pass on what can be seen to be bad.

No call is made. Every tier's samples of a case are independent of the other tiers', so a case's mean over all paths
(K1 x K2 x K3 of them) is the mean over the first tier's samples of what each leads to: exact, without enumerating.
Rates of tiers are never multiplied over cases: a case that one model fails is likelier to be failed by the next.

Only what the application itself can see passes an answer on: a broken schema, a cut, refused or empty answer, or a
judge's score where there is one. Wrong answers that look right stay: they are the leak.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Final, TypeAlias

from migrate.routing.confirming import cross_fitted, fold_of
from migrate.routing.nouns import (
    BreakEven,
    Cascade,
    Cascades,
    Confirmed,
    FlowTrials,
    Option,
    Point,
    RoutePolicy,
    Row,
    Rules,
)
from migrate.routing.spending import difference_interval, mean_interval
from migrate.statistics import Differences, p_within, quantile, upper_bound
from migrate.vocabulary import CaseId

MOST_TIERS: Final = 3
MOST_TAUS: Final = 9
"""Thresholds that are tried: evenly spaced among the scores that were given."""

Tiers: TypeAlias = Mapping[str, Mapping[CaseId, tuple[Row, ...]]]
"""Recorded answers by model and case."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a cascade does with one case, in the mean over all its paths."""

    good: float
    agreement: float | None
    usd: float
    ms: float | None
    worst_ms: float | None
    answered: tuple[float, ...]
    """Share of the paths that end at each tier."""
    passed_on: float
    """Passings-on a path, over all tiers but the last."""
    passed_bad: float
    """Those among them whose answer was bad."""
    leaked: float
    """Share of the paths that end before the last tier with a bad answer."""


def replay_case(rows: Sequence[Sequence[Row]], tau: float | None, judge_usd: float) -> Replayed:
    """Follow all paths of one case through the tiers' recorded answers."""
    first, rest = rows[0], rows[1:]
    then = replay_case(rest, tau, judge_usd) if rest else None
    # Samples that are alike in everything lead to the same.
    alike = first[:1] if all(row == first[0] for row in first) else first
    return _mean([_follow(row, then, tau, judge_usd, len(rest)) for row in alike])


def escalates(row: Row, tau: float | None) -> bool:
    """Say whether an answer is passed on: by what can be seen, never by what is right."""
    return bool(row.signals) or (tau is not None and row.judge is not None and row.judge < tau)


def _follow(row: Row, then: Replayed | None, tau: float | None, judge_usd: float, left: int) -> Replayed:
    # A judge is asked about an answer that could still be passed on and shows no fault by itself.
    judging = judge_usd if then is not None and tau is not None and not row.signals else 0.0
    usd, bad = float(row.usd or 0) + judging, not row.kept
    if then is None or not escalates(row, tau):
        ends = (1.0, *(0.0,) * left)
        leaked = float(bad and then is not None)
        return Replayed(float(row.kept), row.agreement, usd, row.ms, row.ms, ends, 0.0, 0.0, leaked)
    return Replayed(
        good=then.good,
        agreement=then.agreement,
        usd=usd + then.usd,
        ms=_add(row.ms, then.ms),
        worst_ms=_add(row.ms, then.worst_ms),
        answered=(0.0, *then.answered),
        passed_on=1 + then.passed_on,
        passed_bad=bad + then.passed_bad,
        leaked=then.leaked,
    )


def _add(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _mean(paths: Sequence[Replayed]) -> Replayed:
    n = len(paths)
    if n == 1:
        return paths[0]
    agreements = [path.agreement for path in paths if path.agreement is not None]
    times = [path.ms for path in paths if path.ms is not None]
    longest = [path.worst_ms for path in paths if path.worst_ms is not None]
    return Replayed(
        good=sum(path.good for path in paths) / n,
        agreement=sum(agreements) / n if len(agreements) == n else None,
        usd=sum(path.usd for path in paths) / n,
        ms=sum(times) / n if len(times) == n else None,
        worst_ms=max(longest) if len(longest) == n else None,
        answered=tuple(sum(shares) / n for shares in zip(*(path.answered for path in paths), strict=True)),
        passed_on=sum(path.passed_on for path in paths) / n,
        passed_bad=sum(path.passed_bad for path in paths) / n,
        leaked=sum(path.leaked for path in paths) / n,
    )


# --- A flow's cascades --------------------------------------------------------------------------------------------


def replayed(flow: FlowTrials, options: Sequence[Option], policy: RoutePolicy) -> Cascades | None:
    """Return what single models and cascades of a flow are worth; None where fewer than two can be replayed."""
    table = Table(flow, options, policy.slower)
    if len(table.tiers) < 2 or not table.cases:
        return None
    rules = list(table.rules())
    points = [table.point(one) for one in rules]
    curve = _marked(sorted(points, key=lambda point: (point.usd, -point.good)))
    best = table.best(rules, table.cases)
    return Cascades(curve, None if best is None else table.cascade(best, rules), table.left_out, table.unseen)


class Table:
    """The recorded answers of a flow's tiers over the cases that all of them have whole."""

    def __init__(self, flow: FlowTrials, options: Sequence[Option], slower: float) -> None:
        self._flow = flow
        found: dict[str, Mapping[CaseId, tuple[Row, ...]]] = {
            option.candidate: option.trial.rows for option in options if not option.unavailable
        }
        if flow.baseline_rows:
            found[flow.baseline] = flow.baseline_rows
        self._alpha = flow.policy.alpha
        self._slower = slower
        known = {name: _priced(rows) for name, rows in found.items()}
        known = {name: rows for name, rows in known.items() if rows}
        every = [set(rows) for rows in known.values()]
        shared = set.intersection(*every) if every else set()
        self.cases = sorted(shared & set(flow.baseline_rows)) if flow.baseline_rows else []
        self.left_out = len(set.union(*every) - shared) if every else 0
        self.tiers: Tiers = dict(sorted(known.items(), key=lambda one: self._usd(one[1])))
        self.unseen = "" if flow.baseline_rows else "the baseline's samples were judged by another contract"
        self._judge_usd = float(flow.judge_usd or 0)
        # Many cascades differ in no case: what bounds the one bounds the other.
        self._bound = cache(lambda differences: upper_bound(differences, flow.policy.alpha))
        self._cache: dict[Rules, dict[CaseId, Replayed]] = {}
        self._pairs: dict[Rules, dict[CaseId, tuple[float, float | None]]] = {}
        self._today = {case: _kept(flow.baseline_rows[case]) for case in self.cases}

    def _usd(self, rows: Mapping[CaseId, tuple[Row, ...]]) -> float:
        costs = [float(row.usd or 0) for case in self.cases for row in rows[case]]
        return sum(costs) / len(costs) if costs else 0.0

    def rules(self) -> Iterator[Rules]:
        """Yield single models, and every cascade of two or three of them from cheap to dear, with every threshold."""
        taus = (None, *self._taus())
        for count in range(1, MOST_TIERS + 1):
            for tiers in combinations(self.tiers, count):
                yield from (Rules(tiers, tau) for tau in (taus if count > 1 else (None,)))

    def _taus(self) -> list[float]:
        scores = sorted(
            {
                row.judge
                for rows in self.tiers.values()
                for case in rows.values()
                for row in case
                if row.judge is not None
            }
        )
        step = max(len(scores) / MOST_TAUS, 1)
        return [scores[int(place * step)] for place in range(min(len(scores), MOST_TAUS))][1:]

    def replay(self, rules: Rules) -> dict[CaseId, Replayed]:
        """Return what the cascade does with each case."""
        if rules not in self._cache:
            chosen = [self.tiers[name] for name in rules.tiers]
            self._cache[rules] = {
                case: replay_case([rows[case] for rows in chosen], rules.tau, self._judge_usd) for case in self.cases
            }
        return self._cache[rules]

    def point(self, rules: Rules) -> Point:
        """Return what a way to answer is worth."""
        found = self.replay(rules)
        contract, agreement = self._differences(rules, self.cases)
        return Point(
            rules=rules,
            cases=len(self.cases),
            good=sum(one.good for one in found.values()) / len(found),
            usd=sum(one.usd for one in found.values()) / len(found),
            excess=contract.mean,
            high=self._bound(contract),
            agreement_high=self._bound(agreement) if agreement.n else None,
            satisfactory=self._satisfies(contract, agreement),
        )

    def best(self, rules: Sequence[Rules], cases: Sequence[CaseId]) -> Rules | None:
        """Return the cheapest cascade that is within the margin; else the one that errs least, by what is seen."""
        fine, others = [], []
        for one in rules:
            if len(one.tiers) > 1:
                found = self.replay(one)
                usd = sum(found[case].usd for case in cases)
                contract, agreement = self._differences(one, cases)
                if self._satisfies(contract, agreement):
                    fine.append((usd, one))
                else:
                    others.append((max(contract.mean, agreement.mean), usd, one))
        if fine:
            return min(fine, key=lambda found: found[0])[1]
        return min(others, key=lambda found: found[:2])[2] if others else None

    def _differences(self, rules: Rules, cases: Sequence[CaseId]) -> tuple[Differences, Differences]:
        """Return by how much each case's answers are worse than the baseline's: contract, agreement."""
        found = self._compared(rules)
        pairs = [found[case] for case in cases]
        contract = Counter(worse for worse, _ in pairs)
        agreement = Counter(differing for _, differing in pairs if differing is not None)
        return Differences.counted(contract), Differences.counted(agreement)

    def _compared(self, rules: Rules) -> dict[CaseId, tuple[float, float | None]]:
        if rules not in self._pairs:
            found = self.replay(rules)
            self._pairs[rules] = {case: self._pair(found[case], case) for case in self.cases}
        return self._pairs[rules]

    def _pair(self, one: Replayed, case: CaseId) -> tuple[float, float | None]:
        kept, agreeing = self._today[case]
        differing = None if agreeing is None or one.agreement is None else round(agreeing - one.agreement, 12)
        return round(kept - one.good, 12), differing

    def _satisfies(self, contract: Differences, agreement: Differences) -> bool:
        margin = self._flow.policy.margin
        return all(p_within(one, margin) <= self._alpha for one in (contract, agreement))

    # --- one cascade in full

    def cascade(self, chosen: Rules, rules: Sequence[Rules]) -> Cascade:
        """Return everything about one cascade."""
        point = self.point(chosen)
        found = list(self.replay(point.rules).values())
        n, passed = len(found), sum(one.passed_on for one in found)
        times = [one.ms for one in found if one.ms is not None]
        worst = [one.worst_ms for one in found if one.worst_ms is not None]
        even = self._break_even(point.rules)
        whole = len(times) == n
        return Cascade(
            point=point,
            answered=tuple(sum(shares) / n for shares in zip(*(one.answered for one in found), strict=True)),
            mean_ms=sum(times) / n if whole else None,
            p95_ms=quantile(times, 0.95) if whole else None,
            worst_ms=max(worst) if whole else None,
            precision=sum(one.passed_bad for one in found) / passed if passed else None,
            leak=sum(one.leaked for one in found) / n,
            break_even=even,
            confirmed=self._confirmed(point, rules),
            warnings=tuple(self._warnings(even, times, worst)),
        )

    def _break_even(self, rules: Rules) -> BreakEven:
        """Return whether the first tier pays before the last, whatever stands between them."""
        ends = rules.tiers[0], rules.tiers[-1]
        pair = Rules(ends, rules.tau)
        one, two = (self._usd(self.tiers[name]) for name in ends)
        passing = difference_interval((found.passed_on for found in self.replay(pair).values()), least=0.0)
        judge = self._judge_usd if rules.tau is not None else 0.0
        return BreakEven(ends, passing, 1 - (one + judge) / two if two else 0.0, one, judge, two)

    def _warnings(self, even: BreakEven, times: Sequence[float], worst: Sequence[float]) -> Iterator[str]:
        if even.escalated.value >= even.limit:
            yield "it does not pay: more is passed on than the break-even allows"
        today = [row.ms for case in self.cases for row in self._flow.baseline_rows[case] if row.ms is not None]
        allowed = quantile(today, 0.95)
        if worst and times and allowed is not None and max(worst) > self._slower * allowed:
            yield f"the longest path takes {max(worst) / allowed:.1f} times the baseline's p95"

    def _confirmed(self, point: Point, rules: Sequence[Rules]) -> Confirmed:
        """Return what choosing a cascade as this one was chosen gives on held-out cases."""

        def choose(kept: frozenset[CaseId]) -> Rules | None:
            cases = [case for case in self.cases if case in kept]
            return self.best(rules, cases) if cases else None

        pairs = cross_fitted(self.cases, choose)
        by_fold = {fold_of(case): choice for case, choice in pairs}
        excess, saving = [], []
        for case, choice in pairs:
            one = None if choice is None else self.replay(choice)[case]
            today = self._flow.baseline_rows[case]
            usd = sum(float(row.usd or 0) for row in today) / len(today)
            excess.append(0.0 if choice is None else self._compared(choice)[case][0])
            saving.append(0.0 if one is None else usd - one.usd)
        same = sum(choice == point.rules for choice in by_fold.values())
        return Confirmed(len(by_fold), same, difference_interval(excess), mean_interval(saving), len(pairs))


def _marked(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points, by cost, with those marked that no cheaper one equals."""
    found, highest = [], -1.0
    for point in points:
        found.append(replace(point, efficient=point.good > highest))
        highest = max(highest, point.good)
    return tuple(found)


def _kept(rows: Sequence[Row]) -> tuple[float, float | None]:
    """Return the baseline's share of good answers, and its agreement with itself."""
    return sum(row.kept for row in rows) / len(rows), rows[0].agreement


def _priced(rows: Mapping[CaseId, tuple[Row, ...]]) -> dict[CaseId, tuple[Row, ...]]:
    return {case: found for case, found in rows.items() if found and all(row.usd is not None for row in found)}


__all__ = ["Replayed", "escalates", "replay_case", "replayed"]
