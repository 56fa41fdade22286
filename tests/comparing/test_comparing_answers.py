"""Reading an answer strictly: what is JSON, what is not, and what a repair finds."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from migrate.canonical import canonical_json
from migrate.comparing import parse_answer
from migrate.comparing.answers import MAX_DEPTH
from migrate.vocabulary import FindingKind, Severity


def _broken_with_whole_parts() -> str:
    return '{"lines": [{"a": 1}, {"a": 2}], "total": 3,}'


def _deep(opening: str, closing: str, levels: int) -> str:
    return opening * levels + closing * levels


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (' {"a": [1, 2.5, null, true]} ', {"a": [1, 2.5, None, True]}),
        ('"just a string"', "just a string"),
        ("null", None),
        ("-0", 0),
        ('{"": 1, "\\u00e4": "\\n"}', {"": 1, "ä": "\n"}),
        (_deep("[", "]", MAX_DEPTH), None),
        ('{"brackets in text": "' + "[" * 1000 + '"}', None),
        ('{"t": "a\\u0000b"}', {"t": "a\x00b"}),
        ("1e308", 1e308),
        ("9" * 4000, int("9" * 4000)),
    ],
)
def test_json_is_read(text: str, value: object) -> None:
    """Strict JSON passes, with its value and without a finding."""
    parsed = parse_answer("json", text)

    assert (True, True, ()) == (parsed.passed, parsed.parsed, parsed.findings)
    assert value is None or value == parsed.value


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("[NaN, 1]", "$[0]", "NaN is not JSON"),
        ('{"a": -Infinity}', "$.a", "-Infinity is not JSON"),
        ('{"v": ' + "9" * 5000 + "}", "$.v", "an integer of 5000 digits"),
        ('{"v": -1e999}', "$.v", "larger than programs can hold"),
        ('{"a": 1, "a": 2}', "$.a", "written twice"),
        ('[{"odd key": {"b": 1, "b": 1}}]', '$[0]["odd key"].b', "written twice"),
        ("\ufeff{}", "$", "byte order mark"),
    ],
)
def test_what_readers_disagree_about_breaks_the_rung(text: str, path: str, words: str) -> None:
    """Text that some program reads and RFC 8259 does not know fails with the place and the reason, and is kept."""
    parsed = parse_answer("json", text)

    assert (False, True) == (parsed.passed, parsed.parsed)
    assert [(FindingKind.INVALID_JSON, path)] == [(found.kind, found.path) for found in parsed.findings]
    assert words in parsed.findings[0].message
    canonical_json(parsed.value)


def test_where_json_ends_is_told_once() -> None:
    """Python's own words end in "at" here, and the place follows."""
    (found,) = parse_answer("json", '{\n  "a": "x').findings

    assert "not JSON: unterminated string starting at line 2 column 8" == found.message


def test_a_doubled_key_shows_both_values() -> None:
    """The first and the last value of a key written twice are both in the finding."""
    (found,) = parse_answer("json", '{"a": 1, "a": {"b": 2}}').findings

    assert (1, {"b": 2}) == (found.expected, found.actual)


def test_every_oddity_is_found_at_once() -> None:
    """One answer with several faults names all of them."""
    parsed = parse_answer("json", '{"a": NaN, "b": [1e999, {"c": 1, "c": 2}]}')

    assert ["$.a", "$.b[0]", "$.b[1].c"] == [found.path for found in parsed.findings]
    assert {"a": "NaN", "b": ["1e999", {"c": 2}]} == parsed.value


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "{'a': 1}", "{} {}", "tru", '{"a": }', '{"a": "\n"}', "01"])
def test_broken_syntax_is_not_mended(text: str) -> None:
    """Nothing is guessed: text that no reader takes is invalid, and has no value unless JSON stands whole in it."""
    parsed = parse_answer("json", text)

    assert parsed.passed is False
    assert {FindingKind.INVALID_JSON, FindingKind.CHATTY_JSON} >= {found.kind for found in parsed.findings}
    assert 1 == len(parsed.findings)


@pytest.mark.parametrize(
    "text",
    [
        _deep("[", "]", MAX_DEPTH + 1),
        _deep("[", "]", 100_000),
        "[" * 100_000,
        _deep('{"a":', "}", 100_000),
        "Sure: " + _deep("[", "]", 100_000),
        "```json\n" + _deep("[", "]", 100_000) + "\n```",
    ],
    ids=["just past", "deep", "never closed", "objects", "in prose", "fenced"],
)
def test_deep_nesting_is_a_verdict(text: str) -> None:
    """JSON nested past the cap is invalid and says so; nothing runs out of stack."""
    parsed = parse_answer("json", text)

    assert (False, False) == (parsed.passed, parsed.parsed)
    assert f"nested deeper than {MAX_DEPTH} levels" in parsed.findings[0].message


@pytest.mark.parametrize(
    "text",
    ["```json\n{}\n```", "```\n{}\n```", "~~~\n{}\n~~~", "  ```JSON\r\n{}\r\n```\n", "```{}```", "```json {} ```"],
)
def test_a_fence_is_seen_in_any_dress(text: str) -> None:
    """However a fence is written, it breaks raw JSON, and not an application that strips it."""
    assert [FindingKind.FENCED_JSON] == [found.kind for found in parse_answer("json", text).findings]
    assert {} == parse_answer("json", text).value
    assert (True, ()) == (parse_answer("fenced", text).passed, parse_answer("fenced", text).findings)


def test_raw_json_passes_where_a_fence_may_be() -> None:
    """An application that strips fences reads JSON without one too."""
    assert parse_answer("fenced", '{"a": 1}').passed


def test_a_fence_does_not_hide_what_is_wrong_inside() -> None:
    """A stripped fence around a doubled key still fails."""
    parsed = parse_answer("fenced", '```json\n{"a": 1, "a": 2}\n```')

    assert (False, {"a": 2}) == (parsed.passed, parsed.value)


@pytest.mark.parametrize(
    "text",
    [
        'Here is [the result]: {"a": [1, 2]} and no more',
        '{"a": [1, 2]}\n\nLet me know!',
        'Sure!\n```json\n{"a": [1, 2]}\n```\nAnything else?',
        '[1] and then {"a": [1, 2]}',
    ],
)
def test_the_largest_json_in_prose_is_the_answer(text: str) -> None:
    """JSON with text around it is chatty, and the largest piece is what a repair takes."""
    parsed = parse_answer("json", text)

    assert [FindingKind.CHATTY_JSON] == [found.kind for found in parsed.findings]
    assert {"a": [1, 2]} == parsed.value


@pytest.mark.parametrize("text", ['{"t": "a\\ud800b"}', '{"t": "a\ud800b"}'], ids=["escaped", "raw"])
def test_a_lone_surrogate_is_flagged_and_kept(text: str) -> None:
    """A lone surrogate is legal JSON: kept as it is, with a cosmetic finding at its place."""
    parsed = parse_answer("json", text)

    assert (True, {"t": "a\ud800b"}) == (parsed.passed, parsed.value)
    assert [(Severity.COSMETIC, "$.t")] == [(found.severity, found.path) for found in parsed.findings]


def test_text_flows_are_not_parsed() -> None:
    """A flow that promises no JSON has no verdict about it."""
    parsed = parse_answer("text", "{")

    assert (None, False, ()) == (parsed.passed, parsed.parsed, parsed.findings)


@pytest.mark.parametrize("around", ["", "Here you are: ", "```json\n"])
def test_a_part_of_broken_json_is_not_the_answer(around: str) -> None:
    """A whole list inside an object that breaks off is not taken for the answer."""
    parsed = parse_answer("json", around + _broken_with_whole_parts())

    assert (False, False) == (parsed.passed, parsed.parsed)
    assert [FindingKind.INVALID_JSON] == [found.kind for found in parsed.findings]


HOSTILE: dict[str, Callable[[], str]] = {
    "spaces": lambda: " " * 300_000,
    "spaces in a fence": lambda: "```" + " " * 300_000,
    "fences": lambda: "```\n" * 50_000,
    "brackets": lambda: "{[" * 100_000,
    "open objects": lambda: '{"a": ' * 50_000,
    "quotes": lambda: '{"' * 100_000,
    "backslashes": lambda: '{"' + "\\" * 300_001,
    "numbers": lambda: "[" + "1," * 150_000,
    "doubled keys": lambda: "{" + ",".join(['"a": 1'] * 20_000) + "}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(name: str) -> None:
    """Text made to be slow is judged in CPU time that grows with its length alone."""
    text = HOSTILE[name]()
    started = time.process_time()
    parse_answer("json", text)

    assert time.process_time() - started < 2.0
