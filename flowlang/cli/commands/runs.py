"""`flowlang runs`: the runs of a project, one of them, its journal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.main import unknown_command
from flowlang.cli.option import Settings, command

if TYPE_CHECKING:
    from flowlang.runtime.journal.event import Record
    from flowlang.runtime.journal.journal import Journal, RunRecord

LIMIT: Final = 50
VALUE_LENGTH_MAX: Final = 400
STATUSES: Final = ("running", "suspended", "stopped", "completed", "failed", "cancelled")


class RunsGroup(click.Group):
    """Lists the runs when no command is given, and knows what a mistyped one was meant to be."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes options without a command for those of `list`."""
        is_own = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(ctx, ["list", *args] if is_own else args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with."""
        if args[0] not in self.commands:
            raise unknown_command(ctx, args[0], self.commands)
        return super().resolve_command(ctx, args)


@click.group("runs", cls=RunsGroup, subcommand_metavar="[COMMAND] [ARGS]...")
def runs() -> None:
    """List runs, show one, read its journal. Without a command: list."""


@command("list", uses_journal=True, example="  flowlang runs list --status failed\n")
@click.option("--status", type=click.Choice(STATUSES), help="Only runs with this status.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, help="At most so many.  [default: 50]")
def list_runs(settings: Settings, status: str | None, limit: int) -> ExitCode:
    """List runs, the newest first."""
    found: list[tuple[RunRecord, str]] = []
    documents: list[dict[str, Any]] = []

    def collect(journal: Journal) -> ExitCode:
        from flowlang.cli.document import run_document
        from flowlang.cli.run_lookup import status_text
        from flowlang.runtime.journal.journal import RunStatus

        for run in journal.runs(status=None if status is None else RunStatus(status), limit=limit + 1):
            shown = status_text(journal, run)
            found.append((run, shown))
            documents.append(run_document(journal, run, shown))
        return ExitCode.OK

    if settings.has_journal():
        _with_journal(settings, collect)
    is_more = len(found) > limit
    if settings.output.is_json:
        settings.output.document({"schema": "flowlang/runs/1", "runs": documents[:limit], "more": is_more})
    elif found:
        settings.output.data(_table([_row(run, shown) for run, shown in found[:limit]]))
    else:
        settings.output.status("there are no runs" + (f" with the status `{status}`" if status else " yet"))
    if is_more:
        settings.output.note(f"only the newest {limit}; `--limit` shows more")
    return ExitCode.OK


@command("show", uses_journal=True, example="  flowlang runs show etl-2026-01-31\n")
@click.argument("run_id", metavar="ID")
def show_run(settings: Settings, run_id: str) -> ExitCode:
    """Show a run: its status, what it is doing, what came of it."""

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run

        run = find_run(journal, run_id)
        if settings.output.is_json:
            _show_json(settings, journal, run)
        else:
            _show_text(settings, journal, run)
        return ExitCode.OK

    return _with_run(settings, run_id, show)


@command("journal", uses_journal=True, example="  flowlang runs journal etl-2026-01-31 --output json\n")
@click.argument("run_id", metavar="ID")
def show_journal(settings: Settings, run_id: str) -> ExitCode:
    """Show the events of a run: what it did, in order."""

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.document import events_document
        from flowlang.cli.event_text import journal_line
        from flowlang.cli.run_lookup import find_run

        run = find_run(journal, run_id)
        records = journal.read(run.run_id)
        if settings.output.is_json:
            settings.output.document(events_document(run.run_id, records))
        else:
            for record in records:
                settings.output.data(journal_line(record))
        return ExitCode.OK

    return _with_run(settings, run_id, show)


for _command in (list_runs, show_run, show_journal):
    runs.add_command(_command)


def _with_journal(settings: Settings, use: Callable[[Journal], ExitCode]) -> ExitCode:
    with contextlib.closing(settings.open_journal(create=False)) as journal:
        return use(journal)


def _with_run(settings: Settings, run_id: str, use: Callable[[Journal], ExitCode]) -> ExitCode:
    if not settings.has_journal():
        from flowlang.cli.run_lookup import unknown_run

        raise unknown_run(run_id, [])
    return _with_journal(settings, use)


def _row(run: RunRecord, status: str) -> tuple[str, ...]:
    from flowlang.cli.document import moment

    script = f"{run.entry}:{run.flow}" if run.flow else run.entry
    return run.run_id, status, script, moment(run.created_at_ms)[:19] + "Z", str(run.actions_completed)


def _table(rows: list[tuple[str, ...]]) -> str:
    """Rows under their heading, in columns as wide as what stands in them."""
    from flowlang.cli.terminal import one_line

    cells = [("ID", "STATUS", "SCRIPT", "STARTED", "ACTIONS"), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _show_json(settings: Settings, journal: Journal, run: RunRecord) -> None:
    from flowlang.cli.document import result_fields, run_document
    from flowlang.cli.follow import recorded_outcome
    from flowlang.cli.run_lookup import status_text
    from flowlang.lang.values.result import Ok

    result = recorded_outcome(journal, run.run_id).result
    document = {"schema": "flowlang/run/1", **run_document(journal, run, status_text(journal, run))}
    if result is not None:
        document |= {"ok": isinstance(result, Ok), **result_fields(result)}
    settings.output.document(document | {"open": [row.strip() for row in _doing(journal.read(run.run_id), run)]})


def _doing(records: list[Record], run: RunRecord) -> list[str]:
    """What a run that has not ended is doing, or would go on with: a tree, indented."""
    from flowlang.cli.board import Board
    from flowlang.runtime.clock import SystemClock
    from flowlang.runtime.journal.journal import RunStatus

    if run.status.is_final:
        return []
    board = Board()
    for record in records:
        board.apply(record)
    return board.rows(SystemClock().now_ms() if run.status is RunStatus.RUNNING else None, LIMIT)


def _show_text(settings: Settings, journal: Journal, run: RunRecord) -> None:
    from flowlang.cli.document import moment
    from flowlang.cli.event_text import arguments_text, stop_text
    from flowlang.cli.follow import recorded_outcome
    from flowlang.cli.render import render_failure
    from flowlang.cli.run_lookup import owner_text, status_text
    from flowlang.cli.terminal import one_line
    from flowlang.lang.values.display import preview
    from flowlang.lang.values.result import Err, Ok
    from flowlang.runtime.journal.journal import RunStatus

    records = journal.read(run.run_id)
    result = recorded_outcome(journal, run.run_id).result
    fields = {
        "run": run.run_id,
        "status": status_text(journal, run),
        "script": f"{run.entry}:{run.flow}" if run.flow else run.entry,
        "arguments": arguments_text(records[0].event),
        "started": moment(run.created_at_ms),
        "updated": moment(run.updated_at_ms),
        "events": str(run.sequence),
        "actions": f"{run.actions_completed} done",
        "stopped by": stop_text(records) if run.status is RunStatus.STOPPED else "",
        "driven by": owner_text(run.owner) if run.owner else "",
        "value": preview(result.value, VALUE_LENGTH_MAX) if isinstance(result, Ok) else "",
    }
    for name, value in fields.items():
        if value:
            settings.output.data(f"{name:<10} {one_line(value)}")
    for row in _doing(records, run):
        settings.output.data(f"{'open':<10} {one_line(row)}")
    if isinstance(result, Err):
        color, verbose = settings.output.has_color_data, settings.output.is_verbose
        text = render_failure(result, journal.modules(run.run_id), color=color, verbose=verbose)
        settings.output.rendered("\n" + text)
    elif not run.status.is_final:
        settings.output.hint(f"`{settings.command(f'resume {run.run_id}')}` goes on with it")
