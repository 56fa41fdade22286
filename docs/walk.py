"""Review a report with the keyboard, as docs/review-walk.md tells it: `python docs/walk.py PAGE DECISIONS [PICTURES]`.

Everything undecided is accepted, and what the page then downloads is saved as DECISIONS. With PICTURES, a folder, what
is on the screen is kept at each step. Needs chromium and playwright.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def walk(page: Any, decisions: Path, pictures: Path | None) -> None:
    """Press the keys of the walk."""

    def shown(name: str) -> None:
        page.wait_for_timeout(300)
        if pictures is not None:
            page.screenshot(path=pictures / f"walk-{name}.png")

    page.wait_for_selector("html[data-ready]")
    shown("overview")
    page.keyboard.press("n")
    page.wait_for_selector(".case[data-row]")
    shown("case")
    page.keyboard.press("a")
    page.wait_for_timeout(200)
    page.keyboard.press("d")
    page.wait_for_selector(".decisions table")
    shown("decisions")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="download decisions.json").click()
    waiting.value.save_as(decisions)


def main() -> None:
    from playwright.sync_api import sync_playwright

    address, decisions = Path(sys.argv[1]).resolve().as_uri(), Path(sys.argv[2])
    pictures = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_context(viewport={"width": 1100, "height": 640}, accept_downloads=True).new_page()
        page.goto(address)
        walk(page, decisions, pictures)
        browser.close()


if __name__ == "__main__":
    main()
