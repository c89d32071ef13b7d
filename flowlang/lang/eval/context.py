"""What a flow sees of its run: the context, its arguments, and the namespace of actions."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.command import CallAction, StartTimer
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.argument import given_names
from flowlang.lang.values.canonical import digest, encode
from flowlang.lang.values.container import Dict
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import MISSING, ValueType, builtin, register, type_name
from flowlang.lang.values.quote import clip
from flowlang.lang.values.struct import Struct

LONGEST_SLEEP_S = 100 * 366 * 86_400
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
    """The context of one flow call: `args`, `actions`, `name`, `run_id`."""

    __slots__ = ("actions", "arguments", "name", "run_id")

    def __init__(self, name: str, run_id: str, arguments: Any, actions: Actions) -> None:
        self.name = name
        self.run_id = run_id
        self.arguments = arguments
        self.actions = actions


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
        arguments, timeout_s = self.catalog.bind(self.name, positional, given_names(keywords))
        encoded = encode(Dict(arguments))
        command = CallAction(
            fiber.scope.next_position(), self.name, encoded, digest(encoded), timeout_s, calling_frame(sys._getframe())
        )
        return fiber.evaluation.ask(fiber, command)


@builtin("sleep", "sleep(seconds)")
def sleep_action(depth: int, seconds: Any, /) -> None:
    """Suspends the flow. The moment of waking is in the journal, so it may lie beyond the life of the process."""
    fiber = acting_fiber("`sleep`")
    if type(seconds) not in (int, float):
        raise Fault("type-mismatch", f"`sleep` takes a number of seconds, not {type_name(seconds)}")
    if not 0 <= seconds <= LONGEST_SLEEP_S:
        raise Fault("wrong-argument", "`sleep` takes a number of seconds from 0 to 100 years")
    command = StartTimer(fiber.scope.next_position(), round(seconds * 1000), calling_frame(sys._getframe()))
    fiber.evaluation.ask(fiber, command)


@builtin("log", 'log(message, level = "info")')
def log_action(depth: int, message: Any, /, level: Any = "info") -> None:
    """Writes a line to the run's log, once, also when the run is resumed."""
    levels = ("debug", "info", "warning", "error")
    if type(level) is not str or level not in levels:
        raise Fault("wrong-argument", f"`log` has no level {preview(level)}", hint=f"levels: {', '.join(levels)}")
    acting_fiber("`log`").evaluation.write_line(level, message)


def context_of(fiber: Fiber, scope: Scope) -> FlowContext:
    """The context of a flow call."""
    return FlowContext(scope.flow, fiber.evaluation.run_id, scope.arguments, fiber.evaluation.actions)


def arguments_struct(arguments: Mapping[str, Any]) -> Struct:
    """`fctx.args`: the declared arguments as fields."""
    return Struct(dict(arguments))


RUNTIME_ACTIONS: dict[str, Any] = {"sleep": sleep_action, "log": log_action}
"""Actions that the evaluation itself provides; `run` and `wait` join in `flow.py`."""

register(
    FlowContext,
    ValueType(
        name="FlowContext",
        field_names=lambda context: ("actions", "args", "name", "run_id"),
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
