"""Builtins that make collections or look at their elements.

All results are fresh lists, never lazy: towers of lazy iterators would hide work from the meter and recursion from
the depth limit. What a result needs is charged from the length of the argument before the first element is taken,
so that `list(range(1 << 40))` ends at the budget and not in the host's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from flowlang.lang.eval.iteration import BOUND_MAX, beyond_bounds
from flowlang.lang.eval.stream import Stream, items_of
from flowlang.lang.universe.conversion import HOST_TRUTH, is_true
from flowlang.lang.values.argument import (
    CONTAINERS,
    SLICE,
    collected,
    count_elements,
    elements_argument,
    given_names,
    int_argument,
    new_elements,
    wrong_type,
    wrong_value,
)
from flowlang.lang.values.container import EXOTIC, Dict, HeldList, HeldSet, List, Set, hold
from flowlang.lang.values.dict import update_in_place
from flowlang.lang.values.key import dict_set, is_exotic
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, builtin
from flowlang.lang.values.size import ELEMENT, list_size, table_size, tuple_size

BLOCK: Final = 512
ITERATOR: Final = 64
SEQUENCES: Final = (List, HeldList, tuple)
LENGTH_MAX: Final = (1 << 63) - 1


def taken(name: str, value: Any, each: int = 0) -> list[Any]:
    """The elements of an iterable as a new host list, charged before; `each` is the memory that the caller needs for
    every element."""
    elements = elements_argument(name, "iterable", value)
    count = count_elements(value)
    charge(count >> 3, list_size(count) + each * count + new_elements(value))
    return list(elements) if count <= SLICE else list(collected(elements, count))


@builtin("len", "x")
def len_(depth: int, x: Any, /) -> int:
    """How many elements a collection has, or how many characters a string."""
    found = VALUE_TYPES.get(type(x))
    if found is None or found.length is None:
        hint = "use `len(str(x))` for the number of digits" if type(x) is int else None
        raise wrong_type("len", "x", "a collection or a string", x, hint)
    return found.length(x)


@builtin("list", "[iterable]")
def list_(depth: int, iterable: Any = (), /) -> List:
    """A new list of the elements."""
    if type(iterable) in SEQUENCES:
        charge(len(iterable) >> 3, list_size(len(iterable)))
        return List(iterable)
    elements = elements_argument("list", "iterable", iterable)
    count = count_elements(iterable)
    charge(count >> 3, list_size(count) + new_elements(iterable))
    return collected(elements, count)


@builtin("tuple", "[iterable]")
def tuple_(depth: int, iterable: Any = (), /) -> tuple[Any, ...]:
    """A tuple of the elements."""
    if type(iterable) is tuple:
        return iterable
    elements = elements_argument("tuple", "iterable", iterable)
    count = count_elements(iterable)
    charge(count >> 3, tuple_size(count) + new_elements(iterable))
    return tuple(elements) if count <= SLICE else tuple(collected(elements, count))


@builtin("set", "[iterable]")
def set_(depth: int, iterable: Any = (), /) -> Set:
    """A new set of the elements, in the order in which they first come."""
    elements = elements_argument("set", "iterable", iterable)
    count = count_elements(iterable)
    charge(count >> 2, table_size(count))
    result = Set()
    if type(iterable) in (Set, HeldSet):
        result.update(iterable)
        if is_exotic(iterable):
            hold(result, EXOTIC)
        return result
    for element in elements:
        dict_set(result, element, None)
    return result


@builtin("dict", "[pairs|dict], **kw")
def dict_(depth: int, pairs: Any = (), /, **keywords: Any) -> Dict:
    """A new dict of the entries of another, or of pairs, and of named arguments."""
    charge(len(keywords) >> 1, table_size(len(keywords)))
    result = Dict()
    if type(pairs) is not tuple or pairs:
        update_in_place(result, pairs, "dict")
    for name, value in given_names(keywords).items():
        dict_set(result, name, value)
    return result


@builtin("range", "[start, ]stop[, step]")
def range_(depth: int, start: Any, stop: Any = MISSING, step: Any = 1, /) -> range:
    """The ints from `start` (0 when not given) up to, and without, `stop`."""
    if stop is MISSING:
        start, stop = 0, start
    for parameter, bound in (("start", start), ("stop", stop), ("step", step)):
        if abs(int_argument("range", parameter, bound)) > BOUND_MAX:
            raise beyond_bounds(parameter)
    if step == 0:
        raise wrong_value("range", "the step must not be 0", "count up with a positive step, down with a negative one")
    distance = stop - start if step > 0 else start - stop
    if (distance + abs(step) - 1) // abs(step) > LENGTH_MAX:
        raise wrong_value("range", "the range has more than 2**63 - 1 elements")
    return range(start, stop, step)


@builtin("enumerate", "iterable[, start]")
def enumerate_(depth: int, iterable: Any, start: Any = 0, /) -> List:
    """A list of pairs of a running number and an element."""
    first = int_argument("enumerate", "start", start)
    if abs(first) > BOUND_MAX:
        raise wrong_value("enumerate", "`start` is beyond 2**63")
    elements = elements_argument("enumerate", "iterable", iterable)
    count = count_elements(iterable)
    charge(count >> 2, list_size(count) + (tuple_size(2) + ELEMENT) * count)
    return collected(enumerate(elements, first), count)


@builtin("zip", "*iterables")
def zip_(depth: int, /, *iterables: Any) -> List:
    """A list of tuples of the elements that stand at the same place, as many as the shortest iterable has."""
    sources = [elements_argument("zip", "iterables", each) for each in iterables]
    count = min(map(count_elements, iterables), default=0)
    width = len(iterables)
    made = sum(type(each) not in CONTAINERS for each in iterables)
    charge(
        (count * (width + 1) >> 3) + (width >> 1),
        list_size(count) + (tuple_size(width) + ELEMENT * made) * count + ITERATOR * width,
    )
    return collected(zip(*sources, strict=False), count)


@builtin("reversed", "iterable")
def reversed_(depth: int, iterable: Any, /) -> List:
    """A new list of the elements from the last to the first."""
    elements = taken("reversed", iterable)
    elements.reverse()
    return List(elements)


def _blocks(name: str, iterable: Any) -> Iterator[list[Any]]:
    """The elements in charged blocks, for searches that may end early in an iterable of any length."""
    if type(iterable) is Stream:
        yield from ([element] for element in items_of(iterable))
        return
    elements = elements_argument(name, "iterable", iterable)
    if type(elements) is List and len(elements) <= BLOCK:
        charge((len(elements) >> 3) + 1)
        yield elements
        return
    iterator = iter(elements)
    while block := list(islice(iterator, BLOCK)):
        charge((len(block) >> 3) + 1)
        yield block


@builtin("all", "iterable")
def all_(depth: int, iterable: Any, /) -> bool:
    """Whether every element counts as true."""
    for block in _blocks("all", iterable):
        is_host_truth = HOST_TRUTH.issuperset(map(type, block))
        if not (all(block) if is_host_truth else all(map(is_true, block))):
            return False
    return True


@builtin("any", "iterable")
def any_(depth: int, iterable: Any, /) -> bool:
    """Whether an element counts as true."""
    for block in _blocks("any", iterable):
        is_host_truth = HOST_TRUTH.issuperset(map(type, block))
        if any(block) if is_host_truth else any(map(is_true, block)):
            return True
    return False
