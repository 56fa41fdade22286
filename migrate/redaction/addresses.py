"""E-mail addresses, also with their `@` escaped for a URL or for JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from migrate.redaction.marks import Mark, pseudonym, word_start

_AT: Final = ("@", "%40", "\\u0040")
_LOCAL: Final = re.compile(r"[\w.%+'-]+\Z")
_LOCAL_LEAD: Final = ".-+%'"
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w(-])")
_NOT_TOP_LEVEL: Final = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "pdf", "js", "ts", "css", "html", "json"}
)


def emails(text: str, _lowered: bytes) -> Iterator[Mark]:
    """Yield e-mail addresses; `icon@2x.png` and `git@host:path` are none."""
    for sign in _AT:
        at = text.find(sign)
        while at >= 0:
            end = at + len(sign)
            if text[at - 1 : at].strip(' \t\n"<>()@'):
                yield from _around(text, at, end)
            at = text.find(sign, end)


def _around(text: str, at: int, end: int) -> Iterator[Mark]:
    """Yield the address whose `@` is between `at` and `end`, if it is one."""
    local = _LOCAL.search(text, max(at - 64, 0), at)
    domain = _DOMAIN.match(text, end)
    if local and domain and domain.group().rpartition(".")[2].lower() not in _NOT_TOP_LEVEL:
        start = word_start(text, local.start())
        start += len(text[start:at]) - len(text[start:at].lstrip(_LOCAL_LEAD))
        if start < at and not (text[start:at] == "git" and text[domain.end() : domain.end() + 1] == ":"):
            yield Mark("email", start, domain.end(), pseudonym("email", f"{text[start:at]}@{domain.group()}"))
