"""`flowlang run`: starts a script, or goes on with the run of a known id."""

from __future__ import annotations

from typing import Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Seconds, Settings, command
from flowlang.errors import UsageError

FOLLOW_S: Final = 3600.0
_EXAMPLE: Final = """\
  flowlang run hello.flow
  flowlang run etl.flow:main --arg day=2026-01-31 --id etl-2026-01-31
  flowlang run etl.flow:main --args arguments.json --output json
"""


@command("run", uses_journal=True, example=_EXAMPLE)
@click.argument("target", metavar="FILE[:FLOW]")
@click.option("--arg", "texts", metavar="NAME=VALUE", multiple=True, help="An argument of the flow; can be repeated.")
@click.option("--args", "arguments", metavar="FILE|-", help="A JSON object with arguments; `-` reads stdin.")
@click.option("--id", "run_id", metavar="ID", help="The run's id. A known one goes on, or gives its outcome again.")
@click.option("--follow-timeout", "follow_s", type=Seconds(), default=FOLLOW_S, metavar="SECONDS",
              help="How long to follow a run that another process drives.  [default: 3600]")  # fmt: skip
@click.option("--no-follow", is_flag=True, help="Do not follow a run that another process drives.")
def run(
    settings: Settings, target: str, texts: tuple[str, ...], arguments: str | None, run_id: str | None,
    follow_s: float, no_follow: bool,
) -> ExitCode:  # fmt: skip
    """Start a script, or go on with the run of an id.

    What the script prints goes to stdout, everything else to stderr. A run that is interrupted or killed goes on
    where it was when it is started again with its id, or with `flowlang resume`.
    """
    from flowlang.cli.argument import check_disjoint, parse_target, parse_texts, read_arguments

    if run_id == "":
        raise UsageError("`--id` is empty", hint="leave it out to get a new id")
    path, flow = parse_target(target)
    named = parse_texts(texts)
    values = read_arguments(arguments)
    check_disjoint(named, values)

    from flowlang.cli.driver import Driver, with_journal
    from flowlang.cli.problem_report import show_diagnostics, show_source_errors
    from flowlang.runtime.journal.journal import Journal
    from flowlang.runtime.project import Project

    script = Project(settings.root).build(path)
    if script.has_errors:
        return show_source_errors(settings.output, script.entry, script.diagnostics)
    if not settings.output.is_quiet:
        show_diagnostics(settings.output, script.diagnostics)

    def drive(journal: Journal) -> ExitCode:
        driver = Driver(settings, journal, 0.0 if no_follow else follow_s, run_id or "")
        return driver.drive(
            lambda engine: engine.start(script, flow=flow, arguments=values, texts=named, run_id=run_id)
        )

    return with_journal(settings, drive, create=True)
