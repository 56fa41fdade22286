"""Application flows joined to their edges: one interception for each run of a marked test, in one of four modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from migrate.edges.intercept import Interception, Route, Tape, Trace
from migrate.edges.intercept.trace import Exchange
from migrate.ports import Journal, Recordings
from migrate.vocabulary import (
    Call,
    Candidate,
    CaseId,
    FlowName,
    Golden,
    Json,
    Reply,
    Source,
)
from migrate.wiring.answers import FromRecordings, WithVectors, keep_vectors, requests_of
from migrate.wiring.world import World, key_variable
from migrate.workflow.applications import TestRun
from migrate.workflow.metering import Meter
from migrate.workflow.replay import redacted_call

if TYPE_CHECKING:
    from migrate.edges.shared_state import SharedState
    from migrate.workflow.engine import Prices

Mode = Literal["record", "live", "offline", "bare"]
"""`bare`: answered from the golden's own trace, on today's models; `offline`: a candidate, from recordings."""
SAMPLE_HEADER: Final = "x-prompt-migrate-sample"


@dataclass(frozen=True, slots=True)
class Opened:
    """What sees one run of a test."""

    interception: Interception
    meter: Meter | None = None
    """Where calls may leave."""


class Applications:
    """Opens what sees the runs of one process's marked tests."""

    def __init__(
        self,
        world: World,
        mode: Mode,
        *,
        journal: Journal | None = None,
        purse: SharedState | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """`recordings`: asked before anybody else; None: nothing is answered from them."""
        self._world = world
        self._mode: Mode = mode
        self._journal = journal
        self._purse = purse
        self._recordings = recordings
        self._prices = self._capped_prices(purse)

    def _capped_prices(self, purse: SharedState | None) -> Prices | None:
        if purse is None or purse.sums()[0] is None:
            return None
        from migrate.pricing.bounds import CallPrices

        return CallPrices(self._world.prices(), self._world.clock.today())

    @property
    def needs_no_key(self) -> bool:
        """True where an application's own key is never used: its client may be built without one."""
        provider = self._world.settings.providers[self._world.settings.provider]
        routed = provider.kind == "simulated" or provider.base_url is not None
        return routed or self._mode in ("bare", "offline")

    def open(self, sample: int, candidate: Candidate | None = None, golden: Golden | None = None) -> Opened:
        """Return what sees the next run: the `sample`-th of a test, from 1."""
        swap = None if candidate is None else _Swap(candidate)
        seeing = partial(Interception, clock=self._world.clock, redact=self._world.redactor.value)
        if self._mode == "bare":
            tape = Tape.of_calls(self._told(golden))
            return Opened(seeing(mode="offline", answers=WithVectors(tape, self._world.recorded_vectors, sample)))
        recorded = FromRecordings(self._recordings, sample, requests_of(golden, swap))
        answers = WithVectors(recorded, self._world.recorded_vectors, sample)
        if self._mode == "offline":
            return Opened(seeing(mode="offline", swap=swap, answers=answers))
        meter = self._meter(sample)
        interception = seeing(
            mode="record" if self._mode == "record" else "live",
            swap=swap,
            answers=None if self._recordings is None else answers,
            seen=lambda exchange: self._seen(meter, exchange, sample),
            gate=meter.gate,
            route=lambda model: self._route(model, sample),
            served_as=self._served_as(),
        )
        return Opened(interception, meter)

    def _seen(self, meter: Meter, exchange: Exchange, sample: int) -> None:
        if exchange.call.source is Source.LIVE:
            # Before the journal: an answer that is written down there has its vectors.
            keep_vectors(self._world.recorded_vectors, exchange, sample)
        meter.ended(exchange.call, exchange.equal)

    def _meter(self, sample: int) -> Meter:
        assert self._journal is not None, "the journal is opened before the first call"
        redactor = self._world.redactor
        return Meter(
            sample,
            self._journal,
            redact=lambda call: redacted_call(call, redactor),
            purse=self._purse,
            prices=self._prices,
        )

    def _told(self, golden: Golden | None) -> Sequence[Call]:
        """Return the calls of a golden's first sample, with the usage its measurements keep."""
        if golden is None or not golden.samples:
            return ()
        sample = golden.samples[0].sample
        usage = self._usage(golden.flow, golden.case, sample.index)
        return [
            replace(call, outcome=replace(call.outcome, usage=usage[call.ordinal]))
            if isinstance(call.outcome, Reply) and call.ordinal in usage
            else call
            for call in sample.calls
        ]

    def _usage(self, flow: FlowName, case: CaseId, sample: int) -> Mapping[int, Json]:
        rows = self._world.goldens.measurements(flow)
        return {row.ordinal: row.usage for row in rows if (row.case, row.sample) == (case, sample)}

    def _served_as(self) -> Mapping[str, tuple[str, ...]]:
        providers = self._world.settings.providers.values()
        return {model: names for provider in providers for model, names in provider.served_as.items()}

    def _route(self, model: str, sample: int) -> Route | None:
        """Return where calls to a model go by the configuration; None: where the application sends them."""
        provider = self._world.settings.provider_for(model)
        if provider.kind == "simulated":
            url = self._world.simulated_url()
            assert url is not None, "a simulated provider in use has a server"
            return Route(url, {"authorization": "Bearer none", SAMPLE_HEADER: str(sample)})
        if provider.base_url is None:
            return None
        variable = key_variable(provider)
        key = self._world.secret(variable) or "none"
        own = {name: self._world.secret(variable) for name, variable in provider.headers_env.items()}
        if provider.kind == "azure":
            return Route(f"{provider.base_url.rstrip('/')}/openai/v1", {"api-key": key, **own})
        return Route(provider.base_url, {"authorization": f"Bearer {key}", **own})


@dataclass(frozen=True, slots=True)
class _Swap:
    """A candidate as the interception asks it: an application's calls have no steps."""

    candidate: Candidate

    def model_for(self, baseline: str) -> str:
        return self.candidate.model_for(baseline)


def run_of(trace: Trace, values: Mapping[str, Json], failure: str) -> TestRun:
    """Return what one run of a test came to."""
    exchanges = trace.exchanges
    notes = dict.fromkeys(note for exchange in exchanges for note in exchange.notes)
    return TestRun(
        calls=tuple(map(_call_of, exchanges)),
        asked=tuple(exchange.asked for exchange in exchanges),
        values=dict(values),
        failure=failure,
        notes=tuple(notes),
        misses=tuple(miss.message for miss in trace.misses),
        unseen=trace.first_fault,
    )


def _call_of(exchange: Exchange) -> Call:
    """Return a call under the question that the application asked, whatever was translated for the candidate."""
    call = exchange.call
    return replace(call, request=replace(call.request, prompt_key=exchange.asked.prompt_key))
