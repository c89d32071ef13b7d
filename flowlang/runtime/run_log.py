"""What runs do, in Python's own logging: the loggers `flowlang.run` and `flowlang.action`.

Every record carries `run_id`, and those of actions `action`, `position` and `attempt`, as attributes that a formatter
can name; at the level DEBUG there is one for each event. Arguments, results, messages and whatever else a script
handles are values of somebody's business: they are never written, at no level. The lines that a script prints or logs
are what its author chose to show; they come at the level that the script gave them, on `flowlang.script`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from flowlang.errors import FlowlangError
from flowlang.lang.values.canonical import decode
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import (
    ActionFailed,
    ActionScheduled,
    AttemptFailed,
    LogWritten,
    Position,
    Record,
    RunCompleted,
    RunStopped,
    position_text,
)
from flowlang.runtime.journal.model import RunStatus

RUN: Final = logging.getLogger("flowlang.run")
ACTION: Final = logging.getLogger("flowlang.action")
SCRIPT: Final = logging.getLogger("flowlang.script")
LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "print": logging.INFO,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class RunLog(Hooks):
    """See the module."""

    def started(self, run_id: str, entry: str) -> None:
        RUN.info("started %s", entry, extra={"run_id": run_id})

    def resuming(self, run_id: str, sequence: int, actions_completed: int, is_pinned_code_older: bool) -> None:
        RUN.info("resumed after event %d", sequence, extra={"run_id": run_id, "actions": actions_completed})

    def line(self, run_id: str, line: LogWritten) -> None:
        SCRIPT.log(LEVELS.get(line.level, logging.INFO), "%s", line.text, extra={"run_id": run_id})

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        level = logging.DEBUG if attempt == 1 else logging.INFO
        if ACTION.isEnabledFor(level):
            about: dict[str, Any] = {
                "run_id": run_id, "position": position_text(position), "action": action, "attempt": attempt,
            }  # fmt: skip
            ACTION.log(level, "attempt %d of `%s` starts", attempt, action, extra=about)

    def progress(self, run_id: str, position: Position, action: str, done: float, total: float | None,
                 message: str) -> None:  # fmt: skip
        about = {"run_id": run_id, "position": position_text(position), "action": action}
        ACTION.debug("`%s` is at %s of %s", action, done, "an unknown total" if total is None else total, extra=about)

    def recorded(self, run_id: str, record: Record) -> None:
        if RUN.isEnabledFor(logging.DEBUG):
            _log_event(run_id, record)
        match record.event:
            case AttemptFailed(position=position, attempt=attempt, payload=payload):
                text = position_text(position)
                ACTION.warning(
                    "attempt %d of %s at %s failed (%s) and will be repeated", attempt, run_id, text, _kind(payload),
                    extra={"run_id": run_id, "position": text, "attempt": attempt},
                )  # fmt: skip
            case ActionFailed(position=position, payload=payload):
                text = position_text(position)
                ACTION.warning(
                    "the action of %s at %s failed: %s", run_id, text, _kind(payload),
                    extra={"run_id": run_id, "position": text},
                )  # fmt: skip
            case RunCompleted(ok=ok):
                RUN.info("ended with %s", "Ok" if ok else "Err", extra={"run_id": run_id})
            case RunStopped(reason=reason):
                RUN.warning("%s is stopped: %s", run_id, reason, extra={"run_id": run_id})

    def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
        about = {"run_id": run_id, "status": status.value}
        if error is not None:
            RUN.warning("%s is not driven any more: %s", run_id, type(error).__name__, extra=about)
        else:
            RUN.log(logging.DEBUG if status.is_final else logging.INFO, "put down, %s", status.value, extra=about)


def _log_event(run_id: str, record: Record) -> None:
    """One line for an event, with its kind and place."""
    event = record.event
    kind = kind_of(event).partition("/")[0]
    about: dict[str, Any] = {"run_id": run_id, "event": record.sequence, "kind": kind}
    if position := getattr(event, "position", ()):
        about["position"] = position_text(position)
    if isinstance(event, ActionScheduled):
        about["action"] = event.action
    RUN.debug("event %d: %s", record.sequence, kind, extra=about)


def _kind(payload: bytes) -> Any:
    """The kind of a recorded failure; its message may quote somebody's data."""
    return decode(payload)["kind"]
