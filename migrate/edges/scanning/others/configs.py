"""Model names in configuration: YAML, JSON, TOML, environment files and the like, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from migrate.edges.scanning.names import is_list_of_models, is_telling
from migrate.edges.scanning.nouns import Mention, Spot
from migrate.edges.scanning.others.comments import blanked
from migrate.edges.scanning.trees import File

LONGEST_LINE: Final = 20_000

_PAIR: Final = re.compile(
    r"(?<![\w$.-])(?P<key>[A-Za-z_$][\w$.-]*+)[\"']?\s*(?:=>|[:=])\s*(?P<quote>[\"'`]?)(?P<value>[^\s\"'`,;#{}\[\]()]+(?:,[^\s\"'`;#{}\[\]()]+)*)(?P=quote)"
)
_ITEM: Final = re.compile(r"^\s*-\s+(?P<quote>[\"']?)(?P<value>[\w.:/@-]+)(?P=quote)\s*$")
_QUOTED: Final = re.compile(r"\\?(?P<quote>[\"'])(?P<value>[\w.:/@-]{2,120}?)\\?(?P=quote)(?!\s*:)")
_BEFORE: Final = re.compile(r"(?<![\w$.-])([A-Za-z_$][\w$.-]*+)[\"']?\s*[:=]\s*\[?[^:=]*\Z")
_KEY_LINE: Final = re.compile(r"^(?P<indent>\s*)(?:-\s+)?[\"']?(?P<key>[A-Za-z_$][\w$.-]*+)[\"']?\s*[:=]")
_FALLBACK: Final = re.compile(r"(?P<key>\w*):-(?P<value>[\w.:/@-]+)\}")
_HEADER: Final = re.compile(r"\s*\[[^=]*\]\s*\Z")
_ENVIRONMENT: Final = re.compile(
    r"^\s*(?:-\s+|export\s+|ENV\s+|ARG\s+)?[\"']?(?P<key>[A-Z][A-Z0-9_]{2,})[\"']?\s*(?:[:=]\s*|\s+)[\"']?(?P<value>[\w.:/@-]+)[\"']?\s*$"
)


def mentions_of(file: File, text: str, taken: set[Spot]) -> Iterator[Mention]:
    """Yield the model names of a configuration file."""
    above = ""
    for number, line in enumerate(_lines(file, text), start=1):
        key_line = _KEY_LINE.match(line)
        if key_line and not line.rstrip().endswith(("]", "}")):
            above = key_line["key"]
        if len(line) > LONGEST_LINE or (file.dialect == "keys" and _HEADER.match(line)):
            continue
        for start, value, key in _values(line, above):
            spot = Spot(file.shown, number, start + 1)
            if spot not in taken:
                yield Mention(spot, value, key, "likely", "", file.role)


def _lines(file: File, text: str) -> list[str]:
    return blanked(text, file.dialect).replace("\r\n", "\n").split("\n")


def _values(line: str, above: str) -> list[tuple[int, str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for match in _PAIR.finditer(line):
        value, key = match["value"], match["key"]
        if is_telling(value, key):
            found[match.start("value")] = (value, key)
        elif "," in value and is_list_of_models(value):
            for part in re.finditer(r"[^,]+", value):
                found[match.start("value") + part.start()] = (part.group(), key)
    for match in _FALLBACK.finditer(line):
        if is_telling(match["value"], match["key"]):
            found[match.start("value")] = (match["value"], match["key"])
    item = _ITEM.match(line)
    if item and is_telling(item["value"], above):
        found.setdefault(item.start("value"), (item["value"], above))
    for match in _QUOTED.finditer(line):
        before = _BEFORE.search(line, max(0, match.start() - 200), match.start())
        key = before[1] if before else above
        if is_telling(match["value"], key):
            found.setdefault(match.start("value"), (match["value"], key))
    return [(start, value, key) for start, (value, key) in sorted(found.items())]


def environment_of(file: File, text: str) -> Iterator[tuple[str, str, Spot]]:
    """Yield the variables that an environment file, a compose file or a Dockerfile sets, with their values."""
    for number, line in enumerate(_lines(file, text), start=1):
        match = _ENVIRONMENT.match(line) if len(line) < LONGEST_LINE else None
        if match is not None:
            yield match["key"], match["value"], Spot(file.shown, number, match.start("value") + 1)
