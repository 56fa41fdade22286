"""E-mail addresses, also with their `@` escaped for a URL or for JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from migrate.redaction.marks import Mark, pseudonym, word_start

_AT: Final = re.compile(r"@|%40|\\u0040")
_LOCAL: Final = re.compile(r"[\w.%+'-]+\Z")
_LOCAL_LEAD: Final = ".-+%'"
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w(-])")
_NOT_TOP_LEVEL: Final = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "pdf", "js", "ts", "css", "html", "json"}
)


def emails(text: str, _plain: bytes) -> Iterator[Mark]:
    """Yield e-mail addresses; `icon@2x.png` and `git@host:path` are none."""
    for at in _AT.finditer(text):
        if not text[at.start() - 1 : at.start()].strip(' \t\n"<>()@'):
            continue
        local = _LOCAL.search(text, max(at.start() - 64, 0), at.start())
        domain = _DOMAIN.match(text, at.end())
        if local and domain and domain.group().rpartition(".")[2].lower() not in _NOT_TOP_LEVEL:
            start = word_start(text, local.start())
            start += len(text[start : at.start()]) - len(text[start : at.start()].lstrip(_LOCAL_LEAD))
            if start < at.start() and not (
                text[start : at.start()] == "git" and text[domain.end() : domain.end() + 1] == ":"
            ):
                name = f"{text[start : at.start()]}@{domain.group()}"
                yield Mark("email", start, domain.end(), pseudonym("email", name))
