"""Budgets and the meter that counts against them.

Generated code charges the meter of its module inline; builtins and operators reach the meter of the running
evaluation through a context variable (`charge`), because values do not know who uses them. Everything is counted
before it happens, in whole numbers that depend on the script and its inputs alone: the same script stops at the
same step on every machine and on every replay.

Memory is live, not cumulative: `memory` grows with each charge, and when it passes the limit the evaluation takes a
census of what the script still reaches (`census`), and only then fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import repeat
from operator import length_hint

import attrs

from flowlang.lang.values.fault import BudgetExceeded, Interrupted

WORD = 8
BLOCK = 4096
"""Turns of a loop that are charged at once."""
CHECKPOINT = 4096
"""Steps between two looks at the budgets that are not compared inline."""


@attrs.frozen
class Budget:
    """Limits of one evaluation. Steps count loop turns, calls and work of builtins; memory is in bytes of a fixed
    table of sizes; depth is in nested calls; output is in characters printed. None means no limit of steps."""

    steps: int | None = None
    memory_bytes: int = 1 << 30
    call_depth: int = 200
    output_characters: int = 64 << 20


class Meter:
    """What an evaluation has used.

    Generated code adds to `steps` and `memory` inline and compares `steps` with `limit`. Calls take one of `ticks` each,
    which are steps that `settle` adds. That limit is the next
    checkpoint, at most CHECKPOINT steps ahead; there memory, the real limit of steps and interruption are looked at,
    so that one comparison serves all three.
    """

    __slots__ = (
        "_left", "budget", "census", "held_from", "interrupted", "limit", "memory", "memory_limit", "output", "steps",
        "ticks",
    )  # fmt: skip

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.ticks: Iterator[None] = repeat(None, 0)
        self._left = 0
        self.steps = 0
        self.memory = 0
        self.output = 0
        self.limit: float = 0
        self.memory_limit = self.budget.memory_bytes
        self.interrupted = False
        self.census: Callable[[], int] | None = None
        self.held_from: int | None = None

    def charge(self, steps: int, memory: int = 0) -> None:
        """Counts `steps` and `memory` bytes, before the work that costs them. Raises BudgetExceeded."""
        self.steps += steps
        self.memory += memory
        if self.steps > self.limit or memory > BLOCK:
            self.checkpoint(memory)

    def settle(self) -> None:
        """Adds the calls since the last look to `steps`."""
        left = length_hint(self.ticks)
        self.steps += self._left - left
        self._left = left

    def refill(self) -> None:
        """A call found `ticks` used up."""
        self.steps += 1
        self.checkpoint()
        total = self.budget.steps
        self._left = CHECKPOINT if total is None else min(CHECKPOINT, total - self.steps)
        self.ticks = repeat(None, self._left)

    def drop_ticks(self) -> None:
        """Makes the next call look at the budgets, and counts no tick that was left."""
        self.settle()
        self.ticks = repeat(None, 0)
        self._left = 0

    def checkpoint(self, pending: int = 0) -> None:
        """Fails when a budget is spent or somebody interrupted; else sets the next checkpoint. `pending`: bytes
        charged for what is not made yet, which a census cannot see."""
        self.settle()
        if self.interrupted:
            raise Interrupted("interrupted")
        total = self.budget.steps
        if total is not None and self.steps > total:
            raise BudgetExceeded("steps", f"the budget of {total} steps is spent")
        if self.memory > self.memory_limit:
            if self.census is not None:
                held = pending if self.held_from is None else self.memory - self.held_from
                self.memory = min(self.memory, self.census() + held)
                if self.held_from is not None:
                    self.held_from = self.memory - held
            if self.memory > self.memory_limit:
                raise BudgetExceeded("memory", f"the budget of {self.memory_limit} bytes of memory is spent")
        ahead = self.steps + CHECKPOINT
        self.limit = ahead if total is None else min(ahead, total)

    def interrupt(self) -> None:
        """Makes the evaluation stop at its next checkpoint. Safe from signal handlers and other threads."""
        self.interrupted = True
        self.limit = -1


class Holding:
    """A block of work of the host that makes something large piece by piece, where no census sees it: what is charged
    inside stays charged until the block ends. It must not call functions of a script."""

    __slots__ = ("meter",)

    def __enter__(self) -> None:
        meter = METER.get(UNLIMITED)
        self.meter = meter if meter.held_from is None else None
        if self.meter is not None:
            meter.held_from = meter.memory

    def __exit__(self, *problem: object) -> None:
        if self.meter is not None:
            self.meter.held_from = None


METER: ContextVar[Meter] = ContextVar("flowlang-meter")
UNLIMITED = Meter(Budget(memory_bytes=1 << 62, output_characters=1 << 62))


def charge(steps: int, memory: int = 0) -> None:
    """Charges the running evaluation's meter (outside an evaluation, nobody)."""
    METER.get(UNLIMITED).charge(steps, memory)
