"""The `golden` fixture: values of the application that belong to its flow, held against what was recorded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest

from migrate.errors import UsageProblem
from migrate.presenting.failure import finding_lines
from migrate.vocabulary import Finding, Json

MOST_LINES: Final = 15
DEFAULT: Final = "value"
"""Name of a value that the test gives none."""
Weigh = Callable[[str, Json], Sequence[Finding]]
"""Name and value -> what differs from the golden; nothing while a run is recorded or judged as a whole."""


class GoldenValues:
    """What a marked test gets as `golden`: one for each run of the test.

    `golden.check(value, name="total")` and `value == golden` say the same. While goldens are recorded, and under
    `--model`, every value is taken and the test goes on: what differs is judged with the flow. In a bare run a value
    that differs from the golden beyond its noise fails the test.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, weigh: Weigh | None = None) -> None:
        self.values: dict[str, Json] = {}
        self.lines: list[str] = []
        """What the last comparison has to say."""
        self._weigh = weigh

    def check(self, value: object, name: str = DEFAULT) -> None:
        """Hold a value of the application against the golden under a name, unique within the test."""
        __tracebackhide__ = True  # what went wrong is told with the line of the test
        if not self._holds(value, name):
            raise AssertionError("\n".join(self.lines))

    def __eq__(self, value: object) -> bool:
        __tracebackhide__ = True
        place = sum(name.partition("_")[0] == DEFAULT for name in self.values)
        return self._holds(value, DEFAULT if not place else f"{DEFAULT}_{place + 1}")

    def __repr__(self) -> str:
        return "golden"

    def _holds(self, value: object, name: str) -> bool:
        __tracebackhide__ = True
        if name in self.values:
            raise UsageProblem(f'golden has a value "{name}" already: every value of a test has a name of its own')
        try:
            plain = self.values[name] = plain_of(value)
        except RecursionError:
            raise UsageProblem("golden takes what JSON can hold: this value is too deep, or holds itself") from None
        findings = () if self._weigh is None else self._weigh(name, plain)
        self.lines = [f"{name} differs from the golden:", *finding_lines(findings, MOST_LINES - 1)] if findings else []
        return not findings


def plain_of(value: object) -> Json:
    """Return a value as JSON. Raises UsageProblem for one that is none: a golden is a file to be read by people."""
    __tracebackhide__ = True
    dumped = getattr(value, "model_dump", None)
    if callable(dumped):
        return plain_of(dumped(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain_of(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        plain = {str(name): plain_of(item) for name, item in value.items()}
        if len(plain) < len(value):
            raise UsageProblem("golden takes what JSON can hold: two keys of this value are the same as texts")
        return plain
    if isinstance(value, list | tuple):
        return [plain_of(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageProblem(f"golden takes what JSON can hold, and {value} is no number there", hint="give it a text")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise UsageProblem(
        f"golden takes what JSON can hold, dataclasses and pydantic models, not {type(value).__name__}",
        hint="turn it into text, numbers, lists or objects first",
    )


GOLDEN: Final = pytest.StashKey[GoldenValues]()
"""On a marked item, while one of its runs goes on."""


def values_of(item: pytest.Item) -> GoldenValues:
    """Return the values of the run that goes on. Raises UsageProblem for a test that is no flow."""
    values = item.stash.get(GOLDEN, None)
    if values is None and item.get_closest_marker("flow") is None:
        raise UsageProblem("`golden` belongs to a test marked as a flow", hint='@pytest.mark.flow("refund")')
    return GoldenValues() if values is None else values


def compared_lines(op: str, left: Any, right: Any) -> list[str] | None:
    """Return what `assert value == golden` shows; None where no golden is on either side."""
    golden = left if isinstance(left, GoldenValues) else right
    if op != "==" or not isinstance(golden, GoldenValues) or not golden.lines:
        return None
    return golden.lines[:MOST_LINES]
