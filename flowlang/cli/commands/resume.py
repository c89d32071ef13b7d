"""`flowlang resume`: goes on with a run."""

from __future__ import annotations

from typing import Final

import click

from flowlang.cli.commands.run import FOLLOW_S
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Seconds, Settings, command

PINNED: Final = "pinned"
CURRENT: Final = "current"
_EXAMPLE: Final = """\
  flowlang resume etl-2026-01-31
  flowlang resume etl-2026-01-31 --code current
"""


@command("resume", uses_journal=True, example=_EXAMPLE)
@click.argument("run_id", metavar="ID")
@click.option("--code", type=click.Choice([PINNED, CURRENT]), default=PINNED,
              help="The code that the run began with, or the files as they are now.  [default: pinned]")  # fmt: skip
@click.option("--follow-timeout", "follow_s", type=Seconds(), default=FOLLOW_S, metavar="SECONDS",
              help="How long to follow a run that another process drives.  [default: 3600]")  # fmt: skip
@click.option("--no-follow", is_flag=True, help="Do not follow a run that another process drives.")
def resume(settings: Settings, run_id: str, code: str, follow_s: float, no_follow: bool) -> ExitCode:
    """Go on with a run, or give the outcome of a finished one again.

    ID can be any beginning of an id that only one run has. With `--code current` a run moves to the edited code if
    that agrees with everything the run did so far; otherwise nothing is performed.
    """
    from flowlang.cli.driver import Driver, with_journal
    from flowlang.cli.problem_report import show_source_errors
    from flowlang.cli.run_lookup import find_run, unknown_run
    from flowlang.runtime.journal.journal import Journal
    from flowlang.runtime.project import Project

    if not settings.has_journal():
        raise unknown_run(run_id, [])

    def drive(journal: Journal) -> ExitCode:
        run = find_run(journal, run_id)
        if code == CURRENT and not run.status.is_final:
            script = Project(settings.root).build(settings.root / run.entry)
            if script.has_errors:
                return show_source_errors(settings.output, script.entry, script.diagnostics)
        driver = Driver(settings, journal, 0.0 if no_follow else follow_s, run.run_id)
        return driver.drive(lambda engine: engine.resume(run.run_id, code=code))

    return with_journal(settings, drive, create=False)
