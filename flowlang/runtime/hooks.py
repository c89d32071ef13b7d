"""What an engine tells whoever watches a run: the command line, a dashboard, a test.

Hooks are called on the thread that drives the run, after what they tell is durable. They must be quick and must not
raise; the engine does not depend on them.
"""

from __future__ import annotations

from functools import cached_property

from flowlang.errors import FlowlangError
from flowlang.runtime.journal.event import LogWritten, Position, Record
from flowlang.runtime.journal.model import RunStatus


class Hooks:
    """Does nothing; override what you want to see."""

    @cached_property
    def is_watching(self) -> bool:
        """Whether records and lines are looked at, so that they are worth being made."""
        own = type(self)
        return own.recorded is not Hooks.recorded or own.line is not Hooks.line

    def started(self, run_id: str, entry: str) -> None:
        """A new run was created."""

    def resuming(self, run_id: str, sequence: int, actions_completed: int, is_pinned_code_older: bool) -> None:
        """An unfinished run goes on after event `sequence`; `actions_completed` actions need not be done again.
        `is_pinned_code_older`: its file was edited since, and the run goes on with the code it began with."""

    def recorded(self, run_id: str, record: Record) -> None:
        """A record became durable (not called for what an earlier process recorded)."""

    def line(self, run_id: str, line: LogWritten) -> None:
        """A log line became durable."""

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        """An attempt of an action starts now."""

    def progress(self, run_id: str, position: Position, action: str, done: float, total: float | None,
                 message: str) -> None:  # fmt: skip
        """An action said how far it is. Called on the action's own thread; nothing of it is recorded."""

    def waiting(self, run_id: str, position: Position, until_ms: int) -> None:
        """The run waits for a timer."""

    def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
        """A worker does not drive the run any more: it ended, waits without memory, was given back or lost."""
