"""A run as Markdown that always fits: a pull request's comment holds 65,536 characters, a step's summary a megabyte.

Foreign text stands in code spans: there it is no link, no picture, no HTML and no mention of a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from migrate.evidence import Standing
from migrate.evidence.rating import HumanEvidence
from migrate.inert import inert, shorten
from migrate.presenting.changes import Change, changes
from migrate.presenting.deciding import counting_command
from migrate.presenting.formats.lines import CaseLine, Told
from migrate.presenting.numbers import UNKNOWN, counted, ratio_text, share_text
from migrate.presenting.people import NOTE, agreement_text, mean_text
from migrate.presenting.report.headline import headline
from migrate.presenting.terminal import counts_words, spent_of
from migrate.reviewing import WORST_FIRST
from migrate.vocabulary import CaseVerdict, FlowEvidence, Run, Rung

MARK: Final = "<!-- prompt-migrate -->"
"""First line of the comment, by which a later run finds and replaces it."""
LONGEST: Final = 60_000
GROUPS: Final = 20
FAILURES: Final = 20
FLOWS_RATED: Final = 20
REASONS: Final = 40
ROWS_SHOWN: Final = 12
"""Rows of flows that stand unfolded: more of them push what follows off the screen."""
LONGEST_CODE: Final = 120
SIGNS: Final = {"safe": "✅", "unsafe": "❌", "insufficient": "❔"}

_TICKS: Final = re.compile(r"`+")


def markdown(told: Told) -> str:
    """Return the run as Markdown, capped: rows that would not fit are counted."""
    return _capped([*_body(told)])


def github(told: Told) -> str:
    """Return the same for a step's summary and a pull request's one comment, which a later run finds and replaces."""
    return _capped([MARK, *_body(told)])


def _body(told: Told) -> Iterator[str]:
    """Yield the verdict, gates, totals and costs to be seen at once; what is long under headings, folded."""
    run, evidence = told.run, told.evidence
    yield from _head(run, evidence)
    yield from _gates(told.standing)
    yield from _totals(run, evidence)
    yield from _table(evidence)
    yield from _people(told.people)
    yield from _groups(told)
    yield from _failures(told.lines)
    again = run.command or counting_command(run.candidates)
    yield f"run {code(run.id)}, {run.state}; repeat it with {code(again, 300)}"


def code(text: str, limit: int = LONGEST_CODE) -> str:
    """Return foreign text as a code span, on one line and fit for a cell of a table."""
    plain = shorten(inert(text, keep_newlines=False), limit).replace("|", "\\|")
    longest = max((len(ticks) for ticks in _TICKS.findall(plain)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest or not plain.strip() else ""
    return f"{fence}{padding}{plain}{padding}{fence}"


def _head(run: Run, evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    head = headline(run, evidence)
    yield f"### {SIGNS.get(head['verdict'], '❔')} {_plain(head['text'])}"
    yield ""
    if run.simulated or any(flow.simulated for flow in evidence):
        yield "**Simulated**: no real model answered. This shows the tool, not a model."
        yield ""


def _plain(text: str) -> str:
    """Return a sentence of ours with foreign names in it: nothing in it is markup."""
    escaped = re.sub(r"([\\`*_{}\[\]<>()#+!|~@&])", r"\\\1", inert(text, keep_newlines=False))
    # No backslash keeps a mention or an address from becoming one.
    return escaped.replace("\\@", "@\u2060").replace("://", ":\u2060//")


def _gates(standing: Standing | None) -> Iterator[str]:
    """Yield whether the gate is closed; why, each reason of itself, under it."""
    if standing is None:
        return
    every = [*standing.closed, *standing.stale, *standing.incomplete]
    why = counted(len(every), "reason")
    yield f"**Gate closed**: {_plain(every[0]) if len(every) == 1 else why}" if every else "**Gate open**"
    yield ""
    told = [f"- {_plain(words)}" for words in standing.words()]
    if len(told) > 1 or standing.left_open:
        more = [f"- and {len(told) - REASONS} more"] if len(told) > REASONS else []
        yield from _folded("Gates", [*told[:REASONS], *more], f"{len(every)} closed, {len(standing.left_open)} open")


def _totals(run: Run, evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    """Yield a row a candidate, flows by verdict and what all samples cost; then what came of the cases."""
    if not evidence:
        return
    yield "| candidate | safe | insufficient | unsafe | cost of all samples | baseline's, when recorded |"
    yield "|---|--:|--:|--:|--:|--:|"
    for candidate, (spent, recorded) in spent_of(evidence).items():
        verdicts = [flow.verdict for flow in evidence if flow.candidate == candidate and not flow.is_itself]
        counts = [str(verdicts.count(name)) for name in ("safe", "insufficient", "unsafe")]
        yield f"| {' | '.join((code(candidate), *counts, _plain(spent), _plain(recorded)))} |"
    yield ""
    yield _plain(counts_words(run, evidence))
    yield ""


def _table(evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    """Yield a row a flow and candidate, folded where they are many."""
    if not evidence:
        return
    rows = [
        "| flow | candidate | verdict | cases | breaking | drift | schema ok (baseline) | cost | why |",
        "|---|---|---|--:|--:|--:|--:|--:|---|",
        *map(_row, evidence),
    ]
    note = "cost: of an answer, candidate / baseline. Rates are of all samples; the verdict weighs cases."
    if len(evidence) > ROWS_SHOWN:
        yield from _folded("Flows", [*rows, "", note], counted(len(evidence), "row"))
    else:
        yield from (*rows, "", note, "")


def _row(flow: FlowEvidence) -> str:
    schema = flow.rungs.get(Rung.SCHEMA)
    cells = (
        code(flow.flow),
        code(flow.candidate),
        "baseline" if flow.is_itself else f"{SIGNS.get(flow.verdict or '', '')} {flow.verdict or UNKNOWN}".strip(),
        str(flow.cases),
        _breaking(flow),
        str(flow.verdicts.get(CaseVerdict.DRIFT, 0)),
        UNKNOWN if schema is None else f"{share_text(schema.candidate)} ({share_text(schema.baseline)})",
        ratio_text(flow.cost_ratio),
        _plain(flow.reasons[0]) if flow.reasons and flow.verdict != "safe" else "",
    )
    return f"| {' | '.join(cells)} |"


def _breaking(flow: FlowEvidence) -> str:
    count = flow.verdicts.get(CaseVerdict.BREAKING, 0)
    return f"{count} ({flow.rejected} rejected)" if flow.rejected else str(count)


def _people(people: Sequence[HumanEvidence]) -> Iterator[str]:
    """Yield what people said, as a table of its own: beside the verdicts, never in their place."""
    if not people:
        return
    yield "| flow | candidate | people rated | preferred: candidate / tie / baseline | correct, 1 to 5 | raters agree |"
    yield "|---|---|--:|---|---|---|"
    yield from (_rated(one) for one in people[:FLOWS_RATED])
    yield ""
    if len(people) > FLOWS_RATED:
        yield f"and {len(people) - FLOWS_RATED} more flows that people rated"
        yield ""
    yield NOTE
    yield ""


def _rated(one: HumanEvidence) -> str:
    preferred = " / ".join(str(one.preferred[name]) for name in ("candidate", "tie", "baseline"))
    cells = (
        code(one.flow),
        code(one.candidate),
        f"{one.cases} of {counted(one.of, 'pair')}, by {code(', '.join(one.raters))}",
        f"{preferred}: {mean_text(one.preference)}",
        f"{one.baseline_correct:.1f} to {one.candidate_correct:.1f}: {mean_text(one.correctness)}",
        agreement_text(one.agree_preference),
    )
    return f"| {' | '.join(cells)} |"


def _groups(told: Told) -> Iterator[str]:
    found = changes(told.evidence)
    # What a reviewer rejected fails as what is broken does.
    again = {(flow, name) for flow, _, name in told.rejected}
    rejected = [change for change in found if (change.flow, change.group.id) in again]
    ordered = sorted(found, key=lambda change: (change not in rejected, WORST_FIRST[change.group.severity]))
    said = [_change(change, rejected=change in rejected) for change in ordered[:GROUPS]]
    yield from _folded("Largest groups of equal changes", said, _shown(len(said), len(found)))


def _change(change: Change, *, rejected: bool) -> str:
    word = f"{'rejected ' if rejected else ''}{change.group.severity.value}"
    whose = ", ".join(code(candidate) for candidate in change.candidates)
    return f"- **{word}** {code(change.group.title)}: {counted(change.cases, 'case')} of {code(change.flow)} on {whose}"


def _failures(lines: Sequence[CaseLine]) -> Iterator[str]:
    failed = sorted((line for line in lines if line.outcome != "passed"), key=lambda line: line.row.order)
    said = [_failure(line) for line in failed[:FAILURES]]
    yield from _folded("Failed cases", said, _shown(len(said), len(failed)))


def _failure(line: CaseLine) -> str:
    where = f" ({code(str(line.place))})" if line.place else ""
    finding = f": {code(line.row.title)}" if line.row.title else ""
    why = f", {code(line.rejection)}" if line.rejection else ""
    whose = f"{code(line.row.flow)} / {code(line.row.case)} on {code(line.row.candidate)}"
    return f"- {whose}{where} {line.cause}{finding}{why}"


def _shown(shown: int, of: int) -> str:
    return str(of) if shown == of else f"{shown} of {of}"


def _folded(title: str, lines: Sequence[str], count: str) -> Iterator[str]:
    """Yield lines under a heading that unfolds them and says how many there are; nothing where there are none."""
    if lines:
        yield from ("<details>", f"<summary><b>{title}</b>: {count}</summary>", "", *lines, "", "</details>", "")


def _capped(lines: Sequence[str]) -> str:
    """Return the lines that fit; a fold that was cut is closed, and what is missing is counted."""
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > LONGEST:
            open_folds = kept.count("<details>") - kept.count("</details>")
            kept += ["", "</details>"] * open_folds
            return (
                "\n".join([*kept, "", f"{len(lines) - len(kept)} more lines do not fit here: see the report."]) + "\n"
            )
        kept.append(line)
    return "\n".join(kept) + "\n"
