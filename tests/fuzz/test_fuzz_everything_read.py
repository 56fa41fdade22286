"""Whatever is read, foreign or damaged, ends in a value or in words: no traceback, no hang, no memory without end.

`FUZZ_INPUTS` is how many inputs all readers get together (`nox -s fuzz`: 100,000), `FUZZ_SEED` which ones.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from fuzz_targets import Target, targets
from hypothesis import HealthCheck, Phase, given, seed, settings

INPUTS: Final = int(os.environ.get("FUZZ_INPUTS", "2500"))
SEED: Final = int(os.environ.get("FUZZ_SEED", "20260115"))
LONGEST_S: Final = 2.0
MOST_MB: Final = 512
TARGETS: Final = targets()
PARTS: Final = sum(target.share for target in TARGETS)


@dataclass
class Figures:
    """What fuzzing one reader, or all of them, took."""

    count: int = 0
    longest_s: float = 0.0
    """Of one input, in CPU time: a busy machine is no hang."""
    rows: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self) -> Iterator[None]:
        started = time.process_time()
        yield
        self.count += 1
        self.longest_s = max(self.longest_s, time.process_time() - started)


TOTAL: Final = Figures()


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_input_ends_in_a_value_or_in_words(target: Target) -> None:
    """No input of a reader raises anything but an error of the family, and none takes longer than two seconds."""
    figures = Figures()
    wanted = max(10, INPUTS * target.share // PARTS)
    quiet = settings(
        max_examples=wanted,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    @seed(SEED)
    @quiet
    @given(target.inputs)
    def read(given_input: Any) -> None:
        with figures.timed():
            target.read(given_input)

    read()
    TOTAL.count += figures.count
    TOTAL.longest_s = max(TOTAL.longest_s, figures.longest_s)
    TOTAL.rows.append(f"{target.name}: {figures.count} inputs, longest {figures.longest_s:.3f} s")
    assert figures.count >= wanted
    assert figures.longest_s < LONGEST_S


def test_memory_stays_bounded() -> None:
    """After all of them the process has never held more than 512 MB."""
    peak = peak_mb()
    total = f"all: {TOTAL.count} inputs, longest {TOTAL.longest_s:.3f} s, peak memory {peak:.0f} MB"
    print(*TOTAL.rows, total, sep="\n")
    if "FUZZ_REPORT" in os.environ:
        Path(os.environ["FUZZ_REPORT"]).write_text("\n".join([*TOTAL.rows, total, ""]), encoding="utf-8")
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("other tests of this worker hold memory too: `nox -s fuzz` measures it")
    assert peak < MOST_MB
