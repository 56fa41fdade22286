"""What always holds of comparing, whatever the answers are."""

from __future__ import annotations

import json
import random
from dataclasses import replace

from comparing_cases import answer_of, contract_for, flow_of, golden_of, judged_of, trial
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from migrate.comparing import judge, leave_one_out, parse_answer
from migrate.vocabulary import CONTRACT_RUNGS, CaseVerdict, Json, JsonPath, Rule, Rung, Sample, Severity

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2.25, 1e300]),
    st.sampled_from(["a", "b", "open", "two words", "", "\ud800", "It costs 12.50 EUR on 3 May 2026 for Anna in all"]),
    st.sampled_from(["It costs 13 EUR on 3 May 2026 for Anna in all", "Anna pays nothing at all for this one here"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["a", "b", "c", "odd key"]), inner, max_size=4)
    ),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)
NEAR = st.fixed_dictionaries(
    {
        "s": st.sampled_from(["open", "closed", None]),
        "n": st.integers(1, 6),
        "l": st.lists(st.sampled_from(["x", "y", {"k": 1}, {"k": 2}]), max_size=3),
        "p": st.sampled_from(
            ["we sent 3 parcels to you today", "we sent 4 parcels to you today", "we sent them to you"]
        ),
    },
    optional={"o": st.sampled_from(["x", "y"]), "t": st.integers(1, 3)},
)
"""Documents that resemble each other, as the answers to one question do."""

RULES = (
    Rule(JsonPath("$.a"), "unordered"),
    Rule(JsonPath("$.b"), "ignore"),
    Rule(JsonPath("$.c[*]"), "tolerance", {"abs": 1}),
    Rule(JsonPath("$.l"), "unordered"),
)
RULE_SETS = st.lists(st.sampled_from(RULES), unique_by=lambda rule: rule.path, max_size=3)


def _text(value: Json) -> str:
    return json.dumps(value)


@given(st.lists(DOCUMENTS, min_size=1, max_size=4), RULE_SETS)
def test_answers_compared_with_themselves_are_the_same(documents: list[Json], rules: list[Rule]) -> None:
    """A candidate that answers exactly what the baseline answered is the same, with nothing unexplained."""
    texts = [_text(document) for document in documents]
    comparison = trial(flow_of("json", rules=rules), texts, texts).compare()

    assert CaseVerdict.SAME is comparison.verdict
    assert [] == [found for found in comparison.findings if found.rung is Rung.AGREEMENT]


@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_layout_and_order_of_keys_mean_nothing(document: dict[str, Json], chance: random.Random) -> None:
    """JSON written in another layout with its keys in another order is the same answer."""
    keys = sorted(document, key=lambda _: chance.random())
    other = json.dumps({key: document[key] for key in keys}, indent=3, ensure_ascii=True)

    assert CaseVerdict.SAME is trial(flow_of("json"), [_text(document)], [other]).compare().verdict


@given(
    st.lists(st.one_of(NEAR, DOCUMENTS), min_size=1, max_size=4),
    st.lists(st.one_of(NEAR, DOCUMENTS), min_size=1, max_size=3),
    RULE_SETS,
    st.randoms(use_true_random=False),
)
def test_the_order_of_samples_changes_nothing(
    baseline: list[Json], candidate: list[Json], rules: list[Rule], chance: random.Random
) -> None:
    """Samples are never paired one to one: in any order they give the same comparison to the letter."""
    made = trial(flow_of("json", rules=rules), [*map(_text, baseline)], [*map(_text, candidate)])
    assert made.golden is not None
    shuffled = replace(
        made,
        golden=replace(made.golden, samples=tuple(chance.sample(made.golden.samples, len(baseline)))),
        samples=tuple(chance.sample(made.samples, len(candidate))),
    )

    assert made.compare() == shuffled.compare()


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[list[Json], Json]:
    """Draw answers, and one more that takes each of its fields from one of them: mostly noise, sometimes not."""
    baseline = draw(st.lists(NEAR, min_size=1, max_size=4))
    keys = {key for document in baseline for key in document}
    mixed = {key: draw(st.sampled_from([doc[key] for doc in baseline if key in doc])) for key in sorted(keys)}
    return baseline, mixed | draw(st.one_of(st.just({}), st.fixed_dictionaries({"n": st.integers(1, 6)})))


@settings(max_examples=300)
@given(mixtures(), NEAR, RULE_SETS)
def test_more_baseline_samples_only_explain_more(
    mixture: tuple[list[Json], Json], other: Json, rules: list[Rule]
) -> None:
    """A candidate that agrees with a baseline still agrees when the baseline is seen to answer yet another way."""
    baseline, candidate = mixture
    flow = flow_of("json", rules=rules)

    assert _agrees(flow, [*baseline, other], candidate) or not _agrees(flow, baseline, candidate)


def _agrees(flow: object, baseline: list[Json], candidate: Json) -> bool:
    rates = trial(flow, [*map(_text, baseline)], [_text(candidate)]).compare().rungs[Rung.AGREEMENT]  # type: ignore[arg-type]
    assert rates is not None
    return rates.candidate.passed == 1


@given(st.lists(NEAR, min_size=1, max_size=4), NEAR, RULE_SETS)
def test_an_answer_the_baseline_also_gives_is_explained(
    baseline: list[Json], candidate: Json, rules: list[Rule]
) -> None:
    """Adding the candidate's own answer to the baseline leaves nothing of it unexplained."""
    flow = flow_of("json", rules=rules)
    comparison = trial(flow, [*map(_text, baseline), _text(candidate)], [_text(candidate)]).compare()

    assert CaseVerdict.SAME is comparison.verdict


@given(st.lists(NEAR, min_size=1, max_size=3), NEAR, RULE_SETS)
def test_an_approved_answer_is_never_drift(baseline: list[Json], candidate: Json, rules: list[Rule]) -> None:
    """An answer that a reviewer accepted is accepted, or was no drift to begin with."""
    flow = flow_of("json", rules=rules)
    made = trial(flow, [*map(_text, baseline)], [_text(candidate)], approved=[_text(candidate)])

    assert made.compare().verdict in (CaseVerdict.ACCEPTED, CaseVerdict.WITHIN_NOISE, CaseVerdict.SAME)


STRANGE = ("NaN", "-Infinity", "1e999", "9" * 5000, "\\ud800", '"\\ud800"', "\ud800", "\ufeff", "\x00", '{"a":1,"a":2}')
PLAIN = ('{"a":', "[", "]", "{", "}", '"x"', ":", ",", "null", " ", "1", ".5", "-", "true", "[" * 200, "]" * 200)
PROSE = ("```json\n", "\n```", "Sure! ", "I'm sorry, I can't assist with that.")
PIECES = st.sampled_from((*STRANGE, *PLAIN, *PROSE))
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=8).map("".join))
SCHEMA = {"type": "object", "properties": {"a": {"type": ["integer", "null"], "enum": [1, None]}}, "required": ["a"]}


@settings(max_examples=300)
@given(st.sampled_from(["json", "fenced", "text"]), TEXTS, TEXTS, st.booleans())
@example("json", "[" * 100_000 + "]" * 100_000, '{"v": ' + "9" * 5000 + "}", True)
@example("text", '{"t": "a\ud800b"}', "\ud800", False)
def test_no_text_is_too_strange(parse: str, one: str, other: str, with_schema: bool) -> None:
    """Whatever a model writes is judged and compared, and every rate counts every sample."""
    flow = flow_of(parse, schema=SCHEMA if with_schema else None)
    comparison = trial(flow, [one, one, other], [other, one]).compare()

    for rung in CONTRACT_RUNGS:
        rates = comparison.rungs[rung]
        assert rates is None or (3, 2) == (rates.baseline.total, rates.candidate.total)
    json.dumps([[found.expected, found.actual, found.message] for found in comparison.findings], allow_nan=False)


@given(st.sampled_from(["json", "fenced"]), TEXTS)
def test_a_failed_rung_always_has_a_finding(parse: str, text: str) -> None:
    """An answer that breaks its contract says what is wrong, and one that keeps it has no breaking finding."""
    judged = judge(contract_for(flow_of(parse, schema=SCHEMA)), Sample(1, (), answer_of({"text": text})))
    breaking = [found for found in judged.findings if found.severity is Severity.BREAKING]

    assert judged.kept is not bool(breaking)


@given(VALUES)
def test_what_json_writes_is_read_back(value: Json) -> None:
    """Every JSON text that Python writes strictly is read as it was meant."""
    parsed = parse_answer("json", json.dumps(value))

    assert parsed.passed
    assert value == parsed.value


@given(VALUES, st.text(alphabet="abc .!\n", max_size=20), st.text(alphabet="abc .!\n", max_size=20))
def test_what_stands_in_prose_is_found(value: Json, before: str, after: str) -> None:
    """A JSON object or list with letters around it is found whole, and never passes for the answer itself."""
    assume(before.strip() or after.strip())
    wrapped = {"answer": value}
    parsed = parse_answer("json", f"{before}{json.dumps(wrapped)}{after}")

    assert parsed.passed is False
    assert wrapped == parsed.value


@given(st.lists(NEAR, min_size=2, max_size=5))
def test_leaving_one_out_counts_every_sample(baseline: list[Json]) -> None:
    """The baseline's own agreement has one result a sample, and samples with an equal among the others agree."""
    contract = contract_for(flow_of("json"))
    golden = golden_of(contract, [*map(_text, baseline)])
    results = leave_one_out(contract, golden)

    assert len(baseline) == len(results)
    for document, agrees in zip(baseline, results, strict=True):
        assert agrees or baseline.count(document) == 1


@given(st.lists(NEAR, min_size=2, max_size=4))
def test_leaving_one_out_is_comparing_with_the_rest(baseline: list[Json]) -> None:
    """A sample agrees with the others exactly when it would as a candidate against them."""
    flow = flow_of("json")
    contract = contract_for(flow)
    results = leave_one_out(contract, golden_of(contract, [*map(_text, baseline)]))

    for index, document in enumerate(baseline):
        others = [other for place, other in enumerate(baseline) if place != index]
        assert _agrees(flow, others, document) is results[index]


def test_one_sample_has_nobody_to_agree_with() -> None:
    """A golden of one sample has no agreement of its own."""
    contract = contract_for(flow_of())

    assert () == leave_one_out(contract, golden_of(contract, ["yes"]))
    assert 1 == len(judged_of(contract, ["yes"]))
