"""Loops at run time: what `$iterate`, `$finish` and `$refund` of generated code do.

A loop of up to BLOCK turns is charged when it is entered, and gives back what an early exit leaves over. A longer
one iterates in blocks that are chained in C and charged one by one, so that `for _ in range(1 << 40)` with a `break`
works and a turn costs the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from operator import length_hint
from types import GeneratorType
from typing import Any, Final

from flowlang.lang.eval.indexing import not_iterable
from flowlang.lang.values.argument import int_argument, wrong_value
from flowlang.lang.values.container import (
    EXOTIC,
    FREE,
    FROZEN,
    HELD,
    ITERATION,
    Dict,
    HeldDict,
    HeldList,
    HeldSet,
    List,
    Set,
    hold,
    release,
)
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import unkey
from flowlang.lang.values.meter import BLOCK, Meter
from flowlang.lang.values.protocol import VALUE_TYPES

BLOCK_BYTES: Final = 1 << 20
"""Memory of so many bytes is charged for turns that have not begun: a census cannot see it."""
BOUND_MAX: Final = 1 << 63
SMALL: Final = 1 << 61
"""Bounds of ranges up to here have a length that Python can tell."""


class LongLoop(chain[Any]):
    """The iterator of a loop in blocks, and the blocks that it goes through."""

    __slots__ = ("blocks",)
    blocks: Blocks


class Blocks:
    """The blocks of a long loop: each is charged when it begins. `block` is the iterator of the current one."""

    __slots__ = ("block", "count", "memory", "meter", "next", "source", "steps")

    def __init__(self, meter: Meter, source: Any, count: int, steps: int, memory: int) -> None:
        self.meter = meter
        self.source = source
        self.count = count
        self.steps = steps
        self.memory = memory
        self.next = 0
        self.block: Iterator[Any] = iter(())

    def __iter__(self) -> Blocks:
        return self

    def __next__(self) -> Iterator[Any]:
        start = self.next
        size = min(BLOCK, BLOCK_BYTES // self.memory or 1) if self.memory else BLOCK
        size = min(size, self.count - start)
        if size <= 0:
            raise StopIteration
        self.next = start + size
        meter = self.meter
        meter.steps += size * self.steps
        meter.memory += size * self.memory
        if type(self.source) is not range:
            # Cutting the block out is work that no early exit gives back.
            meter.steps += size >> 8
        if meter.steps > meter.limit or meter.memory > meter.memory_limit:
            meter.checkpoint()
        self.block = iter(self.source[start : start + size])
        return self.block


def iteration_services(meter: Meter) -> dict[str, Callable[..., Any]]:
    """The loop services of one evaluation, bound to its meter."""

    def iterate(source: Any, steps: int, memory: int) -> Iterator[Any]:
        kind = type(source)
        if kind is List and (size := len(source)) <= BLOCK and size * memory <= BLOCK_BYTES:
            source.state = ITERATION
            source.__class__ = HeldList
            meter.steps = total = meter.steps + size * steps
            meter.memory += size * memory
            if total > meter.limit:
                meter.checkpoint()
            return iter(source)
        if kind is not list and (kind in HELD or (kind in FREE and not source.state & FROZEN)):
            hold(source, ITERATION)
        return iterate_fresh(source, steps, memory)

    def iterate_fresh(source: Any, steps: int, memory: int) -> Iterator[Any]:
        kind = type(source)
        if kind is List or kind is list or kind is tuple or kind is HeldList:
            count = len(source)
        elif kind is range:
            count = range_length(source)
        else:
            source = _items(source)
            if type(source) is GeneratorType:
                return _charged_each(meter, source, steps, memory)
            count = len(source)
        if count <= BLOCK and count * memory <= BLOCK_BYTES:
            meter.steps = total = meter.steps + count * steps
            meter.memory += count * memory
            if total > meter.limit:
                meter.checkpoint()
            return iter(source)
        return _long_loop(meter, source, count, steps, memory)

    def count(stop: Any, steps: int, memory: int) -> Iterator[Any]:
        if type(stop) is int and 0 <= stop <= BLOCK and stop * memory <= BLOCK_BYTES:
            meter.steps = total = meter.steps + stop * steps
            meter.memory += stop * memory
            if total > meter.limit:
                meter.checkpoint()
            return iter(range(stop))
        if type(stop) is int and 0 < stop < SMALL:
            return _long_loop(meter, range(stop), stop, steps, memory)
        if abs(int_argument("range", "stop", stop)) > BOUND_MAX:
            raise beyond_bounds("stop")
        return iterate_fresh(range(stop), steps, memory)

    def count_between(bounds: tuple[Any, ...], steps: int, memory: int) -> Iterator[Any]:
        start, stop = bounds[0], bounds[1]
        step = bounds[2] if len(bounds) == 3 else 1
        if type(start) is int and type(stop) is int and type(step) is int and step != 0:
            turns = range(start, stop, step)
            is_small = -SMALL < start < SMALL and -SMALL < stop < SMALL
            if is_small and (size := len(turns)) <= BLOCK and size * memory <= BLOCK_BYTES:
                meter.steps = total = meter.steps + size * steps
                meter.memory += size * memory
                if total > meter.limit:
                    meter.checkpoint()
                return iter(turns)
            check_bounds(bounds)
            return iterate_fresh(turns, steps, memory)
        check_bounds(bounds)
        raise wrong_value("range", "the step must not be 0")

    return {
        "$iterate": iterate, "$iterate_fresh": iterate_fresh, "$count": count, "$count_between": count_between,
        "$finish": finish, "$refund": partial(refund, meter),
    }  # fmt: skip


def refund(meter: Meter, iterator: Any, steps: int) -> None:
    """Gives back what turns were charged that a loop did not take."""
    left = length_hint(iterator.blocks.block if type(iterator) is LongLoop else iterator)
    meter.steps -= left * steps


def check_bounds(bounds: tuple[Any, ...]) -> None:
    """Refuses what is no bound of a range."""
    for parameter, value in zip(("start", "stop", "step"), bounds, strict=False):
        if abs(int_argument("range", parameter, value)) > BOUND_MAX:
            raise beyond_bounds(parameter)


def beyond_bounds(parameter: str) -> Fault:
    """The Fault for a range of ints that are not small: nobody asks the size of an int that comes from a range."""
    return wrong_value("range", f"`{parameter}` is beyond 2**63")


def finish(source: Any) -> None:
    """Ends the lock that `$iterate` took."""
    if type(source) is HeldList and source.state == ITERATION:
        source.state = 0
        source.__class__ = FREE[HeldList]
        return
    if type(source) in FREE and not source.state & FROZEN and source.state >= ITERATION:
        release(source)


def range_length(value: range) -> int:
    """`len` of a range of any size."""
    start, stop, step = value.start, value.stop, value.step
    if step > 0:
        return max(0, (stop - start + step - 1) // step)
    return max(0, (start - stop - step - 1) // -step)


def _items(source: Any) -> Any:
    """The items of anything that is neither list, tuple nor range, as something with a length, or a generator."""
    kind = type(source)
    if kind is Dict or kind is Set or kind is dict:
        return source
    if kind is HeldDict or kind is HeldSet:
        return [unkey(stored) for stored in source] if source.state & EXOTIC else source
    value_type = VALUE_TYPES.get(kind)
    if value_type is not None and value_type.iterate is not None:
        items = value_type.iterate(source)
        return items if hasattr(items, "__len__") or type(items) is GeneratorType else list(items)
    raise not_iterable(source)


def _long_loop(meter: Meter, source: Any, count: int, steps: int, memory: int) -> LongLoop:
    if not isinstance(source, (list, tuple, range)):
        meter.charge(count // 8, 8 * count)
        source = list(source)
    blocks = Blocks(meter, source, count, steps, memory)
    loop: LongLoop = LongLoop.from_iterable(blocks)  # type: ignore[assignment]
    loop.blocks = blocks
    return loop


def _charged_each(meter: Meter, items: Iterator[Any], steps: int, memory: int) -> Iterator[Any]:
    for item in items:
        meter.charge(steps, memory)
        yield item
