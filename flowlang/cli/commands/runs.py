"""`flowlang runs`: what operators see of runs and do with them."""

from __future__ import annotations

from typing import Final

import click

from flowlang.cli.command_table import Entry, TableGroup

TABLE: Final = {
    "list": Entry("run_list:list_runs", "List runs, the newest first."),
    "count": Entry("run_list:count_runs", "Count runs by status."),
    "show": Entry("run_show:show_run", "Show a run: its status, what it waits for, what came of it."),
    "journal": Entry("run_show:show_journal", "Show the events of a run: what it did, in order."),
    "logs": Entry("run_watch:show_logs", "Show what a run printed and logged."),
    "result": Entry("run_watch:show_result", "Give the outcome of a run."),
    "watch": Entry("run_watch:watch_run", "Follow a run until it ends."),
    "tree": Entry("run_list:show_tree", "Show a run and the runs below it."),
    "stuck": Entry("run_list:list_stuck", "List runs that do not go on by themselves, and why."),
    "cancel": Entry("run_verbs:cancel_runs", "Ask runs to end, after their `on_exit` handlers."),
    "terminate": Entry("run_verbs:terminate_runs", "End runs at once."),
    "retry": Entry("run_verbs:retry_runs", "Let runs go on that ended badly or were stopped."),
    "reset": Entry("run_reset:reset_runs", "Set runs back to one of their events."),
    "fork": Entry("run_reset:fork_run", "Start a new run from the beginning of another."),
    "migrate": Entry("migrate:migrate_runs", "Move runs to other code."),
    "export": Entry("run_archive:export_runs", "Write runs into files that need nothing else."),
    "import": Entry("run_archive:import_runs", "Bring exported runs in."),
    "delete": Entry("run_verbs:delete_runs", "Remove runs that ended or were stopped."),
}
_EXAMPLES: Final = """\b
Examples:
  flowlang runs list --status failed
  flowlang runs show etl-2026-01-31
  flowlang runs retry --status failed --since 2h --dry-run
"""


@click.group("runs", cls=TableGroup, table=TABLE, default="list", subcommand_metavar="[COMMAND] [ARGS]...",
             epilog=_EXAMPLES, context_settings={"max_content_width": 100})  # fmt: skip
def runs() -> None:
    """List runs, show them, end them, set them back, copy them. Without a command: list."""
