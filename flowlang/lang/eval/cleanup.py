"""How a scope ends: its tasks end with it, and what was registered with `on_exit` runs.

A scope whose body gave an Ok waits for its tasks. After a failure or an interruption it cancels them and waits until
they have ended. Then its handlers run, the last one first. Nothing interrupts a scope that is closing, except that
its handlers, once somebody wants it to end, have `GRACE_S` left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.command import Answer, Position, StartTimer
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.failure import failed
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.interruption import Ending, Interruption, interrupt
from flowlang.lang.eval.task import await_tasks
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.eval.wrong_call import misfit
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import VALUE_TYPES, builtin, type_name
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.size import FUNCTION, table_size, tuple_size

GRACE_S: Final = 60
"""So long do handlers go on after somebody wanted their flow to end."""


@attrs.frozen(eq=False)
class Handler:
    """Something to be called when a scope ends; with `only_after_failure` unless it ends with an Ok."""

    function: Any
    positional: Sequence[Any]
    keywords: Mapping[str, Any]
    depth: int
    only_after_failure: bool

    @passes_calls_on
    def __call__(self) -> Any:
        return self.function(self.depth, *self.positional, **self.keywords)


@attrs.define(eq=False)
class Cleanup:
    """The handlers of a scope are running, now one in the scope `current`. `timer`: the position kept for the timer of
    the grace. `is_over`: the time for them has passed."""

    fiber: Fiber
    timer: Position
    current: Scope | None = None
    is_counting: bool = False
    is_over: bool = False

    def begin_grace(self) -> None:
        """From now on the handlers have `GRACE_S` left."""
        if not self.is_counting and not self.is_over:
            self.is_counting = True
            self.fiber.evaluation.put(StartTimer(self.timer, GRACE_S * 1000, None), self)

    def answered(self, answer: Answer) -> None:
        """The time has passed."""
        self.is_counting = False
        self.is_over = True
        if self.current is not None:
            fault = Fault("timeout", f"cleaning up took longer than {GRACE_S} seconds after the flow was told to end")
            interrupt(self.fiber, Interruption(self.current, fault))

    def end(self) -> None:
        """All handlers have run."""
        self.current = None
        if self.is_counting:
            self.fiber.evaluation.withdraw(self.timer)


def run_scope(fiber: Fiber, scope: Scope, body: Callable[[], Any]) -> Ok | Err:
    """Runs `body()` in a scope: its value as a Result, any failure as an Err. Raises Ending for what ends an outer
    scope, too."""
    outer = fiber.scope
    fiber.scope = scope
    ending = None
    try:
        result = as_result(body())
        if scope.tasks and type(result) is Ok:
            end_tasks(fiber, scope, is_cancelling=False)
    except Exception as error:
        result = failed(error)
    except Ending as caught:
        ending = caught
        result = caught.result()
    if scope.tasks or scope.handlers or scope.deadline is not None:
        result = close(fiber, scope, result, ending)
    fiber.scope = outer
    if ending is not None:
        if ending.scope is not scope:
            raise ending
        assert isinstance(ending, Interruption)
        scope.interruption = ending
    return result


def as_result(value: Any) -> Ok | Err:
    """A flow's value as a Result; a Result is not wrapped again."""
    return value if type(value) is Ok or type(value) is Err else Ok(value)


def close(fiber: Fiber, scope: Scope, result: Ok | Err, ending: Ending | None) -> Ok | Err:
    """Ends the tasks of a scope whose body has ended, and runs its handlers. The Result with which it ends now."""
    scope.is_closing = True
    if scope.deadline is not None:
        fiber.evaluation.withdraw(scope.deadline)
        scope.deadline = None
    if scope.tasks:
        try:
            end_tasks(fiber, scope, is_cancelling=type(result) is Err)
        except Fault as fault:
            result = failed(fault)
    if scope.handlers:
        result = _clean_up(fiber, scope, result, ending)
    scope.is_closing = False
    return result


def end_tasks(fiber: Fiber, scope: Scope, *, is_cancelling: bool) -> None:
    """Waits for the tasks of the scope that are not done. Before that, cancels those that are not awaited."""
    for task in list(scope.tasks):
        match task.closing:
            case "abandon":
                task.leave(fiber.evaluation)
                scope.tasks.pop(task, None)
            case "cancel":
                task.cancel(fiber)
            case "" if is_cancelling:
                task.cancel(fiber)
    await_tasks(fiber, scope.tasks)


def _clean_up(fiber: Fiber, scope: Scope, result: Ok | Err, ending: Ending | None) -> Ok | Err:
    """Runs the handlers of a scope. The failure of one is told to the log, and becomes the Result unless that is an Err
    already."""
    assert scope.handlers is not None
    cleanup = scope.cleanup = Cleanup(fiber, scope.next_position())
    if isinstance(ending, Interruption) or fiber.postponed is not None:
        cleanup.begin_grace()
    while scope.handlers:
        handler = scope.handlers.pop()
        if handler.only_after_failure and type(result) is Ok:
            continue
        if cleanup.is_over:
            fiber.evaluation.write_line("error", f"no time is left for {preview(handler.function)}, so it does not run")
            continue
        own = cleanup.current = Scope(scope.next_position(), scope, scope.flow, scope.arguments)
        outcome = run_scope(fiber, own, handler)
        if isinstance(outcome, Err):
            shown = f"{preview(handler.function)} failed while cleaning up: {outcome.failure.message}"
            fiber.evaluation.write_line("error", shown)
            result = outcome if type(result) is Ok else result
    cleanup.end()
    scope.cleanup = None
    return result


def _register(name: str, depth: int, function: Any, positional: Sequence[Any], keywords: Mapping[str, Any]) -> None:
    fiber = acting_fiber(f"`{name}`")
    found = VALUE_TYPES.get(type(function))
    if found is None or not found.callable:
        hint = f"give `{name}` the function itself and its arguments: `{name}(f, x)`, not `{name}(f(x))`"
        raise Fault("type-mismatch", f"`{name}` takes a function, not {type_name(function)}", hint=hint)
    if (wrong := misfit(function, 1, len(positional), keywords)) is not None:
        raise wrong
    charge(1, FUNCTION + tuple_size(len(positional)) + table_size(len(keywords)))
    if fiber.scope.handlers is None:
        fiber.scope.handlers = []
    fiber.scope.handlers.append(Handler(function, positional, keywords, depth + 1, name == "on_failure"))


@builtin("on_exit", "on_exit(f, *args, **kwargs)")
def on_exit(depth: int, function: Any, /, *positional: Any, **keywords: Any) -> None:
    """Has `f(*args, **kwargs)` called when the current flow ends, however it does. What came last is called first."""
    _register("on_exit", depth, function, positional, keywords)


@builtin("on_failure", "on_failure(f, *args, **kwargs)")
def on_failure(depth: int, function: Any, /, *positional: Any, **keywords: Any) -> None:
    """As `on_exit`, unless the flow ends with an Ok."""
    _register("on_failure", depth, function, positional, keywords)


@attrs.frozen(eq=False)
class Deadline:
    """The timer of a scope that is limited. `what` names it, `span_ms` is how long it may take."""

    fiber: Fiber
    scope: Scope
    what: str
    span_ms: int

    def answered(self, answer: Answer) -> None:
        """The time has passed."""
        self.scope.deadline = None
        fault = Fault("timeout", f"{self.what} did not end within {self.span_ms / 1000:g} seconds", retryable=True)
        interrupt(self.fiber, Interruption(self.scope, fault))


def limit_scope(fiber: Fiber, scope: Scope, what: str, span_ms: int) -> None:
    """Starts the timer of a scope that is about to begin."""
    scope.deadline = position = scope.next_position()
    command = StartTimer(position, span_ms, calling_frame(sys._getframe()))
    fiber.evaluation.put(command, Deadline(fiber, scope, what, span_ms))


RUNTIME_ACTIONS["on_exit"] = on_exit
RUNTIME_ACTIONS["on_failure"] = on_failure
