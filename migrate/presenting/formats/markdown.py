"""A run as Markdown that always fits: a pull request's comment holds 65,536 characters, a step's summary a megabyte.

Foreign text stands in code spans: there it is no link, no picture, no HTML and no mention of a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from migrate.evidence.rating import HumanEvidence
from migrate.inert import inert, shorten
from migrate.presenting.formats.lines import CaseLine
from migrate.presenting.numbers import UNKNOWN, counted, ratio_text, share_text
from migrate.presenting.people import NOTE, agreement_text, mean_text
from migrate.presenting.report.headline import headline
from migrate.reviewing import WORST_FIRST
from migrate.vocabulary import CaseVerdict, FlowEvidence, Group, Run, Rung, Severity

MARK: Final = "<!-- prompt-migrate -->"
"""First line of the comment, by which a later run finds and replaces it."""
LONGEST: Final = 60_000
GROUPS: Final = 20
FAILURES: Final = 20
FLOWS_RATED: Final = 20
LONGEST_CODE: Final = 120
SIGNS: Final = {"safe": "✅", "unsafe": "❌", "insufficient": "❔"}

_TICKS: Final = re.compile(r"`+")


def markdown(
    run: Run, evidence: Sequence[FlowEvidence], lines: Sequence[CaseLine], people: Sequence[HumanEvidence] = ()
) -> str:
    """Return the run as Markdown, capped: rows that would not fit are counted."""
    head = [*_head(run, evidence), *_table(evidence), *_people(people)]
    return _capped([*head, *_groups(evidence), *_failures(lines), *_foot(run)])


def github(
    run: Run, evidence: Sequence[FlowEvidence], lines: Sequence[CaseLine], people: Sequence[HumanEvidence] = ()
) -> str:
    """Return the same for a step's summary and a pull request's one comment, the lists folded."""
    groups = _folded("Largest groups of equal changes", [*_groups(evidence)])
    failures = _folded("Failed cases", [*_failures(lines)])
    head = [MARK, *_head(run, evidence), *_table(evidence), *_people(people)]
    return _capped([*head, *groups, *failures, *_foot(run)])


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


def _table(evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    if not evidence:
        return
    yield "| flow | candidate | verdict | cases | breaking | drift | schema ok (baseline) | cost | why |"
    yield "|---|---|---|--:|--:|--:|--:|--:|---|"
    for flow in evidence:
        yield _row(flow)
    yield ""
    yield "cost: of an answer, candidate / baseline. Rates are of all samples; the verdict weighs cases."
    yield ""


def _row(flow: FlowEvidence) -> str:
    schema = flow.rungs.get(Rung.SCHEMA)
    cells = (
        code(flow.flow),
        code(flow.candidate),
        "baseline" if flow.is_itself else f"{SIGNS.get(flow.verdict or '', '')} {flow.verdict or UNKNOWN}".strip(),
        str(flow.cases),
        str(flow.verdicts.get(CaseVerdict.BREAKING, 0)),
        str(flow.verdicts.get(CaseVerdict.DRIFT, 0)),
        UNKNOWN if schema is None else f"{share_text(schema.candidate)} ({share_text(schema.baseline)})",
        ratio_text(flow.cost_ratio),
        _plain(flow.reasons[0]) if flow.reasons and flow.verdict != "safe" else "",
    )
    return f"| {' | '.join(cells)} |"


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


def _groups(evidence: Sequence[FlowEvidence]) -> Iterator[str]:
    found = [(flow, group) for flow in evidence for group in flow.groups if group.severity is not Severity.COSMETIC]
    found.sort(key=lambda pair: (WORST_FIRST[pair[1].severity], -len(pair[1].cases)))
    for flow, group in found[:GROUPS]:
        yield f"- **{group.severity.value}** {_group(flow, group)}"
    if len(found) > GROUPS:
        yield f"- and {len(found) - GROUPS} more"
    if found:
        yield ""


def _group(flow: FlowEvidence, group: Group) -> str:
    return f"{code(group.title)}: {counted(len(group.cases), 'case')} of {code(flow.flow)} on {code(flow.candidate)}"


def _failures(lines: Sequence[CaseLine]) -> Iterator[str]:
    failed = sorted((line for line in lines if line.outcome != "passed"), key=lambda line: line.row.order)
    for line in failed[:FAILURES]:
        where = f" ({code(str(line.place))})" if line.place else ""
        words = line.row.verdict.value.replace("_", " ")
        finding = f": {code(line.row.title)}" if line.row.title else ""
        yield f"- {code(line.row.flow)} / {code(line.row.case)} on {code(line.row.candidate)}{where} {words}{finding}"
    if len(failed) > FAILURES:
        yield f"- and {len(failed) - FAILURES} more"
    if failed:
        yield ""


def _foot(run: Run) -> Iterator[str]:
    yield f"run {code(run.id)}, {run.state}; repeat it with {code(run.command or 'pytest --model MODEL', 300)}"


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "</details>", ""] if lines else []


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
