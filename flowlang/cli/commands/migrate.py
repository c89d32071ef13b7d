"""`flowlang runs migrate`: moves open runs to other code, if that agrees with everything that they did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.run_choice import Batch, batch

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal
    from flowlang.runtime.migration import Migration

_EXAMPLE: Final = """\
  flowlang runs migrate etl-2026-01-31 --to etl.flow
  flowlang runs migrate --status waiting --to etl.flow --dry-run
"""


@command("migrate", uses_journal=True, example=_EXAMPLE)
@batch
@click.option("--to", "target", metavar="FILE", required=True, help="The code to move to.")
def migrate_runs(settings: Settings, batch: Batch, target: str) -> ExitCode:
    """Move runs to other code.

    A run is moved when the code agrees with all that it did, and goes on with it then. Other runs stay as they were;
    for each the event is named. The exit code is 5 when there is one.
    """
    from flowlang.runtime.project import Project

    build = Project(settings.root).build(Path(target))
    if build.has_errors:
        from flowlang.cli.problem_report import show_source_errors

        return show_source_errors(settings.output, build.entry, build.diagnostics)

    def migrate(journal: Journal) -> ExitCode:
        from flowlang.actions import shipped_actions
        from flowlang.runtime.action import ActionRegistry
        from flowlang.runtime.migration import migrate_run

        runs = batch.runs(journal, "migrate")
        registry = ActionRegistry(shipped_actions())
        found = [migrate_run(journal, run, build, registry, is_dry_run=batch.is_dry_run) for run in runs]
        return _show(settings, journal, found, {name: source.text for name, source in build.sources.items()})

    return use_journal(settings, migrate, batch.run_id or "")


def _show(settings: Settings, journal: Journal, found: list[Migration], new: dict[str, str]) -> ExitCode:
    from flowlang.cli.divergence_text import render_divergence, render_unchecked, verdict_document
    from flowlang.runtime.compatibility import Diverges, Unchecked

    output = settings.output
    documents: list[dict[str, Any]] = []
    exit_code = ExitCode.OK
    for each in found:
        verdict = each.verdict
        old = journal.modules(verdict.run_id) if isinstance(verdict, Diverges) else {}
        documents.append(verdict_document(verdict, old, new) | {"outcome": each.outcome})
        if isinstance(verdict, Diverges):
            exit_code = ExitCode.DIVERGED
        elif isinstance(verdict, Unchecked) and exit_code is ExitCode.OK:
            exit_code = ExitCode.FAILED
        if output.is_json:
            continue
        if isinstance(verdict, Diverges):
            output.rendered(render_divergence(verdict, old, new, color=output.has_color_data))
        elif isinstance(verdict, Unchecked):
            output.rendered(render_unchecked(verdict, verb="moved", color=output.has_color_data))
        else:
            output.data(f"{verdict.run_id}  {each.outcome}")
    if output.is_json:
        moved = sum(each.outcome == "moved" for each in found)
        output.document(
            {"schema": "flowlang/migration/1", "runs": documents, "moved": moved, "exit_code": int(exit_code)}
        )
    elif not found:
        output.status("no runs were selected")
    return exit_code
