"""The whole scan: configuration first, for what it sets, then Python, then other languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from migrate.edges.scanning.nouns import Mention, Scan, Site, Spot, Unread
from migrate.edges.scanning.others import configs, fallback
from migrate.edges.scanning.others.scripts import Script
from migrate.edges.scanning.python.calls import Finder
from migrate.edges.scanning.python.chains import uses_of
from migrate.edges.scanning.python.helpers import Followers
from migrate.edges.scanning.python.mentions import mentions_of
from migrate.edges.scanning.python.modules import Module, Project
from migrate.edges.scanning.python.reading import Reader
from migrate.edges.scanning.trees import File, Tree, Unsuitable, content, decoded

_PYTHON_WORDS: Final = re.compile(
    rb"(?i)openai|litellm|langchain|llama_index|completions|\.responses\.|\.embeddings\.|init_chat_model|pydantic_ai"
    rb"|gpt-\d|chatgpt|\bo[1-9]-(?:mini|pro|preview)|text-embedding|dspy|crewai|instructor|haystack|smolagents|agents"
)
"""A module without any of these neither calls a model nor names one."""
_NAMES: Final = re.compile(rb"(?i)gpt|openai|\bo[1-9]\b|text-embedding|dall-e|whisper|completions|tts-1|moderation")
_QUIET: Final = frozenset({"fixtures", "locks", "data", "docs", "prompts"})
"""Roles of files whose model names are not listed: they are what was, not what will be called."""


def scan(source: Path, here: Path, *, every_caller: bool = False) -> Scan:
    """Return everything a source tree says of the models it asks. Nothing of it is imported or run.

    Places are told relative to `here`. Files that cannot be read are listed, not raised. `every_caller`: also the calls
    of helpers that bring neither a model nor words which the code itself says.
    """
    tree = Tree(source, here)
    return _Scanner(tree, every_caller).scan()


class _Scanner:
    """One scan of one tree."""

    def __init__(self, tree: Tree, every_caller: bool) -> None:
        self._tree = tree
        self._every_caller = every_caller
        self._texts: dict[str, str] = {}
        self._project = Project(tree)
        self._unread: dict[str, Unread] = {}

    def scan(self) -> Scan:
        configured = [(file, text) for file in self._tree.files if (text := self._config(file)) is not None]
        environment: dict[str, list[tuple[str, Spot]]] = {}
        for file, text in configured:
            for name, value, spot in configs.environment_of(file, text):
                environment.setdefault(name, []).append((value, spot))
        finder = Finder(Reader(self._project, environment))
        sites = list(_unique(self._python(finder)))
        taken = {use.spot for site in sites for use in site.models if use.spot is not None}
        mentions = [mention for file in self._modules() for mention in self._named_in(file, taken)]
        for file in self._tree.files:
            if file.language == "script":
                self._script(file, sites, mentions)
        for file, text in configured:
            mentions += configs.mentions_of(file, text, taken)
        return Scan(
            tuple(sorted(sites, key=_place)),
            tuple(sorted(mentions, key=lambda mention: mention.spot)),
            tuple(sorted([*self._tree.unread, *self._unread.values()], key=lambda one: one.file)),
            len(self._tree.files),
            tuple(self._tree.skipped),
        )

    # --- Python ---------------------------------------------------------------------------------------------

    def _python(self, finder: Finder) -> Iterator[Site]:
        followers = Followers(finder, self._project, every_caller=self._every_caller)
        for file in self._modules():
            module = self._module(file)
            if module is None:
                yield from self._broken(file)
                continue
            try:
                yield from self._calls(module, finder, followers)
            except RecursionError:
                self._unread[file.name] = Unread(file.shown, None, "nested too deeply")

    def _calls(self, module: Module, finder: Finder, followers: Followers) -> list[Site]:
        found: list[Site] = []
        for call, scope, recognised in finder.calls_of(module):
            asked = finder.ask(call, scope, recognised)
            found.append(asked.site)
            found += followers.through(call, scope, recognised, asked)
        return found + list(uses_of(module, finder))

    def _modules(self) -> Iterator[File]:
        """Yield the Python files that may ask a model, or name one."""
        for file in self._project.files:
            if file.name not in self._texts:
                self._texts[file.name] = "yes" if self._may_speak(file) else ""
            if self._texts[file.name]:
                yield file

    def _may_speak(self, file: File) -> bool:
        try:
            return _PYTHON_WORDS.search(content(file.path)) is not None
        except Unsuitable as problem:
            self._unread[file.name] = Unread(file.shown, problem.line, problem.reason)
            return False

    def _module(self, file: File) -> Module | None:
        module = self._project.module(file)
        if module is None and file.name in self._project.broken:
            self._unread[file.name] = self._project.broken[file.name]
        return module

    def _broken(self, file: File) -> Iterator[Site]:
        """Yield what a pattern finds in a file that is no Python of today."""
        try:
            yield from fallback.sites_of(file, content(file.path).decode("utf-8", "replace"))
        except Unsuitable:
            return

    def _named_in(self, file: File, taken: set[Spot]) -> list[Mention]:
        module = self._module(file)
        return [] if module is None or file.role in _QUIET else list(mentions_of(module, taken))

    # --- Other files ----------------------------------------------------------------------------------------

    def _config(self, file: File) -> str | None:
        if file.language != "config" or file.role in _QUIET:
            return None
        return self._text(file, _NAMES)

    def _script(self, file: File, sites: list[Site], mentions: list[Mention]) -> None:
        text = self._text(file, _NAMES) if file.role not in ("locks", "data") else None
        if text is None:
            return
        script = Script(file, text)
        found = list(script.sites())
        sites += found
        if file.role not in _QUIET:
            taken = {use.spot for site in found for use in site.models if use.spot is not None}
            named = list(script.mentions(taken))
            if file.dialect == "shell":
                named += configs.mentions_of(file, text, taken)
            mentions += {mention.spot: mention for mention in named}.values()

    def _text(self, file: File, words: re.Pattern[bytes]) -> str | None:
        """Return the text of a file that speaks of models; None when it does not, or cannot be read."""
        try:
            data = content(file.path)
            if words.search(data) is None and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
                return None
            return decoded(data, python=False)
        except Unsuitable as problem:
            if problem.reason != "not text":
                self._unread[file.name] = Unread(file.shown, problem.line, problem.reason)
            return None


def _unique(sites: Iterable[Site]) -> Iterator[Site]:
    """Yield each place once: a helper with two calls in it is one call for those who use it."""
    seen: dict[tuple[Spot, bool], Site] = {}
    for site in sites:
        seen.setdefault((site.spot, bool(site.through)), site)
    direct = {site.spot for site in seen.values() if not site.through}
    yield from (site for site in seen.values() if not site.through or site.spot not in direct)


def _place(site: Site) -> tuple[Spot, bool]:
    return site.spot, bool(site.through)


__all__ = ["scan"]
