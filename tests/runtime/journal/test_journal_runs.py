"""Runs and their records, in every store."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from journal_store import CODE, LEASE_MS, MANIFEST, MODULES, STARTED, append_steps, new_run, noise, start, step

from flowlang.errors import InternalError, LeaseLost, PayloadTooLarge, RunAlreadyExists, RunNotFound, UsageError
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import (
    ActionCompleted,
    CodeChanged,
    FlowCompleted,
    LogWritten,
    Record,
    RunCompleted,
    RunStarted,
)
from flowlang.runtime.journal.journal import Counters, Journal, Lease, RunStatus
from flowlang.runtime.journal.payload import PAYLOAD_BYTES_BLOB, PAYLOAD_BYTES_INLINE, PAYLOAD_BYTES_MAX


def test_a_new_run_has_its_row_its_records_and_its_code(store: Any, journal: Journal) -> None:
    owner = journal.new_owner()
    now_ms = store.clock.now_ms()
    lease = journal.create(new_run(), owner, [STARTED, *step(0)], Counters(7, 8, 9), RunStatus.RUNNING)

    assert lease == Lease("run", owner, 1)
    record = store.open().run("run")
    assert (record.run_id, record.entry, record.flow, record.code) == ("run", "etl.flow", "", CODE)
    assert record.arguments_digest == "arguments-digest"
    assert record.status is RunStatus.RUNNING
    assert (record.owner, record.token, record.sequence) == (owner, 1, 3)
    assert record.created_at_ms == record.updated_at_ms == now_ms
    assert record.lease_expires_at_ms == now_ms + LEASE_MS
    assert (record.steps, record.memory, record.actions_completed) == (7, 8, 9)
    assert store.open().read("run") == [
        Record(number, now_ms, 1, event) for number, event in enumerate([STARTED, *step(0)], start=1)
    ]
    assert store.open().manifest("run") == MANIFEST
    assert store.open().modules("run") == MODULES


def test_appends_follow_in_order_with_their_own_times(store: Any, journal: Journal) -> None:
    lease = start(journal)
    store.clock.advance(5)
    assert journal.append(lease, 1, step(0), Counters(1, 2, 3)) == 3
    store.clock.advance(5)
    assert journal.append(lease, 3, step(1), Counters(4, 5, 6)) == 5

    records = journal.read("run")
    assert [record.event for record in records] == [STARTED, *step(0), *step(1)]
    assert [record.sequence for record in records] == [1, 2, 3, 4, 5]
    began = records[0].recorded_at_ms
    assert [record.recorded_at_ms - began for record in records] == [0, 5, 5, 10, 10]
    row = journal.run("run")
    assert (row.steps, row.memory, row.actions_completed, row.updated_at_ms - began) == (4, 5, 6, 10)


@pytest.mark.parametrize("after", range(7))
def test_reading_can_begin_after_any_record(journal: Journal, after: int) -> None:
    append_steps(journal, start(journal), 2)
    assert journal.read("run", after) == journal.read("run")[after:]


def test_an_append_without_events_only_moves_the_lease(store: Any, journal: Journal) -> None:
    lease = start(journal)
    store.clock.advance(100)
    assert journal.append(lease, 1, [], Counters(5, 5, 5)) == 1
    row = store.open().run("run")
    assert (row.steps, row.lease_expires_at_ms) == (0, store.clock.now_ms() + LEASE_MS)
    assert [record.event for record in store.open().read("run")] == [STARTED]
    assert journal.append(lease, 1, step(0), Counters()) == 3
    assert journal.append(lease, 3, [], Counters(5, 5, 5), RunStatus.SUSPENDED) == 3
    assert store.open().run("run").status is RunStatus.SUSPENDED
    assert len(store.open().read("run")) == 3


def test_a_taken_id_changes_nothing(store: Any, journal: Journal) -> None:
    start(journal)
    before = journal.run("run"), journal.read("run")
    store.clock.advance(100)
    with pytest.raises(RunAlreadyExists, match="run `run` exists already") as caught:
        start(journal, entry="other.flow")
    assert caught.value.run_id == "run"
    assert (journal.run("run"), journal.read("run")) == before


@pytest.mark.parametrize("run_id", ["", "x" * 201, "a\nb", "a\0", "\ud800", "tab\t"])
def test_ids_must_be_printable(journal: Journal, run_id: str) -> None:
    with pytest.raises(UsageError, match="run id"):
        start(journal, run_id)


def test_a_journal_begins_with_the_start_of_its_run(journal: Journal) -> None:
    with pytest.raises(InternalError):
        journal.create(new_run(), journal.new_owner(), step(0), Counters(), RunStatus.RUNNING)
    with pytest.raises(RunNotFound):
        journal.run("run")


def test_a_journal_begins_with_the_code_of_its_manifest(journal: Journal) -> None:
    started = RunStarted("etl.flow", "", "other", b"{}")
    with pytest.raises(InternalError):
        journal.create(new_run(), journal.new_owner(), [started], Counters(), RunStatus.RUNNING)


def test_a_run_can_move_to_other_code(store: Any, journal: Journal) -> None:
    stay = start(journal, "stay")
    lease = start(journal)
    sequence = append_steps(journal, lease, 1)
    manifest = attrs.evolve(MANIFEST, modules={"etl.flow": "d3"}, python="3.12")
    modules = {"etl.flow": 'print("new")\n'}
    assert journal.repin(lease, sequence, manifest, modules, Counters(1, 2, 3)) == sequence + 1

    other = store.open()
    code = manifest_digest(manifest)
    assert other.read("run", sequence)[0].event == CodeChanged(code)
    assert len(other.read("run")) == sequence + 1
    assert (other.run("run").code, other.run("run").steps) == (code, 1)
    assert other.manifest("run") == manifest
    assert other.modules("run") == modules
    assert journal.append(lease, sequence + 1, step(1), Counters()) == sequence + 3
    assert (other.manifest("stay"), other.modules("stay"), other.run("stay").code) == (MANIFEST, MODULES, CODE)
    assert journal.repin(stay, 1, manifest, modules, Counters()) == 2
    assert journal.repin(stay, 2, MANIFEST, MODULES, Counters()) == 3
    assert (other.manifest("stay"), other.modules("stay"), other.run("stay").code) == (MANIFEST, MODULES, CODE)
    assert len(other.read("stay")) == 3


def test_only_the_holder_moves_a_run(store: Any, journal: Journal) -> None:
    stale = start(journal)
    store.clock.advance(LEASE_MS)
    lease = journal.claim("run", journal.new_owner())
    manifest = attrs.evolve(MANIFEST, language="2")
    with pytest.raises(LeaseLost):
        journal.repin(stale, 1, manifest, MODULES, Counters())
    with pytest.raises(LeaseLost):
        journal.repin(lease, 2, manifest, MODULES, Counters())
    assert (journal.manifest("run"), journal.run("run").sequence) == (MANIFEST, 1)


def test_unknown_runs_are_named(journal: Journal) -> None:
    lease = Lease("none", "owner", 1)
    for question in (
        lambda: journal.run("none"),
        lambda: journal.read("none"),
        lambda: journal.manifest("none"),
        lambda: journal.modules("none"),
        lambda: journal.claim("none", "owner"),
        lambda: journal.append(lease, 0, [STARTED], Counters()),
        lambda: journal.renew(lease),
        lambda: journal.release(lease, RunStatus.SUSPENDED),
    ):
        with pytest.raises(RunNotFound, match="no run has the id `none`") as caught:
            question()
        assert caught.value.run_id == "none"


def test_runs_are_listed_newest_first_and_filtered(journal: Journal) -> None:
    owner = journal.new_owner()
    for run_id, entry in (("a_1", "x.flow"), ("ab1", "x.flow"), ("A_2", "y.flow"), ("a_2", "y.flow"), ("é%", "y.flow")):
        start(journal, run_id, owner=owner, entry=entry)
    journal.release(Lease("ab1", owner, 1), RunStatus.SUSPENDED)

    def ids(**filters: Any) -> list[str]:
        return [record.run_id for record in journal.runs(**filters)]

    assert ids() == ["é%", "a_2", "A_2", "ab1", "a_1"]
    assert ids(prefix="a_") == ["a_2", "a_1"]
    assert ids(prefix="é%") == ["é%"]
    assert ids(prefix="%") == []
    assert ids(entry="x.flow") == ["ab1", "a_1"]
    assert ids(status=RunStatus.SUSPENDED) == ["ab1"]
    assert ids(status=RunStatus.RUNNING, entry="y.flow", prefix="a") == ["a_2"]
    assert ids(limit=2) == ["é%", "a_2"]
    assert ids(limit=0) == []


def test_a_run_can_end_in_the_transaction_that_creates_it(journal: Journal) -> None:
    events = [STARTED, RunCompleted(True, b"1")]
    lease = journal.create(new_run(), journal.new_owner(), events, Counters(), RunStatus.COMPLETED)
    row = journal.run("run")
    assert (row.status, row.owner, row.lease_expires_at_ms) == (RunStatus.COMPLETED, "", 0)
    assert [record.event for record in journal.read("run")] == events
    assert lease.token == 1


def test_any_text_survives(store: Any, journal: Journal) -> None:
    odd = 'nul \0, half \ud83d, line\n, "quoted", ö, \U0001f600'
    started = RunStarted(odd, odd, CODE, b"\x00\xff")
    journal.create(new_run("run", odd, odd), journal.new_owner(), [started], Counters(), RunStatus.RUNNING)
    other = store.open()
    assert other.read("run")[0].event == started
    assert (other.run("run").entry, other.run("run").flow, other.run("run").code) == (odd, odd, CODE)
    assert [record.run_id for record in other.runs(entry=odd)] == ["run"]


def test_values_of_all_sizes_survive(store: Any, journal: Journal) -> None:
    lease = start(journal)
    payloads = [
        b"",
        b"x" * PAYLOAD_BYTES_INLINE,
        b"x" * (PAYLOAD_BYTES_INLINE + 1),
        noise(2000),
        b"x" * (4 * PAYLOAD_BYTES_BLOB),
        noise(PAYLOAD_BYTES_BLOB),
        noise(PAYLOAD_BYTES_BLOB + 1),
        noise(400_000) + b"x" * 400_000,
        b"y" * PAYLOAD_BYTES_MAX,
    ]
    events = [ActionCompleted((number,), payload) for number, payload in enumerate(payloads)]
    events += [ActionCompleted((99,), payload) for payload in payloads]
    journal.append(lease, 1, [*events, FlowCompleted((100,), True, None)], Counters())
    read = [record.event for record in store.open().read("run", 1)]
    assert read == [*events, FlowCompleted((100,), True, None)]


@pytest.mark.parametrize("kind", ["value", "log"])
def test_too_large_a_value_is_refused_and_nothing_is_written(journal: Journal, kind: str) -> None:
    lease = start(journal)
    size = PAYLOAD_BYTES_MAX + 1
    event = ActionCompleted((2,), b"x" * size) if kind == "value" else LogWritten((2,), "print", "x" * size)
    with pytest.raises(PayloadTooLarge, match="16,777,217 bytes is too large") as caught:
        journal.append(lease, 1, [*step(0), event], Counters())
    assert caught.value.size_bytes == size
    assert caught.value.hint
    assert journal.run("run").sequence == 1
    assert journal.append(lease, 1, step(0), Counters()) == 3
    with pytest.raises(PayloadTooLarge):
        journal.create(
            new_run("other"),
            journal.new_owner(),
            [RunStarted("etl.flow", "", CODE, b"x" * size)],
            Counters(),
            RunStatus.RUNNING,
        )
    assert len(journal.runs()) == 1
