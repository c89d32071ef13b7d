"""Waiting for tasks, and cancelling them: `wait`, `wait_any`, `wait_all`, `cancel` and `parallel_map`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.command import StartTimer
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.fiber import Fiber, acting_fiber
from flowlang.lang.eval.flow import run_in
from flowlang.lang.eval.operators import iterate
from flowlang.lang.eval.period import timeout_ms
from flowlang.lang.eval.task import Task, Wait, await_tasks, checked_tasks, reach_out, suspend_for
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.argument import count_elements
from flowlang.lang.values.container import List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import builtin, type_name
from flowlang.lang.values.result import Err, Failure, Ok
from flowlang.lang.values.size import FAILURE, list_size

CONCURRENCY_MAX: Final = 10_000


@builtin("wait", "wait(tasks, timeout = None)")
def wait_action(depth: int, tasks: Any, /, timeout: Any = None) -> Any:
    """Waits for tasks: for a list, the list of their Results in the same order; for one task, its Result. After
    `timeout` seconds those that are not done give an `Err` of the kind `timeout`; they go on."""
    fiber = acting_fiber("`wait`")
    if isinstance(tasks, Task):
        reach_out(fiber.scope, tasks)
        _suspend(fiber, "wait", [tasks], None, timeout)
        return _result_now(tasks, timeout)
    waited = _checked(fiber, "wait", tasks)
    _suspend(fiber, "wait", waited, None, timeout)
    return List(_result_now(task, timeout) for task in waited)


@builtin("wait_any", "wait_any(tasks, timeout = None)")
def wait_any_action(depth: int, tasks: Any, /, timeout: Any = None) -> tuple[int | None, Ok | Err]:
    """Waits until one of the tasks is done: its index in the list, and its Result. When several are done, it is the
    one that was done first. After `timeout` seconds, None and an `Err` of the kind `timeout`."""
    fiber = acting_fiber("`wait_any`")
    waited = _checked(fiber, "wait_any", tasks)
    if not waited:
        hint = "ask `if tasks:` first; `wait([])` gives `[]`"
        raise Fault("wrong-argument", "`wait_any` was given no task, so none can be done", hint=hint)
    _suspend(fiber, "wait_any", waited, 1, timeout)
    done = [(task.ended_at, index) for index, task in enumerate(waited) if task.result is not None]
    if not done:
        return None, _timed_out("no task was done", timeout)
    index = min(done)[1]
    result = waited[index].result
    assert result is not None
    return index, result


@builtin("wait_all", "wait_all(tasks, fail_fast = False, timeout = None)")
def wait_all_action(depth: int, tasks: Any, /, fail_fast: Any = False, timeout: Any = None) -> Any:
    """As `wait` for a list. With `fail_fast` the first Err, or the timeout, cancels the other tasks, waits until they
    have ended, and is what it gives."""
    fiber = acting_fiber("`wait_all`")
    waited = _checked(fiber, "wait_all", tasks)
    _suspend(fiber, "wait_all", waited, None, timeout, stops_at_err=bool(fail_fast))
    if not fail_fast:
        return List(_result_now(task, timeout) for task in waited)
    failures = [(task.ended_at, task.result) for task in waited if type(task.result) is Err]
    pending = [task for task in waited if task.result is None]
    if not failures and not pending:
        return List(task.result for task in waited)
    _end(fiber, pending)
    if failures:
        return min(failures, key=lambda found: found[0])[1]
    return _timed_out(f"{len(pending)} of {len(waited)} tasks were not done", timeout)


@builtin("cancel", "cancel(task, wait = False)")
def cancel_action(depth: int, task: Any, /, wait: Any = False) -> Ok | Err | None:
    """Ends a task where it waits: its Result is an `Err` of the kind `cancelled`. A task that is done stays as it
    is. It cleans up first; with `wait` that is waited for, also of a child run, and its Result given."""
    fiber = acting_fiber("`cancel`")
    if not isinstance(task, Task):
        raise Fault(
            "type-mismatch", f"`cancel` takes a task, not {type_name(task)}",
            hint="tasks come from `fctx.actions.run(...)`",
        )  # fmt: skip
    charge(1)
    reach_out(fiber.scope, task)
    if task.result is None:
        if wait:
            task.ask_to_end(fiber)
        else:
            task.cancel(fiber)
        fiber.check()
        fiber.evaluation.yield_to_lower(fiber)
    if not wait:
        return None
    _suspend(fiber, "cancel", [task], None, None)
    return task.result


class Pool:
    """The tasks of one `parallel_map`, as what their fiber waits for: `running` of them are not done, and `failed` is
    the first Err."""

    __slots__ = ("failed", "fiber", "is_waiting", "running")

    def __init__(self, fiber: Fiber) -> None:
        self.fiber = fiber
        self.running: dict[Task, None] = {}
        self.failed: Err | None = None
        self.is_waiting = False

    @property
    def tasks(self) -> Sequence[Task]:
        """Those that are not done."""
        return list(self.running)

    @property
    def is_of_all(self) -> bool:
        """It goes on when all are done, in the end."""
        return True

    def add(self, task: Task) -> None:
        """Another one runs."""
        self.running[task] = None
        task.waits.append(self)

    def task_ended(self, task: Task) -> None:
        """One of them is done."""
        del self.running[task]
        if self.failed is None and isinstance(task.result, Err):
            self.failed = task.result
        if self.is_waiting:
            self.give_up()
            self.fiber.evaluation.make_ready(self.fiber)

    def wait(self) -> None:
        """Suspends the fiber until one of them is done."""
        self.is_waiting = True
        self.fiber.wait = self
        self.fiber.suspend()

    def give_up(self) -> None:
        """The fiber waits no more."""
        self.is_waiting = False
        self.fiber.wait = None


@builtin("parallel_map", 'parallel_map(items, f, max_concurrency = 10, on_error = "collect")')
@passes_calls_on
def parallel_map(
    depth: int, items: Any, function: Any, /, max_concurrency: Any = 10, on_error: Any = "collect"
) -> List | Err:
    """The Results of `f(item)` for all items, in their order. At most `max_concurrency` are tasks at a time, and an
    item is only taken when there is room for it. With `on_error = "fail_fast"` the first Err cancels the others and is
    what it gives."""
    fiber = acting_fiber("`parallel_map`")
    if type(max_concurrency) is not int or not 1 <= max_concurrency <= CONCURRENCY_MAX:
        raise Fault("wrong-argument", f"`max_concurrency` takes an int from 1 to {CONCURRENCY_MAX:,}")
    if on_error not in ("collect", "fail_fast"):
        raise Fault("wrong-argument", '`on_error` takes "collect" or "fail_fast"')
    pool, tasks, stops = Pool(fiber), [], on_error == "fail_fast"
    frame = calling_frame(sys._getframe())
    for item in iterate(items):
        while len(pool.running) >= max_concurrency:
            pool.wait()
        if stops and pool.failed is not None:
            break
        charge(1, list_size(1))
        task = run_in(fiber, function, (item,), {}, frame)
        tasks.append(task)
        pool.add(task)
    while pool.running and not (stops and pool.failed is not None):
        pool.wait()
    if stops and pool.failed is not None:
        _end(fiber, pool.tasks)
        return pool.failed
    return List(task.result for task in tasks)


def _checked(fiber: Fiber, function: str, value: Any) -> list[Task]:
    if isinstance(value, (list, tuple)):
        charge(count_elements(value) >> 2, list_size(count_elements(value)))
    tasks = checked_tasks(value, function)
    for task in tasks:
        reach_out(fiber.scope, task)
    return tasks


def _suspend(
    fiber: Fiber, function: str, tasks: Sequence[Task], needed: int | None, timeout: Any, *, stops_at_err: bool = False
) -> None:
    """Suspends the fiber until `needed` (None: all) of the tasks are done, or the time is over."""
    limit_ms = timeout_ms(function, timeout)
    pending = [task for task in dict.fromkeys(tasks) if task.result is None]
    if not pending or (needed is not None and any(task.result is not None for task in tasks)):
        return
    if stops_at_err and any(type(task.result) is Err for task in tasks):
        return
    if limit_ms == 0:
        return
    wait = Wait(fiber, pending, len(pending) if needed is None else needed, stops_at_err)
    if limit_ms is not None:
        command = StartTimer(fiber.scope.next_position(), limit_ms, calling_frame(sys._getframe(1)))
        fiber.evaluation.put(command, wait)
        wait.timer = command.position
    suspend_for(fiber, wait)


def _end(fiber: Fiber, tasks: Sequence[Task]) -> None:
    """Cancels tasks and waits until they have ended."""
    for task in tasks:
        task.cancel(fiber)
    fiber.check()
    await_tasks(fiber, tasks)


def _result_now(task: Task, timeout: Any) -> Ok | Err:
    return task.result if task.result is not None else _timed_out(f"the task `{task.name}` was not done", timeout)


def _timed_out(what: str, timeout: Any) -> Err:
    charge(1, FAILURE)
    failure = Failure("timeout", f"{what} within {(timeout_ms('wait', timeout) or 0) / 1000:g} seconds")
    return Err(failure, failure)


RUNTIME_ACTIONS["wait"] = wait_action
RUNTIME_ACTIONS["wait_any"] = wait_any_action
RUNTIME_ACTIONS["wait_all"] = wait_all_action
RUNTIME_ACTIONS["cancel"] = cancel_action
RUNTIME_ACTIONS["parallel_map"] = parallel_map
