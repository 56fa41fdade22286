"""The catalogue of habits: what each does, when the API prevents it, and where it is known from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from migrate.edges.providers.simulated import call_habits, check_habits, json_habits, text_habits
from migrate.edges.providers.simulated.draft import Kind
from migrate.edges.providers.simulated.scene import Act, Scene

Stage = Literal["value", "written", "instead"]
"""On the answer as a value or as calls; on its text once written out; or in place of any answer."""


@dataclass(frozen=True, slots=True)
class Habit:
    """One way in which a model's answer departs from the reference."""

    name: str
    act: Act
    stage: Stage
    breaking: bool
    """True when it can break the contract: at most one such habit shows in a reply."""
    kinds: tuple[Kind, ...]
    """Sorts of answers it applies to."""
    description: str
    source: str
    """Where it is known from; `assumed` when nobody was found to report it."""
    needs_free_text: bool = False
    """Prevented by `json_object` and `json_schema`, which guarantee JSON."""
    needs_loose_schema: bool = False
    """Prevented by a strict `json_schema`, which guarantees the schema."""
    prevented: str = ""
    """What else prevents it, in words: the habit itself looks at that."""

    def possible(self, scene: Scene, kind: Kind) -> bool:
        """Say whether the API lets this happen to this sort of answer."""
        if kind not in self.kinds or (self.needs_loose_schema and scene.strict):
            return False
        return not (self.needs_free_text and scene.json_mode)


_JSON: Final[tuple[Kind, ...]] = ("json",)
_TEXT: Final[tuple[Kind, ...]] = ("text",)
_CALLS: Final[tuple[Kind, ...]] = ("tool_calls",)
_ALL: Final[tuple[Kind, ...]] = ("json", "text", "tool_calls")
_WORDS: Final[tuple[Kind, ...]] = ("json", "text")

_GUIDE: Final = "OpenAI cookbook, GPT-4.1 prompting guide"
_STRUCTURED: Final = "OpenAI guide to structured outputs: why JSON mode alone does not keep a schema"
_OMISSION: Final = _GUIDE + ": omission"
_ASSUMED: Final = "assumed"

HABITS: Final = (
    Habit(
        "failed_check", check_habits.failed_check, "value", True, _WORDS,
        "a wrong label, figure or phrase where a check of the flow reads", _GUIDE + ": instructions taken literally",
    ),
    Habit(
        "number_as_string", json_habits.number_as_string, "value", True, _JSON,
        "a number written as a string", _STRUCTURED, needs_loose_schema=True,
    ),
    Habit(
        "dropped_required", json_habits.dropped_required, "value", True, _JSON,
        "a required key left out", _STRUCTURED, needs_loose_schema=True,
    ),
    Habit(
        "enum_drift", json_habits.enum_drift, "value", True, _JSON,
        "a value outside the enum", _STRUCTURED, needs_loose_schema=True,
    ),
    Habit(
        "null_value", json_habits.null_value, "value", True, _JSON,
        "`null` where the schema forbids it", _STRUCTURED, needs_loose_schema=True,
    ),
    Habit(
        "extra_key", json_habits.extra_key, "value", True, _JSON,
        "a key nobody asked for; breaks the contract only where the schema is closed",
        _GUIDE + ": unrequested extras", needs_loose_schema=True,
    ),
    Habit(
        "out_of_bounds", json_habits.out_of_bounds, "value", True, _JSON,
        "a value past a bound, length or pattern", _STRUCTURED, needs_loose_schema=True,
    ),
    Habit(
        "fenced_json", text_habits.fenced_json, "written", True, _JSON,
        "the JSON in a Markdown fence", _GUIDE + ": extra formatting", needs_free_text=True,
    ),
    Habit(
        "chatty_json", text_habits.chatty_json, "written", True, _JSON,
        "prose around the JSON", _GUIDE + ": unrequested prose", needs_free_text=True,
    ),
    Habit(
        "invalid_json", text_habits.invalid_json, "written", True, _JSON,
        "a trailing comma", _ASSUMED, needs_free_text=True,
    ),
    Habit(
        "double_call", call_habits.double_call, "value", True, _CALLS,
        "the same call twice in one turn", _GUIDE + ": wrong parallel tool calls; langchainjs issue 11020",
        prevented="`parallel_tool_calls: false`",
    ),
    Habit(
        "wrong_tool", call_habits.wrong_tool, "value", True, _CALLS,
        "another tool of the list", _ASSUMED,
        prevented="naming one tool",
    ),
    Habit(
        "unknown_tool", call_habits.unknown_tool, "value", True, _CALLS,
        "a tool nobody offered", _ASSUMED,
        prevented="`tool_choice` other than `auto`",
    ),
    Habit(
        "null_argument", call_habits.null_argument, "value", True, _CALLS,
        "`null` for an argument that must be something", _GUIDE + ": null arguments",
        prevented="strict tool",
    ),
    Habit(
        "missing_argument", call_habits.missing_argument, "value", True, _CALLS,
        "a required argument left out", _ASSUMED,
        prevented="strict tool",
    ),
    Habit(
        "wrong_argument", call_habits.wrong_argument, "value", True, _CALLS,
        "another value for an argument a check reads", _GUIDE + ": invented arguments",
    ),
    Habit(
        "missing_tool_call", call_habits.missing_tool_call, "value", True, _CALLS,
        "asks in prose instead of calling", "openai-agents-python issues 1481 and 1397",
        prevented="`tool_choice` other than `auto`",
    ),
    Habit(
        "unexpected_tool_call", call_habits.unexpected_tool_call, "instead", True, _WORDS,
        "calls a tool where words are right", _GUIDE + ": told to always call a tool",
        prevented="`tool_choice` other than `auto`",
    ),
    Habit("refusal", text_habits.refusal, "instead", True, _ALL, "declines to answer", _ASSUMED),
    Habit("filtered", text_habits.filtered, "instead", True, _ALL, "stopped by the content filter", _ASSUMED),
    Habit("empty", text_habits.empty, "instead", True, _ALL, "an empty answer", _ASSUMED),
    Habit(
        "truncation", text_habits.truncation, "written", True, _WORDS,
        "runs into the length limit", _ASSUMED,
    ),
    Habit(
        "dropped_optional", json_habits.dropped_optional, "value", False, _JSON,
        "an optional key left out", _OMISSION, needs_loose_schema=True,
    ),
    Habit("changed_value", json_habits.changed_value, "value", False, _JSON, "another value, still valid", _ASSUMED),
    Habit(
        "changed_fact", json_habits.changed_fact, "value", False, _JSON,
        "another number or date in a sentence inside the JSON", _ASSUMED,
    ),
    Habit("reordered_list", json_habits.reordered_list, "value", False, _JSON, "a list in another order", _ASSUMED),
    Habit("shortened_list", json_habits.shortened_list, "value", False, _JSON, "the last item left out", _OMISSION),
    Habit(
        "changed_argument", call_habits.changed_argument, "value", False, _CALLS,
        "another value for an argument no check reads, or an optional one more", _GUIDE + ": invented arguments",
    ),
    Habit(
        "changed_fact_in_text", text_habits.changed_fact, "value", False, _TEXT,
        "another number or date in prose", _ASSUMED,
    ),
    Habit(
        "language_switch", text_habits.language_switch, "value", False, _TEXT,
        "an answer in another language", _ASSUMED,
    ),
    Habit(
        "markdown", text_habits.markdown, "value", False, _TEXT,
        "other bullets or line breaks", _GUIDE + ": extra formatting",
    ),
)  # fmt: skip

BY_NAME: Final = {habit.name: habit for habit in HABITS}
