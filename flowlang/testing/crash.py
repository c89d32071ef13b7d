"""A journal that makes its process die at a chosen write.

Kill tests run a workload once for every write that it makes: in the n-th child process the n-th write ends the
process, just before it is made or just after it became durable. What the next process makes of the journal then has
to be what an undisturbed run gives.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, Literal

from flowlang.runtime.journal.journal import Journal
from flowlang.testing.interpose import WRITES, InterposedJournal


def kill_this_process() -> None:
    """Ends the process as a power switch would: no cleanup, no handlers."""
    os.kill(os.getpid(), signal.SIGKILL)


class CrashingJournal(InterposedJournal):
    """Calls `action` before or after write number `crash_at`, counted from 1. `writes` says how many there were, and
    `points` which. A renewal is no write here unless it is named in `counted`: it comes when the clock says."""

    def __init__(
        self,
        inner: Journal,
        crash_at: int,
        when: Literal["before", "after"] = "before",
        action: Callable[[], object] = kill_this_process,
        *,
        counted: frozenset[str] = WRITES - {"renew", "renew_many"},
    ) -> None:
        super().__init__(inner)
        self._crash_at = crash_at
        self._is_after = when == "after"
        self._action = action
        self._counted = counted
        self.writes = 0
        self.points: list[str] = []

    def around(self, method: str, call: Callable[[], Any], arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> Any:
        """Counts the write, and dies if it is the one."""
        if method not in self._counted:
            return call()
        self.writes += 1
        self.points.append(method)
        is_chosen = self.writes == self._crash_at
        if is_chosen and not self._is_after:
            self._action()
        value = call()
        if is_chosen and self._is_after:
            self._action()
        return value
