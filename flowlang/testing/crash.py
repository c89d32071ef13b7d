"""A journal that makes its process die at a chosen write.

Kill tests run a workload once for every write that it makes: in the n-th child process the n-th write ends the
process, just before it is made, somewhere inside of it, or just after it became durable. What the next process makes
of the journal then has to be what an undisturbed run gives.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from flowlang.runtime.journal.journal import Journal
from flowlang.testing.interpose import WRITES, InterposedJournal


def kill_this_process() -> None:
    """Ends the process as a power switch would: no cleanup, no handlers."""
    os.kill(os.getpid(), signal.SIGKILL)


class KillWithin:
    """Ends the process a while after the first call, wherever it is then, and at the second call at the latest. The
    kernel's timer does it, so that it strikes inside of a library or of a system call as well."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = max(delay_s, 1e-6)  # none would switch the timer off
        self._is_armed = False

    def __call__(self) -> None:
        """Arms the timer, or ends the process."""
        if self._is_armed:
            kill_this_process()
        self._is_armed = True
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._delay_s)


class CrashingJournal(InterposedJournal):
    """Calls `action` before or after write number `crash_at`, counted from 1; `inside` is both. `writes` says how many
    there were, `points` which, and `took_s` how long each took. A renewal is no write here unless it is named in
    `counted`: it comes when the clock says."""

    def __init__(
        self,
        inner: Journal,
        crash_at: int,
        when: Literal["before", "inside", "after"] = "before",
        action: Callable[[], object] = kill_this_process,
        *,
        counted: frozenset[str] = WRITES - {"renew", "renew_many"},
    ) -> None:
        super().__init__(inner)
        self._crash_at = crash_at
        self._when = when
        self._action = action
        self._counted = counted
        self.writes = 0
        self.points: list[str] = []
        self.took_s: list[float] = []

    def around(self, method: str, call: Callable[[], Any], arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> Any:
        """Counts the write, and dies if it is the one."""
        if method not in self._counted:
            return call()
        self.writes += 1
        self.points.append(method)
        is_chosen = self.writes == self._crash_at
        if is_chosen and self._when != "after":
            self._action()
        began = time.perf_counter()
        value = call()
        self.took_s.append(time.perf_counter() - began)
        if is_chosen and self._when != "before":
            self._action()
        return value
