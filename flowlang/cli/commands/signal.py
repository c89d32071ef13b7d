"""`flowlang signal`: sends a signal to a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal

_EXAMPLE: Final = """\
  flowlang signal order-17 paid --payload '{"amount": 120}' --key payment-4711
  flowlang signal order-17 paid --payload - < payment.json
"""


@command("signal", uses_journal=True, example=_EXAMPLE)
@click.argument("run_id", metavar="ID", shell_complete=complete_run)
@click.argument("name", metavar="NAME")
@click.option("--payload", metavar="JSON|-", help="What it says, as JSON; `-` reads stdin.  [default: null]")
@click.option("--key", default="", metavar="KEY",
              help="Your id of it: sent again with the same key and payload, it is delivered once.")  # fmt: skip
def signal(settings: Settings, run_id: str, name: str, payload: str | None, key: str) -> ExitCode:
    """Send a signal to a run. It is kept until the run receives it, also when that comes much later."""

    def send(journal: Journal) -> ExitCode:
        from flowlang.cli.argument import read_payload
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.operations.operations import Operations

        value = read_payload(payload)
        run = find_run(journal, run_id)
        is_new = Operations(journal).signal(run.run_id, name, value, key=key)
        output = settings.output
        if output.is_json:
            change = {"run_id": run.run_id, "name": name, "key": key or None, "is_new": is_new}
            output.document({"schema": "flowlang/changes/1", "change": "signal", "dry_run": False, "runs": [change]})
        if is_new:
            output.status(f"run {run.run_id} has the signal `{name}`")
        else:
            output.status(f"run {run.run_id} had the signal with the key `{key}` before; nothing changed")
        return ExitCode.OK

    return use_journal(settings, send, run_id)
