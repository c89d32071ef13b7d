"""The tree of commands, and the way from arguments to an exit code.

A command's module is imported when the command is called. `--help` and `--version` touch none of them: the table
below has what help shows, so both answer before a database library would have been loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import click

from flowlang.cli.command_table import Entry, TableGroup
from flowlang.cli.exit_code import ExitCode
from flowlang.version import __version__

COMMANDS: Final = {
    "run": Entry("run:run", "Start a script, or go on with the run of an id."),
    "resume": Entry("resume:resume", "Go on with a run."),
    "runs": Entry("runs:runs", "List runs, show them, end them, set them back, copy them."),
    "signal": Entry("signal:signal", "Send a signal to a run."),
    "gates": Entry("gates:gates", "List the gates that wait for a decision."),
    "approve": Entry("gates:approve", "Decide a gate: yes."),
    "reject": Entry("gates:reject", "Decide a gate: no."),
    "replay": Entry("replay:replay", "Say whether code still agrees with what recorded runs did."),
    "worker": Entry("worker:worker", "Drive runs that are due until told to stop."),
    "db": Entry("db:db", "Look after the journal's database."),
    "check": Entry("check:check", "Find what is wrong with scripts without running them."),
    "eval": Entry("eval:eval_command", "Evaluate a module in memory, under limits, and print its globals as JSON."),
    "explain": Entry("explain:explain", "Explain a diagnostic or a kind of failure."),
    "completion": Entry("completion:completion", "Print the script that lets a shell complete commands and ids."),
    "help": Entry("help:help_command", "Show help on a command or a topic."),
    "version": Entry("version:version", "Show the version."),
}
_EXAMPLES: Final = """\b
Examples:
  flowlang run etl.flow
  flowlang run etl.flow:main --arg day=2026-01-31 --id etl-2026-01-31
  flowlang resume etl-2026-01-31
  flowlang check .
  flowlang eval settings.flow --output json
"""


def _show_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"flowlang {__version__}")
        ctx.exit()


@click.group(
    cls=TableGroup,
    table=COMMANDS,
    epilog=_EXAMPLES,
    invoke_without_command=True,
    context_settings={"max_content_width": 100},
)
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
