"""What importers hand over: prompts and cases that were found, and everything that was not taken, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from migrate.vocabulary import Api, Json, Place

Format = Literal["promptfoo", "promptfoo-tests", "prompty", "batch", "log", "rows"]
LINED: frozenset[str] = frozenset({"batch", "log", "rows"})
"""Forms of which every line is accounted for; a test of promptfoo can be several cases, of several prompts."""
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
    folded: int = 0
    """Lines that are no case of their own: they repeat the request of one, and their answers are its samples."""
    joined: int = 0
    """Lines that hold answers alone, each joined to its request."""

    @property
    def lines(self) -> int:
        """Lines of a log that went into the flow; each is counted once."""
        return len(self.rows) + self.folded + self.joined


@dataclass(frozen=True, slots=True)
class Refused:
    """One thing of a source that was not imported."""

    what: str
    """`prompt`, `provider`, `assertion`, `test`, `line`, `file` ..."""
    place: Place
    reason: str
    lines: int = 0
    """Lines of a log or table that are left out with it."""


@dataclass(slots=True)
class Harvest:
    """Everything of some sources."""

    found: list[Found] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    """File -> the form it was read as."""
    lines: Counter[str] = field(default_factory=Counter)
    """File -> how many lines of it were read, blank ones and headers apart."""

    def refuse(self, what: str, place: Place, reason: str, lines: int = 0) -> None:
        """Note what was not imported, and how many lines are left out with it."""
        self.refused.append(Refused(what, place, reason, lines))
