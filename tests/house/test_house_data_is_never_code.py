"""Nothing in the house reads a format that can run something when it is read: held by the linter, and by this test."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "migrate").rglob("*.py"))
CARRY_CODE = re.compile(
    r"(?:_?pickle|pickletools|cloudpickle|dill|joblib|jsonpickle|marshal|shelve|diskcache|multiprocessing\.connection"
    r"|deepdiff\.(?:delta|Delta|serialization))(?:\.|$)|yaml\.(?:load|unsafe_load|full_load)$"
)
FORBIDDEN = [
    "import pickle",
    "from pickle import loads",
    "import pickle as p",
    "import dill",
    "import shelve",
    "import marshal",
    "from deepdiff import Delta",
    "from deepdiff.delta import Delta",
    "import deepdiff\ndeepdiff.Delta({})",
    "import yaml\nyaml.load('', yaml.Loader)",
    "import yaml\nyaml.unsafe_load('')",
    "eval('1')",
    "exec('1')",
]


def named(tree: ast.AST) -> Iterator[str]:
    """Yield every dotted name that a module imports or reaches for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_reads_what_could_run(source: Path) -> None:
    """No pickle and its kin, no delta of deepdiff, no YAML with constructors, in any module."""
    found = [name for name in named(ast.parse(source.read_text("utf-8"))) if CARRY_CODE.match(name)]
    assert [] == found


@pytest.mark.parametrize("code", FORBIDDEN)
def test_the_linter_refuses_it(code: str) -> None:
    """Written into a module of ours, each of these is an error of the lint step."""
    # No stop at `import *` and the like: only the rules that forbid what could run are asked for.
    rules = ["--select", "TID251,S102,S301,S307,S506", "--stdin-filename", "migrate/example.py"]
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *rules, "-"]
    done = subprocess.run(command, cwd=ROOT, input=code + "\n", capture_output=True, text=True, check=False, timeout=60)
    assert 1 == done.returncode, done.stdout + done.stderr


def test_the_linter_lets_plain_code_pass() -> None:
    """The rules are not simply red: JSON and a comparison by deepdiff are allowed."""
    code = "import json\n\nfrom deepdiff import DeepDiff\n\nprint(json.dumps(DeepDiff(1, 2)))\n"
    rules = ["--select", "TID251,S102,S301,S307,S506", "--stdin-filename", "migrate/example.py"]
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *rules, "-"]
    done = subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True, check=False, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
