"""`prompt-migrate scan` and `swap`, as a user types them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from source_trees import plant

from migrate.cli import main

SCHEMAS = Path(__file__).parents[2] / "migrate" / "schemas"
APP = """
from openai import OpenAI

client = OpenAI()


def triage(text):
    reply = client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": f"Sort: {text}"}],
        temperature=0,
    )
    return reply
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return plant(tmp_path, {".git/HEAD": "", "app/triage.py": APP, "conf.yaml": "model: gpt-4o-mini\n"})


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="prompt-migrate", catch_exceptions=False)


def valid(name: str, text: str) -> Any:
    document = json.loads(text)
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    assert [] == [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(document)]
    return document


# --- scan -------------------------------------------------------------------------------------------------


def test_a_scan_is_a_table_and_what_to_do_next(project: Path) -> None:
    """Calls under their files, names outside calls, totals, dates as of a day, the next command."""
    result = run("scan", ".", "--as-of", "2026-11-22")
    assert (0, "") == (result.exit_code, result.stderr)
    assert (
        """\
  line  asks                     model   leaves      parameters     variables  how sure
app/triage.py
     8  chat.completions.create  gpt-4o  2027-01-14  temperature=0  text       certain

model names outside calls
  line  given to  model        leaves      how sure
conf.yaml
     1  model     gpt-4o-mini  2027-01-14  likely

1 call in 1 file: 1 certain; 1 model name outside calls
  gpt-4o: 1 call, leaves on 2027-01-14, in 53 days
  gpt-4o-mini: 0 calls, leaves on 2027-01-14, in 53 days
judged as of 2026-11-22 (pinned)
next: prompt-migrate scan . --drafts prompts
"""
        == result.stdout
    )


def test_dates_are_judged_as_of_the_day_of_the_configuration(project: Path) -> None:
    """`as_of` of the project, `--as-of` over it; a model that has left is told so."""
    (project / "prompt-migrate.toml").write_text('as_of = "2027-02-01"\n')
    assert "gpt-4o: 1 call, left on 2027-01-14\njudged as of 2027-02-01 (pinned)" in run("scan", "app").stdout
    document = valid("scan", run("scan", "app", "--as-of", "2027-01-13", "--json").stdout)
    assert ("2027-01-14", 1) == (document["models"][0]["retires"], document["models"][0]["days_left"])


def test_a_day_that_is_none_is_a_usage_error(project: Path) -> None:
    """Said in words, with the option's name."""
    result = run("scan", "--as-of", "soon")
    assert (2, True) == (result.exit_code, "--as-of" in result.stderr), result.stderr


def test_a_folder_that_is_not_there_is_a_usage_error(project: Path) -> None:
    """Exit code 2, and nothing on standard output."""
    assert (2, "") == ((result := run("scan", "nowhere")).exit_code, result.stdout)


def test_nothing_found_is_said(project: Path) -> None:
    """A tree without a call ends with 0 and a sentence."""
    plant(project, {"empty/a.py": "x = 1\n"})
    result = run("scan", "empty")
    assert (0, True) == (result.exit_code, "no call of a language model in 1 file\n" in result.stdout)


def test_drafts_are_told_one_by_one(project: Path) -> None:
    """Written, then kept; what is open stands under each, and `validate` is next."""
    first, second = run("scan", "app", "--drafts", "prompts"), run("scan", "app", "--drafts", "prompts")
    assert "\nwrote prompts/triage.prompt.yml  from app/triage.py:8\n" in first.stdout
    assert "\nkept  prompts/triage.prompt.yml  from app/triage.py:8\n" in second.stdout
    assert first.stdout.endswith("next: prompt-migrate validate\n")
    assert "1 flow, 1 case: no problems\n" == run("validate").stdout


def test_drafts_are_in_the_document(project: Path) -> None:
    """Each call names its draft."""
    document = valid("scan", run("scan", "app", "--drafts", "prompts", "--json").stdout)
    assert ["prompts/triage.prompt.yml"] == [site["draft"] for site in document["sites"]]
    assert [("prompts/triage.prompt.yml", "wrote", 8)] == [
        (draft["file"], draft["what"], draft["from"]["line"]) for draft in document["drafts"]
    ]


def test_a_drafts_folder_that_is_a_file_is_a_usage_error(project: Path) -> None:
    """Told by its name."""
    result = run("scan", "app", "--drafts", "conf.yaml")
    assert (2, True) == (result.exit_code, "conf.yaml" in result.stderr)


def test_what_is_printed_is_inert(project: Path) -> None:
    """Names of files and code that a terminal would act on are drawn."""
    plant(project, {"evil/\x1b[31m.py": 'import openai\nopenai.responses.create(model="\\x1b]0;x\\x07", input="x")\n'})
    assert "\x1b" not in run("scan", "evil").stdout
    assert "\x1b" not in run("swap", "evil", "--from", "gpt-4o", "--to", "gpt-4.1").stdout


# --- swap -------------------------------------------------------------------------------------------------


def test_a_swap_shows_a_diff_and_writes_nothing(project: Path) -> None:
    """The diff, the total, what prompt files keep, and the command that writes."""
    result = run("swap", "app", "--from", "gpt-4o", "--to", "gpt-4.1")
    assert (0, "") == (result.exit_code, result.stderr)
    assert [
        "--- a/app/triage.py",
        "+++ b/app/triage.py",
        "@@ -6,7 +6,7 @@",
        " ",
        " def triage(text):",
        "     reply = client.chat.completions.create(",
        '-        model="gpt-4o",',
        '+        model="gpt-4.1",',
        '         messages=[{"role": "user", "content": f"Sort: {text}"}],',
        "         temperature=0,",
        "     )",
        "",
        "to change in 1 file: gpt-4o -> gpt-4.1 1x; 0 left alone",
        "prompt files keep their model: it says what is in production; prompt-migrate promote changes it",
        "nothing is written yet; next: prompt-migrate swap app --map gpt-4o=gpt-4.1 --write",
    ] == result.stdout.splitlines()
    assert APP == (project / "app" / "triage.py").read_text()


def test_the_line_to_type_next_does_what_it_says(project: Path) -> None:
    """Copied as it is printed, it writes the same change."""
    shown = run("swap", ".", "--from", "gpt-4o", "--to", "gpt-4.1", "--include", "tests/*.py").stdout
    command = shown.splitlines()[-1].partition("next: prompt-migrate ")[2]
    import shlex

    run(*shlex.split(command))
    assert APP.replace("gpt-4o", "gpt-4.1") == (project / "app" / "triage.py").read_text()


def test_what_is_left_alone_is_told_by_its_reason(project: Path) -> None:
    """With the place and the word that would change it."""
    plant(project, {"tests/test_a.py": 'x = "gpt-4o"\n', "prompts/a.prompt.yml": "model: gpt-4o\n"})
    lines = run("swap", "--from", "gpt-4o", "--to", "gpt-4.1").stdout.splitlines()
    at = lines.index("left alone, pinned in a test (--include tests):")
    assert "  tests/test_a.py:1  gpt-4o" == lines[at + 1]
    at = lines.index("left alone, what is in production; promote changes it (--include prompts):")
    assert "  prompts/a.prompt.yml:1  gpt-4o" == lines[at + 1]


def test_a_mapping_changes_several_models(project: Path) -> None:
    """`--map a=b,c=d`, in one pass."""
    document = valid(
        "swap", run("swap", "--map", "gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini", "--write", "--json").stdout
    )
    assert [("app/triage.py", "gpt-4o", "gpt-4.1"), ("conf.yaml", "gpt-4o-mini", "gpt-4.1-mini")] == [
        (change["file"], change["from"], change["to"]) for change in document["changes"]
    ]
    assert "model: gpt-4.1-mini\n" == (project / "conf.yaml").read_text()


REFUSED = {
    "no --to": (["--from", "gpt-4o"], "--to is missing"),
    "no --from": (["--to", "gpt-4o"], "--from is missing"),
    "both ways": (["--from", "a", "--to", "b", "--map", "a=b"], "give --from and --to, or --map, not both"),
    "no mapping": (["--map", "gpt-4o"], "is no mapping"),
    "half a pair": (["--map", "gpt-4o="], "the model is missing"),
    "the same twice": (["--map", "gpt-4o=a,gpt-4o=b"], "is named twice"),
    "itself": (["--from", "gpt-4o", "--to", "gpt-4o"], "would stay as it is"),
    "a chain": (["--map", "gpt-4o-mini=gpt-4o,gpt-4o=gpt-4.1"], "a second run would change it again"),
    "odd characters": (["--from", 'gpt-4o" or 1', "--to", "b"], "is no name of a model"),
    "a word nobody knows": (["--from", "a", "--to", "b", "--include", "test"], 'did you mean "tests"?'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_swap_that_cannot_be_meant_is_refused(case: str, project: Path) -> None:
    """Exit code 2, one sentence, nothing written."""
    arguments, words = REFUSED[case]
    result = run("swap", *arguments, "--write")
    assert (2, "", True) == (result.exit_code, result.stdout, words in result.stderr), result.stderr
    assert APP == (project / "app" / "triage.py").read_text()


def test_a_target_that_has_left_is_warned_of(project: Path) -> None:
    """So is one nobody knows, with a guess; both on standard error."""
    (project / "prompt-migrate.toml").write_text('as_of = "2026-12-01"\n')
    gone = run("swap", "--from", "gpt-4o", "--to", "gpt-4.1-nano").stderr
    assert 'warning: "gpt-4.1-nano" left the API on 2026-10-23\n' == gone
    mistyped = run("swap", "--from", "gpt-4o", "--to", "gpt-4.1-mni").stderr
    assert 'warning: nothing is known of the model "gpt-4.1-mni" (did you mean "gpt-4.1-mini"?)\n' == mistyped


def test_nothing_to_change_is_said(project: Path) -> None:
    """With the number of files looked at, and 0."""
    result = run("swap", "--from", "gpt-4", "--to", "gpt-4.1", "--write")
    assert (0, "no gpt-4 to change in 2 files") == (result.exit_code, result.stdout.splitlines()[0])


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_uncommitted_changes_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a swap joins them; a clean checkout gets no warning, a folder without git another one."""
    monkeypatch.chdir(tmp_path)
    plant(tmp_path, {"a.py": 'x = "gpt-4o"\n', "b.py": "y = 1\n"})
    swap = ("swap", "--from", "gpt-4o", "--to", "gpt-4.1", "--write")
    assert run(*swap).stderr.startswith("warning: git does not know this folder")
    plant(tmp_path, {"a.py": 'x = "gpt-4o"\n'})
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], check=True, capture_output=True)
    assert "" == run(*swap).stderr
    plant(tmp_path, {"a.py": 'x = "gpt-4o"\nz = 2\n'})
    assert run(*swap).stderr.startswith("warning: the checkout has uncommitted changes")


def test_a_swap_without_write_asks_git_nothing(project: Path) -> None:
    """The warning belongs to the writing."""
    assert "" == run("swap", "--from", "gpt-4o", "--to", "gpt-4.1").stderr
