"""`flowlang runs reset` and `fork`: back to an earlier event, of the run itself or of a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.run_change import operator
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowlang.lang.interpreter import Build
    from flowlang.runtime.journal.event import Record
    from flowlang.runtime.journal.journal import Journal, RunRecord
    from flowlang.runtime.launch import PinnedCode
    from flowlang.runtime.operations.reset import ResetPlan

_RESET_EXAMPLE: Final = """\
  flowlang runs reset etl-2026-01-31 --to 17 --dry-run
  flowlang runs reset etl-2026-01-31 --to 17 --reason "the source was wrong"
"""
_FORK_EXAMPLE: Final = """\
  flowlang runs fork etl-2026-01-31 --at 17
  flowlang runs fork etl-2026-01-31 --at 17 --code etl.flow --id etl-repaired
"""


@command("reset", uses_journal=True, example=_RESET_EXAMPLE)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--to", "to", type=click.IntRange(min=1), required=True, metavar="EVENT",
              help="The last event that still counts; `flowlang runs journal ID` shows their numbers.")  # fmt: skip
@click.option("--reason", metavar="TEXT", default="", help="Why; kept in the run's journal.")
@click.option("--dry-run", is_flag=True, help="Say what it would undo, and change nothing.")
def reset_run(settings: Settings, run_id: str, to: int, reason: str, dry_run: bool) -> ExitCode:
    """Set a run back to one of its events; it goes on from there, also when it had ended.

    Its journal keeps everything; what came after the event does not count. Actions after it are performed again, as
    new ones. Signals that came in after it, and decisions of gates opened before it, are delivered again. Children
    spawned after it are asked to end. The run must not be driven by anybody meanwhile.
    """

    def reset(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.operations.operations import Operations

        operations = Operations(journal)
        run = find_run(journal, run_id)
        if dry_run:
            plan = operations.plan_reset(run.run_id, to)
        else:
            plan = operations.reset(run.run_id, to, reason=reason, by=operator())
        _report_reset(settings, run.run_id, plan, is_dry_run=dry_run)
        return ExitCode.OK

    return use_journal(settings, reset, run_id)


def _report_reset(settings: Settings, run_id: str, plan: ResetPlan, *, is_dry_run: bool) -> None:
    output = settings.output
    if output.is_json:
        change = {"run_id": run_id, "to": plan.to, "undone": plan.undone, "delivered_again": len(plan.messages),
                  "children_cancelled": list(plan.children)}  # fmt: skip
        output.document({"schema": "flowlang/changes/1", "change": "reset", "dry_run": is_dry_run, "runs": [change]})
    words = "would go back" if is_dry_run else "goes on"
    output.status(
        f"run {run_id} {words} {'to' if is_dry_run else 'from'} event {plan.to}: {_count(plan.undone)} undone"
    )
    if plan.messages:
        output.status(f"delivered again: {len(plan.messages)} of the messages that came in since")
    for child in plan.children:
        output.status(f"asked to end: its child {child}")
    if not is_dry_run:
        output.hint(f"a worker takes it up; without one, `{settings.command(f'resume {run_id}')}` does")


def _count(number: int) -> str:
    return f"{number} event{'s are' if number != 1 else ' is'}"


@command("fork", uses_journal=True, example=_FORK_EXAMPLE)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--at", "at", type=click.IntRange(min=1), required=True, metavar="EVENT",
              help="The last event that the new run takes over.")  # fmt: skip
@click.option("--code", "file", type=click.Path(path_type=Path), metavar="FILE",
              help="Other code; it must ask for everything that the run did up to that event.")  # fmt: skip
@click.option("--id", "new_id", metavar="ID", help="The new run's id.")
def fork_run(settings: Settings, run_id: str, at: int, file: Path | None, new_id: str | None) -> ExitCode:
    """Start a new run from the beginning of another, which stays as it is.

    The new run has everything that the other did up to the event, and goes on from there by itself.
    """

    def fork(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.operations.copying import check_fork_point
        from flowlang.runtime.operations.operations import Operations

        run = find_run(journal, run_id)
        records = journal.read(run.run_id)
        check_fork_point(run, records, at)
        code = entry = None
        if file is not None:
            from flowlang.cli.problem_report import show_source_errors
            from flowlang.runtime.project import Project

            script = Project(settings.root).build(file)
            if script.has_errors:
                return show_source_errors(settings.output, script.entry, script.diagnostics)
            code = _check_agreement(run, journal, records[:at], script)
            entry = script.entry
        forked = Operations(journal).fork(run.run_id, at, new_id=new_id, code=code, entry=entry)
        output = settings.output
        if output.is_json:
            change = {"run_id": forked, "forked_from": run.run_id, "at": at}
            output.document({"schema": "flowlang/changes/1", "change": "fork", "dry_run": False, "runs": [change]})
        output.status(f"run {forked} begins with the first {at} events of run {run.run_id}")
        output.hint(f"a worker takes it up; without one, `{settings.command(f'resume {forked}')}` does")
        return ExitCode.OK

    return use_journal(settings, fork, run_id)


def _check_agreement(run: RunRecord, journal: Journal, records: Sequence[Record], script: Build) -> PinnedCode:
    """The code of the script, if it asks for everything that these records hold. Raises UsageError, ReplayMismatch."""
    from flowlang.actions import shipped_actions
    from flowlang.errors import ReplayMismatch
    from flowlang.runtime.action import ActionRegistry
    from flowlang.runtime.compatibility import Compatible, Diverges, check_run
    from flowlang.runtime.dry_replay import recording_of
    from flowlang.runtime.launch import code_of

    registry = ActionRegistry(shipped_actions())
    recording = attrs.evolve(recording_of(journal, run.run_id), records=records)
    verdict = check_run(recording, script, registry)
    if isinstance(verdict, Compatible):
        return code_of(script, registry)
    if isinstance(verdict, Diverges):
        where = "" if verdict.asked.place is None else f" at {verdict.asked.place.module}:{verdict.asked.place.line}"
        raise ReplayMismatch(
            f"at event {verdict.sequence} the run has `{verdict.recorded.call}`, the code asks for "
            f"`{verdict.asked.call}`{where}",
            run_id=run.run_id,
            hint=f"fork at event {verdict.sequence - 1} or before, where they still agree",
        )
    raise UsageError(f"`{script.entry}` cannot be compared with the run: {verdict.message}", hint=verdict.hint)
