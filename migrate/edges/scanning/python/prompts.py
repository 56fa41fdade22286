"""What a call asks, from the values of its arguments: messages, form of the answer, tools, parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from migrate.edges.scanning.names import is_model
from migrate.edges.scanning.nouns import Format, FormatName, Message, ModelUse, Sure, ToolUse
from migrate.edges.scanning.python.apis import NOT_PARAMETERS, Api
from migrate.edges.scanning.python.schemas import Blueprint
from migrate.edges.scanning.python.values import (
    Arguments,
    Class,
    Defaulted,
    Either,
    External,
    Function,
    Hole,
    Instance,
    Listing,
    Made,
    Member,
    Parameter,
    Partial,
    Scalar,
    Spread,
    Table,
    Text,
    Unclear,
    Unknown,
    Value,
    as_json,
    in_text,
    options,
    plain,
    undefaulted,
    unknown,
)
from migrate.edges.scanning.templates import Variables
from migrate.vocabulary import Json

if TYPE_CHECKING:
    from migrate.edges.scanning.python.reading import Reader

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
ROLE_OF_CLASS: Final = {
    **dict.fromkeys(("SystemMessage", "ChatCompletionSystemMessageParam", "SystemMessagePromptTemplate"), "system"),
    **dict.fromkeys(("DeveloperMessage", "ChatCompletionDeveloperMessageParam"), "developer"),
    **dict.fromkeys(("HumanMessage", "UserMessage", "ChatCompletionUserMessageParam"), "user"),
    **dict.fromkeys(("AIMessage", "AssistantMessage", "ChatCompletionAssistantMessageParam"), "assistant"),
    "HumanMessagePromptTemplate": "user",
    "AIMessagePromptTemplate": "assistant",
    "ToolMessage": "tool",
}
ROLE_NAMES: Final = {"human": "user", "ai": "assistant", **{role: role for role in ROLES}}
LONGEST_NAME: Final = 60
_SEVERAL: Final = re.compile(r"(?i)message|histor|turns|conversation|items|inputs|chat|thread|list|\[")
"""Code that speaks of several messages, where a text would do too."""


@dataclass(slots=True)
class Wording:
    """The messages of one call while they are read."""

    takes_text: bool = False
    """True when a text alone may stand for all messages."""
    variables: Variables = field(default_factory=Variables)
    messages: list[Message] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wanted: set[Parameter] = field(default_factory=set)
    """Parameters that are a whole message, or hold all of them."""

    def note(self, text: str) -> None:
        """Note something once."""
        if text not in self.notes:
            self.notes.append(text)

    def system(self, value: Value | None, written: str) -> None:
        """Add standing instructions."""
        value = _nothing(value)
        if value is None:
            return
        if isinstance(value, Function):
            self.note(f"its instructions are made by the function {getattr(value.node, 'name', 'lambda')}")
            return
        self._message("system", value, written)

    def add(self, value: Value | None, written: str) -> None:
        """Add the messages that a value holds."""
        value = _nothing(value)
        if value is None:
            return
        if isinstance(value, Either):
            self.note(f"the messages are one of {len(value.options)} by branch: the fullest is taken")
            value = max(value.options, key=_fullness)
        match value:
            case Defaulted() if not isinstance(undefaulted(value), Listing | Text):
                self._turns(value, written)
            case Defaulted():
                self.add(value.value, written)
            case Listing():
                for item in value.items:
                    self._item(item, written)
            case Text():
                self._message("user", value, written)
            case _ if self.takes_text and not _SEVERAL.search(_code_of(value, written)):
                self._message("user", value, written)
            case _:
                self._turns(value, written)

    def _item(self, item: Value, written: str) -> None:
        match item:
            case Spread():
                inner = undefaulted(item.value)
                if isinstance(inner, Listing):
                    self.add(inner, written)
                else:
                    self._turns(item.value, written)
            case Table():
                self._from_table(item)
            case Made():
                self._from_class(item, written)
            case Instance() if item.arguments is not None and item.arguments.get("content") is not None:
                self._from_arguments(item.arguments, "")
            case Listing() if len(item.items) == 2 and plain(item.items[0]):
                self._pair(plain(item.items[0]) or "", item.items[1])
            case Text():
                self._message("user", item, written)
            case Either():
                self.note("a message differs by branch: the fullest is taken")
                self._item(max(item.options, key=_fullness), written)
            case Defaulted():
                self._item(item.value, written)
            case _:
                self._turns(item, written)

    def _from_table(self, table: Table) -> None:
        content = table.get("content")
        if content is None:
            kind = plain(table.get("type"))
            self.note(f"an item of type {kind} is left out" if kind else "a message without content is left out")
            return
        self._role_message(table.get("role"), content)

    def _role_message(self, role: Value | None, content: Value) -> None:
        name = ROLE_NAMES.get((plain(role) or "").lower())
        if name is None:
            self.note("the role of a message is known at run time only: user is taken")
        self._message(name or "user", content, "content")

    def _from_class(self, made: Made, written: str) -> None:
        last = made.of.rpartition(".")[2]
        owner = made.of.split(".")[-2] if "." in made.of else ""
        if last == "MessagesPlaceholder":
            name = plain(made.arguments.get("variable_name", 0)) or "messages"
            self._turns(unknown(name), name)
        elif last == "from_template" and owner in ROLE_OF_CLASS:
            self._message(ROLE_OF_CLASS[owner], _braced(made.arguments.get("template", 0)), "template")
        elif last in ROLE_OF_CLASS or last in ("ChatMessage", "Message", "EasyInputMessageParam"):
            self._from_arguments(made.arguments, ROLE_OF_CLASS.get(last, ""))
        else:
            self._turns(made, written)

    def _from_arguments(self, arguments: Arguments, role: str) -> None:
        content = arguments.get("content", 0)
        if content is None:
            self.note("a message without content is left out")
        elif role:
            self._message(role, content, arguments.written.get("content", "content"))
        else:
            self._role_message(arguments.get("role"), content)

    def _pair(self, role: str, content: Value) -> None:
        if role == "placeholder":
            name = (plain(content) or "messages").strip("{}")
            self._turns(unknown(name), name)
        else:
            self._message(ROLE_NAMES.get(role, "user"), _braced(content), "content")

    def _turns(self, value: Value, written: str) -> None:
        hole = in_text(value, written).parts
        first = hole[0] if hole and isinstance(hole[0], Hole) else Hole(written)
        if first.parameter is not None:
            self.wanted.add(first.parameter)
        self.messages.append(Message("", turns=self.variables.of(first, turns=True)))

    def _message(self, role: str, value: Value, written: str) -> None:
        content = self._content(value, written)
        if content is None or content == "":
            self.note("a message without content is left out")
        else:
            self.messages.append(Message(role, content))

    def _content(self, value: Value, written: str) -> Json:
        if isinstance(value, Either):
            self.note(f"a text is one of {len(value.options)} by branch: the longest is taken")
            value = max(value.options, key=_fullness)
        if isinstance(value, Defaulted):
            default = plain(value)
            if default is None or not any(char.isspace() for char in default):
                return self._text(in_text(value, written))
            self.note(f"a text is the default of `{value.hole.expression}`")
            if value.hole.parameter is not None:
                self.wanted.add(value.hole.parameter)
            value = value.value
        if isinstance(value, Listing):
            return [self._part(item) for item in value.items if not isinstance(item, Spread)] or None
        if isinstance(value, Scalar) and value.value is None:
            return None
        return self._text(in_text(value, written))

    def _part(self, value: Value) -> Json:
        """Return a content part: its texts are templates."""
        value = undefaulted(value) or value
        match value:
            case Table():
                return {plain(key) or "": self._part(item) for key, item in value.entries if plain(key)}
            case Listing():
                return [self._part(item) for item in value.items]
            case Scalar():
                return value.value
        return self._text(in_text(value, "part"))

    def _text(self, text: Text) -> str:
        only = text.parts[0] if len(text.parts) == 1 else None
        if isinstance(only, Hole) and only.parameter is not None:
            self.wanted.add(only.parameter)
        return self.variables.template(text)


def _code_of(value: Value, written: str) -> str:
    part = in_text(value, written).parts[0]
    return part.expression if isinstance(part, Hole) else written


def _fullness(value: Value) -> int:
    return len(repr(value)) if isinstance(value, Listing | Text | Table | Defaulted) else 0


def _nothing(value: Value | None) -> Value | None:
    """Return None for what the code leaves out: None, or the SDK's word for it."""
    if isinstance(value, Scalar) and value.value is None:
        return None
    if isinstance(value, External | Made) and is_omitted(value):
        return None
    return value


def is_omitted(value: Value) -> bool:
    """Return True for the SDK's NOT_GIVEN and omit."""
    path = value.path if isinstance(value, External) else value.of if isinstance(value, Made) else ""
    return path.rpartition(".")[2] in ("NOT_GIVEN", "not_given", "NotGiven", "omit", "Omit")


def _braced(value: Value | None) -> Value:
    """Return the text of a LangChain template: `{name}` is a hole."""
    text = undefaulted(value)
    if not isinstance(text, Text):
        return value if value is not None else unknown("template")
    from migrate.edges.scanning.python.texts import formatted

    return formatted(text, Arguments())


def braced(value: Value | None) -> Value:
    """Return the text of a LangChain template with its variables as holes."""
    return _braced(value)


# --- Models ---------------------------------------------------------------------------------------------------------


def models_of(value: Value | None, written: str, missing: str) -> list[ModelUse]:
    """Return the models that an argument may name; `missing` says why there is none."""
    if value is None:
        return [ModelUse("", "possible", missing)]
    found = [use for option in options(value) for use in _models(option, written)]
    # What the code says outweighs what it leaves open.
    named = [use for use in found if use.name]
    unnamed = [use for use in found if not use.name]
    if len({use.name for use in named}) > 1:
        named = [_weakened(use, "possible", "one of several") for use in named]
    elif unnamed:
        named = [_weakened(use, "likely", f"unless it is {unnamed[0].reason}") for use in named]
    return list(dict.fromkeys(named or unnamed[:1]))


def _weakened(use: ModelUse, sure: Sure, reason: str) -> ModelUse:
    return ModelUse(use.name, sure, reason, use.spot) if use.sure == "certain" else use


def _models(value: Value, written: str) -> Iterator[ModelUse]:
    match value:
        case Text():
            yield _named_model(value, written)
        case Defaulted():
            for option in options(value.value):
                if not (isinstance(option, Scalar) and option.value is None):
                    yield from _models(option, value.hole.expression)
        case Made() if (inner := _model_inside(value)) is not None:
            yield from _models(inner, written)
        case Unknown():
            given = f"given by the parameter {value.hole.parameter.name}" if value.hole.parameter else ""
            yield ModelUse("", "possible", given or "known at run time only", None, value.hole.expression or written)
        case _:
            yield ModelUse("", "possible", "known at run time only", None, written)


def _model_inside(made: Made) -> Value | None:
    """Return the model that a library's object was made for; `settings.get("MODEL")` is no such object."""
    given = made.arguments.get("model", 0)
    is_class = made.of.rpartition(".")[2][:1].isupper()
    return given if made.arguments.get("model") is not None or is_class or is_model(plain(given) or "") else None


def _named_model(text: Text, written: str) -> ModelUse:
    name, doubt, spot = "", text.doubt, text.spot
    for part in text.parts:
        if isinstance(part, str):
            name += part
        elif isinstance(part, Hole) and part.default is not None:
            name += part.default
            doubt, spot = doubt or part.doubt or f"default of `{part.expression}`", part.spot
        else:
            return ModelUse("", "possible", "known at run time only", None, written)
    sure: Any = "certain" if not doubt else "possible" if doubt.startswith("one of") else "likely"
    return ModelUse(name, sure, doubt, spot)


# --- The answer's form ----------------------------------------------------------------------------------------------


def format_of(reader: Reader, arguments: Arguments) -> Format:
    """Return what form of answer a call asks for, in whichever way it does."""
    for name in ("response_format", "text_format", "output_type", "response_model"):
        value = _nothing(arguments.get(name))
        if value is not None:
            return _format(reader, value, arguments.written.get(name, name))
    text = undefaulted(arguments.get("text"))
    if isinstance(text, Table) and (inner := text.get("format")) is not None:
        return _format(reader, inner, "text.format")
    return Format()


def _format(reader: Reader, value: Value, written: str) -> Format:
    value = undefaulted(value) or value
    if isinstance(value, Class):
        return _from_class(reader, value)
    if isinstance(value, Table):
        return _from_table(reader, value)
    if isinstance(value, External) and value.path.startswith("builtins."):
        return Format()
    return Format("json_schema", note=f"the schema `{written}` is known at run time only")


def _from_class(reader: Reader, cls: Class) -> Format:
    name = cls.node.name[:LONGEST_NAME]
    try:
        return Format("json_schema", Blueprint(reader).strict(cls), name, True)
    except (Unclear, RecursionError) as problem:
        return Format("json_schema", None, name, True, f"the schema of {name} is not drawn: {problem}")


def _from_table(reader: Reader, table: Table) -> Format:
    kind = plain(table.get("type"))
    if kind in ("text", "json_object"):
        names: dict[str, FormatName] = {"text": "text", "json_object": "json_object"}
        return Format(names[kind])
    envelope = table.get("json_schema")
    inner = envelope if isinstance(envelope, Table) else table
    schema = undefaulted(inner.get("schema"))
    name = plain(inner.get("name")) or ""
    strict = inner.get("strict")
    is_strict = bool(strict.value) if isinstance(strict, Scalar) else None
    try:
        found = _schema(reader, schema)
    except Unclear as problem:
        return Format("json_schema", None, name, is_strict, f"the schema is not drawn: {problem}")
    return Format("json_schema", found, name, is_strict)


def _schema(reader: Reader, value: Value | None) -> Mapping[str, Json]:
    """Return a schema written out, or that of `Model.model_json_schema()`."""
    if isinstance(value, Member) and isinstance(value.owner, Class):
        return Blueprint(reader).strict(value.owner)
    found = as_json(value)
    if not isinstance(found, dict):
        raise Unclear("it is no mapping")
    return found


# --- Tools ----------------------------------------------------------------------------------------------------------


def tools_of(value: Value | None) -> tuple[list[ToolUse], bool]:
    """Return the tools a call offers, and whether all of them are known."""
    value = _nothing(undefaulted(value))
    if value is None:
        return [], True
    if isinstance(value, Either):
        value = max(value.options, key=_fullness)
    if not isinstance(value, Listing):
        return [], False
    found = [_tool(item) for item in value.items]
    return [tool for tool in found if tool is not None], all(tool is not None for tool in found)


def _tool(value: Value) -> ToolUse | None:
    value = undefaulted(value) or value
    match value:
        case Table():
            return _written_tool(value)
        case Function():
            return ToolUse(getattr(value.node, "name", "lambda"))
        case Class():
            return ToolUse(value.node.name)
        case Instance():
            return ToolUse(value.of.node.name)
        case Partial():
            return _tool(value.function)
        case Made():
            return _made_tool(value)
    return None


def _written_tool(table: Table) -> ToolUse | None:
    inner = table.get("function")
    name = plain((inner if isinstance(inner, Table) else table).get("name")) or plain(table.get("type"))
    if name is None:
        return None
    try:
        definition = as_json(table)
    except Unclear:
        return ToolUse(name)
    return ToolUse(name, definition if plain(table.get("type")) in ("function", None) else None)


def _made_tool(made: Made) -> ToolUse | None:
    named = plain(made.arguments.get("name"))
    first = made.arguments.get("", 0)
    if named:
        return ToolUse(named)
    if isinstance(first, Class | Function):
        return _tool(first)
    return ToolUse(made.of.rpartition(".")[2])


# --- Parameters -----------------------------------------------------------------------------------------------------

_SECRET: Final = ("secret", "password", "api_key", "credential", "access_token", "auth")


def parameters_of(arguments: Arguments, api: Api) -> tuple[dict[str, Json], list[str]]:
    """Return the parameters that the code says, and the names of those that only run time knows."""
    taken = {*api.model, *api.prompt, *api.system, *_READ_ELSEWHERE}
    said: dict[str, Json] = {}
    unsaid: list[str] = []
    for name, value in _flattened(arguments):
        if name in taken or name in NOT_PARAMETERS or any(word in name for word in _SECRET):
            continue
        kept = _nothing(undefaulted(value))
        if kept is None:
            continue
        try:
            said[name] = as_json(kept)
        except Unclear:
            unsaid.append(name)
    unsaid += [f"**{_spread_name(value)}" for value in arguments.spreads]
    return said, list(dict.fromkeys(name for name in unsaid if name not in said))


_READ_ELSEWHERE: Final = (
    *("response_format", "text_format", "output_type", "response_model", "tools", "functions", "model_settings"),
    *("model_kwargs", "input_guardrails", "output_guardrails", "mcp_servers", "hooks", "stream_options"),
)


def _flattened(arguments: Arguments) -> Iterator[tuple[str, Value]]:
    """Yield the named arguments, those that a settings object or `model_kwargs` holds among them."""
    yield from arguments.named
    for name in ("model_settings", "model_kwargs"):
        inner = undefaulted(arguments.get(name))
        if isinstance(inner, Made):
            yield from inner.arguments.named
        elif isinstance(inner, Table):
            for key, value in inner.entries:
                if (text := plain(key)) is not None:
                    yield text, value


def _spread_name(value: Value) -> str:
    return value.hole.expression if isinstance(value, Unknown) else "..."


def argument_code(arguments: Arguments, name: str, at: int | None) -> str:
    """Return the code of an argument."""
    return arguments.written.get(name) or (arguments.written.get(str(at)) if at is not None else None) or name
