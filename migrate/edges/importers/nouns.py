"""What importers hand over: prompts and cases that were found, and everything that was not taken, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from migrate.vocabulary import Api, Json, Place

Format = Literal["promptfoo", "promptfoo-tests", "prompty", "batch", "log", "rows"]
FORMATS: tuple[Format, ...] = ("promptfoo", "promptfoo-tests", "prompty", "batch", "log", "rows")


@dataclass(frozen=True, slots=True)
class Row:
    """One case as it goes into a JSONL file, and what a log knows besides."""

    place: Place
    inputs: Mapping[str, Json]
    id: str = ""
    """As the source calls it; empty when it has no name for it."""
    expected: Json = None
    checks: tuple[Mapping[str, Json], ...] = ()
    tags: tuple[str, ...] = ()
    stratum: str = ""
    """Group that a sample is drawn from, beside the flow."""
    request: Mapping[str, Json] | None = None
    """Body that was sent, where a log has it."""
    answers: tuple[Mapping[str, Json], ...] = ()
    """Bodies that came back to this very request, in the order of the log."""


@dataclass(frozen=True, slots=True)
class Found:
    """One prompt, and its cases."""

    words: str
    """What its flow is to be named after."""
    place: Place
    document: Mapping[str, Json]
    """Keys of a prompt file, in order, without its cases."""
    rows: tuple[Row, ...] = ()
    open: tuple[str, ...] = ()
    """What a person must look at."""
    api: Api = "chat"
    production: bool = False
    """True when the cases are what users of production sent."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One thing of a source that was not imported."""

    what: str
    """`prompt`, `provider`, `assertion`, `test`, `line`, `file` ..."""
    place: Place
    reason: str


@dataclass(slots=True)
class Harvest:
    """Everything of some sources."""

    found: list[Found] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    """File -> the form it was read as."""

    def refuse(self, what: str, place: Place, reason: str) -> None:
        """Note what was not imported."""
        self.refused.append(Refused(what, place, reason))
