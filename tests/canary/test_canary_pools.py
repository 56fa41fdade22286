"""Flows that are one rollout: how a pool is planned, said in a policy file, and told of where it would help."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from canary_nouns import evidence, inputs, member, metric, plan, pool, rollout, schema_of

from migrate.canary import Offline, Rollout, SideFacts, Terms, plan_document, plan_flow, plan_of
from migrate.canary.explaining import Subject, explanation
from migrate.canary.pooling import pooled, pooled_policies, with_pool_lines
from migrate.canary.terms import Judge
from migrate.edges.rollouts import read_policy
from migrate.errors import UsageProblem
from migrate.evidence.policy import Policy
from migrate.presenting.canary_plan import plan_lines, plan_markdown
from migrate.vocabulary import FlowEvidence, FlowName
from migrate.wiring.canary import chosen_evidence

MADE = pool()


# --- planned as one ---


@pytest.mark.parametrize(
    ("critical", "changes", "terms"),
    [
        ("medium", {}, Terms()),
        ("critical", {"users_per_day": 60000, "requests_per_day": 120000}, Terms(hold_back=0.2)),
        ("high", {"users_per_day": 30, "requests_per_day": 60}, Terms()),
        ("low", {"users_per_day": None}, Terms(early=True, looks="obrien_fleming", judge=Judge(0.8, 0.95))),
        ("medium", {}, Terms(budget=200, rates={"bad": 0.04}, hard=("bad", "slow"))),
    ],
)
def test_a_pool_of_one_is_planned_like_its_flow(critical: Any, changes: dict[str, Any], terms: Terms) -> None:
    """Byte for byte, but for the name and the member that is listed."""
    alone = plan_document(plan(rollout(critical, terms, **changes)))["flows"]
    (one,) = plan_document(plan(pool(member("refund", critical, terms, **changes), terms=terms)))["flows"]
    assert (["refund"], "support") == ([stratum["flow"] for stratum in one["strata"]], one["flow"])
    assert json.dumps(alone) == json.dumps([{**one, "flow": "refund", "strata": []}])


def test_traffic_and_cost_are_added_up() -> None:
    """A day of the pool has the calls and users of its members, and costs what their days cost."""
    dear = SideFacts(100, cold_usd=0.4, warm_usd=0.3)
    made = pool(
        member("refund", users_per_day=2000, requests_per_day=4000),
        member(
            "triage", users_per_day=1000, requests_per_day=1000, baseline=dear, candidate=replace(dear, warm_usd=0.1)
        ),
    )
    assert (3000, 5000, "users") == (made.units_per_day, made.requests_per_day, made.units)
    alone = rollout(users_per_day=2000, requests_per_day=4000).stages[-1].cost_per_day_warm
    assert alone is not None
    assert made.stages[-1].cost_per_day_warm == pytest.approx(alone + 1000 * (0.1 - 0.3))


def test_rates_of_a_pool_are_those_of_its_traffic() -> None:
    """Three quarters of the users at 2 %, one at 10 %: 4 %, however many cases each member has."""
    made = pool(
        member("refund", terms=Terms(rates={"bad": 0.02}), users_per_day=3000, requests_per_day=3000),
        member("triage", terms=Terms(rates={"bad": 0.10}), users_per_day=1000, requests_per_day=1000),
    )
    assert made.metrics[0].rate == pytest.approx(0.04)
    assert [0.02, 0.10] == [stratum.bad.rate for stratum in made.strata]


def test_traffic_that_moves_to_the_worst_member_is_within_the_cap() -> None:
    """The pool's rate is 4 %, and its cap the margin above the 10 % of the member that may be alone at night."""
    made = pool(
        member("refund", terms=Terms(rates={"bad": 0.02}), users_per_day=3000, requests_per_day=3000),
        member("triage", terms=Terms(rates={"bad": 0.10}), users_per_day=1000, requests_per_day=1000),
    )
    assert [stage.cap for stage in made.stages] == [pytest.approx(0.10 + stage.margin) for stage in made.stages]
    assert [0.02 + stage.margin for stage in made.stages] == [
        pytest.approx(stage.cap) for stage in made.members[0].stages
    ]
    assert made.metrics[0].call_rate == pytest.approx(0.10)


def test_evidence_of_members_is_weighed_together() -> None:
    """Two members of a hundred cases bound the pool's rate and excess nearer than either its own."""
    upper, high = (pool().metrics[0].upper, pool().excess_high)
    alone = rollout(users_per_day=1000, requests_per_day=2000)
    assert alone.excess_high is not None
    assert high is not None
    assert (upper < alone.metrics[0].upper, high < alone.excess_high) == (True, True)
    assert (200, 0.01) == (pool().cases, pytest.approx(pool().excess))


def test_a_pool_is_claimed_when_its_least_shown_member_is() -> None:
    """The larger p of the members: that all of them are within the margin is what is claimed."""
    shown = evidence(metric(p=0.001), flow="triage")
    assert 0.2 == pool(member("refund"), member("triage", evidence=shown)).p


def test_the_strictest_member_decides() -> None:
    """Class, margin, alpha and power; and the evidence is weighed by them too."""
    made = pool(member("refund", "low"), member("triage", "high"))
    assert ("high", 0.015, 0.05, 0.9) == (made.critical, made.margin, made.alpha, made.power)
    policies = {FlowName("refund"): Policy("low", 0.01), FlowName("triage"): Policy("high"), FlowName("else"): Policy()}
    found = pooled_policies(policies, {"support": ("refund", "triage")})
    assert [("high", 0.01)] * 2 == [
        (found[FlowName(flow)].critical, found[FlowName(flow)].margin) for flow in ("refund", "triage")
    ]
    assert found[FlowName("else")] == policies[FlowName("else")]


def test_the_parts_of_a_pool_s_error_add_up() -> None:
    """Half for all as one, half for the members, and within each the metrics and the cap: the whole is alpha."""
    assert sum(one.weight for one in MADE.metrics) + 0.1 * MADE.own_part == pytest.approx(0.5)
    assert all(sum(one.weight for one in stratum.metrics) == pytest.approx(0.9) for stratum in MADE.strata)


def test_harm_to_a_member_does_not_start_the_pool() -> None:
    """One that is shown to be worse offline is named, though the pool as one is not."""
    harmed = evidence(metric(low=0.06, excess=0.12, high=0.2, worse=14), flow="triage")
    made = pool(member("refund", users_per_day=90000, requests_per_day=90000), member("triage", evidence=harmed))
    assert "do_not_start" == made.verdict
    assert made.reasons[0].startswith("triage: at least 6 points worse offline")


def test_a_member_that_looks_bad_asks_a_person() -> None:
    """Not shown, but more than twice the margin: nobody is exposed before a yes."""
    looks = evidence(metric(excess=0.07, low=0.02, high=0.13), flow="triage")
    made = pool(member("refund", users_per_day=9000, requests_per_day=9000), member("triage", evidence=looks))
    assert made.stages[0].human_gate


@pytest.mark.parametrize("what", ["baseline", "candidate"])
def test_other_models_are_not_pooled(what: str) -> None:
    """Members with two baselines or candidates compare nothing in common: both are named."""
    other = replace(evidence(flow="triage"), **{what: "gpt-5"})
    with pytest.raises(UsageProblem, match=f'pool "support" cannot be planned: .*triage has gpt-5(.|\n)*one {what}'):
        pool(member("refund"), member("triage", evidence=other))


def test_a_hard_metric_is_one_of_every_member() -> None:
    """Nothing is known of a schema in triage: a gate would let it through unseen."""
    terms = Terms(hard=("bad", "schema"))
    schemaless = replace(evidence(flow="triage"), rungs={})
    with pytest.raises(UsageProblem, match='nothing is known of "schema" in triage'):
        pool(member("refund", terms=terms), member("triage", terms=terms, evidence=schemaless), terms=terms)


def test_where_users_of_one_member_are_unknown_calls_count_in_all() -> None:
    """Units must be alike; and a pool is never passed early, which speaks of a ratio that moves with the mixture."""
    made = pool(member("refund"), member("triage", users_per_day=None), terms=Terms(early=True))
    assert ("calls", 12000.0) == (made.units, made.units_per_day)
    assert [6000.0, 6000.0] == [stratum.units_per_day for stratum in made.strata]
    assert not any(stage.early for stage in made.stages)


def test_a_plan_with_a_pool_is_read_again() -> None:
    """The JSON keeps its schema and comes back as the same bytes; an explanation names every member."""
    document = plan_document(plan(MADE))
    jsonschema_rs.validator_for(schema_of("canary-plan")).validate(document)
    assert document == plan_document(plan_of(document))
    lines = explanation("pool", Subject(MADE))
    assert all(
        any(f"{flow}: 1000 users and 2000 calls a day" in line for line in lines) for flow in ("refund", "triage")
    )


def test_people_read_the_members() -> None:
    """A row each, in the terminal within 80 columns and in Markdown."""
    for lines in (plan_lines(plan(MADE), width=80), plan_markdown(plan(MADE))):
        assert sum("triage" in line for line in lines) == 1
    assert all(len(line) <= 80 for line in plan_lines(plan(MADE), width=80))


# --- which evidence is whose ---

POOLS = {"support": ("refund", "triage")}


def ran(flow: str, candidate: str, ratio: float, verdict: Any = "insufficient") -> FlowEvidence:
    return replace(evidence(flow=flow), candidate=candidate, cost_ratio=ratio, verdict=verdict)


RUN = [
    ran("notes", "nano", 0.1),
    ran("refund", "nano", 0.1),
    ran("refund", "mini", 0.3),
    ran("triage", "mini", 0.3),
    ran("triage", "nano", 0.1, "unsafe"),
]


def chosen(*flows: str, run: Sequence[FlowEvidence] = RUN, candidate: str | None = None, pools: Any = None) -> Any:
    found = chosen_evidence(run, flows, candidate, POOLS if pools is None else pools)
    return [(name, [(one.flow, one.candidate) for one in several]) for name, several in found]


def test_a_pool_takes_the_best_candidate_of_all_its_members() -> None:
    """Nano is cheaper and unsafe for triage: both take mini; a member is no rollout of its own, others are."""
    notes, support = ("notes", [("notes", "nano")]), ("support", [("refund", "mini"), ("triage", "mini")])
    assert [notes, support] == chosen()
    assert [support] == chosen("support")
    assert [("support", [("refund", "nano"), ("triage", "nano")])] == chosen("support", candidate="nano")
    assert [notes] == chosen("notes", run=RUN[:1])


@pytest.mark.parametrize(
    ("flows", "run", "pools", "said"),
    [
        (["triage"], RUN, POOLS, "plan it with --flow support"),
        (["suport"], RUN, POOLS, 'did you mean "support"?'),
        ([], RUN, {"support": ("refund", "traige")}, 'the run has no flow "traige"\ndid you mean "triage"?'),
        ([], RUN, {"notes": ("refund", "triage")}, 'pool "notes" of the policy is called like a flow of the run'),
        ([], [RUN[1], RUN[3]], POOLS, "no candidate in common (refund: nano; triage: mini)"),
        ([], [RUN[1], RUN[3]], POOLS, "next: pytest --model nano -k 'refund or triage'"),
    ],
)
def test_a_pool_that_the_run_does_not_have_is_said(flows: list[str], run: Any, pools: Any, said: str) -> None:
    """Typos are guessed, in names of pools and of members; candidates are listed by member."""
    with pytest.raises(UsageProblem) as caught:
        chosen(*flows, run=run, pools=pools)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("minni", 'did you mean "mini"?\nnext: prompt-migrate canary plan --candidate mini'),
        ("gpt-9", "there is nano, mini\nnext: prompt-migrate canary plan --candidate nano"),
    ],
)
def test_a_candidate_that_no_replay_has_is_answered_with_those_there_are(typed: str, said: str) -> None:
    """The list of runs would not tell what to type: the candidates do."""
    with pytest.raises(UsageProblem) as caught:
        chosen(candidate=typed)
    assert said in str(caught.value)


# --- said where it would help ---


def planner(**changes: Any) -> Callable[[Sequence[str]], Rollout]:
    return lambda flows: plan_flow(pooled("together", [member(flow, **changes) for flow in flows]), Terms())


def test_a_flow_without_power_is_told_the_pool_that_has_it(tmp_path: Path) -> None:
    """Three flows of 200 users cannot show the margin alone, and can together: the line is one a policy file takes."""
    few = {"users_per_day": 200, "requests_per_day": 200}
    terms = Terms(max_days=30)
    alone = [plan_flow(inputs("high", evidence=evidence(flow=flow), **few), terms) for flow in ("a", "b", "c")]
    assert {"cannot_reach_power"} == {one.verdict for one in alone}
    found = with_pool_lines(
        alone, lambda flows: plan_flow(pooled("t", [member(f, "high", **few) for f in flows]), terms)
    )
    line = found[0].reasons[-1].rpartition("policy file: ")[2]
    (tmp_path / "policy.toml").write_text(f"{line}\nseed = 3\n")
    assert {"together": ("a", "b", "c")} == read_policy(tmp_path / "policy.toml").pools


def test_no_pool_is_told_where_none_would_do() -> None:
    """Too few even together, other models, or harm: nothing is said, and nothing of templates either."""
    few = {"users_per_day": 3, "requests_per_day": 3}
    alone = [rollout("high", evidence=evidence(flow=flow), **few) for flow in ("a", "b")]
    assert tuple(alone) == with_pool_lines(alone, planner(**few))
    other = replace(rollout(evidence=evidence(flow="c")), baseline="gpt-4.1")
    assert (alone[0], other) == with_pool_lines([alone[0], other], planner())
    assert not any("template" in reason for reason in alone[0].reasons)


@pytest.mark.parametrize(
    "against",
    [{"offline": Offline(gate="7 of 9 cases breaking")}, {"evidence": evidence(metric(excess=0.06), flow="c")}],
)
def test_a_flow_that_the_replay_speaks_against_is_pooled_with_none(against: dict[str, Any]) -> None:
    """A closed gate, or an estimate past the margin: the healthy ones would hide it, and are pooled without it."""
    few = {"users_per_day": 200, "requests_per_day": 200}
    terms = Terms(max_days=30)
    alone = [plan_flow(inputs("high", evidence=evidence(flow=flow), **few), terms) for flow in ("a", "b")]
    broken = plan_flow(inputs("high", **{"evidence": evidence(flow="c"), **few, **against}), terms)
    asked: list[Sequence[str]] = []

    def pool_of(flows: Sequence[str]) -> Rollout:
        asked.append(flows)
        return rollout()

    first, _, last = with_pool_lines([*alone, broken], pool_of)
    assert ([("a", "b")], broken) == (asked, last)
    assert 'pools.together = ["a", "b"]' in first.reasons[-1]


# --- the policy file ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('pool = {support = ["a"]}', 'unknown key "pool" (did you mean "pools"?)'),
        ("pools = 3", '"pools" must be a table of lists of flows'),
        ("pools = {support = []}", '"pools.support" must be a list of flows'),
        ('pools = {support = "refund"}', "must be a list of flows"),
        ('pools = {support = ["a", "a"]}', '"pools.support" has "a", which is there twice'),
        ('pools = {one = ["a", "b"], two = ["b"]}', '"pools.two" has "b", which is there "pools.one" too'),
        ('pools = {a = ["a", "b"]}', '"pools.a" is called like a flow in a pool'),
        ('pools.s = ["a"]\n[flows.s]\nusers_per_day = 3', '"flows.s.users_per_day" is added up from the members'),
        ('pools.s = ["a"]\n[flows.a]\nmax_days = 3', "write it under [flows.s]"),
    ],
)
def test_a_mistake_in_a_pool_is_said(tmp_path: Path, text: str, said: str) -> None:
    """With its place; what is the pool's and what is its members' is not mixed."""
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(UsageProblem) as caught:
        read_policy(path)
    assert said in str(caught.value)


def test_a_member_takes_its_terms_from_the_pool(tmp_path: Path) -> None:
    """But for its traffic, rates and limit of latency; the published schema takes the file too."""
    path = tmp_path / "policy.toml"
    path.write_text('[pools]\nsupport = ["a", "b"]\n[flows.support]\nmax_days = 9\n[flows.a]\nusers_per_day = 7\n')
    policy = read_policy(path)
    assert (9, 7.0, None) == (
        policy.terms_in("support", "a").max_days,
        policy.terms_in("support", "a").users_per_day,
        policy.terms_in("support", "b").users_per_day,
    )
    assert {"support": ("a", "b")} == policy.pools
    jsonschema_rs.validator_for(schema_of("canary-policy")).validate(
        {"pools": {"support": ["a", "b"]}, "flows": {"support": {"max_days": 9}}}
    )
