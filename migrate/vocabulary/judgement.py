"""What differs: rungs, findings, verdicts of cases, rates."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from migrate.vocabulary.basic import CaseId, Criticality, FlowName, Json, JsonPath
from migrate.vocabulary.traces import Sample


class Rung(enum.StrEnum):
    """The contract ladder, in order; `agreement` is a metric of its own."""

    ANSWERED = "answered"
    """Not refused, filtered, cut off by the token limit or empty."""
    PARSED = "parsed"
    """The raw text is what the flow's `parse` reads."""
    SCHEMA = "schema"
    """The answer fits its JSON Schema."""
    TOOLS = "tools"
    """The right tools were called, the right number of times, with valid arguments."""
    CHECKS = "checks"
    """Every check of the flow and the case holds."""
    AGREEMENT = "agreement"
    """The answer agrees with the golden: structure, then values, then wording."""


CONTRACT_RUNGS = (Rung.ANSWERED, Rung.PARSED, Rung.SCHEMA, Rung.TOOLS, Rung.CHECKS)


class Severity(enum.StrEnum):
    BREAKING = "breaking"
    """The contract is not kept."""
    DRIFT = "drift"
    """The contract holds; the meaning may have changed."""
    COSMETIC = "cosmetic"
    """Wording within the bound, white space, spelling of equal values."""


class FindingKind(enum.StrEnum):
    """What a finding is about; the rung says where on the ladder it stands."""

    # answered
    REFUSED = "refused"
    """The model declined to answer; drift where only a text inside the answer declines."""
    FILTERED = "filtered"
    """A content filter stopped the answer."""
    TRUNCATED = "truncated"
    """The token limit cut the answer off."""
    EMPTY = "empty"
    """There is no answer and no tool call."""
    # parsed
    FENCED_JSON = "fenced_json"
    """The JSON stands in a code fence, which the application does not strip."""
    CHATTY_JSON = "chatty_json"
    """There is other text around the JSON."""
    INVALID_JSON = "invalid_json"
    """The text is not JSON; cosmetic for a lone surrogate, which many programs refuse to read."""
    # schema
    MISSING_REQUIRED = "missing_required"
    """A key the schema requires is not there."""
    WRONG_TYPE = "wrong_type"
    """A value has another type than the schema says."""
    NULL_NOT_ALLOWED = "null_not_allowed"
    """`null` where the schema wants a value."""
    NOT_IN_ENUM = "not_in_enum"
    """A value is not one the schema lists."""
    EXTRA_KEY = "extra_key"
    """A key the schema does not allow."""
    SCHEMA_VIOLATION = "schema_violation"
    """Any other rule of the schema is broken: a bound, a length, a pattern."""
    # tools
    MISSING_TOOL_CALL = "missing_tool_call"
    """A tool that should have been called was not; in agreement, a call that every sample had is gone."""
    UNEXPECTED_TOOL_CALL = "unexpected_tool_call"
    """A tool was called that should not have been; in agreement, a call no sample had."""
    WRONG_TOOL = "wrong_tool"
    """Another tool was called instead."""
    UNKNOWN_TOOL = "unknown_tool"
    """A tool was called that was not offered."""
    WRONG_CALL_COUNT = "wrong_call_count"
    """A tool was called too often or too seldom."""
    INVALID_ARGUMENTS = "invalid_arguments"
    """Arguments are not JSON, break the tool's schema, or are not those a check names."""
    NULL_ARGUMENT = "null_argument"
    """`null` for an argument whose schema forbids it."""
    # checks
    CHECK_FAILED = "check_failed"
    """A check does not hold; the rule of the finding is the check's name."""
    # agreement
    TYPE_CHANGED = "type_changed"
    """A value has another type than in the golden, where the schema does not mind."""
    KEY_ADDED = "key_added"
    """A key that no baseline sample has."""
    KEY_REMOVED = "key_removed"
    """A key that every baseline sample has is gone."""
    VALUE_CHANGED = "value_changed"
    """Another number, flag, label or short text; cosmetic within a rule's bounds."""
    LIST_LENGTH = "list_length"
    """A list is longer or shorter."""
    LIST_ORDER = "list_order"
    """The same items in another order."""
    FACT_CHANGED = "fact_changed"
    """Prose states other numbers, dates, times, links, addresses, codes, currencies or names."""
    LANGUAGE_CHANGED = "language_changed"
    """Prose is in another language."""
    LENGTH_CHANGED = "length_changed"
    """Prose is much longer or shorter than any baseline sample."""
    WORDING_CHANGED = "wording_changed"
    """Other words, not judged for meaning; drift where a similarity rule is not met."""
    TOOL_ARGUMENTS_CHANGED = "tool_arguments_changed"
    """A call has other arguments, where no check names them."""
    CALL_COUNT_CHANGED = "call_count_changed"
    """The sample took another number of calls."""
    REQUEST_CHANGED = "request_changed"
    """A call before the final answer was asked something else; cosmetic, for it follows from an earlier answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference or broken rule."""

    rung: Rung
    kind: FindingKind
    severity: Severity
    path: JsonPath
    """Where in the answer: `$` is all of it, `$tool_calls[0].arguments.order_id` is inside a tool call."""
    message: str
    """One clause for a person: what is wrong and, where it is not plain, why it matters."""
    expected: Json = None
    actual: Json = None
    rule: str = ""
    """What made it: a rule path, a check name, a schema path, `noise floor`, `golden`."""
    explained: str | None = None
    """`noise`, `approval` or `toleration` when something explains it; of a call before the final answer also `inner`,
    and `consequence` where an earlier answer changed its question; None: it counts."""
    sample: int | None = None
    """Index of the candidate sample it was found in."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A sample after the ladder's rungs 1 to 5."""

    sample: Sample
    rungs: Mapping[Rung, bool | None]
    """Passed, failed, or None where the flow does not promise the rung; contract rungs only."""
    findings: tuple[Finding, ...] = ()
    value: Json = None
    """The parsed answer, repaired if it had to be; None for text."""
    parsed: bool = False
    """True when `value` holds parsed JSON (`null` is a value too)."""
    if_repaired: Mapping[Rung, bool | None] | None = None
    """What rungs 3 to 5 say of the repaired text, when the raw text did not parse."""
    unjudged: tuple[str, ...] = ()
    """Names of checks that could not be judged here, with the reason: "judge `tone`: judges are not available"."""

    @property
    def kept(self) -> bool:
        """True when every promised contract rung passed."""
        return all(passed is not False for passed in self.rungs.values())


class CaseVerdict(enum.StrEnum):
    """What became of a case, first match in the order of DESIGN.md section 3."""

    NO_GOLDEN = "no_golden"
    """Nothing was recorded for the case, so nothing was compared."""
    STALE_GOLDEN = "stale_golden"
    """The baseline's request has changed since the golden was recorded."""
    NO_REPLY = "no_reply"
    """A planned answer of the candidate is missing after all tries."""
    UNSTABLE_BASELINE = "unstable_baseline"
    """The baseline keeps the contract in some samples only, and the candidate in no smaller share."""
    BREAKING = "breaking"
    """The candidate keeps the contract in a smaller share of samples than the baseline, or shows a rejected change."""
    IMPROVED = "improved"
    """The candidate keeps the contract in a larger share of samples than the baseline."""
    CONTRACT_NOT_KEPT = "contract_not_kept"
    """Neither keeps the contract in any sample: not kept today either."""
    ACCEPTED = "accepted"
    """Approvals and tolerations cover every difference that is left."""
    DRIFT = "drift"
    """A difference that may change the meaning, in at least one sample, explained by nothing."""
    WITHIN_NOISE = "within_noise"
    """Every difference is cosmetic, or no larger than the baseline's own."""
    SAME = "same"
    """Every sample is equal to one of the baseline's."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Passed out of total samples."""

    passed: int
    total: int

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.passed + other.passed, self.total + other.total)

    @property
    def share(self) -> float | None:
        return self.passed / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class RungRates:
    """One rung, baseline and candidate side by side."""

    baseline: Rate
    candidate: Rate


@dataclass(frozen=True, slots=True)
class Scores:
    """What a case says of its flow: both sides' samples counted so that they can be compared."""

    contract: RungRates
    """Samples that keep the whole contract; the candidate's are out of those that were answered."""
    agreement: RungRates | None
    """Agreement with the golden less one sample: the baseline's samples each with the others, the candidate's each with
    every group that lacks one, so that neither side is held against more. None: not compared, or a golden of one."""
    planned: int
    """Samples the candidate owes; more than it was answered where some are missing."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Baseline and candidate samples of one case, and what follows from them."""

    flow: FlowName
    case: CaseId
    baseline: str
    """Model of the golden."""
    candidate: str
    """Text of the candidate."""
    verdict: CaseVerdict
    findings: tuple[Finding, ...] = ()
    """Of the candidate's samples, worst first; agreement findings include the explained ones."""
    rungs: Mapping[Rung, RungRates | None] = field(default_factory=dict)
    noise_measured: bool = False
    """False when the golden holds a single sample, so that differing values are drift and say so."""
    unjudged: tuple[str, ...] = ()
    note: str = ""
    """Why there is no comparison, for `no_golden`, `stale_golden`, `no_reply`."""
    scores: Scores | None = None
    """None where there was nothing to compare with."""
    critical: Criticality | None = None
    """What the mark of a test says of its flow; None: a prompt file says it."""
    changed: tuple[str, ...] = ()
    """What was changed in an application's calls for the candidate beside the model, a clause each."""
