"""`prompt-migrate canary`: plan a rollout, check it while it runs, export its flags, simulate its logs."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from migrate.cli.leftovers import take_in_leftovers
from migrate.cli.printing import hanging, print_json, print_lines, terminal_width
from migrate.errors import UsageProblem, did_you_mean
from migrate.inert import inert

if TYPE_CHECKING:
    from migrate.canary import Plan, Rollout, Stage
    from migrate.canary.counted import Counted, Log
    from migrate.canary.verdicts import Verdict
    from migrate.wiring.canary_export import Target

INCONCLUSIVE: Final = 3


@click.group()
def canary() -> None:
    """Plan a rollout, check it while it runs, export its flags, simulate its logs."""


@canary.command("plan")
@click.option(
    "--run", "run_id", metavar="ID", help="Replay to plan from  [default: of each candidate the newest whole one]"
)
@click.option("--flow", "flows", multiple=True, metavar="FLOW", help="Flow to plan; may be given again  [default: all]")
@click.option("--candidate", metavar="TEXT", help="Candidate to plan for  [default: the one its route is about]")
@click.option(
    "--policy", type=click.Path(path_type=Path), metavar="FILE", help="TOML file: budget, days, ladder, rates."
)
@click.option(
    "--as-of",
    metavar="DATE",
    help="Day that retirement dates are judged against  [default: as_of of the configuration, where a day is pinned, "
    "else today]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/canary-plan.schema.json).")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown.")
@click.option("--explain", metavar="METRIC", help="Print formula, inputs and source of a figure or key of the JSON.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the plan to a file, as JSON."
)
@click.pass_context
def plan(
    context: click.Context,
    *,
    run_id: str | None,
    flows: tuple[str, ...],
    candidate: str | None,
    policy: Path | None,
    as_of: str | None,
    as_json: bool,
    as_markdown: bool,
    explain: str | None,
    output: Path | None,
) -> None:
    """Plan a rollout from the evidence of a replay: stages, stop rules, gates, exposure, and how the plan behaves.

    Ends with 0 when every flow may start, 3 when one may not, or not yet, or cannot be planned for what is not known.
    """
    from migrate import wiring
    from migrate.canary import plan_document
    from migrate.edges.rollouts import write_document
    from migrate.wiring.canary import plan_canaries

    world = wiring.open_world(Path.cwd(), os.environ, {"as_of": as_of})

    take_in_leftovers(world.settings)
    try:
        made = plan_canaries(world, run_id=run_id, flows=flows, candidate=candidate, policy=policy)
    finally:
        world.close()
    document = plan_document(made)
    if output is not None:
        write_document(output, json.dumps(document, indent=2, allow_nan=False) + "\n")
    if explain is not None:
        _print_explained(explain, [(rollout, None, None) for rollout in made.rollouts])
    elif as_json:
        print_json(document)
    else:
        _print_plan(made, as_markdown)
    if output is not None:
        _say_written(output)
    elif explain is None:
        given = {"run": run_id, "candidate": candidate, "policy": policy, "as-of": as_of}
        click.echo(inert(f"next: {_next(made, flows, given)}", keep_newlines=False), err=True)
    whole = all(map(_is_ready, made.rollouts)) and not made.unplanned
    context.exit(0 if whole or explain is not None else INCONCLUSIVE)


def _say_written(output: Path) -> None:
    from migrate.edges.machine import READING_LOGS, reads_logs

    if not reads_logs():
        click.echo(f"note: canary check wants DuckDB, which is not installed: {READING_LOGS}", err=True)
    click.echo(f"written: {output}; next: prompt-migrate canary export {output} --to flagd", err=True)


def _is_ready(rollout: Rollout) -> bool:
    return rollout.verdict in ("ready", "ready_modified")


def _next(made: Plan, flows: Sequence[str], given: Mapping[str, object]) -> str:
    """Return what to type after a plan that was only looked at: write it, or look at what speaks against it."""
    from migrate.presenting.meant import to_type

    ready = [one for one in made.rollouts if _is_ready(one)]
    if any(not one.doubts for one in ready):
        words = [word for flow in flows for word in ("--flow", flow)]
        words += [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
        return shlex.join(["prompt-migrate", "canary", "plan", *words, "-o", "plan.json"])
    refused = next((one for one in made.rollouts if one.verdict == "do_not_start"), None)
    if ready:
        return f"prompt-migrate report --run {ready[0].run} --open, then prompt-migrate review"
    if refused is None:
        return "prompt-migrate route"
    if refused.lacks == "goldens":
        names = " or ".join(member.flow for member in refused.members)
        return f"pytest --golden=rewrite -k {shlex.quote(names)}"
    if refused.lacks is not None:
        # A name that nobody answered to is not repeated: it may be the mistake.
        asked = to_type(refused.candidate, [refused.baseline]) if refused.lacks == "answers" else refused.candidate
        return f"pytest --model {shlex.quote(asked)}"
    return f"prompt-migrate report --run {refused.run} --open, then prompt-migrate review"


def _print_plan(made: Plan, as_markdown: bool) -> None:
    from migrate.presenting.canary_plan import plan_lines, plan_markdown

    print_lines(plan_markdown(made) if as_markdown else plan_lines(made, width=terminal_width()))


EXITS: Final = {"promote": 0, "observe": 0, "hold": INCONCLUSIVE, "rollback": 4, "unusable": 2}
PATIENCE_S: Final = 60.0


@canary.command("check")
@click.argument("plan_file", type=click.Path(path_type=Path), metavar="PLAN")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="LOGS...")
@click.option(
    "--flow", "flows", multiple=True, metavar="FLOW", help="Flow to check; may be given again  [default: all]"
)
@click.option("--share", type=click.FloatRange(0, 1), metavar="SHARE", help="Taken for calls that carry no share.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (migrate/schemas/canary-check.schema.json).")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown, the evidence drawn.")
@click.option("--explain", metavar="METRIC", help="Print formula, inputs and source of a figure or key of the JSON.")
@click.option("--watch", is_flag=True, help="Read the logs again and again, until a verdict to promote or roll back.")
@click.option("--every", type=click.FloatRange(0), default=PATIENCE_S, show_default=True, help="Seconds between looks.")
@click.option("--times", type=click.IntRange(1), metavar="N", help="Looks of --watch  [default: no limit]")
@click.pass_context
def check(
    context: click.Context,
    *,
    plan_file: Path,
    logs: tuple[Path, ...],
    flows: tuple[str, ...],
    share: float | None,
    as_json: bool,
    as_markdown: bool,
    explain: str | None,
    watch: bool,
    every: float,
    times: int | None,
) -> None:
    """Judge a running canary by its production logs: JSON lines, Parquet, or OpenTelemetry spans as OTLP JSON.

    The verdict depends on the plan and the lines alone. Ends with 0 to promote (or, at 100 %, while nothing drifts),
    3 to hold, 4 to roll back, 2 where the logs cannot be judged.
    """
    from migrate.canary.judging import exit_word
    from migrate.edges.rollouts import read_plan
    from migrate.wiring.canary_check import check_canary

    made = read_plan(plan_file)
    for look in itertools.count(1):
        log, verdicts = check_canary(made, logs, flows=flows, share=share)
        word = exit_word(verdicts)
        if explain is not None:
            _print_explained(explain, [(made.rollout_of(one.flow), one, log.flows.get(one.flow)) for one in verdicts])
            return
        if as_json:
            _print_check_document(made, log, verdicts, one_line=watch)
        else:
            _print_check(made, log, verdicts, as_markdown)
        if not watch or word in ("promote", "rollback") or look == times:
            context.exit(EXITS[word])
        time.sleep(every)


def _print_check_document(made: Plan, log: Log, verdicts: Sequence[Verdict], *, one_line: bool) -> None:
    from migrate.canary.check_documents import check_document

    document = check_document(made, log, verdicts)
    if one_line:
        click.echo(json.dumps(document, allow_nan=False))
    else:
        print_json(document)


def _print_check(made: Plan, log: Log, verdicts: Sequence[Verdict], as_markdown: bool) -> None:
    from migrate.presenting.canary_check import check_lines, check_markdown

    lines = (
        check_markdown(made, log, verdicts) if as_markdown else check_lines(made, log, verdicts, width=terminal_width())
    )
    print_lines(lines)


def _print_explained(asked: str, flows: Iterable[tuple[Rollout | None, Verdict | None, Counted | None]]) -> None:
    from migrate.canary.explaining import FIGURES, Subject, explanation
    from migrate.canary.terms import METRICS
    from migrate.cli.explaining import unknown_figure, word_lines
    from migrate.presenting.layout import wrapped

    # The meaning first: who reads the screen asks for a word, whatever figure has a key of that name.
    words = [] if asked in METRICS else word_lines(asked, "canary plan")
    print_lines(line for text in words for line in wrapped(text, terminal_width()))
    if words and asked not in FIGURES.names:
        return
    name = FIGURES.named(asked)
    if name is None:
        raise unknown_figure(asked, "canary plan")
    for rollout, verdict, counted in flows:
        if rollout is not None:
            for line in explanation(name, Subject(rollout, verdict, counted)):
                print_lines(wrapped(line, terminal_width()))
            click.echo()


@canary.command("simulate")
@click.argument("plan_file", type=click.Path(path_type=Path), metavar="PLAN")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", required=True, help="Log to write.")
@click.option("--flow", metavar="FLOW", help="Flow of the plan  [default: its first that may start]")
@click.option(
    "--control", "control", multiple=True, metavar="KIND=RATE", help="True rate of a call, such as schema=0.01."
)
@click.option("--candidate", "candidate", multiple=True, metavar="KIND=RATE", help="The same of the candidate's calls.")
@click.option(
    "--event", "events", multiple=True, metavar="EVENT[@DAY]", help="What happens, from a day on  [default: 0]"
)
@click.option("--days", type=click.IntRange(1, 366), help="Days of traffic  [default: the plan's]")
@click.option("--stage", type=click.IntRange(1), default=1, show_default=True, help="Stage to start with.")
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d"]), default="2026-02-02", show_default=True, help="First day, UTC."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the draws; the same seed gives the same log.")
def simulate(
    *,
    plan_file: Path,
    output: Path,
    flow: str | None,
    control: tuple[str, ...],
    candidate: tuple[str, ...],
    events: tuple[str, ...],
    days: int | None,
    stage: int,
    start: dt.datetime,
    seed: int,
) -> None:
    """Write the production log that a rollout would leave if these rates were true; every line says it is simulated.

    Kinds: error, schema, refusal, ungrounded, thumbs_down. Events: outage, drift, fallback, duplicates, late, burst,
    no-control, missing, mismatch, swap, spikes.
    """
    from migrate.canary.traffic import EVENTS, RATES, Truth, simulated_log
    from migrate.edges.machine import READING_LOGS, reads_logs
    from migrate.edges.rollouts import read_plan, write_lines
    from migrate.wiring.canary_check import wanted_flows

    made = read_plan(plan_file)
    ready = [rollout for rollout in made.rollouts if rollout.stages]
    rollout = wanted_flows(made, [flow])[0] if flow else next(iter(ready), None)
    if rollout is None or not rollout.stages:
        raise UsageProblem(f"plan {made.plan_id} has no flow that may start: there is nothing to simulate")
    if stage > len(rollout.stages):
        raise UsageProblem(f"--stage {stage}: the plan of {rollout.flow} has {len(rollout.stages)} stages")
    both = dict(_pairs(control, "--control", RATES))
    truth = Truth(
        control=both,
        candidate=both | dict(_pairs(candidate, "--candidate", RATES)),
        events=dict(_events(events, tuple(EVENTS))),
    )
    span = days or sum(one.days for one in rollout.stages[stage - 1 :]) or 1
    lines = simulated_log(
        made, rollout, truth, start=start.replace(tzinfo=dt.UTC), days=span, seed=seed, first_stage=stage
    )
    count = write_lines(output, (json.dumps(line) for line in lines))
    first = "" if reads_logs() else f"{READING_LOGS}, then "
    click.echo(
        f"written: {output}, {count:,} SIMULATED lines; next: {first}prompt-migrate canary check {plan_file} {output}",
        err=True,
    )


def _pairs(texts: Iterable[str], option: str, names: Sequence[str]) -> Iterator[tuple[str, float]]:
    for text in texts:
        name, _, rate = text.partition("=")
        if name not in names:
            raise UsageProblem(
                f'{option} knows no "{name}"', hint=did_you_mean(name, names) or f"one of {', '.join(names)}"
            )
        try:
            value = float(rate)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise UsageProblem(f'{option} {name} takes a share between 0 and 1, not "{rate}"')
        yield name, value


def _events(texts: Iterable[str], names: Sequence[str]) -> Iterator[tuple[str, int]]:
    for text in texts:
        name, _, day = text.partition("@")
        if name not in names:
            raise UsageProblem(
                f'--event knows no "{name}"', hint=did_you_mean(name, names) or f"one of {', '.join(names)}"
            )
        if day and not day.isdecimal():
            raise UsageProblem(f'--event {name}@DAY takes a day, counted from 0, not "{day}"')
        yield name, int(day or 0)


@canary.command("export")
@click.argument("plan_file", type=click.Path(path_type=Path), metavar="PLAN")
@click.option(
    "--to", "target", required=True, type=click.Choice(["flagd", "litellm", "argo", "httproute", "json"]),
    help="Form of the export.",
)  # fmt: skip
@click.option(
    "--flow", "flows", multiple=True, metavar="FLOW", help="Flow to export; may be given again  [default: all]"
)
@click.option("--stage", type=click.IntRange(1), default=1, show_default=True, help="Stage whose share is exported.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="File to write  [default: print it]"
)
@click.option("--check", "held", type=click.Path(path_type=Path), metavar="FILE", help="Hold a file against the plan.")
@click.pass_context
def export(
    context: click.Context,
    *,
    plan_file: Path,
    target: Target,
    flows: tuple[str, ...],
    stage: int,
    output: Path | None,
    held: Path | None,
) -> None:
    """Write a stage of a plan as flags, gateway configuration or rollout: flagd, LiteLLM, Argo Rollouts, Gateway API.

    With --check nothing is written: a file is read again and must split the traffic as planned. Ends with 1 where it
    does not.
    """
    from migrate.edges.rollouts import read_plan, write_document
    from migrate.wiring.canary_export import export_flaws, exported, stages_of

    made = read_plan(plan_file)
    stages = stages_of(made, flows, stage)
    if held is not None:
        flaws = export_flaws(made, target, stages, held)
        print_lines(flaws or [f"{held} is stage {stage} of plan {made.plan_id}: {', '.join(stages)}"])
        context.exit(1 if flaws else 0)
    text = exported(made, target, stages)
    print_lines(_before_it_runs(made, stages), err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_document(output, text)
        words = [word for flow in flows for word in ("--flow", flow)]
        words += ["--stage", str(stage), "--check", str(output)]
        again = shlex.join(["prompt-migrate", "canary", "export", str(plan_file), "--to", target, *words])
        click.echo(inert(f"written: {output}; next: {again}", keep_newlines=False), err=True)


def _before_it_runs(made: Plan, stages: Mapping[str, Stage]) -> Iterator[str]:
    """Yield of which exported flows somebody should think before the file is used: it asks nobody by itself."""
    rollouts = [one for one in made.rollouts if one.flow in stages]
    doubted = [f"{one.flow} ({one.doubts[0].replace('_', ' ')})" for one in rollouts if one.doubts]
    asking = [one.flow for one in rollouts if stages[one.flow].human_gate]
    for words, named in (
        ("the replay speaks against", doubted),
        ("by the plan a person says yes before this stage, which the file does not ask for:", asking),
    ):
        if named:
            yield from hanging("note: ", f"{words} {', '.join(named)}", terminal_width())
