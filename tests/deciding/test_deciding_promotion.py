"""A finished candidate becomes the baseline: its answers are the goldens, and the prompt file names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
from click.testing import CliRunner, Result
from deciding_commands import flat
from small_project import LATE, Project

from migrate.cli import main

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
WHY = ("--reason", "the parser is mended", "--reviewer", "ada")


def command(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def promoted(*words: str, code: int = 0) -> dict[str, str]:
    """Promote gpt-4.1; return the status of each flow from a document that keeps its schema."""
    done = command("promote", "gpt-4.1", *words, "--json")
    assert code == done.exit_code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    schema = json.loads((SCHEMAS / "promoted.schema.json").read_text("utf-8"))
    jsonschema_rs.validator_for(schema).validate(document)
    return {one["flow"]: one["status"] for one in document["flows"]}


def test_the_candidates_answers_are_the_goldens(replayed: Project) -> None:
    """Every golden holds what gpt-4.1 said, nothing is stale, and nobody was asked."""
    before = replayed.models.calls
    assert {"refund": "written"} == promoted("--flow", "refund", *WHY)

    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert "gpt-4.1" == golden["baseline"]
    assert [4, 4] == [sample["calls"][0]["answer"]["json"]["amount"] for sample in golden["samples"]]
    assert 0 == command("goldens", "check").exit_code
    assert before == replayed.models.calls


def test_the_prompt_file_changes_in_one_word(replayed: Project) -> None:
    """The line that names the model is another one; every other line is as it was."""
    path = replayed.root / "prompts" / "refund.prompt.yml"
    before = path.read_text("utf-8").splitlines()
    promoted("--flow", "refund", *WHY)
    after = path.read_text("utf-8").splitlines()
    assert [("model: gpt-4o", "model: gpt-4.1")] == [
        pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]
    ]


def test_a_new_baseline_that_leaves_is_told(replayed: Project) -> None:
    """Who promotes a model learns with it when it leaves its API, and that it does so no later than the one before."""
    words = ["promote", "gpt-4.1", "--flow", "refund", *WHY]
    told = "gpt-4.1 leaves the API on 2027-01-14, in 364 days, no later than gpt-4o: another move follows by then"
    simulated = {"PROMPT_MIGRATE_PROVIDER": "simulated"}
    assert told not in " ".join(CliRunner().invoke(main, [*words, "--dry-run"]).output.split())
    for more in ("--dry-run", "--json"):
        done = CliRunner().invoke(main, [*words, more], env=simulated)
        assert told in " ".join((done.stderr if more == "--json" else done.stdout).split())


def test_a_flow_that_is_not_safe_needs_a_reason(replayed: Project) -> None:
    """Without a reason nothing is written; the refusal names the verdict."""
    before = replayed.files("fixtures") | replayed.files("prompts")
    assert {"refund": "refused", "notes": "refused"} == promoted(code=1)
    done = command("promote", "gpt-4.1")
    said = flat(done.stdout)
    assert "refund: refused: its verdict is " in said
    assert ", not safe: 1 breaking case" in said
    assert said.count("; --reason TEXT promotes it all the same") == 2
    assert "notes: refused: its verdict is insufficient, not safe: " in said
    assert "why, and what would help: prompt-migrate compare" in said
    assert before == replayed.files("fixtures") | replayed.files("prompts")


def test_a_newer_run_of_another_candidate_names_the_one_that_has_it(replayed: Project) -> None:
    """The newest replay is of another model: the command to type names the run of the one that was asked for."""
    replayed.say("gpt-4.1-mini", {LATE: '{"label": "late", "amount": 9}'})
    replayed.run("-q", "--model", "gpt-4.1-mini", "-k", "refund")
    done = command("promote", "gpt-4.1", "--flow", "refund")
    assert 2 == done.exit_code
    (again,) = (line for line in done.stderr.splitlines() if line.startswith("next: "))
    words = again.removeprefix("next: prompt-migrate ").split()
    assert ["promote", "gpt-4.1", "--flow", "refund", "--run"] == words[:-1]
    assert "its verdict is" in flat(command(*words).stdout)


def test_promoting_twice_changes_nothing(replayed: Project) -> None:
    """The second time the model is the baseline already, and no byte changes."""
    promoted("--flow", "refund", *WHY)
    before = replayed.files("fixtures")
    assert {"refund": "already"} == promoted("--flow", "refund", *WHY)
    assert before == replayed.files("fixtures")


def test_a_promotion_that_was_cut_short_is_finished(replayed: Project) -> None:
    """The prompt file names the new model and one golden is still the old one: the same command writes it."""
    path = replayed.golden("refund", "broken-cup")
    old = path.read_bytes()
    promoted("--flow", "refund", *WHY)
    path.write_bytes(old)
    assert 0 != command("goldens", "check").exit_code
    assert {"refund": "written"} == promoted("--flow", "refund", *WHY)
    assert 0 == command("goldens", "check").exit_code


def test_cost_and_latency_go_along(replayed: Project) -> None:
    """The measurements beside the goldens are those of the candidate's answers."""
    promoted("--flow", "refund", *WHY)
    text = (replayed.root / "fixtures" / "refund" / "measurements.json").read_text("utf-8")
    assert "gpt-4.1" in text
    assert "gpt-4o" not in text


def test_what_was_decided_before_is_named_and_goes(replayed: Project) -> None:
    """Approvals and rejections hold for the golden they were seen beside; each is told with its reason, and logged."""
    replayed.say("gpt-4.1-mini", {LATE: '{"label": "late", "amount": 9}'})
    replayed.run("-q", "--model", "gpt-4.1", "--model", "gpt-4.1-mini", "-k", "refund")
    late = ("--flow", "refund", "--case", "late-parcel", "--reviewer", "ada", "--reason", "as it should be")
    for candidate in ("gpt-4.1", "gpt-4.1-mini"):
        assert 0 == command("accept", *late, "--candidate", candidate).exit_code
    other = ("--flow", "refund", "--case", "broken-cup", "--reviewer", "bob", "--reason", "too much")
    assert 0 == command("reject", *other, "--candidate", "gpt-4.1").exit_code
    promotion = ("promote", "gpt-4.1", "--flow", "refund", *WHY)

    before = replayed.files("fixtures")
    planned = command(*promotion, "--dry-run").stdout
    assert before == replayed.files("fixtures")
    document = json.loads(command(*promotion, "--dry-run", "--json").stdout)
    said = command(*promotion).stdout

    lines = [
        '    broken-cup, reject of gpt-4.1 by bob "too much": what was rejected is the baseline now',
        '    late-parcel, accept of gpt-4.1 by ada "as it should be": the answer is the golden\'s own now',
        '    late-parcel, accept of gpt-4.1-mini by ada "as it should be": it was seen beside the golden of gpt-4o;',
    ]
    lines[-1] += " the next replay asks again"
    head = "1 rejection and 2 approvals of the goldens before went with them:"
    assert " ".join([head, *(line.strip() for line in lines)]) in " ".join(said.split())
    assert max(map(len, said.splitlines()[1:-1])) <= 80
    assert "would go with them" in planned
    assert [("broken-cup", "reject"), ("late-parcel", "accept"), ("late-parcel", "accept")] == [
        (one["case"], one["verdict"]) for one in document["flows"][0]["dropped"]
    ]
    golden = json.loads(replayed.golden("refund", "late-parcel").read_text("utf-8"))
    assert ([], False) == (golden["approved"], "rejected" in golden)
    log = (replayed.root / "fixtures" / "refund" / "decisions.jsonl").read_text("utf-8").splitlines()
    entries = [entry for entry in map(json.loads, log) if entry["verdict"] == "promote"]
    assert {"broken-cup": 1, "late-parcel": 2, "lost.letter": 0} == {
        entry["case"]: len(entry.get("dropped", ())) for entry in entries
    }


def test_tolerations_stay_and_are_counted(replayed: Project) -> None:
    """They stand in the prompt file, which a promotion changes in one word."""
    until = ("--until", "2026-02-01", "--reason", "known", "--reviewer", "ada")
    assert 0 == command("tolerate", "--flow", "refund", "--case", "lost.letter", *until).exit_code
    said = command("promote", "gpt-4.1", "--flow", "refund", *WHY).stdout
    assert "  1 toleration in the prompt file stays, each until its day" in said.splitlines()
    assert "tolerated:" in (replayed.root / "prompts" / "refund.prompt.yml").read_text("utf-8")


def test_what_cannot_be_promoted_is_said(replayed: Project) -> None:
    """A candidate nobody tried, a flow nobody has, a case that was not replayed: one sentence each."""
    assert "has no candidate gpt-9" in command("promote", "gpt-9").stderr
    assert "\nnext: prompt-migrate promote gpt-4.1\n" in command("promote", "gpt-41").stderr
    assert "has no flow refunds" in command("promote", "gpt-4.1", "--flow", "refunds").stderr
    prompt = replayed.root / "prompts" / "refund.prompt.yml"
    prompt.write_text(prompt.read_text("utf-8") + "  - {id: new, inputs: {text: a new case}}\n", "utf-8")
    assert "no answer to 1 of 4 cases, new among them" in command("promote", "gpt-4.1", *WHY).stdout


def test_the_run_that_has_the_flow_is_named(replayed: Project) -> None:
    """After a run of other flows alone, the one before it is what is promoted: the command says so."""
    before = json.loads(command("compare", "--json").stdout)["run"]["id"]
    replayed.run("--model", "gpt-4.1", "-k", "notes")
    done = command("promote", "gpt-4.1", "--flow", "refund")
    assert 2 == done.exit_code
    assert f"has no flow refund: run {before} has it" in done.stderr
    assert f"next: prompt-migrate promote gpt-4.1 --flow refund --run {before}" in done.stderr.splitlines()


CARE = """\
name: care
steps:
  - step: answer
    model: gpt-4o
    messages: [{role: user, content: "{{ question }}"}]
cases:
  - {id: one, inputs: {question: my parcel is late}}
"""


def test_a_flow_of_one_step_is_refused_by_the_name_of_its_step(replayed: Project) -> None:
    """One step is no chain to whoever wrote it: the refusal names what has the model."""
    replayed.write(care=CARE)
    replayed.run("-q", "--golden=new")
    replayed.run("-q", "--model", "gpt-4.1", "-k", "care")
    done = command("promote", "gpt-4.1", "--flow", "care")
    assert "care: refused: it is asked in steps (answer): give each its new model in the prompt file" in flat(
        done.stdout
    )
