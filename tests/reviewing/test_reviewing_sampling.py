"""The sample that people rate: the same for all of them, in an order of each one's own, and blind."""

from __future__ import annotations

from collections import Counter

from migrate.reviewing import Sample, answer_digests, draw
from migrate.vocabulary import (
    Answer,
    CaseId,
    CaseVerdict,
    Comparison,
    FlowName,
    Golden,
    Judged,
    Request,
    ToolCall,
)
from migrate.vocabulary import Sample as Trace

FLOW = FlowName("refund")


def judged(*texts: str) -> tuple[Judged, ...]:
    return tuple(Judged(Trace(number, (), Answer(text)), {}) for number, text in enumerate(texts, 1))


def run(cases: int, equal: int = 0) -> list[tuple[Comparison, tuple[Judged, ...], Golden | None]]:
    """Cases that differ, then equal ones, then one without a golden."""
    found: list[tuple[Comparison, tuple[Judged, ...], Golden | None]] = []
    body = {"messages": [{"role": "system", "content": "Sort."}, {"role": "user", "content": "Where is it?"}]}
    for number in range(cases + equal):
        case = CaseId(f"case-{number}")
        said = "Yes." if number >= cases else "No."
        golden = Golden(FLOW, case, "gpt-4o", (Request("chat", body, "k", "p"),), judged("Yes.", "Yes."))
        found.append((Comparison(FLOW, case, "gpt-4o", "gpt-4.1", CaseVerdict.DRIFT), judged(said), golden))
    lost = Comparison(FLOW, CaseId("lost"), "gpt-4o", "gpt-4.1", CaseVerdict.NO_GOLDEN)
    return [*found, (lost, judged("No."), None)]


def ids(sample: Sample, rater: str) -> list[str]:
    return [pair.case for pair in sample.ordered(rater)]


def test_every_rater_of_a_seed_is_given_the_same_pairs() -> None:
    """In another order; another seed draws others, and what the run is read in makes no difference."""
    cases = run(200)
    sample, backwards = draw(cases, 30, 7), draw(reversed(cases), 30, 7)
    assert 30 == len(sample.pairs)
    assert set(ids(sample, "ada")) == set(ids(backwards, "bob"))
    assert ids(sample, "ada") != ids(sample, "bob")
    assert set(ids(sample, "ada")) != set(ids(draw(cases, 30, 8), "ada"))


def test_only_what_differs_is_asked_about() -> None:
    """Equal pairs are counted and not shown; a case without a golden or an answer is no pair."""
    sample = draw(run(5, equal=12), 30, 0)
    assert (5, 5, 12) == (len(sample.pairs), sample.of, sample.equal)
    assert {(FLOW, "gpt-4.1"): 5} == sample.differing
    (first, *_) = sample.pairs
    assert ("Where is it?", "Yes.", "No.") == (first.asked, first.baseline_answer, first.candidate_answer)


def test_the_layout_of_json_is_no_difference_and_no_hint() -> None:
    """Equal JSON is an equal pair however it is written, and what differs is shown in one layout, hashed as it came."""
    body = (Request("chat", {}, "k", "p"),)
    golden = Golden(FLOW, CaseId("a"), "gpt-4o", body, judged('{"b": 1, "a": [2]}'))
    comparison = Comparison(FLOW, CaseId("a"), "gpt-4o", "m", CaseVerdict.DRIFT)
    assert (0, 1) == (len((same := draw([(comparison, judged('{"a":[2],\n"b":1}'), golden)], 1, 0)).pairs), same.equal)
    samples = judged('{"a":[3],"b":1}')
    (pair,) = draw([(comparison, samples, golden)], 1, 0).pairs
    assert {'{\n  "a": [\n    2\n  ],\n  "b": 1\n}', '{\n  "a": [\n    3\n  ],\n  "b": 1\n}'} == set(pair.sides("ada"))
    assert {pair.shown[1]} == answer_digests(samples)


def test_sides_change_from_pair_to_pair_and_rater_to_rater() -> None:
    """About half of the pairs show the candidate first, and two raters do not see the same half."""
    sample = draw(run(400), 400, 0)
    counts = Counter(pair.left("ada") for pair in sample.pairs)
    assert 150 < counts["candidate"] < 250
    same = sum(pair.left("ada") == pair.left("bob") for pair in sample.pairs)
    assert 150 < same < 250
    pair = sample.pairs[0]
    assert ("No." if pair.left("ada") == "candidate" else "Yes.") == pair.sides("ada")[0]


def test_a_pair_shows_all_of_an_answer() -> None:
    """Text, refusal and calls of tools; its hash is that of what was shown."""
    answer = Answer("Wait.", (ToolCall(id="c1", name="look_up", arguments='{"id": 3}'),), "I cannot.")
    golden = Golden(FLOW, CaseId("a"), "gpt-4o", (Request("chat", {}, "k", "p"),), judged("Yes."))
    samples = (Judged(Trace(1, (), answer), {}),)
    (pair,) = draw([(Comparison(FLOW, CaseId("a"), "gpt-4o", "m", CaseVerdict.DRIFT), samples, golden)], 1, 0).pairs
    assert 'Wait.\n[refused] I cannot.\nlook_up({"id": 3})' == pair.candidate_answer
    assert {pair.shown[1]} == answer_digests(samples)
