"""Any decisions, one after another, and taken back one after another: each undo leaves what was before its decision."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_project import BROKEN, LATE, LOST, REFUND, opened

from migrate import wiring
from migrate.reviewing import Choice, Seen, chosen, group_changes
from migrate.vocabulary import CaseId, Decision, FlowName, JsonPath
from migrate.wiring.deciding import open_review
from migrate.workflow.review import Review

CHECKS = """\
checks:
  - {number: {equals: "{{ expected.amount }}"}, path: $.amount, name: the sum}
"""
CASES = ("late-parcel", "broken-cup", "lost.letter")
MODELS = ("gpt-4.1", "gpt-4.1-mini")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, recorded: Path) -> Path:
    """Two candidates whose answers changed in a label, in an amount that a check sees too, and in a fence."""
    root = tmp_path_factory.mktemp("property") / "project"
    with opened(root, template=recorded) as project:
        (root / "prompts" / "refund.prompt.yml").write_text(REFUND + CHECKS, "utf-8")
        for model, more in zip(MODELS, (1, 2), strict=True):
            project.say(model, {LATE: f'{{"label": "lost", "amount": {3 + more}}}'})
            project.say(model, {BROKEN: f'{{"label": "broken", "amount": {5 + more}}}'})
            project.say(model, {LOST: '```json\n{"label": "lost", "amount": 1}\n```'})
        project.run("-q", *(word for model in MODELS for word in ("--model", model)))
    return root


class Act(NamedTuple):
    """One decision of a reviewer: a verdict on what a choice names; groups by their number, for their ids are long."""

    verdict: str
    group: int | None
    case: str | None
    path: str | None
    candidate: str | None
    without: frozenset[str]
    expires: str
    at_most: int | None


ACTS = st.builds(
    Act,
    st.sampled_from(["accept", "reject", "tolerate"]),
    st.none() | st.integers(0, 9),
    st.none() | st.sampled_from(CASES),
    st.none() | st.sampled_from(["$.amount", "$.label", "$"]),
    st.none() | st.sampled_from(MODELS),
    st.frozensets(st.sampled_from(CASES), max_size=1),
    st.sampled_from(["2026-02-01", "2026-03-01"]),
    st.none() | st.integers(1, 2),
)


def held(root: Path) -> tuple[dict[str, object], list[tuple[object, ...]]]:
    """Return the goldens, and what the prompt file tolerates case by case; words on two candidates in any order."""
    goldens = {one.name: sorted_words(one) for one in (root / "fixtures" / "refund").glob("*.json")}
    world = wiring.open_world(root, {}, {})
    (flow,) = (flow for flow in world.load_flows() if flow.name == "refund")
    world.close()
    tolerated = {
        (one.kind, one.path, case, one.candidate, one.expires, one.at_most, one.reason)
        for one in flow.tolerated
        for case in one.cases
    }
    return goldens, sorted(tolerated, key=repr)


def sorted_words(golden: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads(golden.read_text("utf-8"))
    words = {key: sorted(document.get(key, ()), key=repr) for key in ("approved", "rejected")}  # type: ignore[call-overload]
    return {**document, **words, "checksum": ""}


def decide(review: Review, seen: Sequence[Seen], act: Act, at: str) -> bool:
    """Make one decision on everything that the act names and that is open; say whether anything was written."""
    groups = sorted({group.id for group in group_changes(one.comparison for one in seen)})
    choice = Choice(
        group=None if act.group is None else groups[act.group % len(groups)],
        case=None if act.case is None else CaseId(act.case),
        path=None if act.path is None else JsonPath(act.path),
        flow=FlowName("refund"),
        candidate=act.candidate,
        without=frozenset(map(CaseId, act.without)),
    )
    given_ = Decision(
        FlowName(""),
        CaseId(""),
        "",
        act.verdict,  # type: ignore[arg-type]
        None,
        "",
        reason="so",
        reviewer="ada",
        at=at,
        expires=act.expires if act.verdict == "tolerate" else None,
        at_most=act.at_most if act.verdict == "tolerate" else None,
    )
    outcomes = review.apply(list(chosen(seen, choice, given_)))
    return any(one.status == "written" for one in outcomes)


def times() -> Iterator[str]:
    return (f"2026-01-15T11:00:{second:02}.000Z" for second in itertools.count())


@given(st.lists(ACTS, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_undo_leaves_what_was_before_its_decision(template: Path, acts: list[Act]) -> None:
    """By group, case, place or all of them, of one candidate or both, some overriding others: back to the beginning."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "project"
        shutil.copytree(template, root)
        world = wiring.open_world(root, {}, {})
        review, clock, before = open_review(world), times(), []
        seen = [one for one in review.seen(world.ledger.run(None)) if one.comparison.flow == "refund"]
        for act in acts:
            state = held(root)
            if decide(review, seen, act, next(clock)):
                before.append(state)
        for state in reversed(before):
            last = review.last()
            back = review.take_back(last, reviewer="bob", at=next(clock))
            assert {"written"} == {one.status for one in back}, [one.why for one in back]
            assert state == held(root)
        assert () == review.last()
        world.close()
