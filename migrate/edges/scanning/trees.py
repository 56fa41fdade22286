"""A source tree as it is read: which files, what each is for, and its text; nothing outside the tree, nothing twice."""

from __future__ import annotations

import io
import os
import re
import stat
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from migrate.edges.scanning.ignoring import Level, Rules, read_patterns
from migrate.edges.scanning.nouns import Role, Unread

MAX_FILE: Final = 4 * 1024 * 1024
"""Bytes of a file that is looked at."""

Language = Literal["python", "script", "config", "text"]
"""How a file is read: as Python, as another programming language, as configuration, or not for prompts at all."""

SKIPPED: Final = frozenset(
    {
        *(".git", ".hg", ".svn", "node_modules", "bower_components", "__pycache__", "__pypackages__", "site-packages"),
        *(".tox", ".nox", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".eggs", ".gradle"),
        *(".idea", ".vscode-test", ".next", ".nuxt", ".terraform", ".serverless", ".cache", ".prompt-migrate"),
    }
)
BUILT: Final = frozenset({"build", "dist", "target", "out"})
"""Folders of copies, unless they are Python packages."""

PYTHON: Final = frozenset({".py", ".pyw"})
SCRIPTS: Final[dict[str, str]] = {
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), "typescript"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".astro"), "javascript"),
    **dict.fromkeys((".kt", ".kts"), "kotlin"),
    **dict.fromkeys((".ex", ".exs"), "elixir"),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".fish"), "shell"),
    **dict.fromkeys((".c", ".cc", ".cpp", ".h", ".hpp"), "cpp"),
    ".go": "go", ".java": "java", ".cs": "csharp", ".fs": "fsharp", ".rb": "ruby", ".php": "php", ".rs": "rust",
    ".swift": "swift", ".scala": "scala", ".dart": "dart", ".lua": "lua", ".r": "r", ".jl": "julia",
    ".ipynb": "notebook", ".ps1": "powershell", ".groovy": "groovy", ".clj": "clojure", ".pl": "perl",
}  # fmt: skip
CONFIGS: Final = frozenset(
    {
        *(".yml", ".yaml", ".json", ".jsonc", ".json5", ".toml", ".ini", ".cfg", ".conf", ".env", ".properties"),
        *(".tf", ".tfvars", ".hcl", ".prompty", ".envrc", ".example", ".sample", ".template", ".tpl", ".nomad"),
    }
)
CONFIG_NAMES: Final = re.compile(
    r"(?i)(?:dockerfile|containerfile|makefile|procfile|justfile|\.env|\.envrc)(?:[.-].*)?"
)
TEXTS: Final = frozenset(
    {*(".md", ".mdx", ".rst", ".txt", ".adoc", ".html", ".htm", ".jinja", ".j2", ".jinja2", ".prompt", ".tmpl")}
)
DATA: Final = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".sql", ".log", ".xml", ".snap", ".parquet"})
LOCKS: Final = re.compile(
    r"(?i)(?:.*\.lock|.*[.-]lock\.(?:json|ya?ml)|package-lock\.json|npm-shrinkwrap\.json|go\.sum|.*requirements.*\.txt)"
)
MINIFIED: Final = re.compile(r"(?i).*(?:\.min|\.bundle|-bundle|\.chunk)\.(?:js|mjs|cjs)")

_FOLDERS: Final[dict[str, Role]] = {
    **dict.fromkeys(
        (
            *("fixtures", "fixture", "__fixtures__", "goldens", "golden", "cassettes", "snapshots", "__snapshots__"),
            *("recordings", "testdata", "test_data", "__mocks__"),
        ),
        "fixtures",
    ),
    **dict.fromkeys(("evals", "eval", "evaluation", "evaluations", "benchmark", "benchmarks"), "evals"),
    **dict.fromkeys(("test", "tests", "__tests__", "spec", "specs", "e2e", "testing", "unittests"), "tests"),
    **dict.fromkeys(("docs", "doc", "documentation"), "docs"),
}
_STRONGEST: Final[tuple[Role, ...]] = ("fixtures", "evals", "tests", "docs")
_NAMES: Final[tuple[tuple[re.Pattern[str], Role], ...]] = (
    (re.compile(r"(?i).*\.prompt\.ya?ml|prompt-migrate\.toml"), "prompts"),
    (LOCKS, "locks"),
    (re.compile(r"(?i)(?:eval_.*|.*_evals?)\.py|promptfooconfig.*"), "evals"),
    (
        re.compile(r"(?:test_.*|.*_tests?|conftest)\.py|.*[._](?:test|spec)\.\w+|.*_test\.go|.*Tests?\.(?:java|kt|cs)"),
        "tests",
    ),
    (re.compile(r"(?i)(?:changelog|changes|history|news|readme|contributing|release|authors)\b.*"), "docs"),
)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a tree."""

    path: Path
    name: str
    """Relative to the tree's root, with forward slashes."""
    shown: str
    """As the user would type it."""
    language: Language
    dialect: str
    """`python`, `typescript`, `go`, `yaml` ..."""
    role: Role


class Unsuitable(Exception):
    """A file cannot be read: why, and the line where that can be said."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(slots=True)
class Tree:
    """The files below a folder, or one file; the paths are walked once."""

    source: Path
    """What was asked for."""
    here: Path
    """What paths are shown relative to, where they lie below it."""
    root: Path = field(init=False)
    files: list[File] = field(init=False)
    skipped: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def __post_init__(self) -> None:
        source = self.source.resolve()
        self.root = source.parent if source.is_file() else source
        if source.is_file():
            one = self._file(source, source.name)
            self.files = [one] if one else []
        else:
            self.files = sorted(self._walk(), key=lambda file: file.name)

    def shown(self, path: Path) -> str:
        """Return a path as the user would type it."""
        here = self.here.resolve()
        return Path(os.path.relpath(path, here) if path.is_relative_to(here) else path).as_posix()

    def inside(self, path: Path) -> Path | None:
        """Return the real path of a regular file, when it lies in the tree; links may not lead out of it."""
        try:
            real = path.resolve(strict=True)
            regular = stat.S_ISREG(real.stat().st_mode)
        except (OSError, RuntimeError, ValueError):
            return None
        return real if regular and real.is_relative_to(self.root) else None

    def text_of(self, path: Path) -> str | None:
        """Return the text of some small file of the tree that code names; None when there is none."""
        real = self.inside(path)
        if real is None:
            return None
        try:
            return decoded(content(real), python=False)
        except Unsuitable:
            return None

    # --- Walking --------------------------------------------------------------------------------------------

    def _walk(self) -> Iterator[File]:
        """Yield the files; a link is never followed: what it leads to in the tree is met by its own name."""
        stack = [("", self._rules_above())]
        while stack:
            folder, above = stack.pop()
            path = self.root / folder
            rules = above.within(Level(read_patterns(path / ".gitignore"), folder))
            try:
                entries = sorted(os.scandir(path), key=lambda entry: entry.name)
            except OSError as error:
                self.unread.append(Unread(self.shown(path), None, f"cannot be read: {error.strerror}"))
                continue
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if self._enters(Path(entry.path), name, rules):
                        stack.append((name, rules))
                elif entry.is_file(follow_symlinks=False):
                    yield from self._taken(Path(entry.path), name, rules)

    def _rules_above(self) -> Rules:
        """Return what the folders above say, up to the repository's root."""
        folders: list[Path] = []
        for folder in self.root.parents if not (self.root / ".git").exists() else ():
            folders.insert(0, folder)
            if (folder / ".git").exists():
                break
        else:
            return Rules()
        rules = Rules()
        for folder in folders:
            prefix = f"{self.root.relative_to(folder).as_posix()}/"
            rules = rules.within(Level(read_patterns(folder / ".gitignore"), prefix=prefix))
        return rules

    def _enters(self, path: Path, name: str, rules: Rules) -> bool:
        why = ""
        if path.name in SKIPPED:
            why = "never holds sources"
        elif (path / "pyvenv.cfg").exists() or (path / "conda-meta").is_dir():
            why = "a virtual environment"
        elif path.name in BUILT and not (path / "__init__.py").exists():
            why = "built"
        elif rules.ignores(name, is_folder=True):
            why = "ignored by git"
        if why and path.name not in ("__pycache__", ".git"):
            self.skipped.append(f"{self.shown(path)}/ ({why})")
        return not why

    def _taken(self, path: Path, name: str, rules: Rules) -> Iterator[File]:
        # Environment files are where models are chosen, and git ignores nearly all of them.
        if rules.ignores(name, is_folder=False) and not path.name.startswith(".env"):
            return
        file = self._file(path, name)
        if file is not None:
            yield file

    def _file(self, path: Path, name: str) -> File | None:
        kind = _language(path)
        if kind is None:
            return None
        language, dialect = kind
        return File(path, name, self.shown(path), language, dialect, role_of(name, language))


def _language(path: Path) -> tuple[Language, str] | None:
    name, suffix = path.name, path.suffix.lower()
    if suffix in PYTHON:
        return "python", "python"
    if MINIFIED.fullmatch(name):
        return None
    if LOCKS.fullmatch(name):
        return "text", "lock"
    if suffix in SCRIPTS:
        return "script", SCRIPTS[suffix]
    if CONFIG_NAMES.fullmatch(name) or suffix in CONFIGS:
        return "config", _dialect(name, suffix)
    if suffix in TEXTS or suffix in DATA:
        return "text", suffix[1:]
    return _by_first_line(path) if not suffix else None


def _dialect(name: str, suffix: str) -> str:
    if suffix in (".json", ".jsonc", ".json5"):
        return "json"
    if suffix in (".yml", ".yaml", ".prompty"):
        return "yaml"
    return "env" if name.startswith(".env") or suffix == ".env" else "keys"


def _by_first_line(path: Path) -> tuple[Language, str] | None:
    """Return what a script without an ending is written in."""
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    if b"python" in first:
        return "python", "python"
    return ("script", "shell") if b"sh" in first else ("script", "javascript") if b"node" in first else None


def role_of(name: str, language: Language = "python") -> Role:
    """Return what a file is for; `name` is its path below the tree's root."""
    path = PurePosixPath(name)
    folders = {_FOLDERS[part] for part in map(str.lower, path.parts[:-1]) if part in _FOLDERS}
    by_name = next((role for pattern, role in _NAMES if pattern.fullmatch(path.name)), None)
    if by_name in ("prompts", "locks"):
        return by_name
    if "fixtures" in folders:
        return "fixtures"
    if by_name is not None:
        return by_name
    for role in _STRONGEST:
        if role in folders and (role != "docs" or language != "python"):
            return role
    if path.suffix.lower() in DATA:
        return "data"
    if language == "text":
        return "docs"
    return "config" if language == "config" else "code"


# --- Text -------------------------------------------------------------------------------------------------------


def content(path: Path) -> bytes:
    """Return the bytes of a regular file; raises Unsuitable."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(path, flags)
    except OSError as error:
        raise Unsuitable(f"cannot be read: {error.strerror}") from None
    with os.fdopen(number, "rb") as file:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise Unsuitable("not a regular file")
        if found.st_size > MAX_FILE:
            raise Unsuitable(f"larger than {MAX_FILE // 2**20} MB")
        return file.read(MAX_FILE + 1)


def encoding_of(data: bytes, *, python: bool) -> str:
    """Return the encoding of a file's bytes: what Python's rules say, a byte order mark, or UTF-8; raises Unsuitable.

    Files in an encoding that nothing names are read as Latin-1, in which every byte is a character.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if python:
        try:
            return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        except SyntaxError as error:
            raise Unsuitable(f"not Python: {error.msg}", 1) from None
    if b"\0" in data[:8192]:
        raise Unsuitable("not text")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"


def decoded(data: bytes, *, python: bool) -> str:
    """Return the text of a file's bytes, its line ends as they are; raises Unsuitable."""
    encoding = encoding_of(data, python=python)
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        line = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise Unsuitable(f"not {encoding}", line) from None
