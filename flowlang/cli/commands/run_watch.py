"""`flowlang runs watch`, `logs` and `result`: what a run says, while it goes on or afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.output import LIST_FORMATS
from flowlang.cli.quantity import Span

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal

LEVELS: Final = ("print", "debug", "info", "warning", "error")
_TIMEOUT = click.option("--timeout", "timeout_ms", type=Span(), metavar="SPAN",
                        help="Stop following after so long.  [default: never]")  # fmt: skip


@command(
    "watch", uses_journal=True, formats=LIST_FORMATS, example="  flowlang runs watch etl-2026-01-31 --output jsonl\n"
)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--from", "first", type=click.IntRange(min=1), metavar="EVENT",
              help="Begin with this event.  [default: what happens from now on]")  # fmt: skip
@_TIMEOUT
def watch_run(settings: Settings, run_id: str, first: int | None, timeout_ms: int | None) -> ExitCode:
    """Follow a run until it ends, whoever drives it; a run that waits is followed, too.

    With `--output jsonl` each event is a document as it comes, and the outcome is the last one. Ctrl-C stops the
    following, never the run.
    """

    def watch(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.cli.watch import Watch

        run = find_run(journal, run_id)
        after = run.sequence if first is None else first - 1
        return Watch(settings, journal, run.run_id, after).until_ended(timeout_ms)

    return use_journal(settings, watch, run_id)


@command(
    "logs", uses_journal=True, formats=LIST_FORMATS, example="  flowlang runs logs etl-2026-01-31 --level warning\n"
)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--level", type=click.Choice(LEVELS), default="print",
              help="Only lines of this level and above.  [default: print, which is all but debug]")  # fmt: skip
def show_logs(settings: Settings, run_id: str, level: str) -> ExitCode:
    """Show what a run printed and logged.

    The levels are debug, print, info, warning and error.
    """

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.document import moment
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.journal.canonical_form import standing_records
        from flowlang.runtime.journal.event import LogWritten

        order = ("debug", "print", "info", "warning", "error")
        run = find_run(journal, run_id)
        lines = [
            (record, record.event)
            for record in standing_records(journal.read(run.run_id))
            if isinstance(record.event, LogWritten) and order.index(record.event.level) >= order.index(level)
        ]
        if settings.output.is_json:
            documents = [
                {"sequence": record.sequence, "at": moment(record.recorded_at_ms), "level": line.level,
                 "text": line.text}
                for record, line in lines
            ]  # fmt: skip
            settings.output.items("flowlang/logs/1", "lines", "flowlang/line/1", documents, run_id=run.run_id)
        for record, line in lines if not settings.output.is_json else ():
            title = "" if line.level == "print" else f"{line.level}: "
            settings.output.data(f"{moment(record.recorded_at_ms)[:19]}Z  {title}{line.text}")
        return ExitCode.OK

    return use_journal(settings, show, run_id)


@command("result", uses_journal=True, example="  flowlang runs result etl-2026-01-31 --wait --output json\n")
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--wait", "is_awaited", is_flag=True, help="Wait until the run has ended.")
@_TIMEOUT
def show_result(settings: Settings, run_id: str, is_awaited: bool, timeout_ms: int | None) -> ExitCode:
    """Give the outcome of a run, with the exit code that the run would have given.

    The value goes to stdout, as text, or in a document with `--output json`. A run that has not ended gives 3.
    """

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.cli.watch import Watch

        run = find_run(journal, run_id)
        watch = Watch(settings, journal, run.run_id, run.sequence, is_silent=True)
        return watch.until_ended(timeout_ms) if is_awaited else watch.report()

    return use_journal(settings, show, run_id)
