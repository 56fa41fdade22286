"""Rules of a prompt file: how one JSON path of an answer is compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from migrate.comparing.paths import parse_path
from migrate.comparing.patterns import check_pattern
from migrate.edges.inventory.sheets import Sheet, kind_of, one_of
from migrate.errors import did_you_mean
from migrate.vocabulary import Json, JsonPath, Rule

PLAIN: Final = ("ignore", "exact", "unordered", "present")
"""Kinds that need no value: written as a word, or as `{ignore: true}` beside a reason."""
WITH_VALUE: Final = ("tolerance", "key", "one_of", "regex", "similarity")
METRICS: Final = ("ratio", "token_sort", "token_set", "partial")
RULE_KEYS: Final = (*PLAIN, *WITH_VALUE, "metric", "reason", "expires")


def read_rules(sheet: Sheet) -> tuple[Rule, ...]:
    """Return the rules of a flow, in the order of the file."""
    rules = []
    for path, given in sheet.mapping("rules").items():
        _check_path(sheet, path)
        rule = _rule(sheet, path, given)
        if rule is not None:
            rules.append(rule)
    return tuple(rules)


def _check_path(sheet: Sheet, path: str) -> None:
    try:
        parse_path(path)
    except ValueError as error:
        sheet.complain(str(error), "rules", path)


def _rule(sheet: Sheet, path: str, given: Json) -> Rule | None:
    if isinstance(given, str):
        return _plain(sheet, path, given)
    if not isinstance(given, dict):
        sheet.complain(f"a rule is a word or a mapping, not {kind_of(given)}", "rules", path)
        return None
    inner = Sheet(sheet.source, (*sheet.path, "rules", path), given, RULE_KEYS)
    kinds = [key for key in given if key in PLAIN or key in WITH_VALUE]
    if len(kinds) != 1:
        several = f"has one kind, not {' and '.join(kinds)}"
        inner.complain(f"a rule {several if kinds else f'needs a kind: {one_of([*PLAIN, *WITH_VALUE])}'}")
        return None
    return _with_kind(inner, path, kinds[0])


def _plain(sheet: Sheet, path: str, word: str) -> Rule | None:
    if word in PLAIN:
        return Rule(JsonPath(path), word)  # type: ignore[arg-type]
    hint = f"write {{{word}: ...}}" if word in WITH_VALUE else did_you_mean(word, (*PLAIN, *WITH_VALUE))
    sheet.complain(f'"{word}" is no rule by itself: {one_of(PLAIN)}, or a mapping', "rules", path, hint=hint)
    return None


def _with_kind(sheet: Sheet, path: str, kind: str) -> Rule:
    value = READ[kind](sheet, kind) if kind in WITH_VALUE else None
    if kind in PLAIN and sheet.flag(kind) is False:
        sheet.complain(f'"{kind}: false" says nothing: leave the rule out', kind)
    if sheet.has("metric") and kind != "similarity":
        sheet.complain('"metric" belongs to a similarity rule', "metric")
    return Rule(
        JsonPath(path),
        kind,  # type: ignore[arg-type]
        value,
        metric=sheet.choice("metric", METRICS, "ratio"),
        reason=sheet.text("reason") or None,
        expires=_expires(sheet),
    )


def _expires(sheet: Sheet) -> str | None:
    text = sheet.text("expires")
    try:
        return dt.date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        sheet.complain(f'"expires" must be a date such as 2026-12-31, not "{text}"', "expires")
        return None


def _tolerance(sheet: Sheet, key: str) -> Json:
    if not isinstance(sheet.value[key], dict):
        bound = sheet.number(key, 0)
        return {"abs": bound} if bound is not None else {}
    inner = sheet.sheet(key, ("abs", "rel"))
    bounds = {name: inner.number(name, 0) for name in ("abs", "rel")}
    if not inner.value:
        inner.complain('a tolerance gives "abs", "rel" or both')
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _field(sheet: Sheet, key: str) -> Json:
    return sheet.required(key, "the field that tells the items of the list apart")


def _options(sheet: Sheet, key: str) -> Json:
    if sheet.value[key] == []:
        sheet.complain('"one_of" is empty', key)
    return sheet.items(key)


def _pattern(sheet: Sheet, key: str) -> Json:
    pattern = sheet.required(key)
    trouble = check_pattern(pattern)
    if trouble:
        sheet.complain(trouble, key)
    return pattern


def _bound(sheet: Sheet, key: str) -> Json:
    bound = sheet.number(key, 0, 1)
    return 1.0 if bound is None else bound


READ: Final[dict[str, Callable[[Sheet, str], Json]]] = {
    "tolerance": _tolerance,
    "key": _field,
    "one_of": _options,
    "regex": _pattern,
    "similarity": _bound,
}
