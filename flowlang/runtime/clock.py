"""One clock rules timers, leases and timestamps, so that tests can move time."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Protocol


class Clock(Protocol):
    """Wall time in milliseconds since 1970, UTC, and a wait that another thread or a signal can end early."""

    def now_ms(self) -> int: ...

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment, which nobody sets back: for how long something has lasted."""
        ...

    def wait(self, event: threading.Event, until_ms: int) -> bool:
        """Waits until the event is set (True) or the time has come (False)."""
        ...


class Reading(NamedTuple):
    """What a clock says, in both of its ways."""

    now_ms: int
    monotonic_ms: int

    def later(self, by_ms: int) -> Reading:
        """What it will say after that time."""
        return Reading(self.now_ms + by_ms, self.monotonic_ms + by_ms)


def read_clock(clock: Clock) -> Reading:
    """What the clock says now."""
    return Reading(clock.now_ms(), clock.monotonic_ms())


def is_past(clock: Clock, moment: Reading) -> bool:
    """Whether a moment is over in either way: time has passed, or the clock was set forward."""
    return clock.monotonic_ms() >= moment.monotonic_ms or clock.now_ms() >= moment.now_ms


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def wait(self, event: threading.Event, until_ms: int) -> bool:
        while (left_ms := until_ms - self.now_ms()) > 0:
            if event.wait(min(left_ms / 1000, 3600.0)):
                return True
        return event.is_set()
