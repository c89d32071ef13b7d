"""A journal that makes its process die at a chosen write.

Kill tests run a workload once for every write that it makes: in the n-th child process the n-th write ends the
process, just before it is made or just after it became durable. What the next process makes of the journal then has
to be what an undisturbed run gives.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from flowlang.runtime.journal.event import Event, Record
from flowlang.runtime.journal.journal import (
    CodeManifest,
    Counters,
    Journal,
    Lease,
    NewRun,
    RunRecord,
    RunStatus,
)


def kill_this_process() -> None:
    """Ends the process as a power switch would: no cleanup, no handlers."""
    os.kill(os.getpid(), signal.SIGKILL)


class CrashingJournal:
    """Passes everything on to `inner` and calls `action` before or after write number `crash_at`, counted from 1.
    Writes are `create`, `append`, `repin` and `release`; `writes` says how many there were."""

    def __init__(
        self,
        inner: Journal,
        crash_at: int,
        when: Literal["before", "after"] = "before",
        action: Callable[[], object] = kill_this_process,
    ) -> None:
        self._inner = inner
        self._crash_at = crash_at
        self._is_after = when == "after"
        self._action = action
        self.writes = 0

    def create(self, run: NewRun, owner: str, events: Sequence[Event], counters: Counters, status: RunStatus) -> Lease:
        """A write."""
        self._before()
        lease = self._inner.create(run, owner, events, counters, status)
        self._after()
        return lease

    def append(
        self,
        lease: Lease,
        expected_sequence: int,
        events: Sequence[Event],
        counters: Counters,
        status: RunStatus = RunStatus.RUNNING,
    ) -> int:
        """A write."""
        self._before()
        sequence = self._inner.append(lease, expected_sequence, events, counters, status)
        self._after()
        return sequence

    def repin(
        self,
        lease: Lease,
        expected_sequence: int,
        manifest: CodeManifest,
        modules: Mapping[str, str],
        counters: Counters,
    ) -> int:
        """A write."""
        self._before()
        sequence = self._inner.repin(lease, expected_sequence, manifest, modules, counters)
        self._after()
        return sequence

    def release(self, lease: Lease, status: RunStatus) -> None:
        """A write."""
        self._before()
        self._inner.release(lease, status)
        self._after()

    def claim(self, run_id: str, owner: str) -> Lease:
        """Passed on."""
        return self._inner.claim(run_id, owner)

    def renew(self, lease: Lease) -> None:
        """Passed on."""
        self._inner.renew(lease)

    def read(self, run_id: str, after: int = 0) -> list[Record]:
        """Passed on."""
        return self._inner.read(run_id, after)

    def run(self, run_id: str) -> RunRecord:
        """Passed on."""
        return self._inner.run(run_id)

    def runs(
        self, *, status: RunStatus | None = None, prefix: str = "", entry: str | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """Passed on."""
        return self._inner.runs(status=status, prefix=prefix, entry=entry, limit=limit)

    def manifest(self, run_id: str) -> CodeManifest:
        """Passed on."""
        return self._inner.manifest(run_id)

    def modules(self, run_id: str) -> dict[str, str]:
        """Passed on."""
        return self._inner.modules(run_id)

    def new_owner(self) -> str:
        """Passed on."""
        return self._inner.new_owner()

    def drop_owner(self, owner: str) -> None:
        """Passed on."""
        self._inner.drop_owner(owner)

    def is_owner_alive(self, owner: str) -> bool:
        """Passed on."""
        return self._inner.is_owner_alive(owner)

    def close(self) -> None:
        """Passed on."""
        self._inner.close()

    def _before(self) -> None:
        self.writes += 1
        if not self._is_after and self.writes == self._crash_at:
            self._action()

    def _after(self) -> None:
        if self._is_after and self.writes == self._crash_at:
            self._action()
