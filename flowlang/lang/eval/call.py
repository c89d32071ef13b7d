"""One call that is a unit of error handling and of durability: what flows do, whatever it is that they call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from flowlang.lang.eval.cleanup import limit_scope, run_scope
from flowlang.lang.eval.command import FinishedCall, FlowBegun, FlowEnded
from flowlang.lang.eval.crossing import Crossed, preview_of, result_by_value
from flowlang.lang.eval.failure import too_deep
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.interruption import Interruption
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct

CALL_STEPS: Final = 32
"""What a flow call costs, beside what runs in it."""
NO_ARGUMENTS: Final = Struct({})

Body: TypeAlias = Callable[[Scope, Sequence[Any], dict[str, Any]], Any]


def enter_call(fiber: Fiber, name: str, depth: int, crossed: Crossed, limit_ms: int | None, body: Body) -> Ok | Err:
    """Calls `body` with its scope and the arguments. What is recorded from begin to end is not called."""
    evaluation, outer = fiber.evaluation, fiber.scope
    if depth > evaluation.depth_limit:
        raise too_deep(evaluation.depth_limit)
    evaluation.meter.charge(CALL_STEPS)
    own_positional, own_keywords, arguments_digest = crossed
    position = outer.next_position()
    finished = evaluation.finished.get(position)
    if finished is not None and finished.flow == name and finished.digest == arguments_digest:
        return _recalled(fiber, finished)
    shown = preview_of(own_positional, own_keywords)
    evaluation.tell(FlowBegun(position, name, arguments_digest, shown, calling_frame(sys._getframe())))
    scope = Scope(position, outer, name, NO_ARGUMENTS)
    if limit_ms is not None:
        limit_scope(fiber, scope, f"`{name}`", limit_ms)
    try:
        result = run_scope(fiber, scope, lambda: body(scope, own_positional, own_keywords))
    except Interruption:
        evaluation.tell(FlowEnded(position, False, None))
        raise
    result, payload = result_by_value(result)
    evaluation.tell(FlowEnded(position, type(result) is Ok, None if scope.reaches_out else payload))
    fiber.check()
    return result


def _recalled(fiber: Fiber, finished: FinishedCall) -> Ok | Err:
    """The result of a call that is recorded, at the moment at which it came. What interrupts the fiber meanwhile found
    the call cleaning up, for else it would not have ended."""
    if finished.last_answer is not None:
        fiber.is_recalling = True
        fiber.evaluation.await_answer(fiber, finished.last_answer)
        fiber.is_recalling = False
    result: Ok | Err = decode(finished.payload)
    fiber.check()
    return result
