"""Measure the report: its size and the time to build it, to be ready, to open a case, to filter and to scroll.

    python benchmarks/report.py [--firefox] [CASES ...]      (5000 and 20000 unless given)

Needs playwright, and chromium or with `--firefox` firefox-esr. Each case has about 2.5 KB of answers, 3.7 KB with all
facts of it: a golden of one sample and one candidate's. Built is what the command builds: from a ledger, and goldens
and prompt files on a disk. Beside the time on the wall, which other work on the machine stretches, stands the processor
time: of the command, and of the page's main thread, which Firefox does not tell.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "report")]

from measured import compared, finding, keep_run  # noqa: E402
from report_browser import FLAGS, installed_firefox, start_firefox  # noqa: E402
from report_stage import golden, judged, trial  # noqa: E402

from migrate.edges.goldens import GoldenFiles  # noqa: E402
from migrate.redaction import Redactor  # noqa: E402
from migrate.vocabulary import CaseVerdict  # noqa: E402

WORDS = [
    f"{a}{b}"
    for a in ("par", "ref", "or", "ship", "in", "tra", "con", "de")
    for b in ("cel", "und", "der", "ment", "voice", "ly", "tain", "lay")
]
LIMITS = {"build_s": 5.0, "file_mb": 4.0, "ready_ms": 300, "open_ms": 50, "nodes": 200}


def answer(chance: random.Random, label: str) -> str:
    text = " ".join(chance.choices(WORDS, k=170))  # some 1.4 KB
    return f'{{"label": "{label}", "confidence": {chance.random():.3f}, "reason": "{text}"}}'


def records(count: int) -> Any:
    chance = random.Random(7)
    for number in range(count):
        before, after = answer(chance, "late"), answer(chance, chance.choice(["late", "lost"]))
        drift = number % 3 == 0
        found = (finding("$.confidence", expected=0.5, actual="0.5"),) if drift else ()
        verdict = CaseVerdict.DRIFT if drift else CaseVerdict.SAME
        sample = judged(1, after, "gpt-4.1")
        yield (
            trial(compared(f"case-{number:05}", *found, flow=f"flow-{number // 1000}", verdict=verdict), sample),
            before,
        )


def build(path: Path, count: int) -> dict[str, float]:
    """Write a project with one run, and measure `prompt-migrate report` on it."""
    project = path.with_suffix("")
    project.mkdir()
    (project / "prompt-migrate.toml").write_text('provider = "simulated"\n', encoding="utf-8")
    made = [*records(count)]
    keep_run(project, [one for one, _ in made])
    goldens = GoldenFiles(project / "fixtures", Redactor())
    for one, before in made:
        goldens.write(replace(golden(one.comparison.case, before, flow=one.comparison.flow), digest=""))
    command = [sys.executable, "-m", "migrate", "report", "-o", str(path)]
    # A user's machine keeps compiled modules: the first run is not timed.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=project, env=environ, check=True, capture_output=True)
    before_cpu, start = os.times(), time.perf_counter()
    subprocess.run(command, cwd=project, env=environ, check=True, capture_output=True)
    after_cpu = os.times()
    cpu = after_cpu.children_user + after_cpu.children_system - before_cpu.children_user - before_cpu.children_system
    return {"build_s": time.perf_counter() - start, "build_cpu_s": cpu}


def browse(path: Path, *, firefox: bool) -> dict[str, float]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if firefox:
            browser = start_firefox(playwright, installed_firefox(), path.parent)
        else:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        ready, worked = [], []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            clock = None if firefox else page.context.new_cdp_session(page)
            if clock:
                clock.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto(f"{path.as_uri()}#/cases")
            page.wait_for_selector("html[data-ready]")
            worked.append(busy(clock))
            ready.append(float(page.evaluate("document.documentElement.dataset.ready")))
            if len(ready) < 5:
                page.close()
        figures = {"ready_ms": statistics.median(ready), "ready_cpu_ms": statistics.median(worked)}
        figures["nodes"] = page.locator(".list *").count()
        before = busy(clock)
        opened = page.evaluate(OPEN)
        figures["open_ms"] = statistics.median(opened)
        figures["open_cpu_ms"] = (busy(clock) - before) / len(opened)
        figures["filter_ms"] = page.evaluate(FILTER)
        figures["slowest_frame_ms"] = page.evaluate(SCROLL)
        browser.close()
    return figures


def busy(clock: Any) -> float:
    """Return the processor time of the page's main thread so far, in milliseconds; without a clock it is unknown."""
    if clock is None:
        return math.nan
    metrics = clock.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration")) * 1000


OPEN = """async () => {
    const times = [];
    for (let at = 0; at < 20; at++) {
        const all = document.querySelector('.list').scrollHeight;
        document.querySelector('.list').scrollTop = (all * at) / 20;
        await new Promise(done => setTimeout(done, 60));
        const row = document.querySelectorAll('.row')[8];
        const wanted = row.id.slice(4);
        const start = performance.now();
        row.click();
        await new Promise(done => {
            const look = () => document.querySelector(`.case[data-row="${wanted}"]`) ? done() : setTimeout(look, 1);
            look();
        });
        times.push(performance.now() - start);
    }
    return times;
}"""
FILTER = """async () => {
    const box = document.getElementById('q');
    const start = performance.now();
    box.value = 'case-00042';
    box.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(done => {
        const look = () => document.querySelectorAll('.row').length === 1 ? done() : setTimeout(look, 1);
        look();
    });
    const taken = performance.now() - start;
    box.value = '';
    box.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(done => setTimeout(done, 100));
    return taken;
}"""
SCROLL = """async () => {
    const list = document.querySelector('.list');
    let slowest = 0;
    let last = performance.now();
    for (let at = 0; at < 60; at++) {
        list.scrollTop = (list.scrollHeight * at) / 60;
        await new Promise(requestAnimationFrame);
        slowest = Math.max(slowest, performance.now() - last);
        last = performance.now();
    }
    return slowest;
}"""


def main() -> int:
    firefox = "--firefox" in sys.argv
    counts = [int(count) for count in sys.argv[1:] if count != "--firefox"] or [5000, 20000]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            path = Path(folder) / f"{count}.html"
            figures = build(path, count)
            figures |= {"file_mb": path.stat().st_size / 1e6} | browse(path, firefox=firefox)
            load = os.getloadavg()[0]
            print(
                f"{count} cases (load {load:.1f}): "
                + ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            )
            if count <= 5000:
                missed += [name for name, limit in LIMITS.items() if figures[name] > limit]
    print(f"past the limit: {', '.join(missed)}" if missed else "within every limit (5,000 cases)")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
