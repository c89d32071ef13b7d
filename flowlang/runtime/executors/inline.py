"""Performs attempts at once, on the thread that submits them.

For actions declared inline, and for a run that has nothing else to do meanwhile: a hop to another thread and back
costs more than a small action. A timeout can only cancel cooperatively here. An action that ignores it keeps the
thread, and if it succeeds in the end, its result is the truth and is reported.
"""

from __future__ import annotations

from flowlang.runtime.executors.deadline import DeadlineWatch
from flowlang.runtime.executors.executor import Attempt, Done, perform
from flowlang.runtime.executors.vigil import Vigil


class InlineExecutor:
    """See the module. One instance may be used from several threads."""

    def __init__(self) -> None:
        self._deadlines = DeadlineWatch()

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Performs the attempt and calls `done` before it returns."""
        if attempt.timeout_s is None and attempt.spec.heartbeat_timeout is None:
            outcome = perform(attempt)
        else:
            vigil = Vigil(self._deadlines, attempt, attempt.context.cancel)
            try:
                outcome = perform(attempt)
            finally:
                vigil.end()
        done(attempt, outcome)

    def close(self) -> None:
        """Ends the watch over deadlines; nothing of this executor runs in the background."""
        self._deadlines.close()
