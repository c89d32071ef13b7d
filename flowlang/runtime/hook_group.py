"""Several hooks as one: each is told what an engine tells, in order."""

from __future__ import annotations

from collections.abc import Sequence

from flowlang.errors import FlowlangError
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import LogWritten, Position, Record
from flowlang.runtime.journal.model import RunStatus


class HookGroup(Hooks):
    """See the module."""

    def __init__(self, members: Sequence[Hooks]) -> None:
        self._members = tuple(members)

    @property
    def is_watching(self) -> bool:
        return any(each.is_watching for each in self._members)

    def started(self, run_id: str, entry: str) -> None:
        for each in self._members:
            each.started(run_id, entry)

    def resuming(self, run_id: str, sequence: int, actions_completed: int, is_pinned_code_older: bool) -> None:
        for each in self._members:
            each.resuming(run_id, sequence, actions_completed, is_pinned_code_older)

    def recorded(self, run_id: str, record: Record) -> None:
        for each in self._members:
            each.recorded(run_id, record)

    def line(self, run_id: str, line: LogWritten) -> None:
        for each in self._members:
            each.line(run_id, line)

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        for each in self._members:
            each.attempt(run_id, position, action, attempt)

    def progress(self, run_id: str, position: Position, action: str, done: float, total: float | None,
                 message: str) -> None:  # fmt: skip
        for each in self._members:
            each.progress(run_id, position, action, done, total, message)

    def waiting(self, run_id: str, position: Position, until_ms: int) -> None:
        for each in self._members:
            each.waiting(run_id, position, until_ms)

    def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
        for each in self._members:
            each.put_down(run_id, status, error)
