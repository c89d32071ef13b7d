"""Keeping a lease while a run waits for something long.

Every append extends the lease. In between, a thread renews it at a third of its time, so that a worker that is alive
never loses a run to another, however long an action takes.
"""

from __future__ import annotations

import threading
from typing import Protocol

from flowlang.errors import JournalError, LeaseLost
from flowlang.runtime.journal.journal import Journal, Lease

RENEW_EVERY_S = 10.0


class Holder(Protocol):
    """Who holds the lease; None before the run exists."""

    lease: Lease | None


class LeaseRenewal:
    """A context manager that renews the holder's lease in the background. A lease that is lost anyway is noticed by
    the next append, which the store refuses."""

    def __init__(self, journal: Journal, holder: Holder, every_s: float = RENEW_EVERY_S) -> None:
        self._journal = journal
        self._holder = holder
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> LeaseRenewal:
        self._thread = threading.Thread(target=self._renew, name="flowlang-lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _renew(self) -> None:
        while not self._ended.wait(self._every_s):
            lease = self._holder.lease
            if lease is None:
                continue
            try:
                self._journal.renew(lease)
            except LeaseLost:
                return
            except JournalError:
                continue
