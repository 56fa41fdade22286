"""The reference is complete and current: what the code knows, the page says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from click.testing import CliRunner
from docs_generated import generate
from docs_pages import ROOT, blocks_of, text_of

from migrate.cli import main
from migrate.comparing.checks import Subject, Unjudged, run_check
from migrate.comparing.paths import parse_path
from migrate.edges.configuration import PREFIX, PROVIDER, SETTINGS
from migrate.edges.inventory.checks import SHAPES
from migrate.edges.inventory.rules import RULE_KEYS
from migrate.errors import PromptMigrateError
from migrate.evidence import weighing
from migrate.pytest_plugin import OPTIONS, SHORT
from migrate.vocabulary import CaseVerdict, Check, CheckKind, FindingKind, NoReplyKind, RuleKind, Rung, Severity

PAGE = "docs/reference.md"


def names(section: str) -> set[str]:
    """Return the first cell of every table row of a section, as it stands between backticks."""
    text = text_of(PAGE).split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


@pytest.mark.parametrize("page", [*generate.pages()])
def test_generated_pages_are_current(page: str) -> None:
    """What the code says today is what the page says: else `nox -s docs`."""
    assert generate.pages()[page] == text_of(f"docs/{page}"), "run: python docs/generate.py"


def test_writing_again_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages are written once; `--check` names one that is not current, and writes nothing."""
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    written = "".join(f"docs/{page}: written\n" for page in generate.pages())
    assert (0, written) == (generate.run([]), capsys.readouterr().out)
    assert (0, "") == (generate.run([]), capsys.readouterr().out)
    (tmp_path / "reference.md").write_text("old", encoding="utf-8")
    assert (1, "docs/reference.md: not what the code says\n") == (generate.run(["--check"]), capsys.readouterr().out)
    assert "old" == (tmp_path / "reference.md").read_text(encoding="utf-8")


COMMANDS: list[tuple[str, ...]] = list(generate.command_paths(main))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_is_there_with_its_help(path: tuple[str, ...]) -> None:
    """The help a reader gets at 80 columns stands under the command's own heading, word for word."""
    said = CliRunner().invoke(main, [*path, "--help"], prog_name="prompt-migrate", terminal_width=80).output
    lines = "\n".join(line.rstrip() for line in said.rstrip().splitlines())
    assert f"### prompt-migrate {' '.join(path)}\n\n```text\n{lines}\n```" in text_of(PAGE)


def test_every_option_of_pytest_is_there() -> None:
    """Long names in the first column, short ones beside them."""
    assert {f"--migrate-{name.replace('_', '-')}" for name in OPTIONS} <= names("Options of pytest")
    short = {f"`{name}`" for name, option in SHORT.items() if option in OPTIONS}
    assert set() == {name for name in short if name not in text_of(PAGE)}
    assert "migrate_prompts" in names("Options of pytest")


def test_every_setting_is_there_with_its_variable() -> None:
    """Settings, keys of a provider, and the environment variable of each setting."""
    assert {*SETTINGS, *PROVIDER} == names("Configuration")
    variables = {f"{PREFIX}{name.upper()}" for name in SETTINGS if name != "providers"}
    assert variables <= names("Environment variables")


def test_every_variable_the_code_reads_is_there() -> None:
    """A name that is looked up in the environment stands in the table."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "migrate").rglob("*.py"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)\s*["']([A-Z_]+)["']""", code))
    read |= set(re.findall(r"""["']([A-Z]+(?:_[A-Z]+)*_API_KEY)["']""", code))
    assert {"CI", "NO_COLOR", "OPENAI_API_KEY"} <= read
    assert set() == read - names("Environment variables")


def keys_of(part: Any) -> Iterator[str]:
    """Yield every key that a schema names, wherever it stands."""
    if isinstance(part, dict):
        properties = part.get("properties")
        if isinstance(properties, dict):
            yield from (name for name, inner in properties.items() if inner != {"not": {}} and "not" not in inner)
        for inner in part.values():
            yield from keys_of(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from keys_of(inner)


def test_every_key_of_a_prompt_file_is_there() -> None:
    """Every key the published schema has, at whatever depth, is the last step of a row."""
    rows = names("Prompt files") | names("Check kinds") | names("Rule kinds")
    steps = {re.split(r"[.\]]", row)[-1] for row in rows} | {part for row in rows for part in row.split(".")}
    assert set() == set(keys_of(generate.schema_of("prompt"))) - steps


def test_every_kind_is_there() -> None:
    """Check kinds, rule kinds, rungs, severities, findings, verdicts and no-replies."""
    assert {*get_args(CheckKind), *SHAPES} <= names("Check kinds")
    assert {*get_args(RuleKind), *RULE_KEYS} <= names("Rule kinds")
    assert {*Rung, *Severity} == names("The ladder")
    assert set(FindingKind) == names("Finding kinds")
    assert set(CaseVerdict) == names("Case verdicts")
    assert set(NoReplyKind) == names("No-reply kinds")


def family(owner: type[PromptMigrateError]) -> Iterator[type[PromptMigrateError]]:
    yield owner
    for heir in owner.__subclasses__():
        yield from family(heir)


def test_every_exit_code_is_there() -> None:
    """Those of the family of errors, 0, a closed gate, and an interrupt."""
    assert {"0", "1", "3", "130", *(str(owner.exit_code) for owner in family(PromptMigrateError))} == names(
        "Exit codes"
    )


def test_every_published_schema_is_there() -> None:
    """A document for programs has a schema, and the schema has a row."""
    assert {path.name for path in generate.SCHEMAS.glob("*.json")} == names("JSON documents")


def test_the_judge_gives_the_severities_that_are_listed() -> None:
    """In every example of the judge, a finding's severity is one the table gives its kind."""
    seen = set()
    for path in (ROOT / "tests" / "comparing" / "examples").rglob("*.yml"):
        found = yaml.safe_load(path.read_text(encoding="utf-8")).get("findings") or []
        seen |= {tuple(str(finding).split()[:2]) for finding in found}
    table = generate.SEVERITIES.items()
    listed = {(severity.value, kind.value) for kind, severities in table for severity in severities}
    assert len(seen) > len(FindingKind) / 2
    assert set() == seen - listed


def test_the_how_to_shows_every_check_and_rule() -> None:
    """One example each, in the blocks that the recipes call complete."""
    shown = [yaml.safe_load(block.text) for block in blocks_of("docs/how-to.md") if block.language == "yaml"]
    checks = max((block["checks"] for block in shown if "checks" in block), key=len)
    assert set(get_args(CheckKind)) == {key for check in checks for key in check} - {"path", "name"}
    rules = next(block["rules"] for block in shown if "rules" in block)
    assert all(parse_path(path) for path in rules)
    words = {word for rule in rules.values() for word in ([rule] if isinstance(rule, str) else rule)}
    assert set(RULE_KEYS) == words


def test_every_module_has_its_place_in_contributing() -> None:
    """The table of floors names every room of the house."""
    paths = (ROOT / "migrate").iterdir()
    rooms = {path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()}
    page = text_of("CONTRIBUTING.md").replace("/`", "`")
    missing = {room for room in rooms - {"__init__", "__main__"} if f"`{room}`" not in page}
    assert set() == missing


def has_flow_verdicts() -> bool:
    return re.search(r"\bverdict=", inspect.getsource(weighing)) is not None


def runs_judges() -> bool:
    return not isinstance(run_check(Check("judge", {}), Subject("an answer")), Unjudged)


@pytest.mark.parametrize(
    ("said", "is_there"),
    [
        ("There is no flow verdict yet.", has_flow_verdicts()),
        ("Judges are not run.", runs_judges()),
        ("Chains of calls", "not" not in generate.schema_of("prompt")["properties"]["steps"]),
    ],
)
def test_what_the_explanation_calls_missing_is_missing(said: str, is_there: bool) -> None:
    """A limit is told as long as it holds, and no longer."""
    assert is_there is not (said in text_of("docs/explanation.md"))
