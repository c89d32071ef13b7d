"""Flows: functions that are units of error handling and of durability.

Calling a flow gives `Ok(value)` or `Err(error)`; nothing that goes wrong inside escapes as anything else, except
what ends the whole run (`Stop`). Values cross the boundary by value, in both directions, as they would through the
journal: so a call that the journal has from begin to end can be answered from there, and its inside left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

import attrs

from flowlang.lang.compile.naming import script_name
from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.command import FlowBegun, FlowEnded, check_size
from flowlang.lang.eval.context import RUNTIME_ACTIONS, ActionRef, arguments_struct, context_of
from flowlang.lang.eval.failure import failed, too_deep
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.module import freeze_with_globals
from flowlang.lang.eval.pattern import ArgPattern, bind_declared
from flowlang.lang.eval.task import Task, await_tasks, checked_tasks, start_task
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.eval.wrong_call import misfit
from flowlang.lang.values.argument import given_names
from flowlang.lang.values.canonical import REFERENCES, copy_by_value, decode, digest, encode
from flowlang.lang.values.container import Dict, List
from flowlang.lang.values.display import function_name, preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import VALUE_TYPES, ValueType, builtin, builtin_info, register, type_name
from flowlang.lang.values.result import Err, Ok

PREVIEW_CHARACTERS = 200
FLOW_STEPS = 32
"""What a flow call costs, beside what runs in it."""


@attrs.define(eq=False)
class Flow:
    """A flow value. `patterns` is None when the flow declares no arguments: then the implementation receives the
    call's arguments after the context. `is_named`: its name was given and does not come from its function.
    `is_sealed`: what it reaches is frozen."""

    implementation: Any
    patterns: Mapping[str, ArgPattern] | None
    name: str
    documentation: str = ""
    is_named: bool = True
    is_sealed: bool = False

    def __call__(self, depth: int, /, *positional: Any, **keywords: Any) -> Ok | Err:
        return call_flow(self, depth, positional, keywords)


def call_flow(flow: Flow, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Ok | Err:
    """One flow call, in the fiber that makes it."""
    fiber = acting_fiber(f"a call of the flow `{flow.name}`")
    evaluation, outer = fiber.evaluation, fiber.scope
    if depth > evaluation.depth_limit:
        raise too_deep(evaluation.depth_limit)
    evaluation.meter.charge(FLOW_STEPS)
    positional, keywords = checked_arguments(flow, positional, keywords)
    seal(flow, outer)
    own_positional, own_keywords, arguments_digest = _by_value(positional, keywords)
    position = outer.next_position()
    finished = evaluation.finished.get(position)
    if finished is not None and finished.flow == flow.name and finished.digest == arguments_digest:
        result: Ok | Err = decode(finished.payload)
        return result
    shown = _preview(own_positional, own_keywords)
    evaluation.tell(FlowBegun(position, flow.name, arguments_digest, shown, calling_frame(sys._getframe())))
    declared = arguments_struct(own_keywords if flow.patterns is not None else {})
    scope = Scope(position, outer, flow.name, declared)
    passed_keywords = own_keywords if flow.patterns is None else {}
    passed = (context_of(fiber, scope), *own_positional)
    result = run_scope(fiber, scope, lambda: _invoke(flow.implementation, depth + 1, passed, passed_keywords))
    result, payload = result_by_value(result)
    evaluation.tell(FlowEnded(position, type(result) is Ok, payload))
    return result


def checked_arguments(
    flow: Flow, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments as they cross: by name when the flow declares them. What does not fit fails the caller, for it is
    the caller's mistake, and trying again would not help."""
    if flow.patterns is None:
        wrong = misfit(flow.implementation, 2, len(positional), keywords)
    else:
        positional, keywords = (), bind_declared(flow.name, flow.patterns, positional, given_names(keywords))
        wrong = misfit(flow.implementation, 2, 0, ())
    if wrong is not None:
        if flow.patterns is not None and wrong.hint is None:
            wrong.hint = "declared arguments are read from the context: `fctx.args.name`"
        raise wrong
    return positional, keywords


@passes_calls_on
def _invoke(function: Any, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    return function(depth, *positional, **keywords)


def run_scope(fiber: Fiber, scope: Scope, body: Any) -> Ok | Err:
    """Runs `body()` in a scope: its value as a Result, any failure as an Err. Tasks of the scope end with it."""
    outer = fiber.scope
    fiber.scope = scope
    try:
        result = as_result(body())
    except Exception as error:
        result = failed(error)
    try:
        await_tasks(fiber, scope.tasks)
    except Fault as fault:
        result = failed(fault)
    fiber.scope = outer
    return result


def as_result(value: Any) -> Ok | Err:
    """A flow's value as a Result; a Result is not wrapped again."""
    return value if type(value) is Ok or type(value) is Err else Ok(value)


def seal(flow: Flow, scope: Scope) -> None:
    """Freezes what the flow reaches. Called from a fiber's own level again and again, because the script's top
    level may have bound more since."""
    if not flow.is_sealed or scope.parent is None:
        freeze_with_globals((flow.implementation,))
        flow.is_sealed = True


def _by_value(positional: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[Sequence[Any], dict[str, Any], str]:
    """The arguments as the flow receives them, and a digest of those that are data."""
    try:
        encoded = encode(List((List(positional), Dict(keywords))))
    except Fault as fault:
        if fault.slug != "not-data":
            raise
        return _by_reference(positional, keywords)
    own_positional, own_keywords = decode(encoded)
    return own_positional, dict(own_keywords), digest(encoded)


def _by_reference(positional: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[Sequence[Any], dict[str, Any], str]:
    """Functions and flows cross by reference, frozen; in the digest they stand by their text."""
    freeze_with_globals(_references((*positional, *keywords.values())))
    shape = List(_shape(value) for value in (*positional, List(keywords), *keywords.values()))
    return (
        [copy_by_value(value) for value in positional],
        {name: copy_by_value(value) for name, value in keywords.items()},
        digest(encode(shape)),
    )


def callable_name(function: Any) -> str:
    """The name by which a script knows something that it can call."""
    if type(function) is not FunctionType:
        return str(function.name)
    info = builtin_info(function)
    return function_name(function) if info is None else info.name


def _references(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if not _is_data(value)]


def _is_data(value: Any) -> bool:
    try:
        encode(value)
    except Fault:
        return False
    return True


def _shape(value: Any) -> Any:
    return value if _is_data(value) else preview(value)


def _preview(positional: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    parts = [preview(value) for value in positional[:8]]
    parts += [f"{script_name(name)} = {preview(value)}" for name, value in list(keywords.items())[:8]]
    text = ", ".join(parts)
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"


def result_by_value(result: Ok | Err) -> tuple[Ok | Err, bytes | None]:
    """The Result as the caller receives it, and its bytes when it is data."""
    try:
        payload = encode(result)
        check_size(payload, "the result")
    except Fault as fault:
        if fault.slug != "not-data":
            return failed(fault), None
        freeze_with_globals((result,))
        return result, None
    decoded: Ok | Err = decode(payload)
    return decoded, payload


@builtin("run", "run(flow, *args, **kwargs)")
def run_action(depth: int, target: Any, /, *positional: Any, **keywords: Any) -> Task:
    """Starts a flow, an action or a function of the script as a task, and does not wait for it."""
    fiber = acting_fiber("`run`")
    found = VALUE_TYPES.get(type(target))
    if found is None or not found.callable:
        hint = "give `run` the flow itself and its arguments: `run(f, x)`, not `run(f(x))`"
        raise Fault("type-mismatch", f"`run` takes a flow or an action, not {type_name(target)}", hint=hint)
    name = callable_name(target)
    if type(target) is Flow:
        checked_arguments(target, positional, keywords)
    elif (wrong := misfit(target, 1, len(positional), keywords)) is not None:
        raise wrong
    freeze_with_globals((target,))
    own_positional, own_keywords, arguments_digest = _by_value(positional, keywords)

    def body(own: Fiber) -> Ok | Err:
        result = run_scope(own, own.scope, lambda: _invoke(target, 1, own_positional, own_keywords))
        return result_by_value(result)[0]

    return start_task(fiber, name, arguments_digest, body, (target, own_positional, own_keywords))


@builtin("wait", "wait(tasks)")
def wait_action(depth: int, tasks: Any, /) -> Any:
    """Waits for tasks: for a list, the list of their Results in the same order; for one task, its Result."""
    fiber = acting_fiber("`wait`")
    if type(tasks) is Task:
        await_tasks(fiber, [tasks])
        return tasks.result
    waited = checked_tasks(tasks)
    await_tasks(fiber, waited)
    return List(task.result for task in waited)


REFERENCES.update((Flow, ActionRef))
RUNTIME_ACTIONS["run"] = run_action
RUNTIME_ACTIONS["wait"] = wait_action

register(
    Flow,
    ValueType(
        name="flow",
        display=lambda flow, nested: f"<flow {flow.name}>",
        children=lambda flow: (flow.implementation, *(flow.patterns or {}).values()),
        callable=True,
    ),
)
