"""Cost and latency of the steps of chains, each weighed as a flow of its own."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.evidence.latency import Clockings, quantiles_of
from migrate.evidence.money import Ratio, Spending
from migrate.vocabulary import Measurement, StepEvidence


class Steps:
    """The steps of one flow against one candidate, as its cases come."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}

    def add(self, baseline: Sequence[Measurement], candidate: Sequence[Measurement]) -> None:
        """Add one case's measurements; calls that belong to no step are the flow's alone."""
        sides = (_by_step(baseline), _by_step(candidate))
        for name in dict.fromkeys(name for side in sides for name in side):
            self._steps.setdefault(name, _Step()).add(*(side.get(name, []) for side in sides))

    def evidence(self) -> tuple[StepEvidence, ...]:
        """Return the steps in the order of the chain: one that is not always made comes before those behind it."""
        ordered = sorted(self._steps.items(), key=lambda pair: pair[1].latest)
        return tuple(step.evidence(name) for name, step in ordered)


class _Step:
    def __init__(self) -> None:
        self.calls = [0, 0]
        self.latest = 0
        """The highest ordinal any of its calls had."""
        self.spent = (Spending(), Spending())
        self.clocked = (Clockings(), Clockings())
        self.ratio = Ratio()

    def add(self, *sides: Sequence[Measurement]) -> None:
        for place, measurements in enumerate(sides):
            self.calls[place] += len(measurements)
            self.latest = max(self.latest, *(measurement.ordinal for measurement in measurements), 0)
            self.spent[place].add(measurements)
            self.clocked[place].add(measurements)
        self.ratio.add(*sides)

    def evidence(self, name: str) -> StepEvidence:
        baseline, candidate = quantiles_of(*self.clocked)
        return StepEvidence(
            step=name,
            calls_baseline=self.calls[0],
            calls_candidate=self.calls[1],
            cost_baseline=self.spent[0].money(),
            cost_candidate=self.spent[1].money(),
            cost_ratio=self.ratio.value(),
            latency_baseline=baseline,
            latency_candidate=candidate,
        )


def _by_step(measurements: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    found: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        if measurement.step is not None:
            found.setdefault(measurement.step, []).append(measurement)
    return found
