"""Calls in other languages, found by their form: `client.chat.completions.create({model: "gpt-4o", ...})`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from migrate.edges.scanning.names import is_telling, of_identifier
from migrate.edges.scanning.nouns import Kind, Mention, ModelUse, Site, Spot, Sure
from migrate.edges.scanning.others.comments import blanked
from migrate.edges.scanning.others.literals import Reader
from migrate.edges.scanning.others.purposes import around, in_program
from migrate.edges.scanning.python.apis import method_of
from migrate.edges.scanning.python.mentions import REASONS
from migrate.edges.scanning.python.prompts import Wording, models_of, parameters_of, tools_of
from migrate.edges.scanning.python.values import Arguments, Table, Value, plain
from migrate.edges.scanning.trees import File

JAVASCRIPT: Final = frozenset({"typescript", "javascript"})
NEAR: Final = 60
"""Lines above a call in which the request may be put together."""
LONGEST_LINE: Final = 5_000
"""Characters; longer lines are data, or were written by a machine."""
MOST_CALLS: Final = 2_000

_VERBS: Final = (
    r"chat\.completions\.(?:create|parse|stream|runTools)|responses\.(?:create|parse|stream)|embeddings\.create"
    r"|completions\.create|images\.(?:generate|edit)|moderations\.create"
    r"|audio\.(?:transcriptions|speech|translations)\.create"
)


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of call looks in some languages."""

    pattern: re.Pattern[str]
    api: str
    """Empty: the chain of attributes that was found."""
    kind: Kind
    dialects: frozenset[str] | None = None
    """None: every language."""
    model: str = "model"
    """Key of the model in an object, or its place among the arguments, as a digit."""
    needs: str = "openai"
    """Word the file must hold somewhere, in any case."""


def _form(pattern: str, api: str, kind: Kind, *dialects: str, model: str = "model", needs: str = "openai") -> Form:
    return Form(re.compile(pattern), api, kind, frozenset(dialects) or None, model, needs)


_JS: Final = ("typescript", "javascript")
_STRONG: Final = ("java", "kotlin", "csharp", "scala", "go", "rust", "ruby", "php", "swift", "dart", "elixir", "cpp")
FORMS: Final = (
    _form(rf"\.\s*(?P<chain>(?:beta\.)?(?:{_VERBS}))\s*\(", "", "chat", *_JS, "ruby", needs=""),
    _form(r"\bnew\s+(?P<name>ChatOpenAI|AzureChatOpenAI)\s*\(", "langchain.{name}", "chat", *_JS),
    _form(r"\bnew\s+(?P<name>OpenAIEmbeddings)\s*\(", "langchain.{name}", "embeddings", *_JS),
    _form(r"\binitChatModel\s*\(", "langchain.initChatModel", "chat", *_JS, model="0", needs="langchain"),
    _form(r"\b(?P<name>generateText|streamText|generateObject|streamObject)\s*\(", "ai.{name}", "chat", *_JS),
    _form(r"\b(?P<name>embed|embedMany)\s*\(", "ai.{name}", "embeddings", *_JS, needs="@ai-sdk/openai"),
    _form(r"\bnew\s+Agent\s*\(", "agents.Agent", "agent", *_JS, needs="@openai/agents"),
    _form(r"\.Chat\.Completions\.New(?:Streaming)?\s*\(", "chat.completions.create", "chat", "go"),
    _form(r"\.Responses\.New(?:Streaming)?\s*\(", "responses.create", "responses", "go"),
    _form(r"\.Embeddings\.New\s*\(|\.CreateEmbeddings\s*\(", "embeddings.create", "embeddings", "go"),
    _form(r"\.CreateChatCompletion(?:Stream)?\s*\(", "chat.completions.create", "chat", "go"),
    _form(
        r"\.chat\(\)\s*\.completions\(\)\s*\.create(?:Streaming)?\s*\(", "chat.completions.create", "chat",
        "java", "kotlin", "scala",
    ),
    _form(
        r"\.responses\(\)\s*\.create(?:Streaming)?\s*\(", "responses.create", "responses", "java", "kotlin", "scala"
    ),
    _form(r"\.embeddings\(\)\s*\.create\s*\(", "embeddings.create", "embeddings", "java", "kotlin", "scala"),
    _form(r"\bnew\s+ChatClient\s*\(|\.GetChatClient\s*\(", "chat.completions.create", "chat", "csharp", model="0"),
    _form(
        r"\bnew\s+EmbeddingClient\s*\(|\.GetEmbeddingClient\s*\(", "embeddings.create", "embeddings", "csharp",
        model="0",
    ),
    _form(r"->chat\(\)\s*->create(?:Streamed)?\s*\(", "chat.completions.create", "chat", "php"),
    _form(r"->responses\(\)\s*->create(?:Streamed)?\s*\(", "responses.create", "responses", "php"),
    _form(r"->embeddings\(\)\s*->create\s*\(", "embeddings.create", "embeddings", "php"),
    _form(r"\.chat\s*\((?=\s*parameters:)", "chat.completions.create", "chat", "ruby"),
    _form(r"\.chat\(\)\s*\.create(?:_stream)?\s*\(", "chat.completions.create", "chat", "rust"),
    _form(r"\.responses\(\)\s*\.create(?:_stream)?\s*\(", "responses.create", "responses", "rust"),
    _form(r"/v1/chat/completions\b", "http:/v1/chat/completions", "chat", needs="api.openai.com"),
    _form(r"/v1/responses\b", "http:/v1/responses", "responses", needs="api.openai.com"),
    _form(r"/v1/embeddings\b", "http:/v1/embeddings", "embeddings", needs="api.openai.com"),
)  # fmt: skip

_QUOTED: Final = re.compile(r"\\?([\"'`])(?P<name>[\w.:/@-]{2,120}?)\\?\1")
_CONSTANT: Final = re.compile(r"(?:\b[Cc]hat_?[Mm]odel\.?:*)?_?(?P<name>GPT_?\d\w*)\b")
_CONSTANTS_IN: Final = frozenset({"go", "java", "kotlin", "csharp", "rust", "scala"})
_ASSIGNED: Final = re.compile(r"([A-Za-z_$][\w$.-]*)[\"']?\s*(?::=|=>|[:=(])\s*(?:\w+\()?\s*\Z")
_MODEL: Final = re.compile(r"(?i)[\"']?\bmodel(?:_?name|Id)?\b[\"']?\s*(?:\(|:=|=>|:|=|,)\s*")
_RECEIVER: Final = re.compile(r"(?:[A-Za-z_$@][\w$]*[?!]?(?:\(\))?(?:\.|->|::))*[A-Za-z_$@][\w$]*[?!]?(?:\(\))?\Z")


class Script:
    """One file of another language."""

    def __init__(self, file: File, text: str) -> None:
        self.file = file
        self.text = blanked(text, file.dialect)
        self.lower = text.casefold()
        self.reader = Reader(self.text, file.shown)

    def sites(self) -> Iterator[Site]:
        """Yield the calls, in the order of the text."""
        found: dict[int, Site] = {}
        for form in FORMS:
            if form.dialects is not None and self.file.dialect not in form.dialects:
                continue
            if form.needs not in self.lower:
                continue
            for match in list(form.pattern.finditer(self.text))[:MOST_CALLS]:
                if not self._in_long_line(match.start()):
                    site = self._site(form, match)
                    found.setdefault(match.end(), site)
        yield from (found[at] for at in sorted(found))

    def _in_long_line(self, at: int) -> bool:
        end = self.text.find("\n", at)
        return (end if end >= 0 else len(self.text)) - self.text.rfind("\n", 0, at) > LONGEST_LINE

    def _site(self, form: Form, match: re.Match[str]) -> Site:
        start = self._receiver(match.start())
        opens = match.end() - 1 if self.text[match.end() - 1] == "(" else -1
        values, end = self.reader.arguments(opens) if opens >= 0 else ([], match.end())
        api, kind = _called(form, match)
        sure: Sure = "likely" if "openai" in self.lower else "possible"
        site = Site(
            spot=self.reader.spot(start),
            end_line=self.text.count("\n", 0, end) + 1,
            api=api,
            kind=kind,
            language=self.file.dialect,
            function="",
            models=(),
            sure=sure,
            reason="found by its form",
            role=self.file.role,
        )
        if self.file.dialect in JAVASCRIPT:
            return self._described(site, form, values)
        return replace(site, models=tuple(self._near(match.start(), end)))

    def _receiver(self, at: int) -> int:
        """Return where the expression begins whose attribute is called."""
        owner = _RECEIVER.search(self.text, max(0, at - 100), at)
        return owner.start() if owner else at

    def _described(self, site: Site, form: Form, values: list[Value]) -> Site:
        table = next((value for value in values if isinstance(value, Table)), Table(()))
        named = tuple((name, value) for key, value in table.entries if (name := plain(key)) is not None)
        arguments = Arguments(tuple(values), tuple((_snake(name), value) for name, value in named))
        position = int(form.model) if form.model.isdigit() else None
        model = arguments.get("model") or arguments.get("model_name")
        if model is None and position is not None and position < len(values):
            model = values[position]
        wording = Wording(takes_text=True)
        api = method_of(tuple(site.api.split(".")))
        wording.system(arguments.get("instructions") or arguments.get("system"), "instructions")
        prompt = arguments.get("messages") or arguments.get("input") or arguments.get("prompt")
        if api is None or api.kind in ("chat", "responses"):
            wording.add(prompt, "messages")
        parameters, at_run_time = parameters_of(arguments, api or method_of(("chat", "completions", "create")))  # type: ignore[arg-type]
        for name in ("messages", "input", "prompt", "system", "instructions", "schema"):
            parameters.pop(name, None)
        tools, _ = tools_of(arguments.get("tools"))
        return replace(
            site,
            models=tuple(models_of(model, "model", "not said in the call")),
            parameters={name: value for name, value in parameters.items() if name != "stream"},
            at_run_time=tuple(name for name in at_run_time if name not in ("prompt", "input", "messages", "schema")),
            messages=tuple(wording.messages),
            variables=tuple(wording.variables.found.values()),
            tools=tuple(tools),
            stream=bool(parameters.get("stream")) or site.api.endswith((".stream", "streamText", "streamObject")),
            notes=tuple(wording.notes),
        )

    # --- Other languages ------------------------------------------------------------------------------------

    def _near(self, start: int, end: int) -> Iterator[ModelUse]:
        """Yield the model that is said inside a call, or else the nearest above it."""
        inside = next(self._models(start, end), None)
        if inside is not None:
            yield inside
            return
        above = self.text.rfind("\n", 0, start)
        for _ in range(NEAR):
            above = self.text.rfind("\n", 0, max(above, 0))
        nearest = list(self._models(max(above, 0), start))
        below = list(self._models(end, min(len(self.text), end + 1_500))) if self.file.dialect == "shell" else []
        for use in nearest[-1:] or below[:1]:
            yield replace(use, sure="possible", reason="the nearest name to the call")
        if not nearest and not below:
            yield ModelUse("", "possible", "not said in the call")

    def _models(self, start: int, end: int) -> Iterator[ModelUse]:
        found: dict[int, str] = {}
        for match in _QUOTED.finditer(self.text, start, end):
            if is_telling(match["name"], "model"):
                found[match.start("name")] = match["name"]
        if self.file.dialect in _CONSTANTS_IN:
            for match in _CONSTANT.finditer(self.text, start, end):
                model = of_identifier(match["name"])
                if model is not None:
                    found[match.start("name")] = model
        for at in sorted(found):
            yield ModelUse(found[at], "likely", "", self.reader.spot(at))

    def mentions(self, taken: set[Spot]) -> Iterator[Mention]:
        """Yield the model names that stand in no call."""
        for match in _QUOTED.finditer(self.text):
            name = match["name"]
            key = _ASSIGNED.search(self.text, max(0, match.start() - 80), match.start())
            written = key[1] if key else ""
            spot = self.reader.spot(match.start("name"))
            quote = replace(spot, column=spot.column - 1)
            if is_telling(name, written) and spot not in taken and quote not in taken:
                purpose = in_program(*around(self.text, match.start("name"), match.end("name")))
                sure: Sure = "likely" if purpose in ("value", "text") else "possible"
                yield Mention(spot, name, written, sure, REASONS.get(purpose, ""), self.file.role)
        if self.file.dialect in _CONSTANTS_IN:
            yield from self._constant_mentions(taken)

    def _constant_mentions(self, taken: set[Spot]) -> Iterator[Mention]:
        for match in _CONSTANT.finditer(self.text):
            model = of_identifier(match["name"])
            spot = self.reader.spot(match.start("name"))
            if model is not None and spot not in taken:
                yield Mention(spot, model, match.group(), "likely", "a constant of the library", self.file.role)


def _called(form: Form, match: re.Match[str]) -> tuple[str, Kind]:
    groups = match.groupdict()
    if groups.get("chain"):
        path = groups["chain"].removeprefix("beta.").replace("runTools", "run_tools")
        api = method_of(tuple(path.split(".")))
        return path, api.kind if api is not None else "other"
    return form.api.format(name=groups.get("name") or ""), form.kind


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)


__all__ = ["Script"]
