"""What a request asks, free of the API it came through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from migrate.vocabulary import Api, JsonObject, Tool


@dataclass(frozen=True, slots=True)
class Turn:
    """One message, reduced to what an answer may depend on."""

    role: str
    text: str
    images: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was understood."""

    api: Api
    model: str
    """As asked for."""
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """`none`, `auto`, `required`, or the name of the one function that must be called."""
    parallel: bool = True
    response_format: Literal["text", "json_object", "json_schema"] = "text"
    schema: JsonObject | None = None
    strict: bool = False
    max_tokens: int | None = None
    max_tokens_name: str = "max_tokens"
    """The parameter that set it, for complaints."""
    stream: bool = False
    include_usage: bool = False
    choices: int = 1
    service_tier: str = "default"
    """As it will be echoed: `fast` is billed and echoed as `priority`."""
    extra_text: str = ""
    """Tools and schema as they are sent: they cost input tokens and belong to the cached prefix."""

    @property
    def user_text(self) -> str:
        """The user's last words; empty when there are none."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def opening(self) -> str:
        """The standing instructions: what all cases of one prompt have in common."""
        return "\n".join(turn.text for turn in self.turns if turn.role in ("system", "developer"))


def echoed_tier(asked: object) -> str:
    """Return the service tier a reply names for the one asked for."""
    if asked in (None, "auto"):
        return "default"
    return "priority" if asked == "fast" else str(asked)
