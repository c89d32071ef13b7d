"""A journal in one file of SQLite.

It runs in WAL mode with `synchronous=FULL`: a commit is on the disk when it returns, and readers do not hold up the
writer. Transactions are begun by hand, because the driver would begin them late and without the write lock: a
transaction that reads first and writes later fails at once when another program wrote in between.

A failed write or flush may or may not have reached the disk, and trying again can give a wrong answer. So the process
writes nothing more after one; a new process finds out by reading.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    select,
)  # fmt: skip
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.dml import Insert

from flowlang.errors import InternalError, JournalCorrupt, JournalError, JournalUnavailable, SchemaMismatch
from flowlang.runtime.journal.creation import Creation
from flowlang.runtime.journal.dialects.dialect import Bell, Cursor, Trouble, WriteConnection
from flowlang.runtime.journal.dialects.sqlite_log import LogRoom
from flowlang.runtime.journal.home import FileHome, Home
from flowlang.runtime.journal.owner import FileOwners
from flowlang.runtime.journal.step import Step
from flowlang.runtime.journal.tables import metadata
from flowlang.runtime.journal.wakeup_fifo import FifoBell

BUSY_TIMEOUT_MS = 30_000
"""How long a write waits for other programs that hold the database."""

WAL_BYTES_MAX = 64 * 1024 * 1024
"""The write-ahead log is cut back to this size when it has been larger."""

_WRITING = "flowlang_writing"
_BEGIN_WRITING = "BEGIN IMMEDIATE"


class SqliteDialect:
    """A journal in one file of SQLite."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))
        self.where = f"`{self.path}`"
        # Beside `-wal` and `-shm`, which SQLite names in the same manner.
        self.owners_directory = self.path.with_name(f"{self.path.name}-owners")

    def open(self, *, create: bool) -> Engine:
        """Connects to the file, after making it and its directory where `create` allows."""
        if create:
            self._make_file()
        elif not self.path.exists():
            raise JournalUnavailable(
                f"there is no journal at `{self.path}`",
                hint="start a run first, or name another database",
            )
        engine = create_engine(
            URL.create("sqlite", database=str(self.path)),
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "isolation_level": None, "check_same_thread": False},
            max_overflow=-1,  # Readers never wait for each other's connections.
        )
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", self._begin)
        return engine

    def connect(self, engine: Engine, *, snapshot: bool = True) -> Connection:
        """A connection for reading; a file needs no waiting for."""
        return engine.connect()

    def prepare(self, connection: Connection) -> None:
        """Turns on WAL mode. SQLite does not wait its turn here as it does elsewhere, so this does."""
        deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        driver: Any = connection.connection.driver_connection
        if driver.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        while True:
            try:
                driver.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def for_migration(self, connection: Connection) -> Connection:
        """Its transactions take the write lock at once."""
        return connection.execution_options(**{_WRITING: True})

    def write_connection(self, engine: Engine) -> WriteConnection:
        """One connection of the pool, kept."""
        return _SqliteWriteConnection(engine, LogRoom(Path(os.path.realpath(self.path))))

    def bell(self, engine: Engine) -> Bell:
        """Pipes in the owners' directory."""
        return FifoBell(self.owners_directory, lambda: _DataVersion(engine))

    def owners(self) -> FileOwners:
        """Lock files beside the database."""
        return FileOwners(self.owners_directory)

    def home(self) -> Home:
        """The file that is there now."""
        found = self.path.stat()
        return FileHome((found.st_dev, found.st_ino), frozenset(metadata.tables))

    def insert(self, table: Table) -> Any:
        """SQLite's INSERT."""
        return sqlite_insert(table)

    def insert_or_ignore(self, table: Table) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING."""
        return sqlite_insert(table).on_conflict_do_nothing()

    def among(self, column: Column[int], name: str) -> ColumnElement[bool]:
        """A list in JSON."""
        return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))

    def listed(self, numbers: Sequence[int]) -> str:
        """A list in JSON."""
        return f"[{','.join(map(str, numbers))}]"

    def begin_reading(self, cursor: Cursor, *, snapshot: bool) -> None:
        """The driver begins no transaction by itself."""
        if snapshot:
            cursor.execute("BEGIN")

    def end_reading(self, cursor: Cursor) -> None:
        """The pool rolls back what is under way."""

    def size_bytes(self, connection: Connection) -> int:
        """The size of the file, without the write-ahead log."""
        pages, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("page_count", "page_size"))
        return int(pages or 0) * int(size or 0)

    def insert_events(self, cursor: Cursor, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each row."""
        cursor.executemany(statement, rows)

    def lock_partition(self, cursor: Cursor, name: str) -> None:
        """There is one writer at a time anyway."""

    def translate(self, error: BaseException) -> JournalError:
        """Errors by SQLite's primary result code."""
        cause = getattr(error, "orig", None) or error
        code = _code(cause)
        if code in _UNAVAILABLE:
            message, hint = _UNAVAILABLE[code]
            return JournalUnavailable(message.format(path=self.path), hint=hint)
        if code == sqlite3.SQLITE_NOTADB:
            return SchemaMismatch(
                f"`{self.path}` is not a journal of flowlang",
                hint="name another database",
            )
        if code in _DAMAGED and not isinstance(cause, sqlite3.ProgrammingError):
            return JournalCorrupt(
                f"the journal `{self.path}` is damaged: {cause}",
                hint="restore the database from a backup",
            )
        return JournalUnavailable(f"the journal `{self.path}` cannot be used: {cause}", hint="try again")

    def classify(self, error: BaseException) -> Trouble:
        """A failed write or flush is the end of writing; everything else is the change's own trouble."""
        code = _code(getattr(error, "orig", None) or error)
        return Trouble.FATAL if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT) else Trouble.OWN

    def _begin(self, connection: Connection) -> None:
        is_writing = connection.get_execution_options().get(_WRITING)
        connection.exec_driver_sql(_BEGIN_WRITING if is_writing else "BEGIN")

    def _make_file(self) -> None:
        try:
            directory = self.path.parent
            if not directory.exists():
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                _flush_directory(directory.parent)
            if directory.name == ".flowlang" and not (ignore := directory / ".gitignore").exists():
                ignore.write_text("*\n", encoding="ascii")
            if not self.path.exists():
                # Journals hold what scripts read and send: nobody else's business.
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
                _flush_directory(directory)
        except OSError as error:
            raise JournalUnavailable(
                f"the journal `{self.path}` cannot be made: {error.strerror or error}",
                hint="make the directory writable, or name another database",
            ) from error


class _SqliteWriteConnection:
    """The writer's connection."""

    takes_steps = False

    def __init__(self, engine: Engine, room: LogRoom) -> None:
        self._engine = engine
        self._room = room
        self._connection: Any = None
        self._driver: Any = None

    def begin(self) -> Cursor:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
            self._driver = self._connection.driver_connection
        cursor = self._driver.cursor()
        cursor.execute(_BEGIN_WRITING)
        return cursor

    def commit(self, *, announces: bool) -> None:
        self._room.before_commit()
        self._driver.commit()

    def rollback(self) -> None:
        if self._connection is None:
            return
        try:
            self._driver.rollback()
        except Exception:
            # A connection that cannot roll back must not commit later; closing it rolls back.
            self.disconnect()

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.invalidate()

    def advance(self, changes: Sequence[Step | Creation]) -> list[bool]:
        raise InternalError("steps are single changes on SQLite")

    def perform(self, step: Step) -> bool:
        raise InternalError("steps are single changes on SQLite")

    def reader(self) -> Cursor:
        raise InternalError("steps are single changes on SQLite")

    def settle(self) -> bool:
        raise InternalError("a connection to a file is never lost")

    def close(self) -> None:
        self.disconnect()


class _DataVersion:
    """A number that changes when another connection has committed."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.raw_connection()

    def __call__(self) -> int:
        driver: Any = self._connection.driver_connection
        found: int = driver.execute("PRAGMA data_version").fetchone()[0]
        return found

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.close()


_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: (
        "the disk is full: the journal `{path}` took nothing",
        "free some space, then resume the run",
    ),
    sqlite3.SQLITE_READONLY: (
        "the journal `{path}` is read-only",
        "make the file and its directory writable",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the journal `{path}` cannot be opened",
        "check that its directory exists and that you may write there",
    ),
    sqlite3.SQLITE_PERM: (
        "the journal `{path}` must not be used by this user",
        "make the file and its directory writable",
    ),
    sqlite3.SQLITE_BUSY: (
        "the journal `{path}` is locked by another program",
        "wait until that program is done, then try again",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk failed under the journal `{path}`",
        "check the disk, then resume the run in a new process",
    ),
}

# All statements are our own: one that does not compile, breaks a constraint or meets text that is not UTF-8 (which
# has no code) means that the database is not what was written.
_DAMAGED = (None, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)


def _code(error: BaseException) -> int | None:
    extended = getattr(error, "sqlite_errorcode", None)
    return None if extended is None else extended & 0xFF


def _set_up(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
    # The file may come from somebody else: its schema must not call functions.
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _flush_directory(directory: Path) -> None:
    """Makes new names in a directory durable, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
