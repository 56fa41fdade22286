"""`prompt-migrate canary plan` on a ledger: which replay it plans from, what it refuses, and what to type next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from measured import call, compared, finding, keep_run, record, scores

import migrate
from migrate.cli import main
from migrate.edges.goldens import GoldenFiles
from migrate.ports import CaseRecord
from migrate.redaction import Redactor
from migrate.vocabulary import (
    Answer,
    CaseId,
    CaseVerdict,
    FindingKind,
    FlowName,
    Golden,
    JsonPath,
    Judged,
    Rejection,
    Request,
    Run,
    Sample,
)

SCHEMAS = Path(migrate.__file__).parent / "schemas"
PROMPT = """\
model: gpt-4o
critical: low
traffic: {requests_per_day: 4000, users_per_day: 2000, cached_share: 0}
messages: [{role: user, content: "Say {{ n }}."}]
cases:
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A flow of sixty cases, judged as of the day of the demo, and a policy of few simulated rollouts."""
    settings = 'provider = "simulated"\nas_of = "2026-01-15"\n'
    (tmp_path / "prompt-migrate.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "policy.toml").write_text('rollouts = 100\ncases = "production_sample"\n', encoding="utf-8")
    (tmp_path / "prompts").mkdir()
    cases = "".join(f"  - {{id: c{n:02}, inputs: {{n: {n}}}}}\n" for n in range(60))
    (tmp_path / "prompts" / "refund.prompt.yml").write_text(PROMPT + cases, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def planned(*words: str) -> Result:
    return CliRunner().invoke(main, ["canary", "plan", "--policy", "policy.toml", *words], catch_exceptions=False)


def answered(candidate: str, *, count: int = 60, drifting: int = 0) -> list[CaseRecord]:
    """So many cases against a candidate; the last `drifting` of them agree with nothing."""
    return [
        record(
            compared(
                f"c{n:02}",
                *([finding()] if n >= count - drifting else []),
                candidate=candidate,
                scores=scores(agreement=((5, 5), (0, 25))) if n >= count - drifting else scores(),
            ),
            samples=5,
            baseline=tuple(call("gpt-4o", sample=k, served="gpt-4o", ms=900 + n) for k in range(1, 6)),
            candidate=tuple(call(candidate, sample=k, served=candidate, ms=800 + n) for k in range(1, 6)),
        )
        for n in range(count)
    ]


def silent(candidate: str) -> list[CaseRecord]:
    """Every case of a candidate that nobody answered for."""
    none = scores(after=(0, 0), agreement=((5, 5), (0, 0)), planned=5)
    return [
        record(compared(f"c{n:02}", candidate=candidate, verdict=CaseVerdict.NO_REPLY, scores=none), samples=0)
        for n in range(60)
    ]


def keep(project: Path, records: Sequence[CaseRecord], number: int = 1, **facts: Any) -> Run:
    """Write the n-th finished run into the project's ledger."""
    run = {"id": f"2026110{number}-100000-ab12", "started_at": f"2026-11-0{number}T10:00:00.000Z", **facts}
    return keep_run(project, records, **run)


def flow_of(done: Result) -> dict[str, Any]:
    (flow,) = json.loads(done.stdout)["flows"]
    return dict(flow)


def test_it_plans_from_the_newest_whole_replay(project: Path) -> None:
    """As `route` does: a later run of three cases, or of a mistyped model, is not what a rollout is planned from."""
    whole = keep(project, answered("gpt-4.1-mini"), 1, candidates=("gpt-4.1-mini",))
    keep(project, answered("gpt-4.1-mini", count=3), 2, candidates=("gpt-4.1-mini",))
    keep(project, silent("gpt-4.1-mni"), 3, candidates=("gpt-4.1-mni",), state="incomplete")
    done = planned("--json")
    flow = flow_of(done)
    assert (0, whole.id, 60) == (done.exit_code, flow["evidence"]["run"], flow["evidence"]["cases"])
    assert "gpt-4.1-mini" == flow["candidate"]


def test_a_part_of_the_cases_is_refused(project: Path) -> None:
    """Exit code 3, the cases counted, and the replay to run; a whole replay elsewhere does not excuse a named part."""
    keep(project, answered("gpt-4.1-mini", count=3), 1, candidates=("gpt-4.1-mini",))
    done = planned()
    assert 3 == done.exit_code
    assert "do not start" in done.stdout
    assert "has 3 of 60 cases of the flow" in done.stdout
    assert "next: pytest --model gpt-4.1-mini\n" in done.stderr
    keep(project, answered("gpt-4.1-mini"), 2, candidates=("gpt-4.1-mini",))
    assert 0 == planned().exit_code
    assert 3 == planned("--run", "20261101").exit_code


def test_a_model_that_never_answered_is_refused(project: Path) -> None:
    """Exit code 3; the next command does not repeat what may be the typo."""
    keep(project, silent("gpt-4.1-mni"), candidates=("gpt-4.1-mni",), state="incomplete")
    done = planned()
    assert 3 == done.exit_code
    assert "no answer of gpt-4.1-mni to 60 of 60 cases" in " ".join(done.stdout.split())
    assert done.stderr.endswith("next: pytest --model gpt-4.1-mini\n")


def test_harm_on_agreement_names_the_cases(project: Path) -> None:
    """Ten cases that agree with nothing: it does not start, and the page to look at is named."""
    run = keep(project, answered("gpt-4.1-mini", drifting=20), candidates=("gpt-4.1-mini",))
    done = planned()
    text = " ".join(done.stdout.split())
    assert 3 == done.exit_code
    assert "20 of 60 cases got worse, mend them first" in text
    assert "agreement worse in c40, c41," in text
    assert "a run closes its gate on that when asked to, by --fail-on breaking,drift" in text
    assert f"next: prompt-migrate report --run {run.id} --open, then prompt-migrate review\n" in done.stderr


def test_a_rejection_younger_than_the_replay_counts(project: Path) -> None:
    """What a reviewer rejects on the page is a reason at once, without asking a model again."""
    keep(project, answered("gpt-4.1-mini", drifting=1), candidates=("gpt-4.1-mini",))
    assert 0 == planned().exit_code
    mark = Rejection(((FindingKind.TYPE_CHANGED, JsonPath("$.confidence")),), "gpt-4.1-mini", "ada", "wrong sum", "")
    samples = (Judged(Sample(1, (), Answer("{}")), {}),)
    golden = Golden(FlowName("refund"), CaseId("c59"), "gpt-4o", (), samples, rejected=(mark,))
    GoldenFiles(project / "fixtures", Redactor()).write(golden)
    done = planned("--json")
    assert (3, "do_not_start") == (done.exit_code, flow_of(done)["verdict"])
    assert "c59 (rejected by ada: wrong sum)" in flow_of(done)["reasons"]


def test_it_plans_the_candidate_that_route_speaks_of(project: Path) -> None:
    """Nano is cheaper and not shown to be unsafe; mini is what the route switches to, so mini is planned."""
    keep(project, answered("gpt-4.1-mini"), 1, candidates=("gpt-4.1-mini",))
    keep(project, answered("gpt-4.1-nano", drifting=3), 2, candidates=("gpt-4.1-nano",))
    (route,) = json.loads(CliRunner().invoke(main, ["route", "--json"]).stdout)["flows"]
    assert "gpt-4.1-mini" == route["about"]
    assert "gpt-4.1-mini" == flow_of(planned("--json"))["candidate"]
    assert "gpt-4.1-nano" == flow_of(planned("--json", "--candidate", "gpt-4.1-nano"))["candidate"]


def test_a_gate_that_the_replay_closed_is_said(project: Path) -> None:
    """Whoever plans a candidate with broken cases reads which: `pytest` had failed them."""
    broken = [
        replace(one, comparison=replace(one.comparison, verdict=CaseVerdict.BREAKING)) for one in answered("m")[:2]
    ]
    keep(project, [*broken, *answered("m")[2:]], 1, candidates=("m",))
    text = " ".join(planned("--candidate", "m").stdout.split())
    assert "the replay closed its gate: 2 of 60 cases breaking" in text


def test_a_replay_of_an_older_baseline_plans_nothing(project: Path) -> None:
    """After a promotion there is nothing to roll out to the new baseline, and what was compared with the old one is
    told to be replayed.
    """
    keep(project, answered("gpt-4.1-mini"), 1, candidates=("gpt-4.1-mini",))
    prompt = project / "prompts" / "refund.prompt.yml"
    prompt.write_text(prompt.read_text("utf-8").replace("model: gpt-4o", "model: gpt-4.1"), encoding="utf-8")
    for words in ((), ("--flow", "refund"), ("--run", "20261101")):
        done = planned(*words)
        assert 2 == done.exit_code
        assert "refund: gpt-4.1-mini was compared with gpt-4o, and its baseline is gpt-4.1 now\n" in done.stderr
        assert done.stderr.endswith("next: pytest --model gpt-4.1-mini\n")
    done = planned("--candidate", "gpt-4.1")
    assert 2 == done.exit_code
    assert "refund: gpt-4.1 is its baseline already: there is nothing to roll out" in done.stderr


def test_the_baseline_is_not_rolled_out_to_itself(project: Path) -> None:
    """A run of it is no candidate, not even where it is the run that is named."""
    keep(project, answered("gpt-4.1-mini"), 1, candidates=("gpt-4.1-mini",))
    own = keep(project, answered("gpt-4o"), 2, candidates=("gpt-4o",))
    assert "gpt-4.1-mini" == flow_of(planned("--json"))["candidate"]
    assert 2 == planned("--run", own.id).exit_code


def test_goldens_that_are_stale_are_recorded_first(project: Path) -> None:
    """The plan does not start, and what is next records them."""
    keep(project, answered("gpt-4.1-mini"), candidates=("gpt-4.1-mini",))
    request = Request("chat", {"model": "gpt-4o", "messages": []}, "k1:0", "k1:0")
    samples = (Judged(Sample(1, (), Answer("{}")), {}),)
    for number in range(60):
        golden = Golden(FlowName("refund"), CaseId(f"c{number:02}"), "gpt-4o", (request,), samples)
        GoldenFiles(project / "fixtures", Redactor()).write(golden)
    done = planned()
    assert 3 == done.exit_code
    assert "60 of 60 cases have a stale golden: record them again, then replay" in " ".join(done.stdout.split())
    assert done.stderr.endswith("next: pytest --golden=rewrite -k refund\n")


def test_a_dearer_candidate_is_called_what_route_calls_it(project: Path) -> None:
    """The plan is ready, and says that routing would keep the baseline for its price."""
    keep(project, answered("gpt-4-turbo"), candidates=("gpt-4-turbo",))
    done = planned()
    text = " ".join(done.stdout.split())
    assert 0 == done.exit_code, done.output
    assert 'times as much a successful answer: "keep: cheaper" in route' in text
    keep(project, answered("gpt-4.1-mini"), 2, candidates=("gpt-4.1-mini",))
    assert "keep: cheaper" not in planned("--candidate", "gpt-4.1-mini").stdout


def test_a_plan_that_is_only_looked_at_says_how_to_write_it(project: Path) -> None:
    """The same command with `-o`; a plan that was written goes on to its export."""
    keep(project, answered("gpt-4.1-mini"), candidates=("gpt-4.1-mini",))
    done = planned("--flow", "refund")
    again = "prompt-migrate canary plan --flow refund --policy policy.toml -o plan.json"
    assert f"next: {again}\n" == done.stderr
    assert "canary export plan.json --to flagd" in planned("-o", "plan.json").stderr


def test_a_candidate_that_was_not_replayed_is_guessed(project: Path) -> None:
    """Exit code 2, and the name that was meant."""
    keep(project, answered("gpt-4.1-mini"), candidates=("gpt-4.1-mini",))
    done = planned("--candidate", "gpt-4.1-mni")
    assert (2, True) == (done.exit_code, 'did you mean "gpt-4.1-mini"?' in done.stderr)


# --- a flow without traffic ---


def untravelled(project: Path, name: str = "triage") -> list[CaseRecord]:
    """The records of another flow of sixty cases, whose prompt file says nothing of traffic."""
    text = (project / "prompts" / "refund.prompt.yml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("traffic")]
    (project / "prompts" / f"{name}.prompt.yml").write_text("".join(lines), encoding="utf-8")
    return [replace(one, comparison=replace(one.comparison, flow=FlowName(name))) for one in answered("gpt-4.1-mini")]


def test_of_several_names_that_begin_alike_none_is_guessed(project: Path) -> None:
    """Whoever typed the beginning of two chooses: neither is put into their mouth, and both are named."""
    both = ("gpt-4.1-mini", "gpt-4.1-nano")
    keep(project, [one for name in both for one in answered(name)], candidates=both)
    done = planned("--candidate", "gpt-4.1")
    assert (2, False) == (done.exit_code, "did you mean" in done.stderr)
    assert "there is gpt-4.1-mini, gpt-4.1-nano" in done.stderr
    promoted = CliRunner().invoke(main, ["promote", "gpt-4.1"])
    assert (2, False) == (promoted.exit_code, "did you mean" in promoted.stderr)
    assert "it has gpt-4.1-mini, gpt-4.1-nano" in " ".join(promoted.stderr.split())


def test_a_broken_prompt_file_stands_in_the_way_of_its_own_flow_alone(project: Path) -> None:
    """It is told with file and line and left out; who asks for it, or pools it, is told at once."""
    records = [*answered("gpt-4.1-mini"), *untravelled(project)]
    keep(project, records, candidates=("gpt-4.1-mini",))
    broken = project / "prompts" / "triage.prompt.yml"
    broken.write_text("model: [\n", encoding="utf-8")
    done = planned()
    text = " ".join(done.stdout.split())
    assert 3 == done.exit_code
    assert "refund: gpt-4o -> gpt-4.1-mini: ready" in text
    assert "triage: not planned: its prompt file cannot be read: prompts/triage.prompt.yml:" in text
    assert "refund" in planned("--flow", "refund").stdout
    pool = 'rollouts = 100\n[pools]\nboth = ["refund", "triage"]\n'
    asked = planned("--flow", "triage")
    (project / "policy.toml").write_text(pool, encoding="utf-8")
    for refused in (asked, planned()):
        assert (2, "") == (refused.exit_code, refused.stdout)
        assert "triage: its prompt file cannot be read: prompts/triage.prompt.yml:" in refused.stderr
        assert "next: prompt-migrate validate" in refused.stderr


def test_a_flow_without_traffic_does_not_keep_the_others_from_a_plan(project: Path) -> None:
    """Refund is planned, triage is told of with what is missing and where; exit code 3, for not all may start."""
    records = [*answered("gpt-4.1-mini"), *untravelled(project)]
    keep(project, records, candidates=("gpt-4.1-mini",))
    done = planned("-o", "plan.json")
    text = " ".join(done.stdout.split())
    assert 3 == done.exit_code
    assert "refund: gpt-4o -> gpt-4.1-mini: ready" in text
    assert 'triage: not planned: flow "triage" has no traffic: how long a stage takes is unknown' in text
    assert "add traffic: {requests_per_day: N} to" in text
    assert "triage.prompt.yml" in text
    document = json.loads((project / "plan.json").read_text(encoding="utf-8"))
    assert (["refund"], ["triage"]) == tuple([one["flow"] for one in document[key]] for key in ("flows", "unplanned"))
    schema = json.loads((SCHEMAS / "canary-plan.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema).validate(document)
    assert "## Not planned" in planned("--md").stdout


def test_a_flow_without_traffic_that_is_asked_for_is_an_error(project: Path) -> None:
    """By its name, as a pool's member, or as the only one: what is missing, and where to write it; exit code 2."""
    keep(project, [*answered("gpt-4.1-mini"), *untravelled(project)], candidates=("gpt-4.1-mini",))
    asked = CliRunner().invoke(main, ["canary", "plan", "--policy", "policy.toml", "--flow", "triage"])
    assert (2, True) == (asked.exit_code, 'flow "triage" has no traffic' in asked.stderr)
    assert 0 == planned("--flow", "refund").exit_code
    (project / "policy.toml").write_text('rollouts = 100\npools.both = ["refund", "triage"]\n', encoding="utf-8")
    pooled = CliRunner().invoke(main, ["canary", "plan", "--policy", "policy.toml"])
    assert 'flow "triage" has no traffic' in pooled.stderr
    (project / "policy.toml").write_text("rollouts = 100\n[flows.triage]\nrequests_per_day = 4000\n", "utf-8")
    assert 0 == planned("--flow", "triage").exit_code


def test_where_no_flow_has_traffic_all_are_named(project: Path) -> None:
    """Nothing can be planned: an error, not an empty plan."""
    records = [*untravelled(project), *untravelled(project, "notes")]
    keep(project, records, candidates=("gpt-4.1-mini",))
    done = CliRunner().invoke(main, ["canary", "plan"])
    assert (
        'flow "notes" has no traffic: how long a stage takes is unknown; nor can these be planned: triage'
        in done.stderr
    )


def test_what_a_plan_left_out_is_said_where_it_is_asked_for(project: Path) -> None:
    """`canary export --flow triage`: not a typo, the plan could not plan it, and why."""
    keep(project, [*answered("gpt-4.1-mini"), *untravelled(project)], candidates=("gpt-4.1-mini",))
    planned("-o", "plan.json")
    done = CliRunner().invoke(main, ["canary", "export", "plan.json", "--to", "flagd", "--flow", "triage"])
    assert 'could not plan triage: flow "triage" has no traffic' in done.stderr


def test_a_policy_for_a_flow_that_is_not_there_is_refused(project: Path) -> None:
    """A typo in the policy would let the flow go by the usual terms: the name is guessed, and nothing is planned."""
    keep(project, answered("gpt-4.1-mini"), candidates=("gpt-4.1-mini",))
    (project / "policy.toml").write_text("rollouts = 100\n[flows.refnd]\nmax_days = 3\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["canary", "plan", "--policy", "policy.toml"])
    assert 2 == done.exit_code
    assert 'speaks of "refnd", which is no flow and no pool' in done.stderr
    assert 'did you mean "refund"?' in done.stderr
