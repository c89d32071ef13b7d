"""The engine for programs that have no event loop: the same methods, and each waits for its answer.

    with Engine("app.db", flows="flows/", actions=[charge]).blocking() as engine:
        run = engine.start("order.flow:main", {"order": 17}, returns=str)
        print(run.value(timeout_s=60))

An event loop on a thread of its own does the work. Any thread may call. A wait that is interrupted or takes too long
leaves the run alone.
"""

from __future__ import annotations

import asyncio
import builtins
import threading
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from flowlang.errors import UsageError
from flowlang.hosting.run import Run
from flowlang.hosting.starting import Order
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.journal.event import Record
from flowlang.runtime.journal.model import (
    PRIORITY_DEFAULT,
    QUEUE_DEFAULT,
    AttributeValue,
    RunRecord,
    RunStatus,
    WaitRecord,
)

if TYPE_CHECKING:
    from flowlang.hosting.engine import Engine

Value = TypeVar("Value")
Given = TypeVar("Given")


class BlockingRun(Generic[Value]):
    """The handle on one run. Waits raise TimeoutError when `timeout_s` is over."""

    def __init__(self, engine: BlockingEngine, run: Run[Value]) -> None:
        self.id = run.id
        self._engine = engine
        self._run = run

    def __repr__(self) -> str:
        return f"<BlockingRun {self.id}>"

    def result(self, timeout_s: float | None = None) -> Ok | Err:
        """See `Run.result`."""
        return self._engine.wait(self._run.result(), timeout_s)

    def value(self, timeout_s: float | None = None) -> Value:
        """See `Run.value`."""
        return self._engine.wait(self._run.value(), timeout_s)

    def record(self) -> RunRecord:
        """See `Run.record`."""
        return self._engine.wait(self._run.record())

    def status(self) -> RunStatus:
        """See `Run.status`."""
        return self._engine.wait(self._run.status())

    def events(self, after: int = 0) -> list[Record]:
        """See `Run.events`."""
        return self._engine.wait(self._run.events(after))

    def signal(self, name: str, payload: Any = None, *, key: str = "") -> bool:
        """See `Engine.signal`."""
        return self._engine.wait(self._run.signal(name, payload, key=key))

    def cancel(self, reason: str = "", by: str = "") -> bool:
        """See `Engine.cancel`."""
        return self._engine.wait(self._run.cancel(reason, by))


class BlockingEngine:
    """See the module. Made by `Engine.blocking`; what the methods do is said there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._engine.open()
        loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="flowlang-blocking", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        loop, self._loop = self._loop, None
        self._engine.close()
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()

    @overload
    def start(
        self, target: str, arguments: Mapping[str, Any] | None = None, /, *, returns: type[Value],
        id: str | None = None, queue: str = QUEUE_DEFAULT, priority: int = PRIORITY_DEFAULT, partition: str = "",
        delay: timedelta | float = 0.0, deadline: datetime | timedelta | float | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> BlockingRun[Value]: ...  # fmt: skip

    @overload
    def start(
        self, target: str, arguments: Mapping[str, Any] | None = None, /, *, returns: Any = None,
        id: str | None = None, queue: str = QUEUE_DEFAULT, priority: int = PRIORITY_DEFAULT, partition: str = "",
        delay: timedelta | float = 0.0, deadline: datetime | timedelta | float | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> BlockingRun[Any]: ...  # fmt: skip

    def start(
        self, target: str, arguments: Mapping[str, Any] | None = None, /, *, returns: Any = None,
        id: str | None = None, queue: str = QUEUE_DEFAULT, priority: int = PRIORITY_DEFAULT, partition: str = "",
        delay: timedelta | float = 0.0, deadline: datetime | timedelta | float | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> BlockingRun[Any]:  # fmt: skip
        """See `Engine.start`."""
        started = self._engine.start(
            target, arguments, returns=returns, id=id, queue=queue, priority=priority, partition=partition,
            delay=delay, deadline=deadline, attributes=attributes, correlation=correlation,
        )  # fmt: skip
        return BlockingRun(self, self.wait(started))

    def start_many(self, orders: Sequence[Order]) -> builtins.list[BlockingRun[Any]]:
        """See `Engine.start_many`."""
        return [BlockingRun(self, run) for run in self.wait(self._engine.start_many(orders))]

    def get(self, run_id: str, *, returns: Any = None) -> BlockingRun[Any]:
        """See `Engine.get`."""
        return BlockingRun(self, self.wait(self._engine.get(run_id, returns=returns)))

    def list(self, where: str = "", *, limit: int = 100) -> builtins.list[RunRecord]:
        """See `Engine.list`."""
        return self.wait(self._engine.list(where, limit=limit))

    def count(self, where: str = "") -> dict[RunStatus, int]:
        """See `Engine.count`."""
        return self.wait(self._engine.count(where))

    def signal(self, run_id: str, name: str, payload: Any = None, *, key: str = "") -> bool:
        """See `Engine.signal`."""
        return self.wait(self._engine.signal(run_id, name, payload, key=key))

    def gates(self, run_id: str | None = None) -> builtins.list[WaitRecord]:
        """See `Engine.gates`."""
        return self.wait(self._engine.gates(run_id))

    def approve(self, gate: str, *, by: str, reason: str = "", payload: Any = None) -> WaitRecord:
        """See `Engine.approve`."""
        return self.wait(self._engine.approve(gate, by=by, reason=reason, payload=payload))

    def reject(self, gate: str, *, by: str, reason: str = "", payload: Any = None) -> WaitRecord:
        """See `Engine.reject`."""
        return self.wait(self._engine.reject(gate, by=by, reason=reason, payload=payload))

    def cancel(self, run_id: str, *, reason: str = "", by: str = "") -> bool:
        """See `Engine.cancel`."""
        return self.wait(self._engine.cancel(run_id, reason=reason, by=by))

    def terminate(self, run_id: str, *, reason: str = "", by: str = "") -> None:
        """See `Engine.terminate`."""
        self.wait(self._engine.terminate(run_id, reason=reason, by=by))

    def wait(self, asked: Coroutine[Any, Any, Given], timeout_s: float | None = None) -> Given:
        """The answer of something asynchronous of the engine."""
        if self._loop is None:
            asked.close()
            raise UsageError("the engine is not open", hint="use it in `with Engine(...).blocking() as engine:`")
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            return future.result(timeout_s)
        except BaseException:
            future.cancel()
            raise
