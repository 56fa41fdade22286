"""What `prompt-migrate review --web` serves, in a real browser, with the terminal it was started from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from report_browser import Tab
from small_project import Project


class Served:
    """A review that was begun, and the page it serves."""

    def __init__(self, project: Project, tab: Tab, *options: str, reviewer: str = "ada") -> None:
        words = [sys.executable, "-m", "migrate", "review", *options, "--web", "--reviewer", reviewer]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self.process = subprocess.Popen(words, cwd=project.root, env={**os.environ, "COLUMNS": "80"}, **pipes)
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        self.said = next(line for line in lines if "http://" in line)
        self.link = self.said.split()[-1]
        self.page = tab.page
        self.page.goto(self.link)
        self.page.wait_for_selector("html[data-ready]")

    def wait(self, words: str) -> None:
        """Wait until the page has said so."""
        self.page.locator(".said", has_text=words).wait_for()

    def press(self, key: str, said: str) -> None:
        self.page.keyboard.press(key)
        self.wait(said)

    def end(self) -> str:
        """End it as Ctrl-C does; return everything the terminal showed."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        assert 0 == self.process.returncode, rest
        return self.said + rest

    def kill(self) -> None:
        """End it in whatever state it is, for a test that has failed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
