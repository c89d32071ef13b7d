"""Strings, by kinds of characters: the methods that change case, and those that ask.

Case is the host's full mapping. Blanks and digits are not the host's: the four separators U+001C to U+001F are no
blanks, and digits are those of the category Nd alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flowlang.lang.values.meter import charge
from flowlang.lang.values.search import SHORT
from flowlang.lang.values.size import text_size

CASE_METHODS: Final[dict[str, Callable[..., Any]]] = {}


def _enter(name: str, method: Callable[..., Any], explanation: str) -> None:
    method.__name__ = name
    method.__qualname__ = f"string.{name}"
    method.__doc__ = explanation
    CASE_METHODS[name] = method


def has_false_blanks(text: str) -> bool:
    """Whether there are characters that the host takes for blanks, and the language does not."""
    return "\x1c" in text or "\x1d" in text or "\x1e" in text or "\x1f" in text


def _mapping(name: str, convert: Callable[[str], str], explanation: str) -> None:
    def method(depth: int, self: str, /) -> str:
        if not self.isascii():
            # Outside ASCII one character may become three.
            charge(len(self) >> 6, 3 * text_size(self))
        elif len(self) > SHORT:
            charge(len(self) >> 8, 3 * text_size(self))
        return convert(self)

    _enter(name, method, explanation)


def _question(name: str, test: Callable[[str], bool], explanation: str) -> None:
    def method(depth: int, self: str, /) -> bool:
        if len(self) > SHORT:
            charge(len(self) >> (8 if self.isascii() else 4))
        return test(self)

    _enter(name, method, explanation)


def _is_alphanumeric(text: str) -> bool:
    if text.isascii():
        return text.isalnum()
    return all(character.isalpha() or character.isdecimal() for character in text)


def _title(text: str) -> str:
    # The host's method takes twelve bytes for each character, that of bytes one.
    return text.encode().title().decode() if text.isascii() else text.title()


def _capitalize(text: str) -> str:
    return text.encode().capitalize().decode() if text.isascii() else text.capitalize()


def _is_blank(text: str) -> bool:
    return text.isspace() and not has_false_blanks(text)


_mapping("lower", str.lower, "The string in small letters.")
_mapping("upper", str.upper, "The string in capitals.")
_mapping("title", _title, "The string with every word capitalised.")
_mapping("capitalize", _capitalize, "The string with its first letter a capital and the others small.")
_question("isalnum", _is_alphanumeric, "Whether there are only letters and digits, and at least one.")
_question("isalpha", str.isalpha, "Whether there are only letters, and at least one.")
_question("isdigit", str.isdecimal, "Whether there are only decimal digits, and at least one.")
_question("islower", str.islower, "Whether no letter is a capital, and at least one is small.")
_question("isspace", _is_blank, "Whether there are only blanks, and at least one.")
_question("istitle", str.istitle, "Whether every word begins with a capital and goes on in small letters.")
_question("isupper", str.isupper, "Whether no letter is small, and at least one is a capital.")
