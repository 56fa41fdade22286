"""Which files of a tree are read, as what, and what happens to those that cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_trees import plant, scanned

from migrate.edges.scanning import scan
from migrate.edges.scanning.ignoring import patterns
from migrate.edges.scanning.trees import Tree, role_of

CALL = 'import openai\nopenai.responses.create(model="gpt-4o", input="Hello")\n'


def names(folder: Path, source: str = "") -> list[str]:
    return [file.name for file in Tree(folder / source, folder).files]


def test_folders_that_hold_no_sources_are_not_entered(tmp_path: Path) -> None:
    """Repositories' insides, installed packages, virtual environments whatever their name, built copies."""
    files: dict[str, str | bytes] = {
        "app.py": CALL,
        ".git/hook.py": CALL,
        "node_modules/x/index.js": "openai",
        "lib/site-packages/x.py": CALL,
        "myenv/pyvenv.cfg": "",
        "myenv/x.py": CALL,
        "build/lib/app.py": CALL,
        "build/__pycache__/x.py": CALL,
        "tools/build/__init__.py": "",
        "tools/build/x.py": CALL,
    }
    found = scanned(tmp_path, files)
    assert ["app.py", "tools/build/x.py"] == [site.spot.file for site in found.sites]
    assert (
        "build/ (built)",
        "lib/site-packages/ (never holds sources)",
        "myenv/ (a virtual environment)",
        "node_modules/ (never holds sources)",
    ) == tuple(sorted(found.skipped))


def test_what_git_ignores_is_not_read(tmp_path: Path) -> None:
    """`.gitignore` of the tree, of folders in it and of those above it; environment files are read all the same."""
    plant(
        tmp_path,
        {
            ".git/HEAD": "",
            ".gitignore": "/repo/generated/\n*.tmp.py\n.env\n",
            "repo/.gitignore": "local*\n!local_kept.py\n/only_here.py\nlogs/\n",
            "repo/deep/.gitignore": "/mine.py\n",
            **dict.fromkeys(
                (
                    *("repo/app.py", "repo/a.tmp.py", "repo/generated/x.py", "repo/local.py", "repo/local_kept.py"),
                    *("repo/only_here.py", "repo/deep/only_here.py", "repo/deep/mine.py", "repo/logs/x.py"),
                ),
                CALL,
            ),
            "repo/.env": "MODEL=gpt-4o\n",
        },
    )
    assert [".env", "app.py", "deep/only_here.py", "local_kept.py"] == names(tmp_path / "repo")


def test_a_folder_that_was_asked_for_is_read_though_git_ignores_it(tmp_path: Path) -> None:
    """Who names a folder means it."""
    plant(tmp_path, {".git/HEAD": "", ".gitignore": "vendor/\n", "vendor/app.py": CALL})
    assert ["app.py"] == names(tmp_path, "vendor")
    assert [] == names(tmp_path)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@settings(max_examples=25)
@given(
    st.lists(
        st.sampled_from(
            [
                *("*.py", "!a.py", "/a.py", "b/", "b", "/b/", "b/*.py", "**/a.py", "b/**", "b/**/c.py", "*/c.py"),
                *("[ab].py", "[!a].py", "?.py", "# a.py", "\\#.py", "a.py  ", "!b/", "c*", "*c.py", "d/e", "/d/*/a.py"),
            ]
        ),
        max_size=5,
    )
)
def test_patterns_mean_what_git_means(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    """For these files and folders, the same ones are ignored as by `git check-ignore`."""
    folder = tmp_path_factory.mktemp("repo")
    paths = [
        "a.py",
        "b.py",
        "c.py",
        "#.py",
        "b/a.py",
        "b/c.py",
        "b/d/c.py",
        "d/e/a.py",
        "d/a.py",
        "d/b/a.py",
        "cc/c.py",
    ]
    plant(folder, {".gitignore": "\n".join(lines) + "\n", **dict.fromkeys(paths, "x = 1\n")})
    subprocess.run(["git", "init", "-q", str(folder)], check=True, capture_output=True)
    asked = subprocess.run(
        ["git", "-C", str(folder), "-c", "core.excludesFile=", "check-ignore", "--stdin"],
        input="\n".join(paths),
        text=True,
        capture_output=True,
        check=False,
    )
    ignored = set(asked.stdout.replace('"', "").splitlines())
    assert sorted(set(paths) - ignored) == sorted(set(names(folder)))


@given(st.text(max_size=30))
def test_any_line_is_a_pattern_or_none(line: str) -> None:
    """A line that git would not take is left out; none raises."""
    assert len(patterns([line])) <= 1


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link out of the tree, to a folder above, or to itself leads nowhere; what it points at inside is met once."""
    plant(tmp_path, {"outside/secret.py": CALL, "tree/app.py": CALL})
    tree = tmp_path / "tree"
    (tree / "link.py").symlink_to(tmp_path / "outside" / "secret.py")
    (tree / "folder").symlink_to(tmp_path / "outside", target_is_directory=True)
    (tree / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "self.py").symlink_to(tree / "self.py")
    (tree / "again.py").symlink_to(tree / "app.py")
    assert ["app.py"] == names(tmp_path, "tree")


def test_an_import_does_not_lead_out_of_the_tree(tmp_path: Path) -> None:
    """A module that lies behind a link out of the tree is a module nobody knows."""
    plant(
        tmp_path,
        {
            "outside/settings.py": 'M = "gpt-4o"\n',
            "tree/app.py": "import openai\nfrom settings import M\nopenai.responses.create(model=M, input='x')\n",
        },
    )
    (tmp_path / "tree" / "settings.py").symlink_to(tmp_path / "outside" / "settings.py")
    (site,) = scan(tmp_path / "tree", tmp_path).sites
    assert [""] == [use.name for use in site.models]


def test_pipes_and_sockets_do_not_stop_a_scan(tmp_path: Path) -> None:
    """What is no regular file is left out, without waiting for it."""
    plant(tmp_path, {"app.py": CALL})
    os.mkfifo(tmp_path / "pipe.py")
    assert ["app.py"] == names(tmp_path)


UNREADABLE = {
    "broken.py": (CALL + "def f(:\n", 3, "not Python: invalid syntax"),
    "old.py": (
        'import openai\nprint "x"\n',
        2,
        "not Python: Missing parentheses in call to 'print'",
    ),
    "null.py": ("import openai\n\0\n", None, "not Python: source code string cannot contain null bytes"),
    "encoded.py": ("# coding: nonsense\nimport openai\n", 1, "not Python: unknown encoding: nonsense"),
    "bytes.py": (b"import openai\nx = '\xff'\n", 2, "not utf-8"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_listed(name: str, tmp_path: Path) -> None:
    """Its name, the line and the reason; the rest of the tree is read all the same."""
    content, line, reason = UNREADABLE[name]
    found = scanned(tmp_path, {name: content, "app.py": CALL})
    assert [(name, line)] == [(one.file, one.line) for one in found.unread]
    assert found.unread[0].reason.startswith(reason[:20])
    assert "app.py" in {site.spot.file for site in found.sites}


def test_a_broken_file_still_shows_its_calls(tmp_path: Path) -> None:
    """They are found by their form, and only possible."""
    content = CALL + 'c.chat.completions.create(\n    model="gpt-4o")\n<<<<<<< HEAD\n'
    sites = scanned(tmp_path, {"app.py": content}).sites
    assert [("app.py", 2, "possible"), ("app.py", 3, "possible")] == [
        (site.spot.file, site.spot.line, site.sure) for site in sites
    ]


def test_a_huge_file_is_listed_and_not_read(tmp_path: Path) -> None:
    """More than 4 MB is data, or was written by a machine."""
    found = scanned(tmp_path, {"app.py": CALL, "big.py": CALL + "x = 1\n" * 800_000})
    assert [("big.py", "larger than 4 MB")] == [(one.file, one.reason) for one in found.unread]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "cp1252", "iso-8859-15", "koi8-r"])
def test_python_files_are_read_in_their_own_encoding(encoding: str, tmp_path: Path) -> None:
    """A byte order mark or a line at the top names it."""
    letters = "привет" if encoding == "koi8-r" else "größer"
    head = "" if encoding == "utf-8-sig" else f"# -*- coding: {encoding} -*-\n"
    code = f'{head}import openai\nopenai.responses.create(model="gpt-4o", input="{letters} word")\n'
    (site,) = scanned(tmp_path, {"app.py": code.encode(encoding)}).sites
    assert f"{letters} word" == site.messages[0].content


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_other_files_are_read_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    """UTF-8 with and without a mark, UTF-16 with one; anything else byte by byte."""
    found = scanned(tmp_path, {"a.yaml": "# größer\nmodel: gpt-4o\n".encode(encoding)})
    assert [("gpt-4o", 2)] == [(one.model, one.spot.line) for one in found.mentions]


def test_scripts_without_an_ending_are_known_by_their_first_line(tmp_path: Path) -> None:
    """`#!/usr/bin/env python3` makes a file Python."""
    found = scanned(tmp_path, {"bin/ask": "#!/usr/bin/env python3\n" + CALL, "bin/other": CALL})
    assert ["bin/ask"] == [site.spot.file for site in found.sites]


def test_one_file_may_be_scanned_alone(tmp_path: Path) -> None:
    """Its calls are told; what it imports from beside it is followed."""
    plant(
        tmp_path,
        {
            "app.py": "import openai\nfrom settings import MODEL\nopenai.responses.create(model=MODEL, input='x')\n",
            "settings.py": 'import openai\nMODEL = "gpt-4o"\nopenai.responses.create(model=MODEL, input="y")\n',
        },
    )
    (site,) = scan(tmp_path / "app.py", tmp_path).sites
    assert ("app.py", "gpt-4o") == (site.spot.file, site.models[0].name)


def test_a_package_may_be_scanned_from_inside(tmp_path: Path) -> None:
    """`scan shop`, where the modules call each other `shop.settings`."""
    plant(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/app.py": "import openai\nfrom shop.settings import M\nopenai.responses.create(model=M, input='x')\n",
            "shop/settings.py": 'M = "gpt-4o"\n',
        },
    )
    (site,) = scan(tmp_path / "shop", tmp_path).sites
    assert ("shop/app.py", "gpt-4o") == (site.spot.file, site.models[0].name)


ROLES = {
    "app/llm.py": "code",
    "src/app.ts": "code",
    "config/models.yaml": "config",
    "tests/test_app.py": "tests",
    "app/test_llm.py": "tests",
    "app/llm_test.go": "tests",
    "web/a.spec.ts": "tests",
    "conftest.py": "tests",
    "evals/tone.py": "evals",
    "promptfooconfig.yaml": "evals",
    "tests/fixtures/a.json": "fixtures",
    "tests/cassettes/a.yaml": "fixtures",
    "fixtures/refund/a.json": "fixtures",
    "poetry.lock": "locks",
    "package-lock.json": "locks",
    "uv.lock": "locks",
    "CHANGELOG.md": "docs",
    "README.rst": "docs",
    "docs/models.md": "docs",
    "docs/conf.yaml": "docs",
    "prompts/a.prompt.yml": "prompts",
    "prompt-migrate.toml": "prompts",
    "logs/a.jsonl": "data",
    "contest/app.py": "code",
    "latest/app.py": "code",
}


@pytest.mark.parametrize("name", ROLES)
def test_a_file_has_a_role_by_its_name(name: str, tmp_path: Path) -> None:
    """What a file is for decides whether a swap touches it."""
    plant(tmp_path, {name: "x"})
    (file,) = Tree(tmp_path, tmp_path).files
    assert (ROLES[name], ROLES[name]) == (file.role, role_of(name, file.language))
