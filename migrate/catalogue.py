"""Dated facts about language models: limits, retirement, request parameters, and which names are the same model.

The facts are data (`data/models.toml`), read when the first model is asked about. A model that is not there is not
an error: every question about it has the answer "unknown", and names are compared by their form alone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from migrate.vocabulary import JsonObject

FORMAT: Final = 1
DATA: Final = Path(__file__).with_name("data") / "models.toml"
PREFIXES: Final = ("openai/", "azure/", "models/")
"""Prefixes that routers put before a model's own name."""

_DATED: Final = re.compile(
    r"""[-@](?:
        (?:19|20)\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])   # 2025-04-14, 20250414
      | (?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])                    # 0613: month and day
      | 2\d(?:0[1-9]|1[0-2])                                        # 2507: year and month
    )\Z""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Family:
    """What a group of models does with the parameters of a request."""

    name: str
    note: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Parameter -> the name Chat Completions accepts it under."""
    refused: tuple[str, ...] = ()
    """Parameters, in Chat Completions' wire names, that end in an error."""
    unless: Mapping[str, str] = field(default_factory=dict)
    """The refusals fall away when the request carries these values."""
    default_effort: str | None = None
    """Reasoning effort of a request that names none; None: the model has no such choice, or it is unknown."""
    tools_in_chat: Mapping[str, str] = field(default_factory=dict)
    """Values a Chat Completions request must carry to offer function tools; empty: none needed."""
    sources: tuple[str, ...] = ()

    def refusals(self, parameters: JsonObject) -> tuple[str, ...]:
        """Return the parameters of a request, in Chat Completions' wire names, that this family does not accept."""
        effort = {"reasoning_effort": self.default_effort, **parameters}
        if self.unless and all(effort.get(name) == value for name, value in self.unless.items()):
            return ()
        return tuple(name for name in self.refused if parameters.get(name) is not None)


UNKNOWN_FAMILY: Final = Family("unknown")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of one model, on the day the catalogue was checked."""

    name: str
    snapshots: tuple[str, ...] = ()
    """Dated names this name is served as."""
    context_window: int | None = None
    """Tokens of input and output together; None: unknown, or see `max_input`."""
    max_input: int | None = None
    """Tokens of input, where the vendor bounds it apart from the window."""
    max_output: int | None = None
    shutdown: dt.date | None = None
    """First day without the model; None: none announced."""
    announced: dt.date | None = None
    """Day of the notice; None: none, or unknown."""
    successor: str | None = None
    """What the vendor suggests instead; a suggestion, never followed by itself."""
    family: Family = UNKNOWN_FAMILY
    sources: tuple[str, ...] = ()
    """Where each fact can be looked up."""


def facts(model: str) -> ModelFacts | None:
    """Return what is known of a model, by its own name or that of a snapshot; None: nothing."""
    return _catalogue().get(_plain(model))


def known_models() -> tuple[str, ...]:
    """Return every name in the catalogue, snapshots included, sorted."""
    return tuple(sorted(_catalogue()))


def retired(model: str, as_of: dt.date) -> dt.date | None:
    """Return the day a model left, if it had left by `as_of`; None: it had not, or nothing is known."""
    day = _shutdown(model)
    return day if day is not None and day <= as_of else None


def days_left(model: str, as_of: dt.date) -> int | None:
    """Return the days until a model leaves, 0 or less once it has; None: no date is announced or nothing is known."""
    day = _shutdown(model)
    return None if day is None else (day - as_of).days


@lru_cache(maxsize=1024)
def is_served_as(asked: str, served: str) -> bool:
    """Say whether an answer of `served` is an answer of the model `asked` for.

    It is when the names are equal, or when `served` is a dated snapshot of `asked`; case and a router's prefix do
    not matter. An alias that answers for a dated name does not count: which snapshot it was, nobody could say.
    """
    wanted, found = _plain(asked), _plain(served)
    if wanted == found:
        return True
    known = _catalogue().get(wanted)
    if known is not None and known.name == wanted and found in known.snapshots:
        return True
    # The date is all that may differ: `gpt-4.1-mini-2025-04-14` is no `gpt-4.1`.
    return bool(wanted) and found.startswith(wanted) and _DATED.fullmatch(found, len(wanted)) is not None


def _plain(model: str) -> str:
    name = model.strip().casefold()
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _shutdown(model: str) -> dt.date | None:
    known = facts(model)
    return None if known is None else known.shutdown


@cache
def _catalogue() -> Mapping[str, ModelFacts]:
    # Imported late, as is the file: most pytest runs ask about no model.
    import tomllib

    document = tomllib.loads(DATA.read_text(encoding="utf-8"))
    found: dict[str, ModelFacts] = {}
    models = list(read_models(document))
    for model in models:
        found |= dict.fromkeys(model.snapshots, model)
    # A snapshot with facts of its own keeps them.
    return found | {model.name: model for model in models}


def read_models(document: JsonObject) -> Iterator[ModelFacts]:
    """Yield the models of a parsed catalogue; one that `flaws` finds nothing wrong with is assumed."""
    families = {name: _family(name, table) for name, table in document["families"].items()}
    for table in document["model"]:
        rest = _frozen(table)
        family = families.get(rest.pop("family", ""), UNKNOWN_FAMILY)
        yield ModelFacts(**rest, family=family)


def _family(name: str, table: JsonObject) -> Family:
    return Family(name, **_frozen(table))


def _frozen(table: JsonObject) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


# --- The form of the data, for the test that guards it ---------------------------------------------------

_TEXT, _COUNT, _NAMES, _WORDS = "text", "count", "names", "words"
_DAY: Final = "day"
_MODEL_KEYS: Final = {
    "name": _TEXT, "snapshots": _NAMES, "context_window": _COUNT, "max_input": _COUNT, "max_output": _COUNT,
    "shutdown": _DAY, "announced": _DAY, "successor": _TEXT, "family": _TEXT, "sources": _NAMES,
}  # fmt: skip
_FAMILY_KEYS: Final = {
    "note": _TEXT, "renamed": _WORDS, "refused": _NAMES, "unless": _WORDS, "default_effort": _TEXT,
    "tools_in_chat": _WORDS, "sources": _NAMES,
}  # fmt: skip


def flaws(document: JsonObject) -> list[str]:
    """Return everything wrong with a parsed catalogue, in words; empty when it may be read."""
    known = {"format", "checked", "sources", "families", "model"}
    complaints = [f"unknown key {key}" for key in sorted(document.keys() - known)]
    if document.get("format") != FORMAT:
        complaints.append(f"format is not {FORMAT}")
    if not _fits(document.get("checked"), _DAY):
        complaints.append("checked is no day")
    families, models = document.get("families", {}), document.get("model", [])
    for name, table in families.items():
        complaints += _table_flaws(f"family {name}", table, _FAMILY_KEYS, document)
    for table in models:
        complaints += _table_flaws(f"model {table.get('name')}", table, _MODEL_KEYS, document)
        complaints += _model_flaws(table, families)
    names = [name for table in models for name in (table.get("name"), *table.get("snapshots", ()))]
    complaints += [f"{name} is there twice" for name in sorted({str(name) for name in names if names.count(name) > 1})]
    return complaints


def _table_flaws(where: str, table: JsonObject, keys: Mapping[str, str], document: JsonObject) -> Iterator[str]:
    for key, value in table.items():
        if key not in keys:
            yield f"{where}: unknown key {key}"
        elif not _fits(value, keys[key]):
            yield f"{where}: {key} is no {keys[key]}"
    sources = table.get("sources", ())
    if not sources:
        yield f"{where}: no source"
    for source in sources:
        if source not in document.get("sources", {}):
            yield f"{where}: unknown source {source}"


def _model_flaws(table: JsonObject, families: Iterable[str]) -> Iterator[str]:
    where = f"model {table.get('name')}"
    if not table.get("name"):
        yield "a model has no name"
    if "family" in table and table["family"] not in families:
        yield f"{where}: unknown family {table['family']}"
    if "announced" in table and not ("shutdown" in table and table["announced"] <= table["shutdown"]):
        yield f"{where}: announced without a later shutdown"
    for name in (table.get("name"), *table.get("snapshots", ())):
        if isinstance(name, str) and name != _plain(name):
            yield f"{where}: {name} is not in its plain form"


def _fits(value: Any, kind: str) -> bool:
    if kind == _DAY:
        return isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    if kind == _COUNT:
        return type(value) is int and value > 0
    if kind == _NAMES:
        return isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    if kind == _WORDS:
        return isinstance(value, dict) and all(isinstance(word, str) for word in value.values())
    return isinstance(value, str) and bool(value)


__all__ = [
    "Family",
    "ModelFacts",
    "days_left",
    "facts",
    "flaws",
    "is_served_as",
    "known_models",
    "read_models",
    "retired",
]
