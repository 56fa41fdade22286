"""Payment cards, bank accounts, phones and US social security numbers: digits that mean a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from migrate.redaction.marks import Mark, is_json_number, mark, stands_alone
from migrate.redaction.spots import accounts, stretches

_S: Final = r"[ \-\u00a0\u202f\u2010\u2011\u2013]"
_DIGITS_TABLE: Final = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
_DIGIT_SEPARATORS: Final = b" .-()/\xa0?"
"""What may stand between the digits of one number; `?` is what anything outside Latin-1 becomes in the search."""
_EIGHT_DIGITS: Final = b"0" * 8


def has_digits(plain: bytes) -> bool:
    """Return whether eight digits stand near each other: without them no number here is anybody's."""
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
    r"|case|ticket|tracking|serial|version|v|part|#)\W{0,3}\Z"
    r"|(?:order|invoice|sku|ean|gtin|upc|isbn|pedido|encomenda|commande|ordine|factur[ae]|fattura|zam[o\u00f3]wieni[ae])"
    r"\W{0,6}\Z",  # in JSON a quote, a colon and another quote stand between
    re.IGNORECASE,
)
_AMOUNT_AFTER: Final = re.compile(r"[.,][0-9]|[^\S\n]?(?:[%€$£¥]|EUR\b|USD\b|GBP\b)")


def is_phone_entry(key: str, value: str) -> bool:
    """Return whether a JSON entry names its value a phone number, as the text `"phone": "0612..."` does."""
    return _PHONE_WORD.search(key) is not None and _KEYED_PHONE.fullmatch(value) is not None


def numbers(text: str, plain: bytes, lowered: bytes) -> Iterator[Mark]:
    """Yield cards, accounts, phones and US social security numbers."""
    yield from _ibans(text, plain)
    for start, end in stretches(text, plain, lowered):
        yield from in_clusters(text, start, end)


def _ibans(text: str, plain: bytes) -> Iterator[Mark]:
    past = 0
    for start in accounts(plain):
        match = _ACCOUNT.match(text, start) if start >= past else None
        if match:
            past = match.end()
            end = start + _iban_end(match.group())
            if end > start and stands_alone(text, start, end):
                yield mark("iban", text, start, end)


def in_clusters(text: str, start: int, end: int) -> Iterator[Mark]:
    """Yield cards, phones and US social security numbers of the clusters of digits within a span."""
    for cluster in _CLUSTER.finditer(text, start, end):
        if not _DATE.fullmatch(cluster.group()):
            for kind, find in _IN_CLUSTER:
                yield from (mark(kind, text, *span) for span in find(text, *cluster.span()))


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
    return stands_alone(text, start, end) and not is_json_number(text, start, end)
