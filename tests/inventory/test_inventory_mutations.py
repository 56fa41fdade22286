"""A valid inventory with something in it changed at random loads, or is refused in words: there is no third way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.documents.files import Unreadable
from migrate.documents.reading import read_yaml
from migrate.edges.inventory import load
from migrate.errors import InventoryProblem
from migrate.rendering import rehearse

EVERYTHING = Path(__file__).parent / "examples" / "positive" / "everything" / "prompts"
TEXT = (EVERYTHING / "refund.prompt.yml").read_text("utf-8")
ROWS = (EVERYTHING / "cases" / "refund.jsonl").read_text("utf-8")
VALUE = read_yaml(TEXT, pytest.fail).value

PRINTABLE = st.text(st.characters(exclude_categories=("C",)), max_size=8)
JSON_LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | PRINTABLE
JSON = st.recursive(
    JSON_LEAF | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ODD = st.sampled_from(
    [None, True, 0, -1, 1e300, "", "no", "{{ x }}", "{{", "$.a[", "$", "(", [], {}, [None], {"": None}, [[]], "a" * 300,
     {"$file": "x"}, {"$file": 1}, {"$ref": "#"}, {"type": "x"}, "\u202e", "\ud83d", ["{{ a }}"], {"min": "{{ a }}"}]
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, inner in steps for found in places(inner, (*path, step)))]


PLACES = [path for path in places(VALUE) if path]


def changed(value: Any, path: tuple[Any, ...], new: Any, how: str) -> Any:
    """Return a copy with the value at a path replaced, taken out, or put under another key."""
    step, rest = path[0], path[1:]
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[step] = changed(copy[step], rest, new, how)
    elif how == "replace":
        copy[step] = new
    else:
        old = copy.pop(step)
        if how == "rename" and isinstance(copy, dict):
            copy[str(new)[:20]] = old
    return copy


def loads_or_tells(folder: Path, text: str, rows: str = ROWS) -> None:
    (folder / "cases").mkdir(parents=True, exist_ok=True)
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "documents" / "order.txt").write_text("order", "utf-8")
    (folder / "cases" / "refund.jsonl").write_text(rows, "utf-8", "surrogatepass")
    (folder / "refund.prompt.yml").write_text(text, "utf-8", "surrogatepass")
    try:
        flows = load(folder, folder.parent)
    except InventoryProblem as error:
        assert error.problems  # noqa: PT017 (either way is right)
        assert all(problem.message and problem.place and problem.place.file for problem in error.problems)  # noqa: PT017
    else:
        for flow in flows:
            rehearse(flow)


FAST = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@FAST
@given(st.sampled_from(PLACES), JSON | ODD, st.sampled_from(["replace", "remove", "rename"]))
def test_any_value_anywhere(tmp_path: Path, path: tuple[Any, ...], new: Any, how: str) -> None:
    """One value replaced, removed or renamed never ends in anything but flows or problems."""
    loads_or_tells(tmp_path / "prompts", json.dumps(changed(VALUE, path, new, how), ensure_ascii=False))


@FAST
@given(
    st.integers(0, len(TEXT)),
    st.integers(0, 40),
    st.text(max_size=5) | st.sampled_from(list("&*!|>%@`{}[]\"'#?:-\t\0")),
)
def test_any_text_anywhere(tmp_path: Path, at: int, length: int, new: str) -> None:
    """Some characters of the YAML replaced by others never end in a traceback."""
    loads_or_tells(tmp_path / "prompts", TEXT[:at] + new + TEXT[at + length :])


@FAST
@given(st.integers(0, len(ROWS)), st.integers(0, 20), st.text(max_size=5) | st.sampled_from(list('{}[]",:\\\n0')))
def test_any_row_anyhow(tmp_path: Path, at: int, length: int, new: str) -> None:
    """Some characters of the rows replaced by others never end in a traceback."""
    loads_or_tells(tmp_path / "prompts", TEXT, ROWS[:at] + new + ROWS[at + length :])


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Whatever is read as YAML gives a document or the reason why not."""
    try:
        document = read_yaml(data.decode("utf-8", "replace"), lambda why, line: None)
    except Unreadable as problem:
        assert problem.message  # noqa: PT017 (either way is right)
    else:
        assert document.mark.line >= 1


@given(st.recursive(JSON_LEAF, lambda inner: st.lists(inner) | st.dictionaries(PRINTABLE, inner), max_leaves=6))
def test_json_is_yaml(value: Any) -> None:
    """JSON read as YAML is the same value, so that no file means two things."""
    assert value == read_yaml(json.dumps(value, ensure_ascii=False), pytest.fail).value
