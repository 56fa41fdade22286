"""What came of a run: the run itself and the evidence on its flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from migrate.vocabulary.basic import CaseId, Criticality, FlowName, JsonPath
from migrate.vocabulary.inventory import Toleration
from migrate.vocabulary.judgement import CaseVerdict, FindingKind, Rung, RungRates, Severity
from migrate.vocabulary.traces import NoReplyKind

UNANSWERED: Final = frozenset({CaseVerdict.NO_GOLDEN, CaseVerdict.STALE_GOLDEN, CaseVerdict.NO_REPLY})
"""Case verdicts that say nothing of the candidate."""


@dataclass(frozen=True, slots=True)
class Run:
    """One recording or replay, as the ledger knows it."""

    id: str
    """Time-ordered and short enough to type."""
    kind: Literal["record", "replay"]
    started_at: str
    finished_at: str | None = None
    state: Literal["running", "complete", "incomplete", "interrupted"] = "running"
    candidates: tuple[str, ...] = ()
    baseline: str | None = None
    samples: int | None = None
    """Samples a case asked for on the command line; None: as many as the golden has."""
    simulated: bool = False
    git_commit: str | None = None
    git_dirty: bool | None = None
    tool_version: str = ""
    python_version: str = ""
    provider: str = ""
    command: str = ""
    as_of: str = ""
    """The date lifecycle facts were judged against."""
    accounts: Mapping[str, int] = field(default_factory=dict)
    """planned, judged, `no_reply:<kind>`, `skipped:<reason>`, `not_run:<reason>`."""

    @property
    def ended_at(self) -> str:
        """When it ended, last of all where it was resumed; when it started, where that is all that is known."""
        return self.finished_at or self.started_at

    @property
    def lacked_a_model(self) -> bool:
        """True when it asked for a model that its provider has not got."""
        return any(name.partition(":")[2] == NoReplyKind.MODEL_NOT_FOUND for name in self.accounts)

    @property
    def only_lacks_models(self) -> bool:
        """True when all that it lacks is of models that their provider has not got."""
        lacks = [name for name, count in self.accounts.items() if count and name.startswith(("no_reply:", "not_run:"))]
        return bool(lacks) and all(name.partition(":")[2] == NoReplyKind.MODEL_NOT_FOUND for name in lacks)

    def asked_in_vain(self, verdicts: Collection[str]) -> bool:
        """Say whether it lacked a model and none of its cases, which have these verdicts, was answered.

        A wrong name, most likely: it says nothing of any model, so it is nobody's newest replay.
        """
        return self.lacked_a_model and CaseVerdict.NO_REPLY in verdicts and UNANSWERED.issuperset(verdicts)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Latency of one side over case means, in milliseconds."""

    p50: float | None
    p95: float | None
    p95_interval: tuple[float | None, float | None] | None
    """Exact order-statistic interval; a bound that n cannot give is None, and both missing is None."""
    n: int
    """Cases, not samples."""
    source: str
    """`live`, `recorded on 2026-01-15`, with `simulated` said where it holds."""
    p50_interval: tuple[float | None, float | None] | None = None
    """The same interval for p50."""


@dataclass(frozen=True, slots=True)
class FlowTimes:
    """How long one side of a flow takes by four clocks, each over the means of the cases it is known of."""

    calls: Quantiles
    """The sum over the calls of a sample."""
    critical_path: Quantiles
    """The longest chain of its calls that did not overlap."""
    wall: Quantiles
    """First request to last byte, with what the application did in between."""
    first_token: Quantiles
    """First request to the first content of the last streamed call."""


@dataclass(frozen=True, slots=True)
class Group:
    """Equal changes of one flow and candidate, seen as one."""

    id: str
    """Short and stable: a hash of the fingerprint."""
    kind: FindingKind
    severity: Severity
    rung: Rung
    path: JsonPath
    """With list indices as `[*]`."""
    title: str
    """`$.confidence number -> string`."""
    cases: tuple[CaseId, ...]
    count: int
    """Findings, over all samples."""


@dataclass(frozen=True, slots=True)
class ToleratedChange:
    """Equal findings of one flow and candidate that a toleration explained."""

    kind: FindingKind
    path: JsonPath
    """With list indices as `[*]`."""
    cases: tuple[CaseId, ...]
    """Those that show it."""
    breaking: int
    """Cases among them that break their contract by something else."""
    drifting: int
    """Cases among them that drift by something else."""
    entry: Toleration | None
    """The entry of the prompt file; None: as it stands it has none, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Money:
    """Exact dollars and what could not be priced."""

    usd: str | None
    """Decimal as text; None when nothing could be priced."""
    unknown: int = 0
    """Attempts that may have been paid for and whose usage or price is unknown: `usd` lacks them."""
    lost: int = 0
    """Those among them that failed, so that no answer cost them."""


@dataclass(frozen=True, slots=True)
class FlowMetric:
    """One of the two questions a flow's verdict answers, weighed over its cases. A case counts once."""

    name: Literal["contract", "agreement"]
    cases: int
    """Cases that say something about it."""
    baseline: float | None
    """Mean over the cases of the share of good samples, 0..1."""
    candidate: float | None
    """The same of the answers there are."""
    excess: float | None
    """How much larger the candidate's share of bad answers is, -1..1; missing answers left out."""
    low: float
    """Lower bound of the excess, missing answers taken for good: above the margin, unsafe. At confidence 1 - alpha / 2,
    or 1 - alpha where the other metric is shown to be past it."""
    high: float
    """Upper bound at 1 - alpha, missing answers taken for bad: below the margin, not worse."""
    margin: float
    """How much worse the flow may get."""
    alpha: float
    """One-sided error that its class of criticality allows."""
    p: float
    """P-value of the hypothesis that the excess is the margin or more, missing answers taken for bad."""
    worse: int
    """Cases in which the candidate does worse."""
    better: int
    missing: int
    """Answers that were planned and did not come."""
    cases_needed: int | None
    """Cases still needed; None where none are, or where more cases alone would not do."""
    planned_for: Literal["seen", "equal"] | None = None
    """What the number supposes: cases to come like those `seen`, or, where what was seen may be chance and would take
    very many, a candidate `equal` to the baseline that varies as much."""
    low_share: float = 1.0
    """Part of alpha at which `low` is given: all of it, or the half that the other metric leaves."""


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """What the calls of one step of a chain cost and took, over all cases and samples."""

    step: str
    calls_baseline: int
    calls_candidate: int
    cost_baseline: Money
    cost_candidate: Money
    cost_ratio: float | None
    """Candidate over baseline, per answered case; None when either is unknown."""
    latency_baseline: Quantiles
    latency_candidate: Quantiles


@dataclass(frozen=True, slots=True)
class FlowEvidence:
    """A flow's comparisons against one candidate, weighed."""

    flow: FlowName
    baseline: str
    candidate: str
    cases: int
    samples: int
    """Candidate samples that were planned."""
    verdicts: Mapping[CaseVerdict, int]
    rungs: Mapping[Rung, RungRates | None]
    cost_baseline: Money
    cost_candidate: Money
    cost_ratio: float | None
    """Candidate over baseline, per answered case; None when either is unknown."""
    latency_baseline: Quantiles
    latency_candidate: Quantiles
    groups: tuple[Group, ...]
    simulated: bool
    verdict: Literal["safe", "unsafe", "insufficient"] | None = None
    """None where nobody asked for one."""
    cases_needed: int | None = None
    """Cases still needed for `safe`, the largest of its metrics'; None where cases alone will not do."""
    unjudged: Mapping[str, int] = field(default_factory=dict)
    """Check that was not judged -> number of cases."""
    reasons: tuple[str, ...] = ()
    """Why the verdict is what it is, in words, the one that binds first."""
    metrics: tuple[FlowMetric, ...] = ()
    excluded: Mapping[str, tuple[CaseId, ...]] = field(default_factory=dict)
    """Cases that say nothing of the flow, by why: `stale golden`."""
    steps: tuple[StepEvidence, ...] = ()
    """Of a chain, in the order of its steps; empty for a single prompt."""
    times: tuple[FlowTimes, FlowTimes] | None = None
    """Of baseline and candidate."""
    critical: Criticality | None = None
    """The class the verdict is of; None where nobody asked for one."""
    changed: Mapping[str, int] = field(default_factory=dict)
    """What was changed in an application's calls for the candidate, beside the model -> number of cases."""
    several_calls: bool = False
    """True when a sample of either side made more than one call."""
    rejected: int = 0
    """Of the breaking cases, those in which nothing broke and a change that a reviewer rejected is there again."""
    tolerated: tuple[ToleratedChange, ...] = ()
    """Tolerations at work."""

    @property
    def is_itself(self) -> bool:
        """True where the candidate is the baseline, as after a promotion: there is nothing to decide."""
        return self.baseline == self.candidate
