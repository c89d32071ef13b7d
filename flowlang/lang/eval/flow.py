"""Flows: functions that are units of error handling and of durability.

Calling a flow gives `Ok(value)` or `Err(error)`; nothing that goes wrong inside escapes as anything else, except
what ends the whole run (`Stop`). Values cross the boundary by value, in both directions, as they would through the
journal: so a call that the journal has from begin to end can be answered from there, and its inside left out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

import attrs

from flowlang.lang.eval.action_task import start_action
from flowlang.lang.eval.attempt import RetryPolicy, attempts_of, policy_argument, retry_policy
from flowlang.lang.eval.call import enter_call
from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.cleanup import run_scope
from flowlang.lang.eval.context import RUNTIME_ACTIONS, ActionRef, arguments_struct, context_of
from flowlang.lang.eval.crossing import Crossed, by_value, result_by_value
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.module import freeze_with_globals
from flowlang.lang.eval.pattern import EVENT_OF_CALL, ArgPattern, bind_declared
from flowlang.lang.eval.period import span_ms
from flowlang.lang.eval.task import Task, start_task
from flowlang.lang.eval.traceback import Frame, calling_frame
from flowlang.lang.eval.wrong_call import misfit
from flowlang.lang.values.argument import given_names
from flowlang.lang.values.canonical import REFERENCES
from flowlang.lang.values.display import function_name
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import VALUE_TYPES, ValueType, builtin, builtin_info, register, type_name
from flowlang.lang.values.result import Err, Ok

if TYPE_CHECKING:
    from flowlang.lang.eval.event_flow import EventDriven


@attrs.define(eq=False)
class Flow:
    """A flow value. `patterns` is None when the flow declares no arguments: then the implementation receives the
    call's arguments after the context. `is_named`: its name was given and does not come from its function.
    `sealed`: the mark of the evaluation in which what it reaches was frozen. `retry` says when a call is attempted
    again; an attempt may take `timeout_ms`. `events`: of an event-driven flow, what it declares beside `patterns`."""

    implementation: Any
    patterns: Mapping[str, ArgPattern] | None
    name: str
    documentation: str = ""
    is_named: bool = True
    sealed: object = None
    timeout_ms: int | None = None
    retry: RetryPolicy | None = None
    events: EventDriven | None = None

    def __call__(self, depth: int, /, *positional: Any, **keywords: Any) -> Ok | Err:
        return call_flow(self, depth, positional, keywords)


def call_flow(
    flow: Flow, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any], limit_ms: int | None = None
) -> Ok | Err:
    """One flow call, in the fiber that makes it. It may take `limit_ms` milliseconds."""
    fiber = acting_fiber(f"a call of the flow `{flow.name}`")
    positional, keywords = checked_arguments(flow, positional, keywords)
    seal(flow, fiber)
    return _call_crossed(fiber, flow, depth, by_value(positional, keywords), limit_ms)


def _call_crossed(fiber: Fiber, flow: Flow, depth: int, crossed: Crossed, limit_ms: int | None = None) -> Ok | Err:
    """Calls a sealed flow with checked arguments that have crossed already."""
    if flow.retry is not None:
        once, policy = attrs.evolve(flow, retry=None), flow.retry

        def attempts(scope: Scope, positional: Sequence[Any], keywords: dict[str, Any]) -> Ok | Err:
            return attempts_of(fiber, policy, depth, lambda: call_flow(once, depth + 1, positional, keywords))

        return enter_call(fiber, flow.name, depth, crossed, limit_ms, attempts)

    def body(scope: Scope, positional: Sequence[Any], keywords: dict[str, Any]) -> Any:
        scope.arguments = _declared_arguments(flow, keywords)
        passed = (context_of(fiber, scope), *positional)
        return _invoke(flow.implementation, depth + 1, passed, keywords if flow.patterns is None else {})

    if flow.timeout_ms is not None:
        limit_ms = flow.timeout_ms if limit_ms is None else min(limit_ms, flow.timeout_ms)
    return enter_call(fiber, flow.name, depth, crossed, limit_ms, body)


def call_as_flow(
    function: Any, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any], limit_ms: int | None = None
) -> Ok | Err:
    """Calls anything that can be called as if it were a flow."""
    if type(function) is Flow:
        return call_flow(function, depth, positional, keywords, limit_ms)
    fiber = acting_fiber(f"a call of `{callable_name(function)}`")
    if (wrong := misfit(function, 1, len(positional), keywords)) is not None:
        raise wrong
    freeze_with_globals((function,))

    def body(scope: Scope, positional: Sequence[Any], keywords: dict[str, Any]) -> Any:
        return _invoke(function, depth + 1, positional, keywords)

    return enter_call(fiber, callable_name(function), depth, by_value(positional, keywords), limit_ms, body)


def _declared_arguments(flow: Flow, arguments: Mapping[str, Any]) -> Any:
    """`fctx.args` of a call."""
    if flow.events is not None:
        return flow.events.arguments_of_call(arguments)
    return arguments_struct(arguments if flow.patterns is not None else {})


def checked_arguments(
    flow: Flow, positional: Sequence[Any], keywords: Mapping[str, Any], *, is_entry: bool = False
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments as they cross: by name when the flow declares them. What does not fit fails the caller, for it is
    the caller's mistake, and trying again would not help. `is_entry`: of a run, where events come as signals."""
    if flow.patterns is None:
        wrong = misfit(flow.implementation, 2, len(positional), keywords)
    else:
        patterns = flow.patterns
        if flow.events is not None and not is_entry:
            patterns = {flow.events.event: EVENT_OF_CALL, **patterns}
        positional, keywords = (), bind_declared(flow.name, patterns, positional, given_names(keywords))
        wrong = misfit(flow.implementation, 2, 0, ())
    if wrong is not None:
        if flow.patterns is not None and wrong.hint is None:
            wrong.hint = "declared arguments are read from the context: `fctx.args.name`"
        raise wrong
    return positional, keywords


@passes_calls_on
def _invoke(function: Any, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    return function(depth, *positional, **keywords)


def seal(flow: Flow, fiber: Fiber) -> None:
    """Freezes what the flow reaches. Called from a fiber's own level again and again, because the script's top
    level may have bound more since."""
    mark = fiber.evaluation.seal
    if flow.sealed is not mark or fiber.scope.parent is None:
        freeze_with_globals((flow.implementation,))
        flow.sealed = mark


def callable_name(function: Any) -> str:
    """The name by which a script knows something that it can call."""
    if type(function) is not FunctionType:
        return str(function.name)
    info = builtin_info(function)
    return function_name(function) if info is None else info.name


@builtin("run", "run(flow, *args, **kwargs)")
def run_action(depth: int, target: Any, /, *positional: Any, **keywords: Any) -> Task:
    """Starts a flow, an action or a function of the script as a task, and does not wait for it."""
    return run_in(acting_fiber("`run`"), target, positional, keywords, calling_frame(sys._getframe()))


def run_in(fiber: Fiber, target: Any, positional: Sequence[Any], keywords: dict[str, Any], frame: Frame | None) -> Task:
    """Starts a task of the fiber's scope. `frame`: where the script asks for it."""
    if type(target) is ActionRef and "retry" not in keywords:  # a fiber is only needed to try again
        return start_action(fiber, target, by_value(positional, keywords), frame)
    found = VALUE_TYPES.get(type(target))
    if found is None or not found.callable:
        hint = "give `run` the flow itself and its arguments: `run(f, x)`, not `run(f(x))`"
        raise Fault("type-mismatch", f"`run` takes a flow or an action, not {type_name(target)}", hint=hint)
    if type(target) is Flow:
        own_positional: Sequence[Any]
        own_positional, own_keywords = checked_arguments(target, positional, keywords)
        seal(target, fiber)
        crossed = by_value(own_positional, own_keywords)
    else:
        if (wrong := misfit(target, 1, len(positional), keywords)) is not None:
            raise wrong
        freeze_with_globals((target,))
        crossed = by_value(positional, keywords)

    def call(own: Fiber) -> Ok | Err:
        def body() -> Any:
            own.check()  # it may have been cancelled before it began
            if type(target) is Flow:
                return _call_crossed(own, target, 1, crossed)
            return _invoke(target, 1, crossed[0], crossed[1])

        result = run_scope(own, own.scope, body)
        return result if type(target) is Flow else result_by_value(result)[0]

    return start_task(fiber, callable_name(target), crossed[2], call, frame, (target, *crossed[:2]))


@builtin("with_timeout", "with_timeout(seconds, f, *args, **kwargs)")
def with_timeout(depth: int, seconds: Any, function: Any, /, *positional: Any, **keywords: Any) -> Ok | Err:
    """The Result of `f(*args, **kwargs)`, called as a flow. After `seconds` it is interrupted where it waits, and the
    Result is an `Err` of the kind `timeout`."""
    limit_ms = span_ms("with_timeout", "seconds", seconds, is_positive=True)
    return call_as_flow(_checked_callable("with_timeout", function), depth, positional, keywords, limit_ms)


@builtin("attempt", "attempt(policy, f, *args, **kwargs)")
def attempt_action(depth: int, policy: Any, function: Any, /, *positional: Any, **keywords: Any) -> Ok | Err:
    """The Result of `f(*args, **kwargs)`, called as a flow, again and again as the retry policy says."""
    fiber = acting_fiber("`attempt`")
    checked = policy_argument("attempt", policy) or retry_policy(depth)
    _checked_callable("attempt", function)
    return attempts_of(fiber, checked, depth, lambda: call_as_flow(function, depth + 1, positional, keywords))


def _checked_callable(name: str, function: Any) -> Any:
    found = VALUE_TYPES.get(type(function))
    if found is None or not found.callable:
        hint = f"give `{name}` the function itself and its arguments, without calling it"
        raise Fault("type-mismatch", f"`{name}` takes a flow or a function, not {type_name(function)}", hint=hint)
    return function


REFERENCES.update((Flow, ActionRef))
RUNTIME_ACTIONS["run"] = run_action
RUNTIME_ACTIONS["with_timeout"] = with_timeout
RUNTIME_ACTIONS["attempt"] = attempt_action

register(
    Flow,
    ValueType(
        name="flow",
        display=lambda flow, nested: f"<flow {flow.name}>",
        children=lambda flow: (flow.implementation, *(flow.patterns or {}).values()),
        callable=True,
    ),
)
