"""`now`: the time, as an action, so that a run reads each instant once and replay reads the same.

The clock is the engine's, hence a test's when a test moves it. Two forms, for the two things that people do with a
time: text to show, store and compare (ISO 8601, UTC, always the same length, so that order of text is order of
time), and seconds to reckon with.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from flowlang.runtime.action import ActionContext, action


@action(name="now", inline=True)
def now(context: ActionContext, format: Literal["iso", "unix"] = "iso") -> str | float:
    """The time in UTC: `2026-01-31T12:00:00.000Z`, or with `format = "unix"` the seconds since 1970 as a float."""
    now_ms = context.clock.now_ms()
    if format == "unix":
        return now_ms / 1000
    text = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
