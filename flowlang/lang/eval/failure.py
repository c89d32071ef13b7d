"""From an exception inside a flow to the Err that its caller gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowlang.lang.eval.traceback import Frame, explain, frames_of, stop_of
from flowlang.lang.eval.unlock import unlock_after
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import BudgetExceeded, FailSignal, Fault, Stop
from flowlang.lang.values.result import Err, Failure, failure_of
from flowlang.lang.values.struct import Struct


class Defect(Stop):
    """A bug of the implementation came up while a script ran. Never the script's fault; ends the run."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.cause = cause


def too_deep(limit: int) -> BudgetExceeded:
    """The budget of nested calls is spent."""
    return BudgetExceeded("depth", f"calls are nested more than {limit} deep")


def failed(error: Exception) -> Err:
    """The Err of a flow that `error` ended. Raises Stop for what no flow may catch."""
    if (stop := stop_of(error)) is not None:
        raise stop from error
    explained = explain(error)
    if explained is None:
        raise Defect(error) from error
    unlock_after(error)
    frames = [trace_struct(frame) for frame in frames_of(error.__traceback__)]
    if isinstance(explained, FailSignal):
        inner: Failure = explained.failure or failure_of(explained.error)
        failure = Failure(inner.kind, inner.message, inner.data, inner.retryable, [*frames, *inner.trace], inner.hint)
        return Err(explained.error if type(explained.error) is not Failure else failure, failure)
    return fault_result(explained, frames)


def fault_result(fault: Fault, frames: list[Struct]) -> Err:
    """The Err of a Fault at a place."""
    failure = Failure(fault.slug, fault.message, from_host(fault.data), fault.retryable, frames, fault.hint)
    return Err(failure, failure)


def fault_of(failure: Mapping[str, Any]) -> Fault:
    """A failure that came as an answer, as what ends the flow that asked."""
    return Fault(
        failure["kind"], failure["message"], hint=failure.get("hint"), data=failure.get("data"),
        retryable=bool(failure.get("retryable")),
    )  # fmt: skip


def trace_struct(frame: Frame) -> Struct:
    """A frame as scripts and journals see it: lines and columns from 1."""
    line, column, end_line, end_column = frame.span
    return Struct({
        "path": frame.module, "name": frame.function, "line": line, "column": column + 1,
        "end_line": end_line, "end_column": end_column + 1,
    })  # fmt: skip
