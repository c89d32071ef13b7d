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
    """What is wrong with the characters `start` to `end` of a literal. `instead`, when the correction is sure, is the
    text to write in place of these characters, or of the whole literal when `is_whole`."""

    slug: str
    message: str
    hint: str
    start: int
    end: int
    instead: str | None = None
    is_whole: bool = False
    is_safe: bool = True


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
_PLACEHOLDER = re.compile(
    r"""\{\{|\}\}|\{(?P<value>[^{}!:='"\\\n]*[^{}!:='"\\\n\s][^{}!:='"\\\n]*)(?P<conversion>![rs])?\}"""
)
_SPECIFIED = re.compile(r"\{[^{}]*:[^{}]*\}")
_SHOWN_MAX: Final = 80
"""Corrections that are longer are not written out in a hint."""
_SIMPLE: Final[dict[str, str]] = dict(zip("abfnrtv\\'\"\n", [*"\a\b\f\n\r\t\v\\'\"", ""], strict=True))
_PREFIXES: Final = ("", "r", "b", "rb", "br")

_INTEGER = re.compile(r"0[xX](?P<hex>[0-9a-fA-F]+)|0[oO](?P<octal>[0-7]+)|0[bB](?P<binary>[01]+)|(?P<decimal>[0-9]+)")
_FLOAT = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SUFFIXED = re.compile(r"(?:[1-9][0-9]*|0|[0-9]+\.[0-9]+)[lLnuUfFdD]")
_BEFORE_WORD = re.compile(
    r"(?P<number>0[xX][0-9a-fA-F]++|0[oO][0-7]++|0[bB][01]++"
    r"|(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+)(?P<word>and|else|for|if|in|is|not|or)"
)


def string_value(text: str) -> tuple[str | bytes, list[LiteralProblem]]:
    """The value of a string or bytes literal, whose text begins with its prefix and may lack its closing quote."""
    parts = _PARTS.match(text)
    assert parts is not None
    prefix, quote = parts.groups()
    if not _TERMINATED.fullmatch(text):
        return "", [_unclosed(text, parts.start(2), quote)]
    problems = []
    if prefix not in _PREFIXES:
        problems.append(_bad_prefix(prefix, text[len(prefix) :]))
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


def _bad_prefix(prefix: str, rest: str) -> LiteralProblem:
    if "f" in prefix.lower():
        instead = _without_f(prefix, rest)
        hint = 'write `"{}".format(value)` or `"%s" % value`'
        if instead is not None and len(instead) <= _SHOWN_MAX and instead.isprintable() and "`" not in instead:
            hint = f"write `{instead}`"
        elif _SPECIFIED.search(rest):
            hint = 'write `"{}".format(value)`; its fields take no format such as `:.2f`, so shape the value before'
        return LiteralProblem("f-string", "there are no f-strings", hint, 0, len(prefix), instead, is_whole=True)
    if prefix.lower() in _PREFIXES:
        instead = prefix.lower()
        hint = f"write the prefix in lower case: `{instead}`"
    else:
        instead = "r" if "r" in prefix.lower() else ""
        hint = "leave the prefix out: every string holds Unicode text"
    message = f"`{prefix}` is not a prefix of a string"
    return LiteralProblem("bad-string-prefix", message, hint, 0, len(prefix), instead=instead)


def _without_f(prefix: str, rest: str) -> str | None:
    """An f-string as a call of `format`, when what stands in its braces is plain: no format, no quotes, no braces."""
    values = []
    parts = []
    position = 0
    for found in _PLACEHOLDER.finditer(rest):
        if "{" in rest[position : found.start()] or "}" in rest[position : found.start()]:
            return None
        value = found["value"]
        if value is not None:
            value = value.strip()
            values.append(f"({value})" if "," in value else value)
        field = found[0] if value is None else f"{{{found['conversion'] or ''}}}"
        parts += [rest[position : found.start()], field]
        position = found.end()
    tail = rest[position:]
    if "{" in tail or "}" in tail:
        return None
    raw = "r" if "r" in prefix.lower() else ""
    text = "".join([*parts, tail])
    if values:
        return f"{raw}{text}.format({', '.join(values)})"
    return raw + text.replace("{{", "{").replace("}}", "}")


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
                f"\\u{code:04x}",
                is_safe=False,
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
            hint = f"write {digits} hexadecimal digits after `\\{letter}`, or `\\\\{letter}` for a backslash"
            self._report(match, f"the escape `\\{letter}` lacks digits", hint)
        elif letter.isprintable():
            hint = f'write `\\\\{letter}` for a backslash, or a raw string such as `r"\\{letter}"`'
            self._report(match, f"there is no escape `\\{letter}`", hint, f"\\\\{letter}")
        else:
            self._report(match, f"there is no escape of U+{ord(letter):04X}", "write `\\\\` for a backslash")
        return match[0]

    def _report(
        self, match: re.Match[str], message: str, hint: str, instead: str | None = None, *, is_safe: bool = True
    ) -> None:
        start = self.offset + match.start()
        end = start + len(match[0])
        self.problems.append(LiteralProblem("bad-escape", message, hint, start, end, instead=instead, is_safe=is_safe))


def _code(match: re.Match[str]) -> int:
    octal = match["octal"]
    return int(octal, 8) if octal else int(match["hex"] or match["short"] or match["long"], 16)


def split_word(text: str) -> tuple[str, str]:
    """A number and the word of an expression right behind it, which needs no blank before it: `1if x else 2`."""
    found = _BEFORE_WORD.fullmatch(text)
    return (found["number"], found["word"]) if found is not None else (text, "")


def number_value(text: str) -> tuple[int | float, LiteralProblem | None]:
    """The value of a number literal; `text` may have any letters and digits after the number."""

    def problem(
        slug: str, message: str, hint: str, instead: str | None = None, *, is_safe: bool = True
    ) -> tuple[int, LiteralProblem]:
        return 0, LiteralProblem(slug, message, hint, 0, len(text), instead=instead, is_safe=is_safe)

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
            plain = text.lstrip("0")
            is_octal = not set("89") & set(text)
            octal = f" (octal numbers begin with `0o`: `0o{plain}`)" if is_octal else ""
            instead = f"0o{plain}" if is_octal else plain
            hint = f"write `{plain}`{octal}"
            message = f"the number `{text}` begins with a zero"
            # With only octal digits it may be either, in the languages that have such numbers.
            return problem("leading-zero", message, hint, instead, is_safe=not is_octal)
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
        plain = text.replace("_", "")
        is_number = _INTEGER.fullmatch(plain) or _FLOAT.fullmatch(plain)
        hint = "write the digits without `_`"
        return problem("bad-number", f"`{text}` is not a number", hint, plain if is_number else None)
    if _SUFFIXED.fullmatch(text):
        hint = f"write `{text[:-1]}`: an int may be as large as it needs to be, and a float has a point or an exponent"
        return problem("bad-number", f"`{text}` is not a number", hint, text[:-1])
    return problem(
        "bad-number",
        f"`{text}` is not a number",
        "numbers look like `12`, `0xff`, `0o17`, `0b101`, `1.5` or `1e-3`; put a space or an operator after them",
    )
