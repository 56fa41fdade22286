"""Numbers as people read them, with rules for when a figure would mislead."""

from __future__ import annotations

from decimal import Context, Decimal
from math import floor
from typing import Final

from migrate.vocabulary import Rate

UNKNOWN: Final = "-"
SIX_DIGITS: Final = Context(prec=6)


def share_text(rate: Rate) -> str:
    """Return a share in percent. One failure in ten thousand is not 100 %, and one success is not 0 %."""
    share = rate.share
    if share is None:
        return UNKNOWN
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    tenths = min(max(floor(rate.passed * 1000 / rate.total), 1), 999)
    return f"{tenths // 10}%" if tenths % 10 == 0 else f"{tenths / 10:.1f}%"


def ratio_text(ratio: float | None) -> str:
    """Return `0.82x`; with one digit less from ten on, because nobody reads the rest."""
    if ratio is None:
        return UNKNOWN
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.1f}x" if ratio < 100 else f"{ratio:.0f}x"


def dollars_text(usd: str | None) -> str:
    """Return exact dollars as money: two digits after the point, or two significant ones below a cent."""
    if usd is None:
        return "unknown"
    amount = Decimal(usd)
    if amount == 0 or amount >= Decimal("0.01"):
        return f"${amount:,.2f}"
    return f"${format(Context(prec=2).plus(amount), 'f')}"


def decimal_text(value: float | None) -> str | None:
    """Return a ratio as decimal text of six significant digits, without exponent or idle zeros; None: unknown."""
    if value is None:
        return None
    text = format(SIX_DIGITS.create_decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(count: int, noun: str) -> str:
    """Return `1 case`, `2 cases`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
