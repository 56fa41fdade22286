"""promptfoo configurations: every prompt with the first OpenAI provider is a flow, every test a case of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final

from migrate.documents.files import Unreadable
from migrate.documents.reading import Document, read_json, read_yaml
from migrate.drafting import FILL_IN
from migrate.edges.importers.nouns import Found, Harvest, Row
from migrate.edges.importers.parameters import keys_of
from migrate.edges.importers.promptfoo_tests import Tests, value_of
from migrate.edges.importers.rows import without_prompt
from migrate.edges.importers.sources import Source, Steps, csv_rows
from migrate.edges.importers.templates import template, variables_of
from migrate.vocabulary import Api, Json, Place

NOT_DATA: Final = frozenset({".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb", ".go", ".sh", ".exe", ".bat"})
TEXTS: Final = frozenset({".txt", ".md", ".j2", ".jinja2", ".njk"})
CHATS: Final = frozenset({".json", ".yaml", ".yml"})
_SCHEME: Final = re.compile(r"(?!file://)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
Provider = tuple[str, Api, Mapping[str, Json], list[str]]
"""Model, API, configuration, and what is left open."""
_BETWEEN: Final = re.compile(r"^---[ \t]*$", re.MULTILINE)
ROLES: Final = ("system", "developer", "user", "assistant")
LEFT: Final = {
    "scenarios": "scenarios have no counterpart: write their tests out",
    "redteam": "red teaming has no counterpart",
    "nunjucksFilters": "filters are JavaScript, which an import never runs",
    "extensions": "extensions are code, which an import never runs",
    "transform": "transforms are code, which an import never runs",
    "derivedMetrics": "derived metrics have no counterpart",
}


def read_config(source: Source, document: Document, harvest: Harvest) -> None:
    """Add what a configuration holds to the harvest."""
    config: Mapping[str, Any] = document.value
    for key, reason in LEFT.items():
        if config.get(key):
            harvest.refuse(key, source.place(document.at((key,)).line), reason)
    reader = _Config(source, document, harvest)
    model = reader.provider()
    tests = Tests(source, harvest)
    tests.read(config, document)
    taken = []
    for words, content, place in reader.prompts():
        if (found := _found(words, content, place, model, tests)) is not None:
            harvest.found.append(found)
            taken.append(found.words)
    if taken:
        tests.refuse_others(taken)
    elif rows := tests.rows():
        # Cases are worth keeping where the prompt is a program: a person writes it anew.
        found = without_prompt(reader.stem(), rows[0].place, rows, tests.schema)
        harvest.found.append(replace(found, document={**found.document, "model": model[0]}, api=model[1]))


class _Config:
    """One configuration while its prompts and providers are read."""

    def __init__(self, source: Source, document: Document, harvest: Harvest) -> None:
        self._source = source
        self._document = document
        self._harvest = harvest

    def _at(self, *steps: str | int) -> Place:
        return self._source.place(self._document.at(steps).line)

    # --- Providers ------------------------------------------------------------------------------------------

    def provider(self) -> Provider:
        """Return the model of the first OpenAI provider, its API and configuration; the others are refused."""
        key = "providers" if "providers" in self._document.value else "targets"
        given = self._document.value.get(key)
        chosen: Provider | None = None
        for index, item in enumerate(given if isinstance(given, list) else [given] if given else []):
            name, config = _provider(item)
            place = self._at(key, index) if isinstance(given, list) else self._at(key)
            model, api, reason = _model(name)
            if reason or chosen is not None:
                reason = reason or _another(name, model, chosen)
                self._harvest.refuse("provider", place, reason)
            else:
                left: list[str] = []
                chosen = (model, api, dict(self._configured(config, api, left)), left)
        if chosen is not None:
            return chosen
        return FILL_IN, "chat", {}, ["no provider of the source is a model of OpenAI: fill in the model"]

    def _configured(self, config: Mapping[str, Json], api: Api, left: list[str]) -> Iterator[tuple[str, Json]]:
        """Yield the configuration by wire name; what a file holds is read, and what cannot be is noted."""
        for name, given in config.items():
            if name in _CLIENT:
                continue
            try:
                value = value_of(self._source, given)
            except Unreadable as problem:
                left.append(f"the {name} of {given} are not carried over ({problem.message})")
                continue
            if name == "response_format" and api == "responses":
                yield "text", {"format": _of_responses(value)}
            else:
                yield name, value

    # --- Prompts --------------------------------------------------------------------------------------------

    def prompts(self) -> Iterator[tuple[str, Json, Place]]:
        """Yield what each prompt is named after, its content and its place; those that are no data are refused."""
        given = self._document.value.get("prompts")
        items = given if isinstance(given, list) else [given] if given is not None else []
        if isinstance(given, dict):  # an older form: file -> label
            items = [{"id": key, "label": value} for key, value in given.items()]
        for index, item in enumerate(items):
            place = self._at("prompts", index) if isinstance(given, list) else self._at("prompts")
            try:
                yield from self._prompt(item, place, f"{self.stem()} {index + 1}" if len(items) > 1 else self.stem())
            except Unreadable as problem:
                self._harvest.refuse("prompt", place, problem.message)

    def stem(self) -> str:
        """Return what a prompt without a name is named after."""
        stem = self._source.path.stem
        return self._source.path.parent.name if stem.startswith("promptfooconfig") else stem

    def _prompt(self, item: Json, place: Place, words: str) -> Iterator[tuple[str, Json, Place]]:
        label = None
        if isinstance(item, dict):
            label = item.get("label") or item.get("display")
            item = item.get("raw") if item.get("raw") is not None else item.get("id")
        if not isinstance(item, str) or not item.strip():
            raise Unreadable("a prompt is a text, a file, or a mapping with one of them")
        if not _is_file(item):
            yield label or words, _content(item), place
            return
        name = item.removeprefix("file://")
        if reason := _not_data(item, name):
            raise Unreadable(reason)
        for source in self._source.matching(name):
            for text, where in self._file(source):
                yield label or PurePosixPath(source.path.name).stem, text, where

    def _file(self, source: Source) -> Iterator[tuple[Json, Place]]:
        suffix = source.path.suffix.lower()
        try:
            if reason := _not_data(source.path.name, source.path.name):
                raise Unreadable(reason)
            if suffix == ".csv":
                for line, row in csv_rows(source, self._harvest):
                    yield row.get("prompt", next(iter(row.values()))), source.place(line)
            elif suffix == ".jsonl":
                for line, text in source.lines():
                    yield _chat(text, ".json"), source.place(line)
            elif suffix in CHATS:
                yield _chat(source.text(), suffix), source.place(1)
            else:
                yield from self._texts(source)
        except Unreadable as problem:
            self._harvest.refuse("prompt", source.place(problem.line), problem.message)

    def _texts(self, source: Source) -> Iterator[tuple[Json, Place]]:
        text, line = source.text(), 1
        for part in _BETWEEN.split(text):
            if part.strip():
                lead = part[: len(part) - len(part.lstrip())].count("\n")
                yield part.strip(), source.place(line + lead)
            line += part.count("\n")


def _provider(item: Json) -> tuple[str, Mapping[str, Json]]:
    if isinstance(item, str):
        return item, {}
    if isinstance(item, dict) and "id" not in item and len(item) == 1:
        ((name, inner),) = item.items()
        item = {"id": name, **inner} if isinstance(inner, dict) else {"id": name}
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return "", {}
    config = item.get("config")
    return item["id"], config if isinstance(config, dict) else {}


def _model(name: str) -> tuple[str, Api, str]:
    """Return the model and API of a provider's name, and why it is not one of OpenAI."""
    head, *rest = name.split(":")
    kinds: dict[str, Api] = {"chat": "chat", "responses": "responses"}
    if head == "openai" and rest and "{{" not in name:
        if rest[0] in kinds and len(rest) > 1:
            return ":".join(rest[1:]), kinds[rest[0]], ""
        if rest[0] not in (*kinds, "completion", "embedding", "embeddings", "assistant", "image", "realtime", "agents"):
            return ":".join(rest), "chat", ""
    if _not_data(name, name.removeprefix("file://")):
        return "", "chat", "the provider is a program: not importable, and never run"
    return "", "chat", f"{name or 'it'} is no chat model of OpenAI"


def _another(name: str, model: str, chosen: Provider | None) -> str:
    if chosen is not None and chosen[0] == model:
        return f"{name} is the same model in another configuration: a flow has one"
    return f"{name} is another candidate: pytest --model {model} tries it"


def _is_file(text: str) -> bool:
    if "\n" in text or len(text) > 500:
        return False
    if text.startswith(("file://", "exec:", "python:")) or _SCHEME.match(text):
        return True
    name = text.rpartition(":")[0] if re.search(r"\.(?:py|[cm]?[jt]s|rb|go):\w+$", text) else text
    suffix = PurePosixPath(name).suffix.lower()
    return " " not in text and "{{" not in text and suffix in (NOT_DATA | TEXTS | CHATS | {".csv", ".jsonl"})


def _not_data(given: str, name: str) -> str:
    """Return why a prompt cannot be read as data; empty when it can."""
    path = re.sub(r"(\.(?:py|[cm]?[jt]s|rb|go)):\w+$", r"\1", name)
    suffix = PurePosixPath(path).suffix.lower()
    if given.startswith("exec:"):
        return "it is the output of a program (exec:): not importable, and never run"
    if suffix in NOT_DATA or given.startswith("python:"):
        kinds = {".py": "Python", ".rb": "Ruby", ".go": "Go"}
        kind = kinds.get(suffix, "JavaScript" if suffix[1:2] in ("j", "c", "m", "t") else "a program")
        return f"it is made by {'Python' if given.startswith('python:') else kind}: not importable, and never run"
    if found := _SCHEME.match(given):
        return f"it is kept elsewhere ({found[0]}): nothing is fetched"
    return ""


def _content(text: str) -> Json:
    """Return the messages that a text holds, or the text."""
    if text.lstrip()[:1] in ("[", "{") and '"role"' in text:
        return _chat(text, ".json")
    return text


def _chat(text: str, suffix: str) -> Json:
    try:
        value = read_json(text) if suffix == ".json" else _yaml(text)
    except Unreadable as problem:
        raise Unreadable(f"no list of messages before its templates are filled: {problem.message}") from None
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    if not isinstance(value, list):
        raise Unreadable("it is no list of messages")
    return value


def _yaml(text: str) -> Json:
    complaints: list[str] = []
    document = read_yaml(text, lambda why, _line: complaints.append(why))
    if complaints:
        raise Unreadable(complaints[0])
    return document.value


# --- Flows ----------------------------------------------------------------------------------------------------


def messages_of(content: Json) -> list[Json]:
    """Return the messages of a prompt; raises Unreadable for what prompt files cannot say."""
    if isinstance(content, str):
        return [{"role": "user", "content": template(content)}]
    found: list[Json] = []
    for message in content or ():
        role = message.get("role") if isinstance(message, dict) else None
        text = message.get("content") if isinstance(message, dict) else None
        if role not in ROLES or set(message) != {"role", "content"}:
            raise Unreadable("its messages are not of roles and contents alone")
        if isinstance(text, str):
            template(text)
        elif not isinstance(text, list) or not all(
            isinstance(p, dict) and isinstance(p.get("type"), str) for p in text
        ):
            raise Unreadable("the content of a message is neither text nor a list of parts")
        found.append({"role": role, "content": text})
    if not found:
        raise Unreadable("it has no messages")
    return found


def _found(words: str, content: Json, place: Place, provider: Provider, tests: Tests) -> Found | None:
    model, api, config, why = provider
    open_ = list(why)
    try:
        messages = [*_instructions(config), *messages_of(content)]
        if "env" in variables_of(messages):
            raise Unreadable("its template reads the environment")
    except Unreadable as problem:
        tests.harvest.refuse("prompt", place, problem.message)
        return None
    document: dict[str, Any] = {"name": str(words), "model": model}
    if api != "chat":
        document["api"] = api
    document |= keys_of(config, api, open_)
    if tests.schema is not None and "jsonSchema" not in document:
        document["jsonSchema"] = tests.schema
    document["messages"] = messages
    rows = tuple(_complete(tests.rows_for(str(words)), variables_of(messages), open_))
    return Found(str(words), place, document, rows, tuple(open_), api)


def _instructions(config: Mapping[str, Json]) -> list[Json]:
    text = config.get("instructions")
    return [{"role": "system", "content": template(text)}] if isinstance(text, str) else []


def _of_responses(given: Json) -> Json:
    """Return a response format of a Responses provider; promptfoo takes a schema alone, and a nested one too."""
    if isinstance(given, dict) and given.get("type") == "object":
        return {"type": "json_schema", "name": "answer", "schema": given}
    return given


_CLIENT: Final = frozenset(
    {"apiKey", "apiKeyEnvar", "apiHost", "apiBaseUrl", "organization", "headers", "cost", "passthrough", "basePath"}
)
"""Keys of a provider's configuration that say how it is reached; that is configured elsewhere here."""


def _complete(rows: Iterable[Row], names: set[str], open_: list[str]) -> Iterator[Row]:
    """Yield rows with an empty text for every variable they do not give, as Nunjucks has it."""
    missing: set[str] = set()
    for row in rows:
        lacking = names - row.inputs.keys()
        missing |= lacking
        yield Row(
            row.place, {**row.inputs, **dict.fromkeys(sorted(lacking), "")}, row.id, row.expected, row.checks, row.tags
        )
    open_ += [f"{name} is empty in cases that do not give it, as it was before" for name in sorted(missing)]


__all__ = ["Steps", "messages_of", "read_config"]
