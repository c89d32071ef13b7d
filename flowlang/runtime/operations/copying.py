"""Runs made from the records of others: forks of a run in the same journal, and archives from elsewhere."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from flowlang.errors import RunError, UsageError
from flowlang.runtime.archive import Archive
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ChildEnded,
    ChildStarted,
    CodeChanged,
    Event,
    GateOpened,
    MessageReceived,
    ReceiveStarted,
    Record,
    RunCompleted,
    RunForked,
    position_text,
)
from flowlang.runtime.journal.journal import (
    Counters,
    Journal,
    NewMessage,
    NewRun,
    NewWait,
    Placement,
    RunRecord,
    RunStatus,
)
from flowlang.runtime.journal.rules import child_message
from flowlang.runtime.launch import PinnedCode
from flowlang.runtime.operations.open_command import open_commands


def check_fork_point(run: RunRecord, records: Sequence[Record], at: int) -> None:
    """Raises UsageError when a run cannot be forked at that event."""
    last = records[-1].sequence
    hint = f"`flowlang runs journal {run.run_id}` shows its events"
    if not 1 <= at <= last:
        raise UsageError(f"run `{run.run_id}` has {last} events, so it cannot be forked at event {at}", hint=hint)
    if any(isinstance(record.event, RunCompleted) for record in standing_records(records[:at])):
        raise UsageError(f"at event {at} run `{run.run_id}` had ended", hint="give the number of an earlier event")


def fork_run(
    journal: Journal, run: RunRecord, records: Sequence[Record], at: int, new_id: str, code: PinnedCode | None,
    entry: str, now_ms: int,
) -> None:  # fmt: skip
    """Creates the fork. Its open actions are performed anew, its timers keep their times, its open gates are opened
    for itself. Of children that had not ended at that event it gets the results that they have given since; those that
    still go on stay with the other run, and it spawns its own when it is taken up. Raises RunError where it cannot."""
    children = _open_children(run.run_id, new_id, records[:at], records[at:])
    prefix = [_renamed(record, children.renamed) for record in records[:at]]
    events: list[Event] = [RunForked(run.run_id, at, secrets.token_hex(8))]
    manifest, modules = journal.manifest(run.run_id), journal.modules(run.run_id)
    if code is not None and code.digest != manifest_digest(manifest):
        events.append(CodeChanged(code.digest))
        manifest, modules = code.manifest, dict(code.texts)
    token = prefix[-1].token
    prefix += [Record(at + number, now_ms, token, event) for number, event in enumerate(events, start=1)]
    new = NewRun(
        new_id, entry, run.flow, run.arguments_digest, manifest, modules, Placement(run.queue, run.priority),
        attributes=journal.attributes(run.run_id), correlation=run.correlation,
    )  # fmt: skip
    done = sum(isinstance(record.event, ActionCompleted) for record in prefix)
    counters = Counters(run.steps, 0, done)
    journal.copy_in(
        new, prefix, counters, RunStatus.SUSPENDED, now_ms, waits=_open_gates(prefix), messages=children.messages
    )  # fmt: skip


@attrs.frozen
class _Children:
    """What a fork knows of children that had not ended: the results of those that have since, and under which ids it
    spawns the others anew, by the ids that the other run has for them."""

    messages: list[NewMessage]
    renamed: dict[str, str]


def _open_children(run_id: str, new_id: str, prefix: Sequence[Record], later: Sequence[Record]) -> _Children:
    ended = {record.event.position: record.event for record in later if isinstance(record.event, ChildEnded)}
    found = _Children([], {})
    for command in open_commands(prefix):
        if command.kind != "child":
            continue
        end, position = ended.get(command.position), position_text(command.position)
        if end is not None:
            found.messages.append(child_message(new_id, position, command.name, end.payload))
            continue
        _check_anonymous(run_id, command.name, prefix)
        found.renamed[command.name] = f"{new_id}:{position}"
    return found


def _check_anonymous(run_id: str, child: str, prefix: Sequence[Record]) -> None:
    """Raises RunError unless a child can be spawned anew under another id: it must be one that flowlang made, and
    nothing that the run did since may hold it, for it would be another there."""
    sequence, started = next(
        (record.sequence, record.event)
        for record in reversed(prefix)
        if isinstance(record.event, ChildStarted) and record.event.run_id == child
    )
    reason = "" if child.startswith(f"{run_id}:") else "its script gave that its id, which a fork cannot give again"
    for record in prefix[sequence:]:
        event: Any = record.event
        payload, texts = getattr(event, "payload", None), (getattr(event, "run_id", ""), getattr(event, "preview", ""))
        if child.encode() in (payload or b"") or any(child in text for text in texts):
            reason = f"its id stands in event {record.sequence}, and the child of a fork has another"
            break
    if reason:
        raise RunError(
            f"at that event run `{run_id}` waits for its child `{child}`, which has not ended: {reason}",
            run_id=run_id,
            hint=f"fork at event {sequence - 1} or before, where `{started.flow}` was not spawned yet, or when it has "
            "ended",
        )


def _renamed(record: Record, renamed: Mapping[str, str]) -> Record:
    event = record.event
    if isinstance(event, ChildStarted) and event.run_id in renamed:
        return attrs.evolve(record, event=attrs.evolve(event, run_id=renamed[event.run_id]))
    return record


def _open_gates(records: Sequence[Record]) -> list[NewWait]:
    gates: dict[str, NewWait] = {}
    receives: dict[tuple[int, ...], str] = {}
    for record in standing_records(records):
        match record.event:
            case GateOpened(position=position, name=name, expires_at_ms=expires_at_ms, payload=payload):
                gates[position_text(position)] = NewWait(position_text(position), name, expires_at_ms, payload)
            case ReceiveStarted(position=position, channel="gate", name=name):
                receives[position] = name
            case MessageReceived(position=position) if position in receives:
                gates.pop(receives[position], None)
    return list(gates.values())


def import_run(journal: Journal, archive: Archive, run_id: str | None) -> str:
    """Creates the run of an archive; gives its id. One that goes on under another id than it had is a fork of itself:
    it is told from the other by its keys, and knows the tokens that the other gave out."""
    new_id = run_id or archive.run_id
    is_open = not archive.status.is_final
    records = list(archive.records)
    if is_open and new_id != archive.run_id:
        last = records[-1]
        forked = RunForked(archive.run_id, last.sequence, secrets.token_hex(8))
        records.append(Record(last.sequence + 1, last.recorded_at_ms, last.token, forked))
    journal.copy_in(
        archive.new_run(new_id), records, archive.counters, RunStatus.STOPPED if is_open else archive.status,
        archive.created_at_ms, waits=archive.gates if is_open else (),
        messages=[attrs.evolve(message, run_id=new_id) for message in archive.messages] if is_open else (),
    )  # fmt: skip
    return new_id
