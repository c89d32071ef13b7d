"""Two at once: one of them wins, in every store, and the journal says which."""

from __future__ import annotations

from typing import Any

import attrs
from journal_store import STARTED, new_run, start, step
from test_journal_lease import in_threads

from flowlang.errors import LeaseHeld, LeaseLost, RunEnded
from flowlang.runtime.journal.event import RunCompleted, RunReset, RunStopped
from flowlang.runtime.journal.journal import Counters, Journal, Lease, Placement, RunStatus
from flowlang.runtime.journal.verify import verify_all

ENDED = RunCompleted(True, b"null")


def test_terminating_against_ending_has_one_winner(store: Any, journal: Journal) -> None:
    other = store.open()
    for number in range(10):
        run_id = f"run-{number}"
        lease = start(journal, run_id)

        def work(which: int, run_id: str = run_id, lease: Lease = lease) -> None:
            try:
                if which:
                    other.terminate(run_id, [RunStopped("terminated", b"null")])
                else:
                    journal.append(lease, 1, [ENDED], Counters(), RunStatus.COMPLETED)
            except (LeaseLost, RunEnded):
                pass

        in_threads(2, work)
        ended = isinstance(journal.read(run_id)[-1].event, RunCompleted)
        assert journal.run(run_id).status is (RunStatus.COMPLETED if ended else RunStatus.TERMINATED)
        assert len(journal.read(run_id)) == 2
    assert verify_all(journal) == {}


def test_reopening_against_claiming_has_one_winner(store: Any, journal: Journal) -> None:
    other = store.open()
    for number in range(10):
        run_id = f"run-{number}"
        journal.release(start(journal, run_id), RunStatus.SUSPENDED)
        claims: list[Lease] = []
        reopened: list[int] = []

        def work(which: int, run_id: str = run_id, claims: Any = claims, reopened: Any = reopened) -> None:
            try:
                if which:
                    reopened.append(other.reopen(run_id, events=[RunReset(1, "s", b"{}")]))
                else:
                    claims.append(journal.claim(run_id, journal.new_owner()))
            except LeaseHeld:
                pass

        in_threads(2, work)
        (lease,) = claims
        assert journal.append(lease, 1 + len(reopened), step(0)[1:], Counters()) == 2 + len(reopened)
    assert verify_all(journal) == {}


def test_the_last_run_of_a_partition_and_a_new_one_never_both_wait(store: Any, journal: Journal) -> None:
    other = store.open()
    for number in range(10):
        run = attrs.evolve(new_run(f"first-{number}"), placement=Placement(partition=f"p{number}"))
        lease = journal.create(run, journal.new_owner(), [STARTED], Counters(), RunStatus.RUNNING)
        following = attrs.evolve(new_run(f"next-{number}"), placement=Placement(partition=f"p{number}"))

        def work(which: int, lease: Lease = lease, following: Any = following) -> None:
            if which:
                other.create(following, "", [STARTED], Counters(), RunStatus.SUSPENDED)
            else:
                journal.append(lease, 1, [ENDED], Counters(), RunStatus.COMPLETED)

        in_threads(2, work)
        assert journal.run(f"next-{number}").due_at_ms is not None
