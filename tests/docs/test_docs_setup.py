"""The README's two long commands: what they must hold, and who runs them."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess

import pytest
from docs_pages import ROOT, blocks_of, text_of

SET_UP = (
    "python3 -m venv .venv",
    ".venv/bin/python -m pip install -q -r requirements/main.txt",
    ".venv/bin/python -m pip install -q --no-deps --no-build-isolation -e .",
)


def marked(mark: str) -> list[str]:
    """Return the parts of the README's command under a mark."""
    line = text_of("README.md").splitlines().index(f"<!-- {mark} -->")
    block = next(block for block in blocks_of("README.md") if block.line > line)
    commands = block.text.strip().splitlines()
    assert 1 == len(commands), "one line, to be copied whole"
    return [part.strip() for part in commands[0].split("&&")]


def test_the_first_command_sets_up_and_replays() -> None:
    """An environment, the locked dependencies, the checkout itself, and the demo against two candidates."""
    replay = ".venv/bin/python -m pytest --model gpt-4.1 --model gpt-4.1-mini"
    assert [*SET_UP, replay] == marked("first command")


def test_the_second_command_sets_up_and_checks_everything() -> None:
    """The same with the locked test dependencies, and then the workshop."""
    with_tests = f"{SET_UP[1]} -r requirements/test.txt"
    assert [SET_UP[0], with_tests, SET_UP[2], ".venv/bin/python -m nox"] == marked("second command")


@pytest.mark.parametrize("mark", ["first command", "second command"])
def test_every_file_a_command_names_is_in_the_repository(mark: str) -> None:
    """A newcomer's clone holds what the commands install from."""
    words = [word for part in marked(mark) for word in shlex.split(part)]
    files = [word for word in words if word.startswith("requirements/")]
    assert files
    tracked = subprocess.run(["git", "ls-files", *files], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert sorted(files) == sorted(tracked.split())


def test_ci_runs_the_second_command_and_nothing_else() -> None:
    """`.ci/run` cuts the command out of the README, so that they cannot differ."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    cut = re.search(r"^command=(.*)$", script, re.MULTILINE)
    assert cut is not None
    done = subprocess.run(
        ["bash", "-c", f'{cut[0]}\nprintf "%s" "$command"'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert " && ".join(marked("second command")) == done.stdout
    assert 'bash -euo pipefail -c "$command"' == script.strip().splitlines()[-1]


def sessions() -> dict[str, str]:
    """Return the sessions of the workshop with their docstrings."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {
        node.name: ast.get_docstring(node) or ""
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any("session" in ast.unparse(one) for one in node.decorator_list)
    }


def test_the_workshop_has_the_sessions_that_pages_name() -> None:
    """`nox -s x` in a page is a session, and every session says what it is for."""
    named = {name for page in ("README.md", "CONTRIBUTING.md") for name in re.findall(r"nox -s (\w+)", text_of(page))}
    assert {"docs", "newcomer", "lint"} <= named
    assert set() == named - set(sessions())
    assert [] == [name for name, said in sessions().items() if not said]
