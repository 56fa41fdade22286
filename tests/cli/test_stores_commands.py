"""`prompt-migrate goldens check`, `doctor` and `db upgrade`, as a user types them."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from redaction.secret_samples import whole

from migrate.cli import main
from migrate.edges.inventory import load
from migrate.edges.recordings import RecordingStore
from migrate.redaction import Redactor
from migrate.rendering import render
from migrate.vocabulary import CONTRACT_RUNGS, Answer, Call, Golden, Judged, Measurement, Reply, Sample, Source, Usage
from migrate.wiring import open_world

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
PROMPT = """\
model: gpt-4o
messages:
  - {role: user, content: "{{ question }}"}
cases:
  - {id: late, inputs: {question: Where is my parcel?}}
  - {id: lost, inputs: {question: It is gone!}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one flow of two cases and a golden of each."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "prompt-migrate.toml").write_text('as_of = "2026-12-01"\nredact = true\n')
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "refund.prompt.yml").write_text(PROMPT)
    record(tmp_path, "Tomorrow.")
    return tmp_path


def record(project: Path, text: str) -> None:
    """Write goldens and measurements of the whole inventory, as a recording would."""
    world = open_world(project, {}, {})
    for flow in load(world.settings):
        for case in flow.cases:
            request = render(flow, case, prompt=flow.prompt, redact=world.redactor.value)
            call = Call(request, Reply(Answer(text), "gpt-4o-2024-08-06"))
            judged = Judged(Sample(1, (call,), Answer(text)), dict.fromkeys(CONTRACT_RUNGS, True))
            world.goldens.write(Golden(flow.name, case.id, "gpt-4o", (request,), (judged,)))
            row = Measurement(
                flow.name,
                case.id,
                1,
                0,
                "gpt-4o",
                None,
                Usage(),
                None,
                None,
                "2026-11-20T10:00:00Z",
                Source.LIVE,
                False,
            )
            world.goldens.write_measurements(flow.name, [row])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="prompt-migrate", catch_exceptions=False)


def document(name: str, result: Result) -> Any:
    """Return the JSON a command printed, valid by its schema."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    found = json.loads(result.stdout)
    assert [] == [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(found)]
    return found


def faults(expected_exit: int) -> list[tuple[str, str]]:
    result = run("goldens", "check", "--json")
    assert expected_exit == result.exit_code
    found = document("goldens-check", result)
    assert found["closed"] is (expected_exit != 0)
    return [(fault["kind"], fault["message"]) for fault in found["faults"]]


# --- goldens check ------------------------------------------------------------------------------------------------


def test_whole_goldens_pass(project: Path) -> None:
    """Every case has a golden that fits today's prompt: exit 0, one line."""
    result = run("goldens", "check")
    assert ("2 goldens for 2 cases of 1 flow: no problems\n", 0) == (result.output, result.exit_code)
    assert [] == faults(0)


def test_a_damaged_golden_ends_with_13(project: Path) -> None:
    """The file is named, with the way to get it back, and nothing is changed."""
    path = project / "fixtures" / "refund" / "late.json"
    path.write_text(path.read_text().replace("Tomorrow", "Today"))
    before = path.read_bytes()
    result = run("goldens", "check")
    assert 13 == result.exit_code
    assert result.output.splitlines() == [
        "damaged   fixtures/refund/late.json does not fit its checksum: it was damaged,",
        "            or edited by hand",
        "          restore it from git (git checkout -- fixtures/refund/late.json) or record again",
        "2 goldens for 2 cases of 1 flow: 1 problem",
    ]
    assert ["damaged"] == [kind for kind, _ in faults(13)]
    assert before == path.read_bytes()


def test_a_changed_prompt_makes_goldens_stale(project: Path) -> None:
    """A golden that answers another question than the prompt asks today closes the gate."""
    prompt = project / "prompts" / "refund.prompt.yml"
    prompt.write_text(prompt.read_text().replace("It is gone!", "It never came!"))
    assert [("stale", "fixtures/refund/lost.json is stale: ")] == [(kind, text[:36]) for kind, text in faults(1)]
    assert 'pytest --golden=rewrite -k "refund and lost"' in run("goldens", "check").output


def test_orphans_and_missing_goldens_are_listed(project: Path) -> None:
    """A case renamed leaves an orphan and a case without a golden; a flow gone leaves all of its."""
    prompt = project / "prompts" / "refund.prompt.yml"
    prompt.write_text(prompt.read_text().replace("id: lost", "id: stolen"))
    assert [
        ("orphan", 'fixtures/refund/lost.json is of case "lost", which is not in the inventory'),
        ("missing", 'case "stolen" of flow "refund" has no golden'),
    ] == faults(1)
    prompt.rename(prompt.with_name("claim.prompt.yml"))
    kinds = [kind for kind, _ in faults(1)]
    assert ["missing", "missing", "orphan", "orphan"] == sorted(kinds)


def test_a_secret_that_is_still_in_is_found(project: Path) -> None:
    """What was recorded with redaction off is found by the check, by kind and path, and not shown."""
    key = whole("gh·p_") + "A1b2C3d4" * 5
    (project / "prompt-migrate.toml").write_text("redact = false\n")
    record(project, f"use {key}")
    found = faults(1)
    assert [
        ("secret", "fixtures/refund/late.json holds github_token at $.samples[0].calls[0].answer.lines[0]"),
        ("secret", "fixtures/refund/lost.json holds github_token at $.samples[0].calls[0].answer.lines[0]"),
    ] == found
    assert key not in run("goldens", "check").output


def test_names_that_are_one_file_elsewhere_are_refused(project: Path) -> None:
    """Two goldens that differ in capitals only overwrite each other where capitals do not count."""
    world = open_world(project, {}, {})
    golden = world.goldens.read("refund", "late")
    assert golden is not None
    world.goldens.write(replace(golden, case="LATE", digest=""))
    assert "collision" in [kind for kind, _ in faults(1)]


def test_unmeasured_goldens_and_leftovers_are_notes(project: Path) -> None:
    """Missing measurements and temporary files of killed writers are said, and close nothing."""
    (project / "fixtures" / "refund" / "measurements.json").unlink()
    (project / "fixtures" / "refund" / ".late.json.4711.tmp").write_text("{")
    result = run("goldens", "check")
    assert 0 == result.exit_code
    assert "2 goldens without measurements" in result.output
    assert "1 temporary file of killed writers" in result.output
    found = document("goldens-check", run("goldens", "check", "--json"))
    assert ["refund/late", "refund/lost"] == found["unmeasured"]
    assert ["fixtures/refund/.late.json.4711.tmp"] == found["leftovers"]


@pytest.mark.parametrize(
    "name",
    [
        "\x1b]0;pwned\x07",
        "1\r\x1b[2K412 passed",
        "\x9b2J",
        "a\u202egnp",
        "a\n::error::forged",
        "##vso[task.setvariable]x",
    ],
    ids=ascii,
)
def test_names_cannot_command_the_terminal(name: str, project: Path) -> None:
    """Whatever a golden is called, the output has no control byte but newline, and no CI command."""
    world = open_world(project, {}, {})
    golden = world.goldens.read("refund", "late")
    assert golden is not None
    world.goldens.write(replace(golden, case=name, digest=""))
    result = run("goldens", "check")
    assert 1 == result.exit_code
    assert not set(result.output) & {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160), 0x202E)}
    assert "::error" not in result.output
    assert "##vso" not in result.output


def test_long_lists_are_cut(project: Path) -> None:
    """Fifty faults of one kind are not fifty screens: twenty are shown, the rest is counted."""
    cases = "".join(f"  - {{id: case-{n}, inputs: {{question: Q{n}}}}}\n" for n in range(50))
    (project / "prompts" / "refund.prompt.yml").write_text(PROMPT + cases)
    result = run("goldens", "check")
    assert "... and 30 more missing (--json lists all)" in result.output
    assert 50 == len(faults(1))


def test_an_edited_prompt_is_one_thing_to_mend(project: Path) -> None:
    """Where every golden of a flow is stale, one command records them all, within eighty cells but for commands."""
    prompt = project / "prompts" / "refund.prompt.yml"
    prompt.write_text(prompt.read_text().replace("{{ question }}", "Please: {{ question }}"))
    lines = run("goldens", "check").output.splitlines()
    assert lines[0].startswith("stale     refund: all 2 goldens, for one: fixtures/refund/late.json is stale:")
    assert ["          pytest --golden=rewrite -k refund"] == [line for line in lines if "pytest" in line]
    assert max(map(len, lines)) <= 80
    assert 2 == len(faults(1))


# --- doctor -------------------------------------------------------------------------------------------------------


def signs(expected_exit: int = 0) -> dict[str, list[tuple[str, str]]]:
    result = run("doctor", "--json")
    assert expected_exit == result.exit_code, result.output
    by_area: dict[str, list[tuple[str, str]]] = {}
    for sign in document("doctor", result)["signs"]:
        by_area.setdefault(sign["area"], []).append((sign["state"], sign["text"]))
    return by_area


def test_a_sound_project_has_no_problem(project: Path) -> None:
    """Versions, models, prices and stores are all named; what nobody ever ran is a note."""
    found = signs()
    assert {"python", "packages", "sqlite", "configuration", "inventory", "provider", "models", "prices"} < set(found)
    assert [("ok", "2 goldens, every one whole")] == found["goldens"]
    assert [("note", "none yet: the first run makes it")] == found["ledger"]
    assert not (project / ".prompt-migrate").exists(), "looking makes nothing"


def test_a_state_that_is_not_on_this_machine_is_a_warning(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Network file systems and folders that a service copies are named, with what to do."""
    assert "state" not in signs()
    mounts = project / "mountinfo"
    mounts.write_text(f"31 22 0:41 / {project.resolve()} rw - nfs4 server:/export rw\n")
    monkeypatch.setattr("migrate.edges.ledger.soundness.MOUNTS", mounts)
    (project / "prompt-migrate.toml").write_text('as_of = "2026-12-01"\nstate = "Dropbox/state"\n')
    far = "Dropbox/state/ is on a network file system (nfs4), whose locks and syncs may not hold"
    synced = "Dropbox/state/ is inside Dropbox: it may be copied in the middle of a write"
    assert [("warning", f"{far}: the ledger keeps a rollback journal there"), ("warning", synced)] == signs()["state"]


def test_the_key_is_never_shown(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a key is there is said, by the name of its variable."""
    assert ("warning", "openai: OPENAI_API_KEY is not set") in signs()["provider"]
    monkeypatch.setenv("OPENAI_API_KEY", whole("s·k-proj-") + "A1b2C3d4" * 8)
    result = run("doctor")
    assert "openai: the key is in OPENAI_API_KEY" in result.output
    assert "A1b2" not in result.output


def at(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    """Let the calendar say this day."""
    now = dt.datetime.fromisoformat(f"{day}T12:00:00+00:00")
    monkeypatch.setattr("migrate.edges.clock.SystemClock.now", lambda _: now)


def test_a_pinned_day_and_the_calendar_are_told_apart(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of the two speaks is said once, and beside every figure that the other one would change."""
    (project / "prompt-migrate.toml").write_text('as_of = "2026-01-15"\n')
    at(monkeypatch, "2026-11-30")
    found = signs()
    clock = (
        "models and tolerations are judged as of 2026-01-15, pinned by as_of; "
        "the calendar says 2026-11-30, and the age of prices goes by it"
    )
    assert [("note", clock)] == found["clock"]
    said = "gpt-4o leaves the API on 2027-01-14, in 364 days as judged (45 by the calendar)"
    assert said == found["models"][0][1].partition(";")[0]
    at(monkeypatch, "2027-02-01")
    assert "in 364 days as judged (by the calendar it has left)" in signs()["models"][0][1]
    (project / "prompt-migrate.toml").write_text("samples = 2\n")
    assert "clock" not in signs()


def test_models_that_leave_soon_are_a_warning(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days left are counted from the day the project is judged by."""
    at(monkeypatch, "2026-12-01")
    assert [("warning", "gpt-4o leaves the API on 2027-01-14, in 44 days")] == [
        (state, text.partition(";")[0]) for state, text in signs()["models"]
    ]
    (project / "prompt-migrate.toml").write_text('as_of = "2027-02-01"\n')
    assert [("warning", "gpt-4o left the API on 2027-01-14")] == [
        (state, text.partition(";")[0]) for state, text in signs()["models"]
    ]


def test_another_host_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests would go is shown when it is not the vendor's own address, and whether the user allowed it."""
    (project / "prompt-migrate.toml").write_text(
        'provider = "gateway"\n[providers.gateway]\nkind = "openai"\nbase_url = "https://llm.acme.test/v1"\n'
        'api_key_env = "GATEWAY_KEY"\n'
    )
    assert [("warning", "gateway at llm.acme.test: you have not allowed this host")] == signs()["provider"]
    monkeypatch.setenv("PROMPT_MIGRATE_ALLOWED_HOSTS", "llm.acme.test")
    assert [("warning", "gateway at llm.acme.test: GATEWAY_KEY is not set")] == signs()["provider"]


@pytest.mark.parametrize(
    ("file", "area", "what"),
    [
        ("fixtures/refund/late.json", "goldens", "fixtures/refund/late.json is damaged"),
        ("fixtures/refund/measurements.json", "goldens", "fixtures/refund/measurements.json is damaged"),
        (".prompt-migrate/recordings.db", "recordings", ".prompt-migrate/recordings.db is damaged"),
        (".prompt-migrate/ledger.db", "ledger", "the ledger .prompt-migrate/ledger.db is damaged"),
    ],
)
def test_a_damaged_store_is_named_with_the_fix(file: str, area: str, what: str, project: Path) -> None:
    """Exit 13, the file, and what to do."""
    store = RecordingStore(project / ".prompt-migrate" / "recordings.db", Redactor())
    world = open_world(project, {}, {})
    golden = world.goldens.read("refund", "late")
    assert golden is not None
    store.put([(1, golden.samples[0].sample.calls[0])])
    store.close()
    (project / ".prompt-migrate" / "ledger.db").write_bytes(
        (project / ".prompt-migrate" / "recordings.db").read_bytes()
    )
    path = project / file
    path.write_bytes(b'{ "cut": ' * 300)
    result = run("doctor", "--json")
    assert 13 == result.exit_code
    problems = [sign for sign in document("doctor", result)["signs"] if sign["state"] == "problem"]
    assert [area] == [sign["area"] for sign in problems]
    assert problems[0]["text"].startswith(what)
    assert problems[0]["hint"]


def test_a_wrong_configuration_is_a_problem_and_the_machine_is_still_looked_at(project: Path) -> None:
    """Exit 2; what can be said without the configuration is said."""
    (project / "prompt-migrate.toml").write_text('provder = "openai"\n')
    found = signs(2)
    assert "python" in found
    assert "problem" == found["configuration"][0][0]


def test_a_wrong_inventory_is_a_problem_and_the_stores_are_still_looked_at(project: Path) -> None:
    """Exit 2, with the next command."""
    (project / "prompts" / "refund.prompt.yml").write_text("model: gpt-4o\nmesages: []\n")
    found = signs(2)
    assert "problem" == found["inventory"][0][0]
    assert "goldens" in found


def test_journals_of_killed_runs_are_named(project: Path) -> None:
    """A run that did not end has left a journal; nothing in it is lost."""
    journals = project / ".prompt-migrate" / "journals"
    journals.mkdir(parents=True)
    (journals / "20261201-aaaa.main.jsonl").write_text("")
    assert "warning" == signs()["journals"][0][0]


def test_others_called_migrate_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the same name on the path, or a script of another environment, explains odd errors."""
    (project / "migrate").mkdir()
    (project / "migrate" / "__init__.py").touch()
    monkeypatch.syspath_prepend(project)
    script = project / "bin" / "prompt-migrate"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    texts = [text for _, text in signs()["name"]]
    assert f"{project / 'migrate'} calls itself `migrate` too" in texts
    assert f"prompt-migrate on the PATH is of another environment: {script}" in texts


# --- db upgrade ---------------------------------------------------------------------------------------------------


def test_upgrade_without_a_ledger_makes_none(project: Path) -> None:
    """There is nothing to upgrade, and nothing is made."""
    result = run("db", "upgrade")
    assert ("there is no ledger yet: the first run makes it\n", 0) == (result.output, result.exit_code)
    assert not (project / ".prompt-migrate").exists()


def test_upgrade_says_the_schema(project: Path) -> None:
    """An empty ledger gets its tables, and upgrading again changes nothing."""
    (project / ".prompt-migrate").mkdir()
    sqlite3.connect(project / ".prompt-migrate" / "ledger.db").close()
    (project / ".prompt-migrate" / "ledger.db").touch()
    first, second = run("db", "upgrade"), run("db", "upgrade")
    assert (0, 0) == (first.exit_code, second.exit_code)
    assert first.output.startswith("the ledger had schema 0, now it has ")
    assert second.output.startswith("the ledger has schema ")


def test_upgrade_refuses_a_foreign_database(project: Path) -> None:
    """Exit 13, in plain words."""
    (project / ".prompt-migrate").mkdir()
    with sqlite3.connect(project / ".prompt-migrate" / "ledger.db") as connection:
        connection.execute("create table customers (name text)")
    connection.close()
    result = run("db", "upgrade")
    assert 13 == result.exit_code
    assert "Traceback" not in result.output


def test_doctor_loads_no_database_library(project: Path) -> None:
    """It looks at the ledger's file with the standard library alone: it is quick where it is needed most."""
    program = (
        "import sys, migrate.cli as c; c.main(['doctor'], standalone_mode=False); print('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True)
    assert "False" == done.stdout.splitlines()[-1]
