"""Texts to format, taken apart: what stands literally, and what is to be replaced.

A template depends on its text alone, so recent ones are remembered. Both kinds of syntax are checked in full here,
before any value is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import attrs

from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.quote import clip

REMEMBERED: Final = 512
LENGTH_REMEMBERED: Final = 1024
"""Longer texts are taken apart each time: they would hold too much memory that nobody counts."""
PART: Final = 208
"""Bytes that a part of a long template takes, with the piece of the result that comes of it."""
SLICE: Final = 1 << 12
LETTERS: Final = "srdioxXeEfFgGc"
QUICK_LETTERS: Final = "sdi"
FIELD_DIGITS_MAX: Final = 6
"""Longer numbers of fields cannot be in range: no call has so many arguments."""
PERCENT_HINT: Final = "write `%%` for a percent sign"


@attrs.frozen
class Template:
    """`parts` are replaced in order, each after its literal text: for `%` the key of `%(key)` or None, and the
    letter; for `format` the number or name of the argument, and the letter after `!`. `ending` is the text after
    the last part."""

    parts: tuple[tuple[str, Any, str], ...]
    ending: str
    quick: str | None = None
    """Where all parts take texts and ints as they are, one after another or each by its name: the text for the host's
    `%`, which takes as many values."""
    names: tuple[str, ...] | None = None
    """The names that the parts of a quick text for `format` have."""
    decimals: tuple[int, ...] = ()
    """Which parts of a quick text take ints only."""

    def watched_parts(self) -> Iterable[tuple[str, Any, str]]:
        """The parts; while there are many, an interruption is looked for."""
        return self.parts if len(self.parts) <= SLICE else self._watched()

    def _watched(self) -> Iterator[tuple[str, Any, str]]:
        for place, part in enumerate(self.parts):
            if not place % SLICE:
                look()
            yield part


def percent_template(text: str) -> Template:
    """The template of a text on the left of `%`."""
    if len(text) <= LENGTH_REMEMBERED:
        return short_percent_template(text)
    charge(len(text) >> 3, len(text) + PART * text.count("%"))
    return _read_percent(text)


def braces_template(text: str) -> Template:
    """The template of a text whose method `format` is called."""
    if len(text) <= LENGTH_REMEMBERED:
        return short_braces_template(text)
    charge(len(text) >> 3, len(text) + PART * text.count("{"))
    return _read_braces(text)


def bad_format(problem: str, hint: str | None = None) -> Fault:
    """The Fault of a formatter."""
    return Fault("bad-format", f"cannot format: {problem}", hint=hint)


def _read_percent(text: str) -> Template:
    parts: list[tuple[str, Any, str]] = []
    literal = ""
    position = 0
    while (percent := text.find("%", position)) >= 0:
        if not len(parts) % SLICE:
            look()
        literal += text[position:percent]
        place = percent + 1
        if text.startswith("%", place):
            literal += "%"
            position = place + 1
            continue
        key = None
        if text.startswith("(", place):
            end = text.find(")", place)
            if end < 0:
                raise bad_format(f"{clip(text)} has a `%(` without `)`")
            key = text[place + 1 : end]
            place = end + 1
        parts.append((literal, key, _letter(text, place)))
        literal = ""
        position = place + 1
    ending = literal + text[position:]
    if all(key is None and letter in QUICK_LETTERS for _, key, letter in parts):
        decimals = tuple(place for place, part in enumerate(parts) if part[2] != "s")
        return Template(tuple(parts), ending, _quick(parts, ending), None, decimals)
    return Template(tuple(parts), ending)


def _quick(parts: list[tuple[str, Any, str]], ending: str) -> str:
    """The text for the host's `%` that has the same literals, with a `%s` for each part."""
    return "%s".join([*(literal.replace("%", "%%") for literal, _, _ in parts), ending.replace("%", "%%")])


def _letter(text: str, place: int) -> str:
    """The letter of a conversion."""
    letter = text[place : place + 1]
    if not letter:
        raise bad_format(f"{clip(text)} ends in an incomplete conversion", PERCENT_HINT)
    if letter in LETTERS:
        return letter
    hint = PERCENT_HINT
    if letter in "0123456789.+-# *":
        hint = "widths, precisions and flags are not supported: shape the text before you format it"
    raise bad_format(f"unknown conversion {clip('%' + letter)} in {clip(text)}", hint)


def _read_braces(text: str) -> Template:
    reader = _Fields(text)
    parts: list[tuple[str, Any, str]] = []
    literal = ""
    position = 0
    while (opening := text.find("{", position)) >= 0:
        if not len(parts) % SLICE:
            look()
        literal += _literal(text, position, opening)
        if text.startswith("{", opening + 1):
            literal += "{"
            position = opening + 2
            continue
        closing = text.find("}", opening)
        if closing < 0:
            raise bad_format(f"{clip(text)} has a `{{` without `}}`", "write `{{` for a brace that is meant as text")
        parts.append((literal, *reader.read(text[opening + 1 : closing])))
        literal = ""
        position = closing + 1
    ending = literal + _literal(text, position, len(text))
    fields = [field for _, field, _ in parts]
    if all(conversion != "r" for _, _, conversion in parts):
        if fields == list(range(len(fields))):
            return Template(tuple(parts), ending, _quick(parts, ending))
        if all(type(field) is str for field in fields):
            return Template(tuple(parts), ending, _quick(parts, ending), tuple(fields))
    return Template(tuple(parts), ending)


def _literal(text: str, start: int, stop: int) -> str:
    """The text between two fields, with `}}` made `}`."""
    piece = text[start:stop]
    if "}" in piece:
        if "}" in piece.replace("}}", ""):
            raise bad_format(f"{clip(text)} has a `}}` without `{{`", "write `}}` for a brace that is meant as text")
        piece = piece.replace("}}", "}")
    return piece


class _Fields:
    """Reads the fields of one text; knows whether they number themselves."""

    __slots__ = ("is_automatic", "text", "used")

    def __init__(self, text: str) -> None:
        self.text = text
        self.used = 0
        self.is_automatic: bool | None = None

    def read(self, field: str) -> tuple[int | str, str]:
        """Number or name of the argument, and conversion, of the field between braces."""
        name, mark, conversion = field.partition("!")
        self.refuse_extras(field, name, conversion)
        if mark and conversion not in ("r", "s"):
            raise bad_format(f"unknown conversion {clip('!' + conversion)} in {clip(self.text)}", "use `!r` or `!s`")
        if not name:
            self.number(automatic=True)
            self.used += 1
            return self.used - 1, conversion
        if name.isascii() and name.isdigit():
            self.number(automatic=False)
            return int(name[: FIELD_DIGITS_MAX + 1]), conversion
        return name, conversion

    def refuse_extras(self, field: str, name: str, conversion: str) -> None:
        """What other languages allow in a field, and this one does not."""
        shown = clip(field)
        if ":" in name or ":" in conversion:
            hint = "only `{}`, `{0}`, `{name}`, `!r`, `!s` exist"
            raise bad_format(f"the field {shown} has a format specification", hint)
        if "{" in field:
            raise bad_format(f"the field {shown} has a brace inside", "write `{{` for a brace that is meant as text")
        if "." in name or "[" in name or "]" in name:
            raise bad_format(f"the field {shown} reaches into a value", "pass the part itself: `'{}'.format(x.name)`")
        if "," in name:
            raise bad_format(f"the field {shown} has a comma in its name", "a field names one argument")

    def number(self, automatic: bool) -> None:
        if self.is_automatic is (not automatic):
            raise bad_format(f"{clip(self.text)} mixes `{{}}` and numbered fields", "number all fields, or none")
        self.is_automatic = automatic


short_percent_template: Final[Callable[[str], Template]] = lru_cache(REMEMBERED)(_read_percent)
short_braces_template: Final[Callable[[str], Template]] = lru_cache(REMEMBERED)(_read_braces)
