"""How scripts say how long: seconds as a number, or a duration of the module `time`."""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.values.duration import Duration
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import type_name

LONGEST_S: Final = 100 * 366 * 86_400
"""Longer periods are mistakes, such as milliseconds given for seconds."""
NANOSECONDS: Final = 1_000_000_000


def seconds_argument(function: str, name: str, value: Any, *, is_positive: bool = False) -> float:
    """The seconds that an argument stands for: from 0 (with `is_positive`: above) to 100 years."""
    if type(value) is Duration:
        seconds: float = value.nanoseconds / NANOSECONDS
    elif type(value) in (int, float):
        seconds = value
    else:
        raise Fault(
            "type-mismatch", f"`{name}` of `{function}` takes seconds or a duration, not {type_name(value)}",
            hint="such as `90` or `90 * time.second`",
        )  # fmt: skip
    if not 0 <= seconds <= LONGEST_S or (is_positive and seconds == 0):
        least = "more than 0" if is_positive else "0"
        raise Fault("wrong-argument", f"`{name}` of `{function}` takes from {least} seconds to 100 years")
    return seconds


def span_ms(function: str, name: str, value: Any, *, is_positive: bool = False) -> int:
    """The milliseconds that an argument stands for; those of a positive one are at least one."""
    milliseconds = round(seconds_argument(function, name, value, is_positive=is_positive) * 1000)
    return max(milliseconds, 1) if is_positive else milliseconds


def timeout_ms(function: str, value: Any) -> int | None:
    """The milliseconds of a `timeout` argument; None for never."""
    return None if value is None else span_ms(function, "timeout", value)
