"""The two formatters: the operator `%` on strings and the method `string.format`.

Both are written from scratch and small. The host's formatters reach attributes, items and widths (`{0.x}`, `%9999d`)
and would hand a script the host's objects, so no text of a script ever gets there. Neither formatter has widths,
precisions or specifications: an error with a hint is better than a format language of a second kind.

`%` replaces `%s` (str), `%r` (repr), `%d` `%i` (decimal), `%o` `%x` `%X` (octal, hexadecimal), `%e` `%E` `%f` `%F`
`%g` `%G` (floats), `%c` (character) and `%%`, each also as `%(key)s` with a dict on the right side. `format` replaces
`{}`, `{0}` and `{name}`, each also with `!r` or `!s`.

Pieces are collected first; the length of the result is charged before they are joined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flowlang.lang.values.container import Dict, HeldDict
from flowlang.lang.values.display import repr_value, str_value
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_get
from flowlang.lang.values.meter import charge
from flowlang.lang.values.quote import clip
from flowlang.lang.values.scalar import float_of_int, float_text, int_text, number_as_int, special_text
from flowlang.lang.values.wording import kind_of

REPLACEMENT: Final = "\ufffd"
FIELD_DIGITS_MAX: Final = 6
"""Longer numbers of fields cannot be in range: no call has so many arguments."""


def format_percent(text: str, arguments: Any) -> str:
    """`text % arguments`: a tuple gives one value for each conversion, a dict the named ones, anything else the
    only one."""
    charge(len(text) >> 6)
    values = arguments if type(arguments) is tuple else (arguments,)
    is_mapping = type(arguments) in (Dict, HeldDict)
    pieces: list[str] = []
    position = taken = 0
    while (percent := text.find("%", position)) >= 0:
        charge(1)
        pieces.append(text[position:percent])
        if text.startswith("(", percent + 1):
            value, position = _keyed(text, percent + 2, arguments, is_mapping)
        elif text.startswith("%", percent + 1):
            pieces.append("%")
            position = percent + 2
            continue
        elif taken == len(values):
            raise _bad(f"{clip(text)} has more conversions than there are arguments ({len(values)})")
        else:
            value = values[taken]
            taken += 1
            position = percent + 1
        pieces.append(_convert(text, position, value))
        position += 1
    if taken < len(values) and not is_mapping:
        raise _bad(
            f"{clip(text)} has {taken} conversions but {len(values)} arguments",
            "to show a tuple itself, put it into another tuple: `% (value,)`" if type(arguments) is tuple else None,
        )
    pieces.append(text[position:])
    return _joined(pieces)


def _keyed(text: str, start: int, mapping: Any, is_mapping: bool) -> tuple[Any, int]:
    """The value of `%(key)`, whose key starts at `start`, and the place behind the closing parenthesis."""
    end = text.find(")", start)
    if end < 0:
        raise _bad(f"{clip(text)} has a `%(` without `)`")
    if not is_mapping:
        raise _bad(f"`%({text[start : min(end, start + 40)]})` needs a dict as right side, not {kind_of(mapping)}")
    found = dict_get(mapping, text[start:end], REPLACEMENT)
    if found is REPLACEMENT:
        raise Fault("missing-key", f"key {clip(text[start:end])} is not in the dict that is formatted")
    return found, end + 1


def _convert(text: str, position: int, value: Any) -> str:
    """The text of `value` under the conversion whose letter stands at `position`."""
    letter = text[position : position + 1]
    conversion = CONVERSIONS.get(letter)
    if conversion is not None:
        return conversion(value)
    if not letter:
        raise _bad(f"{clip(text)} ends in an incomplete conversion", "write `%%` for a percent sign")
    hint = "write `%%` for a percent sign"
    if letter in "0123456789.+-# *":
        hint = "widths, precisions and flags are not supported: shape the text before you format it"
    raise _bad(f"unknown conversion {clip('%' + letter)} in {clip(text)}", hint)


def _decimal(value: Any) -> str:
    return int_text(number_as_int("`%d`", _number("d", value)))


def _octal(value: Any) -> str:
    return _based("o", value, oct)


def _hexadecimal(value: Any) -> str:
    return _based("x", value, hex)


def _hexadecimal_upper(value: Any) -> str:
    return _based("X", value, hex).upper()


def _based(letter: str, value: Any, host: Callable[[int], str]) -> str:
    number = number_as_int(f"`%{letter}`", _number(letter, value))
    charge(number.bit_length() >> 8, number.bit_length() >> 2)
    digits = host(abs(number))[2:]
    return f"-{digits}" if number < 0 else digits


def _number(letter: str, value: Any) -> Any:
    if type(value) is int or type(value) is float:
        return value
    hint = "use `%s` for values of any type" if type(value) is not str else "use `%s`, or `int(...)` on the text"
    raise Fault("type-mismatch", f"`%{letter}` needs a number, not {kind_of(value)}", hint=hint)


def _floating(letter: str, show: Callable[[float], str]) -> Callable[[Any], str]:
    """The conversion of numbers as floats. Infinities and NaN look the same under every letter."""

    def convert(value: Any) -> str:
        number = _number(letter, value)
        if type(number) is int:
            number = float_of_int(number)
        return show(number) if math.isfinite(number) else special_text(number)

    return convert


def _character(value: Any) -> str:
    if type(value) is str and len(value) == 1:
        return value
    if type(value) is str:
        raise _bad(f"`%c` needs a single character, not {clip(value)}")
    if type(value) is not int:
        raise Fault("type-mismatch", f"`%c` needs an int or a single character, not {kind_of(value)}")
    if not 0 <= value <= 0x10FFFF:
        raise _bad("`%c` needs a code point from 0 to 0x10FFFF")
    return REPLACEMENT if 0xD800 <= value <= 0xDFFF else chr(value)


CONVERSIONS: Final[Mapping[str, Callable[[Any], str]]] = {
    "s": str_value,
    "r": repr_value,
    "d": _decimal,
    "i": _decimal,
    "o": _octal,
    "x": _hexadecimal,
    "X": _hexadecimal_upper,
    "e": _floating("e", lambda number: f"{number:.6e}"),
    "E": _floating("E", lambda number: f"{number:.6E}"),
    "f": _floating("f", lambda number: f"{number:.6f}"),
    "F": _floating("F", lambda number: f"{number:.6f}"),
    "g": _floating("g", float_text),
    "G": _floating("G", lambda number: float_text(number).upper()),
    "c": _character,
}


def format_braces(text: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    """`text.format(*arguments, **keywords)`. Arguments that no field names are ignored."""
    charge(len(text) >> 6)
    pieces: list[str] = []
    fields = _Fields(text, arguments, keywords)
    position = 0
    while position < len(text):
        opening = text.find("{", position)
        stop = opening if opening >= 0 else len(text)
        pieces.append(_literal(text, position, stop))
        if opening < 0:
            break
        charge(1)
        if text.startswith("{", opening + 1):
            pieces.append("{")
            position = opening + 2
            continue
        closing = text.find("}", opening)
        if closing < 0:
            raise _bad(f"{clip(text)} has a `{{` without `}}`", "write `{{` for a brace that is meant as text")
        pieces.append(fields.show(text[opening + 1 : closing]))
        position = closing + 1
    return _joined(pieces)


def _literal(text: str, start: int, stop: int) -> str:
    """The text between two fields, with `}}` made `}`."""
    piece = text[start:stop]
    if "}" in piece:
        if "}" in piece.replace("}}", ""):
            raise _bad(f"{clip(text)} has a `}}` without `{{`", "write `}}` for a brace that is meant as text")
        piece = piece.replace("}}", "}")
    return piece


class _Fields:
    """Finds the values of the fields of one format; knows whether the fields number themselves."""

    __slots__ = ("arguments", "is_automatic", "keywords", "text", "used")

    def __init__(self, text: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.text = text
        self.arguments = arguments
        self.keywords = keywords
        self.used = 0
        self.is_automatic: bool | None = None

    def show(self, field: str) -> str:
        """The text of the field between braces."""
        name, mark, conversion = field.partition("!")
        self.refuse_extras(field, name, conversion)
        if mark and conversion not in ("r", "s"):
            raise _bad(f"unknown conversion {clip('!' + conversion)} in {clip(self.text)}", "use `!r` or `!s`")
        value = self.find(name)
        return repr_value(value) if conversion == "r" else str_value(value)

    def refuse_extras(self, field: str, name: str, conversion: str) -> None:
        """What other languages allow in a field, and this one does not."""
        shown = clip(field)
        if ":" in name or ":" in conversion:
            raise _bad(f"the field {shown} has a format specification", "only `{}`, `{0}`, `{name}`, `!r`, `!s` exist")
        if "{" in field:
            raise _bad(f"the field {shown} has a brace inside", "write `{{` for a brace that is meant as text")
        if "." in name or "[" in name or "]" in name:
            raise _bad(f"the field {shown} reaches into a value", "pass the part itself: `'{}'.format(x.name)`")
        if "," in name:
            raise _bad(f"the field {shown} has a comma in its name")

    def find(self, name: str) -> Any:
        """The argument that a field names."""
        if not name:
            self.number(automatic=True)
            self.used += 1
            return self.at(self.used - 1)
        if name.isascii() and name.isdigit():
            self.number(automatic=False)
            return self.at(int(name) if len(name) <= FIELD_DIGITS_MAX else len(self.arguments))
        if name in self.keywords:
            return self.keywords[name]
        raise _bad(f"{clip(self.text)} has a field {clip(name)} that no argument names")

    def number(self, automatic: bool) -> None:
        if self.is_automatic is (not automatic):
            raise _bad(f"{clip(self.text)} mixes `{{}}` and numbered fields", "number all fields, or none")
        self.is_automatic = automatic

    def at(self, index: int) -> Any:
        if index < len(self.arguments):
            return self.arguments[index]
        count = len(self.arguments)
        raise _bad(f"{clip(self.text)} needs more arguments than the {count} given")


def _joined(pieces: list[str]) -> str:
    length = sum(map(len, pieces))
    charge(length >> 8, length)
    return "".join(pieces)


def _bad(problem: str, hint: str | None = None) -> Fault:
    return Fault("bad-format", f"cannot format: {problem}", hint=hint)
