"""What a test may give to `golden`: what a file can hold and give back the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from flow_project import marked, run, write_tests
from hypothesis import given
from hypothesis import strategies as st
from small_project import Project

from migrate.errors import UsageProblem
from migrate.pytest_plugin.golden import GoldenValues

ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.sampled_from([Decimal(1)]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=6,
)


@given(VALUES)
def test_what_golden_takes_is_read_back_the_same(value: Any) -> None:
    """A value is JSON, or is refused when it is given: none is recorded that can never be matched again."""
    values = GoldenValues()
    try:
        values.check(value)
    except UsageProblem:
        return
    (plain,) = values.values.values()
    assert plain == json.loads(json.dumps(plain, allow_nan=False))
    assert plain == (json.loads(json.dumps(value)) if isinstance(value, dict | list | tuple) else value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "nan is no number there"),
        ({"a": [float("-inf")]}, "-inf is no number there"),
        ({1: "a", "1": "b"}, "two keys of this value are the same as texts"),
        (ENDLESS, "too deep, or holds itself"),
        ({1, 2}, "not set"),
    ],
)
def test_what_golden_does_not_take_is_said_in_a_sentence(value: Any, why: str) -> None:
    """The reason is the value's own, not a fault of the file that was to hold it."""
    with pytest.raises(UsageProblem, match=f"^golden takes what JSON can hold.*{why}"):
        GoldenValues().check(value)


def test_a_value_that_is_refused_is_told_with_the_line_of_the_test(fresh_app: Project) -> None:
    """Who wrote the test finds the line, not one of ours."""
    write_tests(
        fresh_app,
        marked("""\
import pytest

from app import desk


@FLOW("desk")
def test_late(golden):
    desk("my parcel is late")
    golden.check({1}, name="found")
"""),
    )
    result = run(fresh_app, "-q", "--golden=new")
    result.assert_outcomes(failed=1)
    assert any("not set (test_app.py:" in line for line in result.outlines)
