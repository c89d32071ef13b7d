"""What evaluations use, and stopping them from outside.

A `Watch` is a host's handle on the evaluations that begin on its thread while its block lasts, nested ones included:

    with Watch() as watch:
        module.call("price", order)
    print(watch.usage.steps)

Another thread that has the watch may cancel them. The same class serves an interpreter and its modules, which watch
everything that they evaluate.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import attrs

if TYPE_CHECKING:
    from flowlang.embedding.ongoing import Ongoing


@attrs.frozen
class Usage:
    """What one or more evaluations used. `memory_bytes` is what they charged and had not given back at their end."""

    steps: int = 0
    memory_bytes: int = 0
    output_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.steps + other.steps, self.memory_bytes + other.memory_bytes, self.output_bytes + other.output_bytes
        )


class Watch:
    """Watches evaluations. Safe to use from any thread, also as the block of several threads at once, and from signal
    handlers: these may come while its own thread is in here, hence locks that can be taken again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._running: set[Ongoing] = set()
        self._done = Usage()
        self._is_cancelled = False

    def __enter__(self) -> Self:
        WATCHES.set((*WATCHES.get(), self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        watches = list(WATCHES.get())
        watches.reverse()
        watches.remove(self)
        WATCHES.set(tuple(reversed(watches)))

    @property
    def usage(self) -> Usage:
        """What the watched evaluations have used so far, those under way included."""
        with self._lock:
            return sum((ongoing.usage for ongoing in self._running), self._done)

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody cancelled."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Ends what is under way, and everything that would begin later in the block, with `Cancelled`."""
        self._is_cancelled = True
        self.cancel_running()

    def cancel_running(self) -> None:
        """Ends what is under way, and nothing else."""
        with self._lock:
            running = list(self._running)
        for ongoing in running:
            ongoing.stop("cancelled")

    def begin(self, ongoing: Ongoing) -> None:
        """An evaluation begins."""
        with self._lock:
            self._running.add(ongoing)
        if self._is_cancelled:
            ongoing.stop("cancelled")

    def end(self, ongoing: Ongoing, usage: Usage) -> None:
        """An evaluation has ended. What it used is charged to the one that it was called by, so where that is watched
        as well it counts there."""
        with self._lock:
            self._running.discard(ongoing)
            if ongoing.outer is None or ongoing.outer not in self._running:
                self._done += usage


WATCHES: Final[ContextVar[tuple[Watch, ...]]] = ContextVar("flowlang-watches", default=())
"""The watches whose blocks the running code stands in."""
