"""Whether code asks for what a record says that it asked for, and gives what it gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowlang.lang.eval.command import (
    CallAction,
    FlowBegun,
    OpenGate,
    Receive,
    SendMessage,
    SpawnRun,
    StartTimer,
    TaskBegun,
)
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.compare import equal
from flowlang.runtime.journal.event import (
    ActionScheduled,
    ChildStarted,
    FlowStarted,
    GateOpened,
    MessageSent,
    ReceiveStarted,
    TaskStarted,
    TimerStarted,
)


def is_same_call(event: ActionScheduled, asking: CallAction) -> bool:
    """Whether a call of an action is the recorded one."""
    # Equal bytes have equal digests, which need not be computed then.
    return event.action == asking.action and (event.payload == asking.arguments or event.digest == asking.digest)


AGREEMENTS: Final[Mapping[type, Callable[[Any, Any], bool]]] = {
    ActionScheduled: lambda event, asking: type(asking) is CallAction and is_same_call(event, asking),
    TimerStarted: lambda event, asking: type(asking) is StartTimer,
    ReceiveStarted: lambda event, asking: (
        type(asking) is Receive and event.channel == asking.channel and event.name == asking.name
    ),
    GateOpened: lambda event, asking: type(asking) is OpenGate and event.name == asking.name,
    MessageSent: lambda event, asking: (
        type(asking) is SendMessage
        and (event.channel, event.run_id, event.name) == (asking.channel, asking.run_id, asking.name)
        # A request to end says who asks, and a forked run is somebody else.
        and (event.digest == asking.digest or event.channel == "cancel")
    ),
    ChildStarted: lambda event, asking: (
        type(asking) is SpawnRun
        and (event.run_id, event.flow) == (asking.run_id, f"{asking.module}:{asking.flow}")
        and event.digest == asking.digest
    ),
    TaskStarted: lambda event, asking: (
        type(asking) is TaskBegun and event.name == asking.name and event.digest == asking.digest
    ),
    FlowStarted: lambda event, asking: (
        type(asking) is FlowBegun and event.flow == asking.flow and event.digest == asking.digest
    ),
}
"""For each kind of record what must be equal."""


def give_alike(recorded: bytes | None, given: bytes | None) -> bool:
    """Whether a flow gave what is recorded; None stands for what is not data."""
    if recorded is None or given is None:
        return recorded is given
    return recorded == given or equal(decode(recorded), decode(given))  # errors are equal wherever they come from
