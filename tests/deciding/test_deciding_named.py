"""What a reviewer named, in which run, and until when: slips are told, and the last word on a place counts."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from deciding_commands import MODEL, command, compared, decide, flat, group, log, statuses
from scripted_server import error
from small_project import LATE, Project

from migrate.wiring import open_world
from migrate.wiring.deciding import decided_before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--group", "GROUP", "--except", "late-parcell"),
            'did you mean "late-parcel"? there are: broken-cup, late-parcel',
        ),
        (("--group", "GROUP", "--except", "lost.letter"), "there are: broken-cup, late-parcel"),
        (("--group", "G0000000"), "has no such group; nothing was written"),
        (("--case", "late-parcell"), 'did you mean "late-parcel"? there are: broken-cup, '),
        (("--case", "call-back", "--flow", "refund"), "there are: broken-cup, late-parcel, lost.letter"),
        (("--path", "$.amunt"), 'did you mean "$.amount"? there are: $, $.amount'),
        (("--case", "late-parcel", "--candidate", "gpt-5"), "there are: gpt-4.1"),
    ],
)
def test_a_name_that_is_not_there_decides_nothing(replayed: Project, words: tuple[str, ...], said: str) -> None:
    """A slip in any of the names is told with those there are: least of all are all cases taken for all but one."""
    before, amounts = replayed.files("fixtures"), group("$.amount value changed")
    done = command("accept", *(amounts if word == "GROUP" else word for word in words))
    assert (2, True) == (done.exit_code, said in done.stderr), done.stderr
    assert before == replayed.files("fixtures")


def test_a_reason_given_again_is_said_to_be_dropped(replayed: Project) -> None:
    """What was written first stands; without a reason there is nothing to say of one."""
    command("accept", "--case", "late-parcel", "--reason", "first")
    assert (
        "decided before: 1 decision on 1 case; what was written then stands, and the reason given now is not kept"
        in flat(command("accept", "--case", "late-parcel", "--reason", "second").stdout)
    )
    assert "decided before: 1 decision on 1 case\n" == command("accept", "--case", "late-parcel").stdout


def test_the_run_that_counts_a_decision_is_named(replayed: Project) -> None:
    """After a decision: how to commit it, and how to see it count. `compare` says how many were taken since its run."""
    assert "a run counts them" not in command("compare").stdout
    said = command("accept", "--group", group("$.amount value changed")).stdout.splitlines()
    assert "the run that counts them, then: pytest --model gpt-4.1" == said[-1]
    assert "2 decisions on 2 cases since: a run counts them: pytest --model gpt-4.1\n" in command("compare").stdout
    command("review", "--undo")
    assert "a run counts them" not in command("compare").stdout


def test_what_only_an_earlier_run_has_open_is_decided_there(replayed: Project) -> None:
    """After a replay of one case the others are still open: the earlier run is named, with the whole command."""
    whole = compared()["run"]["id"]
    amounts = group("$.amount value changed")
    replayed.run("-q", "--model", "gpt-4.1", "-k", "call-back")

    done = command("accept", "--group", amounts, "--except", "broken-cup", "--reason", "rounded up")

    assert 2 == done.exit_code
    typed = f"prompt-migrate accept --run {whole} --group {amounts} --reason 'rounded up' --except broken-cup"
    assert f"next: {typed}\n" in done.stderr
    assert 0 == command(*shlex.split(typed)[1:]).exit_code
    assert ["late-parcel"] == [entry["case"] for entry in log(replayed, "refund")]


def test_a_run_without_answers_leaves_those_before_to_be_decided_on(replayed: Project) -> None:
    """The provider refused every call: the run before is named, and what is decided there holds."""
    whole = compared()["run"]["id"]
    replayed.say("gpt-4.1", {LATE: error(400, "bad_request")})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh", "-k", "late-parcel")
    done = command("accept", "--case", "late-parcel")
    assert (2, True) == (done.exit_code, f"next: prompt-migrate accept --run {whole} --case late-parcel" in done.stderr)
    assert (
        "accepted: 1 decision on 1 case (gpt-4.1)" in command("accept", "--run", whole, "--case", "late-parcel").stdout
    )


def test_what_was_judged_since_is_not_open_in_an_earlier_run(replayed: Project) -> None:
    """The newest answers to the case are within the noise: nothing of it is open anywhere."""
    replayed.say("gpt-4.1", {LATE: '{"label": "late", "amount": 3}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh", "-k", "late-parcel")
    done = command("accept", "--case", "late-parcel")
    assert (2, True) == (done.exit_code, "next: prompt-migrate compare --run" in done.stderr)


@pytest.mark.parametrize("verdict", ["accept", "tolerate"])
def test_what_git_took_back_is_open_again_though_a_newer_run_counted_it(replayed: Project, verdict: str) -> None:
    """Decided, counted by a run, then `git checkout`: it can be decided on again, in both runs."""
    whole = compared()["run"]["id"]
    bounds = ("--until", "2026-02-01", "--reason", "known") if verdict == "tolerate" else ()
    words = ("--flow", "refund", "--case", "late-parcel")
    before = replayed.files("fixtures") | replayed.files("prompts")
    decide(verdict, *words, *bounds)
    replayed.run(*MODEL)
    assert 2 == command(verdict, *words, *bounds).exit_code
    for name in replayed.files("fixtures").keys() - before.keys():
        (replayed.root / name).unlink()
    for name, content in before.items():
        (replayed.root / name).write_bytes(content)
    assert {"late-parcel": "written"} == statuses(
        decide("reject", "--run", whole, *words, "--reason", "no", "--dry-run")
    )
    assert {"late-parcel": "written"} == statuses(decide(verdict, "--run", whole, *words, *bounds, "--dry-run"))
    if verdict == "accept":
        assert {"late-parcel": "written"} == statuses(decide(verdict, *words))


def test_an_approval_is_said_to_be_of_the_answer_whoever_gives_it(replayed: Project) -> None:
    """Accepted for one model, it holds for another that answers the same: said where it is decided and explained."""
    said = "an approval is of the answer: it holds for every candidate that gives it"
    assert said in flat(command("accept", "--case", "late-parcel").stdout)
    assert said not in flat(command("reject", "--case", "call-back", "--reason", "no").stdout)
    assert "holds for every candidate that gives it" in flat(command("accept", "--help").stdout)
    for word in ("accepted", "approved"):
        assert "whichever candidate gives it" in flat(command("compare", "--explain", word).stdout)


@pytest.mark.parametrize("verb", ["compare", "report", "review"])
def test_a_newest_replay_of_fewer_cases_is_said_to_be_one(replayed: Project, verb: str) -> None:
    """Shown without `--run` after `-k`: how many cases it judged, and the fuller run before it; named, nothing."""
    whole = compared()["run"]["id"]
    assert "note:" not in command(verb).stderr
    replayed.run("-q", "--model", "gpt-4.1", "-k", "call-back")
    part = compared()["run"]["id"]
    said = command(verb).stderr
    assert f"note: run {part} judged 1 case, run {whole} before it 5 cases note:" in " ".join(said.split())
    assert f"note: that one: prompt-migrate {verb} --run {whole}\n" in said
    assert "note:" not in command(verb, "--run", part).stderr


def test_of_several_candidates_comparisons_are_counted(replayed: Project) -> None:
    """After `--lf` one candidate may have more of them than another: no number of cases is the right one."""
    models = ("-q", "--model", "gpt-4.1", "--model", "gpt-4.1-mini")
    replayed.run(*models)
    whole = compared()["run"]["id"]
    replayed.run(*models, "-k", "lost.letter and not mini")
    part = compared()["run"]["id"]
    said = " ".join(command("compare").stderr.split())
    assert f"note: run {part} judged 1 comparison, run {whole} before it 10 comparisons" in said


# --- Until a day ---------------------------------------------------------------------------------------------------


def tolerated(project: Project) -> list[dict[str, Any]]:
    text = (project.root / "prompts" / "refund.prompt.yml").read_text("utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text).get("tolerated", [])
    return found


def test_a_day_that_is_over_tolerates_nothing(replayed: Project) -> None:
    """Over by the day that runs are judged as of: refused. Over by the calendar alone: written, with a word on it."""
    before = replayed.files("prompts") | replayed.files("fixtures")
    words = ("tolerate", "--case", "lost.letter", "--reason", "known", "--until")
    done = command(*words, "2026-01-14")
    assert (1, True) == (done.exit_code, "2026-01-14 is over: runs are judged as of 2026-01-15" in flat(done.stdout))
    assert before == replayed.files("prompts") | replayed.files("fixtures")
    done = command(*words, "2026-01-15")
    assert (0, True) == (done.exit_code, "note: 2026-01-15 is over by the calendar" in done.stderr)
    assert 80 >= max(len(line) for line in done.stderr.splitlines())
    assert "note:" not in command(*words, "2999-01-15").stderr


def test_a_second_toleration_takes_the_place_of_the_first(replayed: Project) -> None:
    """Of the same case, path and kind the last word counts, also a shorter one; undo brings the first one back."""
    words = ("--case", "lost.letter", "--reason", "known")
    decide("tolerate", *words, "--until", "2026-03-01")
    first = replayed.files("prompts")
    decide("tolerate", *words, "--until", "2026-02-01")
    assert ["2026-02-01"] == [one["expires"] for one in tolerated(replayed)]
    assert 0 == command("review", "--undo").exit_code
    assert first == replayed.files("prompts")


def test_an_entry_in_other_words_is_left_to_its_writer(replayed: Project) -> None:
    """A toleration that somebody put in other words is not taken out: the new one is refused, and says what to do."""
    decide("tolerate", "--case", "lost.letter", "--reason", "known", "--until", "2026-03-01")
    path = replayed.root / "prompts" / "refund.prompt.yml"
    path.write_text(path.read_text("utf-8").replace('reason: "known"', "reason: known  # by Bob"), "utf-8")
    found = decide("tolerate", "--case", "lost.letter", "--reason", "known", "--until", "2026-02-01", code=1)
    assert "is not there any more as it was written: change it by hand" in found["decisions"][0]["why"]
    assert ["2026-03-01"] == [one["expires"] for one in tolerated(replayed)]


def test_what_was_tolerated_until_yesterday_is_named(replayed: Project) -> None:
    """`validate` and `doctor` name the entry, and the failing case says until when it was let pass."""
    decide("tolerate", "--case", "lost.letter", "--reason", "known", "--until", "2026-02-01")
    assert "was tolerated" not in command("validate").stdout + command("doctor").stdout
    config = replayed.root / "prompt-migrate.toml"
    config.write_text(config.read_text("utf-8").replace("2026-01-15", "2026-02-02"), "utf-8")
    said = "fenced_json at $ was tolerated until 2026-02-01 (known)"
    done = command("validate")
    assert (0, True) == (done.exit_code, said in done.stdout)
    assert any(said in line for line in json.loads(command("validate", "--json").stdout)["lapsed"])
    assert said in command("doctor").stdout
    replayed.run(*MODEL).stdout.fnmatch_lines("*why: the toleration ended on 2026-02-01: known*")


def test_a_toleration_of_fewer_samples_than_show_the_change_is_told_at_once(replayed: Project) -> None:
    """Two samples are fenced and one may be: the command says so, with the number to give; so do run and review."""
    words = ("tolerate", "--case", "lost.letter", "--reason", "known", "--until", "2026-02-01")
    said = "tolerated in at most 1 sample, seen in 2: the next run still fails; --at-most 2 lets it pass"
    assert said in decide(*words, "--at-most", "1", "--dry-run")["decisions"][0]["why"]
    done = command(*words, "--at-most", "1")
    assert 0 == done.exit_code
    assert f"warning: refund/lost.letter against gpt-4.1: {said}" in flat(done.stdout)
    run = replayed.run(*MODEL)
    run.stdout.fnmatch_lines("*why: tolerated in at most 1 sample until 2026-02-01, seen in 2: known*")
    listed = flat(command("review").stdout)
    assert "(1 case, in at most 1 sample of each, seen in 2: it still fails): known" in listed
    done = command(*words, "--at-most", "2")
    assert "warning" not in done.stdout
    assert "which the next run counts" in flat(command("review").stdout)


def test_what_was_said_of_a_group_is_wrapped_and_not_cut(replayed: Project) -> None:
    """A long reason is read whole, on lines that fit; commands alone may be wider."""
    reason = "the warehouse asked for it in the spring and " * 4 + "nobody minds"
    assert 0 == command("reject", "--case", "lost.letter", "--reason", reason).exit_code
    listed = command("review").stdout
    assert f": {reason}" in flat(listed)
    assert all(len(line) <= 80 for line in listed.splitlines() if not line.startswith("  prompt-migrate "))


def test_a_report_is_given_what_stood_before_its_run_and_stands(replayed: Project) -> None:
    """An approval, a rejection and a toleration are there with their terms; what was taken back or replaced is not."""
    command("accept", "--flow", "refund", "--case", "late-parcel", "--reviewer", "ada")
    command("reject", "--flow", "refund", "--case", "broken-cup", "--reason", "no", "--reviewer", "bob")
    command("tolerate", "--case", "lost.letter", "--reason", "known", "--until", "2026-02-01", "--reviewer", "ada")
    command("reject", "--flow", "notes", "--case", "call-back", "--reason", "no")
    command("review", "--undo", "--flow", "notes")
    assert [] == before_the_run()
    replayed.run(*MODEL)
    assert [("late-parcel", "accept"), ("broken-cup", "reject"), ("lost.letter", "tolerate")] == before_the_run()
    command("accept", "--flow", "refund", "--case", "broken-cup")
    assert ("broken-cup", "reject") not in before_the_run()


def before_the_run() -> list[tuple[str, str]]:
    world = open_world(Path.cwd(), os.environ, {})
    try:
        run = world.ledger.run(None)
        flows = {flow.name: flow for flow in world.readable().flows}
        found = decided_before(world.settings, run, flows, world.goldens, flows)
        return [(one.case, one.verdict) for one in found]
    finally:
        world.close()


def test_the_run_that_counts_a_decision_asks_all_candidates_again(replayed: Project) -> None:
    """Decided was on one of two candidates: a next run of that one alone would lack the other."""
    replayed.run("-q", "--model", "gpt-4.1", "--model", "gpt-4.1-mini")
    said = command("accept", "--case", "late-parcel", "--candidate", "gpt-4.1").stdout
    assert "the run that counts them, then: pytest --model gpt-4.1 --model gpt-4.1-mini" in flat(said)
