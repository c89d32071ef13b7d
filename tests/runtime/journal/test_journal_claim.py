"""Claiming what is due: order, times, crashes, quarantine and partitions, in every store."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from journal_store import LEASE_MS, STARTED, new_run, noise, start, step
from test_journal_lease import in_threads

from flowlang.errors import LeaseHeld, LeaseLost, UsageError
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionScheduled,
    ChapterStarted,
    RunCompleted,
    RunStopped,
    TimerFired,
)
from flowlang.runtime.journal.journal import (
    CRASHES_MAX,
    Append,
    Claim,
    Counters,
    Effects,
    Journal,
    Lease,
    Loaded,
    NewChild,
    NewMessage,
    Placement,
    RunStatus,
)
from flowlang.runtime.journal.payload import PAYLOAD_BYTES_BLOB

ENDED = RunCompleted(True, b"null")


def leave(journal: Journal, run_id: str, **placement: Any) -> None:
    """A new run for any worker."""
    run = attrs.evolve(new_run(run_id), placement=Placement(**placement))
    journal.create_many([NewChild(run, [STARTED])])


def claimed(journal: Journal, owner: str, limit: int = 100, **options: Any) -> list[str]:
    return [claim.lease.run_id for claim in journal.claim_due(owner, limit=limit, **options)]


def finish(journal: Journal, claim: Claim) -> None:
    journal.append(claim.lease, claim.run.sequence, [ENDED], Counters(), RunStatus.COMPLETED)


def test_higher_priorities_go_first_and_then_what_was_due_first(store: Any, journal: Journal) -> None:
    leave(journal, "low", priority=0)
    leave(journal, "first")
    leave(journal, "later", start_at_ms=store.clock.now_ms() + 5)
    leave(journal, "second")
    leave(journal, "urgent", priority=2)
    store.clock.advance(10)
    owner = journal.new_owner()
    assert claimed(journal, owner, 2) == ["urgent", "first"]
    assert claimed(journal, owner) == ["second", "later", "low"]
    assert claimed(journal, owner) == []


def test_a_claim_gives_the_row_as_of_then(store: Any, journal: Journal) -> None:
    leave(journal, "run", queue="mail", priority=2, deadline_at_ms=store.clock.now_ms() + 99)
    owner = journal.new_owner()
    (claim,) = journal.claim_due(owner, limit=5, queues=("mail",))
    assert claim.lease == Lease("run", owner, 2)
    assert claim.run == journal.run("run")
    assert claim.run.status is RunStatus.RUNNING
    assert claim.run.lease_expires_at_ms == claim.run.due_at_ms == store.clock.now_ms() + LEASE_MS
    assert journal.append(claim.lease, 1, step(0), Counters()) == 3


def test_only_the_wanted_queues_are_served(journal: Journal) -> None:
    leave(journal, "mail", queue="mail")
    leave(journal, "default")
    leave(journal, "urgent", queue="mail", priority=2)
    owner = journal.new_owner()
    assert journal.next_due_at_ms(("nothing",)) is None
    assert claimed(journal, owner, queues=("nothing",)) == []
    assert claimed(journal, owner, queues=("default", "mail")) == ["urgent", "mail", "default"]


def test_a_worker_may_serve_hundreds_of_queues(journal: Journal) -> None:
    """More than a database has columns for."""
    queues = [f"queue-{number}" for number in range(450)]
    for number in (7, 449, 230):
        leave(journal, f"run-{number}", queue=queues[number])
    owner = journal.new_owner()
    assert journal.next_due_at_ms(queues) is not None
    assert claimed(journal, owner, queues=queues) == ["run-7", "run-449", "run-230"]
    assert journal.next_due_at_ms(queues[:100]) is not None  # a lease that runs out


def test_a_priority_that_does_not_exist_is_refused(journal: Journal) -> None:
    with pytest.raises(UsageError, match="a priority must be 0, 1 or 2"):
        leave(journal, "run", priority=3)


def test_a_run_is_not_due_before_its_start(store: Any, journal: Journal) -> None:
    start_at_ms = store.clock.now_ms() + 1000
    leave(journal, "run", start_at_ms=start_at_ms)
    assert journal.next_due_at_ms() == start_at_ms
    store.clock.advance(999)
    assert claimed(journal, journal.new_owner()) == []
    store.clock.advance(1)
    assert claimed(journal, journal.new_owner()) == ["run"]


@pytest.mark.parametrize(
    ("wake", "deadline", "due"), [(50, None, 50), (None, 70, 70), (50, 40, 40), (None, None, None)]
)
def test_a_waiting_run_is_due_at_its_timer_or_deadline(
    store: Any, journal: Journal, wake: int | None, deadline: int | None, due: int | None
) -> None:
    now_ms = store.clock.now_ms()
    leave(journal, "run", deadline_at_ms=None if deadline is None else now_ms + deadline)
    (claim,) = journal.claim_due(journal.new_owner(), limit=1)
    effects = Effects(wake_at_ms=None if wake is None else now_ms + wake)
    journal.append(claim.lease, 1, step(0), Counters(), RunStatus.WAITING, effects)
    assert journal.run("run").due_at_ms == journal.next_due_at_ms() == (None if due is None else now_ms + due)
    assert journal.run("run").owner == ""
    store.clock.advance((due or 1000) - 1)
    assert claimed(journal, journal.new_owner()) == []
    store.clock.advance(1)
    assert claimed(journal, journal.new_owner()) == ([] if due is None else ["run"])


def test_waiting_is_no_crash(store: Any, journal: Journal) -> None:
    leave(journal, "run")
    for sequence in range(1, 11, 2):
        (claim,) = journal.claim_due(journal.new_owner(), limit=1)
        assert claim.run.crashes == 0
        journal.append(claim.lease, sequence, step(0), Counters(), RunStatus.WAITING, Effects(wake_at_ms=0))


def test_a_lease_is_taken_over_when_it_has_run_out_and_not_before(store: Any, journal: Journal) -> None:
    stale = start(journal)
    other = store.open()
    store.clock.advance(LEASE_MS - 1)
    assert claimed(other, other.new_owner()) == []
    store.clock.advance(1)
    assert journal.append(stale, 1, step(0), Counters()) == 3  # nobody took it yet
    assert claimed(other, other.new_owner()) == []  # and that extended it
    store.clock.advance(LEASE_MS)
    assert claimed(other, other.new_owner()) == ["run"]
    with pytest.raises(LeaseLost):
        journal.append(stale, 3, step(1), Counters())


def test_appending_keeps_a_run_from_being_due(store: Any, journal: Journal) -> None:
    lease = start(journal)
    store.clock.advance(LEASE_MS - 1)
    journal.append(lease, 1, step(0), Counters())
    store.clock.advance(2)
    assert claimed(journal, journal.new_owner()) == []
    assert journal.next_due_at_ms() == store.clock.now_ms() - 2 + LEASE_MS


def test_the_runs_of_a_dead_owner_are_due_at_once(store: Any, journal: Journal) -> None:
    lease = start(journal)
    start(journal, "other")
    journal.drop_owner(lease.owner)
    assert claimed(journal, journal.new_owner()) == ["run"]
    with pytest.raises(LeaseLost):
        journal.append(lease, 1, step(0), Counters())


def test_two_workers_never_get_the_same_run(store: Any, journal: Journal) -> None:
    journal.create_many([NewChild(new_run(f"run-{number}"), [STARTED]) for number in range(100)])
    handles = [store.open() for _ in range(4)]
    won: list[str] = []

    def work(number: int) -> None:
        owner = handles[number].new_owner()
        while got := claimed(handles[number], owner, 7):
            won.extend(got)

    in_threads(4, work)
    assert sorted(won) == sorted(f"run-{number}" for number in range(100))


def crash(store: Any, journal: Journal, **options: Any) -> Claim | None:
    """Claims and dies at once."""
    owner = journal.new_owner()
    claims = journal.claim_due(owner, limit=1, **options)
    journal.drop_owner(owner)
    return claims[0] if claims else None


def test_a_run_that_kills_its_owners_is_quarantined(store: Any, journal: Journal) -> None:
    leave(journal, "poison")
    crashes = [claim.run.crashes for _ in range(CRASHES_MAX) if (claim := crash(store, journal))]
    assert crashes == list(range(CRASHES_MAX))
    assert crash(store, journal) is None
    run = journal.run("poison")
    assert (run.status, run.reason, run.crashes, run.owner) == (RunStatus.STOPPED, "quarantine", CRASHES_MAX, "")
    assert (run.due_at_ms, journal.next_due_at_ms()) == (None, None)
    records = journal.read("poison")
    assert isinstance(records[-1].event, RunStopped)
    assert records[-1].event.reason == "quarantine"
    assert records[-1].token == run.token == CRASHES_MAX + 2


def test_somebody_who_resumes_a_quarantined_run_gives_it_another_chance(store: Any, journal: Journal) -> None:
    leave(journal, "poison")
    for _ in range(CRASHES_MAX + 1):
        crash(store, journal)
    lease = journal.claim("poison", journal.new_owner())
    assert (journal.run("poison").crashes, journal.run("poison").reason) == (0, "")
    assert journal.append(lease, 2, step(0), Counters()) == 4


@pytest.mark.parametrize(
    ("event", "crashes"), [(TimerFired((0,)), 0), (ActionScheduled((0,), "a", "d", None, b"{}"), 1)]
)
def test_an_answer_makes_crashes_forgotten(store: Any, journal: Journal, event: Any, crashes: int) -> None:
    leave(journal, "run")
    crash(store, journal)
    (claim,) = journal.claim_due(journal.new_owner(), limit=1)
    assert claim.run.crashes == 1
    journal.append(claim.lease, 1, [event], Counters())
    assert journal.run("run").crashes == crashes


def test_suspects_are_claimed_alone_and_only_by_those_who_want_them(store: Any, journal: Journal) -> None:
    for number in range(4):
        leave(journal, f"run-{number}")
    owner = journal.new_owner()
    assert len(claimed(journal, owner, 2)) == 2
    journal.drop_owner(owner)
    store.clock.advance(1)
    survivor = journal.new_owner()
    assert claimed(journal, survivor, suspects=False) == ["run-2", "run-3"]
    assert journal.next_due_at_ms(suspects=False) is None
    assert journal.next_due_at_ms() is not None
    assert claimed(journal, survivor) == ["run-0"]
    assert claimed(journal, survivor) == ["run-1"]


def test_renewing_many_names_those_that_were_lost(store: Any, journal: Journal) -> None:
    owner = journal.new_owner()
    kept = [start(journal, f"run-{number}", owner=owner) for number in range(3)]
    stale = start(journal, "stale", owner=owner)
    store.clock.advance(LEASE_MS)
    fresh = journal.claim("stale", journal.new_owner())
    strange = Lease("run-0", journal.new_owner(), 1)
    assert journal.renew_many([*kept, stale, fresh, strange]) == [stale, strange]
    assert journal.renew_many([]) == []
    for lease in kept:
        assert journal.run(lease.run_id).lease_expires_at_ms == store.clock.now_ms() + LEASE_MS
    assert journal.next_due_at_ms() == store.clock.now_ms() + LEASE_MS


def test_a_partition_keeps_its_order(store: Any, journal: Journal) -> None:
    for number in range(3):
        leave(journal, f"run-{number}", partition="customer")
    leave(journal, "other", partition="elsewhere")
    leave(journal, "same-name", partition="customer", queue="mail")
    owner = journal.new_owner()
    first = journal.claim_due(owner, limit=10)
    assert [claim.lease.run_id for claim in first] == ["run-0", "other"]
    assert claimed(journal, owner, queues=("mail",)) == ["same-name"]
    with pytest.raises(LeaseHeld, match="waits for an older one of its partition"):
        journal.claim("run-1", owner)
    journal.append(first[0].lease, 1, step(0), Counters(), RunStatus.WAITING)
    assert claimed(journal, owner) == []  # a run that waits keeps its turn
    journal.post(NewMessage("run-0", "signal", "go", "", b"1"))
    (again,) = journal.claim_due(owner, limit=10)
    finish(journal, again)
    (second,) = journal.claim_due(owner, limit=10)
    assert second.lease.run_id == "run-1"
    journal.release(second.lease, RunStatus.STOPPED)
    assert claimed(journal, owner) == []  # so does one that was stopped
    journal.terminate("run-1", [RunStopped("terminated", b"null")])
    assert claimed(journal, owner) == ["run-2"]


def test_a_crashed_head_of_a_partition_is_not_passed(store: Any, journal: Journal) -> None:
    for number in range(2):
        leave(journal, f"run-{number}", partition="customer")
    claim = crash(store, journal)
    assert claim is not None
    assert claimed(journal, journal.new_owner()) == ["run-0"]


def test_a_run_cannot_be_driven_past_its_partition(store: Any, journal: Journal) -> None:
    leave(journal, "run-0", partition="customer")
    run = attrs.evolve(new_run("run-1"), placement=Placement(partition="customer"))
    with pytest.raises(LeaseHeld, match="cannot be driven before the older ones"):
        journal.create(run, journal.new_owner(), [STARTED], Counters(), RunStatus.RUNNING)
    assert [each.run_id for each in journal.runs()] == ["run-0"]


def test_a_message_does_not_wake_a_run_before_its_turn(store: Any, journal: Journal) -> None:
    leave(journal, "run-0", partition="customer")
    leave(journal, "run-1", partition="customer")
    journal.post(NewMessage("run-1", "signal", "go", "", b"1"))
    assert claimed(journal, journal.new_owner()) == ["run-0"]


def test_many_appends_are_written_and_refused_each_for_itself(store: Any, journal: Journal) -> None:
    owner = journal.new_owner()
    leases = [start(journal, f"run-{number}", owner=owner) for number in range(4)]
    stale = attrs.evolve(leases[1], token=9)
    appends = [
        Append(leases[0], 1, step(0), Counters(), RunStatus.RUNNING),
        Append(stale, 1, step(0), Counters(), RunStatus.RUNNING),
        Append(leases[2], 7, step(0), Counters(), RunStatus.RUNNING),
        Append(leases[3], 1, [ENDED], Counters(), RunStatus.COMPLETED, Effects(outcome=b"null")),
    ]
    first, second, third, fourth = journal.append_many(appends)
    assert (first, fourth) == (3, 2)
    assert isinstance(second, LeaseLost)
    assert isinstance(third, LeaseLost)
    assert [journal.run(f"run-{number}").sequence for number in range(4)] == [3, 1, 1, 2]
    assert journal.append_many([]) == []
    again = journal.append_many([Append(leases[0], 3, step(1), Counters(), RunStatus.SUSPENDED)])
    assert again == [5]
    assert claimed(journal, owner) == ["run-0"]


def test_creating_many_is_all_or_nothing(journal: Journal) -> None:
    start(journal, "taken")
    wanted = [NewChild(new_run(name), [STARTED]) for name in ("a", "taken")]
    with pytest.raises(Exception, match="`taken` exists already"):
        journal.create_many(wanted)
    with pytest.raises(Exception, match="`twin` exists already"):
        journal.create_many([NewChild(new_run("twin"), [STARTED])] * 2)
    assert [run.run_id for run in journal.runs()] == ["taken"]


def test_claimed_runs_are_loaded_together(store: Any, journal: Journal) -> None:
    run = attrs.evolve(new_run("labelled"), attributes={"region": "eu", "size": 3})
    journal.create_many([NewChild(new_run("plain"), [STARTED]), NewChild(run, [STARTED])])
    (claim,) = journal.claim_due(journal.new_owner(), limit=1)
    chapter = ChapterStarted(2, "s", b"{}")
    events = [*step(0), chapter, ActionCompleted((5,), noise(PAYLOAD_BYTES_BLOB + 10))]
    journal.append(claim.lease, 1, events, Counters(), RunStatus.SUSPENDED, Effects(chapter=4))
    journal.post(NewMessage("plain", "signal", "s", "k", noise(PAYLOAD_BYTES_BLOB + 10, 1)))
    claims = journal.claim_due(journal.new_owner(), limit=5)
    plain, labelled = sorted(claims, key=lambda each: each.lease.run_id, reverse=True)
    first, second = journal.load_many([plain, labelled])
    assert isinstance(first, Loaded)
    assert isinstance(second, Loaded)
    assert first.records == journal.read("plain", 3)
    assert [record.event for record in first.records] == events[2:]
    assert (first.attributes, second.attributes) == ({}, {"region": "eu", "size": 3})
    assert (first.messages, second.messages) == (journal.open_messages("plain"), [])
    assert [record.event for record in second.records] == [STARTED]
    assert store.open().load_many([labelled]) == [second]
    assert journal.load_many([]) == []


@pytest.mark.parametrize("status", [RunStatus.WAITING, RunStatus.STOPPED, RunStatus.FAILED])
def test_a_run_may_be_created_in_any_status(store: Any, journal: Journal, status: RunStatus) -> None:
    now_ms = store.clock.now_ms()
    run = attrs.evolve(new_run(), placement=Placement(deadline_at_ms=now_ms + 9))
    effects = Effects(wake_at_ms=now_ms + 5, reason="why", state="here")
    journal.create(run, "", [STARTED], Counters(), status, effects)
    record = journal.run("run")
    assert (record.status, record.owner, record.reason, record.state) == (status, "", "why", "here")
    assert record.due_at_ms == (now_ms + 5 if status is RunStatus.WAITING else None)


def test_a_run_without_time_of_its_own_waits_for_its_deadline(store: Any, journal: Journal) -> None:
    now_ms = store.clock.now_ms()
    leave(journal, "run", start_at_ms=now_ms + 50, deadline_at_ms=now_ms + 9)
    assert journal.next_due_at_ms() == now_ms + 9
    journal.create(
        attrs.evolve(new_run("second"), placement=Placement(deadline_at_ms=now_ms + 3)),
        "", [STARTED], Counters(), RunStatus.WAITING,
    )  # fmt: skip
    assert journal.next_due_at_ms() == now_ms + 3
