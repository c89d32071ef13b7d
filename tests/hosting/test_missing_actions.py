"""A worker that does not have a run's actions leaves it to others: it neither fails it nor loses what it did."""

from __future__ import annotations

import asyncio
import threading

import pytest
from engine_world import WAIT_S, World, run_async

from flowlang.actions import shipped_actions
from flowlang.errors import ActionsMissing, FlowlangError
from flowlang.hosting.engine import Engine
from flowlang.runtime.action import action
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.locate import open_journal
from flowlang.runtime.journal.model import RunFilter, RunStatus

SCRIPT = """
def _sum(fctx):
    first = fctx.actions.shop.double(1)
    receive("go")
    return first + fctx.actions.shop.double(first)

sum = flow(implementation = _sum)

def _plain(fctx):
    return 7

plain = flow(implementation = _plain)
"""


def test_runs_wait_for_a_worker_that_has_their_actions(sqlite_world: World) -> None:
    """One that has not begun, and one in the middle; both go on as soon as there is one, and nothing is done twice."""
    world = sqlite_world
    (world.flows / "sum.flow").write_text(SCRIPT)
    calls: list[int] = []
    began = threading.Event()

    @action(name="shop.double")
    async def double(number: int) -> int:
        calls.append(number)
        began.set()
        return 2 * number

    async def test() -> None:
        async with Engine(world.location, flows=world.flows, actions=[double]) as engine:
            await engine.start("sum.flow:sum", id="begun")
            assert await asyncio.to_thread(began.wait, WAIT_S)
        async with Engine(world.location, flows=world.flows, actions=[double], worker=False) as engine:
            await engine.start("sum.flow:sum", id="new")
            await (await engine.get("begun")).signal("go")
        given_back = {"begun": threading.Event(), "new": threading.Event()}

        class Watching(Hooks):
            def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
                if status is RunStatus.WAITING and isinstance(error, ActionsMissing):
                    given_back[run_id].set()

        async with Engine(world.location, flows=world.flows, hooks=[Watching()]) as engine:
            for name, event in given_back.items():
                assert await asyncio.to_thread(event.wait, WAIT_S)
                record = await (await engine.get(name)).record()
                assert record.status in (RunStatus.WAITING, RunStatus.RUNNING)

        journal = open_journal(str(world.location), SystemClock())
        assert [run.reason for run in journal.find(RunFilter())] == ["actions-missing"] * 2
        driver = RunDriver(world.flows, journal, actions=shipped_actions())
        with pytest.raises(ActionsMissing, match=r"run `new` needs actions that are not here: `shop\.double`"):
            driver.resume("new")
        driver.close()
        journal.close()

        async with Engine(world.location, flows=world.flows, actions=[double]) as engine:
            assert await (await engine.get("begun")).value() == 6
            await (await engine.get("new")).signal("go")
            assert await (await engine.get("new")).value() == 6
        assert calls.count(1) == 2
        assert calls.count(2) == 2

    run_async(test)


def test_actions_that_a_script_does_not_name_are_not_missed(sqlite_world: World) -> None:
    """A host that drops an action goes on with the runs of scripts that never named it."""
    world = sqlite_world
    (world.flows / "plain.flow").write_text(SCRIPT.partition("def _plain")[1] + SCRIPT.partition("def _plain")[2])

    @action(name="shop.double")
    def double(number: int) -> int:
        return 2 * number

    async def test() -> None:
        async with Engine(world.location, flows=world.flows, actions=[double], worker=False) as engine:
            await engine.start("plain.flow:plain", id="plain")
        async with Engine(world.location, flows=world.flows) as engine:
            assert await (await engine.get("plain")).value() == 7

    run_async(test)
