"""Python that does not parse: its calls by their form, so that one broken file hides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from migrate.edges.scanning.names import is_telling
from migrate.edges.scanning.nouns import ModelUse, Site, Spot
from migrate.edges.scanning.python.apis import method_of
from migrate.edges.scanning.trees import File

MOST: Final = 500
REACH: Final = 400
"""Characters after a call in which its model is looked for."""

_CALL: Final = re.compile(
    r"(?P<path>(?:[A-Za-z_]\w*\.){0,6})(?P<api>chat\.completions\.(?:create|parse|stream)"
    r"|responses\.(?:create|parse|stream)|embeddings\.create|ChatCompletion\.a?create|Completion\.a?create)\s*\("
)
_MODEL: Final = re.compile(r"""\b(?:model|engine)\s*=\s*(["'])(?P<name>[^"'\n]{1,120})\1""")


def sites_of(file: File, text: str) -> Iterator[Site]:
    """Yield the calls that a text holds by their form."""
    for match in list(_CALL.finditer(text))[:MOST]:
        line_start = text.rfind("\n", 0, match.start()) + 1
        if "#" in text[line_start : match.start()]:
            continue
        line = text.count("\n", 0, match.start()) + 1
        spot = Spot(file.shown, line, match.start() - line_start + 1)
        api = method_of(tuple(match["api"].split(".")))
        yield Site(
            spot=spot,
            end_line=line,
            api=match["api"] if api else f"openai.{match['api']}",
            kind=api.kind if api else "chat" if "Chat" in match["api"] else "completions",
            models=(_model(text, match.end(), file),),
            sure="possible",
            reason="the file does not parse: found by its form",
            role=file.role,
        )


def _model(text: str, at: int, file: File) -> ModelUse:
    found = _MODEL.search(text, at, at + REACH)
    if found is None or not is_telling(found["name"], "model"):
        return ModelUse("", "possible", "not said in the call")
    start = text.rfind("\n", 0, found.start("name")) + 1
    spot = Spot(file.shown, text.count("\n", 0, found.start()) + 1, found.start("name") - start)
    return ModelUse(found["name"], "possible", "the file does not parse", spot)
