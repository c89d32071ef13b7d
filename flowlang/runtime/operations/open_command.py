"""What a run waits for, read off its records: the answer to "why does it not go on?".

Records that a reset undid do not count, nor does what lies before the last chapter or inside a flow call that ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs

from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptFailed,
    AttemptStarted,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    CommandWithdrawn,
    FlowCompleted,
    GateOpened,
    MessageReceived,
    Place,
    Position,
    ReceiveStarted,
    ReceiveTimedOut,
    Record,
    TimerFired,
    TimerStarted,
    position_text,
)


@attrs.define
class OpenCommand:
    """One thing that a run waits for. `kind`: `action`, `retry` (an action whose next attempt has a time), `timer`,
    `signal`, `gate` or `child`. `name`: of the action, signal or gate (a signal's may be empty: any), or the id of the
    child run. `since_ms`: when the wait began; `until_ms`: when it ends by itself, None for never. `failure`: why the
    last attempt failed, as `kind: message`."""

    kind: str
    name: str
    position: Position
    place: Place | None
    since_ms: int
    until_ms: int | None = None
    attempt: int = 1
    failure: str = ""


def open_commands(records: Sequence[Record]) -> list[OpenCommand]:
    """What has no answer at the end of these records, in the order in which it was asked for."""
    found: dict[Position, OpenCommand] = {}
    gates: dict[str, str] = {}
    for record in standing_records(records):
        event = record.event
        match event:
            case ChapterStarted():
                found.clear()
                gates.clear()
            case GateOpened():
                gates[position_text(event.position)] = event.name
            case ActionScheduled() | TimerStarted() | ReceiveStarted() | ChildStarted():
                found[event.position] = _begun(event, record.recorded_at_ms, gates)
            case AttemptStarted() | AttemptFailed():
                if event.position in found:
                    _tried(found[event.position], event, record.recorded_at_ms)
            case (
                ActionCompleted() | ActionFailed() | TimerFired() | MessageReceived() | ReceiveTimedOut()
                | ChildEnded() | CommandWithdrawn()
            ):  # fmt: skip
                found.pop(event.position, None)
            case FlowCompleted():
                length = len(event.position)
                for position in [position for position in found if position[:length] == event.position]:
                    del found[position]
    return list(found.values())


def _begun(
    event: ActionScheduled | TimerStarted | ReceiveStarted | ChildStarted, at_ms: int, gates: dict[str, str]
) -> OpenCommand:
    match event:
        case ActionScheduled():
            return OpenCommand("action", event.action, event.position, event.place, at_ms)
        case TimerStarted():
            return OpenCommand("timer", "sleep", event.position, event.place, at_ms, event.wake_at_ms)
        case ReceiveStarted():
            name = gates.get(event.name, event.name) if event.channel == "gate" else event.name
            return OpenCommand(event.channel, name, event.position, event.place, at_ms, event.wake_at_ms)
        case ChildStarted():
            return OpenCommand("child", event.run_id, event.position, event.place, at_ms)


def _tried(command: OpenCommand, event: AttemptStarted | AttemptFailed, at_ms: int) -> None:
    command.attempt, command.since_ms = event.attempt, at_ms
    if isinstance(event, AttemptStarted):
        command.kind, command.until_ms = "action", None
        return
    failure = json.loads(event.payload)
    command.kind, command.until_ms, command.attempt = "retry", event.retry_at_ms, event.attempt + 1
    command.failure = f"{failure.get('kind')}: {failure.get('message')}"
