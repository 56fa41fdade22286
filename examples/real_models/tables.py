"""The figures of a run of this example as the Markdown tables of docs/real-models.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _replay(replay: Mapping[str, Any]) -> Iterator[str]:
    head = ("flow", *RUNGS, "breaking cases", "Wilson 95 %", "other verdicts")
    return _table(head, (_flow(name, flow) for name, flow in sorted(replay["flows"].items())))


def _flow(name: str, flow: Mapping[str, Any]) -> Sequence[str]:
    """Return one row; rates are the candidate's samples, in brackets the baseline's."""
    rates = [_rates(flow["rungs"].get(rung)) for rung in RUNGS]
    breaking = flow["verdicts"].get("breaking", 0)
    others = ", ".join(
        f"{count} {verdict.replace('_', ' ')}" for verdict, count in flow["verdicts"].items() if verdict != "breaking"
    )
    return name, *rates, f"{breaking} of {flow['cases']}", _interval(breaking, flow["cases"]), others or "-"


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
    yield "cases", *(str(len(part["cases"])) for part in parts.values())
    yield "baseline gave 1, 2, 3 different answers", *(_spread(part["spread"]) for part in parts.values())
    yield "baseline samples that agree with its others", *(_own_agreement(part) for part in parts.values())
    for words, key in (
        ("drift, of all cases", "drift_of_all"),
        ("drift, of cases whose values and wording were compared", "drift_of_compared"),
        ("breaking, of all cases", "breaking_of_all"),
    ):
        yield words, *(_share(part["alarms"][key]) for part in parts.values())
    yield "verdicts", *(_verdicts(part["cases"]) for part in parts.values())


def _spread(spread: Mapping[str, int]) -> str:
    return ", ".join(str(spread.get(number, 0)) for number in ("1", "2", "3"))


def _own_agreement(part: Mapping[str, Any]) -> str:
    rates = [flow["rungs"]["agreement"]["baseline"] for flow in part["flows"].values()]
    return f"{sum(rate['passed'] for rate in rates)} of {sum(rate['total'] for rate in rates)}"


def _share(share: Mapping[str, int]) -> str:
    count, total = share["count"], share["total"]
    return f"{count} of {total}, Wilson 95 % {_interval(count, total)}"


def _verdicts(cases: Mapping[str, str]) -> str:
    return ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in Counter(cases.values()).most_common())
