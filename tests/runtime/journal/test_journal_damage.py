"""Damage to the stored rows is found before anything is done with them."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress

import attrs
import pytest
from journal_store import MANIFEST, SqliteStore, append_steps, noise, start, step

from flowlang.errors import JournalCorrupt, JournalError, LeaseLost
from flowlang.runtime.journal import tables
from flowlang.runtime.journal.chain import EventRow
from flowlang.runtime.journal.event import ActionCompleted, Record
from flowlang.runtime.journal.journal import Counters, Lease, RunStatus

CHANGES = {
    "sequence": "sequence + 1000",
    "recorded_at_ms": "recorded_at_ms + 1",
    "token": "token + 1",
    "kind": "'timer-fired/1'",
    "position": "position || '.1'",
    "name": "name || 'x'",
    "detail": "'{\"ok\":false}'",
    "encoding": "'zlib'",
    "payload": "x'00'",
    "steps": "steps + 1",
    "memory": "memory + 1",
    "actions_completed": "actions_completed + 1",
    "checksum": "zeroblob(32)",
}
COPY_OF_ANOTHER_RUN = (
    "UPDATE event SET (kind, payload, checksum) = (SELECT kind, payload, checksum FROM event AS other "
    "WHERE other.run = {healthy} AND other.sequence = event.sequence) WHERE run = {run} AND sequence = 2"
)
TYPE_CHANGES = ["'text'", "x'ff'", "CAST(x'ff' AS TEXT)", "1.5", "-1"]


@pytest.fixture
def lease(sqlite_store: SqliteStore) -> Iterator[Lease]:
    """A run with five records and one with three, of which the first will be damaged."""
    journal = sqlite_store.open()
    held = start(journal)
    append_steps(journal, start(journal, "healthy", owner=held.owner), 1)
    append_steps(journal, held, 2)
    yield held
    assert len(sqlite_store.open().read("healthy")) in (3, 4)


def damage(store: SqliteStore, statement: str) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount > 0


def run_number(store: SqliteStore, run_id: str) -> int:
    with closing(sqlite3.connect(store.path)) as connection:
        number: int = connection.execute("SELECT number FROM run WHERE run_id = ?", (run_id,)).fetchone()[0]
        return number


def assert_corrupt(store: SqliteStore, record: int | None = None) -> None:
    with pytest.raises(JournalCorrupt) as caught:
        store.open().read("run")
    assert caught.value.hint
    if record is not None:
        assert f"record {record} of run `run`" in caught.value.message
    else:
        assert "run `run`" in caught.value.message


def test_every_column_of_a_record_is_covered() -> None:
    assert set(CHANGES) == set(EventRow._fields) == {column.name for column in tables.event.c} - {"run"}


@pytest.mark.parametrize("sequence", [1, 3, 5])
@pytest.mark.parametrize("column", CHANGES)
def test_an_altered_column_is_found(sqlite_store: SqliteStore, lease: Lease, column: str, sequence: int) -> None:
    number = run_number(sqlite_store, "run")
    damage(
        sqlite_store,
        f"UPDATE event SET {column} = {CHANGES[column]} WHERE run = {number} AND sequence = {sequence}",
    )
    assert_corrupt(sqlite_store, sequence)


@pytest.mark.parametrize("value", TYPE_CHANGES)
@pytest.mark.parametrize("column", [name for name in CHANGES if name != "sequence"])
def test_a_value_of_another_type_is_found(sqlite_store: SqliteStore, lease: Lease, column: str, value: str) -> None:
    damage(sqlite_store, f"UPDATE event SET {column} = {value} WHERE sequence = 4")
    with pytest.raises(JournalCorrupt):
        sqlite_store.open().read("run")


@pytest.mark.parametrize(
    ("statement", "record"),
    [
        ("DELETE FROM event WHERE run = {run} AND sequence = 3", 3),
        ("DELETE FROM event WHERE run = {run} AND sequence = 1", 1),
        ("DELETE FROM event WHERE run = {run} AND sequence = 5", 5),
        ("DELETE FROM event WHERE run = {run}", 1),
        ("UPDATE event SET run = 999 WHERE run = {run} AND sequence = 2", 2),
        ("UPDATE event SET sequence = 0 WHERE run = {run} AND sequence = 4", 1),
        ("UPDATE event SET sequence = 'a' WHERE run = {run} AND sequence = 4", 4),
        (COPY_OF_ANOTHER_RUN, 2),
    ],
)
def test_missing_and_moved_records_are_found(
    sqlite_store: SqliteStore, lease: Lease, statement: str, record: int
) -> None:
    names = {"run": run_number(sqlite_store, "run"), "healthy": run_number(sqlite_store, "healthy")}
    damage(sqlite_store, statement.format(**names))
    assert_corrupt(sqlite_store, record)


def test_swapped_records_are_found(sqlite_store: SqliteStore, lease: Lease) -> None:
    where = f"WHERE run = {run_number(sqlite_store, 'run')} AND sequence"
    for old, new in ((3, 100), (4, 3), (100, 4)):
        damage(sqlite_store, f"UPDATE event SET sequence = {new} {where} = {old}")
    assert_corrupt(sqlite_store, 3)


def test_the_records_of_another_run_do_not_fit(sqlite_store: SqliteStore, lease: Lease) -> None:
    run, healthy = run_number(sqlite_store, "run"), run_number(sqlite_store, "healthy")
    damage(sqlite_store, f"DELETE FROM event WHERE run = {run}")
    columns = ", ".join(EventRow._fields)
    damage(sqlite_store, f"INSERT INTO event SELECT {run}, {columns} FROM event WHERE run = {healthy}")
    damage(
        sqlite_store,
        f"UPDATE run SET (sequence, checksum) = (SELECT sequence, checksum FROM run WHERE number = {healthy}) "
        f"WHERE number = {run}",
    )
    assert_corrupt(sqlite_store, 1)


def test_a_record_beyond_the_end_is_found(sqlite_store: SqliteStore, lease: Lease) -> None:
    columns = ", ".join(EventRow._fields[1:])
    run = run_number(sqlite_store, "run")
    damage(sqlite_store, f"INSERT INTO event SELECT run, 6, {columns} FROM event WHERE run = {run} AND sequence = 5")
    assert_corrupt(sqlite_store, 6)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("entry", "'other.flow'"),
        ("entry", "'\"broken'"),
        ("entry", "'\"\\\\q\"'"),
        ("flow", "'main'"),
        ("arguments_digest", "'other'"),
        ("code", "'other'"),
        ("created_at_ms", "created_at_ms + 1"),
        ("status", "'sleeping'"),
        ("token", "0"),
        ("sequence", "4"),
        ("sequence", "6"),
        ("sequence", "'x'"),
        ("checksum", "zeroblob(32)"),
        ("checksum", "'text'"),
        ("steps", "steps + 1"),
        ("memory", "memory + 1"),
        ("actions_completed", "'none'"),
        ("actions_completed", "actions_completed + 1"),
    ],
)
def test_an_altered_row_of_the_run_is_found(sqlite_store: SqliteStore, lease: Lease, column: str, value: str) -> None:
    damage(sqlite_store, f"UPDATE run SET {column} = {value} WHERE run_id = 'run'")
    assert_corrupt(sqlite_store)


def test_a_renamed_run_is_found(sqlite_store: SqliteStore, lease: Lease) -> None:
    damage(sqlite_store, "UPDATE run SET run_id = 'other' WHERE run_id = 'run'")
    with pytest.raises(JournalCorrupt, match="`other`"):
        sqlite_store.open().read("other")


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_partial_reading_checks_what_it_reads(sqlite_store: SqliteStore, lease: Lease, after: int) -> None:
    damage(sqlite_store, "UPDATE event SET memory = 77 WHERE sequence = 5")
    with pytest.raises(JournalCorrupt, match="record 5"):
        sqlite_store.open().read("run", after)
    damage(sqlite_store, f"DELETE FROM event WHERE run = {run_number(sqlite_store, 'run')} AND sequence = {after}")
    with pytest.raises(JournalCorrupt, match=f"record {after} "):
        sqlite_store.open().read("run", after)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE blob SET content = x'00'",
        "UPDATE blob SET content = 'text'",
        "UPDATE blob SET encoding = 'zlib'",
        "UPDATE blob SET digest = x'00'",
        "DELETE FROM blob",
    ],
)
def test_a_damaged_blob_is_found(sqlite_store: SqliteStore, lease: Lease, statement: str) -> None:
    journal = sqlite_store.open()
    event = ActionCompleted((9,), noise(100_000))
    journal.append(lease, 5, [event], Counters(9, 9, 9))
    assert journal.read("run", 5) == [Record(6, sqlite_store.clock.now_ms(), 1, event)]
    damage(sqlite_store, statement)
    assert_corrupt(sqlite_store, 6)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE module SET text = x'00'",
        "UPDATE module SET text = 'text'",
        "UPDATE module SET digest = digest || '0'",
        "DELETE FROM module",
        "UPDATE manifest SET document = replace(document, 'etl', 'elt')",
        "UPDATE manifest SET document = '{}'",
        "DELETE FROM manifest",
    ],
)
def test_damaged_code_is_found(sqlite_store: SqliteStore, lease: Lease, statement: str) -> None:
    damage(sqlite_store, statement)
    with pytest.raises(JournalCorrupt):
        sqlite_store.open().modules("run")


def test_code_of_another_run_is_found(sqlite_store: SqliteStore, lease: Lease) -> None:
    journal = sqlite_store.open()
    other = attrs.evolve(MANIFEST, modules={"etl.flow": "d3"})
    journal.repin(Lease("healthy", lease.owner, 1), 3, other, {"etl.flow": "pass"}, Counters(1, 1, 1))
    damage(
        sqlite_store,
        "UPDATE run SET manifest = (SELECT manifest FROM run WHERE run_id = 'healthy') WHERE run_id = 'run'",
    )
    with pytest.raises(JournalCorrupt, match="manifest"):
        journal.manifest("run")
    with pytest.raises(JournalCorrupt, match="manifest"):
        journal.modules("run")


def test_a_holder_notices_at_its_next_append(sqlite_store: SqliteStore, lease: Lease) -> None:
    journal = sqlite_store.open()
    sequence = journal.append(lease, 5, step(7), Counters())
    damage(sqlite_store, "UPDATE run SET checksum = zeroblob(32) WHERE run_id = 'run'")
    for _ in range(2):
        with pytest.raises(JournalCorrupt):
            journal.append(lease, sequence, step(8), Counters())
    damage(sqlite_store, "UPDATE run SET sequence = 3 WHERE run_id = 'run'")
    with pytest.raises(LeaseLost):
        journal.append(lease, sequence, step(8), Counters())


def test_a_holder_does_not_write_over_a_record(sqlite_store: SqliteStore, lease: Lease) -> None:
    journal = sqlite_store.open()
    sequence = journal.append(lease, 5, step(7), Counters())
    columns = ", ".join(EventRow._fields[1:])
    run = run_number(sqlite_store, "run")
    damage(sqlite_store, f"INSERT INTO event SELECT run, 9, {columns} FROM event WHERE run = {run} AND sequence = 5")
    with pytest.raises(JournalCorrupt):
        journal.append(lease, sequence, step(8), Counters())
    assert journal.run("run").sequence == sequence


def test_a_lost_table_is_found(sqlite_store: SqliteStore, lease: Lease) -> None:
    with closing(sqlite3.connect(sqlite_store.path)) as connection:
        connection.execute("ALTER TABLE event RENAME TO gone")
    with pytest.raises(JournalCorrupt, match="no such table"):
        sqlite_store.open().read("run")
    with pytest.raises(JournalCorrupt, match="no such table"):
        sqlite_store.open().append(lease, 5, step(7), Counters())
    with closing(sqlite3.connect(sqlite_store.path)) as connection:
        connection.execute("ALTER TABLE gone RENAME TO event")


def test_a_damaged_run_does_not_hide_the_others(sqlite_store: SqliteStore, lease: Lease) -> None:
    damage(sqlite_store, "UPDATE event SET detail = '' WHERE sequence = 5")
    journal = sqlite_store.open()
    assert [record.run_id for record in journal.runs(status=RunStatus.RUNNING)] == ["healthy", "run"]
    fresh = start(journal, "new")
    assert append_steps(journal, fresh, 1) == 3


@pytest.mark.parametrize("page", range(1, 12))
def test_damaged_pages_are_found(sqlite_store: SqliteStore, page: int) -> None:
    journal = sqlite_store.open()
    written = {}
    for number in range(12):
        append_steps(journal, start(journal, f"run-{number}"), 4)
        written[f"run-{number}"] = journal.read(f"run-{number}")
    journal.close()
    with open(sqlite_store.path, "r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)
    read = {}
    for run_id in written:
        with suppress(JournalError):
            read[run_id] = sqlite_store.open().read(run_id)
    assert all(records == written[run_id] for run_id, records in read.items())


def test_the_collector_runs_again_whatever_reading_came_to(sqlite_store: SqliteStore, lease: Lease) -> None:
    """It is paused while records are read, and a damaged record must not leave it so. Who has stopped it finds it
    stopped."""
    journal = sqlite_store.open()
    number = run_number(sqlite_store, "run")
    journal.read("run")
    assert gc.isenabled()
    damage(sqlite_store, f"UPDATE event SET name = name || 'x' WHERE run = {number}")
    with pytest.raises(JournalCorrupt):
        journal.read("run")
    assert gc.isenabled()
    gc.disable()
    try:
        journal.read("healthy")
        assert not gc.isenabled()
    finally:
        gc.enable()
