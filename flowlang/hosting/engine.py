"""The engine: an application's handle on a journal, the scripts that it starts, and a worker that drives them.

    async with Engine("app.db", flows="flows/", actions=[charge, ship]) as engine:
        run = await engine.start("order.flow:main", {"order": 17}, id="order-17", returns=str)
        result = await run.result()

The journal is asked on a few threads, so the event loop never waits for a disk. Everything that an application does
here, it may do from several processes at once: what one starts, another may signal, and whoever has a worker drives.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, overload

import attrs

from flowlang.errors import UsageError
from flowlang.hosting.blocking import BlockingEngine
from flowlang.hosting.outcome_watch import OutcomeWatch
from flowlang.hosting.run import Run
from flowlang.hosting.start_queue import StartQueue
from flowlang.hosting.starting import Order, Starter
from flowlang.hosting.worker_thread import WorkerThread
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.executors.dispatcher import Dispatcher
from flowlang.runtime.hook_group import HookGroup
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.locate import open_journal
from flowlang.runtime.journal.model import (
    PRIORITY_DEFAULT,
    QUEUE_DEFAULT,
    AttributeValue,
    RunRecord,
    RunStatus,
    WaitRecord,
)
from flowlang.runtime.operations.operations import Operations
from flowlang.runtime.payload_codec import PayloadCodec, configured_codec, encoded_journal
from flowlang.runtime.run_log import RunLog
from flowlang.runtime.typed import annotated_type
from flowlang.runtime.worker import CONCURRENCY, Worker

JOURNAL_THREADS: Final = 4
GRACE_S: Final = 10.0

Value = TypeVar("Value")
Given = TypeVar("Given")
Parameters = ParamSpec("Parameters")


class Engine:
    """See the module. `journal`: a URL, a path, `memory:`, or a journal that is open (and stays so). `flows`: the
    folder of the scripts, and, unless `root` names another, the one below which they load and actions touch files.
    `actions`: what scripts can do beside what ships with flowlang. Without a worker the engine starts, signals and
    waits, and others drive. `grace`: how long actions may take to end when the engine is closed. `codec`: what values
    are encoded with in the journal. `threads`, `processes`: how many perform actions at the same time."""

    def __init__(
        self, journal: str | Path | Journal, *, flows: str | Path = "flows",
        actions: Sequence[ActionSpec[..., Any]] = (), worker: bool = True,
        queues: Sequence[str] = (QUEUE_DEFAULT,), concurrency: int = CONCURRENCY,
        root: str | Path | None = None, clock: Clock | None = None, hooks: Sequence[Hooks] = (),
        budget: Budget | None = None, grace: timedelta | float = GRACE_S, codec: PayloadCodec | None = None,
        threads: int | None = None, processes: int | None = None,
    ) -> None:  # fmt: skip
        from flowlang.actions import shipped_actions

        self._location = journal
        self._flows = Path(flows).resolve()
        self._root = self._flows if root is None else Path(root).resolve()
        self._actions = [*shipped_actions(), *actions]
        self._has_worker = worker
        self._queues = tuple(queues)
        self._concurrency = concurrency
        self._clock = clock or SystemClock()
        self._hooks = tuple(hooks)
        self._budget = budget
        self._codec = codec
        self._threads = threads
        self._processes = processes
        self._grace_s = grace.total_seconds() if isinstance(grace, timedelta) else float(grace)
        self._open: _Open | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.close))

    def open(self) -> None:
        """Opens the journal and starts the worker. `async with` does it."""
        if self._open is not None:
            raise UsageError("the engine is open already")
        if not self._flows.is_dir():
            raise UsageError(f"there is no folder `{self._flows}`", hint="`flows=` names the folder of your scripts")
        is_own = isinstance(self._location, str | Path)
        journal = open_journal(_url(self._location), self._clock) if is_own else self._location
        assert not isinstance(journal, str | Path)
        codec = self._codec or (configured_codec() if is_own else None)
        if codec is not None:
            journal = encoded_journal(journal, codec)
        watch = OutcomeWatch(journal)
        thread = WorkerThread(partial(self._worker, journal, watch), watch.fail) if self._has_worker else None
        starter = Starter(journal, self._root, self._flows, self._actions, self._clock)
        pool = ThreadPoolExecutor(JOURNAL_THREADS, "flowlang-journal")
        starts = StartQueue(starter, pool)
        opened = _Open(journal, is_own, watch, thread, starter, starts, Operations(journal, self._clock), pool)
        try:
            if thread is not None:
                thread.start()
        except BaseException:
            opened.close(0)
            raise
        self._open = opened

    def close(self) -> None:
        """Gives back the runs that the worker drives, and everything that is open. `async with` does it."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.close(self._grace_s)

    def blocking(self) -> BlockingEngine:
        """The same engine for a program without an event loop: `with Engine(...).blocking() as engine:`."""
        return BlockingEngine(self)

    # Runs

    @overload
    async def start(
        self, target: str, arguments: Mapping[str, Any] | None = None, /, *, returns: type[Value],
        id: str | None = None, queue: str = QUEUE_DEFAULT, priority: int = PRIORITY_DEFAULT, partition: str = "",
        delay: timedelta | float = 0.0, deadline: datetime | timedelta | float | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> Run[Value]: ...  # fmt: skip

    @overload
    async def start(
        self, target: str, arguments: Mapping[str, Any] | None = None, /, *, returns: Any = None,
        id: str | None = None, queue: str = QUEUE_DEFAULT, priority: int = PRIORITY_DEFAULT, partition: str = "",
        delay: timedelta | float = 0.0, deadline: datetime | timedelta | float | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> Run[Any]: ...  # fmt: skip

    async def start(
        self, target: str, arguments: Mapping[str, Any] | None = None, /, *, returns: Any = None,
        id: str | None = None, queue: str = QUEUE_DEFAULT, priority: int = PRIORITY_DEFAULT, partition: str = "",
        delay: timedelta | float = 0.0, deadline: datetime | timedelta | float | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> Run[Any]:  # fmt: skip
        """Starts a run of `FILE:FLOW`, or of a script's top level (`FILE`). It is durable when this returns, and
        whatever worker serves its queue drives it. The same id, flow and arguments again give the same run. `returns`:
        the type of the result. Raises UsageError, SourceError, JournalError."""
        kind = None if returns is None else annotated_type(returns)
        order = Order(
            target, arguments or {}, id, queue, priority, partition, delay, deadline, attributes or {}, correlation
        )
        return Run(self, await self._opened.starts.start(order), kind)

    async def start_many(self, orders: Sequence[Order]) -> builtins.list[Run[Any]]:
        """Starts all of them in one transaction, or none. Raises RunAlreadyExists for an id that is taken."""
        return [Run(self, run_id) for run_id in await self.call(self._opened.starter.start_many, orders)]

    async def get(self, run_id: str, *, returns: Any = None) -> Run[Any]:
        """The handle on a run. Raises RunNotFound."""
        await self.call(self.journal.run, run_id)
        return Run(self, run_id, None if returns is None else annotated_type(returns))

    async def list(self, where: str = "", *, limit: int = 100) -> builtins.list[RunRecord]:
        """The newest runs that fulfil an expression such as `status = "failed" and region = "eu"`."""

        def find() -> builtins.list[RunRecord]:
            selection = self._opened.operations.select(where)
            return [run for run, _ in zip(selection.runs(self.journal, limit), range(limit), strict=False)]

        return await self.call(find)

    async def count(self, where: str = "") -> dict[RunStatus, int]:
        """How many runs fulfil an expression, by status."""
        return await self.call(lambda: self._opened.operations.select(where).count(self.journal))

    # Telling and ending

    async def signal(self, run_id: str, name: str, payload: Any = None, *, key: str = "") -> bool:
        """Sends a run a signal; it is kept until the run receives it. False: one with this key was sent before.
        Raises RunNotFound, RunEnded, MessageConflict."""
        return await self.call(partial(self._opened.operations.signal, run_id, name, payload, key=key))

    async def gates(self, run_id: str | None = None) -> builtins.list[WaitRecord]:
        """The gates that wait for a decision."""
        return await self.call(self._opened.operations.gates, run_id)

    async def approve(self, gate: str, *, by: str, reason: str = "", payload: Any = None) -> WaitRecord:
        """Decides a gate, named by its token or as `RUN:NAME`: yes. Raises GateNotFound, GateClosed."""
        decide = self._opened.operations.approve
        return await self.call(partial(decide, gate, by=by, reason=reason, payload=payload))

    async def reject(self, gate: str, *, by: str, reason: str = "", payload: Any = None) -> WaitRecord:
        """Decides a gate: no."""
        decide = self._opened.operations.reject
        return await self.call(partial(decide, gate, by=by, reason=reason, payload=payload))

    async def cancel(self, run_id: str, *, reason: str = "", by: str = "") -> bool:
        """Asks a run to end, after its `on_exit` handlers. False: it was asked before. Raises RunNotFound, RunEnded."""
        return await self.call(partial(self._opened.operations.cancel, run_id, reason=reason, by=by))

    async def terminate(self, run_id: str, *, reason: str = "", by: str = "") -> None:
        """Ends a run at once; no handler runs. Raises RunNotFound, RunEnded."""
        await self.call(partial(self._opened.operations.terminate, run_id, reason=reason, by=by))

    # For handles

    @property
    def journal(self) -> Journal:
        """The journal. Its methods block."""
        return self._opened.journal

    @property
    def watch(self) -> OutcomeWatch:
        """What waits for the ends of runs."""
        return self._opened.watch

    async def call(
        self, function: Callable[Parameters, Given], *arguments: Parameters.args, **keywords: Parameters.kwargs
    ) -> Given:
        """Calls something that blocks, on a thread for that. What it does is done even if nobody waits any more."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._opened.pool, partial(function, *arguments, **keywords))

    @property
    def _opened(self) -> _Open:
        if self._open is None:
            raise UsageError("the engine is not open", hint="use it in `async with Engine(...) as engine:`")
        return self._open

    def _worker(self, journal: Journal, watch: OutcomeWatch) -> Worker:
        hooks = HookGroup([RunLog(), *self._hooks, watch])
        return Worker(
            self._root, journal, actions=self._actions, hooks=hooks, clock=self._clock, budget=self._budget,
            queues=self._queues, concurrency=self._concurrency,
            executors=Dispatcher(threads_max=self._threads, processes_max=self._processes),
        )  # fmt: skip


@attrs.frozen
class _Open:
    """What an engine holds while it is open."""

    journal: Journal
    is_own: bool
    watch: OutcomeWatch
    thread: WorkerThread | None
    starter: Starter
    starts: StartQueue
    operations: Operations
    pool: ThreadPoolExecutor

    def close(self, grace_s: float) -> None:
        if self.thread is not None:
            self.thread.stop(grace_s)
        self.watch.close()
        self.pool.shutdown()
        if self.is_own:
            self.journal.close()


def _url(location: str | Path | Journal) -> str:
    text = str(location)
    return text if "://" in text or text == "memory:" else str(Path(text).expanduser().resolve())
