"""Schemas drawn from pydantic models by reading them are those the SDK itself would send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib._pydantic import to_strict_json_schema
from source_trees import only

HEAD = """\
import datetime
import enum
import uuid
from datetime import date
from enum import Enum
from typing import Annotated, Any, ClassVar, Dict, List, Literal, Optional, Union
from pydantic import BaseModel, Field

class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"

class One(Enum):
    ONLY = 1

class Inner(BaseModel):
    "Inside."
    x: int
    colour: Colour = Colour.RED

class Leaf(BaseModel):
    value: str

class Tree(BaseModel):
    children: "list[Tree]"
    leaf: Leaf
"""
CALL = """
from openai import OpenAI
OpenAI().chat.completions.parse(model="gpt-4o", messages=[], response_format=Model)
"""

FIELDS = {
    "plain types": "a: str\nb: int\nc: float\nd: bool",
    "containers": "a: list[str]\nb: List[int]\nc: dict[str, int]\nd: Dict[str, Any]\ne: set[str]\nf: list[list[int]]",
    "none or": "a: Optional[str]\nb: str | None\nc: Optional[int] = None\nd: Union[int, str, None] = None\n"
    "e: None | str",
    "choices": 'a: Literal["x", "y"]\nb: Literal["only"]\nc: Literal[1, 2]\nd: Literal["x", 1]',
    "defaults": 'a: str = "x"\nb: int = 3\nc: list[str] = []\nd: float = -0.5\ne: bool = False',
    "fields": 'a: str = Field(description="What", min_length=1, max_length=9)\nb: int = Field(ge=0, lt=10)\n'
    'c: list[int] = Field(default_factory=list, min_length=1)\nd: str = Field(..., pattern="^x$")\n'
    "e: int = Field(3, gt=0, le=5)\nf: float = Field(multiple_of=0.5, examples=[1.5])",
    "annotated": 'a: Annotated[str, Field(description="What")]\nb: Annotated[int, Field(ge=1)] = 2',
    "dates": "a: date\nb: datetime.datetime\nc: datetime.time\nd: datetime.timedelta\ne: uuid.UUID",
    "an enumeration": "a: Colour\nb: Optional[Colour] = None\nc: list[Colour]\nd: One",
    "an enumeration described": 'a: Colour = Field(description="Which")',
    "a model": "a: Inner\nb: list[Inner]\nc: Inner | None = None\nd: dict[str, Inner]\n"
    'e: Inner = Field(description="D")',
    "anything": "a: Any\nb: dict\nc: list\nd: object",
    "a tree": "a: Tree",
    "itself": 'a: "Model | None" = None\nb: list["Model"] = []',
    "words": "first_name: str\nurl2: str\nisOpen: bool",
    "an alias": 'a: str = Field(alias="b c")',
    "a title": 'a: str = Field(title="The A")\nb: Inner = Field(title="The B")',
    "left out": 'a: int\n_private: str = "x"\nkinds: ClassVar[int] = 3',
    "a docstring": '"""What it is.\n\n    In two lines.\n    """\na: int',
}


def written(fields: str, extra: str = "") -> str:
    body = "\n".join(f"    {line}" if line.strip() else line for line in fields.split("\n"))
    return f"{HEAD}\n{extra}\nclass Model(BaseModel):\n{body}\n"


def drawn(folder: Path, code: str) -> Any:
    site = only(folder, code + CALL)
    assert "" == site.format.note
    return site.format.schema


def sent(code: str) -> Any:
    names: dict[str, Any] = {"__name__": "models"}
    exec(compile(code, "models.py", "exec"), names)
    names["Model"].model_rebuild(_types_namespace=names)
    return to_strict_json_schema(names["Model"])


@pytest.mark.parametrize("case", FIELDS)
def test_a_model_is_drawn_as_the_sdk_sends_it(case: str, tmp_path: Path) -> None:
    """Types, fields, enumerations, nesting and recursion: equal to `to_strict_json_schema`."""
    code = written(FIELDS[case])
    assert sent(code) == drawn(tmp_path, code)


def test_inherited_fields_come_first(tmp_path: Path) -> None:
    """Fields of the base classes, those written again in their first place."""
    code = written("b: str\nc: int", "class Base(BaseModel):\n    a: int\n    b: int\n").replace(
        "Model(BaseModel)", "Model(Base)"
    )
    assert sent(code) == drawn(tmp_path, code)
    assert ["a", "b", "c"] == list(drawn(tmp_path, code)["properties"])


def test_a_model_of_another_module_is_drawn(tmp_path: Path) -> None:
    """Classes are followed through imports."""
    (tmp_path / "models.py").write_text(written("a: Inner"))
    site = only(tmp_path, "from models import Model\n" + CALL)
    assert sent(written("a: Inner")) == site.format.schema


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("a: complex", "its type `complex` is not read"),
        ("a: Callable[[int], str]", "its type `Callable[[int], str]` is not read"),
        ("a: Elsewhere", "its type `Elsewhere` is not read"),
        ("a: str = make()", "`make()` is known at run time only"),
        ('a: Union[Inner, Leaf] = Field(discriminator="x")', "its Field says more than is read"),
    ],
)
def test_what_is_not_known_is_named_only(tmp_path: Path, field: str, why: str) -> None:
    """No schema is better than a wrong one: the field and its type are told."""
    site = only(tmp_path, written(field) + CALL)
    assert (None, "Model") == (site.format.schema, site.format.schema_name)
    assert f"the schema of Model is not drawn: field a of Model: {why}" == site.format.note


TYPES = st.recursive(
    st.sampled_from(["str", "int", "float", "bool", "Colour", "Inner", "date", 'Literal["a", "b"]', "Leaf"]),
    lambda inner: st.one_of(
        inner.map("list[{}]".format),
        inner.map("dict[str, {}]".format),
        inner.map("Optional[{}]".format),
        st.tuples(inner, inner).map(lambda pair: f"Union[{pair[0]}, {pair[1]}]"),
    ),
    max_leaves=4,
)


def unordered(schema: Any) -> Any:
    """Return a schema with its unions sorted: `typing` hands out the first of two equal unions it was asked for."""
    if isinstance(schema, list):
        return [unordered(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: unordered(value) for key, value in schema.items()}
    return (
        made | {"anyOf": sorted(made["anyOf"], key=lambda one: json.dumps(one, sort_keys=True))}
        if "anyOf" in made
        else made
    )


@settings(max_examples=60)
@given(st.lists(TYPES, min_size=1, max_size=4))
def test_any_nesting_is_drawn_as_the_sdk_sends_it(tmp_path_factory: pytest.TempPathFactory, types: list[str]) -> None:
    """Lists, mappings, unions and options of each other, as deep as they are written."""
    code = written("\n".join(f"f{number}: {kind}" for number, kind in enumerate(types)))
    assert unordered(sent(code)) == unordered(drawn(tmp_path_factory.mktemp("tree"), code))
