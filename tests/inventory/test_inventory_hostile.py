"""Hostile prompt files and case files: refused in words, quickly, and without a look outside the folder."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.documents.files import MAX_FILE, Unreadable
from migrate.documents.reading import MAX_DEPTH, read_json, read_yaml
from migrate.edges.inventory import load
from migrate.edges.inventory.cases import ID, name_trouble
from migrate.errors import InventoryProblem

PROMPT = 'model: gpt-4o\nmessages:\n  - {role: user, content: "{{ question }}"}\n'


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    folder.mkdir()
    return folder


def problems(prompts: Path) -> list[str]:
    with pytest.raises(InventoryProblem) as caught:
        load(prompts, prompts.parent)
    return [str(problem) for problem in caught.value.problems]


def test_no_tag_runs_anything(prompts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that an unsafe loader would obey is refused with its line, in values, keys and documents."""
    monkeypatch.chdir(prompts)
    for at, text in enumerate(
        [
            "!!python/object/apply:os.system ['touch pwned']",
            "a: !!python/object/new:os.system [touch pwned]",
            "!!python/name:os.system : b",
            "a: !!python/module:os",
            "%TAG !p! tag:yaml.org,2002:python/\n---\na: !p!object/apply:os.system [touch pwned]",
        ]
    ):
        (prompts / f"{at}.prompt.yml").write_text(PROMPT + text if not text.startswith(("!", "%")) else text)
    told = problems(prompts)
    assert all(any(line.startswith(f"prompts/{at}.prompt.yml:") for line in told) for at in range(5))
    assert not (prompts / "pwned").exists()


def test_aliases_that_multiply(prompts: Path) -> None:
    """Ten levels of ten are 10^10 values: refused at once and without making them."""
    levels = [f"x-{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 11)]
    (prompts / "a.prompt.yml").write_text(PROMPT + "x-0: &a0 [lol]\n" + "\n".join(levels))
    tracemalloc.start()
    started = time.process_time()
    told = problems(prompts)
    assert time.process_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert ["prompts/a.prompt.yml:11: written out, the aliases would hold more than 16 MB"] == told


def test_an_alias_of_a_long_text_counts_in_full(prompts: Path) -> None:
    """A text of a megabyte named thirty times would be thirty megabytes."""
    text = PROMPT + f"x-a: &a {'y' * 1_000_000}\nx-b: [{', '.join(['*a'] * 30)}]\n"
    (prompts / "a.prompt.yml").write_text(text)
    assert ["prompts/a.prompt.yml:5: written out, the aliases would hold more than 16 MB"] == problems(prompts)


def test_an_alias_of_itself(prompts: Path) -> None:
    """A value that holds itself has no end, and no beginning here."""
    (prompts / "a.prompt.yml").write_text("a: &a [*a]\n")
    assert ["prompts/a.prompt.yml:1: the alias *a names nothing that is complete at this point"] == problems(prompts)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "\n".join(" " * at + "a:" for at in range(5_000))]
)
def test_depth(text: str) -> None:
    """Depth ends at a limit, whatever the writing, without exhausting any stack."""
    started = time.process_time()
    with pytest.raises(Unreadable):
        read_yaml(text, lambda why, line: None)
    assert time.process_time() - started < 2
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read_yaml(deepest, lambda why, line: None).value


def test_size(prompts: Path) -> None:
    """A file, a line and a document have a size; what is longer is refused unread."""
    (prompts / "a.prompt.yml").write_text("# " + "x" * MAX_FILE)
    (prompts / "b.prompt.yml").write_text(PROMPT + "cases: b.jsonl\n")
    (prompts / "b.jsonl").write_text('{"id": "' + "x" * MAX_FILE + '"}\n')
    (prompts / "c.prompt.yml").write_text(PROMPT + "cases: [{id: a, inputs: {question: {$file: c.txt}}}]\n")
    (prompts / "c.txt").write_text("x" * (MAX_FILE + 1))
    assert [
        "prompts/a.prompt.yml: the file has more than 16 MB",
        "prompts/b.jsonl:1: a line of more than 16 MB; the rest of the file is not read",
        "prompts/c.prompt.yml:4 at $.cases[0].inputs.question: the file has more than 16 MB",
    ] == problems(prompts)


def test_links_and_pipes(prompts: Path) -> None:
    """A link is followed only to a place inside the folder; what is no file is refused without waiting for it."""
    outside = prompts.parent / "secret.txt"
    outside.write_text("secret")
    (prompts / "inside.txt").write_text("inside")
    (prompts / "out.txt").symlink_to(outside)
    (prompts / "in.txt").symlink_to(prompts / "inside.txt")
    (prompts / "loop.txt").symlink_to(prompts / "loop.txt")
    os.mkfifo(prompts / "pipe.txt")
    names = ["out.txt", "loop.txt", "pipe.txt", "../secret.txt", "in.txt", ".", ""]
    rows = "".join(f'  - {{id: c{at}, inputs: {{question: {{$file: "{name}"}}}}}}\n' for at, name in enumerate(names))
    (prompts / "a.prompt.yml").write_text(PROMPT + "cases:\n" + rows)
    (prompts / "linked.prompt.yml").symlink_to(outside)
    os.mkfifo(prompts / "pipe.prompt.yml")
    where = "prompts/a.prompt.yml:{} at $.cases[{}].inputs.question: "
    assert [
        where.format(5, 0) + "out.txt leads outside prompts/",
        where.format(6, 1) + "there is no file loop.txt",
        where.format(7, 2) + "not a regular file",
        where.format(8, 3) + "../secret.txt leads outside prompts/",
        where.format(10, 5) + "not a regular file",
        where.format(11, 6) + "'' is no relative path with forward slashes",
        "prompts/linked.prompt.yml: linked.prompt.yml leads outside prompts/",
        "prompts/pipe.prompt.yml: not a regular file",
    ] == problems(prompts)


@pytest.mark.parametrize(
    "name",
    ["CON", "nul", "Aux.json", "com1", "LPT9.txt", "../x", "a/b", "a\\b", "a:b", "café", "cafe\u0301", "a\u202eb",
     "", ".", "..", ".git", "a.", "a b", "x" * 81, "-rf", "a\n", "a\0", "%2e", "~", "$HOME"],
)  # fmt: skip
def test_names_that_are_no_file_names_everywhere(name: str) -> None:
    """A name that means something to some file system, shell or terminal is refused."""
    assert name_trouble(name)


@given(st.text(max_size=100))
def test_a_name_that_passes_is_harmless(name: str) -> None:
    """What passes is one ASCII component of a path that cannot lead anywhere."""
    if not name_trouble(name):
        assert name.isascii()
        assert Path(name).name == name
        assert not name.startswith((".", "-"))
        assert ID.fullmatch(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ('{"a": 1, "a": 2}', 'the key "a" is given twice'),
        ('{"a": {"b": 1, "b": 2}}', 'the key "b" is given twice'),
        ("[" * 100_000 + "]" * 100_000, "not JSON: nested too deeply"),
        ("9" * 5_000, "not JSON: a number has too many digits"),
        ("1e400", "the number 1e400 is too large"),
        (r'"a\ud800b"', r"\ud800 is half of a character"),
        (r'{"\uDFFF": 1}', r"\udfff is half of a character"),
        ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes (column 2)"),
    ],
)
def test_json_is_read_strictly(text: str, message: str) -> None:
    """What is not JSON, or would be read as something else than was written, is refused."""
    with pytest.raises(Unreadable) as caught:
        read_json(text)
    assert message == caught.value.message


def test_strict_json_is_still_json() -> None:
    """Whole pairs of surrogates, escapes and NUL are text like any other."""
    assert ["😀", "\0", "\\ud800"] == read_json(r'["\ud83d\ude00", "\u0000", "\\ud800"]')
