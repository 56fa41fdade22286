"""Measure what the product promises, as ratios in one run: `python benchmarks/run.py [--quick] [--only WORD]`.

Every contender is a whole process against the same loopback server; contenders take turns, several rounds; printed
are the median, the least and the most of wall time, CPU time (user and system) and peak memory, then each target
with the ratio that was measured. Only the ratios travel between machines.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import contenders
from contenders import Job

HERE = Path(__file__).parent


@dataclass
class Figures:
    """What one job took, round by round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)


@contextlib.contextmanager
def loopback(latency_ms: float = 0.0) -> Iterator[str]:
    """Run the loopback server; yield its base URL."""
    command = [sys.executable, str(HERE / "loopback.py"), "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["base_url"]
        assert server.stdin is not None
        server.stdin.close()


def timed(job: Job, figures: Figures) -> None:
    """Run a job once; its children's time counts as its own."""
    # A user's machine keeps compiled modules, and no other plugin of this environment takes part.
    left_out = ("CI", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    environ = {name: value for name, value in os.environ.items() if name not in left_out}
    environ |= {"PYTHONPATH": str(HERE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **job.environ}
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = subprocess.Popen(job.command, cwd=job.folder, env=environ, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != job.expected_exit:
            out.seek(0)
            raise SystemExit(
                f"{job.name} ended in {process.returncode}:\n{out.read().decode(errors='replace')[-3000:]}"
            )
    figures.wall.append(wall)
    figures.cpu.append(usage.ru_utime + usage.ru_stime)
    figures.peak_mb.append(usage.ru_maxrss / 1024)


def rounds(jobs: Sequence[Job], count: int) -> dict[str, Figures]:
    """Let the jobs take turns, so that a busy moment of the machine hits all of them."""
    results = {job.name: Figures() for job in jobs}
    for _ in range(count):
        for job in jobs:
            timed(job, results[job.name])
    return results


def show(title: str, results: dict[str, Figures]) -> None:
    print(f"\n{title}\n{'':44}{'wall s (min-max)':>22}{'CPU s (min-max)':>22}{'peak MB':>9}")
    for name, figures in results.items():
        wall, cpu = _spread(figures.wall), _spread(figures.cpu)
        print(f"{name:44}{wall:>22}{cpu:>22}{statistics.median(figures.peak_mb):>9.0f}")


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Return the median of the paired ratios with its least and its most."""
    pairs = [a / b for a, b in zip(ours, theirs, strict=True)]
    return statistics.median(pairs), min(pairs), max(pairs)


def target(what: str, measured: tuple[float, float, float], limit: float) -> bool:
    middle, low, high = measured
    met = middle <= limit
    print(f"{'met ' if met else 'MISS'}  {what}: {middle:.2f} x ({low:.2f}-{high:.2f}), target {limit:g} x")
    return met


class Bench:
    """One scratch folder and the sizes of this run."""

    def __init__(self, scratch: Path, *, cases: int, large: int, count: int) -> None:
        self.scratch, self.cases, self.large, self.count = scratch, cases, large, count
        self.met: list[bool] = []

    def check(self, what: str, measured: tuple[float, float, float], limit: float) -> None:
        self.met.append(target(what, measured, limit))

    def recorded(self, url: str, name: str, cases: int, samples: int = 1) -> Path:
        """Return a project whose goldens are recorded."""
        folder = contenders.our_project(self.scratch / name, url, cases, samples)
        timed(contenders.ours(folder, "record", "--golden=new", f"--samples={samples}"), Figures())
        return folder

    def live(self) -> None:
        """Live replay at zero latency: CPU against the SDK's own loop."""
        with loopback() as url:
            folder = self.recorded(url, "live", self.cases)
            jobs = [
                contenders.sdk_loop(self.scratch / "sdk", url, self.cases),
                contenders.post_loop(self.scratch / "post", url, self.cases),
                contenders.ours(folder, "prompt-migrate, live", "--model", "gpt-4.1", "--migrate-fresh"),
            ]
            binary = os.environ.get("PROMPTFOO") or shutil.which("promptfoo")
            if binary:
                jobs.append(contenders.promptfoo(self.scratch / "promptfoo", url, self.cases, binary))
            results = rounds(jobs, self.count)
        show(f"Live, {self.cases} cases, no latency, 50 in flight, K = 1", results)
        mine = results["prompt-migrate, live"]
        self.check("live CPU / SDK create loop", ratio(mine.cpu, results["SDK create loop"].cpu), 0.8)
        if binary:
            self.check("live CPU / promptfoo", ratio(mine.cpu, results["promptfoo"].cpu), 0.25)
        else:
            print("skip  live CPU / promptfoo: not installed (npm install promptfoo; PROMPTFOO=path)")

    def latency(self) -> None:
        """Live replay at 200 ms: wall time of the asking against the SDK's low-level post."""
        with loopback(200) as url:
            folder = self.recorded(url, "latency", self.cases)
            jobs = [
                contenders.post_loop(self.scratch / "post", url, self.cases),
                contenders.ours(folder, "prompt-migrate, live", "--model", "gpt-4.1", "--migrate-fresh"),
            ]
            results, spans = self._with_spans(jobs, folder)
        show(f"Live, {self.cases} cases, 200 ms an answer, 50 in flight", results)
        least = self.cases * 0.2 / 50
        self.check("first request to last byte / N L / C", _over(spans, least), 1.15)
        loop = results["SDK low-level post loop, aiohttp"].wall
        self.check("first request to last byte / post loop", ratio(spans, loop), 1.05)

    def _with_spans(self, jobs: Sequence[Job], folder: Path) -> tuple[dict[str, Figures], list[float]]:
        results, spans = {job.name: Figures() for job in jobs}, []
        for _ in range(self.count):
            for job in jobs:
                timed(job, results[job.name])
            spans.append(_span(folder))
        return results, spans

    def offline(self) -> None:
        """Offline replay against the barest plugin and pytest-recording."""
        with loopback() as url:
            one, five = self.recorded(url, "offline", self.cases), self.recorded(url, "five", self.cases, 5)
            for folder in (one, five):
                timed(contenders.ours(folder, "fill", "--model", "gpt-4.1"), Figures())
            record, replay = contenders.recording_plugin(self.scratch / "vcr", url, self.cases)
            timed(record, Figures())
            from loopback import ANSWER

            words = ("--model", "gpt-4.1", "--migrate-offline")
            jobs = [
                contenders.barest_plugin(self.scratch / "barest", json.dumps(ANSWER), self.cases),
                contenders.ours(one, "prompt-migrate, offline", *words),
                contenders.ours(five, "prompt-migrate, offline, K = 5", *words),
            ]
            results = rounds(jobs, self.count)
            slow = rounds([replay], 1)
        show(f"Offline, {self.cases} cases", {**results, **slow})
        mine, barest = results["prompt-migrate, offline"], results["barest pytest plugin, offline"]
        self.check("offline wall / barest plugin", ratio(mine.wall, barest.wall), 3.0)
        self.check("offline wall, K = 5 / K = 1", ratio(results["prompt-migrate, offline, K = 5"].wall, mine.wall), 2.5)
        recording = slow["pytest-recording, replay"].wall[0]
        self.check("offline wall / pytest-recording replay", _over(mine.wall, recording), 1 / 8)

    def growth(self) -> None:
        """Time a case and peak memory from N to 10 N."""
        words = ("--model", "gpt-4.1", "--migrate-fresh")
        with loopback() as url:
            small, large = self.recorded(url, "small", self.cases), self.recorded(url, "large", self.large)
            jobs = [
                contenders.ours(small, f"prompt-migrate, {self.cases} cases", *words),
                contenders.ours(large, f"prompt-migrate, {self.large} cases", *words),
            ]
            results = rounds(jobs, max(1, self.count // 2))
        show("Growth, live, no latency", results)
        few, many = results[jobs[0].name], results[jobs[1].name]
        start = self._start_up(small)
        a_case = [(cpu - start) / self.cases for cpu in few.cpu]
        at_scale = [(cpu - start) / self.large for cpu in many.cpu]
        self.check(f"CPU a case, {self.large} / {self.cases} cases", ratio(at_scale, a_case), 1.1)
        self.check("peak memory, MB / 200", _over(many.peak_mb, 200.0), 1.0)

    def _start_up(self, folder: Path) -> float:
        """Return the CPU of a run of one case: what a run costs before its cases do."""
        figures = Figures()
        for _ in range(3):
            timed(contenders.ours(folder, "one", "--model", "gpt-4.1", "--migrate-fresh", "-k", "case-7["), figures)
        return statistics.median(figures.cpu)

    def idle(self) -> None:
        """A one-test pytest run with the plugin loaded against one without it, in pairs."""
        folder = self.scratch / "idle"
        folder.mkdir()
        (folder / "test_one.py").write_text("def test_one():\n    pass\n", encoding="utf-8")
        quiet = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
        without = Job("pytest without the plugin", contenders.python(*quiet), folder)
        loaded = Job("pytest with the plugin, idle", contenders.python(*quiet, "-p", "migrate.pytest_plugin"), folder)
        results = rounds([without, loaded], max(30, self.count))
        show("Idle", results)
        pairs = zip(results[loaded.name].wall, results[without.name].wall, strict=True)
        extra = sorted(1000 * (a - b) for a, b in pairs)
        middle = statistics.median(extra)
        quarter = len(extra) // 4
        self.met.append(middle < 15)
        spread = f"middle half {extra[quarter]:.1f} to {extra[-quarter - 1]:.1f}"
        word = "met " if middle < 15 else "MISS"
        print(f"{word}  idle plugin: {middle:.1f} ms ({spread}, {len(extra)} pairs), target 15 ms")


def _over(values: Sequence[float], base: float) -> tuple[float, float, float]:
    return statistics.median(values) / base, min(values) / base, max(values) / base


def _span(folder: Path) -> float:
    """Return the newest run's seconds from its first request to its last byte, as its ledger has them."""
    import sqlite3

    with sqlite3.connect(folder / ".prompt-migrate" / "ledger.db") as db:
        run = db.execute("select id from runs order by started_at desc limit 1").fetchone()[0]
        rows = db.execute("select at, total_ms from calls where run_id = ? and side = 'candidate'", [run]).fetchall()
    ends = [dt.datetime.fromisoformat(at) for at, _ in rows]
    starts = [end - dt.timedelta(milliseconds=ms) for end, (_, ms) in zip(ends, rows, strict=True)]
    return (max(ends) - min(starts)).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few cases and rounds: does it run at all")
    parser.add_argument("--only", help="one of: live, latency, offline, growth, idle")
    given = parser.parse_args()
    size = {"cases": 100, "large": 500, "count": 1} if given.quick else {"cases": 1000, "large": 10_000, "count": 3}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        bench = Bench(Path(scratch), **size)
        for name in ("idle", "live", "latency", "offline", "growth"):
            if given.only in (None, name):
                getattr(bench, name)()
    print(f"\n{sum(bench.met)} of {len(bench.met)} targets met")


if __name__ == "__main__":
    main()
