"""What runs do, in Python's own logging: the loggers `flowlang.run` and `flowlang.action`.

Every record carries `run_id`, and those of actions `action`, `position` and `attempt`, as attributes that a formatter
can name. Arguments, results and whatever else a script handles are values of somebody's business: they are never
written, at no level. The lines that a script prints or logs are what its author chose to show; they come at the level
that the script gave them, on `flowlang.script`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from flowlang.errors import FlowlangError
from flowlang.lang.values.canonical import decode
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import (
    ActionCompleted,
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
        RUN.info("resumed after event %d", sequence, extra={"run_id": run_id})

    def line(self, run_id: str, line: LogWritten) -> None:
        SCRIPT.log(LEVELS.get(line.level, logging.INFO), "%s", line.text, extra={"run_id": run_id})

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        if ACTION.isEnabledFor(logging.INFO):
            about: dict[str, Any] = {
                "run_id": run_id, "position": position_text(position), "action": action, "attempt": attempt,
            }  # fmt: skip
            ACTION.info("attempt %d of `%s` starts", attempt, action, extra=about)

    def progress(self, run_id: str, position: Position, action: str, done: float, total: float | None,
                 message: str) -> None:  # fmt: skip
        about = {"run_id": run_id, "position": position_text(position), "action": action}
        ACTION.debug("`%s` is at %s of %s", action, done, "an unknown total" if total is None else total, extra=about)

    def recorded(self, run_id: str, record: Record) -> None:
        match record.event:
            case ActionCompleted(position=position) | ActionScheduled(position=position):
                if ACTION.isEnabledFor(logging.DEBUG):
                    kind = "completed" if type(record.event) is ActionCompleted else "scheduled"
                    about = {"run_id": run_id, "position": position_text(position)}
                    ACTION.debug("the action at %s is %s", position_text(position), kind, extra=about)
            case AttemptFailed(position=position, attempt=attempt, payload=payload):
                about = {"run_id": run_id, "position": position_text(position), "attempt": str(attempt)}
                where = f"{run_id} at {about['position']}"
                ACTION.warning(
                    "attempt %d of %s failed (%s) and will be repeated", attempt, where, _kind(payload), extra=about
                )
            case ActionFailed(position=position, payload=payload):
                about = {"run_id": run_id, "position": position_text(position)}
                ACTION.warning(
                    "the action of %s at %s failed: %s", run_id, about["position"], _kind(payload), extra=about
                )
            case RunCompleted(ok=ok):
                RUN.info("ended with %s", "Ok" if ok else "Err", extra={"run_id": run_id})
            case RunStopped(reason=reason):
                RUN.warning("%s is stopped: %s", run_id, reason, extra={"run_id": run_id})

    def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
        if error is not None:
            RUN.warning("%s is not driven any more: %s", run_id, type(error).__name__, extra={"run_id": run_id})
        else:
            RUN.debug("put down, %s", status.value, extra={"run_id": run_id})


def _kind(payload: bytes) -> Any:
    """The kind of a recorded failure; its message may quote somebody's data."""
    return decode(payload)["kind"]
