"""Drafts of prompt files from call sites: what the code says as the strict loader takes it, and what it leaves open."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from migrate.comparing.schema import check_schema
from migrate.documents.writing import comment, written
from migrate.drafting import CHAT_ONLY, FILL_IN, FUNCTION, PARAMETERS, SUFFIX, escaped, file_name, is_sound, sound_tool
from migrate.edges.scanning.names import own_name
from migrate.edges.scanning.nouns import Message, Site, Spot, Variable
from migrate.errors import UsageProblem
from migrate.rendering.templates import Fault, template_of
from migrate.vocabulary import Json

PLACEHOLDER: Final = "PLACEHOLDER"
CASES: Final = "one placeholder, so that the file is whole; write real inputs, and what a careful person expects."

_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft of a prompt file."""

    file: str
    """Its name."""
    spot: Spot
    """The call it was drafted from."""
    text: str
    open: tuple[str, ...]
    """What a person must look at."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one draft."""

    draft: Draft
    path: str
    """As the user would type it."""
    what: str
    """`wrote`, or `kept`: a file of that name was there."""


def drafts_of(sites: Iterable[Site]) -> list[Draft]:
    """Return a draft for every call with a prompt of its own, each with another name."""
    taken: set[str] = set()
    seen: set[str] = set()
    found = []
    for site in sites:
        if site.kind not in ("chat", "responses", "agent") or site.role not in ("code", "config", "evals"):
            continue
        if not _has_words(site):
            continue
        # The same words asked from several places are one prompt.
        key = json.dumps([_messages(site, []), [use.name for use in site.models], site.format.schema], default=str)
        if key not in seen:
            seen.add(key)
            found.append(_Drafting(site, _name(site, taken)).draft())
    return found


def write_drafts(drafts: Iterable[Draft], folder: Path, shown: str) -> Iterator[Written]:
    """Write drafts into a folder and yield what became of each; a file that is there stays as it is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for draft in drafts:
            path = folder / draft.file
            try:
                with path.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(draft.text)
                what = "wrote"
            except FileExistsError:
                what = "kept"
            yield Written(draft, f"{shown}/{draft.file}", what)
    except OSError as error:
        raise UsageProblem(f"{error.filename}: cannot be written: {error.strerror}") from None


def _has_words(site: Site) -> bool:
    texts = [json.dumps(message.content) for message in site.messages if message.content is not None]
    return any(char.isalpha() for text in texts for char in re.sub(r"\{\{.*?\}\}|\"type\": \"text\"", "", text))


def _name(site: Site, taken: set[str]) -> str:
    base = site.function.replace("__init__", "").rpartition(".")[2] or site.function.split(".")[0]
    stem = Path(site.spot.file).stem
    generic = base.lower() in ("", "main", "run", "call", "ask", "chat", "invoke", "generate", "complete", "handler")
    words = f"{stem}-{base}" if generic and base else base or stem
    return file_name(words, taken)


class _Drafting:
    """One draft while it is made."""

    def __init__(self, site: Site, name: str) -> None:
        self._site = site
        self._name = name
        self._open: list[str] = []

    def draft(self) -> Draft:
        document = self._document()
        spot = self._site.spot
        where = f"{spot.file}:{spot.line}" + (f", {self._site.function}()" if self._site.function else "")
        head = [comment(f"Drafted by prompt-migrate scan from {where}. Read it against the code.")]
        head += [comment(f"Open: {text}") for text in self._open]
        text = "\n".join([*head, comment(f"Cases: {CASES}"), written(document)])
        return Draft(f"{self._name}{SUFFIX}", spot, text, tuple(self._open))

    def _document(self) -> dict[str, Json]:
        site = self._site
        self._open += site.notes
        document: dict[str, Json] = {"name": self._name.replace("-", " ").capitalize(), "model": self._model()}
        if site.wire == "responses":
            document["api"] = "responses"
        tools = self._tools()
        parameters = self._parameters([tool["name"] for tool in tools])
        if parameters:
            document["modelParameters"] = parameters
        document |= self._format()
        if tools:
            document["tools"] = tools
        document["messages"] = _messages(site, self._open)
        document["cases"] = [self._case()]
        return document

    def _model(self) -> str:
        named = [use for use in self._site.models if use.name]
        names = list(dict.fromkeys(use.name for use in named))
        if len(names) > 1:
            self._open.append(f"the model may be {', '.join(names)}")
        if not named:
            said = next((use.expression or use.reason for use in self._site.models), "")
            self._open.append(f"the code does not say the model ({said}): fill it in")
            return FILL_IN
        return own_name(named[0].name)

    # --- Parameters -----------------------------------------------------------------------------------------

    def _parameters(self, tools: list[str]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for name, value in self._flat(self._site.parameters):
            key = PARAMETERS.get(name)
            if key is None or (self._site.wire == "responses" and key in CHAT_ONLY):
                self._open.append(f"the parameter {name} is not carried over")
            elif not is_sound(key, value, tools):
                self._open.append(f"the parameter {name} has a value that is not carried over")
            else:
                found[key] = value
        for name in self._site.at_run_time:
            self._open.append(f"{name} is known at run time only")
        if self._site.stream:
            found["stream"] = True
        return found

    def _flat(self, parameters: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
        for name, value in parameters.items():
            if name == "reasoning" and isinstance(value, dict) and isinstance(value.get("effort"), str):
                yield "reasoning_effort", value["effort"]
            elif name == "text" and isinstance(value, dict):
                yield from ((key, item) for key, item in value.items() if key != "format")
            elif name not in ("store", "stream_options", "n") or (name == "n" and value != 1):
                yield name, value

    # --- Format and tools -----------------------------------------------------------------------------------

    def _format(self) -> dict[str, Json]:
        format_ = self._site.format
        if format_.note:
            self._open.append(format_.note)
        if format_.name == "json_object":
            return {"responseFormat": "json_object"}
        if format_.name != "json_schema" or format_.schema is None:
            return {}
        if any(not problem.lint for problem in check_schema(format_.schema)):
            self._open.append("the schema is not sound: it is left out")
            return {}
        envelope: dict[str, Json] = {}
        if FUNCTION.fullmatch(format_.schema_name):
            envelope["name"] = format_.schema_name
        if format_.strict is not None:
            envelope["strict"] = format_.strict
        return {"responseFormat": "json_schema", "jsonSchema": {**envelope, "schema": dict(format_.schema)}}

    def _tools(self) -> list[dict[str, Json]]:
        found: list[dict[str, Json]] = []
        for tool in self._site.tools:
            sound = sound_tool(tool.definition) if tool.definition is not None else None
            if sound is None or sound["name"] in [other["name"] for other in found]:
                self._open.append(f"the tool {tool.name} is named only: write its parameters")
            else:
                found.append(sound)
        return found

    # --- The case -------------------------------------------------------------------------------------------

    def _case(self) -> dict[str, Json]:
        inputs = {variable.name: _placeholder(variable) for variable in self._site.variables}
        return {"id": "example", "inputs": inputs, "tags": ["placeholder"]}


def _messages(site: Site, open_: list[str]) -> list[Json]:
    found: list[Json] = []
    for message in site.messages:
        if message.turns is not None:
            found.append({"turns": message.turns})
        else:
            role = message.role if message.role in _ROLES else "user"
            if role != message.role:
                open_.append(f"a message of the role {message.role} is drafted as the user's")
            found.append({"role": role, "content": _content(message, open_)})
    return found


def _content(message: Message, open_: list[str]) -> Json:
    if isinstance(message.content, list):
        parts = [part for part in message.content if isinstance(part, dict) and isinstance(part.get("type"), str)]
        if len(parts) < len(message.content):
            open_.append("a part of a message is left out")
        return _sound(parts, open_) if parts else PLACEHOLDER
    return _sound(message.content, open_)


def _sound(value: Json, open_: list[str]) -> Any:
    """Return a template, or parts of texts that are templates; what Jinja2 would refuse stays as literal text."""
    if isinstance(value, str):
        try:
            template_of(value)
        except Fault as fault:
            open_.append(f"a template is not Jinja2 as prompt files take it ({fault.message}): it stays as written")
            return escaped(value, before_hole=False)
        return value
    if isinstance(value, list):
        return [_sound(item, open_) for item in value]
    if isinstance(value, dict):
        return {key: _sound(item, open_) for key, item in value.items()}
    return copy.copy(value)


def _placeholder(variable: Variable) -> Json:
    if variable.turns:
        return [{"role": "user", "content": f"{PLACEHOLDER} for {variable.expression}"}]
    if variable.default:
        return variable.default
    return _filled(variable.shape, variable.expression)


def _filled(shape: Json, expression: str) -> Json:
    if isinstance(shape, list):
        return [_filled(shape[0] if shape else None, expression)]
    if isinstance(shape, dict):
        return {key: _filled(item, f"{expression}.{key}") for key, item in shape.items()}
    return f"{PLACEHOLDER} for {expression}"
