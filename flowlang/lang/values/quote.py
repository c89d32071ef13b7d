"""Quoted text: how strings and bytes are written so that the language reads them back.

Printable characters stand for themselves in every alphabet, the rest are escapes that literals of the language
accept. `clip` is the same for messages: short whatever it is given, and free of control characters, so that text of
a script or a file cannot play tricks on a terminal.
"""

from __future__ import annotations

import re
from typing import Final

CLIP_MAX: Final = 60
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
    if text.isprintable():
        if '"' in text or "\\" in text:
            text = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    if text.isascii():
        return f'"{ASCII_TO_ESCAPE.sub(_escape_match, text)}"'
    return '"' + "".join([_escape(character) for character in text]) + '"'


def quote_bytes(data: bytes) -> str:
    """The literal of bytes: what is valid UTF-8 and printable as text, every other byte as an escape."""
    if data.isascii():
        return f"b{quote(data.decode('ascii'))}"
    pieces = []
    for character in data.decode("utf-8", "surrogateescape"):
        # A byte that is no part of valid UTF-8 decodes to a lone surrogate that carries the byte.
        code = ord(character)
        pieces.append(f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else _escape(character))
    return 'b"' + "".join(pieces) + '"'


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
