"""Interruptions: what ends flow calls from outside of them, or all of a chapter from inside.

A task that is cancelled, a call that runs out of time and a run that is cancelled are interrupted where they wait: an
`Interruption` is raised there, which no flow call turns into a value before its target. On its way each call ends its
tasks and cleans up, from the inside out. A call that is cleaning up already is left to it, for a while.
"""

from __future__ import annotations

from greenlet import getcurrent

from flowlang.lang.eval.failure import fault_result, trace_struct
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.traceback import Frame, frames_of
from flowlang.lang.eval.unlock import unlock_after
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.result import Err, Ok


class Ending(BaseException):
    """Passes through flow calls, which clean up, until it has ended `scope` (None: all of them; then the chapter ends,
    and `payload` holds the arguments of the next one). `fault`: what the calls on the way end with; None when nothing
    has failed."""

    def __init__(self, scope: Scope | None, fault: Fault | None, payload: bytes = b"") -> None:
        super().__init__("ending")
        self.scope = scope
        self.fault = fault
        self.payload = payload
        self._frames: list[Frame] = []

    def result(self) -> Ok | Err:
        """The Result of a scope that it ends. To be called once in each, which begins its traceback anew: what it has
        left is dealt with."""
        unlock_after(self)
        self._frames[:0] = frames_of(self.__traceback__)
        self.__traceback__ = None
        if self.fault is None:
            return Ok(None)
        return fault_result(self.fault, [trace_struct(frame) for frame in self._frames])


class Interruption(Ending):
    """Ends `scope` with an Err of `fault`, whose kind is `cancelled` or `timeout`."""

    scope: Scope
    fault: Fault

    def __init__(self, scope: Scope, fault: Fault) -> None:
        super().__init__(scope, fault)


def interrupt(fiber: Fiber, interruption: Interruption) -> None:
    """Interrupts a fiber in a scope that it is in: at once if it waits, else where it waits next. While it cleans up,
    only afterwards; but then it has not for ever. Nothing happens when the scope's body has ended, or something is
    about to end the scope already."""
    target, shield = interruption.scope, None
    scope: Scope | None = fiber.scope
    while True:
        if scope is None:
            return
        if scope.is_closing:
            shield = scope
        if scope is target:
            break
        scope = scope.parent
    if shield is not None:
        if shield is not target and is_wider(interruption, fiber.postponed):
            fiber.postponed = interruption
        if shield.cleanup is not None:
            shield.cleanup.begin_grace()
    elif is_wider(interruption, fiber.interruption):
        fiber.interruption = interruption
        if not fiber.is_ready and not fiber.is_recalling and fiber is not getcurrent():
            release(fiber)
            fiber.evaluation.make_ready(fiber)


def is_wider(interruption: Interruption, other: Interruption | None) -> bool:
    """Whether an interruption ends more of a fiber than another one, if there is one."""
    return other is None or len(interruption.scope.path) < len(other.scope.path)


def release(fiber: Fiber) -> None:
    """What the suspended fiber waits for is not wanted any more."""
    if fiber.wait is not None:
        fiber.wait.give_up()
    if fiber.asked is not None:
        fiber.evaluation.withdraw(fiber.asked)
        fiber.asked = None
