"""Record: K independent answers of the baseline model to every case, judged and written as goldens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from migrate.comparing import Contract, contract_of
from migrate.errors import PromptMigrateError, StoreProblem
from migrate.ports import CaseRecord, Goldens, Journal, Recordings
from migrate.rendering import baseline_of, bind_checks, chain_digest, play_of
from migrate.rendering.steps import Play
from migrate.vocabulary import (
    Call,
    CaseVerdict,
    Comparison,
    Flow,
    Golden,
    Judged,
    Request,
    Source,
)
from migrate.workflow.chains import Promises, PromisesOf
from migrate.workflow.engine import Answered, Ask, Asked
from migrate.workflow.replay import Keeper, Lost, Tools, Trial, baseline_request, judged_of, staleness

Mode = Literal["new", "rewrite"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one case."""

    record: CaseRecord | None
    """None when nothing was recorded because a fitting golden is there."""
    written: bool = False
    """True when the golden's bytes changed."""
    note: str = ""
    stale: bool = False
    """True when a golden is there that no longer fits, and stays."""
    dropped: str = ""
    """What reviewers had decided of the golden that was there, in words; gone with it."""


@dataclass(frozen=True, slots=True)
class _Ready:
    request: Request
    contract: Contract
    samples: int
    promises: Promises | None
    """Of a chain; None for a single prompt."""
    kept: Golden | None
    """The golden that is there and stays, in mode `new`."""
    stale: str
    replaced: str
    """Digest of the golden that is there and goes, in mode `rewrite`; empty where there is none that can be read."""


class Recording:
    """Records trials of the baseline; a golden is written only when every one of its K answers is there."""

    def __init__(
        self,
        tools: Tools,
        *,
        mode: Mode,
        samples: int | None = None,
        usual: int = 5,
        journal: Journal | None = None,
        given: Recordings | None = None,
        lost: Lost | None = None,
    ) -> None:
        """`samples` is asked for by the user and binds all flows; `usual` is for flows that do not say.

        `given` holds what this very run was answered before it was stopped, `lost` the tries that may have been paid.
        """
        self._given = given
        self._lost = lost or {}
        self._tools = tools
        self._mode = mode
        self._samples = samples
        self._usual = usual
        self._journal = journal
        self._ready: dict[int, _Ready] = {}
        self._promises = PromisesOf()

    def asks(self, trials: Sequence[Trial], expect: Callable[[int, int], None]) -> Iterator[Asked]:
        """Yield the calls to make, trial by trial; a case whose golden stays needs none."""
        for trial in trials:
            ready = self._prepare(trial)
            wanted = 0 if ready is None or ready.kept is not None else ready.samples
            if ready is not None and ready.promises is not None:
                expect(trial.number, wanted)
                yield from self._chain_asks(trial, ready.promises, wanted)
                continue
            missing = [sample for sample in range(1, wanted + 1) if not self._is_given(trial, ready, sample)]
            expect(trial.number, len(missing))
            for sample in missing:
                request = ready.request  # type: ignore[union-attr]
                yield Ask(trial.number, sample, request, self._lost.get((request.request_key, sample), 0))

    def _chain_asks(self, trial: Trial, promises: Promises, wanted: int) -> Iterator[Asked]:
        keeper = Keeper(self._recorded, self._journal, self._tools.redactor, self._lost)
        for sample in range(1, wanted + 1):
            yield keeper.ask(trial.number, sample, lambda: self._play(trial, promises))

    def _play(self, trial: Trial, promises: Promises) -> Play:
        return play_of(trial.flow, trial.case, trial.candidate, self._tools.redactor.value, promises.reader())

    def _recorded(self, request: Request, sample: int) -> Call | None:
        """Return an answer from before the stop."""
        call = None if self._given is None else self._given.get(request.request_key, sample)
        if call is None:
            return None
        lost = self._lost.get((request.request_key, sample), 0)
        return replace(call, request=request, source=Source.LIVE, lost=lost)

    def _is_given(self, trial: Trial, ready: _Ready | None, sample: int) -> bool:
        """Put an answer from before the stop on the trial; say whether there was one."""
        call = None if ready is None else self._recorded(ready.request, sample)
        if call is not None:
            trial.calls.append((sample, call))
        return call is not None

    def _prepare(self, trial: Trial) -> _Ready | None:
        flow, case, tools = trial.flow, trial.case, self._tools
        try:
            kept = tools.goldens.read(flow.name, case.id) if self._mode == "new" else None
            request = baseline_request(flow, case, tools.redactor)
            stale = "" if kept is None else staleness(flow, request, kept, tools.redactor)
            promises = None if flow.chain is None else self._promises.of(flow, flow.chain)
            promised = partial(contract_of, flow) if promises is None else promises.contract
            contract = promised(flow.prompt, bind_checks(flow, case))
        except PromptMigrateError as problem:
            trial.problem = problem
            return None
        samples = self._samples or flow.samples or self._usual
        replaced = "" if self._mode == "new" else self._digest(trial)
        self._ready[trial.number] = _Ready(request, contract, samples, promises, kept, stale, replaced)
        return self._ready[trial.number]

    def _digest(self, trial: Trial) -> str:
        """Return the digest of the golden that is there, so that what another run wrote meanwhile is not undone."""
        try:
            golden = self._tools.goldens.read(trial.flow.name, trial.case.id)
        except PromptMigrateError:
            return ""  # it is damaged: recording again is how it is mended
        return "" if golden is None else golden.digest

    def conclude(self, trial: Trial, calls: Sequence[tuple[int, Answered]]) -> Recorded:
        """Judge the answers and write the golden, or say why not."""
        if trial.problem is not None:
            raise trial.problem
        ready = self._ready.pop(trial.number)
        if ready.kept is not None:
            return Recorded(
                None, note=f"stale: {ready.stale}" if ready.stale else "a golden is there", stale=bool(ready.stale)
            )
        judged = tuple(
            judged_of(ready.contract, index, answered, self._tools.redactor)
            for index, answered in sorted([*trial.calls, *calls], key=lambda answer: answer[0])
        )
        missing = [sample.sample.index for sample in judged if sample.sample.answer is None]
        verdict = CaseVerdict.NO_REPLY if missing else CaseVerdict.SAME
        record = CaseRecord(_comparison(trial, verdict, judged), judged)
        if self._journal is not None:
            self._journal.case(record)
        if missing:
            return Recorded(record, note=f"{len(missing)} of {ready.samples} answers are missing; no golden written")
        golden = self._golden(trial, ready, judged)
        return write_over(self._tools.goldens, record, golden, first=self._mode == "new")

    def _golden(self, trial: Trial, ready: _Ready, judged: tuple[Judged, ...]) -> Golden:
        return Golden(
            flow=trial.flow.name,
            case=trial.case.id,
            baseline=trial.flow.prompt.model,
            requests=tuple(call.request for call in judged[0].sample.calls) if ready.promises else (ready.request,),
            samples=judged,
            simulated=any(call.simulated for sample in judged for call in sample.sample.calls),
            contract_digest=ready.contract.digest,
            chain_digest="" if trial.flow.chain is None else chain_digest(trial.flow.chain),
            digest=ready.replaced,
        )


def write_over(goldens: Goldens, record: CaseRecord, golden: Golden, *, first: bool = False) -> Recorded:
    """Write a recorded golden in place of the one that is there.

    Where it says the same as before, what reviewers decided stays, and every byte; otherwise it is gone, because
    a decision holds for the golden that was seen. `first`: as in `Goldens.write`.
    """
    before = None if first else _decided(goldens, golden)
    if before is None:
        return Recorded(record, written=goldens.write(golden, first=first))
    bare = goldens.stored(replace(before, approved=(), rejected=()))
    if bare.digest == goldens.stored(golden).digest:
        return Recorded(record)
    counts = {"approval": len(before.approved), "rejection": len(before.rejected)}
    words = " and ".join(f"{count} {word}{'s' * (count > 1)}" for word, count in counts.items() if count)
    return Recorded(record, written=goldens.write(golden), dropped=words)


def _decided(goldens: Goldens, golden: Golden) -> Golden | None:
    """Return the golden that is there, if anything was decided of it; one that cannot be read holds no decisions."""
    try:
        before = goldens.read(golden.flow, golden.case)
    except StoreProblem:
        return None
    return before if before is not None and (before.approved or before.rejected) else None


def _comparison(trial: Trial, verdict: CaseVerdict, judged: tuple[Judged, ...]) -> Comparison:
    model = trial.flow.prompt.model
    fault = next((sample.sample.no_reply for sample in judged if sample.sample.no_reply), None)
    note = "" if fault is None else f"{fault.kind.value}: {fault.message}"
    return Comparison(trial.flow.name, trial.case.id, model, model, verdict, note=note)


def trials_of(flows: Sequence[Flow], first: int = 0) -> Iterator[Trial]:
    """Yield one recording trial a case."""
    number = first
    for flow in flows:
        candidate = baseline_of(flow)
        for case in flow.cases:
            yield Trial(number, flow, case, candidate)
            number += 1
