"""A clock for tests: time stands still until somebody waits, then it jumps.

A run that sleeps for a week takes no time under this clock. The jump must not overtake work that is still going on in
other threads, so such work says so with `busy()`: while anybody is busy, waiting threads wait in real time for their
event, and the clock stands. When nobody is, the earliest wake-up time among the waiting becomes the present.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

START_MS = 1_700_000_000_000
"""Where a virtual clock begins unless told: 14 November 2023."""

_GLANCE_S = 0.002  # How long a held-up waiter waits for its event before it looks at the clock again.


class VirtualClock:
    """A clock that tests move. With `jumps` off, time passes only by `advance` and by setting `now`."""

    def __init__(self, now_ms: int = START_MS, *, jumps: bool = True) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = now_ms
        self._jumps = jumps
        self._busy = 0
        self._wake_up_times: list[int] = []
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """The present."""
        return self._now_ms

    def monotonic_ms(self) -> int:
        """How much time has passed, whatever the clock was set to."""
        return self._monotonic_ms

    def set(self, now_ms: int) -> None:
        """Makes this the present, which may also go back, as clocks of machines do."""
        with self._lock:
            self._now_ms = now_ms

    def advance(self, by_ms: int) -> None:
        """Lets time pass."""
        with self._lock:
            self._now_ms += by_ms
            self._monotonic_ms += by_ms

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Holds the clock while something happens that waiting threads wait for."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def wait(self, event: threading.Event, until_ms: int) -> bool:
        """Waits until the event is set (True) or the time has come (False); jumps there when nothing else can
        happen."""
        with self._lock:
            self._wake_up_times.append(until_ms)
        try:
            while not event.is_set():
                if self._has_come(until_ms):
                    return False
                event.wait(_GLANCE_S)
            return True
        finally:
            with self._lock:
                self._wake_up_times.remove(until_ms)

    def _has_come(self, until_ms: int) -> bool:
        with self._lock:
            is_next = until_ms == min(self._wake_up_times)
            if self._jumps and not self._busy and is_next:
                self._monotonic_ms += max(0, until_ms - self._now_ms)
                self._now_ms = max(self._now_ms, until_ms)
            return self._now_ms >= until_ms
