"""The values of literals: escapes in strings and bytes, integers, floats.

Nothing here is left to Python's own reading of literals, which accepts more than the language does (`\\q`, `1_000`,
`\\ud800`). A problem is reported with its place inside the literal's text; the value is then the best guess, so that
parsing goes on and finds further errors.
"""

from __future__ import annotations

import math
import re
from typing import Final

import attrs

from flowlang.lang.syntax.limit import NUMBER_LENGTH_MAX


@attrs.frozen
class LiteralProblem:
    """What is wrong with the characters `start` to `end` of a literal."""

    slug: str
    message: str
    hint: str
    start: int
    end: int


_PARTS = re.compile(r"""([A-Za-z]*)(\"\"\"|'''|"|')""")
_TERMINATED = re.compile(
    r"""[A-Za-z]*(?:\"\"\"(?:[^"\\]|\\.|"(?!""))*+\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*+'''"""
    r"""|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')""",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})"
    r"|(?P<simple>[abfnrtv\\'\"\n])|(?P<other>.))",
    re.DOTALL,
)
_SIMPLE: Final[dict[str, str]] = dict(zip("abfnrtv\\'\"\n", [*"\a\b\f\n\r\t\v\\'\"", ""], strict=True))
_PREFIXES: Final = ("", "r", "b", "rb", "br")

_INTEGER = re.compile(r"0[xX](?P<hex>[0-9a-fA-F]+)|0[oO](?P<octal>[0-7]+)|0[bB](?P<binary>[01]+)|(?P<decimal>[0-9]+)")
_FLOAT = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def string_value(text: str) -> tuple[str | bytes, list[LiteralProblem]]:
    """The value of a string or bytes literal, whose text begins with its prefix and may lack its closing quote."""
    parts = _PARTS.match(text)
    assert parts is not None
    prefix, quote = parts.groups()
    if not _TERMINATED.fullmatch(text):
        return "", [_unclosed(text, parts.start(2), quote)]
    problems = []
    if prefix not in _PREFIXES:
        problems.append(_bad_prefix(prefix))
    body = text[parts.end() : -len(quote)]
    is_bytes = "b" in prefix.lower()
    if "r" in prefix.lower() or "\\" not in body:
        return (body.encode() if is_bytes else body), problems
    decoder = _Decoder(is_bytes, parts.end(), problems)
    return decoder.decode(body), problems


def _unclosed(text: str, start: int, quote: str) -> LiteralProblem:
    if len(quote) == 3:
        message = f"this string is never closed with `{quote}`"
        hint = f"write `{quote}` where the text ends"
    else:
        message = f"this string has no closing `{quote}` on its line"
        hint = f"write `{quote}` at the end of the text, or use `{quote * 3}` for a text of several lines"
    return LiteralProblem("unclosed-string", message, hint, start, start + len(quote))


def _bad_prefix(prefix: str) -> LiteralProblem:
    if "f" in prefix.lower():
        return LiteralProblem(
            "f-string",
            "there are no f-strings",
            'write `"{}".format(value)` or `"%s" % value`',
            0,
            len(prefix),
        )
    if prefix.lower() in _PREFIXES:
        hint = f"write the prefix in lower case: `{prefix.lower()}`"
    else:
        hint = "leave the prefix out: every string holds Unicode text"
    return LiteralProblem("bad-string-prefix", f"`{prefix}` is not a prefix of a string", hint, 0, len(prefix))


class _Decoder:
    """Replaces the escapes of one literal and collects what is wrong with them."""

    def __init__(self, is_bytes: bool, offset: int, problems: list[LiteralProblem]) -> None:
        self.is_bytes = is_bytes
        self.offset = offset
        self.problems = problems

    def decode(self, body: str) -> str | bytes:
        if not self.is_bytes:
            return _ESCAPE.sub(self._character, body)
        parts = []
        position = 0
        for match in _ESCAPE.finditer(body):
            parts.append(body[position : match.start()].encode())
            parts.append(self._bytes(match))
            position = match.end()
        parts.append(body[position:].encode())
        return b"".join(parts)

    def _character(self, match: re.Match[str]) -> str:
        simple: str | None = match["simple"]
        if simple is not None:
            return _SIMPLE[simple]
        if match["other"] is not None:
            return self._unknown(match)
        code = _code(match)
        if (match["octal"] or match["hex"]) and code > 127:
            self._report(
                match,
                f"the escape `{match[0]}` is not an ASCII character",
                f"write `\\u{code:04x}` for the character, or use a bytes literal for the byte",
            )
        return self._checked(match, code)

    def _bytes(self, match: re.Match[str]) -> bytes:
        simple: str | None = match["simple"]
        if simple is not None:
            return _SIMPLE[simple].encode()
        if match["other"] is not None:
            return self._unknown(match).encode()
        code = _code(match)
        if match["short"] or match["long"]:
            return self._checked(match, code).encode()
        if code > 255:
            self._report(match, f"the escape `{match[0]}` is more than a byte", "the last byte is `\\377` or `\\xff`")
        return bytes([code & 255])

    def _checked(self, match: re.Match[str], code: int) -> str:
        if 0xD800 <= code <= 0xDFFF:
            self._report(
                match,
                f"the escape `{match[0]}` is half of a surrogate pair, which is not a character",
                "write the whole character as `\\U` and eight hexadecimal digits",
            )
            return "\ufffd"
        if code > 0x10FFFF:
            self._report(
                match, f"the escape `{match[0]}` is beyond the last character", "the last one is `\\U0010ffff`"
            )
            return "\ufffd"
        return chr(code)

    def _unknown(self, match: re.Match[str]) -> str:
        letter: str = match["other"]
        if letter in "xuU":
            digits = {"x": "two", "u": "four", "U": "eight"}[letter]
            self._report(
                match, f"the escape `\\{letter}` lacks digits", f"write {digits} hexadecimal digits after `\\{letter}`"
            )
        elif letter.isprintable():
            hint = f'write `\\\\{letter}` for a backslash, or a raw string such as `r"\\{letter}"`'
            self._report(match, f"there is no escape `\\{letter}`", hint)
        else:
            self._report(match, f"there is no escape of U+{ord(letter):04X}", "write `\\\\` for a backslash")
        return match[0]

    def _report(self, match: re.Match[str], message: str, hint: str) -> None:
        start = self.offset + match.start()
        self.problems.append(LiteralProblem("bad-escape", message, hint, start, start + len(match[0])))


def _code(match: re.Match[str]) -> int:
    octal = match["octal"]
    return int(octal, 8) if octal else int(match["hex"] or match["short"] or match["long"], 16)


def number_value(text: str) -> tuple[int | float, LiteralProblem | None]:
    """The value of a number literal; `text` may have any letters and digits after the number."""

    def problem(slug: str, message: str, hint: str) -> tuple[int, LiteralProblem]:
        return 0, LiteralProblem(slug, message, hint, 0, len(text))

    if len(text) > NUMBER_LENGTH_MAX:
        return problem(
            "number-too-large",
            f"this number has more than {NUMBER_LENGTH_MAX} characters",
            "compute large numbers, or keep them in a string",
        )
    integer = _INTEGER.fullmatch(text)
    if integer is not None:
        if integer["decimal"] is None:
            digits = integer["hex"] or integer["octal"] or integer["binary"]
            return int(digits, 16 if integer["hex"] else 8 if integer["octal"] else 2), None
        if text[0] == "0" and text.strip("0"):
            octal = f" (octal numbers begin with `0o`: `0o{text.lstrip('0')}`)" if not set("89") & set(text) else ""
            return problem(
                "leading-zero", f"the number `{text}` begins with a zero", f"write `{text.lstrip('0')}`{octal}"
            )
        return int(text), None
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            return problem(
                "number-too-large",
                f"the number `{text}` is too large for a float",
                'floats end near `1.8e308`; infinity is `float("inf")`',
            )
        return value, None
    if "_" in text:
        return problem("bad-number", f"`{text}` is not a number", "write the digits without `_`")
    return problem(
        "bad-number",
        f"`{text}` is not a number",
        "numbers look like `12`, `0xff`, `0o17`, `0b101`, `1.5` or `1e-3`; put a space or an operator after them",
    )
