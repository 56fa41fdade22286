"""The example application, whose own tests are its flows: as it stands in the repository, with nothing changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"
OTHERS = ("randomly", "rerunfailures", "asyncio", "recording", "syrupy", "pytest_cov", "hypothesispytest", "xdist")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example, with the goldens that are committed."""
    return shutil.copytree(
        EXAMPLE, tmp_path / "support_desk", ignore=shutil.ignore_patterns(".prompt-migrate", "__pycache__")
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENAI_"))}
    environ |= {"COLUMNS": "120", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *(f"-pno:{name}" for name in OTHERS), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=500, check=False, encoding="utf-8"
    )
    print(done.stdout, done.stderr)
    return done


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if not {".prompt-migrate", ".pytest_cache"} & {*path.parts}
    }


def test_a_smaller_model_breaks_the_parser_of_an_application_that_is_not_touched(example: Path) -> None:
    """`pytest --model gpt-4.1-nano` names flow, path and cause, and changes no line; bare pytest passes offline."""
    before = contents(example)
    replayed = run(example, "--model", "gpt-4.1-nano")
    assert 1 == replayed.returncode
    said = replayed.stdout
    assert "support-desk / test_message-wet against gpt-4.1-nano" in said
    assert "$calls[0].urgent: missing required (breaking" in said
    assert "the test fails: desk.CannotSort: after 2 tries: KeyError('urgent')" in said
    assert "support-desk against gpt-4.1-nano: 4 of 6 cases breaking" in said
    assert "7 items / 1 deselected / 6 selected" in said
    bare = run(example)
    assert 0 == bare.returncode
    assert "7 passed" in bare.stdout
    assert before == contents(example)
