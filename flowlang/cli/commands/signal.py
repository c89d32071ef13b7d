"""`flowlang signal`: sends a signal to a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.run_change import Change, apply_to_runs
from flowlang.cli.run_choice import Batch, batch_options
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import RunRecord
    from flowlang.runtime.operations.operations import Operations

_EXAMPLE: Final = """\
  flowlang signal order-17 paid --payload '{"amount": 120}' --key payment-4711
  flowlang signal order-17 paid --payload - < payment.json
  flowlang signal reload --where 'flow = "serve"' --status waiting --dry-run
"""


@command("signal", uses_journal=True, example=_EXAMPLE)
@click.argument("words", metavar="[ID] NAME", nargs=-1, required=True, shell_complete=complete_run)
@batch_options
@click.option("--payload", metavar="JSON|-", help="What it says, as JSON; `-` reads stdin.  [default: null]")
@click.option("--key", default="", metavar="KEY",
              help="Your id of it: sent again with the same key and payload, it is delivered once.")  # fmt: skip
def signal(settings: Settings, words: tuple[str, ...], batch: Batch, payload: str | None, key: str) -> ExitCode:
    """Send a signal to a run. It is kept until the run receives it, also when that comes much later.

    With `--where`, `--status` or `--since` it is sent to all of these runs.
    """
    from flowlang.cli.argument import read_payload

    wanted = 1 if batch.is_many else 2
    if len(words) != wanted:
        given = "the name of the signal" if batch.is_many else "the id of a run and the name of the signal"
        raise UsageError(f"`signal` takes {given}, not {len(words)} words", hint="such as `flowlang signal ID NAME`")
    name = words[-1]
    batch = attrs.evolve(batch, run_id=None if batch.is_many else words[0])
    value = read_payload(payload)

    def send(operations: Operations, run: RunRecord) -> Change:
        is_new = operations.signal(run.run_id, name, value, key=key)
        fields = {"name": name, "key": key or None, "is_new": is_new}
        if is_new:
            return Change(f"run {run.run_id} has the signal `{name}`", fields)
        return Change(f"run {run.run_id} had the signal with the key `{key}` before; nothing changed", fields)

    def plan(operations: Operations, run: RunRecord) -> Change:
        is_new = operations.plan_signal(run.run_id, name, value, key=key)
        fields = {"name": name, "key": key or None, "is_new": is_new}
        if is_new:
            return Change(f"would signal run {run.run_id}, which is {run.status.value}", fields)
        return Change(f"run {run.run_id} has the signal with the key `{key}` already", fields)

    return use_journal(
        settings, lambda journal: apply_to_runs(settings, journal, batch, "signal", send, plan=plan),
        batch.run_id or "",
    )  # fmt: skip
