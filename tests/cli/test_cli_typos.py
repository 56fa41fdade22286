"""A slip in a name is answered with the name that was probably meant, whatever is named and by whatever command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import click
import pytest
from changed_project import changed, replayed
from click.testing import CliRunner
from small_project import Project, recorded

from migrate.cli import COMMANDS, main
from migrate.inert import inert
from migrate.presenting.layout import cells

__all__ = ["changed", "recorded", "replayed"]

SLIPS = {
    "compare --run RUN-SLIP": "RUN",
    "report --run RUN-SLIP": "RUN",
    "runs show RUN-SLIP": "RUN",
    "review --run RUN-SLIP": "RUN",
    "canary plan --run RUN-SLIP": "RUN",
    "accept --run RUN-SLIP --case late-parcel": "RUN",
    "review --flow refnd": "refund",
    "review --candidate gpt-41": "gpt-4.1",
    "review --rate --flow refnd": "refund",
    "review --rate --candidate gpt-41": "gpt-4.1",
    "review --undo --flow refnd": "refund",
    "review --undo --candidate gpt-41": "gpt-4.1",
    "accept --flow refnd": "refund",
    "accept --case late-parcl": "late-parcel",
    "accept --case late-parcel --candidate gpt-41": "gpt-4.1",
    "accept --path $.amunt": "$.amount",
    "accept --group GROUP-SLIP": "GROUP",
    "reject --case late-parcl --reason x": "late-parcel",
    "tolerate --case late-parcl --until 2026-02-01 --reason x": "late-parcel",
    "promote gpt-41": "gpt-4.1",
    "promote gpt-4.1 --flow refnd": "refund",
    "route --candidate gpt-41": "gpt-4.1",
    "route --explain savng": "saving",
    "canary plan --candidate gpt-41": "gpt-4.1",
    "canary plan --flow refnd": "refund",
    "canary plna": "plan",
    "history refnd": "refund",
    "record --flow refnd": "refund",
    "record --flow refund --flow notse": "notes",
    "record --case late-parcl": "late-parcel",
    "report --format jnuit": "junit",
    "compare --fail-on drfit": "drift",
    "compare --explain agrement": "agreement",
    "compare --explain fenced_jsno": "fenced json",
    "compare --jsn": "--json",
    "comparee": "compare",
    "goldens chekc": "check",
    "runs shwo": "show",
    "db upgrde": "upgrade",
}
"""What is typed, and what is meant."""


@pytest.fixture
def known(replayed: Project, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The ids of the project that tests speak of, right and with a slip."""
    monkeypatch.chdir(replayed.root)
    document = json.loads(CliRunner().invoke(main, ["compare", "--json"]).stdout)
    run, group = document["run"]["id"], document["flows"][-1]["groups"][0]["id"]
    return {"RUN": run, "RUN-SLIP": f"{run[:-2]}zz", "GROUP": group, "GROUP-SLIP": f"{group[:-1]}z"}


def test_every_slip_is_answered_with_what_was_meant(known: dict[str, str], replayed: Project) -> None:
    """Flows, cases, groups, places, models, runs, figures, forms, subcommands and options; and nothing is written."""
    before = replayed.files("fixtures") | replayed.files("prompts")
    missed = {}
    for typed, meant in SLIPS.items():
        done = CliRunner().invoke(main, [known.get(word, word) for word in shlex.split(typed)])
        said = " ".join(done.stderr.split()).casefold()
        guess = known.get(meant, meant).casefold()
        asks = "did you mean" in said and guess in said.partition("did you mean")[2]
        if done.exit_code != 2 or not asks:
            missed[typed] = (done.exit_code, said)
    assert {} == missed
    assert before == replayed.files("fixtures") | replayed.files("prompts")


def test_a_pair_of_answers_is_guessed(replayed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that people rate."""
    monkeypatch.chdir(replayed.root)
    listed = CliRunner().invoke(main, ["review", "--rate", "--reviewer", "ada"]).stdout.split()
    pair = listed[listed.index("--pair") + 1]
    words = ["--prefer", "a", "--correct-a", "1", "--correct-b", "1", "--reviewer", "ada"]
    done = CliRunner().invoke(main, ["review", "--rate", "--pair", f"{pair[:-1]}z", *words])
    assert (2, True) == (done.exit_code, f'did you mean "{pair}"?' in done.stderr)


# --- the width of a terminal ---------------------------------------------------------------------------------

ASKED = (
    "compare",
    "compare --run RUN",
    *(f"compare --explain {name}" for name in ("verdict", "latency", "groups", "rates", "cost", "gate", "nonsense")),
    "compare --fail-on drfit",
    "route",
    *(f"route --explain {name}" for name in ("saving", "p", "risk", "curve", "given")),
    "route --as-of 2027-02-01",
    "runs",
    "runs show RUN",
    "history refund",
    "history refnd",
    "list",
    "list --cases",
    "validate",
    "doctor",
    "goldens check",
    "accept --group GROUP --dry-run",
    "accept --group GROUP-SLIP",
    "accept --case nope",
    "reject --case late-parcel",
    "tolerate --case late-parcel --until 2025-02-01 --reason x --dry-run",
    "tolerate --case late-parcel --until soon --reason x --dry-run",
    "review",
    "review --flow refnd",
    "review --undo --dry-run",
    "review --rate --reviewer ada",
    "promote gpt-4.1 --dry-run",
    "promote gpt-4.1 --dry-run --reason x",
    "promote gpt-41",
    "canary plan",
    "canary plan --candidate gpt-4.1",
    "canary plan --explain size",
    "canary plan --explain bad",
    "canary check nope.json nope.jsonl",
    "report --format jnuit",
    "scan .",
    "swap",
    "import nope",
    "record --flow refnd",
    "resume nope",
    "db upgrade",
)


def pages() -> Iterator[str]:
    """Yield how the help of every command is asked for, and of every command below it."""
    yield "--help"
    for name in COMMANDS:
        command = main.get_command(None, name)  # type: ignore[arg-type]
        yield f"{name} --help"
        for below in getattr(command, "commands", {}):
            yield f"{name} {below} --help"


def too_wide(text: str) -> list[str]:
    """Return the lines that eighty cells do not hold, but for commands to copy and what has no blank to break at."""
    lines = (line for line in text.splitlines() if cells(line) > 80)
    return [line for line in lines if not is_command(line) and max(map(cells, line.split())) < 60]


def is_command(line: str) -> bool:
    """Say whether a line is a command to copy, which is never cut: alone on its line, or behind `next:`."""
    return line.removeprefix("next:").lstrip().startswith(("prompt-migrate ", "pytest ", "git "))


@pytest.mark.parametrize("columns", [80])
def test_nothing_is_wider_than_the_terminal(
    known: dict[str, str], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Help, summaries, lists and complaints hold to eighty cells; commands to copy stay whole."""
    monkeypatch.setenv("COLUMNS", str(columns))
    wide = {}
    for typed in (*pages(), *ASKED):
        done = CliRunner().invoke(main, [known.get(word, word) for word in shlex.split(typed)])
        assert not done.exception or isinstance(done.exception, SystemExit), typed
        if found := too_wide(inert(done.output)):
            wide[typed] = found
    assert {} == wide, json.dumps(wide, indent=1)


def commands(text: str) -> set[str]:
    """Return the commands of this tool that stand at the end of a line, as they are printed."""
    found = re.findall(
        r"(?m)^(?:next: |then: |\s+|.*?(?:then|knows it:|that one:|look:|:) )?(prompt-migrate [a-z].*)$", text
    )
    return {command for command in found if not re.search(r"\b(to look|to decide|lists all)\b", command)}


def stands_for(word: str) -> str:
    """Return what somebody would type for a word that stands for something."""
    return {"N": "3", "WHICH": "tie", "DATE": "2026-02-01", "[FILE]": "x"}.get(word, word)


def test_every_command_that_is_named_can_be_typed(known: dict[str, str]) -> None:
    """Whatever is next after whatever was typed: a command with options it has, and values they take."""
    named: dict[str, str] = {}
    for typed in (*ASKED, *SLIPS):
        done = CliRunner().invoke(main, [known.get(word, word) for word in shlex.split(typed)])
        named |= dict.fromkeys(commands(done.output), typed)
    assert len(named) > 12, named
    wrong = {}
    for command, typed in named.items():
        name, *words = map(stands_for, shlex.split(command)[1:])
        try:
            below = main.get_command(None, name)  # type: ignore[arg-type]
            assert below is not None, command
            while words and words[0] in getattr(below, "commands", {}):
                below = below.commands[words.pop(0)]  # type: ignore[attr-defined]
            below.make_context(name, words)
        except (click.ClickException, AssertionError) as problem:
            wrong[command] = (typed, str(problem))
    assert {} == wrong


def test_a_complaint_in_a_log_stays_on_its_line(replayed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no terminal says how wide it is, a line can be searched for."""
    monkeypatch.chdir(replayed.root)
    monkeypatch.delenv("COLUMNS", raising=False)
    done = CliRunner().invoke(main, ["accept", "--case", "nope"])
    assert done.stderr.splitlines()[0].endswith("has no such case; nothing was written")
