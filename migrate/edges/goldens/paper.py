"""The paper goldens are written on: sorted JSON with a checksum in it, and a clear word about every kind of damage.

The checksum is SHA-256 over the file's own text without the checksum's line:
`grep -v '^  "checksum": ' fixtures/refund/late-parcel.json | sha256sum`. Line ends, a byte order mark and the last
newline, which editors and git change, do not count; anything else does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final, NoReturn

from migrate.errors import StoreProblem
from migrate.vocabulary import Json

FORMAT: Final = 1
"""1: the first one."""
_pretty: Final = json.JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False).encode
_CHECKSUM: Final = re.compile(r'^  "checksum": "sha256:([0-9a-f]{64})",?\n', re.MULTILINE)
_CONFLICT: Final = re.compile(r"^(?:<{7}|>{7})(?: (.*))?$", re.MULTILINE)
_UNSEEN: Final = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ufdd0-\ufdef\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""What git and a terminal would not show, or would obey: written as JSON escapes."""


def sealed(document: Mapping[str, Json]) -> tuple[str, str]:
    """Return the text of a document with its checksum in it, and the checksum in hex."""
    text = written(document)
    seal = hashlib.sha256(text.encode()).hexdigest()
    # Put in where sorting puts it, so that taking the line out gives the hashed text back.
    before = next(f'\n  "{key}": ' for key in sorted(document) if key > "checksum")
    return text.replace(before, f'\n  "checksum": "sha256:{seal}",{before}', 1), seal


def written(document: Mapping[str, Json]) -> str:
    """Return the pretty text of a document: sorted keys, indent 2, one final newline, nothing unseen in it."""
    return escaped(_pretty(document)) + "\n"


def escaped(text: str) -> str:
    """Return a JSON text with lone surrogates and invisible characters as escapes."""
    return _UNSEEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code > 0xFFFF:
        return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code - 0x10000 & 0x3FF):04x}"
    return f"\\u{code:04x}"


def plain(content: bytes) -> str:
    """Return a file's text without what editors and git change. Raises UnicodeDecodeError."""
    # The codec that knows the byte order mark is written in Python; this one is not.
    text = content.decode().removeprefix("\ufeff")
    return text.replace("\r\n", "\n").rstrip("\n") + "\n"


class Damage:
    """Says what is wrong with one file, and how to get it back."""

    def __init__(self, name: str, next_command: str) -> None:
        self.name = name
        self.next_command = next_command

    def raise_(self, what: str, hint: str = "", cause: BaseException | None = None) -> NoReturn:
        """Raise the StoreProblem for this file."""
        hint = hint or f"restore it from git (git checkout -- {self.name}) or record again"
        raise StoreProblem(f"{self.name} {what}", hint=hint, next_command=self.next_command) from cause


def opened(content: bytes, damage: Damage) -> tuple[dict[str, Json], str]:
    """Return a sealed document and its checksum in hex, everything verified. Raises StoreProblem."""
    text = text_of(content, damage)
    document = parsed(text, damage)
    check_format(document, damage)
    seal = _CHECKSUM.search(text)
    if seal is None:
        damage.raise_("has no checksum: it was damaged, or edited by hand")
    if hashlib.sha256((text[: seal.start()] + text[seal.end() :]).encode()).hexdigest() != seal.group(1):
        damage.raise_("does not fit its checksum: it was damaged, or edited by hand")
    return document, seal.group(1)


def text_of(content: bytes, damage: Damage) -> str:
    """Return the file's plain text. Raises StoreProblem when it is empty, not text, or half of a merge."""
    try:
        text = plain(content)
    except UnicodeDecodeError as problem:
        damage.raise_(f"is damaged: byte {problem.start} is not UTF-8", cause=problem)
    if not content.strip(b"\0 \r\n\t"):
        damage.raise_("is empty" if not content else "is damaged: nothing but blank bytes")
    # Looking for seven signs costs a tenth of looking for a line that begins with them.
    sides = _CONFLICT.findall(text) if "<<<<<<<" in text or ">>>>>>>" in text else []
    if sides:
        names = " and ".join(filter(None, sides)) or "two branches"
        keep = f"keep one side (git checkout --ours -- {damage.name}, or --theirs) or record again"
        damage.raise_(f"holds both sides of a merge ({names})", hint=keep)
    return text


def parsed(text: str, damage: Damage) -> dict[str, Json]:
    """Return the JSON object that the text is. Raises StoreProblem."""
    try:
        document = json.loads(text)
    except RecursionError as problem:
        damage.raise_("is not a golden: nested too deeply", cause=problem)
    except json.JSONDecodeError as problem:
        damage.raise_(f"is damaged: line {problem.lineno}, column {problem.colno}: {problem.msg}", cause=problem)
    except ValueError as problem:
        damage.raise_(f"is damaged: {problem}", cause=problem)
    if not isinstance(document, dict) or "format" not in document:
        damage.raise_("is JSON of another kind: it has no format number")
    return document


def check_format(document: Mapping[str, Json], damage: Damage) -> None:
    """Raise StoreProblem for a format this version does not read."""
    number = document["format"]
    if type(number) is not int or number < 1:
        damage.raise_(f"is JSON of another kind: its format is {number!r:.40}, not a number")
    if number > FORMAT:
        newer = f"was written by a newer version (format {number}; this version reads format {FORMAT})"
        damage.raise_(newer, hint="update prompt-migrate: pip install --upgrade prompt-migrate")
