"""Checks what a journal holds of a run against its rules, for `db check` and for the experiments.

Reading checks the chain, the numbering and the run's row. This goes on from there: answers belong to commands, no
command has two, nothing starts again that was answered, tokens never fall, the status fits the last record, the gates
and the inbox hold what the records say, and a run that waits is due when the first thing happens that it waits for. It
only reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from flowlang.errors import GateNotFound, JournalError, RunNotFound
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.chain import chapter_of, damaged_row
from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import (
    ANSWERS,
    COMMANDS,
    AttemptFailed,
    AttemptStarted,
    ChapterStarted,
    CommandWithdrawn,
    Event,
    GateOpened,
    MessageReceived,
    Position,
    ReceiveStarted,
    Record,
    RunCompleted,
    RunReset,
    RunStopped,
    TimerStarted,
    position_text,
)
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import RunFilter, RunRecord, RunStatus
from flowlang.runtime.journal.rules import earliest
from flowlang.runtime.journal.sense import GATE, misplaced

_PAGE: Final = 500
_UNREADABLE_MAX: Final = 100_000
_WAITED_FOR: Final = ("signal", GATE)
"""Messages that may lie in an inbox until somebody waits for them; others are taken at once."""
_CLOCKS_DIFFER_MS: Final = 60_000
"""Whoever posts a message and whoever drives the run may have different clocks."""


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
        *_due(journal, run, records),
    ]


def verify_each(journal: Journal, which: RunFilter | None = None) -> Iterator[tuple[str, list[str]]]:
    """Each run with what is wrong with it; first those whose rows cannot be read, whichever were asked for. Runs that
    are deleted meanwhile are left out."""
    for run_id in journal.unreadable(limit=_UNREADABLE_MAX):
        yield run_id, [damaged_row(run_id).message]
    before: int | None = None
    while runs := journal.find(which or RunFilter(), limit=_PAGE, before=before):
        for run in runs:
            with suppress(RunNotFound):
                try:
                    yield run.run_id, verify(journal, run.run_id)
                except JournalError as error:
                    yield run.run_id, [error.message]
        before = runs[-1].number


def verify_all(journal: Journal, which: RunFilter | None = None) -> dict[str, list[str]]:
    """The runs with which something is wrong, and what it is. Runs whose rows cannot be read are always among them."""
    return {run_id: findings for run_id, findings in verify_each(journal, which) if findings}


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
    if run.chapter_sequence != chapter_of(records):
        yield f"the run is to go on from record {run.chapter_sequence}, but its chapter begins elsewhere"
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
    every = {position_text(record.event.position) for record in records if isinstance(record.event, GateOpened)}
    gates = {gate.position: gate for gate in journal.waits(run_id=run.run_id, only_open=False, limit=100_000)}
    for gate in gates.values():
        if gate.position not in every:
            yield f"there is a gate at `{gate.position}` that no record opened"
        if run.status.is_final and not gate.decided_by:
            yield f"the gate at `{gate.position}` is open, but the run has ended"
    chapter = _chapter(records)
    decided = {
        command.name for record, command in _answered(chapter)
        if isinstance(record.event, MessageReceived) and isinstance(command, ReceiveStarted) and command.channel == GATE
    }  # fmt: skip
    for record in chapter:
        event = record.event
        if not isinstance(event, GateOpened):
            continue
        position = position_text(event.position)
        found = gates.get(position)
        if found is None:
            yield f"record {record.sequence} opened a gate at `{position}`, but there is none"
            continue
        if (found.name, found.expires_at_ms) != (event.name, event.expires_at_ms):
            yield f"the gate at `{position}` is not the one that record {record.sequence} opened"
        if position in decided and not found.decided_by:
            yield f"the gate at `{position}` is open, but its decision was received"
        if not found.decided_by and not _has_key(journal, event.key_id):
            yield f"nobody can decide the gate at `{position}`: there is no key `{event.key_id}`"


def _has_key(journal: Journal, key_id: str) -> bool:
    try:
        journal.key(key_id)
    except GateNotFound:
        return False
    return True


def _chapter(records: Sequence[Record]) -> Sequence[Record]:
    """The records that count, from the begin of the last chapter on."""
    standing = standing_records(records)
    begins = [index for index, record in enumerate(standing) if isinstance(record.event, ChapterStarted)]
    return standing[begins[-1] :] if begins else standing


def _answered(records: Sequence[Record]) -> Iterator[tuple[Record, Event]]:
    """Each answer with the command that it answers."""
    asked: dict[Position, Event] = {}
    for record in records:
        event: Any = record.event
        if type(event) in COMMANDS:
            asked[event.position] = event
        elif type(event) in ANSWERS and event.position in asked:
            yield record, asked[event.position]


def _due(journal: Journal, run: RunRecord, records: Sequence[Record]) -> Iterable[str]:
    """What a waiting run would sleep through. To be due too early is harmless: it is put down again."""
    if run.status is not RunStatus.WAITING:
        return
    times: dict[Position, int | None] = {}
    receptions: dict[Position, ReceiveStarted] = {}
    for record in _chapter(records):
        event: Any = record.event
        match event:
            case TimerStarted():
                times[event.position] = event.wake_at_ms
            case ReceiveStarted():
                times[event.position], receptions[event.position] = event.wake_at_ms, event
            case AttemptFailed():
                times[event.position] = event.retry_at_ms
            case AttemptStarted():
                times.pop(event.position, None)
            case _ if type(event) in ANSWERS or isinstance(event, CommandWithdrawn):
                times.pop(event.position, None)
                receptions.pop(event.position, None)
    first_ms = earliest(*times.values(), run.deadline_at_ms)
    if first_ms is not None and (run.due_at_ms is None or run.due_at_ms > first_ms):
        yield "the run waits, and will not become due in time"
        return
    for message in journal.open_messages(run.run_id):
        is_wanted = message.channel not in _WAITED_FOR or any(
            asked.channel == message.channel and asked.name in ("", message.name) for asked in receptions.values()
        )
        latest_ms = max(message.created_at_ms, run.updated_at_ms) + _CLOCKS_DIFFER_MS
        if is_wanted and (run.due_at_ms is None or run.due_at_ms > latest_ms):
            yield f"the run waits, and will not become due for message {message.number}"
            return
