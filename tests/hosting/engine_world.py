"""A folder with a few scripts, and engines that run them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from flowlang.hosting.engine import Engine
from flowlang.runtime.action import ActionContext, action
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.memory import MemoryJournal

WAIT_S = 30.0
SCRIPTS = {
    "add.flow": """
def _add(fctx):
    return fctx.actions.add(fctx.args.a, fctx.args.b)

add = flow(implementation = _add, args = {"a": args.int(), "b": args.int()})
TEXT = "no flow"
""",
    "wait.flow": """
def _wait(fctx):
    return fctx.actions.receive("go")

wait = flow(implementation = _wait)
""",
    "fail.flow": """
def _broken(fctx):
    fail("it does not work")

broken = flow(implementation = _broken)
""",
    "top.flow": 'print("hello")\n',
    "wrong.flow": "x = (\n",
    "shop.flow": """
def _price(fctx):
    return {"sku": "A", "cents": 5, "at": "2026-01-02T03:04:05+00:00"}

price = flow(implementation = _price)
""",
    "slow.flow": """
def _slow(fctx):
    return fctx.actions.hold()

slow = flow(implementation = _slow)
""",
}


@action
def add(a: int, b: int) -> int:
    """The sum."""
    return a + b


@action
async def hold(context: ActionContext) -> str:
    """Lasts until it is given up."""
    await asyncio.sleep(WAIT_S)
    return "held"


class World:
    """See the module. `kind`: of the journal, `memory` (one for all engines) or `sqlite`, or the URL of one."""

    def __init__(self, root: Path, kind: str) -> None:
        self.flows = root / "flows"
        self.flows.mkdir()
        for name, text in SCRIPTS.items():
            (self.flows / name).write_text(text)
        places: dict[str, str | Path | Journal] = {"memory": MemoryJournal(SystemClock()), "sqlite": root / "app.db"}
        self.location = places.get(kind, kind)

    def engine(self, **options: Any) -> Engine:
        return Engine(self.location, flows=self.flows, actions=[add, hold], **options)


def run_async(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs what a test does on an event loop, and fails it when that takes for ever."""
    asyncio.run(asyncio.wait_for(test(), WAIT_S))
