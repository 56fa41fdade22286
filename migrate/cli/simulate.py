"""`prompt-migrate simulate`: the simulated provider alone, answering for the inventory of this project."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from migrate.edges.providers.simulated.book import AnswerBook, BookEntry, Likeness
    from migrate.edges.providers.simulated.log import HabitLog
    from migrate.edges.providers.simulated.simulation import Simulation
    from migrate.rendering.steps import Due
    from migrate.vocabulary import Case, Flow, Json, Settings

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--seed", type=int, help="Another seed, other habits in other places  [default: as configured, or 1]")
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 1000),
    help="Seconds waited per second of simulated latency; 0: no waiting  [default: as configured, or 0.05]",
)
@click.option("--prompts", type=FOLDER, help="Inventory to answer for  [default: as configured, or prompts]")
@click.option("--root", type=FOLDER, default=Path(), help="The project's folder; other paths are relative to it.")
@click.option("--habit-log", type=FILE, help="Append one JSON line a reply: what was done to it, which promise broke.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Answer to this name too; may be repeated.")
@click.option("--ready-json", is_flag=True, help='Print one JSON line, {"ready": true, ...}, instead of words.')
@click.option("--quiet", is_flag=True, help="Print nothing.")
@click.option("--child", is_flag=True, help="As --ready-json, and stop when standard input is closed.")
def simulate(*, child: bool, quiet: bool, ready_json: bool, port: int, **options: Any) -> None:
    """Run the simulated provider alone.

    It speaks Chat Completions and Responses on loopback, takes any API key, and answers every case of the inventory
    from its `expected`, with the habits of the model asked for. It is no language model.
    """
    say = _silent if quiet else _say_json if child or ready_json else _say
    simulation = _simulation(**options)
    try:
        asyncio.run(_run(simulation, port, say, child=child))
    except OSError as problem:
        raise click.ClickException(f"port {port} on 127.0.0.1 cannot be used: {problem.strerror}") from problem
    finally:
        if simulation.log is not None:
            simulation.log.close()


def _simulation(
    *,
    root: Path,
    prompts: Path | None,
    seed: int | None,
    time_scale: float | None,
    habit_log: Path | None,
    models: tuple[str, ...],
) -> Simulation:
    from migrate.edges.configuration import read_settings
    from migrate.edges.providers.simulated.models import Models
    from migrate.edges.providers.simulated.performing import Troupe
    from migrate.edges.providers.simulated.simulation import Simulation
    from migrate.redaction import Redactor, secrets_of

    settings = read_settings(root, os.environ, {"prompts": prompts and str(prompts)})
    redactor = Redactor(secrets_of(os.environ), enabled=settings.redact)
    return Simulation(
        redact=redactor.value,
        book=answer_book(settings, redactor.value, must_exist=prompts is not None),
        troupe=Troupe(settings.simulation_seed if seed is None else seed),
        models=Models(models),
        time_scale=settings.time_scale if time_scale is None else time_scale,
        log=None if habit_log is None else _opened_log(root / habit_log),
    )


def _opened_log(file: Path) -> HabitLog:
    from migrate.edges.providers.simulated.log import HabitLog

    return HabitLog(file)


# --- The answer book -----------------------------------------------------------------------------------


def answer_book(settings: Settings, redact: Callable[[Json], Json], *, must_exist: bool = False) -> AnswerBook:
    """Return the reference answers of a project's inventory, by prompt key; empty when it has none.

    Raises InventoryProblem with all that is wrong with it; with `must_exist`, also when there is no such folder.
    """
    from migrate.edges.inventory import load, with_vectors
    from migrate.edges.providers.simulated.book import AnswerBook
    from migrate.edges.providers.simulated.embeddings import Simulated

    if not must_exist and not (settings.root / settings.prompts).is_dir():
        return AnswerBook()
    # A request is known by its passages: those that this provider's own vectors lead to.
    flows = [with_vectors(flow, Simulated()) for flow in load(settings)]
    plain = (flow for flow in flows if flow.chain is None)
    entries = [entry for flow in plain for case in flow.cases for entry in _entries(flow, case, redact)]
    chains = (flow for flow in flows if flow.chain is not None)
    steps = [step for flow in chains for case in flow.cases for step in step_entries(flow, case, redact)]
    entries += [(key, entry) for key, _, entry in steps]
    return AnswerBook.of(entries, ((alike, entry) for _, alike, entry in steps))


def _entries(flow: Flow, case: Case, redact: Callable[[Json], Json]) -> Iterator[tuple[str, BookEntry]]:
    """Yield the entry of a case for the prompt in production and for every variant of it."""
    from migrate.edges.providers.simulated.book import BookEntry, kind_of
    from migrate.rendering import bind_checks, render

    checks = bind_checks(flow, case)
    wordings = [(None, flow.prompt), *((variant.name, variant.prompt) for variant in flow.variants)]
    for name, prompt in wordings:
        request = render(flow, case, prompt=prompt, redact=redact)
        yield (
            request.prompt_key,
            BookEntry(
                flow=flow.name,
                case=case.id,
                expected=case.expected,
                kind=kind_of(case.expected, flow.parse),
                schema=prompt.schema,
                parse=flow.parse,
                checks=checks,
                variant=name,
                baseline=flow.prompt.model,
            ),
        )


def step_entries(flow: Flow, case: Case, redact: Callable[[Json], Json]) -> Iterator[tuple[str, Likeness, BookEntry]]:
    """Yield the entries of a chain's calls, as far as the case says what its steps should be answered.

    What a later step is asked depends on the answers before it, so it is known by its likeness too.
    """
    from migrate.edges.providers.simulated.book import BookEntry, kind_of
    from migrate.rendering import bind_checks, chain_for
    from migrate.rendering.rehearsal import escalated_calls, rehearsed_calls, wordings_of

    for variant, candidate in wordings_of(flow):
        chain = chain_for(flow, candidate)
        checks = bind_checks(flow, case, chain) if chain.answer is None else ()
        usual = rehearsed_calls(flow, case, candidate, redact)[0]
        for call in [*usual, *escalated_calls(flow, case, candidate, redact)]:
            step, is_final = call.due.step, call.due.step.name == chain.steps[-1].name
            entry = BookEntry(
                flow=flow.name,
                case=case.id,
                expected=call.expected,
                kind=kind_of(call.expected, step.parse),
                schema=step.prompt.schema,
                parse=step.parse,
                checks=checks if is_final else (),
                variant=variant,
                baseline=step.prompt.model,
                step=step.name,
                number=0 if step.for_each is None else call.number,
            )
            yield call.due.request.prompt_key, _likeness(call.due), entry


def _likeness(due: Due) -> Likeness:
    """Return how a call is known: by its instructions and the texts of the case that stand in it."""
    from migrate.edges.providers.simulated import chat_api, responses_api
    from migrate.edges.providers.simulated.book import Likeness

    read = chat_api.read if due.request.api == "chat" else responses_api.read
    question = read(due.request.body)
    text = "\n".join(turn.text for turn in question.turns if turn.role not in ("system", "developer"))
    own = (value for name, value in due.variables.items() if name != "steps")
    marks = dict.fromkeys(value for value in own if isinstance(value, str) and value.strip() and value in text)
    return Likeness(question.opening, tuple(marks))


# --- Running -------------------------------------------------------------------------------------------


async def _run(simulation: Simulation, port: int, say: Callable[[str, Simulation], None], *, child: bool) -> None:
    from migrate.edges.providers.simulated.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if child:
        threading.Thread(target=_await_end_of_input, args=(loop, stop), daemon=True).start()
    await serve(simulation, port=port, ready=lambda url: say(url, simulation), stop=stop)


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # The parent holds the other end: it is closed when the parent stops us, and when the parent dies.
    while os.read(0, 4096):
        pass
    if not loop.is_closed():
        loop.call_soon_threadsafe(stop.set)


def _silent(_url: str, _simulation: Simulation) -> None:
    pass


def _say_json(url: str, simulation: Simulation) -> None:
    line = {
        "ready": True,
        "base_url": url,
        "simulated": True,
        "seed": simulation.troupe.seed,
        "time_scale": simulation.time_scale,
        "cases": len(simulation.book),
    }
    click.echo(json.dumps(line))
    sys.stdout.flush()


def _say(url: str, simulation: Simulation) -> None:
    from migrate.edges.providers.simulated.personas import PERSONAS

    models = ", ".join([*PERSONAS, *simulation.models.named])
    click.echo(f"simulated provider at {url}")
    click.echo(f"  seed {simulation.troupe.seed}, time scale {simulation.time_scale:g}")
    click.echo(f"  answers for {len(simulation.book)} rendered cases as {models}; other models without habits")
    click.echo(f"  export OPENAI_BASE_URL={url} OPENAI_API_KEY=simulated")
    click.echo("  Ctrl-C stops it")
