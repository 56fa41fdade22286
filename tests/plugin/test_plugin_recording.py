"""Recording goldens: only what was asked for is written, and nothing that would be half a golden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted_server import error
from small_project import BROKEN, CALL, CALL_ID, LATE, LATE_ID, LOST, MILK, Project, verdicts, write

OTHER = '{"label": "late", "amount": 4}'


def test_recording_writes_one_file_a_case_and_the_measurements(fresh: Project) -> None:
    """`--golden=new` leaves a golden a case and one `measurements.json` a flow; a second run asks nothing."""
    first = fresh.run("-v", "--golden=new")
    files = fresh.files("fixtures")
    second = fresh.run("-v", "--golden=new")

    first.assert_outcomes(passed=5)
    assert [f"{LATE_ID}[gpt-4o]", f"{CALL_ID}[gpt-4o-mini]"] == [
        node for node in sorted(verdicts(first), reverse=True) if "late" in node or "call" in node
    ]
    assert {
        "fixtures/notes/buy-milk.json",
        "fixtures/notes/call-back.json",
        "fixtures/notes/measurements.json",
        "fixtures/refund/broken-cup.json",
        "fixtures/refund/late-parcel.json",
        "fixtures/refund/lost.letter.json",
        "fixtures/refund/measurements.json",
    } == files.keys()
    second.assert_outcomes(passed=5)
    assert 0 == second.ret
    assert files == fresh.files("fixtures")
    assert 10 == fresh.models.calls
    second.stdout.fnmatch_lines(["*5 planned = 5 skipped:golden is there*"])


def test_only_missing_goldens_are_recorded(project: Project) -> None:
    """`--golden=new` after a case was added asks for that case alone and leaves every other file alone."""
    before = project.files("fixtures")
    project.golden("refund", "late-parcel").unlink()
    project.say("gpt-4o", dict.fromkeys([LATE, BROKEN, LOST], OTHER))

    project.run("-q", "--golden=new").assert_outcomes(passed=5)

    after = project.files("fixtures")
    changed = {name for name in after if after[name] != before.get(name)}
    assert {LATE: 2} == project.models.asked("gpt-4o")
    assert {"fixtures/refund/late-parcel.json", "fixtures/refund/measurements.json"} == changed


def test_rewriting_touches_only_the_selection(project: Project) -> None:
    """`--golden=rewrite -k` records the chosen cases anew; the measurements of the others stay."""
    before = project.files("fixtures")
    project.say("gpt-4o", dict.fromkeys([LATE, BROKEN, LOST], OTHER))

    result = project.run("-q", "--golden=rewrite", "-k", "late-parcel")

    result.assert_outcomes(passed=1, deselected=4)
    after = project.files("fixtures")
    assert before.keys() == after.keys()
    assert {"fixtures/refund/late-parcel.json", "fixtures/refund/measurements.json"} == {
        name for name in after if after[name] != before[name]
    }
    rows = [json.loads(files["fixtures/refund/measurements.json"])["rows"] for files in (before, after)]
    others = [[row for row in some if row["case"] != "late-parcel"] for some in rows]
    assert others[0] == others[1]


def test_equal_content_leaves_the_bytes_alone(project: Project) -> None:
    """A re-record with the same answers does not touch a golden: only the measurements know of it."""
    golden = project.golden("refund", "late-parcel")
    before = golden.stat().st_mtime_ns, golden.read_bytes()

    project.run("-q", "--golden=rewrite", "-k", "late-parcel").assert_outcomes(passed=1, deselected=4)

    assert before == (golden.stat().st_mtime_ns, golden.read_bytes())
    assert {LATE: 2} == project.models.asked("gpt-4o")


def test_a_missing_answer_writes_no_golden(fresh: Project) -> None:
    """K - 1 answers are no golden: the case is an error with the command that tries again, the others are recorded."""
    fresh.say("gpt-4o", {LATE: lambda call: error(400, message="broken today") if call == 2 else OTHER})

    failed = fresh.run("-v", "--golden=new", "prompts/refund.prompt.yml")
    again = fresh.run("-q", "--golden=new", "--lf", "prompts/refund.prompt.yml")

    failed.assert_outcomes(passed=2, errors=1)
    assert 1 == failed.ret
    failed.stdout.fnmatch_lines(["*no reply: refund / late-parcel against gpt-4o*", "*broken today*"])
    failed.stdout.fnmatch_lines(["*next: pytest --golden=new --lf"])
    again.assert_outcomes(passed=1)
    assert 0 == again.ret
    assert {"late-parcel.json", "broken-cup.json", "lost.letter.json", "measurements.json"} == {
        path.name for path in (fresh.root / "fixtures" / "refund").iterdir()
    }


def test_a_failed_rewrite_leaves_the_old_golden(project: Project) -> None:
    """When an answer is missing, golden and measurements stay as they were, byte for byte."""
    before = project.files("fixtures")
    project.say("gpt-4o", {LATE: lambda call: error(400) if call == 2 else OTHER})

    project.run("-q", "--golden=rewrite", "-k", "late-parcel").assert_outcomes(errors=1, deselected=4)

    assert before == project.files("fixtures")


def test_measurements_hold_what_the_ledger_can_be_rebuilt_from(recorded: Path) -> None:
    """Every recorded sample has a row: model asked and served, usage, latency, date, source; no price, no answer."""
    rows = json.loads((recorded / "fixtures" / "refund" / "measurements.json").read_text("utf-8"))["rows"]

    cases = [(row["case"], row["sample"], row["ordinal"]) for row in rows]
    assert [(case, sample, 0) for case in ("broken-cup", "late-parcel", "lost.letter") for sample in (1, 2)] == cases
    for row in rows:
        assert ("gpt-4o", "gpt-4o", "golden", False) == (
            row["asked_model"],
            row["served_model"],
            row["source"],
            row["simulated"],
        )
        assert {"input_tokens": 10, "cached_tokens": 4, "output_tokens": 2, "reasoning_tokens": 0} == row["usage"]
        assert row["timing"]["total_ms"] > 0
        assert row["at"].startswith("20")
        assert row["at"].endswith("Z")
        assert {"cost_usd", "text", "answer"}.isdisjoint(row)


def test_recording_makes_no_recordings(fresh: Project) -> None:
    """Answers recorded as goldens are never replayed: the baseline as a candidate is asked anew, K calls a case."""
    fresh.run("-q", "--golden=new", LATE_ID).assert_outcomes(passed=1)
    fresh.say("gpt-4o", {LATE: OTHER})

    first = fresh.run("-v", "--model", "gpt-4o", LATE_ID)
    second = fresh.run("-v", "--model", "gpt-4o", LATE_ID)

    assert {LATE: 4} == fresh.models.asked("gpt-4o")
    first.stdout.fnmatch_lines("*1 case: 1 drift")
    second.stdout.fnmatch_lines("*1 case: 1 drift")


def test_a_golden_that_no_longer_fits_is_not_kept_silently(project: Project) -> None:
    """`--golden=new` does not overwrite a stale golden, and does not call it fine: the case fails with the command."""
    prompt = project.root / "prompts" / "notes.prompt.yml"
    prompt.write_text(prompt.read_text("utf-8").replace("Note: ", "Please note: "), encoding="utf-8")
    before = project.files("fixtures")

    result = project.run("--golden=new", CALL_ID, LATE_ID)

    result.assert_outcomes(passed=1, failed=1)
    assert 1 == result.ret
    result.stdout.fnmatch_lines(
        [
            "*notes / call-back: stale: messages[[]0[]] changed since it was recorded*",
            "  next: pytest --golden=rewrite -k 'notes and call-back'",
        ]
    )
    assert before == project.files("fixtures")
    assert 0 == project.models.calls


@pytest.mark.parametrize(("how", "samples"), [("option", 3), ("prompt file", 4), ("both", 3), ("configuration", 2)])
def test_the_number_of_samples_is_the_most_explicit_one(fresh: Project, how: str, samples: int) -> None:
    """`--samples` binds every flow, else the prompt file's own number, else the configured one."""
    if how in ("prompt file", "both"):
        prompt = fresh.root / "prompts" / "notes.prompt.yml"
        write(prompt, prompt.read_text("utf-8") + "samples: 4\n")
    option = ["--samples", "3"] if how in ("option", "both") else []

    fresh.run("-q", "--golden=new", CALL_ID, *option).assert_outcomes(passed=1)

    assert {CALL: samples} == fresh.models.asked("gpt-4o-mini")
    golden = json.loads(fresh.golden("notes", "call-back").read_text("utf-8"))
    assert samples == len(golden["samples"])


def test_ci_refuses_to_record(fresh: Project) -> None:
    """Where the environment says CI, `--golden` is refused in one sentence, unless the job says that it is meant."""
    fresh.environ["CI"] = "true"

    refused = fresh.run("-q", "--golden=new", CALL_ID)
    allowed = fresh.run("-q", "--golden=new", CALL_ID, "--migrate-record-in-ci")

    assert 4 == refused.ret
    assert "" == refused.stdout.str().strip()
    refused.stderr.fnmatch_lines("ERROR: recording is off where the environment says CI:*")
    allowed.assert_outcomes(passed=1)
    assert {CALL: 2} == fresh.models.asked("gpt-4o-mini")


def test_recording_under_workers_writes_the_same_goldens(fresh: Project, recorded: Path) -> None:
    """With `-n 2` the goldens have the bytes they have without, and the measurements the same rows but for times."""
    fresh.run("-q", "--golden=new", "-n", "2").assert_outcomes(passed=5)

    goldens = {
        path.relative_to(recorded): path.read_bytes()
        for path in (recorded / "fixtures").rglob("*.json")
        if path.name != "measurements.json"
    }
    assert goldens == {path: (fresh.root / path).read_bytes() for path in goldens}
    rows = json.loads((fresh.root / "fixtures" / "refund" / "measurements.json").read_text("utf-8"))["rows"]
    assert 6 == len(rows)
    assert {MILK: 2, CALL: 2} == fresh.models.asked("gpt-4o-mini")


def test_none_records_nothing(project: Project) -> None:
    """`--golden=none` is the default in words: with `--model` it is a replay, alone it is a bare run."""
    alone = project.run("-q", "--golden=none")
    replay = project.run("-q", "--golden=none", "--model", "gpt-4.1", CALL_ID)

    assert 5 == alone.ret
    replay.assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [["--golden=new"], ["--model", "gpt-4.1"], []], ids=["new", "replay", "plain"])
def test_a_damaged_golden_is_never_recorded_by_the_way(project: Project, arguments: list[str]) -> None:
    """Only `--golden=rewrite` replaces it: anything else names the file, leaves its bytes alone, and is never 0."""
    path = project.golden("refund", "late-parcel")
    damaged = path.read_bytes().replace(b"late", b"lost", 1)
    path.write_bytes(damaged)

    result = project.run("-q", *arguments, LATE_ID)

    assert damaged == path.read_bytes()
    assert 0 != result.ret
    if arguments:
        assert "fixtures/refund/late-parcel.json does not fit its checksum" in result.stdout.str()


@pytest.mark.parametrize("mode", ["new", "rewrite"])
def test_who_records_second_is_told_and_undoes_nothing(project: Project, mode: str) -> None:
    """Another run writes the golden while this one asks: that golden stays, to the byte, and this run says so."""
    path = project.golden("refund", "late-parcel")
    theirs = path.read_bytes()
    project.say("gpt-4o", {LATE: '{"label": "late", "amount": 8}'})
    if mode == "rewrite":
        project.run("-q", "--golden=rewrite", "-k", "late-parcel").assert_outcomes(passed=1)
    else:
        path.unlink()

    def meanwhile(_: int) -> str:
        path.write_bytes(theirs)
        return '{"label": "late", "amount": 9}'

    project.say("gpt-4o", {LATE: meanwhile})
    done = project.run("-q", f"--golden={mode}", "-k", "late-parcel")

    said = {"new": "was recorded by another run in the meantime", "rewrite": "was changed since it was read"}[mode]
    assert 1 == done.ret
    assert said in done.stdout.str()
    assert theirs == path.read_bytes()
