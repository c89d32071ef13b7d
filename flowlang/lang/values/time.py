"""Moments: exact to the nanosecond, seen from a time zone. `time.parse_time("2026-01-02T03:04:05Z")`.

A moment is a number of nanoseconds since 1970 in UTC, together with the zone whose clock it is shown by. Equality,
order and use as a key look at the moment alone: the same instant seen from two places is one. Fields, `format` and
the text show what the zone's clock shows. Moments lie in the years 0 to 9999, which is what the formats of the
world can write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.values.argument import string_argument
from flowlang.lang.values.calendar import DAY, date_of
from flowlang.lang.values.canonical import register_codec
from flowlang.lang.values.container import List
from flowlang.lang.values.duration import SECOND, Duration, whole
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.mutation import method, methods
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.protocol import MISSING, ValueType, register
from flowlang.lang.values.quote import clip
from flowlang.lang.values.size import OBJECT
from flowlang.lang.values.zone import UTC_NAME, Zone, find_zone, fixed_zone, zone_names

FIRST: Final = -62_167_219_200 * SECOND
"""The beginning of the year 0."""
LAST: Final = 253_402_300_800 * SECOND
"""The end of the year 9999."""
SIZE: Final = 3 * OBJECT
"""Bytes of a time, and of a zone that it alone may have."""
NAME_MAX: Final = 64
CLOCK_STEPS: Final = 4
ZONE_STEPS: Final = 64
SUGGESTION_STEPS: Final = 2_000
TEXT_LAYOUT: Final = "2006-01-02 15:04:05.999999999 -0700 MST"
RFC3339: Final = "2006-01-02T15:04:05Z07:00"
RFC3339_EXACT: Final = "2006-01-02T15:04:05.999999999Z07:00"


@attrs.frozen
class Clock:
    """What a zone's clock and calendar show at a moment. `days` since 1970; `offset` in seconds."""

    days: int
    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int
    offset: int
    abbreviation: str


class Time:
    """A moment as a value; it never changes."""

    __slots__ = ("nanoseconds", "zone")

    def __init__(self, nanoseconds: int, zone: Zone) -> None:
        if not FIRST <= nanoseconds < LAST:
            raise Fault(
                "time-out-of-range",
                "the time lies outside the years 0 to 9999",
                hint="check the parts and the duration that it was made from",
            )
        charge(0, SIZE)
        self.nanoseconds: Final = nanoseconds
        self.zone: Final = zone

    def __eq__(self, other: object) -> bool:
        return type(other) is Time and self.nanoseconds == other.nanoseconds

    def __hash__(self) -> int:
        return hash(f"time {self.nanoseconds}")

    def __repr__(self) -> str:
        return f"Time({time_text(self)})"

    def clock(self) -> Clock:
        """What the zone's clock shows."""
        charge(CLOCK_STEPS)
        seconds, nanosecond = divmod(self.nanoseconds, SECOND)
        offset, abbreviation = self.zone.at(seconds)
        days, rest = divmod(seconds + offset, DAY)
        minutes, second = divmod(rest, 60)
        hour, minute = divmod(minutes, 60)
        return Clock(days, *date_of(days), hour, minute, second, nanosecond, offset, abbreviation)


FIELDS: Final[dict[str, Callable[[Time], int]]] = {
    "day": lambda value: value.clock().day,
    "hour": lambda value: value.clock().hour,
    "minute": lambda value: value.clock().minute,
    "month": lambda value: value.clock().month,
    "nanosecond": lambda value: value.nanoseconds % SECOND,
    "second": lambda value: value.clock().second,
    "unix": lambda value: value.nanoseconds // SECOND,
    "unix_nano": lambda value: value.nanoseconds,
    "year": lambda value: value.clock().year,
}


def zone_named(name: str, function: str) -> Zone:
    """The zone of a name that a script gave. `function` is the name for messages."""
    charge(ZONE_STEPS)
    zone = find_zone(name) if len(name) <= NAME_MAX else None
    if zone is None:
        charge(SUGGESTION_STEPS)
        names = [known for known in zone_names() if known[0].lower() == name[0].lower()] if name else []
        similar = nearest(name, names) if len(name) <= NAME_MAX else None
        hint = f'did you mean "{similar}"?' if similar else 'use a name of the tz database, such as "Europe/Berlin"'
        raise Fault("wrong-argument", f"`{function}`: there is no time zone {clip(name)}", hint=hint)
    return zone


def time_text(value: Time) -> str:
    """The text of a moment: date, time of day, offset and abbreviation."""
    from flowlang.lang.values.time_layout import format_time

    return format_time(value.clock(), TEXT_LAYOUT)


@method("time.time.format")
def format(depth: int, self: Time, layout: Any, /) -> str:
    """The moment written like the reference time Mon Jan 2 15:04:05 MST 2006 is in the layout."""
    from flowlang.lang.values.time_layout import format_time

    return format_time(self.clock(), string_argument("time.format", "layout", layout))


@method("time.time.in_location")
def in_location(depth: int, self: Time, name: Any, /) -> Time:
    """The same moment, seen from another time zone."""
    return Time(self.nanoseconds, zone_named(string_argument("time.in_location", "name", name), "time.in_location"))


def _field(value: Time, name: str) -> Any:
    read = FIELDS.get(name)
    return MISSING if read is None else read(value)


def _to_data(value: Time) -> Any:
    """A moment of a named zone as `[nanoseconds, name]`; of a stated offset with the offset behind."""
    zone = value.zone
    is_fixed = zone.fixed is not None and zone.name != UTC_NAME
    return List([value.nanoseconds, zone.name, zone.fixed] if is_fixed else [value.nanoseconds, zone.name])


def _from_data(data: Any) -> Time:
    if len(data) == 3:
        return Time(whole(data[0]), fixed_zone(data[1], whole(data[2])))
    return Time(whole(data[0]), zone_named(data[1], "time"))


register(
    Time,
    ValueType(
        "time.time",
        methods=methods(format, in_location),
        field_names=lambda value: tuple(FIELDS),
        get_field=_field,
        display=lambda value, nested: time_text(value),
        equal=lambda left, right, equal: left.nanoseconds == right.nanoseconds,
        less=lambda left, right, less: left.nanoseconds < right.nanoseconds,
        size=lambda value: SIZE,
    ),
)
register_operation("+", [Time], [Duration], lambda left, right: Time(left.nanoseconds + right.nanoseconds, left.zone))
register_operation("+", [Duration], [Time], lambda left, right: Time(left.nanoseconds + right.nanoseconds, right.zone))
register_operation("-", [Time], [Duration], lambda left, right: Time(left.nanoseconds - right.nanoseconds, left.zone))
register_operation("-", [Time], [Time], lambda left, right: Duration(left.nanoseconds - right.nanoseconds))
register_codec("time", Time, _to_data, _from_data)
