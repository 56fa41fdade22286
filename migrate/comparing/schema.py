"""JSON Schema: compiled once, never fetched, and every broken rule of an answer with its exact path.

One engine (jsonschema-rs) gives the verdict and the explanation, so that the two cannot disagree; it runs patterns
without hanging and compares `uniqueItems` by hash. Formats are annotations, as the specification has them.
Draft 2020-12 holds unless `$schema` names another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias
from urllib.parse import unquote, urldefrag, urljoin

from migrate.canonical import canonical_json
from migrate.comparing.paths import ANSWER, Step, Steps, brief, said, value_at, write_path
from migrate.vocabulary import FindingKind, Json, JsonPath

if TYPE_CHECKING:
    import jsonschema_rs

MAX_LISTED: Final = 100
"""Broken rules listed for one answer; the rest are counted."""

_MAX_PLACES: Final = 10_000
"""Places a schema remembers its enums for; keys in answers are the model's to choose."""

_DRAFTS: Final = {
    "https://json-schema.org/draft/2020-12/schema": "Draft202012Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
    "http://json-schema.org/draft-06/schema": "Draft6Validator",
    "http://json-schema.org/draft-04/schema": "Draft4Validator",
    "http://json-schema.org/schema": "Draft202012Validator",  # "the newest": what inferring tools write
}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_Error: TypeAlias = "jsonschema_rs.ValidationError"


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule of a schema that a value breaks."""

    kind: FindingKind
    steps: Steps
    """Where, without the root; the key itself when it is missing or too many."""
    message: str
    expected: Json = None
    actual: Json = None
    rule: str = ""
    """Path of the rule inside the schema."""


class Schema:
    """A compiled schema; equal schemas share one."""

    __slots__ = ("_enums", "_validator", "source")

    def __init__(self, source: Json) -> None:
        self.source: Final = source
        self._validator: Final = _validator(source)
        self._enums: Final[dict[Steps, bool]] = {}

    def is_enum(self, steps: Steps) -> bool:
        """Return whether the schema lists the values allowed at the steps (`enum` or `const`), in any alternative."""
        pooled = tuple(step if isinstance(step, str) else None for step in steps)
        if pooled not in self._enums and len(self._enums) < _MAX_PLACES:
            found = _at(self.source, self.source, pooled, 0)
            self._enums[pooled] = any("enum" in schema or "const" in schema for schema in found)
        return self._enums.get(pooled, False)

    def broken(self, value: Json) -> tuple[Broken, ...]:
        """Return every broken rule, one finding a place and kind; empty when the value is valid."""
        try:
            if self._validator.is_valid(value):
                return ()
            errors = list(self._validator.iter_errors(value))
        except (ValueError, SystemError):  # text that is not Unicode: judged with replacement characters
            value = _printable(value)
            errors = list(self._validator.iter_errors(value))
        return _capped(_distinct(broken for error in errors for broken in _explained(error)))


def compile_schema(source: Json) -> Schema:
    """Return the compiled schema, the same object for equal schemas. Raises ValueError when it cannot be used."""
    return _compiled(canonical_json(source))


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Schema:
    import json

    return Schema(json.loads(text))


def _validator(source: Json) -> jsonschema_rs.Validator:
    import jsonschema_rs

    name, schema = "Draft202012Validator", source
    if isinstance(source, dict) and "$schema" in source:
        name = _DRAFTS.get(str(source["$schema"]).rstrip("#"), "")
        schema = {key: value for key, value in source.items() if key != "$schema"}
        if not name:
            raise ValueError(f"unknown `$schema`: {source['$schema']}")
    made: jsonschema_rs.Validator = getattr(jsonschema_rs, name)(
        schema, validate_formats=False, retriever=_refuse_to_fetch
    )
    return made


def _refuse_to_fetch(uri: str) -> NoReturn:
    raise ValueError(f"remote $ref refused: {uri}")


def _printable(value: Json) -> Json:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


# --- Explaining ---------------------------------------------------------------------------------------------


def _explained(error: _Error) -> Iterator[Broken]:
    """Turn one error of the engine into findings; a failed `anyOf` is explained by its most fitting branch."""
    kind: Any = error.kind
    at = tuple(error.instance_path)
    rule = "/".join(["#", *(str(part) for part in error.schema_path)])
    match _name(error):
        case "Required":
            words = f"required key {said(kind.property)} is missing"
            yield Broken(FindingKind.MISSING_REQUIRED, (*at, kind.property), words, rule=rule)
        case "Type":
            yield _wrong_type(at, list(kind.types), error.instance, rule)
        case "Enum":
            yield _not_allowed(at, list(kind.options), error.instance, rule)
        case "Constant":
            yield _not_allowed(at, [kind.expected_value], error.instance, rule)
        case "AdditionalProperties" | "UnevaluatedProperties":
            yield from (_extra_key((*at, key), error.instance, rule) for key in kind.unexpected)
        case "FalseSchema" if at and isinstance(at[-1], str):
            yield Broken(FindingKind.EXTRA_KEY, at, "key is not allowed here", None, brief(error.instance), rule)
        case "AnyOf" | "OneOfNotValid":
            yield from _best_branch(error, kind.context, rule)
        case "BacktrackLimitExceeded" | "RegexEngineFailure":
            words = "the pattern needs too many steps on this text: counted as not matching"
            yield Broken(FindingKind.SCHEMA_VIOLATION, at, words, None, brief(error.instance), rule)
        case _:
            words = str(brief(error.message.splitlines()[0] if error.message else "breaks the schema", 160))
            yield Broken(FindingKind.SCHEMA_VIOLATION, at, words, None, brief(error.instance), rule)


def _name(error: _Error) -> str:
    return type(error.kind).__name__.removeprefix("ValidationErrorKind_")


def _wrong_type(at: Steps, types: Sequence[str], actual: Json, rule: str) -> Broken:
    wanted = " or ".join(types)
    if actual is None:
        return Broken(FindingKind.NULL_NOT_ALLOWED, at, f"null where {wanted} is required", wanted, None, rule)
    words = f"{type_name(actual)} where {wanted} is required"
    return Broken(FindingKind.WRONG_TYPE, at, words, wanted, brief(actual), rule)


def _not_allowed(at: Steps, options: Sequence[Json], actual: Json, rule: str) -> Broken:
    if actual is None:
        words = f"null where one of {said(list(options))} is required"
        return Broken(FindingKind.NULL_NOT_ALLOWED, at, words, brief(list(options)), None, rule)
    words = f"{said(actual)} is not one of the allowed values"
    return Broken(FindingKind.NOT_IN_ENUM, at, words, brief(list(options)), brief(actual), rule)


def _extra_key(at: Steps, parent: Json, rule: str) -> Broken:
    words = f"key {said(at[-1])} is not in the schema"
    return Broken(FindingKind.EXTRA_KEY, at, words, None, brief(value_at(parent, at[-1:])), rule)


def type_name(value: Json) -> str:
    """Return the JSON type of a value, in the words of JSON Schema; a whole float is a number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _best_branch(error: _Error, branches: Sequence[Sequence[_Error]], rule: str) -> Iterator[Broken]:
    """Yield what is wrong by the branch that was most likely meant: right type, right tag, fewest errors, deepest."""
    at = tuple(error.instance_path)
    of_type = [branch for branch in branches if not any(_is_at(sub, at, "Type") for sub in branch)]
    if branches and not of_type:
        types = [name for branch in branches for sub in branch if _is_at(sub, at, "Type") for name in _types(sub)]
        yield _wrong_type(at, list(dict.fromkeys(types)), error.instance, rule)
        return
    if not of_type:
        words = "fits none of the alternatives"
        yield Broken(FindingKind.SCHEMA_VIOLATION, at, words, None, brief(error.instance), rule)
        return
    best = min(of_type, key=lambda branch: _misfit(branch, at))
    for sub in best:
        yield from _explained(sub)


def _is_at(error: _Error, at: Steps, name: str) -> bool:
    return tuple(error.instance_path) == at and _name(error) == name


def _types(error: _Error) -> list[str]:
    kind: Any = error.kind
    return list(kind.types)


def _misfit(branch: Sequence[_Error], at: Steps) -> tuple[int, int, int]:
    """Rank a branch: a wrong tag (`const` or `enum` one key down) weighs most, as unions are told apart by it."""
    tags = sum(_name(sub) in ("Constant", "Enum") and len(sub.instance_path) == len(at) + 1 for sub in branch)
    return tags, len(branch), -max((len(sub.instance_path) for sub in branch), default=0)


_CONSEQUENCES: Final = (FindingKind.NOT_IN_ENUM, FindingKind.SCHEMA_VIOLATION)
_CAUSES: Final = (FindingKind.WRONG_TYPE, FindingKind.NULL_NOT_ALLOWED)


def _distinct(found: Iterable[Broken]) -> list[Broken]:
    """Keep one finding a place and kind, and no consequence of a wrong type beside the wrong type itself."""
    unique: dict[tuple[Steps, FindingKind, str], Broken] = {}
    for broken in found:
        words = broken.message if broken.kind is FindingKind.SCHEMA_VIOLATION else ""
        unique.setdefault((broken.steps, broken.kind, words), broken)
    caused = {broken.steps for broken in unique.values() if broken.kind in _CAUSES}
    return [broken for broken in unique.values() if not (broken.kind in _CONSEQUENCES and broken.steps in caused)]


def _capped(found: list[Broken]) -> tuple[Broken, ...]:
    found.sort(key=lambda broken: (write_path((ANSWER, *broken.steps)), broken.kind.value, broken.message))
    if len(found) <= MAX_LISTED:
        return tuple(found)
    rest = Broken(FindingKind.SCHEMA_VIOLATION, (), f"{len(found) - MAX_LISTED} more broken rules are not listed")
    return (*found[:MAX_LISTED], rest)


# --- Checking a schema when the inventory is read -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One thing wrong with a schema itself."""

    message: str
    path: JsonPath
    """JSON path inside the schema."""
    hint: str = ""
    lint: bool = False
    """True when the schema works and is only suspicious."""


def check_schema(schema: Json) -> list[SchemaProblem]:
    """Return everything wrong with a schema: references that leave it, loops, invalid rules; then suspicious ones.

    Nothing is fetched and no file is read, whatever the schema says.
    """
    if not isinstance(schema, dict | bool):
        return [SchemaProblem(f"a schema is an object or a boolean, not {type_name(schema)}", JsonPath("$"))]
    try:
        problems = [*_foreign_references(schema), *_loops(schema)]
    except RecursionError:
        return [SchemaProblem("the schema is nested too deeply", JsonPath("$"))]
    if problems:
        return problems
    try:
        compiled = compile_schema(schema)
    except (ValueError, TypeError) as error:
        return [_uncompilable(error)]
    return list(_suspicious(compiled))


def _uncompilable(error: Exception) -> SchemaProblem:
    lines = str(error).splitlines() or ["cannot be compiled"]
    path = write_path((ANSWER, *getattr(error, "instance_path", ())))
    return SchemaProblem(f"invalid schema: {brief(lines[0])}", path)


_PROBES: Final[tuple[Json, ...]] = (None, True, 0, 1.5, "", "x", [], [None], {}, {"a": 1})


def _suspicious(compiled: Schema) -> Iterator[SchemaProblem]:
    if not any(compiled.broken(probe) for probe in _PROBES):
        hint = "say at least `type: object` and the required keys"
        yield SchemaProblem("the schema accepts anything", JsonPath("$"), hint, lint=True)


_NO_SCHEMA: Final = frozenset({"enum", "const", "default", "examples"})
_MAPS: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)


def _subschemas(schema: Json, at: Steps = (ANSWER,)) -> Iterator[tuple[Steps, dict[str, Json]]]:
    """Yield every schema object inside a schema with its path; data (`enum`, `default`) is not entered."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _subschemas(item, (*at, index))
    if not isinstance(schema, dict):
        return
    yield at, schema
    for key, value in schema.items():
        if key in _MAPS and isinstance(value, dict):
            for name, inner in value.items():
                yield from _subschemas(inner, (*at, key, name))
        elif key not in _NO_SCHEMA:
            yield from _subschemas(value, (*at, key))


def _references(schema: Json) -> Iterator[tuple[Steps, str]]:
    for at, inner in _subschemas(schema):
        for key in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(inner.get(key), str):
                yield (*at, key), inner[key]


def _foreign_references(schema: Json) -> Iterator[SchemaProblem]:
    base = str(schema.get("$id", "")) if isinstance(schema, dict) else ""
    own = {urldefrag(urljoin(base, inner["$id"]))[0] for _, inner in _subschemas(schema) if _has_id(inner)}
    for at, reference in _references(schema):
        if not reference.startswith("#") and urldefrag(urljoin(base, reference))[0] not in own:
            hint = "put the schema under `$defs` and refer to it as `#/$defs/name`: nothing is ever fetched"
            yield SchemaProblem(f"remote $ref refused: {brief(reference)}", write_path(at), hint)


def _has_id(schema: dict[str, Json]) -> bool:
    return isinstance(schema.get("$id"), str)


_IN_PLACE: Final = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")


def _loops(schema: Json) -> Iterator[SchemaProblem]:
    """Find references that come back to themselves without ever entering the value: they can never be judged."""
    if not isinstance(schema, dict):
        return
    settled: set[int] = set()
    for at, inner in _subschemas(schema):
        trail = _loop_from(schema, inner, ["#" + "".join(f"/{step}" for step in at[1:])], set(), settled)
        if trail:
            yield SchemaProblem(f"$ref loop that never enters the value: {' -> '.join(trail)}", write_path(at))
            return


def _loop_from(root: Json, schema: Json, trail: list[str], open_: set[int], settled: set[int]) -> list[str]:
    if not isinstance(schema, dict) or id(schema) in settled:
        return []
    if id(schema) in open_:
        return trail
    for name, inner in _in_place(root, schema):
        found = _loop_from(root, inner, [*trail, name], open_ | {id(schema)}, settled)
        if found:
            return found
    settled.add(id(schema))
    return []


def _in_place(root: Json, schema: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the schemas that judge the same value as this one does."""
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        yield reference, resolve(root, reference)
    for key in _IN_PLACE:
        inner = schema.get(key)
        for item in inner if isinstance(inner, list) else [inner]:
            yield key, item


def resolve(root: Json, reference: str) -> Json:
    """Return what a `#` or `#/...` reference points at inside the document; None for anchors and for nothing."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    here = root
    for part in unquote(reference[1:]).split("/")[1:]:
        step: Step = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, list) and str(step).isdigit():
            step = int(str(step))
        here = value_at(here, (step,))
    return here if isinstance(here, dict) else None


# --- What a schema says of one place ----------------------------------------------------------------------------


def _at(root: Json, schema: Json, steps: Steps, depth: int) -> Iterator[dict[str, Json]]:
    if not isinstance(schema, dict) or depth > 64:
        return
    for _, inner in _in_place(root, schema):
        yield from _at(root, inner, steps, depth + 1)
    if not steps:
        yield schema
    elif isinstance(steps[0], str):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from _at(root, properties.get(steps[0]), steps[1:], depth + 1)
    else:
        yield from _at(root, schema.get("items"), steps[1:], depth + 1)
