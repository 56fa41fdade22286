"""Which models the simulated provider serves: those of the catalogue of facts, and names given by the caller."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from migrate import catalogue
from migrate.catalogue import Family, ModelFacts
from migrate.edges.providers.simulated.complaints import context_exceeded, output_too_large, unsupported
from migrate.edges.providers.simulated.question import Question
from migrate.edges.providers.simulated.served import CREATED
from migrate.vocabulary import Json, JsonObject


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model under the name it was asked for."""

    asked: str
    facts: ModelFacts

    @property
    def alias(self) -> str:
        """The name without a date: whose habits it has."""
        return self.facts.name

    @property
    def snapshot(self) -> str:
        """The name replies carry: the dated one that was asked for, or the first of the alias."""
        return self.asked if self.asked != self.alias else next(iter(self.facts.snapshots), self.alias)

    def check(self, question: Question, body: JsonObject, prompt_tokens: int) -> None:
        """Raise Refused where the real model would refuse parameters, the length of the prompt or of the answer."""
        _check_parameters(self.facts.family, body)
        facts, wanted = self.facts, question.max_tokens or 0
        if facts.max_output is not None and wanted > facts.max_output:
            raise output_too_large(question.max_tokens_name, wanted, facts.max_output)
        if facts.max_input is not None and prompt_tokens > facts.max_input:
            raise context_exceeded(facts.max_input, prompt_tokens)
        if facts.context_window is not None and prompt_tokens + wanted > facts.context_window:
            raise context_exceeded(facts.context_window, prompt_tokens + wanted)


def _check_parameters(family: Family, body: JsonObject) -> None:
    effort = (body.get("reasoning") or {}).get("effort")
    given = {**body, "reasoning_effort": effort} if effort is not None else body
    for name in family.refusals(given):
        raise unsupported(name)
    for name, other in family.renamed.items():
        if body.get(name) is not None:
            raise unsupported(name, other)


@dataclass(frozen=True, slots=True)
class Models:
    """The models one server answers for."""

    named: tuple[str, ...] = ()
    """Names the catalogue does not know."""

    def find(self, name: str) -> ServedModel | None:
        """Return the model of an alias or snapshot name; None: unknown."""
        facts = catalogue.facts(name)
        if facts is None and name in self.named:
            facts = ModelFacts(name)
        return None if facts is None else ServedModel(name, facts)

    def all(self) -> list[ServedModel]:
        """Return every model, under its alias and its dated names."""
        names = dict.fromkeys((*catalogue.known_models(), *self.named))
        return [model for name in names if (model := self.find(name)) is not None]


def model_object(model: ServedModel) -> Json:
    """Return a model as `GET /v1/models` shows it; when it was created is not known here."""
    gone = model.facts.shutdown
    date = None if gone is None else gone.isoformat()
    return {"id": model.asked, "object": "model", "created": CREATED, "owned_by": "system", "shutdown_date": date}


@functools.lru_cache(maxsize=8)
def model_list(models: Models) -> dict[str, Any]:
    """Return the body of `GET /v1/models`."""
    return {"object": "list", "data": [model_object(model) for model in models.all()]}
