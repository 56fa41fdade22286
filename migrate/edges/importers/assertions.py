"""promptfoo's assertions as checks of a case; those that ask a model, run code or weigh scores are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from migrate.comparing.patterns import check_pattern
from migrate.documents.files import Unreadable
from migrate.documents.reading import read_json
from migrate.edges.importers.parameters import is_schema
from migrate.edges.importers.templates import filled
from migrate.vocabulary import Json

Check = Mapping[str, Json]
Maker = Callable[[Json], Check]

_CODE: Final = frozenset({"javascript", "python", "ruby", "webhook"})
_RELATIVE: Final = "a bound in absolute terms has no counterpart: gates are relative to the baseline (--fail-on)"
_TYPED: Final = re.compile(r"(?P<type>[a-z][a-z0-9-]*)(?:\((?P<threshold>[^)]*)\))?(?::(?P<value>.*))?", re.DOTALL)


def _text(value: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unreadable("its value is no text")
    return value if isinstance(value, str) else str(value)


def _texts(value: Json) -> list[str]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not value:
        raise Unreadable("its value is no list of texts")
    texts = [_text(item) for item in value]
    if "" in texts:
        raise Unreadable("one of its texts is empty: it is in every answer")
    return texts


def _ends(kind: str, *, ignore_case: bool = False) -> Maker:
    def make(value: Json) -> Check:
        text = _text(value)
        return {kind: {"value": text, "ignore_case": True}} if ignore_case else {kind: text}

    return make


def _all(*, ignore_case: bool = False) -> Maker:
    def make(value: Json) -> Check:
        return {"contains": {"value": _texts(value), **({"ignore_case": True} if ignore_case else {})}}

    return make


def _any(*, ignore_case: bool = False) -> Maker:
    def make(value: Json) -> Check:
        pattern = "|".join(re.escape(text) for text in _texts(value))
        return {"regex": {"pattern": pattern, **({"flags": "i"} if ignore_case else {})}}

    return make


def _equals(value: Json) -> Check:
    return {"equals": value}


def _words(value: Json) -> Check:
    bounds = value if isinstance(value, dict) else {"min": value, "max": value}
    kept = {key: bounds[key] for key in ("min", "max") if _is_count(bounds.get(key))}
    if not kept or len(kept) < len(bounds):
        raise Unreadable("its bounds are no whole numbers from 0")
    return {"length": {**kept, "unit": "words"}}


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _pattern(kind: str) -> Maker:
    def make(value: Json) -> Check:
        pattern = _text(value)
        if not pattern:
            raise Unreadable("its pattern is empty: it matches every answer")
        if problem := check_pattern(pattern):
            raise Unreadable(problem)
        return {kind: pattern}

    return make


MAKERS: Final[dict[str, Maker]] = {
    "equals": _equals,
    "contains": _ends("contains"),
    "icontains": _ends("contains", ignore_case=True),
    "not-contains": _ends("not_contains"),
    "not-icontains": _ends("not_contains", ignore_case=True),
    "contains-all": _all(),
    "icontains-all": _all(ignore_case=True),
    "contains-any": _any(),
    "icontains-any": _any(ignore_case=True),
    "regex": _pattern("regex"),
    "not-regex": _pattern("not_regex"),
    "word-count": _words,
}


def checks_of(given: Json, variables: Mapping[str, Json]) -> tuple[list[Check], list[Json]]:
    """Return one assertion as checks, and the schemas it promises; raises Unreadable with the reason for none."""
    if not isinstance(given, dict):
        raise Unreadable("it is no mapping with a type")
    if "$ref" in given:
        raise Unreadable(f"it is a reference ({given['$ref']}): write it out")
    if given.get("type") == "assert-set":
        return _set(given, variables)
    kind, value = str(given.get("type", "")), given.get("value")
    if reason := _unfit(kind, given, value):
        raise Unreadable(reason)
    value = filled(value, variables)
    if kind == "is-json":
        return [{"json": True}], [] if value is None else [_schema(value)]
    if kind == "equals" and isinstance(value, str) and value[:1] in ("{", "["):
        value = _as_json(value)
    return [MAKERS[kind](value)], []


def _set(given: Mapping[str, Any], variables: Mapping[str, Json]) -> tuple[list[Check], list[Json]]:
    inner = given.get("assert")
    if given.get("threshold") not in (None, 1) or not isinstance(inner, list):
        raise Unreadable("a set of assertions with a threshold has no counterpart")
    parts = [checks_of(item, variables) for item in inner]
    return [check for checks, _ in parts for check in checks], [schema for _, schemas in parts for schema in schemas]


def _unfit(kind: str, given: Mapping[str, Json], value: Json) -> str:
    """Return why an assertion cannot become a check; empty when it can."""
    if kind in _CODE or kind.removeprefix("not-") in _CODE:
        return "it runs code, which an import never does: write a check instead"
    if kind in ("cost", "latency"):
        return _RELATIVE
    if "transform" in given or "contextTransform" in given:
        return "it judges an answer transformed by code"
    if given.get("weight") == 0:
        return "its weight is 0: it never fails"
    if isinstance(value, str) and value.startswith("file://"):
        return f"its value is read from {value}: write it out"
    if kind != "is-json" and kind not in MAKERS:
        return "nothing here judges it without asking a model" if _is_graded(kind) else f'"{kind}" has no counterpart'
    return "" if value is not None or kind == "is-json" else "it has no value"


def _is_graded(kind: str) -> bool:
    graded = ("llm-rubric", "similar", "factuality", "g-eval", "classifier", "moderation", "pi", "select-best")
    plain = kind.removeprefix("not-")
    return plain in graded or plain.startswith(("model-graded", "answer-", "context-", "search-", "trajectory:goal"))


def _schema(value: Json) -> Json:
    schema = _as_json(value) if isinstance(value, str) else value
    if not is_schema(schema):
        raise Unreadable("its schema is no sound JSON Schema")
    return schema


def _as_json(text: str) -> Json:
    try:
        return read_json(text)
    except Unreadable:
        return text


def expected_of(text: str) -> dict[str, Json]:
    """Return the assertion that a cell of a promptfoo CSV stands for; without a type it is `equals`."""
    match = _TYPED.fullmatch(text)
    kind = match["type"] if match else ""
    if kind in ("fn", "eval"):
        return {"type": "javascript"}
    if kind == "grade":
        return {"type": "llm-rubric"}
    if match is None or (match["value"] is None and kind != "is-json") or not _is_type(kind):
        return {"type": "equals", "value": text}
    value = match["value"].strip() if match["value"] is not None else None
    return {"type": kind, "value": value or None}


def _is_type(kind: str) -> bool:
    others = ("cost", "latency", "levenshtein", "rouge-n", "contains-json", "starts-with", "perplexity", "is-refusal")
    return kind in MAKERS or kind == "is-json" or kind in _CODE or kind in others or _is_graded(kind)
