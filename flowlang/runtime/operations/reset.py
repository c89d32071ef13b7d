"""Setting a run back and copying it: what counts, what is undone, what is delivered again.

A reset to event `to` keeps every record, and appends one that says: those after `to` do not count. The script is
evaluated up to there again and then goes on anew, with a new salt, so that what is done a second time is told from
what was done before. Of what came from outside after `to` nothing is lost: signals, decisions of gates that were
opened at or before `to`, and results of children that were started at or before it are delivered again. Gates opened
after `to` are closed. Children started after `to` are asked to end, unless the script had let go of them (`abandon`).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from flowlang.errors import RunError, UsageError
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.container import Dict
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.event import (
    ActionFailed,
    ActivationStarted,
    CancelRequested,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    GateOpened,
    MessageReceived,
    Position,
    ReceiveStarted,
    ReceiveTimedOut,
    Record,
    RunCompleted,
    RunReset,
    RunStopped,
    position_text,
)
from flowlang.runtime.journal.journal import NewMessage, RunRecord, RunStatus
from flowlang.runtime.journal.rules import child_message
from flowlang.runtime.message import GATE, SIGNAL


@attrs.frozen
class ResetPlan:
    """What setting a run back to event `to` means. `chapter`: the record at which its replay begins from then on.
    `messages` are delivered again. `children`: ids of runs that are asked to end. `undone`: how many records of
    what the run did no longer count."""

    to: int
    chapter: int
    messages: Sequence[NewMessage]
    children: Sequence[str]
    undone: int


def plan_reset(run: RunRecord, records: Sequence[Record], to: int) -> ResetPlan:
    """What a reset of this run does. Raises UsageError when nothing can be set back to that event."""
    counting = standing_records(records)
    last = records[-1].sequence
    if not 1 <= to < last:
        raise UsageError(
            f"run `{run.run_id}` has {last} events, so it cannot be set back to event {to}",
            hint=f"give a number from 1 to {last - 1}; `flowlang runs journal {run.run_id}` shows them",
        )
    if all(record.sequence != to for record in counting):
        raise UsageError(
            f"event {to} of run `{run.run_id}` was undone by an earlier reset",
            hint="choose one that counts, or fork the run at that event",
        )
    kept = [record for record in counting if record.sequence <= to]
    undone = [record for record in counting if record.sequence > to]
    chapter = next((each.sequence for each in reversed(kept) if isinstance(each.event, ChapterStarted)), 1)
    children = [
        record.event.run_id
        for record in undone
        if isinstance(record.event, ChildStarted) and record.event.on_parent_close != "abandon"
    ]
    facts = sum(not isinstance(record.event, (RunReset, ActivationStarted)) for record in undone)
    return ResetPlan(to, chapter, _delivered_again(run.run_id, kept, undone), children, facts)


def _delivered_again(run_id: str, kept: Sequence[Record], undone: Sequence[Record]) -> list[NewMessage]:
    old: dict[Position, str] = {}
    for record in kept:
        if isinstance(record.event, (GateOpened, ChildStarted)):
            old[record.event.position] = record.event.run_id if isinstance(record.event, ChildStarted) else ""
    receives = {
        record.event.position: record.event for record in (*kept, *undone) if isinstance(record.event, ReceiveStarted)
    }
    old_texts = {position_text(position) for position in old}
    messages = []
    for record in undone:
        match record.event:
            case MessageReceived(position=position, name=name, payload=payload):
                receive, told = receives[position], decode(payload)
                if receive.channel == SIGNAL:
                    messages.append(NewMessage(run_id, SIGNAL, name, "", encode(told["payload"])))
                elif receive.name in old_texts:
                    decision = {part: told[part] for part in ("payload", "by", "reason", "at")}
                    messages.append(NewMessage(run_id, GATE, receive.name, "", encode(Dict(decision))))
            case ChildEnded(position=position, payload=payload) if position in old:
                messages.append(child_message(run_id, position_text(position), old[position], payload))
    return messages


def retry_point(run: RunRecord, records: Sequence[Record]) -> int | None:
    """The event to which a retry sets a run back; None when nothing needs to be undone (it was stopped).

    A failed run goes back to just before the last failure that came from outside: of an action, of a child, or a wait
    whose time was over. A cancelled or terminated one goes back to before that was recorded. Raises RunError with what
    to do instead."""
    run_id, status = run.run_id, run.status
    if status is RunStatus.STOPPED:
        return None
    if status is RunStatus.COMPLETED:
        raise RunError(
            f"run `{run_id}` completed, so there is nothing to retry",
            run_id=run_id,
            hint=f"`flowlang runs reset {run_id} --to EVENT` does a part of it again",
        )
    if not status.is_final:
        raise RunError(
            f"run `{run_id}` has not ended: it is {status.value}",
            run_id=run_id,
            hint=f"`flowlang runs show {run_id}` says what it waits for, `flowlang runs watch {run_id}` follows it",
        )
    counting = standing_records(records)
    for record in reversed(counting):
        event = record.event
        if status is RunStatus.FAILED:
            if isinstance(event, (ActionFailed, ReceiveTimedOut)) or (isinstance(event, ChildEnded) and not event.ok):
                return record.sequence - 1
        elif isinstance(event, CancelRequested) or (status is RunStatus.TERMINATED and isinstance(event, RunStopped)):
            return record.sequence - 1
    if status is not RunStatus.FAILED and isinstance(counting[-1].event, (RunStopped, RunCompleted)):
        return counting[-1].sequence - 1
    raise RunError(
        f"run `{run_id}` failed by itself: no action, child or wait failed, so it would fail again",
        run_id=run_id,
        hint=f"`flowlang runs fork {run_id} --at EVENT --code FILE` goes on with other code, "
        f"`flowlang runs reset {run_id} --to EVENT` does a part of it again",
    )
