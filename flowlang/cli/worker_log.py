"""The log of a worker: a line for what happened, as text or as JSON.

Lines say which run and which action, never what scripts work with: arguments, results, payloads and messages of
failures stay in the journal.
"""

from __future__ import annotations

import json
from typing import Any

from flowlang.cli.document import event_kind, moment
from flowlang.cli.output import Output
from flowlang.cli.terminal import one_line
from flowlang.errors import FlowlangError
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import (
    ActionScheduled,
    LogWritten,
    Position,
    Record,
    RunStarted,
    position_text,
)
from flowlang.runtime.journal.model import RunStatus


class WorkerLog(Hooks):
    """Writes lines to stderr. Quiet: warnings and errors only; verbose: each event and attempt, too."""

    def __init__(self, output: Output, *, is_json: bool) -> None:
        self._output = output
        self._is_json = is_json
        self._clock = SystemClock()

    def write(self, level: str, text: str, **fields: Any) -> None:
        """Writes a line, if its level (`debug`, `info`, `warning`, `error`) is wanted."""
        if (level == "debug" and not self._output.is_verbose) or (level in ("debug", "info") and self._output.is_quiet):
            return
        at = moment(self._clock.now_ms())
        if self._is_json:
            line = json.dumps({"at": at, "level": level, "text": text, **fields})
        else:
            line = one_line(f"{at}  {level:<7}  {text}" + "".join(f"  {name}={fields[name]}" for name in fields))
        self._output.say(line)

    def resuming(self, run_id: str, sequence: int, actions_completed: int, is_pinned_code_older: bool) -> None:
        """A run was taken up."""
        self.write("info", "run taken up", run_id=run_id, event=sequence, actions=actions_completed)

    def recorded(self, run_id: str, record: Record) -> None:
        """An event became durable."""
        event = record.event
        if isinstance(event, RunStarted):
            self.write("info", "run started", run_id=run_id, script=event.entry, flow=event.flow)
        elif not isinstance(event, LogWritten):
            more = {"action": event.action} if isinstance(event, ActionScheduled) else {}
            position = position_text(getattr(event, "position", ()))
            self.write(
                "debug",
                "event",
                run_id=run_id,
                event=record.sequence,
                kind=event_kind(event),
                position=position,
                **more,
            )

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        """An attempt starts."""
        level = "debug" if attempt == 1 else "info"
        self.write(level, "attempt", run_id=run_id, position=position_text(position), action=action, attempt=attempt)

    def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
        """A run ended, waits, was given back or lost."""
        if error is not None:
            self.write("warning", "run lost", run_id=run_id, status=status.value, error=type(error).__name__)
        elif status is RunStatus.STOPPED:
            self.write("warning", "run stopped", run_id=run_id, status=status.value)
        else:
            self.write("info", "run put down", run_id=run_id, status=status.value)
