"""Augmented assignment: `+=` on a list, `|=` on a dict, and `|=`, `&=`, `-=`, `^=` on a set change the left side.

Each function gives what is to be assigned back: the left side itself where it was changed, and otherwise what the
plain operator gives. The operators not listed here have no in-place form.
"""

from __future__ import annotations

from types import GeneratorType
from typing import Any

from flowlang.lang.eval.arithmetic import add, bit_and, bit_or, bit_xor, subtract
from flowlang.lang.eval.indexing import iterate
from flowlang.lang.values import set as set_values
from flowlang.lang.values.argument import drained
from flowlang.lang.values.dict import DICTS, merge_in_place
from flowlang.lang.values.list import LISTS, extend_in_place
from flowlang.lang.values.mutation import check_mutable
from flowlang.lang.values.set import SETS


def add_in_place(left: Any, right: Any) -> Any:
    """`left += right`; a list takes the elements of any iterable."""
    if type(left) in LISTS:
        elements = iterate(right)
        extend_in_place(left, drained(elements) if type(elements) is GeneratorType else elements, right)
        return left
    return add(left, right)


def or_in_place(left: Any, right: Any) -> Any:
    """`left |= right`."""
    if type(left) in DICTS and type(right) in DICTS:
        check_mutable(left, "update")
        merge_in_place(left, right)
        return left
    if type(left) in SETS and type(right) in SETS:
        set_values.unite_in_place(left, right)
        return left
    return bit_or(left, right)


def and_in_place(left: Any, right: Any) -> Any:
    """`left &= right`."""
    if type(left) in SETS and type(right) in SETS:
        set_values.intersect_in_place(left, right)
        return left
    return bit_and(left, right)


def xor_in_place(left: Any, right: Any) -> Any:
    """`left ^= right`."""
    if type(left) in SETS and type(right) in SETS:
        check_mutable(left, "update")
        set_values.exclusive_in_place(left, right)
        return left
    return bit_xor(left, right)


def subtract_in_place(left: Any, right: Any) -> Any:
    """`left -= right`."""
    if type(left) in SETS and type(right) in SETS:
        set_values.subtract_in_place(left, right)
        return left
    return subtract(left, right)
