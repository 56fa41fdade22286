"""Exports: what other programs would do with them is what the plan says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from canary_nouns import evidence, metric, plan, rollout
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from migrate.canary.buckets import flag_key, is_candidate
from migrate.errors import UsageProblem
from migrate.wiring.canary_export import TARGETS, Target, export_flaws, exported, stages_of

PLAN = plan(rollout(), rollout(evidence=evidence(flow="notes")))
KEYS = [f"user-{at}" for at in range(20_000)]


def variants(stage: int, flow: str = "refund") -> list[str]:
    """What flagd's own library gives 20,000 users at a stage."""
    core = FlagdCore()
    core.set_flags(exported(PLAN, "flagd", stages_of(PLAN, (), stage)))
    key = flag_key(flow, "gpt-4.1-mini")
    found = [core.resolve_string_value(key, "none", EvaluationContext(targeting_key=user)) for user in KEYS]
    return [str(one.value) for one in found]


def test_flagd_splits_as_planned_and_nests() -> None:
    """20,000 users by flagd's library: each stage's share to 3.5 standard errors, and who was in stays in."""
    before: set[int] = set()
    for number, stage in enumerate(PLAN.rollouts[0].stages, 1):
        found = variants(number)
        chosen = {at for at, value in enumerate(found) if value == "gpt-4.1-mini"}
        assert {"gpt-4o", "gpt-4.1-mini"} >= set(found)
        assert abs(len(chosen) - 20_000 * stage.share) <= 3.5 * (20_000 * stage.share * (1 - stage.share)) ** 0.5
        assert before <= chosen
        before = chosen


def test_the_hash_rule_is_flagd_s() -> None:
    """Our own drawing of lots, which simulations and --check use, agrees with flagd's library for every user."""
    for number, share in ((1, 0.10), (3, 0.50)):
        ours = [is_candidate(flag_key("refund", "gpt-4.1-mini"), user, share) for user in KEYS]
        assert ours == [value == "gpt-4.1-mini" for value in variants(number)]


def test_flows_draw_lots_of_their_own() -> None:
    """A user of one flow's tenth is in another flow's tenth by chance alone: a hundredth of all."""
    both = sum(one == other == "gpt-4.1-mini" for one, other in zip(variants(1), variants(1, "notes"), strict=True))
    assert abs(both - 200) < 3.5 * 200**0.5


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_is_repeatable_and_keeps_to_the_plan(tmp_path: Path, target: Target) -> None:
    """The same bytes twice; read again, it is held to be the plan's; at another stage, only a whole plan is."""
    stages = stages_of(PLAN, (), 2)
    text = exported(PLAN, target, stages)
    assert text == exported(PLAN, target, stages)
    path = tmp_path / "export"
    path.write_text(text)
    assert [] == export_flaws(PLAN, target, stages, path)
    other = export_flaws(PLAN, target, stages_of(PLAN, (), 3), path)
    assert bool(other) is (target in ("flagd", "litellm", "httproute"))


def spoilt(tmp_path: Path, target: Target, change: Any) -> str:
    """What is said of an export after a change to its documents."""
    stages = stages_of(PLAN, (), 1)
    documents = list(yaml.safe_load_all(exported(PLAN, target, stages)))
    change(documents)
    path = tmp_path / "export.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return "\n".join(export_flaws(PLAN, target, stages, path))


def steps_of(docs: Any) -> Any:
    return docs[0]["spec"]["strategy"]["canary"]["steps"]


def backends_of(docs: Any) -> Any:
    return docs[0]["spec"]["rules"][0]["backendRefs"]


def parameters_of(docs: Any, at: int) -> Any:
    return docs[0]["model_list"][at]["litellm_params"]


@pytest.mark.parametrize(
    ("target", "change", "said"),
    [
        ("argo", lambda docs: steps_of(docs).__setitem__(0, {"setWieght": 10}), "canary.steps[0]"),
        ("argo", lambda docs: steps_of(docs)[0].update(setWeight="10"), "canary.steps[0]"),
        ("argo", lambda docs: steps_of(docs)[0].update(setWeight=50), "step 1 is {'setWeight': 50}"),
        ("argo", lambda docs: steps_of(docs)[1]["pause"].update(duration="1h"), "step 2 is {'pause':"),
        ("argo", lambda docs: steps_of(docs).pop(), "it has 11 steps, the plan has 12"),
        ("argo", lambda docs: docs.pop(1), "the AnalysisTemplate refund-check is missing"),
        ("argo", lambda docs: docs.append({"kind": "Service"}), "document 5 is no Rollout or AnalysisTemplate"),
        ("httproute", lambda docs: backends_of(docs)[0].update(weight=11), "refund: the weights"),
        ("httproute", lambda docs: backends_of(docs)[0].update(wieght=10), "backendRefs[0]"),
        ("httproute", lambda docs: docs.pop(0), "the HTTPRoute refund is missing"),
        ("litellm", lambda docs: parameters_of(docs, 0).update(wieght=1), "litellm $.model_list[0]"),
        ("litellm", lambda docs: parameters_of(docs, 0).update(weight=0.1), "litellm $.model_list[0]"),
        ("litellm", lambda docs: parameters_of(docs, 1).update(weight=10), "refund: the weights"),
        ("litellm", lambda docs: docs[0]["model_list"].pop(2), "no fallback to refund-baseline"),
        ("litellm", lambda docs: docs.__setitem__(0, []), "litellm $"),
    ],
)
def test_what_a_program_would_pass_over_is_found(tmp_path: Path, target: Target, change: Any, said: str) -> None:
    """A misspelt key, a weight as text, a shorter pause, a step that is gone: each with its place."""
    assert said in spoilt(tmp_path, target, change)


def job_of(docs: Any) -> Any:
    return docs[1]["spec"]["metrics"][0]["provider"]["job"]["spec"]["template"]["spec"]["containers"][0]


def test_an_image_of_one_s_own_is_no_flaw(tmp_path: Path) -> None:
    """What runs in the deployment and where plan and logs lie is for the user to fill in; what is asked is not."""

    def filled(docs: Any) -> None:
        docs[0]["spec"]["template"]["spec"]["containers"][0]["image"] = "gateway:7"
        job_of(docs)["command"] = ["sh", "-c", "prompt-migrate canary check /p.json /calls.jsonl --flow refund"]

    assert "" == spoilt(tmp_path, "argo", filled)
    assert "does not ask canary check" in spoilt(tmp_path, "argo", lambda docs: job_of(docs).update(command=["true"]))


def test_flags_that_were_edited_are_found(tmp_path: Path) -> None:
    """A foreign default, an unknown variant, a candidate that is not first, a flag that is gone: each is said."""
    stages = stages_of(PLAN, (), 1)
    key = flag_key("refund", "gpt-4.1-mini")

    def said(change: Any) -> str:
        document = json.loads(exported(PLAN, "flagd", stages))
        change(document["flags"])
        path = tmp_path / "flags.json"
        path.write_text(json.dumps(document))
        return "\n".join(export_flaws(PLAN, "flagd", stages, path))

    def reorder(flags: Any) -> None:
        lots = flags[key]["targeting"]["fractional"]
        lots[1], lots[2] = lots[2], lots[1]

    assert "does not fall back to gpt-4o" in said(lambda flags: flags[key].update(defaultVariant="gpt-5"))
    assert "which are no variants" in said(lambda flags: flags[key]["variants"].pop("gpt-4.1-mini"))
    assert "is missing" in said(lambda flags: flags.pop(key))
    assert "does not name gpt-4.1-mini first" in said(reorder)
    assert "is not enabled" in said(lambda flags: flags[key].update(state="DISABLED"))


def test_argo_takes_the_stages_as_steps() -> None:
    """A weight, a pause of whole days and an analysis for each stage but the last; weights are whole."""
    documents = list(yaml.safe_load_all(exported(PLAN, "argo", stages_of(PLAN, ("refund",), 1))))
    assert ["Rollout", "AnalysisTemplate"] == [one["kind"] for one in documents]
    steps = documents[0]["spec"]["strategy"]["canary"]["steps"]
    assert [10, 25, 50, 95] == [step["setWeight"] for step in steps if "setWeight" in step]
    assert {"setWeight", "pause", "analysis"} == {key for step in steps for key in step}


def test_litellm_has_whole_weights_and_a_fallback() -> None:
    """Two deployments of a flow's alias, and the baseline alone where the candidate fails."""
    document = yaml.safe_load(exported(PLAN, "litellm", stages_of(PLAN, ("refund",), 1)))
    rows = [(row["model_name"], row["litellm_params"].get("weight")) for row in document["model_list"]]
    assert [("refund", 10), ("refund", 90), ("refund-baseline", None)] == rows
    assert [{"refund": ["refund-baseline"]}] == document["router_settings"]["fallbacks"]


def test_what_may_not_start_is_not_exported() -> None:
    """A plan of harm has no flags."""
    harmful = plan(rollout(evidence=evidence(metric(low=0.2, excess=0.3))))
    with pytest.raises(UsageProblem, match="no flow that may start: refund do not start"):
        stages_of(harmful, (), 1)


@pytest.mark.parametrize("number", [6, 7, 9])
def test_a_stage_that_no_ladder_has_is_not_taken_for_its_last_one(number: int) -> None:
    """The last stage is all traffic: whoever types one too many is told the stages there are."""
    with pytest.raises(UsageProblem, match=f"--stage {number}: .*: refund has stages 1 to 5; notes has stages 1 to 5"):
        stages_of(PLAN, (), number)


def test_a_stage_of_the_longer_ladder_is_refused_for_the_shorter_one() -> None:
    """Flows with ladders of their own: the one without the stage is named, and the others can be exported alone."""
    both = plan(rollout(), rollout("low", evidence=evidence(flow="notes")))
    with pytest.raises(UsageProblem, match="notes has stages 1 to ") as refused:
        stages_of(both, (), 5)
    assert "refund" not in str(refused.value)
    assert ["refund"] == list(stages_of(both, ("refund",), 5))


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "json"])
def test_an_export_of_simulated_evidence_says_so(tmp_path: Path, target: Target) -> None:
    """Whoever finds the file beside a gateway reads that no model was asked; a file of real answers has no mark."""
    made = plan(rollout(evidence=evidence(simulated=True)))
    stages = stages_of(made, (), 1)
    text = exported(made, target, stages)
    assert "SIMULATED: the simulated provider answered. Not for production." in text
    path = tmp_path / "export"
    path.write_text(text)
    assert [] == export_flaws(made, target, stages, path)
    assert "SIMULATED" not in exported(PLAN, target, stages_of(PLAN, (), 1))


@pytest.mark.parametrize("target", ["flagd", "argo"])
def test_a_file_of_something_else_is_said(tmp_path: Path, target: Target) -> None:
    """Broken, or not there: one sentence."""
    path = tmp_path / "file"
    for text in ("{", None):
        path.write_text(text) if text else path.unlink()
        with pytest.raises(UsageProblem):
            export_flaws(PLAN, target, stages_of(PLAN, (), 1), path)
