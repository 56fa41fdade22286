"""What a scan finds: call sites, model names outside them, and files that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from migrate.vocabulary import Api, Json, JsonObject

Sure = Literal["certain", "likely", "possible"]
"""certain: followed to the import of the library; likely: has the form of such a call, or may be overridden;
possible: something in the text speaks for it."""

Kind = Literal["chat", "responses", "embeddings", "completions", "agent", "other"]
"""`chat` and `responses` carry prompts that can be drafted; `completions` is the old text API; `agent` a framework's
agent with instructions; `other` images, audio, moderation, assistants, fine-tuning."""

Role = Literal["code", "config", "tests", "evals", "fixtures", "docs", "locks", "data", "prompts"]
"""What a file is for, by its name and folders below the one that was asked for."""

FormatName = Literal["text", "json_object", "json_schema"]


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """Where something is written."""

    file: str
    """Relative to the working directory when the tree lies in it, with forward slashes."""
    line: int
    """From 1."""
    column: int
    """In characters, from 1."""


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One model a call may ask for."""

    name: str
    """As written, a router's prefix included; empty when the code does not say it."""
    sure: Sure = "certain"
    reason: str = ""
    """Where it comes from when it could be another: a default, an environment variable, one of several branches."""
    spot: Spot | None = None
    """Where the name stands; None when it was put together."""
    expression: str = ""
    """The code that would say it, when the name is empty."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A place in a prompt that is filled at run time."""

    name: str
    """As the draft calls it."""
    expression: str
    """As the code writes it."""
    default: str | None = None
    """What the code falls back on."""
    turns: bool = False
    """True when whole messages stand in its place."""
    shape: Json = None
    """Placeholder that fits how a template uses the name: a mapping, a list; None: a text."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a template."""

    role: str
    content: Json = None
    """Jinja2 text, or a list of content parts whose strings are."""
    turns: str | None = None
    """Variable that holds whole messages, which come in this place."""


@dataclass(frozen=True, slots=True)
class Format:
    """What form of answer a call asks for."""

    name: FormatName = "text"
    schema: JsonObject | None = None
    schema_name: str = ""
    strict: bool | None = None
    note: str = ""
    """Why there is no schema, when there should be one."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool a call offers."""

    name: str
    definition: JsonObject | None = None
    """As the wire wants it, when the code writes it out."""


@dataclass(frozen=True, slots=True)
class Site:
    """One call that asks a model, or one constructor that binds a model to later calls."""

    spot: Spot
    end_line: int
    api: str
    """`chat.completions.create`, `litellm.acompletion`, `langchain.ChatOpenAI`."""
    kind: Kind
    language: str = "python"
    function: str = ""
    """Qualified name of the function around it; empty at the top of a module."""
    models: tuple[ModelUse, ...] = ()
    parameters: JsonObject = field(default_factory=dict)
    """Wire name -> value, of those the code says."""
    at_run_time: tuple[str, ...] = ()
    """Parameters whose value is known at run time only; `**name` for a mapping of them."""
    messages: tuple[Message, ...] = ()
    variables: tuple[Variable, ...] = ()
    format: Format = Format()
    tools: tuple[ToolUse, ...] = ()
    stream: bool = False
    sure: Sure = "certain"
    reason: str = ""
    """Why it is not certain."""
    through: tuple[Spot, ...] = ()
    """The library's calls behind it, for a call of one of the project's own helpers; empty for a direct call."""
    role: Role = "code"
    notes: tuple[str, ...] = ()
    """What a person should look at."""

    @property
    def wire(self) -> Api:
        """Return the API a draft of it would use."""
        return "responses" if self.kind == "responses" else "chat"


@dataclass(frozen=True, slots=True)
class Mention:
    """A model's name that stands outside every call: in a configuration, a constant, another language."""

    spot: Spot
    model: str
    key: str = ""
    """Name it is given to."""
    sure: Sure = "likely"
    reason: str = ""
    role: Role = "config"


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a part of one, that was not looked at."""

    file: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything a scan found, sorted by place."""

    sites: tuple[Site, ...]
    mentions: tuple[Mention, ...]
    unread: tuple[Unread, ...]
    files: int
    """Files that were looked at."""
    skipped: tuple[str, ...] = ()
    """Folders that were not entered, with the reason in brackets."""
