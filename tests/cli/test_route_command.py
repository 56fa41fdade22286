"""`prompt-migrate route` end to end: every outcome on made-up evidence, and the ledger's newest replays."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner, Result
from measured import call, compared, finding, keep_run, record, scores

from migrate.cli import main
from migrate.ports import CaseRecord
from migrate.rendering import render
from migrate.vocabulary import (
    Answer,
    Call,
    CaseVerdict,
    FlowName,
    Golden,
    Judged,
    NoReply,
    NoReplyKind,
    Request,
    Sample,
)
from migrate.wiring import open_world
from migrate.workflow.replay import baseline_request

ROOT = Path(__file__).parents[2]
EVERY = ROOT / "examples" / "route" / "every-outcome.json"
PROMPT = """\
model: gpt-4o
critical: low
traffic: {requests_per_day: 1000, cached_share: 0}
messages: [{role: user, content: "Say {{ n }}."}]
cases:
"""


def validated(name: str, text: str) -> Any:
    schema = json.loads((ROOT / "migrate" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    document = json.loads(text)
    jsonschema_rs.validate(schema, document)
    return document


def routed(*args: str) -> Result:
    return CliRunner().invoke(main, ["route", *args], catch_exceptions=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A flow of sixty cases, judged as of the day of the demo."""
    settings = 'provider = "simulated"\nas_of = "2026-01-15"\n'
    (tmp_path / "prompt-migrate.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "prompts").mkdir()
    cases = "".join(f"  - {{id: c{n:02}, inputs: {{n: {n}}}}}\n" for n in range(60))
    (tmp_path / "prompts" / "refund.prompt.yml").write_text(PROMPT + cases, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def answered(candidate: str, *, count: int = 60, lost: int = 0, model: str = "") -> list[CaseRecord]:
    """So many cases against a candidate; the last `lost` of them broken."""
    served = model or candidate
    return [
        record(
            compared(
                f"c{n:02}",
                *([finding()] if n >= count - lost else []),
                candidate=candidate,
                scores=scores(after=(0, 5), agreement=((5, 5), (0, 25))) if n >= count - lost else scores(),
            ),
            samples=5,
            baseline=tuple(call("gpt-4o", sample=k, served="gpt-4o", ms=900 + n) for k in range(1, 6)),
            candidate=tuple(call(served, sample=k, served=served, ms=800 + n) for k in range(1, 6)),
        )
        for n in range(count)
    ]


# --- made-up evidence ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def every() -> dict[str, Any]:
    """What is decided on the file that shows every outcome once."""
    done = routed("--evidence", str(EVERY), "--json")
    assert 3 == done.exit_code
    document = validated("route", done.stdout)
    return {**document, "by_name": {flow["flow"]: flow for flow in document["flows"]}}


def test_the_json_has_what_is_printed(every: dict[str, Any]) -> None:
    """The cells of each row by their heads, the lines under the table, and what the heads mean: for a page to show."""
    shown = " ".join(routed("--evidence", str(EVERY)).stdout.split())
    for flow in every["flows"]:
        row = flow["printed"]["row"]
        assert ["flow", "route", "candidate", "verdict", "$/month", "risk", "p95", "n", "cases"] == [*row]
        assert all(" ".join(words.split()) in shown for words in flow["printed"]["why"])
    assert "keep: worse" == every["by_name"]["keep"]["printed"]["row"]["verdict"]
    assert "no help" == every["by_name"]["fix-the-prompt"]["printed"]["row"]["cases"]
    assert f"candidate: {every['legend']['candidate']}" in shown


@pytest.mark.parametrize(
    ("flow", "verdict", "model", "more_cases"),
    [
        ("to-nano", "switch", "gpt-4.1-nano", "not_needed"),
        ("to-mini", "switch", "gpt-4.1-mini", "not_needed"),
        ("to-full", "switch", "gpt-4.1", "not_needed"),
        ("keep", "keep_baseline", "gpt-4o", "not_needed"),
        ("keep-cheaper", "keep_baseline_cheaper", "gpt-4o-mini", "not_needed"),
        ("insufficient", "insufficient", "gpt-4o", "help"),
        ("cannot-reach-power", "insufficient", "gpt-4o", "cannot_reach_power"),
        ("fix-the-prompt", "insufficient", "gpt-4o", "will_not_help"),
        ("cascade", "switch", "gpt-4.1", "not_needed"),
    ],
)
def test_every_outcome_is_shown_once(
    every: dict[str, Any], flow: str, verdict: str, model: str, more_cases: str
) -> None:
    """Each flow of the example has the outcome it is named for."""
    found = every["by_name"][flow]
    assert (verdict, model, more_cases) == (found["verdict"], found["model"], found["more_cases"])


def test_made_up_evidence_is_labelled(every: dict[str, Any]) -> None:
    """In the JSON, and with the day it is judged by."""
    assert (True, "every-outcome.json", "2026-01-15") == (every["synthetic"], every["source"], every["as_of"])


def test_keeping_a_cheaper_baseline_says_what_the_others_cost(every: dict[str, Any]) -> None:
    """From gpt-4o-mini to gpt-4.1-mini a successful answer costs 2.7 times as much."""
    candidates = {one["candidate"]: one for one in every["by_name"]["keep-cheaper"]["candidates"]}
    assert 2.67 == round(candidates["gpt-4.1-mini"]["cost"]["ratio"], 2)


def test_a_cascade_with_a_judge_is_cheaper_than_the_switch(every: dict[str, Any]) -> None:
    """Where mini fails in cases that only a judge sees, three tiers are as good as full at a fraction of its cost."""
    cascades = every["by_name"]["cascade"]["cascades"]
    full = next(point for point in cascades["curve"] if point["tiers"] == ["gpt-4.1"])
    best = cascades["best"]["point"]
    assert (True, True) == (best["satisfactory"], best["tau"] is not None)
    assert best["usd"] < full["usd"] / 3


def test_by_schema_alone_the_same_cascade_leaks(every: dict[str, Any]) -> None:
    """Without the judge, wrong answers that look right stay: a tenth of all."""
    curve = every["by_name"]["cascade"]["cascades"]["curve"]
    blind = next(point for point in curve if point["tiers"] == ["gpt-4.1-nano", "gpt-4.1"] and point["tau"] is None)
    assert (0.9, False) == (round(blind["good"], 2), blind["satisfactory"])


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two flows of that file: one that goes to nano, one with a cascade."""
    document = json.loads(EVERY.read_text(encoding="utf-8"))
    document["flows"] = [flow for flow in document["flows"] if flow["flow"] in ("to-nano", "cascade")]
    path = tmp_path_factory.mktemp("few") / "few.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("form", [("--md",), ("--export", "litellm"), ("--explain", "saving")])
def test_every_output_of_made_up_evidence_says_so(few: str, form: tuple[str, ...]) -> None:
    """Markdown, export and explanation, as table and JSON do: no figure can be taken for a measurement."""
    assert "SYNTHETIC" in routed("--evidence", few, *form).stdout


def test_the_table_fits_80_columns(few: str) -> None:
    """No line but the next command is wider; the day is printed, and that the answers are made up."""
    lines = routed("--evidence", few).stdout.splitlines()
    assert lines[0].startswith("SYNTHETIC")
    assert [] == [line for line in lines if len(line) > 80 and not line.startswith("next: ")]
    assert "judged as of 2026-01-15 (pinned); a rollout of 30 days ends 2026-02-14" in lines


def test_by_the_real_dates_the_leaving_model_is_refused(few: str) -> None:
    """The same answers, judged by the days on which the models really leave."""
    done = routed("--evidence", few, "--json", "--as-of", "2026-11-29")
    flow = json.loads(done.stdout)["flows"][0]
    assert ("to-nano", "switch", "gpt-4.1-mini") == (flow["flow"], flow["verdict"], flow["model"])
    assert ["gpt-4.1-nano left the API on 2026-10-23"] == flow["candidates"][2]["barred"]


def test_a_longer_rollout_is_outlived_by_fewer(few: str) -> None:
    """In sixty days of rollout from that day gpt-4.1 and gpt-4.1-mini leave as well: nothing is left to go to."""
    done = routed("--evidence", few, "--json", "--as-of", "2026-11-29", "--rollout-days", "60")
    flow = json.loads(done.stdout)["flows"][0]
    assert ("keep_baseline", "gpt-4o") == (flow["verdict"], flow["model"])
    assert "gpt-4.1 leaves on 2027-01-14, before the rollout ends on 2027-01-28" in flow["candidates"][0]["barred"]


def test_equal_evidence_gives_equal_exports(few: str) -> None:
    """The decisions alone keep their schema, byte for byte the same twice."""
    one, two = (routed("--evidence", few, "--export", "json").stdout for _ in range(2))
    assert one == two
    routes = {route["flow"]: route for route in validated("routes", one)["routes"]}
    assert ("gpt-4.1-nano", "gpt-4o") == (routes["to-nano"]["model"], routes["to-nano"]["fallback"])
    assert ["gpt-4.1-nano", "gpt-4.1-mini", "gpt-4.1"] == routes["cascade"]["cascade"]["tiers"]


def test_the_proxy_s_configuration(few: str) -> None:
    """An alias for each flow; today's model behind those that switch."""
    document = yaml.safe_load(routed("--evidence", few, "--export", "litellm").stdout)
    models = {entry["model_name"]: entry["litellm_params"]["model"] for entry in document["model_list"]}
    assert ("openai/gpt-4.1-nano", "openai/gpt-4o") == (models["to-nano"], models["to-nano-today"])
    assert {"to-nano": ["to-nano-today"]} in document["router_settings"]["fallbacks"]


@pytest.mark.parametrize("form", ["litellm", "json"])
def test_an_export_is_read_again_and_held_against_the_routes(few: str, tmp_path: Path, form: str) -> None:
    """As written it is these routes; judged by the real dates it is not, and where it differs is said: exit code 1."""
    path = tmp_path / "routes"
    routed("--evidence", few, "--export", form, "-o", str(path))
    done = routed("--evidence", few, "--export", form, "--check", str(path))
    assert (0, f"{path} is these routes: to-nano, cascade\n") == (done.exit_code, done.stdout)
    later = routed("--evidence", few, "--export", form, "--check", str(path), "--as-of", "2026-11-29")
    assert 1 == later.exit_code
    assert "to-nano" in later.stdout
    assert "gpt-4.1-mini" in later.stdout


OTHER = {"model_name": "other", "litellm_params": {"model": "openai/x"}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda config: config["model_list"][0]["litellm_params"].update(modle="x"), "litellm $.model_list[0]"),
        (lambda config: config["model_list"][0]["litellm_params"].update(model="openai/x"), "to-nano goes to openai/x"),
        (lambda config: config["router_settings"]["fallbacks"].clear(), "to-nano-today is not behind it"),
        (lambda config: config["model_list"].append(OTHER), "other is no flow of these routes"),
        (lambda config: config.pop("router_settings"), "'router_settings' is a required property"),
    ],
)
def test_a_proxy_s_configuration_that_was_edited_is_found(few: str, tmp_path: Path, change: Any, said: str) -> None:
    """A misspelt key, another model, a fallback that is gone, a flow that is none: each is said, and ends with 1."""
    path = tmp_path / "litellm.yaml"
    config = yaml.safe_load(routed("--evidence", few, "--export", "litellm").stdout)
    change(config)
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    done = routed("--evidence", few, "--export", "litellm", "--check", str(path))
    assert (1, True) == (done.exit_code, said in done.stdout), done.stdout


# --- what is wrong with a command -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--json", "--md"), "exclude each other"),
        (("--check", "routes.json"), "say which form it has, with --export"),
        (("--export", "json", "--check", "missing.json"), "missing.json cannot be read"),
        (("--explain", "savings"), 'did you mean "saving"?'),
        (("--evidence", "missing.json"), "the evidence file missing.json cannot be read"),
        (("--candidate", "gpt-4.1-mni"), 'did you mean "gpt-4.1-mini"?'),
        # It was replayed: not to be asked again.
        (("--candidate", "gpt-4.1-mni"), "next: prompt-migrate route --candidate gpt-4.1-mini\n"),
        (("--as-of", "tomorrow"), "--as-of: must be a date"),
    ],
)
def test_a_command_that_cannot_be_carried_out(project: Path, args: tuple[str, ...], words: str) -> None:
    """One clear sentence and exit code 2."""
    keep_run(project, answered("gpt-4.1-mini"))
    done = routed(*args)
    assert 2 == done.exit_code
    assert words in done.stderr


def test_an_evidence_file_with_faults(tmp_path: Path) -> None:
    """Every complaint with its place; a file that does not say it is synthetic is none."""
    document = json.loads(EVERY.read_text(encoding="utf-8"))
    document["synthetic"] = False
    document["flows"][0]["critical"] = "huge"
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = routed("--evidence", str(path))
    assert 2 == done.exit_code
    assert {"$.synthetic", "$.flows[0].critical"} == set(re.findall(r"at (\$\S+?):", done.stderr))


def test_an_evidence_file_with_a_flow_twice(tmp_path: Path) -> None:
    """It would be two flows in the control over all of them, and two aliases of one name in an export."""
    document = json.loads(EVERY.read_text(encoding="utf-8"))
    document["flows"] = [document["flows"][0]] * 2
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = routed("--evidence", str(path))
    assert (2, True) == (done.exit_code, '"to-nano" is there twice' in done.stderr)


def test_an_evidence_file_in_which_a_model_does_not_answer(tmp_path: Path) -> None:
    """Every model of a flow answers every case: what is missing is not taken for anything."""
    document = json.loads(EVERY.read_text(encoding="utf-8"))
    del document["flows"][0]["cases"][0]["answers"]["gpt-4.1"]
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert "every model of the flow answers every case" in routed("--evidence", str(path)).stderr


def test_nothing_was_replayed_yet(project: Path) -> None:
    """The next command is printed, and no ledger is made."""
    done = routed()
    assert (2, False) == (done.exit_code, (project / ".prompt-migrate").exists())
    assert "next: pytest --model MODEL" in done.stderr


def test_a_damaged_ledger_ends_with_13(project: Path) -> None:
    """As everywhere."""
    (project / ".prompt-migrate").mkdir()
    (project / ".prompt-migrate" / "ledger.db").write_bytes(b"no database" * 100)
    assert 13 == routed().exit_code


# --- the ledger -----------------------------------------------------------------------------------------------


def test_the_ledger_s_flow_switches(project: Path) -> None:
    """Sixty clean cases of a low flow: 45 are enough, and the exit code is 0."""
    keep_run(project, answered("gpt-4.1-mini"))
    done = routed("--json")
    document = validated("route", done.stdout)
    (flow,) = document["flows"]
    assert (0, "switch", "gpt-4.1-mini") == (done.exit_code, flow["verdict"], flow["model"])
    # Tokens of the recorded answers at the prices of that day: 100 in and 10 out.
    cost = flow["candidates"][0]["cost"]
    assert ("0.00035", "0.000056") == (cost["baseline_usd"], cost["candidate_usd"])
    assert 8.82 == round(flow["saving_usd_month"]["value"], 2)


def test_production_s_share_of_cached_input_is_priced(project: Path) -> None:
    """The recorded answers were cold; production reads half of its input from the cache: both sides cost less."""
    path = project / "prompts" / "refund.prompt.yml"
    path.write_text(path.read_text("utf-8").replace("cached_share: 0", "cached_share: 0.5"), encoding="utf-8")
    keep_run(project, answered("gpt-4.1-mini"))
    (flow,) = json.loads(routed("--json").stdout)["flows"]
    cost = flow["candidates"][0]["cost"]
    assert ("0.0002875", "0.000041") == (cost["baseline_usd"], cost["candidate_usd"])


def test_candidates_of_several_runs_are_joined(project: Path) -> None:
    """Full from one replay, nano from a later one: both are weighed, the dearest first."""
    keep_run(project, answered("gpt-4.1"), id="20261101-100000-aaaa", started_at="2026-11-01T10:00:00Z")
    keep_run(project, answered("gpt-4.1-nano"), id="20261102-100000-bbbb", started_at="2026-11-02T10:00:00Z")
    (flow,) = json.loads(routed("--json").stdout)["flows"]
    assert [("gpt-4.1", "20261101-100000-aaaa"), ("gpt-4.1-nano", "20261102-100000-bbbb")] == [
        (one["candidate"], one["run"]) for one in flow["candidates"]
    ]
    assert "gpt-4.1-nano" == flow["model"]


def test_a_name_that_its_provider_has_not_got_is_no_candidate(project: Path) -> None:
    """A typo of one run is in no list of candidates; asked for, it is guessed at, and the next command is right."""
    keep_run(project, answered("gpt-4.1-mini"), id="20261101-100000-aaaa", started_at="2026-11-01T10:00:00Z")
    lost = [record(compared("case-1", candidate="gpt-4.1-mni", verdict=CaseVerdict.NO_REPLY))]
    accounts = {"planned": 60, "no_reply:model_not_found": 1, "not_run:model_not_found": 59}
    later = {"id": "20261102-100000-bbbb", "started_at": "2026-11-02T10:00:00Z", "candidates": ("gpt-4.1-mni",)}
    keep_run(project, lost, state="incomplete", accounts=accounts, **later)

    assert "gpt-4.1-mni" not in routed().output
    asked = routed("--candidate", "gpt-4.1-mni")
    assert 2 == asked.exit_code
    assert [
        'did you mean "gpt-4.1-mini"?',
        "next: prompt-migrate route --candidate gpt-4.1-mini",
    ] == asked.output.splitlines()[-2:]


def test_the_newest_whole_replay_counts(project: Path) -> None:
    """A later run of three cases does not push out a run of all sixty; a later whole one does."""
    runs = {"aaaa": (60, 0), "bbbb": (60, 30), "cccc": (3, 0)}
    for day, (name, (count, lost)) in enumerate(runs.items(), 1):
        facts = {"id": f"2026110{day}-100000-{name}", "started_at": f"2026-11-0{day}T10:00:00Z"}
        keep_run(project, answered("gpt-4.1-mini", count=count, lost=lost), **facts)
    (flow,) = json.loads(routed("--json").stdout)["flows"]
    (candidate,) = flow["candidates"]
    assert ("20261102-100000-bbbb", "worse") == (candidate["run"], candidate["standing"])


def silent(candidate: str) -> list[CaseRecord]:
    """Every case of a candidate that nobody answered for."""
    none = scores(after=(0, 0), agreement=((5, 5), (0, 0)), planned=5)
    return [
        record(compared(f"c{n:02}", candidate=candidate, verdict=CaseVerdict.NO_REPLY, scores=none), samples=0)
        for n in range(60)
    ]


def without_golden(records: list[CaseRecord], case: str) -> list[CaseRecord]:
    """The same run, in which one case had no golden to be held against."""
    return [
        replace(one, comparison=compared(case, candidate=one.comparison.candidate, verdict=CaseVerdict.NO_GOLDEN))
        if one.comparison.case == case
        else one
        for one in records
    ]


def kept(records: list[CaseRecord], day: int) -> str:
    """Write a finished run of that day into the ledger; return its id."""
    return keep_run(Path.cwd(), records, id=f"2026110{day}-100000-ab12", started_at=f"2026-11-0{day}T10:00:00Z").id


def flow_of(done: Result) -> dict[str, Any]:
    (flow,) = validated("route", done.stdout)["flows"]
    return dict(flow)


def test_a_run_in_which_a_golden_was_missing_does_not_push_out_a_whole_one(project: Path) -> None:
    """As many cases, one fewer compared: the whole replay speaks."""
    whole = kept(answered("gpt-4.1-mini"), 1)
    kept(without_golden(answered("gpt-4.1-mini"), "c07"), 2)
    (candidate,) = flow_of(routed("--json"))["candidates"]
    assert (whole, 60) == (candidate["run"], candidate["metrics"][0]["cases"])


def test_the_baseline_is_no_candidate_of_itself(project: Path) -> None:
    """A run of it shows its noise: route neither weighs it nor lets anything wait for it, and says so when asked."""
    kept(answered("gpt-4.1-mini"), 1)
    kept(answered("gpt-4o"), 2)
    kept(answered("gpt-4o=gpt-4o", model="gpt-4o"), 3)
    flow = flow_of(routed("--json"))
    assert (["gpt-4.1-mini"], []) == ([one["candidate"] for one in flow["candidates"]], flow["left_out"])
    assert "gpt-4o is the baseline: there is nothing to route to it" in routed("--candidate", "gpt-4o").stderr


def test_a_model_that_never_answered_is_left_out(project: Path) -> None:
    """In one line and not ranked; asked for by name it is refused, and what is next does not repeat the slip."""
    kept(answered("gpt-4.1-mini"), 1)
    run = kept(silent("gpt-4.1-mni"), 2)
    done = routed("--json")
    left = {"candidate": "gpt-4.1-mni", "run": run, "why": "no_answer", "baseline": None}
    assert (0, [left]) == (done.exit_code, flow_of(done)["left_out"])
    assert "    left out: gpt-4.1-mni (no answer)\n" in routed().stdout
    asked = routed("--candidate", "gpt-4.1-mni")
    assert (2, True) == (asked.exit_code, asked.stderr.endswith("next: pytest --model gpt-4.1-mini\n")), asked.stderr


def test_a_replay_of_an_older_baseline_is_left_out(project: Path) -> None:
    """Once another model is the baseline, what was compared with the one before decides nothing; a new replay does."""
    prompt = project / "prompts" / "refund.prompt.yml"
    kept(answered("gpt-4.1-mini"), 1)
    prompt.write_text(prompt.read_text("utf-8").replace("model: gpt-4o", "model: gpt-4.1"), encoding="utf-8")
    done = routed()
    assert 3 == done.exit_code
    assert "gpt-4.1-mini (compared with gpt-4o, an older baseline: replay again)" in " ".join(done.stdout.split())
    assert "\nnext: pytest --model gpt-4.1-mini -k refund; then prompt-migrate route\n" in done.stdout
    of_today = [
        replace(one, comparison=replace(one.comparison, baseline="gpt-4.1")) for one in answered("gpt-4.1-nano")
    ]
    kept(of_today, 2)
    flow = flow_of(routed("--json"))
    assert ["gpt-4.1-nano"] == [one["candidate"] for one in flow["candidates"]]
    assert [("gpt-4.1-mini", "older_baseline", "gpt-4o")] == [
        (one["candidate"], one["why"], one["baseline"]) for one in flow["left_out"]
    ]


def test_answers_to_a_prompt_that_changed_since_are_left_out(project: Path) -> None:
    """Goldens first, then the replay: each is named while it lacks, and what is next mends it."""
    kept(answered("gpt-4.1-mini"), 1)
    asked = record_goldens(project)
    kept([asked_as(asked, one) for one in answered("gpt-4.1-nano")], 2)
    assert [] == flow_of(routed("--json"))["left_out"]
    prompt = project / "prompts" / "refund.prompt.yml"
    prompt.write_text(prompt.read_text("utf-8").replace("Say {{ n }}.", "Tell {{ n }}."), encoding="utf-8")
    done = routed()
    assert 3 == done.exit_code
    assert "gpt-4.1-mini, gpt-4.1-nano (goldens are stale: record them again, then replay)" in " ".join(
        done.stdout.split()
    )
    models = "--model gpt-4.1-mini --model gpt-4.1-nano"
    again = f"pytest --golden=rewrite -k refund\n      then pytest {models} -k refund\n      then prompt-migrate route"
    assert f"\nnext: {again}\n" in done.stdout
    record_goldens(project)
    flow = flow_of(routed("--json"))
    assert [("gpt-4.1-nano", "asked_otherwise")] == [(one["candidate"], one["why"]) for one in flow["left_out"]]


def record_goldens(project: Path) -> dict[str, Request]:
    """Write a golden of today's prompt for every case; return what each candidate is asked, by case."""
    world = open_world(project, {}, {})
    (flow,) = world.flows()
    samples = (Judged(Sample(1, (), Answer("{}")), {}),)
    for case in flow.cases:
        asked = baseline_request(flow, case, world.redactor)
        world.goldens.write(Golden(flow.name, case.id, "gpt-4o", (asked,), samples))
    nano = {case.id: render(flow, case, model="gpt-4.1-nano", redact=world.redactor.value) for case in flow.cases}
    world.close()
    return dict(nano)


def asked_as(asked: dict[str, Request], one: CaseRecord) -> CaseRecord:
    """The same record, its first sample asked with the request of its case."""
    call = Call(asked[one.comparison.case], NoReply(NoReplyKind.TIMEOUT, "made up"))
    first = replace(one.samples[0], sample=replace(one.samples[0].sample, calls=(call,)))
    return replace(one, samples=(first, *one.samples[1:]))


def test_a_run_of_a_part_is_insufficient(project: Path) -> None:
    """Fifty clean cases of sixty: ten were not asked, and it says so."""
    keep_run(project, answered("gpt-4.1-mini", count=50))
    done = routed("--json")
    (flow,) = json.loads(done.stdout)["flows"]
    assert (3, "insufficient") == (done.exit_code, flow["verdict"])
    assert "only 50 of the flow's 60 cases are in this run" in flow["reasons"][0]


@pytest.mark.parametrize("lost", [2, 4])
def test_where_few_cases_got_worse_they_are_mended_first(project: Path, lost: int) -> None:
    """A few worse cases, and thousands more or none that would tell: the next line mends them, and says where."""
    keep_run(project, answered("gpt-4.1-mini", lost=lost))
    done = routed()
    assert 3 == done.exit_code, done.output
    assert [
        "next: look: prompt-migrate report --run 20261102-100000-ab12 --open",
        f"      mend {lost} of 60 cases of refund",
        "      then pytest --model gpt-4.1-mini",
        "      then prompt-migrate route",
    ] == done.stdout.splitlines()[-4:]


def test_clean_cases_that_are_too_few_are_added_to(project: Path) -> None:
    """Nothing got worse: there is nothing to mend, and the cases that are missing are counted."""
    cases = "".join(f"  - {{id: c{n:02}, inputs: {{n: {n}}}}}\n" for n in range(20))
    (project / "prompts" / "refund.prompt.yml").write_text(PROMPT + cases, encoding="utf-8")
    keep_run(project, answered("gpt-4.1-mini", count=20))
    assert [
        "next: add 25 cases to refund",
        "      then pytest --golden=new",
        "      then pytest --model gpt-4.1-mini",
        "      then prompt-migrate route",
    ] == routed().stdout.splitlines()[-4:]


def test_a_model_without_a_price_is_not_ranked(project: Path) -> None:
    """Its cost is null, never 0, and the reason is told."""
    keep_run(project, answered("house-model"))
    (flow,) = json.loads(routed("--json").stdout)["flows"]
    assert ("insufficient", None) == (flow["verdict"], flow["candidates"][0]["cost"])
    assert "not ranked: no price of house-model" in flow["candidates"][0]["barred"]


def test_flows_of_the_application_s_own_tests_are_routed_too(project: Path) -> None:
    """They have no prompt file: judged as medium ones, without traffic, so that what is saved a month is unknown."""
    own = [replace(one, comparison=replace(one.comparison, flow=FlowName("checkout"))) for one in answered("gpt-4.1")]
    keep_run(project, [*answered("gpt-4.1"), *own])
    flows = {flow["flow"]: flow for flow in validated("route", routed("--json").stdout)["flows"]}
    found = flows["checkout"]
    assert ("insufficient", 39, None) == (found["verdict"], found["cases_needed"], found["saving_usd_month"])
    assert ("gpt-4o", "medium") == (found["baseline"], found["critical"])


def test_the_order_can_be_said(project: Path) -> None:
    """Candidates are tested in the order of the options; one that is not named is left out."""
    keep_run(project, answered("gpt-4.1") + answered("gpt-4.1-mini") + answered("gpt-4.1-nano"))
    (flow,) = json.loads(routed("--json", "--candidate", "gpt-4.1-nano", "--candidate", "gpt-4.1").stdout)["flows"]
    assert ["gpt-4.1-nano", "gpt-4.1"] == [one["candidate"] for one in flow["candidates"]]


def test_an_output_file_holds_what_would_be_printed(project: Path) -> None:
    """With -o standard output stays empty."""
    keep_run(project, answered("gpt-4.1-mini"))
    done = routed("--json", "-o", "routes.json")
    assert ("", 0) == (done.stdout, done.exit_code)
    validated("route", (project / "routes.json").read_text(encoding="utf-8"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_an_output_file_that_cannot_be_written_is_said(project: Path) -> None:
    """A full disk is told in words, with the code of a store that failed."""
    keep_run(project, answered("gpt-4.1-mini"))
    done = routed("--json", "-o", "/dev/full")
    assert 13 == done.exit_code
    assert "cannot write /dev/full: No space left on device" in done.stderr
