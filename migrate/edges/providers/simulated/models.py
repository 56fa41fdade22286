"""Which models the simulated provider serves: snapshots, limits and announced retirement dates, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from migrate.vocabulary import Json


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model as `/v1/models` and the context checks know it."""

    alias: str
    """The name applications ask for."""
    snapshot: str
    """The name replies carry."""
    context: int
    """Tokens of input and output together."""
    max_output: int
    created: int
    """Unix time of publication."""
    shutdown_date: str | None = None
    """ISO date on which the model leaves the API; None: not announced."""


_MILLION: Final = 1_047_576

MODELS: Final = (
    ServedModel("gpt-4o", "gpt-4o-2024-08-06", 128_000, 16_384, 1_715_367_049, "2027-01-14"),
    ServedModel("gpt-4o-mini", "gpt-4o-mini-2024-07-18", 128_000, 16_384, 1_721_172_741, "2027-01-14"),
    ServedModel("gpt-4.1", "gpt-4.1-2025-04-14", _MILLION, 32_768, 1_744_316_542, "2027-01-14"),
    ServedModel("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", _MILLION, 32_768, 1_744_318_173, "2027-01-14"),
    ServedModel("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", _MILLION, 32_768, 1_744_321_707, "2026-10-23"),
    ServedModel("gpt-6-luna", "gpt-6-luna", 922_000, 128_000, 1_780_000_000),
)
"""Limits: price file of LiteLLM 1.109; dates: the announcements of 2026-10; gpt-6-luna's `created` is made up."""


@dataclass(frozen=True, slots=True)
class Models:
    """The models one server answers for."""

    known: tuple[ServedModel, ...] = MODELS

    def find(self, name: str) -> ServedModel | None:
        """Return the model of an alias or snapshot name; None: unknown."""
        return next((model for model in self.known if name in (model.alias, model.snapshot)), None)

    def with_names(self, names: tuple[str, ...]) -> Models:
        """Return these models and others of the given names, with roomy limits and no retirement date."""
        more = tuple(ServedModel(name, name, _MILLION, 32_768, 1_768_435_200) for name in names if not self.find(name))
        return Models(self.known + more)


def model_object(name: str, model: ServedModel) -> Json:
    """Return a model as `GET /v1/models` shows it, under its alias or its snapshot name."""
    return {
        "id": name,
        "object": "model",
        "created": model.created,
        "owned_by": "system",
        "shutdown_date": model.shutdown_date,
    }


def model_list(models: Models) -> Json:
    """Return the body of `GET /v1/models`."""
    names = [(name, model) for model in models.known for name in dict.fromkeys((model.alias, model.snapshot))]
    return {"object": "list", "data": [model_object(name, model) for name, model in names]}
