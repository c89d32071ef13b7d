"""All operations of the language on values, under the names by which compiled code calls them.

Compiled code tests for the common types inline and comes here for the rest, so everything that a script can do to a
value without calling a function is in this list: arithmetic, comparison, membership, index and slice, attributes,
augmented assignment, iteration and unpacking.
"""

from __future__ import annotations

from flowlang.lang.eval.arithmetic import (
    add,
    bit_and,
    bit_or,
    bit_xor,
    divide,
    floor_divide,
    invert,
    modulo,
    multiply,
    negate,
    positive,
    shift_left,
    shift_right,
    subtract,
)
from flowlang.lang.eval.attribute import attribute, attribute_names, has_attribute, set_attribute
from flowlang.lang.eval.augmented import add_in_place, and_in_place, or_in_place, subtract_in_place, xor_in_place
from flowlang.lang.eval.comparison import (
    contains,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    not_contains,
    not_equal,
)
from flowlang.lang.eval.indexing import index, iterate, length, set_index, slice_value, unpack
from flowlang.lang.values import registration as registration

__all__ = [
    "add",
    "add_in_place",
    "and_in_place",
    "attribute",
    "attribute_names",
    "bit_and",
    "bit_or",
    "bit_xor",
    "contains",
    "divide",
    "equal",
    "floor_divide",
    "greater",
    "greater_equal",
    "has_attribute",
    "index",
    "invert",
    "iterate",
    "length",
    "less",
    "less_equal",
    "modulo",
    "multiply",
    "negate",
    "not_contains",
    "not_equal",
    "or_in_place",
    "positive",
    "set_attribute",
    "set_index",
    "shift_left",
    "shift_right",
    "slice_value",
    "subtract",
    "subtract_in_place",
    "unpack",
    "xor_in_place",
]
