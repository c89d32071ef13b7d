"""The fixed table of sizes: how many bytes a value counts for.

Memory budgets must strike at the same point on every machine and on every replay, so they never ask the host how
large an object is: hosts differ. A value counts by this table, near to what CPython uses, in whole bytes.
"""

from __future__ import annotations

from typing import Final

SLOT: Final = 8
"""One reference in a list or tuple."""
ENTRY: Final = 48
"""One key with its value in a dict, one element of a set."""
ELEMENT: Final = 32
"""A small value that nobody charged when it was made (an int, a float), counted where a container grows by it."""
OBJECT: Final = 64
"""A value of fixed size: a struct's or result's header, a bound method, a range."""

EMPTY_LIST: Final = 96
"""A list that has grown by an element or two."""
SMALL_DICT: Final = 240
"""A dict of up to SMALL_DICT_ENTRIES entries."""
SMALL_DICT_ENTRIES: Final = 3
FUNCTION: Final = 160
"""A function without its captured variables and defaults."""
CELL: Final = 48
"""One captured variable."""
FAILURE: Final = 320
"""An Err with its failure and an empty trace."""
FIBER: Final = 65_536
"""A strand of execution: its stack."""
ACTION_TASK: Final = 2_048
"""A call of an action as a task, without its arguments."""
FLOW: Final = 256
"""A flow without its arguments."""
NOTE: Final = 512
"""What is told to the outside and waits to be taken, without its texts."""

EXOTIC_KEY: Final = 96
"""What a key needs that the host cannot keep as it is."""
GROWTH_BLOCK: Final = 64
"""Containers that grow element by element are charged ahead: one element at first, as many more as they have, and from
here on so many at once."""
LIST_GROWTH: Final = SLOT + ELEMENT
TABLE_GROWTH: Final = ENTRY + ELEMENT


def growth(count: int) -> int:
    """For how many more elements a container is charged when it has `count` and grows by one; mostly none."""
    if count < GROWTH_BLOCK:
        return 0 if count & (count - 1) else count or 1
    return 0 if count % GROWTH_BLOCK else GROWTH_BLOCK


def decoded_size(length: int, lists: int, dicts: int, commas: int) -> int:
    """Bytes at most of the values in a JSON text of so many characters, opening brackets and braces, and commas."""
    return 2 * length + EMPTY_LIST * lists + SMALL_DICT * dicts + (SLOT + ELEMENT) * commas


def list_size(count: int) -> int:
    """Bytes of a list of `count` elements, without the elements."""
    return 88 + SLOT * count


def tuple_size(count: int) -> int:
    """Bytes of a tuple of `count` elements, without the elements."""
    return 48 + SLOT * count


def exotic_tuple_size(count: int) -> int:
    """Bytes of what a tuple of `count` elements needs as a key, when the host cannot keep it as it is."""
    return EXOTIC_KEY + OBJECT + tuple_size(count)


def table_size(count: int) -> int:
    """Bytes of a dict or set of `count` entries, without keys and values."""
    return SMALL_DICT if 0 < count <= SMALL_DICT_ENTRIES else 96 + ENTRY * count


def text_size(text: str) -> int:
    """Bytes of a string."""
    return 56 + (len(text) if text.isascii() else 4 * len(text))


def bytes_size(count: int) -> int:
    """Bytes of a bytes value of `count` bytes."""
    return 40 + count


def int_size(number: int) -> int:
    """Bytes of an int."""
    return 32 + (number.bit_length() >> 6) * 8
