"""Keys and tokens known by their shape, and strings that look drawn by lot: both stand in long runs of letters."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from migrate.redaction.marks import Mark, mark, word_start

_RUN_LENGTH: Final = 16
_RUN: Final = b"a" * _RUN_LENGTH
_RUN_TABLE: Final = bytes(97 if (code < 128 and chr(code).isalnum()) or code in b"_-" else 32 for code in range(256))


def runs(plain: bytes) -> Iterator[tuple[int, int]]:
    """Yield the spans of at least 16 letters, digits, `_` and `-`: where keys are, and little else is."""
    mapped = plain.translate(_RUN_TABLE)
    start = mapped.find(_RUN)
    while start >= 0:
        end = mapped.find(b" ", start)
        yield start, (end if end >= 0 else len(mapped))
        start = mapped.find(_RUN, end) if end >= 0 else -1


def has_run(text: str) -> bool:
    """Return whether a text has a long run, so that it can only stand where one is."""
    return any(runs(text.encode("latin-1", "replace")))


_SHAPES: Final[tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...]] = (
    ("anthropic_key", ("sk-ant-",), re.compile(r"sk-ant-[\w-]{20,}")),
    ("openai_key", ("sk-", "sess-"), re.compile(r"(?:sk|sess)-(?=[\w-]*\d[\w-]*\d)[\w-]{16,}")),
    ("aws_key", ("AKIA", "ASIA"), re.compile(r"A[KS]IA[0-9A-Z]{16}(?!\w)")),
    ("github_token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), re.compile(r"gh[pousr]_\w{30,}")),
    ("github_token", ("github_pat_",), re.compile(r"github_pat_\w{22,}")),
    ("gitlab_token", ("glpat-",), re.compile(r"glpat-[\w-]{20,}")),
    ("slack_token", ("xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"), re.compile(r"xox[abprs]-[\w-]{10,}")),
    ("slack_token", ("xapp-",), re.compile(r"xapp-[\w-]{10,}")),
    ("google_key", ("AIza",), re.compile(r"AIza[\w-]{35}")),
    ("google_key", ("GOCSPX-",), re.compile(r"GOCSPX-[\w-]{20,}")),
    ("stripe_key", ("sk_", "rk_", "whsec_"), re.compile(r"(?:(?:sk|rk)_(?:live|test)_|whsec_)[0-9A-Za-z]{10,}")),
    ("jwt", ("eyJ",), re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")),
    ("npm_token", ("npm_",), re.compile(r"npm_[0-9A-Za-z]{30,}")),
    ("pypi_token", ("pypi-",), re.compile(r"pypi-[\w-]{40,}")),
    ("huggingface_token", ("hf_",), re.compile(r"hf_[0-9A-Za-z]{30,}")),
    ("api_key", ("gsk_", "xai-", "pplx-", "r8_", "ntn_"), re.compile(r"(?:gsk_|xai-|pplx-|r8_|ntn_)[0-9A-Za-z]{24,}")),
    ("api_key", ("dop_v1_",), re.compile(r"dop_v1_[0-9a-f]{32,}")),
    ("api_key", ("shpat_", "shpca_", "shppa_", "shpss_"), re.compile(r"shp(?:at|ca|pa|ss)_[0-9a-f]{32,}")),
    ("api_key", ("dapi", "key-"), re.compile(r"(?:dapi|key-)[0-9a-f]{32}(?!\w)")),
    ("api_key", ("AC", "SK"), re.compile(r"(?:AC|SK)[0-9a-f]{32}(?!\w)")),
    ("api_key", ("lin_api_",), re.compile(r"lin_api_[0-9A-Za-z]{30,}")),
    ("api_key", ("AGE-SECRET-KEY-",), re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{40,}")),
)  # fmt: skip
_PREFIXES: Final = tuple(prefix for _, prefixes, _ in _SHAPES for prefix in prefixes)
_LEADS: Final = frozenset(prefix[:2] for prefix in _PREFIXES)
_DIGITS_TABLE: Final = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
_DOTTED: Final = re.compile(r"(?:\bSG|\bya29)\.\Z")
_DOTTED_TOKEN: Final = re.compile(r"[\w-]{16,}(?:\.[\w-]{16,})?")
_WEBHOOK: Final = re.compile(r"hooks\.slack\.com/services/\w+/\w+/\Z")
_BASE64: Final = re.compile(r"[\w+/-]{24,513}={0,2}")


def worth_a_look(text: str, plain: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the runs that may be a key: those with a digit, with the beginning of a known key, or after a backslash."""
    digits = plain.translate(_DIGITS_TABLE) if spans else b""
    for start, end in spans:
        if digits.find(b"0", start, end) >= 0 or text[start : start + 2] in _LEADS or text[start - 1 : start] == "\\":
            yield start, end


def in_run(text: str, start: int, end: int) -> Iterator[Mark]:
    """Yield the key or token that a long run is or begins, if it is one."""
    start = word_start(text, start)
    if end - start < _RUN_LENGTH:
        return
    if text.startswith(_PREFIXES, start):
        for kind, prefixes, shape in _SHAPES:
            if text.startswith(prefixes, start) and (match := shape.match(text, start)):
                yield mark(kind, text, start, match.end())
                return
    if not _DIGIT.search(text, start, end):
        return
    for kind, before, shape in _AFTER:
        if before.search(text, max(start - 64, 0), start) and (match := shape.match(text, start)):
            yield mark(kind, text, start, match.end())
            return
    yield from _random_in(text, start, end)


_AFTER: Final = (
    ("api_key", _DOTTED, _DOTTED_TOKEN),
    ("slack_token", _WEBHOOK, _DOTTED_TOKEN),
    ("telegram_token", re.compile(r"(?<![0-9])[0-9]{8,10}:\Z"), re.compile(r"AA[\w-]{33}(?![\w-])")),
)
_DIGIT: Final = re.compile(r"[0-9]")
_LONGEST_TOKEN: Final = 512


def _random_in(text: str, start: int, end: int) -> Iterator[Mark]:
    """Yield the run, with the base64 around it, when it looks random or hides a key in base64."""
    while start and text[start - 1] in _BASE64_EXTRA and end - start <= _LONGEST_TOKEN:
        start -= 1
    match = _BASE64.match(text, start)
    if match is None or match.end() - start > _LONGEST_TOKEN or text.endswith("base64,", 0, start):
        return
    start = word_start(text, start)
    hidden = _hidden_kind(text[start : match.end()])
    if hidden is not None or _looks_random(text[start : match.end()]):
        yield mark(hidden or "token", text, start, match.end())


_BASE64_EXTRA: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_KNOWN_IDS: Final = (
    "asst_", "batch_", "call_", "chatcmpl-", "cus_", "evt_", "fc_", "file-", "in_", "item_", "msg_", "pi_", "price_",
    "prod_", "req_", "resp_", "rs_", "run_", "sub_", "thread_", "toolu_", "vs_",
)  # fmt: skip
"""Prefixes of identifiers that are random and no secrets."""
_CAPITALISED: Final = re.compile(r"[A-Z][a-z]{3,}")
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_CLASS_TABLE: Final = bytes(
    97 if 97 <= code <= 122 else 65 if 65 <= code <= 90 else 48 if 48 <= code <= 57 else 95 for code in range(256)
)


def _looks_random(run: str) -> bool:
    """Return whether a run of 32 to 256 characters is more like a draw of lots than like a name, a hash or a path.

    Words, hexadecimal hashes and numbers between `-`, `_` and `/`, and capitalised words anywhere, do not count. What
    is left must change between small letters, capitals and digits as often as random text, with as much entropy.
    """
    if not 32 <= len(run) <= 256 or run.startswith(_KNOWN_IDS):
        return False
    rest = "".join(part for part in re.split(r"[-_/+=]", _CAPITALISED.sub("", run)) if not _is_plain(part))
    if len(rest) < 24:
        return False
    classes = rest.encode("latin-1", "replace").translate(_CLASS_TABLE)
    changes = sum(map(int.__ne__, classes, classes[1:]))
    return len(set(classes)) >= 2 and b"0" in classes and changes >= 0.25 * len(rest) and _entropy(rest) >= 3.7


def _is_plain(part: str) -> bool:
    if part.isalpha():
        return part.islower() or len(part) < 12
    return part.isdigit() or (len(part) >= 4 and _HEX.fullmatch(part) is not None)


def _entropy(text: str) -> float:
    """Return the Shannon entropy of the characters, in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def _hidden_kind(run: str) -> str | None:
    """Return the kind of the key that a base64 run decodes to, if it does."""
    body = run.rstrip("=").translate(_URL_SAFE)
    try:
        plain = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    found = next(_shapes_in(plain), None) if plain.isprintable() else None
    return None if found is None else found.kind


_URL_SAFE: Final = str.maketrans("-_", "+/")


def _shapes_in(text: str) -> Iterator[Mark]:
    for start, end in runs(text.encode("latin-1", "replace")):
        if text.startswith(_PREFIXES, start):
            yield from in_run(text, start, end)
