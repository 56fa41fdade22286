"""What a model's name is there for in a file that is not Python, by what stands around it on its line."""

from __future__ import annotations

import re
from typing import Final, Literal

Purpose = Literal["value", "key", "comparison", "type", "text"]

_ROUTED: Final = r"(?:[A-Za-z][\w.-]*+[/:])*"
_NAMED: Final = re.compile(
    rf"(?i)(?:model|engine|deployment)[\w-]*\\?[\"']?\s*(?:=>|:=|[=:]|\s)\s*\\?[\"']?{_ROUTED}\Z"
)
_OPENED: Final = re.compile(rf"(?P<slash>\\?)(?P<quote>[\"'`]){_ROUTED}\Z")
_COMPARED: Final = re.compile(r"(?:[=!]==?|\bcase|\bwhen|\bin|\.equals\(|\.includes\(|\.startsWith\(|\b(?:eq|ne))\s*\Z")
_COMPARES: Final = re.compile(r"\s*(?:[=!]==?|\.equals\()")
_INDEXED: Final = re.compile(r"[\w)\]]\[\s*\Z|\.(?:get|has|delete)\(\s*\Z")
_TYPED: Final = re.compile(r"(?<!\|)\|\s*\Z|\btype\s+\w+\s*=\s*\Z")
_TYPES: Final = re.compile(r"\s*\|(?!\|)")
_KEYED: Final = re.compile(r"\s*(?::(?!:)|=>)")
_SCALAR_START: Final = re.compile(
    rf"(?:(?:^\s*(?:-\s+)?|:-|[=:{{(]\s*)(?:[\"']?{_ROUTED}[\w.-]*\d[\w.-]*[\"']?\s*,\s*)*"
    rf"|\[(?:[^\[\]]*,)?\s*)[\"']?{_ROUTED}\Z"
)
_SCALAR_END: Final = re.compile(r"[\"']?\s*(?:\Z|[,}\])]|\s#|;)")
_KEY_END: Final = re.compile(r"[\"']?\s*(?::(?:\s|\Z)|=(?![=>])|=>)")
REACH: Final = 400
"""Characters of a line that are looked at on either side of a word."""


def around(text: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands before and after a word on its line."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    before = text[max(line_start, start - REACH) : start]
    return before, text[end : min(line_end if line_end >= 0 else len(text), end + REACH)].rstrip("\r")


def in_program(before: str, after: str) -> Purpose:
    """Return what a name in a program is there for."""
    opened = _OPENED.search(before)
    if opened is None or opened["slash"] or not after.startswith(opened["quote"]):
        return inside(before, after)
    before, after = before[: opened.start()], after[1:]
    if _COMPARED.search(before) or _COMPARES.match(after):
        return "comparison"
    if _INDEXED.search(before) or (_KEYED.match(after) and not before.rstrip().endswith("?")):
        return "key"
    return "type" if _TYPED.search(before) or _TYPES.match(after) else "value"


def in_configuration(before: str, after: str, *, sections: bool) -> Purpose:
    """Return what a name in a configuration is there for; `sections`: a line in square brackets names one."""
    header = sections and before.lstrip().startswith("[") and after.rstrip().endswith("]") and "=" not in before
    if _KEY_END.match(after) or header:
        return "key" if header or _SCALAR_START.search(before) else "text"
    if _SCALAR_START.search(before) and _SCALAR_END.match(after):
        return "value"
    return inside(before, after)


def inside(before: str, after: str) -> Purpose:
    """Return what a name inside a longer text is there for: words, or data such as JSON or `--model gpt-4o`."""
    opened = _OPENED.search(before)
    if opened and after.startswith(opened["slash"] + opened["quote"]):
        return "key" if re.match(r"\\?[\"'`]\s*:", after) else "value"
    return "value" if _NAMED.search(before) and re.match(r"\\?[\"'\s,;&})]|\Z", after) else "text"
