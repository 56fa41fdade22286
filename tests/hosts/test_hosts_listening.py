"""Nothing listens: a review is a file, and the one server of the product is for this machine alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import Project, fresh, project, recorded

__all__ = ["fresh", "project", "recorded"]
PROGRAM = """
import sys

def refuse(event, args):
    if event == "socket.bind":
        print("LISTENS", args[1:], flush=True)
        raise AssertionError("nothing may listen")

sys.addaudithook(refuse)
from migrate.cli import main
main(sys.argv[1:], standalone_mode=False)
"""


@pytest.mark.parametrize(
    "words", [("report",), ("compare",), ("accept", "--case", "late-parcel", "--dry-run"), ("runs",)], ids=" ".join
)
def test_no_command_of_a_review_listens(project: Project, words: tuple[str, ...]) -> None:
    """Report, comparison and decisions bind no socket, so there is nothing another user or page could reach."""
    project.say("gpt-4.1", {"my parcel is late": '{"label": "late", "amount": 4}'})
    project.run("-q", "--model", "gpt-4.1")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert 0 == done.returncode, done.stderr
    assert "LISTENS" not in done.stdout


def test_the_simulated_provider_is_for_this_machine_alone() -> None:
    """Its address is the loopback's, and no option can give it another one."""
    from migrate.cli.simulate import simulate
    from migrate.edges.providers.simulated import server

    assert [] == [one.name for one in simulate.params if one.name in ("host", "bind", "address")]
    sites = re.findall(r"TCPSite\((.*)\)", Path(server.__file__).read_text("utf-8"))
    assert ['runner, "127.0.0.1", port'] == sites
