"""The tree of commands, and the way from arguments to an exit code.

A command's module is imported when the command is called. `--help` and `--version` touch none of them: the table
below has what help shows, so both answer before a database library would have been loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.version import __version__


class _Entry(NamedTuple):
    """Where a command is and what the list of commands says of it."""

    place: str
    summary: str


COMMANDS: Final = {
    "run": _Entry("run:run", "Start a script, or go on with the run of an id."),
    "resume": _Entry("resume:resume", "Go on with a run."),
    "runs": _Entry("runs:runs", "List runs, show one, read its journal."),
    "check": _Entry("check:check", "Find what is wrong with scripts without running them."),
    "eval": _Entry("eval:eval_command", "Evaluate a module in memory, under limits, and print its globals as JSON."),
    "explain": _Entry("explain:explain", "Explain a diagnostic or a kind of failure."),
    "help": _Entry("help:help_command", "Show help on a command or a topic."),
    "version": _Entry("version:version", "Show the version."),
}
_EXAMPLES: Final = """\b
Examples:
  flowlang run etl.flow
  flowlang run etl.flow:main --arg day=2026-01-31 --id etl-2026-01-31
  flowlang resume etl-2026-01-31
  flowlang check .
  flowlang eval settings.flow --output json
"""


class LazyGroup(click.Group):
    """Loads commands when they are called, and knows what a mistyped one was meant to be."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a command."""
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        module, _, attribute = found.place.partition(":")
        loaded: click.Command = getattr(import_module(f"flowlang.cli.commands.{module}"), attribute)
        return loaded

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise unknown_command(ctx, args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


def unknown_command(ctx: click.Context, name: str, known: Any) -> click.UsageError:
    """The error for a command that does not exist; a file in its place was most likely meant to be run."""
    from flowlang.lang.diagnostics.suggest import nearest

    near = nearest(name, known)
    error = click.UsageError(f"there is no command `{name}`", ctx)
    if name.partition(":")[0].endswith(".flow"):
        error.hint = f"did you mean `flowlang run {name}`?"  # type: ignore[attr-defined]
    elif near is not None:
        error.hint = f"did you mean `{near}`?"  # type: ignore[attr-defined]
    return error


def _show_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"flowlang {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, epilog=_EXAMPLES, invoke_without_command=True, context_settings={"max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Run durable workflows written in flowlang."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(ExitCode.USAGE)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and gives its exit code. Never raises, but for KeyboardInterrupt."""
    import sys

    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        code = main.main(list(arguments), prog_name="flowlang", standalone_mode=False)
        return int(code or 0)
    except click.exceptions.Abort:
        return ExitCode.INTERRUPTED
    except Exception as error:
        from flowlang.cli.option import wants_json
        from flowlang.cli.output import JSON, TEXT, Output

        output = Output(JSON if wants_json(arguments) else TEXT)
        if isinstance(error, click.ClickException):
            from flowlang.cli.usage import show_usage_error

            return show_usage_error(output, error)
        from flowlang.cli.problem_report import show_error

        return show_error(output, error)
