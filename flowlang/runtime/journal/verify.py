"""Checks what a journal holds of a run against its rules, for `db check` and for the experiments.

Reading checks the chain, the numbering and the run's row. This goes on from there: answers belong to commands, no
command has two, nothing starts again that was answered, tokens never fall, the status fits the last record, and the
gates and the inbox hold what the records say. It only reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowlang.errors import JournalError
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.chain import damaged_row
from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import (
    GateOpened,
    MessageReceived,
    Record,
    RunCompleted,
    RunReset,
    RunStopped,
    position_text,
)
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import RunFilter, RunRecord, RunStatus
from flowlang.runtime.journal.sense import misplaced

_PAGE = 500


def verify(journal: Journal, run_id: str) -> list[str]:
    """What is wrong with a run, as lines for people; empty when nothing is. Raises RunNotFound."""
    run = journal.run(run_id)
    try:
        records = journal.read(run_id)
        journal.modules(run_id)
        journal.attributes(run_id)
    except JournalError as error:
        return [error.message]
    if journal.run(run_id) != run:
        return []  # Somebody drives it just now; what was read does not belong together.
    return [
        *_tokens(run, records),
        *misplaced(records),
        *_status(run, records),
        *_inbox(journal, run, records),
        *_gates(journal, run, records),
    ]


def verify_all(journal: Journal, which: RunFilter | None = None) -> dict[str, list[str]]:
    """The runs with which something is wrong, and what it is. Runs whose rows cannot be read are always among them."""
    wrong = {run_id: [damaged_row(run_id).message] for run_id in journal.unreadable(limit=100_000)}
    before: int | None = None
    while runs := journal.find(which or RunFilter(), limit=_PAGE, before=before):
        for run in runs:
            try:
                findings = verify(journal, run.run_id)
            except JournalError as error:
                findings = [error.message]
            if findings:
                wrong[run.run_id] = findings
        before = runs[-1].number
    return wrong


def _tokens(run: RunRecord, records: Sequence[Record]) -> Iterable[str]:
    newest = 0
    for record in records:
        if record.token < newest:
            yield f"record {record.sequence} was written under token {record.token} after token {newest} was given out"
        newest = max(newest, record.token)
    if newest > run.token:
        yield f"records were written under token {newest}, but the newest that was given out is {run.token}"


def _status(run: RunRecord, records: Sequence[Record]) -> Iterable[str]:
    last = records[-1].event if records else None
    stops = isinstance(last, RunStopped) and last.reason in ("budget", "divergence", "quarantine")
    ends = isinstance(last, RunCompleted) or (isinstance(last, RunStopped) and not stops)
    if ends != run.status.is_final:
        yield f"the run is `{run.status.value}`, but its last record is `{kind_of(last) if last else 'missing'}`"
    elif isinstance(last, RunCompleted) and run.status is not _ended_status(last):
        yield f"the run is `{run.status.value}`, but its outcome says otherwise"
    for record in records[:-1]:
        undone = any(isinstance(later.event, RunReset) for later in records[record.sequence :])
        if isinstance(record.event, RunCompleted) and not undone:
            yield f"record {record.sequence} ends the run, but others follow"
    if bool(run.owner) != (run.status is RunStatus.RUNNING):
        yield f"the run is `{run.status.value}`, but its owner is `{run.owner}`"
    if not run.status.is_final and run.status is not RunStatus.STOPPED and run.due_at_ms is None:
        yield from _never_due(run)


def _ended_status(last: RunCompleted) -> RunStatus:
    return RunStatus.COMPLETED if last.ok else RunStatus.FAILED


def _never_due(run: RunRecord) -> Iterable[str]:
    waits_for_others = run.status is RunStatus.WAITING or bool(run.partition)
    if not waits_for_others:
        yield f"the run is `{run.status.value}` and will never become due"


def _inbox(journal: Journal, run: RunRecord, records: Sequence[Record]) -> Iterable[str]:
    recorded = {
        (record.event.name, record.event.key)
        for record in standing_records(records)
        if isinstance(record.event, MessageReceived) and record.event.key
    }
    previous = 0
    for message in journal.open_messages(run.run_id):
        if message.number <= previous:
            yield f"message {message.number} stands after message {previous}"
        previous = message.number
        if message.channel == "signal" and (message.name, message.key) in recorded:
            yield f"message {message.number} was received and is still in the inbox"


def _gates(journal: Journal, run: RunRecord, records: Sequence[Record]) -> Iterable[str]:
    opened = {position_text(record.event.position) for record in records if isinstance(record.event, GateOpened)}
    for gate in journal.waits(run_id=run.run_id, only_open=False, limit=100_000):
        if gate.position not in opened:
            yield f"there is a gate at `{gate.position}` that no record opened"
        if run.status.is_final and not gate.decided_by:
            yield f"the gate at `{gate.position}` is open, but the run has ended"
