"""How messages speak of values: "a list", "an int", "`None`"."""

from __future__ import annotations

from typing import Any

from flowlang.lang.values.protocol import type_name


def article(noun: str) -> str:
    """The noun with its indefinite article."""
    return noun if noun == "bytes" else f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def kind_of(value: Any) -> str:
    """What a value is, for a sentence: "a list", "an int", "`None`"."""
    return "`None`" if value is None else article(type_name(value))


def counted(count: int, noun: str) -> str:
    """A number of things: "1 argument", "2 arguments"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
