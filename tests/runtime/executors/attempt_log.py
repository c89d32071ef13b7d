"""Attempts for tests of executors, and a record of their outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.runtime.action import ActionContext, ActionSpec
from flowlang.runtime.action import action as declare
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.database import Databases
from flowlang.runtime.executors.executor import ActionFailure, Attempt, Executor, Outcome, Success
from flowlang.runtime.file_access import FileAccess

WAIT_S = 30


class Laboratory:
    """Submits functions as actions. `reports` has every report of an outcome, in order."""

    def __init__(self, root: Path) -> None:
        self.files = FileAccess([root])
        self.databases = Databases(self.files)
        self.reports: list[tuple[Attempt, Outcome]] = []
        self.reporters: set[str] = set()
        self._changed = threading.Condition()

    def attempt(
        self, function: Callable[..., Any] | ActionSpec[..., Any], timeout_s: float | None = None, **arguments: Any
    ) -> Attempt:
        spec = function if isinstance(function, ActionSpec) else declare(name="probe")(function)
        context = ActionContext("run", "0", "key", 1, self.files, self.databases, SystemClock(), action=spec.name)
        return Attempt(spec, encode(from_host(arguments)), context, timeout_s)

    def done(self, attempt: Attempt, outcome: Outcome) -> None:
        with self._changed:
            self.reports.append((attempt, outcome))
            self.reporters.add(threading.current_thread().name)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Outcome]:
        """The outcomes, as soon as there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.reports) >= count, WAIT_S)
        return [outcome for _, outcome in self.reports]

    def run(self, executor: Executor, function: Any, timeout_s: float | None = None, **arguments: Any) -> Any:
        """The result of one attempt, as the host would see it, or its failure."""
        before = len(self.reports)
        executor.submit(self.attempt(function, timeout_s, **arguments), self.done)
        outcome = self.wait(before + 1)[before]
        return to_host(decode(outcome.payload)) if isinstance(outcome, Success) else outcome

    def failure(self, executor: Executor, function: Any, timeout_s: float | None = None) -> ActionFailure:
        found = self.run(executor, function, timeout_s)
        assert isinstance(found, ActionFailure)
        return found
