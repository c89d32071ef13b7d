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
from functools import lru_cache
from itertools import repeat
from operator import length_hint
from typing import Any, Final, NamedTuple

import attrs

from flowlang.errors import UsageError
from flowlang.lang.values.fault import BudgetExceeded, Interrupted

WORD = 8
BLOCK = 4096
"""Turns of a loop that are charged at once."""
CHECKPOINT = 4096
"""Steps between two looks at the budgets that are not compared inline."""
SLACK_SHIFT: Final = 2
"""A quarter of the memory budget may be charged between two censuses, be most of it alive or not: so a script that
keeps nearly all that it may and makes much garbage is not counted again for every few bytes."""
OPTIONAL = ("steps", "wall_seconds")
"""Budgets that may be absent."""


def _limit(budget: Budget, field: attrs.Attribute[Any], value: Any) -> None:
    kinds = (int, float) if field.name == "wall_seconds" else (int,)
    if value is None and field.name in OPTIONAL:
        return
    if type(value) not in kinds or not value >= 0:
        wanted = "a number" if float in kinds else "a whole number"
        raise UsageError(
            f"the budget `{field.name}` is {wanted}, zero or more, not {value!r}", hint="leave it out for the default"
        )


@attrs.frozen
class Budget:
    """Limits of one evaluation. Steps count loop turns, calls and work of builtins; memory is in bytes of a fixed
    table of sizes; depth is in nested calls; output is in bytes printed, as UTF-8. None means no limit of steps.

    `wall_seconds` is a promise about the clock, so it is not deterministic, and nothing here keeps it: whoever drives
    the evaluation interrupts it when the time is over. Raises UsageError for a limit below zero, or no number."""

    steps: int | None = attrs.field(default=1_000_000_000, validator=_limit)
    memory_bytes: int = attrs.field(default=1 << 30, validator=_limit)
    call_depth: int = attrs.field(default=200, validator=_limit)
    output_bytes: int = attrs.field(default=64 << 20, validator=_limit)
    wall_seconds: float | None = attrs.field(default=None, validator=_limit)


@lru_cache(maxsize=16)
def of_the_past(budget: Budget) -> Budget:
    """A budget that sets no limits to what was evaluated before."""
    return attrs.evolve(budget, steps=None, memory_bytes=1 << 62)


class Mark(NamedTuple):
    """Where a meter stands. `given` and `left`: calls until the next checkpoint, at the last one and now."""

    budget: Budget
    steps: int
    memory: int
    memory_limit: int
    output: int
    limit: float
    given: int
    left: int


class Meter:
    """What an evaluation has used.

    Generated code adds to `steps` and `memory` inline and compares `steps` with `limit`. That limit is the next
    checkpoint, at most CHECKPOINT steps ahead; there memory, the real limit of steps and interruption are looked at,
    so that one comparison serves all three. Each call of a function takes one of `calls`, which are steps that `settle`
    adds; when they are used up there is a checkpoint, too.
    """

    __slots__ = (
        "_left",
        "budget",
        "calls",
        "census",
        "held_from",
        "interrupted",
        "limit",
        "memory",
        "memory_limit",
        "output",
        "pause",
        "steps",
    )  # fmt: skip

    def __init__(self, budget: Budget | None = None) -> None:
        self.census: Callable[[], int] | None = None
        self.pause: Callable[[], None] | None = None
        self.restart(budget or Budget())

    def restart(self, budget: Budget, memory: int = 0) -> None:
        """Begins to count anew, for another evaluation with the same values. `memory`: the bytes that they take."""
        self.budget = budget
        self.calls: Iterator[None] = repeat(None, 0)
        self._left = 0
        self.steps = 0
        self.memory = memory
        self.output = 0
        self.limit: float = 0
        self.memory_limit = budget.memory_bytes
        self.interrupted = False
        self.held_from: int | None = None

    def mark(self) -> Mark:
        """Where the meter stands, for `restore`. Nothing is settled, so that it goes on as if nobody had asked."""
        left = length_hint(self.calls)
        return Mark(
            self.budget, self.steps, self.memory, self.memory_limit, self.output, self.limit, self._left, left
        )  # fmt: skip

    def restore(self, mark: Mark) -> None:
        """Goes on from where the meter, or another one, stood."""
        self.budget, self.steps, self.memory, self.memory_limit, self.output, self.limit, self._left, left = mark
        self.calls = repeat(None, left)
        if self.interrupted:
            self.limit = -1

    def charge(self, steps: int, memory: int = 0) -> None:
        """Counts `steps` and `memory` bytes, before the work that costs them. Raises BudgetExceeded."""
        self.steps += steps
        self.memory += memory
        if self.steps > self.limit or memory > BLOCK:
            self.checkpoint(memory)

    def settle(self) -> None:
        """Adds the calls since the last look to `steps`."""
        left = length_hint(self.calls)
        self.steps += self._left - left
        self._left = left

    @property
    def steps_so_far(self) -> int:
        """All steps so far, for threads that only look: this changes nothing, and while the script runs it may miss
        the steps of the very moment."""
        return self.steps + self._left - length_hint(self.calls)

    def refill(self) -> None:
        """A call found `calls` used up."""
        self.steps += 1
        self.checkpoint()
        total = self.budget.steps
        self._left = CHECKPOINT if total is None else min(CHECKPOINT, total - self.steps)
        self.calls = repeat(None, self._left)

    def drop_calls(self) -> None:
        """Makes the next call look at the budgets, and counts none that was left over."""
        self.settle()
        self.calls = repeat(None, 0)
        self._left = 0

    def checkpoint(self, pending: int = 0) -> None:
        """Fails when a budget is spent or somebody interrupted; else sets the next checkpoint. `pending`: bytes
        charged for what is not made yet, which a census cannot see."""
        self.settle()
        self.heed()
        if self.pause is not None:
            self.pause()
        if self.memory > self.memory_limit:
            self._look_at_memory(pending)
        total = self.budget.steps
        if total is not None and self.steps > total:
            raise BudgetExceeded("steps", f"the budget of {total} steps is spent")
        ahead = self.steps + CHECKPOINT
        self.limit = ahead if total is None else min(ahead, total)

    def heed(self) -> None:
        """Stops when somebody interrupted, and does nothing else."""
        if self.interrupted:
            raise Interrupted("interrupted")

    def print(self, text: str) -> None:
        """Counts a line against the budget of output, before it is written. Raises BudgetExceeded."""
        self.output += len(text) + 1
        if not text.isascii():
            # A lone surrogate takes three bytes wherever it is written somehow.
            self.output += len(text.encode("utf-8", "surrogatepass")) - len(text)
        if self.output > self.budget.output_bytes:
            raise BudgetExceeded("output", f"the budget of {self.budget.output_bytes} bytes of output is spent")

    def _look_at_memory(self, pending: int) -> None:
        """What was charged passed `memory_limit`: counts what is alive, fails when that is more than the budget, and
        sets the next look."""
        budget = self.budget.memory_bytes
        if self.census is not None:
            held = pending if self.held_from is None else self.memory - self.held_from
            self.memory = min(self.memory, self.census() + held)
            if self.held_from is not None:
                self.held_from = self.memory - held
        if self.memory > budget:
            raise BudgetExceeded("memory", f"the budget of {budget} bytes of memory is spent")
        self.memory_limit = max(budget, self.memory + (budget >> SLACK_SHIFT))

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
UNLIMITED = Meter(Budget(steps=None, memory_bytes=1 << 62, output_bytes=1 << 62))


def charge(steps: int, memory: int = 0) -> None:
    """Charges the running evaluation's meter (outside an evaluation, nobody)."""
    # `Meter.charge`, inline: most builtins come here.
    meter = METER.get(UNLIMITED)
    meter.steps += steps
    meter.memory += memory
    if meter.steps > meter.limit or memory > BLOCK:
        meter.checkpoint(memory)


def look() -> None:
    """Lets an interruption be noticed, within work that was charged beforehand and is done slice by slice. What is
    charged does not depend on it."""
    METER.get(UNLIMITED).checkpoint()
