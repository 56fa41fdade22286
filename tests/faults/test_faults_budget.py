"""A cap on the cost under faults and with two workers: never passed, and nobody calls after the stop."""

from __future__ import annotations

from pathlib import Path

from fault_project import CANDIDATE, SAMPLES, STREAMED_SHARE, FaultProject
from fault_server import FaultServer, Shares
from witness import Observed


def test_the_cap_holds_under_faults_and_nobody_calls_after_the_stop(
    faulty: FaultProject, server: FaultServer, tmp_path: Path
) -> None:
    """What the oracle calls spent, attempts it told nobody of included, stays under the cap; a larger cap finishes."""
    server.restart(Shares(streamed=STREAMED_SHARE))
    faulty.configure(server.url, timeout_s=6.0)
    cap = faulty.cases * SAMPLES * 100_000_000
    words = ("-q", "--model", CANDIDATE, "--samples", str(SAMPLES), "-n", "2")

    stopped = faulty.run(*words, "--max-cost", f"{cap / 1e12:f}")

    books, saw = server.books, Observed.of(tmp_path / "witness")
    assert 1 == stopped.code
    assert "budget" in stopped.out
    assert saw.stops
    assert "incomplete" == faulty.compared()["run"]["state"]
    assert cap / 2 < books.pico("told", "maybe") <= cap
    assert 0 == saw.calls_after_stop()
    [(known,)] = faulty.ledger("SELECT sum(cost_pico) FROM calls WHERE run_id = :run AND side = 'candidate'")
    assert known <= books.pico("told")
    made, spent = len(books.entries), books.pico("told", "maybe") / cap

    resumed = faulty.run("-q", "--migrate-resume", "--max-cost", "1000", "-n", "2")

    assert 0 == resumed.code, resumed.out[-1500:]
    [(total,)] = faulty.ledger("SELECT sum(cost_pico) FROM calls WHERE run_id = :run AND side = 'candidate'")
    assert books.pico("told") == total
    answered = sum(entry.charge == "told" for entry in books.entries)
    assert faulty.cases * SAMPLES == answered
    unknown = books.count("maybe")
    print(f"cap ${cap / 1e12:f}: {spent:.1%} of it spent by {made} calls, none after the stop; {unknown} unknown")
