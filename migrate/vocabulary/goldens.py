"""What is kept beside the code: goldens with the decisions on them, measurements, prices used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from migrate.vocabulary.basic import CaseId, FlowName, JsonPath
from migrate.vocabulary.judgement import FindingKind, Judged
from migrate.vocabulary.traces import Answer, Request, Source, Timing, Usage


@dataclass(frozen=True, slots=True)
class Approval:
    """A candidate answer that a reviewer accepted; read by the agreement rung only."""

    answer: Answer
    candidate: str
    reviewer: str
    reason: str
    seen: str
    """Hash of the candidate sample the reviewer saw."""
    at: str = ""
    covers: tuple[tuple[FindingKind, JsonPath], ...] = ()
    """The changes that were accepted, list indices as `[*]`; empty: whatever the answer says otherwise."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Changes that a reviewer rejected: a candidate that shows one of them again fails, with the reason."""

    covers: tuple[tuple[FindingKind, JsonPath], ...]
    """Kinds of findings and where, list indices as `[*]`."""
    candidate: str
    """Text of the candidate; another one is another question."""
    reviewer: str
    reason: str
    seen: str
    """Hash of the candidate's answers that the reviewer saw."""
    at: str = ""


Side = Literal["baseline", "candidate"]


@dataclass(frozen=True, slots=True)
class Rating:
    """What one person said of one baseline and one candidate answer, without knowing which was which."""

    flow: FlowName
    case: CaseId
    candidate: str
    """Text of the candidate."""
    rater: str
    preferred: Literal["baseline", "candidate", "tie"]
    baseline_correct: int
    """1 (wrong) to 5 (right) for the baseline's answer."""
    candidate_correct: int
    left: Side
    """Which answer was shown first."""
    baseline_shown: str
    """Hash of the baseline's answer that was shown."""
    candidate_shown: str
    seed: int
    """What the sample was drawn by."""
    drawn: int
    """Pairs of the flow and candidate in the sample."""
    of: int
    """Pairs of them it was drawn from: those whose answers differ."""
    at: str = ""
    withdrawn: bool = False
    """True: the rater takes back what this says again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer decided of one case and candidate; `docs/` and the published schema call its fields by their JSON
    names."""

    flow: FlowName
    case: CaseId
    candidate: str
    """Text of the candidate."""
    verdict: Literal["accept", "reject", "tolerate"]
    base: str | None
    """Digest of the golden that was seen; None: there was none."""
    seen: str
    """Hash of the candidate's answers that were seen."""
    group: str | None = None
    """The group of equal changes that is meant."""
    path: JsonPath | None = None
    """The place that is meant, list indices as `[*]`; without it and without a group the whole case."""
    reason: str = ""
    reviewer: str = ""
    at: str = ""
    expires: str | None = None
    """ISO date: the last day a toleration holds."""
    at_most: int | None = None
    """Samples of a case that may show a tolerated finding."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The approved baseline samples of a case."""

    flow: FlowName
    case: CaseId
    baseline: str
    """Model asked for when recording."""
    requests: tuple[Request, ...]
    """What was sent, one a call of the first sample; redacted, long inputs by digest."""
    samples: tuple[Judged, ...]
    approved: tuple[Approval, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    simulated: bool = False
    contract_digest: str = ""
    """Hash of the contract the stored rungs were judged by; another one today means: judge again, on redacted text."""
    chain_digest: str = ""
    """Hash of the steps that were recorded; empty for a single prompt."""
    digest: str = ""
    """Hash of the file's content, for compare-and-swap; empty before it is written."""


LOOKUP: Final = -1
"""Ordinal of the vector of a query: it is paid for, and is no call of the trace."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Cost and latency facts of one call, kept in git for goldens and in the ledger for runs."""

    flow: FlowName
    case: CaseId
    sample: int
    ordinal: int
    asked_model: str
    served_model: str | None
    usage: Usage
    service_tier: str | None
    timing: Timing | None
    at: str
    source: Source
    simulated: bool
    request_id: str | None = None
    cost_usd: str | None = None
    """Exact decimal as text, by the price table of the day; None: usage or price is unknown."""
    lost: int = 0
    """Failed attempts of the call that may have been paid for and whose usage nobody told: `cost_usd` lacks them."""
    step: str | None = None
    """The step of a chain that made the call."""

    @property
    def answered(self) -> bool:
        """True when there was a reply; without one there is neither a model that served it nor usage."""
        return self.served_model is not None or self.usage != Usage()

    @property
    def unknown(self) -> int:
        """Attempts that may have been paid for and that `cost_usd` lacks."""
        return self.lost + (self.answered and self.cost_usd is None)


@dataclass(frozen=True, slots=True)
class PriceUsed:
    """One row of the price table a run was priced by: US dollars per million tokens, decimals as text."""

    model: str
    tier: str
    input: str | None
    cached: str | None
    cache_write: str | None
    output: str | None
    source: str
    """`genai-prices 0.2.3`, `override prices.toml`."""
    as_of: str
