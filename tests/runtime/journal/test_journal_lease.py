"""Leases, fencing and concurrent appenders, in every store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from journal_store import LEASE_MS, STARTED, append_steps, new_run, start, step

from flowlang.errors import JournalUnavailable, LeaseHeld, LeaseLost, RunError
from flowlang.runtime.journal.event import ActivationStarted, RunCompleted
from flowlang.runtime.journal.journal import Counters, Journal, Lease, RunStatus


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Runs `work(n)` in threads that begin together; errors of any fail the test."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def body(number: int) -> None:
        try:
            barrier.wait(30)
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors


def test_a_living_owner_keeps_its_run(store: Any, journal: Journal) -> None:
    lease = start(journal)
    other = store.open()
    assert other.is_owner_alive(lease.owner)
    with pytest.raises(LeaseHeld, match="run `run` is driven by") as caught:
        other.claim("run", other.new_owner())
    assert caught.value.owner == lease.owner
    with pytest.raises(LeaseHeld):
        journal.claim("run", lease.owner)
    assert journal.append(lease, 1, step(0), Counters()) == 3


def test_a_dropped_owner_loses_its_run_at_once(store: Any, journal: Journal) -> None:
    lease = start(journal)
    append_steps(journal, lease, 2)
    other = store.open()
    owner = other.new_owner()
    journal.drop_owner(lease.owner)
    assert not other.is_owner_alive(lease.owner)
    claimed = other.claim("run", owner)
    assert claimed == Lease("run", owner, 2)
    assert other.append(claimed, 5, [ActivationStarted(owner, 2)], Counters()) == 6
    assert [record.token for record in other.read("run")] == [1, 1, 1, 1, 1, 2]


def test_a_lease_runs_out_even_when_its_owner_lives(store: Any, journal: Journal) -> None:
    stale = start(journal)
    other = store.open()
    store.clock.advance(LEASE_MS - 1)
    with pytest.raises(LeaseHeld):
        other.claim("run", other.new_owner())
    store.clock.advance(1)
    fresh = other.claim("run", other.new_owner())

    for write in (
        lambda: journal.append(stale, 1, step(0), Counters()),
        lambda: journal.append(stale, 1, step(0), Counters(), RunStatus.COMPLETED),
        lambda: journal.renew(stale),
        lambda: journal.release(stale, RunStatus.SUSPENDED),
    ):
        with pytest.raises(LeaseLost, match="the lease of run `run` was lost") as caught:
            write()
        assert fresh.owner in caught.value.message
    assert journal.run("run").sequence == 1
    assert journal.run("run").status is RunStatus.RUNNING
    assert other.append(fresh, 1, step(0), Counters()) == 3


def test_appending_and_renewing_extend_the_lease(store: Any, journal: Journal) -> None:
    lease = start(journal)
    for extend in (lambda: journal.append(lease, 1, step(0), Counters()), lambda: journal.renew(lease)):
        store.clock.advance(LEASE_MS - 1)
        extend()
        assert journal.run("run").lease_expires_at_ms == store.clock.now_ms() + LEASE_MS
        with pytest.raises(LeaseHeld):
            journal.claim("run", journal.new_owner())


def test_a_late_holder_may_append_while_nobody_took_over(store: Any, journal: Journal) -> None:
    lease = start(journal)
    store.clock.advance(10 * LEASE_MS)
    assert journal.append(lease, 1, step(0), Counters()) == 3


def test_a_released_run_can_be_claimed_and_the_old_lease_is_void(store: Any, journal: Journal) -> None:
    lease = start(journal)
    journal.release(lease, RunStatus.SUSPENDED)
    row = journal.run("run")
    assert (row.status, row.owner, row.token) == (RunStatus.SUSPENDED, "", 1)
    with pytest.raises(LeaseLost, match="given back"):
        journal.append(lease, 1, step(0), Counters())
    fresh = store.open().claim("run", lease.owner)
    assert fresh.token == 2
    assert journal.run("run").status is RunStatus.RUNNING
    with pytest.raises(LeaseLost):
        journal.append(lease, 1, step(0), Counters())


@pytest.mark.parametrize("status", [RunStatus.SUSPENDED, RunStatus.STOPPED])
def test_an_append_can_give_the_lease_back(journal: Journal, status: RunStatus) -> None:
    lease = start(journal)
    assert journal.append(lease, 1, step(0), Counters(1, 2, 3), status) == 3
    row = journal.run("run")
    assert (row.status, row.owner, row.lease_expires_at_ms, row.steps) == (status, "", 0, 1)
    with pytest.raises(LeaseLost):
        journal.append(lease, 3, step(1), Counters())
    fresh = journal.claim("run", journal.new_owner())
    assert journal.append(fresh, 3, step(1), Counters()) == 5


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_a_run_that_ended_cannot_be_claimed(journal: Journal, status: RunStatus) -> None:
    lease = start(journal)
    journal.append(lease, 1, [RunCompleted(True, b"null")], Counters(), status)
    with pytest.raises(RunError, match="run `run` has ended"):
        journal.claim("run", journal.new_owner())
    with pytest.raises(LeaseLost):
        journal.append(lease, 2, step(0), Counters())
    assert journal.run("run").status is status


@pytest.mark.parametrize("expected", [0, 2, 4, 99])
def test_an_append_at_another_place_is_refused(store: Any, journal: Journal, expected: int) -> None:
    lease = start(journal)
    journal.append(lease, 1, step(0), Counters())
    with pytest.raises(LeaseLost, match=f"ends at record 3, not at {expected}"):
        journal.append(lease, expected, step(1), Counters())
    assert journal.append(lease, 3, step(1), Counters()) == 5
    assert len(store.open().read("run")) == 5


def test_a_lease_works_through_another_handle(store: Any, journal: Journal) -> None:
    lease = start(journal)
    other = store.open()
    assert other.append(lease, 1, step(0), Counters()) == 3
    with pytest.raises(LeaseLost):
        journal.append(lease, 1, step(9), Counters())
    assert journal.append(lease, 3, step(1), Counters()) == 5
    assert [record.event for record in other.read("run")] == [STARTED, *step(0), *step(1)]


def test_two_threads_with_one_lease_never_both_write_a_place(journal: Journal) -> None:
    lease = start(journal)
    won: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            sequence = journal.run("run").sequence
            try:
                journal.append(lease, sequence, step(number), Counters())
            except LeaseLost:
                continue
            won.append(sequence)

    in_threads(4, work)
    assert len(set(won)) == len(won)
    assert len(journal.read("run")) == 1 + 2 * len(won)


def test_a_stale_thread_writes_nothing_beside_the_holder(store: Any, journal: Journal) -> None:
    stale = start(journal)
    store.clock.advance(LEASE_MS)
    other = store.open()
    fresh = other.claim("run", other.new_owner())
    refused: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            append_steps(other, fresh, 30)
            return
        for _ in range(30):
            with pytest.raises(LeaseLost):
                journal.append(stale, journal.run("run").sequence, step(500), Counters())
            refused.append(1)

    in_threads(2, work)
    assert len(refused) == 30
    records = other.read("run")
    assert len(records) == 61
    assert {record.token for record in records[1:]} == {2}


def test_many_runs_append_at_once(journal: Journal) -> None:
    owner = journal.new_owner()

    def work(number: int) -> None:
        lease = start(journal, f"run-{number}", owner=owner)
        append_steps(journal, lease, 25)

    in_threads(8, work)
    for number in range(8):
        assert [record.sequence for record in journal.read(f"run-{number}")] == list(range(1, 52))


def test_one_of_many_claimants_wins(store: Any, journal: Journal) -> None:
    journal.release(start(journal), RunStatus.SUSPENDED)
    handles = [store.open() for _ in range(4)]
    won: list[Lease] = []

    def work(number: int) -> None:
        try:
            won.append(handles[number].claim("run", handles[number].new_owner()))
        except LeaseHeld:
            return

    in_threads(4, work)
    assert [lease.token for lease in won] == [2]


def test_one_of_many_creators_wins(store: Any, journal: Journal) -> None:
    handles = [store.open() for _ in range(4)]
    won: list[int] = []

    def work(number: int) -> None:
        try:
            start(handles[number])
        except RunError:
            return
        won.append(number)

    in_threads(4, work)
    assert len(won) == 1
    assert len(journal.read("run")) == 1


def test_a_closed_journal_says_so(store: Any, journal: Journal) -> None:
    lease = start(journal)
    journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.append(lease, 1, step(0), Counters())
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.create(new_run("other"), "owner", [STARTED], Counters(), RunStatus.RUNNING)
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.read("run")
