"""`flowlang gates`, `approve` and `reject`: decisions that runs wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.completion import complete_run
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, use_journal
from flowlang.cli.output import LIST_FORMATS
from flowlang.cli.run_change import operator

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal, WaitRecord

LIMIT: Final = 50
_GATE = click.argument("gate", metavar="TOKEN|ID:NAME")
_BY = click.option("--by", metavar="NAME", help="Who decides.  [default: your name on this machine]")
_REASON = click.option("--reason", metavar="TEXT", default="", help="Why; the script sees it.")
_PAYLOAD = click.option("--payload", metavar="JSON|-", help="More for the script, as JSON; `-` reads stdin.")


@command("gates", uses_journal=True, formats=LIST_FORMATS, example="  flowlang gates\n  flowlang gates order-17\n")
@click.argument("run_id", metavar="[ID]", required=False, shell_complete=complete_run)
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, help="At most so many.  [default: 50]")
def gates(settings: Settings, run_id: str | None, limit: int) -> ExitCode:
    """List the gates that wait for a decision, of all runs or of one; those that expire first come first."""
    found: list[WaitRecord] = []

    def collect(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.operations.operations import Operations

        named = None if run_id is None else find_run(journal, run_id).run_id
        found.extend(Operations(journal).gates(named, limit + 1))
        return ExitCode.OK

    if run_id is not None or settings.has_journal():
        use_journal(settings, collect, run_id or "")
    from flowlang.cli.document import gate_document

    output = settings.output
    if output.is_json:
        documents = [gate_document(wait) for wait in found[:limit]]
        output.items("flowlang/gates/1", "gates", "flowlang/gate/1", documents, more=len(found) > limit)
    elif found:
        output.data(_table(found[:limit]))
        first = found[0]
        output.hint(f"`{settings.command(f'approve {first.run_id}:{first.name}')}` decides one, or `reject`")
    else:
        output.status("no gate waits for a decision")
    if len(found) > limit:
        output.note(f"only the first {limit}; `--limit` shows more")
    return ExitCode.OK


def _table(found: list[WaitRecord]) -> str:
    from flowlang.cli.document import moment
    from flowlang.cli.event_text import value_text
    from flowlang.cli.table import table

    rows = [
        (
            wait.run_id, wait.name, moment(wait.created_at_ms)[:19] + "Z",
            "" if wait.expires_at_ms is None else moment(wait.expires_at_ms)[:19] + "Z", value_text(wait.payload),
        )
        for wait in found
    ]  # fmt: skip
    return table(("RUN", "GATE", "OPENED", "EXPIRES", "DATA"), rows)


@command("approve", uses_journal=True, example='  flowlang approve order-17:refund --by ann --reason "checked"\n')
@_GATE
@_BY
@_REASON
@_PAYLOAD
def approve(settings: Settings, gate: str, by: str | None, reason: str, payload: str | None) -> ExitCode:
    """Decide a gate: yes. It is named by its token, or by the run and its name.

    A gate is decided once; a second decision is refused, and so is one that comes too late.
    """
    return _decide(settings, "approve", gate, by, reason, payload)


@command("reject", uses_journal=True, example='  flowlang reject order-17:refund --by ann --reason "no receipt"\n')
@_GATE
@_BY
@_REASON
@_PAYLOAD
def reject(settings: Settings, gate: str, by: str | None, reason: str, payload: str | None) -> ExitCode:
    """Decide a gate: no. It is named by its token, or by the run and its name."""
    return _decide(settings, "reject", gate, by, reason, payload)


def _decide(settings: Settings, decision: str, gate: str, by: str | None, reason: str, payload: str | None) -> ExitCode:
    def decide(journal: Journal) -> ExitCode:
        from flowlang.cli.argument import read_payload
        from flowlang.runtime.operations.operations import Operations

        value = read_payload(payload)
        operations = Operations(journal)
        named = _named(journal, gate)
        act = operations.approve if decision == "approve" else operations.reject
        who = operator() if by is None else by
        wait = act(named, by=who, reason=reason, payload=value)
        output = settings.output
        if output.is_json:
            change = {"run_id": wait.run_id, "gate": wait.name, "by": who, "reason": reason or None}
            output.document({"schema": "flowlang/changes/1", "change": decision, "dry_run": False, "runs": [change]})
        word = "approved" if decision == "approve" else "rejected"
        output.status(f"gate `{wait.name}` of run {wait.run_id} is {word} by {who}")
        return ExitCode.OK

    return use_journal(settings, decide)


def _named(journal: Journal, gate: str) -> str:
    """The gate with its run's whole id. Raises UsageError for what is neither a token nor `ID:NAME`."""
    from flowlang.cli.run_lookup import find_run
    from flowlang.errors import UsageError
    from flowlang.runtime.gate_token import VERSION

    if gate.startswith(f"{VERSION}."):
        return gate
    run_id, colon, name = gate.rpartition(":")
    if not colon or not run_id or not name:
        raise UsageError(
            f"`{gate}` is neither a token nor `ID:NAME`", hint="`flowlang gates` lists the gates with their runs"
        )
    return f"{find_run(journal, run_id).run_id}:{name}"
