"""`measurements.json`: usage, latency, served model and date of every recorded sample, one row a line.

Rows are sorted by case, sample and call, and each carries a short checksum of its own, so that git can merge rows
of different cases and a changed one is still noticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from migrate.canonical import digest_json
from migrate.edges.goldens.paper import FORMAT, Damage, check_format, escaped, parsed, text_of
from migrate.vocabulary import CaseId, FlowName, Json, JsonObject, Measurement, Source, Timing, Usage

_row: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, check_circular=False).encode


def measurements_text(flow: FlowName, measurements: Iterable[Measurement]) -> str:
    """Return the text of a flow's measurements."""
    ordered = sorted(measurements, key=lambda row: (row.case, row.sample, row.ordinal, row.asked_model))
    rows = ",\n".join("    " + escaped(_row(_sealed(_entry(measurement)))) for measurement in ordered)
    listed = f"[\n{rows}\n  ]" if rows else "[]"
    return f'{{\n  "flow": {escaped(_row(flow))},\n  "format": {FORMAT},\n  "rows": {listed}\n}}\n'


def measurements_of(content: bytes, flow: FlowName, damage: Damage) -> tuple[Measurement, ...]:
    """Return the measurements a file holds. Raises StoreProblem."""
    text = text_of(content, damage)
    document = parsed(text, damage)
    check_format(document, damage)
    if document.get("flow") != flow or set(document) != {"flow", "format", "rows"}:
        damage.raise_(f'does not hold the measurements of flow "{flow}"')
    try:
        for row in document["rows"]:
            if row != _sealed({name: value for name, value in row.items() if name != "sum"}):
                damage.raise_(f"was damaged or edited by hand: row {_named(row)} does not fit its checksum")
        return tuple(_measurement(flow, row) for row in document["rows"])
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        damage.raise_("does not have the shape of measurements", cause=problem)


def _named(row: JsonObject) -> str:
    return f"{row.get('case')!s:.80} sample {row.get('sample')!s:.8}"


def _sealed(entry: Mapping[str, Json]) -> dict[str, Json]:
    return {**entry, "sum": digest_json(entry)[:12]}


def _entry(measurement: Measurement) -> dict[str, Json]:
    usage = {name: tokens for name, tokens in asdict(measurement.usage).items() if tokens is not None}
    entry: dict[str, Json] = {
        "asked_model": measurement.asked_model,
        "at": measurement.at,
        "case": measurement.case,
        "ordinal": measurement.ordinal,
        "sample": measurement.sample,
        "simulated": measurement.simulated,
        "source": measurement.source.value,
        "usage": usage,
    }
    optional = {
        "cost_usd": measurement.cost_usd,
        "request_id": measurement.request_id,
        "served_model": measurement.served_model,
        "service_tier": measurement.service_tier,
        "timing": None if measurement.timing is None else _timing(measurement.timing),
        "lost": measurement.lost or None,
        "step": measurement.step,
    }
    return entry | {name: value for name, value in optional.items() if value is not None}


def _timing(timing: Timing) -> dict[str, Json]:
    return {name: value for name, value in asdict(timing).items() if value is not None}


def _measurement(flow: FlowName, row: Mapping[str, Any]) -> Measurement:
    timing = row.get("timing")
    return Measurement(
        flow=flow,
        case=CaseId(row["case"]),
        sample=row["sample"],
        ordinal=row["ordinal"],
        asked_model=row["asked_model"],
        served_model=row.get("served_model"),
        usage=Usage(**row["usage"]),
        service_tier=row.get("service_tier"),
        timing=None if timing is None else Timing(**timing),
        at=row["at"],
        source=Source(row["source"]),
        simulated=row["simulated"],
        request_id=row.get("request_id"),
        cost_usd=row.get("cost_usd"),
        lost=row.get("lost", 0),
        step=row.get("step"),
    )
