"""Fibers and scopes: where in a run the code is.

A fiber is one sequential strand of a run: the root, or one task. It is a greenlet, so a command suspends it at any
depth of calls. A scope is one flow call (or a fiber's own level): it numbers the commands made in it, which gives
each its position. Positions depend only on the code that ran in that scope, never on the timing of other fibers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

from flowlang.lang.eval.callback import IN_CALLBACK
from flowlang.lang.eval.command import Position
from flowlang.lang.values.fault import Fault

if TYPE_CHECKING:
    from flowlang.lang.eval.evaluation import Evaluation
    from flowlang.lang.eval.task import Task


class Scope:
    """One flow call. `may_act` is False while a loaded module's top level runs."""

    __slots__ = ("arguments", "counter", "flow", "lines", "may_act", "parent", "path", "tasks")

    def __init__(self, path: Position, parent: Scope | None, flow: str, arguments: Any, may_act: bool = True) -> None:
        self.path = path
        self.parent = parent
        self.flow = flow
        self.arguments = arguments
        self.may_act = may_act
        self.counter = 0
        self.lines = 0
        self.tasks: list[Task] = []

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


class Fiber(greenlet):
    """One strand of an evaluation, in its current scope. `held`: values that it was given to begin
    with; `awaited`: the tasks that it waits for now."""

    def __init__(self, evaluation: Evaluation, scope: Scope, run: Any, held: Sequence[Any] = ()) -> None:
        super().__init__(run, evaluation.hub)
        # A greenlet begins with an empty context. Host functions that are called in it expect their own.
        self.gr_context = copy_context()
        self.evaluation = evaluation
        self.scope = scope
        self.held = held
        self.awaited: Sequence[Task] = ()

    def suspend(self) -> Any:
        """Gives control back to the evaluation until the fiber is answered."""
        return self.evaluation.hub.switch()


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
