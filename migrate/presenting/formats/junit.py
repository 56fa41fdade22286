"""JUnit XML of a run in the ledger; under pytest `--junitxml` gives the same properties."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from migrate.inert import inert
from migrate.presenting.formats.lines import CaseLine, Told


def junit(told: Told) -> str:
    """Return the XML: a suite a flow and candidate, a test a case, its facts as properties."""
    lines = told.lines
    root = ET.Element("testsuites", _counts(lines, "prompt-migrate"))
    for flow in told.evidence:
        chosen = [line for line in lines if (line.row.flow, line.row.candidate) == (flow.flow, flow.candidate)]
        suite = ET.SubElement(root, "testsuite", _counts(chosen, f"{flow.flow}[{flow.candidate}]"))
        suite.set("timestamp", _clean(told.run.started_at))
        for line in chosen:
            suite.append(_test(line))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _test(line: CaseLine) -> ET.Element:
    name = f"{line.row.case}[{line.row.candidate}]"
    test = ET.Element("testcase", {"classname": _clean(line.row.flow), "name": _clean(name)})
    if line.latency_ms[1] is not None:
        test.set("time", f"{line.latency_ms[1] / 1000:.3f}")
    if line.place is not None:
        test.set("file", _clean(line.place.file))
        if line.place.line is not None:
            test.set("line", str(line.place.line))
    _properties(test, line)
    if line.said:
        kind = "error" if line.outcome == "error" else "failure"
        message = _clean(line.message)
        ET.SubElement(test, kind, {"message": message, "type": line.row.verdict.value}).text = _clean(
            "\n".join(line.said)
        )
    return test


def _properties(test: ET.Element, line: CaseLine) -> None:
    properties = ET.SubElement(test, "properties")
    for name, value in line.values.items():
        if name not in ("flow", "case") and value not in (None, []):
            text = " ".join(value) if isinstance(value, list) else str(value)
            ET.SubElement(properties, "property", {"name": name, "value": _clean(text)})


def _counts(lines: Iterable[CaseLine], name: str) -> dict[str, str]:
    outcomes = [line.outcome for line in lines]
    return {
        "name": _clean(name),
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("failed")),
        "errors": str(outcomes.count("error")),
        "skipped": "0",
    }


def _clean(text: str) -> str:
    # XML 1.0 has no control characters, not even escaped ones; made inert there are none left.
    return inert(text)
