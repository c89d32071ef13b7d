"""Gates: a run waits for somebody outside to decide, once.

Opening a gate gives a token. Whoever holds it can decide the gate until it expires, also while the script does
something else; the decision is kept until the script asks for it. A gate crosses flow boundaries as it is and is no
data: its token shows in no journal and in no text of the value.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import attrs

from flowlang.lang.eval.command import OpenGate, Position, Receive, check_size
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.fiber import acting_fiber
from flowlang.lang.eval.inbox import MESSAGE_NAME_MAX, in_time
from flowlang.lang.eval.period import timeout_ms
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.argument import string_argument, wrong_type, wrong_value
from flowlang.lang.values.canonical import REFERENCES, encode
from flowlang.lang.values.container import Dict
from flowlang.lang.values.key import dict_of_texts
from flowlang.lang.values.protocol import MISSING, ValueType, builtin, register
from flowlang.lang.values.result import Err, Ok

GATE: Final = "gate"
DECISION_FIELDS: Final = ("payload", "by", "reason", "at")


@attrs.frozen(eq=False)
class Gate:
    """An open gate. `token` lets whoever has it decide."""

    name: str
    position: Position
    token: str = attrs.field(repr=False)

    @property
    def place(self) -> str:
        """The position as text, by which operators and the inbox know the gate."""
        return ".".join(map(str, self.position))


@builtin("gate", "gate(name, data = None, timeout = None)")
def gate_action(depth: int, /, name: Any, data: Any = None, timeout: Any = None) -> Gate:
    """Opens a gate. `data` is shown to those who decide; after `timeout` seconds nobody can any more."""
    fiber = acting_fiber("`gate`")
    string_argument("gate", "name", name)
    if not 0 < len(name) <= MESSAGE_NAME_MAX:
        raise wrong_value("gate", f"a gate's name has 1 to {MESSAGE_NAME_MAX} characters, not {len(name)}")
    payload = encode(data)
    check_size(payload, f"the data of the gate `{name}`")
    position = fiber.scope.next_position()
    command = OpenGate(position, name, timeout_ms("gate", timeout), payload, calling_frame(sys._getframe()))
    return Gate(name, position, fiber.evaluation.ask(fiber, command))


@builtin("await_gate", "await_gate(gate, timeout = None)")
def await_gate_action(depth: int, /, gate: Any, timeout: Any = None) -> Dict:
    """Waits until a gate is decided, and gives a dict of `payload`, `by`, `reason` and `at` (seconds since 1970). Fails
    with the kind `timeout` when the gate expired, or nobody decided within `timeout` seconds; then the gate is still
    open and can be awaited again."""
    return _decision("await_gate", gate, timeout)


@builtin("try_await_gate", "try_await_gate(gate, timeout = None)")
def try_await_gate_action(depth: int, /, gate: Any, timeout: Any = None) -> Ok | Err:
    """As `await_gate`, but gives a Result: an Err of the kind `timeout` when nobody decided in time."""
    return in_time(lambda: _decision("try_await_gate", gate, timeout))


def _decision(function: str, gate: Any, timeout: Any) -> Dict:
    fiber = acting_fiber(f"`{function}`")
    if type(gate) is not Gate:
        raise wrong_type(function, "gate", "a gate", gate, "gates come from `gate(name)`")
    wait_ms = timeout_ms(function, timeout)
    position = fiber.scope.next_position()
    command = Receive(position, GATE, gate.place, wait_ms, calling_frame(sys._getframe()))
    message = fiber.evaluation.ask(fiber, command)
    return dict_of_texts({name: message[name] for name in DECISION_FIELDS})


def _field(gate: Gate, name: str) -> Any:
    match name:
        case "name":
            return gate.name
        case "position":
            return gate.place
        case "token":
            return gate.token
    return MISSING


RUNTIME_ACTIONS["gate"] = gate_action
RUNTIME_ACTIONS["await_gate"] = await_gate_action
RUNTIME_ACTIONS["try_await_gate"] = try_await_gate_action
REFERENCES.add(Gate)
register(
    Gate,
    ValueType(
        name="gate",
        field_names=lambda gate: ("name", "position", "token"),
        get_field=_field,
        display=lambda gate, nested: f"<gate {gate.name}>",
    ),
)
