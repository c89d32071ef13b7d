"""`flowlang runs export` and `import`: runs as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.run_change import Change, apply_to_runs
from flowlang.cli.run_choice import Batch, batch
from flowlang.errors import FlowlangError, InternalError

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import RunRecord
    from flowlang.runtime.operations.operations import Operations

_EXPORT_EXAMPLE: Final = """\
  flowlang runs export etl-2026-01-31
  flowlang runs export etl-2026-01-31 --to etl.jsonl
  flowlang runs export --status failed --since 7d --to exports/ --yes
"""


@command("export", uses_journal=True, example=_EXPORT_EXAMPLE)
@batch
@click.option("--to", "to", type=click.Path(path_type=Path), metavar="FILE|FOLDER",
              help="Where to.  [default: ID.jsonl in the current folder]")  # fmt: skip
def export_runs(settings: Settings, batch: Batch, to: Path | None) -> ExitCode:
    """Write runs into files that need nothing else: each with its journal and its code, as JSON lines.

    A file holds everything that the run did, its payloads in plain text. It can be imported, replayed and debugged
    on any machine.
    """

    def export(operations: Operations, run: RunRecord) -> Change:
        path = _path_of(run.run_id, to, is_folder=batch.is_many)
        archive = operations.export(run.run_id, path)
        records = len(archive.records)
        return Change(f"run {run.run_id}: {records} events in {path}", {"file": str(path), "events": records})

    return use_journal(
        settings, lambda journal: apply_to_runs(settings, journal, batch, "export", export), batch.run_id or ""
    )


def _path_of(run_id: str, to: Path | None, *, is_folder: bool) -> Path:
    from urllib.parse import quote

    name = f"{quote(run_id, safe=' ')}.jsonl"
    if to is None:
        return Path(name)
    if is_folder or to.is_dir():
        to.mkdir(parents=True, exist_ok=True)
        return to / name
    return to


@command("import", uses_journal=True, example="  flowlang runs import etl-2026-01-31.jsonl --id etl-copy\n")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--id", "new_id", metavar="ID", help="Another id than the run had.")
def import_runs(settings: Settings, files: tuple[Path, ...], new_id: str | None) -> ExitCode:
    """Bring exported runs in.

    A run that had ended is there again as it was. One that had not comes in stopped, since it may go on elsewhere:
    `flowlang runs retry ID` lets it go on here. A damaged file is refused, and so is an id that exists.
    """
    import contextlib

    from flowlang.cli.problem import problem_of
    from flowlang.errors import UsageError
    from flowlang.runtime.operations.operations import Operations

    if new_id is not None and len(files) > 1:
        raise UsageError("`--id` names one run, but there are several files", hint="import them one by one")
    documents = []
    refused = 0
    with contextlib.closing(settings.open_journal(create=True)) as journal:
        for file in files:
            try:
                run_id = Operations(journal).import_archive(file, run_id=new_id)
            except InternalError:
                raise
            except FlowlangError as error:
                if len(files) == 1:
                    raise
                refused += 1
                problem = problem_of(error)
                settings.output.problem(problem.slug, problem.message, problem.hint)
                continue
            run = journal.run(run_id)
            settings.output.status(f"run {run_id}: {run.sequence} events, {run.status.value}")
            documents.append({"run_id": run_id, "status": run.status.value, "file": str(file)})
    if settings.output.is_json:
        settings.output.document(
            {"schema": "flowlang/changes/1", "change": "import", "dry_run": False, "runs": documents}
        )
    return ExitCode.FAILED if refused else ExitCode.OK
