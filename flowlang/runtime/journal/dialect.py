"""What differs between databases: how to reach them, how to begin writing, and what their errors mean.

Everything else in `sql.py` and `writer.py` is the same for all of them. SQLite is the one dialect so far.

SQLite runs in WAL mode with `synchronous=FULL`: a commit is on the disk when it returns, and readers do not hold up
the writer. Transactions are begun by hand, because the driver would begin them late and without the write lock: a
transaction that reads first and writes later fails at once when another program wrote in between.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.sql.dml import Insert

from flowlang.errors import JournalCorrupt, JournalError, JournalUnavailable, SchemaMismatch, UsageError

BUSY_TIMEOUT_MS = 30_000
"""How long a write waits for other programs that hold the database."""

WAL_BYTES_MAX = 64 * 1024 * 1024
"""The write-ahead log is cut back to this size when it has been larger."""

_WRITING = "flowlang_writing"


class Dialect(Protocol):
    """One kind of database. `begin_writing` is the statement that begins a transaction with the right to write."""

    begin_writing: str
    owners_directory: Path

    def open(self, *, create: bool) -> Engine:
        """Connects. With `create`, a database that is not there is made, without tables."""
        ...

    def prepare(self, connection: Connection) -> None:
        """Sets what a journal needs and the database remembers; called outside any transaction."""
        ...

    def insert_or_ignore(self, table: Table) -> Insert:
        """An INSERT that does nothing when the row is there already."""
        ...

    def translate(self, error: BaseException) -> JournalError:
        """The driver's error in our own words."""
        ...

    def is_fatal(self, error: BaseException) -> bool:
        """Whether the state of what was written is unknown, so that nothing more may be written from here."""
        ...


def choose_dialect(location: str | Path) -> Dialect:
    """The dialect for a path or a URL of SQLAlchemy's form. Raises UsageError."""
    if isinstance(location, Path) or "://" not in location:
        return SqliteDialect(Path(location))
    try:
        url = make_url(location)
    except ArgumentError:
        url = URL.create("unknown")
    if url.drivername != "sqlite" or url.query or not url.database:
        raise UsageError(
            "the journal's database must be a file of SQLite",
            hint="give a path such as `.flowlang/flowlang.db`, or `sqlite:///` and a path",
        )
    return SqliteDialect(Path(url.database))


def writing(connection: Connection) -> Connection:
    """Marks a connection so that its transactions begin with the right to write."""
    return connection.execution_options(**{_WRITING: True})


class SqliteDialect:
    """A journal in one file of SQLite."""

    begin_writing = "BEGIN IMMEDIATE"

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))
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

    def insert_or_ignore(self, table: Table) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING."""
        return sqlite_insert(table).on_conflict_do_nothing()

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

    def is_fatal(self, error: BaseException) -> bool:
        """A failed write or flush may or may not have reached the disk, and trying again can give a wrong answer."""
        return _code(getattr(error, "orig", None) or error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT)

    def _begin(self, connection: Connection) -> None:
        is_writing = connection.get_execution_options().get(_WRITING)
        connection.exec_driver_sql(self.begin_writing if is_writing else "BEGIN")

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
