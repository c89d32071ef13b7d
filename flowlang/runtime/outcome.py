"""What driving a run came to."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import attrs

from flowlang.lang.eval.failure import fault_result
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.journal.event import Record, RunCompleted, RunStopped
from flowlang.runtime.journal.model import RunStatus


class Attachment(Enum):
    """How a start with an id met the run: created it, took it up again, or found it finished."""

    NEW = "new"
    RESUMED = "resumed"
    FINISHED = "finished"


@attrs.frozen
class StopReport:
    """Why a run is not finished although nobody waits: `reason` is `budget`, `interrupted`, `divergence` or
    `defect`; slug, message and hint as in a diagnostic; `detail` lines for people; `failure` is an Err with the place,
    where there is one."""

    reason: str
    slug: str
    message: str
    hint: str | None = None
    detail: tuple[str, ...] = ()
    failure: Any = None


def recorded_result(records: Sequence[Record]) -> Ok | Err | None:
    """The Result of a run that ended, from its last record: what its script gave, or why it was ended."""
    event = records[-1].event if records else None
    match event:
        case RunCompleted():
            result: Ok | Err = decode(event.payload)
            return result
        case RunStopped():
            given = decode(event.payload)
            trace = given.get("trace") or ()
            return fault_result(Fault(given["kind"], given["message"], data=given.get("data")), list(trace))
    return None


@attrs.frozen
class RunOutcome:
    """The state of a run when an engine stopped driving it. `result` is an Ok or Err when the run is finished,
    `stop` says why it is not. `sources`: module name to text, as the run is pinned to them, for code frames."""

    run_id: str
    status: RunStatus
    attachment: Attachment
    result: Any
    stop: StopReport | None
    sequence: int
    actions_completed: int
    sources: dict[str, str] = attrs.field(factory=dict, repr=False)
