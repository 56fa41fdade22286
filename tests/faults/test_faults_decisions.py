"""Killed while decisions are written: each file is the one before or the one after, and the log tells.

Accepting, rejecting, tolerating, promoting and applying a file of decisions are killed again and again at random
moments, killed at every single call that touches a file, and denied every single one of these. Then the same command
is given again: it finishes what was meant, and leaves nothing lying. `FAULT_KILLS` sets how often (a fifth of it).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from committed import files_of
from fault_project import CANDIDATE, FaultProject
from fault_server import FaultServer
from nursery import Ended, Nursery

from migrate import wiring
from migrate.edges.goldens import GoldenFiles
from migrate.redaction import Redactor
from migrate.reviewing import seen_digest
from migrate.vocabulary import CaseId, FlowName, Golden
from migrate.wiring.deciding import open_review

LOCK = ".prompt-migrate/deciding.lock"
"""Whose turn it is to decide: stays, and is empty."""
KILLS = int(os.environ.get("FAULT_KILLS", "200")) // 5
STEP = int(os.environ.get("FAULT_STEP", "12"))
CASES = 6
OTHER = '{"label": "late", "amount": 4}'
SIGNED = ("--reviewer", "ada", "--reason", "rounded up")
VERBS: dict[str, tuple[str, ...]] = {
    "accept --group": ("accept", "--group", "GROUP", *SIGNED),
    "accept --case": ("accept", "--case", "c0", *SIGNED),
    "accept --path": ("accept", "--path", "$.amount", *SIGNED),
    "reject": ("reject", "--path", "$.amount", *SIGNED),
    "tolerate": ("tolerate", "--path", "$.amount", "--until", "2026-02-01", *SIGNED),
    "apply": ("apply", "decisions.json"),
    "promote": ("promote", CANDIDATE, *SIGNED),
}
"""Every way to decide; those without a case write several goldens, of two flows where no group is named."""
DONE_BEFORE = ("nothing that is open in run", "is the baseline already")
WORDS = ("cannot", "could not", "disk", "space", "damaged")

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")


@dataclass
class Court:
    """Where deciding is killed."""

    nursery: Nursery
    folder: Path
    template: FaultProject
    """Recorded with one answer, replayed with another: every case has something to decide."""
    before: dict[str, bytes]
    """Its prompt files, goldens and logs."""
    group: str
    rng: random.Random = field(default_factory=lambda: random.Random(20260417))
    takes: dict[str, float] = field(default_factory=dict)
    """Seconds that each verb takes here and now."""

    def words(self, verb: str) -> tuple[str, ...]:
        return tuple(self.group if word == "GROUP" else word for word in VERBS[verb])

    def project(self, name: str) -> FaultProject:
        return FaultProject(Path(shutil.copytree(self.template.root, self.folder / name)), CASES)


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    folder = tmp_path_factory.mktemp("decisions")
    with FaultServer() as server, Nursery(folder) as nursery:
        template = FaultProject(folder / "template", CASES)
        template.write(server.url)
        assert 0 == nursery.run(template.root, "record", "--samples", "1").code
        server.says[CANDIDATE] = OTHER
        done = nursery.run(template.root, "pytest", "-q", "--model", CANDIDATE)
        assert 0 == done.code, done.out
    with Nursery(folder) as nursery:
        download(template.root)
        groups = [one for flow in template.compared()["flows"] for one in flow["groups"]]
        yield Court(nursery, folder, template, decided_files(template.root), groups[0]["id"])


def download(root: Path) -> None:
    """Write what a report would download: every case accepted."""
    world = wiring.open_world(root, {}, {})
    shown = list(open_review(world).seen(world.ledger.run(None)))
    world.close()
    decisions = [
        {
            "flow": one.comparison.flow,
            "case_id": one.comparison.case,
            "model": CANDIDATE,
            "group": None,
            "verdict": "accept",
            "base_sha256": one.base,
            "candidate_sha256": seen_digest(one.samples),
            "reason": "",
            "reviewer": "ada",
            "at": "2026-01-15T10:00:00Z",
        }
        for one in shown
    ]
    (root / "decisions.json").write_text(json.dumps({"format": 1, "run": "any", "decisions": decisions}), "utf-8")


def decided_files(root: Path) -> dict[str, bytes]:
    """Return what decisions may change: prompt files, goldens, measurements and logs, without files that are hidden."""
    names = [name for name in files_of(root) if name.startswith(("prompts/", "fixtures/")) and "/." not in name]
    return {name: (root / name).read_bytes() for name in names}


def check(court: Court, root: Path, verb: str) -> set[str]:
    """Check that every file is as it was before or as it was meant to be; return those that are as meant."""
    now, after = decided_files(root), set()
    assert court.before.keys() <= now.keys(), verb
    for name in now.keys() - court.before.keys():
        assert name.endswith("/decisions.jsonl"), name
    for name, content in now.items():
        if name.endswith("/decisions.jsonl") or content == court.before[name]:
            continue
        after.add(name)
        if name.endswith(".prompt.yml"):
            check_prompt(court.before[name].decode(), content.decode(), verb)
        elif not name.endswith("/measurements.json"):
            check_golden(court, root, name, verb)
    return after


def check_prompt(before: str, after: str, verb: str) -> None:
    """A changed prompt file says what it said, and one toleration, or another model."""
    if verb == "promote":
        assert before.replace("model: gpt-4o", f"model: {CANDIDATE}") == after
    else:
        assert after.startswith(f"{before}tolerated:\n")
        assert 1 == after.count("- kind:")
        assert after.endswith('reviewer: "ada"\n')


def check_golden(court: Court, root: Path, name: str, verb: str) -> None:
    """A changed golden is whole, is what was decided, and the log leads from the one before to it."""
    old, new = read(court.template.root, name), read(root, name)
    if verb == "promote":
        assert CANDIDATE == new.baseline
    else:
        assert old.samples == new.samples
        decided = new.rejected if verb == "reject" else new.approved
        assert [("ada", CANDIDATE)] == [(one.reviewer, one.candidate) for one in decided]
    assert (old.digest, new.digest) in steps(root / name), f"{verb}: no line of the log leads to {name}"


def read(root: Path, name: str) -> Golden:
    path = root / name
    golden = GoldenFiles(root / "fixtures", Redactor({})).read(FlowName(path.parent.name), CaseId(path.stem))
    assert golden is not None
    return golden


def steps(golden: Path) -> set[tuple[str, str]]:
    """Return from where to where the log leads a golden."""
    log = golden.parent / "decisions.jsonl"
    entries: list[dict[str, Any]] = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return {(entry["base"], entry["after"]) for entry in entries if entry["case"] == golden.stem}


def finish(court: Court, root: Path, verb: str, failed: Ended) -> None:
    """Give the command again: everything is decided, nothing is left lying."""
    last = court.nursery.run(root, *court.words(verb))
    said = f"{verb}: {failed.out}\n--- then ---\n{last.out}"
    assert last.code == 0 or any(words in last.out for words in DONE_BEFORE), said
    after = check(court, root, verb)
    assert expected(court, verb) == {name for name in after if not name.endswith("/measurements.json")}, said
    kept = {LOCK, *(f"fixtures/{flow}/decisions.jsonl" for flow in ("streamed", "plain"))}
    assert set(files_of(root)) - set(files_of(court.template.root)) <= kept, said


def expected(court: Court, verb: str) -> set[str]:
    """Return the files that a verb changes, logs and measurements apart: learned from a run that nobody disturbed."""
    root = court.folder / f"whole {verb}"
    if not root.exists():
        done = court.nursery.run(court.project(root.name).root, *court.words(verb))
        assert 0 == done.code, done.out
        court.takes[verb] = done.seconds
    changed = check(court, root, verb)
    assert changed, f"{verb} changes nothing"
    return {name for name in changed if not name.endswith("/measurements.json")}


def test_a_killed_decision_is_the_one_before_or_the_one_after(court: Court) -> None:
    """At any moment every file is whole, every decision that is in one is in the log, and the same command ends it."""
    for verb in VERBS:
        expected(court, verb)  # also says how long each takes
    kills = runs = 0
    while kills < KILLS:
        verb, runs = court.rng.choice(sorted(VERBS)), runs + 1
        root = court.project(f"killed {runs}").root
        for _ in range(court.rng.randint(1, 3)):
            # Files are written towards the end, so more of the moments are there.
            after = court.rng.triangular(0, 1.1, 0.9) * court.takes[verb]
            ended = court.nursery.run(root, *court.words(verb), signals=[(after, signal.SIGKILL)])
            kills += ended.code == -signal.SIGKILL
            check(court, root, verb)
        finish(court, root, verb, ended)
        shutil.rmtree(root)
    print(f"{kills} kills of {runs} decisions: every file the one before or the one after, 0 without a line, 0 stray")


@pytest.mark.parametrize("verb", ["accept --path", "tolerate", "promote"])
@pytest.mark.parametrize("kind", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("how", ["", "kill "], ids=["denied", "killed"])
def test_any_call_of_a_decision_may_fail(court: Court, verb: str, kind: str, how: str) -> None:
    """Denied or killed at the n-th call, for n = 1, 2, ... until none is left: words, no torn file, and a way on."""
    for nth in itertools.count(1, STEP):
        root = court.project(f"{verb} {how}{kind} {nth}").root
        ended = court.nursery.run(root, *court.words(verb), failing=(f"{how}{kind}", nth))
        if not ended.fired:
            assert 0 == ended.code, ended.out
            assert nth > 1, f"no call of the kind {kind} was seen"
            break
        assert "Traceback" not in ended.out, f"{kind} {nth}: {ended.out}"
        if not how:
            assert ended.code in (0, 1, 2, 13), f"{kind} {nth} ended with {ended.code}: {ended.out}"
            assert ended.code == 0 or any(word in ended.out for word in WORDS), f"{kind} {nth}: {ended.out}"
        check(court, root, verb)
        finish(court, root, verb, ended)
        shutil.rmtree(root)
