"""`prompt-migrate`: thin commands over the same verbs as the pytest plugin; each is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final

import click

from migrate import __version__
from migrate.errors import PromptMigrateError

COMMANDS: Final = {
    "init": ("migrate.cli.inventory", "init", "Scaffold prompts/, fixtures/ and the configuration; safe to repeat."),
    "validate": ("migrate.cli.inventory", "validate", "Check prompt files, cases and configuration."),
    "list": ("migrate.cli.inventory", "list_flows", "List flows and cases."),
    "scan": ("migrate.cli.scan", "scan", "Find the prompts of a code base; draft prompt files."),
    "swap": ("migrate.cli.swap", "swap", "Change model ids in a code base, shown as a diff first."),
    "import": ("migrate.cli.importing", "import_", "Import prompts, cases and logs of other tools."),
    "record": ("migrate.cli.record", "record", "Record golden outputs of the baseline model."),
    "resume": ("migrate.cli.resume", "resume", "Finish a run that was stopped; nothing answered is asked again."),
    "compare": ("migrate.cli.compare", "compare", "Show what a replay found, per flow and candidate."),
    "route": ("migrate.cli.route", "route", "Choose the cheapest satisfactory model for each flow."),
    "canary": ("migrate.cli.canary", "canary", "Plan, check, export and simulate a gradual rollout."),
    "report": ("migrate.cli.report", "report", "Write a run as a page to review, or in a form that CI reads."),
    "review": ("migrate.cli.review", "review", "Decide on the changes of a run, group by group."),
    "accept": ("migrate.cli.decide", "accept", "Approve changed answers beside the goldens."),
    "reject": ("migrate.cli.decide", "reject", "Let changes keep failing, with the reason shown."),
    "tolerate": ("migrate.cli.decide", "tolerate", "Let findings pass until a day, with a reason."),
    "apply": ("migrate.cli.decide", "apply", "Write the decisions that were downloaded from a report."),
    "promote": ("migrate.cli.promote", "promote", "Make a finished candidate the baseline."),
    "runs": ("migrate.cli.runs", "runs", "List past runs, or show one."),
    "history": ("migrate.cli.runs", "history", "Show a flow's cost and latency over runs."),
    "goldens": ("migrate.cli.stores", "goldens", "Check the goldens."),
    "doctor": ("migrate.cli.stores", "doctor", "Look for what is damaged, missing or about to expire."),
    "db": ("migrate.cli.stores", "db", "Upgrade the ledger."),
    "simulate": ("migrate.cli.simulate", "simulate", "Run the simulated provider alone."),
}
"""Command -> module, attribute and the line shown in the help, so that `--help` imports none of them."""


INTERRUPTED: Final = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as shells have it."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called and says errors of the family in plain words."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise click.UsageError(f'No such command "{args[0]}".{hint}', ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as problem:
            from migrate.cli.complaining import helped

            raise helped(problem) from None
        except PromptMigrateError as problem:
            from migrate.cli.complaining import complaint_lines

            for line in complaint_lines(problem):
                click.echo(line, err=True)
            sys.exit(problem.exit_code)
        except KeyboardInterrupt:
            click.echo("prompt-migrate: interrupted", err=True)
            sys.exit(INTERRUPTED)


CONTEXT: Final = {"auto_envvar_prefix": "PROMPT_MIGRATE", "help_option_names": ["-h", "--help"]}


@click.group(cls=LazyGroup, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="prompt-migrate")
def main() -> None:
    """Move production prompts from one language model to another without breaking users.

    The main job is a pytest run: `pytest --model gpt-4.1` replays the inventory against a candidate.
    """
