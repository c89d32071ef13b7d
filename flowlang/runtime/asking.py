"""What a script asks for and tells, turned into events, into effects of the next append, and into things to wait for.

One function for each kind of command; notes only become events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

from flowlang.lang.eval.command import (
    CallAction,
    ChapterNote,
    Command,
    FlowBegun,
    FlowEnded,
    LogLine,
    Note,
    OpenGate,
    Receive,
    SendMessage,
    SpawnRun,
    StartTimer,
    StateNote,
    TaskBegun,
    VersionNote,
    Withdrawn,
)
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.runtime.call_text import place_of
from flowlang.runtime.journal.event import (
    ActionScheduled,
    ChapterStarted,
    ChildStarted,
    CommandWithdrawn,
    Event,
    FlowCompleted,
    FlowStarted,
    GateOpened,
    LogWritten,
    MessageSent,
    ReceiveStarted,
    StateSet,
    TaskStarted,
    TimerStarted,
    VersionMarked,
    position_text,
)
from flowlang.runtime.journal.model import NewMessage, NewWait

if TYPE_CHECKING:
    from flowlang.runtime.activation import Activation


def take_call(activation: Activation, command: CallAction, now_ms: int) -> None:
    """An action is to be performed."""
    activation.draft.events.append(
        ActionScheduled(command.position, command.action, command.digest, place_of(command.frame), command.arguments)
    )
    activation.performing.schedule(
        command.position, command.action, command.arguments, command.timeout_s, command.retry, now_ms
    )


def take_timer(activation: Activation, command: StartTimer, now_ms: int) -> None:
    """A timer is to fire."""
    wake_at_ms = now_ms + command.delay_ms if command.at_ms is None else command.at_ms
    activation.draft.events.append(TimerStarted(command.position, wake_at_ms, place_of(command.frame)))
    activation.waiting.start_timer(command.position, wake_at_ms)


def take_reception(activation: Activation, command: Receive, now_ms: int) -> None:
    """The script waits for a message, or for what was decided of a gate."""
    wake_at_ms = None if command.timeout_ms is None else now_ms + command.timeout_ms
    place = place_of(command.frame)
    activation.draft.events.append(ReceiveStarted(command.position, command.channel, command.name, wake_at_ms, place))
    decision = activation.waiting.decisions.get(command.name) if command.channel == "gate" else None
    if decision is None:
        activation.waiting.receive(command.position, command.channel, command.name, wake_at_ms)
    else:  # the gate was decided, and is asked for its decision once more
        activation.repeated.append((command.position, decision))


def take_gate(activation: Activation, command: OpenGate, now_ms: int) -> None:
    """A gate is opened."""
    expires_at_ms = None if command.timeout_ms is None else now_ms + command.timeout_ms
    key_id, _ = activation.identity.key(None)
    text = position_text(command.position)
    activation.draft.events.append(
        GateOpened(command.position, command.name, expires_at_ms, key_id, place_of(command.frame), command.payload)
    )
    activation.draft.is_answering = True
    activation.draft.opened[command.position] = NewWait(text, command.name, expires_at_ms, command.payload)
    activation.waiting.gates[text] = expires_at_ms


def take_message(activation: Activation, command: SendMessage, now_ms: int) -> None:
    """A message for another run."""
    activation.draft.events.append(
        MessageSent(
            command.position, command.channel, command.run_id, command.name, command.digest,
            place_of(command.frame), command.payload,
        )
    )  # fmt: skip
    key = command.key or f"{activation.identity.run_id}/{activation.identity.salt}/{position_text(command.position)}"
    message = NewMessage(command.run_id, command.channel, command.name, key, command.payload)
    activation.draft.is_answering = True
    activation.draft.sent[command.position] = message


def take_child(activation: Activation, command: SpawnRun, now_ms: int) -> None:
    """A run of its own is to be created."""
    place = place_of(command.frame)
    flow = f"{command.module}:{command.flow}"
    activation.draft.events.append(
        ChildStarted(
            command.position, command.run_id, flow, command.digest, command.on_parent_close, place,
            command.arguments,
        )
    )  # fmt: skip
    activation.draft.children[command.position] = activation.identity.child(command, position_text(command.position))
    activation.waiting.children[command.position] = command.run_id


def take_withdrawal(activation: Activation, note: Withdrawn, now_ms: int) -> None:
    """Nobody waits for an answer any more: what works on it is told to stop, a child to end."""
    position = note.position
    activation.draft.events.append(CommandWithdrawn(position))
    activation.performing.forget(position)
    activation.waiting.forget(position)
    # The child itself goes on, or begins if it is in the same draft: a script that wants it to end sends it a message.
    activation.waiting.children.pop(position, None)


def take_state(activation: Activation, note: StateNote, now_ms: int) -> None:
    """What the run says of itself."""
    activation.draft.events.append(StateSet(note.position, note.field, note.payload))
    value = to_host(decode(note.payload))
    match note.field:
        case "status":
            activation.draft.state = value
        case "progress":
            activation.draft.progress = note.payload.decode()
        case "attributes":
            activation.draft.attributes.update(value)


def take_chapter(activation: Activation, note: ChapterNote, now_ms: int) -> None:
    """An event-driven flow has dealt with an event."""
    given = dict(decode(activation.identity.payload)) | {"state": decode(note.state)}
    begin_chapter(activation, note.number, encode(from_host(given)), activation.identity.salt)


def begin_chapter(activation: Activation, number: int, payload: bytes, salt: str | None = None) -> None:
    """The run goes on as if it had just been started with `payload`. Without a `salt` it gets a new one."""
    if salt is None:
        salt = hashlib.sha256(f"{activation.identity.salt}/{number}".encode()).hexdigest()[:16]
    activation.draft.chapter_index = len(activation.draft.events)
    activation.draft.events.append(ChapterStarted(number, salt, payload))
    activation.identity = attrs.evolve(activation.identity, chapter=number)


TAKING: Final[dict[type, Callable[[Activation, Any, int], None]]] = {
    CallAction: take_call,
    StartTimer: take_timer,
    Receive: take_reception,
    OpenGate: take_gate,
    SendMessage: take_message,
    SpawnRun: take_child,
    Withdrawn: take_withdrawal,
    StateNote: take_state,
    ChapterNote: take_chapter,
}


def event_of(note: Note | Command) -> Event:
    """The event of a note that is nothing but that."""
    match note:
        case FlowBegun():
            return FlowStarted(note.position, note.flow, note.digest, note.preview, place_of(note.frame))
        case FlowEnded():
            return FlowCompleted(note.position, note.ok, note.payload)
        case TaskBegun():
            return TaskStarted(note.position, note.name, note.digest, place_of(note.frame))
        case LogLine():
            return LogWritten(note.position, note.level, note.text)
        case VersionNote():
            return VersionMarked(note.change, note.version)
    raise AssertionError(f"not a note: {type(note).__name__}")
