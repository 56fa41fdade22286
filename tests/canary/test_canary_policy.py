"""Policy and plan files, read strictly."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from canary_nouns import plan

from migrate.canary import identity, plan_document
from migrate.canary.terms import Judge
from migrate.edges.rollouts import read_plan, read_policy, write_document
from migrate.errors import ConfigurationProblem, UsageProblem

SCHEMA: Any = json.loads(
    (Path(__file__).parents[2] / "migrate" / "schemas" / "canary-policy.schema.json").read_text("utf-8")
)
WHOLE = """\
cases = "production_sample"
ladder = [0.05, 0.5, 1]
first_share = 0.05
hold_back = 0.1
hold_back_days = 3
budget = 200
budget_per_day = 20
min_days = 2
last_gate_days = 5
max_days = 30
latency_ratio = 1.5
hard = ["bad", "slow"]
rates = {slow = 0.1}
judge = {sensitivity = 0.8, specificity = 0.95}
requests_per_day = 1000
users_per_day = 300
cached_share = 0.5
newly_exposed = 0.2
rollouts = 500
seed = 3

[flows.refund]
max_days = 10
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_every_key_is_read(tmp_path: Path) -> None:
    """A file with every key; a flow's own table goes over what holds for all, and the schema takes it too."""
    policy = read_policy(write(tmp_path, WHOLE))
    assert (0.2, 500, 3) == (policy.newly_exposed, policy.rollouts, policy.seed)
    assert ("production_sample", (0.05, 0.5, 1.0), ("bad", "slow")) == (
        policy.default.cases, policy.default.ladder, policy.default.hard
    )  # fmt: skip
    assert Judge(0.8, 0.95) == policy.default.judge
    assert (30, 10, 200) == (
        policy.default.max_days,
        policy.terms_of("refund").max_days,
        policy.terms_of("refund").budget,
    )
    jsonschema_rs.validator_for(SCHEMA).validate(tomllib.loads(WHOLE))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bugdet = 3", 'unknown key "bugdet" (did you mean "budget"?)'),
        ("max_days = 0", '"max_days" must be a whole number between 1 and 366, not 0'),
        ("max_days = true", "a whole number"),
        ("ladder = [0.5, 0.1, 1]", '"ladder" must rise from above 0 to 1'),
        ("ladder = [0.5]", "must rise"),
        ('hard = ["bda"]', "knows no metric 'bda' did you mean \"bad\"?"),
        ("rates = {slow = 2}", '"rates" must lie between 0 and 0.5, not 2'),
        ("judge = {sensitivity = 0.4, specificity = 0.5}", "no better than chance"),
        ('cases = "all"', "must be production_sample or hand_written"),
        ("flows = 3", '"flows" must be a table of tables'),
        ("[flows.refund]\nseed = 1", 'unknown key "flows.refund.seed"'),
        ("budget = nan", "must lie between"),
        ("[", "not TOML"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """Typos are guessed, bounds are named, and the file is."""
    with pytest.raises(ConfigurationProblem) as caught:
        read_policy(write(tmp_path, text))
    assert said in str(caught.value)
    assert "policy.toml" in str(caught.value)


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Two of them, two lines."""
    with pytest.raises(ConfigurationProblem) as caught:
        read_policy(write(tmp_path, "bugdet = 3\nmax_days = 0"))
    assert 2 == len(caught.value.problems)


def test_a_plan_that_was_edited_is_refused(tmp_path: Path) -> None:
    """A changed share makes another plan: the file says which it was, and how to make a new one."""
    path = tmp_path / "plan.json"
    document = plan_document(plan())
    write_document(path, json.dumps(document))
    assert document == plan_document(read_plan(path))
    document["flows"][0]["stages"][0]["share"] = 0.9
    write_document(path, json.dumps(document))
    with pytest.raises(UsageProblem, match="was changed after it was made"):
        read_plan(path)


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is not JSON"), ("{}", "is no canary plan"), (None, "cannot be read")]
)
def test_what_is_no_plan_is_said(tmp_path: Path, text: str | None, said: str) -> None:
    """Broken, foreign or missing: one sentence each, and no traceback."""
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageProblem, match=said):
        read_plan(path)


def flow_with(**changes: Any) -> Any:
    """A change of the first flow of a plan's document."""

    def change(document: Any) -> None:
        document["flows"][0] |= changes

    return change


def metrics_with(**changes: Any) -> Any:
    def change(document: Any) -> None:
        for metric in document["flows"][0]["metrics"]:
            metric.update(changes)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flow_with(alpha=0), "$.flows[0].alpha"),
        (flow_with(margin=0), "$.flows[0].margin"),
        (flow_with(metrics=[]), "$.flows[0].metrics"),
        (flow_with(units_per_day=0), "$.flows[0].units_per_day"),
        (metrics_with(r0=0), "$.flows[0].metrics[0].r0"),
        (lambda document: document["flows"][0]["stages"][0]["caps"].update(share=1), "caps.share"),
        (
            lambda document: document["flows"].append(document["flows"][0]),
            "has refund twice, so calls would count twice",
        ),
        (lambda document: document.update(hash_rule="md5"), "assigns users by a rule that this version does not know"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    """However well its id fits: what would divide by nothing, count twice, or assign users otherwise is told."""
    document = plan_document(plan())
    change(document)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**document, "plan_id": identity(document)}))
    with pytest.raises(UsageProblem) as caught:
        read_plan(path)
    assert said in str(caught.value)
