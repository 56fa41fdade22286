"""Jinja2 for text that nobody here has read: no code reached, no file loaded, and a bound on what one filling may do.

The immutable sandbox keeps templates away from Python's insides. It does not keep them from taking all memory or
all time; that is the budget's part, and this is where it is asked:

    where it could grow               what holds it
    for loops                         the iterable is wrapped in a filter that counts turns
    `~`, `+`, `*`, `**`, `%`          `~` becomes a filter, the others are intercepted; sizes are known before the work
    `[a, a]`, `(a, a)`, `{"k": a}`    weighed with everything inside, so that doubling cannot be hidden by nesting
    set blocks, macros, output        joined by the environment's `concat`, which charges what it joins
    filters and methods               only those listed; the ones that can blow up are asked for the size first
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import UndefinedError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from migrate.errors import did_you_mean
from migrate.rendering.budget import Budget, active, breadth, charge, tick, weigh
from migrate.rendering.guards import (
    OPERATORS,
    OTHER_FILTERS,
    TEXT_FILTERS,
    Guard,
    ask_method,
    braces,
    methods_of,
)
from migrate.rendering.templates import Fault, check_length
from migrate.vocabulary import Json

MAX_TAGS: Final = 10_000
CALL_STEPS: Final = 5
"""A call takes about as long as five turns of a loop."""


# --- Names that are not there ---------------------------------------------------------------------------


class Undefined(StrictUndefined):
    """A name that is not there: any use of it is an error that says so in our words."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: type[Any] = UndefinedError
    ) -> None:
        super().__init__(hint or _not_there(obj, name), obj, name, exc)


def _not_there(obj: Any, name: Any) -> str:
    if obj is missing:
        return f'"{name}" is not among the inputs'
    if isinstance(obj, Mapping):
        near = did_you_mean(str(name), map(str, obj))
        return f'there is no "{name}" in the mapping' + (f" ({near})" if near else "")
    if isinstance(name, int):
        return f"there is no item {name}"
    words = {list: "the list", str: "the text", int: "the number", float: "the number", type(None): "null"}
    return f"{words.get(type(obj), type(obj).__name__)} has no {name!r}"


# --- The environments -----------------------------------------------------------------------------------


class Sandbox(ImmutableSandboxedEnvironment):
    """The immutable sandbox with a budget."""

    intercepted_binops = frozenset(OPERATORS)

    def __init__(self) -> None:
        super().__init__(
            undefined=Undefined, autoescape=False, keep_trailing_newline=True, finalize=_printed, cache_size=0
        )
        del self.globals["lipsum"]
        self.concat = _concat  # type: ignore[method-assign]

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Run an operator once its result is known to be affordable."""
        tick()
        OPERATORS[operator](left, right)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063
        """Call a method, macro or loop from a template."""
        tick(CALL_STEPS)
        ask_method(__obj, args, kwargs)
        if isinstance(__obj, LoopContext) and args:
            args = (_counted(__context, args[0]), *args[1:])
        result = super().call(__context, __obj, *args, **kwargs)
        charge(breadth(result))
        return result

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow the listed methods of plain values, and of the rest what the immutable sandbox allows."""
        methods = methods_of(obj)
        return super().is_safe_attribute(obj, attr, value) and (methods is None or attr in methods)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Put the guard before the sandbox's own `str.format`."""
        inner = super().wrap_str_format(value)
        if inner is None or value.__name__ == "format_map":
            return None

        def run(*args: Any, **kwargs: Any) -> str:
            braces(value.__self__, args, kwargs)
            return inner(*args, **kwargs)

        return run


class DataFirst(Sandbox):
    """The sandbox of expressions in checks, where `expected.items` means the data and never a method."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a key of a mapping before a method of the same name."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _printed(value: Any) -> Any:
    """Weigh what is about to become text; texts themselves are counted where they are joined."""
    if type(value) is not str:
        weigh(value)
    return value


def _concat(pieces: Iterable[str]) -> str:
    """Join what a block or a macro made."""
    texts = list(pieces)
    length = sum(map(len, texts))
    check_length(length)
    charge(length)
    return "".join(texts)


INNER: Final = Sandbox()
"""Holds the filters as Jinja2 has them; those that templates see ask the budget and then call these."""


def _budgeted(name: str, guard: Guard | None, *, text: bool) -> Callable[..., Any]:
    @pass_context
    def run(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        tick()
        if text:
            weigh(value)
        if guard is not None:
            guard(value, args, kwargs)
        if name == "join":
            value = list(value)
            weigh(value)
            charge(len(value) * len(str(args[0] if args else kwargs.get("d", ""))))
        result = INNER.call_filter(name, value, args, kwargs, context=context)
        charge(breadth(result))
        return result

    return run


@pass_context
def _counted(_: Context, iterable: Iterable[Any]) -> Iterator[Any]:
    step = active.budget.tick
    for item in iterable:
        step()
        yield item


@pass_context
def _joined(_: Context, pieces: list[Any]) -> str:
    tick()
    weigh(pieces)
    return "".join(map(str, pieces))


@pass_context
def _displayed(_: Context, value: Any) -> Any:
    weigh(value)
    return value


HIDDEN: Final = {"counted loop": _counted, "joined pieces": _joined, "weighed display": _displayed}
"""Filters the compiler puts in; the space in the name keeps templates from using them."""


def _outfit(sandbox: Sandbox) -> Sandbox:
    sandbox.filters = {
        **{name: _budgeted(name, guard, text=True) for name, guard in TEXT_FILTERS.items()},
        **{name: _budgeted(name, guard, text=False) for name, guard in OTHER_FILTERS.items()},
        **HIDDEN,
    }
    return sandbox


TEMPLATES: Final = _outfit(Sandbox())
EXPRESSIONS: Final = _outfit(DataFirst())


# --- Compiling ------------------------------------------------------------------------------------------


class _Bounding(NodeTransformer):
    """Puts the counting filters in, and refuses what reaches outside the template."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 (the names are Jinja2's)
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "counted loop")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "joined pieces")

    def visit_List(self, node: nodes.List) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "weighed display")

    def visit_Dict(self, node: nodes.Dict) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "weighed display")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "weighed display") if node.ctx == "load" else node

    def refuse(self, node: nodes.Node) -> nodes.Node:
        """Refuse a statement that needs other files, or means HTML."""
        name = {"FromImport": "from", "ScopedEvalContextModifier": "autoescape"}.get(type(node).__name__)
        name = name or type(node).__name__.lower()
        raise TemplateSyntaxError(f"{{% {name} %}} is not available: a template stands alone and is text", node.lineno)

    visit_Include = visit_Import = visit_FromImport = visit_Extends = refuse  # noqa: N815
    visit_ScopedEvalContextModifier = refuse  # noqa: N815


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _parsed(sandbox: Sandbox, text: str) -> nodes.Template:
    tags = text.count("{{") + text.count("{%")
    if tags > MAX_TAGS:
        raise Fault(f"the template has {tags:,} tags, at most {MAX_TAGS:,} are read")
    return sandbox.parse(text)


def _compiled(sandbox: Sandbox, tree: nodes.Template) -> Template:
    bounded = _Bounding().visit(tree)
    bounded.set_environment(sandbox)
    return sandbox.from_string(bounded)


class SandboxedTemplate:
    """One compiled template. Raises Fault when the text is no template."""

    def __init__(self, text: str) -> None:
        active.budget = Budget()
        try:
            self._template = _compiled(TEMPLATES, _parsed(TEMPLATES, text))
        except Exception as error:
            raise _fault(error, None) from error

    def fill(self, variables: Mapping[str, Any]) -> str:
        """Return the filled text; raises Fault with the line of the template for anything that goes wrong in it."""
        active.budget = Budget()
        pieces: list[str] = []
        length = 0
        try:
            for piece in self._template.root_render_func(self._template.new_context(dict(variables))):
                length += len(piece)
                check_length(length)
                pieces.append(piece)
            return "".join(pieces)
        except Exception as error:
            raise _fault(error, self._template) from error


class SandboxedExpression:
    """One compiled `{{ expression }}` that gives a JSON value. Raises Fault when the text is anything else."""

    def __init__(self, text: str) -> None:
        active.budget = Budget()
        try:
            tree = _parsed(EXPRESSIONS, text.strip())
            target = nodes.Name("result", "store", lineno=1)
            tree.body = [nodes.Assign(target, _only_expression(tree), lineno=1)]
            self._template = _compiled(EXPRESSIONS, tree)
        except Exception as error:
            raise _fault(error, None) from error

    def value(self, variables: Mapping[str, Any]) -> Json:
        """Return the expression's value; raises Fault when a name is missing or the value is not JSON."""
        active.budget = Budget()
        context = self._template.new_context(dict(variables))
        try:
            for _ in self._template.root_render_func(context):
                pass
            return _json(context.vars["result"])
        except Exception as error:
            raise _fault(error, self._template) from error


def _only_expression(tree: nodes.Template) -> nodes.Expr:
    match tree.body:
        case [nodes.Output(nodes=[expression])] if not isinstance(expression, nodes.TemplateData):
            return expression
    raise Fault("only one whole {{ expression }} can be bound")


def _json(value: Any) -> Json:
    """Return a value as plain JSON; lazy lists are read out."""
    if value is None or isinstance(value, bool | int | float | list | dict):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Undefined):
        str(value)  # raises, saying what is missing
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return [_json(item) for item in value]
    raise Fault(f"the expression gives no JSON value but a {type(value).__name__}")


def _fault(error: Exception, template: Template | None) -> Fault:
    if isinstance(error, Fault):
        return error
    line = _line(error.__traceback__, template)
    match error:
        case TemplateSyntaxError():
            return Fault(f"not a Jinja2 template: {error.message}", error.lineno)
        case TemplateError():
            return Fault(str(error.message), line)
        case RecursionError() | SyntaxError():
            return Fault("the template is nested too deeply", line)
        case MemoryError():
            return Fault("the template needs too much memory", line)
    return Fault(f"the template fails: {error}", line)


def _line(traceback: TracebackType | None, template: Template | None) -> int:
    """Return the line of the template the innermost of its frames stood at."""
    line = 1
    while traceback is not None:
        if template is not None and traceback.tb_frame.f_code.co_filename == "<template>":
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line
