"""The watchdog: one thread of the process that interrupts evaluations whose time is over.

Deadlines are in a heap, so the thread sleeps until the earliest of them. Most evaluations end long before theirs; an
entry of such a one stays in the heap until its time comes or until more than half of the entries are of that kind,
whichever is first, so that neither adding nor ending has to search. The thread starts with the first deadline. It is a
daemon: it holds nothing that would have to be given back. A child process made by `fork` has no such thread, so it
begins with none.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowlang.embedding.ongoing import Ongoing

ENTRIES_MIN: Final = 64
"""A heap of so few entries is never cleaned."""


class Watchdog:
    """Interrupts evaluations in time."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Ongoing]] = []
        self._numbers = itertools.count()
        self._over = 0
        self._thread: threading.Thread | None = None

    def add(self, deadline: float, ongoing: Ongoing) -> None:
        """`ongoing` must end at `deadline`, a reading of `time.monotonic()`."""
        with self._condition:
            heapq.heappush(self._heap, (deadline, next(self._numbers), ongoing))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="flowlang-watchdog", daemon=True)
                self._thread.start()
            elif self._heap[0][2] is ongoing:
                self._condition.notify()

    def note_end(self) -> None:
        """An evaluation with a deadline has ended before it."""
        with self._condition:
            self._over += 1
            if self._over > max(ENTRIES_MIN, len(self._heap) // 2):
                self._heap = [entry for entry in self._heap if not entry[2].is_over]
                heapq.heapify(self._heap)
                self._over = 0

    @property
    def waiting(self) -> int:
        """How many entries there are."""
        return len(self._heap)

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._heap or self._heap[0][0] > time.monotonic():
                    self._condition.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                _, _, ongoing = heapq.heappop(self._heap)
            ongoing.stop("deadline")
            del ongoing


WATCHDOG: Final = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.reset)
