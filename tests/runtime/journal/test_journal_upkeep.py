"""What operators do to runs, in every store."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from journal_store import CODE, LEASE_MS, MANIFEST, MODULES, STARTED, append_steps, new_run, noise, start, step

from flowlang.errors import (
    GateClosed,
    GateNotFound,
    InternalError,
    LeaseHeld,
    LeaseLost,
    RunAlreadyExists,
    RunEnded,
    RunError,
    RunNotFound,
)
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ChapterStarted,
    CodeChanged,
    Event,
    GateOpened,
    Record,
    RunCompleted,
    RunReset,
    RunStopped,
)
from flowlang.runtime.journal.journal import (
    Condition,
    Counters,
    Effects,
    Journal,
    Lease,
    NewMessage,
    NewWait,
    ParentLink,
    Placement,
    RunFilter,
    RunStatus,
)
from flowlang.runtime.journal.payload import PAYLOAD_BYTES_BLOB

ENDED = RunCompleted(True, b"null")


def end(journal: Journal, lease: Lease, sequence: int = 1, status: RunStatus = RunStatus.COMPLETED) -> int:
    return journal.append(lease, sequence, [ENDED], Counters(3, 4, 5), status)


# --------------------------------------------------------------------------------------------- reopen and terminate


def test_a_stopped_run_is_reopened_without_events(store: Any, journal: Journal) -> None:
    lease = start(journal)
    journal.append(lease, 1, [RunStopped("budget", b"null")], Counters(), RunStatus.STOPPED, Effects(reason="budget"))
    assert journal.claim_due(journal.new_owner(), limit=1) == []
    store.clock.advance(5)
    assert journal.reopen("run", events=()) == 2
    run = journal.run("run")
    assert (run.status, run.reason, run.due_at_ms, run.token) == (RunStatus.SUSPENDED, "", store.clock.now_ms(), 2)
    (claim,) = journal.claim_due(journal.new_owner(), limit=1)
    assert claim.lease.token == 3


def test_a_reset_reopens_a_run_that_has_ended(store: Any, journal: Journal) -> None:
    lease = start(journal)
    opened = Effects(opened=[NewWait("0.9", "before", None, b"1")])
    before = GateOpened((0, 9), "before", None, "k", None, b"1")
    sequence = journal.append(lease, 1, [before], Counters(), effects=opened)
    after = GateOpened((0, 10), "after", None, "k", None, b"1")
    opened = Effects(opened=[NewWait("0.10", "after", None, b"1")])
    sequence = journal.append(lease, sequence, [after], Counters(), effects=opened)
    sequence = end(journal, lease, sequence)
    reset = RunReset(2, "new", b"{}")
    signal = NewMessage("run", "signal", "again", "", b"1")
    assert journal.reopen("run", events=[reset], messages=[signal]) == sequence + 1
    run = journal.run("run")
    assert (run.status, run.crashes, run.due_at_ms) == (RunStatus.SUSPENDED, 0, store.clock.now_ms())
    assert (run.steps, run.memory, run.actions_completed) == (3, 4, 5)
    assert [message.name for message in journal.open_messages("run")] == ["again"]
    assert {gate.name: gate.decided_by for gate in journal.waits(only_open=False)} == {"before": "", "after": "closed"}
    assert journal.read("run")[-1] == Record(sequence + 1, store.clock.now_ms(), run.token, reset)
    fresh = journal.claim("run", journal.new_owner())
    assert journal.append(fresh, sequence + 1, step(0), Counters()) == sequence + 3
    with pytest.raises(LeaseLost):
        journal.append(lease, sequence + 1, step(0), Counters())
    with pytest.raises(GateClosed):
        journal.decide(NewMessage("run", "gate", "0.10", "", b"1"))


def test_a_reset_may_go_back_to_an_earlier_chapter(journal: Journal) -> None:
    lease = start(journal)
    chapter = ChapterStarted(2, "s", b"{}")
    sequence = journal.append(lease, 1, [chapter], Counters(), RunStatus.STOPPED, Effects(chapter=2))
    assert journal.run("run").chapter_sequence == 2
    journal.reopen("run", events=[RunReset(1, "s", b"{}")], chapter=1)
    assert journal.run("run").chapter_sequence == 1
    assert len(journal.read("run")) == sequence + 1


def test_a_driven_run_is_not_reopened(store: Any, journal: Journal) -> None:
    lease = start(journal)
    with pytest.raises(LeaseHeld):
        store.open().reopen("run", events=())
    assert journal.append(lease, 1, step(0), Counters()) == 3
    journal.drop_owner(lease.owner)
    store.open().reopen("run", events=())
    with pytest.raises(LeaseLost):
        journal.append(lease, 3, step(1), Counters())
    with pytest.raises(RunNotFound):
        journal.reopen("nobody", events=())


def test_terminating_fences_off_the_owner(store: Any, journal: Journal) -> None:
    lease = start(journal)
    store.open().terminate("run", [RunStopped("terminated", b"null")])
    run = journal.run("run")
    assert (run.status, run.reason, run.token, run.owner, run.due_at_ms) == (
        RunStatus.TERMINATED, "terminated", 2, "", None,
    )  # fmt: skip
    with pytest.raises(LeaseLost):
        journal.append(lease, 1, step(0), Counters())
    with pytest.raises(LeaseLost):
        journal.renew(lease)
    with pytest.raises(RunEnded):
        journal.terminate("run", [RunStopped("terminated", b"null")])
    assert len(journal.read("run")) == 2


def test_a_reopened_run_waits_for_its_partition(store: Any, journal: Journal) -> None:
    run = attrs.evolve(new_run("first"), placement=Placement(partition="p"))
    lease = journal.create(run, journal.new_owner(), [STARTED], Counters(), RunStatus.RUNNING)
    end(journal, lease)
    second = attrs.evolve(new_run("second"), placement=Placement(partition="p"))
    lease = journal.create(second, journal.new_owner(), [STARTED], Counters(), RunStatus.RUNNING)
    journal.reopen("first", events=[RunReset(1, "s", b"{}")])
    assert journal.claim_due(journal.new_owner(), limit=5) == []
    end(journal, lease)
    assert [claim.lease.run_id for claim in journal.claim_due(journal.new_owner(), limit=5)] == ["first"]


# ------------------------------------------------------------------------------------------------- delete and prune


def test_deleting_removes_everything_of_a_run(journal: Journal) -> None:
    lease = start(journal)
    shared, own = noise(PAYLOAD_BYTES_BLOB + 500), noise(PAYLOAD_BYTES_BLOB + 500, 1)
    payloads: list[Event] = [ActionCompleted((0,), shared), ActionCompleted((1,), own)]
    effects = Effects(opened=[NewWait("0.1", "g", None, b"1")], attributes={"a": 1})
    sequence = journal.append(lease, 1, payloads, Counters(), effects=effects)
    journal.post(NewMessage("run", "signal", "s", "k", own))
    end(journal, lease, sequence)
    other = start(journal, "other")
    journal.append(other, 1, [ActionCompleted((0,), shared)], Counters())
    assert journal.statistics()["blobs"] == 2
    journal.delete("run")
    with pytest.raises(RunNotFound):
        journal.run("run")
    assert journal.read("other")[-1].event == ActionCompleted((0,), shared)
    numbers = journal.statistics()
    assert (numbers["blobs"], numbers["events"], numbers["gates"], numbers["messages"]) == (1, 2, 0, 0)
    assert journal.modules("other") == MODULES
    assert journal.find(RunFilter(where=[Condition("a", "=", 1)])) == []
    start(journal)
    assert journal.attributes("run") == {}


def test_only_what_is_over_can_be_deleted(store: Any, journal: Journal) -> None:
    lease = start(journal)
    with pytest.raises(LeaseHeld):
        journal.delete("run")
    journal.release(lease, RunStatus.WAITING)
    with pytest.raises(RunError, match="has not ended"):
        journal.delete("run")
    journal.release(journal.claim("run", journal.new_owner()), RunStatus.STOPPED)
    journal.delete("run")
    with pytest.raises(RunNotFound):
        journal.delete("run")


def test_deleting_the_head_of_a_partition_lets_the_next_go_on(journal: Journal) -> None:
    for name in ("first", "second"):
        run = attrs.evolve(new_run(name), placement=Placement(partition="p"))
        journal.create(run, "", [STARTED], Counters(), RunStatus.SUSPENDED)
    journal.release(journal.claim("first", journal.new_owner()), RunStatus.STOPPED)
    journal.delete("first")
    assert [claim.lease.run_id for claim in journal.claim_due(journal.new_owner(), limit=5)] == ["second"]


def test_pruning_takes_old_finished_runs_only(store: Any, journal: Journal) -> None:
    for number in range(5):
        status = RunStatus.FAILED if number == 3 else RunStatus.COMPLETED
        end(journal, start(journal, f"old-{number}"), status=status)
    journal.release(start(journal, "parked"), RunStatus.WAITING)
    store.clock.advance(1000)
    end(journal, start(journal, "new"))
    before_ms = store.clock.now_ms()
    assert journal.prune(finished_before_ms=before_ms, status=[RunStatus.FAILED]) == 1
    assert journal.prune(finished_before_ms=before_ms, limit=3) == 3
    assert journal.prune(finished_before_ms=before_ms) == 1
    assert journal.prune(finished_before_ms=before_ms) == 0
    assert [run.run_id for run in journal.runs()] == ["new", "parked"]
    assert journal.modules("new") == MODULES


def test_code_that_nobody_is_pinned_to_goes_with_its_last_run(store: Any, journal: Journal) -> None:
    manifest = attrs.evolve(MANIFEST, language="2")
    modules = {**MODULES, "etl.flow": "other"}
    run = attrs.evolve(new_run("other"), manifest=manifest, modules=modules)
    started = attrs.evolve(STARTED, code=manifest_digest(manifest))
    lease = journal.create(run, journal.new_owner(), [started], Counters(), RunStatus.RUNNING)
    end(journal, lease)
    start(journal)
    store.clock.advance(1)
    assert journal.prune(finished_before_ms=store.clock.now_ms()) == 1
    assert journal.modules("run") == MODULES
    lease = journal.create(run, journal.new_owner(), [started], Counters(), RunStatus.RUNNING)  # stored again
    assert journal.modules("other") == modules


# ----------------------------------------------------------------------------------------------------- copying in


def test_records_are_copied_in_with_their_times_and_tokens(store: Any, journal: Journal) -> None:
    lease = start(journal, "source")
    sequence = append_steps(journal, lease, 2)
    journal.drop_owner(lease.owner)
    fresh = journal.claim("source", journal.new_owner())
    store.clock.advance(77)
    journal.append(fresh, sequence, [ActionCompleted((9,), noise(PAYLOAD_BYTES_BLOB + 9))], Counters(8, 9, 10))
    records = journal.read("source")
    parent = ParentLink("old-parent", "0.1", "cancel", "old-parent")
    run = attrs.evolve(new_run("copy"), attributes={"a": 1}, correlation="c", parent=parent)
    store.clock.advance(5)
    waits = [NewWait("0.3", "g", None, b"1")]
    messages = [NewMessage("copy", "signal", "s", "", b"1")]
    journal.copy_in(run, records, Counters(8, 9, 10), RunStatus.WAITING, 5, waits=waits, messages=messages)
    assert journal.read("copy") == records
    copy = journal.run("copy")
    assert (copy.status, copy.token, copy.created_at_ms, copy.due_at_ms) == (
        RunStatus.SUSPENDED, 2, 5, store.clock.now_ms(),
    )  # fmt: skip
    assert (copy.steps, copy.memory, copy.actions_completed) == (8, 9, 10)
    assert (journal.attributes("copy"), copy.correlation, copy.parent) == ({"a": 1}, "c", "old-parent")
    assert [gate.name for gate in journal.waits(run_id="copy")] == ["g"]
    assert [message.name for message in journal.open_messages("copy")] == ["s"]
    lease = journal.claim("copy", journal.new_owner())
    assert journal.append(lease, len(records), step(0), Counters()) == len(records) + 2
    with pytest.raises(RunAlreadyExists):
        journal.copy_in(run, records, Counters(), RunStatus.COMPLETED, 5)


def test_a_finished_run_is_copied_in_as_finished(journal: Journal) -> None:
    lease = start(journal, "source")
    end(journal, lease)
    journal.copy_in(new_run("copy"), journal.read("source"), Counters(3, 4, 5), RunStatus.COMPLETED, 1)
    run = journal.run("copy")
    assert (run.status, run.due_at_ms, run.chapter_sequence) == (RunStatus.COMPLETED, None, 1)


def test_the_chapter_of_copied_records_is_found(journal: Journal) -> None:
    events: list[Event] = [STARTED, ChapterStarted(2, "a", b"{}"), ChapterStarted(3, "b", b"{}")]
    for extra, chapter in (([], 3), ([RunReset(2, "s", b"{}")], 2), ([RunReset(1, "s", b"{}")], 1)):
        records = [Record(number, 1, 1, event) for number, event in enumerate([*events, *extra], start=1)]
        journal.copy_in(new_run(f"copy-{chapter}"), records, Counters(), RunStatus.SUSPENDED, 1)
        assert journal.run(f"copy-{chapter}").chapter_sequence == chapter


def test_records_that_are_not_whole_are_not_copied_in(journal: Journal) -> None:
    whole = [Record(1, 1, 1, STARTED), Record(2, 1, 1, ENDED)]
    other = Record(2, 1, 1, CodeChanged("other"))
    for records in ([], whole[1:], [whole[0], attrs.evolve(whole[1], sequence=3)], [whole[0], other]):
        with pytest.raises(InternalError):
            journal.copy_in(new_run("copy"), records, Counters(), RunStatus.SUSPENDED, 1)
    assert STARTED.code == CODE


# ----------------------------------------------------------------------------------------------- keys and finding


def test_keys_are_made_once_and_kept_when_they_are_rotated(store: Any, journal: Journal) -> None:
    other = store.open()
    key_id, key = journal.key()
    assert len(key) == 32
    assert other.key() == (key_id, key)
    newer = other.rotate_key()
    assert newer != key_id
    assert journal.key()[0] == newer
    assert journal.key()[1] != key
    assert journal.key(key_id) == (key_id, key)
    with pytest.raises(GateNotFound):
        journal.key("unknown")


def test_runs_are_found_by_all_that_is_known_of_them(store: Any, journal: Journal) -> None:
    for number in range(4):
        run = attrs.evolve(
            new_run(f"run-{number}", flow=f"f{number % 2}"),
            placement=Placement(queue="q" if number else "default", priority=number % 3),
            attributes={"size": number, "name": f"n{number}", "flag": number == 2},
            correlation="even" if number % 2 == 0 else "",
        )
        journal.create(run, "", [STARTED], Counters(), RunStatus.SUSPENDED)
        store.clock.advance(10)
    created = journal.run("run-2").created_at_ms

    def found(**which: Any) -> list[int]:
        return [int(run.run_id[-1]) for run in journal.find(RunFilter(**which))]

    assert found() == [3, 2, 1, 0]
    assert found(flow="f1") == [3, 1]
    assert found(queue="q") == [3, 2, 1]
    assert found(correlation="even") == [2, 0]
    assert found(prefix="run-", ids=["run-1", "run-3", "nobody"]) == [3, 1]
    assert found(created_after_ms=created) == [3]
    assert found(created_before_ms=created) == [1, 0]
    assert found(status=[RunStatus.WAITING]) == []
    assert found(root="run-1") == [1]

    def where(*conditions: tuple[str, str, Any]) -> list[int]:
        return found(where=[Condition(*condition) for condition in conditions])

    assert where(("size", ">=", 2)) == [3, 2]
    assert where(("size", "<", 1.5), ("name", "!=", "n0")) == [1]
    assert where(("size", "=", "2")) == []
    assert where(("name", ">", "n1")) == [3, 2]
    assert where(("flag", "=", True)) == [2]
    assert where(("flag", "=", 1)) == []
    assert where(("missing", "!=", 1)) == []
    assert where(("priority", ">=", 1), ("flow", "=", "f1")) == [1]
    assert where(("queue", "=", 5)) == []
    with pytest.raises(Exception, match="`~` is no operator"):
        where(("size", "~", 1))
    assert journal.count(RunFilter(queue="q")) == {RunStatus.SUSPENDED: 3}
    assert journal.count(RunFilter(queue="none")) == {}


def test_runs_are_listed_in_pages(journal: Journal) -> None:
    for number in range(5):
        start(journal, f"run-{number}")
    first = journal.find(RunFilter(), limit=2)
    second = journal.find(RunFilter(), limit=2, before=first[-1].number)
    third = journal.find(RunFilter(), limit=2, before=second[-1].number)
    assert [run.run_id for run in (*first, *second, *third)] == [f"run-{number}" for number in (4, 3, 2, 1, 0)]


def test_runs_whose_lease_has_ended_are_stuck(store: Any, journal: Journal) -> None:
    start(journal, "first")
    store.clock.advance(10)
    start(journal, "second")
    journal.release(start(journal, "given-back"), RunStatus.WAITING)
    store.clock.advance(LEASE_MS - 10)
    assert [run.run_id for run in journal.stuck()] == ["first"]
    store.clock.advance(10)
    assert [run.run_id for run in journal.stuck()] == ["first", "second"]
    assert [run.run_id for run in journal.stuck(10)] == ["first"]
    assert [run.run_id for run in journal.stuck(limit=1)] == ["first"]


def test_manifests_of_many_runs_are_found_at_once(journal: Journal) -> None:
    start(journal, "a")
    start(journal, "b")
    found = journal.manifests(["a", "nobody", "b"])
    assert found == {"a": MANIFEST, "b": MANIFEST}
    assert found["a"] is found["b"]


def test_the_statistics_count_what_is_there(store: Any, journal: Journal) -> None:
    append_steps(journal, start(journal, "a"), 2)
    journal.release(start(journal, "b"), RunStatus.SUSPENDED)
    journal.post(NewMessage("b", "signal", "s", "", b"1"))
    journal.key()
    numbers = journal.statistics()
    assert {name: numbers[name] for name in ("runs.running", "runs.suspended", "runs.failed")} == {
        "runs.running": 1, "runs.suspended": 1, "runs.failed": 0,
    }  # fmt: skip
    assert (numbers["events"], numbers["messages"], numbers["due"], numbers["gate_keys"]) == (6, 1, 1, 1)
    assert numbers["bytes"] > 0
