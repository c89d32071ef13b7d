"""Keeping leases while runs wait for something long.

Every append extends the lease of its run. In between, a thread renews it at a third of its time, so that a worker that
is alive never loses a run to another, however long an action takes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from flowlang.errors import JournalError
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import Lease

RENEW_EVERY_S = 10.0


class Holder(Protocol):
    """Who holds leases."""

    def leases(self) -> Sequence[Lease]:
        """Those that are held now; called from another thread."""
        ...


class LeaseRenewal:
    """A context manager that renews leases in the background: those given, or those of a holder. A lease that is lost
    anyway is noticed by the next append, which the store refuses."""

    def __init__(self, journal: Journal, holder: Holder | Sequence[Lease], every_s: float = RENEW_EVERY_S) -> None:
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
            leases = self._holder if isinstance(self._holder, Sequence) else self._holder.leases()
            if leases:
                try:
                    self._journal.renew_many(leases)
                except JournalError:
                    continue
