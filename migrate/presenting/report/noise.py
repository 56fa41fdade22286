"""What today's model does by itself: how many samples the goldens hold, and which changes its own noise explains."""

from __future__ import annotations

from collections import Counter
from typing import Any

from migrate.canonical import any_index
from migrate.vocabulary import CaseId, Comparison, FlowName, Golden

MOST_PATHS = 8


class NoiseFloor:
    """Counts, flow by flow."""

    def __init__(self) -> None:
        self._samples: dict[FlowName, Counter[int]] = {}
        self._unstable: dict[FlowName, int] = {}
        self._explained: dict[FlowName, dict[str, set[tuple[CaseId, str]]]] = {}

    def add(self, golden: Golden) -> None:
        """Count a golden's samples, and whether they keep the contract in part only."""
        self._samples.setdefault(golden.flow, Counter())[len(golden.samples)] += 1
        kept = sum(judged.kept for judged in golden.samples)
        if 0 < kept < len(golden.samples):
            self._unstable[golden.flow] = self._unstable.get(golden.flow, 0) + 1

    def explain(self, comparison: Comparison) -> None:
        """Count the differences that the baseline's own noise explains, by path."""
        paths = self._explained.setdefault(comparison.flow, {})
        for finding in comparison.findings:
            if finding.explained == "noise":
                paths.setdefault(any_index(finding.path), set()).add((comparison.case, comparison.candidate))

    def document(self, flow: FlowName) -> dict[str, Any]:
        """Return a flow's noise: cases by number of samples, and the paths where it varies most."""
        paths = self._explained.get(flow, {})
        largest = sorted(paths.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_PATHS]
        return {
            "samples": {str(count): cases for count, cases in sorted(self._samples.get(flow, Counter()).items())},
            "unstable": self._unstable.get(flow, 0),
            "paths": [[path, len(cases)] for path, cases in largest],
            "more_paths": max(len(paths) - MOST_PATHS, 0),
        }
