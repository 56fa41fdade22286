"""Offline means offline: proved where there is no network at all, and by a count of every attempt."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from small_project import Project, fresh, project, recorded, verdicts

__all__ = ["fresh", "project", "recorded"]
ALONE = ["unshare", "--net", "--"]
"""A network namespace of its own: it has a loopback that is down, and nothing else."""


def has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return 0 == subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode


needs_namespaces = pytest.mark.skipif(not has_namespaces(), reason="no right to make a network namespace here")


def without_network(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in the project where no packet can leave, not even to this machine."""
    command = [*ALONE, sys.executable, "-m", "pytest", "-v", *arguments]
    return subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False, timeout=900)


@needs_namespaces
def test_the_namespace_has_no_network(project: Project) -> None:
    """The proof is worth something: there, a live run gets no answer from a server that answers here."""
    code = f"import urllib.request; urllib.request.urlopen({project.url!r}, timeout=5)"
    done = subprocess.run([*ALONE, sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (1, True) == (done.returncode, "Network is unreachable" in done.stderr)


@needs_namespaces
def test_offline_needs_no_network(project: Project) -> None:
    """`--migrate-offline` gives the same verdicts in a namespace without any network."""
    live = project.run("-v", "--model", "gpt-4.1")
    offline = without_network(project, "--model", "gpt-4.1", "--migrate-offline")

    result = pytest.RunResult(offline.returncode, offline.stdout.split("\n"), [], 0.0)
    assert (live.ret, verdicts(live)) == (offline.returncode, verdicts(result))
    assert 5 == len(verdicts(result))


@needs_namespaces
def test_plain_pytest_needs_no_network(project: Project) -> None:
    """Without `--model` or `--golden` the plugin asks nobody: tests of the project run as ever."""
    (project.root / "test_own.py").write_text("def test_own() -> None:\n    assert True\n", "utf-8")
    done = without_network(project, "test_own.py")

    assert 0 == done.returncode, done.stdout
    assert "1 passed" in done.stdout


def test_plain_pytest_reaches_out_to_nobody(project: Project) -> None:
    """By an audit hook: no name looked up, no connection, no server started, also where there are no namespaces."""
    (project.root / "test_own.py").write_text("def test_own() -> None:\n    assert True\n", "utf-8")
    project.guard()

    project.run("test_own.py").assert_outcomes(passed=1)

    assert "" == project.reached_out()
