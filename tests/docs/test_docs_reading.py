"""The tests of the documentation can fail: what they read out of a page, and what they hold against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import Block, blocks_in
from docs_stage import Stage, clean, matches

from migrate.errors import PromptMigrateError

PAGE = """\
# Title

<!-- exit: 1 -->
<!-- a comment for people -->
```sh
false
```

Some words.

```text
```

<!-- exit: 3 -->
This paragraph stands between.

```yaml
a: 1
```

<!-- run: true -->
- In a list:
  ```toml
  b = 2
  ```
"""


def test_blocks_are_read_with_what_stands_above_them() -> None:
    """Language, text, line, the language before; a comment speaks of the block right under it and of no other."""
    assert [
        Block("page", 5, "sh", "false\n", {"exit": "1"}, ""),
        Block("page", 11, "text", "", {}, "sh"),
        Block("page", 17, "yaml", "a: 1\n", {}, "text"),
        Block("page", 21, "run", "true"),
        Block("page", 23, "toml", "b = 2\n", {}, "run"),
    ] == blocks_in(PAGE, "page")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "reader", {"8471": "50000"})
    yield made
    made.close()


def block(text: str, language: str = "sh", **said: str) -> Block:
    return Block("page", 1, language, text, said)


def test_a_command_must_end_as_the_page_says(stage: Stage) -> None:
    """Another exit code than the one said fails the page, success included."""
    assert "out\nerr\n" == stage.run(block("echo out; echo err >&2; exit 3", exit="3"))
    for text, code in [("exit 3", "0"), ("true", "3"), ("false; true", "0")]:
        with pytest.raises(AssertionError, match="exit code"):
            stage.run(block(text, exit=code))


def test_one_page_is_one_terminal(stage: Stage) -> None:
    """The folder and exported variables carry over to the next block; a port stands for a free one."""
    stage.run(block("mkdir -p 'a b' && cd 'a b' && export WORD='two words'"))
    assert "two words\na b\n50000\n" == stage.run(block('echo "$WORD"; basename "$PWD"; echo 8471'))


@pytest.mark.parametrize(
    "example",
    [
        block("modle: gpt-4o\n", "yaml"),
        block("checks: [{equal: 3}]\n", "yaml"),
        block('{"id": "a", "input": {}}\n', "jsonl"),
        block("sample = 3\n", "toml"),
        block("[[price]]\nmodel = 'x'\n", "toml", file="prices.toml"),
        block("messages: []\n", "yaml", file="prompts/a.prompt.yml"),
    ],
    ids=lambda example: example.text,
)
def test_an_example_the_product_refuses_fails_the_page(stage: Stage, example: Block) -> None:
    """Parts and whole files are read by the product's own readers."""
    with pytest.raises(PromptMigrateError):
        stage.write(example) if "file" in example.said else stage.check(example)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["run 20260115-093000-ab12"], ["run 20271231-235959-ffff"], True),
        (["=== 1 passed in 0.5s ==="], ["====== 1 passed in 12.25s ====="], True),
        (["recorded on 2026-01-15"], ["recorded on 2027-12-31"], True),
        (["3 cases"], ["4 cases"], False),
        (["a", "...", "d"], ["a", "b", "c", "d"], True),
        (["a", "...", "c", "...", "d"], ["a", "b", "c", "d"], True),
        (["a", "...", "d"], ["a", "b", "c"], False),
        (["a", "...", "x", "...", "d"], ["a", "b", "c", "d"], False),
        (["a", "...", "a"], ["a"], False),
        (["a"], ["a", "b"], False),
    ],
)
def test_outputs_are_the_same_but_for_what_varies(shown: list[str], printed: list[str], same: bool) -> None:
    """Run ids, dates and durations may differ, a line of three dots is any number of lines, and nothing else."""
    assert same is matches(shown, printed)


def test_words_about_the_machine_are_left_out() -> None:
    """pytest's header tells versions and folders, which no page can know."""
    assert ["collected 1 item", "", "end"] == clean("\nplatform linux\nrootdir: /x\ncollected 1 item \n\nend\n\n")
