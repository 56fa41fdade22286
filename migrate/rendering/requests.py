"""A flow's prompt and one of its cases, as the request that goes over the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from migrate.canonical import requests_of
from migrate.errors import InventoryProblem, Problem, did_you_mean
from migrate.rendering.templates import Fault, fill
from migrate.vocabulary import Case, Flow, Json, JsonObject, MessageTemplate, Place, Prompt, Request

Message = dict[str, Any]


def render(
    flow: Flow,
    case: Case,
    *,
    prompt: Prompt | None = None,
    model: str | None = None,
    redact: Callable[[Json], Json],
) -> Request:
    """Return the request of a case: `prompt` instead of the flow's own (a variant), `model` instead of the baseline.

    `redact` is what keys are made of and must be idempotent; the body itself is sent as it is. Raises
    InventoryProblem, with the template's line, when a template cannot be filled.
    """
    prompt = prompt or flow.prompt
    return render_for([model or prompt.model], flow, case, prompt=prompt, redact=redact)[0]


def render_for(
    models: Sequence[str], flow: Flow, case: Case, *, prompt: Prompt, redact: Callable[[Json], Json]
) -> tuple[Request, ...]:
    """Return the requests of a case to each of several models; the prompt is filled once. Raises as `render` does."""
    messages = _messages(prompt, flow, case)
    build = _chat if prompt.api == "chat" else _responses
    return requests_of(prompt.api, build(prompt, models[0], messages), models, redact)


# --- Messages -------------------------------------------------------------------------------------------


def _messages(prompt: Prompt, flow: Flow, case: Case) -> list[Message]:
    messages: list[Message] = []
    for template in prompt.messages:
        try:
            if template.turns_from is not None:
                messages.extend(_turns(template.turns_from, case.inputs))
            else:
                messages.append(_message(template, case.inputs))
        except Fault as fault:
            raise InventoryProblem([_problem(fault, flow, case, template)]) from None
    return messages


def _message(template: MessageTemplate, variables: JsonObject) -> Message:
    content = template.content
    if isinstance(content, str):
        content = fill(content, variables)
    elif content is not None:
        content = _filled(content, variables)
    if not template.extra:
        return {"role": template.role, "content": content}
    message = {"role": template.role, "content": content, **_filled(template.extra, variables)}
    _check_calls(message)
    return message


def _filled(value: Json, variables: JsonObject) -> Json:
    if isinstance(value, str):
        return fill(value, variables)
    if isinstance(value, Mapping):
        return {name: _filled(item, variables) for name, item in value.items()}
    return [_filled(item, variables) for item in value] if isinstance(value, list) else value


def _turns(name: str, variables: JsonObject) -> Sequence[Message]:
    if name not in variables:
        raise Fault(f'"{name}", whose turns belong here, is not among the inputs', hint=did_you_mean(name, variables))
    turns = variables[name]
    if not isinstance(turns, list):
        raise Fault(f'"{name}" must be a list of messages to be put here as turns')
    for number, turn in enumerate(turns):
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            raise Fault(f'turn {number + 1} of "{name}" must be a mapping with a role')
        _check_calls(turn)
    return turns


def _check_calls(message: Message) -> None:
    """Raise Fault for tool calls that no API would take, and that could not be written in Responses' form."""
    calls = message.get("tool_calls")
    if calls is None:
        return
    for call in calls if isinstance(calls, list) else (calls,):
        match call:
            case {"function": {"name": str()}}:
                continue
        raise Fault("a tool call of a message must be {id, type: function, function: {name, arguments}}")


def _problem(fault: Fault, flow: Flow, case: Case, template: MessageTemplate) -> Problem:
    place = template.place or flow.place
    if place is template.place and place is not None and place.line is not None and isinstance(template.content, str):
        place = replace(place, line=place.line + fault.line - 1)
    return Problem(f"case {flow.name}/{case.id}: {fault.message}", place or Place(flow.name), fault.hint)


# --- Chat Completions -----------------------------------------------------------------------------------


def _chat(prompt: Prompt, model: str, messages: list[Message]) -> JsonObject:
    body: dict[str, Any] = {"model": model, "messages": messages, **prompt.parameters}
    if prompt.response_format == "json_schema":
        body["response_format"] = {"type": "json_schema", "json_schema": _schema(prompt)}
    elif prompt.response_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    if prompt.tools:
        body["tools"] = [{"type": "function", "function": function} for function in _functions(prompt)]
    _add_choices(body, prompt, prompt.tool_choice)
    if prompt.stream:
        # Without it a streamed answer says nothing of its cost.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _schema(prompt: Prompt) -> Message:
    described: Message = {"name": prompt.schema_name, "schema": prompt.schema}
    return described if prompt.schema_strict is None else {**described, "strict": prompt.schema_strict}


def _functions(prompt: Prompt) -> list[Message]:
    functions = []
    for tool in prompt.tools:
        function: Message = {"name": tool.name, "parameters": tool.parameters}
        if tool.description:
            function["description"] = tool.description
        if tool.strict is not None:
            function["strict"] = tool.strict
        functions.append(function)
    return functions


def _add_choices(body: Message, prompt: Prompt, tool_choice: Json) -> None:
    if tool_choice is not None:
        body["tool_choice"] = tool_choice
    if prompt.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = prompt.parallel_tool_calls


# --- Responses ------------------------------------------------------------------------------------------

RENAMED: Final = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}


def _responses(prompt: Prompt, model: str, messages: list[Message]) -> JsonObject:
    # Nothing is kept on the provider's side: a replay is no conversation.
    body: dict[str, Any] = {
        "model": model,
        "input": [item for turn in messages for item in _items(turn)],
        "store": False,
    }
    text: Message = {}
    for name, value in prompt.parameters.items():
        if name == "reasoning_effort":
            body["reasoning"] = {"effort": value}
        elif name == "verbosity":
            text["verbosity"] = value
        else:
            body[RENAMED.get(name, name)] = value
    if prompt.response_format == "json_schema":
        text["format"] = {"type": "json_schema", **_schema(prompt)}
    elif prompt.response_format == "json_object":
        text["format"] = {"type": "json_object"}
    if text:
        body["text"] = text
    if prompt.tools:
        body["tools"] = [{"type": "function", **function} for function in _functions(prompt)]
    _add_choices(body, prompt, _flat_choice(prompt.tool_choice))
    if prompt.stream:
        body["stream"] = True
    return body


def _flat_choice(choice: Json) -> Json:
    """Return Chat Completions' choice of a function in the flat form Responses wants."""
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        return {"type": "function", **choice["function"]}
    return choice


def _items(message: Message) -> list[Message]:
    """Return the input items of one message: itself, and its tool calls or tool output as items of their own."""
    role, content = message["role"], message.get("content")
    if role == "tool":
        output = {"type": "function_call_output", "call_id": message.get("tool_call_id", ""), "output": content}
        return [output]
    items: list[Message] = []
    if content is not None:
        items.append({"role": role, "content": _parts(role, content)})
    for call in message.get("tool_calls") or ():
        function = call["function"]
        items.append(
            {
                "type": "function_call",
                "call_id": call.get("id", ""),
                "name": function["name"],
                "arguments": function.get("arguments", ""),
            }
        )
    return items


def _parts(role: str, content: Json) -> Json:
    if not isinstance(content, list):
        return content
    return [_part(role, part) for part in content]


def _part(role: str, part: Json) -> Json:
    """Return a content part of Chat Completions as Responses names it; other parts stay."""
    match part:
        case {"type": "text", "text": text}:
            return {"type": "output_text" if role == "assistant" else "input_text", "text": text}
        case {"type": "image_url", "image_url": {"url": url, **rest}}:
            return {"type": "input_image", "image_url": url, **rest}
        case {"type": "file", "file": {**file}}:
            return {"type": "input_file", **file}
        case {"type": "refusal", "refusal": refusal}:
            return {"type": "refusal", "refusal": refusal}
    return part
