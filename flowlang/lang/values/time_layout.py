"""Layouts of times: how a moment is written, shown by an example.

A layout is the reference time `Mon Jan 2 15:04:05 MST 2006` (that is 01/02 03:04:05PM '06 -0700) written the way in
which other moments shall be. Each part of it that is recognised stands for that part of the moment, all else for
itself. The same layouts read texts (`time_parse.py`).

What parts there are is one regular expression; where two could begin at the same place, the longer form comes first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flowlang.lang.values.calendar import MONTHS, WEEKDAYS, days_of, weekday_of
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge

if TYPE_CHECKING:
    from flowlang.lang.values.time import Clock

LAYOUT_MAX: Final = 1000
PARTS: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|002|0[1-6]|15|__2|_2(?!006)|[1-5]|PM|pm"
    r"|-070000|-07:00:00|-0700|-07:00|-07|Z070000|Z07:00:00|Z0700|Z07:00|Z07|[.,](?:0+|9+)(?![0-9])"
)


@lru_cache(256)
def layout_parts(layout: str) -> tuple[tuple[str, str], ...]:
    """The parts of a layout, each after the text before it; the last one is empty."""
    if len(layout) > LAYOUT_MAX:
        raise Fault("wrong-argument", f"the layout of a time has more than {LAYOUT_MAX} characters")
    parts = []
    position = 0
    for match in PARTS.finditer(layout):
        parts.append((layout[position : match.start()], match[0]))
        position = match.end()
    return (*parts, (layout[position:], ""))


def format_time(clock: Clock, layout: str) -> str:
    """What the clock shows, in the layout."""
    charge(32 + len(layout), len(layout))
    return "".join([literal + (_written(clock, part) if part else "") for literal, part in layout_parts(layout)])


def _written(clock: Clock, part: str) -> str:
    first = part[0]
    if first in ".,":
        return _fraction(clock.nanosecond, part)
    if first == "-" or first == "Z":
        return "Z" if first == "Z" and clock.offset == 0 else offset_text(clock.offset, part[1:])
    if part in ("Jan", "January"):
        return MONTHS[clock.month - 1][: None if part == "January" else 3]
    if part in ("Mon", "Monday"):
        return WEEKDAYS[weekday_of(clock.days)][: None if part == "Monday" else 3]
    if part == "MST":
        return clock.abbreviation or offset_text(clock.offset, "0700")
    if part in ("PM", "pm"):
        text = "PM" if clock.hour >= 12 else "AM"
        return text if part == "PM" else text.lower()
    return _number(clock, part)


def _number(clock: Clock, part: str) -> str:
    match part:
        case "2006":
            return f"{clock.year:04d}"
        case "06":
            return f"{clock.year % 100:02d}"
        case "002" | "__2":
            day = clock.days - days_of(clock.year, 1, 1) + 1
            return f"{day:03d}" if part == "002" else f"{day:3d}"
        case "_2":
            return f"{clock.day:2d}"
        case "15":
            return f"{clock.hour:02d}"
    hour = (clock.hour - 1) % 12 + 1
    value = {"1": clock.month, "2": clock.day, "3": hour, "4": clock.minute, "5": clock.second}[part[-1]]
    return f"{value:02d}" if len(part) == 2 else str(value)


def offset_text(offset: int, form: str) -> str:
    """An offset with its sign, in one of the forms `07`, `0700`, `07:00`, `070000`, `07:00:00`."""
    minutes, second = divmod(abs(offset), 60)
    separator = ":" if ":" in form else ""
    parts = [minutes // 60, minutes % 60, second][: len(form.replace(":", "")) // 2]
    # Written without seconds, an offset of less than a minute is none.
    is_negative = offset < 0 and (minutes > 0 or len(parts) == 3)
    return ("-" if is_negative else "+") + separator.join(f"{number:02d}" for number in parts)


def _fraction(nanosecond: int, part: str) -> str:
    """The fraction of the second: as many digits as the layout has zeros, or nines, which drop zeros at the end."""
    digits = f"{nanosecond:09d}"[: len(part) - 1].ljust(len(part) - 1, "0")
    if part[1] == "9":
        digits = digits.rstrip("0")
    return part[0] + digits if digits else ""
