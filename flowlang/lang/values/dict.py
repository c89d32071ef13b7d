"""Dicts: the table of their operations and their methods.

Entries are stored under the keys that `key.py` makes. A dict keeps insertion order; `keys`, `values` and `items`
give new lists, so a script can change the dict while it walks through one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.values.argument import count_elements, elements_argument, given_names
from flowlang.lang.values.compare import equal_dicts
from flowlang.lang.values.container import EXOTIC, FROZEN, AnyDict, Dict, HeldDict, List, hold
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import (
    LONG_TEXT,
    dict_get,
    dict_has,
    dict_items,
    dict_keys,
    dict_pop,
    dict_set,
    first_key,
    is_exotic,
    needs_care,
    note_removal,
    unkey,
)
from flowlang.lang.values.key import key as stored_key
from flowlang.lang.values.meter import charge
from flowlang.lang.values.mutation import check_mutable, method, methods
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, ValueType, register
from flowlang.lang.values.size import list_size, table_size
from flowlang.lang.values.wording import counted, kind_of

DICTS: Final = (Dict, HeldDict)
KEY_ADVICE: Final = "use `.get(key, default)`, or check with `in` first"
CANDIDATES_MAX: Final = 200
"""So many keys are looked at for a suggestion."""
PAIR_HINT: Final = 'give a dict, or pairs of key and value such as `[("a", 1), ("b", 2)]`'


@method("dict.clear")
def clear(depth: int, self: AnyDict, /) -> None:
    """Removes all entries."""
    check_mutable(self, "clear")
    self.clear()


@method("dict.get")
def get(depth: int, self: AnyDict, key: Any, default: Any = None, /) -> Any:
    """The value under a key, or the default."""
    is_cheap = type(key) is str and type(self) is Dict and len(key) <= LONG_TEXT
    return self.get(key if is_cheap else stored_key(key), default)


@method("dict.items")
def items(depth: int, self: AnyDict, /) -> List:
    """A new list of pairs of key and value."""
    return List(dict_items(self))


@method("dict.keys")
def keys(depth: int, self: AnyDict, /) -> List:
    """A new list of the keys."""
    return List(dict_keys(self))


@method("dict.pop")
def pop(depth: int, self: AnyDict, key: Any, default: Any = MISSING, /) -> Any:
    """Removes an entry and gives its value; without the key gives the default, or fails if there is none."""
    check_mutable(self, "pop from")
    found = dict_pop(self, key, default)
    if found is MISSING:
        raise missing_key(self, key, "give `pop` a second argument as default")
    return found


@method("dict.popitem")
def popitem(depth: int, self: AnyDict, /) -> tuple[Any, Any]:
    """Removes the first entry and gives it as a pair."""
    check_mutable(self, "pop from")
    if not self:
        raise Fault("missing-key", "cannot pop from an empty dict", hint="check first whether it is empty")
    stored = first_key(self)
    pair = unkey(stored), self.pop(stored)
    note_removal(self)
    return pair


@method("dict.setdefault")
def setdefault(depth: int, self: AnyDict, key: Any, default: Any = None, /) -> Any:
    """The value under a key; without the key stores the default and gives it."""
    if type(self) is Dict and type(key) is str and len(key) <= LONG_TEXT:
        found = self.get(key, MISSING)
        if found is not MISSING:
            return found
    check_mutable(self, "set a default in")
    found = dict_get(self, key)
    if found is MISSING:
        dict_set(self, key, default)
        return default
    return found


@method("dict.update")
def update(depth: int, self: AnyDict, pairs: Any = (), /, **named: Any) -> None:
    """Stores the entries of a dict or of an iterable of pairs, then the named arguments."""
    check_mutable(self, "update")
    update_in_place(self, pairs, "dict.update")
    charge(len(named) >> 1, table_size(len(named)) if named else 0)
    for name, value in given_names(named).items():
        dict_set(self, name, value)


@method("dict.values")
def values(depth: int, self: AnyDict, /) -> List:
    """A new list of the values."""
    charge(len(self) >> 3, list_size(len(self)))
    return List(self.values())


def update_in_place(target: AnyDict, pairs: Any, function: str) -> None:
    """Stores the entries of a dict or of an iterable of pairs; `function` is the name for messages. Whether the
    target may change is the caller's check."""
    if type(pairs) in DICTS:
        merge_in_place(target, pairs)
        return
    count = count_elements(pairs)
    charge(count >> 2, table_size(count))
    for position, pair in enumerate(elements_argument(function, "pairs", pairs)):
        found = VALUE_TYPES.get(type(pair))
        if found is None or found.iterate is None or found.length is None:
            problem = f"`{function}`: element {position} is {kind_of(pair)}, not a pair"
            raise Fault("type-mismatch", problem, hint=PAIR_HINT)
        if found.length(pair) != 2:
            raise Fault(
                "wrong-argument",
                f"`{function}`: element {position} has {counted(found.length(pair), 'element')}, a pair has 2",
                hint=PAIR_HINT,
            )
        wanted, value = found.iterate(pair)
        dict_set(target, wanted, value)


def merge_in_place(target: AnyDict, other: AnyDict) -> None:
    """`target |= other` without the check whether the target may change. Stored keys are taken over as they are."""
    charge(len(other) >> 3, table_size(len(other)))
    if is_exotic(other):
        hold(target, EXOTIC)
    target.update(other)


def copy_dict(source: AnyDict) -> Dict:
    """A new dict with the same entries."""
    result = Dict()
    merge_in_place(result, source)
    return result


def merge(left: AnyDict, right: AnyDict) -> Dict:
    """`left | right`: a new dict; where both have a key, the right one counts."""
    result = copy_dict(left)
    merge_in_place(result, right)
    return result


def dict_literal(*keys_and_values: Any) -> Dict:
    """The dict of a literal, from keys and values in turn. The same key twice is an error."""
    charge(len(keys_and_values) >> 4, table_size(len(keys_and_values) >> 1))
    result = Dict()
    for wanted, value in zip(keys_and_values[::2], keys_and_values[1::2], strict=True):
        stored = stored_key(wanted)
        if stored in result:
            raise Fault("duplicate-key", f"the dict has the key {preview(wanted)} twice", hint="remove one of the two")
        if needs_care(stored):
            hold(result, EXOTIC)
        result[stored] = value
    return result


def missing_key(container: AnyDict, wanted: Any, advice: str) -> Fault:
    """The Fault for a key that a dict does not have."""
    hint = advice
    if type(wanted) is str and len(wanted) <= 64:
        names = [stored for stored, _ in zip(container, range(CANDIDATES_MAX), strict=False) if type(stored) is str]
        similar = nearest(wanted, names)
        if similar is not None:
            hint = f"did you mean {preview(similar)}? Otherwise {advice}"
    twin = _twin(wanted)
    if twin is not None and dict_get(container, twin) is not MISSING:
        hint = f"there is a key {preview(twin)}, which is another: convert with `int(...)` or `str(...)`"
    return Fault("missing-key", f"key {preview(wanted)} is not in the dict", hint=hint)


def _twin(wanted: Any) -> str | int | None:
    """The key of the other type that reads the same: `1` for `"1"`, and `"1"` for `1`."""
    if type(wanted) is int and 0 <= wanted < 1 << 63:
        return str(wanted)
    if type(wanted) is str and wanted.isascii() and wanted.isdecimal() and len(wanted) < 19:
        return int(wanted)
    return None


def _index(value: AnyDict, wanted: Any) -> Any:
    found = dict_get(value, wanted)
    if found is MISSING:
        raise missing_key(value, wanted, KEY_ADVICE)
    return found


def _set_index(value: AnyDict, wanted: Any, element: Any) -> None:
    check_mutable(value, "assign to a key of")
    dict_set(value, wanted, element)


def _iterate(value: AnyDict) -> Iterable[Any]:
    return dict_keys(value) if is_exotic(value) else value


def _children(value: AnyDict) -> Iterable[Any]:
    yield from map(unkey, value)
    yield from value.values()


def _freeze(value: AnyDict) -> None:
    hold(value, FROZEN)


def _size(value: AnyDict) -> int:
    return table_size(len(value))


DICT: Final = ValueType(
    "dict",
    methods=methods(clear, get, items, keys, pop, popitem, setdefault, update, values),
    equal=equal_dicts,
    hashable=False,
    length=len,
    iterate=_iterate,
    index=_index,
    set_index=_set_index,
    contains=dict_has,
    children=_children,
    freeze=_freeze,
    size=_size,
)

for _kind in DICTS:
    register(_kind, DICT)
register_operation("|", DICTS, DICTS, merge)
