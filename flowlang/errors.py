"""Exceptions for hosts.

    FlowlangError
     + SourceError            a module does not parse or resolve; carries diagnostics
     + EvaluationError        evaluation failed; carries a diagnostic and a flow traceback
     |   + BudgetExceededError  a budget that counts is spent; says which
     |   + DeadlineExceeded     the time is over
     |   + Cancelled            the host ended it
     + UsageError             arguments that do not fit, an unknown flow, a bad option
     + RunError
     |   + RunNotFound
     |   + RunAlreadyExists
     |   + RunEnded           it takes no more messages and cannot be driven on
     |   + MessageConflict    another message with this key was sent before
     |   + GateNotFound       no gate is there, or the token is not one of its
     |   + GateClosed         a gate was decided before, or its time is over
     |   + ReplayMismatch     the code asks for something else than the journal recorded
     |   + ActionsMissing     its script names actions that are not here
     + JournalError
     |   + JournalUnavailable disk full, read-only, locked, not there: nothing was written
     |   + JournalCorrupt     a checksum does not fit
     |   + CodecMissing       values are encoded, and no codec here reads them
     |   + PayloadTooLarge    a value is larger than a journal takes
     |   + LeaseHeld          somebody else drives the run
     |   + LeaseLost          this worker's token is stale; it must stop
     |   + WaitDecided        somebody else decided a gate before its owner could record that it timed out
     |   + SchemaMismatch     the database is newer than this program, or not a flowlang database
     + ConversionError        a host object is not plain data; says the path to it
     + InternalError          a bug of flowlang

A flow's own Err is a value, not an exception: exceptions mean misuse, infrastructure or bugs.

What Python shows of an exception that nobody caught is its message and its notes. Those of SourceError and
EvaluationError are the place in the script, made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

NOTED_MAX: Final = 5
"""So many static errors are shown of an exception that nobody caught."""


class FlowlangError(Exception):
    """Root of everything that flowlang raises on purpose. `hint` says what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SourceError(FlowlangError):
    """Static errors. `diagnostics` are in the order of their places."""

    def __init__(self, diagnostics: Sequence[Any]) -> None:
        first = diagnostics[0] if diagnostics else None
        super().__init__("static error" if first is None else first.message, hint=None if first is None else first.hint)
        self.diagnostics = tuple(diagnostics)

    def render(self, *, color: bool = False) -> str:
        """All diagnostics with their code, for the script's author."""
        return "\n\n".join(each.render(color=color) for each in self.diagnostics)

    @cached_property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        rendered = [each.render() for each in self.diagnostics[:NOTED_MAX]]
        more = len(self.diagnostics) - len(rendered)
        return [*rendered, f"and {more} more"] if more else rendered


class TraceFrame(NamedTuple):
    """One call of a flow traceback: where the script was in it. Lines and columns count from 1; the end is behind the
    last column."""

    module: str
    function: str
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def is_bundled(self) -> bool:
        """Whether it stands in the prelude or the standard library."""
        return self.module.startswith("@")


class EvaluationError(FlowlangError):
    """Evaluation failed. `failure` is the script's view of it (kind, message, data, retryable, trace), `diagnostic`
    the author's, with the innermost place in the author's own code; `traceback` are the calls that led there,
    outermost first; `usage` is what the evaluation had used. `origin` and `renderer` belong to flowlang."""

    def __init__(
        self, message: str, *, failure: Any = None, hint: str | None = None, diagnostic: Any = None,
        traceback: Sequence[TraceFrame] = (), usage: Any = None, origin: Exception | None = None,
        renderer: Callable[[Any, Sequence[TraceFrame], bool], str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message, hint=hint)
        self._renderer = renderer
        self.failure = failure
        self.diagnostic = diagnostic
        self.traceback = tuple(traceback)
        self.usage = usage
        self.origin = origin

    def render(self, *, color: bool = False) -> str:
        """The calls that led there, the code, what went wrong and what to do, as lines for the script's author."""
        if self._renderer is None:
            return f"error: {self.message}"
        return self._renderer(self.diagnostic, self.traceback, color)

    @cached_property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        return [self.render()]


class BudgetExceededError(EvaluationError):
    """A budget is spent; `limit` names it: `steps`, `memory`, `depth` or `output`."""

    def __init__(self, message: str, *, limit: str, **details: Any) -> None:
        super().__init__(message, **details)
        self.limit = limit


class DeadlineExceeded(EvaluationError):
    """The time that the budget gives is over."""


class Cancelled(EvaluationError):
    """The host ended the evaluation."""


class UsageError(FlowlangError):
    """The caller's fault, found before anything happened."""


class RunError(FlowlangError):
    """About one run."""

    def __init__(self, message: str, *, run_id: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.run_id = run_id


class RunNotFound(RunError):
    """No run has this id."""


class ActionsMissing(RunError):
    """The run was started where there are actions that its script names and that are not here. It is not evaluated."""


class RunAlreadyExists(RunError):
    """The id is taken."""


class RunEnded(RunError):
    """The run has ended: it takes no more messages and cannot be driven on."""


class MessageConflict(RunError):
    """A message with the same key and other content was sent before; nothing was changed."""


class GateNotFound(RunError):
    """There is no such gate, or the token does not belong to it."""


class GateClosed(RunError):
    """The gate was decided before; `decided_by` says by what: `signal`, `timeout` or `closed` (the run ended)."""

    def __init__(self, message: str, *, run_id: str = "", decided_by: str = "", hint: str | None = None) -> None:
        super().__init__(message, run_id=run_id, hint=hint)
        self.decided_by = decided_by


class ReplayMismatch(RunError):
    """The code asked for another command than the journal holds at that position. `report` shows both sides."""

    def __init__(self, message: str, *, run_id: str = "", report: Any = None, hint: str | None = None) -> None:
        super().__init__(message, run_id=run_id, hint=hint)
        self.report = report


class JournalError(FlowlangError):
    """About the store."""


class JournalUnavailable(JournalError):
    """Nothing was written: the disk is full, the file is read-only, locked or gone."""


class JournalCorrupt(JournalError):
    """Stored data is not what was written."""


class CodecMissing(JournalError):
    """Stored values are encoded, and no codec here can read them."""


class PayloadTooLarge(JournalError):
    """One value is larger than a journal takes; nothing was written."""

    def __init__(self, message: str, *, size_bytes: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.size_bytes = size_bytes


class LeaseHeld(JournalError):
    """The run has a living owner."""

    def __init__(self, message: str, *, owner: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.owner = owner


class LeaseLost(JournalError):
    """Another worker took the run over."""


class WaitDecided(JournalError):
    """A gate that was to be recorded as timed out had been decided; `position` is its own as text."""

    def __init__(self, message: str, *, position: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.position = position


class SchemaMismatch(JournalError):
    """The database does not fit this version of flowlang."""


class ConversionError(FlowlangError):
    """A host object cannot become a script value; `path` leads to it."""

    def __init__(self, message: str, *, path: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class InternalError(FlowlangError):
    """A bug of flowlang, never the script's fault."""
