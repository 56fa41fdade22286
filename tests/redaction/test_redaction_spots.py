"""Looking closely only where a number can stand finds what looking closely everywhere finds."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from secret_samples import detection_set

from migrate.redaction.keys import in_run, runs, worth_a_look
from migrate.redaction.marks import Mark
from migrate.redaction.numbers import in_clusters, numbers

DATA = [datum for _, datum, _ in detection_set()]
PIECES = (
    *"0123456789", *" .-/()+_#:\\\"'", "\u00a0", "\u202f", "\u2011", "\u2013", "\n", "é", "²",
    "00", "06 ", "\\n", "\\u20ac",
    "020 7946 0958", "212-555-0147", "078-05-1120", "4111 1111 1111 1111", "4111111111111111", "tel", "Phone: ",
    "call us at ", "whatsapp ", "wh\u0430tsapp", "g\u017fm ", "GSM", "mob\u0131le ", "order ", "EUR", "2025-01-15",
    "(0", "NL91ABNA0417164300",
)  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(DATA)), max_size=14).map("".join)


def found(text: str) -> tuple[bytes, bytes]:
    plain = text.encode("latin-1", "replace")
    return plain, plain.lower()


def order(mark: Mark) -> tuple[int, int, str]:
    return mark.start, mark.end, mark.kind


@settings(max_examples=1500)
@given(texts)
@example("_-06 12345678")
@example("--06 12345678")
@example("\\n06 12345678")
@example("\\u20ac06 12345678")
@example("g\u017fm 12345678")
@example("+49-(030)-1234567")
def test_no_number_is_passed_over(text: str) -> None:
    """Cards, phones and social security numbers: the same marks as when every cluster of digits is judged."""
    everywhere = sorted(in_clusters(text, 0, len(text)), key=order)
    assert everywhere == sorted((one for one in numbers(text, *found(text)) if one.kind != "iban"), key=order)


@settings(max_examples=500)
@given(texts)
def test_no_run_is_passed_over(text: str) -> None:
    """Keys and tokens: the same marks as when every long run of letters is judged."""
    plain, _ = found(text)
    spans = [*runs(plain)]
    looked_at = worth_a_look(text, plain, spans)
    assert [one for span in spans for one in in_run(text, *span)] == [
        one for at in looked_at for one in in_run(text, *at)
    ]
