"""Every noun of the product: frozen data, standard library only, a sentence under each field.

Nothing here reads, writes, compares or computes money; everything else in the house points at these
classes. Nouns are built by the edges, which validate once; inside the house they are trusted.
JSON values are plain Python (`dict`, `list`, `str`, `int`, `float`, `bool`, `None`) and are never mutated.
"""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NewType, Protocol, TypeAlias

Json: TypeAlias = Any
"""A parsed JSON value. `Any` because a recursive alias costs more in casts than it catches."""

JsonObject: TypeAlias = Mapping[str, Any]
FlowName = NewType("FlowName", str)
CaseId = NewType("CaseId", str)
JsonPath = NewType("JsonPath", str)
"""`$`, `$.items[0].price`, `$["odd key"]`; in rules also `$.items[*].price`."""

Api = Literal["chat", "responses"]
Endpoint = Literal["chat", "responses", "embeddings"]
"""What a call goes to: a prompt uses one of the two APIs, an application asks for embeddings beside them."""
Criticality = Literal["low", "medium", "high", "critical"]
Parse = Literal["json", "fenced", "text"]
"""How the application reads the answer: as raw JSON, as JSON after stripping a code fence, as text."""


# --- The inventory: what is asked -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a user's file something was written."""

    file: str
    """Path as the user would type it: relative to the root of the project, with forward slashes."""
    line: int | None = None
    """Line, counted from 1; None when the file has no lines to point at."""
    path: JsonPath | None = None
    """JSON path inside the file."""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return where if self.path is None else f"{where} at {self.path}"


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """One message of a prompt as written: text with Jinja2 in it, or turns taken from the case."""

    role: str
    """`system`, `developer`, `user`, `assistant` or `tool`; empty when `turns_from` is set."""
    content: Json = None
    """A template, a list of content parts whose strings are templates, or None beside tool calls."""
    extra: JsonObject = field(default_factory=dict)
    """Other wire keys (`name`, `tool_calls`, `tool_call_id`), whose strings are templates too."""
    turns_from: str | None = None
    """Name of a case variable holding a list of messages, which are sent as they are, never as templates."""
    place: Place | None = None
    """Where the first line of its text stands, so that a template error can name its own line."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str
    parameters: JsonObject
    """JSON Schema of the arguments."""
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt as it would be sent: templates, parameters, promised format."""

    messages: tuple[MessageTemplate, ...]
    model: str
    """The baseline model: the one in production today."""
    api: Api = "chat"
    parameters: JsonObject = field(default_factory=dict)
    """Sampling and transport parameters in Chat Completions' wire names (`temperature`, `max_tokens`, `seed`)."""
    response_format: Literal["text", "json_object", "json_schema"] = "text"
    schema: JsonObject | None = None
    """JSON Schema of the answer, sent when `response_format` is `json_schema`, checked whenever present."""
    schema_name: str = "answer"
    schema_strict: bool | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: Json = None
    parallel_tool_calls: bool | None = None
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Chunks:
    """A long text of the case, cut by real token counts: what a step is repeated over."""

    of: str
    """Name of the case's input that holds the text."""
    tokens: int
    """The most tokens a chunk may have, by the o200k vocabulary."""
    overlap: int = 0
    """Tokens of a chunk's end that the next one begins with again, at most."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of a local corpus."""

    id: str
    text: str
    title: str = ""


class Vectors(Protocol):
    """Vectors that were made before."""

    def of(self, model: str, text: str) -> Sequence[float] | None:
        """Return the vector of a text by a model; None: there is none yet."""
        ...


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The passages a step gets: the best of a local corpus for a query, by BM25 or by the vectors of a model."""

    query: str
    """A template."""
    passages: tuple[Passage, ...]
    top: int
    corpus: str
    """The corpus file, as the prompt file names it."""
    embeddings: str = ""
    """The model whose vectors decide; empty: BM25."""
    vectors: Vectors | None = field(default=None, compare=False)
    """Where vectors are kept; None: nobody keeps any, and BM25 stands in for them."""


@dataclass(frozen=True, slots=True)
class When:
    """When a step is made at all: any of these holds."""

    failed: tuple[str, ...] = ()
    """Earlier steps whose answer was not given, could not be read, or broke its schema or tool contract."""
    holds: str = ""
    """One `{{ expression }}` over inputs and earlier steps; empty: none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain: a prompt, and what it is given beside the case's inputs."""

    name: str
    prompt: Prompt
    parse: Parse = "text"
    """How the application reads this step's answer."""
    for_each: Chunks | str | None = None
    """One call an item: of a text cut into chunks, or of the list an `{{ expression }}` gives. None: one call."""
    retrieve: Retrieval | None = None
    when: When | None = None
    """None: always."""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Several prompts in order, each seeing what the earlier ones were answered."""

    steps: tuple[Step, ...]
    answer: str | None = None
    """Template of what the application makes of the steps; None: the last step's answer is the final one."""

    def step(self, name: str) -> Step | None:
        """Return the step of a name."""
        return next((step for step in self.steps if step.name == name), None)


@dataclass(frozen=True, slots=True)
class Variant:
    """A re-tuned wording of a flow's prompt, whole and ready to render."""

    name: str
    prompt: Prompt
    default_for: tuple[str, ...] = ()
    """Candidate models that get this wording unless the candidate names another."""
    chain: Chain | None = None
    """The steps, where the flow is a chain."""


RuleKind = Literal["ignore", "exact", "tolerance", "unordered", "key", "one_of", "regex", "similarity", "present"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one JSON path of an answer is compared."""

    path: JsonPath
    kind: RuleKind
    value: Json = None
    """`tolerance`: {"abs": x} and/or {"rel": x}; `key`: field name; `one_of`: list; `regex`: pattern;
    `similarity`: bound 0..1."""
    metric: str = "ratio"
    """For `similarity`: which rapidfuzz measure (`ratio`, `token_sort`, `token_set`, `partial`)."""
    reason: str | None = None
    expires: str | None = None
    """ISO date after which the rule no longer holds; None: no expiry."""


@dataclass(frozen=True, slots=True)
class Toleration:
    """A finding that a reviewer lets pass for a while: the only way past a broken contract."""

    kind: FindingKind
    path: JsonPath
    """With list indices as `[*]`."""
    reason: str
    expires: str
    """ISO date: the last day it holds."""
    cases: tuple[CaseId, ...] = ()
    """Those it holds for; empty: all of the flow."""
    candidate: str | None = None
    """Text of the candidate it holds for; None: every one."""
    at_most: int | None = None
    """Samples of a case that may show the finding; None: all."""
    reviewer: str = ""
    place: Place | None = None


CheckKind = Literal[
    "equals", "contains", "not_contains", "starts_with", "ends_with", "regex", "not_regex", "one_of", "number",
    "json_path", "length", "label", "json", "sql", "python", "citations", "tool_calls", "judge",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One assertion of a flow or a case about the final answer."""

    kind: CheckKind
    arguments: JsonObject
    """What the check needs; strings of the form `{{ expr }}` are bound to the case before judging."""
    path: JsonPath | None = None
    """Which part of a JSON answer is checked; None: the whole answer."""
    name: str = ""
    """How a finding calls it: given by the user or made from kind and path."""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One input of a flow."""

    id: CaseId
    inputs: JsonObject
    """Variables of the templates."""
    expected: Json = None
    """The answer a careful person would give; None when nobody wrote one. Checks may refer to it."""
    checks: tuple[Check, ...] = ()
    place: Place | None = None
    tags: tuple[str, ...] = ()
    expected_steps: JsonObject = field(default_factory=dict)
    """By step of a chain, the answer a careful person would give there; a list of them where it is repeated."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much a flow is used in production."""

    requests_per_day: float | None = None
    users_per_day: float | None = None
    cached_share: float | None = None
    """Share of input tokens that production reads from the prompt cache, 0..1."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What a user of the application experiences: the unit of verdicts, routing and canaries."""

    name: FlowName
    prompt: Prompt
    """Of a chain the last step's, or what the answer it makes of its steps promises."""
    cases: tuple[Case, ...]
    title: str = ""
    """Its name for people: the `name` of the prompt file."""
    description: str = ""
    owner: str = ""
    critical: Criticality = "medium"
    parse: Parse = "text"
    rules: tuple[Rule, ...] = ()
    tolerated: tuple[Toleration, ...] = ()
    checks: tuple[Check, ...] = ()
    variants: tuple[Variant, ...] = ()
    traffic: Traffic = Traffic()
    tolerances: JsonObject = field(default_factory=dict)
    """Margins of the flow verdict and gates of this flow, by name."""
    samples: int | None = None
    """Baseline samples to record a case, when the flow wants other than the run's default."""
    place: Place | None = None
    cases_place: Place | None = None
    """Where the prompt file lists its cases, or names the file that holds them."""
    extras: JsonObject = field(default_factory=dict)
    """The `x-*` keys, kept and never read."""
    chain: Chain | None = None
    """None: a single prompt."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model, or one mapping of models, under trial: the value of one `--model`."""

    text: str
    """As typed: the bracket of item ids and the JSON `candidate`."""
    model: str | None = None
    """The model every call goes to; None when a mapping or steps say so."""
    variant: str | None = None
    """Prompt variant asked for with `@name`; None: the one that is default for the model, else the prompt itself."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Baseline model -> candidate model; models not named stay."""
    steps: Mapping[str, str] = field(default_factory=dict)
    """Step of a chain -> candidate model."""

    def model_for(self, baseline: str, step: str | None = None) -> str:
        """Return the model that a call made with `baseline` today (in `step`, for a chain) goes to."""
        if step is not None and step in self.steps:
            return self.steps[step]
        if self.model is not None:
            return self.model
        return self.mapping.get(baseline, baseline)


# --- Settings: how this project is run ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How one provider is reached. Secrets are never here: only the names of the variables that hold them."""

    name: str
    kind: Literal["openai", "azure", "simulated"]
    """`openai` is every server that speaks OpenAI's API."""
    base_url: str | None = None
    """None: the address the SDK knows."""
    api_key_env: str | None = None
    """Environment variable that holds the key; None: no key is sent."""
    api_version: str | None = None
    """For Azure."""
    models: tuple[str, ...] = ()
    """Glob patterns of the models it serves; empty: those that no other provider claims."""
    served_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Asked model -> names it may be served under beside its own and its dated snapshots."""
    headers_env: Mapping[str, str] = field(default_factory=dict)
    """HTTP header -> environment variable that holds its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration, the environment and the command line say together."""

    root: Path
    """The project's folder: every other path is relative to it."""
    prompts: str = "prompts"
    fixtures: str = "fixtures"
    state: str = ".prompt-migrate"
    reports: str = "reports"
    provider: str = "openai"
    """Name of the provider that answers models no other provider claims."""
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    """By name, `provider` included, in the order of the file."""
    samples: int = 5
    """Baseline samples to record a case."""
    as_of: str | None = None
    """ISO date lifecycle facts are judged against; None: today."""
    concurrency: int = 50
    """Calls in flight of the whole run."""
    timeout_s: float = 600.0
    """Longest wait for one answer, in seconds."""
    max_cost: str | None = None
    """US dollars a run may spend, a decimal as text; None: no cap."""
    fail_on: tuple[str, ...] = ("breaking",)
    """`breaking`, `drift`, `unstable`, `cost:+10%`, `p95:+20%`."""
    ledger: str | None = None
    """SQLAlchemy URL; None: `ledger.db` in the state folder."""
    time_scale: float = 0.05
    """Real seconds per second of the simulated provider's latency; 0: no waiting."""
    simulation_seed: int = 1
    prices: str | None = None
    """File with prices that override the built-in table."""
    redact: bool = True
    chunk_tokens: int | None = None
    """Most tokens of a chunk, whatever the prompt files say: for models with a shorter context; None: as they say."""
    candidates: tuple[str, ...] = ()
    """Candidates this project has in mind; shown by `list` and `doctor`, never run by themselves."""

    def provider_for(self, model: str) -> ProviderSettings:
        """Return the first provider with a pattern that matches the model, else the default one."""
        for provider in self.providers.values():
            if any(fnmatch.fnmatchcase(model, pattern) for pattern in provider.models):
                return provider
        return self.providers[self.provider]


# --- Traces: what was answered ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """The canonical wire request of one call."""

    api: Endpoint
    body: JsonObject
    """The JSON body as it is sent, `model` included."""
    request_key: str
    """`k<version>:` and a hash of the whole redacted canonical body: the identity of "the same request"."""
    prompt_key: str
    """The same without model and sampling parameters: the identity of "the same question"."""

    @property
    def model(self) -> str:
        return str(self.body["model"])


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call a model asked for."""

    name: str
    arguments: str
    """Raw text of the arguments: JSON if the model did its work."""
    id: str = ""
    """The provider's id of the call; never compared."""


Finish = Literal["stop", "length", "tool_calls", "content_filter", "unknown"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, normalised over both APIs."""

    text: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    finish: Finish = "stop"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None is unknown, never 0."""

    input_tokens: int | None = None
    """All input tokens, cached ones included."""
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    """All output tokens, reasoning ones included."""
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back and was understood; a refusal, a filtered, empty or cut answer is a reply."""

    answer: Answer
    served_model: str
    """The model that answered, as the provider names it."""
    usage: Usage = Usage()
    service_tier: str | None = None
    fingerprint: str | None = None
    request_id: str | None = None


class NoReplyKind(enum.StrEnum):
    """A fault of the road between us and the model: never a regression, never a pass."""

    TIMEOUT = "timeout"
    """No whole answer within `timeout_s`."""
    CONNECTION = "connection"
    """The connection could not be made, or broke."""
    RATE_LIMIT = "rate_limit"
    """HTTP 429, after all tries."""
    QUOTA = "quota"
    """The account has no money left; it ends the run."""
    SERVER_ERROR = "server_error"
    """HTTP 5xx, 408 or 409, after all tries."""
    AUTHENTICATION = "authentication"
    """HTTP 401 or 403; it ends the run."""
    MODEL_NOT_FOUND = "model_not_found"
    """HTTP 404: the provider does not serve the model."""
    BAD_REQUEST = "bad_request"
    """The provider refused the request."""
    CONTEXT_LENGTH = "context_length"
    """The request is longer than the model's context."""
    NOT_AN_API_ANSWER = "not_an_api_answer"
    """Something answered that is no API: an HTML page, say."""
    MALFORMED_BODY = "malformed_body"
    """The body is not the JSON the API promises."""
    INCOMPLETE_STREAM = "incomplete_stream"
    """The stream ended before the answer did."""
    WRONG_MODEL = "wrong_model"
    """Another model served the answer than the one asked for."""
    REDIRECT = "redirect"
    """The address points to another one, which is not followed."""
    NO_RECORDING = "no_recording"
    """Live calls are off and nothing was recorded for this request and sample."""
    BUDGET = "budget"
    """The run may spend no more."""
    INTERRUPTED = "interrupted"
    """The run was stopped before the call was made."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """A planned answer that is missing, and why."""

    kind: NoReplyKind
    message: str
    """One clause for a person, already free of secrets and control bytes."""
    status: int | None = None
    """HTTP status, when there was one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of one call went, in milliseconds."""

    total_ms: float
    """Request to last byte of the attempt that counted."""
    first_token_ms: float | None = None
    """Request to first content, when streamed."""
    waited_ms: float = 0.0
    """Back-off and shared pauses before that attempt."""
    started_ms: float | None = None
    """From the beginning of the trace to that attempt, on the clock of the trace; None: nobody wrote it down."""


class Source(enum.StrEnum):
    """Where an answer comes from."""

    LIVE = "live"
    RECORDING = "recording"
    GOLDEN = "golden"


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a trace and what came of it."""

    request: Request
    outcome: Reply | NoReply
    ordinal: int = 0
    """Place among the calls of the trace, from 0: the pairing key inside a trace."""
    timing: Timing | None = None
    attempts: int = 1
    lost: int = 0
    """Failed attempts that may have been paid for and whose usage nobody told; their cost is unknown."""
    source: Source = Source.LIVE
    at: str = ""
    """UTC time of the answer, ISO 8601; a replayed answer keeps its own."""
    simulated: bool = False
    """True when the simulated provider answered."""
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The k-th independent answer to a case: a trace of calls and a final answer."""

    index: int
    """k, from 1."""
    calls: tuple[Call, ...]
    answer: Answer | None
    """The final answer; None when a call got no reply."""

    @property
    def no_reply(self) -> NoReply | None:
        """The first fault of the road in the trace, if any."""
        for call in self.calls:
            if isinstance(call.outcome, NoReply):
                return call.outcome
        return None


# --- Judgement: what differs -------------------------------------------------------------------------


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


# --- Goldens and measurements ---------------------------------------------------------------------------


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


# --- Runs and evidence --------------------------------------------------------------------------------------


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
