"""Foreign text made safe to print: what a model says may be read, and never obeyed, by a terminal, CI log or sheet.

Unsafe characters are *drawn*, as `<U+202E>`: they stay visible and countable, and drawing twice changes nothing.
Drawn are control characters (ESC, C1, CR, TAB, BEL), bidi controls, invisible and blank characters, language tags,
non-characters, lone surrogates, and the first character of a CI log command (`::error`, `##vso[`), because some
runners look for those past the start of a line.
"""

from __future__ import annotations

import re
from typing import Final

_ALWAYS_DRAWN: Final = (
    "\x00-\x09\x0b-\x1f\x7f-\x9f"  # controls but newline
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible, script by script
    "\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidi
    "\u2800\u3164\uffa0"  # blanks that are not spaces
    "\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_PICTURE: Final = "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]"
# Joiners and presentation selectors belong to emoji; anywhere else they hide something.
_FOREIGN: Final = re.compile(
    f"[{_ALWAYS_DRAWN}]"
    f"|(?<![0-9#*\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff])[\ufe0e\ufe0f]"
    f"|\u200d(?!{_PICTURE})|(?<![\ufe0f\u203c-\u3299\U0001f000-\U0001faff])\u200d"
)
_LOG_COMMAND: Final = re.compile(r"^([^\S\n]*):(?=:[A-Za-z])|#(?=#[A-Za-z]*\[)", re.MULTILINE)
_JSON_COMMAND: Final = re.compile(r"#(?=#[A-Za-z]*\[)")
_NEWLINE: Final = "\u23ce"
# What spreadsheets take for the start of a formula, also in the full-width forms that some of them read as the same.
_FORMULA: Final = re.compile(r"[\s'\"\ufeff]*[=+\-@|\uff1d\uff0b\uff0d\uff20]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?%?", re.ASCII)


def inert(text: str, *, keep_newlines: bool = True) -> str:
    """Return the text with everything a terminal or CI log could act on drawn; without newlines if asked so."""
    if not (text.isascii() and text.replace("\n", "").isprintable()):
        text = _FOREIGN.sub(_drawn, text)
    if "::" in text or "##" in text:
        text = _LOG_COMMAND.sub(_drawn_command, text)
    return text if keep_newlines else text.replace("\n", _NEWLINE)


def inert_json(text: str) -> str:
    """Return an ASCII JSON text without CI log commands: the same value, `#` escaped where one would begin."""
    return _JSON_COMMAND.sub(r"\\u0023", text) if "##" in text else text


def indent(text: str, prefix: str = "    ") -> str:
    """Return the text, made inert, with `prefix` before every line, so that no line of it is at column 0."""
    return "\n".join(prefix + line for line in inert(text).split("\n"))


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, the last one `…` when something was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def csv_cell(text: str) -> str:
    """Return the text for a cell of CSV or TSV: inert, on one line, and never a formula.

    What a spreadsheet would calculate gets an apostrophe before it (after the OWASP list: `=`, `+`, `-`, `@`, TAB, CR,
    LF; also behind blanks and quotes, `|`, and the full-width forms); a plain number such as `-3.50` stays a number.
    Commas and quotes are the CSV writer's.
    """
    cell = inert(text, keep_newlines=False)
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _drawn(match: re.Match[str]) -> str:
    return f"<U+{ord(match.group()):04X}>"


def _drawn_command(match: re.Match[str]) -> str:
    lead = match.group(1)
    return "<U+0023>" if lead is None else f"{lead}<U+003A>"
