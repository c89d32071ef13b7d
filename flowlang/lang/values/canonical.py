"""Canonical bytes of values: what journals store and digests are made of.

The form is JSON in UTF-8 without blanks. What JSON can hold is plain (`null`, bools, ints, floats with a point or an
exponent, strings, lists, and dicts whose keys are strings that do not begin with `$`; the order of entries is
kept, for it can be observed). Everything else is an object whose first key is a tag:

    {"$tuple": [1, 2]}          {"$set": [1, 2]}              {"$dict": [[key, value], ...]}
    {"$bytes": base64}          {"$range": [0, 9, 1]}         {"$float": "nan" | "+inf" | "-inf"}
    {"$int": "0x..."}           {"$struct": {...}}            {"$failure": {...}}
    {"$ok": value}              {"$err": error, "failure": {...}}

Types from elsewhere join with `register_codec`. Functions have no bytes.

Encoding happens on every result of every action, so the host's C encoder writes the bytes. It would take a tuple for
a list and fail on most of the rest, so before that `_plain` turns the value into a tree of which the C encoder can do
no wrong. It works a container at a time: the set of the types of all elements tells in one step that rows of strings
can stay as they are. Decoding is the C decoder with a hook for objects, which is the plain constructor of dicts when
the text cannot contain a tag.

Decoding always gives fresh, mutable values, and never one container in two places. `copy_by_value` gives the same
without the detour, for values that pass from one flow to another in memory; functions cross by reference, frozen.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from types import FunctionType, NoneType
from typing import Any, Final, TypeAlias

import attrs

from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.container import EXOTIC, Dict, HeldDict, HeldList, HeldSet, List, Set, hold
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.freeze import freeze
from flowlang.lang.values.key import dict_of_texts, dict_set, is_exotic, unkey
from flowlang.lang.values.meter import Holding, charge
from flowlang.lang.values.protocol import BoundMethod
from flowlang.lang.values.refusal import (
    DEPTH_MAX,
    ELEMENTS_MAX,
    NotData,
    lone_surrogate,
    not_data,
    too_deep,
    too_large,
)
from flowlang.lang.values.result import Err, Failure, Ok
from flowlang.lang.values.scalar import special_text
from flowlang.lang.values.size import decoded_size, list_size, table_size
from flowlang.lang.values.struct import Struct
from flowlang.lang.values.tree_writer import LONG_INT, write

DIGITS_MAX: Final = 600
"""Longer ints are written in hexadecimal: the host may be set to refuse decimal ones of 640 digits."""
INT_MAX: Final = 10**DIGITS_MAX
LONG_TEXT: Final = 1 << 16
"""Texts that are longer together are charged by how they are written."""
TREE_LIST: Final = 64
TREE_ELEMENT: Final = 24
"""Memory for a container and for each of its elements while they are being written."""
SHORT_INT: Final = 18
SCALARS: Final = frozenset({NoneType, bool, str})
"""Types that the C encoder writes as they are, whatever the value."""
NUMBERS: Final = frozenset({*SCALARS, int, float})

TUPLE, DICT, SET, BYTES, FLOAT, INT = "$tuple", "$dict", "$set", "$bytes", "$float", "$int"
STRUCT, OK, ERR, RANGE, FAILURE = "$struct", "$ok", "$err", "$range", "$failure"
HALF_PAIR: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
"""The escape of half of a surrogate pair, which `encode` never writes."""
SPECIAL_FLOATS: Final = {"nan": float("nan"), "+inf": float("inf"), "-inf": float("-inf")}


REFERENCES: Final[set[type]] = {FunctionType, BoundMethod}
"""Types whose values `copy_by_value` passes by reference. Hosts of flows add theirs."""


class MalformedData(ValueError):
    """The bytes are not the canonical bytes of any value: they were damaged, or come from a newer version."""


@attrs.frozen
class Codec:
    """How values of a type from elsewhere are stored: as a tag and data, which are values of the language."""

    tag: str
    to_data: Callable[[Any], Any]
    from_data: Callable[[Any], Any]


CODECS: Final[dict[type, Codec]] = {}
_FROM_DATA: Final[dict[str, Callable[[Any], Any]]] = {}


def register_codec(tag: str, python_type: type, to_data: Callable[[Any], Any], from_data: Callable[[Any], Any]) -> None:
    """Makes values of exactly `python_type` data. `tag` is a lower-case word; `from_data(to_data(value))` must equal
    the value and share nothing mutable with it."""
    marked = f"${tag}"
    if marked in _DECODERS or marked in _FROM_DATA or python_type in CODECS:
        raise ValueError(f"a codec for {tag} or {python_type} exists already")
    CODECS[python_type] = Codec(marked, to_data, from_data)
    _FROM_DATA[marked] = from_data


def digest(data: bytes) -> str:
    """The SHA-256 of canonical bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


# Encoding


def encode(value: Any, name: str = "value") -> bytes:
    """The canonical bytes of a value. A Fault `not-data` says where in `name` something stands that has none."""
    with Holding():
        tree = value
        encoder = _Encoder()
        if type(value) is str:
            encoder.texts((value,))
        elif type(value) not in SCALARS:
            try:
                tree = encoder.plain(value, 0)
            except NotData as refused:
                raise not_data(value, refused.culprit, name) from None
            except RecursionError:
                raise too_deep() from None
        try:
            data = write(tree).encode()
        except UnicodeEncodeError:
            raise lone_surrogate(name) from None
        charge(len(data) >> 6)
        return data


class _Encoder:
    """Turns one value into a tree that the C encoder writes as it should."""

    __slots__ = ("elements",)

    def __init__(self) -> None:
        self.elements = 0

    def plain(self, value: Any, depth: int) -> Any:
        """The tree of a value."""
        kind = type(value)
        if kind in SCALARS:
            return value
        if kind is int:
            if -LONG_INT < value < LONG_INT:
                return value
            charge(value.bit_length() >> 8, value.bit_length() >> 2)
            return value if -INT_MAX < value < INT_MAX else {INT: hex(value)}
        if kind is float:
            return value if isfinite(value) else {FLOAT: special_text(value)}
        if depth > DEPTH_MAX:
            raise too_deep()
        if kind is Dict or kind is HeldDict:
            return self.entries(value, depth)
        if kind is List or kind is HeldList:
            return self.elements_of(value, depth)
        if kind is tuple:
            return {TUPLE: self.elements_of(value, depth)}
        if kind is Set or kind is HeldSet:
            return {SET: self.elements_of([unkey(stored) for stored in value], depth)}
        return self.other(value, depth)

    def count(self, elements: int) -> None:
        """Counts and charges the elements of one more container."""
        self.elements += elements
        if self.elements > ELEMENTS_MAX:
            raise too_large()
        charge((elements >> 2) + 1, TREE_LIST + TREE_ELEMENT * elements)

    def texts(self, texts: Sequence[str]) -> None:
        """Charges for texts that are part of the whole, which is written twice: as text and as bytes."""
        length = sum(map(len, texts))
        charge(length >> 8, 2 * length)
        if length > LONG_TEXT:
            # An escape has up to six characters, and one wide character makes the whole text wide.
            charge(0, 6 * length if all(map(str.isprintable, texts)) else 10 * length)

    def elements_of(self, values: Any, depth: int) -> Any:
        """The tree of a list or tuple."""
        self.count(len(values))
        kinds = set(map(type, values))
        if str in kinds:
            self.texts(values if len(kinds) == 1 else [value for value in values if type(value) is str])
        if are_plain(values, kinds):
            return values
        plain = self.plain
        return [plain(value, depth + 1) for value in values]

    def entries(self, value: Any, depth: int) -> Any:
        """The tree of a dict."""
        self.count(len(value))
        try:
            keys = "".join(value)
            has_mark = "$" in keys
        except TypeError:
            # A key is not a string.
            return self.pairs(value, depth)
        if has_mark and any(key.startswith("$") for key in value):
            return self.pairs(value, depth)
        values = value.values()
        kinds = set(map(type, values))
        if str in kinds:
            self.texts([child for child in values if type(child) is str])
        if len(keys) > LONG_TEXT:
            self.texts((keys,))
        if are_plain(values, kinds):
            return value
        plain = self.plain
        return {key: plain(child, depth + 1) for key, child in value.items()}

    def pairs(self, value: Any, depth: int) -> Any:
        """The tree of a dict with keys that JSON has not."""
        plain = self.plain
        return {DICT: [[plain(unkey(key), depth + 1), plain(child, depth + 1)] for key, child in value.items()]}

    def other(self, value: Any, depth: int) -> Any:
        """The tree of a value of the rarer types."""
        self.count(1)
        kind = type(value)
        if kind is bytes:
            charge(len(value) >> 6, 4 * len(value))
            return {BYTES: b64encode(value).decode("ascii")}
        if kind is range:
            return {RANGE: [self.plain(part, depth) for part in (value.start, value.stop, value.step)]}
        if kind is Struct:
            return {STRUCT: self.entries(value.fields, depth + 1)}
        if kind is Ok:
            return {OK: self.plain(value.value, depth + 1)}
        if kind is Err:
            tree = {ERR: self.plain(value.error, depth + 1)}
            if value.failure is not value.error:
                tree["failure"] = self.failure(value.failure, depth + 1)
            return tree
        if kind is Failure:
            return {FAILURE: self.failure(value, depth + 1)}
        codec = CODECS.get(kind)
        if codec is None:
            raise NotData(value)
        return {codec.tag: self.plain(codec.to_data(value), depth + 1)}

    def failure(self, value: Failure, depth: int) -> dict[str, Any]:
        """The fields of a failure; the hint only when there is one."""
        fields = {
            "kind": value.kind,
            "message": value.message,
            "data": self.plain(value.data, depth + 1),
            "retryable": value.retryable,
            "trace": self.plain(value.trace, depth + 1),
        }
        return fields if value.hint is None else {**fields, "hint": value.hint}


def are_plain(values: Iterable[Any], kinds: set[type]) -> bool:
    """Whether the C encoder may write all these elements as they are. `kinds` are their types."""
    if kinds <= SCALARS:
        return True
    if not kinds <= NUMBERS:
        return False
    numbers = [value for value in values if type(value) is int or type(value) is float]
    try:
        # Neither infinite nor NaN; and an int that is too large for a float raises OverflowError.
        return all(map(isfinite, numbers)) and min(numbers) > -LONG_INT and max(numbers) < LONG_INT
    except OverflowError:
        return False


# Decoding


def decode(data: bytes) -> Any:
    """The value of canonical bytes: fresh and mutable. Raises MalformedData for bytes that `encode` cannot give."""
    if len(data) <= SHORT_INT and data.isdigit() and (data[:1] != b"0" or len(data) == 1):
        charge(0, 2 * len(data))
        return int(data)
    charge(len(data) >> 5, decoded_size(len(data), data.count(b"["), data.count(b"{"), data.count(b",")))
    try:
        if b"\\u" in data and HALF_PAIR.search(data):
            raise ValueError("half of a surrogate pair")
        has_tags = b'{"$' in data
        text = data.decode()
        value, end = (_scan_tagged if has_tags else _scan_plain)(text, 0)
        if end != len(text):
            raise ValueError("something stands behind the value")
        # The hook for objects adopts the lists inside them, so only a list at the top is left.
        return _list(value) if type(value) is list else value
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError, StopIteration, Fault) as problem:
        raise MalformedData(f"not the canonical bytes of a value: {type(problem).__name__}") from None


def _list(values: list[Any]) -> List:
    """The decoded list as a value, with the lists directly inside it."""
    if list in map(type, values):
        values = [_list(value) if type(value) is list else value for value in values]
    return List(values)


def _plain_object(entries: dict[str, Any]) -> Dict:
    """The hook for objects, where none has a tag."""
    if list in map(type, entries.values()):
        for key, value in entries.items():
            if type(value) is list:
                entries[key] = _list(value)
    return dict_of_texts(entries)


def _any_object(entries: dict[str, Any]) -> Any:
    """The hook for objects that may have tags."""
    tag = next(iter(entries), "")
    if not tag.startswith("$"):
        return _plain_object(entries)
    decoder = _DECODERS.get(tag)
    if decoder is not None:
        return decoder(entries)
    data = entries[tag]
    return _FROM_DATA[tag](_list(data) if type(data) is list else data)


def _constant(token: str) -> Any:
    raise ValueError(token)


_Scan: TypeAlias = Callable[[str, int], tuple[Any, int]]
_scan_plain: Final[_Scan] = json.JSONDecoder(object_hook=_plain_object, parse_constant=_constant).scan_once  # type: ignore[attr-defined]
_scan_tagged: Final[_Scan] = json.JSONDecoder(object_hook=_any_object, parse_constant=_constant).scan_once  # type: ignore[attr-defined]
"""The decoder's inner part: canonical bytes have no blanks around them to be looked for."""


def _part(entries: dict[str, Any], tag: str) -> Any:
    value = entries[tag]
    return _list(value) if type(value) is list else value


def _decode_dict(entries: dict[str, Any]) -> Dict:
    result = Dict()
    for key, value in entries[DICT]:
        dict_set(result, key, _list(value) if type(value) is list else value)
    return result


def _decode_set(entries: dict[str, Any]) -> Set:
    result = Set()
    for element in entries[SET]:
        dict_set(result, element, None)
    return result


def _decode_err(entries: dict[str, Any]) -> Err:
    failure = entries.get("failure")
    return Err(_part(entries, ERR), None if failure is None else _failure(failure))


def _failure(fields: Any) -> Failure:
    return Failure(
        fields["kind"], fields["message"], fields["data"], fields["retryable"], fields["trace"], fields.get("hint")
    )


_DECODERS: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    TUPLE: lambda entries: tuple(_list(entries[TUPLE])),
    DICT: _decode_dict,
    SET: _decode_set,
    BYTES: lambda entries: b64decode(entries[BYTES], validate=True),
    FLOAT: lambda entries: SPECIAL_FLOATS[entries[FLOAT]],
    INT: lambda entries: int(entries[INT], 16),
    STRUCT: lambda entries: Struct(entries[STRUCT]),
    OK: lambda entries: Ok(_part(entries, OK)),
    ERR: _decode_err,
    RANGE: lambda entries: range(*entries[RANGE]),
    FAILURE: lambda entries: _failure(entries[FAILURE]),
}


# Copying


def copy_by_value(value: Any, name: str = "value") -> Any:
    """What `decode(encode(value))` gives, and by reference, frozen, what has no canonical bytes but may cross."""
    if type(value) in ATOMS:
        return value
    try:
        with Holding():
            return _Copier().copy(value, 0)
    except NotData as refused:
        raise not_data(value, refused.culprit, name) from None
    except RecursionError:
        raise too_deep() from None


class _Copier:
    """Copies one value. Atoms are shared; containers never are, not even with each other."""

    __slots__ = ("elements",)

    def __init__(self) -> None:
        self.elements = 0

    def count(self, elements: int, memory: int) -> None:
        """Counts and charges the elements of one more container."""
        self.elements += elements
        if self.elements > ELEMENTS_MAX:
            raise too_large()
        charge((elements >> 3) + 1, memory)

    def copy(self, value: Any, depth: int) -> Any:
        """The copy of one value."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if depth > DEPTH_MAX:
            raise too_deep()
        if kind is List or kind is HeldList:
            return List(self.all(value, depth))
        if kind is Dict or kind is HeldDict:
            return self.entries(value, depth)
        if kind is tuple:
            return tuple(self.all(value, depth))
        if kind is Set or kind is HeldSet:
            return self.set(value, depth)
        return self.other(value, depth)

    def all(self, values: Any, depth: int) -> Any:
        """The copies of the elements of a list or tuple."""
        self.count(len(values), list_size(len(values)))
        if ATOMS.issuperset(map(type, values)):
            return values
        copy = self.copy
        return [copy(value, depth + 1) for value in values]

    def entries(self, value: Any, depth: int) -> Dict:
        """The copy of a dict. Keys never change, but what is in them must be allowed to cross."""
        self.count(len(value), table_size(len(value)))
        result = Dict(value)
        self.check_keys(value, result, depth)
        if not ATOMS.issuperset(map(type, value.values())):
            copy = self.copy
            for key, child in value.items():
                result[key] = copy(child, depth + 1)
        return result

    def set(self, value: Any, depth: int) -> Set:
        """The copy of a set."""
        self.count(len(value), table_size(len(value)))
        result = Set(value)
        self.check_keys(value, result, depth)
        return result

    def check_keys(self, value: Any, result: Any, depth: int) -> None:
        """Refuses or freezes what is in the keys, and marks the copy if it has exotic ones."""
        if not ATOMS.issuperset(map(type, value)):
            for key in value:
                self.copy(unkey(key), depth + 1)
        if is_exotic(value):
            hold(result, EXOTIC)

    def other(self, value: Any, depth: int) -> Any:
        """The copy of a value of the rarer types."""
        kind = type(value)
        if kind in REFERENCES:
            freeze(value)
            return value
        self.count(1, 0)
        if kind is Struct:
            if ATOMS.issuperset(map(type, value.fields.values())):
                return value
            return Struct({name: self.copy(field, depth + 1) for name, field in value.fields.items()})
        if kind is Ok:
            return Ok(self.copy(value.value, depth + 1))
        if kind is Err:
            error = self.copy(value.error, depth + 1)
            return Err(error) if value.failure is value.error else Err(error, self.failure(value.failure, depth + 1))
        if kind is Failure:
            return self.failure(value, depth)
        codec = CODECS.get(kind)
        if codec is None:
            raise NotData(value)
        return codec.from_data(self.copy(codec.to_data(value), depth + 1))

    def failure(self, value: Failure, depth: int) -> Failure:
        """The copy of a failure."""
        data = self.copy(value.data, depth + 1)
        return Failure(value.kind, value.message, data, value.retryable, self.all(value.trace, depth + 1), value.hint)
