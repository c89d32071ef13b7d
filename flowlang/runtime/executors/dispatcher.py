"""Sends each attempt to where its action is to be performed; the executors are made when they are first needed.

inline           on the thread that submits
async            on the event loop that all async actions share
process-isolated in a process of its own
everything else  on one of a few threads
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from flowlang.runtime.action import ActionSpec
from flowlang.runtime.executors.executor import Attempt, Done, Executor
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.executors.threads import ThreadExecutor


class Dispatcher:
    """See the module. An `Executor` itself. May be used from several threads."""

    def __init__(self, *, threads_max: int | None = None, processes_max: int | None = None) -> None:
        self._threads_max = threads_max
        self._processes_max = processes_max
        self._executors: dict[str, Executor] = {}
        self._lock = threading.Lock()

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Has the attempt performed where its action belongs."""
        self._executor(_place(attempt.spec)).submit(attempt, done)

    def close(self) -> None:
        """Closes the executors that were made."""
        with self._lock:
            executors, self._executors = list(self._executors.values()), {}
        for executor in executors:
            executor.close()

    def _executor(self, place: str) -> Executor:
        found = self._executors.get(place)
        if found is None:
            with self._lock:
                found = self._executors.get(place)
                if found is None:
                    found = self._executors[place] = self._make(place)
        return found

    def _make(self, place: str) -> Executor:
        match place:
            case "inline":
                return InlineExecutor()
            # asyncio, sockets and processes take longer to import than a short script to run.
            case "async":
                from flowlang.runtime.executors.asynchronous import AsyncExecutor

                return AsyncExecutor()
            case "process":
                from flowlang.runtime.executors.processes import ProcessExecutor

                return _sized(ProcessExecutor, self._processes_max)
        return _sized(ThreadExecutor, self._threads_max)


def _place(spec: ActionSpec[..., object]) -> str:
    if spec.inline:
        return "inline"
    if spec.isolation == "process":
        return "process"
    return "async" if spec.is_async else "thread"


def _sized(make: Callable[..., Executor], size: int | None) -> Executor:
    return make() if size is None else make(size)
