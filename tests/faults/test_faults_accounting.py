"""A run under faults of every kind: each case has its account, and the money is the oracle's to the last pico-dollar.

`FAULT_CALLS` sets the number of calls (300; the session `faults` of the noxfile makes 10,000).
"""

from __future__ import annotations

import fcntl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from fault_project import CALLS, CANDIDATE, SAMPLES, STREAMED_SHARE, FaultProject, Finished
from fault_server import FaultServer, Shares
from witness import Observed

SHARES = Shares(streamed=STREAMED_SHARE)
"""5 % rate limits, 2 % server errors, 1 % broken streams, 0.5 % stalls, 0.5 % malformed bodies."""
TIMEOUT_S = 6.0 if CALLS < 1000 else 15.0
"""So long that no answer is given up because the machine is busy."""
SUMS = struct.Struct("<8x8xqq")


@dataclass
class Watch:
    """What was seen of the money while a run went on."""

    looks: int = 0
    short: list[tuple[int, int]] = field(default_factory=list)
    """Known and reserved together where they were below what the oracle had counted."""


def sums_of(path: Path) -> tuple[int, int]:
    """Return what is reserved and spent; under the lock, or one might be of a moment before the other."""
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        return SUMS.unpack_from(file.read())


@contextmanager
def watched_money(project: FaultProject, server: FaultServer) -> Iterator[Watch]:
    """Compare what the run knows and has reserved with the oracle, again and again until it ends."""
    watch, end = Watch(), threading.Event()

    def look() -> None:
        while not end.wait(0.02):
            paths = list((project.root / ".prompt-migrate" / "journals").glob("*.state"))
            # The oracle first: what it has counted by now must be reserved or known by the later look.
            counted = server.books.pico("told", "maybe")
            try:
                reserved, spent = sums_of(paths[0])
            except (IndexError, OSError, struct.error):
                continue
            watch.looks += 1
            if reserved + spent < counted:
                watch.short.append((reserved + spent, counted))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        end.set()
        thread.join()


def replay(project: FaultProject, *args: str) -> Finished:
    words = ("-q", "--model", CANDIDATE, "--samples", str(SAMPLES), "--max-cost", "1000", "--migrate-fresh")
    return project.run(*words, *args)


def test_the_witness_sees_a_call_within_a_pause() -> None:
    """A breach is a call that looked after a pause was known, and left before it was over; to look before is none."""
    known = [(1.0, 3.0)]
    assert 1 == Observed(calls=[2.0], looks=[1.9], known=known).calls_within_pauses()
    assert 0 == Observed(calls=[2.0, 3.1], looks=[0.9, 2.9], known=known).calls_within_pauses()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_every_call_is_accounted_for(
    faulty: FaultProject, server: FaultServer, workers: tuple[str, ...], tmp_path: Path
) -> None:
    """Cases, cost, unknown attempts, retries and pauses of a run under faults are those the oracle counted."""
    server.restart(SHARES)
    faulty.configure(server.url, timeout_s=TIMEOUT_S)

    with watched_money(faulty, server) as watch:
        done = replay(faulty, *workers)

    books, saw = server.books, Observed.of(tmp_path / "witness")
    accounts = faulty.compared()["run"]["accounts"]
    silent = sum(count for name, count in accounts.items() if name.startswith("no_reply:"))
    assert "Traceback" not in done.out
    assert faulty.cases == accounts["planned"] == accounts["judged"] + silent
    assert (0 if not silent else 1) == done.code

    [(pico, unknown)] = faulty.ledger(
        "SELECT sum(cost_pico), sum(lost) + count(served_model) - count(cost_pico) FROM calls "
        "WHERE run_id = :run AND side = 'candidate'"
    )
    assert books.pico("told") == pico
    assert books.count("maybe") == unknown
    told = [Decimal(flow["cost_usd"]["candidate"]) for flow in faulty.compared()["flows"]]
    assert Decimal(books.pico("told")).scaleb(-12) == sum(told)
    assert [unknown] == [sum(flow["cost_usd"]["unknown"] for flow in faulty.compared()["flows"])]

    retries = len(books.entries) - CALLS
    print(f"{accounts}; ${books.pico('told') / 1e12:f} told, {unknown} unknown; {retries / CALLS:.1%} retries")
    print(f"{watch.looks} looks at the money, {len(saw.known)} pauses, {saw.calls_within_pauses()} calls within them")
    assert watch.looks
    assert [] == watch.short
    assert len(books.entries) == len(saw.calls)
    assert retries <= 0.2 * CALLS
    assert books.fates()["rate_limit"]
    assert [] == saw.unkept()
    assert 0 == saw.calls_within_pauses()
    assert [] == [name for name in faulty.state_files() if not silent]


def test_a_run_under_faults_takes_little_longer(faulty: FaultProject, server: FaultServer) -> None:
    """Faults cost their retries and the waits they impose; nothing else is slower: a third more CPU time at most."""
    faulty.configure(server.url, timeout_s=TIMEOUT_S)
    server.latency_s = 0.02
    clean = replay(faulty)
    server.restart(SHARES)
    under_faults = replay(faulty)

    stalls = server.books.fates()["stall"]
    waits = server.books.imposed_s + TIMEOUT_S * (1 + stalls // 50)
    print(f"{CALLS} calls, clean: {clean.seconds:.1f} s ({clean.cpu_s:.1f} s CPU)")
    print(f"under faults: {under_faults.seconds:.1f} s ({under_faults.cpu_s:.1f} s CPU), imposed waits {waits:.1f} s")
    print(
        f"without the waits {(under_faults.seconds - waits) / clean.seconds:.2f} times the clean run; 1.3 is the target"
    )
    print(f"fates: {dict(server.books.fates())}")
    # CPU time, because a clock on the wall tells how busy the machine is; the session `faults` prints both.
    assert under_faults.cpu_s <= 1.3 * clean.cpu_s + 1.0
