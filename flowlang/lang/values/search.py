"""What searching in texts costs.

The host's search is linear for long texts, whatever is looked for. For short ones, and always when it goes backwards,
its time may grow with the product of both lengths (`"aaa…"` in search of `"aa…ab…aa"`), so the product is charged
there: a script that can make a search slow pays for the slow one.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.values.meter import charge

SHORT: Final = 64
"""Work on texts of this length costs less than charging for it."""
QUADRATIC_MAX: Final = 2_500
"""Shorter texts are searched by the host's simple method."""
QUADRATIC_PART_MAX: Final = 30_000
"""So are texts up to this length for a part of less than SHORT_PART characters."""
SHORT_PART: Final = 100
WIDE_CUTSET: Final = 32


def charge_search(length: int, part: int) -> None:
    """Charges for a search from the left in `length` characters for `part` characters."""
    if length > SHORT:
        is_quadratic = length < QUADRATIC_MAX or (length < QUADRATIC_PART_MAX and part < SHORT_PART)
        charge((length >> 8) + ((length - part) * part >> 12 if is_quadratic and 1 < part < length else 0))


def charge_search_backwards(length: int, part: int) -> None:
    """Charges for a search from the right."""
    if length > SHORT:
        charge((length >> 8) + ((length - part) * part >> 12 if 1 < part < length else 0))


def stripped_characters(text: Any, characters: str) -> str:
    """The characters to strip, each once, with what the stripping costs charged: the host looks for every character of
    the text among all of them."""
    if len(characters) > WIDE_CUTSET:
        charge(len(characters) >> 3)
        characters = "".join(dict.fromkeys(characters))
        charge(len(text) * len(characters) >> 12)
    return characters
