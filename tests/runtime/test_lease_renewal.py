"""Leases that are renewed while a run waits."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from flowlang.errors import JournalUnavailable
from flowlang.runtime.clock import Reading
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import RunStarted
from flowlang.runtime.journal.journal import CodeManifest, Counters, Lease, NewRun, RunStatus
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.lease import LeaseRenewal
from flowlang.testing.clock import VirtualClock


class Renewing(MemoryJournal):
    """A journal that says how its renewals went, and whose next ones can be made to fail."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.said: list[str] = []
        self.failing = 0
        self.enough = threading.Semaphore(0)
        self._renewing, self.renew_many = self.renew_many, self._renew_many

    def _renew_many(self, leases: Sequence[Lease]) -> list[Lease]:
        try:
            if self.failing:
                self.failing -= 1
                raise JournalUnavailable("the disk is busy")
            lost = self._renewing(leases)
            self.said.append("lost" if lost else "renewed")
            return lost
        except Exception as error:
            self.said.append(type(error).__name__)
            raise
        finally:
            self.enough.release()


class Held:
    """Holds a lease, or none yet."""

    lease: Lease | None = None

    def leases(self) -> list[Lease]:
        return [] if self.lease is None else [self.lease]

    def renewed(self, leases: Sequence[Lease], asked_at: Reading) -> None:
        assert all(lease == self.lease for lease in leases)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def start(journal: MemoryJournal, owner: str) -> Lease:
    manifest = CodeManifest({}, "1", "3.11", "linux", {})
    run = NewRun("run", "main.flow", "", "", manifest, {})
    first = RunStarted("main.flow", "", manifest_digest(manifest), b"{}")
    return journal.create(run, owner, [first], Counters(), RunStatus.RUNNING)


def test_a_lease_is_renewed_again_and_again_also_after_a_failure(clock: VirtualClock) -> None:
    journal, holder = Renewing(clock), Held()
    holder.lease = start(journal, journal.new_owner())
    journal.failing = 1
    clock.advance(20_000)
    with LeaseRenewal(journal, holder, clock, every_s=0.001):
        for _ in range(3):
            assert journal.enough.acquire(timeout=60)
    assert journal.said[:3] == ["JournalUnavailable", "renewed", "renewed"]
    assert journal.run("run").lease_expires_at_ms == clock.now_ms() + 30_000


def test_a_lease_that_was_lost_is_not_renewed(clock: VirtualClock) -> None:
    journal, holder = Renewing(clock), Held()
    holder.lease = start(journal, journal.new_owner())
    clock.advance(30_001)
    taken = journal.claim("run", journal.new_owner())
    with LeaseRenewal(journal, holder, clock, every_s=0.001):
        assert journal.enough.acquire(timeout=60)
    assert set(journal.said) == {"lost"}
    assert journal.run("run").owner == taken.owner


def test_before_the_run_exists_there_is_nothing_to_renew(clock: VirtualClock) -> None:
    journal, holder = Renewing(clock), Held()
    with LeaseRenewal(journal, holder, clock, every_s=0.001):
        assert not journal.enough.acquire(timeout=0.02)
        holder.lease = start(journal, journal.new_owner())
        assert journal.enough.acquire(timeout=60)
    assert journal.said[0] == "renewed"
