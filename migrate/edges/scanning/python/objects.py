"""Classes of the project: what their attributes are, by class body, `__init__`, fields and annotations."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from migrate.edges.scanning.python import known, texts
from migrate.edges.scanning.python.apis import CALLS, OTHER_VENDORS, is_client, owner_of
from migrate.edges.scanning.python.scopes import Attribute, FunctionNode, Scope, chain_of, parameters
from migrate.edges.scanning.python.values import (
    Arguments,
    Class,
    Defaulted,
    Either,
    External,
    Function,
    Given,
    Hole,
    Instance,
    Listing,
    Made,
    Member,
    Package,
    Scalar,
    Spread,
    Table,
    Text,
    Unknown,
    Value,
    doubted,
    either,
    options,
    plain,
    unknown,
)

if TYPE_CHECKING:
    from migrate.edges.scanning.python.modules import Module
    from migrate.edges.scanning.python.reading import Reader

MOST_BASES: Final = 20
DATA_BASES: Final = frozenset(
    {"BaseModel", "BaseSettings", "NamedTuple", "TypedDict", "Struct", "SQLModel", "RootModel"}
)
DATA_DECORATORS: Final = frozenset({"dataclass", "define", "frozen", "attrs", "s", "mutable"})
WRAPPED_TYPES: Final = frozenset({"Optional", "Annotated", "Union", "ClassVar", "Final", "Required", "NotRequired"})
NAMESPACES: Final = frozenset({"types.SimpleNamespace", "argparse.Namespace"})


def attribute(reader: Reader, owner: Value, name: str, written: str) -> Value:
    """Return `owner.name`."""
    match owner:
        case Either():
            return either(attribute(reader, option, name, written) for option in owner.options)
        case Defaulted():
            return attribute(reader, owner.value, name, written)
        case Package():
            found = reader.in_module(owner.module, name)
            if found is None:
                inner = _submodule(reader, owner, name)
                return Package(inner) if inner is not None else unknown(written)
            return found
        case External():
            return External(f"{owner.path}.{name}")
        case Class():
            return _of_class(reader, owner, name, owner, written) or Member(owner, (name,), written)
        case Instance():
            return _of_instance(reader, owner, name, written)
        case Made():
            return _of_made(reader, owner, name, written)
        case Member():
            return Member(owner.owner, (*owner.path, name), written)
        case Text():
            return _of_text(owner, name, written)
        case Table():
            found = owner.get(name) if name not in dir(dict) else None
            return found or Member(owner, (name,), written)
    return Member(owner, (name,), written)


def _submodule(reader: Reader, package: Package, name: str) -> Module | None:
    module = package.module
    return reader.project.imported(name, 1, module) if module.file.path.name == "__init__.py" else None


def _of_text(text: Text, name: str, written: str) -> Value:
    if name == "value":
        return text
    if name == "parent" and plain(text) is not None:
        return texts.folder_of(text)
    return Member(text, (name,), written)


def _of_made(reader: Reader, owner: Made, name: str, written: str) -> Value:
    if owner.of in NAMESPACES:
        return owner.arguments.get(name) or Member(owner, (name,), written)
    if owner.of.startswith("argparse.") and owner.of.endswith("parse_args"):
        found = _argument_default(reader, owner, name)
        if found is not None:
            return Defaulted(Hole(written), doubted(found, f"default of --{name.replace('_', '-')}"))
    return Member(owner, (name,), written)


def _argument_default(reader: Reader, owner: Made, name: str) -> Value | None:
    """Return the default that the module's `add_argument("--name", default=...)` gives."""
    if owner.module is None:
        return None
    for call, scope in owner.module.found.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
            arguments = reader.arguments(call, scope)
            names = [plain(value) or "" for value in arguments.positional]
            target = plain(arguments.get("dest"))
            if target == name or (target is None and name in {_destination(text) for text in names}):
                return arguments.get("default")
    return None


def _destination(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


# --- Classes ------------------------------------------------------------------------------------------------------


def bases(reader: Reader, cls: Class) -> Iterator[Value]:
    """Yield what a class is derived from, nearest first."""
    queue: list[Value] = [cls]
    seen = 0
    while queue and seen < MOST_BASES:
        current = queue.pop(0)
        seen += 1
        if current is not cls:
            yield current
        if isinstance(current, Class):
            outside = current.scope.parent or current.scope
            for base in current.node.bases:
                inner = base.value if isinstance(base, ast.Subscript) else base
                queue += options(reader.value(inner, outside))


def lineage(reader: Reader, cls: Class) -> Iterator[Class]:
    """Yield a class and those of the project it is derived from."""
    yield cls
    for base in bases(reader, cls):
        if isinstance(base, Class):
            yield base


def above(reader: Reader, scope: Scope) -> Value | None:
    """Return what `super()` stands for in a method: an object of the project's class above; None: a library's."""
    home: Scope | None = scope
    while home is not None and home.in_class is None:
        home = home.parent
    cls = home.in_class if home is not None else None
    if cls is None or not isinstance(cls.node, ast.ClassDef):
        return None
    parents = [one for one in lineage(reader, Class(cls.node, cls)) if one.node is not cls.node]
    return Instance(parents[0]) if parents else None


def is_enum(reader: Reader, cls: Class) -> bool:
    """Return True for an enumeration."""
    return any(isinstance(base, External) and owner_of(base.path) in ("enum", "strenum") for base in bases(reader, cls))


def is_data(reader: Reader, cls: Class) -> bool:
    """Return True for a class whose constructor takes its fields: a dataclass, pydantic's, a named tuple."""
    for one in lineage(reader, cls):
        names = {_last(decorator) for decorator in one.node.decorator_list}
        if names & DATA_DECORATORS:
            return True
    return any(isinstance(base, External) and base.path.rpartition(".")[2] in DATA_BASES for base in bases(reader, cls))


def _last(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _of_class(reader: Reader, cls: Class, name: str, owner: Value, written: str) -> Value | None:
    for one in lineage(reader, cls):
        bindings = one.scope.bindings.get(name)
        if not bindings:
            continue
        binding = bindings[-1]
        if binding.way == "definition":
            return _method(reader, reader.defined(binding.statement, one.scope, {}), owner)
        if binding.way == "annotated":
            annotation = binding.node
            found = of_annotation(reader, annotation, one.scope) if isinstance(annotation, ast.expr) else None
            return found or _field_value(reader, one, name, None, written)
        value = known.declared(reader, reader.named(name, one.scope, {}, None))
        return _field_value(reader, one, name, value, written) if is_data(reader, cls) else value
    return None


def _method(reader: Reader, found: Value, owner: Value) -> Value:
    if not isinstance(found, Function):
        return found
    node = found.node
    decorators = {_last(decorator) for decorator in node.decorator_list} if isinstance(node, FunctionNode) else set()
    if "staticmethod" in decorators:
        return found
    bound = Function(node, found.scope, owner if isinstance(owner, Instance) or "classmethod" in decorators else None)
    if decorators & {"property", "cached_property"} and isinstance(owner, Instance):
        return reader.result(bound, Arguments()) or unknown(found.scope.name)
    return bound


def _field_value(reader: Reader, cls: Class, name: str, value: Value | None, written: str) -> Value | None:
    """Return a field: its default, and what environment files say where the class reads its fields from there."""
    found = list(_from_environment(reader, cls, name))
    if value is not None and not isinstance(value, Unknown) and not (isinstance(value, Scalar) and value.value is None):
        found.insert(0, doubted(value, f"default of {cls.node.name}.{name}"))
    if not found:
        return None
    return Defaulted(Hole(written), either(found))


def _from_environment(reader: Reader, cls: Class, name: str) -> Iterator[Value]:
    settings = any(isinstance(base, External) and base.path.endswith("BaseSettings") for base in bases(reader, cls))
    if settings:
        variable = f"{_environment_prefix(reader, cls)}{name}".upper()
        for value, spot in reader.environment.get(variable, ()):
            yield Text((value,), spot, f"{variable} in {spot.file}")


def _environment_prefix(reader: Reader, cls: Class) -> str:
    configured = reader.named("model_config", cls.scope, {}, None) if "model_config" in cls.scope.bindings else None
    if isinstance(configured, Made):
        return plain(configured.arguments.get("env_prefix")) or ""
    if isinstance(configured, Table):
        return plain(configured.get("env_prefix")) or ""
    inner = cls.scope.bindings.get("Config")
    if inner and isinstance(inner[-1].statement, ast.ClassDef):
        scope = cls.scope.module.found.scope_of[inner[-1].statement]
        return plain(reader.named("env_prefix", scope, {}, None)) or "" if "env_prefix" in scope.bindings else ""
    return ""


# --- Objects ------------------------------------------------------------------------------------------------------


def _of_instance(reader: Reader, instance: Instance, name: str, written: str) -> Value:
    cls = instance.of
    if instance.arguments is not None and is_data(reader, cls):
        given = instance.arguments.get(name, _position(cls, name))
        if given is not None:
            return given
    for one in lineage(reader, cls):
        places = one.scope.attributes.get(name)
        if places:
            found = _assigned(reader, instance, one, name, written)
            if found is not None:
                return found
    return _of_class(reader, cls, name, instance, written) or Member(instance, (name,), written)


def deep_attribute(reader: Reader, node: ast.Attribute, scope: Scope, given: Given) -> Value | None:
    """Return what methods give `self.config.model`, which is no attribute of the object itself; None: nothing."""
    chain = chain_of(node)
    method = scope.function
    home = method.in_class if method is not None else None
    if chain is None or len(chain) < 3 or method is None or home is None or ".".join(chain[1:]) not in home.attributes:
        return None
    owner = reader.named(chain[0], scope, given, node)
    if not isinstance(owner, Instance) or owner.of.node is not home.node:
        return None
    found = _assigned(reader, owner, owner.of, ".".join(chain[1:]), ".".join(chain))
    if found is None or isinstance(found, Unknown):
        return None
    return doubted(found, f"`{'.'.join(chain)}` may be configured otherwise")


def _position(cls: Class, name: str) -> int | None:
    fields = [
        statement.target.id
        for statement in cls.node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
    return fields.index(name) if name in fields else None


def _assigned(reader: Reader, instance: Instance, cls: Class, name: str, written: str) -> Value | None:
    """Return what the methods of a class give one attribute; lists that grow elsewhere stay open."""
    places = cls.scope.attributes[name]
    key = (cls.scope.module.file.shown, cls.node.lineno, name)
    if key in reader.active:
        return unknown(written)
    reader.active.append(key)
    try:
        found = [_place_value(reader, instance, place, written) for place in places if place.change is None]
    finally:
        reader.active.pop()
    known_values = [value for value in found if value is not None and not _is_nothing(value)]
    if not known_values:
        return None
    value = either(known_values)
    if isinstance(value, Listing) and any(place.change is not None for place in places):
        return Listing((*value.items, Spread(unknown(written))))
    return value


def _place_value(reader: Reader, instance: Instance, place: Attribute, written: str) -> Value | None:
    annotated = of_annotation(reader, place.annotation, place.method) if place.annotation is not None else None
    if place.value is None:
        return annotated
    given: Given = {place.method: {_self_name(place.method): instance}}
    node = place.method.node
    if instance.arguments is not None and isinstance(node, FunctionNode) and node.name == "__init__":
        given = reader.bound(Function(node, place.method, instance, instance.made_with), instance.arguments)
    found = reader.value(place.value, place.method, given)
    if isinstance(found, Unknown) and not found.hole.parameter:
        return annotated or unknown(written)
    return found


def _self_name(method: Scope) -> str:
    node = method.node
    assert isinstance(node, FunctionNode)
    return next(iter([*node.args.posonlyargs, *node.args.args])).arg


def _is_nothing(value: Value) -> bool:
    return isinstance(value, Scalar) and value.value is None


# --- Annotations --------------------------------------------------------------------------------------------------


def of_annotation(reader: Reader, node: ast.AST | None, scope: Scope, depth: int = 0) -> Value | None:
    """Return the client, or the object of a class of the project, that an annotation promises."""
    if depth > 8 or node is None:
        return None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        found = of_annotation(reader, node.left, scope, depth + 1)
        return found or of_annotation(reader, node.right, scope, depth + 1)
    if isinstance(node, ast.Subscript):
        return _of_generic(reader, node, scope, depth)
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    alias = _alias(reader, node, scope) if isinstance(node, ast.Name) else None
    if alias is not None:
        return of_annotation(reader, alias[0], alias[1], depth + 1)
    return _promised(reader, node, scope)


def _alias(reader: Reader, node: ast.Name, scope: Scope) -> tuple[ast.expr, Scope] | None:
    """Return the type that a name of a module stands for: `Client = Annotated[OpenAI, Depends(...)]`."""
    top = scope.module.scope
    bindings = top.bindings.get(node.id, [])
    if len(bindings) != 1:
        return None
    binding = bindings[0]
    if binding.way == "value" and isinstance(binding.value, ast.Subscript | ast.BinOp):
        return binding.value, top
    if isinstance(binding.statement, ast.ImportFrom) and isinstance(binding.node, ast.alias):
        statement = binding.statement
        module = reader.project.imported(statement.module or "", statement.level, scope.module)
        if module is not None and module is not scope.module:
            return _alias(reader, ast.Name(binding.node.name), module.scope)
    return None


def _of_generic(reader: Reader, node: ast.Subscript, scope: Scope, depth: int) -> Value | None:
    if _last(node.value) not in WRAPPED_TYPES | {"AsyncIterator", "Iterator", "Generator", "AsyncGenerator"}:
        return None
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for part in inner:
        found = of_annotation(reader, part, scope, depth + 1)
        if found is None and isinstance(part, ast.Call):
            value = reader.value(part, scope)
            declared = known.declared(reader, value)
            found = declared if declared is not value and isinstance(declared, Made | Instance) else None
        if found is not None:
            return found
    return None


def _promised(reader: Reader, node: ast.Name | ast.Attribute, scope: Scope) -> Value | None:
    for option in options(_outside_name(reader, node, scope)):
        if isinstance(option, External):
            if is_client(option.path) or option.path in CALLS or owner_of(option.path) in OTHER_VENDORS:
                return Made(option.path, Arguments())
        elif isinstance(option, Class) and not is_enum(reader, option):
            return Instance(option)
    return None


def _outside_name(reader: Reader, node: ast.Name | ast.Attribute, scope: Scope) -> Value:
    """Return what the name in an annotation means; it is looked up where everything has run."""
    if isinstance(node, ast.Name):
        return reader.named(node.id, scope, {}, None)
    if isinstance(node.value, ast.Name | ast.Attribute):
        return attribute(reader, _outside_name(reader, node.value, scope), node.attr, "")
    return unknown("...")


def annotation_of(reader: Reader, name: str, scope: Scope) -> Value | None:
    """Return what a parameter's annotation promises."""
    node = scope.node
    if not isinstance(node, FunctionNode):
        return None
    for argument in parameters(node.args):
        if argument.arg == name and argument.annotation is not None:
            return of_annotation(reader, argument.annotation, scope.parent or scope)
    return None


def option_default(reader: Reader, name: str, scope: Scope) -> Value | None:
    """Return the default that a decorator `@click.option("--name", default=...)` gives a parameter."""
    node = scope.node
    if not isinstance(node, FunctionNode):
        return None
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and _last(decorator) in ("option", "argument"):
            arguments = reader.arguments(decorator, scope.parent or scope)
            names = {_destination(plain(value) or "") for value in arguments.positional}
            if name in names and (default := arguments.get("default")) is not None:
                return default
    return None
