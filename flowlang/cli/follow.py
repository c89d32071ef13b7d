"""Following a run that another process drives: its journal is read until it ends.

Nothing is written, and nothing is asked of the other process. When it dies, or gives the run back, the caller may
take the run over.
"""

from __future__ import annotations

import threading
from enum import Enum
from typing import Final

from flowlang.cli.progress import Progress
from flowlang.cli.run_lookup import is_driven, owner_text
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.event import LogWritten, Record
from flowlang.runtime.journal.journal import Journal, RunStatus
from flowlang.runtime.outcome import Attachment, RunOutcome, recorded_result

INTERVAL_MS_MIN: Final = 50
INTERVAL_MS_MAX: Final = 1000


class FollowEnd(Enum):
    """Why following ended."""

    FINISHED = "finished"
    GIVEN_BACK = "given back"
    ABANDONED = "abandoned"
    TOO_LONG = "too long"
    INTERRUPTED = "interrupted"


def follow(
    journal: Journal, run_id: str, progress: Progress, clock: Clock, stop: threading.Event, until_ms: int, *,
    after: int | None = None,
) -> FollowEnd:  # fmt: skip
    """Shows what happens to a run until it ends, its owner leaves it, the time comes, or `stop` is set: the events
    after `after`, or those from now on."""
    run = journal.run(run_id)
    sequence = run.sequence if after is None else after
    if is_driven(journal, run):
        progress.following(run_id, owner_text(run.owner))
    interval_ms = INTERVAL_MS_MIN
    while True:
        # The row first: whatever it says, the events up to then are shown before it is believed.
        run = journal.run(run_id)
        records = journal.read(run_id, after=sequence)
        for record in records:
            _show(progress, run_id, record)
            sequence = record.sequence
        if run.status.is_final:
            return FollowEnd.FINISHED
        if run.status is RunStatus.WAITING:
            return FollowEnd.ABANDONED  # a worker put it down until something comes; it can be driven here as well
        if run.status is not RunStatus.RUNNING:
            return FollowEnd.GIVEN_BACK
        if not is_driven(journal, run):
            # The owner may have ended the run, and then itself, since the row was read.
            if journal.run(run_id) == run:
                return FollowEnd.ABANDONED
            continue
        now_ms = clock.now_ms()
        if now_ms >= until_ms:
            return FollowEnd.TOO_LONG
        interval_ms = INTERVAL_MS_MIN if records else min(2 * interval_ms, INTERVAL_MS_MAX)
        if clock.wait(stop, min(now_ms + interval_ms, until_ms)):
            return FollowEnd.INTERRUPTED


def _show(progress: Progress, run_id: str, record: Record) -> None:
    progress.recorded(run_id, record)
    if isinstance(record.event, LogWritten):
        progress.line(run_id, record.event)


def recorded_outcome(journal: Journal, run_id: str) -> RunOutcome:
    """The outcome of a run as its journal has it."""
    run = journal.run(run_id)
    result = recorded_result(journal.read(run_id, after=run.sequence - 1)) if run.status.is_final else None
    return RunOutcome(
        run_id, run.status, Attachment.FINISHED, result, None, run.sequence, run.actions_completed,
        journal.modules(run_id),
    )  # fmt: skip
