"""A golden is whole or not there, and what was acknowledged is on the disk: killed writers, full disks, two at once."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from golden_nouns import golden, measurement

from migrate.edges.goldens import GoldenFiles
from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import CaseId, FlowName

REFUND, LATE = FlowName("refund"), CaseId("late-parcel")
HARNESS = Path(__file__).with_name("kill_writer.py")
KILLS = 100
SYSTEM_CALLS = ("open", "write", "fsync", "close", "replace", "read", "fstat")


def run_harness(*arguments: object) -> list[dict[str, int]]:
    command = [sys.executable, str(HARNESS), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_killed_writer_tears_no_golden(tmp_path: Path) -> None:
    """A hundred writers killed at random moments: every golden is whole, and the next writer sweeps what they left."""
    kills = run_harness("safe", tmp_path / "fixtures", KILLS, 1)
    assert KILLS == len(kills)
    assert 0 == sum(kill["torn"] for kill in kills)
    assert sum(kill["left"] for kill in kills) >= 5, "the blows fell in the middle of writes"
    files = GoldenFiles(tmp_path / "fixtures", Redactor())
    for case in files.cases(REFUND):
        read = files.read(REFUND, case)
        assert read is not None
        words = read.samples[0].sample.answer.text.split()  # type: ignore[union-attr]
        assert 8_000 == len(words)
        assert 1 == len(set(words))
    files.write(golden("another"))
    assert () == files.leftovers()


def test_the_same_blows_tear_files_of_a_plain_writer(tmp_path: Path) -> None:
    """The control: open-and-dump leaves torn JSON under this harness, so the test above can fail."""
    assert sum(kill["torn"] for kill in run_harness("plain", tmp_path / "fixtures", 30, 1)) >= 5


def test_two_writers_of_one_golden_leave_a_whole_one(tmp_path: Path) -> None:
    """Whoever comes last wins whole; never a mixture, never a leftover."""
    run_harness("race", tmp_path / "fixtures", 50)
    files = GoldenFiles(tmp_path / "fixtures", Redactor())
    assert 50 == len(files.flows())
    for flow in files.flows():
        read = files.read(flow, LATE)
        assert read is not None
        texts = [sample.sample.answer.text for sample in read.samples if sample.sample.answer is not None]
        assert texts in (["1"] * 5, ["2"] * 5)
    assert () == files.leftovers()


def test_two_writers_of_measurements_lose_no_row(tmp_path: Path) -> None:
    """Recording different cases of one flow at once keeps the rows of both: read, change and write are one step."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path; from golden_nouns import measurement\n"
        "from migrate.edges.goldens import GoldenFiles; from migrate.redaction import Redactor\n"
        "files = GoldenFiles(Path(sys.argv[3]), Redactor())\n"
        "for n in range(30): files.write_measurements('refund', [measurement(f'{sys.argv[4]}-{n}', 1)])\n"
    )
    paths = [str(HARNESS.parents[2]), str(HARNESS.parent), str(tmp_path / "fixtures")]
    writers = [subprocess.Popen([sys.executable, "-c", script, *paths, side]) for side in "ab"]
    assert [0, 0] == [writer.wait(timeout=120) for writer in writers]
    assert 60 == len(GoldenFiles(tmp_path / "fixtures", Redactor()).measurements(REFUND))


@pytest.fixture
def system_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The system calls made, in order, with what they were made on."""
    made: list[str] = []
    names: dict[int, str] = {}
    real = {name: getattr(os, name) for name in ("open", "write", "fsync", "replace", "close")}

    def opened(path: object, *args: object, **kwargs: object) -> int:
        handle: int = real["open"](path, *args, **kwargs)
        names[handle] = (
            "temporary file" if str(path).endswith(".tmp") else "folder" if "refund" in str(path) else "other"
        )
        return handle

    def on_handle(name: str) -> Callable[..., object]:
        def call(handle: int, *args: object) -> object:
            made.append(f"{name} {names.get(handle, 'other')}")
            return real[name](handle, *args)

        return call

    def replaced(*args: object, **kwargs: object) -> None:
        made.append("rename")
        real["replace"](*args, **kwargs)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "replace", replaced)
    for name in ("write", "fsync", "close"):
        monkeypatch.setattr(os, name, on_handle(name))
    return made


def test_a_write_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path, system_calls: list[str]) -> None:
    """Write, fsync of the file, rename, fsync of the folder: in this order, so that a power cut finds old or new."""
    files = GoldenFiles(tmp_path / "fixtures", Redactor())
    files.write(golden())
    system_calls.clear()
    files.write(golden("late-parcel", "changed"))
    order = [call for call in system_calls if call not in {"close other", "fsync other"}]
    expected = ["write temporary file", "fsync temporary file", "close temporary file", "rename", "fsync folder"]
    assert [*expected, "close folder"] == [call for call in order if call != "close folder"] + ["close folder"]


def test_a_new_folder_is_on_the_disk_too(tmp_path: Path, system_calls: list[str]) -> None:
    """The first golden of a flow makes its folder, and the folder above is synced."""
    GoldenFiles(tmp_path / "fixtures", Redactor()).write(golden())
    assert system_calls.index("fsync other") < system_calls.index("rename")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_any_failing_system_call_leaves_the_golden_sound(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th system call fails, for n = 1, 2, ... until none is left to fail: old or new is there, nothing else."""
    folder = tmp_path / "fixtures"
    GoldenFiles(folder, Redactor()).write(golden("late-parcel", "old"))
    failures = 0
    for failing in range(1, 100):
        files = GoldenFiles(folder, Redactor())
        with monkeypatch.context() as patch:
            count = fail_nth_call(patch, failing, error)
            try:
                files.write(golden("late-parcel", f"new {failing}"))
            except StoreProblem as problem:
                assert os.strerror(error) in problem.message  # noqa: PT017
                assert problem.message.startswith("cannot write fixtures/refund/late-parcel.json: ")  # noqa: PT017
                failures += 1
        if count() < failing:
            break
        read = GoldenFiles(folder, Redactor()).read(REFUND, LATE)
        assert read is not None
        assert read.samples[0].sample.answer.text in {"old", *(f"new {n}" for n in range(failing + 1))}  # type: ignore[union-attr]
    assert failures >= 5
    GoldenFiles(folder, Redactor()).write(golden("late-parcel", "at last"))
    assert ["late-parcel.json"] == [path.name for path in (folder / "refund").iterdir()]


def fail_nth_call(patch: pytest.MonkeyPatch, failing: int, error: int) -> Callable[[], int]:
    """Let the n-th of the watched system calls fail; return the counter."""
    made = 0

    def watched(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            nonlocal made
            made += 1
            if made == failing:
                if name == "close":
                    real(*args)
                raise OSError(error, os.strerror(error))
            return real(*args, **kwargs)

        return call

    for name in SYSTEM_CALLS:
        patch.setattr(os, name, watched(name))
    return lambda: made


def test_a_full_disk_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says that what was there before is untouched."""
    files = GoldenFiles(tmp_path / "fixtures", Redactor())
    files.write(golden())

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreProblem, match="No space left on device") as caught:
        files.write(golden("late-parcel", "new"))
    assert "what was there before is untouched" == caught.value.kept
    assert "free some space and repeat the command" == caught.value.hint


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system call that writes less than it was given is no torn golden."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data)[:100]))
    files = GoldenFiles(tmp_path / "fixtures", Redactor())
    files.write(golden("late-parcel", "word " * 500))
    assert files.read(REFUND, LATE) is not None


def test_leftovers_of_dead_writers_are_swept(tmp_path: Path) -> None:
    """A temporary file without a living writer is listed, disturbs no reader, and goes with the next write."""
    files = GoldenFiles(tmp_path / "fixtures", Redactor())
    files.write(golden())
    left = files.root / "refund" / ".late-parcel.json.4711.tmp"
    left.write_text("{")
    again = GoldenFiles(tmp_path / "fixtures", Redactor())
    assert ("fixtures/refund/.late-parcel.json.4711.tmp",) == again.leftovers()
    assert ("late-parcel",) == again.cases(REFUND)
    again.write_measurements(REFUND, [measurement("late-parcel", 1)])
    assert not left.exists()


def test_files_have_the_rights_of_any_file_in_the_checkout(tmp_path: Path) -> None:
    """Goldens are for git and colleagues: ordinary rights, as the umask says."""
    before = os.umask(0o022)
    try:
        files = GoldenFiles(tmp_path / "fixtures", Redactor())
        files.write(golden())
    finally:
        os.umask(before)
    assert 0o644 == (files.root / "refund" / "late-parcel.json").stat().st_mode & 0o777
