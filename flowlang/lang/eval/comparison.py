"""The comparison operators and membership, as compiled code calls them."""

from __future__ import annotations

from typing import Any

from flowlang.lang.eval.mismatch import unsupported
from flowlang.lang.values import compare
from flowlang.lang.values.protocol import VALUE_TYPES

equal = compare.equal


def not_equal(left: Any, right: Any) -> bool:
    """`left != right`."""
    return not compare.equal(left, right)


def less(left: Any, right: Any) -> bool:
    """`left < right`."""
    return compare.ordered(left, right, "<")


def less_equal(left: Any, right: Any) -> bool:
    """`left <= right`."""
    return compare.ordered(left, right, "<=")


def greater(left: Any, right: Any) -> bool:
    """`left > right`."""
    return compare.ordered(left, right, ">")


def greater_equal(left: Any, right: Any) -> bool:
    """`left >= right`."""
    return compare.ordered(left, right, ">=")


def contains(item: Any, container: Any) -> bool:
    """`item in container`."""
    found = VALUE_TYPES.get(type(container))
    if found is None or found.contains is None:
        raise unsupported("in", item, container)
    return found.contains(container, item)


def not_contains(item: Any, container: Any) -> bool:
    """`item not in container`."""
    return not contains(item, container)
