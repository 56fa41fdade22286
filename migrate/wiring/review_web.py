"""`review --web`: the report's page on this machine, whose decisions go to the one writer as they are made."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final

from migrate.canonical import stamp
from migrate.edges.decision_files import parse_decisions
from migrate.edges.report import served_report
from migrate.edges.serving import PageServer, Paper
from migrate.presenting.deciding import decided_document, page_decision
from migrate.reviewing import LeftOpen, Outcome
from migrate.vocabulary import Decision, JsonObject
from migrate.wiring.deciding import open_review
from migrate.wiring.report_pages import found_pages
from migrate.wiring.reporting import make_report, page_folders, replay_of, report_path
from migrate.wiring.world import World

Key = tuple[str, ...]
MILLISECOND: Final = dt.timedelta(milliseconds=1)
NOT_OURS: Final = "it was not written in this review: `git diff` shows what was, and git takes it back"


class WebReview:
    """One session at the page: what it may ask for, and what was written so far."""

    def __init__(self, world: World, run_id: str | None, reviewer: str) -> None:
        self._world = world
        self._writer = open_review(world)
        self._reviewer = reviewer
        self._kept: dict[Key, Outcome] = {}
        self._moments: dict[str, str] = {}
        self._last = world.clock.now()
        run = replay_of(world.ledger, run_id)
        # Documents about another run are not this page's: `report` says so, where somebody writes the page.
        pages, _ = found_pages(run, page_folders(world, report_path(world, run)))
        report = make_report(world, run.id, pages)
        self.run = report.run
        flows = dict.fromkeys(one.flow for one in report.evidence)
        self._ends, self._names = self._writer.log_ends(flows), {reviewer}
        self.lapsed = list(self._writer.lapsed(flows))
        papers = {name: Paper(*paper) for name, paper in served_report(report.packed).items()}
        acts = {"decide": self._decide, "undo": self._undo, "written": self._written}
        self.server = PageServer(papers, acts)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What this session wrote and did not take back."""
        return tuple(one for one in self._kept.values() if one.status == "written")

    @property
    def left_open(self) -> tuple[LeftOpen, ...]:
        """Groups in which cases stay open that this session let pass."""
        return self._writer.left_open(self.outcomes)

    def end(self) -> None:
        """Leave no trace of a session that took everything back: nothing was decided."""
        if not self.outcomes:
            self._writer.forget_undone(self._ends, self._names)

    def _decide(self, body: bytes) -> JsonObject:
        """Write decisions as they were made. Raises UsageProblem for what holds none."""
        signed = [self._signed(decision) for decision in self._read(body)]
        outcomes = self._writer.apply(signed)
        for outcome in outcomes:
            if outcome.status != "refused":
                self._keep(outcome)
        return decided_document(outcomes, self._writer.left_open(outcomes), dry_run=False)

    def _keep(self, outcome: Outcome) -> None:
        """Remember what was written last of the same thing; writing it twice leaves the first one to be taken back."""
        key = _key(outcome.decision)
        if outcome.status == "written" or key not in self._kept:
            self._kept[key] = outcome

    def _undo(self, body: bytes) -> JsonObject:
        """Take decisions of this session back."""
        asked = self._read(body)
        own = [self._kept.get(_key(decision)) for decision in asked]
        written = [one for one in own if one is not None and one.status == "written"]
        back = iter(self._writer.take_back(written, reviewer=self._reviewer, at=self._now()))
        outcomes = []
        for one, decision in zip(own, asked, strict=True):
            if one is None:
                outcomes.append(Outcome(decision, "refused", NOT_OURS))
            else:
                # What stood already was not written again: there is nothing to take back, and the page forgets it.
                outcomes.append(next(back) if one.status == "written" else one)
        for outcome in outcomes:
            if outcome.status != "refused":
                del self._kept[_key(outcome.decision)]
        return decided_document(outcomes, (), dry_run=False)

    def _written(self, _: bytes) -> JsonObject:
        """Say what this session decided so far, as decisions: a page that is opened again shows them."""
        return {"format": 1, "decisions": [_record(one) for one in self._kept.values()]}

    def _read(self, body: bytes) -> tuple[Decision, ...]:
        return parse_decisions(body.decode("utf-8", "replace"), "what the page sent")[1]

    def _signed(self, decision: Decision) -> Decision:
        name = decision.reviewer or self._reviewer
        self._names.add(name)
        return replace(decision, reviewer=name, at=self._moment(decision.at))

    def _moment(self, made: str) -> str:
        """Return when it was by this machine's clock; what the page decided at one moment keeps one, and no other."""
        if made not in self._moments:
            self._last = max(self._world.clock.now(), self._last + MILLISECOND)
            self._moments[made] = stamp(self._last)
        return self._moments[made]

    def _now(self) -> str:
        return stamp(self._world.clock.now())


def _key(decision: Decision) -> Key:
    return decision.flow, decision.case, decision.candidate, decision.group or "", decision.path or ""


def _record(outcome: Outcome) -> JsonObject:
    return {**page_decision(outcome.decision), "status": outcome.status}
