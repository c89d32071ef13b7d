"""Builtins that order: `sorted`, `min`, `max`.

The order is the language's (`compare.less`): numbers with NaN as the largest, strings, bytes, bools, lists and tuples
by their first difference. Where the host orders the same way, which is looked up for all keys beforehand, the host
sorts; otherwise every comparison goes through `less`. Either way the sort is stable, and a key function is called
once for each element, in order, on a copy: whatever it does cannot disturb the sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key, partial
from operator import itemgetter
from typing import Any, Final

from flowlang.lang.universe.callback import call_for_each
from flowlang.lang.universe.collection import SEQUENCES, taken
from flowlang.lang.universe.long_sort import SORT_SLICE, Key, sort
from flowlang.lang.values.argument import SLICE, bool_argument, wrong_value
from flowlang.lang.values.compare import compare, less
from flowlang.lang.values.container import List
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.protocol import MISSING, builtin
from flowlang.lang.values.size import ELEMENT, SLOT

NUMBERS: Final = frozenset({int, float})
TUPLES: Final = frozenset({tuple})
HOST_ORDERED: Final = frozenset({str, int, bytes, bool})
"""Values of one of these types are ordered by the host as by the language."""
COLUMNS_MAX: Final = 8
SMALL_INT: Final = 1 << 62
SLOW_SLICE: Final = 4096
NUMBERS_SLICE: Final = 1 << 16
"""The host sorts so many numbers in little time."""
PLACE: Final = ELEMENT + 2 * SLOT
"""What ordering places takes for each."""
COMPARED: Final = 64
"""What a key takes that is compared by a function of ours."""
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
        for column_kinds in (set(map(type, map(itemgetter(column), keys))) for column in range(len(keys[0])))
    )


def comparison_steps(keys: Sequence[Any]) -> int:
    """What comparing each of the keys, which the host orders, once costs because of long texts and ints in them. Two
    texts may begin alike, so the host reads them to their ends, even if both are the same object."""
    if not keys:
        return 0
    kind = type(keys[0])
    if kind is tuple:
        return sum(comparison_steps(list(map(itemgetter(column), keys))) for column in range(len(keys[0])))
    if kind is str or kind is bytes:
        return max(0, sum(map(len, keys)) - SHORT_TEXT * len(keys)) >> 8
    if kind is int and type(keys[-1]) is int and (max(keys) > SMALL_INT or min(keys) < -SMALL_INT):
        return sum(key.bit_length() for key in keys if type(key) is int) >> 15
    return 0


by_language: Final = cmp_to_key(compare)


@builtin("sorted", "iterable, *, key = None, reverse = False")
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
        charge(comparison_steps(keys) * count.bit_length())
        if keys is items:
            return List(_sorted(items, None, is_descending))
        charge(0, PLACE * count)
        if count <= (NUMBERS_SLICE if count and type(keys[0]) in NUMBERS else SORT_SLICE):
            # The host asks for the keys once each, in order, and here they are.
            items.sort(key=partial(next, iter(keys)), reverse=is_descending)
            return List(items)
        order = _sorted(list(range(count)), keys.__getitem__, is_descending)
    else:
        charge(work << 1, (PLACE + COMPARED) * count)
        order = _sorted(list(range(count)), lambda place: by_language(keys[place]), is_descending, is_slow=True)
    return List(map(items.__getitem__, order))


def _sorted(values: list[Any], key: Key | None, is_descending: bool, *, is_slow: bool = False) -> list[Any]:
    """The values in order; equal ones stay as they are, also in a descending order."""
    if not is_descending:
        return sort(values, key, is_slow=is_slow)
    values.reverse()
    result = sort(values, key, is_slow=is_slow)
    result.reverse()
    return result


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
        raise wrong_value(name, "needs at least one argument", f"give a collection, or values: `{name}(a, b)`")
    source = arguments[0] if len(arguments) == 1 else arguments
    if key is MISSING:
        if type(source) is range and len(source) > 0:
            return (min if name == "min" else max)(source[0], source[-1])
        if type(source) in SEQUENCES and 0 < len(source) < SHORT and is_host_ordered(source):
            if type(source[0]) not in NUMBERS:
                charge(comparison_steps(source))
            return min(source) if name == "min" else max(source)
    items = taken(name, source, 0)
    if not items:
        raise wrong_value(name, "the iterable is empty", "check that it has elements first")
    keys = items if key is MISSING else call_for_each(name, depth, key, source, items)
    charge(len(keys) >> 2, SLOT * len(keys))
    if is_host_ordered(keys):
        charge(comparison_steps(keys))
        choose = min if name == "min" else max
        # The best of each slice first, for an interruption to be noticed.
        if keys is items:
            best_items = []
            for start in range(0, len(items), SLICE):
                best_items.append(choose(items[start : start + SLICE]))
                look()
            return choose(best_items)
        best_places = []
        for start in range(0, len(keys), SLICE):
            best_places.append(choose(range(start, min(start + SLICE, len(keys))), key=keys.__getitem__))
            look()
        return items[choose(best_places, key=keys.__getitem__)]
    charge(len(keys) << 1)
    best = 0
    for place in range(1, len(keys)):
        if less(keys[place], keys[best]) if name == "min" else less(keys[best], keys[place]):
            best = place
        if not place % SLOW_SLICE:
            look()
    return items[best]
