"""Goldens made of production logs are replayed like any others: no baseline call is paid for again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_server import answer
from small_project import Project, opened, verdicts, write

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["label"],
    "properties": {"label": {"type": "string", "enum": ["late", "broken", "lost"]}},
}
PARCEL, CUP, LETTER = "my parcel is late, write to ann@example.com", "my cup is broken", "letter lost on the way"


def line(text: str, label: str, **request: Any) -> str:
    """Return one exchange of production, as a gateway logs it."""
    body = {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "Sort the ticket."}, {"role": "user", "content": text}],
        "temperature": 0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "ticket", "schema": SCHEMA}},
        **request,
    }
    reply = {**answer(json.dumps({"label": label}), model="gpt-4o-2024-08-06"), "created": 1_767_225_600}
    return json.dumps({"request": body, "response": reply})


LOG = [
    line(PARCEL, "late", user="u-1"),
    line(PARCEL, "late", user="u-2"),
    line(CUP, "broken"),
    line(CUP, "lost"),
    line(LETTER, "lost"),
    line(LETTER + "!", "lost"),
]


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Project]:
    """A project whose prompts, cases and goldens are all from a log, and that has asked no model yet."""
    with opened(tmp_path / "project", prompts={}) as project:
        write(project.root / "log.jsonl", "\n".join([*LOG, ""]))
        told = project.command("-m", "migrate", "import", "log.jsonl", "--sample", "100", "--per", "flow")
        counts = "6 lines read: 3 cases, 2 folded into cases with the same request, 1 near-duplicate imported 1 flow"
        assert counts in " ".join(told.stdout.str().split())
        assert 0 == project.models.calls
        yield project


def messages(project: Project) -> list[str]:
    """Return what the cases ask: what is private was taken out of it."""
    (path,) = (project.root / "prompts").glob("*.cases.jsonl")
    return [json.loads(row)["inputs"]["message"] for row in path.read_text().splitlines()]


def asked(project: Project, text: str) -> str:
    """Return the one case that begins with the first words of a message."""
    (found,) = [message for message in messages(project) if message.startswith(text[:15])]
    return found


def item(project: Project, text: str) -> str:
    """Return the item of the case with this message."""
    (path,) = (project.root / "prompts").glob("*.cases.jsonl")
    (row,) = [row for row in map(json.loads, path.read_text().splitlines()) if row["inputs"]["message"] == text]
    return f"prompts/{path.name.removesuffix('.cases.jsonl')}.prompt.yml::{row['id']}[gpt-4.1]"


def test_a_candidate_is_judged_against_what_production_answered(imported: Project) -> None:
    """The same labels pass, a fence around the JSON fails; only the candidate is asked, as often as was logged."""
    parcel, cup, letter = (asked(imported, text) for text in (PARCEL, CUP, LETTER))
    says = {parcel: '{"label": "late"}', cup: '{"label": "broken"}', letter: '```json\n{"label": "lost"}\n```'}
    imported.say("gpt-4.1", says)
    result = imported.run("--model", "gpt-4.1", "-v")
    assert {
        item(imported, parcel): "PASSED",
        item(imported, cup): "PASSED",
        item(imported, letter): "FAILED",
    } == verdicts(result)
    assert {} == imported.models.asked("gpt-4o")
    assert {parcel: 2, cup: 2, letter: 1} == imported.models.asked("gpt-4.1")


def test_what_production_paid_is_known_and_what_it_waited_is_not(imported: Project) -> None:
    """The baseline's cost comes from the usage in the logged answers; its latency is unknown, not zero."""
    for text in messages(imported):
        imported.say("gpt-4.1", {text: '{"label": "lost"}'})
    imported.run("--model", "gpt-4.1")
    (flow,) = imported.compared()["flows"]
    # Five answers of 6 + 4 cached + 2 tokens, at $2.50, $1.25 and $10 a million.
    assert ("0.0002", 0) == (flow["cost_usd"]["baseline"], flow["cost_usd"]["unknown"])
    latency = flow["latency_ms"]["baseline"]
    assert (None, "not measured") == (latency["p50"], latency["source"])


def test_goldens_of_a_log_are_sound_and_keep_where_they_are_from(imported: Project) -> None:
    """`goldens check` finds nothing wrong, and every case says that it is a sample of production."""
    imported.command("-m", "migrate", "goldens", "check").stdout.fnmatch_lines(["*3 goldens*"])
    rows = [row for path in (imported.root / "prompts").glob("*.cases.jsonl") for row in path.read_text().splitlines()]
    assert ["production_sample"] * 3 == [json.loads(row)["x-golden-source"] for row in rows]
    assert "ann@example.com" not in "".join(rows)
