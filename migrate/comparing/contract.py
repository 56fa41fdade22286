"""What one case of a flow promises: format, schema, tools, checks; and the rules by which answers are compared."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from migrate.canonical import digest_json
from migrate.comparing.rules import RuleBook
from migrate.comparing.schema import Schema, compile_schema
from migrate.comparing.tools import Names, Toolbox, expected_calls, toolbox_of
from migrate.errors import InventoryProblem, Problem
from migrate.vocabulary import Call, Check, Flow, Json, Parse, Prompt, Rung, Toleration

JUDGE_VERSION: Final = 1
"""Version of rungs 1 to 5. A new one makes stored rungs be judged again; it never makes a golden stale."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What an answer to one case is judged by."""

    parse: Parse
    schema: Schema | None
    tools: Toolbox | None
    checks: tuple[Check, ...]
    """Everything asserted of the answer, bound to the case, but for its tool calls."""
    call_checks: tuple[Check, ...]
    """The `tool_calls` checks, which belong to rung 4."""
    expected_tools: tuple[Names, ...]
    """The sets of tool names that are right, where the case says so; empty: the golden's samples say so."""
    rules: RuleBook
    digest: str
    """Hash of everything that rungs 1 to 5 depend on; rules are not among them."""
    tolerated: tuple[Toleration, ...] = ()
    """Findings of this flow that are let pass for a while."""
    inner: Inner | None = None
    """What each call of a trace promises that is not the final answer; None: nothing is asked of them."""
    counts_calls: bool = True
    """False where another number of calls than the golden's is what was asked for: a chain in another wording."""

    def promises(self, rung: Rung) -> bool:
        """Return whether a rung says anything about this case."""
        if rung is Rung.PARSED:
            return self.parse != "text"
        if rung is Rung.SCHEMA:
            return self.schema is not None
        if rung is Rung.TOOLS:
            return self.tools is not None or bool(self.call_checks) or bool(self.expected_tools)
        if rung is Rung.CHECKS:
            return any(check.kind != "judge" for check in self.checks)
        return True

    @property
    def tools_from_golden(self) -> bool:
        """True when the right tools are known from the golden's samples alone."""
        return self.tools is not None and not self.call_checks and not self.expected_tools


Inner = Callable[[Call], Contract]
"""Call of a trace -> what it promises by itself. Its rules are those that its answer is compared by."""


@dataclass(frozen=True, slots=True)
class _FlowPart:
    """The part of a contract that all cases of a flow share."""

    schema: Schema | None
    tools: Toolbox | None
    rules: RuleBook
    digest: str


def contract_of(
    flow: Flow, prompt: Prompt, checks: tuple[Check, ...], expected_tools: Sequence[Sequence[str]] | None = None
) -> Contract:
    """Return the contract of one case.

    `checks` are all that hold for the case, the flow's own included, bound to the case. `expected_tools` are the
    sets of tool names that are right; without it a `tool_calls` check says so, and without one the golden does.
    Raises InventoryProblem when the schema of the flow or of a tool cannot be used.
    """
    part = _flow_part(flow, prompt)
    calls = tuple(check for check in checks if check.kind == "tool_calls")
    others = tuple(check for check in checks if check.kind != "tool_calls") if calls else checks
    names = tuple(sorted({tuple(sorted(group)) for group in expected_tools})) if expected_tools is not None else ()
    digest = _digest(part.digest, checks, names) if checks or names else part.digest
    return Contract(flow.parse, part.schema, part.tools, others, calls, names, part.rules, digest, flow.tolerated)


_KEPT: Final = 512
_parts: Final[OrderedDict[tuple[int, int], tuple[Flow, Prompt, _FlowPart]]] = OrderedDict()
_lock: Final = threading.Lock()


def _flow_part(flow: Flow, prompt: Prompt) -> _FlowPart:
    # Nouns hold dicts and cannot be hashed: they are known by identity, and kept so that an id is not used twice.
    key = (id(flow), id(prompt))
    with _lock:
        known = _parts.get(key)
        if known is not None:
            return known[2]
    part = _built(flow, prompt)
    with _lock:
        _parts[key] = (flow, prompt, part)
        while len(_parts) > _KEPT:
            _parts.popitem(last=False)
    return part


def _built(flow: Flow, prompt: Prompt) -> _FlowPart:
    try:
        schema = compile_schema(dict(prompt.schema)) if prompt.schema is not None else None
        tools = toolbox_of(prompt)
    except (ValueError, TypeError) as error:
        words = f"flow {flow.name}: a schema cannot be used: {(str(error).splitlines() or [''])[0]}"
        raise InventoryProblem([Problem(words, flow.place)]) from error
    return _FlowPart(schema, tools, RuleBook(flow.rules), digest_json(_judged_by(flow, prompt)))


def _judged_by(flow: Flow, prompt: Prompt) -> Json:
    return {
        "judge": JUDGE_VERSION,
        "parse": flow.parse,
        "schema": prompt.schema,
        "tools": [{"name": tool.name, "parameters": tool.parameters} for tool in prompt.tools],
        "tool_choice": prompt.tool_choice,
        "parallel_tool_calls": prompt.parallel_tool_calls,
    }


def _digest(flow: str, checks: Sequence[Check], names: Sequence[Names]) -> str:
    bound = [[check.kind, check.path, dict(check.arguments)] for check in checks]
    return digest_json([flow, bound, [list(group) for group in names]])


def expected_names(contract: Contract) -> tuple[Names, ...]:
    """Return the sets of tool names the case itself calls right, empty when it does not say."""
    if contract.expected_tools:
        return contract.expected_tools
    return tuple(tuple(sorted(name for name, _ in expected_calls(check))) for check in contract.call_checks)
