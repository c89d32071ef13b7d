"""The shared event loop: many at once, and cancelling that ends what it cancels."""

from __future__ import annotations

import asyncio
import threading

import probes
from attempt_log import Laboratory

from flowlang.runtime.executors.asynchronous import AsyncExecutor
from flowlang.runtime.executors.executor import ActionFailure, Success


def test_thousands_at_the_same_time(laboratory: Laboratory) -> None:
    """None ends before all have begun."""
    executor = AsyncExecutor()
    begun: list[int] = []
    everybody = asyncio.Event()

    async def probe(number: int) -> int:
        begun.append(number)
        if len(begun) == 2000:
            everybody.set()
        await everybody.wait()
        return number

    for number in range(2000):
        executor.submit(laboratory.attempt(probe, number=number), laboratory.done)
    outcomes = laboratory.wait(2000)
    assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert laboratory.reporters == {"flowlang-async"}
    executor.close()


def test_giving_up_ends_the_task(laboratory: Laboratory) -> None:
    executor = AsyncExecutor()
    begun, ended = threading.Event(), threading.Event()

    async def probe() -> None:
        begun.set()
        try:
            await asyncio.sleep(probes.LONG_S)
        finally:
            ended.set()

    attempt = laboratory.attempt(probe)
    executor.submit(attempt, laboratory.done)
    assert begun.wait(probes.LONG_S)
    attempt.context.cancel()
    (outcome,) = laboratory.wait(1)
    assert isinstance(outcome, ActionFailure)
    assert outcome.kind == "cancelled"
    assert ended.is_set()
    executor.close()


def test_a_task_that_refuses_to_end_is_given_up(laboratory: Laboratory) -> None:
    executor = AsyncExecutor(end_wait_s=0.02)
    assert laboratory.run(executor, probes.refuse_to_end, 0.02).kind == "timeout"
    executor.close()
    assert len(laboratory.reports) == 1


def test_an_action_that_cancels_itself_fails(laboratory: Laboratory) -> None:
    executor = AsyncExecutor()

    async def probe() -> None:
        raise asyncio.CancelledError

    assert laboratory.run(executor, probe).kind == "cancelled"
    executor.close()
