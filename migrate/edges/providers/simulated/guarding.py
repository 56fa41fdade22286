"""The guard between a habit's proposal and the answer: harmless stays harmless, harm is exactly as meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from migrate.edges.providers.simulated.draft import Break, Draft, Slip
from migrate.edges.providers.simulated.promises import broken_checks, schema_problems
from migrate.edges.providers.simulated.scene import Scene
from migrate.vocabulary import FindingKind, JsonPath, Rung

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


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges proposals for one scene."""

    scene: Scene

    def judge(self, draft: Draft) -> Kept:
        """Return what a draft breaks of schema and checks."""
        problems = schema_problems(self.scene.schema_key, draft.value) if draft.kind == "json" else []
        return Kept(tuple(problems), broken_checks(self.scene.checks, draft))

    def admit(self, before: Kept, draft: Draft, slip: Slip) -> tuple[Kept, Slip] | None:
        """Return the slip with all that follows from it, or None when it does another harm than it says."""
        after = self.judge(draft)
        new_problems = [problem for problem in after.schema if problem not in before.schema]
        new_checks = tuple(broken for broken in after.checks if broken not in before.checks)
        if slip.habit == "failed_check":
            if new_problems or not new_checks:
                return None
            return after, replace(
                slip, breaks=new_checks[0], also=new_checks[1:], path=new_checks[0].path, changes=None
            )
        if slip.breaks is None:
            return None if new_problems or new_checks else (after, slip)
        if slip.breaks.rung is Rung.SCHEMA and len(new_problems) != 1:
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
