"""The module `time`: moments, durations and time zones, as values.

What the time is now is not among them: that differs from one evaluation to the next, so it is an action, which is
recorded. Everything here depends on its arguments and the tz database alone.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.universe.native_module import native_module
from flowlang.lang.values.argument import int_argument, string_argument
from flowlang.lang.values.calendar import seconds_of
from flowlang.lang.values.duration import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, Duration
from flowlang.lang.values.duration import parse_duration as read_duration
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import builtin
from flowlang.lang.values.time import FIRST, LAST, RFC3339, Time, zone_named
from flowlang.lang.values.zone import UTC, UTC_NAME, find_zone

PART_MAX: Final = 1 << 53
"""No part of a date needs to be larger, and none so large leads to the years 0 to 9999."""


@builtin("time.from_timestamp", "seconds[, nanoseconds]")
def from_timestamp(depth: int, seconds: Any, nanoseconds: Any = 0, /) -> Time:
    """The moment so many seconds and nanoseconds after the beginning of 1970, in UTC."""
    whole = int_argument("time.from_timestamp", "seconds", seconds)
    rest = int_argument("time.from_timestamp", "nanoseconds", nanoseconds)
    return Time(whole * SECOND + rest, UTC)


@builtin("time.is_valid_timezone", "name")
def is_valid_timezone(depth: int, name: Any, /) -> bool:
    """Whether there is a time zone of that name."""
    return find_zone(string_argument("time.is_valid_timezone", "name", name)) is not None


@builtin("time.parse_duration", "text")
def parse_duration(depth: int, text: Any, /) -> Duration:
    """The duration that a text such as `"1h30m"` writes; a duration itself."""
    if type(text) is Duration:
        return text
    return read_duration(string_argument("time.parse_duration", "text", text), "time.parse_duration")


@builtin("time.parse_time", 'x, format = "2006-01-02T15:04:05Z07:00", location = "UTC"')
def parse_time(depth: int, /, x: Any, format: Any = RFC3339, location: Any = UTC_NAME) -> Time:
    """The moment that a text writes, in a layout and, unless the text names one, in a time zone."""
    from flowlang.lang.values.time_parse import parse_time as read_time

    function = "time.parse_time"
    text = string_argument(function, "x", x)
    layout = string_argument(function, "format", format)
    zone = zone_named(string_argument(function, "location", location), function)
    return read_time(text, layout, zone, function)


@builtin("time.time", "year, month = 1, day = 1, hour = 0, minute = 0, second = 0, nanosecond = 0, location = 'UTC'")
def make_time(
    depth: int,
    /,
    *,
    year: Any,
    month: Any = 1,
    day: Any = 1,
    hour: Any = 0,
    minute: Any = 0,
    second: Any = 0,
    nanosecond: Any = 0,
    location: Any = UTC_NAME,
) -> Time:
    """The moment at which the clock of a zone shows this date and time. Parts beyond their range count on: the 32nd
    of January is the first of February."""
    parts = []
    for parameter, value in (
        ("year", year), ("month", month), ("day", day), ("hour", hour), ("minute", minute), ("second", second),
        ("nanosecond", nanosecond),
    ):  # fmt: skip
        if abs(int_argument("time.time", parameter, value)) > PART_MAX:
            raise Fault("time-out-of-range", f"`time.time`: `{parameter}` is too large", hint="use smaller parts")
        parts.append(value)
    zone = zone_named(string_argument("time.time", "location", location), "time.time")
    *date, rest = parts
    seconds = seconds_of(*date) + rest // SECOND
    if FIRST <= seconds * SECOND < LAST:
        seconds = zone.to_utc(seconds)
    return Time(seconds * SECOND + rest % SECOND, zone)


FUNCTIONS: Final = (from_timestamp, is_valid_timezone, parse_duration, parse_time, make_time)
DURATIONS: Final = {
    "nanosecond": 1, "microsecond": MICROSECOND, "millisecond": MILLISECOND, "second": SECOND, "minute": MINUTE,
    "hour": HOUR,
}  # fmt: skip

TIME: Final = native_module("time", FUNCTIONS, {name: Duration(nanoseconds) for name, nanoseconds in DURATIONS.items()})
"""The module as a value."""
