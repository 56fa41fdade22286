"""Which names a swap changes, which it leaves alone and why, and that every other byte stays."""

from __future__ import annotations

import ast
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_trees import plant

from migrate.edges.scanning.swap import plans
from migrate.edges.scanning.swap.plans import Policy, plan_swap, write_plan
from migrate.errors import UsageProblem

PAIRS = {"gpt-4o": "gpt-4.1"}


def swapped(folder: Path, name: str, content: str | bytes, *include: str, **pairs: str) -> tuple[str, list[str]]:
    """Return what a file becomes, and the kinds of what is left alone in it."""
    data = content if isinstance(content, bytes) else content.encode()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    plan = plan_swap(folder, folder, Policy(pairs or PAIRS, include))
    write_plan(plan)
    return path.read_bytes().decode("utf-8", "surrogateescape"), [one.kind for one in plan.left]


CHANGED = {
    "a keyword": ('f(model="gpt-4o")', 'f(model="gpt-4.1")'),
    "single quotes": ("f(model='gpt-4o')", "f(model='gpt-4.1')"),
    "three quotes": ('x = """gpt-4o"""', 'x = """gpt-4.1"""'),
    "a prefix": ('x = r"gpt-4o"', 'x = r"gpt-4.1"'),
    "bytes": ('x = b\'{"model": "gpt-4o"}\'', 'x = b\'{"model": "gpt-4.1"}\''),
    "a router": ('x = "openai/gpt-4o"', 'x = "openai/gpt-4.1"'),
    "two routers": ('x = "openrouter/openai/gpt-4o"', 'x = "openrouter/openai/gpt-4.1"'),
    "a router with a colon": ('x = "openai:gpt-4o"', 'x = "openai:gpt-4.1"'),
    "a list": ('x = ["gpt-4o", "gpt-4"]', 'x = ["gpt-4.1", "gpt-4"]'),
    "a list in a text": ('x = "gpt-4o,gpt-4o-mini, gpt-4"', 'x = "gpt-4.1,gpt-4o-mini, gpt-4"'),
    "a default": ('def f(m="gpt-4o", *, n="gpt-4o"): ...', 'def f(m="gpt-4.1", *, n="gpt-4.1"): ...'),
    "an annotated default": ('m: str = "gpt-4o"', 'm: str = "gpt-4.1"'),
    "a value of a dictionary": ('x = {"a": "gpt-4o"}', 'x = {"a": "gpt-4.1"}'),
    "a default of get": ('x = d.get("model", "gpt-4o")', 'x = d.get("model", "gpt-4.1")'),
    "an environment default": ('x = os.environ.get("M", "gpt-4o")', 'x = os.environ.get("M", "gpt-4.1")'),
    "a choice": ('x = "gpt-4o" if y else "gpt-4"', 'x = "gpt-4.1" if y else "gpt-4"'),
    "json in a text": ('x = \'{"model": "gpt-4o"}\'', 'x = \'{"model": "gpt-4.1"}\''),
    "json in an f-string": ('x = f\'{{"model": "gpt-4o"}}\'', 'x = f\'{{"model": "gpt-4.1"}}\''),
    "a call in an f-string": ("x = f\"{f(model='gpt-4o')}\"", "x = f\"{f(model='gpt-4.1')}\""),
    "an option": ('x = "run --model gpt-4o --fast"', 'x = "run --model gpt-4.1 --fast"'),
    "an option with =": ('x = ["--model=gpt-4o"]', 'x = ["--model=gpt-4.1"]'),
    "arguments": ('x = ["--model", "gpt-4o"]', 'x = ["--model", "gpt-4.1"]'),
    "a query": ('x = "/ask?model=gpt-4o&x=1"', 'x = "/ask?model=gpt-4.1&x=1"'),
    "beside a comment": ('x = "gpt-4o"  # was gpt-4', 'x = "gpt-4.1"  # was gpt-4'),
    "several on a line": ('f("gpt-4o", "gpt-4o")', 'f("gpt-4.1", "gpt-4.1")'),
    "over lines": ('x = (\n    "gpt-4o"\n    # c\n)', 'x = (\n    "gpt-4.1"\n    # c\n)'),
}


@pytest.mark.parametrize("case", CHANGED)
def test_python_values_change(case: str, tmp_path: Path) -> None:
    """Wherever the program uses the name as a value, and nothing but the name."""
    before, after = CHANGED[case]
    assert (after, []) == swapped(tmp_path, "a.py", before)


LEFT = {
    "a longer name": ('x = "gpt-4o-mini"', []),
    "a longer name without a dash": ('x = "gpt-4o1"', []),
    "a name it ends": ('x = "my-gpt-4o"', []),
    "a fine-tune": ('x = "ft:gpt-4o:acme::id"', []),
    "a file": ('x = "gpt-4o.json"', []),
    "a snapshot": ('x = "gpt-4o-2024-08-06"', ["snapshot"]),
    "another case": ('x = "GPT-4o"', []),
    "a comment": ("x = 1  # gpt-4o", ["comments"]),
    "a docstring": ('"""gpt-4o"""', ["texts"]),
    "a docstring of a function": ('def f():\n    "gpt-4o"', ["texts"]),
    "prose": ('x = "Asking gpt-4o for help"', ["texts"]),
    "an error": ('raise E("gpt-4o failed")', ["texts"]),
    "a path": ('x = "data/gpt-4o/x"', ["texts"]),
    "an address": ('x = "https://x/deployments/gpt-4o/chat"', ["texts"]),
    "a key": ('x = {"gpt-4o": 3}', ["lookups"]),
    "an index": ('x = prices["gpt-4o"]', ["lookups"]),
    "a key of get": ('x = prices.get("gpt-4o")', ["lookups"]),
    "a comparison": ('if m == "gpt-4o": ...', ["lookups"]),
    "a membership": ('if m in ("gpt-4o", "gpt-4"): ...', ["lookups"]),
    "startswith": ('if m.startswith("gpt-4o"): ...', ["lookups"]),
    "a case": ('match m:\n    case "gpt-4o": ...', ["lookups"]),
    "a type": ('from typing import Literal\nx: Literal["gpt-4o", "gpt-4"]', ["lookups"]),
    "a type of a parameter": ('def f(m: Literal["gpt-4o"]): ...', ["lookups"]),
    "a named type": ('M = Literal["gpt-4o", "gpt-4"]', ["lookups"]),
    "pieces": ('x = "gpt-" "4o"', ["pieces"]),
    "an escape": ('x = "gpt\\x2d4o"', ["pieces"]),
}


@pytest.mark.parametrize("case", LEFT)
def test_python_that_stays(case: str, tmp_path: Path) -> None:
    """Longer names are other models; where a name is looked up or talked about, a person must decide."""
    code, kinds = LEFT[case]
    assert (code, kinds) == swapped(tmp_path, "a.py", code)


OTHERS = {
    "a.ts": [
        ('f({ model: "gpt-4o" })', 'f({ model: "gpt-4.1" })', []),
        ("const m = 'gpt-4o';", "const m = 'gpt-4.1';", []),
        ("const m = `gpt-4o`;", "const m = `gpt-4.1`;", []),
        ('x ? "gpt-4o" : "gpt-4o-mini"', 'x ? "gpt-4.1" : "gpt-4o-mini"', []),
        ('x ?? "gpt-4o"', 'x ?? "gpt-4.1"', []),
        ('openai("gpt-4o")', 'openai("gpt-4.1")', []),
        ('// "gpt-4o"', '// "gpt-4o"', ["comments"]),
        ('/* "gpt-4o" */', '/* "gpt-4o" */', ["comments"]),
        ('const u = "http://x//y"; f("gpt-4o")', 'const u = "http://x//y"; f("gpt-4.1")', []),
        ('if (m === "gpt-4o") {}', 'if (m === "gpt-4o") {}', ["lookups"]),
        ('switch (m) { case "gpt-4o": }', 'switch (m) { case "gpt-4o": }', ["lookups"]),
        ('const p = { "gpt-4o": 1 };', 'const p = { "gpt-4o": 1 };', ["lookups"]),
        ('p["gpt-4o"]', 'p["gpt-4o"]', ["lookups"]),
        ('const l = ["gpt-4o"];', 'const l = ["gpt-4.1"];', []),
        ('type M = "gpt-4o" | "gpt-4";', 'type M = "gpt-4o" | "gpt-4";', ["lookups"]),
        ('log("gpt-4o failed")', 'log("gpt-4o failed")', ["texts"]),
    ],
    "a.go": [
        ('Model: "gpt-4o",', 'Model: "gpt-4.1",', []),
        ("Model: openai.GPT4o,", "Model: openai.GPT4o,", ["constant"]),
        ("Model: openai.GPT4oMini,", "Model: openai.GPT4oMini,", []),
    ],
    "a.rb": [("model: 'gpt-4o' # gpt-4o", "model: 'gpt-4.1' # gpt-4o", ["comments"])],
    "a.php": [("'model' => 'gpt-4o'", "'model' => 'gpt-4.1'", []), ("['gpt-4o' => 1]", "['gpt-4o' => 1]", ["lookups"])],
    "a.sh": [
        ("ask --model gpt-4o -v", "ask --model gpt-4.1 -v", []),
        ("M=${M:-gpt-4o}", "M=${M:-gpt-4.1}", []),
        ("export M=gpt-4o", "export M=gpt-4.1", []),
        ('curl -d \'{"model": "gpt-4o"}\'', 'curl -d \'{"model": "gpt-4.1"}\'', []),
        ('curl -d "{\\"model\\": \\"gpt-4o\\"}"', 'curl -d "{\\"model\\": \\"gpt-4.1\\"}"', []),
        ("echo using gpt-4o today", "echo using gpt-4o today", ["texts"]),
        ("# gpt-4o", "# gpt-4o", ["comments"]),
    ],
    "a.yaml": [
        ("model: gpt-4o", "model: gpt-4.1", []),
        ("model: 'gpt-4o' # gpt-4o", "model: 'gpt-4.1' # gpt-4o", ["comments"]),
        ("- gpt-4o", "- gpt-4.1", []),
        ("x: [gpt-4o, gpt-4]", "x: [gpt-4.1, gpt-4]", []),
        ("x: {model: gpt-4o}", "x: {model: gpt-4.1}", []),
        ("model: openai/gpt-4o", "model: openai/gpt-4.1", []),
        ("gpt-4o: 3", "gpt-4o: 3", ["lookups"]),
        ("note: we use gpt-4o", "note: we use gpt-4o", ["texts"]),
        ("note: gpt-4o is fine", "note: gpt-4o is fine", ["texts"]),
        ("command: run --model gpt-4o --x", "command: run --model gpt-4.1 --x", []),
        ("args: [--model, gpt-4o]", "args: [--model, gpt-4.1]", []),
    ],
    "a.json": [
        ('{"model": "gpt-4o"}', '{"model": "gpt-4.1"}', []),
        ('{"gpt-4o": {"x": 1}}', '{"gpt-4o": {"x": 1}}', ["lookups"]),
        ('{"a": ["gpt-4o", "gpt-4"]}', '{"a": ["gpt-4.1", "gpt-4"]}', []),
        ('{"note": "gpt-4o it is"}', '{"note": "gpt-4o it is"}', ["texts"]),
    ],
    "a.toml": [
        ('model = "gpt-4o"', 'model = "gpt-4.1"', []),
        ('models = ["gpt-4", "gpt-4o"]', 'models = ["gpt-4", "gpt-4.1"]', []),
        ('[limits."gpt-4o"]', '[limits."gpt-4o"]', ["lookups"]),
        ('"gpt-4o" = 3', '"gpt-4o" = 3', ["lookups"]),
    ],
    ".env": [
        ("M=gpt-4o", "M=gpt-4.1", []),
        ("export M='gpt-4o'", "export M='gpt-4.1'", []),
        ("#M=gpt-4o", "#M=gpt-4o", ["comments"]),
    ],
    "Dockerfile": [("ENV M=gpt-4o", "ENV M=gpt-4.1", []), ("ENV M gpt-4o", "ENV M gpt-4o", ["texts"])],
    "a.ipynb": [('"r = ask(model=\\"gpt-4o\\")\\n"', '"r = ask(model=\\"gpt-4.1\\")\\n"', [])],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_change_and_stay(name: str, tmp_path: Path) -> None:
    """Values change; keys, comparisons, types, prose and comments do not."""
    for before, after, kinds in OTHERS[name]:
        assert (after, kinds) == swapped(tmp_path, name, before), before


ROLES = {
    "tests/test_a.py": "tests",
    "evals/a.py": "evals",
    "fixtures/a.json": "fixtures",
    "docs/a.md": "docs",
    "CHANGELOG.md": "docs",
    "a.jsonl": "data",
    "poetry.lock": "locks",
    "prompts/a.prompt.yml": "prompts",
}


@pytest.mark.parametrize("name", ROLES)
def test_files_that_tell_what_was_are_left_alone_unless_asked(name: str, tmp_path: Path) -> None:
    """Each kind by its word, or the one file by a pattern of its path."""
    content = '{"model": "gpt-4o"}\n' if name.endswith((".json", ".jsonl")) else 'x = "gpt-4o"\n'
    content = "model: gpt-4o\n" if name.endswith(".yml") else content
    changed = content.replace("gpt-4o", "gpt-4.1")
    assert (content, [ROLES[name]]) == swapped(tmp_path, name, content)
    assert (changed, []) == swapped(tmp_path, name, content, ROLES[name])
    assert (changed, []) == swapped(tmp_path, name, content, f"*{Path(name).name}")


def test_words_open_what_is_left(tmp_path: Path) -> None:
    """`lookups`, `texts` and `comments` change too, each by its own word."""
    code = 'x = {"gpt-4o": "the gpt-4o model"}  # gpt-4o\n'
    assert 'x = {"gpt-4.1": "the gpt-4o model"}  # gpt-4o\n' == swapped(tmp_path, "a.py", code, "lookups")[0]
    assert 'x = {"gpt-4o": "the gpt-4.1 model"}  # gpt-4o\n' == swapped(tmp_path, "a.py", code, "texts")[0]
    assert 'x = {"gpt-4o": "the gpt-4o model"}  # gpt-4.1\n' == swapped(tmp_path, "a.py", code, "comments")[0]


def test_a_test_is_changed_with_what_it_compares(tmp_path: Path) -> None:
    """Who includes tests wants their assertions to hold."""
    code = 'assert sent["model"] == "gpt-4o"\n'
    assert code.replace("gpt-4o", "gpt-4.1") == swapped(tmp_path, "tests/test_a.py", code, "tests")[0]


def test_a_snapshot_changes_when_it_is_named(tmp_path: Path) -> None:
    """A dated name is a model of its own."""
    code = 'x = ["gpt-4o", "gpt-4o-2024-08-06"]\n'
    pairs = {"gpt-4o-2024-08-06": "gpt-4.1"}
    assert ('x = ["gpt-4o", "gpt-4.1"]\n', []) == swapped(tmp_path, "a.py", code, **pairs)


def test_several_names_change_at_once(tmp_path: Path) -> None:
    """Each becomes its own, the longer not through the shorter."""
    code = 'x = ["gpt-4o", "gpt-4o-mini", "gpt-4"]\n'
    pairs = {"gpt-4o": "gpt-4.1", "gpt-4o-mini": "gpt-4.1-mini", "gpt-4": "gpt-4o-mini-2024-07-18"}
    assert 'x = ["gpt-4.1", "gpt-4.1-mini", "gpt-4o-mini-2024-07-18"]\n' == swapped(tmp_path, "a.py", code, **pairs)[0]


# --- Bytes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.py", b'x = "gpt-4o"\r\ny = 1\r\n'),
        ("a.py", b'x = "gpt-4o"'),
        ("a.py", b'\xef\xbb\xbfx = "gpt-4o"\n'),
        ("a.py", b'# coding: latin-1\ns = "gr\xf6\xdfer"; x = "gpt-4o"\n'),
        ("a.py", 's = "☃ größer"; x = "gpt-4o"  # ☃\n'.encode()),
        ("a.py", b'x = 1\n\x0c\ny = "gpt-4o"\n'),
        ("a.py", b'if x:\n\ty = "gpt-4o"\n'),
        ("a.py", 's = "\u2028"; x = "gpt-4o"\n'.encode()),
        ("a.yaml", b"\xef\xbb\xbfmodel: gpt-4o\r\n"),
        ("a.yaml", b"name: gr\xf6\xdfer\nmodel: gpt-4o\n"),
        ("a.yaml", "model: gpt-4o\nname: größer\n".encode("utf-16")),
        ("a.yaml", b"\xfe\xff" + "model: gpt-4o\n".encode("utf-16-be")),
        ("a.ts", b'f("gpt-4o")\r\n// \xff\r\n'),
        (".env", b"A=gpt-4o\n\n\n"),
    ],
)
def test_every_other_byte_stays(name: str, data: bytes, tmp_path: Path) -> None:
    """Line ends, byte order marks, encodings, form feeds, tabs, and a last line without an end."""
    swapped(tmp_path, name, data)
    old, new = b"gpt-4o", b"gpt-4.1"
    wide = "utf-16-le" if data.startswith(b"\xff\xfe") else "utf-16-be" if data.startswith(b"\xfe\xff") else ""
    if wide:
        old, new = "gpt-4o".encode(wide), "gpt-4.1".encode(wide)
    assert data.replace(old, new) == (tmp_path / name).read_bytes()


WORDS = st.lists(
    st.sampled_from(
        [
            *('"gpt-4o"', "'gpt-4o'", '"gpt-4o-mini"', '"openai/gpt-4o"', '"gpt-4o-2024-08-06"', '{"gpt-4o": 1}', "x"),
            *('f"{x} gpt-4o"', '"a gpt-4o b"', 'x == "gpt-4o"', "f'{f(m=\"gpt-4o\")}'", '"""gpt-4o"""', 'b"gpt-4o"'),
            *('"größer" "gpt-4o"', "# gpt-4o\n", "\n\n", '["gpt-4o", "gpt-4o"]', 'd.get("gpt-4o", "gpt-4o")', "\\\n"),
        ]
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(WORDS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([(), ("lookups",), ("texts", "comments")]))
def test_a_swap_is_minimal_repeatable_and_parses(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], newline: str, include: tuple[str, ...]
) -> None:
    """Whatever module: it parses as before but for the names, a second run changes nothing, the diff tells it all."""
    code = "(" + ", ".join(words).replace("\n, ", ",\n").replace("\\\n,", "\\\n") + ")\n"
    try:
        ast.parse(code)
    except SyntaxError:
        return
    folder = tmp_path_factory.mktemp("tree")
    before = code.replace("\n", newline).encode()
    (folder / "a.py").write_bytes(before)
    plan = plan_swap(folder, folder, Policy(PAIRS, include))
    write_plan(plan)
    after = (folder / "a.py").read_bytes()
    assert ast.dump(ast.parse(before)).replace("gpt-4o", "M") == ast.dump(ast.parse(after)).replace(
        "gpt-4o", "M"
    ).replace("gpt-4.1", "M")
    assert before.count(b"gpt-4o") - after.count(b"gpt-4o") == len(plan.changes) == after.count(b"gpt-4.1")
    assert before == after.replace(b"gpt-4.1", b"gpt-4o")
    again = plan_swap(folder, folder, Policy(PAIRS, include))
    assert ((), [one.kind for one in plan.left]) == (again.files, [one.kind for one in again.left])


# --- Writing ----------------------------------------------------------------------------------------------


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    """A script stays executable; a link stays a link, and what it leads to in the tree is changed by its own name."""
    plant(tmp_path, {"bin/ask": '#!/usr/bin/env python3\nx = "gpt-4o"\n'})
    (tmp_path / "bin" / "ask").chmod(0o755)
    (tmp_path / "link.py").symlink_to(tmp_path / "bin" / "ask")
    write_plan(plan_swap(tmp_path, tmp_path, Policy(PAIRS)))
    assert 0o755 == stat.S_IMODE((tmp_path / "bin" / "ask").stat().st_mode)
    assert (tmp_path / "link.py").is_symlink()
    assert "gpt-4.1" in (tmp_path / "bin" / "ask").read_text()
    assert ["ask"] == [path.name for path in (tmp_path / "bin").iterdir()]


def test_a_file_outside_the_tree_is_never_written(tmp_path: Path) -> None:
    """A link out of the tree is left alone."""
    plant(tmp_path, {"outside.py": 'x = "gpt-4o"\n', "tree/a.py": "x = 1\n"})
    (tmp_path / "tree" / "link.py").symlink_to(tmp_path / "outside.py")
    write_plan(plan_swap(tmp_path / "tree", tmp_path, Policy(PAIRS)))
    assert 'x = "gpt-4o"\n' == (tmp_path / "outside.py").read_text()


def test_a_file_that_changes_meanwhile_stops_the_writing(tmp_path: Path) -> None:
    """Nobody's edit is lost: it is said which files were written and what to do."""
    plant(tmp_path, {"a.py": 'x = "gpt-4o"\n', "b.py": 'x = "gpt-4o"\n'})
    plan = plan_swap(tmp_path, tmp_path, Policy(PAIRS))
    (tmp_path / "b.py").write_text('x = "gpt-4o"\ny = 2\n')
    with pytest.raises(UsageProblem, match=r"b\.py was changed while it was looked at") as caught:
        write_plan(plan)
    assert "1 files written before it: a.py" == caught.value.kept
    assert 'x = "gpt-4o"\ny = 2\n' == (tmp_path / "b.py").read_text()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file takes the old one's place whole, or not at all; nothing is left lying about."""
    plant(tmp_path, {"a.py": 'x = "gpt-4o"\n'})
    plan = plan_swap(tmp_path, tmp_path, Policy(PAIRS))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plans.os, "fsync", full)
    with pytest.raises(UsageProblem, match="No space left on device"):
        write_plan(plan)
    assert {"a.py": 'x = "gpt-4o"\n'} == {path.name: path.read_text() for path in tmp_path.iterdir()}


def test_a_broken_module_is_listed_and_stays(tmp_path: Path) -> None:
    """What cannot be parsed cannot be changed with care."""
    plant(tmp_path, {"a.py": 'x = "gpt-4o"\ndef f(:\n'})
    plan = plan_swap(tmp_path, tmp_path, Policy(PAIRS))
    assert ((), [("a.py", 2)]) == (plan.files, [(one.file, one.line) for one in plan.unread])


def test_the_diff_is_one_that_git_applies(tmp_path: Path) -> None:
    """Several hunks, a file without a last newline, and windows' line ends: `git apply` makes the same files."""
    import shutil
    import subprocess

    if shutil.which("git") is None:
        pytest.skip("needs git")
    long = "".join(f"x{n} = {n}\n" for n in range(30))
    plant(
        tmp_path,
        {
            "a.py": f'm = "gpt-4o"\n{long}n = "gpt-4o"\no = "gpt-4o"',
            "b.py": b'm = "gpt-4o"\r\ny = 1\r\n',
            "ö.yaml": "model: gpt-4o\n",
        },
    )
    plan = plan_swap(tmp_path, tmp_path, Policy(PAIRS))
    patch = "".join(one.diff for one in plan.files)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], input=patch.encode(), cwd=tmp_path, check=True, env=environment
    )
    assert {one.file.name: one.after for one in plan.files} == {
        path.name: path.read_bytes() for path in tmp_path.iterdir()
    }
    assert json.dumps(patch)
