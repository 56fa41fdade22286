"""JSON Schema: what is refused when it is read, what is found when it is broken, and that nothing is fetched."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from comparing_cases import contract_for, flow_of, sample_of
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.comparing import check_pattern, check_schema, contract_of, judge
from migrate.comparing.patterns import matches
from migrate.comparing.schema import MAX_LISTED, compile_schema
from migrate.errors import InventoryProblem
from migrate.vocabulary import FindingKind, Json, Rung, Tool


def _found(schema: Json, value: Json) -> list[tuple[str, str]]:
    from migrate.comparing.paths import write_path

    return [(item.kind.value, write_path(("$", *item.steps))) for item in compile_schema(schema).broken(value)]


# --- Broken rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        ({"type": "string"}, 5, [("wrong_type", "$")]),
        ({"type": "integer"}, True, [("wrong_type", "$")]),
        ({"type": "integer"}, 1.0, []),
        ({"type": "string"}, None, [("null_not_allowed", "$")]),
        ({"enum": ["a", "b"]}, None, [("null_not_allowed", "$")]),
        ({"enum": ["a", None]}, None, []),
        ({"const": 1}, 2, [("not_in_enum", "$")]),
        ({"type": "string", "enum": ["a"], "minLength": 3}, 5, [("wrong_type", "$")]),
        ({"required": ["a", "b"]}, {}, [("missing_required", "$.a"), ("missing_required", "$.b")]),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"a": 1, "odd key": 2, "c": 3},
            [("extra_key", "$.c"), ("extra_key", '$["odd key"]')],
        ),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1}, [("extra_key", "$.b")]),
        ({"properties": {"a": False}}, {"a": 1}, [("extra_key", "$.a")]),
        ({"minimum": 3, "multipleOf": 2}, 1, [("schema_violation", "$"), ("schema_violation", "$")]),
        ({"pattern": "^[a-z]+$"}, "A1", [("schema_violation", "$")]),
        ({"format": "date"}, "tomorrow", []),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, None, [("null_not_allowed", "$")]),
        ({"anyOf": [{"type": "object", "required": ["a"]}, {"type": "null"}]}, {}, [("missing_required", "$.a")]),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, 3, [("schema_violation", "$")]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, [("missing_required", "$.b")]),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, [("missing_required", "$.b")]),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["x", 1], [("schema_violation", "$[1]")]),
        ({"not": {"type": "string"}}, "x", [("schema_violation", "$")]),
        ({"type": "object"}, {"\ud800": "\udfff"}, []),
        ({"propertyNames": {"pattern": "^x"}}, {"a": 1}, [("schema_violation", "$")]),
    ],
)
def test_broken_rules_are_named(schema: Json, value: Json, found: list[tuple[str, str]]) -> None:
    """Each rule that a value breaks is a finding of the right kind at the right path."""
    assert found == _found(schema, value)


def test_a_tag_decides_which_alternative_was_meant() -> None:
    """Of alternatives told apart by a constant, the one whose constant holds explains the rest."""
    schema = {
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "string"}}},
            {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "string"}}, "required": ["z", "y"]},
        ]
    }
    value = {"kind": "b", "x": 5}

    assert [("missing_required", "$.y"), ("missing_required", "$.z")] == _found(schema, value)


def test_findings_are_counted_past_the_cap() -> None:
    """Thousands of broken rules are listed up to a cap, and the rest are counted in one finding."""
    found = compile_schema({"items": {"type": "string"}}).broken(list(range(5_000)))

    assert MAX_LISTED + 1 == len(found)
    assert "4900 more broken rules" in found[-1].message


def test_large_values_are_not_copied_into_findings() -> None:
    """A finding holds a value short enough to be shown."""
    (found,) = compile_schema({"type": "integer"}).broken({"k": ["x" * 1000] * 1000})

    assert "object with 1 key" == found.actual


KEYS = st.sampled_from(["a", "b", "c"])
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
LEAVES = st.one_of(
    TYPES.map(lambda name: {"type": name}),
    st.lists(TYPES, min_size=2, max_size=3, unique=True).map(lambda names: {"type": names}),
    st.just({"enum": ["x", 1, None]}),
    st.just({"type": "integer", "minimum": 2}),
    st.just({"type": "string", "maxLength": 1}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda properties, required, closed: {
                "type": "object",
                "properties": properties,
                "required": required,
                **({"additionalProperties": False} if closed else {}),
            },
            st.dictionaries(KEYS, inner, max_size=3),
            st.lists(KEYS, unique=True, max_size=2),
            st.booleans(),
        ),
        inner.map(lambda items: {"type": "array", "items": items}),
        st.lists(inner, min_size=2, max_size=2).map(lambda either: {"anyOf": either}),
        st.lists(inner, min_size=2, max_size=2).map(lambda both: {"allOf": both}),
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from([1.5, "x", "yy", ""])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=400)
@given(SCHEMAS, VALUES)
def test_another_validator_agrees(schema: dict[str, Any], value: Json) -> None:
    """A value is broken exactly when the reference implementation in Python says so, and at the places it says."""
    reference = jsonschema.Draft202012Validator(schema)
    theirs = {_places(error) for error in reference.iter_errors(value)}
    ours = compile_schema(schema).broken(value)

    assert bool(theirs) is bool(ours)
    for item in ours:
        assert any(item.steps[: len(place)] == place for place in theirs)


def _places(error: jsonschema.ValidationError) -> tuple[str | int, ...]:
    return tuple(error.absolute_path)


# --- Schemas that cannot be used ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "path", "words"),
    [
        ({"type": "strin"}, "$.type", "invalid schema"),
        ({"properties": {"a": {"pattern": "("}}}, "$.properties.a.pattern", "invalid schema"),
        ({"required": "a"}, "$.required", "invalid schema"),
        ({"minimum": "1"}, "$.minimum", "invalid schema"),
        ({"$ref": "#/$defs/nowhere"}, "$", "does not exist"),
        ({"$schema": "https://example.com/mine"}, "$", "unknown `$schema`"),
        ([], "$", "a schema is an object or a boolean"),
        ("{}", "$", "a schema is an object or a boolean"),
        ({"$ref": "#"}, "$", "loop that never enters the value: # -> #"),
        ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "$", "loop"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, '$["$defs"].a', "loop"),
        ({"$ref": "https://example.com/s.json"}, '$["$ref"]', "remote $ref refused: https://example.com/s.json"),
        ({"items": {"$ref": "file:///etc/hostname"}}, '$.items["$ref"]', "remote $ref refused"),
        ({"$ref": "other.json#/a"}, '$["$ref"]', "remote $ref refused"),
        ({"$dynamicRef": "//example.com/x"}, '$["$dynamicRef"]', "remote $ref refused"),
    ],
)
def test_unusable_schemas_are_refused(schema: Json, path: str, words: str) -> None:
    """A schema that cannot judge anything is refused when it is read, with the place and the reason."""
    (problem,) = check_schema(schema)

    assert (path, False) == (problem.path, problem.lint)
    assert words in problem.message


@pytest.mark.parametrize("schema", [{}, True, {"title": "x"}, {"$defs": {"a": {"type": "string"}}}, {"minimum": -1e9}])
def test_schemas_that_accept_anything_are_suspicious(schema: Json) -> None:
    """A schema that lets everything through works, and is pointed out."""
    assert [True] == [problem.lint for problem in check_schema(schema)]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}},
        {"$id": "https://example.com/root", "$defs": {"x": {"$id": "x.json", "type": "string"}}, "$ref": "x.json"},
        {"$ref": "#word", "$defs": {"word": {"$anchor": "word", "type": "string"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"},
        {"$schema": "http://json-schema.org/schema#", "type": "string"},
        {"properties": {"$ref": {"type": "string"}}, "type": "object"},
        {"enum": [{"$ref": "http://example.com"}]},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string"}}},
    ],
)
def test_usable_schemas_pass(schema: Json) -> None:
    """References inside the document, older drafts and data that looks like a reference are all fine."""
    assert [] == check_schema(schema)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server that notes what is asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_fetched(listener: tuple[str, list[str]], tmp_path: Path) -> None:
    """Whatever a schema refers to, no request leaves and no file is read: neither when checked nor when compiled."""
    url, asked = listener
    file = tmp_path / "s.json"
    file.write_text("{}")
    for reference in (f"{url}/s.json", file.as_uri(), str(file)):
        schema = {"properties": {"a": {"$ref": reference}}}
        assert check_schema(schema)
        with pytest.raises(InventoryProblem, match="a schema cannot be used"):
            contract_for(flow_of("json", schema=schema))
        with pytest.raises(InventoryProblem, match="a schema cannot be used"):
            contract_for(flow_of(tools=[Tool("t", "", schema)]))

    assert [] == asked


# --- Slow on purpose ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 40 + "!"),
        ({"pattern": "^(a|a)*$"}, "a" * 5_000 + "!"),
        ({"pattern": "(x+x+)+y"}, "x" * 5_000),
        ({"pattern": r"^(a*)*\1$"}, "a" * 40 + "!"),
        ({"pattern": "^(?=a)(a+)+$"}, "a" * 40 + "!"),
        ({"uniqueItems": True}, [{"a": [index]} for index in range(3_000)]),
        ({"uniqueItems": True}, [{"a": [0]} for _ in range(3_000)]),
        ({"anyOf": [{"properties": {"a": {"anyOf": [{"type": "string"}] * 50}}}] * 50}, {"a": 1}),
        ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 40 + "!": 1}),
    ],
)
def test_no_schema_takes_long(schema: Json, value: Json) -> None:
    """Patterns and comparisons made to blow up are judged in CPU time that stays small."""
    contract = contract_for(flow_of("json", schema=schema))
    import json

    started = time.process_time()
    judge(contract, sample_of(1, json.dumps(value)))

    assert time.process_time() - started < 2.0


def test_a_pattern_that_gives_up_is_not_taken_for_a_match() -> None:
    """A pattern that needs too many steps counts as not matching, and says why."""
    (found,) = compile_schema({"pattern": r"^(a*)*\1$"}).broken("a" * 40 + "!")

    assert "too many steps" in found.message


@pytest.mark.parametrize(
    ("pattern", "text", "flags", "found"),
    [
        ("^R-[0-9]+$", "R-17", "", True),
        ("^R-[0-9]+$", "R-17\n", "", False),
        ("late", "LATE", "i", True),
        ("a.b", "a\nb", "s", True),
        ("^b$", "a\nb", "m", True),
        (r"^(?P<word>\w+)!$", "ab!", "", True),
        (r"x\Z", "x", "", True),
        ("^(?!.*sorry).*$", "fine", "", True),
        (r"^(a*)*\1$", "a" * 40 + "!", "", None),
        ("\ud83d", "\ud83d", "", None),
    ],
)
def test_patterns_speak_one_dialect(pattern: str, text: str, flags: str, found: bool | None) -> None:
    """Checks and rules read patterns as JSON Schema does; None is a pattern that gave up or cannot be used."""
    if found is None and check_pattern(pattern, flags):
        return
    assert found is matches(pattern, text, flags)


@pytest.mark.parametrize(("pattern", "flags"), [("(", ""), ("[z-a]", ""), ("a", "x"), ("(?P=n)", "")])
def test_unusable_patterns_are_refused(pattern: str, flags: str) -> None:
    """A pattern or flag that no engine takes is refused in words for the user."""
    assert "`" in (check_pattern(pattern, flags) or "")


def test_a_broken_schema_is_the_inventorys_problem() -> None:
    """A contract cannot be made of an invalid schema, and the error names the flow."""
    flow = flow_of("json", schema={"type": "strin"})

    with pytest.raises(InventoryProblem, match="flow refund: a schema cannot be used"):
        contract_of(flow, flow.prompt, ())


def test_a_schema_without_the_promise_of_json_judges_the_text() -> None:
    """A text flow with a schema fails rung 3 when its text holds no JSON, and has no rung 2."""
    contract = contract_for(flow_of("text", schema={"type": "object", "required": ["a"]}))
    plain, right = (judge(contract, sample_of(1, text)) for text in ("hello", '{"a": 1}'))

    assert (None, False, FindingKind.SCHEMA_VIOLATION) == (
        plain.rungs[Rung.PARSED],
        plain.rungs[Rung.SCHEMA],
        plain.findings[0].kind,
    )
    assert right.kept
