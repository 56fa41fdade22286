"""The sentence a report begins with, and one a candidate: the verdict, with how many it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from migrate.evidence import words
from migrate.presenting.meant import is_answered
from migrate.presenting.numbers import counted
from migrate.vocabulary import CaseVerdict, FlowEvidence, Run


def headline(run: Run, evidence: Sequence[FlowEvidence]) -> dict[str, str]:
    """Return the verdict over all and its sentence: the best candidate's standing, as nobody moves to several."""
    if not evidence:
        return {"verdict": "insufficient", "text": "No case was judged."}
    # Where the candidate is the baseline, as after a promotion, there is nothing that speaks for or against it.
    done, evidence = [one for one in evidence if one.is_itself], [one for one in evidence if not one.is_itself]
    candidates = list(dict.fromkeys(flow.candidate for flow in evidence))
    if not candidates:
        return {"verdict": "unknown", "text": f"{_promoted(done)}: nothing is left to decide.{_state(run)}"}
    best = max(candidates, key=lambda candidate: _standing(candidate, evidence))
    flows = [flow for flow in evidence if flow.candidate == best]
    verdicts = [flow.verdict for flow in flows]
    whole = _whole(verdicts)
    text = {
        "safe": f"{best} can take over every flow that was judged.",
        "unsafe": f"Not yet: {best} is unsafe for {_of(verdicts, 'unsafe')}.",
        "insufficient": _insufficient(best, flows),
        "unknown": f"{best} was compared with the goldens; no verdict was asked for.",
    }[whole]
    mine = [flow for flow in done if flow.candidate == best]
    return {"verdict": whole, "text": text + (f" {_promoted(mine)}." if mine else "") + _state(run)}


def _state(run: Run) -> str:
    return "" if run.state == "complete" else f" The run is {run.state}: not all that was planned was judged."


def _promoted(flows: Sequence[FlowEvidence]) -> str:
    names = " and ".join(dict.fromkeys(flow.candidate for flow in flows))
    return f"{names} is the baseline already of {counted(len(flows), 'flow')}"


def _insufficient(candidate: str, flows: Sequence[FlowEvidence]) -> str:
    """Say what stands in the way of a candidate: what breaks or wants mending first, as no number of cases helps it."""
    left = [flow for flow in flows if flow.verdict != "safe"]
    mended = sum(any(map(words.is_nearer_mended, flow.metrics)) for flow in left)
    broken = sum(flow.verdicts.get(CaseVerdict.BREAKING, 0) for flow in flows)
    cases = sum(flow.cases_needed is not None and not any(map(words.is_nearer_mended, flow.metrics)) for flow in left)
    safe = f"safe for {_of([flow.verdict for flow in flows], 'safe')}"
    if cases == len(left) and not broken:
        return f"Not shown yet: {candidate} is {safe}, the rest needs more cases."
    parts = [f"breaks {broken} of {counted(sum(flow.cases for flow in flows), 'case')}"] if broken else []
    parts += [f"is to be mended in {mended} of {counted(len(flows), 'flow')}"] if mended else []
    parts += [f"is {safe}"]
    parts += [f"needs more cases in {cases}"] if cases else []
    rest = len(left) - mended - cases
    parts += [f"cannot be judged in {rest}"] if rest else []
    start = "Not yet" if broken or mended else "Not shown yet"
    return f"{start}: {candidate} {', '.join(parts)}."


def sentence(candidate: str, evidence: Sequence[FlowEvidence]) -> dict[str, Any]:
    """Return one candidate's standing: flows by verdict, cases by what became of them, all counted."""
    every = [flow for flow in evidence if flow.candidate == candidate]
    flows = [flow for flow in every if not flow.is_itself] or every
    cases = sum((Counter(flow.verdicts) for flow in every), Counter[CaseVerdict]())
    return {
        "candidate": candidate,
        "flows": dict(Counter(flow.verdict or "unknown" for flow in flows)),
        "cases": {verdict.value: cases[verdict] for verdict in CaseVerdict if cases[verdict]},
        "verdict": _whole([flow.verdict for flow in flows]),
    }


def _standing(candidate: str, evidence: Sequence[FlowEvidence]) -> tuple[bool, int, int, int]:
    flows = [flow for flow in evidence if flow.candidate == candidate]
    # Who never answered broke nothing, and is the best of nobody.
    answered = any(map(is_answered, flows))
    unsafe = sum(flow.verdict == "unsafe" for flow in flows)
    safe = sum(flow.verdict == "safe" for flow in flows)
    breaking = sum(flow.verdicts.get(CaseVerdict.BREAKING, 0) for flow in flows)
    return answered, -unsafe, safe, -breaking


def _whole(verdicts: Sequence[str | None]) -> str:
    if not verdicts or all(verdict is None for verdict in verdicts):
        return "unknown"
    if "unsafe" in verdicts:
        return "unsafe"
    return "safe" if all(verdict == "safe" for verdict in verdicts) else "insufficient"


def _of(verdicts: Sequence[str | None], which: str) -> str:
    return f"{sum(verdict == which for verdict in verdicts)} of {counted(len(verdicts), 'flow')}"
