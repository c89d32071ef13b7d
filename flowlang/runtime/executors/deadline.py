"""One thread that watches deadlines for any number of attempts.

Deadlines are readings of `time.monotonic()`: they measure the work of the real world, which a test's clock does not
move. The watcher sleeps until the earliest deadline it knew when it fell asleep, and is woken only for an earlier
one. Attempts mostly have the same timeout and finish long before it, so starting and ending a watch costs a lock and
a set operation each, and wakes nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import attrs

NEVER: Final = float("inf")


@attrs.frozen(eq=False)
class Watch:
    """One deadline, and what to call when it passes before `forget`."""

    deadline_s: float
    expire: Callable[[], object]


class DeadlineWatch:
    """Calls `expire` of watches whose time is over, on its own thread."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._wakes_at_s = NEVER
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def watch(self, deadline_s: float, expire: Callable[[], object]) -> Watch:
        """Starts to watch. `expire` must be quick; it may come at the same time as `forget`."""
        watch = Watch(deadline_s, expire)
        with self._changed:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="flowlang-deadlines", daemon=True)
                self._thread.start()
            elif deadline_s < self._wakes_at_s:
                self._changed.notify()
        return watch

    def forget(self, watch: Watch) -> None:
        """Ends a watch; one that expired already is not called again."""
        with self._changed:
            self._watches.discard(watch)

    def close(self) -> None:
        """Ends the thread. Nothing expires any more."""
        with self._changed:
            self._closed = True
            self._watches.clear()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now_s = time.monotonic()
                expired = sorted(
                    (watch for watch in self._watches if watch.deadline_s <= now_s), key=lambda watch: watch.deadline_s
                )
                self._watches.difference_update(expired)
                if not expired:
                    self._wakes_at_s = min((watch.deadline_s for watch in self._watches), default=NEVER)
                    self._changed.wait(None if self._wakes_at_s == NEVER else self._wakes_at_s - now_s)
            for watch in expired:
                watch.expire()
