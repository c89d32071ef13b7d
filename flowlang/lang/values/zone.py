"""Time zones: what the clock on the wall shows at a moment, by the name of a place.

The rules come from the tz database, which is data of the outside: whoever embeds the language hands in a reader for
its files (`install_zones`), and until somebody does there is only UTC. The zone of the machine is never asked
for and has no name here; a script gives the same answers everywhere.

A zone is a name with rules, or an offset with an abbreviation that a text stated (`2026-01-02T03:04:05-05:00`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, tzinfo
from io import BytesIO
from typing import Final

UTC_NAME: Final = "UTC"
UTC_NAMES: Final = ("", UTC_NAME)
EPOCH: Final = datetime(1970, 1, 1)
SECONDS_MIN: Final = -62_135_510_400
"""A day after the first moment that the host's calendar has."""
SECONDS_MAX: Final = 253_402_128_000
"""And two before its last. Beyond, the rules of the nearest moment hold."""
MONTH: Final = 30 * 86_400


class _Rules:
    """Where the rules of zones come from, and those that were read. They are data that never changes while a process
    runs, so all evaluations share them."""

    __slots__ = ("known", "names", "read")

    def __init__(self) -> None:
        self.read: Callable[[str], bytes | None] = lambda name: None
        self.names: Callable[[], Iterable[str]] = tuple
        self.known: dict[str, Zone] = {}


_RULES: Final = _Rules()


def install_zones(read: Callable[[str], bytes | None], names: Callable[[], Iterable[str]]) -> None:
    """Sets what gives the TZif bytes of a zone by its name, or None for a name that is none, and what lists all
    names."""
    _RULES.read = read
    _RULES.names = names
    _RULES.known.clear()


def zone_names() -> list[str]:
    """The names of all zones, sorted."""
    return sorted({UTC_NAME, *_RULES.names()})


class Zone:
    """A zone. `name` is what a script calls it; `fixed` its offset in seconds when it has no rules, and then `name`
    is the abbreviation that was stated, or empty."""

    __slots__ = ("fixed", "name", "rules")

    def __init__(self, name: str, fixed: int | None = None, rules: tzinfo | None = None) -> None:
        self.name: Final = name
        self.fixed: Final = fixed
        self.rules: Final = rules

    def at(self, seconds: int) -> tuple[int, str]:
        """The offset from UTC in seconds, and the abbreviation, at a number of seconds since 1970."""
        if self.rules is None:
            return self.fixed or 0, self.name
        bounded = max(SECONDS_MIN, min(seconds, SECONDS_MAX))
        local = self.rules.fromutc((EPOCH + timedelta(seconds=bounded)).replace(tzinfo=self.rules))
        offset = local.utcoffset() or timedelta()
        return offset.days * 86_400 + offset.seconds, local.tzname() or ""

    def to_utc(self, seconds: int) -> int:
        """The seconds since 1970 of the moment at which the zone's clock shows `seconds` since 1970. Of a time that
        comes twice, or never, one of the two readings is taken."""
        offset, _ = self.at(seconds)
        guessed, _ = self.at(seconds - offset)
        return seconds - guessed

    def offset_of(self, abbreviation: str, seconds: int) -> int | None:
        """The offset that an abbreviation stands for here: first at the time `seconds` of the zone's clock, else in
        the year before; None if the zone has no such abbreviation."""
        for month in range(13):
            offset, name = self.at(self.to_utc(seconds - month * MONTH))
            if name == abbreviation:
                return offset
        return None


UTC: Final = Zone(UTC_NAME, fixed=0)


def fixed_zone(name: str, offset: int) -> Zone:
    """A zone that is always `offset` seconds from UTC."""
    return UTC if name == UTC_NAME and offset == 0 else Zone(name, fixed=offset)


def find_zone(name: str) -> Zone | None:
    """The zone of a name of the tz database, such as `Europe/Berlin`; None if there is none."""
    if name in UTC_NAMES:
        return UTC
    zone = _RULES.known.get(name)
    if zone is None:
        data = _RULES.read(name)
        if data is None:
            return None
        from zoneinfo import ZoneInfo

        zone = _RULES.known[name] = Zone(name, rules=ZoneInfo.from_file(BytesIO(data), key=name))
    return zone
