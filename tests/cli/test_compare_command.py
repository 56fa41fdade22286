"""`prompt-migrate compare` end to end: a real ledger in a real folder, output, exit codes, refusals."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from measured import call, compared, finding, keep_run, rates, record, scores

from migrate.canary.nouns import PlanVerdict
from migrate.cli import main
from migrate.cli.compare import wants_colour
from migrate.evidence.explaining import FIGURES
from migrate.evidence.gates import LIMITS
from migrate.evidence.gates import WORDS as GATES
from migrate.evidence.glossary import WORDS, every_word
from migrate.ports import CaseRecord
from migrate.presenting.routes import VERDICTS
from migrate.presenting.terminal import verdict_words
from migrate.vocabulary import CaseVerdict, FindingKind, FlowName, Measurement, Rung, Severity, Source

SCHEMA = Path(__file__).parents[2] / "migrate" / "schemas" / "compare.schema.json"
BROKEN = finding(
    "$.confidence",
    FindingKind.WRONG_TYPE,
    severity=Severity.BREAKING,
    rung=Rung.SCHEMA,
    expected="number",
    actual="high",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which the command is called."""
    (tmp_path / "prompt-migrate.toml").write_text('provider = "simulated"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def measured(case: str, model: str, usd: str | None, ms: float, source: Source) -> tuple[Measurement, ...]:
    return (replace(call(model, served=model, usd=usd, ms=ms, source=source), case=case),)  # type: ignore[arg-type]


def case(name: str, verdict: CaseVerdict = CaseVerdict.SAME, *, usd: str | None = "0.8") -> CaseRecord:
    findings = (BROKEN,) if verdict is CaseVerdict.BREAKING else ()
    kept = {Rung.SCHEMA: rates((1, 1), (0 if findings else 1, 1))}
    return record(
        compared(name, *findings, verdict=verdict, rungs=kept, scores=scores((1, 1), (0 if findings else 1, 1))),
        baseline=measured(name, "gpt-4o", "1", 100.0, Source.GOLDEN),
        candidate=measured(name, "gpt-4.1", usd, 130.0, Source.LIVE),
    )


def compare(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["compare", *arguments])


def test_a_replay_without_regressions(project: Path) -> None:
    """The summary is printed, and the command ends with 0."""
    keep_run(project, [case("a"), case("b", CaseVerdict.DRIFT)], accounts={"planned": 2, "judged": 2})
    result = compare()
    assert 0 == result.exit_code, result.output
    assert [
        "run 20261102-100000-ab12, started 2026-11-02T10:00:00.000Z, complete",
        "gpt-4o -> gpt-4.1",
        "  flow    cases  schema ok  break  drift  noise  cost   p50   p95  verdict",
        "  refund      2   100/100%      0      1      0  0.80  1.30  1.30  insufficient",
        "why not safe, in points of a hundred answers:",
        "  refund: contract may be 77.6 points worse, margin 3: 97 more cases",
    ] == result.stdout.splitlines()[:6]
    assert "2 cases: 1 same, 1 drift" in result.stdout
    assert "\x1b" not in result.output


PROMPT = """flow: refund
critical: low
model: gpt-4o
messages: [{role: user, content: "{{ text }}"}]
cases:
"""


def test_the_inventory_says_what_a_flow_may_lose(project: Path) -> None:
    """The class of the prompt file decides margin and level; when it is gone, or broken, a medium one is supposed."""
    keep_run(project, [case(f"c{number}") for number in range(50)])
    reasons = []
    cases = "".join(f"  - {{id: c{number}, inputs: {{text: hello}}}}\n" for number in range(50))
    for text in (PROMPT + cases, "flow: [", None):
        shutil.rmtree(project / "prompts", ignore_errors=True)
        if text is not None:
            (project / "prompts").mkdir()
            (project / "prompts" / "refund.prompt.yml").write_text(text, encoding="utf-8")
        (flow,) = json.loads(compare("--json").stdout)["flows"]
        reasons.append((flow["verdict"], flow["cases_needed"], flow["metrics"][0]["margin"], flow["verdict_reason"]))
    most = "at most 4.5 points worse"
    unknown = "contract may be 5.8 points worse, margin 3: 49 more cases"
    also = "agreement may be 5.8 points worse, margin 3: 49 more cases; judged as medium: no prompt file says more"
    assert ("safe", None, 0.05, f"contract {most}, agreement {most}, margin 5") == reasons[0]
    assert [("insufficient", 49, 0.03, f"{unknown}; {also}")] * 2 == reasons[1:]


def test_a_flow_whose_prompt_file_cannot_be_read_says_by_what_it_is_judged(project: Path) -> None:
    """Its class and margin are in that file: without it the verdict is another one, and looks the same."""
    keep_run(project, [record()])
    (project / "prompts").mkdir(exist_ok=True)
    (project / "prompts" / "refund.prompt.yml").write_text("name: refund\ncritical: [\n", encoding="utf-8")
    said = " ".join(compare().stdout.split())
    assert "note: refund is judged as medium, for its prompt file cannot be read: " in said
    assert "prompts/refund.prompt.yml" in said


@pytest.mark.parametrize(
    ("verdicts", "arguments", "code", "reason"),
    [
        ([CaseVerdict.BREAKING], [], 1, "gate closed: refund against gpt-4.1: 1 of 2 cases breaking"),
        ([CaseVerdict.BREAKING], ["--fail-on", "drift"], 0, ""),
        ([CaseVerdict.DRIFT], [], 0, ""),
        (
            [CaseVerdict.DRIFT],
            ["--fail-on", "breaking,drift"],
            1,
            "gate closed: refund against gpt-4.1: 1 of 2 cases drifting",
        ),
        (
            [CaseVerdict.UNSTABLE_BASELINE],
            ["--fail-on", "unstable"],
            1,
            "gate closed: refund against gpt-4.1: 1 of 2 cases with an unstable baseline",
        ),
        (
            [CaseVerdict.SAME],
            ["--fail-on", "p95:+20%"],
            1,
            "refund against gpt-4.1: p95 +30.0%, more than +20% (live, n 2, against recorded on 2026-11-02, n 2)",
        ),
        ([CaseVerdict.SAME], ["--fail-on", "cost:+10%,p95:+30%"], 0, ""),
        (
            [CaseVerdict.NO_GOLDEN],
            [],
            1,
            "gate closed: refund against gpt-4.1: 1 of 2 cases without a golden, so compared with nothing",
        ),
        ([CaseVerdict.STALE_GOLDEN], [], 12, "stale: refund against gpt-4.1: 1 of 2 cases have a stale golden"),
        ([CaseVerdict.NO_REPLY], [], 10, "incomplete: refund against gpt-4.1: 1 of 2 cases lack a reply"),
        ([CaseVerdict.NO_REPLY, CaseVerdict.STALE_GOLDEN], [], 12, "have a stale golden"),
        ([CaseVerdict.STALE_GOLDEN, CaseVerdict.BREAKING], [], 1, "cases breaking"),
    ],
)
def test_exit_codes(project: Path, verdicts: list[CaseVerdict], arguments: list[str], code: int, reason: str) -> None:
    """Regressions outrank stale goldens, and those missing answers; each says why, in both forms of output."""
    keep_run(project, [case(f"c{number}", verdict) for number, verdict in enumerate([CaseVerdict.SAME, *verdicts])])
    plain, data = compare(*arguments), compare("--json", *arguments)
    assert (code, code) == (plain.exit_code, data.exit_code), plain.output
    assert reason in " ".join(plain.stdout.split())
    assert reason in data.stderr
    assert plain.stderr == ""
    assert "flows" in json.loads(data.stdout)


def test_an_unknown_cost_never_passes_a_cost_gate(project: Path) -> None:
    """A gate that cannot be judged is closed, and says so."""
    keep_run(project, [case("a"), case("b", usd=None)])
    result = compare("--fail-on", "cost:+10%")
    assert 1 == result.exit_code
    said = "gate closed: refund against gpt-4.1: cost cannot be judged: 1 calls have no known cost"
    assert said in " ".join(result.stdout.split())


@pytest.mark.parametrize("state", ["running", "incomplete", "interrupted"])
def test_a_run_that_is_not_over_is_incomplete(project: Path, state: str) -> None:
    """What is not complete is never 0."""
    keep_run(project, [case("a")], state=state)
    result = compare()
    assert 10 == result.exit_code
    assert f"incomplete: run 20261102-100000-ab12 is {state}" in result.stdout


def test_the_json_is_the_published_document(project: Path) -> None:
    """Standard output is one document that keeps its schema, with exact money and the sources of the figures."""
    keep_run(project, [case("a"), case("b", CaseVerdict.BREAKING)])
    result = compare("--json")
    document = json.loads(result.stdout)
    jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    (flow,) = document["flows"]
    assert {"baseline": "2", "candidate": "1.6", "ratio": "0.8", "unknown": 0} == flow["cost_usd"]
    assert ["b"] == flow["groups"][0]["cases"]
    sources = [flow["latency_ms"][side]["source"] for side in ("baseline", "candidate")]
    assert ["recorded on 2026-11-02", "live"] == sources


def test_a_run_is_found_by_the_start_of_its_id(project: Path) -> None:
    """Without an id the newest replay is shown; with one, that run."""
    keep_run(project, [case("a")], id="20261101-090000-aaaa", started_at="2026-11-01T09:00:00.000Z")
    keep_run(project, [case("a"), case("b")], id="20261102-090000-bbbb", started_at="2026-11-02T09:00:00.000Z")
    shown = [json.loads(compare("--json", *arguments).stdout)["run"]["id"] for arguments in ([], ["--run", "20261101"])]
    assert ["20261102-090000-bbbb", "20261101-090000-aaaa"] == shown


def test_a_run_that_was_resumed_is_shown_and_the_one_started_after_it_is_named(project: Path) -> None:
    """The replay that ended last is meant; a word tells why, and how to see the other."""
    resumed = {"started_at": "2026-11-01T09:00:00.000Z", "finished_at": "2026-11-03T09:00:00.000Z"}
    between = {"started_at": "2026-11-02T09:00:00.000Z", "finished_at": "2026-11-02T09:10:00.000Z"}
    keep_run(project, [case("a")], id="20261101-090000-aaaa", **resumed)
    keep_run(project, [case("a")], id="20261102-090000-bbbb", **between)
    shown = compare()
    first = "run 20261101-090000-aaaa, started 2026-11-01T09:00:00.000Z, ended 2026-11-03T09:00:00.000Z, complete"
    assert first == shown.stdout.splitlines()[0]
    assert [
        "note: run 20261101-090000-aaaa ended last, so it is meant; run 20261102-090000-bbbb was started after it",
        "note: that one: prompt-migrate compare --run 20261102-090000-bbbb",
    ] == " ".join(shown.stderr.split()).replace(" note: that", "\nnote: that").splitlines()


def test_a_recording_is_nothing_to_compare(project: Path) -> None:
    """Somebody who names the wrong run is told so."""
    keep_run(project, [case("a")], kind="record", candidates=())
    result = compare("--run", "20261102")
    assert 2 == result.exit_code
    assert "run 20261102-100000-ab12 recorded goldens: it has no candidate to compare" in result.stderr


def test_a_project_without_runs_stays_as_it_is(project: Path) -> None:
    """Reading makes no ledger; the next command is named."""
    result = compare()
    assert 2 == result.exit_code
    assert "prompt-migrate: nothing was replayed here yet\nnext: pytest --model MODEL\n" == result.stderr
    assert ["prompt-migrate.toml"] == [path.name for path in project.iterdir()]


def test_an_unknown_run_is_refused(project: Path) -> None:
    """No such run: 2, and where to look."""
    keep_run(project, [case("a")])
    result = compare("--run", "2019")
    assert (2, True) == (result.exit_code, "prompt-migrate runs" in result.stderr)


@pytest.mark.parametrize("fail_on", ["braking", "", "cost"])
def test_a_gate_with_a_typo_is_refused_before_anything_is_read(project: Path, fail_on: str) -> None:
    """A typo is a usage error, never an open gate."""
    result = compare("--fail-on", fail_on)
    assert 2 == result.exit_code
    assert "fail-on" in result.stderr


def test_the_configured_gates_hold_unless_others_are_given(project: Path) -> None:
    """The file says what closes the gate; the command line may say otherwise."""
    (project / "prompt-migrate.toml").write_text('provider = "simulated"\nfail_on = ["drift"]\n', encoding="utf-8")
    keep_run(project, [case("a", CaseVerdict.DRIFT)])
    assert [1, 0] == [compare(*arguments).exit_code for arguments in ([], ["--fail-on", "breaking"])]


def test_a_locale_without_unicode_is_no_trouble(project: Path) -> None:
    """In a plain C locale an umlaut and an escape code of a flow's name are drawn, and nothing breaks."""
    strange = record(replace(compared("a"), flow=FlowName("gr\u00fc\u00dfe\x1b[2J")))
    keep_run(project, [strange])
    environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-m", "migrate", "compare"], env=environ, capture_output=True, check=False)
    assert 0 == done.returncode, done.stderr
    assert rb"gr\xfc\xdfe<U+001B>[2J" in done.stdout


@pytest.mark.parametrize(
    ("terminal", "environ", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_conventions(terminal: bool, environ: dict[str, str], colour: bool) -> None:
    """NO_COLOR wins, FORCE_COLOR colours a pipe, a dumb terminal gets none."""
    assert colour == wants_colour(terminal, environ)


def test_compare_imports_neither_provider_nor_price_data() -> None:
    """Looking at a run starts quickly: no SDK, no price data, no statistics package, no validator."""
    code = (
        "import sys; from migrate.cli import compare; import migrate.evidence, migrate.presenting; "
        "print([name for name in ('openai', 'genai_prices', 'numpy', 'jsonschema', 'deepdiff', 'yaml', 'sqlalchemy') "
        "if name in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_a_figure_of_the_summary_is_explained(project: Path) -> None:
    """By its name or by a key of the JSON: formula, assumption, source, and what went into it; a typo is guessed."""
    keep_run(project, [record(compared(scores=scores()))])
    done = CliRunner().invoke(main, ["compare", "--explain", "cases_needed"])
    heads = [line.split(":")[0].strip() for line in done.stdout.splitlines() if re.match(r" {0,2}\w+: ", line)]
    assert (0, ["cases_needed", "formula", "assumes", "source"]) == (done.exit_code, heads[:4])
    assert len(heads) > 4
    assert "passed / total" in CliRunner().invoke(main, ["compare", "--explain", "rungs"]).stdout
    wrong = CliRunner().invoke(main, ["compare", "--explain", "excesss"])
    assert (2, True) == (wrong.exit_code, 'did you mean "excess"?' in wrong.stderr)


@pytest.mark.parametrize("word", sorted(WORDS))
def test_a_word_on_the_screen_is_explained(project: Path, word: str) -> None:
    """In a sentence, with the page that says more, also before anything was run, and however it is typed."""
    del project
    done = CliRunner().invoke(main, ["compare", "--explain", word.upper().replace(" ", "-")])
    assert 0 == done.exit_code, done.output
    *first, page = done.stdout.splitlines()
    assert f"{word}: {WORDS[word][0]}" == " ".join(line.strip() for line in first)
    assert 80 >= max(map(len, first))
    # A project has no page of that name: it says whose it is.
    assert (Path(__file__).parents[2] / page.removeprefix("  source: prompt-migrate's ")).is_file()


def columns_of(module: str) -> set[str]:
    """Return the heads of all tables that a module prints."""
    tree = ast.parse((SCHEMA.parents[1] / module).read_text("utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    made = (call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Column" and call.args)
    return {str(call.args[0].value) for call in made if isinstance(call.args[0], ast.Constant)} - {""}


TABLES = sorted(
    str(file.relative_to(SCHEMA.parents[1]))
    for folder in ("presenting", "cli")
    for file in (SCHEMA.parents[1] / folder).rglob("*.py")
    if columns_of(str(file.relative_to(SCHEMA.parents[1])))
)
"""Every module that lays a table out."""
SUMMARIES = """
    schema ok; baseline; candidate; golden; gate; at stake; risk; noise; points; cases; groups; decision; units; bad;
    rejected; tolerated; accepted or tolerated; not run; promote; hold; rollback; observe; unusable; ready;
    ready modified; shadow first; do not start; simulated; margin; true excess; contract; agreement;
    cannot reach power; gate closed; past margin; ready, gate closed; pools; bad, mean; keep baseline
"""
"""Words that summaries, reviews and the report's page are made of, beside what is an enumeration below."""


def is_explained(word: str) -> bool:
    """Say whether a word is explained by one of the commands that explain."""
    kept = [CliRunner().invoke(main, [*command, "--explain", word]) for command in (["compare"], ["route"])]
    # Before anything was run a figure has nothing to be shown of: it is known, and says so.
    return any("does not know" not in done.stderr or "knows it:" in done.stderr for done in kept)


@pytest.mark.parametrize("module", TABLES)
def test_every_head_of_a_table_is_explained(project: Path, module: str) -> None:
    """Who has only the screen asks for the word at the head of a column."""
    del project
    assert [] == [word for word in sorted(columns_of(module)) if not is_explained(word)]


def test_every_word_of_a_summary_is_explained(project: Path) -> None:
    """Verdicts, severities, kinds of findings, and what stands around them."""
    del project
    words = [word.strip() for word in SUMMARIES.split(";")]
    words += [verdict_words(one) for one in CaseVerdict] + [one.value for one in Severity]
    words += [one.value.replace("_", " ") for one in FindingKind] + [*VERDICTS.values(), *VERDICTS]
    # What --fail-on takes, and every verdict of a plan.
    words += [*GATES, *LIMITS, *get_args(PlanVerdict)]
    assert [] == [word for word in words if not is_explained(word)]


def test_no_word_takes_the_place_of_a_figure(project: Path) -> None:
    """What a figure is named by, its formula is printed for."""
    del project
    assert set() == {*FIGURES.names} & {*every_word()}


@pytest.mark.parametrize(
    ("command", "word", "said"),
    [
        (["route"], "rungs", "compare knows it: prompt-migrate compare --explain rungs"),
        (["compare"], "saving", "route knows it: prompt-migrate route --explain saving"),
        (["compare"], "budget", "canary plan knows it: prompt-migrate canary plan --explain budget"),
    ],
)
def test_a_figure_of_another_command_is_pointed_to(project: Path, command: list[str], word: str, said: str) -> None:
    """Who knows it is said, before anything was run; words mean the same to all of them."""
    del project
    done = CliRunner().invoke(main, [*command, "--explain", word])
    assert (2, True) == (done.exit_code, said in done.stderr), done.stderr
    assert "schema ok: share of all" in CliRunner().invoke(main, [*command, "--explain", "schema ok"]).stdout


@pytest.mark.parametrize(
    ("command", "word", "said"),
    [
        ("route", "cases", "cases: how many more cases settle the flow"),
        ("route", "verdict", "verdict: switch, keep with why"),
        ("route", "n", "n: cases in which the candidate of the row was compared"),
        ("compare", "n", "n: how many cases a figure is made of"),
    ],
)
def test_a_command_explains_the_heads_of_its_own_table_first(project: Path, command: str, word: str, said: str) -> None:
    """Where another command means something else by the word, it is not sent there."""
    del project
    done = CliRunner().invoke(main, [command, "--explain", word])
    assert (0, True) == (done.exit_code, done.stdout.startswith(said)), done.output


def test_what_is_not_known_is_answered_with_what_is(project: Path) -> None:
    """A guess, and every figure and word that can be asked for."""
    del project
    done = CliRunner().invoke(main, ["compare", "--explain", "agrement"])
    assert (2, True) == (done.exit_code, 'did you mean "agreement"?' in done.stderr)
    listed = " ".join(done.stderr.split())
    assert "unstable baseline" in listed
    assert "cases_needed" in listed
