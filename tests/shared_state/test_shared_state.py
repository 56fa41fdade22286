"""The state that workers share: no cent spent twice, over threads, processes and kills."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.edges.shared_state import SharedState
from migrate.errors import MAKE_ROOM, StoreProblem
from migrate.vocabulary import NoReplyKind


def spend(path: str, times: int, results: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    state, done = SharedState(Path(path)), 0
    for _ in range(times):
        if state.reserve(10):
            state.settle(10, 7)
            done += 1
    results.put(done)


def test_four_processes_never_pass_the_cap_together(tmp_path: Path):
    """What they spent is what the file says, and the cap stopped them."""
    path = tmp_path / "run.state"
    state = SharedState(path)
    state.begin(1000)
    state.close()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=spend, args=(str(path), 100, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    done = sum(results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    cap, reserved, spent = SharedState(path).sums()
    assert (1000, 0, 7 * done) == (cap, reserved, spent)
    assert 990 < spent <= 1000


@pytest.mark.parametrize("cap", [0, 10])
def test_a_cap_holds_what_it_is_and_nothing_more(tmp_path: Path, cap: int):
    """The last of it may be used; a cap of nothing holds nothing but calls that cost nothing."""
    state = SharedState(tmp_path / "run.state")
    state.begin(cap)
    assert state.could_hold(cap)
    assert not state.could_hold(cap + 1)
    assert not state.reserve(cap + 1)
    assert state.reserve(cap)
    assert (cap, cap, 0) == state.sums()
    assert not state.reserve(1)
    state.settle(cap, cap)
    assert (cap, 0, cap) == state.sums()
    assert not state.could_hold(1)


def test_closing_twice_closes_nothing_else(tmp_path: Path):
    """The number of a closed file may be another file's by then."""
    state = SharedState(tmp_path / "run.state")
    number = state._fd
    state.close()
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    state.close()
    assert number == other
    os.close(other)
    assert os.fstat(1)


def test_without_a_cap_everything_is_booked(tmp_path: Path):
    """No cap means no refusal, and the sum is kept all the same."""
    state = SharedState(tmp_path / "run.state")
    assert state.reserve(10**15)
    state.settle(10**15, 3)
    assert (None, 0, 3) == state.sums()


def test_a_pause_only_grows_and_everybody_sees_it(tmp_path: Path):
    """The longest pause anybody was told holds."""
    one, other = SharedState(tmp_path / "run.state"), SharedState(tmp_path / "run.state")
    one.pause(50.0)
    other.pause(20.0)
    assert (50.0, 50.0) == (one.paused_until, other.paused_until)


def test_what_was_reserved_by_a_killed_process_stays_reserved(tmp_path: Path):
    """Nobody knows whether it was spent, so it counts until the run is finished."""
    path = tmp_path / "run.state"
    code = f"""
import os, signal
from pathlib import Path
from migrate.edges.shared_state import SharedState
state = SharedState(Path({str(path)!r}))
state.begin(100)
state.reserve(60)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ})
    assert -signal.SIGKILL == killed.returncode
    state = SharedState(path)
    assert (100, 60, 0) == state.sums()
    assert not state.reserve(50)
    state.begin(100)
    assert (100, 0, 60) == state.sums()
    assert not state.reserve(50)


def test_a_foreign_file_is_refused(tmp_path: Path):
    """Somebody else's file is neither read as sums nor written over."""
    path = tmp_path / "run.state"
    path.write_bytes(b"x" * 100)
    with pytest.raises(StoreProblem, match="is not the state of a run"):
        SharedState(path)
    assert b"x" * 100 == path.read_bytes()


def test_a_cut_file_is_refused(tmp_path: Path):
    """A state that was written in part is refused in words, and mapping it kills nobody."""
    path = tmp_path / "run.state"
    SharedState(path).close()
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(StoreProblem, match="is not the state of a run"):
        SharedState(path)


def test_waiting_for_money_helps_only_where_the_cap_can_hold_it(tmp_path: Path):
    """What others set aside may come back; what was spent does not."""
    state = SharedState(tmp_path / "run.state")
    state.begin(100)
    assert state.reserve(60)
    assert (False, True) == (state.reserve(50), state.could_hold(50))
    state.settle(60, 55)
    assert (False, False) == (state.reserve(50), state.could_hold(50))


def prolong(path: str, times: int) -> None:
    state = SharedState(Path(path))
    for number in range(1, times + 1):
        state.pause(float(number))
    state.close()


def test_a_pause_is_never_out_of_sight(tmp_path: Path):
    """Who looks while another process makes a pause longer sees the old one or the new one, and never none."""
    path, times = tmp_path / "run.state", 100_000
    state, longest, shorter = SharedState(path), 0.0, []
    state.begin(None)
    writer = multiprocessing.get_context("spawn").Process(target=prolong, args=(str(path), times))
    writer.start()
    while writer.is_alive() and longest < times:
        for _ in range(1000):
            seen = state.paused_until
            shorter += [seen] * (seen < longest)
            longest = max(longest, seen)
    writer.join()
    assert float(times) == state.paused_until
    assert [] == shorter


def test_a_stop_holds_for_everybody_until_the_run_begins_again(tmp_path: Path):
    """The first reason stays; a resumed run starts without it, and without the pause of another day."""
    one, other = SharedState(tmp_path / "run.state"), SharedState(tmp_path / "run.state")
    assert one.stopped is None
    one.stop(NoReplyKind.QUOTA)
    other.stop(NoReplyKind.BUDGET)
    other.pause(1e9)
    assert (NoReplyKind.QUOTA, NoReplyKind.QUOTA) == (one.stopped, other.stopped)
    one.begin(None)
    assert (None, 0.0, (None, 0, 0)) == (other.stopped, other.paused_until, other.sums())


def test_every_kind_of_stop_fits_the_file(tmp_path: Path):
    """What one worker writes another reads, whatever the kind."""
    for kind in NoReplyKind:
        state = SharedState(tmp_path / f"{kind}.state")
        state.stop(kind)
        assert kind is state.stopped


def test_a_cap_beyond_all_money_is_a_cap(tmp_path: Path):
    """More dollars than the file can count is no crash and no refusal."""
    state = SharedState(tmp_path / "run.state")
    state.begin(10**40)
    assert state.reserve(10**15)


def test_the_file_is_its_owners_alone(tmp_path: Path):
    """What a run spent is nobody else's to read or to change, whatever the umask lets through."""
    before = os.umask(0)
    try:
        SharedState(tmp_path / "runs" / "run.state").close()
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "runs", tmp_path / "runs" / "run.state")]
    assert [0o700, 0o600] == modes


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path):
    """A folder where the file should be: path and reason, and that nothing was lost."""
    (tmp_path / "run.state").mkdir()
    with pytest.raises(StoreProblem) as told:
        SharedState(tmp_path / "run.state")
    assert f"{tmp_path / 'run.state'} cannot be used: Is a directory" == told.value.message
    assert "everything" == told.value.kept


@pytest.mark.parametrize(("number", "hint"), [(errno.ENOSPC, MAKE_ROOM), (errno.EDQUOT, MAKE_ROOM), (errno.EIO, None)])
def test_a_full_disk_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str | None
):
    """Room is to be made; of any other fault the file can be removed once no run is going on."""

    def refused(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pwrite", refused)
    with pytest.raises(StoreProblem) as told:
        SharedState(tmp_path / "run.state")
    assert f"{tmp_path / 'run.state'} cannot be used: {os.strerror(number)}" == told.value.message
    assert (hint or "it can be removed when no run is going on") == told.value.hint
