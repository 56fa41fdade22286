"""Hostile answers: the same verdicts alone, with workers and in another order, and never 0 with a case missing."""

from __future__ import annotations

import json

import pytest
from scripted_server import answer, ok
from small_project import BROKEN, CALL, LATE, LOST, MILK, Project

HOSTILE = (
    (LATE, '{"label": "\\ud83d", "amount": 3}'),
    (BROKEN, "\x1b]0;title\x07\r::error file=x::owned\n\u202e" + '{"label": "broken", "amount": 5}'),
    (LOST, '{"label": "lost", "label": "late", "amount": NaN}'),
    (CALL, '\ud83d =cmd|"/c calc"!A1 <script>alert(1)</script> {{ 7 * 7 }}'),
    (MILK, "[" * 5_000),
)
"""Half a character, commands to terminals and CI, doubled keys and NaN, formulas, markup, templates, depth."""


def table(project: Project) -> list[tuple[str, ...]]:
    """Return the verdict of every case of the newest replay."""
    flows = project.compared()["flows"]
    assert flows
    return sorted((flow["flow"], json.dumps(flow["verdicts"], sort_keys=True)) for flow in flows)


def test_hostile_answers_get_the_same_verdicts_everywhere(project: Project) -> None:
    """Alone, with two workers, and shuffled."""
    for question, said in HOSTILE:
        body = json.dumps(answer(said, model="gpt-4.1"))
        project.say("gpt-4.1", {question: ok(json.loads(body))})
    runs: list[pytest.RunResult] = []
    tables = []
    for more, others in (([], ()), (["-n", "2"], ()), (["-p", "randomly", "--randomly-seed=3"], ("randomly",))):
        runs.append(project.run("-q", "--model", "gpt-4.1", "--migrate-fresh", *more, others=others))
        tables.append(table(project))
        assert 5 == sum(project.compared()["run"]["accounts"].get(name, 0) for name in ("judged",))

    assert [1, 1, 1] == [run.ret for run in runs]
    assert [tables[0]] * 3 == tables
    assert not any("INTERNALERROR" in run.stdout.str() + run.stderr.str() for run in runs)
