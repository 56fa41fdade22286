"""What well-known functions and methods of libraries give, without calling them."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from migrate.edges.scanning.python import texts
from migrate.edges.scanning.python.apis import CALLS, SAME_CLIENT, is_client
from migrate.edges.scanning.python.places import code
from migrate.edges.scanning.python.scopes import Scope
from migrate.edges.scanning.python.values import (
    Arguments,
    Class,
    Defaulted,
    External,
    Function,
    Hole,
    JinjaSource,
    Listing,
    Made,
    Member,
    Partial,
    Scalar,
    Spread,
    Table,
    Text,
    Unclear,
    Unknown,
    Value,
    as_json,
    doubted,
    either,
    in_text,
    options,
    plain,
    unknown,
)
from migrate.vocabulary import Json

if TYPE_CHECKING:
    from migrate.edges.scanning.python.reading import Reader

ENVIRONMENTS: Final = frozenset({"os.getenv", "os.environ.get", "decouple.config", "os.environ.setdefault"})
JINJA: Final = frozenset({"jinja2.Template", "jinja2.environment.Template", "jinja2.nativetypes.NativeTemplate"})
JINJA_LOADS: Final = frozenset({"from_string", "get_template", "select_template"})
DOLLARS: Final = frozenset({"string.Template"})
SAME: Final = frozenset({"typing.cast", "typing_extensions.cast", "copy.copy", "copy.deepcopy"})
DECLARED: Final = frozenset(
    {"Option", "Argument", "Query", "Body", "Header", "Form", "Cookie", "Field", "field", "ib", "attrib", "Path"}
)
"""What stands in the place of a default and holds it: typer's, FastAPI's, pydantic's, dataclasses'."""
INJECTED: Final = frozenset({"Depends", "Security"})
STREAMS: Final = frozenset({"builtins.open", "io.open", "codecs.open"})
CHANGES: Final = frozenset(
    {
        *("bind", "bind_tools", "bind_functions", "with_structured_output", "with_config", "with_retry"),
        *("with_fallbacks", "configurable_fields", "configurable_alternatives", "partial"),
    }
)
"""Methods that return a framework's language model changed."""
MOST_VALUES: Final = 5_000
"""Values taken from one configuration file."""
MOST_ALIASES: Final = 24
"""Aliases of one YAML file: three to a level, which is the worst, make 3^8 copies of one value and no more."""


@dataclass(frozen=True, slots=True)
class Calling:
    """One call that is being read."""

    reader: Reader
    arguments: Arguments
    node: ast.Call
    scope: Scope

    @property
    def written(self) -> str:
        """Return its code."""
        return code(self.node)


def called(callee: External, calling: Calling) -> Value:
    """Return what calling a library's name gives."""
    path, arguments = callee.path, calling.arguments
    if path in ENVIRONMENTS or path.endswith((".environ.get", "env.str", "env.get")):
        return environment(calling.reader, arguments)
    special = _FUNCTIONS.get(path)
    if special is not None:
        found = special(calling)
        if found is not None:
            return found
    if path in texts.DEDENTS and isinstance(text := arguments.get("text", 0), Text):
        return texts.reshaped(text, texts.DEDENTS[path])
    if path in SAME:
        return arguments.positional[-1] if arguments.positional else unknown(calling.written)
    if path not in CALLS and not is_client(path) and (client := same_client(arguments)) is not None:
        return client
    return Made(path, arguments, calling.node, calling.scope.module)


def same_client(arguments: Arguments) -> Value | None:
    """Return the client that a wrapper was given: it has the client's face."""
    for value in (*arguments.positional, *(value for _, value in arguments.named)):
        for option in options(value):
            if isinstance(option, Made) and is_client(option.of):
                return option
    return None


def environment(reader: Reader, arguments: Arguments) -> Value:
    """Return what an environment variable may hold: the code's default, and what files of the tree set it to."""
    name = plain(arguments.get("key", 0)) or plain(arguments.get("var"))
    default = arguments.get("default", 1)
    if name is None:
        return default if default is not None else unknown("os.environ")
    found = list(_set_in_files(reader, name))
    if default is not None and not (isinstance(default, Scalar) and default.value is None):
        found.insert(0, doubted(default, f"default of ${name}"))
    hole = Hole(f"${name}")
    return Defaulted(hole, either(found)) if found else Unknown(hole)


def _set_in_files(reader: Reader, name: str) -> Iterator[Value]:
    for value, spot in reader.environment.get(name, ()):
        yield Text((value,), spot, f"{name} in {spot.file}")


def declared(reader: Reader, value: Value) -> Value:
    """Return the default inside `Field(default=...)`, `Option(...)`, `Depends(...)`; other values as they are."""
    if not isinstance(value, Made):
        return value
    last = value.of.rpartition(".")[2]
    if last in INJECTED:
        provider = value.arguments.get("dependency", 0)
        found = reader.result(provider, Arguments()) if isinstance(provider, Function) else None
        if isinstance(provider, Class):
            found = reader.made(provider, None, {})
        return found or value
    if last not in DECLARED:
        return value
    factory = value.arguments.get("default_factory") or value.arguments.get("factory")
    if isinstance(factory, Function):
        return reader.result(factory, Arguments()) or unknown("default_factory()")
    return value.arguments.get("default", 0) or unknown(last)


def item(reader: Reader, owner: Value, key: Value, written: str) -> Value:
    """Return `owner[key]`."""
    match owner:
        case Defaulted():
            return item(reader, owner.value, key, written)
        case External(path="os.environ"):
            return environment(reader, Arguments((key,)))
        case Table():
            name = plain(key)
            if name is not None:
                return owner.get(name) or unknown(written)
            values = [value for entry, value in owner.entries if entry is not None]
            return either(doubted(value, f"one of {len(values)} entries") for value in values)
        case Listing() if isinstance(key, Scalar) and isinstance(key.value, int):
            at = key.value
            return owner.items[at] if -len(owner.items) <= at < len(owner.items) else unknown(written)
        case Class() if (name := plain(key)) is not None:
            return reader.attribute_of(owner, name, written)
    if isinstance(owner, Unknown | Member | Made):
        return Member(owner, (f"[{plain(key) or '...'}]",), written)
    return unknown(written)


# --- Methods ------------------------------------------------------------------------------------------------------


def method(member: Member, calling: Calling) -> Value:
    """Return what calling an attribute gives."""
    owner, name = member.owner, member.path[-1]
    alone = len(member.path) == 1
    if isinstance(owner, Text) and alone:
        return _text_method(owner, name, calling) or unknown(calling.written)
    if isinstance(owner, Table) and alone:
        return _table_method(owner, name, calling.arguments) or unknown(calling.written)
    if isinstance(owner, Listing) and name == "copy":
        return owner
    if isinstance(owner, Made):
        return _made_method(owner, member, calling)
    if name in SAME_CLIENT and isinstance(owner, Unknown):
        return owner
    return same_client(calling.arguments) or unknown(calling.written)


def _text_method(text: Text, name: str, calling: Calling) -> Value | None:
    arguments = calling.arguments
    if name == "read_text":
        return texts.file_text(calling.reader, text, calling.scope)
    if name == "open":
        return Made("builtins.open", Arguments((text,)))
    if name in ("joinpath", "with_name"):
        return texts.joined_path([text, *arguments.positional], "path")
    if name in texts.SHAPES:
        return texts.reshaped(text, texts.SHAPES[name])
    if name in ("resolve", "absolute", "expanduser", "as_posix", "encode", "decode"):
        return text
    fill = _FILLS.get(name)
    return fill(text, arguments) if fill is not None else None


def _from_mapping(arguments: Arguments) -> Arguments:
    table = arguments.get("mapping", 0)
    if not isinstance(table, Table):
        return Arguments()
    named = [(name, value) for key, value in table.entries if (name := plain(key)) is not None]
    return Arguments((), tuple(named))


def _table_method(table: Table, name: str, arguments: Arguments) -> Value | None:
    if name in ("copy", "items"):
        return table
    if name in ("get", "pop", "setdefault"):
        key, default = plain(arguments.get("key", 0)), arguments.get("default", 1)
        found = table.get(key) if key is not None else None
        if found is not None:
            return found
        if key is None:
            values = [value for entry, value in table.entries if entry is not None]
            found = either(doubted(value, f"one of {len(values)} entries") for value in values)
            return either([found, default]) if default is not None else found
        return default
    return None


def _made_method(owner: Made, member: Member, calling: Calling) -> Value:
    name, alone = member.path[-1], len(member.path) == 1
    if is_client(owner.of) and alone and name in SAME_CLIENT:
        return owner
    if name in CHANGES and alone:
        return replace(owner, later=(*owner.later, (name, calling.arguments)))
    found = _template_method(owner, name, calling)
    if found is not None:
        return found
    path = ".".join((owner.of, *member.path))
    if path.startswith("environs.") or path.endswith((".environ.get", ".env.str")):
        return environment(calling.reader, calling.arguments)
    return Made(path, calling.arguments, calling.node, calling.scope.module)


def _template_method(owner: Made, name: str, calling: Calling) -> Value | None:
    """Return the text that a template or a file gives; None when it is neither."""
    arguments = calling.arguments
    if owner.of in JINJA and name.startswith("render"):
        return _rendered(owner, arguments)
    if owner.of in DOLLARS and name in ("substitute", "safe_substitute"):
        text = owner.arguments.get("template", 0)
        return texts.substituted(text, arguments) if isinstance(text, Text) else unknown(calling.written)
    if owner.of in STREAMS and name in ("read", "readlines"):
        found = texts.file_text(calling.reader, owner.arguments.get("file", 0), calling.scope)
        return found or unknown(calling.written)
    if owner.of.startswith("jinja2.") and name in JINJA_LOADS:
        source = arguments.get("source" if name == "from_string" else "name", 0)
        if name != "from_string":
            source = texts.template_text(calling.reader, source, calling.scope)
        if source is None:
            return unknown(calling.written)
        return Made("jinja2.Template", Arguments((source,), owner.arguments.named), calling.node)
    return None


def _rendered(template: Made, arguments: Arguments) -> Value:
    source = plain(template.arguments.get("source", 0))
    if source is None:
        return unknown("render()")
    bound = dict(arguments.written)
    mapping = arguments.get("", 0)
    if isinstance(mapping, Table):
        bound |= {name: name for key, _ in mapping.entries if (name := plain(key)) is not None}
    # Jinja2 drops the last newline of a template unless it is told otherwise.
    keeps = template.arguments.get("keep_trailing_newline")
    if not (isinstance(keeps, Scalar) and keeps.value):
        source = source.removesuffix("\n")
    pairs = tuple((name, written) for name, written in bound.items() if name.isidentifier())
    return Text((JinjaSource(source, pairs),), getattr(template.arguments.get("source", 0), "spot", None))


# --- Functions ----------------------------------------------------------------------------------------------------


def _str(calling: Calling) -> Value | None:
    value = calling.arguments.get("object", 0)
    return None if value is None else in_text(value, calling.arguments.written.get("0", calling.written))


def _dict(calling: Calling) -> Value | None:
    base = calling.arguments.get("", 0)
    entries = list(base.entries) if isinstance(base, Table) else []
    entries += [(Text((name,)), value) for name, value in calling.arguments.named]
    entries += [(None, Spread(spread)) for spread in calling.arguments.spreads]
    return Table(tuple(entries))


def _list(calling: Calling) -> Value | None:
    value = calling.arguments.get("", 0)
    return value if isinstance(value, Listing | Unknown) else Listing(()) if value is None else None


def _getattr(calling: Calling) -> Value | None:
    arguments = calling.arguments
    owner, name, default = arguments.get("", 0), plain(arguments.get("", 1)), arguments.get("", 2)
    if owner is None or name is None:
        return default
    found = calling.reader.attribute_of(owner, name, calling.written)
    if default is not None and isinstance(found, Unknown | Member | External):
        return Defaulted(Hole(calling.written), doubted(default, f"default of `{calling.written}`"))
    return found


def _partial(calling: Calling) -> Value | None:
    arguments = calling.arguments
    if not arguments.positional:
        return None
    rest = replace(arguments, positional=arguments.positional[1:])
    shifted = {str(int(key) - 1) if key.isdecimal() else key: text for key, text in arguments.written.items()}
    return Partial(arguments.positional[0], replace(rest, written=shifted), calling.node)


def _path(calling: Calling) -> Value | None:
    return texts.joined_path(calling.arguments.positional, calling.written)


def _folder(calling: Calling) -> Value | None:
    value = calling.arguments.get("p", 0)
    return texts.folder_of(value) if isinstance(value, Text) else None


def _first(calling: Calling) -> Value | None:
    return calling.arguments.get("", 0)


def _resources(calling: Calling) -> Value | None:
    name = plain(calling.arguments.get("package", 0)) or plain(calling.arguments.get("anchor"))
    module = calling.reader.project.imported(name, 0, calling.scope.module) if name else None
    return None if module is None else Text((str(module.file.path.parent),))


def _dumps(calling: Calling) -> Value | None:
    indent = calling.arguments.get("indent")
    try:
        value = as_json(calling.arguments.get("obj", 0))
        width = indent.value if isinstance(indent, Scalar) and isinstance(indent.value, int) else None
        return Text((json.dumps(value, indent=width),))
    except (Unclear, TypeError, ValueError):
        return unknown(calling.arguments.written.get("0", calling.written))


def _loads(parse: Callable[[str], Json]) -> Callable[[Calling], Value | None]:
    def load(calling: Calling) -> Value | None:
        source = calling.arguments.get("", 0)
        if isinstance(source, Made) and source.of in STREAMS:
            source = texts.file_text(calling.reader, source.arguments.get("file", 0), calling.scope)
        text = plain(source)
        if text is None:
            return None
        try:
            return _value_of(parse(text), [0])
        except (ValueError, RecursionError, OverflowError):
            return None

    return load


def _yaml(text: str) -> Json:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Before anything is built: merge keys over aliases multiply while the loader works.
        if sum(type(event) is yaml.AliasEvent for event in yaml.parse(text, loader)) > MOST_ALIASES:
            raise ValueError("too many aliases")
        reader = loader(text)
        try:
            return reader.get_single_data()
        finally:
            reader.dispose()
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


def _value_of(found: Json, count: list[int]) -> Value:
    """Return parsed configuration as a value; raises ValueError when there is too much of it."""
    count[0] += 1
    if count[0] > MOST_VALUES:
        raise ValueError("too many values")
    if isinstance(found, str):
        return Text((found,) if found else (), doubt="a configuration file")
    if isinstance(found, Mapping):
        return Table(tuple((Text((str(key),)), _value_of(value, count)) for key, value in found.items()))
    if isinstance(found, list):
        return Listing(tuple(_value_of(value, count) for value in found))
    return Scalar(found) if isinstance(found, int | float | bool | None) else Text((str(found),))


_FILLS: Final[Mapping[str, Callable[[Text, Arguments], Value | None]]] = {
    "format": texts.formatted,
    "format_map": lambda text, arguments: texts.formatted(text, _from_mapping(arguments)),
    "replace": texts.replaced,
    "join": texts.joined_by,
}
_FUNCTIONS: Final[Mapping[str, Callable[[Calling], Value | None]]] = {
    "builtins.str": _str,
    "builtins.dict": _dict,
    "builtins.list": _list,
    "builtins.tuple": _list,
    "builtins.getattr": _getattr,
    "functools.partial": _partial,
    "pathlib.Path": _path,
    "pathlib.PurePath": _path,
    "os.path.join": _path,
    "os.path.dirname": _folder,
    "os.path.abspath": _first,
    "os.path.realpath": _first,
    "importlib.resources.files": _resources,
    "json.dumps": _dumps,
    "json.loads": _loads(json.loads),
    "json.load": _loads(json.loads),
    "tomllib.load": _loads(tomllib.loads),
    "tomllib.loads": _loads(tomllib.loads),
    "tomli.load": _loads(tomllib.loads),
    "yaml.safe_load": _loads(_yaml),
    "yaml.load": _loads(_yaml),
    "yaml.full_load": _loads(_yaml),
}
