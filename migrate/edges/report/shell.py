"""The page itself: its program, its styles, and a policy that lets nothing else run, load, send or restyle.

Data lies in the page as base64 of gzip, whose alphabet cannot end a script element. The policy names the program and
the styles by hash; strings can become markup nowhere (`require-trusted-types-for`), and nothing can be connected to.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final, Literal

CHUNKS: Final = "chunks"
"""Folder beside a page that does not hold its own chunks."""


def page(
    title: str, index: bytes, chunks: Sequence[bytes] | None, *, writer: Literal["decisions", "ratings"] | None = None
) -> str:
    """Return the page. `index` and `chunks` are gzipped JSON; without chunks it loads them from beside it.

    `writer`: it is served by `review --web`, and hands its decisions, or ratings alone, to where it came from.
    """
    program, styles, shell = (_bundled(name) for name in ("app.js", "app.css", "shell.html"))
    parts = {
        "policy": html.escape(_policy(program, styles, beside=chunks is None, writes=writer is not None)),
        "title": html.escape(title),
        "mode": "folder" if chunks is None else "page",
        "writer": f' data-writer="{writer}"' if writer else "",
        "styles": styles,
        "index": _data("index", index),
        "program": program,
        # Behind the program: the page is ready before a browser has read the rest of a large file.
        "chunks": "\n".join(_data(f"chunk-{number}", chunk) for number, chunk in enumerate(chunks or ())),
    }
    return _filled(shell, parts)


def chunk_script(number: int, chunk: bytes) -> str:
    """Return a chunk as a classic script: what a page opened from a file may load, unlike JSON or a module."""
    return f'promptMigrateChunk({number},"{base64.b64encode(chunk).decode()}")\n'


def _filled(shell: str, parts: dict[str, str]) -> str:
    """Fill in the parts in one pass, so that none of them can name another."""
    pieces = shell.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled += [parts[name], rest]
    return "".join(filled)


def _data(name: str, content: bytes) -> str:
    return f'<script type="application/gzip" id="{name}">{base64.b64encode(content).decode()}</script>'


def _policy(program: str, styles: str, *, beside: bool, writes: bool) -> str:
    scripts = [_hash(program)]
    types = "'none'"
    if beside:
        # What the page's own program adds may load; what a parser finds in a text may not. Its only policy for script
        # addresses lets nothing pass but the chunks' own names.
        scripts.append("'strict-dynamic'")
        types = "chunks"
    asks = ["connect-src 'self'"] if writes else []
    return "; ".join([*_directives(scripts, _hash(styles), types), *asks])


def _directives(scripts: Iterable[str], styles: str, types: str) -> Iterable[str]:
    yield "default-src 'none'"
    yield f"script-src {' '.join(scripts)}"
    yield f"style-src {styles}"
    yield "base-uri 'none'"
    yield "form-action 'none'"
    yield "require-trusted-types-for 'script'"
    yield f"trusted-types {types}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _bundled(name: str) -> str:
    return files("migrate.edges.report").joinpath("bundle", name).read_text(encoding="utf-8")
