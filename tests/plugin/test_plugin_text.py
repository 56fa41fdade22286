"""What is printed: short, inert, within the terminal, and quiet when asked to be."""

from __future__ import annotations

import json
import re

import pytest
from scripted_server import answer, error, ok
from small_project import BROKEN, CALL, CALL_ID, LATE, LATE_ID, LOST, MILK, Project

HOSTILE = "\x1b[31mred\x1b[0m\r\n::error file=x::owned\n##vso[task.complete]\n\x1b]0;title\x07\u202e\u2028::error::x"
WRONG = '{"label": "late", "amount": "3"}'


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines under each `=== title ===` and `___ title ___` of pytest's output."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in text.split("\n"):
        heading = re.fullmatch(r"[=_]{3,} (.+?) [=_]{3,}", line)
        if heading:
            title = heading[1]
        else:
            found.setdefault(title, []).append(line)
    return found


def test_a_failure_is_told_in_fifteen_lines(project: Project) -> None:
    """However much is wrong, a failed case says what, where, before, after, why and next in at most 15 lines."""
    fields = {f"extra_{number}": "x" * 500 for number in range(40)}
    project.say("gpt-4.1", {LATE: json.dumps({"label": "nope", "amount": "3", **fields})})

    result = project.run("--model", "gpt-4.1", LATE_ID)

    lines = [line for line in sections(result.stdout.str())["refund / late-parcel[gpt-4.1]"] if line]
    assert lines[0].startswith("  breaking: $.amount wrong type: refund / late-parcel against gpt-4.1")
    assert lines[2].startswith("  at prompts/refund.prompt.yml:18")
    assert "  next: mend the prompt, then pytest --model gpt-4.1 -k 'refund and late-parcel'" == lines[-1]
    assert 4 <= len(lines) <= 15
    assert max(map(len, lines)) <= 80
    assert all(line.startswith("  ") for line in lines)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_what_a_model_says_is_never_obeyed(project: Project, workers: list[str]) -> None:
    """Control sequences and CI log commands in answers, refusals and complaints are drawn, and never start a line."""
    project.say(
        "gpt-4.1",
        {
            LATE: json.dumps({"label": HOSTILE, "amount": HOSTILE}),
            BROKEN: ok(answer(None, model="gpt-4.1", refusal=HOSTILE)),
            LOST: error(400, message=HOSTILE),
            CALL: HOSTILE,
            MILK: ok(answer("x", model=HOSTILE)),
        },
    )

    result = project.run("--model", "gpt-4.1", "-vv", "-rA", "--junitxml=junit.xml", "--color=no", *workers)

    text = result.stdout.str() + result.stderr.str()
    assert 1 == result.ret
    assert [] == [char for char in "\x1b\r\x07\u202e\u2028" if char in text]
    lines = text.split("\n")
    assert [] == [line for line in lines if line.startswith(("::", "##")) or "##vso[" in line]
    assert [] == [line for line in lines if line.lstrip().startswith("::")]
    assert "<U+001B>" in text
    junit = (project.root / "junit.xml").read_text("utf-8")
    assert [] == [char for char in "\x1b\x07\u202e\u2028" if char in junit]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_half_a_character_does_not_turn_red_into_green(project: Project, workers: list[str]) -> None:
    """Lone surrogates in answers, which no report can carry, end like any other answer: same verdicts, exit code 1."""
    cut = '{"label": "\\ud83d", "amount": "\\udc00"}'
    project.say("gpt-4.1", {LATE: cut, BROKEN: f"{cut} and more", CALL: "Call \\ud83d Ann."})
    project.say("gpt-4.1", {MILK: ok(answer("Buy \ud83d milk.", model="gpt-4.1"))})

    result = project.run("--model", "gpt-4.1", "-rA", *workers)

    result.assert_outcomes(failed=2, passed=3)
    assert 1 == result.ret
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert {"breaking": 2, "drift": 2, "same": 1} == counted(project)


def counted(project: Project) -> dict[str, int]:
    """Return the verdicts of the newest run over all flows."""
    totals: dict[str, int] = {}
    for flow in project.compared()["flows"]:
        for verdict, count in flow["verdicts"].items():
            totals[verdict] = totals.get(verdict, 0) + count
    return {verdict: count for verdict, count in totals.items() if count}


def test_the_header_says_what_the_run_is(project: Project) -> None:
    """Within eighty cells: models, size, run; where the answers come from and the day retirement is judged by."""
    result = project.run("--co", "--model", "gpt-4.1")

    result.stdout.fnmatch_lines(
        [
            "prompt-migrate: gpt-4o, gpt-4o-mini -> gpt-4.1 * 2 flows / 5 cases",
            "  run *",
            "prompt-migrate: scripted * judged as of 2026-01-15 (pinned)",
        ]
    )
    assert "prompt-migrate:" not in project.run("--co", "-q", "--model", "gpt-4.1").stdout.str()


@pytest.mark.parametrize("columns", ["80", "60", "200"])
def test_the_summary_keeps_within_the_terminal(project: Project, columns: str) -> None:
    """No line of the summary is wider than the terminal, or than 120 columns, and none but colours is added to it."""
    project.say("gpt-4.1-mini", {LATE: WRONG, BROKEN: '{"label": "broken", "amount": 50}', LOST: error(400)})
    project.environ["COLUMNS"] = columns

    result = project.run("--model", "gpt-4.1", "--model", "gpt-4.1-mini", "--fail-on", "breaking,drift,cost:+1%")

    [summary] = [lines for title, lines in sections(result.stdout.str()).items() if title.startswith("prompt-migrate:")]
    said = [line for line in summary if line and not line.startswith("next: ")]
    assert 1 == result.ret
    assert max(map(len, said)) <= min(int(columns), 120)
    assert any(line.startswith("gate closed: ") for line in said)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_flow_case_and_first_finding_of_every_failed_case_stand_in_the_summary(
    project: Project, workers: list[str]
) -> None:
    """pytest's own line has no room for them at eighty columns; equal findings are told once, and faults too."""
    project.say("gpt-4.1", {LATE: WRONG, BROKEN: WRONG.replace("late", "broken"), CALL: error(400)})

    result = project.run("--model", "gpt-4.1", *workers)

    (section,) = (lines for title, lines in sections(result.stdout.str()).items() if "prompt-migrate: run" in title)
    assert "failed, by what was found first:" == section[0]
    assert "  notes: no reply, bad_request: call-back" in section
    (told,) = (line for line in section if line.startswith("  refund: breaking: $.amount wrong type: "))
    assert {"late-parcel", "broken-cup"} == {*told.rpartition(": ")[2].split(", ")}


def test_every_closed_gate_is_told(project: Project) -> None:
    """However many: the flow that is left out would be the one that somebody looks for."""
    broken = {LATE: WRONG, BROKEN: '{"label": "broken", "amount": 50}', LOST: error(400)}
    project.say("gpt-4.1", broken)
    project.say("gpt-4.1-mini", broken)

    result = project.run("--model", "gpt-4.1", "--model", "gpt-4.1-mini", "--fail-on", "breaking,drift")

    told = [line for line in result.outlines if line.startswith("gate closed: ")]
    assert 4 == sum("breaking" in line or "drifting" in line for line in told)
    assert not any(line.endswith(" more") for line in told)


def test_an_unsafe_flow_that_closes_no_gate_is_told(project: Project) -> None:
    """Every answer means something else and keeps the contract: pytest ends with 0, and says what would not let it."""
    prompt = project.root / "prompts" / "refund.prompt.yml"
    prompt.write_text(f"critical: low\n{prompt.read_text('utf-8')}", encoding="utf-8")
    other = '{"label": "broken", "amount": 77}'
    project.say("gpt-4.1", {LATE: other, BROKEN: other, LOST: other})

    result = project.run("--model", "gpt-4.1", "-k", "refund")

    said = " ".join(" ".join(result.outlines).split())
    assert (
        "gate open: refund against gpt-4.1 is unsafe: 3 of 3 cases drifting; --fail-on breaking,drift would close"
        in said
    )
    assert (0, "gate closed: " in said) == (result.ret, False)


def test_quiet_runs_are_quiet(project: Project) -> None:
    """`-q` keeps the summary; `-qq` and `--no-summary` leave it out, but a closed gate is told all the same."""
    project.say("gpt-4.1", {BROKEN: '{"label": "broken", "amount": 50}'})
    arguments = ["--model", "gpt-4.1", "--fail-on", "drift"]

    quiet = project.run("-q", *arguments)
    quieter = project.run("-qq", *arguments)
    unsummed = project.run("--no-summary", *arguments)

    reason = "gate closed: refund against gpt-4.1: 1 of 3 cases drifting"
    assert [1, 1, 1] == [run.ret for run in (quiet, quieter, unsummed)]
    assert [True, False, False] == ["of equal changes" in run.stdout.str() for run in (quiet, quieter, unsummed)]
    assert [1, 1, 1] == [run.stdout.str().count(reason) for run in (quiet, quieter, unsummed)]


def test_colours_are_pytests_own_choice(project: Project) -> None:
    """No colour without a terminal or with NO_COLOR; `--color=yes` colours the summary like everything else."""
    project.say("gpt-4.1", {LATE: WRONG})

    plain = project.run("--model", "gpt-4.1", LATE_ID)
    coloured = project.run("--model", "gpt-4.1", LATE_ID, "--color=yes")
    project.environ["NO_COLOR"] = "1"
    refused = project.run("--model", "gpt-4.1", LATE_ID)

    assert [False, True, False] == ["\x1b[" in run.stdout.str() for run in (plain, coloured, refused)]
    assert "\x1b[31m" in coloured.stdout.str().split("prompt-migrate: run")[1]


def test_the_short_summary_names_the_item(project: Project) -> None:
    """The lines of `-ra` hold the full id, ready for the next command, and nothing a model wrote."""
    project.say("gpt-4.1", {LATE: "::error::I am the first line\nsecond", CALL: error(400, message="::error::no")})

    result = project.run("--model", "gpt-4.1", LATE_ID, CALL_ID, "-ra")

    result.stdout.fnmatch_lines([f"ERROR {CALL_ID}[[]gpt-4.1[]]*", f"FAILED {LATE_ID}[[]gpt-4.1[]]*"])
    assert "I am the first line" not in "".join(sections(result.stdout.str())["short test summary info"])


def test_the_next_command_can_be_typed(project: Project) -> None:
    """The command at the end of a failed run selects the cases that failed."""
    project.say("gpt-4.1", {LATE: WRONG})
    result = project.run("--model", "gpt-4.1")
    [at] = [at for at, line in enumerate(result.outlines) if line.startswith("next: ")]
    command = result.outlines[at + 1]

    words = command.split("pytest ")[1].split()
    again = project.run("-q", *words)

    assert ["--model", "gpt-4.1", "--lf"] == words
    again.assert_outcomes(failed=1)


def test_a_mistyped_model_is_guessed_and_not_repeated(project: Project) -> None:
    """Its provider has no such model: one line says which was meant, and no next command has the slip."""
    why = (
        "The model does not exist, or the key that was used has no access to it, which the account's owner can look up"
    )
    project.say("gpt-4.1-mni", dict.fromkeys((LATE, BROKEN, LOST), error(404, "model_not_found", why)))

    result = project.run("--model", "gpt-4.1-mni", "-k", "refund")

    text = result.stdout.str()
    assert "unknown model gpt-4.1-mni: did you mean gpt-4.1-mini?" in result.outlines
    following = [line.strip() for line in result.outlines if line.strip().startswith("next: ")]
    assert {"next: pytest --model gpt-4.1-mini"} == set(following)
    assert "more cases" not in text
    assert "can look up" in " ".join(text.split()), "the reason was cut"
