"""The queue of starts, when those who started runs, or the pool behind it, are gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flowlang.hosting.start_queue import StartQueue
from flowlang.hosting.starting import Order

WAIT_S = 30


class Slow:
    """Starts that take until they are let go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def start_each(self, orders: Sequence[Order]) -> list[str | Exception]:
        self.begun.set()
        self.go_on.wait(WAIT_S)
        return [order.target for order in orders]


def test_a_loop_that_was_closed_keeps_nobody_else_from_starting() -> None:
    slow: Any = Slow()
    with ThreadPoolExecutor(1) as pool:
        starts = StartQueue(slow, pool)
        gone = asyncio.new_event_loop()
        task = gone.create_task(starts.start(Order("gone")))
        gone.call_soon(gone.stop)
        gone.run_forever()
        assert slow.begun.wait(WAIT_S)
        task.cancel()
        gone.call_soon(gone.stop)
        gone.run_forever()
        gone.close()
        slow.go_on.set()
        assert asyncio.run(asyncio.wait_for(starts.start(Order("next")), WAIT_S)) == "next"


def test_a_pool_that_was_shut_down_is_told_to_everybody() -> None:
    slow: Any = Slow()
    pool = ThreadPoolExecutor(1)
    starts = StartQueue(slow, pool)
    pool.shutdown()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="shutdown"):
            asyncio.run(asyncio.wait_for(starts.start(Order("late")), WAIT_S))
