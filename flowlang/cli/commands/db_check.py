"""`flowlang db check`: is every journal what was written, and does it hold what must hold?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal


@command("check", uses_journal=True, example="  flowlang db check\n  flowlang db check etl-2026-01-31\n")
@click.argument("run_id", metavar="[ID]", required=False, shell_complete=complete_run)
def check_runs(settings: Settings, run_id: str | None) -> ExitCode:
    """Check the journals of all runs, or of one.

    That is their checksums, order and counters, open gates, messages, and when they are due. Changes nothing, and may
    be done while workers run. The exit code is 1 when something is wrong.
    """

    def check(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.journal.verify import verify, verify_each

        results: Iterable[tuple[str, list[str]]]
        if run_id is None:
            results = verify_each(journal)
        else:
            found_id = find_run(journal, run_id).run_id
            results = [(found_id, verify(journal, found_id))]
        checked = 0
        documents: list[dict[str, Any]] = []
        for checked_id, findings in results:
            checked += 1
            if findings:
                documents.append({"run_id": checked_id, "findings": findings})
            for finding in findings if not settings.output.is_json else ():
                settings.output.data(f"{checked_id}: {finding}")
        if settings.output.is_json:
            settings.output.document({"schema": "flowlang/verification/1", "checked": checked, "damaged": documents})
        settings.output.status(_summary(checked, len(documents)))
        if documents:
            settings.output.hint("restore the database from a copy; runs that are not named are whole")
        return ExitCode.FAILED if documents else ExitCode.OK

    return use_journal(settings, check, run_id or "")


def _summary(checked: int, damaged: int) -> str:
    runs = f"{checked} run{'s' if checked != 1 else ''} checked"
    return f"{runs}, {damaged} of them damaged" if damaged else f"{runs}, all as they were written"
