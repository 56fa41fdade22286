"""The sample report in `reports/` is a report of today: its page, its form, and what it is said to show."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from report_browser import Tab
from report_stage import documents_of

from migrate.presenting.report import FORMAT

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample" / "index.html"


def test_the_sample_has_todays_page(tmp_path: Path) -> None:
    """Its data put into a page of today is the very file: else `python reports/sample/make.py --page`."""
    spec = importlib.util.spec_from_file_location("make_sample", SAMPLE.with_name("make.py"))
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.repage(SAMPLE, tmp_path / "index.html")
    assert (tmp_path / "index.html").read_bytes() == SAMPLE.read_bytes()


def test_the_sample_shows_the_bundled_inventory_and_says_simulated() -> None:
    """Every flow of `prompts/`, with the decisions made of the run, in today's form."""
    index = documents_of(SAMPLE.read_text("utf-8"))["index"]
    flows = sorted(path.name.removesuffix(".prompt.yml") for path in (ROOT / "prompts").glob("*.prompt.yml"))
    assert (FORMAT, True, flows) == (index["format"], index["simulated"], [flow["name"] for flow in index["flows"]])
    assert ["canary", "check", "route"] == sorted(index["pages"])


def test_the_sample_opens(tab: Tab) -> None:
    """From its file, without asking for anything; its headline is its verdict."""
    page = tab.open(SAMPLE)
    assert re.match(r"Not yet: gpt-4\.1", page.locator("h1").inner_text())
    assert [] == tab.outside()
