"""What the work asks of the world: protocols owned by the caller, with their guarantees in prose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from migrate.vocabulary import (
    Call,
    CaseId,
    Comparison,
    Flow,
    FlowName,
    FlowTimes,
    Golden,
    JsonObject,
    Judged,
    Measurement,
    NoReply,
    NoReplyKind,
    PriceUsed,
    Rating,
    Reply,
    Request,
    Run,
    Timing,
    Toleration,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the provider said of its rate limits beside an answer; None: it did not say."""

    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_requests_s: float | None = None
    reset_tokens_s: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one call."""

    outcome: Reply | NoReply
    timing: Timing | None = None
    retry: bool = False
    """True when trying again may help."""
    retry_after_s: float | None = None
    """The pause the provider asked for."""
    limits: Limits = Limits()
    simulated: bool = False
    """True when the simulated provider answered."""
    charged: bool | None = None
    """False: certainly not paid for (the server refused it). None: told by the usage, unknown without one."""


class Provider(Protocol):
    """Something that answers requests.

    One `ask` is one try: retries, pacing and budgets belong to the engine. It never raises for a fault of the
    road: that is an `Attempt` with a `NoReply`. Cancelling it closes its connection. Methods are called from
    one event loop only.
    """

    @property
    def name(self) -> str: ...

    async def ask(self, request: Request, *, sample: int, timeout_s: float) -> Attempt:
        """Send one request and wait for the whole answer, at most `timeout_s` seconds of monotonic time."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """Everything the ledger keeps of one case against one candidate (or of one recorded case)."""

    comparison: Comparison
    """For a recording run: verdict `same`, candidate equal to the baseline's name."""
    samples: tuple[Judged, ...] = ()
    """The candidate's samples, redacted; those without an answer included."""
    baseline: tuple[Measurement, ...] = ()
    """Of the golden's samples."""
    candidate: tuple[Measurement, ...] = ()


class Recordings(Protocol):
    """Redacted replies kept outside git, so that a run can be resumed, repeated offline or judged again.

    Identity is request key, asked model (part of the key) and sample index.
    """

    def get(self, request_key: str, sample: int) -> Call | None:
        """Return the recorded call, `source` set to `recording`, or None."""
        ...

    def put(self, calls: Iterable[tuple[int, Call]]) -> int:
        """Keep calls with their sample index; a `NoReply` is never kept. Return how many were new or replaced."""
        ...

    def close(self) -> None: ...


class Journal(Protocol):
    """What a run writes down as it happens, so that a killed run loses nothing it paid for.

    Everything handed in is redacted already. Safe to call from two threads.
    """

    def attempt(self, request: Request, sample: int, tried: int, reserved: int, lost: int = 0) -> None:
        """Write down a try before it is made, with the money set aside for it.

        `lost`: tries of the same call before it that may have been paid for and whose usage nobody told.
        """
        ...

    def failed(self, request: Request, sample: int, lost: int) -> None:
        """Write down that a try failed and another one is to follow; `lost` as in `attempt`, this try included."""
        ...

    def call(self, sample: int, call: Call) -> None:
        """Write down one answer as it arrives."""
        ...

    def case(self, record: CaseRecord) -> None:
        """Write down one judged case; measurements are left out and made from the calls when the journal is folded."""
        ...

    def close(self) -> None: ...


class Purse(Protocol):
    """What all processes of a run share: a cap on its cost and the pause a provider asked for.

    Amounts are whole pico-dollars (1e-12 US dollars), so that sums are exact.
    """

    def reserve(self, amount: int) -> bool:
        """Set money aside for one try, atomically over all processes; False when the cap would be passed."""
        ...

    def could_hold(self, amount: int) -> bool:
        """Say whether the cap would hold the amount if everything set aside were given back."""
        ...

    def settle(self, reserved: int, spent: int) -> None:
        """Give back what was set aside for a try and book what it cost."""
        ...

    def pause(self, until: float) -> None:
        """Let no process call before `until`, in monotonic seconds of this machine."""
        ...

    @property
    def paused_until(self) -> float:
        """When the longest pause anybody set ends; 0 when there is none."""
        ...

    def stop(self, kind: NoReplyKind) -> None:
        """Let no process call any more, because of a fault that every further call would meet; the first one stays."""
        ...

    @property
    def stopped(self) -> NoReplyKind | None:
        """Why nobody may call any more; None while everybody may."""
        ...


class Goldens(Protocol):
    """The approved baseline samples, in git."""

    def read(self, flow: FlowName, case: CaseId) -> Golden | None:
        """Return the golden, None when the case has none. Raises StoreProblem when the file is damaged or foreign."""
        ...

    def write(self, golden: Golden, *, first: bool = False) -> bool:
        """Write atomically and durably, after redaction. Return False when the bytes are already these.

        `first`: there was no golden when this one was asked for. Raises StoreProblem when another one is there now.
        """
        ...

    def stored(self, golden: Golden) -> Golden:
        """Return the golden as it would be read back once written: redacted, and with its digest."""
        ...

    def measurements(self, flow: FlowName) -> tuple[Measurement, ...]:
        """Return the measurements of a flow's recorded samples; empty when there are none."""
        ...

    def write_measurements(self, flow: FlowName, measurements: Sequence[Measurement]) -> bool:
        """Replace the measurements of the cases named in `measurements`; those of other cases stay."""
        ...

    def cases(self, flow: FlowName) -> tuple[CaseId, ...]:
        """Return the cases that have a golden, sorted."""
        ...

    def flows(self) -> tuple[FlowName, ...]:
        """Return the flows that have goldens, sorted."""
        ...


class DecisionLog(Protocol):
    """What reviewers decided, in git beside the goldens: one line a decision, appended and never changed.

    Only what one review wrote and took back itself is taken off its end again.
    """

    def turn(self) -> AbstractContextManager[None]:
        """Hold the turn to decide: one process at a time reads and writes goldens and prompt files."""
        ...

    def add(self, flow: FlowName, entries: Sequence[JsonObject]) -> None:
        """Append entries durably, redacted."""
        ...

    def forget(self, flow: FlowName, kept: int) -> None:
        """Keep so many lines, the oldest, and no file without any; the turn has to be held."""
        ...

    def entries(self, flow: FlowName) -> tuple[JsonObject, ...]:
        """Return what was decided of a flow, the oldest first. Raises StoreProblem for a line that cannot be read."""
        ...


class Ratings(Protocol):
    """What people said of answers, in git beside the goldens: one line a rating, appended and never changed."""

    def add(self, ratings: Sequence[Rating]) -> None:
        """Append ratings durably, redacted."""
        ...

    def of_flow(self, flow: FlowName) -> tuple[Rating, ...]:
        """Return the ratings of a flow, the oldest first. Raises StoreProblem for a line that cannot be read."""
        ...


class PromptFiles(Protocol):
    """The prompt files, where decisions change them: as little of the text as can be, comments and all kept."""

    def tolerate(
        self, flow: Flow, tolerated: Sequence[Toleration], *, instead: Sequence[Toleration] = (), write: bool
    ) -> None:
        """Add tolerations, and take those out, case by case, whose place they take.

        Without `write` only say whether it can be done. Raises UsageProblem when it cannot.
        """
        ...

    def rename_model(self, flow: Flow, model: str, *, write: bool) -> None:
        """Name another baseline model in the flow's prompt file; otherwise as `tolerate`."""
        ...


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One flow in one run against one candidate."""

    run: Run
    flow: FlowName
    candidate: str
    cases: int
    verdicts: dict[str, int]
    cost_usd: str | None
    unknown_cost: int
    p50_ms: float | None
    p95_ms: float | None
    n: int
    times: FlowTimes | None = None
    """By every clock; `p50_ms` and `p95_ms` are of the one that compares models."""
    baselines: tuple[str, ...] = ()
    """Models of the goldens it was compared with, sorted."""


class Ledger(Protocol):
    """The history of runs: one writer at a time, any number of readers."""

    def start(self, run: Run) -> None:
        """Write the run's row; a run that is not complete may start again. Raises StoreProblem for one that is."""
        ...

    def add(self, run_id: str, records: Iterable[CaseRecord]) -> int:
        """Write case records in batches, replacing rows of the same case and candidate; return how many."""
        ...

    def add_prices(self, run_id: str, prices: Iterable[PriceUsed]) -> None:
        """Keep the rows of the price table this run was priced by; repeating a row is no error."""
        ...

    def finish(self, run: Run) -> None:
        """Write the run's final state and accounts."""
        ...

    def run(self, run_id: str | None) -> Run:
        """Return a run by id or unique prefix; None: the last replay to end that was not asked in vain.

        Where all were, the last. Raises UsageProblem when there is none.
        """
        ...

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        """Return runs, newest first."""
        ...

    def records(self, run_id: str) -> Iterator[CaseRecord]:
        """Yield the case records of a run, ordered by flow, candidate, case."""
        ...

    def record(self, run_id: str, flow: FlowName, candidate: str, case: CaseId) -> CaseRecord | None:
        """Return one record of a run, None where it has none of that case."""
        ...

    def history(self, flow: FlowName, *, limit: int = 50) -> tuple[HistoryRow, ...]:
        """Return a flow's rows over runs, newest first."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CodeVerdict:
    """What running generated code against its tests gave."""

    passed: int
    total: int
    message: str = ""


class Sandbox(Protocol):
    """Somewhere generated code may run without harming the host. No implementation is bundled yet."""

    def run(self, code: str, tests: str, *, timeout_s: float) -> CodeVerdict: ...


class Clock(Protocol):
    """Time as an input."""

    def now(self) -> dt.datetime:
        """UTC, aware: the time of records."""
        ...

    def today(self) -> dt.date:
        """The date lifecycle facts are judged against: `--as-of`, or today."""
        ...

    def monotonic(self) -> float:
        """Seconds; for durations only."""
        ...
