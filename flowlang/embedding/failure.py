"""What the host is told of an evaluation that did not come to its end: the exceptions of `flowlang.errors`.

A failure has a diagnostic whose primary label is the innermost place in a module that the host loaded (a failure inside
of the prelude is shown where it was called), the calls that led there, and what was used until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import attrs

from flowlang.embedding.instance import Ended, HostStop, Setting
from flowlang.errors import (
    BudgetExceededError,
    Cancelled,
    DeadlineExceeded,
    EvaluationError,
    InternalError,
)
from flowlang.lang.diagnostics.trace_text import render_failure
from flowlang.lang.eval.evaluation import Completed, Stopped
from flowlang.lang.eval.failure import Defect, trace_struct
from flowlang.lang.eval.failure_report import failure_diagnostic, trace_frames
from flowlang.lang.source import SourceFile
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.result import Err, Failure

HOST_ERROR: Final = "host-error"
HINTS: Final[Mapping[str, str]] = {
    "steps": "let it do less, or give a larger `Budget(steps = …)`",
    "memory": "let it keep less, or give a larger `Budget(memory_bytes = …)`",
    "depth": "calls that nest without end need another way out",
    "output": "let it print less, or give a larger `Budget(output_bytes = …)`",
}


def raise_failure(ended: Ended, setting: Setting) -> NoReturn:
    """Raises what an evaluation came to that was no success."""
    sources = setting.build.sources
    step = ended.step
    if isinstance(step, Completed) and isinstance(step.result, Err):
        error = failure_error(step.result.failure, sources)
        error.usage = ended.usage
        raise error from (ended.host_error if step.result.failure.kind == HOST_ERROR else None)
    if isinstance(step, Stopped):
        if isinstance(step.cause, HostStop):
            raise step.cause.problem
        if isinstance(step.cause, Defect):
            raise InternalError(str(step.cause)) from step.cause.cause
        stopped = _stopped(step, ended.reason, setting)
        stopped.usage = ended.usage
        raise stopped from None
    raise InternalError("an evaluation was suspended that cannot be")


def failure_error(
    failure: Failure, sources: Mapping[str, SourceFile], *, origin: Exception | None = None
) -> EvaluationError:
    """The exception for a failure of a script. `origin` is what it came from, where it is still under way."""
    trace = trace_frames(failure)
    diagnostic = failure_diagnostic(failure, trace, sources)
    return EvaluationError(
        diagnostic.message, failure=failure, hint=failure.hint, diagnostic=diagnostic, traceback=trace, origin=origin,
        renderer=render_failure,
    )  # fmt: skip


def _stopped(step: Stopped, reason: str | None, setting: Setting) -> EvaluationError:
    frames = [trace_struct(frame) for frame in step.frames]
    if isinstance(step.cause, BudgetExceeded):
        limit, message = step.cause.limit, step.cause.message
        failure = Failure("budget-exceeded", message, from_host({"limit": limit}), trace=frames, hint=HINTS[limit])
        return BudgetExceededError(message, limit=limit, **_details(failure, setting))
    if reason == "deadline":
        seconds = setting.budget.wall_seconds
        message = "the time is over" if seconds is None else f"the budget of {seconds:g} seconds is spent"
        return DeadlineExceeded(message, **_details(Failure("deadline-exceeded", message, trace=frames), setting))
    message = "the evaluation was cancelled"
    return Cancelled(message, **_details(Failure("cancelled", message, trace=frames), setting))


def _details(failure: Failure, setting: Setting) -> dict[str, Any]:
    known = failure_error(failure, setting.build.sources)
    # Its data, the name of the limit, is what the message says.
    diagnostic = attrs.evolve(known.diagnostic, notes=())
    return {
        "failure": failure, "hint": failure.hint, "diagnostic": diagnostic, "traceback": known.traceback,
        "renderer": render_failure,
    }  # fmt: skip
