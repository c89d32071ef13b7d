"""Nets below the budgets, for the time in which somebody's script is evaluated: limits of the operating system.

Budgets count what a script holds and does, so they end it long before these limits are met. Should something have been
counted wrongly, an allocation fails, which is reported as a spent budget, and the machine does not suffer. The clock of
a budget begins with the evaluation; the alarm here begins before the text is compiled.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

STATUS: Final = Path("/proc/self/statm")
GRACE_S: Final = 1.0
"""So much later than the deadline of the budget the alarm goes off."""


class TimeOver(BaseException):
    """The alarm went off."""


@contextmanager
def limited_memory(more_bytes: int) -> Iterator[None]:
    """Inside of the `with` the process cannot take more than `more_bytes` beyond what it has, where the system knows
    such a limit. A stricter one that holds already stays."""
    limits = _memory_limits(more_bytes)
    if limits is None:
        yield
        return
    import resource

    before, inside = limits
    resource.setrlimit(resource.RLIMIT_AS, inside)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _memory_limits(more_bytes: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The limits that hold and those to set; None when nothing is to be set, or the system does not tell."""
    try:
        import resource

        used = int(STATUS.read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError, IndexError):
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + more_bytes
    is_free = soft == resource.RLIM_INFINITY or wanted < soft
    is_allowed = hard == resource.RLIM_INFINITY or wanted <= hard
    return ((soft, hard), (wanted, hard)) if is_free and is_allowed else None


@contextmanager
def limited_time(seconds: float | None) -> Iterator[None]:
    """Raises TimeOver inside of the `with` when it lasts longer than `seconds`, and a little. No limit for None."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeOver

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
