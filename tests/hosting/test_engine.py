"""The engine for applications: starting, waiting, telling, ending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import pytest
from engine_world import World, add, run_async

from flowlang.errors import (
    ConversionError,
    EvaluationError,
    RunAlreadyExists,
    RunEnded,
    RunNotFound,
    SourceError,
    UsageError,
)
from flowlang.hosting.engine import Engine
from flowlang.hosting.run import Run
from flowlang.hosting.starting import Order
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.event import RunCompleted, RunStarted
from flowlang.runtime.journal.locate import open_journal
from flowlang.runtime.journal.model import RunStatus
from flowlang.testing.interpose import InterposedJournal


@attrs.frozen
class Price:
    sku: str
    cents: int
    at: datetime


def test_a_run_gives_its_result(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            run = await engine.start("add.flow:add", {"a": 1, "b": 2}, returns=int)
            result = await run.result()
            assert isinstance(result, Ok)
            assert result.value == 3
            assert await run.value() == 3
            assert await run.status() is RunStatus.COMPLETED
            events = [type(record.event) for record in await run.events()]
            assert events[0] is RunStarted
            assert events[-1] is RunCompleted

    run_async(test)


def test_many_at_the_same_time(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            orders = [Order("add.flow:add", {"a": number, "b": 1}) for number in range(100)]
            runs = await engine.start_many(orders)
            assert await asyncio.gather(*(run.value() for run in runs)) == [number + 1 for number in range(100)]

    run_async(test)


def test_starts_at_the_same_time_share_transactions(sqlite_world: World) -> None:
    """Hundreds take a few, in the order in which they were asked for; each has an outcome of its own."""
    world = sqlite_world
    creations: list[int] = []

    class Counting(InterposedJournal):
        def around(self, method: str, call: Callable[[], Any], arguments: tuple[tuple[Any, ...], Any]) -> Any:
            if method == "create_many":
                creations.append(len(arguments[0][0]))
            return call()

    async def test() -> None:
        journal = open_journal(str(world.location), SystemClock())
        counting: Any = Counting(journal)
        async with Engine(counting, flows=world.flows, actions=[add], worker=False) as engine:
            runs = await asyncio.gather(*(engine.start("add.flow:add", {"a": n, "b": 1}) for n in range(300)))
            assert sum(creations) == 300
            assert len(creations) <= 10
            found = sorted(await engine.list(limit=300), key=lambda run: run.number)
            assert [run.run_id for run in found] == [run.id for run in runs]
            mixed = [
                engine.start("add.flow:add", {"a": 1, "b": 1}, id="same"),
                engine.start("add.flow:nothing"),
                engine.start("add.flow:add", {"a": 1, "b": 1}, id="same"),
                engine.start("add.flow:add", {"a": 1, "b": 1}, id=runs[0].id),
                engine.start("wrong.flow"),
                engine.start("add.flow:add", {"a": 1, "b": 1}, id="other"),
            ]
            same, unknown, again, taken, wrong, other = await asyncio.gather(*mixed, return_exceptions=True)
            assert [run.id for run in (same, again, other) if isinstance(run, Run)] == ["same", "same", "other"]
            assert [type(each) for each in (unknown, taken, wrong)] == [UsageError, UsageError, SourceError]
            assert await engine.count() == {RunStatus.SUSPENDED: 302}
        journal.close()

    run_async(test)


def test_an_err_is_a_result(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            run = await engine.start("fail.flow:broken")
            result = await run.result()
            assert isinstance(result, Err)
            assert result.error == "it does not work"
            with pytest.raises(EvaluationError, match="it does not work"):
                await run.value()

    run_async(test)


def test_results_become_what_the_host_asked_for(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            price = await (await engine.start("shop.flow:price", returns=Price)).value()
            assert price.cents == 5
            assert price.at.year == 2026
            wrong = await engine.start("shop.flow:price", returns=dict[str, int])
            with pytest.raises(ConversionError, match="the run gave string for `result"):
                await wrong.value()

    run_async(test)


def test_the_same_start_is_the_same_run(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            first = await engine.start("add.flow:add", {"a": 1, "b": 2}, id="one")
            again = await engine.start("add.flow:add", {"a": 1, "b": 2}, id="one")
            assert [await first.value(), await again.value()] == [3, 3]
            assert len(await engine.list()) == 1
            with pytest.raises(UsageError, match="other arguments"):
                await engine.start("add.flow:add", {"a": 1, "b": 3}, id="one")
            with pytest.raises(UsageError, match=r"runs add\.flow:add"):
                await engine.start("wait.flow:wait", id="one")
            with pytest.raises(RunAlreadyExists):
                await engine.start_many([Order("top.flow"), Order("top.flow", run_id="one")])
            assert len(await engine.list()) == 1

    run_async(test)


def test_what_cannot_be_started(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            with pytest.raises(UsageError, match="not there"):
                await engine.start("missing.flow:x")
            with pytest.raises(SourceError):
                await engine.start("wrong.flow")
            with pytest.raises(UsageError, match="has no flow `ad`") as caught:
                await engine.start("add.flow:ad", {"a": 1, "b": 2})
            assert caught.value.hint == "did you mean `add`?"
            with pytest.raises(UsageError, match="reach no flow"):
                await engine.start("top.flow", {"a": 1})
            with pytest.raises(UsageError, match="not data"):
                await engine.start("add.flow:add", {"a": object()})
            with pytest.raises(RunNotFound):
                await engine.get("nobody")
            assert await engine.list() == []

    run_async(test)


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        ("add.flow:TEXT", {}, "has no flow `TEXT`"),
        ("add.flow:add", {"a": 1}, "needs the argument `b`"),
        ("add.flow:add", {"a": 1, "b": 2, "c": 3}, "has no argument `c`"),
        ("add.flow:add", {"a": 1, "b": "x"}, "takes an int"),
    ],
)
def test_a_call_that_does_not_fit_fails_the_run(
    sqlite_world: World, target: str, arguments: dict[str, object], message: str
) -> None:
    """It is found when the flow is called, which may be long after the start."""

    async def test() -> None:
        async with sqlite_world.engine() as engine:
            run = await engine.start(target, arguments)
            result = await run.result()
            assert isinstance(result, Err)
            assert result.failure.kind == "flow-arguments"
            assert message in result.failure.message
            assert await run.status() is RunStatus.FAILED

    run_async(test)


def test_signals_reach_a_run(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            run = await engine.start("wait.flow:wait", id="w", returns=dict[str, int])
            assert await engine.signal("w", "go", {"n": 7}, key="k")
            assert await run.value() == {"n": 7}
            with pytest.raises(RunEnded):
                await engine.signal("w", "go")

    run_async(test)


def test_cancelling_who_waits_does_not_cancel_the_run(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            run = await engine.start("wait.flow:wait")
            waiting = asyncio.create_task(run.result())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await run.signal("go", 1)
            assert await run.value() == 1

    run_async(test)


def test_cancelling_a_run(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            run = await engine.start("wait.flow:wait")
            assert await run.cancel("not needed", by="somebody")
            result = await run.result()
            assert isinstance(result, Err)
            assert result.failure.kind == "cancelled"
            assert await run.status() is RunStatus.CANCELLED

    run_async(test)


def test_terminating_a_run_in_an_action(world: World) -> None:
    """The run ends at once although its action would go on for long."""

    async def test() -> None:
        async with world.engine(grace=0) as engine:
            run = await engine.start("slow.flow:slow")
            await engine.terminate(run.id, reason="wrong customer")
            result = await run.result()
            assert isinstance(result, Err)
            assert result.failure.kind == "terminated"
            assert await run.status() is RunStatus.TERMINATED

    run_async(test)


def test_runs_are_found_by_what_was_said_of_them(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            args = {"a": 1, "b": 1}
            await engine.start("add.flow:add", args, id="x", attributes={"region": "eu"}, correlation="c1", priority=2)
            await engine.start("add.flow:add", args, id="y", attributes={"region": "us"})
            await (await engine.get("x")).result()
            await (await engine.get("y")).result()
            assert [run.run_id for run in await engine.list('region = "eu"')] == ["x"]
            assert (await engine.list('region = "eu"'))[0].correlation == "c1"
            assert await engine.count('region = "us"') == {RunStatus.COMPLETED: 1}

    run_async(test)


def test_one_starts_and_another_drives(sqlite_world: World) -> None:
    """The engine that waits has no worker; it learns of the end from the journal."""

    async def test() -> None:
        async with sqlite_world.engine(worker=False) as outside:
            run = await outside.start("add.flow:add", {"a": 2, "b": 2})
            result = asyncio.create_task(run.value())
            async with sqlite_world.engine():
                assert await result == 4

    run_async(test)


def test_two_engines_with_workers_share_a_journal(world: World) -> None:
    async def test() -> None:
        async with world.engine() as one, world.engine() as two:
            runs = [await each.start("add.flow:add", {"a": n, "b": 0}) for n in range(20) for each in (one, two)]
            assert await asyncio.gather(*(run.value() for run in runs)) == [n for n in range(20) for _ in (one, two)]

    run_async(test)


def test_a_run_outlives_the_engine(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            await engine.start("wait.flow:wait", id="w")
        async with world.engine() as engine:
            await engine.signal("w", "go", "again")
            assert await (await engine.get("w")).value() == "again"

    run_async(test)


def test_an_edited_script_is_built_anew(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            assert await (await engine.start("add.flow:add", {"a": 1, "b": 2})).value() == 3
            path = world.flows / "add.flow"
            path.write_text(path.read_text().replace("fctx.args.b)", "10)"))
            assert await (await engine.start("add.flow:add", {"a": 1, "b": 2})).value() == 11

    run_async(test)


def test_a_closed_engine_says_so(world: World) -> None:
    async def test() -> None:
        engine = world.engine()
        with pytest.raises(UsageError, match="not open"):
            await engine.start("top.flow")
        async with engine:
            with pytest.raises(UsageError, match="open already"):
                engine.open()

    run_async(test)


def test_a_folder_that_is_not_there(world: World) -> None:
    async def test() -> None:
        world.flows = world.flows / "nowhere"
        with pytest.raises(UsageError, match="no folder"):
            async with world.engine():
                pass

    run_async(test)
