"""The module `json`: `encode`, `decode`, `indent`, `encode_indent`.

This is the JSON of the world, as opposed to the canonical bytes of journals: dicts are objects with sorted keys,
structs are objects, every other iterable is an array, and what JSON has not (NaN, functions, keys that are no
strings) is an error. Reading is strict: no duplicate keys, no numbers beyond floats, no `NaN`, no raw line ends in
strings; ints are exact at any length the language has; half of a surrogate pair becomes U+FFFD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring
from math import isfinite, isinf
from operator import itemgetter
from typing import Any, Final

from flowlang.lang.universe.json_short import short_text, short_value
from flowlang.lang.universe.native_module import native_module
from flowlang.lang.universe.order import comparison_steps
from flowlang.lang.values.argument import count_elements, string_argument, wrong_value
from flowlang.lang.values.container import Dict, HeldDict, List
from flowlang.lang.values.duration import Duration, duration_text
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_items, dict_of_texts
from flowlang.lang.values.meter import Holding, charge, look
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, builtin
from flowlang.lang.values.quote import clip
from flowlang.lang.values.refusal import DEPTH_MAX, path_to, too_deep
from flowlang.lang.values.scalar import float_text, int_text, parse_int, special_text
from flowlang.lang.values.size import decoded_size, text_size, tuple_size
from flowlang.lang.values.struct import Struct
from flowlang.lang.values.text_writer import BLOCK, TextWriter
from flowlang.lang.values.time import RFC3339_EXACT, Time
from flowlang.lang.values.time_layout import format_time
from flowlang.lang.values.wording import kind_of

SLICE: Final = 1 << 13
LONG: Final = 1 << 18
"""While a longer text is read, an interruption is looked for."""
ROOT: Final = "x"
STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""A string, or what follows a quote that is never closed: so a search never starts twice at one place."""
STRING_OR_BRACKET: Final = re.compile(STRING.pattern + r"|([\[\]{}])", re.DOTALL)
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
    if (text := short_text(x)) is not None:
        return text
    with Holding():
        writer = _Writer(x)
        writer.write(x, 0)
        return writer.finish()


class _Writer(TextWriter):
    """Writes the JSON of values; `root` is the outermost."""

    __slots__ = ("root",)

    def __init__(self, root: Any) -> None:
        super().__init__()
        self.root = root

    def write(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str:
            if len(value) > BLOCK:
                charge(len(value) >> 2, text_size(value))
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
        elif kind is Time:
            self.add(f'"{format_time(value.clock(), RFC3339_EXACT)}"')
        elif kind is Duration:
            self.add(f'"{duration_text(value.nanoseconds)}"')
        elif depth > DEPTH_MAX:
            raise too_deep()
        elif kind in (Dict, HeldDict):
            self.members(self.sorted_items(value), depth)
        elif kind is Struct:
            charge(len(value.fields) >> 3, tuple_size(3) * len(value.fields))
            self.members(list(value.fields.items()), depth)
        else:
            self.array(value, depth)

    def sorted_items(self, value: Any) -> list[tuple[str, Any]]:
        items = dict_items(value)
        for key, _ in items:
            if type(key) is not str:
                hint = "make strings of the keys: `{str(key): value for key, value in table.items()}`"
                raise self.refused(value, f"has a key that is {kind_of(key)}, and keys in JSON are strings", hint)
        turns = len(items).bit_length()
        charge((len(items) * turns >> 2) + comparison_steps([key for key, _ in items]) * turns)
        return sorted(items, key=itemgetter(0))

    def members(self, items: list[tuple[str, Any]], depth: int) -> None:
        separator = "{"
        for key, value in items:
            if len(key) > BLOCK:
                charge(len(key) >> 2, text_size(key))
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

    def refused(self, culprit: Any, reason: str, hint: str = "leave it out, or put data in its place") -> Fault:
        return wrong_value("json.encode", f"`{path_to(self.root, culprit, ROOT)}` {reason}", hint)


@builtin("json.decode", "x[, default]")
def decode(depth: int, x: Any, /, default: Any = MISSING) -> Any:
    """The value of a JSON text; `default`, if given, where the text is no JSON."""
    text = string_argument("json.decode", "x", x)
    if (value := short_value(text)) is not MISSING:
        return value
    try:
        return _parse("json.decode", text)
    except Fault:
        if default is MISSING:
            raise
        return default


def _parse(function: str, text: str) -> Any:
    with Holding():
        return _parse_held(function, text)


def _parse_held(function: str, text: str) -> Any:
    charge(len(text) >> 2, decoded_size(len(text), text.count("["), text.count("{"), text.count(",")))
    check_depth(text)
    if SURROGATE.search(text):
        text = ESCAPE.sub(_without_lone_surrogate, text)
    try:
        value = (_DECODER if len(text) < LONG else _LONG_DECODER).decode(text)
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
    for bracket in NOT_BRACKETS.sub("", STRING.sub("", text)) if len(text) < LONG else _brackets(text):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_MAX:
            raise too_deep()


def _brackets(text: str) -> Iterator[str]:
    """The brackets outside of strings, slower than in one go, so that an interruption is noticed."""
    for place, match in enumerate(STRING_OR_BRACKET.finditer(text)):
        if not place % SLICE:
            look()
        if match[1]:
            yield match[1]


def _without_lone_surrogate(match: re.Match[str]) -> str:
    escape = match[0]
    return "\\ufffd" if len(escape) == 6 and escape[1] == "u" else escape


class _Refused(Exception):
    """Something that the host's parser takes and the language does not."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def _object(pairs: list[tuple[str, Any]]) -> Dict:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _Refused(f"the key {clip(key)} stands twice in an object")
        result[key] = as_list(value) if type(value) is list else value
    return dict_of_texts(result)


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


def _looking(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A hook that lets an interruption be noticed."""

    def call(found: Any) -> Any:
        look()
        return hook(found)

    return call


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=parse_int, parse_constant=_constant
)
_LONG_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_looking(_object),
    parse_float=_looking(_float),
    parse_int=_looking(parse_int),
    parse_constant=_constant,
)


def _not_json(function: str, text: str, problem: json.JSONDecodeError) -> Fault:
    """The Fault for a text that is no JSON, with the place in it and in our words."""
    explanation = next((ours for theirs, ours in PROBLEMS if problem.msg.startswith(theirs)), "the text is not JSON")
    place = f"line {problem.lineno}, column {problem.colno}"
    near = f", at {clip(text[problem.pos : problem.pos + 20])}" if problem.pos < len(text) else ", at the end"
    hint = "JSON has double quotes only, no comma after the last entry, and no comments"
    return wrong_value(function, f"{place}{near}: {explanation}", hint)


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
    charge(len(text) >> 1)
    with Holding():
        writer = TextWriter()
        _write_indented(writer, text, prefix, indent)
        return writer.finish()


def _write_indented(writer: TextWriter, text: str, prefix: str, indent: str) -> None:
    lines = [f"\n{prefix}"]
    level = 0
    previous = ""
    for match in TOKEN.finditer(text):
        token = match[0]
        if token in "]}":
            level -= 1
            if previous not in "[{":
                writer.add(lines[level])
        elif previous and previous in "[{,":
            writer.add(lines[level])
        writer.add(": " if token == ":" else token)
        if token in "[{":
            level += 1
            if level == len(lines):
                charge(0, len(lines[-1]) + len(indent))
                lines.append(lines[-1] + indent)
        previous = token


JSON: Final = native_module("json", (encode, decode, indent_text, encode_indent), {})
"""The module as a value."""
