"""Pydantic models of the project as the JSON Schema that OpenAI's SDK would send for them.

The rules are those of pydantic 2 (`model_json_schema`) and of the SDK's strict form (`to_strict_json_schema`): every
property required, no others allowed, no default of None, and a reference with siblings written out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from migrate.edges.scanning.python import objects
from migrate.edges.scanning.python.places import code
from migrate.edges.scanning.python.scopes import Scope
from migrate.edges.scanning.python.values import (
    Arguments,
    Class,
    External,
    Made,
    Scalar,
    Text,
    Unclear,
    Value,
    as_json,
    plain,
    unknown,
)
from migrate.vocabulary import Json

if TYPE_CHECKING:
    from migrate.edges.scanning.python.reading import Reader

SIMPLE: Final[Mapping[str, dict[str, Json]]] = {
    "builtins.str": {"type": "string"},
    "builtins.int": {"type": "integer"},
    "builtins.float": {"type": "number"},
    "builtins.bool": {"type": "boolean"},
    "builtins.list": {"type": "array", "items": {}},
    "builtins.dict": {"type": "object", "additionalProperties": True},
    "typing.Any": {},
    "builtins.object": {},
    "datetime.date": {"type": "string", "format": "date"},
    "datetime.datetime": {"type": "string", "format": "date-time"},
    "datetime.time": {"type": "string", "format": "time"},
    "datetime.timedelta": {"type": "string", "format": "duration"},
    "uuid.UUID": {"type": "string", "format": "uuid"},
    "pydantic.EmailStr": {"type": "string", "format": "email"},
    "pydantic.HttpUrl": {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083},
    "pydantic.AnyUrl": {"type": "string", "format": "uri", "minLength": 1},
}
LISTS: Final = frozenset({"list", "List", "Sequence", "Iterable", "set", "Set", "frozenset", "FrozenSet", "deque"})
MAPPINGS: Final = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
SETS: Final = frozenset({"set", "Set", "frozenset", "FrozenSet"})
BOUNDS: Final = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf",
    "pattern": "pattern", "description": "description", "title": "title", "examples": "examples",
}  # fmt: skip
NULL: Final[dict[str, Json]] = {"type": "null"}
MOST_CLASSES: Final = 100
JSON_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


@dataclass(slots=True)
class Blueprint:
    """Draws the schema of one class, and of the classes it uses."""

    reader: Reader
    definitions: dict[str, Any] = field(default_factory=dict)
    drawn: dict[str, Class] = field(default_factory=dict)

    def strict(self, cls: Class) -> dict[str, Json]:
        """Return the schema as the SDK sends it; raises Unclear, saying which field is not known."""
        if not is_pydantic(self.reader, cls):
            raise Unclear(f"{cls.node.name} is no pydantic model")
        root = self._model(cls)
        name = cls.node.name
        if self._refers_to(root, name):
            self.definitions[name] = root
            root = {"$ref": f"#/$defs/{name}"}
        else:
            self.definitions.pop(name, None)
        whole = {**root, **({"$defs": self.definitions} if self.definitions else {})}
        made: dict[str, Json] = _strict(whole, whole)
        return made

    def _refers_to(self, value: Json, name: str) -> bool:
        text = repr((value, [schema for key, schema in self.definitions.items() if key != name]))
        return f"'#/$defs/{name}'" in text

    def _model(self, cls: Class) -> dict[str, Json]:
        name = cls.node.name
        if len(self.drawn) > MOST_CLASSES:
            raise Unclear("it uses too many classes")
        self.drawn[name] = cls
        schema: dict[str, Json] = {"title": name, "type": "object", "properties": {}}
        described = ast.get_docstring(cls.node)
        if described:
            schema["description"] = described
        for one, statement in _fields(self.reader, cls):
            key, value = self._field(one, statement)
            schema["properties"][key] = value
        return schema

    def _field(self, cls: Class, statement: ast.AnnAssign) -> tuple[str, Json]:
        assert isinstance(statement.target, ast.Name)
        name = statement.target.id
        try:
            schema = dict(self._type(statement.annotation, cls.scope))
            declared = self.reader.value(statement.value, cls.scope) if statement.value is not None else None
            key = name
            if isinstance(declared, Made) and declared.of.rpartition(".")[2] == "Field":
                schema |= _bounds(declared.arguments, schema)
                key = plain(declared.arguments.get("serialization_alias") or declared.arguments.get("alias")) or name
                declared = declared.arguments.get("default", 0)
            if declared is not None and not _is_ellipsis(declared):
                schema["default"] = as_json(declared)
        except Unclear as problem:
            raise Unclear(f"field {name} of {cls.node.name}: {problem}") from None
        if not _is_reference(schema):
            schema.setdefault("title", key.replace("_", " ").title())
        return key, schema

    # --- Types ----------------------------------------------------------------------------------------------

    def _type(self, node: ast.expr, scope: Scope, depth: int = 0) -> dict[str, Json]:
        if depth > 20:
            raise Unclear("its type is nested too deeply")
        match node:
            case ast.Constant(value=None):
                return dict(NULL)
            case ast.Constant(value=str(text)):
                return self._type(_parsed(text), scope, depth + 1)
            case ast.BinOp(op=ast.BitOr()):
                return self._union([node.left, node.right], scope, depth)
            case ast.Subscript():
                return self._generic(node, scope, depth)
            case ast.Name() | ast.Attribute():
                return self._plain(node, scope)
        raise Unclear(f"its type `{code(node)}` is not read")

    def _plain(self, node: ast.Name | ast.Attribute, scope: Scope) -> dict[str, Json]:
        found = self._named(node, scope)
        if isinstance(found, External):
            simple = SIMPLE.get(found.path.replace("typing_extensions.", "typing."))
            if simple is not None:
                return dict(simple)
        if isinstance(found, Class):
            return self._reference(found)
        raise Unclear(f"its type `{code(node)}` is not read")

    def _named(self, node: ast.expr, scope: Scope) -> Value:
        if isinstance(node, ast.Name):
            return self.reader.named(node.id, scope, {}, None)
        if isinstance(node, ast.Attribute):
            return self.reader.attribute_of(self._named(node.value, scope), node.attr, code(node))
        return unknown(code(node))

    def _reference(self, cls: Class) -> dict[str, Json]:
        name = cls.node.name
        if name in self.drawn and self.drawn[name].node is not cls.node:
            raise Unclear(f"two classes are called {name}")
        if name not in self.drawn:
            if objects.is_enum(self.reader, cls):
                self.drawn[name] = cls
                self.definitions[name] = self._enum(cls)
            elif is_pydantic(self.reader, cls):
                self.definitions[name] = self._model(cls)
            else:
                raise Unclear(f"its type {name} is no pydantic model")
        return {"$ref": f"#/$defs/{name}"}

    def _enum(self, cls: Class) -> dict[str, Json]:
        values = [
            as_json(self.reader.value(statement.value, cls.scope))
            for statement in cls.node.body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        ]
        described = ast.get_docstring(cls.node)
        return {
            "title": cls.node.name,
            **({"description": described} if described else {}),
            "enum": values,
            **_type_of(values),
        }

    def _generic(self, node: ast.Subscript, scope: Scope, depth: int) -> dict[str, Json]:
        name = code(node.value).rpartition(".")[2]
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            return _options([as_json(self.reader.value(part, scope)) for part in inner])
        if name == "Optional":
            return self._union([*inner, ast.Constant(None)], scope, depth)
        if name == "Union":
            return self._union(inner, scope, depth)
        if name == "Annotated":
            return self._annotated(inner, scope, depth)
        if name in LISTS:
            made = {"type": "array", "items": self._type(inner[0], scope, depth + 1)}
            return {**made, "uniqueItems": True} if name in SETS else made
        if name in MAPPINGS and len(inner) == 2:
            values = self._type(inner[1], scope, depth + 1)
            return {"type": "object", "additionalProperties": values or True}
        raise Unclear(f"its type `{code(node)}` is not read")

    def _annotated(self, inner: list[ast.expr], scope: Scope, depth: int) -> dict[str, Json]:
        schema = self._type(inner[0], scope, depth + 1)
        for part in inner[1:]:
            found = self.reader.value(part, scope)
            if isinstance(found, Made) and found.of.rpartition(".")[2] == "Field":
                schema = {**schema, **_bounds(found.arguments, schema)}
        return schema

    def _union(self, parts: list[ast.expr], scope: Scope, depth: int) -> dict[str, Json]:
        options: list[Json] = []
        for part in parts:
            made = self._type(part, scope, depth + 1)
            for option in made["anyOf"] if set(made) == {"anyOf"} else [made]:
                if option not in options:
                    options.append(option)
        # None comes last, wherever it is written.
        options.sort(key=lambda option: option == NULL)
        return options[0] if len(options) == 1 else {"anyOf": options}


def is_pydantic(reader: Reader, cls: Class) -> bool:
    """Return True for a class derived from pydantic's BaseModel."""
    found = [base for base in objects.bases(reader, cls) if isinstance(base, External)]
    return any(base.path.endswith(".BaseModel") for base in found)


def _fields(reader: Reader, cls: Class) -> Iterator[tuple[Class, ast.AnnAssign]]:
    """Yield the fields, those of the base classes first; a field written again keeps its first place."""
    found: dict[str, tuple[Class, ast.AnnAssign]] = {}
    for one in reversed(list(objects.lineage(reader, cls))):
        for statement in one.node.body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            name = statement.target.id
            if not name.startswith("_") and name != "model_config" and "ClassVar" not in code(statement.annotation):
                found[name] = (one, statement)
    yield from found.values()


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise Unclear(f"its type `{text[:40]}` is not read") from None


def _is_ellipsis(value: Value) -> bool:
    return not isinstance(value, Text | Scalar) and getattr(getattr(value, "hole", None), "expression", "") == "..."


def _bounds(arguments: Arguments, schema: Mapping[str, Json]) -> dict[str, Json]:
    """Return what `Field(...)` says of a value."""
    if arguments.get("discriminator") is not None or arguments.get("json_schema_extra") is not None:
        raise Unclear("its Field says more than is read")
    found = {BOUNDS[name]: as_json(value) for name, value in arguments.named if name in BOUNDS}
    suffix = "Items" if schema.get("type") == "array" else "Length"
    for name in ("min", "max"):
        value = arguments.get(f"{name}_length")
        if value is not None:
            found[f"{name}{suffix}"] = as_json(value)
    return found


def _is_reference(schema: Mapping[str, Json]) -> bool:
    """Return True for another model, or none: pydantic gives such a field no title of its own."""
    options = schema.get("anyOf", ())
    return "$ref" in schema or (len(options) == 2 and set(options[0]) == {"$ref"} and options[1] == NULL)


def _options(values: list[Json]) -> dict[str, Json]:
    return {**({"const": values[0]} if len(values) == 1 else {"enum": values}), **_type_of(values)}


def _type_of(values: list[Json]) -> dict[str, Json]:
    types = {JSON_TYPES.get(type(value)) for value in values}
    return {"type": types.pop()} if len(types) == 1 and None not in types else {}


def _strict(schema: Json, root: Mapping[str, Json]) -> Any:
    """Return a schema in the SDK's strict form."""
    if isinstance(schema, list):
        return [_strict(item, root) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema and len(schema) > 1:
        target = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _strict({**target, **rest}, root)
    made = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    for key in ("properties", "$defs"):
        if isinstance(made.get(key), dict):
            made[key] = {name: _strict(value, root) for name, value in made[key].items()}
    for key in ("items", "anyOf", "additionalProperties"):
        if key in made:
            made[key] = _strict(made[key], root)
    if made.get("type") == "object":
        made.setdefault("additionalProperties", False)
        if "properties" in made:
            made["required"] = list(made["properties"])
    return made
