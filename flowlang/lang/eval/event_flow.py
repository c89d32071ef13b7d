"""Event-driven flows: one call of the implementation per signal, with registers that keep their values in between.

A flow whose `args` has an `args.event()` is event-driven. As the entry of a run it never returns by itself: it waits
for a signal, calls the implementation, commits the registers, and waits again. Each dispatch ends a chapter of the
run's journal, so that resuming a service takes the open dispatch and the registers, however old it is.

A dispatch that fails leaves the registers as they were before it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.cleanup import limit_scope, run_scope
from flowlang.lang.eval.command import ChapterNote, Receive, check_size
from flowlang.lang.eval.context import CONTEXT_METHODS, FlowContext, context_of
from flowlang.lang.eval.failure import failed
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.flow import Flow, checked_arguments, seal
from flowlang.lang.eval.inbox import MESSAGE_NAME_MAX, SIGNAL
from flowlang.lang.eval.pattern import EVENT, STATE, ArgPattern
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.eval.unlock import unlock_after
from flowlang.lang.values.canonical import decode, encode, register_codec
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_of_texts
from flowlang.lang.values.protocol import MISSING, ValueType, builtin, register
from flowlang.lang.values.quote import clip
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.size import OBJECT
from flowlang.lang.values.struct import Struct, size_of_fields

ON_ERROR: Final = ("skip", "stop")
DISPATCH_STEPS: Final = 64
"""What handing an event to the implementation costs, beside what runs in it."""


@attrs.frozen
class EventDriven:
    """What makes a flow event-driven. `event`: the name of the argument that holds the event; `signal`: the name of
    the signals that it takes (empty: any); `registers`: canonical bytes of the initial values, by name."""

    event: str
    signal: str
    registers: Mapping[str, bytes]
    on_error: str

    def arguments_of_call(self, declared: Mapping[str, Any]) -> Registers:
        """`fctx.args` of a call from a script, which gives the event. Its registers begin anew and are not kept."""
        return self.arguments(declared, declared[self.event], {})

    def arguments(self, declared: Mapping[str, Any], event: Any, state: Mapping[str, Any]) -> Registers:
        """`fctx.args` of one dispatch. Registers that `state` does not have, because the code is newer, begin with
        their initial values."""
        values = {name: state[name] if name in state else decode(initial) for name, initial in self.registers.items()}
        return Registers({**declared, self.event: event, **values}, frozenset(values))

    def state_of(self, arguments: Registers) -> bytes:
        """The registers as canonical bytes. Raises Fault when one holds something that is not data."""
        state = encode(dict_of_texts({name: arguments.fields[name] for name in self.registers}))
        check_size(state, "the state of the flow")
        return state


def split_patterns(
    declared: Mapping[str, ArgPattern] | None, on_error: Any
) -> tuple[Mapping[str, ArgPattern] | None, EventDriven | None]:
    """The ordinary arguments among those declared, and what makes the flow event-driven. Raises Fault."""
    patterns = declared or {}
    ordinary = {name: pattern for name, pattern in patterns.items() if pattern.kind not in (EVENT, STATE)}
    events = [name for name, pattern in patterns.items() if pattern.kind == EVENT]
    registers = {name: encode(pattern.default) for name, pattern in patterns.items() if pattern.kind == STATE}
    if not events:
        if registers or on_error is not None:
            what = f"the register `{next(iter(registers))}`" if registers else "`on_error`"
            hint = 'add `"event": args.event()` to `args`'
            raise Fault(
                "flow-arguments", f"{what} is only for event-driven flows, and this one takes no event", hint=hint
            )
        return declared, None
    if len(events) > 1:
        hint = "tell signals apart by `fctx.args.event.name`"
        raise Fault("flow-arguments", f"a flow takes one event, and {len(events)} are declared", hint=hint)
    policy = ON_ERROR[0] if on_error is None else on_error
    if policy not in ON_ERROR:
        raise Fault("flow-arguments", "`on_error` has no such choice", hint='"skip" or "stop"')
    names = patterns[events[0]].choices
    if names and len(names[0]) > MESSAGE_NAME_MAX:
        raise Fault("flow-arguments", f"the name of a signal has at most {MESSAGE_NAME_MAX} characters")
    return ordinary, EventDriven(events[0], names[0] if names else "", registers, policy)


class Registers:
    """`fctx.args` of an event-driven flow: as a struct, but the registers among the fields can be assigned to."""

    __slots__ = ("fields", "names")

    def __init__(self, fields: Mapping[str, Any], names: frozenset[str]) -> None:
        self.fields = dict(sorted(fields.items()))
        self.names = names


class StopSignal(Exception):
    """`fctx.stop(value)`: ends the dispatch, and the run with `Ok(value)`."""

    def __init__(self, value: Any) -> None:
        super().__init__("stop")
        self.value = value


@attrs.frozen(eq=False)
class StopValue:
    """What an event-driven flow returns in order to end its run."""

    value: Any


@builtin("Stop", "Stop(value = None)")
def make_stop(depth: int, value: Any = None, /) -> StopValue:
    """Returned by an event-driven flow: the run ends with `Ok(value)`."""
    return StopValue(value)


def dispatch_events(flow: Flow, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Ok | Err:
    """Runs an event-driven flow as the entry of its run, until it stops. The arguments are those declared beside the
    event and the registers."""
    fiber = acting_fiber(f"a call of the flow `{flow.name}`")
    evaluation, root, events = fiber.evaluation, fiber.scope, flow.events
    assert events is not None
    if root.parent is not None or root.counter:
        raise Fault(
            "event-flow-not-alone",
            f"the event-driven flow `{flow.name}` must be the first thing that the run does",
            hint="do what must come before in the flow itself, or give the flow alone: `FILE:FLOW`",
        )
    _, arguments = checked_arguments(flow, positional, keywords, is_entry=True)
    seal(flow, fiber)
    given = encode(dict_of_texts(dict(arguments)))
    number, state = evaluation.chapter.number, evaluation.chapter.state
    if state is None:
        state = events.state_of(events.arguments({}, None, {}))
    evaluation.is_repeating = False
    root.counter = number - 1
    while True:
        position = root.next_position()
        frame = calling_frame(sys._getframe())
        message = evaluation.ask(fiber, Receive(position, SIGNAL, events.signal, None, frame))
        evaluation.meter.charge(DISPATCH_STEPS)
        registers = events.arguments(decode(given) if arguments else {}, _event(message), decode(state))
        result = _dispatch(fiber, flow, depth, Scope(position, root, flow.name, registers))
        if type(result) is Ok:
            try:
                state = events.state_of(registers)
            except Fault as fault:
                result = failed(fault)
        if type(result) is Ok and type(result.value) is StopValue:
            return Ok(result.value.value)
        if type(result) is Err:
            if events.on_error == "stop":
                return result
            evaluation.write_line("error", f"the signal {clip(message['name'])} failed: {result.failure.message}")
        number += 1
        # A resume begins here, and knows no version that was given before.
        evaluation.versions.clear()
        evaluation.tell(ChapterNote(number, state))


def _dispatch(fiber: Fiber, flow: Flow, depth: int, scope: Scope) -> Ok | Err:
    """One call of the implementation, in a scope of its own."""
    context = context_of(fiber, scope)

    def body() -> Any:
        try:
            return _invoke(flow.implementation, depth + 1, context)
        except StopSignal as signal:
            unlock_after(signal)
            return StopValue(signal.value)

    if flow.timeout_ms is not None:
        limit_scope(fiber, scope, f"`{flow.name}`", flow.timeout_ms)
    return run_scope(fiber, scope, body)


@passes_calls_on
def _invoke(function: Any, depth: int, context: FlowContext) -> Any:
    return function(depth, context)


def stop_dispatch(depth: int, context: FlowContext, /, value: Any = None) -> Any:
    """`fctx.stop(value)`."""
    fiber = acting_fiber("`stop`")
    scope = fiber.scope
    if type(scope.arguments) is not Registers or scope.parent is None or not _is_dispatch(fiber, scope):
        raise Fault(
            "stop-outside-dispatch",
            "`stop` is only possible in an event-driven flow itself",
            hint="end any other flow with `return` or `fail`",
        )
    raise StopSignal(value)


stop_dispatch.__qualname__ = "FlowContext.stop"
CONTEXT_METHODS["stop"] = stop_dispatch


def _is_dispatch(fiber: Fiber, scope: Scope) -> bool:
    return (
        scope.parent is not None
        and scope.parent.parent is None
        and not any(task.strand is fiber for task in scope.parent.tasks)
    )


def _event(message: Any) -> Struct:
    return Struct({name: message[name] for name in ("key", "name", "payload")})


def _field(arguments: Registers, name: str) -> Any:
    return arguments.fields.get(name, MISSING)


def _set_field(arguments: Registers, name: str, value: Any) -> None:
    if name not in arguments.names:
        similar = nearest(name, arguments.names) if len(name) <= 60 else None
        hint = f'registers are declared: `args = {{"{name[:60]}": args.state(initial = …)}}`'
        raise Fault(
            "not-a-register",
            f"cannot assign to {clip(name)}, which is no state register of the flow",
            hint=f"did you mean `{similar}`?" if similar else hint,
        )
    arguments.fields[name] = value


def _display(arguments: Registers, nested: Callable[[Any], str]) -> str:
    return f"args({', '.join(f'{name} = {nested(value)}' for name, value in arguments.fields.items())})"


def _children(arguments: Registers) -> Iterable[Any]:
    return arguments.fields.values()


def _names(arguments: Registers) -> Sequence[str]:
    return tuple(arguments.fields)


register(
    Registers,
    ValueType(
        name="arguments",
        field_names=_names,
        get_field=_field,
        set_field=_set_field,
        display=_display,
        hashable=False,
        children=_children,
        size=lambda arguments: size_of_fields(len(arguments.fields)),
    ),
)
register(
    StopValue,
    ValueType(
        name="Stop",
        field_names=lambda stop: ("value",),
        get_field=lambda stop, name: stop.value if name == "value" else MISSING,
        display=lambda stop, nested: f"Stop({nested(stop.value)})",
        equal=lambda left, right, equal: equal(left.value, right.value),
        hashable=False,
        children=lambda stop: (stop.value,),
        size=lambda stop: OBJECT,
    ),
)
register_codec("stop", StopValue, lambda stop: stop.value, StopValue)
