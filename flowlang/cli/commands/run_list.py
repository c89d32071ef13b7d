"""`flowlang runs list`, `count`, `stuck` and `tree`: many runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.output import LIST_FORMATS
from flowlang.cli.quantity import Span
from flowlang.cli.run_choice import Choice, hint_at_doubts, selecting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowlang.runtime.journal.journal import Journal, RunRecord
    from flowlang.runtime.operations.operations import Branch

LIMIT: Final = 50
_LIMIT = click.option("--limit", type=click.IntRange(min=1), default=LIMIT, help="At most so many.  [default: 50]")
_FIELDS = click.option("--fields", metavar="NAMES",
                       help="What to show of each, such as `run_id,status,attribute.region`.")  # fmt: skip
_LIST_EXAMPLE: Final = """\
  flowlang runs list --status failed --since 1d
  flowlang runs list --where 'region = "eu" and not progress > 0.5' --fields run_id,status,attribute.region
"""


@command("list", uses_journal=True, formats=LIST_FORMATS, example=_LIST_EXAMPLE)
@selecting
@_LIMIT
@_FIELDS
def list_runs(settings: Settings, choice: Choice, limit: int, fields: str | None) -> ExitCode:
    """List runs, the newest first."""
    found: list[tuple[RunRecord, str]] = []
    documents: list[dict[str, Any]] = []
    from flowlang.cli.document import RUN_FIELDS
    from flowlang.cli.table import parse_fields

    names = parse_fields(fields, RUN_FIELDS)
    selection = choice.selection()
    if settings.has_journal():
        with settings.reading() as journal:
            for run in selection.runs(journal, limit + 1):
                shown, document = _described(journal, run, names)
                found.append((run, shown))
                documents.append(document)
    is_more = len(found) > limit
    if settings.output.is_json:
        settings.output.items("flowlang/runs/1", "runs", "flowlang/run/1", documents[:limit], more=is_more)
    elif found:
        settings.output.data(_table(found[:limit], documents[:limit], names))
    else:
        settings.output.status("there are no runs" + (" that fit" if choice.is_given else " yet"))
        hint_at_doubts(settings, selection)
    if is_more:
        settings.output.note(f"only the newest {limit}; `--limit` shows more")
    return ExitCode.OK


def _described(journal: Journal, run: RunRecord, names: list[str] | None) -> tuple[str, dict[str, Any]]:
    """The status as people see it, and the fields that were asked for."""
    from flowlang.cli.document import run_document
    from flowlang.cli.run_lookup import status_text
    from flowlang.cli.table import picked

    shown = status_text(journal, run)
    document = run_document(journal, run, shown)
    if names is not None and any(name.startswith("attribute.") for name in names):
        document |= {f"attribute.{name}": value for name, value in journal.attributes(run.run_id).items()}
    return shown, picked(document, names)


def _table(found: list[tuple[RunRecord, str]], documents: list[dict[str, Any]], names: list[str] | None) -> str:
    from flowlang.cli.document import moment
    from flowlang.cli.table import table

    if names is not None:
        headings = [name.upper() for name in names]
        shown = zip(found, documents, strict=True)
        return table(headings, [[_cell(name, run, document) for name in names] for (run, _), document in shown])
    rows = [
        (run.run_id, status, _script(run), moment(run.created_at_ms)[:19] + "Z", str(run.actions_completed))
        for run, status in found
    ]
    return table(("ID", "STATUS", "SCRIPT", "STARTED", "ACTIONS"), rows)


def _cell(name: str, run: RunRecord, document: Mapping[str, Any]) -> str:
    """A field of a run as people read it."""
    from flowlang.cli.run_text import progress_text
    from flowlang.cli.table import cell

    return progress_text(run.progress) if name == "progress" else cell(document[name])


def _script(run: RunRecord) -> str:
    return f"{run.entry}:{run.flow}" if run.flow else run.entry


@command("count", uses_journal=True, example="  flowlang runs count --where 'region = \"eu\"' --since 7d\n")
@selecting
def count_runs(settings: Settings, choice: Choice) -> ExitCode:
    """Count runs by status."""
    from flowlang.cli.table import table

    counts: dict[str, int] = {}
    selection = choice.selection()
    if settings.has_journal():
        with settings.reading() as journal:
            counts = {status.value: number for status, number in selection.count(journal).items()}
    total = sum(counts.values())
    if settings.output.is_json:
        settings.output.document({"schema": "flowlang/counts/1", "runs": total, "by_status": counts})
    elif counts:
        rows = [(status, str(number)) for status, number in sorted(counts.items())]
        settings.output.data(table(("STATUS", "RUNS"), [*rows, ("total", str(total))]))
    else:
        settings.output.status("there are no runs" + (" that fit" if choice.is_given else " yet"))
        hint_at_doubts(settings, selection)
    return ExitCode.OK


@command("stuck", uses_journal=True, formats=LIST_FORMATS, example="  flowlang runs stuck --older-than 60s\n")
@click.option("--older-than", "older_ms", type=Span(), default=0, metavar="SPAN",
              help="Only those that have been stuck for so long.  [default: 0s]")  # fmt: skip
@_LIMIT
def list_stuck(settings: Settings, older_ms: int, limit: int) -> ExitCode:
    """List runs that do not go on by themselves, and why.

    The worker of some went away and nobody took them over: a worker of their queue does so by itself; there is none
    that runs, or it is busy. Others were stopped, lack their actions, or are damaged in the journal.
    """

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.board import duration
        from flowlang.cli.table import table
        from flowlang.runtime.clock import SystemClock

        now_ms = SystemClock().now_ms()
        lost = journal.stuck(older_ms, limit)
        found = [*lost, *_set_aside(journal, now_ms - older_ms, limit - len(lost))]
        damaged = journal.unreadable(limit)
        if settings.output.is_json:
            documents = [_described(journal, run, None)[1] for run in found]
            settings.output.items("flowlang/runs/1", "runs", "flowlang/run/1", documents, more=len(found) == limit)
        elif found or damaged:
            rows = [
                (run.run_id, run.queue, _why_stuck(run),
                 duration(max(0, now_ms - (run.lease_expires_at_ms if run.owner else run.updated_at_ms))))
                for run in found
            ]  # fmt: skip
            rows += [(run_id, "", "damaged in the journal", "") for run_id in damaged]
            settings.output.data(table(("ID", "QUEUE", "WHY", "FOR"), rows))
        else:
            settings.output.status("no run is stuck")
        if lost:
            settings.output.hint(f"`{settings.command('worker --once')}` takes over those whose worker went away")
        if len(found) > len(lost):
            last = found[len(lost)].run_id
            settings.output.hint(f"`{settings.command(f'runs show {last}')}` says more, and what to do")
        if damaged:
            settings.output.hint(f"`{settings.command('db check')}` says what is damaged")
        return ExitCode.OK

    return use_journal(settings, show)


def _set_aside(journal: Journal, latest_ms: int, limit: int) -> list[RunRecord]:
    """Runs that were stopped at the latest then, and runs that no worker has the actions of; the newest first."""
    from flowlang.runtime.journal.journal import Condition, RunFilter, RunStatus

    over = Condition("updated_at_ms", "<=", latest_ms)
    missing = Condition("reason", "=", "actions-missing")
    found: list[RunRecord] = []
    for status, where in ((RunStatus.STOPPED, (over,)), (RunStatus.WAITING, (over, missing))):
        if limit > len(found):
            found += journal.find(RunFilter(status=(status,), where=where), limit=limit - len(found))
    return found


def _why_stuck(run: RunRecord) -> str:
    from flowlang.cli.run_lookup import owner_text

    if run.owner:
        return f"{owner_text(run.owner)} went away"
    return {
        "actions-missing": "no worker has its actions",
        "quarantine": "whoever drives it dies",
        "divergence": "its code does something else now",
        "budget": "a budget is used up",
        "payload": "a value is too large",
        "unreadable": "its history cannot be read",
        "defect": "a defect of flowlang",
    }.get(run.reason, run.reason or "stopped")


@command("tree", uses_journal=True, example="  flowlang runs tree etl-2026-01-31\n")
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--depth", type=click.IntRange(min=0), default=20, help="So many levels of children.  [default: 20]")
def show_tree(settings: Settings, run_id: str, depth: int) -> ExitCode:
    """Show a run and the runs below it: its children, and theirs."""

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.operations.operations import Operations

        branch = Operations(journal).tree(find_run(journal, run_id).run_id, depth=depth)
        if settings.output.is_json:
            settings.output.document({"schema": "flowlang/tree/1", **_branch_document(journal, branch)})
        else:
            for line in _branch_lines(journal, branch, ""):
                settings.output.data(line)
        return ExitCode.OK

    return use_journal(settings, show)


def _branch_document(journal: Journal, branch: Branch) -> dict[str, Any]:
    _, document = _described(journal, branch.run, None)
    children = [_branch_document(journal, child) for child in branch.children]
    return {**document, "children": children, "is_cut": branch.is_cut}


def _branch_lines(journal: Journal, branch: Branch, indent: str) -> Iterator[str]:
    from flowlang.cli.run_lookup import status_text
    from flowlang.cli.terminal import one_line

    run = branch.run
    state = f"  {run.state}" if run.state else ""
    yield indent + one_line(f"{run.run_id}  {status_text(journal, run)}  {_script(run)}{state}")
    for child in branch.children:
        yield from _branch_lines(journal, child, indent + "  ")
    if branch.is_cut:
        yield f"{indent}  ... and more below"
