"""What the plugin says of one case beside its findings: faults, stale goldens, and properties for other tools."""

from __future__ import annotations

import warnings

from migrate.errors import PromptMigrateError
from migrate.inert import inert
from migrate.ports import CaseRecord
from migrate.presenting.failure import first_finding, only
from migrate.presenting.layout import fit, wrapped
from migrate.pytest_plugin.items import NotJudged
from migrate.pytest_plugin.reports import KEPT
from migrate.vocabulary import Comparison
from migrate.workflow.record import Recorded
from migrate.workflow.replay import FAILING, Trial

MOST_FAULTS = 3
MOST_LINES = 3
"""Of one fault."""
INDENT = "    "
WIDTH = 100
LONGEST_CAUSE = 60


def fault_lines(record: CaseRecord) -> list[str]:
    """Return what kept answers of a case away, each fault once, in whole words."""
    faults = (judged.sample.no_reply for judged in record.samples)
    said = dict.fromkeys(f"{fault.kind.value}: {fault.message}" for fault in faults if fault is not None)
    shown = [wrapped(words, WIDTH - len(INDENT))[:MOST_LINES] for words in list(said)[:MOST_FAULTS]]
    return [f"{INDENT}{line}" for lines in shown for line in lines]


def fault_kinds(record: CaseRecord) -> list[str]:
    """Return what kinds of faults kept answers of a case away, each once."""
    faults = (judged.sample.no_reply for judged in record.samples)
    return list(dict.fromkeys(fault.kind.value for fault in faults if fault is not None))


def stale_lines(trial: Trial, note: str) -> list[str]:
    """Return what to say of a case that was not recorded because a golden is there that no longer fits."""
    flow, case = trial.flow.name, trial.case.id
    again = f"pytest --golden=rewrite -k {only(flow, case)}"
    lines = [f"  {flow} / {case}: {note}", "  the golden was left as it is", f"  next: {again}"]
    return [inert(line, keep_newlines=False) for line in lines]


class DecisionsGone(UserWarning):
    """Goldens that reviewers had decided on were recorded again, with other answers."""


def tell_dropped(name: str, dropped: str) -> None:
    """Warn where decisions are gone with the golden they held for."""
    if dropped:
        words = f"{name} was recorded again with other answers: {dropped} gone with the golden before; see git diff"
        warnings.warn(DecisionsGone(inert(words, keep_newlines=False)), stacklevel=2)


def properties_of(trial: Trial, outcome: object) -> list[tuple[str, object]]:
    """Return the properties of an item: plain texts, which pytest-xdist can send and JUnit can hold."""
    match outcome:
        case Comparison():
            verdict = outcome.verdict.value
        case Recorded():
            verdict = "recorded" if outcome.record else "stale" if outcome.stale else KEPT
        case NotJudged():
            verdict = "no_reply"
        case _:
            verdict = "error"
    told: list[tuple[str, object]] = [("flow", trial.flow.name), ("candidate", trial.candidate.text)]
    why = _why_failed(outcome)
    return [*told, ("verdict", verdict), *([("case", trial.case.id), ("finding", why)] if why else [])]


def _why_failed(outcome: object) -> str:
    """Return what made a case fail, in a few words; empty where it did not, or where nobody can say."""
    match outcome:
        case Comparison():
            # Of what passed nothing is kept but the verdict.
            failed = outcome.verdict in FAILING or bool(outcome.findings)
            return first_finding(outcome) if failed else ""
        case Recorded():
            return "stale golden" if outcome.stale else ""
        case NotJudged():
            return outcome.cause
        case PromptMigrateError():
            return fit(outcome.message.partition("\n")[0], LONGEST_CAUSE)
        case _:
            return ""
