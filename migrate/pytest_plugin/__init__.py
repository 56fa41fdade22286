"""The pytest plugin: options, and nothing else until `--model` or `--golden` asks for more.

This module is loaded in every pytest run of the environment, so it imports nothing heavy; what it does when it
is asked lives in `session`. Options are canonical under `--migrate-*`. The short names are added after the
conftests have loaded, and only those that are used and still free: a suite that owns `--model` keeps it.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Generator
from typing import Any, Final

import pytest

SHORT: Final = {
    "--model": "model",
    "--golden": "golden",
    "--samples": "samples",
    "--max-cost": "max_cost",
    "--fail-on": "fail_on",
}
"""Short name -> option it is an alias of."""

COLLECT_AFTER: Final = 200_000
"""Allocations between two looks of the garbage collector in an active run."""

OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "model": {
        "action": "append",
        "metavar": "MODEL",
        "help": "replay the prompt inventory against this model; repeatable. `gpt-4o=gpt-4.1,...` maps models, "
        "`gpt-4.1@terse` names a prompt variant",
    },
    "golden": {
        "choices": ("none", "new", "rewrite"),
        "metavar": "MODE",
        "help": "record golden outputs of the baseline model: `new` (missing ones) or `rewrite` (again, on purpose)",
    },
    "samples": {
        "type": int,
        "metavar": "K",
        "help": "independent answers a case (default: 5 when recording, as many as the golden has when replaying)",
    },
    "max_cost": {
        "metavar": "USD",
        "help": "hard cap on what the run may spend, over all workers; the run stops before it would be passed",
    },
    "resume": {
        "nargs": "?",
        "const": "",
        "metavar": "RUN",
        "help": "finish a run that was stopped or killed (default: the only one); nothing answered is asked again",
    },
    "fail_on": {
        "action": "append",
        "metavar": "LIST",
        "help": "what closes the gate: breaking (default), drift, unstable, cost:+10%%, p95:+20%%; comma-separated",
    },
    "offline": {
        "action": "store_true",
        "help": "open no socket: answer from recordings, a missing one is an error",
    },
    "fresh": {"action": "store_true", "help": "ignore recordings and ask again"},
    "provider": {"metavar": "NAME", "help": "provider of the configuration to use (`openai`, `simulated`, ...)"},
    "as_of": {"metavar": "DATE", "help": "judge retirement dates as of this day (YYYY-MM-DD)"},
    "seed": {"type": int, "metavar": "N", "help": "seed of the simulated provider"},
    "time_scale": {"type": float, "metavar": "X", "help": "share of its latency the simulated provider really waits"},
    "habit_log": {"metavar": "FILE", "help": "where the simulated provider writes what it did to each reply"},
    "concurrency": {"type": int, "metavar": "N", "help": "calls in flight at most, over all workers (default 50)"},
    "ledger": {"metavar": "URL", "help": "SQLAlchemy URL of the ledger (default: SQLite under .prompt-migrate/)"},
    "report": {
        "metavar": "PATH",
        "help": "write the report of a replay here: an HTML file, or a folder for index.html",
    },
    "record_in_ci": {"action": "store_true", "help": "allow --golden where the environment says CI"},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the canonical names."""
    group = parser.getgroup("prompt-migrate", "prompt migration (language models, not databases)")
    for name, how in OPTIONS.items():
        group.addoption(f"--migrate-{name.replace('_', '-')}", dest=f"migrate_{name}", default=None, **how)
    parser.addini("migrate_prompts", "folder of the prompt inventory (default: prompts)", default="")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> Generator[None, None, None]:
    """Add the short names once every conftest has had its say."""
    yield
    used = [name for name in SHORT if any(arg == name or arg.startswith(f"{name}=") for arg in args)]
    asked_for_help = any(arg in ("-h", "--help") for arg in args)
    owned = _registered(parser)
    for name in SHORT if asked_for_help else used:
        if name not in owned and SHORT[name] in OPTIONS:
            _add_short(parser, name)


def _registered(parser: pytest.Parser) -> set[str]:
    """Return every option name taken so far; reads two private lists, guarded, because pytest offers no public way."""
    groups = [*getattr(parser, "_groups", ()), getattr(parser, "_anonymous", None)]
    options = [option for group in groups for option in getattr(group, "options", ())]
    return {name for option in options for name in option.names()}


def _add_short(parser: pytest.Parser, name: str) -> None:
    option = SHORT[name]
    how = {**OPTIONS[option], "help": f"alias of --migrate-{option.replace('_', '-')}"}
    group = parser.getgroup("prompt-migrate")
    try:
        group.addoption(name, dest=f"migrate_{option}", default=None, **how)
    except (ValueError, argparse.ArgumentError):
        return  # Somebody owns the name after all; the canonical option does the work.


def pytest_configure(config: pytest.Config) -> None:
    """Wake up when a model or a recording is asked for."""
    config.addinivalue_line("markers", "flow(name, *, schema, samples, critical, ignore): this test runs a user flow")
    config.addinivalue_line("markers", "migrate: an item made from the prompt inventory")
    option = config.option
    if option.migrate_model or option.migrate_golden not in (None, "none") or option.migrate_resume is not None:
        _collect_seldom(config)
        from migrate.pytest_plugin.session import activate

        activate(config)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k` find a marked test by its flow and its case, as it finds the cases of prompt files."""
    if item.config.option.keyword and item.get_closest_marker("flow") is not None:
        from migrate.pytest_plugin.marks import names_of

        item.extra_keyword_matches.update(names_of(item))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a bare run, answer the tests marked as flows from their goldens."""
    if config.pluginmanager.hasplugin("promptmigrate-session"):
        return
    marked = [item for item in items if item.get_closest_marker("flow") is not None]
    if marked:
        from migrate.pytest_plugin.bare import activate

        activate(config, marked)


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    """Say of a run that found nothing how an inventory is replayed: its files are no tests of a bare run."""
    if exitstatus != pytest.ExitCode.NO_TESTS_COLLECTED or config.pluginmanager.hasplugin("promptmigrate-session"):
        return
    folder = config.getini("migrate_prompts") or "prompts"
    if next((config.rootpath / folder).glob("*.prompt.y*ml"), None) is not None:
        terminalreporter.write_line(f"prompt-migrate: the prompts of {folder}/ are replayed by: pytest --model MODEL")


@pytest.fixture(name="golden")
def _golden(request: pytest.FixtureRequest) -> Any:
    """Values of the application that belong to its flow: `golden.check(value, name="total")`, `value == golden`."""
    from migrate.pytest_plugin.golden import values_of

    return values_of(request.node)


@pytest.fixture(name="_migrate_candidate")
def _candidate(request: pytest.FixtureRequest) -> Any:
    """The candidate a marked test is run against."""
    return request.param


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """Show what `assert value == golden` found."""
    if type(left).__name__ != "GoldenValues" and type(right).__name__ != "GoldenValues":
        return None
    from migrate.pytest_plugin.golden import compared_lines

    return compared_lines(op, left, right)


def _collect_seldom(config: pytest.Config) -> None:
    """Let the garbage collector look seldom: a run imports and makes many objects and hardly any cycles."""
    thresholds = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *thresholds[1:])
    config.add_cleanup(lambda: gc.set_threshold(*thresholds))
