"""`flowlang runs export` and `import`: runs as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.problem import problem_of
from flowlang.cli.run_change import Change, apply_to_runs
from flowlang.cli.run_choice import Batch, batch
from flowlang.errors import FlowlangError, InternalError, RunAlreadyExists, UsageError

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal, RunRecord
    from flowlang.runtime.operations.operations import Operations

STREAM: Final = Path("-")
_EXPORT_EXAMPLE: Final = """\
  flowlang runs export etl-2026-01-31
  flowlang runs export etl-2026-01-31 --to etl.jsonl
  flowlang runs export --status failed --since 7d --to exports/ --yes
  flowlang runs export etl-2026-01-31 --to - | ssh other flowlang runs import -
"""


@command("export", uses_journal=True, example=_EXPORT_EXAMPLE)
@batch
@click.option("--to", "to", type=click.Path(path_type=Path), metavar="FILE|FOLDER|-",
              help="Where to; `-` is stdout.  [default: ID.jsonl in the current folder]")  # fmt: skip
@click.option("--decoded", "is_decoded", is_flag=True,
              help="Decode what the journal's codec encoded, for whoever reads the file.")  # fmt: skip
def export_runs(settings: Settings, batch: Batch, to: Path | None, is_decoded: bool) -> ExitCode:
    """Write runs into files that need nothing else: each with its journal and its code, as JSON lines.

    A file holds everything that the run did, its values as the journal holds them: in plain text, or encoded where
    there is a codec. It can be imported, replayed and debugged on any machine.
    """
    output = settings.output
    if to == STREAM and output.is_json:
        raise UsageError("`--to -` writes the runs to stdout", hint="leave out `--output`, or name a file")

    def export(operations: Operations, run: RunRecord) -> Change:
        if to == STREAM:
            from flowlang.runtime.archive import archive_lines

            archive = operations.archive(run.run_id, is_decoded=is_decoded)
            for line in archive_lines(archive, exported_at_ms=operations.clock.now_ms()):
                output.written(line.decode())
            return Change(f"run {run.run_id}: {len(archive.records)} events on stdout", {})
        path = _path_of(run.run_id, to, is_folder=batch.is_many)
        path.parent.mkdir(parents=True, exist_ok=True)
        records = len(operations.export(run.run_id, path, is_decoded=is_decoded).records)
        return Change(f"run {run.run_id}: {records} events in {path}", {"file": str(path), "events": records})

    def plan(operations: Operations, run: RunRecord) -> Change:
        path = STREAM if to == STREAM else _path_of(run.run_id, to, is_folder=batch.is_many)
        if path != STREAM:
            check_absent(path)
        records = len(operations.archive(run.run_id, is_decoded=is_decoded).records)
        place = "to stdout" if path == STREAM else f"into {path}"
        return Change(
            f"would export {records} events of run {run.run_id} {place}", {"file": str(path), "events": records}
        )

    from flowlang.runtime.archive import check_absent

    return use_journal(
        settings, lambda journal: apply_to_runs(settings, journal, batch, "export", export, plan=plan),
        batch.run_id or "",
    )  # fmt: skip


def _path_of(run_id: str, to: Path | None, *, is_folder: bool) -> Path:
    from urllib.parse import quote

    name = f"{quote(run_id, safe=' ')}.jsonl"
    if to is None:
        return Path(name)
    return to / name if is_folder or to.is_dir() else to


_IMPORT_EXAMPLE: Final = """\
  flowlang runs import etl-2026-01-31.jsonl --id etl-copy
  flowlang runs import - < etl-2026-01-31.jsonl
"""


@command("import", uses_journal=True, example=_IMPORT_EXAMPLE)
@click.argument("files", metavar="FILE|-...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--id", "new_id", metavar="ID", help="Another id than the run had.")
def import_runs(settings: Settings, files: tuple[Path, ...], new_id: str | None) -> ExitCode:
    """Bring exported runs in; `-` reads them from stdin.

    A run that had ended is there again as it was. One that had not comes in stopped, since it may go on elsewhere:
    `flowlang runs retry ID` lets it go on here. A damaged file is refused, and so is an id that exists. Values that a
    codec encoded need it: `FLOWLANG_CODEC=module:name`.
    """
    import contextlib

    if new_id is not None and len(files) > 1:
        raise UsageError("`--id` names one run, but there are several files", hint="import them one by one")
    documents: list[dict[str, Any]] = []
    refusals: list[FlowlangError] = []
    with contextlib.closing(settings.open_journal(create=True)) as journal:
        for file in files:
            try:
                _import_file(settings, journal, file, new_id, documents, refusals)
            except InternalError:
                raise
            except FlowlangError as error:
                refusals.append(error)
    if len(refusals) == 1 and len(files) == 1 and not documents:
        raise refusals[0]
    for refusal in refusals:
        problem = problem_of(refusal)
        settings.output.problem(problem.slug, problem.message, problem.hint)
    if settings.output.is_json:
        settings.output.document(
            {"schema": "flowlang/changes/1", "change": "import", "dry_run": False, "runs": documents}
        )
    return ExitCode.FAILED if refusals else ExitCode.OK


def _import_file(
    settings: Settings, journal: Journal, file: Path, new_id: str | None, documents: list[dict[str, Any]],
    refusals: list[FlowlangError],
) -> None:  # fmt: skip
    """Imports the runs of one file, and adds to what was done and refused. Raises FlowlangError where the file cannot
    be read any further."""
    import sys

    from flowlang.runtime.archive import archives_in, read_archives
    from flowlang.runtime.operations.operations import Operations
    from flowlang.runtime.payload_codec import codec_of

    codec = codec_of(journal)
    found = archives_in(sys.stdin.buffer, "stdin", codec) if file == STREAM else read_archives(file, codec)
    for number, archive in enumerate(found):
        if new_id is not None and number > 0:
            raise UsageError("`--id` names one run, but there are several", hint="import them under their own ids")
        try:
            run_id = Operations(journal).import_archive(archive, run_id=new_id)
        except RunAlreadyExists as error:
            refusals.append(error)
            continue
        run = journal.run(run_id)
        settings.output.status(f"run {run_id}: {run.sequence} events, {run.status.value}")
        documents.append({"run_id": run_id, "status": run.status.value, "file": str(file)})
