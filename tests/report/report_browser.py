"""A real browser for the tests of the page: Debian's Chromium, started once a module, told to ask nobody anything."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

APP = Path(__file__).parents[2] / "migrate" / "edges" / "report" / "app"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(what: str) -> None:
    """Skip where a tool of the browser tests is not installed; in CI it must be."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing: .ci/run installs it")
    pytest.skip(f"{what} is not installed")


def installed_app(factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the page's sources with what its lock names installed; one for all processes of a run."""
    if shutil.which("npm") is None:
        missing("npm")
    parent = factory.getbasetemp().parent if os.environ.get("PYTEST_XDIST_WORKER") else factory.getbasetemp()
    folder = parent / "report-page" / "report" / "app"
    with (parent / "report-page.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "node_modules" / ".package-lock.json").exists():
            shutil.rmtree(folder.parent, ignore_errors=True)
            shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("node_modules"))
            shutil.copytree(APP.parent / "bundle", folder.parent / "bundle")
            command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
            assert 0 == done.returncode, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program of axe, from what was installed beside the page's sources, or installed now."""
    path = Path("node_modules") / "axe-core" / "axe.min.js"
    folder = APP if (APP / path).exists() else installed_app(tmp_path_factory)
    return (folder / path).read_text("utf-8")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium with a profile of its own.

    A module at a time: as long as it runs, its driver holds this thread's event loop, and whatever calls
    `asyncio.run` afterwards on the same worker would be refused.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("chromium")
    sync_api = (
        pytest.importorskip("playwright.sync_api")
        if not os.environ.get("CI")
        else __import__("playwright.sync_api", fromlist=["sync_playwright"])
    )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Tab:
    """One page of the report, what it said on the console, and what it tried to ask of the network."""

    def __init__(self, browser: Any, **how: Any) -> None:
        size = {"width": how.pop("width", 1400), "height": how.pop("height", 900)}
        self.context = browser.new_context(viewport=size, accept_downloads=True, **how)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: Path, view: str = "") -> Any:
        """Open a report from its file, at a view, and wait until it is ready."""
        self.page.goto("about:blank")
        self.page.goto(f"{path.resolve().as_uri()}{view}")
        self.page.wait_for_selector("html[data-ready]")
        return self.page

    def outside(self) -> list[str]:
        """Return every address that was asked for and is neither this page's file nor a chunk beside it."""
        return [url for url in self.asked if not url.startswith(("file:", "about:", "blob:"))]


@pytest.fixture
def tab(chromium: Any) -> Iterator[Tab]:
    """A fresh tab; a test fails when the page raised anything."""
    opened = Tab(chromium)
    yield opened
    errors = opened.errors
    opened.context.close()
    assert [] == errors


@pytest.fixture
def tabs(chromium: Any) -> Iterator[Any]:
    """Make tabs of other sizes and colours."""
    made: list[Tab] = []

    def make(**how: Any) -> Tab:
        made.append(Tab(chromium, **how))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
