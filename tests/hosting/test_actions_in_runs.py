"""Actions of runs that crash, and actions that nobody wants any more."""

from __future__ import annotations

import asyncio
import os
import threading

from engine_world import WAIT_S, World, run_async
from isolated_actions import fragile

from flowlang.hosting.engine import Engine
from flowlang.lang.values.result import Err
from flowlang.runtime.action import action
from flowlang.runtime.journal.event import AttemptFailed, AttemptStarted

SCRIPT = """
def _crash(fctx):
    return fctx.actions.fragile([7, 8])

crash = flow(implementation = _crash)

def _late(fctx):
    return with_timeout(0.05, lambda: fctx.actions.linger()).failure.kind

late = flow(implementation = _late)
"""


def test_an_action_whose_process_dies_is_attempted_again(world: World) -> None:
    """The host lives, the failed attempt is recorded, and the next one knows how far it was."""
    (world.flows / "isolated.flow").write_text(SCRIPT)

    async def test() -> None:
        async with Engine(world.location, flows=world.flows, actions=[fragile], processes=1) as engine:
            run = await engine.start("isolated.flow:crash")
            first, process = await run.value()
            assert first == 7
            assert process != os.getpid()
            attempts = [r.event for r in await run.events() if isinstance(r.event, AttemptFailed | AttemptStarted)]
            assert [type(event) for event in attempts] == [AttemptFailed, AttemptStarted]
            assert isinstance(attempts[0], AttemptFailed)
            assert b"worker-died" in attempts[0].payload

    run_async(test)


def test_an_action_that_nobody_waits_for_is_really_cancelled(world: World) -> None:
    (world.flows / "isolated.flow").write_text(SCRIPT)
    cancelled = threading.Event()

    @action
    async def linger() -> None:
        try:
            await asyncio.sleep(WAIT_S)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def test() -> None:
        async with Engine(world.location, flows=world.flows, actions=[linger]) as engine:
            run = await engine.start("isolated.flow:late")
            assert await run.value() == "timeout"
            assert await asyncio.to_thread(cancelled.wait, WAIT_S)
            cancelled.clear()
            run = await engine.start("isolated.flow:late")
            await run.cancel()
            assert isinstance(await run.result(), Err)

    run_async(test)
