"""Equality and ordering of values.

Equality is deep and knows the types: True is not 1, 1 is 1.0, a large int equals a float only exactly, NaN equals
NaN. Two values of different types are unequal, which is never an error; both classes of a mutable container are one
type. Ordering is defined between numbers (NaN is the largest), bools, strings, bytes, lists, tuples and sets
(inclusion); anything else is an error.

A comparison has bounded depth (a value that contains itself is refused, not followed) and charges for every
container it enters. Pairs of containers found equal far down are remembered, so that values which share their parts
do not take time exponential in their size.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import islice, starmap
from types import NoneType
from typing import Any, Final

from flowlang.lang.values.container import AnyDict, AnySet, HeldList, HeldSet, List, Set
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import is_exotic
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, type_name

DEPTH_MAX: Final = 100
REMEMBER_DEPTH: Final = 5
"""Below this depth no pairs are remembered: it would slow down the common flat comparison."""
LONG_TEXT: Final = 256
"""Comparing longer texts is charged."""
SLICE: Final = 1 << 14
"""After so many comparisons of parts an interruption is looked for."""
HOST_COMPARES: Final = frozenset({int, NoneType})
"""Lists of nothing else are compared by the host as the language does."""

NUMBERS: Final = frozenset({int, float})
TEXTS: Final = frozenset({str, bytes})
SEQUENCES: Final[dict[type, str]] = {List: "list", HeldList: "list", tuple: "tuple"}
SETS: Final = frozenset({Set, HeldSet})

Test = Callable[[Any, Any], bool]
ORDERS: Final[dict[str, Test]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def equal(left: Any, right: Any) -> bool:
    """`left == right`."""
    kind = type(left)
    if kind is type(right):
        if kind is int or kind is bool or left is None:
            return bool(left == right)
        if kind is str or kind is bytes:
            return equal_text(left, right)
        if kind is float:
            return bool(left == right or (left != left and right != right))
    elif kind in NUMBERS:
        return type(right) in NUMBERS and bool(left == right)
    return Comparison().equal(left, right)


def equal_text(left: Any, right: Any) -> bool:
    """Equality of two strings or of two bytes."""
    if len(left) > LONG_TEXT and len(left) == len(right) and left is not right:
        charge(len(left) >> 8)
    return bool(left == right)


class Comparison:
    """One deep comparison on its way: how deep it is, and which pairs it found equal."""

    __slots__ = ("depth", "proven")

    def __init__(self) -> None:
        self.depth = 0
        # The values are kept with their identities, which are only unique as long as both are alive.
        self.proven: dict[tuple[int, int], tuple[Any, Any]] = {}

    def equal(self, left: Any, right: Any) -> bool:
        """Equality of two parts. An exception ends the whole comparison, so the depth need not be restored."""
        kind = type(left)
        if kind is type(right):
            if kind is int or kind is bool or left is None:
                return bool(left == right)
            if kind is str or kind is bytes:
                return equal_text(left, right)
            if kind is float:
                return bool(left == right or (left != left and right != right))
        elif kind in NUMBERS:
            return type(right) in NUMBERS and bool(left == right)
        found = VALUE_TYPES.get(kind)
        if found is None or found is not VALUE_TYPES.get(type(right)):
            return False
        if found.equal is None:
            return left is right
        # One frame of the host for each level: a deep comparison may start far down in a script's own calls.
        pair = (id(left), id(right))
        if self.depth >= REMEMBER_DEPTH:
            if pair in self.proven:
                return True
            if self.depth >= DEPTH_MAX:
                raise Fault(
                    "too-deep",
                    f"cannot compare values that are nested more than {DEPTH_MAX} levels deep",
                    hint="a value that contains itself has no end; compare the parts that matter",
                )
        self.depth += 1
        same = found.equal(left, right, self.equal)
        self.depth -= 1
        if same and self.depth >= REMEMBER_DEPTH:
            self.proven[pair] = (left, right)
        return same


def equal_sequences(left: Any, right: Any, test: Test) -> bool:
    """Equality of two lists or two tuples, with `test` for the elements."""
    count = len(left)
    if count != len(right):
        return False
    charge((count >> 3) + 1)
    if count > 8:
        kinds = {*map(type, left)}
        if kinds <= HOST_COMPARES and {*map(type, right)} <= HOST_COMPARES:
            return bool(left == right)
    if count <= SLICE:
        return all(map(test, left, right))
    pairs = zip(left, right, strict=True)
    for _ in range(0, count, SLICE):
        look()
        if not all(starmap(test, islice(pairs, SLICE))):
            return False
    return True


def equal_dicts(left: AnyDict, right: AnyDict, test: Test) -> bool:
    """Equality of two dicts: same keys in any order, equal values."""
    if len(left) != len(right):
        return False
    charge((len(left) >> (1 if is_exotic(left) else 3)) + 1)
    # Stored keys are canonical, so those of one dict are looked up in the other as they are.
    for place, (stored, value) in enumerate(left.items()):
        if not place % SLICE:
            look()
        other = right.get(stored, MISSING)
        if other is MISSING or not test(value, other):
            return False
    return True


def equal_sets(left: AnySet, right: AnySet) -> bool:
    """Equality of two sets: the same elements in any order."""
    if len(left) != len(right):
        return False
    charge((len(left) >> (1 if is_exotic(left) else 3)) + 1)
    return left.keys() == right.keys()


def ordered(left: Any, right: Any, symbol: str) -> bool:
    """`left symbol right` for one of `<`, `<=`, `>`, `>=`."""
    comparison: Comparison | None = None
    while True:
        kind, other = type(left), type(right)
        if kind in NUMBERS and other in NUMBERS:
            return ordered_numbers(left, right, symbol)
        if kind is other and (kind in TEXTS or kind is bool):
            if kind is not bool and len(left) > LONG_TEXT:
                charge(min(len(left), len(right)) >> 8)
            return ORDERS[symbol](left, right)
        if kind in SETS and other in SETS:
            charge((min(len(left), len(right)) >> (1 if is_exotic(left) else 3)) + 1)
            return ORDERS[symbol](left.keys(), right.keys())
        if kind not in SEQUENCES or SEQUENCES[kind] != SEQUENCES.get(other):
            return ordered_by_type(left, right, symbol)
        # Lists and tuples: the first pair that differs decides, and is compared in the next turn.
        comparison = comparison or Comparison()
        place = first_difference(left, right, comparison)
        if place < 0:
            return ORDERS[symbol](len(left), len(right))
        left, right = left[place], right[place]


def first_difference(left: Any, right: Any, comparison: Comparison) -> int:
    """The first place where the two sequences have different elements; -1 if the shorter begins the longer."""
    charge((min(len(left), len(right)) >> 3) + 1)
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if not place % SLICE:
            look()
        if not comparison.equal(one, other):
            return place
    return -1


def ordered_numbers(left: Any, right: Any, symbol: str) -> bool:
    """Ordering of ints and floats; NaN equals itself and is above everything else."""
    if left != left or right != right:
        return ORDERS[symbol](left != left, right != right)
    return ORDERS[symbol](left, right)


def ordered_by_type(left: Any, right: Any, symbol: str) -> bool:
    """Ordering of values whose type brings its own."""
    found = VALUE_TYPES.get(type(left))
    if found is None or found.less is None or found is not VALUE_TYPES.get(type(right)):
        raise Fault(
            "type-mismatch",
            f"unsupported comparison: {type_name(left)} {symbol} {type_name(right)}",
            hint=_order_hint(left, right),
        )
    if symbol in ("<", ">="):
        return found.less(left, right, less) is (symbol == "<")
    return found.less(right, left, less) is (symbol == ">")


def _order_hint(left: Any, right: Any) -> str:
    if left is None or right is None:
        return "None comes neither before nor after another value: leave it out, or put a value in its place"
    if {type(left), type(right)} in ({str, int}, {str, float}):
        return "use `int(...)` or `float(...)` to read the string as a number, or `str(...)` to compare as text"
    return "only values of one type have an order: numbers, strings, bytes, bools, lists, tuples, sets"


def less(left: Any, right: Any) -> bool:
    """`left < right`."""
    kind = type(left)
    if kind is int and type(right) is int:
        return bool(left < right)
    return ordered(left, right, "<")


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1, as `left` is less than, neither, or greater than `right`: for sorting."""
    if less(left, right):
        return -1
    return 1 if less(right, left) else 0
