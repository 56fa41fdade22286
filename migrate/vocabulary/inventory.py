"""What is asked: prompts, chains, cases, rules and candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from migrate.vocabulary.basic import Api, CaseId, Criticality, FlowName, Json, JsonObject, JsonPath, Parse
from migrate.vocabulary.judgement import FindingKind


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


@dataclass(frozen=True, slots=True)
class Inventory:
    """The flows of the prompt files as far as they can be read."""

    flows: tuple[Flow, ...]
    broken: Mapping[FlowName, str] = field(default_factory=dict)
    """A flow whose file cannot be read -> what is wrong, with file and line."""
