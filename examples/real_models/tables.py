"""The figures of a run of this example as the Markdown tables of docs/real-models.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from migrate.statistics.proportions import wilson

RUNGS = ("answered", "parsed", "schema", "tools", "checks", "agreement")


def tables(results: Mapping[str, Any]) -> str:
    """Return the tables of the parts that were run, each under the name of its part."""
    lines: list[str] = []
    if "migration" in results:
        lines += ["migration:", "", *_replay(results["migration"]["as_it_is"]), ""]
        lines += ["migration, examples as turns:", "", *_replay(results["migration"]["turns"]), ""]
    compared = {part: results[part] for part in ("batching", "sampling") if part in results}
    if compared:
        lines += ["the baseline against itself:", "", *_itself(compared), ""]
    if "chains" in results:
        lines += ["the demo's chains, recorded:", "", *_recorded(results["chains"]["recorded"]), ""]
        lines += ["the demo's chains, replayed:", "", *_replay(results["chains"]), ""]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _recorded(flows: Mapping[str, Any]) -> Iterator[str]:
    head = ("flow", "cases", "samples", "calls of a sample", "step", "calls", "whole JSON", "cut at the limit")
    return _table(head, (row for name, flow in sorted(flows.items()) for row in _steps(name, flow)))


def _steps(name: str, flow: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    shapes = "; ".join(f"{shape} ({count})" for shape, count in flow["shapes"].items())
    said: Sequence[str] = (name, str(flow["cases"]), str(flow["samples"]), shapes)
    # results.json is sorted by name; the steps come in their own order.
    for step in sorted(flow["steps"], key=shapes.find):
        ends = flow["steps"][step]
        yield *said, step, *(str(ends[key]) for key in ("calls", "json", "cut"))
        said = ("", "", "", "")


def _replay(replay: Mapping[str, Any]) -> Iterator[str]:
    head = ("flow", *RUNGS, "breaking cases", "Wilson 95 %", "other cases", "flow")
    return _table(head, (_flow(name, flow) for name, flow in sorted(replay["flows"].items())))


def _flow(name: str, flow: Mapping[str, Any]) -> Sequence[str]:
    """Return one row; rates are the candidate's samples, in brackets the baseline's."""
    rates = [_rates(flow["rungs"].get(rung)) for rung in RUNGS]
    breaking = flow["verdicts"].get("breaking", 0)
    others = ", ".join(
        f"{count} {verdict.replace('_', ' ')}" for verdict, count in flow["verdicts"].items() if verdict != "breaking"
    )
    cells = f"{breaking} of {flow['cases']}", _interval(breaking, flow["cases"]), others or "-"
    return name, *rates, *cells, flow["verdict"] or "-"


def _rates(rates: Mapping[str, Mapping[str, int]] | None) -> str:
    if rates is None:
        return "-"
    candidate, baseline = rates["candidate"], rates["baseline"]
    return f"{candidate['passed']}/{candidate['total']} ({baseline['passed']}/{baseline['total']})"


def _interval(count: int, total: int) -> str:
    low, high = wilson(count, total)
    return f"{low:.0%} to {high:.0%}"


def _itself(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from _table(("", *parts), _figures(parts))


def _figures(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    yield "n", *(f"{len(part['cases'])} cases" for part in parts.values())
    yield (
        "cases to which the baseline gave 1, 2, 3 different answers",
        *(_spread(part["spread"]) for part in parts.values()),
    )
    yield "baseline answers that agree with its two others", *(_own_agreement(part) for part in parts.values())
    for words, key in (
        ("drift, of all cases", "drift_of_all"),
        ("drift, of cases whose values and wording were compared", "drift_of_compared"),
        ("breaking, of all cases", "breaking_of_all"),
    ):
        yield words, *(_share(part["alarms"][key]) for part in parts.values())
    yield "cases", *(_counted(part["cases"].values()) for part in parts.values())
    verdicts = ([flow["verdict"] or "-" for flow in part["flows"].values()] for part in parts.values())
    yield "flows", *(_counted(found) for found in verdicts)


def _spread(spread: Mapping[str, int]) -> str:
    return ", ".join(str(spread.get(number, 0)) for number in ("1", "2", "3"))


def _own_agreement(part: Mapping[str, Any]) -> str:
    rates = [flow["rungs"]["agreement"]["baseline"] for flow in part["flows"].values()]
    return f"{sum(rate['passed'] for rate in rates)} of {sum(rate['total'] for rate in rates)}"


def _share(share: Mapping[str, int]) -> str:
    count, total = share["count"], share["total"]
    return f"{count} of {total}, Wilson 95 % {_interval(count, total)}"


def _counted(verdicts: Iterable[str]) -> str:
    return ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in Counter(verdicts).most_common())
