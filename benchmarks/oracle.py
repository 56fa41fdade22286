"""Measure how far the judge can be trusted: `python benchmarks/oracle.py [--seeds 20] [--flow NAME] [--no-page]`.

The simulated provider keeps a log of what it did to each reply. Goldens are recorded and candidates replayed over
real HTTP, seed by seed, and every contract finding is held against that log; the baseline is replayed against its own
goldens too. Prints the figures and writes them to docs/accuracy.md; ends with 1 when one of them is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "acceptance")]

import jinja2  # noqa: E402
from account import FLAGGED, HARMLESS, Account, Replayed, Workplace, own_models  # noqa: E402

from migrate.statistics.proportions import wilson  # noqa: E402
from migrate.vocabulary import CaseVerdict, FindingKind, Flow, Severity  # noqa: E402

CANDIDATES = ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano")
DEMO_SEED = 1
"""Seed of the demo: goldens and candidates alike."""
APART = 1_000
"""What is added to the seed of a recording for the replay that is held against it."""
MOST_ALARMS = 0.05
CHANCES = (0.05, 0.1, 0.2, 0.3, 0.5)
SIZES = (3, 5, 10, 20)
NOT_HERE = {
    FindingKind.LIST_ORDER: "every list of the inventory has a rule that frees its order",
    FindingKind.CALL_COUNT_CHANGED: "these flows are single calls; chains are held to the log further below",
    FindingKind.REQUEST_CHANGED: "only a call after another one can be asked something else",
}
"""Kinds that the bundled inventory cannot show, and why."""


Row: TypeAlias = Sequence[object]

# --- Measuring --------------------------------------------------------------------------------------------------------


@dataclass
class Own:
    """The baseline of one flow against its own goldens."""

    verdicts: Counter[CaseVerdict] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    """How often each case was called changed."""
    different: list[int] = field(default_factory=list)
    """Different answers in each golden that was recorded."""
    reasons: Counter[str] = field(default_factory=Counter)
    two_answers: set[str] = field(default_factory=set)
    """Cases that were seen to have a second honest answer."""

    @property
    def replays(self) -> int:
        return self.verdicts.total()

    @property
    def alarms(self) -> int:
        return sum(self.verdicts[verdict] for verdict in FLAGGED)

    @property
    def varied(self) -> int:
        """Goldens whose answers are not all equal."""
        return sum(count > 1 for count in self.different)


@dataclass
class Figures:
    """Everything that is measured."""

    seeds: int
    cases: int = 0
    accounts: dict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    """By candidate; the baseline's own replays among them."""
    own: dict[str, Own] = field(default_factory=lambda: defaultdict(Own))
    """By flow."""
    kinds: dict[FindingKind, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Cases of the demo that show a kind, by candidate."""
    demo: dict[str, Counter[CaseVerdict]] = field(default_factory=lambda: defaultdict(Counter))
    meaning: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """What changes of meaning are reported as, by habit."""
    seconds: float = 0.0


def measure(place: Workplace, flows: Sequence[Flow], seeds: int) -> Figures:
    """Record and replay once a seed; the demo's own seed comes first."""
    started = time.monotonic()
    figures = Figures(seeds, sum(len(flow.cases) for flow in flows))
    own = own_models(flows)
    for seed in range(DEMO_SEED, DEMO_SEED + seeds):
        goldens = place.record(flows, seed)
        for (flow, _), golden in goldens.items():
            figures.own[flow].different.append(golden.different)
        if seed == DEMO_SEED:
            for one in place.replay(flows, CANDIDATES, seed, goldens):
                _enter_demo(figures, one)
        for one in place.replay(flows, (own, *CANDIDATES), seed + APART, goldens):
            _enter(figures, one, "the baseline itself" if one.candidate == own else one.candidate)
        print(f"seed {seed}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    figures.seconds = time.monotonic() - started
    return figures


def _enter(figures: Figures, one: Replayed, name: str) -> None:
    for told in one.replies:
        figures.accounts[name].add(told)
    if name == "the baseline itself":
        _enter_own(figures.own[one.comparison.flow], one)
    else:
        _enter_meaning(figures, one)


def _enter_own(own: Own, one: Replayed) -> None:
    comparison = one.comparison
    slips = [habit for told in one.replies for habit in told.habits if habit["origin"] == "case" and habit["changes"]]
    if any(habit["habit"] not in HARMLESS for habit in slips):
        own.two_answers.add(comparison.case)
    own.verdicts[comparison.verdict] += 1
    if comparison.verdict in FLAGGED:
        own.flagged[comparison.case] += 1
        counting = [found for found in comparison.findings if found.severity is not Severity.COSMETIC]
        own.reasons[next((found.kind.value for found in counting if found.explained is None), "?")] += 1


def _enter_demo(figures: Figures, one: Replayed) -> None:
    figures.demo[one.candidate][one.comparison.verdict] += 1
    for kind in {finding.kind for finding in one.comparison.findings}:
        figures.kinds[kind][one.candidate] += 1


def _enter_meaning(figures: Figures, one: Replayed) -> None:
    for told in one.replies:
        changed = [habit for habit in told.habits if habit["changes"] not in (None, "wording_changed")]
        meant = [habit for habit in changed if habit["origin"] == "persona"]
        # With one cause there is no doubt what is reported.
        if told.line["expected_kept"] and len(changed) == 1 and meant:
            figures.meaning[meant[0]["habit"]][_reported(told.agreement)] += 1


def _reported(agreement: Sequence[Any]) -> str:
    if any(found.severity is Severity.DRIFT and found.explained is None for found in agreement):
        return "drift"
    if any(found.explained for found in agreement):
        return "noise"
    return "cosmetic" if agreement else "nothing"


# --- Bounds -----------------------------------------------------------------------------------------------------------


def upper(events: int, total: float) -> float:
    """Return Wilson's upper bound, 95 % one-sided."""
    return wilson(events, max(1, round(total)), 0.90)[1] if events <= total else 1.0


def effective(own: Iterable[Own], cases: int) -> float:
    """Return how many independent replays the baseline's own are worth: the same cases were asked again and again.

    Kish's design effect, from the variance of the cases' means; with no alarm at all it is the number of cases.
    """
    flows = list(own)
    total = sum(flow.replays for flow in flows)
    alarms = sum(flow.alarms for flow in flows)
    if not alarms or not cases:
        return float(cases)
    share, rounds = alarms / total, total / cases
    means = [count / rounds for flow in flows for count in flow.flagged.values()]
    spread = sum((mean - share) ** 2 for mean in means) + (cases - len(means)) * share**2
    variance = spread / (cases * (cases - 1))
    return min(float(total), max(float(cases), share * (1 - share) / variance))


def alarm_bound(own: Sequence[Own], cases: int) -> float:
    """Return the upper bound of the share of replays called changed, the case being the unit."""
    worth = effective(own, cases)
    total, alarms = sum(flow.replays for flow in own), sum(flow.alarms for flow in own)
    return upper(math.ceil(alarms / total * worth), worth)


def unseen(chance: float, samples: int) -> float:
    """Return how likely a model that gives a second answer with this chance is called changed against itself.

    That is: the golden's samples all give one answer, and not all of the replay's give the same.
    """
    return sum(one**samples * (1 - one**samples) for one in (chance, 1 - chance))


def worse(chance: float, samples: int) -> float:
    """Return how likely a contract broken with this chance a sample is kept less often in a replay than in its golden.

    Half of what is left when both break equally often, by symmetry.
    """
    shares = [math.comb(samples, k) * chance**k * (1 - chance) ** (samples - k) for k in range(samples + 1)]
    return (1 - sum(share * share for share in shares)) / 2


# --- The page ---------------------------------------------------------------------------------------------------------


def percent(share: float) -> str:
    """Return a share with two significant digits."""
    return "0 %" if not share else f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"


def contract_rows(figures: Figures) -> Iterator[Row]:
    """Yield one row a candidate, and all together."""
    for name, account in figures.accounts.items():
        yield name, *_contract_row([account])
    yield "all", *_contract_row(list(figures.accounts.values()))


def _contract_row(accounts: Sequence[Account]) -> Row:
    replies, broken = sum(one.replies for one in accounts), sum(one.broken for one in accounts)
    missed, also = sum(len(one.missed) for one in accounts), sum(one.consequences for one in accounts)
    lost = sum(len(one.missed_consequences) for one in accounts)
    found, causeless = sum(one.found for one in accounts), sum(len(one.causeless) for one in accounts)
    different = len(set().union(*(one.places for one in accounts)))
    at_most = percent(upper(missed, different))
    return replies, broken, different, broken - missed, at_most, also, also - lost, found, causeless


def own_rows(figures: Figures) -> Iterator[Row]:
    """Yield one row a flow, and all together."""
    for name, own in sorted(figures.own.items()):
        yield name, *_own_row([own], own.replays // figures.seeds)
    yield "all", *_own_row(list(figures.own.values()), figures.cases)


def _own_row(own: Sequence[Own], cases: int) -> Row:
    total, alarms = sum(one.replays for one in own), sum(one.alarms for one in own)
    breaking = sum(one.verdicts[CaseVerdict.BREAKING] for one in own)
    goldens = [count for one in own for count in one.different]
    spread = percent(sum(one.varied for one in own) / len(goldens)), f"{sum(goldens) / len(goldens):.2f}"
    return cases, total, breaking, alarms - breaking, percent(alarms / total), percent(alarm_bound(own, cases)), *spread


def kind_rows(figures: Figures) -> Iterator[Row]:
    """Yield one row a kind of finding: how many cases of the demo show it, by candidate."""
    for kind in FindingKind:
        nothing = "-" if kind in NOT_HERE else 0
        yield f"`{kind.value}`", *(figures.kinds[kind][name] or nothing for name in CANDIDATES)


def verdict_rows(figures: Figures) -> Iterator[Row]:
    """Yield one row a verdict: how many cases of the demo have it, by candidate."""
    for verdict in CaseVerdict:
        if any(figures.demo[name][verdict] for name in CANDIDATES):
            yield f"`{verdict.value}`", *(figures.demo[name][verdict] for name in CANDIDATES)


def meaning_rows(figures: Figures) -> Iterator[Row]:
    """Yield one row a habit that changes the answer and keeps the contract: what its replies are reported as."""
    for name, found in sorted(figures.meaning.items()):
        yield f"`{name}`", found.total(), *(found[how] for how in ("drift", "noise", "cosmetic", "nothing"))


def page_data(figures: Figures) -> dict[str, Any]:
    """Return what the page says, tables as rows of text."""
    accounts, own = list(figures.accounts.values()), list(figures.own.values())
    varied = sum(one.verdicts[CaseVerdict.WITHIN_NOISE] + one.alarms for one in own)
    alarms = sum(one.alarms for one in own)
    reasons: Counter[str] = sum((one.reasons for one in own), Counter())
    return {
        "day": dt.datetime.now(dt.UTC).date().isoformat(),
        "seeds": figures.seeds,
        "demo_seed": DEMO_SEED,
        "flows": len(own),
        "cases": figures.cases,
        "candidates": list(CANDIDATES),
        "contract": _written(contract_rows(figures)),
        "beside_golden": f"{sum(one.beside_golden for one in accounts):,}",
        "own": _written(own_rows(figures)),
        "worth": f"{effective(own, figures.cases):,.0f}",
        "reasons": ", ".join(f"`{kind}` {count}" for kind, count in reasons.most_common()) or "none",
        "two_answers": sum(len(one.two_answers) for one in own),
        "flagged_cases": sum(len(one.flagged) for one in own),
        "varied": f"{varied:,}",
        "alarms_of_varied": percent(alarms / varied if varied else 0.0),
        "unseen": [[percent(one), *(percent(unseen(one, size)) for size in SIZES)] for one in CHANCES],
        "harmless": f"{sum(one.harmless for one in accounts):,}",
        "harmless_flagged": f"{sum(len(one.harmless_flagged) for one in accounts):,}",
        "meaning": _written(meaning_rows(figures)),
        "kinds": _written(kind_rows(figures)),
        "verdicts": _written(verdict_rows(figures)),
        "not_here": {kind.value: why for kind, why in NOT_HERE.items()},
        "by_luck": percent(worse(0.2, 5)),
        "chains": chains_kept(),
    }


def chains_kept() -> str:
    """Return the part of the page that benchmarks/oracle_chains.py writes, as it is."""
    text = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    begin, end = "<!-- From here by benchmarks/oracle_chains.py -->", "<!-- To here by benchmarks/oracle_chains.py -->"
    return begin + text.partition(begin)[2].partition(end)[0] + end


def _written(rows: Iterable[Row]) -> list[list[str]]:
    return [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]


def page(figures: Figures) -> str:
    """Return docs/accuracy.md."""
    template = (Path(__file__).parent / "accuracy.md.jinja").read_text(encoding="utf-8")
    text = jinja2.Template(template, undefined=jinja2.StrictUndefined).render(page_data(figures))
    return text.rstrip() + "\n"


# --- The verdict on it all --------------------------------------------------------------------------------------------


def failures(figures: Figures, *, whole: bool) -> Iterator[str]:
    """Yield what is not as promised, the first examples of each."""
    for name, account in figures.accounts.items():
        for what in ("missed", "missed_consequences", "causeless", "harmless_flagged"):
            found: list[str] = getattr(account, what)
            yield from (f"{name}: {what.replace('_', ' ')}: {one}" for one in found[:10])
    own = list(figures.own.values())
    if sum(one.verdicts[CaseVerdict.BREAKING] for one in own):
        yield "the baseline breaks against itself"
    if alarm_bound(own, figures.cases) > MOST_ALARMS:
        yield f"the baseline may be called changed in more than {percent(MOST_ALARMS)} of cases"
    if whole:
        for kind in FindingKind:
            shown = bool(figures.kinds[kind])
            if shown is (kind in NOT_HERE):
                yield f"{kind.value} is {'shown' if shown else 'never shown'} by the demo"


def main() -> int:
    """Measure, print, write the page; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="recordings, each with a replay of every candidate")
    parser.add_argument("--flow", action="append", default=[], help="only this flow; may be repeated")
    parser.add_argument("--no-page", action="store_true", help="print only, leave docs/accuracy.md as it is")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(ROOT, Path(folder))
        figures = measure(place, place.flows(names=given.flow), given.seeds)
    written = page(figures)
    print(written)
    print(
        f"{figures.seconds:.0f} s for {sum(one.replies for one in figures.accounts.values()):,} replies",
        file=sys.stderr,
    )
    if not given.no_page and not given.flow:
        (ROOT / "docs" / "accuracy.md").write_text(written, encoding="utf-8")
    problems = list(failures(figures, whole=not given.flow))
    for problem in problems:
        print(f"NOT AS PROMISED: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
