"""Tolerated findings of a prompt file: what a reviewer lets pass for a while."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final

from migrate.canonical import any_index
from migrate.comparing.paths import parse_path
from migrate.edges.inventory.sheets import Sheet, Source
from migrate.errors import did_you_mean
from migrate.vocabulary import CaseId, FindingKind, Json, JsonPath, Toleration

KEYS: Final = ("kind", "path", "cases", "candidate", "at_most", "reason", "reviewer", "expires")
MOST: Final = 1_000


def read_tolerated(sheet: Sheet) -> tuple[Toleration, ...]:
    """Return the tolerations of a flow, in the order of the file."""
    return tuple(_toleration(inner) for inner in sheet.sheets("tolerated", KEYS))


def read_tolerations(value: Json) -> list[Toleration]:
    """Return the tolerations of a list that stands alone, without their places; what is none is left out."""
    source = Source("", [])
    sheet = Sheet(source, (), {"tolerated": value}, ("tolerated",))
    found = [replace(one, place=None) for one in read_tolerated(sheet)]
    return [] if source.problems else found


def _toleration(sheet: Sheet) -> Toleration:
    return Toleration(
        kind=_kind(sheet),
        path=_path(sheet),
        reason=sheet.required("reason", "why it may pass"),
        expires=_expires(sheet),
        cases=tuple(CaseId(case) for case in sheet.texts("cases")),
        candidate=sheet.text("candidate") or None,
        at_most=sheet.whole("at_most", 1, MOST),
        reviewer=sheet.text("reviewer"),
        place=sheet.source.place(sheet.path),
    )


def _kind(sheet: Sheet) -> FindingKind:
    word = sheet.required("kind", "the kind of finding that is tolerated")
    try:
        return FindingKind(word)
    except ValueError:
        if word:
            kinds = [kind.value for kind in FindingKind]
            sheet.complain(f'"{word}" is no kind of finding', "kind", hint=did_you_mean(word, kinds))
        return FindingKind.CHECK_FAILED


def _path(sheet: Sheet) -> JsonPath:
    path = sheet.required("path", "where in the answer")
    try:
        parse_path(path)
    except ValueError as error:
        sheet.complain(str(error), "path")
    return any_index(JsonPath(path))


def _expires(sheet: Sheet) -> str:
    text = sheet.required("expires", "the last day it holds, such as 2026-12-31")
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        if text:
            sheet.complain(f'"expires" must be a date such as 2026-12-31, not "{text}"', "expires")
        return dt.date.min.isoformat()
