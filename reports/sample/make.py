"""Make the sample report of the bundled inventory, the same bytes each time: `python reports/sample/make.py`.

    --check      replay again and say whether the committed file is what comes out
    --page       put the data of the committed file into today's page, without replaying: after a change of the page
    --pictures   take the pictures beside it again (needs chromium and playwright)

The inventory is replayed against two candidates in an empty folder, answered by the simulated provider, whose answers
and durations are drawn by its seed. What a clock or a machine adds to a run (ids, times of day, waiting, versions,
commit) is pinned before the report is made of it.
"""

from __future__ import annotations

import argparse
import base64
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from migrate.edges.ledger import SqlLedger, open_ledger, sqlite_url
from migrate.edges.report import Packed, write_report
from migrate.ports import CaseRecord
from migrate.vocabulary import Call, Judged, Measurement, Run, Timing
from migrate.wiring import open_world
from migrate.wiring.rating import draw_sample, open_session

ROOT: Final = Path(__file__).parents[2]
SAMPLE: Final = Path(__file__).parent
RUN: Final = "20260115-100000-0000"
AT: Final = "2026-01-15T10:00:00.000Z"
CANDIDATES: Final = ("gpt-4.1", "gpt-4.1-mini")
CANARY: Final = "product-tags"
"""The flow whose rollout is simulated and checked, as if the candidate broke its schema in one call of twenty-five."""
POOL: Final = """rollouts = 400

[pools]
reading = ["feedback-digest", "handbook-answer"]
"""
"""Two flows with little traffic as one rollout: one of them cannot show its margin alone."""
RATED: Final = 12
"""Pairs of answers that people rate."""
_DATA: Final = re.compile(r'<script type="application/gzip" id="(index|chunk-\d+)">([A-Za-z0-9+/=]*)</script>')
_TITLE: Final = re.compile(r"<title>([^<]*)</title>")


def make(path: Path) -> None:
    """Replay the inventory and write its report to `path`."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        for folder in ("prompts", "fixtures"):
            shutil.copytree(ROOT / folder, project / folder)
        (project / "prompt-migrate.toml").write_text('provider = "simulated"\nas_of = "2026-01-15"\n', "utf-8")
        models = [word for candidate in CANDIDATES for word in ("--model", candidate)]
        # The demo has findings on purpose: it ends with 1.
        call(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *models, ends=(1,))
        pin(project)
        rate(project)
        decide(project)
        call(project, "-m", "migrate", "report", "-o", "reports/index.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / "reports" / "index.html", path)


def rate(project: Path) -> None:
    """Let two invented people rate a few of the answers that differ, each pair as its number says."""
    world = open_world(project, {}, {})
    try:
        sample = draw_sample(world, world.ledger.run(RUN), size=RATED, seed=0, candidate=CANDIDATES[0])
        for place, rater in enumerate(("first rater", "second rater")):
            session = open_session(world, sample, rater)
            for pair in session.pairs:
                number = int(pair.id[1:], 16) + place * (int(pair.id[-1], 16) % 3 == 0)
                session.keep(pair, ("a", "tie", "b")[number % 3], 3 + number % 3, 3 + number // 3 % 3)
    finally:
        world.close()


def decide(project: Path) -> None:
    """Write the route, the plan, and the check of a rollout with invented rates, where the report finds them."""
    reports = project / "reports"
    reports.mkdir(exist_ok=True)
    (reports / "route.json").write_text(call(project, "-m", "migrate", "route", "--json", ends=(0, 3)), "utf-8")
    plan = ("reports/canary-plan.json",)
    (project / "policy.toml").write_text(POOL, "utf-8")
    call(project, "-m", "migrate", "canary", "plan", "--policy", "policy.toml", "-o", *plan, ends=(0, 3))
    rates = ("--control", "schema=0.01", "--candidate", "schema=0.04")
    call(
        project,
        "-m",
        "migrate",
        "canary",
        "simulate",
        *plan,
        "-o",
        "log.jsonl",
        "--flow",
        CANARY,
        *rates,
        "--days",
        "3",
    )
    check = call(project, "-m", "migrate", "canary", "check", *plan, "log.jsonl", "--json", ends=(0, 3, 4))
    (reports / "canary-check.json").write_text(check, "utf-8")


def call(folder: Path, *arguments: str, ends: tuple[int, ...] = (0,)) -> str:
    """Run Python in a folder; return what it printed. Ends this script where it ends otherwise than expected."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PROMPT_MIGRATE_", "CI"))}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode not in ends:
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


# --- What varies from run to run --------------------------------------------------------------------------------------


def pin(project: Path) -> None:
    """Write the newest run again, into a ledger that holds nothing else, with what varies pinned."""
    state = project / ".prompt-migrate"
    (state / "ledger.db").rename(state / "made.db")
    made = open_ledger(sqlite_url(state / "made.db"), root=project)
    kept = open_ledger(sqlite_url(state / "ledger.db"), root=project)
    try:
        copy(made, kept)
    finally:
        made.close()
        kept.close()


def copy(made: SqlLedger, kept: SqlLedger) -> None:
    old = made.run(None)
    run = pinned_run(old)
    kept.start(replace(run, state="running", finished_at=None, accounts={}))
    order = sorted(
        made.records(old.id), key=lambda one: (one.comparison.flow, one.comparison.case, one.comparison.candidate)
    )
    kept.add(run.id, map(pinned, order))
    kept.add_prices(run.id, sorted(made.prices(old.id), key=repr))
    kept.finish(run)


def place(record: CaseRecord) -> tuple[str, str, str]:
    return record.comparison.flow, record.comparison.case, record.comparison.candidate


def pinned_run(run: Run) -> Run:
    models = " ".join(f"--model {candidate}" for candidate in CANDIDATES)
    return replace(
        run,
        id=RUN,
        started_at=AT,
        finished_at="2026-01-15T10:02:00.000Z",
        git_commit=None,
        git_dirty=None,
        python_version="3",
        command=f"pytest {models}",
    )


def pinned(record: CaseRecord) -> CaseRecord:
    return replace(
        record,
        samples=tuple(map(pinned_sample, record.samples)),
        candidate=tuple(map(pinned_row, record.candidate)),
    )


def pinned_sample(judged: Judged) -> Judged:
    sample = judged.sample
    return replace(judged, sample=replace(sample, calls=tuple(map(pinned_call, sample.calls))))


def pinned_call(made: Call) -> Call:
    return replace(made, at=AT, attempts=1, lost=0, timing=unhurried(made.timing))


def pinned_row(row: Measurement) -> Measurement:
    return replace(row, at=AT, timing=unhurried(row.timing))


def unhurried(timing: Timing | None) -> Timing | None:
    """Leave out how long this machine waited."""
    return None if timing is None else replace(timing, waited_ms=0.0, started_ms=None)


# --- The page alone, and the pictures ---------------------------------------------------------------------------------


def repage(old: Path, new: Path) -> None:
    """Write the data of one report into a page of today."""
    text = old.read_text("utf-8")
    title = _TITLE.search(text)
    data = {name: base64.b64decode(packed) for name, packed in _DATA.findall(text)}
    chunks = [data[f"chunk-{number}"] for number in range(len(data) - 1)]
    words = html.unescape(title.group(1)) if title else ""
    write_report(new, Packed(words, data["index"], chunks))


CASE: Final = "warranty-claim~two-articles-en~gpt-4.1-mini"
PICTURES: Final[dict[str, tuple[str, dict[str, Any], tuple[str, ...]]]] = {
    "overview-light": ("#/overview", {}, ()),
    "case-dark": ("#/cases?q=verdict:breaking", {"color_scheme": "dark"}, ("n",)),
    "people": ("#/flow/handbook-answer", {"viewport": {"width": 1400, "height": 1900}}, ()),
    "calls": (f"#/cases?q=flow:warranty-claim&c={CASE}", {}, ()),
    "canary": ("#/page/canary", {}, ()),
    "route-dark": ("#/page/route", {"color_scheme": "dark"}, ()),
    "narrow": ("#/cases?q=verdict:breaking", {"viewport": {"width": 390, "height": 844}}, ("n",)),
}
"""Name -> view, how the browser is set up, keys to press."""


def pictures(path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for name, (view, how, keys) in PICTURES.items():
            setting: dict[str, Any] = {"viewport": {"width": 1400, "height": 900}, **how}
            page = browser.new_context(**setting).new_page()
            page.goto(f"{path.resolve().as_uri()}{view}")
            page.wait_for_selector("html[data-ready]")
            for key in keys:
                page.keyboard.press(key)
            page.wait_for_timeout(400)
            page.screenshot(path=path.with_name(f"{name}.png"))
        page = browser.new_context(viewport={"width": 780, "height": 1100}).new_page()
        page.goto(f"{path.resolve().as_uri()}#/overview")
        page.wait_for_selector("html[data-ready]")
        page.emulate_media(media="print")
        page.screenshot(path=path.with_name("print.png"))
        browser.close()


def differing(one: bytes, other: bytes) -> Iterator[str]:
    """Yield the names of the parts that differ."""
    parts = [dict(_DATA.findall(page.decode())) for page in (one, other)]
    names = sorted({*parts[0], *parts[1]})
    found = [name for name in names if parts[0].get(name) != parts[1].get(name)]
    yield from found or ["the page's own program, styles or shell"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    for name in ("check", "page", "pictures"):
        parser.add_argument(f"--{name}", action="store_true")
    wanted = parser.parse_args()
    path = SAMPLE / "index.html"
    if wanted.check:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "index.html"
            make(made)
            if made.read_bytes() == path.read_bytes():
                print("the sample report is what its sources make")
                return 0
            words = ", ".join(differing(path.read_bytes(), made.read_bytes()))
            print(f"the sample report is not what its sources make, in {words}: python reports/sample/make.py")
            return 1
    if wanted.page:
        repage(path, path)
    elif not wanted.pictures:
        make(path)
    if wanted.pictures:
        pictures(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
