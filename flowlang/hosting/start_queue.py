"""Starts that are asked for at the same time share a transaction.

A start is durable when it returns, so each would cost a commit. Here whoever starts a run puts the order into a queue,
and one thread creates everything that has come in while it was busy with the starts before: a lone start goes through
at once, and five hundred under `asyncio.gather` take a few transactions. The event loop is woken once for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TypeAlias

from flowlang.hosting.starting import Order, Starter

_Waiting: TypeAlias = tuple[Order, "asyncio.Future[str]"]


class StartQueue:
    """See the module. `pool` performs what blocks. May be used from several event loops."""

    def __init__(self, starter: Starter, pool: Executor) -> None:
        self._starter = starter
        self._pool = pool
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._is_busy = False

    async def start(self, order: Order) -> str:
        """The id of the run, which exists. It is created even if nobody waits any more. Raises UsageError,
        SourceError, JournalError."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with self._lock:
            if not self._is_busy:
                self._pool.submit(self._create_all)  # raises when the pool is shut down: then nothing waits in vain
                self._is_busy = True
            self._waiting.append((order, future))
        return await future

    def _create_all(self) -> None:
        while True:
            with self._lock:
                batch = list(self._waiting)
                self._waiting.clear()
                if not batch:
                    self._is_busy = False
                    return
            try:
                made = self._starter.start_each([order for order, _ in batch])
            except Exception as problem:  # nobody shall wait for ever
                made = [problem] * len(batch)
            loops = {future.get_loop(): None for _, future in batch}
            for loop in loops:
                told = [
                    (future, one) for (_, future), one in zip(batch, made, strict=True) if future.get_loop() is loop
                ]
                with contextlib.suppress(RuntimeError):  # it was closed: nobody waits there any more
                    loop.call_soon_threadsafe(_settle, told)


def _settle(told: Sequence[tuple[asyncio.Future[str], str | Exception]]) -> None:
    for future, one in told:
        if future.done():  # who started it waits no more
            continue
        if isinstance(one, Exception):
            future.set_exception(one)
        else:
            future.set_result(one)
