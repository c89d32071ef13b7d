"""The inbox: messages that a run receives, and those that it sends to others.

A message is kept from the moment it is sent, also when nobody waits for it yet or nothing drives the run; it is
delivered once, in the order in which messages came in. Payloads cross by value.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from flowlang.lang.eval.command import Receive, SendMessage, check_size
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.failure import fault_result, trace_struct
from flowlang.lang.eval.fiber import acting_fiber
from flowlang.lang.eval.inbox_ref import INBOX_METHODS, InboxRef
from flowlang.lang.eval.period import timeout_ms
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.argument import string_argument, wrong_value
from flowlang.lang.values.canonical import digest, encode
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.mutation import method
from flowlang.lang.values.protocol import builtin
from flowlang.lang.values.result import Err, Ok

MESSAGE_NAME_MAX: Final = 100
KEY_MAX: Final = 200
RUN_ID_MAX: Final = 200
SIGNAL: Final = "signal"
TIMED_OUT: Final = "timeout"


@builtin("receive", 'receive(name = "", timeout = None)')
def receive_action(depth: int, /, name: Any = "", timeout: Any = None) -> Any:
    """Waits for the next signal of that name, or of any, and gives its payload. After `timeout` seconds the flow fails
    with the kind `timeout`."""
    return _receive("receive", name, timeout)["payload"]


@builtin("try_receive", 'try_receive(name = "", timeout = None)')
def try_receive_action(depth: int, /, name: Any = "", timeout: Any = None) -> Ok | Err:
    """As `receive`, but gives a Result: an Err of the kind `timeout` when no signal came in time."""
    return in_time(lambda: _receive("try_receive", name, timeout)["payload"])


def in_time(wait: Callable[[], Any]) -> Ok | Err:
    """What `wait()` gives as a Result: an Err only when nothing came in time."""
    try:
        return Ok(wait())
    except Fault as fault:
        if fault.slug != TIMED_OUT:
            raise
        frame = calling_frame(sys._getframe())
        return fault_result(fault, [] if frame is None else [trace_struct(frame)])


def _receive(function: str, name: Any, timeout: Any) -> Any:
    fiber = acting_fiber(f"`{function}`")
    checked_name(function, name)
    wait_ms = timeout_ms(function, timeout)
    position = fiber.scope.next_position()
    return fiber.evaluation.ask(fiber, Receive(position, SIGNAL, name, wait_ms, calling_frame(sys._getframe())))


def checked_name(function: str, name: Any) -> str:
    """The name of a signal, which may be empty."""
    string_argument(function, "name", name)
    if len(name) > MESSAGE_NAME_MAX:
        problem = f"a name has at most {MESSAGE_NAME_MAX} characters, not {len(name)}"
        raise wrong_value(function, problem, "put what it says into the payload")
    return str(name)


@builtin("send", 'send(run_id, name, payload = None, key = "")')
def send_action(depth: int, run_id: Any, name: Any, payload: Any = None, key: Any = "") -> None:
    """Sends a signal to a run, given by its id or by a reference to its inbox, exactly once. A second signal with the
    same `key` changes nothing. Fails with the kind `run-not-found` or `run-ended` when nobody will ever receive it."""
    fiber = acting_fiber("`send`")
    run_id = run_id.run_id if type(run_id) is InboxRef else run_id
    checked_run_id("send", "run_id", run_id)
    if not checked_name("send", name):
        raise wrong_value("send", "a signal has a name", 'such as `send(run_id, "order", order)`')
    string_argument("send", "key", key)
    if len(key) > KEY_MAX:
        raise wrong_value("send", f"a key has at most {KEY_MAX} characters, not {len(key)}", "use a digest of it")
    encoded = encode(payload)
    check_size(encoded, f"the signal `{name}`")
    position = fiber.scope.next_position()
    frame = calling_frame(sys._getframe())
    command = SendMessage(position, SIGNAL, run_id, name, key, encoded, digest(encoded), frame)
    fiber.evaluation.ask(fiber, command)


def checked_run_id(function: str, parameter: str, value: Any) -> str:
    """The id of a run."""
    string_argument(function, parameter, value)
    if not 0 < len(value) <= RUN_ID_MAX:
        raise wrong_value(function, f"the id of a run has 1 to {RUN_ID_MAX} characters, not {len(value)}")
    if not value.isprintable():
        raise wrong_value(function, "the id of a run holds no control characters", "such as `import-2024-05-01`")
    return str(value)


@method("inbox.send")
def send_method(depth: int, self: InboxRef, /, name: Any, payload: Any = None, key: Any = "") -> None:
    """Sends a signal to the run."""
    send_action(depth, self, name, payload, key)


INBOX_METHODS["send"] = send_method
RUNTIME_ACTIONS["receive"] = receive_action
RUNTIME_ACTIONS["try_receive"] = try_receive_action
RUNTIME_ACTIONS["send"] = send_action
