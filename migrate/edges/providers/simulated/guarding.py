"""The guard between a habit's proposal and the answer: harmless stays harmless, harm is exactly as meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from migrate.edges.providers.simulated.draft import Break, Draft, Slip
from migrate.edges.providers.simulated.promises import broken_checks, schema_problems
from migrate.edges.providers.simulated.scene import Scene
from migrate.vocabulary import FindingKind, JsonPath, Rung

_LEFT_OPEN: Final = frozenset({"failed_check", "wrong_argument"})
"""Habits that leave it to the guard to say which promise breaks."""
_KINDS: Final = {
    "required": FindingKind.MISSING_REQUIRED,
    "type": FindingKind.WRONG_TYPE,
    "enum": FindingKind.NOT_IN_ENUM,
    "additionalProperties": FindingKind.EXTRA_KEY,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What a draft breaks: the point of comparison for the next proposal."""

    schema: tuple[tuple[JsonPath, str], ...] = ()
    checks: tuple[Break, ...] = ()


def _same(before: Kept, after: Kept) -> bool:
    return set(before.schema) == set(after.schema) and set(before.checks) == set(after.checks)


def _problems_meant(broken: Break) -> int:
    """Return how many schema rules a slip means to break: one in an answer or in arguments, none by a wrong call."""
    in_schema = (FindingKind.NULL_ARGUMENT, FindingKind.INVALID_ARGUMENTS)
    return int(broken.rung is Rung.SCHEMA or broken.kind in in_schema)


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges proposals for one scene."""

    scene: Scene

    def judge(self, draft: Draft) -> Kept:
        """Return what a draft breaks of schema and checks."""
        problems = schema_problems(self.scene.schema_key, draft.value) if draft.kind == "json" else []
        problems += [
            (path, keyword)
            for index, call in enumerate(draft.calls)
            if (key := self.scene.argument_keys.get(call.name)) is not None
            for path, keyword in schema_problems(key, call.arguments, f"$tool_calls[{index}].arguments")
        ]
        return Kept(tuple(problems), broken_checks(self.scene.checks, draft, frozenset(self.scene.argument_keys)))

    def admit(self, before: Kept, draft: Draft, slip: Slip) -> tuple[Kept, Slip] | None:
        """Return the slip with all that follows from it, or None when it does another harm than it says."""
        after = self.judge(draft)
        new_problems = [problem for problem in after.schema if problem not in before.schema]
        new_checks = tuple(broken for broken in after.checks if broken not in before.checks)
        if slip.habit in _LEFT_OPEN:
            if new_problems or not new_checks:
                return None
            return after, replace(
                slip, breaks=new_checks[0], also=new_checks[1:], path=new_checks[0].path, changes=None
            )
        if slip.breaks is None:
            # Nor may it mend what is broken: a break in the log has to be there to be found.
            return (after, slip) if _same(before, after) else None
        if (
            slip.steps is not None
            and slip.breaks.rung in (Rung.SCHEMA, Rung.TOOLS)
            and len(new_problems) != _problems_meant(slip.breaks)
        ):
            return None
        return after, replace(slip, also=(*slip.also, *new_checks), changes=None)

    def of_reference(self, reference: Draft) -> tuple[Slip, ...]:
        """Return what the reference answer itself breaks, as slips nobody made."""
        kept = self.judge(reference)
        broken = [
            *(
                Break(Rung.SCHEMA, _KINDS.get(keyword, FindingKind.SCHEMA_VIOLATION), path)
                for path, keyword in kept.schema
            ),
            *kept.checks,
        ]
        return tuple(Slip("reference_answer", one.path, breaks=one, origin="reference") for one in broken)
