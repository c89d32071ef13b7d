"""`flowlang db prune`: deletes runs whose time is over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.quantity import Span
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal, RunStatus

FINAL: Final = ("completed", "failed", "cancelled", "terminated")


@command("prune", uses_journal=True, example="  flowlang db prune --older-than 30d --status completed --dry-run\n")
@click.option("--older-than", "older_ms", type=Span(), metavar="SPAN",
              help="Runs that ended before that: `30d`.  [default: as pyproject.toml says]")  # fmt: skip
@click.option("--status", "statuses", type=click.Choice(FINAL), multiple=True,
              help="Only runs that ended so; can be repeated.  [default: all]")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say how many it would be, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune_runs(
    settings: Settings, older_ms: int | None, statuses: tuple[str, ...], dry_run: bool, yes: bool
) -> ExitCode:  # fmt: skip
    """Delete runs that ended long ago, with all that only they refer to. Runs that have not ended stay.

    What their SQL actions noted in the project's databases, so that no write is made twice, is forgotten, too.

    Without `--older-than`, `[tool.flowlang.retention]` of the project's pyproject.toml says for each status how long
    runs are kept, such as `completed = "7d"`; a status that is not there is kept.
    """

    def prune(journal: Journal) -> ExitCode:
        from flowlang.runtime.clock import SystemClock
        from flowlang.runtime.operations.retention import count_prunable
        from flowlang.runtime.operations.retention import prune as prune_now

        policy, now_ms = _policy(settings, older_ms, statuses), SystemClock().now_ms()
        counts = count_prunable(journal, policy, now_ms)
        number = sum(list(counts.values()))
        if not dry_run and number:
            if yes or _is_wanted(number):
                _prune_effects(settings, journal, now_ms - min(policy.values()))
                counts = prune_now(journal, policy, now_ms)
            else:
                counts = {}
        deleted = {status.value: number for status, number in counts.items()}
        total = sum(deleted.values())
        if settings.output.is_json:
            settings.output.document(
                {"schema": "flowlang/pruned/1", "runs": total, "by_status": deleted, "dry_run": dry_run}
            )
        words = "would be deleted" if dry_run else "deleted"
        settings.output.status(f"{total} run{'s' if total != 1 else ''} {words}")
        return ExitCode.OK

    return use_journal(settings, prune)


def _policy(settings: Settings, older_ms: int | None, statuses: tuple[str, ...]) -> dict[RunStatus, int]:
    from flowlang.runtime.journal.journal import RunStatus
    from flowlang.runtime.journal.locate import project_settings
    from flowlang.runtime.operations.retention import retention_policy

    if older_ms is not None:
        return {RunStatus(status): older_ms for status in statuses or FINAL}
    policy = retention_policy(project_settings(settings.root))
    if statuses:
        policy = {status: kept_ms for status, kept_ms in policy.items() if status.value in statuses}
    if not policy:
        raise UsageError(
            "nothing says how long runs are kept",
            hint='give `--older-than 30d`, or write `completed = "30d"` into `[tool.flowlang.retention]`',
        )
    return policy


def _prune_effects(settings: Settings, journal: Journal, before_ms: int) -> None:
    """Forgets which writes of runs that ended were made in the project's databases. Only of runs that this journal
    knows: other journals may write into the same databases."""
    from flowlang.actions.effect import prune_effects
    from flowlang.errors import RunNotFound
    from flowlang.runtime.project import Project

    def is_over(run_id: str) -> bool:
        try:
            return journal.run(run_id).status.is_final
        except RunNotFound:
            return False

    databases = Project(settings.root).access()[1]
    try:
        prune_effects(databases, before_ms, is_over)
    except Exception as error:  # of whatever driver a database has; the runs are pruned all the same
        settings.output.note(f"what actions noted in the project's databases stays there: {error}")
    finally:
        databases.close()


def _is_wanted(number: int) -> bool:
    question = f"delete {number} run{'s' if number != 1 else ''}?"
    if not sys.stdin.isatty():
        raise UsageError(
            f"{question[:-1]}: nobody is there to be asked",
            hint="`--dry-run` shows how many they are, `--yes` does it without asking",
        )
    return click.confirm(question, default=False, err=True)
