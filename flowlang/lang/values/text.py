"""Strings: the table of their operations and their methods.

A string is Python's `str` without lone surrogates; its elements are code points. Most methods exist in Python under
the same name, but nearly every one differs somewhere, so each is written here on top of the host's:

- blanks are the 25 characters of Unicode's White_Space, not the four separators U+001C to U+001F that Python adds;
- lines end at `\\n`, `\\r` and `\\r\\n` only;
- digits are the category Nd, letters the categories L*;
- start and end are clamped to the string before the search, so that `"abc".find("", 9)` is 3.

Every method charges by length before it works, and those whose result can be much longer than the string
(`join`, `replace`) compute its length first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from flowlang.lang.values.argument import (
    bool_argument,
    elements_argument,
    int_argument,
    string_argument,
    wrong_type,
    wrong_value,
)
from flowlang.lang.values.characters import Codepoints, Elements
from flowlang.lang.values.container import HeldList, List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.protocol import ValueType, register
from flowlang.lang.values.quote import clip, quote
from flowlang.lang.values.search import SHORT, charge_search, charge_search_backwards, stripped_characters
from flowlang.lang.values.sequence import place, span, span_length
from flowlang.lang.values.size import text_size
from flowlang.lang.values.text_case import CASE_METHODS, has_false_blanks
from flowlang.lang.values.text_format import format_braces
from flowlang.lang.values.wording import kind_of

WIDE_BLANKS: Final = "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
ASCII_BLANKS: Final = "\t\n\v\f\r "
BLANKS: Final = "\t\n\v\f\r \x85\xa0\u1680" + WIDE_BLANKS
FALSE_LINE_ENDS: Final = ("\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
WORD: Final = re.compile(f"[^{BLANKS}]+")
LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

SHORT_PARTS: Final = 64
SHORT_PART: Final = 72
"""What the parts of a short text take: the list, and each of them."""
NO_LIMIT: Final = -1
"""As many cuts as there are separators."""
MANY: Final = 1 << 18
"""Looking at so many strings one way after another, an interruption is noticed in between."""
SEQUENCES: Final = (List, HeldList, tuple, list)

METHODS: Final[dict[str, Callable[..., Any]]] = dict(CASE_METHODS)


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enters a method of strings; errors about its arguments name it by its qualified name."""
    name = function.__name__.rstrip("_")
    function.__qualname__ = f"string.{name}"
    METHODS[name] = function
    return function


def _scan(text: str) -> None:
    if len(text) > SHORT:
        charge(len(text) >> 8)


def _copy(text: str) -> None:
    if len(text) > SHORT or not text.isascii():
        charge(len(text) >> 8, text_size(text))


# Parts and searches


def _bounds(name: str, text: str, start: Any, end: Any) -> tuple[int, int]:
    """The part of `text` from `start` to `end`, both optional and counted from the end when negative, clamped so
    that 0 <= start <= end <= len(text): crossing bounds name an empty part."""
    length = len(text)
    first = 0 if start is None else int_argument(name, "start", start)
    last = length if end is None else int_argument(name, "end", end)
    first = max(0, first + length) if first < 0 else min(first, length)
    last = max(0, last + length) if last < 0 else min(last, length)
    return first, max(first, last)


def _search(name: str, text: str, part: Any, start: Any, end: Any, find: Callable[[str, str, int, int], int]) -> int:
    if type(part) is not str:
        string_argument(name, "sub", part)
    first, last = (0, len(text)) if start is None and end is None else _bounds(name, text, start, end)
    if last - first > SHORT:
        (charge_search_backwards if find is str.rfind else charge_search)(last - first, len(part))
    return find(text, part, first, last)


def _found(name: str, text: str, part: str, position: int) -> int:
    if position < 0:
        raise Fault(
            "missing-substring",
            f"`{name}`: {clip(part)} does not occur in {clip(text)}",
            hint="`find` and `rfind` give -1 instead of failing",
        )
    return position


@_method
def find(depth: int, self: str, sub: Any, start: Any = None, end: Any = None, /) -> int:
    """Where `sub` first occurs, or -1."""
    return _search("string.find", self, sub, start, end, str.find)


@_method
def rfind(depth: int, self: str, sub: Any, start: Any = None, end: Any = None, /) -> int:
    """Where `sub` last occurs, or -1."""
    return _search("string.rfind", self, sub, start, end, str.rfind)


@_method
def index(depth: int, self: str, sub: Any, start: Any = None, end: Any = None, /) -> int:
    """Where `sub` first occurs; a fault when nowhere."""
    return _found("string.index", self, sub, _search("string.index", self, sub, start, end, str.find))


@_method
def rindex(depth: int, self: str, sub: Any, start: Any = None, end: Any = None, /) -> int:
    """Where `sub` last occurs; a fault when nowhere."""
    return _found("string.rindex", self, sub, _search("string.rindex", self, sub, start, end, str.rfind))


@_method
def count(depth: int, self: str, sub: Any, start: Any = None, end: Any = None, /) -> int:
    """How often `sub` occurs without overlaps; the empty string occurs around every character."""
    return _search("string.count", self, sub, start, end, str.count)


def _affix(name: str, parameter: str, text: str, affix: Any, start: Any, end: Any, test: Callable[..., bool]) -> bool:
    if type(affix) is str:
        _scan(affix)
    elif type(affix) is tuple:
        charge(len(affix) >> 3)
        for each in affix:
            _scan(string_argument(name, parameter, each))
    else:
        raise wrong_type(name, parameter, "a string or a tuple of strings", affix)
    if start is None and end is None:
        return test(text, affix)
    return test(text, affix, *_bounds(name, text, start, end))


@_method
def startswith(depth: int, self: str, prefix: Any, start: Any = None, end: Any = None, /) -> bool:
    """Whether the string (or its part from `start` to `end`) begins with `prefix`, or one of a tuple of them."""
    return _affix("string.startswith", "prefix", self, prefix, start, end, str.startswith)


@_method
def endswith(depth: int, self: str, suffix: Any, start: Any = None, end: Any = None, /) -> bool:
    """Whether the string (or its part from `start` to `end`) ends with `suffix`, or one of a tuple of them."""
    return _affix("string.endswith", "suffix", self, suffix, start, end, str.endswith)


@_method
def removeprefix(depth: int, self: str, prefix: Any, /) -> str:
    """The string without `prefix` in front."""
    _copy(self)
    return self.removeprefix(string_argument("string.removeprefix", "prefix", prefix))


@_method
def removesuffix(depth: int, self: str, suffix: Any, /) -> str:
    """The string without `suffix` at its end."""
    _copy(self)
    return self.removesuffix(string_argument("string.removesuffix", "suffix", suffix))


# Cutting into parts


def _charge_parts(text: str, parts: int) -> None:
    """`parts` strings that together are as long as `text`, in a list."""
    charge((len(text) >> 8) + (parts >> 3), text_size(text) + 64 * parts)


def _charge_cuts(text: str, separator: str, limit: int) -> None:
    """Cutting `text` at every `separator`, at most `limit` times."""
    charge_search(len(text), len(separator))
    cuts = text.count(separator)
    _charge_parts(text, cuts if limit < 0 else min(cuts, limit))


def _charge_words(text: str, limit: int) -> None:
    """Cutting `text` into words: those of one character are there already, and others take three with a blank."""
    words = len(text) // 3
    _charge_parts(text, words if limit < 0 else min(words, limit))


def _limit(name: str, maximum: Any) -> int:
    if type(maximum) is not int:
        int_argument(name, "maximum", maximum)
    return -1 if maximum < 0 else min(maximum, 1 << 60)


def _separator(name: str, separator: Any) -> str:
    if not string_argument(name, "separator", separator):
        raise wrong_value(name, "the separator is empty", "use `.elems()` for the single characters")
    return separator  # type: ignore[no-any-return]


@_method
def split(depth: int, self: str, separator: Any = None, maximum: Any = NO_LIMIT, /) -> List:
    """The parts between separators (by default: between runs of blanks), at most `maximum` cuts, from the left."""
    limit = NO_LIMIT if maximum is NO_LIMIT else _limit("string.split", maximum)
    if type(separator) is str and separator and len(self) <= SHORT:
        parts = self.split(separator, limit)
        charge(0, SHORT_PARTS + SHORT_PART * len(parts))
        return List(parts)
    if separator is not None:
        _charge_cuts(self, _separator("string.split", separator), limit)
        return List(self.split(separator, limit))
    if len(self) > SHORT:
        _charge_words(self, limit)
        return List(_words(self, limit))
    words = _words(self, limit)
    charge(0, SHORT_PARTS + SHORT_PART * len(words))
    return List(words)


def _words(text: str, limit: int) -> list[str]:
    """The parts of `text` between blanks; after `limit` cuts the rest stays whole, with its blanks at the end."""
    if not has_false_blanks(text):
        return text.split(None, limit)
    if limit < 0:
        return WORD.findall(text)
    words: list[str] = []
    for match in WORD.finditer(text):
        if len(words) == limit:
            words.append(text[match.start() :])
            break
        words.append(match[0])
    return words


@_method
def rsplit(depth: int, self: str, separator: Any = None, maximum: Any = -1, /) -> List:
    """Like `split`, with the cuts counted from the right."""
    limit = _limit("string.rsplit", maximum)
    if separator is not None:
        charge_search_backwards(len(self), len(_separator("string.rsplit", separator)))
        _charge_cuts(self, separator, limit)
        return List(self.rsplit(separator, limit))
    _charge_words(self, limit)
    if not has_false_blanks(self):
        return List(self.rsplit(None, limit))
    charge(len(self) >> 4, text_size(self))
    _charge_words(self, limit)
    words = [word[::-1] for word in _words(self[::-1], limit)]
    return List(words[::-1])


@_method
def splitlines(depth: int, self: str, keepends: Any = False, /) -> List:
    """The lines; a line ends at a line feed, a carriage return or both. The last line needs no end."""
    keep = bool_argument("string.splitlines", "keepends", keepends)
    _scan(self)
    _charge_parts(self, self.count("\n") + self.count("\r"))
    if not any(character in self for character in FALSE_LINE_ENDS):
        return List(self.splitlines(keep))
    charge(len(self) >> 5)
    _charge_parts(self, self.count("\n") + self.count("\r"))
    lines = LINE.findall(self)
    return List(lines if keep else [line.rstrip("\r\n") for line in lines])


@_method
def partition(depth: int, self: str, separator: Any, /) -> tuple[str, str, str]:
    """What is before the first `separator`, the separator, and what is after it."""
    separator = _separator("string.partition", separator)
    charge_search(len(self), len(separator))
    _copy(self)
    return self.partition(separator)


@_method
def rpartition(depth: int, self: str, separator: Any, /) -> tuple[str, str, str]:
    """What is before the last `separator`, the separator, and what is after it."""
    separator = _separator("string.rpartition", separator)
    charge_search_backwards(len(self), len(separator))
    _copy(self)
    return self.rpartition(separator)


def _cutset(name: str, text: str, characters: tuple[Any, ...]) -> str:
    """The characters to strip: blanks when none are named, or an empty string names them."""
    if len(characters) > 1:
        raise wrong_value(name, f"takes at most 1 argument, but {len(characters)} were given")
    if not characters or characters[0] == "":
        return BLANKS
    return stripped_characters(text, string_argument(name, "characters", characters[0]))


@_method
def strip(depth: int, self: str, /, *characters: Any) -> str:
    """The string without blanks (or the given characters) at both ends."""
    if len(self) <= SHORT and not characters and self.isascii():
        return self.strip(ASCII_BLANKS)
    cutset = _cutset("string.strip", self, characters)
    _copy(self)
    return self.strip(cutset)


@_method
def lstrip(depth: int, self: str, /, *characters: Any) -> str:
    """The string without blanks (or the given characters) in front."""
    cutset = _cutset("string.lstrip", self, characters)
    _copy(self)
    return self.lstrip(cutset)


@_method
def rstrip(depth: int, self: str, /, *characters: Any) -> str:
    """The string without blanks (or the given characters) at its end."""
    cutset = _cutset("string.rstrip", self, characters)
    _copy(self)
    return self.rstrip(cutset)


# Putting together


@_method
def join(depth: int, self: str, parts: Any, /) -> str:
    """The strings of an iterable with this string between them."""
    pieces = parts if type(parts) in SEQUENCES else _strings(elements_argument("string.join", "parts", parts))
    count = len(pieces)
    if count > SHORT:
        charge(count >> 3)
    try:
        if count > MANY:
            look()
        length = sum(map(len, pieces)) + len(self) * count
        if length > SHORT:
            if count > MANY:
                look()
            is_ascii = self.isascii() and all(map(str.isascii, pieces))
            charge(length >> 8, 56 + (length if is_ascii else 4 * length))
        return self.join(pieces)
    except TypeError:
        raise _not_a_string(pieces) from None


def _strings(elements: Iterable[Any]) -> list[str]:
    """The elements as a list, stopping at the first that is no string: a range may be endless."""
    pieces: list[str] = []
    for element in elements:
        if type(element) is not str:
            raise _not_a_string([*pieces, element])
        pieces.append(element)
    return pieces


def _not_a_string(elements: Any) -> Fault:
    for position, element in enumerate(elements):
        if type(element) is not str:
            return Fault(
                "type-mismatch",
                f"`string.join` needs strings, but element {position} is {kind_of(element)}",
                hint="turn the elements into text first: `[str(x) for x in ...]`",
            )
    raise AssertionError("all elements are strings")


@_method
def replace(depth: int, self: str, old: Any, new: Any, maximum: Any = -1, /) -> str:
    """The string with `old` replaced by `new`, at most `maximum` times from the left."""
    string_argument("string.replace", "old", old)
    string_argument("string.replace", "new", new)
    limit = int_argument("string.replace", "maximum", maximum)
    charge_search(len(self), len(old))
    times = self.count(old)
    if limit >= 0:
        times = min(times, limit)
    length = len(self) + times * (len(new) - len(old))
    is_ascii = self.isascii() and new.isascii()
    if length > SHORT or not is_ascii:
        charge((length >> 8) + (times >> 3), 56 + (length if is_ascii else 4 * length))
    return self.replace(old, new, times)


@_method
def format(depth: int, self: str, /, *arguments: Any, **keywords: Any) -> str:
    """The string with its fields `{}`, `{0}`, `{name}` replaced by arguments."""
    return format_braces(self, arguments, keywords)


# Characters one by one


@_method
def elems(depth: int, self: str, /) -> Any:
    """The characters, as something to iterate over."""
    return Elements(self, "elems")


@_method
def elem_ords(depth: int, self: str, /) -> Any:
    """The code points of the characters, as something to iterate over."""
    return Elements(self, "elem_ords")


@_method
def codepoints(depth: int, self: str, /) -> Any:
    """The characters, as something to iterate over."""
    return Codepoints(self, "codepoints")


@_method
def codepoint_ords(depth: int, self: str, /) -> Any:
    """The code points of the characters, as something to iterate over."""
    return Codepoints(self, "codepoint_ords")


# The table


def _slice(text: Any, start: Any, stop: Any, step: Any) -> str:
    part = span(len(text), start, stop, step)
    length = span_length(len(text), part)
    charge(length >> 8, 56 + (length if text.isascii() else 4 * length))
    return text[part]  # type: ignore[no-any-return]


def _contains(text: Any, item: Any) -> bool:
    if type(item) is not str:
        raise Fault(
            "type-mismatch",
            f"`in` on a string needs a string on its left, not {kind_of(item)}",
            hint="use `str(...)` to turn the value into text" if type(item) in (int, float, bool) else None,
        )
    charge_search(len(text), len(item))
    return item in text


register(
    str,
    ValueType(
        "string",
        methods=METHODS,
        display=lambda text, nested: quote(text),
        equal=lambda left, right, equal: left == right,
        less=lambda left, right, less: left < right,
        truth=lambda text: text != "",
        length=len,
        index=lambda text, position: text[place(text, position)],
        slice=_slice,
        contains=_contains,
        size=text_size,
    ),
)
