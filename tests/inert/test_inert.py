"""What may reach a terminal or a CI log, and what is drawn instead."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.inert import csv_cell, indent, inert, inert_json, shorten

ANY_TEXT = st.text(st.characters(exclude_categories=()))
UNSAFE_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("kind", "text", "drawn"),
    [
        ("title set", "\x1b]0;pwned\x07 ok", "<U+001B>]0;pwned<U+0007> ok"),
        ("rewritten line", "1 failed\r\x1b[2K412 passed", "1 failed<U+000D><U+001B>[2K412 passed"),
        ("8-bit controls", "\x9b2J\x9d0;x\x9c", "<U+009B>2J<U+009D>0;x<U+009C>"),
        ("bidi", "approve \u202egnp.exe\u202c", "approve <U+202E>gnp.exe<U+202C>"),
        ("isolates", "\u2066// admin\u2069", "<U+2066>// admin<U+2069>"),
        ("NUL, lone surrogate, non-character", "x\x00y\ud800z\ufffe", "x<U+0000>y<U+D800>z<U+FFFE>"),
        ("zero width", "pay\u200bpal\ufeff\u2060", "pay<U+200B>pal<U+FEFF><U+2060>"),
        ("language tags", "ok\U000e0049\U000e0047", "ok<U+E0049><U+E0047>"),
        ("variation selectors that carry data", "a\ufe0f\U000e0101", "a<U+FE0F><U+E0101>"),
        ("joiner outside emoji", "ad\u200dmin", "ad<U+200D>min"),
        ("tab", "a\tb", "a<U+0009>b"),
        ("line separators", "a\u2028b\u2029c\x85", "a<U+2028>b<U+2029>c<U+0085>"),
        ("blank letters", "a\u3164b\u2800", "a<U+3164>b<U+2800>"),
        ("GitHub command", "a\n::error file=a::b", "a\n<U+003A>:error file=a::b"),
        ("GitHub command after spaces", "  ::add-mask::e", "  <U+003A>:add-mask::e"),
        ("Azure command", "x ##vso[task.setvariable]y", "x <U+0023>#vso[task.setvariable]y"),
        ("old GitHub command", "##[error]forged", "<U+0023>#[error]forged"),
    ],
)
def test_unsafe_text_is_drawn(kind: str, text: str, drawn: str) -> None:
    """Whatever a terminal or runner would act on is shown as a mark in its place."""
    assert drawn == inert(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "two\nlines",
        "Zażółć gęślą jaźń",
        "日本語のテキスト",
        "مرحبا",
        "❤️ ✔️ 👩‍💻 🏳️‍🌈 1️⃣ ©️",
        "std::vector x; a ## b",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Letters of any script, emoji and newlines are printed as they are."""
    assert text == inert(text)


@given(ANY_TEXT)
def test_nothing_unsafe_is_left(text: str) -> None:
    """No control but newline, no bidi control and no surrogate survives, whatever the text."""
    for character in inert(text).replace("\n", ""):
        assert unicodedata.category(character) not in UNSAFE_CATEGORIES
        assert unicodedata.bidirectional(character) not in BIDI
    inert(text).encode("utf-8")


@given(ANY_TEXT)
def test_drawing_twice_changes_nothing(text: str) -> None:
    """Inert text is its own inert form."""
    assert inert(text) == inert(inert(text))


def test_newlines_can_be_drawn_too() -> None:
    """A cell or a node id stays on one line."""
    one_line = "a⏎b⏎"
    assert one_line == inert("a\nb\n", keep_newlines=False)


@given(ANY_TEXT)
def test_indented_text_never_starts_a_line(text: str) -> None:
    """Every line of indented model text begins with the prefix, so no CI command is at column 0."""
    assert all(line.startswith("  | ") for line in indent(text, "  | ").split("\n"))


@pytest.mark.parametrize(
    "command", ["::error file=app.py,line=1::forged", "::stop-commands::x", "##vso[task.setvariable]x"]
)
def test_indentation_does_not_revive_a_command(command: str) -> None:
    """A CI command stays dead after a prefix of spaces, which some runners skip."""
    assert command not in indent(f"a\n{command}")


@pytest.mark.parametrize("command", ["##vso[task.complete]x", "###vso[a]", "##[error]x", "## a", "#", "\\##[x]"])
def test_json_for_a_log_is_the_same_value_without_commands(command: str) -> None:
    """A runner that looks for commands inside a line finds none, and a reader of the JSON finds the text as it was."""
    text = inert_json(json.dumps({command: [command, "a" + command]}))
    assert {command: [command, "a" + command]} == json.loads(text)
    assert "##vso[" not in text
    assert "##[" not in text


@given(ANY_TEXT, st.integers(1, 20))
def test_shortened_text_keeps_to_its_limit(text: str, limit: int) -> None:
    """The result has at most `limit` characters and says when something was cut."""
    short = shorten(text, limit)
    assert len(short) <= limit
    assert (short == text) if len(text) <= limit else short.endswith("…")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("http://127.0.0.1:9/?"&A1,"open")', '\'=HYPERLINK("http://127.0.0.1:9/?"&A1,"open")'),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("|calc", "'|calc"),
        (" =1+1", "' =1+1"),
        ('"=1+1', "'\"=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1+1", "<U+0009>=1+1"),
        ("\r=1+1", "<U+000D>=1+1"),
        ("\n=1+1", "⏎=1+1"),
        ("a\n=1+1", "a⏎=1+1"),
        ("\ufeff=1+1", "<U+FEFF>=1+1"),
        ("-3.50", "-3.50"),
        ("+12%", "+12%"),
        ("-1e-9", "-1e-9"),
        ("-3.50 EUR", "'-3.50 EUR"),
        ("\u0663-1", "\u0663-1"),
        ("a=1", "a=1"),
        ("plain, with a comma", "plain, with a comma"),
        ("", ""),
    ],
    ids=ascii,
)
def test_a_cell_is_never_a_formula(text: str, cell: str) -> None:
    """What a sheet would calculate becomes text; numbers stay numbers, and ordinary text is left alone."""
    assert cell == csv_cell(text)


@given(ANY_TEXT)
def test_a_cell_survives_the_csv_writer_on_one_line(text: str) -> None:
    """Whatever the text: one record is one line, it reads back as it was written, and begins with no formula."""
    cell = csv_cell(text)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([cell, 1])
    assert 1 == out.getvalue().count("\n")
    assert [[cell, "1"]] == list(csv.reader(io.StringIO(out.getvalue())))
    assert cell.lstrip(" '\"")[:1] not in {"=", "+", "-", "@", "\t"} or cell.startswith("'") or is_number(cell)


def is_number(text: str) -> bool:
    try:
        float(text.removesuffix("%"))
    except ValueError:
        return False
    return text.isascii()


@given(ANY_TEXT)
def test_a_cell_made_twice_is_harmless(text: str) -> None:
    """An apostrophe is put at most once: cells of an exported file may be exported again."""
    assert csv_cell(csv_cell(text)) in {csv_cell(text), f"'{csv_cell(text)}"}
