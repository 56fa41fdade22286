"""Secrets and personal data taken out of text before it is written anywhere, and stable pseudonyms put in.

`<email:3fa2c1>` stands for one address everywhere: the six digits are a hash of what was there, so that two runs can
still be compared. A value of a secret environment variable becomes `<secret:openai_api_key>`, after its name, because
a hash of a weak password could be guessed from a public repository.

Found are: keys and tokens by their shape, strings that look random, values given to a password or key, logins in URLs,
private keys, e-mail addresses, payment cards (Luhn, ISO/IEC 7812), IBANs (mod 97, ISO 13616), phone numbers and US
social security numbers. The search is conservative where a false mark would damage data: order numbers, dates, EANs,
amounts, hashes, UUIDs and JSON numbers are left alone.

Redaction is idempotent: the result is a text in which nothing more is found.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from migrate.vocabulary import Json

SHORTEST: Final = 6
"""Characters of the shortest thing that can be found (`a@b.co`)."""
LONG: Final = 2048
"""Characters from which a text is remembered, so that a document sent thirty times is searched once."""
REMEMBERED_TEXTS: Final = 1024
REMEMBERED_CHARACTERS: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """One secret or personal datum in a text; holds no part of it."""

    kind: str
    """`email`, `openai_key`, `card`, ..."""
    start: int
    end: int
    pseudonym: str
    """What is written in its place."""


class Redactor:
    """Replaces secrets and personal data by pseudonyms. Safe to use from several threads."""

    __slots__ = ("_direct", "_lock", "_memory", "_size", "_with_runs", "enabled")

    def __init__(self, secrets: Mapping[str, str] | None = None, enabled: bool = True) -> None:
        forms = [(form, _label(name)) for name, value in (secrets or {}).items() for form in _forms(value)]
        forms.sort(key=lambda form: (-len(form[0]), form))
        self._with_runs = tuple(form for form in forms if _has_run(form[0]))
        self._direct = tuple(form for form in forms if not _has_run(form[0]))
        self._memory: dict[bytes, str | None] = {}
        self._size = 0
        self._lock = threading.Lock()
        self.enabled = enabled

    def __repr__(self) -> str:
        return f"Redactor(enabled={self.enabled})"

    def text(self, text: str) -> str:
        """Return the text without secrets and personal data; the same object when there are none."""
        if not self.enabled or len(text) < SHORTEST:
            return text
        return self._clean(text) if len(text) < LONG else self._remembered(text)

    def value(self, value: Json) -> Json:
        """Return a JSON value with every string and key redacted; the same object when nothing changed."""
        if not self.enabled:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            items = [self.value(item) for item in value]
            return value if all(map(_is, items, value)) else items
        return value

    def find(self, text: str) -> list[Mark]:
        """Return what would be redacted in one pass, in order and without overlaps, even when not enabled."""
        plain = text.encode("latin-1", "replace")
        runs = tuple(_runs(plain))
        marks = list(self._own_secrets(text, with_runs=bool(runs)))
        for start, end in runs:
            marks += _in_run(text, start, end)
        for trigger, search in _SEARCHES:
            if trigger(plain):
                marks += search(text, plain)
        return _settled(marks, text) if marks else marks

    def _clean(self, text: str) -> str:
        while marks := self.find(text):
            parts, at = [], 0
            for mark in marks:
                parts += [text[at : mark.start], mark.pseudonym]
                at = mark.end
            text = "".join([*parts, text[at:]])
        return text

    def _remembered(self, text: str) -> str:
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).digest()
        with self._lock:
            if key in self._memory:
                known = self._memory[key]
                return text if known is None else known
        clean = self._clean(text)
        kept = None if clean == text else clean
        with self._lock:
            self._remember(key, kept)
        return text if kept is None else kept

    def _remember(self, key: bytes, kept: str | None) -> None:
        self._size += len(kept or "")
        self._memory[key] = kept
        while len(self._memory) > REMEMBERED_TEXTS or self._size > REMEMBERED_CHARACTERS:
            self._size -= len(self._memory.pop(next(iter(self._memory))) or "")

    def _mapping(self, value: Mapping[str, Json]) -> Mapping[str, Json]:
        changed: dict[str, Json] = {}
        same = True
        for key, item in value.items():
            name = self.text(key)
            while name in changed:
                name += "~"
            changed[name] = self._item(key, item)
            same = same and name is key and changed[name] is item
        return value if same else changed

    def _item(self, key: str, item: Json) -> Json:
        """Redact a value by its key too, as the search does in the JSON text `"password": "..."`."""
        if not isinstance(item, str):
            return self.value(item)
        clean = self.text(item)
        if clean is not item or not 8 <= len(item) <= 128:
            return clean
        if _NAME_OF_SECRET.fullmatch(key.rpartition(".")[2]) and _is_assigned(item) and _VALUE.fullmatch(item):
            return _pseudonym("password", item)
        if _PHONE_WORD.search(key) and _KEYED_PHONE.fullmatch(item):
            return _pseudonym("phone", item)
        return clean

    def _own_secrets(self, text: str, *, with_runs: bool) -> Iterator[Mark]:
        for form, name in (*self._direct, *self._with_runs) if with_runs else self._direct:
            at = text.find(form)
            while at >= 0:
                yield Mark("secret", at, at + len(form), f"<secret:{name}>")
                at = text.find(form, at + len(form))


def secrets_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables whose name says they are secret and whose value could be: name -> value."""
    return {name: value for name, value in environ.items() if _SECRET_VARIABLE.search(name) and _could_be_secret(value)}


_SECRET_VARIABLE: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|PWD$|CREDENTIAL|_AUTH$|_DSN$", re.IGNORECASE)
_PLAIN_VALUES: Final = frozenset(
    {"disabled", "required", "optional", "development", "production", "localhost", "password"}
)


def _could_be_secret(value: str) -> bool:
    if len(value) < 8 or value.lower() in _PLAIN_VALUES or value.startswith(("/", "./", "~")):
        return False
    return not (value.isdigit() and len(value) < 12) and "<" not in value


def _forms(secret: str) -> set[str]:
    """Return a secret as it may stand in a text: itself, escaped for JSON or URLs, and in base64."""
    escaped = json.dumps(secret)[1:-1]
    encoded = base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    percent = quote(secret, safe="", errors="replace")
    return {secret, escaped, escaped.replace("/", "\\/"), encoded, percent} if len(secret) >= 8 else set()


def _label(name: str) -> str:
    return re.sub(r"[^a-z0-9_.-]", "_", name.lower())[:80] or "_"


def _is(one: object, other: object) -> bool:
    return one is other


def _pseudonym(kind: str, found: str) -> str:
    return (
        f"<{kind}:{hashlib.sha256(f'prompt-migrate {kind} {found}'.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}>"
    )


def _mark(kind: str, text: str, start: int, end: int) -> Mark:
    return Mark(kind, start, end, _pseudonym(kind, text[start:end]))


_PSEUDONYM: Final = re.compile(r"<[a-z_]{2,24}:[0-9A-Za-z_.~-]{1,80}>")


def _settled(marks: list[Mark], text: str) -> list[Mark]:
    """Drop what overlaps an earlier mark or an existing pseudonym."""
    marks.sort(key=lambda mark: (mark.start, -mark.end))
    taken = [match.span() for match in _PSEUDONYM.finditer(text)] if "<" in text else []
    kept: list[Mark] = []
    for mark in marks:
        while taken and taken[0][1] <= mark.start:
            taken.pop(0)
        if (kept and mark.start < kept[-1].end) or (taken and taken[0][0] < mark.end):
            continue
        kept.append(mark)
    return kept


# --- Boundaries: a JSON text inside a string puts an `n` before a word that a newline put there -------------------

_ESCAPED: Final = re.compile(r"\\(?:[nrtbf]|u[0-9A-Fa-f]{4})\Z")


def _word_start(text: str, at: int) -> int:
    """Return where the word at `at` begins once a JSON escape, whose backslash stands before it, is left out."""
    if at and text[at - 1] == "\\":
        if text[at] == "u":
            return at + 5
        return at + 1 if text[at] in "nrtbf" else at
    return at


def _starts_word(text: str, at: int) -> bool:
    before = text[at - 1 : at]
    if not (before.isalnum() or before == "_"):
        return True
    return _ESCAPED.search(text, max(at - 6, 0), at) is not None


_JSON_START: Final = re.compile(r"\s*(?:[\[{]|```)")
_BETWEEN_STRINGS: Final = re.compile(r"(?:\s*[:,\]}])?[\s\[\]{}:,0-9.eE+truefalsn-]*")


def _is_json_number(text: str, start: int, end: int) -> bool:
    """Return whether the digits stand where only a JSON number can: a pseudonym there would break the JSON."""
    if not text[start:end].isdigit() or text[end : end + 8].lstrip()[:1] not in {",", "]", "}", ""}:
        return False
    before = text[max(start - 200, 0) : start]
    if before.rstrip().endswith(":"):
        return before.rstrip(" \t\r\n:").endswith('"')
    quote = before.rfind('"')
    since = before[quote + 1 :]
    if _JSON_START.match(text) is None or _BETWEEN_STRINGS.fullmatch(since) is None:
        return False
    return quote < 0 or since.lstrip()[:1] in {":", ",", "]", "}"}


# --- Keys and tokens: long runs of letters and digits ---------------------------------------------------------------

_RUN_LENGTH: Final = 16
_RUN: Final = b"a" * _RUN_LENGTH
_RUN_TABLE: Final = bytes(97 if (code < 128 and chr(code).isalnum()) or code in b"_-" else 32 for code in range(256))


def _runs(plain: bytes) -> Iterator[tuple[int, int]]:
    """Yield the spans of at least 16 letters, digits, `_` and `-`: where keys are, and little else is."""
    mapped = plain.translate(_RUN_TABLE)
    start = mapped.find(_RUN)
    while start >= 0:
        end = mapped.find(b" ", start)
        yield start, (end if end >= 0 else len(mapped))
        start = mapped.find(_RUN, end) if end >= 0 else -1


def _has_run(text: str) -> bool:
    return any(_runs(text.encode("latin-1", "replace")))


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
_DOTTED: Final = re.compile(r"(?:\bSG|\bya29)\.\Z")
_DOTTED_TOKEN: Final = re.compile(r"[\w-]{16,}(?:\.[\w-]{16,})?")
_WEBHOOK: Final = re.compile(r"hooks\.slack\.com/services/\w+/\w+/\Z")
_BASE64: Final = re.compile(r"[\w+/-]{24,513}={0,2}")


def _in_run(text: str, start: int, end: int) -> Iterator[Mark]:
    """Yield the key or token that a long run is or begins, if it is one."""
    start = _word_start(text, start)
    if end - start < _RUN_LENGTH:
        return
    if text.startswith(_PREFIXES, start):
        for kind, prefixes, shape in _SHAPES:
            if text.startswith(prefixes, start) and (match := shape.match(text, start)):
                yield _mark(kind, text, start, match.end())
                return
    if not _DIGIT.search(text, start, end):
        return
    for kind, before, shape in _AFTER:
        if before.search(text, max(start - 64, 0), start) and (match := shape.match(text, start)):
            yield _mark(kind, text, start, match.end())
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
    start = _word_start(text, start)
    hidden = _hidden_kind(text[start : match.end()])
    if hidden is not None or _looks_random(text[start : match.end()]):
        yield _mark(hidden or "token", text, start, match.end())


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
    for start, end in _runs(text.encode("latin-1", "replace")):
        if text.startswith(_PREFIXES, start):
            yield from _in_run(text, start, end)


# --- Secrets said to be secrets -------------------------------------------------------------------------------------

_NAMES_OF_SECRETS: Final = (
    r"(?:passw(?:or)?d|passphrase|passwort|wachtwoord|pwd|secret"
    r"|(?:api|access|account|auth|encryption|private|secret|signing)[_-]?key"
    r"|(?:access|api|auth|bearer|refresh|session)[_-]?token)"
)
_NAME_OF_SECRET: Final = re.compile(rf"[\w.-]*{_NAMES_OF_SECRETS}", re.IGNORECASE)
_VALUE: Final = re.compile(r"[^\s\"'\\,;<>{}()\[\]]{8,128}")
_GIVEN_WORDS: Final = (b"pass", b"pwd", b"wachtwoord", b"secret", b"key", b"token")
_QUALIFIED_WORDS: Final = (b"key", b"token")
_QUALIFIER: Final = re.compile(
    r"(?:access|account|api|auth|bearer|encryption|private|refresh|secret|session|signing)[_-]?\Z", re.IGNORECASE
)
_GIVEN: Final = re.compile(
    rf"(?:wo?r?d|word|phrase|wort)?\\?[\"']?[ \t]*(?:=>|[:=])[ \t]*\\?[\"']?(?P<value>{_VALUE.pattern})", re.IGNORECASE
)
_LOGIN: Final = re.compile(r"[^\s/:@\"'<>\\{}]{1,128}:(?P<password>[^\s/@\"'<>\\{}]{3,256})(?=@)")
_PLACEHOLDERS: Final = frozenset({"pass", "passwd", "password", "pwd", "secret"})
_BEARER: Final = re.compile(
    r"\b(?:bearer|basic|authorization:[ ]?token)[ ]+(?P<token>(?=[^\s\"']{0,400}[0-9])[\w.~+/-]{16,}=*)", re.IGNORECASE
)
_PEM: Final = re.compile(
    r"-----BEGIN (?P<name>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:(?:(?!-----)[\s\S])*-----END (?P=name)-----|[A-Za-z0-9+/=\s\\:,-]*)"
)


def _is_assigned(value: str) -> bool:
    """Return whether a value given to a password looks like one: letters and digits, no path, no plain word."""
    return (
        any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not value.startswith(("$", "/", "./", "http://", "https://"))
        and not (value[0] == value[-1] == "%")
    )


def _assigned(text: str, plain: bytes) -> Iterator[Mark]:
    lowered = plain.lower()
    for word in _GIVEN_WORDS:
        at = lowered.find(word)
        while at >= 0:
            end = at + len(word)
            match = _GIVEN.match(text, end)
            qualified = word not in _QUALIFIED_WORDS or _QUALIFIER.search(text, max(at - 12, 0), at)
            if match and qualified and _is_assigned(match["value"]):
                yield _mark("password", text, *match.span("value"))
            at = lowered.find(word, end)


def _logins(text: str, _plain: bytes) -> Iterator[Mark]:
    at = text.find("://")
    while at >= 0:
        match = _LOGIN.match(text, at + 3)
        if match and match["password"].lower() not in _PLACEHOLDERS:
            yield _mark("login", text, *match.span())
        at = text.find("://", at + 3)


def _bearers(text: str, _plain: bytes) -> Iterator[Mark]:
    return (_mark("bearer", text, *match.span("token")) for match in _BEARER.finditer(text))


def _private_keys(text: str, _plain: bytes) -> Iterator[Mark]:
    for match in _PEM.finditer(text):
        bare = re.sub(r"\\[nr]|\s", "", match.group())
        yield Mark("private_key", match.start(), match.end(), _pseudonym("private_key", bare))


# --- E-mail addresses -------------------------------------------------------------------------------------------------

_AT: Final = re.compile(r"@|%40|\\u0040")
_LOCAL: Final = re.compile(r"[\w.%+'-]+\Z")
_LOCAL_LEAD: Final = ".-+%'"
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w(-])")
_NOT_TOP_LEVEL: Final = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "pdf", "js", "ts", "css", "html", "json"}
)


def _emails(text: str, _plain: bytes) -> Iterator[Mark]:
    for at in _AT.finditer(text):
        if not text[at.start() - 1 : at.start()].strip(' \t\n"<>()@'):
            continue
        local = _LOCAL.search(text, max(at.start() - 64, 0), at.start())
        domain = _DOMAIN.match(text, at.end())
        if local and domain and domain.group().rpartition(".")[2].lower() not in _NOT_TOP_LEVEL:
            start = _word_start(text, local.start())
            start += len(text[start : at.start()]) - len(text[start : at.start()].lstrip(_LOCAL_LEAD))
            if start < at.start() and not (
                text[start : at.start()] == "git" and text[domain.end() : domain.end() + 1] == ":"
            ):
                name = f"{text[start : at.start()]}@{domain.group()}"
                yield Mark("email", start, domain.end(), _pseudonym("email", name))


# --- Cards, accounts, phones: digits --------------------------------------------------------------------------------

_S: Final = r"[ \-\u00a0\u202f\u2010\u2011\u2013]"
_DIGITS_TABLE: Final = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
_DIGIT_SEPARATORS: Final = b" .-()/\xa0?"
"""What may stand between the digits of one number; `?` is what anything outside Latin-1 becomes in the search."""
_EIGHT_DIGITS: Final = b"0" * 8


def _has_digits(plain: bytes) -> bool:
    return _EIGHT_DIGITS in plain.translate(_DIGITS_TABLE, _DIGIT_SEPARATORS)


_P: Final = r"[ .\-/()\u00a0\u202f\u2010\u2011\u2013]"
_CLUSTER: Final = re.compile(rf"[+(0-9](?:{_P}{{0,3}}[0-9]){{7,}}")
"""Digits near each other, at least eight: the only places where cards and phones are searched for."""
_DATE: Final = re.compile(r"(?:19|20)[0-9]{2}([-/.])[0-9]{2}\1[0-9]{2}|[0-9]{2}([-/.])[0-9]{2}\2(?:19|20)[0-9]{2}")
_CARD: Final = re.compile(
    rf"[2-6][0-9]{{3}}({_S}?)[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}(?:\1[0-9]{{3}})?(?![0-9])"
    rf"|3[0-9]{{3}}({_S}?)[0-9]{{6}}\2[0-9]{{4,5}}(?![0-9])"
)
_CARD_NUMBER: Final = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|220[0-4]\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12}(?:\d{3})?|(?:50|5[6-9]|6[37])\d{14}"
)
_ACCOUNT: Final = re.compile(r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}")
_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29,
    "VA": 22, "XK": 20,
}  # fmt: skip
"""Characters of an IBAN by country, after the SWIFT registry."""
_SSN: Final = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])")
_PHONE: Final = re.compile(
    rf"\+[1-9](?:{_P}{{0,3}}[0-9]){{7,14}}"  # international
    rf"|00[1-9][0-9]{{0,2}}[ ./-](?:{_P}{{0,3}}[0-9]){{6,13}}"  # international, dialled
    rf"|\((?:0[0-9]{{1,4}}|[2-9][0-9]{{2}})\){_S}?[0-9]{{2,4}}(?:[ ./-][0-9]{{2,4}}){{1,3}}"
    rf"|\(0[0-9]{{1,4}}\){_S}?[0-9]{{5,8}}"
    rf"|(?:1[-. ])?[2-9][0-9]{{2}}(?P<us>[-.\u2011])[2-9][0-9]{{2}}(?P=us)[0-9]{{4}}"  # North America
    rf"|0[1-9](?P<fr>[ .-])[0-9]{{2}}(?:(?P=fr)[0-9]{{2}}){{3}}(?!(?P=fr)?[0-9])"  # France
    rf"|06{_S}[0-9]{{8}}|0[1-9][0-9]{_S}[0-9]{{3}} [0-9]{{2}} [0-9]{{2}}"  # Netherlands
    r"|0[1-9][0-9]{3} [0-9]{6}|0[1-9][0-9]{2} [0-9]{3} [0-9]{4}|02[0-9] [0-9]{4} [0-9]{4}|07[0-9]{3} [0-9]{3} ?[0-9]{3}"
    r"|0[1-9][0-9]{1,3}(?: |/| / )[0-9]{5,9}|0[1-9][0-9]{1,3} ?/ ?[0-9]{2,4}(?: [0-9]{2,4}){1,3}"  # Germany
)
_LOOSE_PHONE: Final = re.compile(rf"[0-9](?:{_P}{{0,2}}[0-9]){{7,13}}")
_KEYED_PHONE: Final = re.compile(rf"\(?{_LOOSE_PHONE.pattern}")
_PHONE_WORD: Final = re.compile(
    r"(?:phone|fax|mobile|mobiel|telefo\w*|whatsapp|(?:^|[\W_])(?:tel|cell|gsm|handy))(?:$|[\W_])", re.IGNORECASE
)
_PHONE_BEFORE: Final = re.compile(
    r"(?:phone|fax|mobile|mobiel|telefoo?n|whatsapp|\b(?:tel|cell|gsm|handy)|\bcall(?:\s(?:me|us))?(?:\s(?:at|on))?)"
    r"(?:[ _](?:number|nummer|no|nr))?\W{0,6}\Z",
    re.IGNORECASE,
)
_NUMBER_BEFORE: Final = re.compile(
    r"(?:order|invoice|inv|ref\w*|bestel\w*|bestell\w*|rechnung\w*|factuur\w*|nr|no|number|nummer|id|sku|art\w*|ean|isbn"
    r"|case|ticket|tracking|serial|version|v|part|#)\W{0,3}\Z",
    re.IGNORECASE,
)
_AMOUNT_AFTER: Final = re.compile(r"[.,][0-9]|[^\S\n]?(?:[%€$£¥]|EUR\b|USD\b|GBP\b)")


def _numbers(text: str, _plain: bytes) -> Iterator[Mark]:
    for match in _ACCOUNT.finditer(text):
        end = match.start() + _iban_end(match.group())
        if end > match.start() and _stands_alone(text, match.start(), end):
            yield _mark("iban", text, match.start(), end)
    for cluster in _CLUSTER.finditer(text):
        if not _DATE.fullmatch(cluster.group()):
            for kind, find in _IN_CLUSTER:
                yield from (_mark(kind, text, *span) for span in find(text, *cluster.span()))


def _cards(text: str, at: int, to: int) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text, at, to):
        digits = re.sub(r"\D", "", match.group())
        if _CARD_NUMBER.fullmatch(digits) and _luhn(digits) and _is_datum(text, *match.span()):
            yield match.span()


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0


def _iban_end(candidate: str) -> int:
    """Return how many characters of the candidate are a valid IBAN; 0 for none."""
    length, seen = _IBAN_LENGTHS.get(candidate[:2], 0), 0
    for at, character in enumerate(candidate):
        seen += character.isalnum()
        if seen == length:
            account = "".join(filter(str.isalnum, candidate[: at + 1]))
            number = "".join(str(int(character, 36)) for character in account[4:] + account[:4])
            return at + 1 if int(number) % 97 == 1 else 0
    return 0


def _phones(text: str, at: int, to: int) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(text, at, to):
        start, end = match.span()
        certain = match.group()[0] in "+("
        if not certain and _NUMBER_BEFORE.search(text, max(start - 24, 0), start):
            continue
        if _is_datum(text, start, end) and not _AMOUNT_AFTER.match(text, end):
            yield start, end
    if _PHONE_BEFORE.search(text, max(at - 28, 0), at):
        for match in _LOOSE_PHONE.finditer(text, at, to):
            if _is_datum(text, *match.span()):
                yield match.span()


def _security_numbers(text: str, at: int, to: int) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _SSN.finditer(text, at, to) if _is_datum(text, *match.span()))


_IN_CLUSTER: Final = (("card", _cards), ("phone", _phones), ("ssn", _security_numbers))


def _is_datum(text: str, start: int, end: int) -> bool:
    return _stands_alone(text, start, end) and not _is_json_number(text, start, end)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether a number is a word of its own and no part of a longer number, identifier or decimal."""
    after = text[end : end + 2]
    if after[:1].isalnum() or after[:1] == "_" or (after[:1] in {"-", ".", "/"} and after[1:].isalnum()):
        return False
    if text[start - 1 : start] in {"-", ".", "/", "#", "+"} and text[start - 2 : start - 1].isalnum():
        return False
    return _starts_word(text, start)


def _holds(*needles: bytes) -> Callable[[bytes], bool]:
    return lambda plain: any(needle in plain for needle in needles)


_SEARCHES: Final[tuple[tuple[Callable[[bytes], bool], Callable[[str, bytes], Iterable[Mark]]], ...]] = (
    (_holds(b"@", b"%40", b"\\u0040"), _emails),
    (_holds(b"://"), _logins),
    (_holds(b"earer ", b"EARER ", b"asic ", b"BASIC ", b"oken "), _bearers),
    (_holds(b"PRIVATE KEY"), _private_keys),
    (_holds(b"=", b":"), _assigned),
    (_has_digits, _numbers),
)
"""What must stand in a text, as Latin-1, for a search to be worth its time."""
