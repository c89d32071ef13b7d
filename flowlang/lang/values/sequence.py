"""What lists and tuples have in common: places, slices, search.

Each function checks its arguments by exact type, charges for the work, and only then leaves it to the host.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import FunctionType, NoneType
from typing import Any, Final

from flowlang.lang.values.compare import Comparison
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.protocol import BoundMethod, type_name
from flowlang.lang.values.wording import article, kind_of

SLICE: Final = 1 << 18
"""So many elements are searched by one call of the host."""
SLOW_SLICE: Final = 1 << 14
IDENTICAL: Final = frozenset({NoneType, FunctionType, BoundMethod})
"""The host finds values of these types as the language does."""


def place(value: Any, index: Any) -> int:
    """The place in a sequence that an index of a script means, counted from 0. Raises a Fault if there is none."""
    if type(index) is not int:
        raise Fault(
            "type-mismatch",
            f"{kind_of(value)} is indexed by an int, not by {kind_of(index)}",
            hint="convert the index with `int(...)`" if type(index) in (float, str, bool) else None,
        )
    count = len(value)
    found = index + count if index < 0 else index
    if not 0 <= found < count:
        raise index_out_of_range(type_name(value), count, index)
    return found


def index_out_of_range(noun: str, count: int, index: int) -> Fault:
    """The Fault for an index that leads to no element of a sequence of `count`; `noun` is the name of its type."""
    shown = index if abs(index) < 10**20 else "with many digits"
    return Fault(
        "index-out-of-range",
        f"index {shown} is out of range for {article(noun)} of {count}",
        hint=f"valid indexes are {-count} to {count - 1}" if count else f"the {noun} is empty",
    )


def span(count: int, start: Any, stop: Any, step: Any) -> slice:
    """The host's slice for `x[start:stop:step]` of a sequence of `count` elements, with all three parts given."""
    for part in (start, stop, step):
        if part is not None and type(part) is not int:
            raise Fault(
                "type-mismatch",
                f"the parts of a slice are ints or absent, not {kind_of(part)}",
                hint="convert it with `int(...)`" if type(part) in (float, str, bool) else None,
            )
    if step == 0:
        raise Fault("zero-step", "the step of a slice is 0", hint="use a positive step, or a negative one to go back")
    return slice(start, stop, step)


def span_length(count: int, part: slice) -> int:
    """How many elements the slice takes from a sequence of `count`."""
    return len(range(*part.indices(count)))


def bounds(count: int, start: int | None, stop: int | None) -> tuple[int, int]:
    """Start and stop of a search in `count` elements, clamped."""
    first, last, _ = slice(start, stop).indices(count)
    return first, last


def find(sequence: Any, wanted: Any, start: int = 0, stop: int | None = None) -> int:
    """The first place from `start` on that holds a value equal to `wanted`; -1 if none does."""
    last = len(sequence) if stop is None else stop
    charge((max(0, last - start) >> 3) + 1)
    kind = type(wanted)
    if kind in IDENTICAL or ((kind is str or kind is bytes) and len(wanted) < 64):
        return find_slice_by_slice(sequence.index, wanted, start, last)
    if kind is int and wanted.bit_length() < 64:
        return find_slice_by_slice(partial(int_index, sequence), wanted, start, last)
    test = Comparison().equal
    for position in range(start, last):
        if test(sequence[position], wanted):
            return position
        if not position % SLOW_SLICE:
            look()
    return -1


def find_slice_by_slice(index: Callable[[Any, int, int], int], wanted: Any, start: int, last: int) -> int:
    """The place that `index` finds, or -1; between slices an interruption is noticed."""
    for first in range(start, last, SLICE):
        try:
            return index(wanted, first, min(first + SLICE, last))
        except ValueError:
            if first + SLICE < last:
                look()
    return -1


def int_index(sequence: Any, wanted: int, start: int, last: int) -> int:
    """The host's `index`, stepping over bools, which the host takes for ints. Raises ValueError."""
    position = int(sequence.index(wanted, start, last))
    while type(sequence[position]) is bool:
        position = int(sequence.index(wanted, position + 1, last))
    return position
