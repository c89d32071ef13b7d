"""Fibers and scopes: where in a run the code is.

A fiber is one sequential strand of a run: the root, or one task. It is a greenlet, so a command suspends it at any
depth of calls. A scope is one flow call (or a fiber's own level): it numbers the commands made in it, which gives
each its position. Positions depend only on the code that ran in that scope, never on the timing of other fibers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol

from greenlet import getcurrent, greenlet

from flowlang.lang.eval.callback import IN_CALLBACK
from flowlang.lang.eval.command import Answer, Position
from flowlang.lang.values.fault import Fault

if TYPE_CHECKING:
    from flowlang.lang.eval.cleanup import Cleanup, Handler
    from flowlang.lang.eval.evaluation import Evaluation
    from flowlang.lang.eval.interruption import Interruption
    from flowlang.lang.eval.task import Task, Watcher


class Scope:
    """One flow call, a task's own level, or a handler that cleans up. `may_act` is False while a loaded module's top
    level runs. `tasks`: those started in it that are not done; `handlers`: what runs at its end; `deadline`: the
    position of the timer that limits it. `is_closing`: its body has ended, so nothing interrupts it any more.
    `interruption`: what ended it from outside. `reaches_out`: it has waited for a task of an outer scope or cancelled
    one, so it is more than its result."""

    __slots__ = (
        "arguments", "cleanup", "counter", "deadline", "flow", "handlers", "interruption", "is_closing", "lines",
        "may_act", "parent", "path", "reaches_out", "tasks",
    )  # fmt: skip

    def __init__(self, path: Position, parent: Scope | None, flow: str, arguments: Any, may_act: bool = True) -> None:
        self.path = path
        self.parent = parent
        self.flow = flow
        self.arguments = arguments
        self.may_act = may_act
        self.counter = 0
        self.lines = 0
        self.tasks: dict[Task, None] = {}
        self.handlers: list[Handler] | None = None
        self.cleanup: Cleanup | None = None
        self.deadline: Position | None = None
        self.is_closing = False
        self.interruption: Interruption | None = None
        self.reaches_out = False

    def next_position(self) -> Position:
        """The position of the next command; log lines after it are numbered anew."""
        position = (*self.path, self.counter)
        self.counter += 1
        self.lines = 0
        return position

    def line_position(self) -> Position:
        """The position of a log line: below the command that comes next, counting down from -1, so that lines
        never shift the positions of commands."""
        self.lines += 1
        return (*self.path, self.counter, -self.lines)


class Strand(Protocol):
    """What an evaluation lets go on, when it is its turn."""

    is_ready: bool

    def go_on(self) -> None:
        """Goes on until it waits or has ended. May raise Stop."""
        ...


class Fiber(greenlet):
    """One strand of an evaluation, in its current scope. `path`: of the scope that it began with. `held`: values that
    it was given to begin with. While it is suspended, `asked` is the command and `wait` the tasks that it waits for.
    `interruption`: what interrupts it when it goes on, `postponed` when it has cleaned up. `is_recalling`: it waits for
    the end of a flow call that is recorded."""

    def __init__(self, evaluation: Evaluation, scope: Scope, run: Any, held: Sequence[Any] = ()) -> None:
        super().__init__(run, evaluation.hub)
        # A greenlet begins with an empty context. Host functions that are called in it expect their own.
        self.gr_context = copy_context()
        self.evaluation = evaluation
        self.scope = scope
        self.path = scope.path
        self.held = held
        self.answer: Answer | None = None
        self.asked: Position | None = None
        self.wait: Watcher | None = None
        self.interruption: Interruption | None = None
        self.postponed: Interruption | None = None
        self.is_ready = False
        self.is_recalling = False

    def go_on(self) -> None:
        """Runs on until it waits or has ended, with the answer if it asked for one."""
        self.is_ready = False
        self.switch(self.answer) if self else self.switch()

    def suspend(self) -> Any:
        """Gives control back to the evaluation until the fiber is answered. Raises what interrupts it instead."""
        answer = self.evaluation.hub.switch()
        if self.interruption is not None:
            self.check()
        return answer

    def answered(self, answer: Answer) -> None:
        """The answer to what it asked has come."""
        self.asked = None
        self.evaluation.make_ready(self, answer)

    def check(self) -> None:
        """Raises what interrupts the fiber, if anything does now."""
        interruption, self.interruption = self.interruption, None
        if interruption is not None:
            raise interruption
        postponed = self.postponed
        if postponed is not None and not is_shielded(self.scope, postponed.scope):
            self.postponed = None
            raise postponed


def is_shielded(scope: Scope | None, target: Scope) -> bool:
    """Whether a scope from `scope` up to `target` is closing: until it has, nothing interrupts what runs."""
    while scope is not None:
        if scope.is_closing:
            return True
        if scope is target:
            return False
        scope = scope.parent
    return False


def current_fiber() -> Fiber | None:
    """The running fiber; None outside of a run."""
    current = getcurrent()
    return current if type(current) is Fiber else None


def acting_fiber(what: str) -> Fiber:
    """The running fiber, if it may act now. `what` names the attempt in the refusal."""
    current = getcurrent()
    if type(current) is not Fiber:
        raise Fault("no-run", f"{what} is only possible in a run", hint="start the script with `flowlang run`")
    callback = IN_CALLBACK.get()
    if callback is not None:
        raise Fault(
            "action-in-callback",
            f"{what} is not possible in a function that `{callback}` calls",
            hint=f"do it in a loop first, and give `{callback}` the results",
        )
    if not current.scope.may_act:
        raise Fault(
            "action-while-loading",
            f"{what} is not possible while a module is being loaded",
            hint='put it into a flow, or under `if __name__ == "__flow__":`',
        )
    return current
