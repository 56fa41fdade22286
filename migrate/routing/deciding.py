"""The route of every flow: verdict, model, saving, risk, and what would settle what is open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from migrate import catalogue
from migrate.routing import words
from migrate.routing.cascades import replayed
from migrate.routing.choosing import Weighed, chosen_of, levels, options, price_of, weighed
from migrate.routing.confirming import confirmed
from migrate.routing.nouns import (
    FlowRoute,
    FlowTrials,
    Interval,
    Option,
    Risk,
    RoutePolicy,
    RouteReport,
    RouteVerdict,
)
from migrate.routing.spending import monthly
from migrate.vocabulary import Traffic

NO_TRAFFIC: Final = "no traffic in a prompt file: saving a month unknown"


def routed(
    flows: Sequence[FlowTrials],
    policy: RoutePolicy,
    *,
    source: str,
    synthetic: bool = False,
    pinned: bool = False,
    note: str = "",
) -> RouteReport:
    """Return the routes of all flows, decided on together; what is not of the flows is for the report to say."""
    candidates = [weighed(flow, policy) for flow in flows]
    faced = levels(candidates, policy)
    routes = tuple(
        _route(flow, found, level, policy) for flow, found, level in zip(flows, candidates, faced, strict=True)
    )
    switches = sum(route.verdict == "switch" for route in routes)
    tested = sum(level is not None for level in faced)
    simulated = any(trial.simulated for flow in flows for trial in flow.trials)
    return RouteReport(
        policy=policy,
        flows=routes,
        tested=tested,
        expected_wrong=policy.q * switches,
        source=source,
        synthetic=synthetic,
        simulated=simulated,
        pinned=pinned,
        note=note,
    )


def spoken_of(flows: Sequence[FlowTrials], policy: RoutePolicy) -> tuple[Option | None, ...]:
    """Return the candidate that each flow's route is about, all flows decided on together; None without a candidate."""
    candidates = [weighed(flow, policy) for flow in flows]
    decided = (
        options(found, level, policy) for found, level in zip(candidates, levels(candidates, policy), strict=True)
    )
    return tuple(chosen_of(found) or _at_stake(found) for found in decided)


def _route(flow: FlowTrials, candidates: Sequence[Weighed], level: float | None, policy: RoutePolicy) -> FlowRoute:
    found = options(candidates, level, policy)
    chosen = chosen_of(found)
    verdict = _verdict(found, chosen)
    about = chosen or _at_stake(found)
    needed = about if verdict == "insufficient" else None
    return FlowRoute(
        trials=flow,
        verdict=verdict,
        model=chosen.candidate if chosen is not None else flow.baseline,
        options=found,
        about=about,
        saving_month=_saving(about, flow.traffic),
        risk=risk_of(about, flow.traffic) if about is not None else None,
        cases_needed=None if needed is None else needed.cases_needed,
        more_cases="not_needed" if needed is None else needed.more_cases,
        reasons=tuple(_reasons(flow, found, verdict, about, policy)),
        confirmed=None if chosen is None else confirmed(flow, chosen, policy),
        cascades=replayed(flow, found, policy),
    )


def _verdict(found: Sequence[Option], chosen: Option | None) -> RouteVerdict:
    """Return the first that holds: a switch; something open that could save; the baseline cheaper; all else worse."""
    if chosen is not None:
        return "switch"
    ranked = [option for option in found if not option.barred]
    if not found or (not ranked and any(option.cost is None for option in found)):
        return "insufficient"
    if any(option.cheaper and option.standing != "worse" for option in ranked):
        return "insufficient"
    if any(not option.cheaper and option.standing != "worse" for option in ranked):
        return "keep_baseline_cheaper"
    return "keep_baseline"


def _at_stake(found: Sequence[Option]) -> Option | None:
    """Return the candidate that most depends on: of those that cases can settle, what a case earns most for.

    Without one, the cheapest that is neither barred nor worse, those that save first; without that, the least bad.
    """
    ranked = [option for option in found if option.cost is not None and not option.barred]
    able = [option for option in ranked if option.standing != "worse"]
    still = [option for option in able if option.cheaper]
    helped = [option for option in still if option.cases_needed is not None]
    if helped:
        return max(helped, key=_earned_by_a_case)
    if able:
        return min(still or able, key=price_of)
    return min(ranked, key=_past_the_margin, default=found[0] if found else None)


def _past_the_margin(option: Option) -> float:
    """Return by how much the worst metric is estimated to be past its margin: what is nearest is mended first."""
    return max((metric.excess - metric.margin for metric in option.metrics if metric.excess is not None), default=0.0)


def _earned_by_a_case(option: Option) -> float:
    return (option.cost.saving.value if option.cost else 0.0) / (option.cases_needed or 1)


def _saving(about: Option | None, traffic: Traffic) -> Interval | None:
    return None if about is None or about.cost is None else monthly(about.cost.saving, traffic)


def risk_of(option: Option, traffic: Traffic) -> Risk | None:
    """Return how many more bad answers the bounds still allow, by the worst metric."""
    if not option.metrics:
        return None
    worst = max(option.metrics, key=lambda metric: metric.high)
    high = max(worst.high, 0.0)
    a_day = None if traffic.requests_per_day is None else high * traffic.requests_per_day
    return Risk(high * 100, worst.name, a_day)


# --- In words -----------------------------------------------------------------------------------------------------


def _reasons(
    flow: FlowTrials, found: Sequence[Option], verdict: RouteVerdict, about: Option | None, policy: RoutePolicy
) -> Iterator[str]:
    if not found:
        yield f"no replay of any candidate{' that can be weighed' if flow.left_out else ''}"
    if about is not None and verdict in ("switch", "insufficient"):
        yield from _about(flow, about, verdict, policy)
    if verdict == "keep_baseline_cheaper":
        yield from (words.dearer(one.candidate, one.cost) for one in found if one.cost is not None and not one.cheaper)
    if verdict != "switch":
        yield from (words.worse(option) for option in found if option.standing == "worse" and not option.barred)
    yield from (words.other(option) for option in found if _unsaid(option, about, verdict))
    yield from words.kept_apart(found)
    yield from words.left_out(flow.left_out)
    if verdict != "switch":
        yield from _leaving_baseline(flow, policy)
    if flow.traffic.requests_per_day is None:
        yield NO_TRAFFIC


def _unsaid(option: Option, about: Option | None, verdict: RouteVerdict) -> bool:
    """Say whether a candidate is one that could save more, and that nothing else would name."""
    if option is about or option.barred or option.standing == "satisfactory":
        return False
    if verdict == "switch":
        return about is not None and price_of(option) < price_of(about)
    return option.standing != "worse" and (option.cheaper or verdict != "keep_baseline_cheaper")


def _about(flow: FlowTrials, about: Option, verdict: RouteVerdict, policy: RoutePolicy) -> Iterator[str]:
    yield f"{about.candidate}: {'; '.join(about.reasons[:2])}"
    if verdict == "insufficient":
        hint = words.help_of(about.more_cases)
        yield from [hint] if hint else []
    before = min((day for _, day in _ends(flow, policy)), default=None)
    if about.leaves is not None and before is not None and about.leaves <= before:
        yield words.no_later(words.Leaving(about.candidate, about.leaves), flow.baseline, before, policy)
    if verdict == "switch" and about.leaves is not None and (about.leaves - policy.ends).days <= words.SOON:
        yield words.leaves_soon(about.candidate, about.leaves, policy)
    if about.latency.ratio is not None and about.latency.ratio > policy.slower:
        yield f"p95 {about.latency.ratio:.2f} times the baseline's: more than {policy.slower:g}, not shown"


def _leaving_baseline(flow: FlowTrials, policy: RoutePolicy) -> Iterator[str]:
    for _, day in _ends(flow, policy):
        if (day - policy.ends).days <= words.SOON:
            yield words.baseline_leaves(flow, day, policy)


def _ends(flow: FlowTrials, policy: RoutePolicy) -> Iterator[tuple[str, dt.date]]:
    """Yield the baseline's models whose end is announced, and their first days without."""
    for model in filter(None, (name.strip() for name in flow.baseline.split(","))):
        facts = catalogue.facts(model) if policy.calendars is None or model in policy.calendars else None
        if facts is not None and facts.shutdown is not None:
            yield model, facts.shutdown


__all__ = ["risk_of", "routed", "spoken_of"]
