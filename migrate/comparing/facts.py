"""Facts in prose that can be read without understanding it: numbers, dates, times, links, addresses, codes, currencies.

A fact has one or more readings, because people write the same thing differently: `12/03/2026` is two dates,
`1.234` two numbers. Two facts agree when any reading of one is present in the other text. What is written as a word
("three") is present, and is never demanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from migrate.comparing.wording import remembered

MAX_LENGTH: Final = 200_000
"""Characters of a text that are read for facts."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a text states."""

    kind: str
    """`number`, `date`, `time`, `link`, `address`, `code` or `currency`."""
    text: str
    """As written, for a person."""
    readings: tuple[str, ...]
    """Normal forms; the first is the likeliest."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything one text states, and everything it can be held to state."""

    stated: tuple[Fact, ...]
    present: frozenset[str]

    def hold(self, fact: Fact) -> bool:
        """Return whether this text states the fact too, in whatever form."""
        return not self.present.isdisjoint(fact.readings)


@remembered
def facts_of(text: str) -> Facts:
    """Return the facts of a text, each once."""
    text = text[:MAX_LENGTH]
    words = set(_WORD.findall(text))
    present = {f"number:{_NUMBER_WORDS[word]}" for word in _NUMBER_WORDS.keys() & words}
    stated: dict[tuple[str, ...], Fact] = {}
    if _WORTH_READING.search(text) is not None:
        pattern = _any_fact("@" in text, not words.isdisjoint(_MONTHS))
        for match in pattern.finditer(_LIST_MARKER.sub(" ", text)):
            for fact, seen in _read(match):
                stated.setdefault((fact.kind, *fact.readings), fact)
                present.update(seen)
    return Facts(tuple(stated.values()), frozenset(present))


_WORD: Final = re.compile(r"[^\W\d_]+")

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        [
            "January Jan Januar Jän Jänner janvier enero ene gennaio janeiro januari",
            "February Feb Februar février febrero febbraio fevereiro februari",
            "March Mar März Mär mars marzo março maart",
            "April Apr avril abril aprile",
            "May Mai mai mayo maggio maio mei",
            "June Jun Juni juin junio giugno junho",
            "July Jul Juli juillet julio luglio julho",
            "August Aug août agosto augustus",
            "September Sep Sept septembre septiembre settembre setembro",
            "October Oct Oktober Okt octobre octubre ottobre outubro oktober",
            "November Nov novembre noviembre novembro",
            "December Dec Dezember Dez décembre diciembre dicembre dezembro",
        ],
        start=1,
    )
    for name in names.split()
}
_MONTH: Final = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")(?![^\W\d_])"
_LIST_MARKER: Final = re.compile(rf"(?m)^[ \t]{{0,12}}\d{{1,3}}[.)](?=[ \t])(?![ \t]{_MONTH})")
_DAY: Final = r"[0-3]?\d(?:st|nd|rd|th|er|\.)?(?!\d)"
_YEAR: Final = r"(?:1[89]|20|21)\d\d(?!\d)"

_LINK: Final = r"""(?P<link>https?://[^\s<>"'`\])]{1,2000}|www\.[^\s<>"'`\])]{1,2000})"""
_ADDRESS: Final = r"(?P<address>(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6})"
_NAMED_DATE: Final = (
    rf"(?P<day_first>(?<![\w.,]){_DAY}[ \u00a0](?:of |de )?{_MONTH}(?:\.?,?[ \u00a0](?:of |de )?{_YEAR})?)"
    rf"|(?P<month_first>(?<![^\W_]){_MONTH}\.?[ \u00a0]{_DAY}(?:,? {_YEAR})?)"
)
_DIGITS: Final = (
    r"(?=[\d\u2212+-])(?<![^\WT])(?:"
    rf"(?P<iso>{_YEAR}-[01]\d-[0-3]\d(?:[T ](?=\d\d:))?)"
    rf"|(?P<numeric>(?:[0-3]?\d(?P<mark>[./-])[0-3]?\d(?P=mark){_YEAR}|{_YEAR}/[01]?\d/[0-3]?\d)(?!\w))"
    r"|(?P<time>(?:[01]?\d|2[0-3])(?::[0-5]\d(?::[0-5]\d)?)?[ \u00a0]?[ap]\.?m\b\.?"
    r"|(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?![\d:]))"
    r"|(?P<hex>\d{1,30}[A-Za-z]{1,30}\d\w{0,60})"
    r"|(?P<number>(?<![.,])[-\u2212+]?\d{1,60}(?:[.,'\u00a0\u202f\u2019]\d{1,60}){0,12}))"
)
_CODE: Final = (
    r"(?P<code>(?=[A-Za-z\d])(?<![\w-])(?:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{4,27}"
    r"|[A-Z][A-Z0-9]{0,30}-\d[\w-]{0,60}|[A-Za-z]{1,30}\d\w{0,60}))"
)
_CURRENCY: Final = (
    r"(?P<currency>[$\u20ac\u00a3\u00a5\u20b9]|\b(?:USD|EUR|GBP|CHF|JPY|INR)\b|\b(?:[Ee]uros?|[Dd]ollars?)\b)"
)
_WORTH_READING: Final = re.compile(rf"\d|@|://|www\.|{_CURRENCY}")


@cache
def _any_fact(addresses: bool, months: bool) -> re.Pattern[str]:
    """Return the pattern of all facts; what the text cannot hold is left out, which makes it several times faster."""
    parts = [_LINK, _ADDRESS if addresses else "", _NAMED_DATE if months else "", _CODE, _DIGITS, _CURRENCY]
    return re.compile("|".join(part for part in parts if part))


def _read(match: re.Match[str]) -> Iterator[tuple[Fact, tuple[str, ...]]]:
    """Yield the fact of a match with every form its text may be said to hold."""
    kind, text = str(match.lastgroup), match.group()
    if kind in ("iso", "numeric", "day_first", "month_first", "mark"):
        yield from _dates(text, match)
    elif kind == "number":
        forms = tuple(f"number:{form}" for form in _number_forms(text))
        yield Fact("number", text, forms), forms
    else:
        kind = "code" if kind == "hex" else kind
        form = f"{kind}:{_NORMAL[kind](text)}"
        yield Fact(kind, text.rstrip(".,;:!?"), (form,)), (form,)


def _dates(text: str, match: re.Match[str]) -> Iterator[tuple[Fact, tuple[str, ...]]]:
    dates = _numeric_dates(text) if match["iso"] or match["numeric"] else _named_date(text)
    if not dates:
        for number in re.findall(r"\d+", text):
            form = f"number:{int(number)}"
            yield Fact("number", number, (form,)), (form,)
        return
    readings: list[str] = []
    present: list[str] = []
    for year, month, day in dates:
        if year:  # a full date agrees with the same date, or with one that leaves the year out
            readings += [f"date:{year}-{month:02}-{day:02}", f"yearless:{month:02}-{day:02}"]
            present += [f"date:{year}-{month:02}-{day:02}", f"dated:{month:02}-{day:02}"]
        else:
            readings += [f"yearless:{month:02}-{day:02}", f"dated:{month:02}-{day:02}"]
            present += [f"yearless:{month:02}-{day:02}"]
    yield Fact("date", text.rstrip("T "), tuple(readings)), tuple(present)


def _numeric_dates(text: str) -> list[tuple[int, int, int]]:
    first, second, third = (int(part) for part in re.split(r"[./-]", text.rstrip("T ")))
    if first > 31:
        return _valid([(first, second, third)])
    if "." in text:  # dots are written day first wherever they are written
        return _valid([(third, second, first)])
    return _valid([(third, first, second), (third, second, first)])


def _named_date(text: str) -> list[tuple[int, int, int]]:
    month = next((_MONTHS[word] for word in _WORD.findall(text) if word in _MONTHS), 0)
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return _valid([(numbers[1] if len(numbers) > 1 else 0, month, numbers[0])])


def _valid(dates: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return list(dict.fromkeys(date for date in dates if 1 <= date[1] <= 12 and 1 <= date[2] <= 31))


def _number_forms(text: str) -> tuple[str, ...]:
    """Return the values a written number may have: `1,234` is 1234, or 1.234 where the comma is decimal."""
    sign = "-" if text[0] in "-\u2212" else ""
    body = re.sub("['\u00a0\u202f\u2019]", "", text.lstrip("-\u2212+"))
    marks = [mark for mark in body if mark in ".,"]
    if not marks:
        return (sign + _plain(body, ""),)
    last = marks[-1]
    whole, _, rest = body.rpartition(last)
    grouped = sign + _plain(re.sub("[.,]", "", body), "")
    decimal = sign + _plain(re.sub("[.,]", "", whole), rest)
    if marks.count(last) > 1:
        return (grouped,)
    if len(set(marks)) == 2 or len(rest) != 3 or not 1 <= len(whole) <= 3 or whole == "0":
        return (decimal,)
    return (grouped, decimal) if last == "," else (decimal, grouped)


def _plain(whole: str, rest: str) -> str:
    whole, rest = whole.lstrip("0") or "0", rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def _link(text: str) -> str:
    link = re.sub(r"^https?://", "", text.rstrip(".,;:!?*_").rstrip("/"))
    host, slash, rest = link.partition("/")
    return host.lower().removeprefix("www.") + slash + rest


def _time(text: str) -> str:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    hour, rest = numbers[0], [*numbers[1:], 0, 0][:2]
    if "p" in text.lower() and hour < 12:
        hour += 12
    if "a" in text.lower() and hour == 12:
        hour = 0
    return f"{hour:02}:{rest[0]:02}:{rest[1]:02}"


_CURRENCIES: Final = {"$": "USD", "\u20ac": "EUR", "\u00a3": "GBP", "\u00a5": "JPY", "\u20b9": "INR"}


def _currency(text: str) -> str:
    if text[0] in "eE":
        return "EUR"
    return "USD" if text[0] in "dD" else _CURRENCIES.get(text, text)


_NORMAL: Final = {
    "link": _link,
    "address": lambda text: text.lower().rstrip("."),
    "time": _time,
    "code": lambda text: text.casefold().rstrip("-_"),
    "currency": _currency,
}

_NUMBER_WORDS: Final = {
    word: number
    for number, words in {
        0: "zero null cero",
        1: "one ein eine einen einem einer eins un une uno una",
        2: "two zwei deux dos due",
        3: "three drei trois tres tre",
        4: "four vier quatre cuatro quattro",
        5: "five f\u00fcnf cinq cinco cinque",
        6: "six sechs seis sei",
        7: "seven sieben sept siete sette",
        8: "eight acht huit ocho otto",
        9: "nine neun neuf nueve nove",
        10: "ten zehn dix diez dieci",
        11: "eleven elf onze once undici",
        12: "twelve zw\u00f6lf douze doce dodici dozen dutzend",
        14: "fourteen vierzehn quatorze catorce quattordici",
        15: "fifteen f\u00fcnfzehn quinze quince quindici",
        20: "twenty zwanzig vingt veinte venti",
        30: "thirty drei\u00dfig trente treinta trenta",
        40: "forty vierzig quarante cuarenta quaranta",
        50: "fifty f\u00fcnfzig cinquante cincuenta cinquanta",
        60: "sixty sechzig soixante sesenta sessanta",
        90: "ninety neunzig noventa novanta",
        100: "hundred hundert cent cien cento",
    }.items()
    for spelled in words.split()
    for word in (spelled, spelled.capitalize())
}


# --- Names ----------------------------------------------------------------------------------------------------

_CAPITALISED: Final = re.compile(r"(?<![^\W_])[^\W\d_a-z][^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_SENTENCE_END: Final = frozenset(".!?:;\n\"'([*#>-\u2022\u201c\u2018\u201e\u00bf\u00a1|/")
_TITLES: Final = frozenset({"Herr", "Herrn", "Frau"})


def names_in(text: str, *, nouns_are_capitalised: bool = False) -> frozenset[str]:
    """Return the words of an input that are names: capitalised inside a sentence, and nowhere written small.

    In German every noun is capitalised: there only a word after Herr or Frau, or a pair of capitalised words, counts.
    """
    text = text[:20_000]
    found: set[str] = set()
    before: re.Match[str] | None = None
    for match in _CAPITALISED.finditer(text):
        follows = before is not None and text[before.end() : match.start()] == " "
        if nouns_are_capitalised:
            if before is not None and follows and (before.group() in _TITLES or _inside(text, before.start())):
                found |= {match.group(), before.group()} - _TITLES
        elif not match.group().isupper() and _inside(text, match.start()):
            found.add(match.group())
        before = match
    small = set(re.findall(r"(?<![^\W_])[a-z][^\W\d_]+", text))
    return frozenset(name for name in found if name.lower() not in small and name not in _MONTHS)


def _inside(text: str, start: int) -> bool:
    """Return whether the word at `start` stands inside a sentence, where a capital means something."""
    lead = text[max(0, start - 8) : start].rstrip(" \t")
    return bool(lead) and lead[-1] not in _SENTENCE_END


def mentions(text: str, name: str) -> bool:
    """Return whether a text names the name, in whatever case and with an ending such as 's."""
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?:'s|\u2019s|s|es)?(?![^\W_])", text, re.IGNORECASE) is not None
