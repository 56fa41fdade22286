"""An answer in the making, and the slips a model makes in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from migrate.edges.providers.simulated.places import Steps
from migrate.vocabulary import FindingKind, Finish, Json, JsonPath, Rung

Kind = Literal["json", "text", "tool_calls"]
Origin = Literal["persona", "case", "request", "reference"]
"""Who is to blame: the model; the case, alike for every model; a limit the caller set; the reference answer."""


@dataclass(frozen=True, slots=True)
class DraftCall:
    """One tool call in the making."""

    name: str
    arguments: Json
    raw: str | None = None
    """Text of the arguments when it is not simply their JSON."""

    @property
    def text(self) -> str:
        return self.raw if self.raw is not None else json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer in the making: a JSON value until it is written out, then text."""

    kind: Kind
    value: Json = None
    """The answer as JSON, while `kind` is `json`."""
    text: str | None = None
    """The answer as text; for `json` once it is written out."""
    calls: tuple[DraftCall, ...] = ()
    refusal: str | None = None
    finish: Finish = "stop"


@dataclass(frozen=True, slots=True)
class Break:
    """A promise that a slip breaks, in the words of findings."""

    rung: Rung
    kind: FindingKind
    path: JsonPath
    check: str = ""
    """Name of the failed check, for `check_failed`."""


@dataclass(frozen=True, slots=True)
class Slip:
    """One thing a reply does that its reference answer does not."""

    habit: str
    path: JsonPath
    before: Json = None
    after: Json = None
    breaks: Break | None = None
    """The promise it breaks; None: the contract is kept."""
    also: tuple[Break, ...] = ()
    """What else follows from the same cause and may be found beside it."""
    changes: FindingKind | None = None
    """What it changes against the reference answer, when the contract is kept."""
    how: str = ""
    """Which way the habit took, where it has several."""
    origin: Origin = "persona"
    steps: Steps | None = None
    """The place in the answer that this slip changed and others leave alone; None: none in particular."""


@dataclass(frozen=True, slots=True)
class Performance:
    """A finished answer with everything that was done to it."""

    draft: Draft
    slips: tuple[Slip, ...] = field(default=())

    @property
    def kept(self) -> bool:
        """True when no slip breaks the contract."""
        return all(slip.breaks is None for slip in self.slips)
