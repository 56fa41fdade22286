"""The world of one process: settings joined to concrete edges, each opened when it is first used."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from migrate import catalogue
from migrate.edges.checkout import commit_of
from migrate.edges.clock import SystemClock
from migrate.edges.configuration import read_settings, refuse_nowhere
from migrate.edges.goldens import GoldenFiles
from migrate.edges.hosts import refuse_foreign
from migrate.edges.inventory import load, load_readable, with_vectors
from migrate.edges.journal import JournalFile
from migrate.edges.passage_vectors import PassageVectors
from migrate.edges.plans import Plans
from migrate.edges.recorded_vectors import RecordedVectors
from migrate.edges.recordings import RecordingStore
from migrate.edges.shared_state import SharedState
from migrate.errors import UsageProblem, did_you_mean
from migrate.evidence.words import Ends, ends_of, leaving
from migrate.presenting.numbers import counted
from migrate.redaction import Redactor, secrets_of
from migrate.rendering import baseline_of, models_of, parse_candidate
from migrate.vocabulary import Call, Candidate, Flow, FlowEvidence, Inventory, ProviderSettings, Run, Settings
from migrate.workflow.engine import Answered, Asked, Engine
from migrate.workflow.pacing import Policy
from migrate.workflow.replay import Tools, redacted_call
from migrate.workflow.runs import new_run

if TYPE_CHECKING:
    from migrate.edges.ledger import SqlLedger
    from migrate.edges.providers.by_model import ByModel
    from migrate.edges.providers.embedding import Embedder
    from migrate.edges.providers.simulated import SimulatedServer
    from migrate.evidence import Standing
    from migrate.evidence.gates import Gates
    from migrate.ports import Journal
    from migrate.vocabulary import CaseVerdict


def open_world(
    root: Path, environ: Mapping[str, str], overrides: Mapping[str, Any], *, simulated_url: str | None = None
) -> World:
    """Read the settings and return the world they describe; nothing is opened before it is used."""
    return World(read_settings(root, environ, overrides), environ, simulated_url=simulated_url)


def candidates_of(texts: Iterable[str]) -> tuple[Candidate, ...]:
    """Return the candidates of `--model` values."""
    return tuple(parse_candidate(text) for text in texts)


def offers(flow: Flow, candidate: Candidate) -> bool:
    """Return True when a flow has the wording or a step that a candidate names; others are no part of its trial."""
    if candidate.steps:
        return flow.chain is not None and any(flow.chain.step(name) is not None for name in candidate.steps)
    return candidate.variant is None or any(variant.name == candidate.variant for variant in flow.variants)


def refuse_in_ci(ci: str, *, allowed: bool) -> None:
    """Raise UsageProblem where a build would record without being told to."""
    if ci.lower() not in ("", "0", "false") and not allowed:
        raise UsageProblem(
            "recording is off where the environment says CI: goldens are reviewed, not made by a build",
            hint="if this job is meant to record: pytest --golden=new --migrate-record-in-ci, "
            "or prompt-migrate record --record-in-ci",
        )


def account_words(run: Run) -> str:
    """Return a run's accounts in words: `304 planned = 300 judged + 4 not_run:worker gw1 died`."""
    parts = [f"{count} {name}" for name, count in run.accounts.items() if name != "planned" and count]
    return f"{run.accounts.get('planned', 0)} planned = " + " + ".join(parts or ["0 judged"])


class World:
    """The concrete edges of one process, each opened when it is first used and closed by `close`."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], *, simulated_url: str | None = None) -> None:
        self.settings = settings
        self.root = settings.root
        self._environ = environ
        self._simulated_url = simulated_url
        self._server: SimulatedServer | None = None
        self._ledger: SqlLedger | None = None
        self.habit_log: str | None = None
        self.clock = SystemClock(dt.date.fromisoformat(settings.as_of) if settings.as_of else None)

    # --- what lies in files ----------------------------------------------------------------------------

    @property
    def prompts(self) -> Path:
        return self.root / self.settings.prompts

    @property
    def state(self) -> Path:
        return self.root / self.settings.state

    @cached_property
    def redactor(self) -> Redactor:
        return Redactor(secrets_of(self._environ), enabled=self.settings.redact)

    @cached_property
    def goldens(self) -> GoldenFiles:
        return GoldenFiles(self.root / self.settings.fixtures, self.redactor)

    @cached_property
    def recordings(self) -> RecordingStore:
        return RecordingStore(self._state_folder() / "recordings.db", self.redactor)

    @cached_property
    def passage_vectors(self) -> PassageVectors:
        return PassageVectors(self.state / "passages.db")

    @cached_property
    def recorded_vectors(self) -> RecordedVectors:
        return RecordedVectors(self.state / "vectors.db")

    @property
    def ledger(self) -> SqlLedger:
        if self._ledger is None:
            from migrate.edges.ledger import open_ledger

            default = f"sqlite:///{quote(str(self._state_folder() / 'ledger.db'))}"
            url = self.settings.ledger or default
            if url != self._environ.get("PROMPT_MIGRATE_LEDGER"):  # the user's own word needs no second one
                refuse_foreign(url, "the setting `ledger`", self._environ)
            self._ledger = open_ledger(url, root=self.root)
        return self._ledger

    def load_flows(self) -> tuple[Flow, ...]:
        """Load the whole inventory. Raises InventoryProblem with everything that is wrong with it."""
        if not self.prompts.is_dir():
            refuse_nowhere(self.settings)
        return tuple(with_vectors(flow, self.passage_vectors) for flow in load(self.settings))

    def flows(self) -> tuple[Flow, ...]:
        """Load the inventory, or nothing where there is none: a project may have application flows alone."""
        return self.load_flows() if self.prompts.is_dir() else ()

    def readable(self) -> Inventory:
        """Load what can be read of the inventory: one broken file stands in no other flow's way."""
        found = load_readable(self.settings)
        return replace(found, flows=tuple(with_vectors(flow, self.passage_vectors) for flow in found.flows))

    def tools(self) -> Tools:
        return Tools(self.goldens, self.redactor, self.clock.today())

    def open_journal(self, run_id: str, worker: str) -> JournalFile:
        self._state_folder()
        return JournalFile(self.journals / f"{run_id}.{worker}.jsonl")

    @property
    def journals(self) -> Path:
        return self.state / "journals"

    @property
    def plans(self) -> Plans:
        return Plans(self.journals)

    def share(self, run_id: str, max_cost: str | None) -> SharedState:
        """Begin, or go on with, what the processes of a run share: this cap, and what was spent before."""
        shared = self.join(run_id)
        shared.begin(None if max_cost is None else pico_of(max_cost))
        return shared

    def join(self, run_id: str) -> SharedState:
        """Open what the processes of a run share, as one of them."""
        return SharedState(self.journals / f"{run_id}.state")

    def _state_folder(self) -> Path:
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.state

    def secret(self, variable: str | None) -> str:
        """Return the value of an environment variable that holds a key or a header; empty where there is none."""
        return self._environ.get(variable or "", "")

    # --- checks before anything is spent ---------------------------------------------------------------

    def check_variant(self, candidate: Candidate, flows: Sequence[Flow]) -> None:
        """Refuse a variant that no flow has."""
        names = {variant.name for flow in flows for variant in flow.variants}
        if candidate.variant is not None and candidate.variant not in names:
            known, guess = ", ".join(sorted(names)) or "none", did_you_mean(candidate.variant, names)
            raise UsageProblem(
                f'no flow has a prompt variant "{candidate.variant}" (variants here: {known})', hint=guess
            )

    def check_steps(self, candidate: Candidate, flows: Sequence[Flow]) -> None:
        """Refuse a step that no chain has."""
        names = sorted({step.name for flow in flows if flow.chain is not None for step in flow.chain.steps})
        for name in candidate.steps:
            if name not in names:
                known = ", ".join(names) or "none"
                hint = did_you_mean(name, names)
                raise UsageProblem(f'no chain has a step "{name}" (steps here: {known})', hint=hint)

    def check_gates(self) -> None:
        """Refuse a `--fail-on` that cannot be read."""
        self._gates()

    def check_models(self, flows: Sequence[Flow], candidates: Sequence[Candidate]) -> None:
        """Refuse models that have left the API on the day the run is judged by."""
        for model in sorted(self._models(flows, candidates)):
            self._check_model(model)

    def _check_model(self, model: str) -> None:
        today = self.clock.today()
        gone = catalogue.retired(model, today)
        if gone is not None and self.is_openai(model):
            raise UsageProblem(
                f"{model} left the API on {gone.isoformat()} (judged as of {today.isoformat()}): it cannot answer",
                hint="goldens and recordings of it still work: --migrate-offline",
            )

    def check_targets(self, candidates: Sequence[Candidate]) -> None:
        """Refuse what no application's call may go to: models that left, addresses the user has not allowed."""
        for provider in self._used_providers():
            self._refuse_foreign(provider)
        for candidate in candidates:
            for model in [candidate.model] if candidate.model else candidate.mapping.values():
                self._check_model(model)

    def check_providers(self, flows: Sequence[Flow], candidates: Sequence[Candidate]) -> None:
        """Refuse to start when a provider has no key, no address, or an address the user has not allowed."""
        for model in sorted(self._models(flows, candidates)):
            self.check_provider(model)

    def check_provider(self, model: str) -> None:
        """Refuse a model whose provider has no key, no address, or an address the user has not allowed."""
        provider = self.settings.provider_for(model)
        self._refuse_foreign(provider)
        variable = key_variable(provider)
        if variable is not None and not self._environ.get(variable):
            raise UsageProblem(
                f"no API key for {model}: the environment variable {variable} is not set",
                hint="or answer from recordings (--migrate-offline), or from the simulated provider "
                "(--migrate-provider simulated)",
            )
        if provider.kind == "azure" and provider.base_url is None:
            raise UsageProblem(f'provider "{provider.name}" is an Azure one and has no base_url')

    def _refuse_foreign(self, provider: ProviderSettings) -> None:
        if provider.base_url is not None:
            refuse_foreign(provider.base_url, f'the base_url of provider "{provider.name}"', self._environ)

    def _models(self, flows: Sequence[Flow], candidates: Sequence[Candidate]) -> set[str]:
        if not candidates:
            return {model for flow in flows for model in models_of(flow, baseline_of(flow))}
        pairs = ((flow, candidate) for flow in flows for candidate in candidates if offers(flow, candidate))
        return {model for flow, candidate in pairs for model in models_of(flow, candidate)}

    def is_openai(self, model: str) -> bool:
        """True where OpenAI's calendar binds: its own API, and the simulation of it."""
        provider = self.settings.provider_for(model)
        return provider.kind == "simulated" or (provider.kind == "openai" and provider.base_url is None)

    def leaving(self, evidence: Iterable[FlowEvidence]) -> list[str]:
        """Say of each candidate that leaves soon, or no later than its baseline, when: by the day that is judged by."""
        return self.leaving_of((one.candidate, one.baseline) for one in evidence)

    def leaving_of(self, moves: Iterable[tuple[str, str]]) -> list[str]:
        """Say the same of moves from a baseline: text of a candidate, and the models it replaces."""
        today = self.clock.today()
        replaced: dict[tuple[str, Ends], dict[str, None]] = {}
        """What a model replaces that leaves on the same day, so that it is told once."""
        for text, baseline in moves:
            candidate = parse_candidate(text)
            baselines = [name.strip() for name in baseline.split(",") if name.strip()]
            asked = {candidate.model_for(name) for name in baselines} | set(candidate.steps.values())
            before = ends_of(filter(self.is_openai, baselines), today)
            for model in sorted(asked - set(baselines)):
                if self.is_openai(model):
                    replaced.setdefault((model, before), {})[baseline] = None
        said = [
            leaving(model, ends_of([model], today), " and ".join(baselines), before)
            for (model, before), baselines in replaced.items()
        ]
        return list(filter(None, dict.fromkeys(said)))

    # --- asking --------------------------------------------------------------------------------------------

    def simulated_url(self) -> str | None:
        """Start the simulated provider when this run needs it; return its base URL."""
        if not any(provider.kind == "simulated" for provider in self._used_providers()):
            return None
        if self._simulated_url is None:
            from migrate.edges.providers.simulated import SimulatedServer

            self._server = SimulatedServer()
            self._simulated_url = self._server.start(self._simulate_command())
        return self._simulated_url

    def _used_providers(self) -> list[ProviderSettings]:
        default = self.settings.providers[self.settings.provider]
        return [*(provider for provider in self.settings.providers.values() if provider.models), default]

    def _simulate_command(self) -> list[str]:
        settings = self.settings
        command = [sys.executable, "-m", "migrate", "simulate", "--child", "--root", str(self.root)]
        # A project may have no prompt files, and application flows alone.
        command += ["--prompts", str(self.prompts)] if self.prompts.is_dir() else []
        command += ["--seed", str(settings.simulation_seed)]
        command += ["--time-scale", str(settings.time_scale)]
        return [*command, "--habit-log", self.habit_log] if self.habit_log else command

    def provider(self, connections: int) -> ByModel:
        """Connect every configured provider when a model of its own is asked for."""
        from migrate.edges.providers.by_model import ByModel, Route

        def route(provider: ProviderSettings) -> Route:
            return Route(provider.name, provider.models or ("*",), lambda: self._connect(provider, connections))

        return ByModel([route(provider) for provider in self._used_providers()], self.redactor.text)

    def _connect(self, provider: ProviderSettings, connections: int) -> Any:
        from migrate.edges.providers.logs import redact_logs
        from migrate.edges.providers.openai import connect

        redact_logs(self.redactor.text)
        self._refuse_foreign(provider)  # Whoever comes here without the checks before: no key leaves.
        variable = key_variable(provider)
        simulated = provider.kind == "simulated"
        return connect(
            name=provider.name,
            api_key=self._environ.get(variable or "", "") or "none",
            base_url=self.simulated_url() if simulated else provider.base_url,
            azure=provider.kind == "azure",
            api_version=provider.api_version,
            connections=connections,
            simulated=simulated,
            served_as=provider.served_as,
            headers={name: self._environ.get(variable, "") for name, variable in provider.headers_env.items()},
        )

    def embedder(self, model: str) -> Embedder:
        """Return who makes the vectors of a model; the state folder is there from then on, to keep them in."""
        from migrate.edges.providers.embedding import Embedder
        from migrate.edges.providers.logs import redact_logs

        redact_logs(self.redactor.text)
        self._state_folder()
        provider = self.settings.provider_for(model)
        return Embedder(
            name=provider.name,
            api_key=self.secret(key_variable(provider)) or "none",
            base_url=self.simulated_url() if provider.kind == "simulated" else provider.base_url,
            azure=provider.kind == "azure",
            api_version=provider.api_version,
            headers={name: self.secret(variable) for name, variable in provider.headers_env.items()},
            served_as=provider.served_as,
            timeout_s=self.settings.timeout_s,
            redact=self.redactor.text,
        )

    def engine(
        self,
        deliver: Callable[[Asked, Answered], None],
        full: Callable[[], bool],
        journal: Journal,
        *,
        workers: int = 1,
        purse: SharedState | None = None,
    ) -> Engine:
        """Build the engine of this process; calls in flight are shared out between the workers of the run."""
        from migrate.pricing.bounds import CallPrices

        concurrency = max(1, self.settings.concurrency // workers)
        policy = Policy(concurrency=concurrency, timeout_s=self.settings.timeout_s)

        def deliver_written(ask: Asked, answered: Answered) -> None:
            # The calls of a chain are written down by themselves, each as it arrives.
            if isinstance(answered, Call):
                journal.call(ask.sample, redacted_call(answered, self.redactor))
            deliver(ask, answered)

        capped = purse is not None and purse.sums()[0] is not None
        return Engine(
            self.provider(concurrency),
            policy,
            self.clock,
            deliver_written,
            full=full,
            journal=journal,
            purse=purse,
            prices=CallPrices(self.prices(), self.clock.today()) if capped else None,
        )

    # --- a run's start and end ---------------------------------------------------------------------------------

    def new_run(
        self,
        kind: Literal["record", "replay"],
        flows: Sequence[Flow],
        candidates: Sequence[Candidate],
        *,
        command: str,
        samples: int | None,
    ) -> Run:
        commit, dirty = commit_of(self.root)
        return new_run(
            kind,
            self.clock.now(),
            candidates=tuple(candidate.text for candidate in candidates),
            command=self.redactor.text(command),
            samples=samples,
            simulated=any(provider.kind == "simulated" for provider in self._used_providers()),
            git_commit=commit,
            git_dirty=dirty,
            provider=", ".join(self._asked_providers(flows, candidates)),
            as_of=self.clock.today().isoformat(),
        )

    def _asked_providers(self, flows: Sequence[Flow], candidates: Sequence[Candidate]) -> list[str]:
        """Return the names of the providers that the run's models belong to; without prompt files, the default one."""
        asked = {self.settings.provider_for(model).name for model in self._models(flows, candidates)}
        return sorted(asked) or [self.settings.provider]

    def header_lines(self, run: Run, flows: Sequence[Flow], *, offline: bool) -> list[str]:
        """Say in two lines what the run is: models, size, where answers come from, what it is judged by."""
        baselines = ", ".join(sorted(self._models(flows, ())))
        target = " -> " + ", ".join(run.candidates) if run.candidates else " (recording goldens)"
        cases = sum(len(flow.cases) for flow in flows)
        size = f"{counted(len(flows), 'flow')} / {counted(cases, 'case')}" if flows else "no prompt files"
        lines = [f"prompt-migrate: {(baselines + target).strip()} · {size} · run {run.id}"]
        source = "recordings only, no socket" if offline else run.provider
        if run.simulated and not offline:
            seed, scale = self.settings.simulation_seed, self.settings.time_scale
            source = f"SIMULATED provider (seed {seed}, time scale {scale:g}): no real model answers"
        pinned = " (pinned)" if self.settings.as_of else ""
        return [*lines, f"prompt-migrate: {source} · judged as of {run.as_of}{pinned}"]

    def prices(self) -> Any:
        from migrate.pricing import PriceTable

        override = self.root / self.settings.prices if self.settings.prices else None
        return PriceTable(override=override, cache=self._state_folder() / "prices.json", today=self.clock.today())

    def closed_gates(self, evidence: Sequence[FlowEvidence]) -> list[str]:
        """Return the reasons why `--fail-on` closes the gate."""
        return self._gates().closed(evidence)

    def standing(self, run: Run, evidence: Sequence[FlowEvidence]) -> Standing:
        """Return where a replay stands by `--fail-on`: closed gates, stale goldens, missing answers."""
        from migrate.evidence import standing

        return standing(run, evidence, self._gates())

    @cached_property
    def failing(self) -> frozenset[CaseVerdict]:
        """Verdicts that fail an item: those that always do, and drift where `--fail-on` names it."""
        from migrate.vocabulary import CaseVerdict
        from migrate.workflow.replay import FAILING

        return FAILING | ({CaseVerdict.DRIFT} if self._gates().drift else set())

    def _gates(self) -> Gates:
        from migrate.evidence.gates import parse_fail_on

        return parse_fail_on(",".join(self.settings.fail_on))

    def close(self) -> None:
        """Close what was opened, the simulated provider last; safe to repeat."""
        if "recordings" in self.__dict__:
            self.recordings.close()
            del self.__dict__["recordings"]
        if "recorded_vectors" in self.__dict__:
            self.recorded_vectors.close()
            del self.__dict__["recorded_vectors"]
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
        if self._server is not None:
            self._server.stop()
            self._server = None


def pico_of(usd: str) -> int:
    """Return an amount of US dollars in whole pico-dollars. Raises UsageProblem for anything but a positive decimal."""
    try:
        amount = Decimal(usd)
    except ArithmeticError:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise UsageProblem(f'--max-cost takes US dollars, such as 2.50, not "{usd}"')
    return int(amount * 10**12)


def key_variable(provider: ProviderSettings) -> str | None:
    """Return the environment variable a provider's key is read from; None where it needs no key."""
    if provider.api_key_env is not None:
        return provider.api_key_env
    if provider.kind == "azure":
        return "AZURE_OPENAI_API_KEY"
    return "OPENAI_API_KEY" if provider.kind == "openai" and provider.base_url is None else None
