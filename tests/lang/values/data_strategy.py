"""Arbitrary values that are data, for tests of what carries them; and a comparison that looks at types and order."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from value_calls import make_dict, make_set

from flowlang.lang.values.container import FREE, List
from flowlang.lang.values.key import unkey
from flowlang.lang.values.result import Err, Failure, Ok, trace_frame
from flowlang.lang.values.struct import Struct

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["$tuple", "$", "", "$dict"])
NAMES = st.sampled_from(["a", "b", "kind", "$tuple", "$x"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 3)
    | st.floats()
    | TEXT
    | st.binary(max_size=5)
    | st.sampled_from([18, 400, 599, 600, 5000]).map(lambda digits: -(10**digits))
    | st.builds(range, st.integers(-5, 5), st.integers(-5, 5), st.integers(1, 3))
)
HASHABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
FRAMES = st.lists(st.builds(trace_frame, TEXT, st.integers(1, 9), st.integers(1, 9), TEXT), max_size=2)


def composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    failure = st.builds(Failure, TEXT, TEXT, inner, st.booleans(), FRAMES)
    return (
        st.lists(inner, max_size=4).map(List)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(st.tuples(HASHABLE, inner), max_size=4).map(lambda pairs: make_dict(*pairs))
        | st.lists(st.tuples(TEXT, inner), max_size=4).map(lambda pairs: make_dict(*pairs))
        | st.lists(HASHABLE, max_size=4).map(lambda elements: make_set(*elements))
        | st.dictionaries(NAMES, inner, max_size=3).map(Struct)
        | inner.map(Ok)
        | inner.map(Err)
        | st.builds(Err, inner, failure)
        | failure
    )


DATA = st.recursive(SCALARS, composed, max_leaves=12)


def anatomy(value: Any) -> Any:
    """All that a script could ever observe of a value, as something the host compares."""
    kind = FREE.get(type(value), type(value))
    name = kind.__name__
    if name in ("List", "tuple"):
        return name, [anatomy(element) for element in value]
    if name == "Dict":
        return name, [(anatomy(unkey(key)), anatomy(child)) for key, child in value.items()]
    if name == "Set":
        return name, [anatomy(unkey(key)) for key in value]
    if kind is Struct:
        return name, [(field, anatomy(child)) for field, child in value.fields.items()]
    if kind is Ok:
        return name, anatomy(value.value)
    if kind is Err:
        return name, anatomy(value.error), anatomy(value.failure)
    if kind is Failure:
        return name, value.kind, value.message, anatomy(value.data), value.retryable, anatomy(value.trace)
    # The host's repr tells -0.0 from 0.0; the ints here are too long for it.
    return name, value if kind is int else repr(value)


def containers(value: Any) -> list[Any]:
    """The mutable containers in a value, except those of traces, which never change."""
    kind = FREE.get(type(value), type(value))
    if kind.__name__ in ("List", "Dict", "Set"):
        children = list(value) if kind.__name__ == "List" else list(value.values())
        return [value, *(found for child in children if child is not None for found in containers(child))]
    if kind is tuple:
        return [found for child in value for found in containers(child)]
    if kind is Struct:
        return [found for child in value.fields.values() for found in containers(child)]
    if kind is Ok:
        return containers(value.value)
    if kind is Err:
        return containers(value.error) + (containers(value.failure) if value.failure is not value.error else [])
    return containers(value.data) if kind is Failure else []
