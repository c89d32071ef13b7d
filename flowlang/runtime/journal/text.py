"""Texts as every database takes them.

Text that may hold anything (control characters, lone surrogates) is escaped, because databases differ in what they
take.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quote


def storable_text(text: str) -> str:
    """A form of the text that every database takes: itself, or its JSON literal when it holds control characters or
    lone surrogates. `original_text` is the way back."""
    return text if text.isprintable() and text[:1] != '"' else quote(text)


def original_text(stored: str) -> str:
    """The text that `storable_text` was given."""
    if stored[:1] != '"':
        return stored
    text = json.loads(stored)
    if not isinstance(text, str):
        raise ValueError("not a text")
    return text
