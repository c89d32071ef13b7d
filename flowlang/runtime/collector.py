"""The garbage collector while many runs are driven.

A run that is taken up becomes some hundred objects, and nearly all of them go again by their reference counts. As the
collector comes by default, it looks for cycles after every 700 new objects, and with a few hundred runs under way that
takes a third of a worker's time. While a worker works it looks after every 10,000.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

YOUNG_MAX: Final = 10_000

_guard = threading.Lock()
_users = 0
_before: tuple[int, int, int] | None = None


@contextmanager
def patient_collector() -> Iterator[None]:
    """The collector waits for more objects. It is left alone where somebody has set it to wait longer, or not to run;
    the last one to leave sets it back."""
    global _users, _before
    with _guard:
        _users += 1
        found = gc.get_threshold()
        if _users == 1 and 0 < found[0] < YOUNG_MAX:
            _before = found
            gc.set_threshold(YOUNG_MAX, *found[1:])
    try:
        yield
    finally:
        with _guard:
            _users -= 1
            if _users == 0 and _before is not None:
                gc.set_threshold(*_before)
                _before = None
