"""Durations: a number of nanoseconds, the distance between two moments. `time.parse_duration("1h30m")`.

A duration is exact and has the range of a signed 64-bit count of nanoseconds, some 292 years either way; arithmetic
that leaves it is an error rather than a wrong number. Its text names hours, minutes and seconds (`1h30m0.5s`), and
below one second the unit that leaves no leading zero (`250ms`); `parse_duration` reads what the text says.

Quotients and products with floats are computed with whole numbers from the exact value of the float and cut towards
zero, so they do not depend on how a host rounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from flowlang.lang.values.canonical import register_codec
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.protocol import MISSING, ValueType, register
from flowlang.lang.values.quote import clip
from flowlang.lang.values.size import OBJECT

NANOSECONDS_MAX: Final = (1 << 63) - 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

UNITS: Final = {
    "ns": 1, "us": MICROSECOND, "µs": MICROSECOND, "μs": MICROSECOND, "ms": MILLISECOND,
    "s": SECOND, "m": MINUTE, "h": HOUR,
}  # fmt: skip
"""What a text may use; the sign for micro has two code points."""
TEXT_MAX: Final = 200
"""Longer texts are no durations that anybody meant."""
PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
SHAPE: Final = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
FIELDS: Final[dict[str, Callable[[int], Any]]] = {
    "hours": lambda nanoseconds: nanoseconds / HOUR,
    "microseconds": lambda nanoseconds: quotient(nanoseconds, MICROSECOND),
    "milliseconds": lambda nanoseconds: quotient(nanoseconds, MILLISECOND),
    "minutes": lambda nanoseconds: nanoseconds / MINUTE,
    "nanoseconds": lambda nanoseconds: nanoseconds,
    "seconds": lambda nanoseconds: nanoseconds / SECOND,
}


class Duration:
    """A duration value; it never changes."""

    __slots__ = ("nanoseconds",)

    def __init__(self, nanoseconds: int) -> None:
        if not -NANOSECONDS_MAX - 1 <= nanoseconds <= NANOSECONDS_MAX:
            raise Fault(
                "time-out-of-range",
                "the duration is longer than 2**63 nanoseconds, some 292 years",
                hint="count days or years with an int",
            )
        charge(0, OBJECT)
        self.nanoseconds: Final = nanoseconds

    def __eq__(self, other: object) -> bool:
        return type(other) is Duration and self.nanoseconds == other.nanoseconds

    def __hash__(self) -> int:
        return hash(f"duration {self.nanoseconds}")

    def __repr__(self) -> str:
        return f"Duration({duration_text(self.nanoseconds)})"


def whole(data: Any) -> int:
    """The int of stored data. Raises TypeError for anything else: then the data are damaged."""
    if type(data) is not int:
        raise TypeError("not an int")
    return data


def quotient(dividend: int, divisor: int) -> int:
    """The quotient of ints, cut towards zero."""
    size = abs(dividend) // abs(divisor)
    return size if (dividend < 0) == (divisor < 0) else -size


def duration_text(nanoseconds: int) -> str:
    """The text of a duration: `1h30m0s`, `1.5s`, `250ms`, `0s`."""
    sign = "-" if nanoseconds < 0 else ""
    size = abs(nanoseconds)
    if size < SECOND:
        for unit, factor in (("ns", 1), ("µs", MICROSECOND), ("ms", MILLISECOND)):
            if 0 < size < factor * 1000:
                return f"{sign}{_decimal(size, factor)}{unit}"
        return "0s"
    hours, rest = divmod(size, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    text = f"{_decimal(rest, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(count: int, factor: int) -> str:
    """`count / factor` in decimal, without zeros at the end; `factor` is a power of ten."""
    whole, rest = divmod(count, factor)
    fraction = str(factor + rest)[1:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def parse_duration(text: str, function: str) -> Duration:
    """The duration that a text writes. `function` is the name for messages."""
    charge(min(len(text), TEXT_MAX))
    if text in ("0", "+0", "-0"):
        return Duration(0)
    if len(text) > TEXT_MAX or SHAPE.fullmatch(text) is None:
        raise Fault(
            "wrong-argument",
            f"`{function}`: {clip(text)} is not a duration",
            hint='numbers with units, such as "1h30m", "2.5s" or "300ms"; units are ns, us, ms, s, m, h',
        )
    total = 0
    for whole, fraction, unit in PART.findall(text):
        factor = UNITS[unit]
        total += int(whole or 0) * factor
        if fraction:
            total += int(fraction) * factor // 10 ** len(fraction)
    return Duration(-total if text[0] == "-" else total)


def scaled(nanoseconds: int, numerator: int, denominator: int) -> Duration:
    """The duration times a fraction, cut towards zero."""
    return Duration(quotient(nanoseconds * numerator, denominator))


def _by_zero(symbol: str) -> Fault:
    name = "floored division" if symbol == "//" else "division"
    return Fault("division-by-zero", f"{name} by zero", hint="check that the right side is not 0 before")


def _ratio(factor: float) -> tuple[int, int]:
    """The float as a fraction of ints."""
    if not math.isfinite(factor):
        raise Fault("time-out-of-range", "a duration cannot be multiplied or divided by an infinity or NaN")
    return factor.as_integer_ratio()


def _times_float(left: Duration, right: float) -> Duration:
    numerator, denominator = _ratio(right)
    return scaled(left.nanoseconds, numerator, denominator)


def _over_duration(left: Duration, right: Duration) -> float:
    if right.nanoseconds == 0:
        raise _by_zero("/")
    return left.nanoseconds / right.nanoseconds


def _over_int(left: Duration, right: int) -> Duration:
    if right == 0:
        raise _by_zero("/")
    return scaled(left.nanoseconds, 1, right)


def _over_float(left: Duration, right: float) -> Duration:
    if right == 0:
        raise _by_zero("/")
    numerator, denominator = _ratio(right)
    return scaled(left.nanoseconds, denominator, numerator)


def _floored(left: Duration, right: Duration) -> int:
    if right.nanoseconds == 0:
        raise _by_zero("//")
    return left.nanoseconds // right.nanoseconds


def _field(value: Duration, name: str) -> Any:
    read = FIELDS.get(name)
    return MISSING if read is None else read(value.nanoseconds)


register(
    Duration,
    ValueType(
        "time.duration",
        field_names=lambda value: tuple(FIELDS),
        get_field=_field,
        display=lambda value, nested: duration_text(value.nanoseconds),
        equal=lambda left, right, equal: left.nanoseconds == right.nanoseconds,
        less=lambda left, right, less: left.nanoseconds < right.nanoseconds,
        truth=lambda value: value.nanoseconds != 0,
        size=lambda value: OBJECT,
    ),
)
register_operation("+", [Duration], [Duration], lambda left, right: Duration(left.nanoseconds + right.nanoseconds))
register_operation("-", [Duration], [Duration], lambda left, right: Duration(left.nanoseconds - right.nanoseconds))
register_operation("*", [Duration], [int], lambda left, right: Duration(left.nanoseconds * right))
register_operation("*", [int], [Duration], lambda left, right: Duration(left * right.nanoseconds))
register_operation("*", [Duration], [float], _times_float)
register_operation("*", [float], [Duration], lambda left, right: _times_float(right, left))
register_operation("/", [Duration], [Duration], _over_duration)
register_operation("/", [Duration], [int], _over_int)
register_operation("/", [Duration], [float], _over_float)
register_operation("//", [Duration], [Duration], _floored)
register_codec("duration", Duration, lambda value: value.nanoseconds, lambda data: Duration(whole(data)))
