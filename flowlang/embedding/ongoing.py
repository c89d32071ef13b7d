"""One evaluation that is under way: its budget, its deadline, who watches it, and why it was stopped.

A host function may call a module while it is called by one. The inner evaluation is counted against the outer one: it
gets what is left of the outer budget, if that is less than its own; it begins as deep as the outer one is; and what
stops the outer one stops the inner one, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Final

import attrs

from flowlang.embedding.usage import WATCHES, Usage, Watch
from flowlang.embedding.watchdog import WATCHDOG
from flowlang.lang.values.meter import Budget, Meter

DEPTH_OF_CALLBACK: Final = 3
"""A call through a function of the host takes more of Python's stack than one between functions of a script."""
DEPTH_OF_EVALUATION: Final = 10
"""And one of a module, by such a function, yet more."""


class Ongoing:
    """An evaluation from its begin to its end. `depth`: how deep calls are nested where it, or the host function that
    it is in, was called. `reason`: why somebody stopped it, `cancelled` or `deadline`."""

    def __init__(self, meter: Meter, budget: Budget, outer: Ongoing | None, watches: Iterable[Watch]) -> None:
        self.meter = meter
        self.outer = outer
        self.inner: Ongoing | None = None
        self.thread = threading.get_ident()
        self.depth: int = 0 if outer is None else outer.depth + DEPTH_OF_EVALUATION
        self.reason: str | None = None
        self.is_over = False
        self._lock = threading.RLock()
        self._watches = tuple(dict.fromkeys((*watches, *WATCHES.get())))
        self.deadline = None if budget.wall_seconds is None else time.monotonic() + budget.wall_seconds
        if outer is not None:
            budget = _what_is_left(budget, outer.meter)
            if outer.deadline is not None:
                self.deadline = outer.deadline if self.deadline is None else min(self.deadline, outer.deadline)
        self.budget = budget

    def begin(self, memory: int) -> None:
        """Sets the meter and the alarm. `memory`: the bytes of the values that are there already."""
        self.meter.restart(self.budget, memory)
        if self.outer is not None:
            self.outer.inner = self
            if self.outer.reason is not None:
                self.stop(self.outer.reason)
        for watch in self._watches:
            watch.begin(self)
        if self.deadline is not None:
            if self.deadline <= time.monotonic():
                self.stop("deadline")
            else:
                WATCHDOG.add(self.deadline, self)

    def end(self) -> Usage:
        """Gives what was used. Nobody can stop it any more. Raises BudgetExceeded when this was the end of the outer
        evaluation's budget, too."""
        with self._lock:
            self.is_over = True
        usage = self.usage
        if self.deadline is not None and self.reason != "deadline":
            WATCHDOG.note_end()
        for watch in self._watches:
            watch.end(self, usage)
        if self.outer is not None:
            self.outer.inner = None
            self.outer.meter.output += usage.output_bytes
        return usage

    def charge_outer(self) -> None:
        """Charges the outer evaluation for this one. Raises what ends it, when that was the end of its budget."""
        if self.outer is not None:
            self.outer.meter.charge(self.meter.steps_so_far)

    @property
    def usage(self) -> Usage:
        """What it has used so far."""
        return Usage(self.meter.steps_so_far, self.meter.memory, self.meter.output)

    def stop(self, reason: str) -> None:
        """Ends the evaluation soon, unless it has ended. Safe from any thread."""
        with self._lock:
            if self.is_over:
                return
            self.reason = self.reason or reason
            self.meter.interrupt()
            inner = self.inner
        if inner is not None:
            inner.stop(reason)


def _what_is_left(budget: Budget, outer: Meter) -> Budget:
    """A budget that takes no more than the outer evaluation has left."""
    left, steps = outer.budget, budget.steps
    if left.steps is not None:
        rest = max(0, left.steps - outer.steps_so_far)
        steps = rest if steps is None else min(steps, rest)
    return attrs.evolve(
        budget,
        steps=steps,
        memory_bytes=max(0, min(budget.memory_bytes, left.memory_bytes - outer.memory)),
        output_bytes=max(0, min(budget.output_bytes, left.output_bytes - outer.output)),
    )
