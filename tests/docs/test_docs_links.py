"""What pages point at is there: files, headings, commands, options; and every example says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import PAGES, ROOT, WORDS, anchors_of, blocks_of, comments_of, links_of, slug_of, text_of

from migrate.cli import COMMANDS
from migrate.pytest_plugin import OPTIONS, SHORT

LINKED = (*PAGES, "CHANGELOG.md", "requirements/README.md", "reports/README.md")
LANGUAGES = {"sh", "text", "yaml", "toml", "json", "jsonl", "sql", "python"}
COMMAND = re.compile(r"^(?:.*&& |- run: )?prompt-migrate ([a-z][a-z-]*)", re.MULTILINE)
LONG = re.compile(r"--migrate-[a-z-]*[a-z]")
SHORT_NAME = re.compile(r"^pytest [^\n]*?(--(?:model|golden|samples|max-cost|fail-on))\b", re.MULTILINE)
MOST_NOT_RUN = 12
"""Commands that may be shown without being run, over all pages. A new one wants a reason that is better than haste."""


def written(page: str) -> Iterator[str]:
    """Yield everything that a page sets in code: spans and blocks."""
    yield from re.findall(r"`([^`\n]+)`", text_of(page))
    yield from (block.text for block in blocks_of(page))


@pytest.mark.parametrize("page", LINKED)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link names a file of the repository, and every anchor a heading of it."""
    lost = []
    for line, target in links_of(page):
        name, _, anchor = target.partition("#")
        if "://" in name:
            continue
        file = (ROOT / page).parent / name if name else ROOT / page
        if not file.exists():
            lost.append(f"{page}:{line}: there is no {name}")
        elif anchor and anchor not in anchors_of(str(file.resolve().relative_to(ROOT))):
            lost.append(f"{page}:{line}: {name or page} has no heading for #{anchor}")
    assert [] == lost


def test_a_heading_becomes_the_anchor_that_forges_give_it() -> None:
    """Small letters, dashes for spaces, no punctuation, the text of a link alone."""
    assert "use-any-server-that-speaks-openais-api" == slug_of("Use any server that speaks OpenAI's API")
    assert "what-rule_kinds-are" == slug_of("What `rule_kinds` [are](x.md)?")


@pytest.mark.parametrize("page", PAGES)
def test_every_block_names_its_language(page: str) -> None:
    """A fence without a language would escape the tests."""
    assert [] == [block.where for block in blocks_of(page) if block.language not in LANGUAGES | {"run", "serve"}]


@pytest.mark.parametrize("page", PAGES)
def test_every_instruction_to_the_tests_is_understood(page: str) -> None:
    """A mistyped comment above a block would be no instruction at all."""
    known = {*WORDS, "Made by `python docs/generate.py`; change the code, its docstrings or that file."}
    odd = [(line, word) for line, word, _ in comments_of(page) if word not in known]
    assert [] == odd


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_commands_and_options_that_exist(page: str) -> None:
    """`prompt-migrate x` is a command, `--migrate-x` and its short form are options."""
    options = {f"--migrate-{name.replace('_', '-')}" for name in OPTIONS}
    short = {name for name, option in SHORT.items() if option in OPTIONS}
    strange = []
    for text in written(page):
        strange += [word for word in COMMAND.findall(text) if word not in COMMANDS]
        strange += [word for word in LONG.findall(text) if word not in options]
        strange += [word for word in SHORT_NAME.findall(text) if word not in short]
    assert [] == strange


def test_few_commands_are_shown_and_not_run() -> None:
    """Each has its reason; the list is short enough to read."""
    blocks = (block for page in PAGES for block in blocks_of(page))
    left = [(block.where, block.said["not run"]) for block in blocks if "not run" in block.said]
    print(*(f"{where}: {why}" for where, why in left), sep="\n")
    assert [] == [where for where, why in left if len(why.split()) < 4]
    assert MOST_NOT_RUN >= len(left)


@pytest.mark.parametrize("page", PAGES)
def test_pages_keep_the_house_style(page: str) -> None:
    """No long dashes, no emoji, no ellipsis character."""
    text = text_of(page)
    assert [] == re.findall("[\u2013\u2014\u2026\u2600-\u27bf\U0001f300-\U0001faff]", text)


def test_every_page_is_in_the_index() -> None:
    """What is not linked from `docs/index.md` is not found by anyone."""
    linked = {target for _, target in links_of("docs/index.md")}
    assert {Path(page).name for page in PAGES if page.startswith("docs/")} - {"index.md"} <= linked
