"""`--migrate-resume`: take the options and the selection of a run that was stopped, and finish it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from migrate.edges.plans import Plan
from migrate.errors import UsageProblem

KEPT: Final = (
    "model",
    "golden",
    "samples",
    "fresh",
    "provider",
    "as_of",
    "seed",
    "time_scale",
    "max_cost",
    "fail_on",
    "ledger",
    "concurrency",
)
"""Options that a resumed run takes from its plan."""
CHANGEABLE: Final = frozenset({"seed", "time_scale", "max_cost", "fail_on", "ledger", "concurrency"})
"""Options that may be given anew when a run is resumed."""


def options_of(config: pytest.Config) -> dict[str, Any]:
    """Return the options of a run as its plan keeps them."""
    return {name: getattr(config.option, f"migrate_{name}") for name in KEPT}


def take_over(config: pytest.Config, plan: Plan) -> None:
    """Set the options of the plan where the command line says nothing. Raises UsageProblem where they disagree."""
    asked: Mapping[str, Any] = options_of(config)
    for name in KEPT:
        value = plan.options.get(name)
        if asked[name] in (None, []):
            setattr(config.option, f"migrate_{name}", value)
        elif asked[name] != value and name not in CHANGEABLE:
            raise UsageProblem(
                f"run {plan.run.id} was started with --migrate-{name.replace('_', '-')} {value!r}, not {asked[name]!r}",
                hint="a resumed run keeps what it asks; leave the option out, or start a new run",
            )
