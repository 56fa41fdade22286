"""A difference, weighed: a finding before it knows its sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

from migrate.comparing.paths import Steps
from migrate.vocabulary import FindingKind, Json, Severity


@dataclass(frozen=True, slots=True)
class Note:
    """One difference, weighed; a finding before it knows its sample."""

    kind: FindingKind
    severity: Severity
    shown: Steps
    message: str
    expected: Json = None
    actual: Json = None
    rule: str = "golden"
    explained: bool = False
    """True when the noise floor explains it."""
    aspect: str = ""
    """What it is about, where one place can have several of a kind."""

    @property
    def counts(self) -> bool:
        """True when it is drift that nothing explains."""
        return self.severity is Severity.DRIFT and not self.explained

    @property
    def identity(self) -> tuple[FindingKind, Steps, str]:
        return self.kind, self.shown, self.aspect


def demoted(note: Note, words: str) -> Note:
    """Return the note as a cosmetic one."""
    kind = FindingKind.WORDING_CHANGED
    return replace(note, kind=kind, severity=Severity.COSMETIC, message=words, explained=False)
