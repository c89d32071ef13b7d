"""What scripts ask for, as people write it: for divergences and reports."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import attrs

from flowlang.lang.eval.command import (
    CallAction,
    Command,
    FlowBegun,
    OpenGate,
    Receive,
    SendMessage,
    SpawnRun,
    StartTimer,
    TaskBegun,
)
from flowlang.lang.eval.traceback import Frame
from flowlang.runtime.journal.event import (
    ActionScheduled,
    ChildStarted,
    FlowStarted,
    GateOpened,
    MessageSent,
    Place,
    ReceiveStarted,
    TaskStarted,
    TimerStarted,
)

Asked: TypeAlias = (
    ActionScheduled
    | TimerStarted
    | ReceiveStarted
    | GateOpened
    | MessageSent
    | ChildStarted
    | TaskStarted
    | FlowStarted
)
Asking: TypeAlias = Command | TaskBegun | FlowBegun


@attrs.frozen
class Side:
    """One side of a divergence: what was asked for (`call`), and where. `place` is None when nothing was."""

    call: str
    place: Place | None


def recorded_side(event: Asked) -> Side:
    """What the journal holds, as people write it."""
    match event:
        case ActionScheduled():
            return Side(call_text(event.action, event.payload), event.place)
        case TimerStarted():
            return Side("sleep", event.place)
        case ReceiveStarted():
            return Side(_receive_text(event.channel, event.name), event.place)
        case GateOpened():
            return Side(f"gate({json.dumps(event.name)})", event.place)
        case MessageSent():
            return Side(_send_text(event.channel, event.run_id, event.name, event.payload), event.place)
        case ChildStarted():
            return Side(_spawn_text(event.flow, event.run_id, event.payload), event.place)
        case TaskStarted():
            return Side(f"run({event.name})", event.place)
        case FlowStarted():
            return Side(f"{event.flow}({event.preview})", event.place)


def asked_side(asking: Asking) -> Side:
    """What the code asks for, as people write it."""
    return Side(_asking_text(asking), place_of(asking.frame))


def _asking_text(asking: Asking) -> str:
    match asking:
        case CallAction():
            return call_text(asking.action, asking.arguments)
        case StartTimer():
            return "sleep"
        case Receive():
            return _receive_text(asking.channel, asking.name)
        case OpenGate():
            return f"gate({json.dumps(asking.name)})"
        case SendMessage():
            return _send_text(asking.channel, asking.run_id, asking.name, asking.payload)
        case SpawnRun():
            return _spawn_text(f"{asking.module}:{asking.flow}", asking.run_id, asking.arguments)
        case TaskBegun():
            return f"run({asking.name})"
        case FlowBegun():
            return f"{asking.flow}({asking.preview})"


def _receive_text(channel: str, name: str) -> str:
    return f"await_gate({name})" if channel == "gate" else f"receive({json.dumps(name)})"


def _send_text(channel: str, run_id: str, name: str, payload: bytes) -> str:
    if channel == "cancel":
        return f"cancel({json.dumps(run_id)})"
    return f"send({json.dumps(run_id)}, {json.dumps(name)}, {_clipped(payload.decode())})"


def _spawn_text(flow: str, run_id: str, payload: bytes) -> str:
    return f"spawn({flow}, {_clipped(payload.decode())}, id = {json.dumps(run_id)})"


def _clipped(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def call_text(action: str, payload: bytes) -> str:
    """An action call as people write it, clipped."""
    arguments: dict[str, Any] = json.loads(payload)
    parts = []
    for name, value in arguments.items():
        parts.append(f"{name} = {_clipped(json.dumps(value, ensure_ascii=False))}")
    return f"{action}({', '.join(parts)})"


def place_of(frame: Frame | None) -> Place | None:
    """Where a command was asked for."""
    return Place(frame.module, frame.span[0], frame.span[1]) if frame is not None else None
