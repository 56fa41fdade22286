"""The plugin with the simulated provider, which needs no key: said wherever a figure is shown, and gone afterwards."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from small_project import CALL_ID, LATE_ID, Project, verdicts, write

STARTS = """
import subprocess

real = subprocess.Popen.__init__

def noted(self, *args, **options):
    real(self, *args, **options)
    if "simulate" in args[0]:
        with open("children.txt", "a") as log:
            print(self.pid, file=log)

subprocess.Popen.__init__ = noted
"""


@pytest.fixture
def simulated(fresh: Project) -> Project:
    """A project that is answered by the simulated provider, at once."""
    fresh.configure(provider="simulated", time_scale=0)
    write(fresh.root / "conftest.py", STARTS)
    return fresh


def children(project: Project) -> list[int]:
    """Return the process ids of the providers that runs have started."""
    log = project.root / "children.txt"
    return [int(line) for line in log.read_text("utf-8").split()] if log.exists() else []


def test_one_provider_answers_all_workers_and_ends_with_the_run(simulated: Project) -> None:
    """A run starts one simulated provider for all its workers and ends it; verdicts do not differ."""
    recorded = simulated.run("-q", "--golden=new", "-n", "2")
    alone = simulated.run("-v", "--model", "gpt-4.1-mini")
    shared = simulated.run("-v", "--model", "gpt-4.1-mini", "--migrate-fresh", "-n", "2")
    offline = simulated.run("-v", "--model", "gpt-4.1-mini", "--migrate-offline")

    recorded.assert_outcomes(passed=5)
    assert verdicts(alone) == verdicts(shared) == verdicts(offline)
    assert 5 == len(verdicts(alone))
    assert 3 == len(children(simulated)), "one for each run that asks"
    assert [] == [pid for pid in children(simulated) if Path(f"/proc/{pid}").exists() and os.getpid() != pid]


def test_simulated_answers_are_called_so(simulated: Project) -> None:
    """Header, summary, measurements and the compared document say that no real model answered, and by which seed."""
    simulated.run("-q", "--golden=new", LATE_ID, CALL_ID).assert_outcomes(passed=2)

    result = simulated.run("--model", "gpt-4.1", LATE_ID, CALL_ID, "--migrate-seed", "7")

    result.stdout.fnmatch_lines(
        [
            "prompt-migrate: SIMULATED provider (seed 7, time scale 0): no real model answers",
            "  judged as of *",
            "SIMULATED: the simulated provider answered.*",
        ]
    )
    rows = json.loads((simulated.root / "fixtures" / "refund" / "measurements.json").read_text("utf-8"))["rows"]
    assert {True} == {row["simulated"] for row in rows}
    assert re.search(r"baseline\s+simulated, recorded on", result.stdout.str())
    assert simulated.compared()["simulated"] is True
