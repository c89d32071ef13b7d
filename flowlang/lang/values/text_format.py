"""The two formatters: the operator `%` on strings and the method `string.format`.

Both are written from scratch and small. The host's formatters reach attributes, items and widths (`{0.x}`, `%9999d`)
and would hand a script the host's objects, so no text of a script ever gets there. Neither formatter has widths,
precisions or specifications: an error with a hint is better than a format language of a second kind.

`%` replaces `%s` (str), `%r` (repr), `%d` `%i` (decimal), `%o` `%x` `%X` (octal, hexadecimal), `%e` `%E` `%f` `%F`
`%g` `%G` (floats), `%c` (character) and `%%`, each also as `%(key)s` with a dict on the right side. `format` replaces
`{}`, `{0}` and `{name}`, each also with `!r` or `!s`.

A text is taken apart once (`text_template.py`) and remembered, since scripts format with few texts many times. What
is charged depends on the text and the values alone, so remembering cannot be seen. The pieces of the result are made
one by one; its length is charged before they are joined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.values.argument import given_names
from flowlang.lang.values.container import Dict, HeldDict
from flowlang.lang.values.display import repr_value, str_value
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_get
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING
from flowlang.lang.values.quote import clip
from flowlang.lang.values.scalar import float_of_int, float_text, int_text, number_as_int, special_text
from flowlang.lang.values.text_template import (
    Template,
    bad_format,
    braces_template,
    percent_template,
    short_braces_template,
    short_percent_template,
)
from flowlang.lang.values.wording import counted, kind_of

REPLACEMENT: Final = "\ufffd"
SMALL: Final = 1 << 63
SHORT: Final = 64
"""A result of this length is not charged; it counts where it is kept."""


def format_percent(text: str, arguments: Any) -> str:
    """`text % arguments`: a tuple gives one value for each conversion, a dict the named ones, anything else the
    only one."""
    values = arguments if type(arguments) is tuple else (arguments,)
    if len(text) <= SHORT:
        template = short_percent_template(text)
        if template.quick is not None and (result := _quick_result(template, values)) is not None:
            return result
    else:
        template = percent_template(text)
    taken = 0
    pieces: list[str] = []
    for literal, key, letter in template.watched_parts():
        pieces.append(literal)
        if key is not None:
            value = _keyed(key, arguments)
        elif taken < len(values):
            value = values[taken]
            taken += 1
        else:
            raise bad_format(
                f"{clip(text)} has more conversions than the {counted(len(values), 'argument')} given",
                "give a tuple with a value for each: `% (a, b)`; a percent sign is written `%%`",
            )
        pieces.append(value if type(value) is str and letter == "s" else CONVERSIONS[letter](value))
    if taken < len(values) and all(key is None for _, key, _ in template.parts):
        raise bad_format(
            f"{clip(text)} has {counted(taken, 'conversion')} but {counted(len(values), 'argument')}",
            "to show a tuple itself, put it into another tuple: `% (value,)`" if type(arguments) is tuple else None,
        )
    pieces.append(template.ending)
    return _joined(text, pieces)


def _keyed(key: str, mapping: Any) -> Any:
    """The value of `%(key)`."""
    if type(mapping) not in (Dict, HeldDict):
        raise bad_format(f"`%({key[:40]})` needs a dict as right side, not {kind_of(mapping)}")
    found = dict_get(mapping, key)
    if found is MISSING:
        raise Fault(
            "missing-key",
            f"key {clip(key)} is not in the dict that is formatted",
            hint="give the dict an entry for every `%(key)` in the text",
        )
    return found


def format_braces(text: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    """`text.format(*arguments, **named)`, with names as compiled code gives them. Arguments that no field names are
    ignored."""
    if len(text) <= SHORT:
        template = short_braces_template(text)
        if template.quick is not None:
            names = template.names
            values = arguments if names is None else tuple(map(named.get, names))
            if (result := _quick_result(template, values)) is not None:
                return result
    else:
        template = braces_template(text)
    keywords = given_names(named)
    pieces: list[str] = []
    for literal, field, conversion in template.watched_parts():
        pieces.append(literal)
        if type(field) is int:
            if field >= len(arguments):
                raise bad_format(
                    f"{clip(text)} needs more than the {counted(len(arguments), 'argument')} given",
                    "give a value for each `{}`; a brace that is meant as text is written `{{`",
                )
            value = arguments[field]
        elif field in keywords:
            value = keywords[field]
        else:
            similar = nearest(str(field), keywords)
            raise bad_format(
                f"{clip(text)} has a field {clip(str(field))} that no argument names",
                f"did you mean `{{{similar}}}`?" if similar else f"give it by name: `format({field} = value)`",
            )
        pieces.append(repr_value(value) if conversion == "r" else value if type(value) is str else str_value(value))
    pieces.append(template.ending)
    return _joined(text, pieces)


def _quick_result(template: Template, values: Sequence[Any]) -> str | None:
    """The result where the host has the same: for as many values as there are parts, all of them short texts or small
    ints. None otherwise, also when something is wrong. The text itself is short."""
    count = len(values)
    if count != len(template.parts):
        return None
    length = count
    for value in values:
        if type(value) is str:
            length += len(value)
        elif type(value) is not int or not -SMALL < value < SMALL:
            return None
    if length > SHORT:
        return None
    for place in template.decimals:
        if type(values[place]) is not int:
            return None
    result: str = template.quick % values  # type: ignore[operator]
    if len(result) > SHORT:
        charge(len(result) >> 8, 56 + len(result))
    return result


def _joined(text: str, pieces: list[str]) -> str:
    length = sum(map(len, pieces))
    if length > SHORT or len(text) > SHORT or len(pieces) > SHORT:
        charge((length >> 8) + (len(text) >> 6) + (len(pieces) >> 1), 56 + length)
    return "".join(pieces)


def _decimal(value: Any) -> str:
    return int_text(number_as_int("`%d`", _number("d", value)))


def _based(letter: str, host: Callable[[int], str]) -> Callable[[Any], str]:
    """The conversion of numbers to digits of another base."""

    def convert(value: Any) -> str:
        number = number_as_int(f"`%{letter}`", _number(letter, value))
        charge(number.bit_length() >> 8, number.bit_length() >> 2)
        digits = host(abs(number))[2:]
        return f"-{digits}" if number < 0 else digits

    return convert


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
        raise bad_format(f"`%c` needs a single character, not {clip(value)}")
    if type(value) is not int:
        raise Fault("type-mismatch", f"`%c` needs an int or a single character, not {kind_of(value)}")
    if not 0 <= value <= 0x10FFFF:
        raise bad_format("`%c` needs a code point from 0 to 0x10FFFF")
    return REPLACEMENT if 0xD800 <= value <= 0xDFFF else chr(value)


CONVERSIONS: Final[Mapping[str, Callable[[Any], str]]] = {
    "s": str_value,
    "r": repr_value,
    "d": _decimal,
    "i": _decimal,
    "o": _based("o", oct),
    "x": _based("x", hex),
    "X": _based("X", lambda number: hex(number).upper()),
    "e": _floating("e", lambda number: f"{number:.6e}"),
    "E": _floating("E", lambda number: f"{number:.6E}"),
    "f": _floating("f", lambda number: f"{number:.6f}"),
    "F": _floating("F", lambda number: f"{number:.6f}"),
    "g": _floating("g", float_text),
    "G": _floating("G", lambda number: float_text(number).upper()),
    "c": _character,
}
