"""The published schema of prompt files and the loader say the same."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from migrate.edges.inventory import cases, chains, checks, flows, prompts, rules
from migrate.vocabulary import CheckKind, RuleKind

SCHEMA: Any = json.loads((Path(__file__).parents[2] / "migrate" / "schemas" / "prompt.schema.json").read_text("utf-8"))
TOP, DEFS = SCHEMA["properties"], SCHEMA["$defs"]


@pytest.mark.parametrize(
    ("keys", "schema"),
    [
        (flows.FLOW_KEYS, SCHEMA),
        ((*flows.VARIANT_KEYS, *chains.CHAIN_KEYS), TOP["variants"]["additionalProperties"]),
        (chains.STEP_KEYS, DEFS["step"]),
        (chains.CHUNK_KEYS, DEFS["step"]["properties"]["for_each"]["anyOf"][1]),
        (chains.RETRIEVE_KEYS, DEFS["step"]["properties"]["retrieve"]),
        (chains.WHEN_KEYS, DEFS["step"]["properties"]["when"]),
        (flows.TRAFFIC_KEYS, TOP["traffic"]),
        (flows.TOLERANCE_KEYS, TOP["tolerances"]),
        (prompts.PARAMETER_KEYS, TOP["modelParameters"]),
        (prompts.MESSAGE_KEYS, DEFS["message"]),
        (prompts.TOOL_KEYS, DEFS["tool"]["anyOf"][1]["properties"]["function"]),
        (("type", *prompts.TOOL_KEYS), DEFS["tool"]["anyOf"][0]),
        (cases.CASE_KEYS, DEFS["case"]),
        (checks.CHECK_KEYS, DEFS["check"]),
        (checks.EVALUATOR_KEYS, DEFS["evaluator"]),
        (tuple(checks.STRING_EVALUATORS), DEFS["evaluator"]["properties"]["string"]),
        (rules.RULE_KEYS, DEFS["rule"]["anyOf"][1]),
        *[
            (tuple(shape.keys), long_form)
            for kind, shape in checks.SHAPES.items()
            for long_form in [*DEFS["check"]["properties"][kind].get("anyOf", []), DEFS["check"]["properties"][kind]]
            if "properties" in long_form
        ],
    ],
)
def test_loader_and_schema_know_the_same_keys(keys: Collection[str], schema: Any) -> None:
    """A key the loader reads is in the schema, and the other way round."""
    assert {*keys} == {*schema["properties"]}
    assert schema["additionalProperties"] is False


def test_every_kind_of_check_and_rule_is_read() -> None:
    """The loader knows exactly the kinds the vocabulary has."""
    assert {*get_args(CheckKind)} == {*checks.SHAPES}
    assert {*get_args(RuleKind)} == {*rules.PLAIN, *rules.WITH_VALUE}


def test_the_schema_is_a_schema_with_a_sentence_for_every_key() -> None:
    """Editors show the descriptions: each key of a prompt file has one."""
    jsonschema_rs.meta.validate(SCHEMA)
    lacking = [key for key, schema in TOP.items() if "description" not in schema and "$ref" not in schema]
    lacking += [key for key, schema in DEFS["check"]["properties"].items() if "description" not in schema]
    assert [] == lacking
