"""Actions that can be performed anywhere, also in another process: they stand at the top level of this module."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypedDict

import attrs

from flowlang.runtime.action import ActionContext, ActionError, action

LONG_S = 60.0


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Line:
    sku: str
    quantity: int = 1


class Order(TypedDict):
    lines: list[Line]
    color: Color
    at: datetime


@action(isolation="process")
def echo(value: Any, times: int = 1) -> list[Any]:
    return [value] * times


@action(isolation="process")
def context_facts(context: ActionContext) -> list[Any]:
    return [context.run_id, context.position, context.idempotency_key, context.attempt, context.action]


@action(isolation="process")
def quantities(order: Order, wait: timedelta = timedelta()) -> dict[str, Any]:
    """Uses each argument as what its annotation says."""
    assert isinstance(order["lines"][0], Line)
    assert order["color"] is Color.BLUE
    later = order["at"] + wait
    return {"sum": sum(line.quantity for line in order["lines"]), "at": later.astimezone(UTC).isoformat()}


@action(isolation="process")
def latest(lines: list[Line]) -> Order:
    return {"lines": lines, "color": Color.RED, "at": datetime(2026, 1, 2, tzinfo=UTC)}


@action(isolation="process")
def refuse() -> None:
    raise ActionError("no-stock", "the shelf is empty", data={"sku": "A1"}, retryable=True, hint="order more")


@action(isolation="process")
def break_down() -> None:
    raise KeyError("x")


@action(isolation="process")
def not_data() -> Any:
    return {"a": [object()]}


@action(isolation="process")
def linger(context: ActionContext) -> None:
    """Goes on until it is given up."""
    while True:
        context.check()
        time.sleep(0.001)


@action(isolation="process", heartbeat_timeout=timedelta(seconds=0.2))
def beat_then_fall_silent(context: ActionContext, beats: int) -> None:
    """Lives for longer than its heartbeat timeout, as long as it beats."""
    for number in range(beats):
        context.heartbeat({"number": number, "before": context.last_heartbeat})
        time.sleep(0.05)
    linger(context)


@action(isolation="process")
def tell_progress(context: ActionContext) -> str:
    context.progress(1, 3, "reading")
    context.progress(2, 3)
    return "told"


@action(isolation="process")
def commit_late(context: ActionContext) -> str:
    """Its effect takes longer than its timeout."""
    context.commit()
    while context.remaining_s():
        time.sleep(0.001)
    return "written"


@action(isolation="process")
def exit_at_once(code: int) -> None:
    os._exit(code)


@action(isolation="process")
def crash() -> None:
    ctypes.string_at(0)


@action(isolation="process")
def sleep_for_ever() -> None:
    """Cannot be stopped in a thread."""
    time.sleep(LONG_S)


@action(isolation="process")
def process_id() -> int:
    return os.getpid()


@action
async def wait_for_ever() -> None:
    await asyncio.sleep(LONG_S)


@action
async def refuse_to_end() -> str:
    """Ignores that it was cancelled."""
    try:
        await asyncio.sleep(LONG_S)
    except asyncio.CancelledError:
        await asyncio.sleep(LONG_S)
    return "late"
