"""One replay or recording under pytest: collects the inventory, feeds the engine, judges items, folds, sums up."""

from __future__ import annotations

import gc
import os
import shlex
from collections.abc import Generator, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from migrate import wiring
from migrate.edges.journal import JournalFile
from migrate.edges.plans import Plan
from migrate.edges.shared_state import SharedState
from migrate.edges.signals import stopped_by_sigterm
from migrate.errors import PromptMigrateError, UsageProblem
from migrate.inert import inert
from migrate.ports import CaseRecord, Recordings
from migrate.presenting.layout import headed
from migrate.presenting.meant import to_type
from migrate.presenting.terminal import failure_lines
from migrate.pytest_plugin.ending import Ending
from migrate.pytest_plugin.flows import FlowTests
from migrate.pytest_plugin.items import EXPECTED, NotJudged, PromptFile, PromptItem, Regression, look_hooks_up
from migrate.pytest_plugin.passing import Passing
from migrate.pytest_plugin.reports import Reports
from migrate.pytest_plugin.resuming import options_of, take_over
from migrate.pytest_plugin.words import fault_kinds, fault_lines, properties_of, stale_lines, tell_dropped
from migrate.rendering import baseline_of
from migrate.vocabulary import Candidate, CaseVerdict, Comparison, Flow, NoReplyKind, Run
from migrate.workflow.background import Background
from migrate.workflow.fold import OfRun
from migrate.workflow.record import Recorded, Recording
from migrate.workflow.replay import Replay, Trial

NAME = "promptmigrate-session"
NARROWEST: Final = 60
WIDEST: Final = 100
"""Cells of a line that tells of a failed case, whatever the terminal has: from, and to."""
IN_FLIGHT_S: Final = 10.0
"""How long calls in flight may take to end when the run stops before its last case."""
INTERRUPTED_S: Final = 2.0
"""The same after Ctrl-C or SIGTERM."""


def activate(config: pytest.Config) -> None:
    """Read everything a run needs before anything is collected; one clear sentence when it cannot start."""
    try:
        session = MigrateSession(config)
    except PromptMigrateError as problem:
        raise pytest.UsageError(inert(str(problem))) from None
    config.pluginmanager.register(session, NAME)
    config.pluginmanager.register(session.tests, f"{NAME}-flows")
    config.pluginmanager.register(session.ending, f"{NAME}-ending")
    config.pluginmanager.register(Passing(session.passes), f"{NAME}-passing")
    if not session.is_worker:
        config.pluginmanager.register(session.reports, f"{NAME}-reports")
    if config.pluginmanager.hasplugin("xdist") and not session.is_worker:
        from migrate.pytest_plugin.workers import Controller

        config.pluginmanager.register(Controller(session), f"{NAME}-xdist")


def overrides_of(config: pytest.Config) -> dict[str, Any]:
    """Return the settings given on pytest's command line or in its ini file."""
    option = config.option
    named = {
        "prompts": config.getini("migrate_prompts") or None,
        "provider": option.migrate_provider,
        "as_of": option.migrate_as_of,
        "ledger": option.migrate_ledger,
        "concurrency": option.migrate_concurrency,
        "time_scale": option.migrate_time_scale,
        "simulation_seed": option.migrate_seed,
        "samples": option.migrate_samples,
        "fail_on": split(option.migrate_fail_on),
    }
    return {name: value for name, value in named.items() if value is not None}


def split(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the parts of comma-separated values, None when the option was not given."""
    parts = [part.strip() for value in values or () for part in value.split(",")]
    return None if values is None else tuple(part for part in parts if part)


Outcome = Comparison | Recorded | Exception
"""What came of an item; an exception is what its phases raise."""


class MigrateSession:
    """The plugin of an active run, in the controller, in a worker, or in the only process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.given: dict[str, Any] = getattr(config, "workerinput", {}).get("promptmigrate", {})
        self.is_worker = hasattr(config, "workerinput")
        url = self.given.get("simulated_url")
        self.world = wiring.open_world(config.rootpath, os.environ, overrides_of(config), simulated_url=url)
        self.world.habit_log = config.option.migrate_habit_log
        self.resumed: tuple[str, ...] = ()
        """What to say of a run that is finished."""
        self.plan = self._resumed_plan(config)
        self.mode: str | None = config.option.migrate_golden if config.option.migrate_golden != "none" else None
        self.offline = bool(config.option.migrate_offline)
        self.candidates = self._candidates(config.option.migrate_model or ())
        self.flows = self._inventory()
        self._by_path = {self.world.root / flow.place.file: flow for flow in self.flows if flow.place}
        self._check(config)
        self.vectors = self._vectors(config)
        self.run = Run(**self.given["run"]) if self.given else self.plan.run if self.plan else self._new_run()
        self.journal: JournalFile | None = None
        self.purse: SharedState | None = None
        self.replay: Replay | None = None
        self.recording: Recording | None = None
        self.background: Background | None = None
        self._announced: set[int] = set()
        self._outcomes: dict[int, Outcome] = {}
        self.reports = Reports()
        self.stopped = ""
        self.ending = Ending(self)
        self.tests = FlowTests(self)

    # --- before collection ---------------------------------------------------------------------------

    def _inventory(self) -> tuple[Flow, ...]:
        return self.world.flows()

    def _candidates(self, texts: Sequence[str]) -> tuple[Candidate, ...]:
        if self.mode is not None and texts:
            raise UsageProblem("--golden records the baseline, --model replays a candidate: one of them at a time")
        candidates = wiring.candidates_of(texts)
        return tuple({candidate.text: candidate for candidate in candidates}.values())

    def _check(self, config: pytest.Config) -> None:
        self.world.check_gates()
        if config.option.migrate_max_cost is not None:
            wiring.pico_of(config.option.migrate_max_cost)
        if self.offline and (self.mode is not None or config.option.migrate_fresh):
            other = "--golden records" if self.mode is not None else "--migrate-fresh ignores recordings and asks"
            raise UsageProblem(f"{other}, --migrate-offline asks nobody: one of them at a time")
        if self.mode is not None:
            wiring.refuse_in_ci(os.environ.get("CI", ""), allowed=bool(config.option.migrate_record_in_ci))
        for candidate in self.candidates:
            self.world.check_variant(candidate, self.flows)
            self.world.check_steps(candidate, self.flows)
        if not self.offline and not self.is_worker:
            self.world.check_models(self.flows, self.candidates)
            self.world.check_providers(self.flows, self.candidates)

    def _vectors(self, config: pytest.Config) -> list[wiring.Spent]:
        """Make the vectors that passages are looked up by, before anything is rendered; nothing where none are used."""
        option = config.option
        if self.offline or self.is_worker or option.collectonly or option.setupplan:
            return []
        cap = self._cap
        return wiring.make_vectors(self.world, self.flows, None if cap is None else Decimal(cap))

    def _resumed_plan(self, config: pytest.Config) -> Plan | None:
        """Return the plan of the run to finish, its options taken over; None for a new run."""
        if config.option.migrate_resume is None:
            return None
        if self.is_worker:
            # The plan's options are not on the command line, and that is all a worker is given.
            plan = self.world.plans.find(self.given["run"]["id"])
        else:
            plan, self.resumed = wiring.choose(self.world, config.option.migrate_resume or None)
            wiring.refuse_going_on(self.world, plan.run.id)
            # What the stopped run was answered lies in its journals: it must be where answers are looked for.
            wiring.fold_leftovers(self.world)
            wiring.refuse_finished(self.world, plan.run.id)
            plan = self.world.plans.find(plan.run.id)
        take_over(config, plan)
        url = self.given.get("simulated_url")
        self.world = wiring.open_world(config.rootpath, os.environ, overrides_of(config), simulated_url=url)
        self.world.habit_log = config.option.migrate_habit_log
        return plan

    @property
    def own(self) -> bool:
        """True when the answers of this run are its own and nobody else's: recorded ones, and those asked afresh."""
        return bool(self.mode or self.config.option.migrate_fresh)

    def _new_run(self) -> Run:
        words = ["pytest", *(str(word) for word in self.config.invocation_params.args)]
        return self.world.new_run(
            "record" if self.mode else "replay",
            self.flows,
            self.candidates,
            command=shlex.join(words),
            samples=self.config.option.migrate_samples,
        )

    # --- collection -------------------------------------------------------------------------------------

    def pytest_report_header(self) -> list[str]:
        lines = self.world.header_lines(self.run, self.flows, offline=self.offline)
        # Workers collect where nobody looks: then the estimate is of the whole inventory, and said here.
        whole = wiring.planned_of(self.flows, self.candidates) if self._controls_workers() else ()
        told = [*lines, *self.resumed, *(spent.line for spent in self.vectors), *self._estimated(whole)]
        return [part for line in told for part in headed(line, self.width)]

    def pytest_report_collectionfinish(self, items: Sequence[pytest.Item]) -> list[str]:
        trials = (item.trial for item in items if isinstance(item, PromptItem))
        told = self._estimated((trial.flow, trial.case.id, trial.candidate) for trial in trials)
        return [part for line in told for part in headed(line, self.width)]

    def _estimated(self, planned: wiring.Planned) -> list[str]:
        """Say what the run may cost before anything is spent; nothing where nothing can be."""
        if self.config.option.verbose < 0 or self.config.option.collectonly:
            return []
        cap, planned = self._cap, list(planned)
        if self.offline or not planned or (self.run.simulated and cap is None):
            return []
        samples = self.config.option.migrate_samples
        try:
            line = wiring.estimate_line(self.world, planned, samples, cap, recording=self.mode is not None)
        except (OSError, PromptMigrateError):
            return []  # what cannot be read or written is told where it is needed
        return [line]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Collect the inventory beside the usual paths when no path was named."""
        if session.config.args_source is not pytest.Config.ArgsSource.ARGS and self.world.prompts.is_dir():
            prompts = self.world.prompts
            inside = any(prompts.is_relative_to(Path(arg).absolute()) for arg in session.config.args)
            session.config.args[:] = [*([] if inside else [str(prompts)]), *session.config.args]

    def is_prompt(self, path: Path) -> bool:
        """Say whether a file is of the inventory, named through a link or not."""
        return path in self._by_path or path.resolve() in self._by_path

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> PromptFile | None:
        flow = self._by_path.get(file_path)
        if flow is None and file_path.suffix in (".yml", ".yaml"):
            flow = self._by_path.get(file_path.resolve())  # named through a link
        return None if flow is None else PromptFile.make(parent, file_path, flow, self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep what the run is about: other tests, and flows without a named variant, are deselected and counted."""
        planned = set(self.plan.items) if self.plan else None
        prompts = [item for item in items if isinstance(item, PromptItem) and item.is_offered]
        try:
            offered: list[pytest.Item] = [*prompts, *self.tests.choose(items)]
            if not offered and not self.world.prompts.is_dir():
                self.world.load_flows()
        except PromptMigrateError as problem:
            raise pytest.UsageError(inert(str(problem))) from None
        mine = {id(item) for item in offered if planned is None or item.nodeid in planned}
        others = [item for item in items if id(item) not in mine]
        if others:
            config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if id(item) in mine]

    def trials(self, flow: Flow) -> Iterator[Trial]:
        """Yield the trials of a flow, case by case, candidate by candidate."""
        candidates = self.candidates or (baseline_of(flow),)
        for case in flow.cases:
            for candidate in candidates:
                yield Trial(-1, flow, case, candidate)

    # --- the run loop --------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Hand the requests of all selected items to the engine before the first item runs."""
        if self._is_dry(session):
            return (yield)
        self._open_stores()
        if self._controls_workers():
            with stopped_by_sigterm():
                return (yield)
        for number, item in enumerate(session.items):
            if isinstance(item, PromptItem):
                item.trial.number = number
        look_hooks_up(session.items)
        self.reports.plan(item.nodeid for item in session.items)
        if not self.is_worker:
            self.keep_plan()
        gc.freeze()
        with stopped_by_sigterm():
            self._start([item.trial for item in self._share(session.items) if isinstance(item, PromptItem)])
            grace = IN_FLIGHT_S
            try:
                return (yield)
            except KeyboardInterrupt:
                grace = INTERRUPTED_S
                raise
            finally:
                self._stop(grace)

    def _open_stores(self) -> None:
        """Open what the run writes to as it goes; refuse to start, before anything is paid for, when that fails."""
        try:
            if not self.is_worker:
                wiring.fold_leftovers(self.world)
            self.journal = self.world.open_journal(self.run.id, self.given.get("worker", "main"))
            self.purse = self._open_purse()
            if not self.is_worker:
                self.journal.run(self.run)
        except PromptMigrateError as problem:
            raise pytest.UsageError(inert(str(problem))) from None
        except OSError as problem:
            where = problem.filename or self.world.settings.state
            raise pytest.UsageError(f"cannot write to {where}: {problem.strerror}; nothing was asked") from None

    def keep_plan(self) -> None:
        """Write down what this run set out to do, so that it can be resumed whatever ends it."""
        if self.plan is None and self.reports.planned:
            plan = Plan(self.run, tuple(self.reports.planned), options_of(self.config))
            try:
                self.world.plans.keep(plan)
            except PromptMigrateError as problem:
                raise pytest.UsageError(inert(str(problem))) from None

    @property
    def _cap(self) -> str | None:
        """What the run may cost at most, in US dollars; None: no cap."""
        return self.config.option.migrate_max_cost or self.world.settings.max_cost

    def _open_purse(self) -> SharedState | None:
        """Open what workers share: needed for a cap on cost, and for pauses where there is more than one process."""
        cap = self._cap
        if cap is None and not self.is_worker and not self._controls_workers():
            return None
        if self.is_worker:
            return self.world.join(self.run.id)
        purse = self.world.share(self.run.id, cap)
        purse.settle(0, sum(wiring.pico_of(str(spent.charged)) for spent in self.vectors if spent.charged))
        return purse

    @staticmethod
    def _is_dry(session: pytest.Session) -> bool:
        """True when nothing must be asked or paid for: a plan is wanted, or an error of collection ends the run."""
        option = session.config.option
        broken = bool(session.testsfailed) and not option.continue_on_collection_errors
        return broken or option.collectonly or option.setupplan

    def _controls_workers(self) -> bool:
        return not self.is_worker and bool(self.config.pluginmanager.hasplugin("dsession"))

    def _share(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Return the items this process will surely run: all of them, or a worker's fixed share."""
        if not self.is_worker:
            return items
        number, count = self.given.get("share", (0, 0))
        return items[number::count] if count else []

    def _start(self, trials: list[Trial]) -> None:
        tools = self.world.tools()
        lost = self.plan.lost if self.plan else {}
        assert self.journal is not None, "the journal is opened before the first call"
        if self.mode:
            asked, usual = self.asked_samples, self.world.settings.samples
            given = self.own_recordings()
            self.recording = Recording(
                tools,
                mode=self.mode,  # type: ignore[arg-type]
                samples=asked,
                usual=usual,
                journal=self.journal,
                given=given,
                lost=lost,
            )
        else:
            recordings = self.recordings()
            self.replay = Replay(
                tools,
                samples=self.asked_samples,
                recordings=recordings,
                journal=self.journal,
                lost=lost,
            )
        if not self.offline and trials:
            self.background = self._background(trials)

    @property
    def asked_samples(self) -> int | None:
        """Samples that the command line asks for."""
        return self.config.option.migrate_samples  # type: ignore[no-any-return]

    def recordings(self) -> Recordings | None:
        """Return what may answer instead of a model."""
        return self.own_recordings() if self.config.option.migrate_fresh else self.world.recordings

    def own_recordings(self) -> Recordings | None:
        """Return what this very run was answered before it was stopped; None for a new run."""
        return OfRun(self.world.recordings, self.run.id) if self.plan else None

    def _background(self, trials: list[Trial]) -> Background:
        verb, journal = self.recording or self.replay, self.journal
        assert verb is not None
        assert journal is not None
        self._announced.update(trial.number for trial in trials)
        background = Background(
            lambda deliver, full: self.world.engine(
                deliver, full, journal, workers=self._worker_count(), purse=self.purse
            ),
            lambda: verb.asks(trials, background.expect),
        )
        background.start()
        return background

    def _worker_count(self) -> int:
        return int(self.given.get("workers", 1))

    def _stop(self, grace: float = 0.0) -> None:
        """End the asking; answers that are on their way are paid for, so they get a moment to arrive and be kept."""
        if self.background is not None:
            self.background.finish(grace)

    # --- one item -----------------------------------------------------------------------------------------------

    def settle(self, item: PromptItem) -> None:
        """Wait for the answers of an item and judge them; raise for what cannot be judged."""
        trial = item.trial
        if self.journal is None:  # a mere plan
            return
        outcome = self._outcomes.get(trial.number)
        if outcome is None:
            outcome = self._outcomes[trial.number] = self._conclude(trial)
        # Set and not added to: another plugin may run the item again, which asks nobody and changes nothing.
        item.user_properties[:] = properties_of(trial, outcome)
        if isinstance(outcome, Exception):
            if why := self._stopped_engine():
                # What ended the asking ends the run: the rest is not run, instead of failing case by case.
                item.session.shouldfail = why
            raise outcome

    def passes(self, item: PromptItem) -> bool:
        """Settle and judge an item; False when its phases have something to raise, which they will."""
        try:
            self.settle(item)
            self.judge(item)
        except Exception:
            return False
        return True

    def _conclude(self, trial: Trial) -> Outcome:
        try:
            calls = self._calls(trial)
            if self.recording is not None:
                recorded = self.recording.conclude(trial, calls)
                tell_dropped(f"{trial.flow.name}/{trial.case.id}", recorded.dropped)
                return self._silent(trial, recorded.record) or recorded
            assert self.replay is not None
            record = self.replay.conclude(trial, calls)
            return self._silent(trial, record) or record.comparison
        except Exception as problem:  # a bug too: its answers were collected, and cannot be waited for again
            return problem

    def _stopped_engine(self) -> str:
        """Return why the engine asks no more (budget, quota, a refused key, no such model); empty while it does."""
        engine = self.background.engine if self.background is not None else None
        if engine is None:
            return ""
        if engine.tally.stopped is not None:
            return f"{engine.tally.stopped.kind.value}: {engine.tally.stopped.message}"
        # A candidate of several models may still be answered in part.
        models = [candidate.model for candidate in self.candidates]
        if not models or not all(model is not None and engine.is_absent(model) for model in models):
            return ""
        return f"{NoReplyKind.MODEL_NOT_FOUND.value}: the provider has no {' and no '.join(filter(None, models))}"

    def _silent(self, trial: Trial, record: CaseRecord | None) -> NotJudged | None:
        """Return what to say of a case with a missing answer; None when nothing is missing."""
        if record is None or record.comparison.verdict is not CaseVerdict.NO_REPLY:
            return None
        said = failure_lines(record.comparison, trial.case.place, trial.candidate.text, width=self.width)[:-1]
        lines = [*said, *fault_lines(record), f"  next: {self._again(trial, record)}"]
        return NotJudged(lines, ", ".join(["no reply", *fault_kinds(record)]))

    def _calls(self, trial: Trial) -> list[Any]:
        if self.offline:
            assert self.replay is not None
            self.replay.answer_offline(trial)
            return []
        if self.background is not None and trial.number in self._announced:
            return self.background.collect(trial.number)
        # An item nobody foresaw: another worker died and this one inherits its cases.
        alone = self._background([trial])
        try:
            return alone.collect(trial.number)
        finally:
            alone.stop()

    def judge(self, item: PromptItem) -> None:
        """Raise for a verdict that fails the run."""
        outcome = self._outcomes[item.trial.number]
        if isinstance(outcome, Recorded):
            if outcome.stale:
                raise NotJudged(stale_lines(item.trial, outcome.note))
            return
        assert isinstance(outcome, Comparison)
        if outcome.verdict in self.world.failing:
            trial = item.trial
            raise Regression(failure_lines(outcome, trial.case.place, trial.candidate.text, width=self.width))
        # A passed case keeps nothing but its verdict: ten thousand of them must fit.
        self._outcomes[item.trial.number] = Comparison(
            outcome.flow, outcome.case, outcome.baseline, outcome.candidate, outcome.verdict
        )

    @property
    def width(self) -> int:
        """How wide a line for people may be."""
        return max(NARROWEST, min(int(self.config.get_terminal_writer().fullwidth), WIDEST))

    def _again(self, trial: Trial, record: CaseRecord) -> str:
        if self.mode:
            return f"pytest --golden={self.mode} --lf"
        faults = (judged.sample.no_reply for judged in record.samples)
        if any(fault is not None and fault.kind is NoReplyKind.MODEL_NOT_FOUND for fault in faults):
            # A name that its provider does not know may be a slip: it is not repeated.
            return f"pytest --model {shlex.quote(to_type(trial.candidate.text, [record.comparison.baseline]))}"
        return f"pytest --model {shlex.quote(trial.candidate.text)} --lf"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show what an item says in its set-up as in its call, and let nothing into a report that cannot be sent."""
        report = yield
        if isinstance(item, PromptItem):
            if call.excinfo is not None and isinstance(call.excinfo.value, EXPECTED):
                report.longrepr = str(item.repr_failure(call.excinfo))
            report.sections = [(inert(name), inert(text)) for name, text in report.sections]
        return report

    # --- the end ----------------------------------------------------------------------------------------------------

    def pytest_unconfigure(self) -> None:
        gc.freeze()  # pytest looks for unraisable errors by collecting five times: not through all of this again.
        self._stop()
        if self.journal is not None:
            self.journal.close()
        if self.purse is not None:
            self.purse.close()
        self.world.close()


__all__ = ["MigrateSession", "activate"]
