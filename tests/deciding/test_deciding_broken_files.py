"""A prompt file that cannot be read stops decisions on its own flow, and on no other."""

from __future__ import annotations

import pytest
from deciding_commands import MODEL, command, counts, decide, statuses
from small_project import Project, write

BROKEN = "messages: [\n"


@pytest.fixture
def broken(replayed: Project) -> Project:
    """`prompts/notes.prompt.yml` is in the middle of being edited."""
    file = replayed.root / "prompts" / "notes.prompt.yml"
    write(file, file.read_text("utf-8") + BROKEN)
    return replayed


def where(project: Project) -> str:
    lines = (project.root / "prompts" / "notes.prompt.yml").read_text("utf-8").splitlines()
    return f"prompts/notes.prompt.yml:{len(lines)}: "


def test_other_flows_are_decided_on(broken: Project) -> None:
    """Accepted, rejected and tolerated, as if the file were sound."""
    assert {"written"} == {*statuses(decide("accept", "--case", "late-parcel")).values()}
    assert {"written"} == {*statuses(decide("reject", "--case", "broken-cup", "--reason", "no")).values()}
    day = ("--until", "2026-02-01", "--reason", "known")
    assert {"written"} == {*statuses(decide("tolerate", "--case", "lost.letter", *day)).values()}
    file = broken.root / "prompts" / "notes.prompt.yml"
    write(file, file.read_text("utf-8").removesuffix(BROKEN))
    broken.run(*MODEL)
    assert {"accepted": 2, "breaking": 1} == counts()


@pytest.mark.parametrize("verdict", ["accept", "reject", "tolerate"])
def test_its_own_flow_is_refused_with_file_and_line(broken: Project, verdict: str) -> None:
    """Nothing is written, and what is wrong is told."""
    before = broken.files("fixtures")
    more = {"reject": ("--reason", "no"), "tolerate": ("--until", "2026-02-01", "--reason", "known")}
    (one,) = decide(verdict, "--case", "call-back", *more.get(verdict, ()), code=1)["decisions"]
    assert "refused" == one["status"]
    assert "its prompt file cannot be read: prompts/notes.prompt.yml:" in one["why"]
    assert where(broken) in one["why"]
    assert before == broken.files("fixtures")


def test_promotion_refuses_it_and_takes_the_others(broken: Project) -> None:
    """Both are told, and the command ends with 1."""
    done = command("promote", "gpt-4.1", "--reason", "moved", "--dry-run")
    assert 1 == done.exit_code
    assert done.stdout.startswith("notes: refused: its prompt file cannot be read:")
    assert "refund: gpt-4.1 would be the baseline" in done.stdout
