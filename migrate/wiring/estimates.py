"""What a run would cost, said before anything is spent: the usage of the goldens at the prices of the models asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from migrate.errors import PromptMigrateError
from migrate.presenting.numbers import counted
from migrate.rendering import baseline_of
from migrate.vocabulary import Candidate, CaseId, Flow, Measurement
from migrate.wiring.world import World, offers

CENTS: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would cost if every answer were asked for."""

    usd: Decimal
    """Of the cases that could be estimated."""
    cases: int
    """Cases and candidates that are in it."""
    planned: int
    """All cases and candidates."""


Planned = Iterable[tuple[Flow, CaseId, Candidate]]
"""What would be asked: a recording's candidate is the baseline."""


def planned_of(flows: Iterable[Flow], candidates: Sequence[Candidate]) -> Planned:
    """Yield all that a replay, or without candidates a recording, of whole flows would ask."""
    for flow in flows:
        for candidate in candidates or (baseline_of(flow),):
            if offers(flow, candidate):
                yield from ((flow, case.id, candidate) for case in flow.cases)


def estimate(world: World, planned: Planned, samples: int | None, *, recording: bool) -> Estimate:
    """Estimate a run; `samples` as on the command line. What has no measurement or no price is left out."""
    table, today = world.prices(), world.clock.today()
    measured: dict[str, dict[str, list[Measurement]]] = {}
    total, known, count = Decimal(0), 0, 0
    for flow, case, candidate in planned:
        count += 1
        if flow.name not in measured:
            measured[flow.name] = _by_case(world, flow)
        rows = measured[flow.name].get(case, [])
        models = (candidate.model_for(row.asked_model) for row in rows)
        prices = [
            table.price_usage(model, row.usage, on=today, tier=row.service_tier).usd
            for model, row in zip(models, rows, strict=True)
        ]
        if rows and None not in prices:
            recorded = len({row.sample for row in rows})
            wanted = samples or ((flow.samples or world.settings.samples) if recording else recorded)
            total += sum(prices, Decimal(0)) * wanted / recorded
            known += 1
    return Estimate(total, known, count)


def _by_case(world: World, flow: Flow) -> dict[str, list[Measurement]]:
    rows: dict[str, list[Measurement]] = {}
    try:
        measured: Iterable[Measurement] = world.goldens.measurements(flow.name)
    except PromptMigrateError:  # a damaged file is told where it is needed: here it only makes the estimate smaller
        measured = ()
    for row in measured:
        rows.setdefault(row.case, []).append(row)
    return rows


def estimate_line(world: World, planned: Planned, samples: int | None, cap: str | None, *, recording: bool) -> str:
    """Return the line that a run shows before it spends anything."""
    found = estimate(world, planned, samples, recording=recording)
    limit = f"the cap is ${cap}" if cap else "there is no cap (--max-cost)"
    if not found.cases:
        return f"prompt-migrate: no estimate of the cost: nothing of it was measured yet; {limit}"
    short = f", {counted(found.planned - found.cases, 'case')} not in it" if found.cases < found.planned else ""
    asked = f"by the usage of the goldens, if every answer is asked for{short}"
    return f"prompt-migrate: estimated cost ${_shown(found.usd)} {asked}; {limit}"


def _shown(usd: Decimal) -> str:
    return f"{usd.quantize(CENTS)}" if usd >= CENTS else f"{usd.normalize():f}"[:9]
