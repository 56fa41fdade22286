"""What was answered: requests, replies and faults of the road, calls and samples."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from migrate.vocabulary.basic import Endpoint, JsonObject


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
