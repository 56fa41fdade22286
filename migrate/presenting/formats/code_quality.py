"""GitLab's Code Quality report: one entry a group of equal changes, on the line of the first case that shows it."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any, Final

from migrate.canonical import digest
from migrate.inert import inert
from migrate.presenting.changes import Change, changes
from migrate.presenting.formats.lines import Told
from migrate.presenting.numbers import counted
from migrate.vocabulary import Severity

SEVERITIES: Final[Mapping[Severity, str]] = {Severity.BREAKING: "major", Severity.DRIFT: "minor"}
"""A cosmetic change is no issue of quality."""
REJECTED: Final = "; a reviewer rejected it, so it fails"


def code_quality(told: Told) -> str:
    """Return the list of issues. A merge request shows those that its branch adds, by their fingerprints."""
    places = {(line.row.flow, line.row.case): line.place for line in told.lines}
    return json.dumps([_issue(change, places, told.rejected) for change in changes(told.evidence)], indent=2) + "\n"


def _issue(change: Change, places: Mapping[Any, Any], rejected: Container[tuple[str, str, str]]) -> dict[str, Any]:
    group = change.group
    cases = dict.fromkeys(case for _, shown in change.shown for case in shown.cases)
    known = (places.get((change.flow, case)) for case in cases)
    place = next((one for one in known if one is not None), None)
    again = any((change.flow, candidate, group.id) in rejected for candidate in change.candidates)
    words = f"{change.flow} on {', '.join(change.candidates)}: {group.title} ({counted(change.cases, 'case')})"
    return {
        "description": inert(f"{words}{REJECTED if again else ''}", keep_newlines=False),
        "check_name": f"prompt-migrate/{group.kind.value}",
        "fingerprint": digest(f"{group.id} {' '.join(change.candidates)}"),
        "severity": SEVERITIES[Severity.BREAKING if again else group.severity],
        "location": {
            "path": place.file if place else f"prompts/{change.flow}.prompt.yml",
            "lines": {"begin": (place.line if place else None) or 1},
        },
    }
