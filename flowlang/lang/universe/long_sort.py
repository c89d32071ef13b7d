"""Sorting in slices, so that a long sort can be interrupted.

The host sorts in one call, during which nobody can stop it. So a long list is sorted slice by slice, and sorted runs
are merged two by two; a merge that is long itself is split at a place where both runs can be cut, so that no call of
the host has more than a slice to do. Between the slices the meter is looked at. The order is the host's own: stable,
and the same as of one call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final

from flowlang.lang.values.meter import look

SORT_SLICE: Final = 1 << 15
MERGE_SLICE: Final = 1 << 17
SLOW: Final = 5
"""Where comparing takes a function of ours, slices are smaller by so many powers of two."""

Key = Callable[[Any], Any]


def sort(values: list[Any], key: Key | None = None, *, is_slow: bool = False) -> list[Any]:
    """The values in ascending order. `is_slow`: comparing is not the host's alone. The list itself may change."""
    shift = SLOW if is_slow else 0
    size = SORT_SLICE >> shift
    if len(values) <= size:
        values.sort(key=key)
        return values
    runs = []
    for start in range(0, len(values), size):
        run = values[start : start + size]
        run.sort(key=key)
        look()
        runs.append(run)
    while len(runs) > 1:
        merged = [merge(*pair, key, MERGE_SLICE >> shift) for pair in zip(runs[::2], runs[1::2], strict=False)]
        runs = merged + runs[2 * len(merged) :]
    return runs[0]


def merge(left: list[Any], right: list[Any], key: Key | None, size: int) -> list[Any]:
    """The values of two sorted runs, in order; those of `left` come first among equal ones."""
    result: list[Any] = []
    waiting = [(left, right)]
    while waiting:
        left, right = waiting.pop()
        if not left or not right:
            result += left or right
        elif len(left) + len(right) <= size:
            part = left + right
            # The host finds the two runs and merges them.
            part.sort(key=key)
            result += part
            look()
        else:
            middle = len(left) >> 1
            pivot = left[middle]
            cut = bisect_left(right, pivot if key is None else key(pivot), key=key)
            if len(left) == 1:
                result += [*right[:cut], pivot, *right[cut:]]
            else:
                waiting.append((left[middle:], right[cut:]))
                waiting.append((left[:middle], right[:cut]))
    return result
