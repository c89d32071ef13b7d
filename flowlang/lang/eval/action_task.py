"""Tasks that are one call of an action.

Most tasks are: `run(action, …)`, and `parallel_map` over an action. All that such a task does is to ask and to wait,
for which no fiber is needed. It begins, is answered and ends at the same moments as a fiber would that calls the
action, and has the same positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from flowlang.lang.eval.cleanup import as_result
from flowlang.lang.eval.command import Answer, CallAction, TaskBegun
from flowlang.lang.eval.context import ActionRef
from flowlang.lang.eval.crossing import Crossed, result_by_value
from flowlang.lang.eval.failure import fault_of, fault_result
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.task import FIBER_STEPS, TASK, Task
from flowlang.lang.eval.traceback import Frame
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import METER, charge
from flowlang.lang.values.protocol import register
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.size import ACTION_TASK, OBJECT

if TYPE_CHECKING:
    from flowlang.lang.eval.evaluation import Evaluation

NOT_BEGUN: Final = CallAction((), "", b"", None, None)


class ActionTask(Task):
    """A call of an action. `command` is what it asks for, `fault` why it ends without an answer: its arguments do not
    fit, or it was cancelled. A `Strand` itself."""

    __slots__ = ("answer", "command", "evaluation", "fault", "is_ready")

    def __init__(self, name: str, owner: Scope, evaluation: Evaluation) -> None:
        super().__init__(name, owner)
        self.evaluation = evaluation
        self.command = NOT_BEGUN
        self.answer: Answer | None = None
        self.fault: Fault | None = None
        self.is_ready = False

    def go_on(self) -> None:
        """Puts the call, or ends with what came of it."""
        self.is_ready = False
        if self.fault is None and self.answer is None:
            try:
                self.evaluation.put(self.command, self)
                return
            except Fault as fault:
                self.fault = fault
        outside = METER.set(self.evaluation.meter)  # the script pays for what it gets
        try:
            self.finish(self.evaluation, self._result())
        finally:
            METER.reset(outside)

    def _result(self) -> Ok | Err:
        fault, answer = self.fault, self.answer
        if fault is None and answer is not None:
            if answer.failure is None:
                return as_result(None if answer.payload is None else decode(answer.payload))
            fault = fault_of(answer.failure)
        assert fault is not None
        return result_by_value(fault_result(fault, []))[0]

    def finish(self, evaluation: Evaluation, result: Ok | Err) -> None:
        """It is done, and keeps nothing but its result."""
        self.command, self.answer = NOT_BEGUN, None
        super().finish(evaluation, result)

    def answered(self, answer: Answer) -> None:
        """The action has ended."""
        self.answer = answer
        self.evaluation.queue(self.command.position[:-1], self)

    def cancel(self, fiber: Fiber) -> None:
        """Ends it, when it is its turn."""
        if self.result is None:
            self.fault = Fault("cancelled", f"the task `{self.name}` was cancelled")
            if not self.is_ready:
                self.evaluation.withdraw(self.command.position)
                self.evaluation.queue(self.command.position[:-1], self)


def start_action(fiber: Fiber, action: ActionRef, crossed: Crossed, frame: Frame | None) -> ActionTask:
    """Starts a call of an action as a task of the fiber's scope. `frame`: where the script asks for it."""
    evaluation, scope = fiber.evaluation, fiber.scope
    charge(FIBER_STEPS, ACTION_TASK)
    position = scope.next_position()
    evaluation.tell(TaskBegun(position, action.name, crossed[2], frame))
    task = ActionTask(action.name, scope, evaluation)
    try:
        payload, timeout_s = action.encoded(crossed[0], crossed[1])
    except Fault as fault:
        task.fault = fault
    else:
        task.command = CallAction((*position, 0), action.name, payload, timeout_s, None)
    evaluation.queue(position, task)
    return task


def _size(task: ActionTask) -> int:
    return OBJECT if task.result is not None else ACTION_TASK + len(task.command.arguments)


register(ActionTask, attrs.evolve(TASK, size=_size))
