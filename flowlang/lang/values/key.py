"""Keys: what stands in the host's dict for a key of a script.

The host's own hash and equality serve where they agree with the language: strings, bytes, None, small ints, most
floats, functions. Everything else is stored as an `ExoticKey`, which carries the script's value and a canonical
form to compare:

* True and False, which the host takes for 1 and 0;
* NaN, which as a key equals itself;
* ints (and floats without a fraction) from 2**61 - 1 on, because the host hashes ints modulo that prime: somebody
  who chooses such keys makes every one of them collide;
* structs, and all tuples but flat ones of plain elements with few and small numbers. The host hashes a tuple anew,
  recursively and without bound at each look-up, and its mixing of ints can be inverted to make collisions. A flat
  tuple of at most four small numbers leaves no room for that; of strings there may be any number, for their hashes
  are keyed with a secret of the process. Bytes have the hash of the string with the same characters, so tuples with
  bytes in them are wrapped, too: else `("a", b"a", …)` could be spelled in 2**n ways that all collide.

Whether a value is stored as it is must depend on nothing but what equality sees: `(1.0, 2)` and `(1, 2)` are one
key, so a float without a fraction is judged like the int that it equals.

The hash of an ExoticKey is the host's keyed hash of a text. Order of iteration comes from insertion alone, so that
no script can see hashes. Depth and size (counted as a tree, with sharing not deducted) of a tuple are bounded, and
are charged before comparison can cost as much.

The host's dict keeps the place of a removed entry until it grows, and steps over all such places whenever it is
iterated. So removals are counted, and a table with more gaps than entries is packed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flowlang.lang.values.container import EXOTIC, AnyDict, AnySet, Dict, Set, hold
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, type_name
from flowlang.lang.values.size import (
    EXOTIC_KEY,
    TABLE_GROWTH,
    exotic_tuple_size,
    growth,
    int_size,
    list_size,
    tuple_size,
)  # fmt: skip
from flowlang.lang.values.struct import Struct
from flowlang.lang.values.wording import kind_of

LARGE: Final = 2**61 - 1
"""From here on the host's hash of ints repeats."""
SMALL: Final = 2**20
"""Numbers below stand in plain tuples as they are."""
PLAIN_NUMBERS_MAX: Final = 4
DEPTH_MAX: Final = 100
SIZE_MAX: Final = 1 << 20
FREE_SIZE: Final = 16
"""Comparing larger tuples is charged each time, for operations on whole tables compare keys that they did not make."""
CARE_LENGTH: Final = 1 << 16
"""Texts up to this length are keys like any other."""
TEXTS: Final = frozenset({str, bytes})
LONG_TEXT: Final = 1024
"""Hashing a text of this length is charged."""
TOKENS_MAX: Final = 512
EMPTY_ITEMS: Final = list_size(0)
ITEM: Final = list_size(1) - EMPTY_ITEMS + tuple_size(2)
GAPS_MIN: Final = 64
"""Fewer gaps than this are not worth packing a table for."""

Table = AnyDict | AnySet


class ExoticKey:
    """A key that the host would confuse, compared by `form`. `size` counts the elements of a tuple, as a tree."""

    __slots__ = ("form", "hash", "size", "value")

    def __init__(self, value: Any, form: Any, text: str, size: int = 1) -> None:
        self.value = value
        self.form = form
        self.hash = hash(text)
        self.size = size

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(other) is not ExoticKey or self.hash != other.hash:
            return False
        if self.size > FREE_SIZE:
            charge(self.size >> 2)
        return bool(self.form == other.form)


def exotic_size(stored: ExoticKey) -> int:
    """Bytes of the stored key itself, beside the script's value."""
    if type(stored.form) is tuple:
        return exotic_tuple_size(len(stored.form[1]))
    return EXOTIC_KEY + (int_size(stored.form) if type(stored.value) is float and type(stored.form) is int else 0)


def exotic_parts(stored: ExoticKey) -> list[ExoticKey]:
    """The stored keys of the tuples and structs inside."""
    if type(stored.form) is not tuple:
        return []
    return [part for part in stored.form[1] if type(part) is ExoticKey]


TRUE: Final = ExoticKey(True, "true", "true")
FALSE: Final = ExoticKey(False, "false", "false")
NAN: Final = ExoticKey(float("nan"), "nan", "nan")


def key(value: Any) -> Any:
    """What is stored in the host's dict for `value`. Raises a Fault if it cannot be a key."""
    kind = type(value)
    if kind is str or kind is bytes:
        if len(value) > LONG_TEXT:
            charge(len(value) >> 8)
        return value
    if kind is int:
        return value if -LARGE < value < LARGE else large_number(value, value)
    if value is None:
        return value
    if kind is tuple:
        return value if is_plain(value) else composite(value, value, None, DEPTH_MAX, {})
    if kind is float:
        return float_key(value)
    if kind is bool:
        return TRUE if value else FALSE
    if kind is Struct:
        return struct_key(value, DEPTH_MAX, {})
    found = VALUE_TYPES.get(kind)
    if found is None or not found.hashable:
        raise unhashable(value)
    return value


def unkey(stored: Any) -> Any:
    """The script's value for a stored key."""
    return stored.value if type(stored) is ExoticKey else stored


def unhashable(value: Any) -> Fault:
    """The Fault for a value that cannot be a key."""
    hints = {"list": "use `tuple(...)` to make a key of it", "range": "use `tuple(...)` to make a key of it"}
    return Fault(
        "unhashable",
        f"{kind_of(value)} cannot be a key of a dict or an element of a set",
        hint=hints.get(type_name(value), "keys are strings, numbers, bools, None, bytes, or tuples of these"),
    )


def large_number(value: Any, number: int) -> ExoticKey:
    """The key of an int, or of a float that equals `number`, of a size that the host hashes badly."""
    charge((number.bit_length() >> 10) + 1, EXOTIC_KEY + (int_size(number) if type(value) is float else 0))
    return ExoticKey(value, number, hex(number))


def float_key(value: float) -> Any:
    """The stored key of a float."""
    if value != value:
        return NAN
    if -LARGE < value < LARGE or not value.is_integer():
        return value
    return large_number(value, int(value))


def is_plain(value: tuple[Any, ...]) -> bool:
    """Whether the host may keep the tuple as a key."""
    if len(value) > PLAIN_NUMBERS_MAX:
        charge(len(value) >> 3)
    numbers = 0
    for item in value:
        kind = type(item)
        if kind is str:
            if len(item) > LONG_TEXT:
                charge(len(item) >> 8)
        elif kind is int or kind is float:
            numbers += 1
            if numbers > PLAIN_NUMBERS_MAX or not -SMALL < item < SMALL or item != int(item):
                return False
        elif item is not None:
            return False
    return True


def struct_key(value: Struct, depth: int, known: dict[int, ExoticKey]) -> ExoticKey:
    """The stored key of a struct: names and keys of the fields."""
    return composite(value, tuple(value.fields.values()), tuple(value.fields), depth, known)


def composite(
    value: Any, items: tuple[Any, ...], names: tuple[str, ...] | None, depth: int, known: dict[int, ExoticKey]
) -> ExoticKey:
    """The stored key of a tuple or struct, from the keys of its elements. `known` holds the keys of the tuples and
    structs inside that were met before, by identity, so that shared ones are visited once."""
    if depth == 0:
        raise Fault("too-deep", f"a key is nested more than {DEPTH_MAX} levels deep", hint="use a flatter key")
    charge((len(items) >> 3) + 1, exotic_tuple_size(len(items)) + list_size(len(items)))
    stored = []
    tokens: list[str] = [] if names is None else ["struct"]
    for name in names or ():
        tokens = with_token(tokens, name)
    size = 1
    for item in items:
        kind = type(item)
        if kind is tuple or kind is Struct:
            found = known.get(id(item))
            if found is None:
                found = (
                    composite(item, item, None, depth - 1, known)
                    if kind is tuple
                    else struct_key(item, depth - 1, known)
                )
                known[id(item)] = found
            size += found.size
            item = found
        else:
            size += 1
            item = key(item)
        stored.append(item)
        tokens = with_token(tokens, item)
    if size > SIZE_MAX:
        raise Fault("too-large", f"a key has more than {SIZE_MAX} elements", hint="use a smaller key")
    charge(size >> 1)
    return ExoticKey(value, (names, tuple(stored)), ",".join(tokens), size)


def with_token(tokens: list[str], stored: Any) -> list[str]:
    """The tokens with that of a stored key. A key of many elements would need several times its own memory for all of
    them, so they are replaced by one now and then."""
    tokens.append(token(stored))
    return tokens if len(tokens) < TOKENS_MAX else [format(hash(",".join(tokens)), "x")]


def token(stored: Any) -> str:
    """A text for the hash of a stored key: the same for equal keys, and with equal chances different for others."""
    kind = type(stored)
    if kind is int:
        return hex(stored)
    if kind is float:
        return hex(int(stored)) if stored.is_integer() else stored.hex()
    return f"b{hash(stored):x}" if kind is bytes else f"{hash(stored):x}"


def needs_care(stored: Any) -> bool:
    """Whether a table with this stored key must not be used by compiled code directly: because the key is wrapped, or
    is a text so long that comparing it has to be charged at each look-up."""
    kind = type(stored)
    return kind is ExoticKey or ((kind is str or kind is bytes) and len(stored) > CARE_LENGTH)


def need_care(stored: Iterable[Any]) -> bool:
    """Whether any of the stored keys does."""
    kinds = set(map(type, stored))
    return ExoticKey in kinds or (not kinds.isdisjoint(TEXTS) and any(map(needs_care, stored)))


def dict_of_texts(entries: Mapping[str, Any]) -> Dict:
    """A new dict of entries whose keys are strings."""
    result = Dict(entries)
    if entries and max(map(len, entries)) > CARE_LENGTH:
        hold(result, EXOTIC)
    return result


def dict_set(table: Table, item: Any, value: Any) -> None:
    """Stores an entry; whether the table may change is the caller's check. The value of a set's element is None."""
    stored = key(item)
    if needs_care(stored):
        hold(table, EXOTIC)
    if (more := growth(len(table))) and stored not in table:
        charge(0, TABLE_GROWTH * more)
    table[stored] = value


def dict_get(table: Table, item: Any, default: Any = MISSING) -> Any:
    """The value under the key, or `default`."""
    return table.get(key(item), default)


def dict_has(table: Table, item: Any) -> bool:
    """Whether the key is there."""
    return key(item) in table


def dict_pop(table: Table, item: Any, default: Any = MISSING) -> Any:
    """Removes the entry and returns its value, or `default`; whether the table may change is the caller's check."""
    before = len(table)
    found = table.pop(key(item), default)
    if len(table) < before:
        note_removal(table)
    return found


def note_removal(table: Table, count: int = 1) -> None:
    """Counts entries that were removed, and packs the table when most of it is gaps."""
    table.gaps = gaps = getattr(table, "gaps", 0) + count
    if gaps > GAPS_MIN and gaps > len(table):
        pack(table)


def first_key(table: Table) -> Any:
    """The first stored key, of a table that is not empty, which is about to be removed. Each look at it passes all
    gaps before it, so a table that is emptied from the front is packed when there are more than the root of what is
    left: then both looking and packing cost little for each removal."""
    gaps = getattr(table, "gaps", 0)
    if gaps > GAPS_MIN and gaps * gaps > len(table) << 4:
        pack(table)
    return next(iter(table))


def pack(table: Table) -> None:
    """Makes the table anew, without gaps."""
    charge(len(table) >> 3)
    entries = dict(table)
    table.clear()
    table.update(entries)
    table.gaps = 0


def is_exotic(table: Any) -> bool:
    """Whether stored keys of the table may need `unkey`. A host dict of stored keys may always."""
    kind = type(table)
    if kind is Dict or kind is Set:
        return False
    return kind is dict or bool(table.state & EXOTIC)


def dict_keys(table: Table) -> list[Any]:
    """The keys as the script knows them, in order, as a new host list."""
    charge(len(table) >> 3, list_size(len(table)))
    return [unkey(stored) for stored in table] if is_exotic(table) else list(table)


def dict_items(table: AnyDict) -> list[tuple[Any, Any]]:
    """The pairs of key and value, in order, as a new host list."""
    count = len(table)
    charge(count >> 3, EMPTY_ITEMS + ITEM * count)
    if type(table) is Dict or not is_exotic(table):
        return list(table.items())
    return [(unkey(stored), value) for stored, value in table.items()]
