"""Habits that change tool calls: which, how many, with what arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from migrate.edges.providers.simulated.draft import Break, Draft, DraftCall, Slip
from migrate.edges.providers.simulated.generating import Generator
from migrate.edges.providers.simulated.json_habits import other_values
from migrate.edges.providers.simulated.paraphrase import language_of
from migrate.edges.providers.simulated.places import Steps, path_text, put, without
from migrate.edges.providers.simulated.scene import Proposal, Scene
from migrate.edges.providers.simulated.shapes import Node, nodes
from migrate.vocabulary import FindingKind, Json, JsonPath, Rung, Tool

_CALLS: Final[Steps] = ("tool_calls",)
_ALL_CALLS: Final = JsonPath("$tool_calls")
_ASKS: Final = {
    "en": "Could you give me a little more detail before I look that up?",
    "de": "Können Sie mir noch ein paar Einzelheiten nennen, bevor ich nachsehe?",
    "fr": "Pouvez-vous me donner un peu plus de détails avant que je vérifie ?",
    "es": "¿Puede darme algún detalle más antes de que lo consulte?",
    "pt": "Pode dar-me mais algum detalhe antes de eu verificar?",
    "pl": "Czy może Pan lub Pani podać więcej szczegółów, zanim to sprawdzę?",
}


def _call_path(index: int) -> JsonPath:
    return JsonPath(f"$tool_calls[{index}]")


def _name_path(index: int) -> JsonPath:
    return JsonPath(f"$tool_calls[{index}].name")


def _slip(habit: str, path: JsonPath, before: Json, after: Json, broken: FindingKind | None) -> Slip:
    """Return a slip in the calls; one slip in them is enough, so all of them count as touched."""
    if broken is None:
        return Slip(habit, path, before, after, changes=FindingKind.TOOL_ARGUMENTS_CHANGED, steps=_CALLS)
    return Slip(habit, path, before, after, Break(Rung.TOOLS, broken, path), steps=_CALLS)


def _shown(call: DraftCall) -> Json:
    return {"name": call.name, "arguments": call.arguments}


def _with_call(draft: Draft, index: int, call: DraftCall) -> Draft:
    return replace(draft, calls=(*draft.calls[:index], call, *draft.calls[index + 1 :]))


def _may_be_silent(scene: Scene) -> bool:
    return scene.question.tool_choice == "auto"


def missing_tool_call(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Asks the user in prose instead of calling the tool."""
    if draft.calls and _may_be_silent(scene):
        text = _ASKS[language_of(scene.question.user_text) or "en"]
        before = [_shown(call) for call in draft.calls]
        yield (
            Draft("tool_calls", text=text),
            _slip("missing_tool_call", _ALL_CALLS, before, text, FindingKind.MISSING_TOOL_CALL),
        )


def double_call(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """The same call twice in one turn."""
    if draft.calls and scene.question.parallel:
        calls = (*draft.calls, draft.calls[-1])
        slip = _slip(
            "double_call", _call_path(len(draft.calls)), len(draft.calls), len(calls), FindingKind.WRONG_CALL_COUNT
        )
        yield replace(draft, calls=calls), slip


def wrong_tool(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Another tool of the list."""
    if scene.question.tool_choice not in ("auto", "required"):
        return
    for index, call in enumerate(draft.calls):
        called = {made.name for made in draft.calls}
        others = [tool for tool in scene.question.tools if tool.name not in called]
        for tool in scene.ordered(others, lambda tool: tool.name, "wrong_tool"):
            made = DraftCall(tool.name, _arguments(scene, tool, call))
            slip = _slip("wrong_tool", _name_path(index), call.name, made.name, FindingKind.WRONG_TOOL)
            yield _with_call(draft, index, made), slip


def _arguments(scene: Scene, tool: Tool, call: DraftCall) -> Json:
    """Return arguments for a tool, with what the right call knew where the names agree."""
    made = Generator(scene.chance, scene.case, (), tool.parameters).value(tool.parameters, "wrong tool")
    known = call.arguments if isinstance(call.arguments, dict) else {}
    return {key: known.get(key, value) for key, value in made.items()} if isinstance(made, dict) else {}


def unknown_tool(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A tool nobody offered, close in name to the right one."""
    if scene.question.tool_choice != "auto":
        return
    for index, call in enumerate(draft.calls):
        made = replace(call, name=f"{call.name}_v2")
        slip = _slip("unknown_tool", _name_path(index), call.name, made.name, FindingKind.UNKNOWN_TOOL)
        yield _with_call(draft, index, made), slip


def unexpected_tool_call(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A call where the right answer is words."""
    if draft.calls or not scene.question.tools or scene.question.tool_choice != "auto":
        return
    for tool in scene.ordered(scene.question.tools, lambda tool: tool.name, "unexpected_tool_call"):
        made = DraftCall(tool.name, _arguments(scene, tool, DraftCall("", {})))
        slip = _slip("unexpected_tool_call", _call_path(0), None, _shown(made), FindingKind.UNEXPECTED_TOOL_CALL)
        yield Draft("tool_calls", calls=(made,)), slip


# --- Arguments ---------------------------------------------------------------------------------------


def _argument_nodes(scene: Scene, draft: Draft, habit: str) -> Iterator[tuple[int, DraftCall, Tool, Node]]:
    tools = {tool.name: tool for tool in scene.question.tools}
    for index, call in enumerate(draft.calls):
        if (tool := tools.get(call.name)) is None:
            continue
        free = [node for node in nodes(call.arguments, tool.parameters) if node.steps and scene.free(_CALLS)]
        for node in scene.ordered(free, lambda node: path_text(node.steps), habit):
            yield index, call, tool, node


def _argument_path(index: int, node: Node) -> JsonPath:
    return path_text(node.steps, f"$tool_calls[{index}].arguments")


def null_argument(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """`null` for an argument that the tool's schema says must be something."""
    for index, call, tool, node in _argument_nodes(scene, draft, "null_argument"):
        forbidden = bool(node.types) and "null" not in node.types and not node.composed
        if node.is_key and forbidden and tool.strict is not True:
            made = replace(call, arguments=put(call.arguments, node.steps, None))
            slip = _slip("null_argument", _argument_path(index, node), node.value, None, FindingKind.NULL_ARGUMENT)
            yield _with_call(draft, index, made), slip


def missing_argument(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A required argument is left out."""
    for index, call, tool, node in _argument_nodes(scene, draft, "missing_argument"):
        if node.is_key and node.required and not node.composed and tool.strict is not True:
            made = replace(call, arguments=without(call.arguments, node.steps))
            path = _argument_path(index, node)
            slip = _slip("missing_argument", path, node.value, None, FindingKind.INVALID_ARGUMENTS)
            yield _with_call(draft, index, made), slip


def changed_argument(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Another value for an argument, or an optional one nobody asked for: valid for the tool and read by no check."""
    yield from invented_argument(scene, draft)
    yield from _other_argument(scene, draft, "changed_argument")


def invented_argument(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """An optional argument nobody asked for."""
    tools = {tool.name: tool for tool in scene.question.tools}
    for index, call in enumerate(draft.calls):
        known = call.arguments if isinstance(call.arguments, dict) else {}
        parameters = tools[call.name].parameters if call.name in tools else {}
        optional = set(parameters.get("properties", {})) - set(parameters.get("required", ())) - set(known)
        for key in scene.ordered(sorted(optional), str, "changed_argument"):
            schema = parameters["properties"][key]
            new = Generator(scene.chance, scene.case, (), parameters).value(schema, key)
            made = replace(call, arguments={**known, key: new})
            path = path_text((key,), f"{_call_path(index)}.arguments")
            yield _with_call(draft, index, made), _slip("changed_argument", path, None, new, None)


def wrong_argument(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Another value for an argument that a check reads; which break that is, the guard sees."""
    return _other_argument(scene, draft, "wrong_argument")


def _other_argument(scene: Scene, draft: Draft, habit: str) -> Iterator[Proposal]:
    for index, call, _, node in _argument_nodes(scene, draft, habit):
        for new in (*other_values(node), *_other_text(node)):
            made = replace(call, arguments=put(call.arguments, node.steps, new))
            yield _with_call(draft, index, made), _slip(habit, _argument_path(index, node), node.value, new, None)


def _other_text(node: Node) -> Iterator[str]:
    """Yield an identifier with its last digit changed, and a phrase with a word behind it."""
    if isinstance(node.value, str) and "enum" not in node.schema:
        if node.value[-1:].isdigit():
            yield f"{node.value[:-1]}{(int(node.value[-1]) + 1) % 10}"
        elif "pattern" not in node.schema:
            yield f"{node.value} please"
