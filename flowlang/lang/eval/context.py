"""What a flow sees of its run: the context, its arguments, and the namespace of actions."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.attempt import RetryPolicy, attempts_of, policy_argument
from flowlang.lang.eval.command import CallAction, StartTimer
from flowlang.lang.eval.failure import fault_result
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.inbox_ref import InboxRef
from flowlang.lang.eval.period import span_ms
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.argument import given_names
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.container import Dict
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_of_texts
from flowlang.lang.values.protocol import MISSING, Method, ValueType, builtin, register, type_name
from flowlang.lang.values.quote import clip
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct
from flowlang.lang.values.time import Time
from flowlang.lang.values.tree_writer import encode_atoms

LATEST_S: Final = 253_402_300_800
"""The end of the year 9999, in seconds since 1970."""
ONE_ATTEMPT: Final = {"attempts": 1}
NAME_MAX = 60
"""Longer names are nobody's mistyped name of an action."""


class ActionCatalog(Protocol):
    """The actions that a host offers. Names are dotted."""

    def bind(
        self, name: str, positional: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[dict[str, Any], float | None]:
        """The given arguments by name, checked, and the timeout in seconds given with the call. Raises Fault."""
        ...

    def has(self, name: str) -> bool: ...

    def names(self, prefix: str) -> Sequence[str]:
        """The names directly below a prefix (`""` or `"sql."`), actions and namespaces."""
        ...


class FlowContext:
    """The context of one flow call: its arguments and actions, and what is known of its run. `labels`: the attributes
    that the run was started with; `correlation`: an id of the world that started it."""

    __slots__ = ("actions", "arguments", "correlation", "labels", "name", "run_id")

    def __init__(
        self, name: str, run_id: str, arguments: Any, actions: Actions, correlation: str, labels: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.run_id = run_id
        self.arguments = arguments
        self.actions = actions
        self.correlation = correlation
        self.labels = labels


def _context_field(context: FlowContext, name: str) -> Any:
    match name:
        case "args":
            return context.arguments
        case "actions":
            return context.actions
        case "name":
            return context.name
        case "run_id":
            return context.run_id
        case "inbox":
            return InboxRef(context.run_id)
        case "correlation":
            return context.correlation
        case "labels":
            return dict_of_texts(context.labels)
    return MISSING


@attrs.frozen(eq=False)
class Actions:
    """The namespace of actions, or a part of it below `prefix`."""

    catalog: ActionCatalog
    prefix: str = ""
    _known: dict[str, Any] = attrs.field(factory=dict, init=False)

    def member(self, name: str) -> Any:
        """The action or the namespace of that name, made once. Raises Fault."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = _find_member(self, name)
        return found


def _find_member(actions: Actions, name: str) -> Any:
    full = actions.prefix + name
    if not actions.prefix and name in RUNTIME_ACTIONS:
        return RUNTIME_ACTIONS[name]
    if actions.catalog.has(full):
        return ActionRef(full, actions.catalog)
    if actions.catalog.names(full + "."):
        return Actions(actions.catalog, full + ".")
    names = _action_names(actions)
    similar = nearest(name, names) if len(name) <= NAME_MAX else None
    known = ", ".join(names)
    hint = f"did you mean `{similar}`?" if similar else f"actions here: {known}"
    raise Fault("unknown-action", f"there is no action `{clip(full)[1:-1]}`", hint=hint)


def _action_names(actions: Actions) -> list[str]:
    own = list(RUNTIME_ACTIONS) if not actions.prefix else []
    return sorted({*own, *actions.catalog.names(actions.prefix)})


@attrs.frozen
class ActionRef:
    """An action as a value: call it, or give it to `run`."""

    name: str
    catalog: ActionCatalog = attrs.field(eq=False, repr=False)

    def __call__(self, depth: int, /, *positional: Any, **keywords: Any) -> Any:
        fiber = acting_fiber(f"the action `{self.name}`")
        policy = policy_argument(self.name, keywords.pop("retry")) if "retry" in keywords else None
        encoded, timeout_s = self.encoded(positional, keywords)
        retry = None if policy is None else policy.plain() if policy.function is None else ONE_ATTEMPT
        command = CallAction(
            fiber.scope.next_position(), self.name, encoded, timeout_s, calling_frame(sys._getframe()), retry
        )
        if policy is None or policy.function is None:
            return fiber.evaluation.ask(fiber, command)
        return _ask_again(fiber, policy, depth, command)

    def encoded(self, positional: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[bytes, float | None]:
        """The checked arguments of a call as canonical bytes, and its timeout in seconds. Raises Fault."""
        arguments, timeout_s = self.catalog.bind(self.name, positional, given_names(keywords))
        return encode_atoms(arguments, arguments.values()) or encode(Dict(arguments)), timeout_s


def _ask_again(fiber: Fiber, policy: RetryPolicy, depth: int, command: CallAction) -> Any:
    """Asks for an action as long as a function of the script wants it. Raises the last Fault."""
    faults: list[Fault] = []

    def attempt() -> Ok | Err:
        position = fiber.scope.next_position() if faults else command.position
        try:
            return Ok(fiber.evaluation.ask(fiber, attrs.evolve(command, position=position)))
        except Fault as fault:
            faults.append(fault)
            return fault_result(fault, [])

    result = attempts_of(fiber, policy, depth, attempt)
    if isinstance(result, Ok):
        return result.value
    raise faults[-1]


@builtin("sleep", "sleep(duration)")
def sleep_action(depth: int, duration: Any, /) -> None:
    """Suspends the flow for that many seconds, or for a duration. The moment of waking is in the journal, so it may lie
    beyond the life of the process."""
    fiber = acting_fiber("`sleep`")
    delay_ms = span_ms("sleep", "duration", duration)
    command = StartTimer(fiber.scope.next_position(), delay_ms, calling_frame(sys._getframe()))
    fiber.evaluation.ask(fiber, command)


@builtin("sleep_until", "sleep_until(moment)")
def sleep_until_action(depth: int, moment: Any, /) -> None:
    """Suspends the flow until a moment: a time, or seconds since 1970 (UTC). One that has passed does not suspend it
    for long."""
    fiber = acting_fiber("`sleep_until`")
    if type(moment) is Time:
        at_ms = moment.nanoseconds // 1_000_000
    elif type(moment) in (int, float) and 0 <= moment < LATEST_S:
        at_ms = round(moment * 1000)
    elif type(moment) in (int, float):
        raise Fault("wrong-argument", "`sleep_until` takes a moment from 1970 to 9999")
    else:
        raise Fault("type-mismatch", f"`sleep_until` takes a time or seconds since 1970, not {type_name(moment)}")
    position = fiber.scope.next_position()
    fiber.evaluation.ask(fiber, StartTimer(position, 0, calling_frame(sys._getframe()), at_ms))


@builtin("log", 'log(message, level = "info")')
def log_action(depth: int, message: Any, /, level: Any = "info") -> None:
    """Writes a line to the run's log, once, also when the run is resumed."""
    levels = ("debug", "info", "warning", "error")
    if type(level) is not str or level not in levels:
        raise Fault("wrong-argument", f"`log` has no level {preview(level)}", hint=f"levels: {', '.join(levels)}")
    acting_fiber("`log`").evaluation.write_line(level, message)


def context_of(fiber: Fiber, scope: Scope) -> FlowContext:
    """The context of a flow call."""
    evaluation = fiber.evaluation
    return FlowContext(
        scope.flow, evaluation.run_id, scope.arguments, evaluation.actions, evaluation.correlation, evaluation.labels
    )


def arguments_struct(arguments: Mapping[str, Any]) -> Struct:
    """`fctx.args`: the declared arguments as fields."""
    return Struct(dict(arguments))


RUNTIME_ACTIONS: dict[str, Any] = {"sleep": sleep_action, "sleep_until": sleep_until_action, "log": log_action}
"""Actions that the evaluation itself provides; `run` and `wait` join in `flow.py`."""

CONTEXT_METHODS: dict[str, Method] = {}
"""Methods of the context, which join in other modules."""

register(
    FlowContext,
    ValueType(
        name="FlowContext",
        methods=CONTEXT_METHODS,
        field_names=lambda context: ("actions", "args", "correlation", "inbox", "labels", "name", "run_id"),
        get_field=_context_field,
        children=lambda context: (context.arguments,),
        display=lambda context, nested: f"<FlowContext of {context.name}>",
    ),
)
register(
    Actions,
    ValueType(
        name="actions",
        field_names=_action_names,
        get_field=Actions.member,
        display=lambda actions, nested: f"<actions {actions.prefix}>" if actions.prefix else "<actions>",
    ),
)
register(
    ActionRef,
    ValueType(name="action", display=lambda action, nested: f"<action {action.name}>", callable=True),
)
