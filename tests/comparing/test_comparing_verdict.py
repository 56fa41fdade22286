"""The verdict of a case: the first that holds, over every combination there is."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from comparing_cases import TODAY, contract_for, flow_of, golden_of, judged_of, trial

from migrate.comparing import Standing, case_verdict, contract_of, leave_one_out
from migrate.comparing.samples import MAX_LISTED
from migrate.vocabulary import CaseVerdict, Check, FindingKind, JsonPath, Rate, Rule, Rung, Severity, Tool

SHARES = (Fraction(0), Fraction(1, 3), Fraction(2, 3), Fraction(1))
ORDER = (
    (CaseVerdict.NO_GOLDEN, lambda case: not case.golden),
    (CaseVerdict.STALE_GOLDEN, lambda case: case.stale),
    (CaseVerdict.NO_REPLY, lambda case: not case.replied),
    (CaseVerdict.UNSTABLE_BASELINE, lambda case: case.baseline not in (0, 1) and not case.candidate < case.baseline),
    (CaseVerdict.BREAKING, lambda case: case.candidate < case.baseline),
    (CaseVerdict.IMPROVED, lambda case: case.candidate > case.baseline),
    (CaseVerdict.CONTRACT_NOT_KEPT, lambda case: case.baseline == case.candidate == 0),
    (CaseVerdict.BREAKING, lambda case: case.rejected),
    (CaseVerdict.ACCEPTED, lambda case: case.approved and not case.drift),
    (CaseVerdict.DRIFT, lambda case: case.drift),
    (CaseVerdict.WITHIN_NOISE, lambda case: not case.same),
    (CaseVerdict.SAME, lambda case: case.same),
)
"""The order of the semantics, written down once more."""


def test_the_first_verdict_that_holds_is_given() -> None:
    """Over all combinations of what a verdict follows from, the first of the list is the verdict."""
    seen = set()
    flags = product((True, False), repeat=7)
    for (golden, stale, replied, *more), baseline, candidate in product(flags, SHARES, SHARES):
        standing = Standing(golden, stale, replied, baseline, candidate, *more)
        expected = next(verdict for verdict, holds in ORDER if holds(standing))
        assert expected is case_verdict(standing), standing
        seen.add(expected)

    assert set(CaseVerdict) == seen


@pytest.mark.parametrize(
    ("baseline", "candidate", "verdict"),
    [
        (["1", "1"], ["1", "1"], CaseVerdict.SAME),
        (["1", "1"], ["1", "x"], CaseVerdict.BREAKING),
        (["1", "x"], ["1"], CaseVerdict.UNSTABLE_BASELINE),
        (["1", "x"], ["1", "x", "x"], CaseVerdict.BREAKING),
        (["1", "x"], ["1", "x"], CaseVerdict.UNSTABLE_BASELINE),
        (["x", "x"], ["1", "x"], CaseVerdict.IMPROVED),
        (["x", "x"], ["x"], CaseVerdict.CONTRACT_NOT_KEPT),
        (["1"], ["2"], CaseVerdict.DRIFT),
        (["1", "2"], ["2", "2", "2"], CaseVerdict.SAME),
        (["1"], [None], CaseVerdict.NO_REPLY),
        ([None], ["1"], CaseVerdict.NO_GOLDEN),
        (None, [], CaseVerdict.NO_GOLDEN),
    ],
)
def test_shares_decide_before_agreement(baseline: list[str], candidate: list[str], verdict: CaseVerdict) -> None:
    """The share of samples that keep the contract decides, whatever the numbers of samples on both sides."""
    assert verdict is trial(flow_of("json"), baseline, candidate).compare().verdict


def test_totals_are_all_samples() -> None:
    """A rung's rate counts every sample, also those that failed the rung before; unpromised rungs are null."""
    flow = flow_of("json", schema={"type": "object", "required": ["a"]})
    comparison = trial(flow, ['{"a": 1}'] * 3, ['{"a": 1}', "{}", "oh", {"refusal": "no"}]).compare()
    rates = {rung: comparison.rungs[rung] for rung in (Rung.ANSWERED, Rung.PARSED, Rung.SCHEMA)}

    assert [Rate(3, 4), Rate(2, 4), Rate(1, 4)] == [side.candidate for side in rates.values() if side is not None]
    assert (None, None) == (comparison.rungs[Rung.TOOLS], comparison.rungs[Rung.CHECKS])
    assert Rate(3, 3) == comparison.rungs[Rung.AGREEMENT].baseline  # type: ignore[union-attr]


def test_the_worst_comes_first() -> None:
    """Findings stand in the order of what they cost, what is explained behind what is not."""
    flow = flow_of("json", schema={"properties": {"z": {"type": "string"}}})
    golden = ['{"a": 1, "b": 1, "c": "white space", "z": "x"}', '{"a": 2, "b": 1, "c": "white space", "z": "x"}']
    comparison = trial(flow, golden, ['{"a": 2, "b": 2, "c": "white  space", "z": 1}']).compare()
    ranks = [
        (list(Severity).index(found.severity), found.explained is not None, list(Rung).index(found.rung))
        for found in comparison.findings
    ]

    assert sorted(ranks) == ranks
    assert Severity.BREAKING is comparison.findings[0].severity
    assert Severity.COSMETIC is comparison.findings[-1].severity


def test_findings_name_their_sample() -> None:
    """Every finding of either kind says in which candidate sample it was found."""
    comparison = trial(flow_of("json"), ["1", "1"], ["1", "x", "2"]).compare()

    assert [(FindingKind.INVALID_JSON, 2), (FindingKind.VALUE_CHANGED, 3)] == [
        (found.kind, found.sample) for found in comparison.findings
    ]


def test_a_flood_of_differences_is_counted() -> None:
    """Past the cap differences are counted, not listed, and still decide the verdict."""
    before, after = str(list(range(5_000))), str(list(range(10_000, 15_000)))
    comparison = trial(flow_of("json"), [before] * 2, [after]).compare()

    assert CaseVerdict.DRIFT is comparison.verdict
    assert MAX_LISTED + 1 == len(comparison.findings)
    assert any("more differences are not listed" in found.message for found in comparison.findings)


def test_a_changed_contract_is_judged_again() -> None:
    """Stored rungs are believed only for the contract they were judged by; else the stored text is judged again."""
    lax, strict = flow_of("json"), flow_of("json", schema={"type": "object", "required": ["a"]})
    made = trial(lax, ["{}", "{}"], ["{}"])
    today = replace(made, contract=contract_for(strict), samples=tuple(judged_of(contract_for(strict), ["{}"])))

    assert (CaseVerdict.SAME, "") == (made.compare().verdict, made.compare().note)
    assert CaseVerdict.CONTRACT_NOT_KEPT is today.compare().verdict
    assert "judged again, on redacted text" in today.compare().note


def test_a_golden_without_a_digest_is_judged_again() -> None:
    """A golden that does not say by what it was judged is judged again."""
    made = trial(flow_of("json"), ["1", "1"], ["1"])
    assert made.golden is not None
    unsigned = replace(made, golden=replace(made.golden, contract_digest=""))

    assert "judged again" in unsigned.compare().note
    assert CaseVerdict.SAME is unsigned.compare().verdict


def test_stored_rungs_are_believed() -> None:
    """Under an unchanged contract the stored judgement holds: it was made on the raw text, which is gone."""
    made = trial(flow_of("json"), ["1", "1"], ["1"])
    assert made.golden is not None
    broken = tuple(replace(sample, rungs={**sample.rungs, Rung.CHECKS: False}) for sample in made.golden.samples)

    assert CaseVerdict.IMPROVED is replace(made, golden=replace(made.golden, samples=broken)).compare().verdict


def test_noise_is_measured_from_two_samples_on() -> None:
    """A golden of one sample measures no noise, and the comparison says so."""
    one = trial(flow_of(), ["yes"], ["no"]).compare()
    two = trial(flow_of(), ["yes", "yes"], ["no"]).compare()

    assert (False, True) == (one.noise_measured, two.noise_measured)
    assert "unmeasured" in one.findings[0].message
    assert "unmeasured" not in two.findings[0].message


def test_unjudged_checks_are_named_once() -> None:
    """What no check could decide travels with the comparison, once for all samples."""
    comparison = trial(flow_of(checks=[Check("judge", {}, None, "tone")]), ["x", "x"], ["x", "x"]).compare()

    assert ("tone: judges are not available",) == comparison.unjudged


# --- Contracts ------------------------------------------------------------------------------------------------------


def test_the_digest_follows_what_judges() -> None:
    """The digest changes with parse, schema, tools and checks, and not with rules, wording or order of building."""
    base = flow_of("json", schema={"type": "object"})
    same = flow_of("json", schema={"type": "object"}, rules=[Rule(JsonPath("$.a"), "ignore")])
    others = [
        flow_of("fenced", schema={"type": "object"}),
        flow_of("json", schema={"type": "array"}),
        flow_of("json"),
        flow_of("json", schema={"type": "object"}, tools=[Tool("t", "", {})]),
        flow_of("json", schema={"type": "object"}, checks=[Check("json", {})]),
        flow_of("json", schema={"type": "object"}, tools=[Tool("t", "", {})], tool_choice="required"),
        flow_of("json", schema={"type": "object"}, tools=[Tool("t", "", {})], parallel_tool_calls=False),
    ]
    digests = [contract_for(flow).digest for flow in (base, *others)]

    assert contract_for(base).digest == contract_for(same).digest
    assert len(digests) == len(set(digests))


def test_checks_of_a_case_are_in_its_digest() -> None:
    """A check bound to another value makes another contract; another name does not."""
    flow = flow_of()
    five, six, named = (
        contract_of(flow, flow.prompt, (Check("equals", {"value": value}, None, name),)).digest
        for value, name in ((5, ""), (6, ""), (5, "is five"))
    )

    assert five != six
    assert five == named


def test_expected_tools_decide_before_the_golden() -> None:
    """Sets of tool names given with the contract are what is right, whatever the golden's samples call."""
    flow = flow_of(tools=[Tool("a", "", {}), Tool("b", "", {})])
    contract = contract_of(flow, flow.prompt, (), expected_tools=[["a"], ["b", "a"]])
    call = {name: {"tool_calls": [{"name": part} for part in name]} for name in ("a", "ab", "b")}
    judged = judged_of(contract, [call["a"], call["ab"], call["b"], "no call"])

    assert [True, True, False, False] == [sample.rungs[Rung.TOOLS] for sample in judged]
    assert [FindingKind.MISSING_TOOL_CALL] == [found.kind for found in judged[2].findings]


def test_rules_hold_until_their_day_is_over() -> None:
    """The day of a comparison decides which rules hold."""
    rule = Rule(JsonPath("$.a"), "ignore", expires="2026-01-15")
    made = trial(flow_of("json", rules=[rule]), ['{"a": 1}'] * 2, ['{"a": 2}'])
    later = replace(made, today=TODAY + dt.timedelta(days=1))

    assert (CaseVerdict.WITHIN_NOISE, CaseVerdict.DRIFT) == (made.compare().verdict, later.compare().verdict)
    assert made.golden is not None
    assert (True, True) == leave_one_out(made.contract, made.golden, today=TODAY)


def test_the_input_is_read_from_the_candidates_own_request() -> None:
    """Names are looked for in the request of the candidate, which is whole, before the one the golden keeps."""
    made = trial(
        flow_of(),
        ["We will write to Ada about it soon.", "We will write to Ada about this soon."],
        ["We will write to the customer about it soon."],
        asked="sha256:0123",
    )
    asked = trial(made_flow := flow_of(), ["x"], [{"text": "x", "calls": 1}]).samples[0].sample.calls[0]
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello, my name is Ada, please help."}]}]
    }
    call = replace(asked, request=replace(asked.request, body=body))
    sample = replace(made.samples[0], sample=replace(made.samples[0].sample, calls=(call,)))

    assert made_flow.parse == "text"
    assert CaseVerdict.WITHIN_NOISE is made.compare().verdict
    assert CaseVerdict.DRIFT is made.with_samples([sample]).compare().verdict


def test_an_empty_golden_is_none() -> None:
    """A golden whose samples all lack an answer is no golden."""
    contract = contract_for(flow_of())

    assert CaseVerdict.NO_GOLDEN is trial(flow_of(), [None, None], ["yes"]).compare().verdict
    assert 2 == len(golden_of(contract, [None, None]).samples)
