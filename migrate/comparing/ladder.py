"""The contract ladder: rungs 1 to 5 of one sample, judged on the text as it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrate.comparing.answers import Parsed, parse_answer, read_strictly
from migrate.comparing.checks import Subject, Unjudged, needs_value, run_check
from migrate.comparing.contract import Contract
from migrate.comparing.paths import ANSWER, MISSING, brief, write_path
from migrate.comparing.schema import Broken
from migrate.comparing.tools import judge_calls, judge_expected, judge_names
from migrate.vocabulary import (
    CONTRACT_RUNGS,
    Answer,
    Check,
    Finding,
    FindingKind,
    Json,
    JsonPath,
    Judged,
    Rung,
    Sample,
    Severity,
)


def judge_answer(contract: Contract, sample: Sample) -> Judged:
    """Judge the final answer of one sample by its contract.

    Every promised rung is judged on the raw text, whatever the rungs before it said. Findings of rungs 3 and 5 are
    those of the repaired value where there is one, as they hold for the raw text too, which failed as a whole. An
    answer of tool calls alone passes rungs 2 and 3: it promises no text. A sample without an answer is not judged:
    its rungs are all None.
    """
    answer = sample.answer
    if answer is None:
        return Judged(sample, dict.fromkeys(CONTRACT_RUNGS))
    answered = tuple(_unanswered(answer))
    parsed = _read(contract, answer)
    readable = parsed.passed is not False
    schema = _judge_schema(contract, answer, parsed)
    tools = tuple(_judge_tools(contract, answer))
    checks = _judge_checks(contract, answer, parsed)
    rungs = {
        Rung.ANSWERED: not answered,
        Rung.PARSED: parsed.passed,
        Rung.SCHEMA: None if contract.schema is None else readable and not schema,
        Rung.TOOLS: not tools if contract.promises(Rung.TOOLS) else None,
        Rung.CHECKS: checks.passed,
    }
    repaired = None
    if not readable and parsed.parsed:
        valid = None if contract.schema is None else not schema
        repaired = {Rung.SCHEMA: valid, Rung.TOOLS: rungs[Rung.TOOLS], Rung.CHECKS: checks.if_repaired}
    findings = (*answered, *parsed.findings, *schema, *tools, *checks.findings)
    return Judged(sample, rungs, findings, parsed.value, parsed.parsed, repaired, checks.unjudged)


def _read(contract: Contract, answer: Answer) -> Parsed:
    if _calls_only(answer):
        return Parsed(True if contract.promises(Rung.PARSED) else None, False, None, "")
    return parse_answer(contract.parse, answer.text or "")


def _calls_only(answer: Answer) -> bool:
    return bool(answer.tool_calls) and not (answer.text or "").strip()


# --- Rung 1 ---------------------------------------------------------------------------------------------------------


def _unanswered(answer: Answer) -> Iterator[Finding]:
    if answer.refusal:
        yield _not_answered(FindingKind.REFUSED, "the model refused", answer.refusal)
    if answer.finish == "content_filter":
        yield _not_answered(FindingKind.FILTERED, "the answer was stopped by a content filter", answer.text)
    if answer.finish == "length":
        yield _not_answered(FindingKind.TRUNCATED, "the answer was cut off at the token limit", _tail(answer.text))
    silent = not (answer.text or "").strip() and not answer.tool_calls
    if silent and not answer.refusal and answer.finish not in ("content_filter", "length"):
        yield _not_answered(FindingKind.EMPTY, "the answer is empty", answer.text)


def _not_answered(kind: FindingKind, message: str, actual: Json) -> Finding:
    return Finding(Rung.ANSWERED, kind, Severity.BREAKING, JsonPath(ANSWER), message, None, brief(actual))


def _tail(text: str | None) -> str | None:
    return text if text is None or len(text) <= 80 else "\u2026" + text[-79:]


# --- Rung 3 ---------------------------------------------------------------------------------------------------------


def _judge_schema(contract: Contract, answer: Answer, parsed: Parsed) -> tuple[Finding, ...]:
    if contract.schema is None or _calls_only(answer):
        return ()
    value = parsed.value if parsed.parsed else MISSING
    if contract.parse == "text":  # a schema without the promise of JSON: the text has to hold JSON all the same
        valid, value, problem = read_strictly(answer.text or "")
        if not valid:
            return (_broken_schema(Broken(FindingKind.SCHEMA_VIOLATION, (), f"not JSON: {problem}", rule="#")),)
    return () if value is MISSING else tuple(map(_broken_schema, contract.schema.broken(value)))


def _broken_schema(broken: Broken) -> Finding:
    path = write_path((ANSWER, *broken.steps))
    what = (broken.message, broken.expected, broken.actual, broken.rule)
    return Finding(Rung.SCHEMA, broken.kind, Severity.BREAKING, path, *what)


# --- Rung 4 ---------------------------------------------------------------------------------------------------------


def _judge_tools(contract: Contract, answer: Answer) -> Iterator[Finding]:
    declared = contract.tools.arguments if contract.tools is not None else {}
    if contract.tools is not None:
        yield from judge_calls(contract.tools, answer.tool_calls)
    if contract.expected_tools:
        yield from judge_names(contract.expected_tools, answer.tool_calls, "expected tools", declared)
    for check in contract.call_checks:
        yield from judge_expected(check, answer.tool_calls, declared)


# --- Rung 5 ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ChecksJudged:
    """What the checks say of one answer: as it came, and as it would be once repaired."""

    passed: bool | None = None
    if_repaired: bool | None = None
    findings: tuple[Finding, ...] = ()
    unjudged: tuple[str, ...] = ()


def _judge_checks(contract: Contract, answer: Answer, parsed: Parsed) -> _ChecksJudged:
    checks = contract.checks
    if not checks:
        return _ChecksJudged()
    promised = contract.promises(Rung.PARSED)
    value = parsed.value if parsed.parsed else MISSING
    failed, unjudged = _run_checks(checks, Subject(parsed.text, value, promised))
    passed = None if len(unjudged) == len(checks) else not failed
    if parsed.passed is not False:
        return _ChecksJudged(passed, passed, failed, unjudged)
    raw = Subject(answer.text or "", MISSING, promised)
    raw_failed, _ = _run_checks(checks, raw)
    if not parsed.parsed:  # what fails only because nothing could be read is said once, on rung 2
        failed, _ = _run_checks([check for check in checks if not needs_value(check)], raw)
    return _ChecksJudged(None if passed is None else not raw_failed, passed, failed, unjudged)


def _run_checks(checks: Sequence[Check], subject: Subject) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    results = [run_check(check, subject) for check in checks]
    failed = tuple(result for result in results if isinstance(result, Finding))
    return failed, tuple(result.reason for result in results if isinstance(result, Unjudged))
