"""Docs run: every command of every page is carried out in order, every example is loaded, every output compared."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import pytest
from docs_generated import generate
from docs_pages import PAGES, ROOT, Block, blocks_of, comments_of
from docs_stage import Stage, clean, free_ports, matches, replaced, scrubbed

EXAMPLES = ("yaml", "toml", "json", "jsonl", "sql", "python")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    """Commands end as the page says, examples load, and what is printed is what the page shows."""
    ports = free_ports([rest for _, word, rest in comments_of(page) if word == "port"])
    stage = Stage(tmp_path / "reader", ports)
    blessed: list[tuple[Block, list[str]]] = []
    printed: list[str] = []
    try:
        for block in blocks_of(page):
            if "not run" in block.said:
                continue
            if block.is_command:
                printed = clean(stage.run(block))
            elif block.language == "serve":
                stage.serve(block)
            elif "file" in block.said or "append" in block.said:
                stage.write(block)
            elif block.language in EXAMPLES:
                stage.check(block)
            elif block.language == "text" and block.follows == "sh":
                compare(block, printed, blessed)
        assert [] == unlisted(stage.folder)
    finally:
        stage.close()
        if blessed:
            replaced(ROOT / page, iter(blessed))


def compare(block: Block, printed: list[str], blessed: list[tuple[Block, list[str]]]) -> None:
    shown = block.text.rstrip("\n").split("\n")
    if matches(shown, printed):
        return
    if os.environ.get("BLESS_DOCS") and "..." not in shown:
        blessed.append((block, printed))
        return
    lines = difflib.unified_diff(scrubbed(shown), scrubbed(printed), "the page", "what was printed", lineterm="")
    words = [f"{block.where}: the output is another one", *lines, "", "printed:", *printed]
    pytest.fail("\n".join(words))


def unlisted(folder: Path) -> list[str]:
    """Return the files a page's commands left in the product's own folders and the reference does not list."""
    forms = [re.sub(r"<\w+>", "[^/]+", re.escape(name)) for name in generate.FILES]
    known = re.compile(rf"(?:.*/)?(?:{'|'.join(forms)})(?:-journal)?|(?:.*/)?fixtures/README\.md")
    files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    own = [name for name in files if re.search(r"(?:^|/)(?:fixtures|\.prompt-migrate)/", name)]
    return [name for name in own if not known.fullmatch(name)]
