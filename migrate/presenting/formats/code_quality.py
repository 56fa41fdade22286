"""GitLab's Code Quality report: one entry a group of equal changes, on the line of the first case that shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from migrate.canonical import digest
from migrate.evidence.rating import HumanEvidence
from migrate.inert import inert
from migrate.presenting.formats.lines import CaseLine
from migrate.presenting.numbers import counted
from migrate.vocabulary import FlowEvidence, Group, Run, Severity

SEVERITIES: Final[Mapping[Severity, str]] = {Severity.BREAKING: "major", Severity.DRIFT: "minor"}
"""A cosmetic change is no issue of quality."""


def code_quality(
    run: Run, evidence: Sequence[FlowEvidence], lines: Sequence[CaseLine], people: Sequence[HumanEvidence] = ()
) -> str:
    """Return the list of issues. A merge request shows those that its branch adds, by their fingerprints."""
    del run, people
    places = {(line.row.flow, line.row.case): line.place for line in lines}
    issues = [_issue(flow, group, places) for flow in evidence for group in flow.groups if group.severity in SEVERITIES]
    return json.dumps(issues, indent=2) + "\n"


def _issue(flow: FlowEvidence, group: Group, places: Mapping[Any, Any]) -> dict[str, Any]:
    known = (places.get((flow.flow, case)) for case in group.cases)
    place = next((one for one in known if one is not None), None)
    words = f"{flow.flow} on {flow.candidate}: {group.title} ({counted(len(group.cases), 'case')})"
    return {
        "description": inert(words, keep_newlines=False),
        "check_name": f"prompt-migrate/{group.kind.value}",
        "fingerprint": digest(f"{group.id} {flow.candidate}"),
        "severity": SEVERITIES[group.severity],
        "location": {
            "path": place.file if place else f"prompts/{flow.flow}.prompt.yml",
            "lines": {"begin": (place.line if place else None) or 1},
        },
    }
