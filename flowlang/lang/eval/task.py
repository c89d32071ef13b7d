"""Tasks: flows and actions that run in fibers of their own, side by side with the flow that started them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from flowlang.lang.eval.command import Answer, Position, TaskBegun
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.interruption import Interruption, interrupt
from flowlang.lang.eval.traceback import Frame
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import ValueType, register, type_name
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.size import FIBER

if TYPE_CHECKING:
    from flowlang.lang.eval.evaluation import Evaluation


FIBER_STEPS: Final = 32
"""What making and ending a fiber costs."""


class Watcher(Protocol):
    """What looks on tasks for a fiber that waits: it makes the fiber ready when it has seen enough of them end.
    `is_of_all`: all of `tasks` must be done for that."""

    @property
    def tasks(self) -> Sequence[Task]: ...

    @property
    def is_of_all(self) -> bool: ...

    def task_ended(self, task: Task) -> None:
        """One of the tasks is done."""
        ...

    def give_up(self) -> None:
        """The fiber waits no more."""
        ...


class Task:
    """A running or finished task, started in the scope `owner`. `result` is None until it is done, `strand` is what
    runs it until then, in the scope `scope`. `ended_at` tells which of two tasks was done first.

    `closing` says what becomes of it when its owner ends. An ordinary task (empty) is awaited after an Ok and cancelled
    otherwise. Children, which are runs of their own, are awaited (`wait`), cancelled (`cancel`) or left (`abandon`)."""

    __slots__ = ("ended_at", "name", "owner", "result", "scope", "strand", "waits")

    closing = ""

    def __init__(self, name: str, owner: Scope) -> None:
        self.name = name
        self.owner = owner
        self.scope: Scope | None = None
        self.strand: Fiber | None = None
        self.result: Ok | Err | None = None
        self.ended_at = 0
        self.waits: list[Watcher] = []
        owner.tasks[self] = None

    def finish(self, evaluation: Evaluation, result: Ok | Err) -> None:
        """It is done. Those who wait for it are told."""
        self.result = result
        self.ended_at = evaluation.count_end()
        self.strand = self.scope = None
        self.owner.tasks.pop(self, None)
        for wait in self.waits:
            wait.task_ended(self)
        self.waits.clear()

    def cancel(self, fiber: Fiber) -> None:
        """Ends it where it waits; `fiber` is the one that wants it. A task that is done stays as it is."""
        if self.strand is not None and self.scope is not None:
            fault = Fault("cancelled", f"the task `{self.name}` was cancelled")
            interrupt(self.strand, Interruption(self.scope, fault))

    def ask_to_end(self, fiber: Fiber) -> None:
        """As `cancel`, for a fiber that waits until it has ended."""
        self.cancel(fiber)

    def leave(self, evaluation: Evaluation) -> None:
        """Its owner has ended and leaves it alone."""


class Wait:
    """A fiber that goes on when `left` more of `tasks` are done; with `stops_at_err` at the first Err; or when the
    timer at the position `timer` has fired. `is_timed_out` tells that it has."""

    __slots__ = ("fiber", "is_timed_out", "left", "stops_at_err", "tasks", "timer")

    def __init__(self, fiber: Fiber, tasks: Sequence[Task], left: int, stops_at_err: bool) -> None:
        self.fiber = fiber
        self.tasks: Sequence[Task] = tasks
        self.left = left
        self.stops_at_err = stops_at_err
        self.timer: Position | None = None
        self.is_timed_out = False

    def task_ended(self, task: Task) -> None:
        """One of the tasks is done."""
        self.left -= 1
        if self.left == 0 or (self.stops_at_err and type(task.result) is Err):
            self._wake()

    def answered(self, answer: Answer) -> None:
        """The timer has fired."""
        self.timer = None
        self.is_timed_out = True
        self._wake()

    def _wake(self) -> None:
        self.give_up()
        self.fiber.evaluation.make_ready(self.fiber)

    def give_up(self) -> None:
        """The fiber waits no more."""
        self.fiber.wait = None
        if self.timer is not None:
            self.fiber.evaluation.withdraw(self.timer)
            self.timer = None
        for task in self.tasks:
            if task.result is None:
                task.waits.remove(self)

    @property
    def is_of_all(self) -> bool:
        """Whether every one of the tasks must be done before the fiber goes on."""
        return self.left >= sum(task.result is None for task in self.tasks) and self.timer is None


def start_task(
    fiber: Fiber,
    name: str,
    digest: str,
    run: Callable[[Fiber], Ok | Err],
    frame: Frame | None,
    held: Sequence[Any] = (),
) -> Task:
    """Starts `run(its fiber)` as a task of the fiber's scope. `frame`: where the script asks for it; `held`: the values
    that it will need."""
    evaluation, scope = fiber.evaluation, fiber.scope
    charge(FIBER_STEPS, FIBER)
    position = scope.next_position()
    evaluation.tell(TaskBegun(position, name, digest, frame))
    task = Task(name, scope)
    task.scope = own_scope = Scope(position, scope, scope.flow, scope.arguments)
    task.strand = own = Fiber(evaluation, own_scope, lambda: _run(evaluation, task, run), held)
    evaluation.make_ready(own)
    return task


def _run(evaluation: Evaluation, task: Task, run: Callable[[Fiber], Ok | Err]) -> None:
    evaluation.enter_fiber()
    assert task.strand is not None
    task.finish(evaluation, run(task.strand))


def await_tasks(fiber: Fiber, tasks: Iterable[Task]) -> None:
    """Suspends the fiber until all the tasks are done. Raises Fault when one of them waits for this fiber."""
    pending = [task for task in dict.fromkeys(tasks) if task.result is None]
    if pending:
        suspend_for(fiber, Wait(fiber, pending, len(pending), stops_at_err=False))


def suspend_for(fiber: Fiber, wait: Wait) -> None:
    """Suspends the fiber until the wait is over. Raises Fault when it never would be."""
    if wait.timer is None and _never_ends(wait):
        raise tasks_wait_for_each_other()
    for task in wait.tasks:
        task.waits.append(wait)
    fiber.wait = wait
    fiber.suspend()


def tasks_wait_for_each_other() -> Fault:
    """What a wait fails with that would never end."""
    return Fault(
        "tasks-wait-for-each-other",
        "this would wait for a task that waits for this one",
        hint="let one of them return, and use its result in the other",
    )


def _never_ends(wait: Wait) -> bool:
    """Whether a wait can only end after itself: the last one to close such a circle is told. Of a wait for any of many
    tasks this is so when it is for each of them."""
    if wait.left < len(wait.tasks):
        return all(_waits_for(wait.fiber, [task]) for task in wait.tasks)
    return _waits_for(wait.fiber, wait.tasks)


def _waits_for(fiber: Fiber, tasks: Iterable[Task]) -> bool:
    """Whether one of the tasks can only go on after the fiber."""
    following = list(tasks)
    seen: set[Fiber] = set()
    while following:
        strand = following.pop().strand
        if strand is fiber:
            return True
        if strand is not None and strand not in seen:
            charge(1)
            seen.add(strand)
            if strand.wait is not None and strand.wait.is_of_all:
                following.extend(strand.wait.tasks)
    return False


def reach_out(scope: Scope | None, task: Task) -> None:
    """Notes that all scopes from `scope` to that of the task look at a task from outside."""
    owner = task.owner
    while scope is not None and scope is not owner:
        scope.reaches_out = True
        scope = scope.parent


def checked_tasks(value: Any, function: str = "wait") -> list[Task]:
    """The tasks in a list or tuple given to a function that waits."""
    if not isinstance(value, (list, tuple)):
        raise Fault(
            "type-mismatch", f"`{function}` takes a list of tasks, not {type_name(value)}",
            hint="tasks come from `fctx.actions.run(...)`",
        )  # fmt: skip
    for index, task in enumerate(value):
        if not isinstance(task, Task):
            hint = "give `run` the flow itself and its arguments: `run(f, x)`, not `run(f(x))`"
            raise Fault(
                "type-mismatch", f"item {index} given to `{function}` is {type_name(task)}, not a task", hint=hint
            )
    return list(value)


TASK: Final = ValueType(
    name="task",
    display=lambda task, nested: f"<task {task.name}>",
    children=lambda task: () if task.result is None else (task.result,),
)
register(Task, TASK)
