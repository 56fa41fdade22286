"""Hold chains to the simulated provider's account: `python benchmarks/oracle_chains.py [--seeds 3] [--flow NAME]`.

As benchmarks/oracle.py does for single prompts, call by call: each call of a sample has a line in the provider's log,
and every promise that a line says is broken has to be found at that call, and nothing else. Prints the figures and
writes them into docs/accuracy.md; ends with 1 when one is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "acceptance")]

from account import FLAGGED, Broken, Replayed, Workplace, contract_findings, own_models, promises_of  # noqa: E402

from migrate.comparing.traces import inner_path  # noqa: E402
from migrate.vocabulary import Call, CaseVerdict, FindingKind, Flow, Judged, Reply, Rung  # noqa: E402

CANDIDATES = ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano")
BINDING = frozenset({Rung.PARSED.value, Rung.SCHEMA.value, Rung.TOOLS.value})
"""Rungs on which a call before the final answer breaks the contract; on the first it is told, no more."""
PAGE = ROOT / "docs" / "accuracy.md"
BEGIN, END = "<!-- From here by benchmarks/oracle_chains.py -->", "<!-- To here by benchmarks/oracle_chains.py -->"


@dataclass
class Told:
    """What the samples of one flow add up to."""

    samples: int = 0
    calls: int = 0
    foreseen: int = 0
    """Breaks of calls whose failure another step waits for: they break nothing."""
    inner: int = 0
    final: int = 0
    """Breaks in the log, of calls before the final answer and of the one that gives it."""
    findings: int = 0
    carried: list[str] = field(default_factory=list)
    """Findings in the final answer of a sample in which a call before it broke."""
    otherwise: list[str] = field(default_factory=list)
    """Refusals in plain words before the final answer: told at the call by the golden, or there as broken JSON."""
    missed: list[str] = field(default_factory=list)
    causeless: list[str] = field(default_factory=list)
    replays: int = 0
    alarms: int = 0
    breaking: int = 0
    """Replays of today's models against their own goldens: all, called changed, and called breaking."""


@dataclass(frozen=True)
class Owed:
    """What the log says is to be found in one sample."""

    causes: Mapping[Broken, str]
    """Promises that calls break by the log's account, each with the habit's name."""
    others: frozenset[Broken]
    """What may be found beside: consequences, and what another step waits for."""
    foreseen: int
    """Breaks that another step waits for."""
    shaken: bool
    """True when a call before the final answer broke."""


def owed_by(flow: Flow, judged: Judged, lines: Mapping[str, Any]) -> Owed:
    """Return what the log says of a sample, call by call, in the places that findings name."""
    assert flow.chain is not None
    awaited = {name for step in flow.chain.steps if step.when is not None for name in step.when.failed}
    causes: dict[Broken, str] = {}
    others: set[Broken] = set()
    foreseen, shaken = 0, False
    for call in judged.sample.calls:
        broken, also = promises_of(_line(call, lines))
        is_final = _is_final(call, judged)
        shaken = shaken or (not is_final and bool(broken))
        if call.step in awaited:
            foreseen += len(broken)
            # Told beside, as what did not break the sample.
            others |= {_placed(call, replace(one, severity="drift"), is_final=False) for one in {*broken, *also}}
            continue
        causes |= {_placed(call, one, is_final=is_final): habit for one, habit in broken.items()}
        others |= {_placed(call, one, is_final=is_final) for one in also}
    return Owed(causes, frozenset(others), foreseen, shaken)


def add(told: Told, flow: Flow, one: Replayed) -> None:
    """Hold one case against one candidate to the log."""
    for judged in one.record.samples:
        place = f"seed {one.seed} {one.candidate} {flow.name}/{one.comparison.case} sample {judged.sample.index}"
        here = [finding for finding in one.comparison.findings if finding.sample == judged.sample.index]
        owed, found = owed_by(flow, judged, one.lines), contract_findings(here)
        beside = [one for one in here if one.rung is Rung.AGREEMENT and one.kind is FindingKind.REFUSED]
        # Without a golden of that very call, words where JSON is promised are broken JSON.
        refused = {str(finding.path) for finding in beside} | {
            one.path for one in found if one.rung == Rung.PARSED.value
        }
        inner = sum(broken.path.startswith("$calls") for broken in owed.causes)
        told.samples += 1
        told.calls += len(judged.sample.calls)
        told.foreseen += owed.foreseen
        told.inner, told.final = told.inner + inner, told.final + len(owed.causes) - inner
        told.findings += len(found)
        for broken in owed.causes.keys() - found:
            in_words = broken.kind == FindingKind.REFUSED.value and broken.path in refused and broken.path != "$"
            missed = told.otherwise if in_words else told.missed
            missed.append(f"{place}: {broken} of {owed.causes[broken]}")
        for broken in found - owed.causes.keys() - owed.others:
            carried = owed.shaken and not broken.path.startswith("$calls")
            (told.carried if carried else told.causeless).append(f"{place}: {broken}")


def _is_final(call: Call, judged: Judged) -> bool:
    outcome = call.outcome
    return call is judged.sample.calls[-1] and isinstance(outcome, Reply) and outcome.answer == judged.sample.answer


def _line(call: Call, lines: Mapping[str, Any]) -> Mapping[str, Any]:
    assert isinstance(call.outcome, Reply), f"no reply: {call.outcome}"
    line: Mapping[str, Any] = lines[str(call.outcome.request_id)]
    return line


def _placed(call: Call, one: Broken, *, is_final: bool) -> Broken:
    if is_final:
        return one
    severity = one.severity if one.rung in BINDING else "drift"
    return Broken(one.rung, one.kind, str(inner_path(call.ordinal, one.path)), severity, one.check)


def measure(place: Workplace, flows: Sequence[Flow], seeds: int) -> dict[str, Told]:
    """Record and replay every chain once a seed, against every candidate and against itself."""
    figures: dict[str, Told] = defaultdict(Told)
    by_name = {flow.name: flow for flow in flows}
    own = own_models(flows)
    for seed in range(1, seeds + 1):
        goldens = place.record(flows, seed)
        for one in place.replay(flows, (own, *CANDIDATES), seed + 1_000, goldens):
            told = figures[one.comparison.flow]
            add(told, by_name[one.comparison.flow], one)
            if one.candidate == own:
                told.replays += 1
                told.alarms += one.comparison.verdict in FLAGGED
                told.breaking += one.comparison.verdict is CaseVerdict.BREAKING
        print(f"seed {seed}: {sum(told.calls for told in figures.values()):,} calls", file=sys.stderr)
    return figures


# --- The page ---------------------------------------------------------------------------------------------------------


def rows(figures: Mapping[str, Told]) -> Iterator[str]:
    """Yield one row a flow, and all together."""
    for name, told in sorted(figures.items()):
        yield _row(name, [told])
    yield _row("all", list(figures.values()))


def _row(name: str, told: Sequence[Told]) -> str:
    def total(what: str) -> int:
        return sum(len(value) if isinstance(value := getattr(one, what), list) else value for one in told)

    seen = total("inner") + total("final") - total("missed") - total("otherwise")
    cells = (
        total("samples"), total("calls"), total("inner"), total("final"), seen, total("otherwise"), total("missed"),
        total("foreseen"), total("findings"), total("carried"), total("causeless"), total("replays"), total("breaking"),
        total("alarms"),
    )  # fmt: skip
    return f"| {name} | " + " | ".join(f"{cell:,}" for cell in cells) + " |"


def section(figures: Mapping[str, Told], seeds: int) -> str:
    """Return the part of docs/accuracy.md that is about chains."""
    head = (
        "chain", "samples", "calls", "breaks before the answer", "of the answer", "found", "told otherwise", "missed",
        "provided for", "findings", "carried on", "without cause", "own replays", "breaking", "called changed",
    )  # fmt: skip
    lines = [
        BEGIN,
        "",
        f"Measured on {dt.datetime.now(dt.UTC).date()} by `python benchmarks/oracle_chains.py --seeds {seeds}`.",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
        *rows(figures),
        "",
        END,
    ]
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the section into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + text + after, encoding="utf-8")


def failures(figures: Mapping[str, Told]) -> Iterable[str]:
    """Yield what is not as promised, the first examples of each."""
    for name, told in figures.items():
        for what in ("missed", "causeless"):
            yield from (f"{name}: {what}: {one}" for one in getattr(told, what)[:10])
        if told.breaking:
            yield f"{name}: today's models break against their own goldens"


def main() -> int:
    """Measure, print, write; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="recordings, each with a replay of every candidate")
    parser.add_argument("--flow", action="append", default=[], help="only this chain; may be repeated")
    parser.add_argument("--cases", type=int, help="only the first cases of each")
    parser.add_argument("--no-page", action="store_true", help="print only")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(ROOT, Path(folder))
        figures = measure(place, place.flows(names=given.flow, cases=given.cases, chains=True), given.seeds)
    text = section(figures, given.seeds)
    print(text)
    if not given.no_page and not given.flow and given.cases is None:
        write(text)
    problems = list(failures(figures))
    for problem in problems:
        print(f"NOT AS PROMISED: {problem}", file=sys.stderr)
    for name, told in figures.items():
        for one in told.carried[:3]:
            print(f"carried: {name}: {one}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
