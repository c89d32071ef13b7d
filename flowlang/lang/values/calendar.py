"""The calendar: from days to dates and back, in the Gregorian calendar extended to all years.

Years are counted from March, so that the day which leap years add comes last; then the length of the months before a
date, and the leap days before a year, are plain quotients.
"""

from __future__ import annotations

from typing import Final

DAY: Final = 86_400
"""Seconds of a day."""
DAYS_OF_MARCH_OF_YEAR_ZERO: Final = -719_468
"""The first of March of the year 0, in days since 1970."""
DAYS_OF_400_YEARS: Final = 146_097
DAYS_OF_100_YEARS: Final = 36_524
DAYS_OF_4_YEARS: Final = 1_461
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def days_of(year: int, month: int, day: int) -> int:
    """The days from 1970 to a date. Months and days beyond their range count on into the neighbouring ones: the day 0
    is the last of the month before."""
    year += (month - 1) // 12
    month = (month - 1) % 12 + 1
    since_march = (month - 3) % 12
    if month < 3:
        year -= 1
    before = 365 * year + year // 4 - year // 100 + year // 400
    return DAYS_OF_MARCH_OF_YEAR_ZERO + before + (153 * since_march + 2) // 5 + day - 1


def date_of(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970."""
    era, day = divmod(days - DAYS_OF_MARCH_OF_YEAR_ZERO, DAYS_OF_400_YEARS)
    # The last day of four, and of four hundred, years is one more than the quotient allows for.
    of_era = (day - day // (DAYS_OF_4_YEARS - 1) + day // DAYS_OF_100_YEARS - day // (DAYS_OF_400_YEARS - 1)) // 365
    day -= 365 * of_era + of_era // 4 - of_era // 100
    since_march = (5 * day + 2) // 153
    month = (since_march + 2) % 12 + 1
    return 400 * era + of_era + (month < 3), month, day - (153 * since_march + 2) // 5 + 1


def days_in(year: int, month: int) -> int:
    """How many days a month has."""
    return days_of(year, month + 1, 1) - days_of(year, month, 1)


def weekday_of(days: int) -> int:
    """The day of the week, with Sunday as 0."""
    return (days + 4) % 7


def seconds_of(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """The seconds from 1970 to a date and time of day; every part may be beyond its range."""
    return days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second
