"""What only a file of SQLite can get wrong: places, permissions, schemas, full disks."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from journal_store import MODULES, STARTED, SqliteStore, append_steps, new_run, noise, processes, start, step
from sqlalchemy import Engine, create_engine, event

from flowlang.errors import JournalUnavailable, SchemaMismatch, UsageError
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal import tables
from flowlang.runtime.journal.dialects.dialect import Trouble
from flowlang.runtime.journal.dialects.sqlite import SqliteDialect
from flowlang.runtime.journal.event import ActionCompleted
from flowlang.runtime.journal.journal import Counters, Lease, RunStatus
from flowlang.runtime.journal.migrations import MIGRATIONS
from flowlang.runtime.journal.sql import SqlJournal

CLOCK = SystemClock()


def open_at(path: Path | str, **options: Any) -> SqlJournal:
    return SqlJournal(path, clock=CLOCK, **options)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_directory_and_the_file_are_private(tmp_path: Path) -> None:
    path = tmp_path / "project" / ".flowlang" / "flowlang.db"
    with closing(open_at(path)) as journal:
        owner = journal.new_owner()
        start(journal, owner=owner)
        assert mode(path.parent) == 0o700
        assert mode(path) == 0o600
        assert mode(path.with_name("flowlang.db-wal")) == 0o600
        assert (path.parent / ".gitignore").read_text() == "*\n"
        lock = path.parent / "flowlang.db-owners" / f"{owner}.lock"
        assert mode(lock.parent) == 0o700
        assert mode(lock) == 0o600
    assert not lock.exists()
    assert not (tmp_path / "project" / ".gitignore").exists()


def test_other_directories_are_left_as_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    open_at(tmp_path / "x.db").close()
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("name", ["plain.db", "white space.db", "odd?#%41.db", "ü.db", "file:x.db"])
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with closing(open_at(path)) as journal:
        start(journal)
    assert path.is_file()
    with closing(open_at(path, create=False)) as journal:
        assert len(journal.read("run")) == 1


def test_urls_of_sqlite_work(tmp_path: Path) -> None:
    with closing(open_at(f"sqlite:///{tmp_path / 'x.db'}")) as journal:
        start(journal)
    with closing(open_at(tmp_path / "x.db")) as journal:
        assert len(journal.read("run")) == 1


@pytest.mark.parametrize(
    "url", ["mysql://host/x", "sqlite://", "sqlite:///x.db?mode=ro", "sqlite+aiosqlite:///x.db", "://", "x y://"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="must be a file of SQLite") as caught:
        open_at(url)
    assert caught.value.hint


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="there is no journal at"):
        open_at(tmp_path / "a" / "x.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(connection: Any, _record: object, _proxy: object) -> None:
        names = ("synchronous", "foreign_keys", "journal_mode", "busy_timeout")
        seen.append(tuple(connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names))

    open_at(tmp_path / "x.db").close()
    event.listen(Engine, "checkout", look)
    try:
        with closing(open_at(tmp_path / "x.db")) as journal:
            append_steps(journal, start(journal), 3)
            journal.read("run")
    finally:
        event.remove(Engine, "checkout", look)
    assert set(seen) == {(2, 1, "wal", 30_000)}


def test_the_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    """Column by column: a migration that adds some leaves them spelled otherwise than a new table does."""
    open_at(tmp_path / "migrated.db").close()
    tables.metadata.create_all(create_engine(f"sqlite:///{tmp_path / 'made.db'}"))
    migrated, made = (schema_of(tmp_path / name) for name in ("migrated.db", "made.db"))
    assert migrated == made
    assert len(made) > len(tables.metadata.tables)


def schema_of(path: Path) -> dict[str, Any]:
    """Tables with their columns and foreign keys, and indexes with their definitions."""
    found: dict[str, Any] = {}
    with closing(sqlite3.connect(path)) as connection:
        for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall():
            if kind == "table":
                columns = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
                keys = connection.execute(f'PRAGMA foreign_key_list("{name}")').fetchall()
                unique = connection.execute(f'PRAGMA index_list("{name}")').fetchall()
                found[name] = (columns, keys, sorted(row[1:] for row in unique))
            elif sql is not None:
                found[name] = sql
    return found


def test_every_migration_file_is_listed() -> None:
    directory = Path(tables.__file__).parent / "migrations"
    assert tuple(sorted(path.stem for path in directory.glob("[0-9]*.py"))) == MIGRATIONS


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (name TEXT)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(SchemaMismatch, match="other tables and no journal") as caught:
        open_at(path)
    assert caught.value.hint
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk " * 1000)
    before = path.read_bytes()
    with pytest.raises(SchemaMismatch, match="is not a journal of flowlang"):
        open_at(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    open_at(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO flowlang_schema VALUES (99, '0099_future', 0)")
        connection.commit()
    with pytest.raises(SchemaMismatch, match="has schema version 99") as caught:
        open_at(path)
    assert "newer" in str(caught.value.hint)


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """A file without a byte holds nobody's data: it becomes a journal, and what is written into it is there again."""
    path = tmp_path / "x.db"
    path.touch()
    with closing(open_at(path)) as journal:
        first = start(journal).run_id
    with closing(open_at(path)) as journal:
        assert len(journal.read(first)) == 1


def test_a_directory_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable):
        open_at(tmp_path)


def test_a_file_in_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(JournalUnavailable, match="cannot be made") as caught:
        open_at(tmp_path / "x" / "x.db")
    assert caught.value.hint


def open_together(path: str, gate: Any, answers: Any) -> None:
    gate.wait(30)
    try:
        journal = open_at(path)
        start(journal, f"run-{os.getpid()}")
        answers.put("made")
        journal.close()
    except Exception as error:
        answers.put(repr(error))


def test_many_processes_may_make_the_journal_at_once(tmp_path: Path) -> None:
    gate, answers = processes.Barrier(5), processes.Queue()
    path = str(tmp_path / ".flowlang" / "flowlang.db")
    children = [processes.Process(target=open_together, args=(path, gate, answers)) for _ in range(4)]
    for child in children:
        child.start()
    gate.wait(30)
    assert [answers.get(timeout=60) for _ in children] == ["made"] * 4
    for child in children:
        child.join(30)
    with closing(open_at(path)) as journal:
        assert len(journal.runs()) == 4


@pytest.fixture
def page_limit() -> Iterator[list[int]]:
    """A bound on the pages of databases opened from now on, which acts like a full disk."""
    limit = [1_000_000]

    def apply(connection: Any, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit[0]}")

    event.listen(Engine, "checkout", apply)
    yield limit
    event.remove(Engine, "checkout", apply)


def test_a_full_disk_loses_nothing_and_space_helps(sqlite_store: SqliteStore, page_limit: list[int]) -> None:
    journal = sqlite_store.open()
    lease = start(journal)
    sequence = append_steps(journal, lease, 5)
    journal.close()
    page_limit[0] = 60
    small = sqlite_store.open()

    def fill() -> None:
        nonlocal sequence
        for number in range(100):
            sequence = small.append(lease, sequence, [ActionCompleted((number,), noise(40_000, number))], Counters())

    with pytest.raises(JournalUnavailable, match="the disk is full") as caught:
        fill()
    assert 11 < sequence < 100
    assert "free some space" in str(caught.value.hint)
    assert len(small.read("run")) == sequence
    # What still fits is taken: the failure left nothing half done behind.
    assert small.append(lease, sequence, [ActionCompleted((1,), b"1")], Counters()) == sequence + 1
    page_limit[0] = 1_000_000
    roomy = sqlite_store.open()
    assert append_steps(roomy, lease, 40, sequence + 1) == sequence + 81
    assert len(roomy.read("run")) == sequence + 81


def append_until_the_disk_fails(path: str, answers: Any) -> None:
    import resource

    journal = open_at(path)
    lease = start(journal)
    sequence = append_steps(journal, lease, 5)
    size = Path(f"{path}-wal").stat().st_size + 200_000
    _, unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited))
    errors = []
    for number in range(200):
        try:
            sequence = journal.append(lease, sequence, [ActionCompleted((number,), noise(3000, number))], Counters())
        except JournalUnavailable as error:
            errors.append(error.message)
            # The disk is well again, but what it holds is not known.
            resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
            if len(errors) == 2:
                break
    answers.put((sequence, errors, len(journal.read("run"))))


def test_after_a_failed_write_nothing_more_is_written(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    answers = processes.Queue()
    child = processes.Process(target=append_until_the_disk_fails, args=(path, answers))
    child.start()
    sequence, errors, readable = answers.get(timeout=60)
    child.join(30)
    assert len(errors) == 2
    assert "the disk failed" in errors[0]
    assert readable == sequence > 11
    with closing(open_at(path)) as journal:
        assert len(journal.read("run")) == sequence
        lease = journal.claim("run", journal.new_owner())
        assert append_steps(journal, lease, 3, sequence) == sequence + 6


def use_as_another_user(path: str, owner: str, answers: Any) -> None:
    open_at(f"{path}-warm").close()  # what is loaded on first use may be out of reach later
    if os.getuid() == 0:
        os.setuid(65534)
    journal = open_at(path, create=False)
    answers.put((len(journal.read("run")), len(journal.runs()), journal.modules("run")))
    for write in (lambda: journal.renew(Lease("run", owner, 1)), journal.new_owner):
        try:
            write()
        except JournalUnavailable as error:
            answers.put(error.message)


def test_a_read_only_journal_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    journal = open_at(path)
    lease = start(journal)
    # Root may write anything, so the child becomes somebody else; the way to the file must be open to that user.
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == os.getuid() and directory != directory.parent:
            directory.chmod(directory.stat().st_mode | 0o055)
    for file in tmp_path.iterdir():
        file.chmod(0o555 if file.is_dir() else 0o444)
    answers = processes.Queue()
    child = processes.Process(target=use_as_another_user, args=(str(path), lease.owner, answers))
    child.start()
    assert answers.get(timeout=60) == (1, 1, MODULES)
    assert answers.get(timeout=60) == f"the journal `{path}` is read-only"
    assert answers.get(timeout=60).startswith("no lock file can be made in ")
    child.join(30)
    assert child.exitcode == 0
    journal.close()


def test_a_lock_of_another_program_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as holder,
        closing(sqlite3.connect(path, timeout=0)) as other,
    ):
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("CREATE TABLE x (y)")
    translated = SqliteDialect(path).translate(caught.value)
    assert isinstance(translated, JournalUnavailable)
    assert translated.message == f"the journal `{path}` is locked by another program"
    assert SqliteDialect(path).classify(caught.value) is Trouble.OWN


def hold_the_write_lock(path: str, connection: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        connection.send("locked")
        connection.recv()
        holder.execute("COMMIT")


def test_a_writer_waits_for_another_program(sqlite_store: SqliteStore) -> None:
    journal = sqlite_store.open()
    lease = start(journal)
    ours, theirs = processes.Pipe()
    child = processes.Process(target=hold_the_write_lock, args=(str(sqlite_store.path), theirs))
    child.start()
    assert ours.recv() == "locked"
    ours.send("let go soon")
    assert journal.append(lease, 1, step(0), Counters()) == 3
    child.join(30)
    ours.close()
    theirs.close()


def test_code_is_stored_once(sqlite_store: SqliteStore) -> None:
    for handle in (sqlite_store.open(), sqlite_store.open()):
        for number in range(3):
            start(handle, f"run-{id(handle)}-{number}")
    with closing(sqlite3.connect(sqlite_store.path)) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("run", "manifest", "module", "manifest_module")
        ]
    assert counts == [6, 1, 2, 2]


def test_a_forged_owner_name_reaches_no_other_file(tmp_path: Path) -> None:
    victim = tmp_path / "victim.lock"
    victim.touch()
    with closing(open_at(tmp_path / "x.db")) as journal:
        journal.create(new_run(), "../victim", [STARTED], Counters(), RunStatus.RUNNING)
        assert journal.is_owner_alive("../victim")
        assert victim.exists()
        journal.release(Lease("run", "../victim", 1), RunStatus.SUSPENDED)
