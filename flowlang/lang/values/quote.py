"""Quoted text: how strings and bytes are written so that the language reads them back.

Printable characters stand for themselves in every alphabet, the rest are escapes that literals of the language
accept. `clip` is the same for messages: short whatever it is given, and free of control characters, so that text of
a script or a file cannot play tricks on a terminal.
"""

from __future__ import annotations

import re
from typing import Final

CLIP_MAX: Final = 60
BLOCK: Final = 4096
"""Longer texts are quoted block by block."""
NAMED_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
ASCII_TO_ESCAPE: Final = re.compile(r'["\\\x00-\x1f\x7f]')


def quote(text: str) -> str:
    """The literal of a string, in double quotes."""
    if len(text) <= BLOCK:
        return f'"{_escaped(text)}"'
    # The pieces that a text falls into would take many times its own memory.
    return '"' + "".join([_escaped(text[start : start + BLOCK]) for start in range(0, len(text), BLOCK)]) + '"'


def _escaped(text: str) -> str:
    if text.isprintable():
        if '"' in text or "\\" in text:
            return text.replace("\\", "\\\\").replace('"', '\\"')
        return text
    if text.isascii():
        return ASCII_TO_ESCAPE.sub(_escape_match, text)
    return "".join([_escape(character) for character in text])


def quote_bytes(data: bytes) -> str:
    """The literal of bytes: what is valid UTF-8 and printable as text, every other byte as an escape."""
    if data.isascii():
        return f"b{quote(data.decode('ascii'))}"
    text = data.decode("utf-8", "surrogateescape")
    blocks = ["".join(map(_escape_byte, text[start : start + BLOCK])) for start in range(0, len(text), BLOCK)]
    return 'b"' + "".join(blocks) + '"'


def _escape_byte(character: str) -> str:
    # A byte that is no part of valid UTF-8 decodes to a lone surrogate that carries the byte.
    code = ord(character)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else _escape(character)


def clip(text: str, limit: int = CLIP_MAX) -> str:
    """The quoted text for a message, cut to `limit` characters."""
    if len(text) <= limit:
        return quote(text)
    return quote(text[:limit])[:-1] + '…"'


def _escape_match(match: re.Match[str]) -> str:
    return _escape(match[0])


def _escape(character: str) -> str:
    named = NAMED_ESCAPES.get(character)
    if named is not None:
        return named
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
