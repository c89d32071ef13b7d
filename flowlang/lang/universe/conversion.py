"""Builtins that make one value from another: numbers, characters, bytes, texts, hashes.

The rules are stricter than the host's (`scalar.py`): `int` and `float` read what the language itself would read as
a literal, and nothing else. `hash` is fixed by the specification, the same in every process: that of Java's strings
for strings, 32-bit FNV-1a for bytes.
"""

from __future__ import annotations

from types import NoneType
from typing import Any, Final

from flowlang.lang.values.argument import (
    elements_argument,
    int_argument,
    string_argument,
    wrong_type,
    wrong_value,
)
from flowlang.lang.values.container import Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.display import repr_value, str_value
from flowlang.lang.values.fault import FailSignal, Fault
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, builtin
from flowlang.lang.values.result import Err
from flowlang.lang.values.scalar import float_of_int, int_of_float, parse_float, parse_int
from flowlang.lang.values.size import bytes_size
from flowlang.lang.values.wording import kind_of

SHORT_INT: Final = 20
"""Digits that are an int at once."""
SLICE: Final = 1 << 16
"""After so many characters an interruption is looked for."""
HOST_TRUTH: Final = frozenset(
    {NoneType, bool, int, float, str, bytes, tuple, range, List, HeldList, Dict, HeldDict, Set, HeldSet}
)
"""Types whose truth the host judges as the language does."""


def is_true(value: Any) -> bool:
    """Whether a value counts as true."""
    if type(value) in HOST_TRUTH:
        return bool(value)
    found = VALUE_TYPES.get(type(value))
    return found is None or found.truth is None or found.truth(value)


@builtin("abs", "x")
def abs_(depth: int, x: Any, /) -> Any:
    """The magnitude of a number."""
    if type(x) is int or type(x) is float:
        if type(x) is int and x.bit_length() > 64:
            charge(x.bit_length() >> 11, x.bit_length() >> 3)
        return abs(x)
    raise wrong_type("abs", "x", "a number", x)


@builtin("bool", "[x]")
def bool_(depth: int, x: Any = False, /) -> bool:
    """Whether `x` counts as true: empty, zero and None do not."""
    return is_true(x)


@builtin("bytes", "string|bytes|iterable")
def bytes_(depth: int, x: Any, /) -> bytes:
    """The UTF-8 form of a string, or bytes with the given numbers."""
    if type(x) is bytes:
        return x
    if type(x) is str:
        charge(len(x) >> 8, bytes_size(len(x) if x.isascii() else 4 * len(x)))
        return x.encode()
    collected = bytearray()
    for position, item in enumerate(elements_argument("bytes", "x", x)):
        if position & 63 == 0:
            charge(8, 64)
        if type(item) is not int:
            raise Fault("type-mismatch", f"`bytes` needs ints, but element {position} is {kind_of(item)}")
        if not 0 <= item <= 0xFF:
            raise wrong_value("bytes", f"element {position} is not from 0 to 255")
        collected.append(item)
    return bytes(collected)


@builtin("chr", "i")
def chr_(depth: int, i: Any, /) -> str:
    """The character of a code point."""
    number = int_argument("chr", "i", i)
    if not 0 <= number <= 0x10FFFF:
        hint = "`ord(character)` gives the number of a character"
        raise wrong_value("chr", "the code point is not from 0 to 0x10FFFF", hint)
    if 0xD800 <= number <= 0xDFFF:
        raise wrong_value("chr", f"0x{number:x} is half of a surrogate pair, not a character")
    return chr(number)


@builtin("ord", "s")
def ord_(depth: int, s: Any, /) -> int:
    """The code point of a string of one character, or the number of bytes of length one."""
    if type(s) is not str and type(s) is not bytes:
        raise wrong_type("ord", "s", "a string", s)
    if len(s) != 1:
        unit = "character" if type(s) is str else "byte"
        raise wrong_value("ord", f"needs one {unit}, but {len(s)} are given", "take one: `ord(text[0])`")
    return ord(s)


@builtin("float", "[x]")
def float_(depth: int, x: Any = 0.0, /) -> float:
    """A number, or the number that a string writes, as a float."""
    kind = type(x)
    if kind is float:
        return x  # type: ignore[no-any-return]
    if kind is int:
        return float_of_int(x)
    if kind is str:
        return parse_float(x)
    if kind is bool:
        return 1.0 if x else 0.0
    raise wrong_type("float", "x", "a number, a string or a bool", x)


@builtin("int", "x[, base]")
def int_(depth: int, x: Any, /, base: Any = MISSING) -> int:
    """A number without its fraction, or the int that a string writes in `base`."""
    kind = type(x)
    if kind is str:
        if base is MISSING and len(x) < SHORT_INT and x.isascii() and x.isdigit():
            return int(x)
        return parse_int(x, 10 if base is MISSING else int_argument("int", "base", base))
    if base is not MISSING:
        raise wrong_type("int", "x", "a string (because a base is given)", x)
    if kind is int:
        return x  # type: ignore[no-any-return]
    if kind is float:
        return int_of_float(x)
    if kind is bool:
        return 1 if x else 0
    raise wrong_type("int", "x", "a number, a string or a bool", x)


@builtin("str", "x")
def str_(depth: int, x: Any, /) -> str:
    """The text of a value; a string is its own."""
    return str_value(x)


@builtin("repr", "x")
def repr_(depth: int, x: Any, /) -> str:
    """The text of a value as a literal."""
    return repr_value(x)


@builtin("hash", "string|bytes")
def hash_(depth: int, x: Any, /) -> int:
    """A number that is equal for equal strings, and the same everywhere and always."""
    if type(x) is str:
        charge(len(x) >> 2)
        return java_hash(x)
    if type(x) is bytes:
        charge(len(x) >> 2)
        return fnv_hash(x)
    raise wrong_type("hash", "x", "a string or bytes", x)


def java_hash(text: str) -> int:
    """The hash of Java's strings: over UTF-16 units, as a signed number of 32 bits."""
    value = 0
    for place, code in enumerate(map(ord, text)):
        if not place % SLICE:
            look()
        if code > 0xFFFF:
            value = 31 * value + 0xD800 + (code - 0x10000 >> 10)
            code = 0xDC00 + (code & 0x3FF)
        value = (31 * value + code) & 0xFFFFFFFF
    return value - 0x100000000 if value & 0x80000000 else value


def fnv_hash(data: bytes) -> int:
    """The 32-bit FNV-1a hash, as an unsigned number."""
    value = 0x811C9DC5
    for place, byte in enumerate(data):
        if not place % SLICE:
            look()
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


@builtin("fail", "*args, sep = ' '")
def fail_(depth: int, /, *arguments: Any, sep: Any = " ") -> Any:
    """Ends the current flow with an error: the only argument if it is no string, else the texts of all, joined.
    An Err is passed on with its trace."""
    string_argument("fail", "sep", sep)
    if len(arguments) == 1 and type(arguments[0]) is Err:
        raise FailSignal(arguments[0].error, arguments[0].failure)
    if len(arguments) == 1 and type(arguments[0]) is not str:
        raise FailSignal(arguments[0])
    pieces = [str_value(argument) for argument in arguments]
    length = sum(map(len, pieces)) + len(sep) * len(pieces)
    charge(length >> 8, length)
    raise FailSignal(sep.join(pieces))
