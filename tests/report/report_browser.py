"""Real browsers for the tests of the page: Debian's Chromium and Firefox, started once a module, told to ask nobody."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

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


OLDEST_FIREFOX: Final = 153
"""The first long-term release whose WebDriver BiDi is enough for Playwright, with the relay."""


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
    with driver() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def driver() -> Iterator[Any]:
    """Playwright, or a skipped test where it is not installed."""
    sync_api = (
        pytest.importorskip("playwright.sync_api")
        if not os.environ.get("CI")
        else __import__("playwright.sync_api", fromlist=["sync_playwright"])
    )
    with sync_api.sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def firefoxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Start Firefox with preferences, and a profile and a home of its own; a module at a time, as Chromium."""
    path = installed_firefox()
    with driver() as playwright:
        yield lambda **how: start_firefox(playwright, path, tmp_path_factory.mktemp("firefox"), **how)


@pytest.fixture(scope="module")
def firefox(firefoxes: Callable[..., Any]) -> Iterator[Any]:
    """A running Firefox."""
    browser = firefoxes()
    yield browser
    browser.close()


def installed_firefox() -> str:
    """Return the path of a Firefox that can be driven; without one the test is skipped."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        missing("firefox-esr")
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"Firefox (\d+)", said)
    if version is None or int(version[1]) < OLDEST_FIREFOX:
        pytest.skip(f"{said.strip() or path} cannot be driven: Firefox {OLDEST_FIREFOX} or newer can")
    return str(path)


def start_firefox(playwright: Any, path: str, folder: Path, **preferences: Any) -> Any:
    """Start Firefox behind its relay; what it would keep in a home goes to `folder`."""
    relay = (sys.executable, str(Path(__file__).with_name("firefox_relay.py")), path)
    script = folder / "firefox"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(relay)} "$@"\n', "utf-8")
    script.chmod(0o755)
    return playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=script,
        env={**os.environ, "HOME": str(folder)},
        firefox_user_prefs=preferences,
        timeout=120_000,
    )


class Tab:
    """One page of the report, what it said on the console, and what it tried to ask of the network."""

    def __init__(self, browser: Any, **how: Any) -> None:
        size = {"width": how.pop("width", 1400), "height": how.pop("height", 900)}
        self.context = browser.new_context(viewport=size, accept_downloads=True, **how)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.errors: list[str] = []
        # What a test provokes is told late: Firefox counts what a policy refused among the errors.
        self.provoked = False
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self._raised(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _raised(self, error: str) -> None:
        # A served page has no picture for its tab; Firefox counts that it may not look for one among the errors.
        if "/favicon.ico because it violates" not in error:
            self.errors.append(error)

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
    with fresh(chromium) as opened:
        yield opened


@contextmanager
def fresh(browser: Any, **how: Any) -> Iterator[Tab]:
    """A tab of its own, in which the page may raise nothing."""
    opened = Tab(browser, **how)
    yield opened
    opened.context.close()
    assert opened.provoked or [] == opened.errors, opened.errors


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
