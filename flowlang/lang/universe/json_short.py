"""Small values to JSON and short texts from it, where the host's own encoder and scanner mean the same.

Both are told apart from the rest before the host begins: a value by one walk that stops at the first thing that the
host would write otherwise, or that is large; a text by its length, its escapes and its brackets. What is left takes no
function of ours for each part of it. Whatever goes wrong is left to `json_module.py`, which finds the words for it.
"""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, Final

from flowlang.lang.values.container import Dict, HeldDict, HeldList, List
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING
from flowlang.lang.values.size import decoded_size, text_size

CONTAINERS_MAX: Final = 64
"""So many lists and dicts cannot be nested too deep."""
LENGTH_MAX: Final = 2048
"""Characters and elements of what is written here."""
SMALL: Final = 1 << 63
TEXT_MAX: Final = 480
"""No number in so short a text is long; its values are too small and too few for a census."""
TABLES: Final = frozenset({Dict, HeldDict})
WRITTEN: Final = frozenset({Dict, HeldDict, List, HeldList, tuple})


def _encoder() -> Callable[[Any, int], Iterable[str]]:
    """The host's encoder, with sorted keys and without spaces: the fast one, if the host has it."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        plain = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))
        return lambda value, level: (plain.encode(value),)
    encoder: Callable[[Any, int], Iterable[str]] = make(
        None, None, json.encoder.encode_basestring, None, ":", ",", True, False, False
    )
    return encoder


_ENCODE: Final = _encoder()


def short_text(value: Any) -> str | None:
    """The JSON text of a small value; None if it is not small, or nothing that the host writes as the language."""
    length = _length(value)
    if length > LENGTH_MAX:
        return None
    charge(length >> 2)
    text = "".join(_ENCODE(value, 0))
    charge(len(text) >> 2, text_size(text))
    return text


def _length(root: Any) -> int:
    """Characters and elements of a value, roughly; more than LENGTH_MAX if it must not be given to the host."""
    refused = LENGTH_MAX + 1
    if type(root) not in WRITTEN:
        return refused
    length = 0
    containers = [root]
    for container in containers:
        length += len(container)
        values = container
        if type(container) in TABLES:
            try:
                length += len("".join(container))
            except TypeError:
                # A key is no string.
                return refused
            values = container.values()
        if length > LENGTH_MAX or len(containers) > CONTAINERS_MAX:
            return refused
        for value in values:
            kind = type(value)
            if kind is str:
                length += len(value)
            elif kind is int:
                if not -SMALL < value < SMALL:
                    return refused
            elif kind in WRITTEN:
                containers.append(value)
            elif kind is float:
                if not (1e-4 <= abs(value) < 1e6 or value == 0):
                    return refused
            elif value is not None and kind is not bool:
                return refused
    return length if len(containers) <= CONTAINERS_MAX else refused


class _Refused(Exception):
    """Something that the host takes and the language does not."""


def short_value(text: str) -> Any:
    """The value of a short JSON text; MISSING if the text is not short, or no JSON."""
    if len(text) > TEXT_MAX or "\\" in text:
        return MISSING
    lists, dicts = text.count("["), text.count("{")
    if lists + dicts > CONTAINERS_MAX:
        return MISSING
    charge(len(text) >> 2, decoded_size(len(text), lists, dicts, text.count(",")))
    try:
        value, end = _SCAN(text, 0)
    except (StopIteration, ValueError, _Refused):
        return MISSING
    if end != len(text):
        return MISSING
    return _list(value) if type(value) is list else value


def _object(pairs: list[tuple[str, Any]]) -> Dict:
    result = Dict(pairs)
    if len(result) != len(pairs):
        raise _Refused
    if list in map(type, result.values()):
        for key, value in pairs:
            if type(value) is list:
                result[key] = _list(value)
    return result


def _list(values: list[Any]) -> List:
    """The host's list as one of a script, with the lists inside it."""
    if list in map(type, values):
        return List([_list(value) if type(value) is list else value for value in values])
    return List(values)


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _Refused
    return number


def _constant(token: str) -> Any:
    raise _Refused


_SCAN: Final[Callable[[str, int], tuple[Any, int]]] = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_constant=_constant
).scan_once  # type: ignore[attr-defined]
