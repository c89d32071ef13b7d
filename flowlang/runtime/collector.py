"""The garbage collector while many runs are driven, or a long one is read.

A run that is taken up becomes some two hundred objects, and all of them go again by their reference counts when it
ends (`Evaluation.end` breaks the circles). As the collector comes by default, it looks for circles after every 700 new
objects, and with a hundred runs under way it would look through the same living objects again and again, which takes a
third of a worker's time. While a worker works it looks after every 50,000, which is more than a hundred runs are.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

YOUNG_MAX: Final = 50_000

PAUSED_FROM: Final = 1_000
"""So many records are worth a pause."""

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


@contextmanager
def paused_collector() -> Iterator[None]:
    """The collector does not run. A long journal becomes a great many objects at once, all of them needed and none in a
    cycle. The collector would look through them again and again while they are made, for a third of the time that it
    takes to read and replay them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
