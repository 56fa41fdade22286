"""Text with variables in it, filled for one case.

Most templates are plain text or text with `{{ name }}` in it; both are filled here, without Jinja2. Everything
else goes to the sandbox, which is imported when the first such template is met.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from migrate.errors import did_you_mean

MAX_RENDERED: Final = 16 * 1024 * 1024
"""Characters one text may have once it is filled: about four times the longest context any model has."""
MAX_TEMPLATE: Final = 1024 * 1024
"""Characters a template may have; long texts belong in the case's inputs."""

_NAME: Final = re.compile(r"(?<!\{)\{\{ *([A-Za-z_][A-Za-z0-9_]*) *\}\}")
_RESERVED: Final = frozenset({"true", "false", "none", "True", "False", "None", "not", "self", "super"})
"""Names that Jinja2 does not look up among the variables."""
_MARKERS: Final = re.compile(r"\{[{%#]")
_UNDEFINED: Final = re.compile(r'"(\w+)" is not among the inputs')


class Fault(Exception):
    """A template cannot be filled: why, the line of its text (from 1), and a guess."""

    def __init__(self, message: str, line: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


class Template(Protocol):
    """A text that was read once and can be filled many times."""

    def fill(self, variables: Mapping[str, Any]) -> str: ...


def fill(text: str, variables: Mapping[str, Any]) -> str:
    """Return a template filled with variables; a text without markers is returned as it is. Raises Fault."""
    template = template_of(text)
    if template is None:
        return text
    try:
        return template.fill(variables)
    except Fault as fault:
        missing = _UNDEFINED.search(fault.message)
        if missing and not fault.hint:
            fault.hint = did_you_mean(missing[1], variables)
        raise


@lru_cache(maxsize=4096)
def template_of(text: str) -> Template | None:
    """Return the template of a text, read once a text; None when there is nothing to fill."""
    if is_static(text):
        return None
    if len(text) > MAX_TEMPLATE:
        raise Fault(f"the template has {len(text):,} characters, at most {MAX_TEMPLATE:,} are read")
    pieces = _NAME.split(text)
    texts, names = tuple(pieces[::2]), tuple(pieces[1::2])
    # Jinja2 turns \r\n into \n, which only it should know.
    if "\r" in text or any(map(_MARKERS.search, texts)) or not _RESERVED.isdisjoint(names):
        return _sandboxed(text)
    return Substitution(text, texts, names)


def is_static(text: str) -> bool:
    """Return True when a text holds nothing that Jinja2 would act on: no expression, statement or whole comment."""
    if "{{" in text or "{%" in text:
        return False
    start = text.find("{#")
    return start < 0 or text.find("#}", start) < 0


@lru_cache(maxsize=1024)
def _sandboxed(text: str) -> Template:
    from migrate.rendering.sandbox import SandboxedTemplate

    return SandboxedTemplate(text)


@dataclass(frozen=True, slots=True)
class Substitution:
    """A template of plain text and `{{ name }}` only: `texts[0] names[0] texts[1] ... texts[n]`."""

    source: str
    texts: tuple[str, ...]
    names: tuple[str, ...]

    def fill(self, variables: Mapping[str, Any]) -> str:
        """Return the text as Jinja2 would make it, in a fraction of the time."""
        pieces = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            if name not in variables:
                # A constant such as `{{ none }}`, a global, or a mistake: the sandbox knows and says which line.
                return _sandboxed(self.source).fill(variables)
            value = variables[name]
            pieces.append(value if type(value) is str else str(value))
            pieces.append(text)
        check_length(sum(map(len, pieces)))
        return "".join(pieces)


def check_length(length: int) -> None:
    """Raise Fault when a filled text would be too long."""
    if length > MAX_RENDERED:
        raise Fault(f"the filled text has more than {MAX_RENDERED:,} characters")
