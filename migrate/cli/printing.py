"""How commands print: lines made inert, one JSON document in ASCII, and no locale that ends a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

import click

from migrate.inert import inert, inert_json
from migrate.vocabulary import Json


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines as they come; characters the terminal's encoding lacks are escaped."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    for line in lines:
        click.echo(inert(line).encode(encoding, "backslashreplace").decode(encoding), err=err)


def print_json(document: Mapping[str, Json]) -> None:
    """Print one document on standard output, which may be the log of a CI."""
    click.echo(inert_json(json.dumps(document, indent=2, allow_nan=False)))
