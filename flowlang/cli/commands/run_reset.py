"""`flowlang runs reset` and `fork`: back to an earlier event, of the run itself or of a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.run_change import Change, apply_to_runs, operator
from flowlang.cli.run_choice import Batch, batch
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowlang.lang.interpreter import Build
    from flowlang.runtime.journal.event import Record
    from flowlang.runtime.journal.journal import Journal, RunRecord
    from flowlang.runtime.launch import PinnedCode
    from flowlang.runtime.operations.operations import Operations
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
@batch
@click.option("--to", "to", type=click.IntRange(min=1), required=True, metavar="EVENT",
              help="The last event that still counts; `flowlang runs journal ID` shows their numbers.")  # fmt: skip
@click.option("--reason", metavar="TEXT", default="", help="Why; kept in the run's journal.")
def reset_runs(settings: Settings, batch: Batch, to: int, reason: str) -> ExitCode:
    """Set runs back to one of their events; they go on from there, also when they had ended.

    The journal keeps everything; what came after the event does not count. Actions after it are performed again, as
    new ones. Signals that came in after it, and decisions of gates opened before it, are delivered again. Children
    spawned after it are asked to end. A run must not be driven by anybody meanwhile.
    """

    def plan(operations: Operations, run: RunRecord) -> Change:
        return _described(run.run_id, operations.plan_reset(run.run_id, to), "would go back to")

    def reset(operations: Operations, run: RunRecord) -> Change:
        return _described(run.run_id, operations.reset(run.run_id, to, reason=reason, by=operator()), "goes on from")

    code = use_journal(
        settings, lambda journal: apply_to_runs(settings, journal, batch, "reset", reset, plan=plan), batch.run_id or ""
    )
    if code is ExitCode.OK and not batch.is_dry_run:
        target = settings.command(f"resume {batch.run_id}") if batch.run_id else settings.command("worker")
        settings.output.hint(f"a worker takes it up; without one, `{target}` does")
    return code


def _described(run_id: str, plan: ResetPlan, words: str) -> Change:
    events = f"{plan.undone} event{'s are' if plan.undone != 1 else ' is'} undone"
    parts = [f"run {run_id} {words} event {plan.to}: {events}"]
    if plan.messages:
        parts.append(f"{len(plan.messages)} of the messages received since are delivered again")
    if plan.children:
        parts.append(f"asked to end: {', '.join(plan.children)}")
    fields = {"to": plan.to, "undone": plan.undone, "delivered_again": len(plan.messages),
              "children_cancelled": list(plan.children)}  # fmt: skip
    return Change("; ".join(parts), fields)


@command("fork", uses_journal=True, example=_FORK_EXAMPLE)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--at", "at", type=click.IntRange(min=1), required=True, metavar="EVENT",
              help="The last event that the new run takes over.")  # fmt: skip
@click.option("--code", "file", type=click.Path(path_type=Path), metavar="FILE",
              help="Other code; it must ask for everything that the run did up to that event.")  # fmt: skip
@click.option("--id", "new_id", metavar="ID", help="The new run's id.")
def fork_run(settings: Settings, run_id: str, at: int, file: Path | None, new_id: str | None) -> ExitCode:
    """Start a new run from the beginning of another, which stays as it is.

    The new run has everything that the other did up to the event, and goes on from there by itself. Children that had
    not ended then are spawned anew, unless they have ended since.
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
