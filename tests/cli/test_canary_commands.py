"""`prompt-migrate canary`, as a user types it: plan, check, export, simulate, and how each ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[1] / "canary"))
from canary_nouns import evidence, metric, plan, rollout

from migrate.canary import Offline, plan_document
from migrate.cli import main

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
MADE = plan(rollout(users_per_day=1200, requests_per_day=1200))


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["canary", *words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan of one flow."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps(plan_document(MADE)))
    return tmp_path


def simulated(*words: str) -> None:
    done = run("simulate", "plan.json", "-o", "log.jsonl", *words)
    assert 0 == done.exit_code, done.output
    assert "SIMULATED" in done.stderr


def validated(name: str, text: str) -> Any:
    document = json.loads(text)
    jsonschema_rs.validator_for(json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))).validate(document)
    return document


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "code", "verdict"),
    [
        (("--control", "schema=0.01", "--days", "1"), 0, "promote"),
        (("--control", "schema=0.01", "--days", "1", "--stage", "3"), 3, "hold"),
        (("--candidate", "schema=0.3", "--days", "1"), 4, "rollback"),
        (("--event", "no-control", "--days", "1"), 2, "unusable"),
        (("--stage", "5", "--days", "1"), 0, "observe"),
    ],
)
def test_each_verdict_has_its_exit_code(words: tuple[str, ...], code: int, verdict: str) -> None:
    """0 promote, 3 hold, 4 roll back, 2 unusable; the JSON keeps its published schema and says the same."""
    simulated(*words)
    done = run("check", "plan.json", "log.jsonl", "--json")
    assert code == done.exit_code, done.output
    assert verdict == validated("canary-check", done.stdout)["verdict"]


@pytest.mark.usefixtures("folder")
def test_people_read_it_in_80_columns() -> None:
    """Verdict first, no line wider than 80; Markdown draws the evidence; both say that the log is simulated."""
    simulated("--candidate", "schema=0.3", "--days", "1")
    text = run("check", "plan.json", "log.jsonl").output
    assert 80 >= max(len(line) for line in text.splitlines())
    assert "refund: ROLLBACK (evidence)" in text
    assert "(SIMULATED)" in text
    assert "20 stops the rollout" in run("check", "plan.json", "log.jsonl", "--md").output


@pytest.mark.usefixtures("folder")
def test_every_figure_can_be_explained() -> None:
    """Formula, inputs and source of each; a name that is none is guessed."""
    from migrate.canary.explaining import NAMES

    simulated("--days", "1")
    for name in NAMES:
        done = run("check", "plan.json", "log.jsonl", "--explain", name)
        assert 0 == done.exit_code, "to explain is no verdict, and this log holds the rollout"
        assert "input" in done.output or "nothing is known" in done.output, name
    done = run("check", "plan.json", "log.jsonl", "--explain", "budgett")
    assert (2, True) == (done.exit_code, 'did you mean "budget"?' in done.stderr)
    done = run("check", "plan.json", "log.jsonl", "--explain", "A/A")
    assert "A/A: the same evidence over two halves" in done.stdout
    assert "route knows it" in run("check", "plan.json", "log.jsonl", "--explain", "saving").stderr


@pytest.mark.usefixtures("folder")
def test_a_word_is_explained_by_its_meaning_before_its_places() -> None:
    """What a unit is, and what an excess: then where the JSON has such a key; a figure's name has its formula below."""
    simulated("--days", "1")
    for word, meaning, place in (
        ("units", "units: what is assigned to a side and counted", "flows.metrics.candidate.units (--explain gate)"),
        ("excess", "excess: by how many points of a hundred", "flows.metrics.excess (--explain gate)"),
        ("power", "power: chance that a look", "formula: "),
    ):
        said = run("check", "plan.json", "log.jsonl", "--explain", word)
        assert (0, True, True) == (said.exit_code, said.stdout.startswith(meaning), place in said.stdout), said.output


@pytest.mark.usefixtures("folder")
def test_one_threshold_stops_a_rollout_and_another_one_a_metric_alone() -> None:
    """The sentence to forward, the table and the line under it say which is which, in the same figures."""
    simulated("--candidate", "schema=0.3", "--days", "1")
    done = run("check", "plan.json", "log.jsonl")
    text = " ".join(done.output.split())
    assert "The evidence stood at more than a million, and 20 stops the rollout: an acceptable candidate" in text
    assert "all metrics weighed together; 20 stops the rollout; a metric alone, the figure in its row" in text
    assert "alone stops at" in done.output


@pytest.mark.usefixtures("folder")
def test_without_duckdb_what_is_next_installs_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log was simulated that nothing here can read: the check would only refuse."""
    monkeypatch.setattr("migrate.edges.machine.find_spec", lambda _: None)
    done = run("simulate", "plan.json", "-o", "log.jsonl", "--days", "1")
    install = 'python -m pip install "prompt-migrate[canary]"'
    assert f"next: {install}, then prompt-migrate canary check plan.json log.jsonl" in done.stderr


@pytest.mark.usefixtures("folder")
def test_watching_ends_with_a_verdict_or_a_number_of_looks() -> None:
    """One document a line; a hold goes on until the looks are used, a rollback ends it."""
    simulated("--days", "1", "--stage", "3")
    done = run("check", "plan.json", "log.jsonl", "--watch", "--every", "0", "--times", "2", "--json")
    assert (3, 2) == (done.exit_code, len(done.stdout.splitlines()))
    simulated("--candidate", "schema=0.3", "--days", "1")
    done = run("check", "plan.json", "log.jsonl", "--watch", "--every", "0", "--json")
    assert (4, 1) == (done.exit_code, len(done.stdout.splitlines()))


def test_an_empty_log_and_a_wrong_flow_are_unusable(folder: Path) -> None:
    """Exit code 2 and one sentence."""
    (folder / "log.jsonl").write_text("")
    done = run("check", "plan.json", "log.jsonl")
    assert (2, True) == (done.exit_code, "has no line yet" in done.stderr)
    done = run("check", "plan.json", "log.jsonl", "--flow", "refnud")
    assert (2, True) == (done.exit_code, 'did you mean "refund"?' in done.stderr)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--control", "shema=0.1"), 'did you mean "schema"?'),
        (("--control", "schema=2"), "a share between 0 and 1"),
        (("--event", "outrage"), 'did you mean "outage"?'),
        (("--event", "outage@noon"), "takes a day"),
        (("--stage", "9"), "has 5 stages"),
    ],
)
def test_what_cannot_be_simulated_is_said(words: tuple[str, ...], said: str) -> None:
    """Typos are guessed, bounds are named."""
    done = run("simulate", "plan.json", "-o", "log.jsonl", *words)
    assert (2, True) == (done.exit_code, said in done.stderr), done.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("target", ["flagd", "litellm", "argo", "httproute", "json"])
def test_an_export_checks_itself(target: str) -> None:
    """Written, read again, and as planned: 0; the export of another stage: 1 where the form has one share."""
    assert 0 == run("export", "plan.json", "--to", target, "-o", "out").exit_code
    assert 0 == run("export", "plan.json", "--to", target, "--check", "out").exit_code
    other = run("export", "plan.json", "--to", target, "--stage", "2", "--check", "out").exit_code
    assert (0 if target in ("argo", "json") else 1) == other


def test_what_the_replay_speaks_against_is_said_with_an_export(folder: Path) -> None:
    """No file asks a person: whose gate is closed is told beside it, and that the plan wants a yes for this stage."""
    doubted = plan(rollout(offline=Offline(gate="2 of 100 cases breaking")))
    (folder / "plan.json").write_text(json.dumps(plan_document(doubted)))
    told = " ".join(run("export", "plan.json", "--to", "flagd").stderr.split())
    assert "note: the replay speaks against refund (gate closed)" in told
    assert "by the plan a person says yes before this stage, which the file does not ask for: refund" in told
    later = " ".join(run("export", "plan.json", "--to", "flagd", "--stage", "2").stderr.split())
    assert ("gate closed" in later, "says yes" in later) == (True, False)
    (folder / "plan.json").write_text(json.dumps(plan_document(plan(rollout()))))
    assert "" == run("export", "plan.json", "--to", "flagd").stderr


def test_a_plan_of_harm_exports_nothing(folder: Path) -> None:
    """Exit code 2, and why."""
    harmful = plan(rollout(evidence=evidence(metric(low=0.2, excess=0.3))))
    (folder / "plan.json").write_text(json.dumps(plan_document(harmful)))
    done = run("export", "plan.json", "--to", "flagd")
    assert (2, True) == (done.exit_code, "no flow that may start" in done.stderr)


def test_planning_wants_a_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was replayed there is nothing to plan: the next command is said, and no ledger is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompt-migrate.toml").write_text('as_of = "2026-01-15"\n')
    done = run("plan")
    assert (2, True) == (done.exit_code, "pytest --model MODEL" in done.stderr)
    assert not (tmp_path / ".prompt-migrate").exists()
