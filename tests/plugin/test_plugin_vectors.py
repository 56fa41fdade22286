"""A chain that looks passages up by embeddings, as a user runs it: vectors once, offline afterwards, counted."""

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal

import pytest
from scripted_server import Scripted, Seen, error
from small_project import Project, write

FLOW = """\
name: Care
steps:
  - step: answer
    model: gpt-4o
    retrieve: {query: "{{ question }}", corpus: corpora/care.jsonl, top: 1, embeddings: text-embedding-3-small}
    messages:
      - {role: system, content: "Cite the passage."}
      - {role: user, content: "{% for p in passages %}[{{ p.id }}] {{ p.text }}{% endfor %} {{ question }}"}
checks:
  - citations: "{{ passages }}"
cases:
  - {id: zip, inputs: {question: "My zip jams."}, expected: "Rub it with wax [P1]."}
  - {id: down, inputs: {question: "How is down dried?"}, expected: "With tennis balls [P2]."}
"""
CORPUS = """\
{"id": "P1", "text": "A zip that jams is rubbed with wax."}
{"id": "P2", "text": "Down is dried with tennis balls."}
"""


@pytest.fixture
def care(fresh: Project) -> Project:
    """A project with one such chain, answered by the simulated provider."""
    fresh.configure(provider="simulated", time_scale=0, samples=1)
    for path in (fresh.root / "prompts").glob("*.prompt.yml"):
        path.unlink()
    write(fresh.root / "prompts" / "care.prompt.yml", FLOW)
    write(fresh.root / "prompts" / "corpora" / "care.jsonl", CORPUS)
    return fresh


def test_vectors_are_made_once_and_serve_offline(care: Project) -> None:
    """The recording makes four and says what that cost; replays make none, with a socket or without one."""
    recorded = care.run("--golden=new")
    recorded.assert_outcomes(passed=2)
    made = r"prompt-migrate: 4 vectors made by text-embedding-3-small: \d+ tokens, 0\.0{5,}\d+ USD"
    assert re.search(made, " ".join(recorded.stdout.str().split()))  # it may take two lines

    replayed = care.run("--model", "gpt-4.1")
    offline = care.run("--model", "gpt-4.1", "--migrate-offline")
    for result in (replayed, offline):
        result.assert_outcomes(passed=2)
        assert "vectors made" not in result.stdout.str()


def test_every_answer_pays_for_the_vector_of_its_query(care: Project) -> None:
    """Ledger and `compare` have it beside the calls, on both sides, by what the provider billed; no clock has it."""
    care.run("-q", "--golden=new").assert_outcomes(passed=2)
    care.run("-q", "--model", "gpt-4.1").assert_outcomes(passed=2)
    (flow,) = care.compared()["flows"]
    steps = {step["step"]: step for step in flow["steps"]}
    assert ["answer/passages", "answer"] == list(steps)
    queries = steps["answer/passages"]
    assert {"baseline": 2, "candidate": 2} == queries["calls"]
    assert queries["cost_usd"]["baseline"] == queries["cost_usd"]["candidate"]
    for side in ("baseline", "candidate"):
        parts = [Decimal(steps[step]["cost_usd"][side]) for step in steps]
        assert Decimal(flow["cost_usd"][side]) == sum(parts)
        assert 0 < min(parts)
    assert 2 == flow["latency_ms"]["candidate"]["n"]

    with sqlite3.connect(care.root / ".prompt-migrate" / "ledger.db") as ledger:
        rows = ledger.execute(
            "select side, asked_model, input_tokens, total_ms from calls where step = 'answer/passages' order by 1"
        ).fetchall()
    with sqlite3.connect(care.root / ".prompt-migrate" / "passages.db") as vectors:
        billed = vectors.execute("select sum(tokens) from billed").fetchall()
        assert billed == vectors.execute("select sum(tokens) from made").fetchall()
    replayed = [row for row in rows if row[0] == "candidate"][-2:]
    assert [("candidate", "text-embedding-3-small", None)] * 2 == [(side, model, ms) for side, model, _, ms in replayed]
    assert "text-embedding" not in (care.root / "fixtures" / "care" / "measurements.json").read_text()


def test_offline_without_vectors_says_what_to_run(care: Project) -> None:
    """No case is judged by other passages, and no traceback is shown."""
    care.run("-q", "--golden=new").assert_outcomes(passed=2)
    (care.root / ".prompt-migrate" / "passages.db").unlink()

    result = care.run("--model", "gpt-4.1", "--migrate-offline")

    result.assert_outcomes(errors=2)
    said = " ".join(result.stdout.str().split())
    assert "3 of 3 vectors by text-embedding-3-small are not there yet" in said
    assert "once without --migrate-offline" in said
    assert "Traceback" not in said


def test_a_cap_that_vectors_could_pass_stops_before_them(care: Project) -> None:
    """Nothing is asked, and the sentence has both amounts."""
    result = care.run("--golden=new", "--max-cost", "0.0000001")
    assert re.search(
        r"4 vectors by text-embedding-3-small may cost up to 0\.\d+ USD: the cap is 0\.\d+ USD", said(result)
    )
    assert not (care.root / "fixtures" / "care").exists()


def test_vectors_that_nobody_makes_end_the_run_before_a_model_is_asked(care: Project) -> None:
    """The provider's word is shown; no case is judged by passages that were picked otherwise."""
    care.configure(samples=1)
    paths: list[str] = []

    def down(seen: Seen) -> Scripted:
        paths.append(seen.path)
        return error(503, message="the engine is overloaded")

    care.models.script = down
    result = care.run("--golden=new")

    assert 4 == result.ret
    assert {"/v1/embeddings"} == set(paths)
    assert "text-embedding-3-small" in said(result)
    assert "the engine is overloaded" in said(result)
    assert "Traceback" not in said(result)


def said(result: pytest.RunResult) -> str:
    return " ".join((result.stdout.str() + result.stderr.str()).split())


def test_a_query_that_depends_on_an_answer_is_refused(care: Project) -> None:
    """Its vector could not be made before the run; the complaint names the line and the way out."""
    earlier = 'steps:\n  - step: plan\n    model: gpt-4o\n    messages: [{role: user, content: "{{ question }}"}]\n'
    text = FLOW.replace("steps:\n", earlier, 1).replace('query: "{{ question }}"', 'query: "{{ steps.plan }}"')
    write(care.root / "prompts" / "care.prompt.yml", text)
    assert "a query with embeddings may not depend on an earlier step" in said(care.run("--golden=new"))
