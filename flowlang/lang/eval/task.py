"""Tasks: flows and actions that run in fibers of their own, side by side with the flow that started them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from flowlang.lang.eval.command import TaskBegun
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import ValueType, register, type_name
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.size import FIBER

if TYPE_CHECKING:
    from flowlang.lang.eval.evaluation import Evaluation


FIBER_STEPS: Final = 32
"""What making and ending a fiber costs."""


class Task:
    """A running or finished task. `result` is None until it is done, `strand` is what runs it until then."""

    __slots__ = ("fiber", "name", "result", "strand", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.strand: Fiber | None = None
        self.result: Ok | Err | None = None
        self.waiting: list[Wait] = []
        self.fiber: Fiber | None = None


class Wait:
    """A fiber that goes on when `left` more tasks are done."""

    __slots__ = ("fiber", "left")

    def __init__(self, fiber: Fiber, left: int) -> None:
        self.fiber = fiber
        self.left = left


def start_task(
    fiber: Fiber, name: str, digest: str, run: Callable[[Fiber], Ok | Err], held: Sequence[Any] = ()
) -> Task:
    """Starts `run(its fiber)` as a task of the fiber's scope. `held`: the values that it will need."""
    evaluation, scope = fiber.evaluation, fiber.scope
    charge(FIBER_STEPS, FIBER)
    position = scope.next_position()
    evaluation.tell(TaskBegun(position, name, digest, calling_frame(sys._getframe())))
    task = Task(name)
    own_scope = Scope(position, scope, scope.flow, scope.arguments)
    task.fiber = task.strand = Fiber(evaluation, own_scope, lambda: _run(evaluation, task, run), held)
    scope.tasks.append(task)
    evaluation.make_ready(task.fiber)
    return task


def _run(evaluation: Evaluation, task: Task, run: Callable[[Fiber], Ok | Err]) -> None:
    fiber, task.fiber = task.fiber, None
    assert fiber is not None
    evaluation.enter_fiber()
    task.result = run(fiber)
    task.strand = None
    for wait in task.waiting:
        wait.left -= 1
        if wait.left == 0:
            evaluation.make_ready(wait.fiber)
    task.waiting.clear()


def await_tasks(fiber: Fiber, tasks: Sequence[Task]) -> None:
    """Suspends the fiber until all the tasks are done. Raises Fault when one of them waits for this fiber."""
    pending = [task for task in dict.fromkeys(tasks) if task.result is None]
    if pending:
        if _waits_for(fiber, pending):
            raise Fault(
                "tasks-wait-for-each-other",
                "this would wait for a task that waits for this one",
                hint="let one of them return, and use its result in the other",
            )
        wait = Wait(fiber, len(pending))
        for task in pending:
            task.waiting.append(wait)
        fiber.awaited = pending
        fiber.suspend()
        fiber.awaited = ()


def _waits_for(fiber: Fiber, tasks: Sequence[Task]) -> bool:
    """Whether one of the tasks can only go on after the fiber: the last one to close such a circle is told."""
    following = list(tasks)
    seen: set[Fiber] = set()
    while following:
        strand = following.pop().strand
        if strand is fiber:
            return True
        if strand is not None and strand not in seen:
            charge(1)
            seen.add(strand)
            following.extend(strand.awaited)
    return False


def checked_tasks(value: Any) -> list[Task]:
    """The tasks in a list or tuple given to `wait`."""
    if not isinstance(value, (list, tuple)):
        raise Fault(
            "type-mismatch", f"`wait` takes a list of tasks, not {type_name(value)}",
            hint="tasks come from `fctx.actions.run(...)`",
        )  # fmt: skip
    for index, task in enumerate(value):
        if type(task) is not Task:
            hint = "give `run` the flow itself and its arguments: `run(f, x)`, not `run(f(x))`"
            raise Fault("type-mismatch", f"item {index} given to `wait` is {type_name(task)}, not a task", hint=hint)
    return list(value)


register(
    Task,
    ValueType(
        name="task",
        display=lambda task, nested: f"<task {task.name}>",
        children=lambda task: () if task.result is None else (task.result,),
    ),
)
