"""What routing takes from a case: what can be seen of an answer, how far it agrees, what it costs and takes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from measured import call, compared, finding, record, scores

from migrate.routing import Signal, TrialOf, TrialReader, baseline_rows
from migrate.routing.reading import signals_of, usd_by_sample
from migrate.vocabulary import (
    Answer,
    Call,
    CaseId,
    Finding,
    FindingKind,
    JsonPath,
    Judged,
    Reply,
    Request,
    Rung,
    Sample,
    Severity,
)


def judged(answer: Answer | None, *findings: Finding, **rungs: bool) -> Judged:
    return Judged(Sample(1, (), answer), {Rung(name): passed for name, passed in rungs.items()}, findings)


UNKNOWN_TOOL = Finding(Rung.TOOLS, FindingKind.UNKNOWN_TOOL, Severity.BREAKING, JsonPath("$tool_calls"), "unknown")


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (judged(Answer("{}"), schema=True, checks=True), set()),
        (judged(Answer("{}"), schema=True, checks=False), set()),
        (judged(Answer("{}"), tools=False), set()),
        (judged(Answer("{"), parsed=False), {Signal.SCHEMA}),
        (judged(Answer("{}"), schema=False), {Signal.SCHEMA}),
        (judged(Answer("{}"), UNKNOWN_TOOL, tools=False), {Signal.SCHEMA}),
        (judged(Answer("half", finish="length"), answered=False), {Signal.LENGTH}),
        (judged(Answer(None, refusal="No."), answered=False), {Signal.REFUSAL}),
        (judged(Answer("...", finish="content_filter"), answered=False), {Signal.REFUSAL}),
        (judged(Answer(""), answered=False), {Signal.EMPTY}),
        (judged(None), {Signal.EMPTY}),
    ],
)
def test_what_an_application_can_see(one: Judged, expected: set[Signal]) -> None:
    """Broken schemas, cut, refused and empty answers; never a failed check or the wrong tool, which nobody sees."""
    assert expected == set(signals_of(one))


def test_a_sample_costs_all_its_calls_and_tries() -> None:
    """Two calls, one of them after a try that may have been paid for; an unknown price leaves the sample unknown."""
    calls = (call(sample=1), replace(call(sample=1, ordinal=1), lost=1), call(sample=2), call("gpt-9", sample=2))
    found = usd_by_sample(calls, lambda one: "no price" if one.asked_model == "gpt-9" else Decimal(2))
    assert {1: Decimal(6), 2: None} == found


def test_a_try_that_was_cut_off_costs_production_nothing() -> None:
    """A replay was stopped and resumed: its answers cost what they cost, not twice."""
    again = Call(Request("chat", {}, "k1:0", "k1:0"), Reply(Answer("{}"), "gpt-4.1"), lost=1)
    one = record(compared("c1", scores=scores((1, 1), (1, 1), None)), baseline=(call(),), candidate=(call(),))
    cut = replace(
        one,
        samples=(Judged(Sample(1, (again,), Answer("{}")), {}),),
        candidate=(replace(call(), lost=1),),
    )
    reader = TrialReader(TrialOf("gpt-4.1"), lambda _: Decimal(1))
    reader.add(cut)
    assert Decimal(1) == reader.trial().costs[CaseId("c1")].candidate


def test_agreement_is_shared_by_the_samples_that_agree() -> None:
    """Of five samples one differs: the four others hold the case's count, and it holds none."""
    comparison = compared("c1", replace(finding(), sample=2), scores=scores(agreement=((5, 5), (16, 25))))
    reader = TrialReader(TrialOf("gpt-4.1"), lambda _: Decimal(1))
    reader.add(record(comparison, samples=5, candidate=tuple(call(sample=k) for k in range(1, 6))))
    rows = reader.trial().rows[CaseId("c1")]
    assert [0.8, 0.0, 0.8, 0.8, 0.8] == pytest.approx([row.agreement for row in rows])


def test_a_case_with_a_missing_answer_is_no_row() -> None:
    """What a path through it would be nobody knows; the verdict takes the answer for bad."""
    reader = TrialReader(TrialOf("gpt-4.1"), lambda _: Decimal(1))
    reader.add(record(compared("c1", scores=scores(after=(4, 4), planned=5)), samples=4))
    assert ({}, 1) == (dict(reader.trial().rows), len(reader.trial().comparisons))


def test_goldens_that_were_judged_otherwise_are_no_rows() -> None:
    """A golden's own judgement counts where it gives the share the comparison was made with, and nowhere else."""
    samples = [judged(Answer("{}"), schema=True), replace(judged(Answer("{}"), schema=False))]
    as_compared, otherwise = scores((1, 2)), scores((2, 2))
    assert baseline_rows(samples, as_compared.contract, as_compared.agreement, (), lambda _: Decimal(1)) is not None
    assert baseline_rows(samples, otherwise.contract, otherwise.agreement, (), lambda _: Decimal(1)) is None
