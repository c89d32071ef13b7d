"""The module `json`: `encode`, `decode`, `indent`, `encode_indent`.

This is the JSON of the world, as opposed to the canonical bytes of journals: dicts are objects with sorted keys,
structs are objects, every other iterable is an array, and what JSON has not (NaN, functions, keys that are no
strings) is an error. Reading is strict: no duplicate keys, no numbers beyond floats, no `NaN`, no raw line ends in
strings; ints are exact at any length the language has; half of a surrogate pair becomes U+FFFD.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from math import isfinite, isinf
from typing import Any, Final

from flowlang.lang.universe.native_module import native_module
from flowlang.lang.values.argument import count_elements, string_argument, wrong_value
from flowlang.lang.values.container import Dict, HeldDict, List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_items
from flowlang.lang.values.meter import Holding, charge
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, builtin
from flowlang.lang.values.quote import clip
from flowlang.lang.values.refusal import DEPTH_MAX, path_to, too_deep
from flowlang.lang.values.scalar import float_text, int_text, parse_int, special_text
from flowlang.lang.values.size import decoded_size
from flowlang.lang.values.struct import Struct
from flowlang.lang.values.wording import kind_of

BLOCK: Final = 4096
ROOT: Final = "x"
STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""A string, or what follows a quote that is never closed: so a search never starts twice at one place."""
NOT_BRACKETS: Final = re.compile(r"[^\[\]{}]+")
TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\."
)
PROBLEMS: Final = (
    ("Expecting value", "a value is expected"),
    ("Expecting ','", "`,` or the end of the array or object is expected"),
    ("Expecting ':'", "`:` is expected"),
    ("Expecting property name", "a key in double quotes is expected"),
    ("Illegal trailing comma", "a value is expected after `,`"),
    ("Unterminated string", "the string that begins there has no end"),
    ("Invalid control character", "a control character stands in a string; write it as an escape"),
    ("Invalid \\", "an escape is expected, such as `\\n` or `\\u00e9`"),
    ("Extra data", "the text goes on after the value"),
)


@builtin("json.encode", "x")
def encode(depth: int, x: Any, /) -> str:
    """The JSON text of a value."""
    with Holding():
        writer = _Writer(x)
        writer.write(x, 0)
        writer.pay()
        return "".join(writer.pieces)


class _Writer:
    """Appends the JSON of values to `pieces`; `length` counts what is not charged yet."""

    __slots__ = ("length", "pieces", "root")

    def __init__(self, root: Any) -> None:
        self.root = root
        self.pieces: list[str] = []
        self.length = 0

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)
        if self.length > BLOCK:
            self.pay()

    def pay(self) -> None:
        """Charges what was written since the last time."""
        charge(self.length >> 1, self.length)
        self.length = 0

    def write(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str:
            if len(value) > BLOCK:
                charge(len(value) >> 2)
            self.add(encode_basestring(value))
        elif value is None:
            self.add("null")
        elif kind is bool:
            self.add("true" if value else "false")
        elif kind is int:
            self.add(int_text(value))
        elif kind is float:
            if not isfinite(value):
                raise self.refused(value, f"is {special_text(value)}, which JSON cannot write")
            self.add(float_text(value))
        elif depth > DEPTH_MAX:
            raise too_deep()
        elif kind in (Dict, HeldDict):
            self.members(self.sorted_items(value), depth)
        elif kind is Struct:
            self.members(list(value.fields.items()), depth)
        else:
            self.array(value, depth)

    def sorted_items(self, value: Any) -> list[tuple[str, Any]]:
        items = dict_items(value)
        for key, _ in items:
            if type(key) is not str:
                raise self.refused(value, f"has a key that is {kind_of(key)}, and keys in JSON are strings")
        charge(len(items) * len(items).bit_length() >> 3)
        return sorted(items, key=lambda item: item[0])

    def members(self, items: list[tuple[str, Any]], depth: int) -> None:
        separator = "{"
        for key, value in items:
            self.add(f"{separator}{encode_basestring(key)}:")
            separator = ","
            self.write(value, depth + 1)
        self.add("}" if items else "{}")

    def array(self, value: Any, depth: int) -> None:
        found = VALUE_TYPES.get(type(value))
        if found is None or found.iterate is None:
            raise self.refused(value, f"is {kind_of(value)}, which JSON has not")
        charge(count_elements(value) >> 3)
        separator = "["
        for element in found.iterate(value):
            self.add(separator)
            separator = ","
            self.write(element, depth + 1)
        self.add("]" if separator == "," else "[]")

    def refused(self, culprit: Any, reason: str) -> Fault:
        return wrong_value("json.encode", f"`{path_to(self.root, culprit, ROOT)}` {reason}")


@builtin("json.decode", "x[, default]")
def decode(depth: int, x: Any, default: Any = MISSING, /) -> Any:
    """The value of a JSON text; `default`, if given, where the text is no JSON."""
    text = string_argument("json.decode", "x", x)
    try:
        return _parse("json.decode", text)
    except Fault:
        if default is MISSING:
            raise
        return default


def _parse(function: str, text: str) -> Any:
    charge(len(text) >> 2, decoded_size(len(text), text.count("["), text.count("{"), text.count(",")))
    check_depth(text)
    if SURROGATE.search(text):
        text = ESCAPE.sub(_without_lone_surrogate, text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as problem:
        raise _not_json(function, text, problem) from None
    except _Refused as refused:
        raise wrong_value(function, refused.problem) from None
    return as_list(value) if type(value) is list else value


def check_depth(text: str) -> None:
    """Refuses texts that are nested too deep, before the host's parser recurses into them."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth = 0
    for bracket in NOT_BRACKETS.sub("", STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_MAX:
            raise too_deep()


def _without_lone_surrogate(match: re.Match[str]) -> str:
    escape = match[0]
    return "\\ufffd" if len(escape) == 6 and escape[1] == "u" else escape


class _Refused(Exception):
    """Something that the host's parser takes and the language does not."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def _object(pairs: list[tuple[str, Any]]) -> Dict:
    result = Dict()
    for key, value in pairs:
        if key in result:
            raise _Refused(f"the key {clip(key)} stands twice in an object")
        result[key] = as_list(value) if type(value) is list else value
    return result


def as_list(values: list[Any]) -> List:
    """The host's list as one of a script, with the lists inside it."""
    return List([as_list(value) if type(value) is list else value for value in values])


def _float(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise _Refused(f"the number {clip(text)} is too large for a float")
    return number


def _constant(token: str) -> Any:
    raise _Refused(f"`{token}` is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=parse_int, parse_constant=_constant
)


def _not_json(function: str, text: str, problem: json.JSONDecodeError) -> Fault:
    """The Fault for a text that is no JSON, with the place in it and in our words."""
    explanation = next((ours for theirs, ours in PROBLEMS if problem.msg.startswith(theirs)), "the text is not JSON")
    place = f"line {problem.lineno}, column {problem.colno}"
    near = f", at {clip(text[problem.pos : problem.pos + 20])}" if problem.pos < len(text) else ", at the end"
    return wrong_value(function, f"{place}{near}: {explanation}")


@builtin("json.indent", "str, *, prefix = '', indent = '\\t'")
def indent_text(depth: int, text: Any, /, *, prefix: Any = "", indent: Any = "\t") -> str:
    """A JSON text with one element on a line. Each line but the first begins with `prefix`, then with one `indent`
    for each level."""
    string_argument("json.indent", "str", text)
    string_argument("json.indent", "prefix", prefix)
    string_argument("json.indent", "indent", indent)
    _parse("json.indent", text)
    return _indented(text, prefix, indent)


@builtin("json.encode_indent", "x, *, prefix = '', indent = '\\t'")
def encode_indent(depth: int, x: Any, /, *, prefix: Any = "", indent: Any = "\t") -> str:
    """The JSON text of a value, indented."""
    string_argument("json.encode_indent", "prefix", prefix)
    string_argument("json.encode_indent", "indent", indent)
    return _indented(encode(depth, x), prefix, indent)


def _indented(text: str, prefix: str, indent: str) -> str:
    charge(len(text) >> 1, 2 * len(text))
    pieces: list[str] = []
    lines = [f"\n{prefix}"]
    level = 0
    previous = ""
    for token in TOKEN.findall(text):
        if token in "]}":
            level -= 1
            if previous not in "[{":
                pieces.append(lines[level])
        elif previous and previous in "[{,":
            pieces.append(lines[level])
        pieces.append(": " if token == ":" else token)
        if token in "[{":
            level += 1
            if level == len(lines):
                charge(0, len(lines[-1]) + len(indent))
                lines.append(lines[-1] + indent)
        previous = token
    length = sum(map(len, pieces))
    charge(length >> 8, length)
    return "".join(pieces)


JSON: Final = native_module("json", (encode, decode, indent_text, encode_indent), {})
"""The module as a value."""
