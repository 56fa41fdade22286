"""How a reply comes about: the reference answer, the case's noise, the persona's habits, other words."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from migrate.edges.providers.simulated.book import BookEntry
from migrate.edges.providers.simulated.chance import Chance, in_share
from migrate.edges.providers.simulated.draft import Draft, Origin, Performance, Slip
from migrate.edges.providers.simulated.generating import generate
from migrate.edges.providers.simulated.guarding import Guard, Kept
from migrate.edges.providers.simulated.habits import BY_NAME, Habit
from migrate.edges.providers.simulated.json_habits import jitter
from migrate.edges.providers.simulated.personas import NOISE, PERSONAS, RETUNED, CaseNoise, Persona, Rate, persona_for
from migrate.edges.providers.simulated.question import Question
from migrate.edges.providers.simulated.rewording import rewordings
from migrate.edges.providers.simulated.scene import Act, Scene, scene_of
from migrate.edges.providers.simulated.second_answers import second_answer

_CASE_BREAKS: Final = ("failed_check", "fenced_json", "number_as_string", "dropped_required", "missing_tool_call")
"""What an unstable case may do, whoever answers: breaks that a baseline shows too."""
_UNSTABLE: Final = 0.2
_OF_THE_CASE: Final = Chance(1)
"""Draws what a case is like: the same under every seed, so that a baseline asked anew is still the same model."""
_TRIES: Final = 12
"""Proposals of one habit that are tried before it is given up."""


@dataclass(frozen=True, slots=True)
class Troupe:
    """Everyone who may answer, with one seed: a reply is a pure function of seed, model, question and sample."""

    seed: int = 1
    personas: Mapping[str, Persona] = field(default_factory=lambda: PERSONAS)
    noise: CaseNoise = NOISE

    @property
    def chance(self) -> Chance:
        return Chance(self.seed)

    def perform(
        self, question: Question, model: str, prompt_key: str, entry: BookEntry | None, sample: int
    ) -> Performance:
        """Return the reply of a model (by alias) to a question, with everything that was done to it."""
        persona = persona_for(model, self.personas)
        if entry is not None and entry.baseline == model:
            persona = replace(persona, habits={})
        reference = entry.reference if entry is not None else None
        scene = self._scene(question, prompt_key, entry, sample)
        if reference is None:
            reference = generate(question, scene.schema, self.chance, prompt_key)
        retuned = entry is not None and entry.variant is not None
        return _Play(scene, persona, self.noise, retuned).perform(reference)

    def _scene(self, question: Question, prompt_key: str, entry: BookEntry | None, sample: int) -> Scene:
        if entry is None:
            flow = f"{self.chance.bits('opening', question.opening):x}"
            promised = {"schema": question.schema, "parse": "text" if question.response_format == "text" else "json"}
            return scene_of(question, flow, prompt_key, sample, self.chance, **promised)
        schema = entry.schema if entry.schema is not None else question.schema
        promises = {"schema": schema, "parse": entry.parse, "checks": entry.checks}
        return scene_of(question, entry.scene, entry.place, sample, self.chance, **promises)


@functools.lru_cache(maxsize=4096)
def _inclinations(
    habits: tuple[tuple[str, Rate], ...], chance: Chance, flow: str, case: str, retuned: bool
) -> tuple[tuple[Habit, float, float], ...]:
    """Return the habits a case is inclined to, with share and phase over its samples, in the order they are tried."""
    inclined = []
    for name, rate in habits:
        habit = BY_NAME[name]
        flows = rate.flows * (RETUNED if retuned and habit.breaking else 1.0)
        if chance.unit(flow, name, "flow") < flows and chance.unit(case, name, "case") < rate.cases:
            inclined.append((habit, rate.samples, chance.unit(case, name, "phase")))
    return tuple(sorted(inclined, key=lambda one: chance.bits(case, one[0].name, "order")))


@dataclass(slots=True)
class _Play:
    """One reply in the making."""

    scene: Scene
    persona: Persona
    noise: CaseNoise
    retuned: bool
    slips: list[Slip] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)
    """What the draft breaks so far."""

    def perform(self, reference: Draft) -> Performance:
        """Run through the stages in order; an answer that is not given at all ends the play early."""
        self.kept = self.guard.judge(reference)
        own = self.guard.of_reference(reference)
        draft, later, origin = self._break(reference)
        if later is not None and later.stage == "instead":
            return Performance(self._act(later.act, self._written(draft), origin) or draft, tuple(self.slips))
        draft = self._noise(draft)
        for habit in self._active(breaking=False):
            draft = self._try(habit, draft, "persona") or draft
        draft = self._written(self._reworded(draft))
        if later is not None:
            draft = self._act(later.act, draft, origin) or draft
        return Performance(draft, (*own, *self.slips))

    @property
    def guard(self) -> Guard:
        return Guard(self.scene)

    # --- Which habits --------------------------------------------------------------------------------

    def _break(self, draft: Draft) -> tuple[Draft, Habit | None, Origin]:
        """Let at most one habit break the contract: at once when it changes the value, else it is for later."""
        for habit, origin in self._candidates():
            if not habit.possible(self.scene, draft.kind):
                continue
            if habit.stage == "value":
                if (changed := self._act(habit.act, draft, origin)) is not None:
                    return changed, None, origin
            elif next(self._admitted(habit.act, self._written(draft), self._seen_by(origin)), None) is not None:
                return draft, habit, origin
        return draft, None, "persona"

    def _candidates(self) -> Iterator[tuple[Habit, Origin]]:
        """Yield the habits that may break this reply, the case's own before the persona's."""
        case = self.scene.case
        fate, phase = _OF_THE_CASE.unit(case, "fate"), _OF_THE_CASE.unit(case, "fate phase")
        never, unstable = self.noise.never_kept, self.noise.never_kept + self.noise.unstable
        if fate < never or (fate < unstable and in_share(_UNSTABLE, phase, self.scene.sample)):
            for name in self._seen_by("case").ordered(_CASE_BREAKS, str, "fate"):
                yield BY_NAME[name], "case"
        for habit in self._active(breaking=True):
            yield habit, "persona"

    def _seen_by(self, origin: Origin) -> Scene:
        """Return the scene for a habit: how a case trips is the case's own, and the same under every seed."""
        return replace(self.scene, chance=_OF_THE_CASE) if origin == "case" else self.scene

    def _active(self, *, breaking: bool) -> list[Habit]:
        """Return the persona's habits that show in this sample."""
        scene = self.scene
        if breaking and scene.chance.unit(scene.flow, "steady") < self.persona.steady:
            return []
        inclined = _inclinations(tuple(self.persona.habits.items()), scene.chance, scene.flow, scene.case, self.retuned)
        return [
            habit
            for habit, share, phase in inclined
            if habit.breaking is breaking and in_share(share, phase, scene.sample)
        ]

    # --- Stages --------------------------------------------------------------------------------------

    def _noise(self, draft: Draft) -> Draft:
        """Lay the case's own noise into the answer: the second answer where the case has one, jitter always."""
        if self._second():
            draft = self._act(second_answer, draft, "case") or draft
        while draft.kind == "json" and (jittered := self._act(jitter, draft, "case", self.scene)) is not None:
            draft = jittered
        return draft

    def _second(self) -> bool:
        """Say whether this sample gives the second answer of an ambiguous case."""
        case, sample = self.scene.case, self.scene.sample
        if _OF_THE_CASE.unit(case, "ambiguous") >= self.noise.ambiguous:
            return False
        least, most = self.noise.second
        share = least + (most - least) * _OF_THE_CASE.unit(case, "ambiguous share")
        return self.scene.chance.unit(case, sample, "second answer") < share

    def _reworded(self, draft: Draft) -> Draft:
        """Put prose in other words, string by string."""
        for proposals in rewordings(self.scene, draft, self.persona):
            draft = self._act(proposals, draft, "persona") or draft
        return draft

    def _written(self, draft: Draft) -> Draft:
        if draft.kind != "json" or draft.text is not None:
            return draft
        return replace(draft, text=json.dumps(draft.value, ensure_ascii=False, indent=self.persona.indent))

    # --- One act -------------------------------------------------------------------------------------

    def _try(self, habit: Habit, draft: Draft, origin: Origin) -> Draft | None:
        return self._act(habit.act, draft, origin) if habit.possible(self.scene, draft.kind) else None

    def _act(self, act: Act, draft: Draft, origin: Origin, scene: Scene | None = None) -> Draft | None:
        """Carry out the first proposal that the guard admits, and note the slip."""
        found = next(self._admitted(act, draft, scene or self._seen_by(origin)), None)
        if found is None:
            return None
        changed, self.kept, slip = found
        self.slips.append(replace(slip, origin=origin))
        if slip.steps is not None:
            self.scene = self.scene.touching(slip.steps)
        return changed

    def _admitted(self, act: Act, draft: Draft, scene: Scene) -> Iterator[tuple[Draft, Kept, Slip]]:
        for changed, slip in itertools.islice(act(scene, draft), _TRIES):
            if (admitted := self.guard.admit(self.kept, changed, slip)) is not None:
                yield changed, *admitted
