"""Reading an answer the way the application does: strict JSON, and what a repair would have made of it.

Strict is RFC 8259 read narrowly: NaN and infinities, keys written twice, numbers no program can hold and nesting
past `MAX_DEPTH` are findings with a path, never a traceback.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NoReturn

from migrate.comparing.paths import ANSWER, Steps, brief, write_path
from migrate.vocabulary import Finding, FindingKind, Json, JsonPath, Parse, Rung, Severity

MAX_DEPTH: Final = 128
"""Levels of nesting an answer may have. Readers in other languages give up between 100 and 1,000."""
_MAX_STARTS: Final = 32
"""Places tried when JSON is looked for inside prose: bounds the work on a text full of brackets."""

_FENCES: Final = ("```", "~~~")
_FENCE_LINE: Final = re.compile(r"^[ \t]{0,8}(?:```|~~~)[^\n`]*$", re.MULTILINE)
_LANGUAGE: Final = re.compile(r"[ \t]{0,8}[\w+-]{0,20}[ \t]{0,8}(?:\r?\n)?")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BOM: Final = "\ufeff"
_WHOLE: Final = JsonPath(ANSWER)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What reading an answer gave."""

    passed: bool | None
    """Rung 2: True when the application can read the answer as it stands, None when the flow promises no JSON."""
    parsed: bool
    """True when `value` holds JSON, repaired or not."""
    value: Json
    text: str
    """The text `value` was read from: the answer itself, or the JSON inside a fence or prose."""
    findings: tuple[Finding, ...] = ()


def parse_answer(parse: Parse, text: str) -> Parsed:
    """Read an answer as a flow's application does, and repair it when that fails.

    A fence is repaired, or allowed when the flow says `parse: fenced`; so are prose around JSON and a byte order
    mark. Broken syntax is never mended: that would be guessing.
    """
    if parse == "text":
        return Parsed(None, False, None, text)
    read = _read(text)
    if read.problem is None:
        return Parsed(not read.findings, True, read.value, text, (*read.findings, *_surrogates(text, read.value)))
    return _repaired(parse, text, read.problem)


def read_strictly(text: str) -> tuple[bool, Json, str]:
    """Return whether a text is strict JSON, its value, and otherwise a clause that says why not."""
    read = _read(text)
    if read.problem is None and not read.findings:
        return True, read.value, ""
    return False, None, read.problem or read.findings[0].message


@dataclass(frozen=True, slots=True)
class _Read:
    value: Json = None
    problem: str | None = None
    """Why there is no value at all."""
    findings: tuple[Finding, ...] = ()
    """Why the value there is cannot be relied on."""


class _RefusedError(ValueError):
    """Syntax that `json` reads and RFC 8259 does not know, or that readers disagree about."""


def _read(text: str) -> _Read:
    if _too_deep(text):
        return _Read(problem=f"nested deeper than {MAX_DEPTH} levels")
    try:
        return _read_shallow(text)
    except json.JSONDecodeError as error:
        # Some of its messages end in "at" themselves: "Unterminated string starting at".
        what = (error.msg[0].lower() + error.msg[1:]).removesuffix(" at")
        return _Read(problem=f"{what} at line {error.lineno} column {error.colno}")
    except RecursionError:
        return _Read(problem=f"nested deeper than {MAX_DEPTH} levels")


def _read_shallow(text: str) -> _Read:
    try:
        return _Read(_STRICT.decode(text))
    except json.JSONDecodeError:
        raise
    except ValueError:  # NaN, a doubled key, or more digits than CPython turns into an integer
        return _read_leniently(text)


def _too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError
    return found


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0.0:
        raise _RefusedError
    return number


def _refuse(_: str) -> NoReturn:
    raise _RefusedError


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)


# --- The lenient reading: every oddity with its path, in one go ---------------------------------------------


class _Doubled(dict[str, Any]):
    """An object in which a key was written twice."""

    repeated: list[tuple[str, Json, Json]]


class _Odd(str):
    """Something that is no JSON value, kept as its text."""

    __slots__ = ("reason",)
    reason: str


def _odd(text: str, reason: str) -> _Odd:
    odd = _Odd(text)
    odd.reason = reason
    return odd


def _lenient_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = _Doubled()
    found.repeated = []
    for key, value in pairs:
        if key in found:
            found.repeated.append((key, found[key], value))
        found[key] = value
    return found if found.repeated else dict(found)


def _lenient_int(text: str) -> Json:
    try:
        return int(text)
    except ValueError:
        return _odd(text, f"an integer of {len(text.lstrip('-'))} digits, which common programs cannot read")


def _lenient_float(text: str) -> Json:
    try:
        return _finite(text)
    except _RefusedError:
        return _odd(text, "a number larger than programs can hold")


_LENIENT: Final = json.JSONDecoder(
    object_pairs_hook=_lenient_object,
    parse_int=_lenient_int,
    parse_float=_lenient_float,
    parse_constant=lambda text: _odd(text, f"{text} is not JSON (RFC 8259)"),
)


def _read_leniently(text: str) -> _Read:
    value = _LENIENT.decode(text)
    findings: list[Finding] = []
    return _Read(_plain(value, (ANSWER,), findings), None, tuple(findings))


def _plain(value: Json, steps: Steps, findings: list[Finding]) -> Json:
    """Return the value in plain types, with what was odd about it appended to `findings`."""
    if isinstance(value, _Odd):
        findings.append(_invalid(value.reason, write_path(steps), actual=brief(str(value))))
        return str(value)
    if isinstance(value, list):
        return [_plain(item, (*steps, index), findings) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if isinstance(value, _Doubled):
        for key, first, later in value.repeated:
            kept = (_plain(first, (*steps, key), []), _plain(later, (*steps, key), []))
            findings.append(_doubled(key, write_path((*steps, key)), *kept))
    return {key: _plain(item, (*steps, key), findings) for key, item in value.items()}


def _doubled(key: str, path: JsonPath, first: Json, later: Json) -> Finding:
    words = f"the key {json.dumps(key, ensure_ascii=False)} is written twice: programs differ in which value they read"
    return _invalid(words, path, expected=brief(first), actual=brief(later))


def _invalid(
    message: str,
    path: JsonPath = _WHOLE,
    *,
    kind: FindingKind = FindingKind.INVALID_JSON,
    severity: Severity = Severity.BREAKING,
    expected: Json = None,
    actual: Json = None,
) -> Finding:
    return Finding(Rung.PARSED, kind, severity, path, message, expected, actual)


# --- Repairs ------------------------------------------------------------------------------------------------


def _repaired(parse: Parse, text: str, problem: str) -> Parsed:
    fenced = without_fence(text)
    if fenced is not None:
        read = _read(fenced)
        if read.problem is None:
            return _from_fence(parse, fenced, read)
    if text.startswith(_BOM):
        read = _read(text.lstrip(_BOM))
        if read.problem is None:
            mark = _invalid("starts with a byte order mark, which JSON does not allow")
            return Parsed(False, True, read.value, text.lstrip(_BOM), (mark, *read.findings))
    inner = _json_within(text)
    if inner is not None:
        read = _read(inner)
        around = _invalid("JSON with other text around it", kind=FindingKind.CHATTY_JSON, actual=brief(text, 80))
        return Parsed(False, True, read.value, inner, (around, *read.findings))
    words = f"not JSON: {problem}" if text.strip() else "no text, where JSON is promised"
    return Parsed(False, False, None, text, (_invalid(words, actual=brief(text, 80)),))


def without_fence(text: str) -> str | None:
    """Return what a code fence around the whole text holds, or None when there is none."""
    stripped = text.strip()
    mark = stripped[:3]
    if mark not in _FENCES or len(stripped) < 6 or not stripped.endswith(mark):
        return None
    inner = stripped[3:-3]
    language = _LANGUAGE.match(inner)
    return None if mark in inner else inner[language.end() if language else 0 :].strip("\r\n")


def _from_fence(parse: Parse, inner: str, read: _Read) -> Parsed:
    findings = (*read.findings, *_surrogates(inner, read.value))
    if parse == "fenced":
        return Parsed(not read.findings, True, read.value, inner, findings)
    words = "JSON inside a code fence, which the application does not strip"
    fence = _invalid(words, kind=FindingKind.FENCED_JSON, actual="```")
    return Parsed(False, True, read.value, inner, (fence, *findings))


def _json_within(text: str) -> str | None:
    """Return the longest JSON object or list that stands inside other text; a fenced one first.

    None when JSON begins and breaks off: a list inside a broken object is not what the model meant to answer.
    """
    marks = list(_FENCE_LINE.finditer(text))[: 2 * _MAX_STARTS]
    for opening, closing in pairwise(marks):
        inner = text[opening.end() : closing.start()].strip()
        if inner[:1] in ("{", "[") and _read(inner).problem is None:
            return inner
    if _too_deep(text):
        return None
    try:
        spans = [text[start:end] for start, end in _json_spans(text)]
    except _BrokenError:
        return None
    return max(spans, key=len, default=None)


def _json_spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    at = 0
    for _ in range(_MAX_STARTS):
        start = min((found for found in (text.find("{", at), text.find("[", at)) if found >= 0), default=-1)
        if start < 0:
            break
        try:
            _, at = _LENIENT.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if text[start + 1 : error.pos].strip():  # this is no bracket in prose but JSON that breaks off
                raise _BrokenError from None
            at = start + 1
            continue
        except RecursionError:
            raise _BrokenError from None
        spans.append((start, at))
    return spans


class _BrokenError(ValueError):
    """JSON that does not hold: whole pieces inside it are not the answer."""


def _surrogates(text: str, value: Json) -> tuple[Finding, ...]:
    """Flag lone surrogates: legal to write, kept as they are, and refused by many programs that read them."""
    if "\\u" not in text and (text.isascii() or not _SURROGATE.search(text)):
        return ()
    paths: list[JsonPath] = []
    _find_surrogates(value, (ANSWER,), paths)
    words = "a lone surrogate, which many programs refuse to read or store"
    return tuple(_invalid(words, path, severity=Severity.COSMETIC) for path in paths)


def _find_surrogates(value: Json, steps: Steps, paths: list[JsonPath]) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            paths.append(write_path(steps))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _find_surrogates(item, (*steps, index), paths)
    elif isinstance(value, dict):
        for key, item in value.items():
            if _SURROGATE.search(key):
                paths.append(write_path((*steps, key)))
            _find_surrogates(item, (*steps, key), paths)
