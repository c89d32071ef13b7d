"""Moments, durations and zones: against the host's calendar, through the journal's bytes, and at their limits."""

from __future__ import annotations

from datetime import UTC as HOST_UTC
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.lang.values.calendar import DAY, date_of, days_in, days_of, weekday_of
from flowlang.lang.values.canonical import MalformedData, copy_by_value, decode, encode
from flowlang.lang.values.compare import equal, less
from flowlang.lang.values.container import List
from flowlang.lang.values.duration import NANOSECONDS_MAX, SECOND, Duration, duration_text, parse_duration
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.time import FIRST, LAST, RFC3339, RFC3339_EXACT, Time, time_text
from flowlang.lang.values.time_layout import format_time
from flowlang.lang.values.time_parse import parse_time
from flowlang.lang.values.zone import UTC, Zone, find_zone, fixed_zone, install_zones
from flowlang.library import read_bundled
from flowlang.zones import read_zone, zone_names, zones_version

assert read_bundled, "importing the library hands in the zones"

PLACES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
moments = st.integers(FIRST, LAST - 1)
durations = st.integers(-NANOSECONDS_MAX - 1, NANOSECONDS_MAX).map(Duration)
modern = st.integers(0, 4_000_000_000)
MARCH_THIRD = 1_772_582_400


def place(name: str) -> Zone:
    found = find_zone(name)
    assert found is not None
    return found


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 28))
def test_the_calendar_is_the_hosts(year: int, month: int, day: int) -> None:
    days = days_of(year, month, day)
    host = datetime(year, month, day, tzinfo=HOST_UTC)
    assert days * DAY == int(host.timestamp())
    assert date_of(days) == (year, month, day)
    assert weekday_of(days) == host.isoweekday() % 7


@given(st.integers(-1_000_000, 4_000_000))
def test_dates_and_days_are_inverse(days: int) -> None:
    assert days_of(*date_of(days)) == days


def test_months_have_their_lengths() -> None:
    assert [days_in(2023, month) for month in range(1, 13)] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert [days_in(year, 2) for year in (0, 1900, 2000, 2024, 2100)] == [29, 28, 29, 29, 28]


@given(durations)
def test_the_text_of_a_duration_reads_back(duration: Duration) -> None:
    assert parse_duration(duration_text(duration.nanoseconds), "test") == duration


@pytest.mark.parametrize("nanoseconds", [NANOSECONDS_MAX + 1, -NANOSECONDS_MAX - 2, 10**40])
def test_durations_have_a_range(nanoseconds: int) -> None:
    with pytest.raises(Fault) as caught:
        Duration(nanoseconds)
    assert caught.value.slug == "time-out-of-range"


@pytest.mark.parametrize("nanoseconds", [FIRST - 1, LAST, 10**40])
def test_moments_have_a_range(nanoseconds: int) -> None:
    with pytest.raises(Fault) as caught:
        Time(nanoseconds, UTC)
    assert caught.value.slug == "time-out-of-range"


@given(moments, st.sampled_from(PLACES))
def test_an_exact_text_reads_back(nanoseconds: int, name: str) -> None:
    moment = Time(nanoseconds, place(name))
    if moment.clock().offset % 60 == 0 and 0 <= moment.clock().year <= 9999:
        text = format_time(moment.clock(), RFC3339_EXACT)
        assert parse_time(text, RFC3339, UTC, "test") == moment


@given(modern, st.sampled_from(PLACES))
def test_clocks_show_what_the_host_shows(seconds: int, name: str) -> None:
    host = datetime.fromtimestamp(seconds, HOST_UTC).astimezone(ZoneInfo(name))
    clock = Time(seconds * SECOND, place(name)).clock()
    assert format_time(clock, "2006-01-02 15:04:05 -0700 MST") == host.strftime("%Y-%m-%d %H:%M:%S %z %Z")


@given(modern, st.sampled_from(PLACES))
def test_the_wall_clock_leads_back_to_a_moment_that_shows_it(seconds: int, name: str) -> None:
    zone = place(name)
    shown = seconds + zone.at(seconds)[0]
    found = zone.to_utc(shown)
    assert found + zone.at(found)[0] == shown


@given(moments, st.sampled_from(PLACES), st.integers(-86_399, 86_399))
def test_moments_cross_by_value(nanoseconds: int, name: str, offset: int) -> None:
    for zone in (place(name), fixed_zone("XYZ", offset)):
        moment = Time(nanoseconds, zone)
        for copied in (decode(encode(moment)), copy_by_value(moment)):
            assert type(copied) is Time
            assert copied == moment
            assert copied.clock() == moment.clock()


@given(durations)
def test_durations_cross_by_value(duration: Duration) -> None:
    assert decode(encode(List([duration])))[0] == duration
    assert copy_by_value(duration) == duration


def test_the_bytes_are_plain() -> None:
    assert encode(Duration(1500)) == b'{"$duration":1500}'
    assert encode(Time(5, UTC)) == b'{"$time":[5,"UTC"]}'
    assert encode(Time(5, place("Asia/Tokyo"))) == b'{"$time":[5,"Asia/Tokyo"]}'
    assert encode(Time(5, fixed_zone("", 3600))) == b'{"$time":[5,"",3600]}'


@pytest.mark.parametrize(
    "data",
    [
        b'{"$time":[5,"Nowhere"]}',
        b'{"$time":5}',
        b'{"$time":[1.5,"UTC"]}',
        b'{"$time":[5,"",1.5]}',
        b'{"$duration":"x"}',
        b'{"$duration":1.5}',
        b'{"$duration":1e99}',
        b'{"$duration":true}',
    ],
)
def test_damaged_bytes_are_noticed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        decode(data)


def test_equality_and_order_are_of_the_instant() -> None:
    here, there = Time(10, UTC), Time(10, place("Asia/Tokyo"))
    assert equal(here, there)
    assert hash(here) == hash(there)
    assert not less(here, there)
    assert less(here, Time(11, UTC))
    assert not equal(Duration(10), here)
    assert not equal(Duration(10), 10)
    assert {Duration(10): "a", here: "b", 10: "c"}[there] == "b"


def test_rules_hold_beyond_the_hosts_calendar() -> None:
    for nanoseconds in (FIRST, LAST - 1):
        for name in PLACES:
            assert time_text(Time(nanoseconds, place(name)))


def test_without_the_tz_database_there_is_utc() -> None:
    install_zones(lambda name: None, tuple)
    try:
        assert find_zone("UTC") is find_zone("") is UTC
        assert find_zone("Europe/Berlin") is None
    finally:
        install_zones(read_zone, zone_names)
    assert find_zone("Europe/Berlin") is not None


def test_every_name_of_the_tz_database_is_a_zone() -> None:
    for name in zone_names():
        assert place(name).at(MARCH_THIRD)
    assert zones_version()[:2] == "20"


@pytest.mark.parametrize(
    "name", ["../zones", "Europe", "europe/berlin", "/etc/passwd", "Europe/Berlin/", "__init__.py"]
)
def test_names_are_no_paths(name: str) -> None:
    assert read_zone(name) is None
    assert find_zone(name) is None


def test_an_hour_that_comes_twice_or_never_is_read_as_one_of_both() -> None:
    zone = place("Europe/Berlin")
    skipped = parse_time("2026-03-29T02:30:00", "2006-01-02T15:04:05", zone, "test")
    assert time_text(skipped) == "2026-03-29 03:30:00 +0200 CEST"
    doubled = parse_time("2026-10-25T02:30:00", "2006-01-02T15:04:05", zone, "test")
    assert time_text(doubled) == "2026-10-25 02:30:00 +0100 CET"
    assert timedelta(seconds=zone.at(MARCH_THIRD)[0]) == timedelta(hours=1)
