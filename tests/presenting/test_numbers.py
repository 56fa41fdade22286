"""Figures that do not mislead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.presenting.numbers import decimal_text, dollars_text, ratio_text, share_text
from migrate.vocabulary import Rate


@pytest.mark.parametrize(
    ("passed", "total", "text"),
    [
        (5, 5, "100%"),
        (0, 5, "0%"),
        (0, 0, "-"),
        (1, 2, "50%"),
        (9_999, 10_000, "99.9%"),
        (1, 10_000, "0.1%"),
        (2, 3, "66.6%"),
        (29, 100, "29%"),
    ],
)
def test_a_share(passed: int, total: int, text: str) -> None:
    """Rounding never turns a failure into 100 %, a success into 0 %, or nothing into either."""
    assert text == share_text(Rate(passed, total))


@given(st.integers(1, 10**9), st.data())
def test_only_all_is_100_percent_and_only_none_is_0(total: int, data: st.DataObject) -> None:
    """For any counts the two ends are exact."""
    passed = data.draw(st.integers(0, total))
    text = share_text(Rate(passed, total))
    assert (passed == total) == (text == "100%")
    assert (passed == 0) == (text == "0%")


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(None, "-"), (0.8004, "0.80x"), (1.0, "1.00x"), (2.6667, "2.67x"), (12.34, "12.3x"), (111.4, "111x")],
)
def test_a_ratio(ratio: float | None, text: str) -> None:
    """Three digits at most are read."""
    assert text == ratio_text(ratio)


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "unknown"),
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
        ("0.0123", "$0.01"),
        ("0.001264", "$0.0013"),
        ("0.00000015", "$0.00000015"),
    ],
)
def test_dollars(usd: str | None, text: str) -> None:
    """Cents, and below a cent two digits that say something; unknown is a word, not a zero."""
    assert text == dollars_text(usd)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (0.8, "0.8"),
        (8 / 3, "2.66667"),
        (1e-7, "0.0000001"),
        (1234567.0, "1234570"),
        (100.0, "100"),
        (0.0, "0"),
    ],
)
def test_a_ratio_as_data(value: float | None, text: str | None) -> None:
    """Decimal text without exponent, six significant digits; null stays null."""
    assert text == decimal_text(value)
