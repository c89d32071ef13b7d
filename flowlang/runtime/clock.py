"""One clock rules timers, leases and timestamps, so that tests can move time."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in milliseconds since 1970, UTC, and a wait that another thread or a signal can end early."""

    def now_ms(self) -> int: ...

    def wait(self, event: threading.Event, until_ms: int) -> bool:
        """Waits until the event is set (True) or the time has come (False)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def wait(self, event: threading.Event, until_ms: int) -> bool:
        while (left_ms := until_ms - self.now_ms()) > 0:
            if event.wait(min(left_ms / 1000, 3600.0)):
                return True
        return event.is_set()
