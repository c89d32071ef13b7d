"""The only gate between objects of the host and values of scripts. Only data passes.

`from_host` takes what an action or an embedding application gives: None, bools, numbers, text, bytes, lists, tuples,
sets, dicts, and records (instances of attrs or dataclass classes, which become dicts of their fields). It makes new
values throughout, so neither side can change what the other holds. Subclasses of these types are taken for what they
are underneath: a row of a database or a defaultdict is a tuple or a dict to a script. Values of scripts pass as
copies. Anything else is refused with the place where it stands, because guessing (what is a date? a Path?) would make
a silent promise about every journal written from then on.

`to_host` is the way back and gives the host's own types. A Result stays a Result, so that the host can ask it.

An embedding application can let more than data pass: its `Adopt` and `Export` are asked for everything that would be
refused. Both ways are charged to the evaluation that they happen in, if there is one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from types import NoneType
from typing import Any, Final

import attrs

from flowlang.lang.values.canonical import CODECS
from flowlang.lang.values.container import Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_of_texts, dict_set, unkey
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES
from flowlang.lang.values.quote import clip
from flowlang.lang.values.refusal import (
    DEPTH_MAX,
    ELEMENTS_MAX,
    NotData,
    Refusal,
    lone_surrogate,
    nested_too_deep,
    not_data,
    too_deep,
    too_large,
)
from flowlang.lang.values.result import Err, Failure, Ok, failure_of
from flowlang.lang.values.scalar import INT_BITS_MAX
from flowlang.lang.values.size import list_size, table_size, text_size
from flowlang.lang.values.struct import Struct

Adopt = Callable[[Any], Any]
"""Gives the value of a script for an object of the host that is no data; MISSING when there is none."""
Export = Callable[[Any], Any]
"""Gives the host's object for a value of a script that is no data; MISSING when there is none."""

AS_THEY_ARE: Final = frozenset({NoneType, bool, float, bytes, range})
PLAIN: Final = frozenset({*AS_THEY_ARE, str, int})
SMALL: Final = 1 << 64
HINTS: Final = {
    "datetime": "give its `.isoformat()`",
    "date": "give its `.isoformat()`",
    "time": "give its `.isoformat()`",
    "timedelta": "give its `.total_seconds()`",
    "Decimal": "give its `str(...)`, which keeps every digit",
    "UUID": "give its `str(...)`",
    "bytearray": "give `bytes(...)` of it",
    "memoryview": "give `bytes(...)` of it",
}


class _Refused(Exception):
    """Something that no script may have. `describe` makes the Fault from the whole path to it, whose `steps` are
    collected from the inside outwards while the exception passes."""

    def __init__(self, describe: Callable[[str], Fault]) -> None:
        super().__init__("refused")
        self.describe = describe
        self.steps: list[str] = []


def from_host(object: Any, name: str = "value", adopt: Adopt | None = None) -> Any:
    """The value of a script for an object of the host. A Fault `not-data` says where in `name` something stands
    that no script may have."""
    try:
        return _Importer(adopt).convert(object, 0)
    except _Refused as refused:
        raise refused.describe(name + "".join(reversed(refused.steps))) from None


class _TooDeep(Exception):
    """A value of a script is nested too deeply, or has no end."""


class _Counter:
    """Counts the elements of all containers of one value, as often as they are reached. `special` is asked for what
    is no data."""

    __slots__ = ("elements", "special")

    def __init__(self, special: Callable[[Any], Any] | None) -> None:
        self.elements = 0
        self.special = special

    def count(self, container: Any) -> None:
        """Counts one more container, and charges for its copy."""
        size = len(container)
        self.elements += size + 1
        if self.elements > ELEMENTS_MAX:
            raise too_large()
        charge((size >> 3) + 1, list_size(size) if isinstance(container, list | tuple) else table_size(size))


class _Importer(_Counter):
    """Converts one object of the host."""

    __slots__ = ()

    def convert(self, object: Any, depth: int) -> Any:
        """The value for one object."""
        kind = type(object)
        if kind in AS_THEY_ARE:
            return object
        if depth > DEPTH_MAX:
            raise too_deep()
        if isinstance(object, str):
            return _text(str.__str__(object))
        if isinstance(object, int):
            return _int(int.__index__(object))
        if isinstance(object, float):
            return float.__float__(object)
        if isinstance(object, dict) and kind not in (Set, HeldSet):
            return self.mapping(object, depth)
        if isinstance(object, list):
            return List(self.sequence(list(object), depth))
        if isinstance(object, tuple):
            return tuple(self.sequence(list(object), depth))
        return self.other(object, depth)

    def other(self, object: Any, depth: int) -> Any:
        """The value for an object of the rarer types."""
        kind = type(object)
        if self.special is not None and (adopted := self.special(object)) is not MISSING:
            return adopted
        if kind in (Set, HeldSet) or isinstance(object, set | frozenset):
            result = Set()
            elements = list(map(unkey, object)) if kind in (Set, HeldSet) else _ordered(object)
            for element in self.sequence(elements, depth):
                dict_set(result, element, None)
            return result
        if kind is Struct:
            return Struct(self.fields(object.fields.items(), depth))
        if kind is Ok:
            return Ok(**self.fields([("value", object.value)], depth))
        if kind is Err:
            return self.err(object, depth)
        if kind is Failure:
            return self.failure(object, depth)
        if kind in CODECS:
            return object
        names = _record_fields(object)
        if names is None:
            raise _Refused(lambda path: _not_of_the_host(object, path))
        return Dict(self.fields([(name, getattr(object, name)) for name in names], depth))

    def err(self, object: Err, depth: int) -> Err:
        """The Err of a host. Where the host gave no failure of its own, it is made anew, from the converted error."""
        error = self.fields([("error", object.error)], depth)["error"]
        failure, implied = object.failure, failure_of(object.error)
        if failure is object.error or _is_implied(failure, implied):
            return Err(error)
        return Err(error, self.fields([("failure", failure)], depth)["failure"])

    def failure(self, object: Failure, depth: int) -> Failure:
        """The failure of a host, with its data converted."""
        data = self.fields([("data", object.data)], depth)["data"]
        return Failure(object.kind, object.message, data, object.retryable, object.trace)

    def sequence(self, elements: list[Any], depth: int) -> list[Any]:
        """The values for the elements of a list, tuple or set."""
        self.count(elements)
        if _are_plain(elements):
            return elements
        result = []
        for element in elements:
            try:
                result.append(self.convert(element, depth + 1))
            except _Refused as refused:
                refused.steps.append(f"[{len(result)}]")
                raise
        return result

    def fields(self, fields: Iterable[tuple[str, Any]], depth: int) -> dict[str, Any]:
        """The values for named parts."""
        result: dict[str, Any] = {}
        for name, value in fields:
            try:
                result[name] = self.convert(value, depth + 1)
            except _Refused as refused:
                refused.steps.append(f".{name}")
                raise
        return result

    def mapping(self, mapping: dict[Any, Any], depth: int) -> Dict:
        """The dict for a dict of either side."""
        self.count(mapping)
        is_ours = type(mapping) in (Dict, HeldDict)
        if not is_ours and {*map(type, mapping)} <= {str} and _are_plain(mapping) and _are_plain(dict.values(mapping)):
            return dict_of_texts(mapping)
        result = Dict()
        for stored, value in dict.items(mapping):
            key = unkey(stored) if is_ours else stored
            try:
                dict_set(result, self.convert(key, depth + 1), self.convert(value, depth + 1))
            except _Refused as refused:
                refused.steps.append(f"[{clip(key) if type(key) is str else type(key).__name__}]")
                raise
        return result


def _is_implied(failure: Failure, implied: Failure) -> bool:
    shown = (failure.kind, failure.message, failure.retryable, failure.data, len(failure.trace))
    return shown == (implied.kind, implied.message, implied.retryable, None, 0)


def _record_fields(object: Any) -> list[str] | None:
    """The names of the fields of a record; None if the object is no record."""
    kind = type(object)
    if attrs.has(kind):
        return [field.name for field in attrs.fields(kind)]
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return None


def _ordered(elements: Iterable[Any]) -> list[Any]:
    """The elements of a host's set in an order that is the same in every process, which the host's own is not."""
    return sorted(elements, key=lambda element: (type(element).__name__, repr(element)))


def _text(text: str) -> str:
    charge(len(text) >> 10, text_size(text))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Refused(lone_surrogate) from None
    return text


def _int(number: int) -> int:
    if number.bit_length() > INT_BITS_MAX:
        raise _Refused(_int_too_large)
    return number


def _are_plain(values: Iterable[Any]) -> bool:
    """Whether all the values may be taken as they are; most rows of most tables are of this kind."""
    kinds = set(map(type, values))
    if not kinds <= PLAIN:
        return False
    if int in kinds and not all(-SMALL < value < SMALL for value in values if type(value) is int):
        return False
    if str not in kinds:
        return True
    text = "".join([value for value in values if type(value) is str])
    charge(len(text) >> 10, len(text))
    return text.isascii()


def _int_too_large(path: str) -> Fault:
    return Refusal(
        "integer-too-large",
        f"`{path}` is an int of more than {INT_BITS_MAX} bits",
        path,
        "give it as text, or as a float where the magnitude matters",
    )


def _not_of_the_host(object: Any, path: str) -> Fault:
    kind = type(object)
    if kind in VALUE_TYPES:
        return not_data(object, object, path)
    hint = HINTS.get(kind.__name__, "give text, numbers, bools, None, bytes, lists, tuples, sets, dicts or records")
    return Refusal("not-data", f"`{path}` is a `{kind.__name__}` of the host, which is not data", path, hint)


def to_host(value: Any, name: str = "value", export: Export | None = None) -> Any:
    """The host's object for a value of a script: list, dict, tuple, set, and scalars; a struct becomes a dict."""
    try:
        return _Exporter(export).convert(value, 0)
    except NotData as refused:
        raise not_data(value, refused.culprit, name) from None
    except _TooDeep:
        raise nested_too_deep(value, name) from None


class _Exporter(_Counter):
    """Converts one value of a script."""

    __slots__ = ()

    def convert(self, value: Any, depth: int) -> Any:
        """The object for one value."""
        kind = type(value)
        if kind in PLAIN:
            return value
        if depth > DEPTH_MAX:
            raise _TooDeep
        if kind in (List, HeldList):
            return self.sequence(value, depth)
        if kind is tuple:
            return tuple(self.sequence(value, depth))
        if kind in (Dict, HeldDict):
            self.count(value)
            items = [(self.key(key, depth), self.convert(child, depth + 1)) for key, child in value.items()]
            return _distinct(dict(items), value)
        if kind in (Set, HeldSet):
            self.count(value)
            return _distinct({self.key(key, depth) for key in value}, value)
        return self.other(value, depth)

    def other(self, value: Any, depth: int) -> Any:
        """The object for a value of the rarer types."""
        kind = type(value)
        if kind is Struct:
            self.count(value.fields)
            return {key: self.convert(child, depth + 1) for key, child in value.fields.items()}
        if kind is Ok:
            return Ok(self.convert(value.value, depth + 1))
        if kind is Err:
            failure = self.convert(value.failure, depth + 1)
            return Err(failure if value.error is value.failure else self.convert(value.error, depth + 1), failure)
        if kind is Failure and type(value.data) not in PLAIN:
            data = self.convert(value.data, depth + 1)
            return Failure(value.kind, value.message, data, value.retryable, value.trace, value.hint)
        if kind is Failure or kind in CODECS:
            return value
        if self.special is not None and (exported := self.special(value)) is not MISSING:
            return exported
        raise NotData(value)

    def sequence(self, values: Any, depth: int) -> list[Any]:
        """The objects for the elements of a list or tuple."""
        self.count(values)
        if PLAIN.issuperset(map(type, values)):
            return list(values)
        return [self.convert(value, depth + 1) for value in values]

    def key(self, stored: Any, depth: int) -> Any:
        """The host's key for a key. A struct has none: it would become a dict."""
        key = unkey(stored)
        if type(key) is Struct:
            raise NotData(key)
        return self.convert(key, depth + 1)


def _distinct(converted: Any, value: Any) -> Any:
    """The converted dict or set, unless the host takes two of its keys for one: True is 1 there."""
    if len(converted) == len(value):
        return converted
    raise Fault(
        "not-data",
        "keys that differ in the script are one key to the host: it takes True for 1 and False for 0",
        hint="use text for such keys",
    )
