"""Measure what the product promises, as ratios in one run: `python benchmarks/run.py [--quick] [--only WORD]`.

Every contender is a whole process against the same loopback server; contenders take turns, several rounds; printed
are the median, the least and the most of wall time, CPU time (user and system) and peak memory, then each target
with the ratio that was measured. Only the ratios travel between machines. Where `perf` can count instructions, which
a busy machine does not change, their ratios are printed too.

`--results FILE` keeps each part's figures, replacing older ones of the same part; `--write` makes docs/performance.md
of that file.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import functools
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import contenders
from contenders import Job

HERE = Path(__file__).parent


@dataclass
class Figures:
    """What one job took, round by round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    instructions: list[float] = field(default_factory=list)
    """Of the process itself, in user mode; empty where they cannot be counted."""


@functools.cache
def counter() -> tuple[str, ...]:
    """Return the command that counts instructions, empty where there is none or the machine does not tell."""
    words = ("perf", "stat", "-x,", "-e", "instructions:u")
    if shutil.which("perf") is None:
        return ()
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    return words if tried.stderr.split(",", 1)[0].isdigit() else ()


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
    with tempfile.TemporaryFile() as out, tempfile.NamedTemporaryFile() as counted:
        counting = [*counter(), "-o", counted.name, "--"] if counter() else []
        started = time.perf_counter()
        process = subprocess.Popen([*counting, *job.command], cwd=job.folder, env=environ, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != job.expected_exit:
            out.seek(0)
            raise SystemExit(
                f"{job.name} ended in {process.returncode}:\n{out.read().decode(errors='replace')[-3000:]}"
            )
        lines = [line for line in counted.read().decode().splitlines() if "instructions" in line]
    if lines:
        figures.instructions.append(float(lines[0].split(",", 1)[0]))
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


@dataclass
class Part:
    """What one part of the benchmark found: its tables, its targets, and what the machine was busy with."""

    name: str
    rounds: int
    day: str = ""
    load: list[float] = field(default_factory=list)
    """Load average of one minute, before and after."""
    tables: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def show(self, title: str, results: dict[str, Figures]) -> None:
        show(title, results)
        rows = [
            [name, _spread(of.wall), _spread(of.cpu), f"{statistics.median(of.peak_mb):.0f}"]
            for name, of in results.items()
        ]
        self.tables.append({"title": title, "rows": rows})

    def check(self, what: str, measured: tuple[float, float, float], limit: float, unit: str = "x") -> None:
        middle, low, high = measured
        met = middle <= limit
        digits = 2 if unit == "x" else 1
        words = f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"
        print(f"{'met ' if met else 'MISS'}  {what}: {words}, target {limit:g} {unit}", flush=True)
        self.targets.append({"what": what, "measured": words, "target": f"{limit:g} {unit}", "met": met})

    def note(self, words: str) -> None:
        print(words)
        self.notes.append(words)

    def instructions(self, what: str, ours: Figures, theirs: Figures) -> None:
        """Say the ratio of instructions, which no load changes, where it can be had."""
        if ours.instructions and theirs.instructions:
            middle, low, high = ratio(ours.instructions, theirs.instructions)
            self.note(f"{what}, in instructions: {middle:.2f} x ({low:.2f} to {high:.2f})")


class Bench:
    """One scratch folder and the sizes of this run."""

    def __init__(self, scratch: Path, *, cases: int, large: int, count: int) -> None:
        self.scratch, self.cases, self.large, self.count = scratch, cases, large, count
        self.part = Part("", 0)

    def measure(self, name: str) -> Part:
        """Run one part."""
        self.part = Part(name, self.count, dt.datetime.now(dt.UTC).date().isoformat(), [os.getloadavg()[0]])
        getattr(self, name)()
        self.part.load.append(os.getloadavg()[0])
        return self.part

    def check(self, what: str, measured: tuple[float, float, float], limit: float) -> None:
        self.part.check(what, measured, limit)

    def show(self, title: str, results: dict[str, Figures]) -> None:
        self.part.show(title, results)

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
        self.show(f"Live, {self.cases} cases, no latency, 50 in flight, K = 1", results)
        mine = results["prompt-migrate, live"]
        self.check("live CPU / SDK create loop", ratio(mine.cpu, results["SDK create loop"].cpu), 0.8)
        self.part.instructions("live / SDK create loop", mine, results["SDK create loop"])
        if binary:
            self.check("live CPU / promptfoo", ratio(mine.cpu, results["promptfoo"].cpu), 0.25)
        else:
            self.part.note("promptfoo was not measured: not installed (npm install promptfoo; PROMPTFOO=path)")

    def latency(self) -> None:
        """Live replay at 200 ms: wall time of the asking against the SDK's low-level post."""
        with loopback(200) as url:
            folder = self.recorded(url, "latency", self.cases)
            jobs = [
                contenders.post_loop(self.scratch / "post", url, self.cases),
                contenders.ours(folder, "prompt-migrate, live", "--model", "gpt-4.1", "--migrate-fresh"),
            ]
            results, spans = self._with_spans(jobs, folder)
        self.show(f"Live, {self.cases} cases, 200 ms an answer, 50 in flight", results)
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
        self.show(f"Offline, {self.cases} cases", {**results, **slow})
        mine, barest = results["prompt-migrate, offline"], results["barest pytest plugin, offline"]
        self.check("offline wall / barest plugin", ratio(mine.wall, barest.wall), 3.0)
        self.check("offline CPU / barest plugin", ratio(mine.cpu, barest.cpu), 3.0)
        self.part.instructions("offline / barest plugin", mine, barest)
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
            start = self._start_up(small)
        self.show("Growth, live, no latency", results)
        few, many = results[jobs[0].name], results[jobs[1].name]
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
        self.show("Idle", results)
        self._extra("idle plugin, CPU", results[loaded.name].cpu, results[without.name].cpu, 15)
        self._extra("idle plugin, wall", results[loaded.name].wall, results[without.name].wall, 15)

    def help(self) -> None:
        """`prompt-migrate --help` against a Python that does nothing, in pairs."""
        nothing = Job("python -c pass", contenders.python("-c", "pass"), self.scratch)
        asked = Job("prompt-migrate --help", contenders.python("-m", "migrate", "--help"), self.scratch)
        results = rounds([nothing, asked], max(15, self.count))
        self.show("Help", results)
        self._extra("--help, CPU", results[asked.name].cpu, results[nothing.name].cpu, 150)
        self._extra("--help, wall", results[asked.name].wall, results[nothing.name].wall, 150)

    def prompt(self) -> None:
        """One case with a prompt of 4 MB, about a million tokens, against one of 1 KB: everything, sending included."""
        words = ("--model", "gpt-4.1", "--migrate-fresh")
        with loopback() as url:
            small, large = self.recorded(url, "short", 1), contenders.our_project(self.scratch / "long", url, 1, 1)
            contenders.lengthen(large, 4_000_000)
            timed(contenders.ours(large, "record", "--golden=new", "--samples=1"), Figures())
            jobs = [contenders.ours(small, "1 KB", *words), contenders.ours(large, "4 MB", *words)]
            results = rounds(jobs, max(5, self.count))
        self.show("One case, live, by the size of its prompt", results)
        self._extra("a prompt of 4 MB, CPU", results["4 MB"].cpu, results["1 KB"].cpu, 1000)

    def _extra(self, what: str, more: Sequence[float], less: Sequence[float], limit_ms: float) -> None:
        """Check the median of paired differences, told with the middle half of them."""
        extra = sorted(1000 * (a - b) for a, b in zip(more, less, strict=True))
        quarter = len(extra) // 4
        self.part.rounds = len(extra)
        share = statistics.median(extra) / (10 * statistics.median(less))
        self.part.note(f"{what}: {share:.1f} % of the process it is held against")
        self.part.check(what, (statistics.median(extra), extra[quarter], extra[-quarter - 1]), limit_ms, "ms")


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


PARTS = ("idle", "help", "live", "latency", "offline", "growth", "prompt")


def keep(path: Path, part: Part) -> None:
    """Put a part's figures into the results file, in the place of older ones."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | {part.name: asdict(part)}, indent=1), encoding="utf-8")


def page(results: Path) -> str:
    """Return docs/performance.md as its results make it."""
    import jinja2

    known = json.loads(results.read_text(encoding="utf-8"))
    parts = [known[name] for name in PARTS if name in known]
    template = (HERE / "performance.md.jinja").read_text(encoding="utf-8")
    versions = {name: importlib.metadata.version(name) for name in ("openai", "aiohttp", "pytest", "SQLAlchemy")}
    return jinja2.Template(template, undefined=jinja2.StrictUndefined, keep_trailing_newline=True).render(
        parts=parts,
        days=sorted({part["day"] for part in parts}),
        loads=[load for part in parts for load in part["load"]],
        cores=os.cpu_count(),
        machine=platform.machine(),
        python=platform.python_version(),
        versions=versions,
        met=sum(target["met"] for part in parts for target in part["targets"]),
        targets=sum(len(part["targets"]) for part in parts),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few cases and rounds: does it run at all")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument("--rounds", type=int, help="rounds of the long parts (default 3)")
    parser.add_argument("--results", type=Path, help="keep the figures in this JSON file")
    parser.add_argument("--write", action="store_true", help="only make docs/performance.md of --results")
    given = parser.parse_args()
    if given.write:
        (HERE.parent / "docs" / "performance.md").write_text(page(given.results), encoding="utf-8")
        return
    size = {"cases": 100, "large": 500, "count": 1} if given.quick else {"cases": 1000, "large": 10_000, "count": 3}
    size["count"] = given.rounds or size["count"]
    met: list[bool] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        bench = Bench(Path(scratch), **size)
        for name in given.only or PARTS:
            part = bench.measure(name)
            met += [found["met"] for found in part.targets]
            if given.results:
                keep(given.results, part)
    print(f"\n{sum(met)} of {len(met)} targets met")


if __name__ == "__main__":
    main()
