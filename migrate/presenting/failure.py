"""One case that failed, in at most fifteen lines: where, what was before, what is now, why it matters, what to do."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from migrate.canonical import any_index
from migrate.comparing.forgiving import fails_for_a_rejection
from migrate.inert import inert
from migrate.presenting.layout import CUT, cells, fit, wrapped
from migrate.presenting.numbers import counted
from migrate.reviewing import WORST_FIRST
from migrate.vocabulary import (
    Candidate,
    CaseVerdict,
    Comparison,
    Finding,
    FindingKind,
    Json,
    JsonPath,
    Place,
    Rung,
    Severity,
)

MOST_LINES: Final = 15
MOST_FINDINGS: Final = 3
WIDTH: Final = 100
CONTEXT: Final = 20
"""Characters shown before the first difference of two long texts."""

_ADDED: Final = frozenset({FindingKind.KEY_ADDED, FindingKind.EXTRA_KEY})
_GONE: Final = frozenset({FindingKind.KEY_REMOVED, FindingKind.MISSING_REQUIRED})
_OF_VALUES: Final = frozenset(
    {
        FindingKind.TYPE_CHANGED,
        FindingKind.WRONG_TYPE,
        FindingKind.NULL_NOT_ALLOWED,
        FindingKind.NULL_ARGUMENT,
        FindingKind.VALUE_CHANGED,
        FindingKind.NOT_IN_ENUM,
    }
)
"""Kinds in which `null` is a value, and not a side that has nothing to show."""
_KEYWORD: Final = re.compile(r"[\w:+.\[\]\\/-]+")
"""A word of pytest's `-k`."""


def failure_lines(
    comparison: Comparison, place: Place | None, candidate: Candidate | str, *, run: str = "", width: int = WIDTH
) -> list[str]:
    """Return what to say of a failed case: at most fifteen lines, none wider than `width` but a command to copy.

    `run` is the id of the run it was found in, where that may not be the newest when it is read.
    """
    text = candidate.text if isinstance(candidate, Candidate) else candidate
    findings = _distinct(comparison)
    # Two blanks first: what a file or a model named must never start a line of a CI log.
    head = [f"  {line}" for line in wrapped(_head(comparison, text, findings), width - 2)]
    note = [f"  why: {comparison.note}"] if comparison.note else []
    of = 0 if comparison.scores is None else comparison.scores.contract.candidate.total
    blocks = [list(_finding(finding, samples, width, of)) for finding, samples in findings[:MOST_FINDINGS]]
    following = _next_lines(comparison, text, run, width)
    # A line for where it is, which says how many findings are shown.
    told = _whole(blocks, MOST_LINES - len(head) - len(note) - len(following) - 1)
    where = list(_where(place, len(told), len(findings)))
    lines = [*head, *where, *note, *(line for block in told for line in block)]
    return [*(fit(line, width) for line in lines[: MOST_LINES - len(following)]), *following]


def _whole(blocks: Sequence[list[str]], room: int) -> Sequence[list[str]]:
    """Return the findings that have room whole, the first one at least: half of one reads as if a value were gone."""
    shown = 1
    while shown < len(blocks) and sum(map(len, blocks[: shown + 1])) <= room:
        shown += 1
    return blocks[:shown]


def finding_lines(findings: Sequence[Finding], most: int, *, width: int = WIDTH) -> list[str]:
    """Return single findings in at most so many lines, and how many more there are."""
    lines: list[str] = []
    for shown, finding in enumerate(findings):
        own = [fit(line, width) for line in _finding(finding, 1, width)]
        if len(lines) + len(own) > most - 1:
            return [*lines, f"  and {counted(len(findings) - shown, 'difference')} more"]
        lines += own
    return lines


def first_finding(comparison: Comparison) -> str:
    """Return what made a case fail, in words that equal changes share: `breaking: $.items[*].price wrong type`."""
    # A path may hold what a model made up for a key.
    return fit(_cause(comparison, _distinct(comparison), any_index), WIDTH)


def _cause(
    comparison: Comparison, findings: Sequence[tuple[Finding, int]], shown: Callable[[JsonPath], str] = str
) -> str:
    words = comparison.verdict.value.replace("_", " ")
    if fails_for_a_rejection(comparison):
        words = f"rejected {findings[0][0].severity.value}"
    return words + (f": {shown(findings[0][0].path)} {_kind(findings[0][0])}" if findings else "")


def _head(comparison: Comparison, candidate: str, findings: Sequence[tuple[Finding, int]]) -> str:
    """Return the verdict and what made it, then of whom: pytest's short summary has room for the first words only."""
    baseline = f" (baseline {comparison.baseline})" if comparison.baseline else ""
    return f"{_cause(comparison, findings)}: {comparison.flow} / {comparison.case} against {candidate}{baseline}"


def _kind(finding: Finding) -> str:
    return finding.kind.value.replace("_", " ")


def _where(place: Place | None, shown: int, findings: int) -> Iterator[str]:
    said = [f"at {place}"] if place is not None else []
    if findings > shown:
        said.append(f"the worst {f'{shown} ' if shown > 1 else ''}of {findings} findings")
    if said:
        yield "  " + ", ".join(said)


def _distinct(comparison: Comparison) -> list[tuple[Finding, int]]:
    """Return the findings to show, worst first, each once with the number of samples that have it.

    Those of calls before the final answer are among them: they may be the cause.
    """
    found: dict[tuple[FindingKind, str, str, str], tuple[Finding, set[int | None]]] = {}
    for finding in comparison.findings:
        inner = finding.explained == "inner" and finding.severity is not Severity.COSMETIC
        if finding.explained is None or inner:
            found.setdefault(_identity(finding), (finding, set()))[1].add(finding.sample)
    ordered = sorted(found.values(), key=lambda pair: _rank(pair[0]))
    return [(finding, len(samples)) for finding, samples in ordered]


def _rank(finding: Finding) -> float:
    """Return what is shown first: broken promises, what may have caused them, drift, the rest."""
    worst = WORST_FIRST[finding.severity]
    if finding.explained is None:
        return worst
    return WORST_FIRST[Severity.DRIFT] + (0.5 if finding.rung is Rung.AGREEMENT else -0.5)


def _identity(finding: Finding) -> tuple[FindingKind, str, str, str]:
    # One place can fail several checks, and lose facts of several kinds: "numbers differ: ...", "dates differ: ...".
    facts = finding.message.partition(":")[0] if finding.kind is FindingKind.FACT_CHANGED else ""
    return finding.kind, finding.path, finding.rule, facts


def _finding(finding: Finding, samples: int, width: int, of: int = 0) -> Iterator[str]:
    """Yield a finding's lines; `of` is how many samples there are, 0 where nobody counted them."""
    shown = f"{samples} of {of} samples" if of > 1 else counted(samples, "sample")
    times = f", in {shown}" if max(of, samples) > 1 else ""
    yield f"  {finding.path}: {_kind(finding)} ({finding.severity.value}{times})"
    yield from side_lines(finding, width)
    if finding.message:
        yield f"    why:    {finding.message}"


def side_lines(finding: Finding, width: int) -> Iterator[str]:
    """Yield both sides of a finding, those that have something to show, each on one line of `width` columns."""
    before, after = _sides(finding, width - len("    before: "))
    # Against a contract there is no "before": it wants something, and got something else.
    first, second = ("before: ", "after:  ") if finding.rung is Rung.AGREEMENT else ("wanted: ", "got:    ")
    if before is not None:
        yield fit(f"    {first}{before}", width)
    if after is not None:
        yield fit(f"    {second}{after}", width)


def _sides(finding: Finding, width: int) -> tuple[str | None, str | None]:
    before = "absent" if finding.kind in _ADDED else _text(finding.expected, finding.kind)
    after = "absent" if finding.kind in _GONE else _text(finding.actual, finding.kind)
    if before is None or after is None or max(len(before), len(after)) <= width:
        return before, after
    same = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    start = max(same - CONTEXT, 0)
    # A window into the middle of both texts, so that what differs is seen.
    lead = CUT if start else ""
    return lead + before[start : start + width], lead + after[start : start + width]


def _text(value: Json, kind: FindingKind) -> str | None:
    """Return a value on one inert line; None when this side of the finding has nothing to show."""
    if value is None and kind not in _OF_VALUES:
        return None
    text = json.dumps(value, ensure_ascii=False, default=str)
    return inert(text, keep_newlines=False)


def only(flow: str, case: str) -> str:
    """Return the text of pytest's `-k` that chooses one case, quoted for a shell: `'refund and late-parcel'`.

    What `-k` cannot read in a name, as a blank of a test's parameter, parts it in words that all must be there.
    """
    words = (word for name in (flow, case) for word in _KEYWORD.findall(name))
    return shlex.quote(" and ".join(word for word in words if word not in ("and", "or", "not")))


def _next_lines(comparison: Comparison, candidate: str, run: str, width: int) -> list[str]:
    """Return what to do: on one line where that has room, else every command on one of its own, never cut.

    A command stands last on its line: what is copied must not carry words of ours.
    """
    words = [inert(part, keep_newlines=False) for part in _next(comparison, candidate, run)]
    line = f"  next: {' '.join(words)}"
    if len(words) == 1 or (len(words) == 2 and cells(line) <= width):
        return [line]
    return [f"  next: {words[0]}", *(f"    {part}" for part in words[1:])]


def _next(comparison: Comparison, candidate: str, run: str) -> tuple[str, ...]:
    """Return what to do, words and commands apart."""
    case, model = only(comparison.flow, comparison.case), shlex.quote(candidate)
    match comparison.verdict:
        case CaseVerdict.NO_GOLDEN:
            return (f"pytest --golden=new -k {case}",)
        case CaseVerdict.STALE_GOLDEN:
            return (f"pytest --golden=rewrite -k {case}",)
        case CaseVerdict.NO_REPLY:
            return (f"pytest --model {model} --lf",)
        case CaseVerdict.DRIFT:
            rule = "or give the path a rule in the prompt file; then"
            return "if this is fine,", _accept(comparison, candidate, run), rule, f"pytest --model {model} -k {case}"
        case _ if fails_for_a_rejection(comparison):
            fine = "mend the prompt; or, if this is fine after all,"
            return fine, _accept(comparison, candidate, run), "then", f"pytest --model {model} -k {case}"
        case _:
            return "mend the prompt, then", f"pytest --model {model} -k {case}"


def _accept(comparison: Comparison, candidate: str, run: str) -> str:
    """Return the command that accepts this case alone: other flows have its name, other candidates its change."""
    words = ["prompt-migrate", "accept", "--flow", comparison.flow, "--case", comparison.case, "--candidate", candidate]
    return shlex.join([*words, *(("--run", run) if run else ())])
