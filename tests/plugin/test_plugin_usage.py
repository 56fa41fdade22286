"""What cannot be carried out is refused before anything is collected: one clear sentence, exit code 4, no traceback."""

from __future__ import annotations

import pytest
from small_project import CALL_ID, Project

USUAL = ["--model", "gpt-4.1"]
REFUSED = {
    "unknown variant": (
        ["--model", "gpt-4.1@polite"],
        'no flow has a prompt variant "polite" (variants here: terse)',
    ),
    "no candidate": (["--model", ""], 'candidate "": a part is empty'),
    "two models in one value": (["--model", "gpt-4.1,gpt-4o"], "several models in one value: repeat the option"),
    "no key": ([*USUAL, "--migrate-provider", "openai"], "the environment variable OPENAI_API_KEY is not set"),
    "unknown provider": ([*USUAL, "--migrate-provider", "opnai"], 'did you mean "openai"?'),
    "provider without an address": ([*USUAL, "--migrate-provider", "azure"], 'there is no provider "azure"'),
    "retired candidate": (
        ["--model", "gpt-4.1-nano", "--migrate-provider", "simulated", "--migrate-as-of", "2026-11-22"],
        "gpt-4.1-nano left the API on 2026-10-23 (judged as of 2026-11-22): it cannot answer",
    ),
    "retired baseline": (
        ["--golden=new", "--migrate-provider", "simulated", "--migrate-as-of", "2027-01-14"],
        "left the API on 2027-01-14",
    ),
    "recording a candidate": (["--golden=new", *USUAL], "one of them at a time"),
    "recording offline": (["--golden=new", "--migrate-offline"], "one of them at a time"),
    "fresh and offline": ([*USUAL, "--migrate-fresh", "--migrate-offline"], "one of them at a time"),
    "gate misspelt": ([*USUAL, "--fail-on", "breeking"], 'did you mean "breaking"?'),
    "gate without a limit": ([*USUAL, "--fail-on", "cost"], "cost:+10%"),
    "no gate": ([*USUAL, "--fail-on", ","], "--fail-on names no gate"),
    "gate twice": ([*USUAL, "--fail-on", "cost:+1%,cost:+2%"], '--fail-on names "cost" twice'),
    "no sample": ([*USUAL, "--samples", "0"], "must be a whole number between 1 and 1000"),
    "less than no sample": ([*USUAL, "--samples=-1"], "must be a whole number between 1 and 1000"),
    "no sample of a golden": (["--golden=rewrite", "--samples", "0"], "must be a whole number between 1 and 1000"),
    "no date": ([*USUAL, "--migrate-as-of", "soon"], "must be a date such as 2026-01-15"),
    "no concurrency": ([*USUAL, "--migrate-concurrency", "0"], "must be a whole number between 1 and 10000"),
}


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_refused_in_a_sentence(project: Project, arguments: list[str], sentence: str) -> None:
    """Nothing is collected, asked or written; the message stands alone on standard error."""
    project.guard()
    before = project.files(".")

    result = project.run(*arguments)

    refused(result)
    assert sentence in result.stderr.str()
    assert "" == project.reached_out()
    made = {name for name in project.files(".") if ".pyc" not in name} - before.keys()
    assert {"pytest.ini"} >= made


def refused(result: pytest.RunResult) -> None:
    """Hold a refusal to its form: exit code 4, one message of at most three lines, no traceback."""
    said = [line for line in result.errlines if line.strip()]
    assert 4 == result.ret
    assert said[0].startswith("ERROR: ")
    assert len(said) <= 3
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert "collected" not in result.stdout.str()


def test_a_retired_model_is_judged_by_the_given_day(project: Project) -> None:
    """The same model that is refused as of today is accepted as of a day on which it was served."""
    arguments = ["--co", "-q", "--model", "gpt-4.1-nano", "--migrate-provider", "simulated"]

    today = project.run(*arguments, "--migrate-as-of", "2026-11-22")
    then = project.run(*arguments, "--migrate-as-of", "2026-01-15")

    assert (4, 0) == (today.ret, then.ret)
    today.stderr.fnmatch_lines("goldens and recordings of it still work: --migrate-offline")


def test_a_retired_model_can_be_judged_again_from_recordings(project: Project) -> None:
    """What was recorded while a model was served stays usable offline, on any day."""
    project.run("-q", "--model", "gpt-4.1-nano", CALL_ID).assert_outcomes(passed=1)
    project.configure(provider="simulated")

    offline = ["--migrate-offline", "--migrate-as-of", "2026-11-22"]
    project.run("-q", "--model", "gpt-4.1-nano", CALL_ID, *offline).assert_outcomes(passed=1)


def test_a_broken_inventory_is_told_all_at_once(project: Project) -> None:
    """Every problem of every prompt file is listed with file, line and a guess; nothing is collected."""
    project.write(
        refund="model: gpt-4o\nmodelParameters: {temprature: 0}\nmessages: [{role: user, content: '{{ text }}'}]\n",
        notes="model: gpt-4o\nmessages: []\ncases: cases/nowhere.jsonl\n",
    )

    result = project.run("--model", "gpt-4.1")

    assert 4 == result.ret
    said = result.stderr.str()
    for words in (
        "problems in the inventory:",
        "prompts/refund.prompt.yml:2",
        'did you mean "temperature"?',
        "prompts/notes.prompt.yml:2",
        "nowhere.jsonl",
        "next: prompt-migrate validate",
    ):
        assert words in said
    assert "Traceback" not in said
    assert "collected" not in result.stdout.str()


def test_a_template_that_cannot_be_rendered_is_an_error_of_its_case(project: Project) -> None:
    """A case without one of the prompt's variables is told before the run, or is an error of its own, never a pass."""
    project.write(notes="model: gpt-4o-mini\nmessages: [{role: user, content: '{{ nothing }}'}]\ncases: [{id: a}]\n")

    result = project.run("-q", "--model", "gpt-4.1")

    assert 0 != result.ret
    assert "nothing" in result.stderr.str() + result.stdout.str()
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_broken_configuration_is_told_all_at_once(project: Project) -> None:
    """Every unknown or wrong setting is named with its line, and no secret is repeated."""
    project.configure('[providers.other]\napi_key = "sk-secret"\n', samples="many", concurency=3)

    result = project.run("--model", "gpt-4.1")

    assert 4 == result.ret
    for words in ('"samples"', 'did you mean "concurrency"?', "prompt-migrate.toml:", "api_key_env"):
        assert words in result.stderr.str()
    assert "sk-secret" not in result.stderr.str()


def test_no_prompts_folder_is_told(project: Project) -> None:
    """Without an inventory `--model` has nothing to replay: it says so, and what makes one."""
    (project.root / "prompts").rename(project.root / "elsewhere")

    result = project.run("--model", "gpt-4.1")

    assert 0 != result.ret
    assert "prompts" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_refusals_hold_under_workers(project: Project) -> None:
    """With `-n 2` the refusal comes from the controller alone, once, before a worker is started."""
    result = project.run("--model", "gpt-4.1@polite", "-n", "2")

    refused(result)
    assert 1 == result.stderr.str().count("no flow has a prompt variant")
