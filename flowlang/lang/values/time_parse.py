"""Reading times: the text of a moment, by a layout (`time_layout.py`).

The text is consumed from the left, part by part. What a part may look like depends on its form in the layout: `02`
wants two digits, `2` takes one or two, a month's name is read in any case. A fraction of the second may follow the
seconds although the layout has none. What the text does not say is the first of January of the year 0, midnight, in
the zone that the caller names.

An offset (`-05:00`) that the caller's zone has at that moment means that zone; any other makes a zone of its own. So
does an abbreviation, which stands for no offset unless the zone knows it.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from flowlang.lang.values.calendar import MONTHS, WEEKDAYS, days_in, seconds_of
from flowlang.lang.values.duration import SECOND
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.quote import clip
from flowlang.lang.values.time import Time
from flowlang.lang.values.time_layout import layout_parts
from flowlang.lang.values.zone import UTC, Zone, fixed_zone

TEXT_MAX: Final = 1000
ABBREVIATION_STEPS: Final = 256
CENTURY_TURN: Final = 69
"""Two digits of a year from here on mean the 20th century."""
FRACTION: Final = re.compile(r"[.,]([0-9]+)")
OFFSETS: Final = {
    "07": re.compile(r"([+-])([0-9]{2})"),
    "0700": re.compile(r"([+-])([0-9]{2})([0-9]{2})"),
    "07:00": re.compile(r"([+-])([0-9]{2}):([0-9]{2})"),
    "070000": re.compile(r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})"),
    "07:00:00": re.compile(r"([+-])([0-9]{2}):([0-9]{2}):([0-9]{2})"),
}
ABBREVIATION: Final = re.compile(r"UTC|ChST|MeST|GMT(?:[+-][0-9]{1,2})?|[+-][0-9]{2}|[A-Z]{4}T|[A-Z]{3}T|WITA|[A-Z]{3}")
NUMBERS: Final[dict[str, tuple[str, str, int, int]]] = {
    "2006": ("year", "[0-9]{4}", 0, 9999),
    "1": ("month", "[0-9]{1,2}", 1, 12),
    "01": ("month", "[0-9]{2}", 1, 12),
    "2": ("day", "[0-9]{1,2}", 0, 99),
    "_2": ("day", " ?[0-9]{1,2}", 0, 99),
    "02": ("day", "[0-9]{2}", 0, 99),
    "15": ("hour", "[0-9]{1,2}", 0, 23),
    "3": ("hour", "[0-9]{1,2}", 0, 12),
    "03": ("hour", "[0-9]{2}", 0, 12),
    "4": ("minute", "[0-9]{1,2}", 0, 59),
    "04": ("minute", "[0-9]{2}", 0, 59),
    "5": ("second", "[0-9]{1,2}", 0, 59),
    "05": ("second", "[0-9]{2}", 0, 59),
    "002": ("day of the year", "[0-9]{3}", 1, 366),
    "__2": ("day of the year", "(?:  [0-9]| [0-9]{2}|[0-9]{3})", 1, 366),
}
"""For each part that is a number: what it is called, what it looks like, and the range of its value."""
PATTERNS: Final = {part: re.compile(pattern) for part, (_, pattern, _, _) in NUMBERS.items()}


class _NoTime(Exception):
    """The text does not fit the layout; says why."""


@attrs.define
class _Reading:
    """What was read so far. `rest` is what is left of the text."""

    rest: str
    values: dict[str, int] = attrs.Factory(dict)
    nanosecond: int = 0
    is_afternoon: bool | None = None
    offset: int | None = None
    abbreviation: str = ""
    is_utc: bool = False

    def take(self, pattern: re.Pattern[str], name: str) -> re.Match[str]:
        """Takes what the pattern matches from the text."""
        match = pattern.match(self.rest)
        if match is None:
            found = f"{clip(self.rest, 20)} stands" if self.rest else "the text ends"
            raise _NoTime(f"{found} where the {name} should be")
        self.rest = self.rest[match.end() :]
        return match


def parse_time(text: str, layout: str, zone: Zone, function: str) -> Time:
    """The moment that a text writes in a layout. `function` is the name for messages."""
    charge(64 + (len(text) + len(layout) >> 1))
    try:
        if len(text) > TEXT_MAX:
            raise _NoTime(f"it has more than {TEXT_MAX} characters")
        return _moment(_read(text, layout), zone)
    except _NoTime as problem:
        raise Fault(
            "wrong-argument",
            f"`{function}`: {clip(text)} is not a time in the layout {clip(layout)}: {problem}",
            hint="the layout is the time `2006-01-02T15:04:05Z07:00` written the way that the text is",
        ) from None


def _read(text: str, layout: str) -> _Reading:
    reading = _Reading(text)
    parts = layout_parts(layout)
    for place, (literal, part) in enumerate(parts):
        _skip(reading, literal)
        if part:
            _read_part(reading, part)
            is_second = part in ("5", "05")
            if is_second and parts[place + 1][0] == "" and parts[place + 1][1][:1] in (".", ","):
                continue
            if is_second and (match := FRACTION.match(reading.rest)) is not None:
                _read_fraction(reading, match)
    if reading.rest:
        raise _NoTime(f"{clip(reading.rest, 20)} is left over")
    return reading


def _skip(reading: _Reading, literal: str) -> None:
    """Takes the literal text of a layout. A run of blanks stands for any run of blanks."""
    rest = reading.rest
    while literal:
        if literal[0] == " ":
            if rest and rest[0] != " ":
                raise _NoTime(f"{clip(rest, 20)} stands where a blank should be")
            literal, rest = literal.lstrip(" "), rest.lstrip(" ")
        elif rest[:1] != literal[0]:
            found = f"{clip(rest, 20)} stands" if rest else "the text ends"
            raise _NoTime(f"{found} where {clip(literal, 20)} should be")
        else:
            literal, rest = literal[1:], rest[1:]
    reading.rest = rest


def _read_part(reading: _Reading, part: str) -> None:
    numeric = NUMBERS.get(part)
    if numeric is not None:
        name, _, low, high = numeric
        value = int(reading.take(PATTERNS[part], name)[0])
        if not low <= value <= high:
            raise _NoTime(f"the {name} is out of range")
        reading.values[name] = value
    elif part == "06":
        value = int(reading.take(PATTERNS["02"], "year")[0])
        reading.values["year"] = value + (1900 if value >= CENTURY_TURN else 2000)
    elif part in ("Jan", "January"):
        reading.values["month"] = _named(reading, MONTHS, part == "Jan", "month") + 1
    elif part in ("Mon", "Monday"):
        _named(reading, WEEKDAYS, part == "Mon", "day of the week")
    elif part in ("PM", "pm"):
        pair = ("AM", "PM") if part == "PM" else ("am", "pm")
        reading.is_afternoon = reading.take(re.compile("|".join(pair)), "half of the day")[0] == pair[1]
    elif part == "MST":
        reading.abbreviation = reading.take(ABBREVIATION, "time zone")[0]
        reading.is_utc = reading.abbreviation == "UTC"
    elif part[0] in ".,":
        _read_layout_fraction(reading, part)
    else:
        _read_offset(reading, part)


def _named(reading: _Reading, names: tuple[str, ...], is_short: bool, kind: str) -> int:
    """The place of the name that the text goes on with."""
    for place, name in enumerate(names):
        known = name[:3] if is_short else name
        if reading.rest[: len(known)].lower() == known.lower():
            reading.rest = reading.rest[len(known) :]
            return place
    raise _NoTime(f"{clip(reading.rest, 20)} does not begin with the name of a {kind}")


def _read_fraction(reading: _Reading, match: re.Match[str]) -> None:
    reading.rest = reading.rest[match.end() :]
    reading.nanosecond = int(match[1][:9].ljust(9, "0"))


def _read_layout_fraction(reading: _Reading, part: str) -> None:
    """A fraction that the layout names: with zeros, so many digits; with nines, any number, also none."""
    match = FRACTION.match(reading.rest)
    if part[1] == "9":
        if match is not None:
            _read_fraction(reading, match)
        return
    match = re.compile(rf"[.,]([0-9]{{{len(part) - 1}}})").match(reading.rest)
    if match is None:
        raise _NoTime(f"a fraction of {len(part) - 1} digits is missing")
    _read_fraction(reading, match)


def _read_offset(reading: _Reading, part: str) -> None:
    if part[0] == "Z" and reading.rest.startswith("Z"):
        reading.rest = reading.rest[1:]
        reading.is_utc = True
        return
    sign, *parts = reading.take(OFFSETS[part[1:]], "offset of the time zone").groups()
    hours, minutes, seconds = [*map(int, parts), 0, 0][:3]
    if hours > 24 or minutes >= 60 or seconds >= 60:
        raise _NoTime("the offset of the time zone is out of range")
    size = hours * 3600 + minutes * 60 + seconds
    reading.offset = -size if sign == "-" else size


def _moment(reading: _Reading, zone: Zone) -> Time:
    """The moment of what was read."""
    values = reading.values
    year = values.get("year", 0)
    month, day = _date(values, year)
    hour = values.get("hour", 0)
    if reading.is_afternoon and hour < 12:
        hour += 12
    elif reading.is_afternoon is False and hour == 12:
        hour = 0
    shown = seconds_of(year, month, day, hour, values.get("minute", 0), values.get("second", 0))
    seconds, found = _placed(reading, shown, zone)
    return Time(seconds * SECOND + reading.nanosecond, found)


def _date(values: dict[str, int], year: int) -> tuple[int, int]:
    """Month and day, also from the day of the year."""
    day_of_year = values.get("day of the year")
    if day_of_year is None:
        month, day = values.get("month", 1), values.get("day", 1)
        if not 1 <= day <= days_in(year, month):
            raise _NoTime("the day is out of range")
        return month, day
    month, day = 1, day_of_year
    while day > days_in(year, month):
        day -= days_in(year, month)
        month += 1
        if month > 12:
            raise _NoTime("the day of the year is out of range")
    if values.get("month", month) != month or values.get("day", day) != day:
        raise _NoTime("the day of the year is not the date")
    return month, day


def _placed(reading: _Reading, shown: int, zone: Zone) -> tuple[int, Zone]:
    """Seconds since 1970 and zone, from what the clock shows and what the text says about the zone."""
    if reading.is_utc:
        return shown, UTC
    name = reading.abbreviation
    if reading.offset is not None:
        seconds = shown - reading.offset
        offset, known = zone.at(seconds)
        is_here = offset == reading.offset and name in ("", known)
        return seconds, zone if is_here else fixed_zone(name, reading.offset)
    if not name:
        return zone.to_utc(shown), zone
    charge(ABBREVIATION_STEPS)
    known_offset = zone.offset_of(name, shown)
    if known_offset is not None:
        return shown - known_offset, zone
    offset = int(name[3:]) * 3600 if name.startswith("GMT") and len(name) > 3 else 0
    return shown - offset, fixed_zone(name, offset)
