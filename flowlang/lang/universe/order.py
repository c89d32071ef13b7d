"""Builtins that order: `sorted`, `min`, `max`.

The order is the language's (`compare.less`): numbers with NaN as the largest, strings, bytes, bools, lists and tuples
by their first difference. Where the host orders the same way, which is looked up for all keys beforehand, the host
sorts; otherwise every comparison goes through `less`. Either way the sort is stable, and a key function is called
once for each element, in order, on a copy: whatever it does cannot disturb the sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any, Final

from flowlang.lang.universe.callback import call_for_each
from flowlang.lang.universe.collection import SEQUENCES, taken
from flowlang.lang.values.argument import bool_argument, wrong_value
from flowlang.lang.values.compare import compare, less
from flowlang.lang.values.container import List
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, builtin
from flowlang.lang.values.size import SLOT

NUMBERS: Final = frozenset({int, float})
TUPLES: Final = frozenset({tuple})
HOST_ORDERED: Final = frozenset({str, int, bytes, bool})
"""Values of one of these types are ordered by the host as by the language."""
COLUMNS_MAX: Final = 8
SHORT: Final = 16
"""Ordering so few values costs less than charging for it."""
SHORT_TEXT: Final = 64
"""Comparing texts of this length costs nothing beyond the comparison."""


def is_host_ordered(keys: Sequence[Any]) -> bool:
    """Whether the host orders these keys as the language does: all of one plain type, or numbers without NaN, or
    tuples of equal length whose elements are so column by column."""
    kinds = set(map(type, keys))
    if len(kinds) == 1 and kinds <= HOST_ORDERED:
        return True
    if kinds <= NUMBERS:
        return not any(key != key for key in keys)
    if kinds != TUPLES:
        return False
    widths = set(map(len, keys))
    if len(widths) != 1 or not 0 < min(widths) <= COLUMNS_MAX:
        return False
    return all(
        len(column_kinds) == 1 and column_kinds <= HOST_ORDERED
        for column_kinds in (set(map(type, column)) for column in zip(*keys, strict=True))
    )


def text_steps(keys: Sequence[Any]) -> int:
    """What comparing each of the keys, which the host orders, once costs because of long texts in them. Two texts may
    begin alike, so the host reads them to their ends, even if both are the same object."""
    if not keys:
        return 0
    if type(keys[0]) is tuple:
        return sum(text_steps(column) for column in zip(*keys, strict=True))
    if type(keys[0]) is not str and type(keys[0]) is not bytes:
        return 0
    return max(0, sum(map(len, keys)) - SHORT_TEXT * len(keys)) >> 8


by_language: Final = cmp_to_key(compare)


@builtin("sorted", "iterable, key = None, reverse = False")
def sorted_(depth: int, iterable: Any, /, *, key: Any = MISSING, reverse: Any = False) -> List:
    """A new list of the elements in ascending (or descending) order of themselves or of their keys."""
    is_descending = bool_argument("sorted", "reverse", reverse)
    items = taken("sorted", iterable, 2 * SLOT)
    keys = items if key is MISSING else call_for_each("sorted", depth, key, iterable, items)
    count = len(items)
    work = count * count.bit_length()
    if count > SHORT:
        charge((work >> 3) + (count >> 2))
    if is_host_ordered(keys):
        charge(text_steps(keys) * count.bit_length())
        if keys is items:
            items.sort(reverse=is_descending)
            return List(items)
        order = sorted(range(count), key=keys.__getitem__, reverse=is_descending)
    else:
        charge(work << 1)
        order = sorted(range(count), key=lambda place: by_language(keys[place]), reverse=is_descending)
    return List([items[place] for place in order])


@builtin("min", "*args | iterable, key = None")
def min_(depth: int, /, *arguments: Any, key: Any = MISSING) -> Any:
    """The smallest of the arguments, or of the elements of the only argument; the first of equal ones."""
    return _extreme("min", depth, arguments, key)


@builtin("max", "*args | iterable, key = None")
def max_(depth: int, /, *arguments: Any, key: Any = MISSING) -> Any:
    """The largest of the arguments, or of the elements of the only argument; the first of equal ones."""
    return _extreme("max", depth, arguments, key)


def _extreme(name: str, depth: int, arguments: tuple[Any, ...], key: Any) -> Any:
    if not arguments:
        raise wrong_value(name, "needs at least one argument")
    source = arguments[0] if len(arguments) == 1 else arguments
    if key is MISSING:
        if type(source) is range and len(source) > 0:
            return (min if name == "min" else max)(source[0], source[-1])
        if type(source) in SEQUENCES and 0 < len(source) < SHORT and is_host_ordered(source):
            if type(source[0]) not in NUMBERS:
                charge(text_steps(source))
            return min(source) if name == "min" else max(source)
    items = taken(name, source, 0)
    if not items:
        raise wrong_value(name, "the iterable is empty", "check that it has elements first")
    keys = items if key is MISSING else call_for_each(name, depth, key, source, items)
    charge(len(keys) >> 2)
    if is_host_ordered(keys):
        charge(text_steps(keys))
        best = (min if name == "min" else max)(range(len(keys)), key=keys.__getitem__)
        return items[best]
    charge(len(keys) << 1)
    best = 0
    for place in range(1, len(keys)):
        if less(keys[place], keys[best]) if name == "min" else less(keys[best], keys[place]):
            best = place
    return items[best]
