"""`flowlang runs show` and `runs journal`: one run, looked at closely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.output import LIST_FORMATS
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowlang.cli.run_text import RunView
    from flowlang.runtime.journal.event import Record
    from flowlang.runtime.journal.journal import Journal

_SHOW_EXAMPLE: Final = """\
  flowlang runs show etl-2026-01-31
  flowlang runs show etl-2026-01-31 --at 17
"""
_JOURNAL_EXAMPLE: Final = """\
  flowlang runs journal etl-2026-01-31 --output json
  flowlang runs journal etl-2026-01-31 --event action-failed --reverse --limit 5
"""


@command("show", uses_journal=True, example=_SHOW_EXAMPLE)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--at", "event", type=click.IntRange(min=1), metavar="EVENT",
              help="Where its script was at this event, with the values of its names.")  # fmt: skip
def show_run(settings: Settings, run_id: str, event: int | None) -> ExitCode:
    """Show a run: its status, what it waits for, what came of it."""

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.cli.run_text import RunView
        from flowlang.runtime.clock import SystemClock
        from flowlang.runtime.operations.operations import Operations

        run = find_run(journal, run_id)
        if event is not None:
            from flowlang.cli.debugger_view import state_at

            state_at(settings, journal, run, event)
            return ExitCode.OK
        operations = Operations(journal)
        view = RunView(
            settings, journal, run, journal.read(run.run_id), operations.result(run.run_id),
            journal.attributes(run.run_id), SystemClock().now_ms(),
        )  # fmt: skip
        if settings.output.is_json:
            _show_json(settings, view)
        else:
            _show_text(settings, view)
        return ExitCode.OK

    return use_journal(settings, show, run_id)


def _show_json(settings: Settings, view: RunView) -> None:
    from flowlang.cli.document import result_fields, run_document, waits_document
    from flowlang.lang.values.result import Ok

    document = {"schema": "flowlang/run/1", **run_document(view.journal, view.run, view.status)}
    if view.result is not None:
        document |= {"ok": isinstance(view.result, Ok), **result_fields(view.result)}
    settings.output.document(
        document
        | {
            "attributes": dict(view.attributes),
            "open": [row.strip() for row in view.open_rows()],
            "waits": waits_document(view.waits()),
        }
    )


def _show_text(settings: Settings, view: RunView) -> None:
    from flowlang.cli.render import render_failure
    from flowlang.cli.run_text import wait_text
    from flowlang.cli.terminal import one_line
    from flowlang.lang.values.result import Err

    output = settings.output
    for name, value in view.fields().items():
        if value:
            output.data(f"{name:<10} {one_line(value)}")
    for row in view.open_rows():
        output.data(f"{'open':<10} {one_line(row)}")
    for wait in view.waits():
        if wait.kind != "action":
            output.data(f"{'waits for':<10} {one_line(wait_text(wait))}")
    if isinstance(view.result, Err):
        sources = view.journal.modules(view.run.run_id)
        text = render_failure(view.result, sources, color=output.has_color_data, verbose=output.is_verbose)
        output.rendered("\n" + text)
    for hint in view.hints():
        output.hint(hint)


@command("journal", uses_journal=True, formats=LIST_FORMATS, example=_JOURNAL_EXAMPLE)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.option("--event", "kinds", metavar="KIND", multiple=True,
              help="Only events of this kind, such as `action-failed`; can be repeated.")  # fmt: skip
@click.option("--from", "first", type=click.IntRange(min=1), metavar="EVENT", help="Only from this event on.")
@click.option("--to", "last", type=click.IntRange(min=1), metavar="EVENT", help="Only up to this event.")
@click.option("--reverse", is_flag=True, help="The newest first.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: all]")
@click.option("--count", "is_counted", is_flag=True, help="Only say how many there are of each kind.")
def show_journal(
    settings: Settings, run_id: str, kinds: tuple[str, ...], first: int | None, last: int | None, reverse: bool,
    limit: int | None, is_counted: bool,
) -> ExitCode:  # fmt: skip
    """Show the events of a run: what it did, in order."""

    def show(journal: Journal) -> ExitCode:
        from flowlang.cli.document import event_kind
        from flowlang.cli.run_lookup import find_run

        _check_kinds(kinds)
        run = find_run(journal, run_id)
        records = [
            record
            for record in journal.read(run.run_id, after=(first or 1) - 1)
            if (last is None or record.sequence <= last) and (not kinds or event_kind(record.event) in kinds)
        ]
        if reverse:
            records.reverse()
        if is_counted:
            _show_counts(settings, run.run_id, records)
        else:
            _show_records(settings, run.run_id, records[:limit])
        return ExitCode.OK

    return use_journal(settings, show, run_id)


def _check_kinds(kinds: Sequence[str]) -> None:
    from flowlang.lang.diagnostics.suggest import nearest
    from flowlang.runtime.journal.codec import known_kinds

    known = sorted({kind.partition("/")[0] for kind in known_kinds()})
    for kind in kinds:
        if kind not in known:
            near = nearest(kind, known)
            hint = f"did you mean `{near}`?" if near is not None else "the kinds are " + ", ".join(known)
            raise UsageError(f"`--event`: there is no kind of event `{kind}`", hint=hint)


def _show_records(settings: Settings, run_id: str, records: Sequence[Record]) -> None:
    from flowlang.cli.document import event_document, events_document
    from flowlang.cli.event_text import journal_line

    output = settings.output
    if output.is_json and not output.is_jsonl:
        output.document(events_document(run_id, records))
        return
    for record in records:
        if output.is_jsonl:
            output.document({"schema": "flowlang/event/1", "run_id": run_id, **event_document(record)})
        else:
            output.data(journal_line(record))


def _show_counts(settings: Settings, run_id: str, records: Sequence[Record]) -> None:
    from collections import Counter

    from flowlang.cli.document import event_kind
    from flowlang.cli.table import table

    counts = Counter(event_kind(record.event) for record in records)
    if settings.output.is_json:
        by_kind = dict(sorted(counts.items()))
        settings.output.document(
            {"schema": "flowlang/counts/1", "run_id": run_id, "events": len(records), "by_kind": by_kind}
        )
    else:
        rows = [(kind, str(number)) for kind, number in sorted(counts.items())]
        settings.output.data(table(("KIND", "EVENTS"), [*rows, ("total", str(len(records)))]))
