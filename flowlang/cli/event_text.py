"""Events as a line of text each: short ones for the progress of a run, longer ones for its journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from flowlang.cli.document import event_kind, moment
from flowlang.cli.terminal import one_line
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    ActivationStarted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    CancelRequested,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    Event,
    FlowCompleted,
    FlowStarted,
    GateOpened,
    LogWritten,
    MessageReceived,
    MessageSent,
    Place,
    Position,
    ReceiveStarted,
    Record,
    RunCompleted,
    RunForked,
    RunReset,
    RunStarted,
    RunStopped,
    StateSet,
    TaskStarted,
    TimerStarted,
    VersionMarked,
    position_text,
)

VALUE_LENGTH_MAX: Final = 100
KIND_WIDTH: Final = 18
POSITION_WIDTH: Final = 9


def progress_line(event: Event, *, verbose: bool) -> str | None:
    """The line of an event while a run goes on; None for what is not worth one."""
    match event:
        case ActionScheduled():
            return _progress("action", event.action, event.position)
        case ActionFailed():
            return _progress("failed", _failure_text(event.payload), event.position)
        case AttemptFailed():
            text = f"{_failure_text(event.payload)}; again at {moment(event.retry_at_ms)}"
            return _progress(f"attempt {event.attempt} failed", text, event.position)
        case TimerStarted():
            return _progress("wait", f"until {moment(event.wake_at_ms)}", event.position)
        case ReceiveStarted():
            return _progress("wait for", _received_text(event), event.position)
        case MessageReceived():
            return _progress("received", event.name or "a decision", event.position)
        case ChildStarted():
            return _progress("spawned", event.run_id, event.position)
        case ChildEnded():
            return _progress("child ended with", "Ok" if event.ok else "Err", event.position)
        case CancelRequested():
            return f"asked to end: {event.kind}{_reason_text(event.payload)}"
        case StateSet() if event.field == "status":
            return f"status {value_text(event.payload)}"
        case TaskStarted():
            return _progress("task", event.name, event.position)
        case FlowStarted() if verbose:
            return _progress("flow", f"{event.flow}({event.preview})", event.position)
        case FlowCompleted() if verbose:
            return _progress("flow ended with", "Ok" if event.ok else "Err", event.position)
        case ActionCompleted() if verbose:
            return _progress("done", value_text(event.payload), event.position)
    return None


def _progress(word: str, text: str, position: Position) -> str:
    return f"{word} {text}  {position_text(position)}"


def journal_line(record: Record) -> str:
    """The line of an event in the listing of a journal."""
    event = record.event
    position = position_text(getattr(event, "position", ()))
    time = moment(record.recorded_at_ms)[11:-1]
    head = f"{record.sequence:>5}  {time}  {event_kind(event):<{KIND_WIDTH}} {position:<{POSITION_WIDTH}}"
    return one_line(f"{head} {described(event)}".rstrip())


def arguments_text(event: Event) -> str:
    """The arguments that a run was started with, from its first event; empty without any."""
    given = _parsed(event.payload) if isinstance(event, RunStarted) else {}
    named = {**given.get("arguments", {}), **given.get("texts", {})}
    text = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in named.items())
    return text if len(text) <= 4 * VALUE_LENGTH_MAX else text[: 4 * VALUE_LENGTH_MAX] + "…"


def stop_text(records: Sequence[Record]) -> str:
    """Why the run of these records was stopped the last time; empty when it never was."""
    for record in reversed(records):
        if isinstance(record.event, RunStopped):
            kind, _, message = _failure_text(record.event.payload).partition(": ")
            told = message if kind == record.event.reason else f"{kind}: {message}"
            return f"{record.event.reason}: {told}" if message else record.event.reason
    return ""


def origin_text(records: Sequence[Record]) -> str:
    """Of which run these records are a copy, and up to where; empty when the run began by itself."""
    forks = (record.event for record in reversed(records) if isinstance(record.event, RunForked))
    return next((f"run {fork.run_id}, up to event {fork.at}" for fork in forks), "")


def described(event: Event) -> str:
    """What stands in an event, besides its kind and position."""
    match event:
        case RunStarted():
            flow = f":{event.flow}" if event.flow else ""
            return f"{event.entry}{flow} {arguments_text(event)}"
        case ActivationStarted():
            return f"token {event.token}, {event.owner}"
        case ActionScheduled():
            return f"{event.action} {value_text(event.payload)}{_at(event.place)}"
        case AttemptStarted():
            return f"attempt {event.attempt}"
        case AttemptHeartbeat():
            return f"attempt {event.attempt}: {value_text(event.payload)}"
        case AttemptFailed():
            return f"attempt {event.attempt}: {_failure_text(event.payload)}, again at {moment(event.retry_at_ms)}"
        case ActionCompleted():
            return value_text(event.payload)
        case ActionFailed():
            return _failure_text(event.payload)
        case TimerStarted():
            return f"until {moment(event.wake_at_ms)}{_at(event.place)}"
        case TaskStarted():
            return f"{event.name}{_at(event.place)}"
        case FlowStarted():
            return f"{event.flow}({event.preview}){_at(event.place)}"
        case FlowCompleted():
            return "ok" if event.ok else "interrupted" if event.payload is None else _result_text(event.payload)
        case LogWritten():
            return f"{event.level}: {event.text}"
        case RunCompleted():
            return _result_text(event.payload)
        case RunStopped():
            return f"{event.reason}: {_failure_text(event.payload)}"
    return _described_message(event) or _described_change(event)


def _described_message(event: Event) -> str:
    """The events between a run and the outside."""
    match event:
        case ReceiveStarted():
            until = "" if event.wake_at_ms is None else f" until {moment(event.wake_at_ms)}"
            return f"{_received_text(event)}{until}{_at(event.place)}"
        case MessageReceived():
            key = f" key {event.key}" if event.key else ""
            return f"{event.name}{key} {value_text(event.payload)}".strip()
        case GateOpened():
            until = "" if event.expires_at_ms is None else f" until {moment(event.expires_at_ms)}"
            return f"{event.name}{until} {value_text(event.payload)}{_at(event.place)}"
        case MessageSent():
            return f"{event.channel} {event.name} to {event.run_id} {value_text(event.payload)}{_at(event.place)}"
        case ChildStarted():
            return f"{event.flow} as {event.run_id} ({event.on_parent_close}){_at(event.place)}"
        case ChildEnded():
            return _result_text(event.payload)
        case CancelRequested():
            return f"{event.kind}{_reason_text(event.payload)}"
    return ""


def _described_change(event: Event) -> str:
    """The events in which a run changes itself, or somebody it."""
    match event:
        case StateSet():
            return f"{event.field} {value_text(event.payload)}"
        case VersionMarked():
            return f"{event.change} = {event.version}"
        case ChapterStarted():
            return f"chapter {event.number} {value_text(event.payload)}"
        case RunReset():
            return f"to event {event.to}{_reason_text(event.payload)}"
        case RunForked():
            return f"from run {event.run_id} at event {event.at}"
    return ""


def _received_text(event: ReceiveStarted) -> str:
    if event.channel == "gate":
        return f"gate {event.name}"
    return f"signal {event.name}" if event.name else "any signal"


def _reason_text(payload: bytes) -> str:
    """`: reason, by somebody` of a request to end or to be set back."""
    given = _parsed(payload)
    parts = [
        str(given[name]) if name == "reason" else f"by {given[name]}" for name in ("reason", "by") if given.get(name)
    ]
    return f": {', '.join(parts)}" if parts else ""


def _at(place: Place | None) -> str:
    return "" if place is None else f"  at {place.module}:{place.line}:{place.column + 1}"


def value_text(payload: bytes | None) -> str:
    """Canonical bytes, clipped. They are text that people can read."""
    if payload is None:
        return ""
    return _clipped(payload[: 4 * VALUE_LENGTH_MAX].decode(errors="ignore"))


def _clipped(text: str) -> str:
    return text if len(text) <= VALUE_LENGTH_MAX else text[:VALUE_LENGTH_MAX] + "…"


def _result_text(payload: bytes | None) -> str:
    """`ok` with the value, or the kind and message of an Err."""
    found = _parsed(payload)
    if "$err" in found:
        return _failure_fields(found.get("failure") or found["$err"])
    return f"ok {_clipped(json.dumps(found.get('$ok'), ensure_ascii=False))}"


def _failure_text(payload: bytes) -> str:
    return _failure_fields(_parsed(payload))


def _failure_fields(fields: Any) -> str:
    """`kind: message` of a failure in canonical form."""
    if isinstance(fields, dict):
        fields = fields.get("$failure", fields)
    if not isinstance(fields, dict):
        return str(fields)
    return f"{fields.get('kind')}: {fields.get('message')}"


def _parsed(payload: bytes | None) -> dict[str, Any]:
    parsed = None if payload is None else json.loads(payload)
    return parsed if isinstance(parsed, dict) else {}
