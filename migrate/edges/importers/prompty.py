"""`.prompty` files of both versions: front matter in YAML, then messages marked by lines such as `user:`.

Roles are found before anything is filled in, so that no value of a case can begin a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from migrate.documents.files import Unreadable
from migrate.documents.reading import Document, read_json, read_yaml
from migrate.drafting import FILL_IN
from migrate.edges.importers.nouns import Found, Harvest, Row
from migrate.edges.importers.parameters import keys_of
from migrate.edges.importers.sources import Source, parsed
from migrate.edges.importers.templates import mustache, template, variables_of
from migrate.vocabulary import Api, Json

PLACEHOLDER: Final = "PLACEHOLDER"
OF_OPENAI: Final = ("openai", "azure", "azure_openai", "foundry")
_FENCE: Final = re.compile(r"^---[ \t]*\r?$", re.MULTILINE)
_ROLE: Final = re.compile(r"^[ \t]*#?[ \t]*(\w+)(?:\[[^\]\n]*\])?[ \t]*:[ \t]*\r?$", re.MULTILINE)
_ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_REFERENCE: Final = re.compile(r"\$\{(env|file):([^}]*)\}")
_SEND: Final = {
    "topP": "top_p", "maxOutputTokens": "max_tokens", "maxTokens": "max_tokens", "stopSequences": "stop",
    "frequencyPenalty": "frequency_penalty", "presencePenalty": "presence_penalty",
    "reasoningEffort": "reasoning_effort",    "allowMultipleToolCalls": "parallel_tool_calls",
}  # fmt: skip
"""Option of version 2 -> wire name."""
_TYPES: Final = {"string": "string", "integer": "integer", "float": "number", "number": "number", "boolean": "boolean"}


def read_prompty(source: Source, harvest: Harvest) -> None:
    """Add the prompt of a file to the harvest, or why it is not importable."""
    try:
        head, body, lines = _halves(source.text())
        matter = _matter(source, head, harvest)
        harvest.found.append(_Prompty(source, matter, harvest).found(body, lines))
    except Unreadable as problem:
        harvest.refuse("prompt", source.place(problem.line or 1), problem.message)


def _halves(text: str) -> tuple[str, str, int]:
    """Return front matter, body, and how many lines stand before the body."""
    first = _FENCE.search(text)
    if first is None or text[: first.start()].strip():
        raise Unreadable("it has no front matter between lines of ---")
    second = _FENCE.search(text, first.end() + 1)
    if second is None:
        raise Unreadable("its front matter has no end: a line of ---")
    return (
        "\n" * text.count("\n", 0, first.end()) + text[first.end() : second.start()],
        text[second.end() :],
        text.count("\n", 0, second.end()),
    )


def _matter(source: Source, head: str, harvest: Harvest) -> Document:
    if not head.strip():
        head += "{}"
    document = read_yaml(head, lambda why, line: harvest.refuse("value", source.place(line), why))
    if not isinstance(document.value, dict):
        raise Unreadable("its front matter is no mapping", 2)
    return document


class _Prompty:
    """One file while it is read."""

    def __init__(self, source: Source, matter: Document, harvest: Harvest) -> None:
        self._source = source
        self._document = matter
        self._matter: Mapping[str, Any] = matter.value
        self._harvest = harvest
        self._open: list[str] = []

    def found(self, body: str, lines: int) -> Found:
        if "base" in self._matter:
            raise Unreadable("it builds on another file (base): write it out", self._line("base"))
        model, api, settings = self._model()
        words = str(self._matter.get("name") or self._source.path.stem)
        document: dict[str, Any] = {"name": words}
        if isinstance(self._matter.get("description"), str):
            document["description"] = self._matter["description"]
        document["model"] = model
        if api != "chat":
            document["api"] = api
        settings = {**settings, "tools": self._tools(settings)}
        document |= keys_of({key: value for key, value in settings.items() if value is not None}, api, self._open)
        self._outputs(document)
        document["messages"] = list(self._messages(body, lines))
        rows = self._rows(variables_of(document["messages"]))
        place = self._source.place(1)
        return Found(words, place, document, rows, tuple(dict.fromkeys(self._open)), api)

    def _line(self, key: str) -> int:
        return self._document.at((key,)).line

    # --- Model ----------------------------------------------------------------------------------------------

    def _model(self) -> tuple[str, Api, dict[str, Any]]:
        given = self._matter.get("model")
        inner = _mapping(given) or {"id": given}
        kind = str(inner.get("apiType", inner.get("api", "chat")))
        if kind not in ("chat", "responses", "response"):
            raise Unreadable(f"it asks the API {kind}, which takes no messages", self._line("model"))
        api: Api = "chat" if kind == "chat" else "responses"
        if inner.get("provider", "openai") not in OF_OPENAI:
            self._open.append(f"its provider is {inner['provider']}: configure one that speaks OpenAI's API")
        configured = _mapping(inner.get("configuration"))
        name = _first(inner.get("id"), *(configured.get(key) for key in ("model", "azure_deployment", "name")))
        if not name or "${" in name:
            self._open.append(f"the file does not say the model{f' ({name})' if name else ''}: fill it in")
            name = FILL_IN
        elif name == configured.get("azure_deployment"):
            self._open.append(f"{name} is the name of a deployment: write the model that it serves")
        return name, api, self._settings(inner)

    def _settings(self, inner: Mapping[str, Any]) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for key in ("parameters", "options"):
            given = self._beside(inner.get(key), key)
            for name, value in _mapping(given).items():
                settings[_SEND.get(str(name), str(name))] = self._beside(value, str(name))
        extra = settings.pop("additionalProperties", None)
        return settings | _mapping(extra)

    def _tools(self, settings: Mapping[str, Any]) -> Json:
        given = self._beside(self._matter.get("tools"), "tools") or settings.get("tools")
        return [_tool(tool) for tool in given] if isinstance(given, list) else None

    def _beside(self, given: Json, what: str) -> Json:
        """Return a value, or what the file beside holds that stands for it; None, and a note, where it is not read."""
        match = _REFERENCE.fullmatch(given.strip()) if isinstance(given, str) else None
        if match is not None and match[1] == "file":
            return self._file(match[2], what)
        if match is not None or (isinstance(given, str) and what in ("parameters", "options", "tools")):
            self._open.append(f"the {what} of {given} are not carried over")
            return None
        return given

    def _outputs(self, document: dict[str, Any]) -> None:
        given = self._properties("output")
        if not given or "jsonSchema" in document:
            return
        try:
            document |= {"responseFormat": "json_schema", "jsonSchema": {"name": "answer", "schema": _object(given)}}
        except Unreadable as problem:
            self._harvest.refuse("outputs", self._source.place(self._line("outputs")), problem.message)

    def _properties(self, what: str) -> Json:
        """Return `inputs` or `outputs`; earlier files of version 2 call them `inputSchema` and `outputSchema`."""
        earlier = _mapping(self._matter.get(f"{what}Schema"))
        return self._matter.get(f"{what}s") or earlier.get("properties")

    # --- Messages -------------------------------------------------------------------------------------------

    def _messages(self, body: str, lines: int) -> Iterator[dict[str, Json]]:
        read = self._reader()
        for role, text, line in _parts(body, lines):
            if role in ("tool", "function"):
                raise Unreadable(f"a message of the role {role} stands alone", line)
            try:
                content = read(text)
            except Unreadable as problem:
                raise Unreadable(problem.message, line) from None
            if "](data:" in text or re.search(r"!\[[^\]]*\]\(", text):
                self._open.append("an image in a message stays text: make it a content part")
            yield {"role": role, "content": content}

    def _reader(self) -> Any:
        given = self._matter.get("template", "jinja2")
        inner = given.get("format", given.get("type", "jinja2")) if isinstance(given, dict) else given
        kind = inner.get("kind", "jinja2") if isinstance(inner, dict) else inner
        if kind not in ("jinja2", "mustache"):
            raise Unreadable(f"its templates are {kind}, which is not read", self._line("template"))
        return mustache if kind == "mustache" else template

    # --- Cases ----------------------------------------------------------------------------------------------

    def _rows(self, names: set[str]) -> tuple[Row, ...]:
        values, line = self._sample()
        for name in sorted(names - values.keys()):
            self._open.append(f"the input {name} has no sample: a placeholder stands for it")
            values[name] = f"{PLACEHOLDER} for {name}"
        holes = any(str(value).startswith(PLACEHOLDER) for value in values.values())
        return (Row(self._source.place(line), values, "sample", None, (), ("placeholder",) if holes else ()),)

    def _sample(self) -> tuple[dict[str, Json], int]:
        values: dict[str, Json] = {}
        inputs = self._properties("input")
        for name, given in _properties(inputs):
            if isinstance(given, dict) and given.get("kind") == "thread":
                raise Unreadable(f"the input {name} is a thread of messages: use turns", self._line("inputs"))
            kept = [given[key] for key in ("sample", "example", "default") if given.get(key) is not None]
            if kept:
                values[name] = self._resolved(kept[0])
        sample = self._resolved(self._matter.get("sample"))
        if isinstance(sample, str) and sample.endswith(".json"):
            sample = self._file(sample, "sample")
        values |= sample if isinstance(sample, dict) else {}
        return values, self._line("sample" if "sample" in self._matter else "inputs" if inputs else "name")

    def _resolved(self, value: Json) -> Json:
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        match = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            return value
        if match[1] == "file":
            return self._file(match[2], "sample")
        self._open.append(f"a sample is read from the environment ({match[2].split(':')[0]}): fill it in")
        return f"{PLACEHOLDER} for {match[2].split(':')[0]}"

    def _file(self, name: str, what: str) -> Json:
        try:
            source = self._source.beside(name)
            if source.path.suffix in (".yaml", ".yml"):
                return parsed(source, self._harvest).value
            return read_json(source.text()) if source.path.suffix == ".json" else source.text()
        except Unreadable as problem:
            self._open.append(f"the {what} of a file beside cannot be read ({problem.message})")
            return None


def _parts(body: str, lines: int) -> Iterator[tuple[str, str, int]]:
    """Yield role, text and line of each message; words before the first role are the system's."""
    marks = [match for match in _ROLE.finditer(body) if match[1].lower() in _ROLES]
    lead = body[: marks[0].start()] if marks else body
    if lead.strip():
        yield "system", lead.strip(), lines + 1
    for number, match in enumerate(marks, 1):
        end = marks[number].start() if number < len(marks) else len(body)
        line = lines + body.count("\n", 0, match.start(1)) + 1
        yield match[1].lower(), body[match.end() : end].strip(), line
    if not body.strip():
        raise Unreadable("it has no messages", lines + 1)


def _first(*texts: Json) -> str:
    return next((text for text in texts if isinstance(text, str) and text), "")


def _mapping(given: Json) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _properties(given: Json) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and description of each property, in either version's form."""
    if isinstance(given, dict):
        for name, item in given.items():
            yield name, item if isinstance(item, dict) else {"sample": item}
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            yield item["name"], item


def _object(given: Json) -> dict[str, Json]:
    properties = dict(_properties(given))
    if not properties:
        raise Unreadable("its outputs are no list of properties: they are not carried over")
    required = [name for name, item in properties.items() if item.get("required") is not False]
    schemas = {name: _schema(item) for name, item in properties.items()}
    return {"type": "object", "additionalProperties": False, "required": required, "properties": schemas}


def _schema(item: Mapping[str, Any]) -> dict[str, Json]:
    kind = item.get("kind", item.get("type"))
    schema: dict[str, Json] = {}
    if kind == "array":
        inner = item.get("items")
        schema = {"type": "array", "items": _schema(inner) if isinstance(inner, dict) else {}}
    elif kind == "object":
        schema = _object(item["properties"]) if "properties" in item else {"type": "object"}
    elif kind in _TYPES:
        schema = {"type": _TYPES[kind]}
    else:
        raise Unreadable(f"its outputs have a property of the kind {kind}: they are not carried over")
    if isinstance(item.get("description"), str):
        schema["description"] = item["description"]
    if isinstance(item.get("enumValues"), list):
        schema["enum"] = item["enumValues"]
    return schema


def _tool(tool: Json) -> Json:
    """Return a function of version 2, whose parameters are properties, as the API has it; others as they are."""
    if not isinstance(tool, dict) or "kind" not in tool:
        return tool
    if tool["kind"] != "function":
        return None  # what a runtime calls itself, by a connection of its own
    given = tool.get("parameters")
    if isinstance(given, dict) and "properties" in given and given.get("type") == "object":
        parameters: Json = given
    else:
        parameters = _object(given) if given else {"type": "object", "properties": {}}
    kept = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
    return {**kept, "parameters": parameters}
