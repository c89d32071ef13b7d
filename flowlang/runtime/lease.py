"""Keeping leases while runs wait for something long.

Every append extends the lease of its run. In between, a thread renews it at a third of its time, so that a worker that
is alive never loses a run to another, however long an action takes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from flowlang.errors import JournalError
from flowlang.runtime.clock import Clock, Reading, read_clock
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import Lease


class Holder(Protocol):
    """Who holds leases."""

    def leases(self) -> Sequence[Lease]:
        """Those that are held now; called from another thread."""
        ...

    def renewed(self, leases: Sequence[Lease], asked_at: Reading) -> None:
        """These were extended, which the journal was asked for at that time; called from another thread."""
        ...


class LeaseRenewal:
    """A context manager that renews leases in the background: those given, or those of a holder. A lease that is lost
    anyway is noticed by the next append, which the store refuses."""

    def __init__(
        self, journal: Journal, holder: Holder | Sequence[Lease], clock: Clock, every_s: float | None = None
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._holder = holder
        self._every_s = journal.lease_ms / 3000 if every_s is None else every_s
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
            holder = self._holder
            leases = holder if isinstance(holder, Sequence) else holder.leases()
            if not leases:
                continue
            asked_at = read_clock(self._clock)
            try:
                lost = self._journal.renew_many(leases)
            except JournalError:
                continue
            if not isinstance(holder, Sequence):
                holder.renewed([lease for lease in leases if lease not in lost], asked_at)
