"""The signs `doctor` reads: this machine, the configuration, what will be asked, and what is stored."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from migrate import __version__, catalogue
from migrate.errors import PromptMigrateError, StoreProblem, UsageProblem
from migrate.presenting.numbers import counted
from migrate.vocabulary import Flow, FlowName, ProviderSettings, Usage

if TYPE_CHECKING:
    import datetime as dt

    from migrate.wiring import World

State = Literal["ok", "note", "warning", "problem"]
STATES: Final[tuple[State, ...]] = ("ok", "note", "warning", "problem")
SOON_DAYS: Final = 90
"""A model that leaves within so many days is a warning."""
OLD_PRICES_DAYS: Final = 180


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing looked at."""

    area: str
    state: State
    text: str
    """One sentence; holds no secret."""
    hint: str = ""
    exit_code: int = 0
    """What a problem ends the command with."""


def examine(start: Path, environ: Mapping[str, str]) -> Iterator[Sign]:
    """Yield what there is to say, machine first; nothing is changed and no socket is opened."""
    from migrate import wiring

    yield from _machine()
    try:
        world = wiring.open_world(start, environ, {})
    except PromptMigrateError as problem:
        yield Sign("configuration", "problem", problem.message, problem.hint, problem.exit_code)
        return
    with closing(world):
        yield Sign("configuration", "ok", _configuration(world))
        yield from _two_clocks(world)
        yield from _asked(world, environ)
        yield from _stored(world)


def worst(signs: list[Sign]) -> State:
    """Return the worst state among the signs."""
    return max((sign.state for sign in signs), key=STATES.index, default="ok")


# --- The machine ------------------------------------------------------------------------------------------------


def _machine() -> Iterator[Sign]:
    from migrate.edges import machine

    old = "" if machine.is_supported_python() else "Python 3.11 or later is needed"
    yield Sign(
        "python", "problem" if old else "ok", machine.python_version(), old, UsageProblem.exit_code if old else 0
    )
    versions = [f"{name} {machine.installed_version(name) or 'missing'}" for name in ("pytest", "openai")]
    unmet = machine.unmet_requirements()
    said = f"prompt-migrate {__version__}, {', '.join(versions)}"
    if unmet:
        yield Sign(
            "packages", "problem", f"{said}; not met: {'; '.join(unmet)}", "pip install --upgrade prompt-migrate", 2
        )
    else:
        yield Sign("packages", "ok", said)
    if not machine.is_plugin_registered():
        yield Sign("plugin", "warning", "pytest does not find the plugin: this is no installation", "pip install -e .")
    for rival in machine.rivals():
        hint = "only one package of that name can be imported: give each its own environment"
        yield Sign("name", "warning", f"{rival} calls itself `migrate` too", hint)
    foreign = machine.foreign_script()
    if foreign is not None:
        hint = "use python -m migrate, or activate this environment"
        yield Sign("name", "warning", f"prompt-migrate on the PATH is of another environment: {foreign}", hint)
    yield _sqlite(machine.sqlite_version())
    if not machine.reads_logs():
        yield Sign("canary", "note", "DuckDB is not installed: canary check cannot read logs", machine.READING_LOGS)


def _sqlite(version: str) -> Sign:
    from migrate.edges.ledger.soundness import wal_is_sound

    numbers = tuple(int(number) for number in version.split(".")[:3])
    if wal_is_sound((numbers[0], numbers[1], numbers[2])):
        return Sign("sqlite", "ok", f"{version}: the ledger uses a write-ahead log")
    text = f"{version} can lose commits in its write-ahead log (mended in 3.51.3): the ledger uses a rollback journal"
    return Sign("sqlite", "note", text)


# --- What will be asked --------------------------------------------------------------------------------------------


def _configuration(world: World) -> str:
    settings = world.settings
    today = world.clock.today().isoformat()
    pinned = f"judged as of {today} (pinned)" if settings.as_of else f"judged as of {today}"
    redacted = "" if settings.redact else "; REDACTION IS OFF"
    return f"{settings.root.name}/: {settings.prompts}/, {settings.fixtures}/, {settings.state}/; {pinned}{redacted}"


def _two_clocks(world: World) -> Iterator[Sign]:
    """Say what goes by a pinned day and what by the calendar; nothing where they are the same."""
    pinned, calendar = world.clock.today(), _calendar(world)
    if world.settings.as_of and pinned != calendar:
        text = (
            f"models and tolerations are judged as of {pinned}, pinned by as_of; "
            f"the calendar says {calendar}, and the age of prices goes by it"
        )
        yield Sign("clock", "note", text)


def _calendar(world: World) -> dt.date:
    """Return the day it really is, whatever day is pinned."""
    return world.clock.now().date()


def _asked(world: World, environ: Mapping[str, str]) -> Iterator[Sign]:
    try:
        # Application flows are in no inventory, and a project may have them alone.
        flows = world.flows() if world.goldens.flows() else world.load_flows()
    except PromptMigrateError as problem:
        first = problem.message.splitlines()
        hint = problem.next_command or "prompt-migrate validate"
        yield Sign("inventory", "problem", " ".join(map(str.strip, first[:2])), hint, problem.exit_code)
        return
    cases = sum(len(flow.cases) for flow in flows)
    state: State = "ok" if cases else "note"
    yield Sign(
        "inventory",
        state,
        f"{counted(len(flows), 'flow')}, {counted(cases, 'case')}",
        "" if cases else "prompt-migrate init",
    )
    yield from _lapsed(world, flows)
    models = _models(world, flows)
    yield from _providers(world, models, environ)
    for model in models:
        yield _retirement(world, model)
    yield from _prices(world, models)


def _lapsed(world: World, flows: tuple[Flow, ...]) -> Iterator[Sign]:
    from migrate.presenting.deciding import lapsed_lines

    for line in lapsed_lines(flows, world.clock.today()):
        yield Sign("tolerated", "warning", line, "it fails again: take the entry out, or tolerate it anew")


def _models(world: World, flows: tuple[Flow, ...]) -> list[str]:
    from migrate.wiring import candidates_of

    baselines = {flow.prompt.model for flow in flows}
    candidates = candidates_of(world.settings.candidates)
    return sorted(baselines | {candidate.model_for(model) for candidate in candidates for model in baselines})


def _providers(world: World, models: list[str], environ: Mapping[str, str]) -> Iterator[Sign]:
    settings = world.settings
    used = {settings.provider_for(model).name: settings.provider_for(model) for model in models}
    default = settings.providers[settings.provider]
    for provider in (used or {default.name: default}).values():
        yield _provider(provider, environ)


def _provider(provider: ProviderSettings, environ: Mapping[str, str]) -> Sign:
    from migrate.edges.hosts import VARIABLE, foreign_host
    from migrate.wiring import key_variable

    if provider.kind == "simulated":
        return Sign("provider", "note", f"{provider.name}: the simulated provider, no real model answers")
    host = f" at {urlsplit(provider.base_url).hostname}" if provider.base_url else ""
    foreign = foreign_host(provider.base_url, environ) if provider.base_url else None
    if foreign is not None:
        hint = f"nothing is sent there; if you trust it: export {VARIABLE}={foreign}"
        return Sign("provider", "warning", f"{provider.name}{host}: you have not allowed this host", hint)
    variable = key_variable(provider)
    if variable is None:
        return Sign("provider", "ok", f"{provider.name}{host}: no key is needed")
    if environ.get(variable):
        return Sign("provider", "ok", f"{provider.name}{host}: the key is in {variable}")
    hint = "set it, or work from recordings (--migrate-offline) or PROMPT_MIGRATE_PROVIDER=simulated"
    return Sign("provider", "warning", f"{provider.name}{host}: {variable} is not set", hint)


def _retirement(world: World, model: str) -> Sign:
    today = world.clock.today()
    left, known = catalogue.days_left(model, today), catalogue.facts(model)
    if known is None:
        return Sign("models", "note", f"{model}: nothing is known of it here")
    if left is None:
        return Sign("models", "ok", f"{model}: no end is announced")
    successor = f"; suggested: {known.successor}" if known.successor else ""
    if left <= 0:
        hint = "its goldens cannot be recorded again: they are in git, keep them"
        return Sign("models", "warning", f"{model} left the API on {known.shutdown}{successor}", hint)
    text = (
        f"{model} leaves the API on {known.shutdown}, in {counted(left, 'day')}{_by_calendar(world, model)}{successor}"
    )
    if left > SOON_DAYS:
        return Sign("models", "ok", text)
    return Sign("models", "warning", text, "record what is missing before: prompt-migrate record")


def _by_calendar(world: World, model: str) -> str:
    """Return the days left by the calendar, where the day that is judged by is another one."""
    left = catalogue.days_left(model, _calendar(world))
    if left is None or not world.settings.as_of or world.clock.today() == _calendar(world):
        return ""
    said = f"{left} by the calendar" if left > 0 else "by the calendar it has left"
    return f" as judged ({said})"


def _prices(world: World, models: list[str]) -> Iterator[Sign]:
    from migrate.pricing import PriceTable
    from migrate.pricing.library import library_rows, library_version

    settings = world.settings
    try:
        table = PriceTable(override=settings.root / settings.prices if settings.prices else None)
    except PromptMigrateError as problem:
        yield Sign("prices", "problem", problem.message, problem.hint, problem.exit_code)
        return
    today = _calendar(world)
    unknown = [model for model in models if table.price_usage(model, Usage(1, 0, 0, 1), on=today).usd is None]
    if unknown:
        hint = "name a file with your own prices: the setting `prices`"
        yield Sign("prices", "warning", f"no price is known of {', '.join(unknown)}", hint)
    newest = max((row.start for model in models for row in library_rows(model) if row.start), default=None)
    said = f"genai-prices {library_version()}"
    if newest is None:
        yield Sign("prices", "ok", said)
    else:
        age = (today - newest).days
        by = " by the calendar" if settings.as_of else ""
        text = f"{said}: newest price of these models is of {newest}, {counted(age, 'day')} ago{by}"
        old = age > OLD_PRICES_DAYS
        yield Sign("prices", "warning" if old else "ok", text, "pip install --upgrade genai-prices" if old else "")


# --- What is stored --------------------------------------------------------------------------------------------------


def _stored(world: World) -> Iterator[Sign]:
    yield from _place(world)
    yield from _goldens(world)
    yield from _recordings(world)
    yield from _ledger(world)
    yield from _journals(world)


def _place(world: World) -> Iterator[Sign]:
    """Say where the state lies on a disk that is not this machine's own; nothing when it is."""
    from migrate.edges.ledger.soundness import network_file_system, synced_folder

    hint = "name a folder of this machine: state in [tool.prompt-migrate]"
    far = network_file_system(world.state)
    if far is not None:
        text = f"{world.settings.state}/ is on a network file system ({far}), whose locks and syncs may not hold"
        yield Sign("state", "warning", f"{text}: the ledger keeps a rollback journal there", hint)
    service = synced_folder(world.state)
    if service is not None:
        text = f"{world.settings.state}/ is inside {service}: it may be copied in the middle of a write"
        yield Sign("state", "warning", text, hint)


def _goldens(world: World) -> Iterator[Sign]:
    count, broken = 0, 0
    try:
        for flow in world.goldens.flows():
            for problem in _damage(world, flow):
                broken += 1
                yield _problem("goldens", problem)
            count += len(world.goldens.cases(flow))
        leftovers = world.goldens.leftovers()
    except StoreProblem as problem:
        yield _problem("goldens", problem)
        return
    if not broken:
        hint = "against the inventory: prompt-migrate goldens check" if count else "pytest --golden=new"
        yield Sign("goldens", "ok" if count else "note", f"{counted(count, 'golden')}, every one whole", hint)
    if leftovers:
        text = f"{counted(len(leftovers), 'temporary file')} of killed writers: the next recording sweeps them"
        yield Sign("goldens", "note", text)


def _damage(world: World, flow: FlowName) -> Iterator[StoreProblem]:
    for case in world.goldens.cases(flow):
        try:
            world.goldens.read(flow, case)
        except StoreProblem as problem:
            yield problem
    try:
        world.goldens.measurements(flow)
    except StoreProblem as problem:
        yield problem


def _recordings(world: World) -> Iterator[Sign]:
    path = world.state / "recordings.db"
    if not os.path.lexists(path):
        return
    try:
        yield Sign("recordings", "ok", f"{counted(world.recordings.count(), 'recording')}")
    except StoreProblem as problem:
        yield _problem("recordings", problem)


def _ledger(world: World) -> Iterator[Sign]:
    from migrate.edges.machine import sqlite_complaint

    url, path = world.settings.ledger, world.state / "ledger.db"
    if url is not None:
        yield Sign("ledger", "note", f"kept elsewhere ({url.partition(':')[0]}), not opened")
        return
    if not path.exists():
        yield Sign("ledger", "note", "none yet: the first run makes it")
        return
    complaint = sqlite_complaint(path)
    if complaint:
        name = path.relative_to(world.root)
        hint = f"moved aside, it is made anew by the next run: mv {name} {name}.damaged"
        yield Sign("ledger", "problem", f"the ledger {name} is damaged: {complaint}", hint, StoreProblem.exit_code)
        return
    yield Sign("ledger", "ok", f"{path.relative_to(world.root)}, {path.stat().st_size // 1024} KB, sound")


def _journals(world: World) -> Iterator[Sign]:
    from migrate.edges.journal import journals

    left = journals(world.state / "journals")
    if left:
        text = f"{counted(len(left), 'journal')} of runs that did not end: {', '.join(sorted(left)[:3])}"
        yield Sign("journals", "warning", text, "the next run folds them in; nothing they paid for is lost")


def _problem(area: str, problem: StoreProblem) -> Sign:
    return Sign(area, "problem", problem.message, problem.hint or problem.next_command, problem.exit_code)
