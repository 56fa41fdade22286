"""The summary and the failure of a case, as a person reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import compared, evidence, finding, latency, rates, replay, scores

from migrate.inert import inert
from migrate.presenting import failure_lines, summary_lines
from migrate.presenting.failure import side_lines
from migrate.presenting.layout import cells, wrapped
from migrate.reviewing import group_changes
from migrate.vocabulary import (
    Candidate,
    CaseId,
    CaseVerdict,
    Finding,
    FindingKind,
    FlowEvidence,
    FlowName,
    FlowTimes,
    JsonPath,
    Place,
    Rung,
    Severity,
    ToleratedChange,
    Toleration,
)

BROKEN = finding(
    "$.confidence",
    FindingKind.WRONG_TYPE,
    severity=Severity.BREAKING,
    rung=Rung.SCHEMA,
    expected="number",
    actual="high",
    message="string where number is required",
)
MOVED = finding(
    "$.items[2].price", FindingKind.VALUE_CHANGED, expected=12.5, actual=13.5, message="outside what the baseline said"
)
GROUPS = group_changes([compared("a", BROKEN), compared("b", BROKEN, MOVED)])
REFUND = evidence(
    "refund",
    verdicts={CaseVerdict.SAME: 38, CaseVerdict.BREAKING: 2, CaseVerdict.DRIFT: 1, CaseVerdict.WITHIN_NOISE: 4},
    rungs={Rung.SCHEMA: rates((225, 225), (223, 225))},
    cost=("1.234", "0.9877"),
    unknown=(0, 2),
    ratio=0.8004,
    before=latency(400, 900, 45, "recorded on 2026-01-15"),
    after=latency(380, 1_000, 45),
    groups=GROUPS,
)
NOTES = evidence(
    "meeting-notes",
    baseline="gpt-4o-mini",
    verdicts={CaseVerdict.SAME: 60},
    cost=("0.00123", "0.00328"),
    ratio=2.6667,
    before=latency(400, 900, 60, "recorded on 2026-01-15"),
    after=latency(None, None, 0, "not measured"),
)


def test_the_summary_of_a_replay() -> None:
    """A row a flow, the verdicts in words, where figures come from, the largest changes, the next command."""
    assert [
        "gpt-4o, gpt-4o-mini -> gpt-4.1",
        "  flow           cases  schema ok  break  drift  noise  cost   p50   p95  verdict",
        "  refund            45  99.1/100%      2      1      4  0.80  0.95  1.11  -",
        "  meeting-notes     60          -      0      0      0  2.67     -     -  -",
        "schema ok: candidate/baseline, of all samples; noise: changes within the baseline's own;",
        "  cost, p50, p95: candidate divided by baseline; cost: of an answer as it was billed in",
        "  these runs, where route counts one that keeps the contract, its input cached as in",
        "  production",
        "105 cases: 98 same, 4 within noise, 1 drift, 2 breaking",
        "latency of refund: candidate live; baseline recorded on 2026-01-15",
        "latency of meeting-notes: candidate not measured; baseline recorded on 2026-01-15",
        "p95 has no upper bound in 2 of 2 rows: that wants 59 cases",
        "cost of all samples: gpt-4.1 $0.99; baseline, when recorded, $1.24",
        "cost unknown of 2 calls: not in these figures",
        "2 groups of equal changes:",
        "  group               cases  flow    change",
        f"  {GROUPS[0].id}  breaking      2  refund  $.confidence number -> string",
        f"  {GROUPS[1].id}  drift         1  refund  $.items[*].price value changed, number -> number",
        "next: prompt-migrate report --open to look, prompt-migrate review to decide;",
        "      mend the prompt, then pytest --model gpt-4.1 --lf",
    ] == summary_lines(replay(), [REFUND, NOTES], width=90)


def test_promoted_flows_are_told_once_and_not_among_the_reasons() -> None:
    """Where the candidate is the baseline its row says so, and one line names the flows."""
    said = ("gpt-4.1 is the baseline, compared with itself: what differs is its own noise",)
    names = ("notes", "refund", "triage", "tags", "digest")
    done = [evidence(name, baseline="gpt-4.1", verdict="insufficient", reasons=said) for name in names]
    lines = summary_lines(replay(), [*done, evidence("open", verdict="insufficient", reasons=("few cases",))])
    assert [
        "why not safe, in points of a hundred answers:",
        "  open: few cases",
        "gpt-4.1 is the baseline already, as once promoted, of notes, refund, triage,",
        "  tags and 1 more: nothing to decide there",
    ] == lines[8:12]
    assert ["baseline"] * 5 + ["insufficient"] == [line.split()[-1] for line in lines[2:8]]


def test_what_is_tolerated_is_named_with_its_last_day() -> None:
    """Which finding, in how many cases, what of them still fails, until when, and where the entry stands."""
    path = JsonPath("$.issued.day")
    entry = Toleration(FindingKind.CHECK_FAILED, path, "known", "2026-03-01", place=Place("prompts/a.prompt.yml", 164))
    fence = replace(entry, kind=FindingKind.FENCED_JSON, path=JsonPath("$"), expires="2026-02-10", place=None)
    used = (
        ToleratedChange(entry.kind, path, tuple(map(CaseId, "abcde")), 1, 2, entry),
        ToleratedChange(fence.kind, fence.path, (CaseId("a"),), 0, 0, fence),
        ToleratedChange(FindingKind.EXTRA_KEY, path, (CaseId("a"),), 0, 0, None),
    )
    lines = summary_lines(replay(), [replace(NOTES, tolerated=used)])
    at = lines.index("tolerated for now, by the prompt files:")
    assert [
        "  meeting-notes: extra key at $.issued.day in 1 case; the prompt files as they",
        "    stand have no such entry",
        "  meeting-notes: fenced json at $ in 1 case, until 2026-02-10",
        "  meeting-notes: check failed at $.issued.day in 5 cases (1 still breaking, 2",
        "    still drifting by something else), until 2026-03-01",
        "    (prompts/a.prompt.yml:164)",
    ] == lines[at + 1 : at + 7]
    assert max(map(cells, lines)) <= 80


def test_many_tolerations_are_counted_and_a_candidate_is_named_where_there_are_several() -> None:
    """The five that end first; nothing at all where none was used."""
    days = [Toleration(FindingKind.REFUSED, JsonPath("$"), "known", f"2026-03-0{day}") for day in range(7, 0, -1)]
    used = tuple(ToleratedChange(one.kind, one.path, (CaseId("a"),), 0, 0, one) for one in days)
    flows = [replace(NOTES, tolerated=used), replace(NOTES, candidate="gpt-4.1-mini")]
    told = [line for line in summary_lines(replay(), flows) if "until 2026" in line or "end later" in line]
    assert [
        *(f"  meeting-notes on gpt-4.1: refused at $ in 1 case, until 2026-03-0{day}" for day in range(1, 6)),
        "  and 2 more that end later (compare --json lists all)",
    ] == told
    assert not [line for line in summary_lines(replay(), [REFUND, NOTES]) if "tolerated for now" in line]


def test_a_flow_of_several_calls_tells_every_clock() -> None:
    """What a user waits for and what the calls take are two things where calls are made at once."""
    before = FlowTimes(*(latency(ms, None, 4) for ms in (900.0, 700.0, 750.0)), latency())
    after = FlowTimes(*(latency(ms, None, 5) for ms in (450.0, 350.0, 412.0, 125.0)))
    told = summary_lines(replay(), [replace(REFUND, times=(before, after), several_calls=True)], width=300)
    assert (
        "refund, medians of 5 (4) cases: wall 0.41 s (0.75 s), critical path 0.35 s (0.70 s), "
        "sum of calls 0.45 s (0.90 s), first token 0.12 s (-); baseline in brackets"
    ) in told


def test_the_table_fits_eighty_columns() -> None:
    """At the usual width all columns are there and no line wraps, whatever the flow is called."""
    long = evidence("a-flow-with-a-name-that-somebody-must-have-been-paid-for-by-the-letter", verdicts=REFUND.verdicts)
    lines = summary_lines(replay(), [REFUND, long])
    assert "  flow                  cases schema ok break drift noise cost  p50  p95 verdict" == lines[1]
    assert "  a-flow-with-a-name-..    45" == lines[3][:29]
    assert max(map(cells, lines)) <= 80


def test_no_column_leaves_eighty_columns_for_wide_figures() -> None:
    """Ten thousand cases, shares with a decimal, ratios above ten and the longest verdict still stand in one line."""
    name = FlowName("ticket-triage-of-the-night")
    wide = replace(
        evidence(
            name,
            verdicts={CaseVerdict.SAME: 10_000, CaseVerdict.BREAKING: 100},
            rungs={Rung.SCHEMA: rates((9_960, 10_000), (9_910, 10_000))},
            ratio=12.5,
            before=latency(100, 200, 100, "live"),
            after=latency(1_250, 2_500, 100),
        ),
        verdict="insufficient",
    )
    header, row = summary_lines(replay(), [wide])[1:3]
    assert "  flow            cases  schema ok break drift noise cost  p50  p95 verdict" == header
    assert "  ticket-triage.. 10100 99.1/99.6%   100     0     0 12.5 12.5 12.5 insufficient" == row
    assert 80 == cells(row)


def test_verdicts_and_why_a_flow_is_not_safe() -> None:
    """The verdict is whole at eighty columns; below stands the reason that binds, a line a flow."""
    harm = ("agreement at least 12.4 points worse, margin 5, in 14 of 39 cases", "cases left out: 1")
    needs = ("contract may be 9.5 points worse, margin 3: 69 more cases",)
    flows = [
        replace(REFUND, verdict="safe", reasons=("contract at most 1 point worse",)),
        replace(REFUND, flow=FlowName("ticket-triage-of-the-night"), verdict="unsafe", reasons=harm),
        replace(REFUND, flow=FlowName("notes"), verdict="insufficient", reasons=needs),
    ]
    assert [
        "  flow             cases schema ok break drift noise cost  p50  p95 verdict",
        "  refund              45 99.1/100%     2     1     4 0.80 0.95 1.11 safe",
        "  ticket-triage-..    45 99.1/100%     2     1     4 0.80 0.95 1.11 unsafe",
        "  notes               45 99.1/100%     2     1     4 0.80 0.95 1.11 insufficient",
        "why not safe, in points of a hundred answers:",
        "  ticket-triage-of-the-night: agreement at least 12.4 points worse, margin 5, in",
        "    14 of 39 cases",
        "  notes: contract may be 9.5 points worse, margin 3: 69 more cases",
    ] == summary_lines(replay(), flows)[1:9]


def test_every_candidate_has_a_table() -> None:
    """Two candidates of one run stand under each other; a change that both show is one row that names them."""
    mini = evidence("refund", "gpt-4.1-mini", verdicts=REFUND.verdicts, groups=GROUPS[:1])
    lines = summary_lines(replay(candidates=("gpt-4.1", "gpt-4.1-mini")), [REFUND, mini], width=100)
    assert ["gpt-4o -> gpt-4.1", "gpt-4o -> gpt-4.1-mini"] == [line for line in lines if line.startswith("gpt-4o ->")]
    assert [
        "2 groups of equal changes:",
        "  group               cases  flow    change",
        f"  {GROUPS[0].id}  breaking      4  refund  $.confidence number -> string (gpt-4.1, gpt-4.1-mini)",
        f"  {GROUPS[1].id}  drift         1  refund  $.items[*].price value changed, number -> number (gpt-4.1)",
    ] == lines[-6:-2]


def test_the_rest_of_many_groups_is_a_command_away() -> None:
    """Five groups are shown, the worst ones; where there are more, it is said what lists them all."""
    many = tuple(replace(GROUPS[0], id=f"G{number:07}") for number in range(6))
    lines = summary_lines(replay(), [evidence(verdicts=REFUND.verdicts, groups=many)])
    assert "worst 5 of 6 groups of equal changes (prompt-migrate review lists all):" in lines
    assert 5 == sum(line.startswith("  G0") for line in lines)


def test_a_model_that_several_flows_ask_stands_above_the_table_once() -> None:
    """Flows that ask more than one model name all of theirs; the heading names each once."""
    both = replace(REFUND, baseline="gpt-4o, gpt-4o-mini")
    assert "gpt-4o, gpt-4o-mini -> gpt-4.1" == summary_lines(replay(), [REFUND, both], width=90)[0]


@pytest.mark.parametrize("where", ["run", "evidence"])
def test_simulated_answers_are_said_first(where: str) -> None:
    """Nobody takes the rehearsal for the performance."""
    flow = evidence(verdicts={CaseVerdict.SAME: 1}, simulated=where == "evidence")
    lines = summary_lines(replay(simulated=where == "run"), [flow])
    assert "SIMULATED: the simulated provider answered. This shows the tool, not a model." == lines[0]


def test_checks_nobody_judged_are_said() -> None:
    """A judge's check that was left out does not vanish from the summary."""
    flow = evidence(verdicts={CaseVerdict.SAME: 12}, unjudged={"judge `tone`: judges are not available": 12})
    assert "not judged: judge `tone`: judges are not available (12 cases)" in summary_lines(replay(), [flow])


def test_a_run_without_cases_says_so() -> None:
    """An empty run has a summary that no one can read as success."""
    lines = summary_lines(replay(state="incomplete"), [])
    assert ["no case was judged", "next: pytest --model gpt-4.1 --lf"] == lines


@pytest.mark.parametrize(
    ("verdict", "state", "command"),
    [
        (CaseVerdict.NO_GOLDEN, "complete", "pytest --golden=new"),
        (CaseVerdict.STALE_GOLDEN, "complete", "pytest --golden=rewrite -k refund"),
        (CaseVerdict.NO_REPLY, "complete", "pytest --model gpt-4.1 --lf"),
        (CaseVerdict.SAME, "interrupted", "pytest --model gpt-4.1 --lf"),
        (CaseVerdict.SAME, "complete", "prompt-migrate route"),
    ],
)
def test_the_next_command_mends_the_worst(verdict: CaseVerdict, state: str, command: str) -> None:
    """What could not be judged comes before what was."""
    lines = summary_lines(replay(state=state), [evidence(verdicts={verdict: 1, CaseVerdict.SAME: 1})])
    assert f"next: {command}" == lines[-1]


def test_cases_that_have_no_column_are_told_by_flow() -> None:
    """Of several flows: where the contract is not kept today either, and where the baseline is no baseline."""
    found = {CaseVerdict.CONTRACT_NOT_KEPT: 2, CaseVerdict.UNSTABLE_BASELINE: 1, CaseVerdict.SAME: 3}
    flows = [evidence("refund", verdicts=found), evidence("notes", verdicts={CaseVerdict.SAME: 2})]
    lines = summary_lines(replay(), flows)
    assert {"contract not kept: 2 in refund", "unstable baseline: 1 in refund"} <= set(lines)
    assert not any(line.startswith("contract not kept:") for line in summary_lines(replay(), flows[:1]))


def test_a_run_that_was_stopped_is_finished_first() -> None:
    """Another run, of what failed, would leave it unfinished behind it."""
    run = replay(state="incomplete", accounts={"planned": 5, "judged": 2, "not_run:interrupted": 3})
    lines = summary_lines(run, [evidence(verdicts={CaseVerdict.BREAKING: 1, CaseVerdict.SAME: 1})])
    assert f"      prompt-migrate resume {run.id}" == lines[-1]


@pytest.mark.parametrize(
    ("verdict", "state", "again"),
    [
        (CaseVerdict.BREAKING, "complete", "mend the prompt, then pytest --model gpt-4.1 --lf"),
        (CaseVerdict.DRIFT, "complete", "then pytest --model gpt-4.1 --lf"),
        (CaseVerdict.DRIFT, "incomplete", "pytest --model gpt-4.1 --lf"),
    ],
)
def test_what_changed_is_looked_at_and_decided_on(verdict: CaseVerdict, state: str, again: str) -> None:
    """The page and the review come before the next replay, in two lines of eighty columns."""
    lines = summary_lines(replay(state=state), [evidence(verdicts={verdict: 1, CaseVerdict.SAME: 1})])
    assert [
        "next: prompt-migrate report --open to look, prompt-migrate review to decide;",
        f"      {again}",
    ] == lines[-2:]
    assert 80 >= max(map(len, lines[-2:]))


def test_a_run_that_was_asked_for_is_named_in_what_is_next() -> None:
    """It may not be the newest one, which both commands take by themselves."""
    lines = summary_lines(replay(), [evidence(verdicts={CaseVerdict.DRIFT: 1})], named=True)
    assert [
        "next: prompt-migrate report --run 20261102-100000-ab12 --open to look,",
        "      prompt-migrate review --run 20261102-100000-ab12 to decide;",
        "      then pytest --model gpt-4.1 --lf",
    ] == lines[-3:]


def test_a_mistyped_model_comes_before_the_goldens_it_found_stale() -> None:
    """Nothing is recorded for a name nobody has; the counts are those of the accounts."""
    found = {CaseVerdict.NO_REPLY: 3, CaseVerdict.STALE_GOLDEN: 2}
    run = replay(
        state="incomplete",
        candidates=("gpt-41",),
        accounts={"planned": 9, "judged": 2, "no_reply:model_not_found": 1, "not_run:model_not_found": 6},
    )
    lines = summary_lines(run, [evidence(candidate="gpt-41", verdicts=found)])
    assert "5 cases: 1 no reply, 2 not run, 2 stale golden" in lines
    assert ["unknown model gpt-41: did you mean gpt-4.1?", "next: pytest --model gpt-4.1"] == lines[-2:]


@pytest.mark.parametrize(
    ("typed", "accounts", "said", "command"),
    [
        ("gpt-4.1-mni", {}, "unknown model gpt-4.1-mni: did you mean gpt-4.1-mini?", "pytest --model gpt-4.1-mini"),
        (
            "zzz",
            {"not_run:model_not_found": 1},
            "unknown model zzz: its provider has none of that name",
            "pytest --model MODEL",
        ),
        ("gpt-4.1-mini", {"no_reply:model_not_found": 1}, "", "pytest --model gpt-4.1-mini --lf"),
        ("zzz", {"no_reply:timeout": 1}, "", "pytest --model zzz --lf"),
        ("answer:gpt-4.1-mni", {"no_reply:model_not_found": 1}, "", "pytest --model answer:gpt-4.1-mni --lf"),
    ],
)
def test_a_mistyped_model_is_guessed(typed: str, accounts: dict[str, int], said: str, command: str) -> None:
    """One line says so, and what is next does not repeat it; a model that is only out of reach is none."""
    flow = evidence(candidate=typed, verdicts={CaseVerdict.NO_REPLY: 2})
    lines = summary_lines(replay(candidates=(typed,), accounts=accounts, state="incomplete"), [flow])
    assert ([said] if said else []) == [line for line in lines if "unknown model" in line]
    assert f"next: {command}" == lines[-1]


def test_a_model_that_answered_is_known() -> None:
    """Whatever its name is near to."""
    flow = evidence(candidate="gpt-4.1-mni", verdicts={CaseVerdict.NO_REPLY: 1, CaseVerdict.SAME: 1})
    lines = summary_lines(replay(candidates=("gpt-4.1-mni",)), [flow])
    assert not any("unknown model" in line for line in lines)
    assert "next: pytest --model gpt-4.1-mni --lf" == lines[-1]


def test_every_command_that_is_named_exists() -> None:
    """Nobody is sent to a command that the product does not have."""
    from migrate.cli import COMMANDS

    states = [(verdict, state) for verdict in CaseVerdict for state in ("complete", "incomplete")]
    texts = [
        line
        for verdict, state in states
        for line in summary_lines(replay(state=state), [evidence(verdicts={verdict: 1})])
    ]
    texts += [line for verdict in CaseVerdict for line in failure_lines(compared(verdict=verdict), None, "gpt-4.1")]
    named = {name for text in texts for name in re.findall(r"prompt-migrate (\w+)", text)}
    assert named
    assert named <= set(COMMANDS)


def test_colours_are_put_around_inert_text() -> None:
    """Breaking is red, drift yellow; without colours the same lines have no escape byte at all."""
    plain, coloured = (summary_lines(replay(), [REFUND], colour=colour) for colour in (False, True))
    assert "\x1b[31m2\x1b[0m" in coloured[2]
    assert "\x1b[33m1\x1b[0m" in coloured[2]
    assert plain == [re.sub(r"\x1b\[\d+m", "", line) for line in coloured]
    assert "\x1b" not in "".join(plain)


HOSTILE = st.text(max_size=40) | st.sampled_from(
    [
        "::error::boo",
        "\x1b[2J",
        "##vso[task.complete]",
        "\u202eevil",
        "数据流" * 12,
        "a\nb\r\nc",
        "x" * 300,
        "é" * 50,
        "\u0301" * 9,
    ]
)


@given(HOSTILE, HOSTILE, HOSTILE, st.integers(40, 130))
def test_nothing_hostile_reaches_the_terminal(flow: str, candidate: str, check: str, width: int) -> None:
    """Names and checks from anywhere are inert, and no line but the command to copy is wider than the terminal."""
    change = finding(f'$["{flow}"]', FindingKind.CHECK_FAILED, rule=check)
    weighed = evidence(
        flow,
        candidate,
        baseline=check,
        verdicts=REFUND.verdicts,
        groups=group_changes([compared("a", change)]),
        unjudged={check: 1},
        verdict="unsafe",
        reasons=(check,),
    )
    lines = summary_lines(replay(candidates=(candidate,)), [weighed], width=width)
    assert lines == [inert(line, keep_newlines=False) for line in lines]
    assert max(map(cells, lines[: -2 if width >= 76 else -3])) <= width


# --- one case --------------------------------------------------------------------------------------------


PLACE = Place("prompts/refund.prompt.yml", 14)


def told(lines: list[str]) -> list[str]:
    """The lines before what to do, whose commands are never cut."""
    return list(takewhile(lambda line: not line.startswith("  next: "), lines))


def test_commands_stand_on_lines_of_their_own_where_one_line_is_too_short() -> None:
    """What is copied from a terminal of eighty cells has no words of ours in it, and no break."""
    one = compared("credit-note-printed-positive-de", BROKEN, verdict=CaseVerdict.BREAKING)
    assert [
        "  next: mend the prompt, then",
        "    pytest --model gpt-4.1-mini -k 'refund and credit-note-printed-positive-de'",
    ] == failure_lines(one, PLACE, "gpt-4.1-mini", width=80)[-2:]


def test_of_how_many_samples_a_finding_is_told() -> None:
    """Two of five is another thing than two of two."""
    found = [replace(BROKEN, sample=number) for number in (1, 2)]
    one = compared("late-parcel", *found, verdict=CaseVerdict.BREAKING, scores=scores((5, 5), (3, 5)))
    assert "  $.confidence: wrong type (breaking, in 2 of 5 samples)" == failure_lines(one, PLACE, "gpt-4.1")[2]


def test_a_failed_case() -> None:
    """Where it is, what was before and what is now, why it matters, and what to type."""
    case = compared("late-parcel", BROKEN, MOVED, verdict=CaseVerdict.BREAKING)
    assert [
        "  breaking: $.confidence wrong type: refund / late-parcel against gpt-4.1 (baseline gpt-4o)",
        "  at prompts/refund.prompt.yml:14",
        "  $.confidence: wrong type (breaking)",
        '    wanted: "number"',
        '    got:    "high"',
        "    why:    string where number is required",
        "  $.items[2].price: value changed (drift)",
        "    before: 12.5",
        "    after:  13.5",
        "    why:    outside what the baseline said",
        "  next: mend the prompt, then pytest --model gpt-4.1 -k 'refund and late-parcel'",
    ] == failure_lines(case, PLACE, "gpt-4.1")


def test_no_finding_is_told_by_half() -> None:
    """Fifteen lines hold as many as are told whole, and say how many there are: of half of one a value seems gone."""
    many = [finding(f"$.{key}", FindingKind.WRONG_TYPE, severity=Severity.BREAKING) for key in "abcd"]
    for note in ("", "rejected by ada: we would pay too much"):
        lines = failure_lines(compared("late-parcel", *many, verdict=CaseVerdict.BREAKING, note=note), PLACE, "gpt-4.1")
        assert len(lines) <= 15
        heads = sum(": wrong type (breaking" in line for line in lines)
        ends = sum(line.startswith("    why:") for line in lines)
        assert heads == ends > 0
        assert f"the worst {f'{heads} ' if heads > 1 else ''}of 4 findings" in lines[1]


def test_a_rejected_drift_is_headed_as_what_it_is() -> None:
    """Nothing broke: the case fails because a reviewer rejected the change, and the head says both."""
    case = compared("late-parcel", MOVED, verdict=CaseVerdict.BREAKING, note="rejected by ada: we would pay too much")
    assert [
        "  rejected drift: $.items[2].price value changed: refund / late-parcel against gpt-4.1 (baseline gpt-4o)",
        "  at prompts/refund.prompt.yml:14",
        "  why: rejected by ada: we would pay too much",
    ] == failure_lines(case, PLACE, "gpt-4.1", width=110)[:3]
    assert [
        "  next: mend the prompt; or, if this is fine after all,",
        "    prompt-migrate accept --flow refund --case late-parcel --candidate gpt-4.1",
        "    then",
        "    pytest --model gpt-4.1 -k 'refund and late-parcel'",
    ] == failure_lines(case, PLACE, "gpt-4.1")[-4:]


def test_the_worst_three_stand_for_the_rest() -> None:
    """Seven findings in five samples each fit fifteen lines, the breaking one first."""
    many = [
        replace(MOVED, path=JsonPath(f"$.p{number}"), sample=sample) for number in range(6) for sample in range(1, 6)
    ]
    lines = failure_lines(compared("late-parcel", *many, BROKEN, verdict=CaseVerdict.BREAKING), PLACE, "gpt-4.1")
    assert 15 == len(lines)
    assert "  at prompts/refund.prompt.yml:14, the worst 3 of 7 findings" == lines[1]
    assert "  $.confidence: wrong type (breaking)" == lines[2]
    assert "  $.p0: value changed (drift, in 5 samples)" == lines[6]


def test_one_place_can_break_several_ways() -> None:
    """Two checks that fail, and facts of two kinds that differ, are four findings; in how many samples each is said."""

    def price(words: str, rule: str, kind: FindingKind, *samples: int) -> list[Finding]:
        one = finding("$", kind, expected=None, actual=None, message=words, rule=rule)
        return [replace(one, sample=sample) for sample in samples]

    found = [
        *price('does not contain "45 euros"', "the price is named", FindingKind.CHECK_FAILED, 1, 2),
        *price("3 sentences, 2 at most", "short enough", FindingKind.CHECK_FAILED, 2),
        *price("numbers differ: no longer 45", "golden", FindingKind.FACT_CHANGED, 1),
        *price("numbers differ: no longer 45; now 54", "golden", FindingKind.FACT_CHANGED, 2),
        *price("currencies differ: no longer euros", "golden", FindingKind.FACT_CHANGED, 1),
    ]
    lines = failure_lines(compared("late-parcel", *found, verdict=CaseVerdict.BREAKING), PLACE, "gpt-4.1")
    assert "  at prompts/refund.prompt.yml:14, the worst 3 of 4 findings" == lines[1]
    assert [
        "  $: check failed (drift, in 2 samples)",
        '    why:    does not contain "45 euros"',
        "  $: check failed (drift)",
        "    why:    3 sentences, 2 at most",
        "  $: fact changed (drift, in 2 samples)",
        "    why:    numbers differ: no longer 45",
    ] == lines[2:-4]


def test_explained_findings_are_not_shown() -> None:
    """What noise explains is no reason for a failure."""
    case = compared("late-parcel", finding(explained="noise"), BROKEN, verdict=CaseVerdict.BREAKING)
    assert not any("type changed" in line for line in failure_lines(case, None, "gpt-4.1"))


@pytest.mark.parametrize(
    ("verdict", "note", "command"),
    [
        (CaseVerdict.NO_GOLDEN, "nothing recorded yet", "pytest --golden=new -k 'refund and late-parcel'"),
        (CaseVerdict.STALE_GOLDEN, "the question changed", "pytest --golden=rewrite -k 'refund and late-parcel'"),
        (CaseVerdict.NO_REPLY, "timeout", "pytest --model gpt-4.1@terse --lf"),
    ],
)
def test_a_case_that_was_not_compared_says_why(verdict: CaseVerdict, note: str, command: str) -> None:
    """There are no findings then, but a reason and a command."""
    candidate = Candidate("gpt-4.1@terse", model="gpt-4.1", variant="terse")
    lines = failure_lines(compared("late-parcel", verdict=verdict, note=note), None, candidate)
    assert [f"  why: {note}", f"  next: {command}"] == lines[1:]


@pytest.mark.parametrize(
    ("kind", "expected", "actual", "sides"),
    [
        (FindingKind.KEY_ADDED, None, "x", ["    before: absent", '    after:  "x"']),
        (FindingKind.KEY_REMOVED, 5, None, ["    before: 5", "    after:  absent"]),
        (FindingKind.VALUE_CHANGED, None, 0, ["    before: null", "    after:  0"]),
        (FindingKind.WORDING_CHANGED, "a\nb", "a b", ['    before: "a\\nb"', '    after:  "a b"']),
        (FindingKind.LENGTH_CHANGED, None, None, []),
    ],
)
def test_what_a_side_shows(kind: FindingKind, expected: object, actual: object, sides: list[str]) -> None:
    """`absent` is not `null`, and a side without anything to show is left out."""
    case = compared(
        "late-parcel", finding("$.x", kind, expected=expected, actual=actual, message=""), verdict=CaseVerdict.DRIFT
    )
    assert sides == told(failure_lines(case, None, "gpt-4.1"))[2:]


@pytest.mark.parametrize("kind", [FindingKind.KEY_ADDED, FindingKind.KEY_REMOVED, FindingKind.CHECK_FAILED])
def test_a_long_side_keeps_to_its_line(kind: FindingKind) -> None:
    """Also where the other side has nothing to show: what was added, was removed, or came in place of a promise."""
    long, gone = "x" * 500, kind is FindingKind.KEY_REMOVED
    one = finding("$.x", kind, expected=long if gone else None, actual=None if gone else long)
    lines = [*side_lines(one, 80)]
    assert lines
    assert all(len(line) <= 80 for line in lines)


def test_long_texts_are_shown_where_they_differ() -> None:
    """A change in the four hundredth word is on the line, not behind its end."""
    before, after = "same " * 400 + "before " * 50, "same " * 400 + "after " * 50
    case = compared("late-parcel", finding(expected=before, actual=after), verdict=CaseVerdict.DRIFT)
    old, new = failure_lines(case, None, "gpt-4.1")[2:4]
    assert "    before: ..same same same same before bef" == old[:44]
    assert "    after:  ..same same same same after afte" == new[:44]


@given(HOSTILE, HOSTILE, HOSTILE, st.integers(40, 130))
def test_a_hostile_answer_is_shown_and_obeyed_by_nobody(before: str, after: str, name: str, width: int) -> None:
    """Whatever a model answered: fifteen inert lines, none of them at column 0, none but the command too wide."""
    many = [finding(f"$.{name}{number}", expected=before, actual=after, message=name) for number in range(9)]
    case = compared(name or "x", *many, flow=name, verdict=CaseVerdict.DRIFT, note=after)
    lines = failure_lines(case, Place(name, 3), name, width=width)
    assert len(lines) <= 15
    assert all(line.startswith("  ") for line in lines)
    assert lines == [inert(line, keep_newlines=False) for line in lines]
    assert max(map(cells, told(lines))) <= width


def test_evidence_is_never_changed_by_being_shown() -> None:
    """Showing twice shows the same."""
    flows: list[FlowEvidence] = [REFUND, NOTES]
    assert summary_lines(replay(), flows) == summary_lines(replay(), flows)


def test_a_wrapped_line_keeps_the_blanks_it_begins_with() -> None:
    """What follows of a point in a list stands under its words, not under its dash."""
    assert ["  - one two", "    three", "    four"] == wrapped("  - one two three four", 11)
    assert ["one two", "  three"] == wrapped("one two three", 8)
    assert [["  "], [""], ["a  b"]] == [wrapped("  ", 8), wrapped("", 8), wrapped("a  b", 8)]


def test_cases_are_told_apart_from_comparisons() -> None:
    """Three cases against two candidates are six comparisons: whoever counts the cases finds three."""
    verdicts = {CaseVerdict.SAME: 2, CaseVerdict.BREAKING: 1}
    flows = [replace(evidence(verdicts=verdicts), candidate=name, rejected=1) for name in ("gpt-4.1", "gpt-4.1-mini")]
    said = "3 cases against 2 candidates, 6 comparisons: 4 same, 2 breaking (2 by a rejected change)"
    assert said in " ".join(" ".join(summary_lines(replay(), flows)).split())
    alone = [replace(flow, rejected=0) for flow in flows[:1]]
    assert "3 cases: 2 same, 1 breaking" in summary_lines(replay(), alone)
