"""Spans and moments as operators write them: `90s`, `30 min`, `7d`; `2026-01-31`, `2026-01-31T12:00Z`, `2h ago`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

SPAN_MS_MAX: Final = 100 * 366 * 24 * 3600 * 1000
_SPAN: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([a-z]+)")
_UNITS_MS: Final = {
    "ms": 1,
    "s": 1000, "sec": 1000, "second": 1000, "seconds": 1000,
    "m": 60_000, "min": 60_000, "minute": 60_000, "minutes": 60_000,
    "h": 3_600_000, "hour": 3_600_000, "hours": 3_600_000,
    "d": 86_400_000, "day": 86_400_000, "days": 86_400_000,
    "w": 604_800_000, "week": 604_800_000, "weeks": 604_800_000,
}  # fmt: skip


def parse_span_ms(text: str) -> int | None:
    """The milliseconds of `90s` or `7 days`; None for what is no span of time."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or found[2] not in _UNITS_MS:
        return None
    span_ms = round(float(found[1]) * _UNITS_MS[found[2]])
    return span_ms if span_ms <= SPAN_MS_MAX else None


def parse_moment_ms(text: str, now_ms: int) -> int | None:
    """The time that a text means, in milliseconds since 1970; None for what is none. Without a zone it is UTC."""
    if text.endswith(" ago"):
        span_ms = parse_span_ms(text[: -len(" ago")])
        return None if span_ms is None else now_ms - span_ms
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
