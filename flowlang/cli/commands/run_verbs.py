"""`flowlang runs cancel`, `terminate`, `retry` and `delete`: changing runs, one or many."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.run_change import Change, apply_to_runs, operator
from flowlang.cli.run_choice import Batch, batch

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal, RunRecord
    from flowlang.runtime.operations.operations import Operations

_REASON = click.option("--reason", metavar="TEXT", default="", help="Why; kept in the run's journal.")
_CANCEL_EXAMPLE: Final = """\
  flowlang runs cancel etl-2026-01-31 --reason "wrong day"
  flowlang runs cancel --where 'region = "eu"' --status waiting --dry-run
"""


@command("cancel", uses_journal=True, example=_CANCEL_EXAMPLE)
@batch
@_REASON
@click.option("--wait", "is_awaited", is_flag=True,
              help="See each run to its end, and drive those that no worker drives.")  # fmt: skip
def cancel_runs(settings: Settings, batch: Batch, reason: str, is_awaited: bool) -> ExitCode:
    """Ask runs to end, after their `on_exit` handlers.

    The worker that drives a run ends it; one that nobody drives ends when a worker takes it up, or here with `--wait`.
    """

    def cancel(operations: Operations, run: RunRecord) -> Change:
        is_new = operations.cancel(run.run_id, reason=reason, by=operator())
        if is_awaited:
            from flowlang.cli.driver import Driver

            driver = Driver(settings, operations.journal, 3600.0, run.run_id, is_silent=True, after=run.sequence)
            driver.drive(lambda engine: engine.resume(run.run_id))
            status = operations.journal.run(run.run_id).status.value
            return Change(f"run {run.run_id} is {status}", {"status": status})
        word = "is asked" if is_new else "was asked before"
        return Change(f"run {run.run_id} {word} to end", {"is_new": is_new})

    def plan(operations: Operations, run: RunRecord) -> Change:
        is_new = operations.plan_cancel(run.run_id)
        word = "would cancel" if is_new else "has been asked before to end:"
        return Change(f"{word} run {run.run_id}, which is {run.status.value}", {"is_new": is_new})

    return _use(settings, batch, lambda journal: apply_to_runs(settings, journal, batch, "cancel", cancel, plan=plan))


@command("terminate", uses_journal=True, example="  flowlang runs terminate etl-2026-01-31 --reason stuck\n")
@batch
@_REASON
def terminate_runs(settings: Settings, batch: Batch, reason: str) -> ExitCode:
    """End runs at once: no handler runs, and whoever drives them loses them.

    An action that is being performed may still finish; nothing of it is recorded.
    """

    def terminate(operations: Operations, run: RunRecord) -> Change:
        operations.terminate(run.run_id, reason=reason, by=operator())
        return Change(f"run {run.run_id} is terminated", {"status": "terminated"})

    def plan(operations: Operations, run: RunRecord) -> Change:
        operations.plan_terminate(run.run_id)
        return Change(f"would terminate run {run.run_id}, which is {run.status.value}", {})

    return _use(
        settings, batch, lambda journal: apply_to_runs(settings, journal, batch, "terminate", terminate, plan=plan)
    )


@command("retry", uses_journal=True, example="  flowlang runs retry --status failed --since 2h --dry-run\n")
@batch
@_REASON
def retry_runs(settings: Settings, batch: Batch, reason: str) -> ExitCode:
    """Let runs go on that ended badly or were stopped.

    A stopped run goes on where it was. A failed one is set back to just before the last action, child or wait that
    failed, which is tried again. Workers take the runs up; `flowlang resume ID` does it here.
    """

    def retry(operations: Operations, run: RunRecord) -> Change:
        retried = operations.retry(run.run_id, reason=reason, by=operator())
        where = "where it was stopped" if retried.to is None else f"event {retried.to}"
        return Change(f"run {run.run_id} goes on from {where}", {"to": retried.to})

    def plan(operations: Operations, run: RunRecord) -> Change:
        to = operations.plan_retry(run.run_id).to
        where = "where it was stopped" if to is None else f"event {to}"
        return Change(f"run {run.run_id}, which is {run.status.value}, would go on from {where}", {"to": to})

    code = _use(settings, batch, lambda journal: apply_to_runs(settings, journal, batch, "retry", retry, plan=plan))
    if code is ExitCode.OK and not batch.is_dry_run:
        target = settings.command(f"resume {batch.run_id}") if batch.run_id else settings.command("worker")
        settings.output.hint(f"a worker takes it up; without one, `{target}` does")
    return code


@command(
    "delete",
    uses_journal=True,
    example="  flowlang runs delete --status completed --where 'updated < \"30d ago\"' --yes\n",
)
@batch
def delete_runs(settings: Settings, batch: Batch) -> ExitCode:
    """Remove runs that ended or were stopped, with all that only they refer to. There is no way back.

    `flowlang runs export` keeps a copy; `flowlang db prune` deletes by age.
    """

    def delete(operations: Operations, run: RunRecord) -> Change:
        operations.delete(run.run_id)
        return Change(f"run {run.run_id} is deleted", {})

    def plan(operations: Operations, run: RunRecord) -> Change:
        operations.plan_delete(run.run_id)
        return Change(f"would delete run {run.run_id}, which is {run.status.value}", {})

    return _use(
        settings, batch,
        lambda journal: apply_to_runs(settings, journal, batch, "delete", delete, is_always_asked=True, plan=plan),
    )  # fmt: skip


def _use(settings: Settings, batch: Batch, use: Callable[[Journal], ExitCode]) -> ExitCode:
    return use_journal(settings, use, batch.run_id or "")
