"""Answers nobody wrote fit the schema they are asked for."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_stage import TRIAGE

from migrate.edges.providers.simulated.chance import Chance
from migrate.edges.providers.simulated.generating import Generator
from migrate.edges.providers.simulated.patterns import matching

STRINGS = st.one_of(
    st.just({"type": "string"}),
    st.sampled_from(["date", "email", "uuid"]).map(lambda name: {"type": "string", "format": name}),
    st.integers(0, 9).map(lambda least: {"type": "string", "minLength": least, "maxLength": least + 4}),
    st.just({"type": "string", "pattern": "^[A-Z]{2}-\\d{4}$"}),
    st.lists(st.text(min_size=1), min_size=1, max_size=4).map(lambda options: {"enum": options}),
)
NUMBERS = st.builds(
    lambda kind, low, width: {"type": kind, "minimum": low, "maximum": low + width},
    st.sampled_from(["integer", "number"]),
    st.integers(-50, 50),
    st.integers(0, 9),
)
LEAVES = st.one_of(STRINGS, NUMBERS, st.just({"type": "boolean"}), st.just({"type": ["null", "integer"]}))


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    required = sorted(properties)[::2]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.text("abc", min_size=1), inner, max_size=4).map(_object),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 2)),
        inner.map(lambda schema: {"anyOf": [schema, {"type": "null"}]}),
        inner.map(lambda schema: {"allOf": [schema]}),
    ),
    max_leaves=12,
)


@given(SCHEMAS, st.integers(0, 20))
def test_generated_values_are_valid(schema: dict[str, Any], seed: int) -> None:
    """Whatever plain schema is asked for, the value made from it is valid, and the same for the same seed."""
    made = [Generator(Chance(seed), "key", ("parcel", "tent"), schema).value(schema, "answer") for _ in range(2)]
    assert jsonschema_rs.is_valid(schema, made[0])
    assert made[0] == made[1]


def test_references_and_recursion_end() -> None:
    """A schema that holds itself is followed a few levels and no further."""
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["name", "children"],
            }
        },
    }
    made = Generator(Chance(1), "key", ("word",), schema).value(schema, "answer")
    assert jsonschema_rs.is_valid(schema, made)


def test_the_triage_schema_is_answered_in_the_users_words() -> None:
    """Strings are made of the question's own words."""
    made = Generator(Chance(1), "key", ("tent", "zip"), TRIAGE).value(TRIAGE, "answer")
    assert set(made["summary"].split()) <= {"tent", "zip"}


@pytest.mark.parametrize(
    "pattern",
    ["^NL-20[0-9]{2}-[0-9]{6}$", "^PO-[0-9]{6}$", "^[A-Z]{3}$", "^(a|b)c+$", "^\\w{3,5}$", "^(?:x|y)z?\\.$", "^.{4}$"],
)
def test_simple_patterns_are_matched(pattern: str) -> None:
    """Literals, classes, groups and counts are enough for the patterns schemas use."""
    assert re.search(pattern, matching(pattern, Chance(1), "place"))


@pytest.mark.parametrize("pattern", ["^(?=x)y$", "^[^a]$", "(", "a{"])
def test_other_patterns_are_given_up(pattern: str) -> None:
    """A pattern beyond that, or a broken one, gives a plain word and never an error."""
    assert isinstance(matching(pattern, Chance(1), "place"), str)
