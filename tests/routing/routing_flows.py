"""Flows for the specification of routing: cases by each model's answers, and prices that are easy to add up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from measured import call, compared, finding, scores

from migrate.evidence.policy import Policy
from migrate.ports import CaseRecord
from migrate.routing import FlowTrials, RoutePolicy, Row, Signal, Trial, TrialOf, TrialReader
from migrate.vocabulary import (
    Answer,
    CaseId,
    Criticality,
    FlowName,
    Judged,
    Measurement,
    Rung,
    Sample,
    Traffic,
)

FULL, MINI, NANO, TODAY = "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o"
DOLLARS: Mapping[str, str] = {TODAY: "10", FULL: "8", MINI: "2", NANO: "1"}
"""What a call costs, unless a test says otherwise."""
DAY = dt.date(2026, 1, 15)
POLICY = RoutePolicy(DAY)

Kinds = Sequence[tuple[int, Mapping[str, str]]]
"""So many cases, and a letter a sample for each candidate: `+` good, `-` bad unseen, `s` bad and seen, `~` differs."""


def flow(
    *kinds: tuple[int, Mapping[str, str]],
    name: str = "refund",
    critical: Criticality = "medium",
    order: Sequence[str] = (FULL, MINI, NANO),
    dollars: Mapping[str, str] = DOLLARS,
    ms: Mapping[str, float] | None = None,
    lost: int = 0,
    traffic: Traffic = Traffic(requests_per_day=100),  # noqa: B008 - frozen
    baseline: str = TODAY,
) -> FlowTrials:
    """A flow whose baseline always answers well, twice a case; candidates that a case does not name do too."""
    cases = [answers for count, answers in kinds for _ in range(count)]
    made = tuple(trial(candidate, cases, dollars, ms or {}, lost, baseline) for candidate in order)
    rows = {CaseId(f"c{n:04}"): (good_row(dollars[baseline]),) * 2 for n in range(len(cases))}
    return FlowTrials(FlowName(name), Policy(critical, None, len(cases)), traffic, baseline, made, rows)


def good_row(usd: str) -> Row:
    return Row(True, 1.0, frozenset(), Decimal(usd), 1000.0)


def trial(
    candidate: str,
    cases: Sequence[Mapping[str, str]],
    dollars: Mapping[str, str] = DOLLARS,
    ms: Mapping[str, float] | None = None,
    lost: int = 0,
    baseline: str = TODAY,
) -> Trial:
    """What is recorded of one candidate."""
    reader = TrialReader(TrialOf(candidate), lambda one: priced(one, dollars))
    for number, answers in enumerate(cases):
        reader.add(record(number, candidate, answers.get(candidate, "++"), ms or {}, lost, baseline))
    return reader.trial()


def priced(one: Measurement, dollars: Mapping[str, str]) -> Decimal | str:
    usd = dollars.get(one.asked_model)
    return f"no price of {one.asked_model}" if usd is None else Decimal(usd)


def record(
    number: int, candidate: str, letters: str, ms: Mapping[str, float], lost: int = 0, baseline: str = TODAY
) -> CaseRecord:
    good, agreeing = sum(letter in "+~" for letter in letters), letters.count("+")
    comparison = compared(
        f"c{number:04}",
        *(replace(finding(), sample=place) for place, letter in enumerate(letters, 1) if letter == "~"),
        candidate=candidate,
        scores=scores((2, 2), (good, len(letters)), ((2, 2), (agreeing, len(letters)))),
    )
    spread = 1 + number / 1000
    before = tuple(call(baseline, sample=k, served=baseline, ms=ms.get(baseline, 1000) * spread) for k in (1, 2))
    after = tuple(
        replace(call(candidate, sample=k, served=candidate, ms=ms.get(candidate, 1000) * spread), lost=lost)
        for k in range(1, len(letters) + 1)
    )
    return CaseRecord(comparison, tuple(judged(k, letter) for k, letter in enumerate(letters, 1)), before, after)


def judged(number: int, letter: str) -> Judged:
    rungs = {Rung.ANSWERED: True, Rung.SCHEMA: letter != "s", Rung.CHECKS: letter != "-"}
    return Judged(Sample(number, (), Answer("{}")), rungs)


def row(kept: bool = True, *, seen: bool = False, usd: str = "1", ms: float = 100, judge: float | None = None) -> Row:
    signals = frozenset({Signal.SCHEMA} if seen else ())
    return Row(kept and not seen, float(kept and not seen), signals, Decimal(usd), ms, judge)
