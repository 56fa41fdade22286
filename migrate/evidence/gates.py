"""`--fail-on`: what it may say, and which flows it stops, with the reason in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from migrate.errors import UsageProblem, did_you_mean
from migrate.evidence.latency import comparable
from migrate.vocabulary import CaseVerdict, FlowEvidence

WORDS: Final = ("breaking", "drift", "unstable")
LIMITS: Final = ("cost", "p95")
GRAMMAR: Final = "breaking, drift, unstable, cost:+10%, p95:+20%"
CASES: Final = (
    ("breaking", CaseVerdict.BREAKING, "breaking"),
    ("drift", CaseVerdict.DRIFT, "drifting"),
    ("unstable", CaseVerdict.UNSTABLE_BASELINE, "with an unstable baseline"),
)
"""A word, the verdict of the cases that it stops, and what is said of them."""
ROUNDING: Final = 1e-9
"""Ratios are floats: a growth that equals its limit but for rounding keeps it."""

_LIMIT: Final = re.compile(r"(?P<name>[a-z0-9_]+)\s*:\s*(?P<growth>[-+]?\d+(?:\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True)
class Gates:
    """What closes the gate over a run."""

    breaking: bool = False
    drift: bool = False
    unstable: bool = False
    cost: Decimal | None = None
    """Largest growth of the cost of an answer, in percent of the baseline's; negative asks for a saving."""
    p95: Decimal | None = None
    """Largest growth of p95 latency, in percent of the baseline's."""

    def closed(self, evidence: Iterable[FlowEvidence]) -> list[str]:
        """Return why the gate is closed, one reason a line; empty when it is open.

        A case that has no golden closes it whatever was asked for: it was not compared. So does a figure that a gate
        asks for and nobody knows.
        """
        return [f"{flow.flow} against {flow.candidate}: {why}" for flow in evidence for why in self._reasons(flow)]

    def left_open(self, evidence: Iterable[FlowEvidence]) -> list[str]:
        """Return what is said of flows that close no gate and are shown to be unsafe, or break: what would close it.

        A verdict closes no gate, its cases do: a flow may be worse by changes of meaning alone, which nobody asked for.
        A list without `breaking` lets broken contracts pass.
        """
        passed = [flow for flow in evidence if _is_harmed(flow) and not any(self._reasons(flow))]
        return [
            f"{flow.flow} against {flow.candidate}{' is unsafe' if flow.verdict == 'unsafe' else ''}: "
            f"{self._closing(flow)}"
            for flow in passed
        ]

    def _closing(self, flow: FlowEvidence) -> str:
        more = [
            (word, f"{count} of {flow.cases} cases {words}")
            for word, verdict, words in CASES
            if (count := flow.verdicts.get(verdict, 0)) and not getattr(self, word)
        ]
        if not more:
            return "no gate that --fail-on knows looks at what it shows"
        asked = ",".join((*self._words(), *(word for word, _ in more)))
        return f"{', '.join(words for _, words in more)}; --fail-on {asked} would close it"

    def _words(self) -> Iterator[str]:
        yield from (word for word in WORDS if getattr(self, word))
        limits = (("cost", self.cost), ("p95", self.p95))
        yield from (f"{name}:{growth:+}%" for name, growth in limits if growth is not None)

    def _reasons(self, flow: FlowEvidence) -> Iterator[str]:
        unpaired = flow.verdicts.get(CaseVerdict.NO_GOLDEN, 0)
        if unpaired:
            yield f"{unpaired} of {flow.cases} cases without a golden, so compared with nothing"
        for word, verdict, words in CASES:
            count = flow.verdicts.get(verdict, 0)
            if getattr(self, word) and count:
                again = (
                    f", {flow.rejected} of them for a rejected change" if word == "breaking" and flow.rejected else ""
                )
                yield f"{count} of {flow.cases} cases {words}{again}"
        if self.cost is not None:
            yield from _cost_reasons(flow, self.cost)
        if self.p95 is not None:
            yield from _p95_reasons(flow, self.p95)


def _is_harmed(flow: FlowEvidence) -> bool:
    return flow.verdict == "unsafe" or bool(flow.verdicts.get(CaseVerdict.BREAKING))


def parse_fail_on(text: str) -> Gates:
    """Read a list such as `breaking,drift,cost:+10%`. Raises UsageProblem for anything else."""
    flags: dict[str, bool] = {}
    limits: dict[str, Decimal] = {}
    for part in filter(None, (part.strip().casefold() for part in text.split(","))):
        if part in WORDS:
            flags[part] = True
            continue
        limit = _LIMIT.fullmatch(part)
        if limit is None or limit["name"] not in LIMITS:
            raise _unreadable(part)
        if limit["name"] in limits:
            raise UsageProblem(f'--fail-on names "{limit["name"]}" twice', hint="one limit each")
        limits[limit["name"]] = Decimal(limit["growth"])
    if not flags and not limits:
        raise UsageProblem("--fail-on names no gate", hint=f"a list of: {GRAMMAR}")
    return Gates(**flags, **limits)  # type: ignore[arg-type]


def _unreadable(part: str) -> UsageProblem:
    name = part.split(":", 1)[0].strip()
    if name in LIMITS:
        return UsageProblem(f'--fail-on cannot read "{part}"', hint=f"a growth in percent is meant: {name}:+10%")
    guess = did_you_mean(name, (*WORDS, *LIMITS))
    return UsageProblem(f'--fail-on does not know "{part}"', hint=guess or f"a list of: {GRAMMAR}")


def _cost_reasons(flow: FlowEvidence, growth: Decimal) -> Iterator[str]:
    # A failed attempt cost money and no answer: it says nothing of what an answer costs.
    unknown = sum(side.unknown - side.lost for side in (flow.cost_baseline, flow.cost_candidate))
    if flow.cost_ratio is None:
        yield f"cost cannot be judged: no case has a known cost on both sides ({unknown} calls unknown)"
    elif unknown:
        yield f"cost cannot be judged: {unknown} calls have no known cost"
    elif _exceeds(flow.cost_ratio, growth):
        yield f"cost {_growth(flow.cost_ratio)}, more than {growth:+}%"


def _p95_reasons(flow: FlowEvidence, growth: Decimal) -> Iterator[str]:
    before, after = flow.latency_baseline, flow.latency_candidate
    if before.p95 is None or after.p95 is None:
        side = "baseline" if before.p95 is None else "candidate"
        yield f"p95 cannot be judged: the {side}'s latency is not known"
    elif not comparable(before, after):
        yield f"p95 cannot be judged: {before.source} against {after.source}"
    elif _exceeds(after.p95 / before.p95, growth):
        ratio = _growth(after.p95 / before.p95)
        yield f"p95 {ratio}, more than {growth:+}% ({after.source}, n {after.n}, against {before.source}, n {before.n})"


def _exceeds(ratio: float, growth: Decimal) -> bool:
    return ratio > (1 + float(growth) / 100) * (1 + ROUNDING)


def _growth(ratio: float) -> str:
    return f"{ratio - 1:+.1%}"
