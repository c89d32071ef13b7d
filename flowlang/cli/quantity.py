"""Counts, sizes and spans of time as people write them: `10_000_000`, `10M`, `1e7`; `200MB`, `64MiB`; `90s`, `7d`.

`k`, `M`, `G` and `T` are thousands, with `i` behind them powers of 1024, in capitals or not; of a size, `B` may follow.
"""

from __future__ import annotations

import re
from typing import Any, Final

import click

COUNT_MAX: Final = 10**15
_NUMBER: Final = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?)\s*([A-Za-z]*)")
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Count(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A whole number, at least one."""

    name = "count"
    unit = ""
    wanted = "a count, such as `10_000_000` or `10M`"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number that a text stands for."""
        if isinstance(value, int):
            return value
        number = _parse(value, self.unit)
        if number is None or not 1 <= number <= COUNT_MAX:
            shown = value if len(value) <= 40 else value[:39] + "…"
            self.fail(f"`{shown}` is not {self.wanted}", param, ctx)
        return number


class Size(Count):
    """A number of bytes, at least one."""

    name = "size"
    unit = "b"
    wanted = "a size, such as `200MB` or `64MiB`"


class Span(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A span of time, in milliseconds. A number alone is seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The milliseconds that a text stands for."""
        from flowlang.runtime.operations.time_text import parse_span_ms

        if isinstance(value, int):
            return value
        span_ms = parse_span_ms(value if not value.replace(".", "", 1).isdigit() else f"{value}s")
        if span_ms is None:
            shown = value if len(value) <= 40 else value[:39] + "…"
            self.fail(f"`{shown}` is not a span of time, such as `90s`, `30min`, `12h` or `7d`", param, ctx)
        return span_ms


def _parse(text: str, unit: str) -> int | None:
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    suffix = found[2].lower()
    suffix = suffix.removesuffix(unit) if unit else suffix
    factor = 1024 if suffix.endswith("i") else 1000
    power = _POWERS.get(suffix.removesuffix("i"))
    if power is None or suffix == "i":
        return None
    from decimal import Decimal

    number = Decimal(found[1].replace("_", "").replace(",", "")) * factor**power
    return int(number) if number == int(number) or power else None
