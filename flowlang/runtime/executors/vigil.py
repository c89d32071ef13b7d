"""Watches the time of one attempt: its deadline, and how long ago its last heartbeat was.

Heartbeats come often and must cost nothing, so they move no watch: when the one that was set for the earliest
possible end goes off, it is looked at what has happened since, and another is set if there is time left.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flowlang.runtime.executors.deadline import DeadlineWatch, Watch
from flowlang.runtime.executors.executor import HEARTBEAT_TIMEOUT, TIMEOUT, Attempt, begin


class Vigil:
    """See the module. `give_up` is called at most once, with the kind of failure, on the thread of the deadlines."""

    def __init__(self, deadlines: DeadlineWatch, attempt: Attempt, give_up: Callable[[str], object]) -> None:
        self._deadlines = deadlines
        self._context = attempt.context
        self._give_up = give_up
        self._silence_s = attempt.heartbeat_timeout_s
        self._deadline_s = begin(attempt)
        self._watch: Watch | None = None
        self._ended = False
        self._set()

    def end(self) -> None:
        """The attempt is over."""
        self._ended = True
        if self._watch is not None:
            self._deadlines.forget(self._watch)

    def _set(self) -> None:
        ends = [] if self._deadline_s is None else [self._deadline_s]
        if self._silence_s is not None:
            ends.append(self._context.heartbeat_s + self._silence_s)
        if ends:
            self._watch = self._deadlines.watch(min(ends), self._look)

    def _look(self) -> None:
        now_s = time.monotonic()
        if self._ended:
            return
        if self._deadline_s is not None and self._deadline_s <= now_s:
            self._give_up(TIMEOUT)
        elif self._silence_s is not None and self._context.heartbeat_s + self._silence_s <= now_s:
            self._give_up(HEARTBEAT_TIMEOUT)
        else:
            self._set()
