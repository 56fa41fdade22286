"""The Python modules of a tree: parsed when they are needed, found as an import would find them, never imported."""

from __future__ import annotations

import ast
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from migrate.edges.scanning.nouns import Unread
from migrate.edges.scanning.python.scopes import Found, Scope, Surveyor
from migrate.edges.scanning.trees import File, Tree, Unsuitable, content, decoded, role_of

if TYPE_CHECKING:
    from migrate.edges.scanning.python.values import Value

KEPT: Final = 256
"""Parsed modules held at a time."""

LIBRARIES: Final = frozenset(
    {"openai", "litellm", "langchain", "langchain_openai", "langchain_core", "agents", "jinja2", "pydantic", "string"}
)
"""Names that mean the library, though a module beside the importing one is often called the same."""

_CALLED: Final = re.compile(rb"(\bdef\s+)?([A-Za-z_]\w*)\s*\(")
MOST_CALLERS: Final = 300
"""Modules that are searched for the callers of one helper."""


@dataclass(slots=True, eq=False)
class Module:
    """One parsed module."""

    file: File
    text: str
    tree: ast.Module
    found: Found = field(init=False)
    memo: dict[ast.AST, Value] = field(default_factory=dict)
    """What expressions of it were read as."""
    _lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.found = Surveyor(self, self.tree).survey()

    @property
    def scope(self) -> Scope:
        """Return the scope of its top."""
        return self.found.scope_of[self.tree]

    def column(self, line: int, offset: int) -> int:
        """Return the column in characters, from 0, of an offset in bytes of UTF-8."""
        if not self._lines:
            self._lines = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        written = self._lines[line - 1] if line <= len(self._lines) else ""
        return offset if written.isascii() else len(written.encode()[:offset].decode("utf-8", "replace"))


def parsed(text: str) -> ast.Module:
    """Return the syntax tree of a text; raises Unsuitable with the line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise Unsuitable(f"not Python: {error.msg}", error.lineno) from None
    except (RecursionError, MemoryError):
        raise Unsuitable("nested too deeply") from None
    except ValueError as error:
        raise Unsuitable(f"not Python: {error}") from None


class Project:
    """All modules of one tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.files = [file for file in tree.files if file.language == "python"]
        self._by_path = {file.path: file for file in self.files}
        self._modules: OrderedDict[Path, Module | None] = OrderedDict()
        self._imports: dict[tuple[str, int, Path], Path | None] = {}
        self._calls: dict[str, list[File]] = {}
        self._definitions: dict[str, list[File]] = {}
        self._indexed = False
        self.broken: dict[str, Unread] = {}
        """Files that are no Python, by name."""

    def module(self, file: File) -> Module | None:
        """Return the module of a file; None when it cannot be parsed, which is then noted."""
        path = file.path
        if path in self._modules:
            self._modules.move_to_end(path)
            return self._modules[path]
        made: Module | None = None
        try:
            text = decoded(content(path), python=True)
            made = Module(file, text, parsed(text))
        except Unsuitable as problem:
            self.broken[file.name] = Unread(file.shown, problem.line, problem.reason)
        self._modules[path] = made
        if len(self._modules) > KEPT:
            self._modules.popitem(last=False)
        return made

    def imported(self, dotted: str, level: int, beside: Module) -> Module | None:
        """Return the project's module that an import in another one means; None: it is a library's."""
        key = (dotted, level, beside.file.path)
        if key not in self._imports:
            self._imports[key] = self._located(dotted, level, beside.file.path)
        path = self._imports[key]
        return None if path is None else self.module(self._by_path.get(path) or self._file(path))

    def calling(self, name: str) -> Iterator[Module]:
        """Yield the modules that call something of this name."""
        self._index()
        for file in self._calls.get(name, ())[:MOST_CALLERS]:
            module = self.module(file)
            if module is not None:
                yield module

    def defining(self, name: str) -> list[str]:
        """Return the files that define a function of this name, one entry a definition."""
        self._index()
        return [file.name for file in self._definitions.get(name, ())]

    def _index(self) -> None:
        """Note once which names each file calls and defines: a search over texts, without parsing them."""
        if self._indexed:
            return
        self._indexed = True
        for file in self.files:
            calls, definitions = _called(file)
            for name in calls:
                self._calls.setdefault(name, []).append(file)
            for name in definitions:
                self._definitions.setdefault(name, []).append(file)

    def _file(self, path: Path) -> File:
        name = path.relative_to(self.tree.root).as_posix()
        return File(path, name, self.tree.shown(path), "python", "python", role_of(name))

    def _located(self, dotted: str, level: int, path: Path) -> Path | None:
        parts = dotted.split(".") if dotted else []
        if level:
            folder = path.parent
            for _ in range(level - 1):
                folder = folder.parent
            return self._at(folder, parts)
        if parts[0] in LIBRARIES and not self._is_own(parts[0]):
            return None
        for folder in (path.parent, *path.parent.parents):
            if not folder.is_relative_to(self.tree.root):
                break
            found = self._at(folder, parts) or self._at(folder / "src", parts) or self._at(folder / "lib", parts)
            if found is not None and found != path:
                return found
        # The folder that was asked for may be the package itself.
        return self._at(self.tree.root, parts[1:]) if parts[0] == self.tree.root.name else None

    def _is_own(self, name: str) -> bool:
        """Return True when a library's name means a package of the tree."""
        root = self.tree.root
        return name == root.name or any(self._at(folder, [name]) is not None for folder in (root, root / "src"))

    def _at(self, folder: Path, parts: list[str]) -> Path | None:
        target = folder.joinpath(*parts)
        candidates = [target / "__init__.py"]
        if parts:
            candidates.insert(0, target.with_name(f"{target.name}.py"))
        for candidate in candidates:
            if candidate in self._by_path:
                return candidate
            real = self.tree.inside(candidate) if candidate.is_relative_to(self.tree.root) else None
            if real is not None and real == candidate:
                return real
        return None


def _called(file: File) -> tuple[set[str], list[str]]:
    """Return the names a file calls, and those it defines."""
    try:
        data = content(file.path)
    except Unsuitable:
        return set(), []
    found = _CALLED.findall(data)
    return {name.decode() for define, name in found if not define}, [name.decode() for define, name in found if define]
