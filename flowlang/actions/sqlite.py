"""SQLite behind the SQL actions: connections, what statements may do, and writes that happen exactly once.

**Exactly once.** A write runs in one transaction together with a row in `_flowlang_effect` that holds the attempt's
idempotency key and the result. If the process dies after the commit and before the journal knows, the attempt is
repeated with the same key, finds the row and returns what it says. Transactions begin as `IMMEDIATE`, so of two
workers that believe to own the same attempt, the second waits and then finds the row of the first.

**What statements may do.** Statements come from scripts. An authorizer is asked while each of them is compiled: no
other files (`ATTACH`, `VACUUM INTO`), no settings of the connection, no extensions, no transaction control, since the
transaction is ours, no change of `_flowlang_effect`; and in queries no change of anything. Connections that write
compile every statement anew, because a compiled one from a cache would not be asked about again.

**In the journal's own file** statements may not touch the journal's tables, and a write with a `Recorder` commits
together with the record that it was made. What takes longer than `JOINT_S` is undone: the run's driver is waiting.

**Connections** are kept between actions: opening one costs as much as a commit. A connection is used by one action at
a time, on whatever thread, and is dropped when the file it was opened on is no longer the one at that path.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import quote as quote_url

from flowlang.actions.sql_rows import collect_rows
from flowlang.actions.sqlite_guard import Guard
from flowlang.actions.sqlite_problem import PRIMARY_CODE, database_not_found, problem_error
from flowlang.errors import JournalUnavailable
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.quote import clip
from flowlang.runtime.action import ActionContext, ActionError
from flowlang.runtime.database import Database
from flowlang.runtime.joint import Recorder, TakesLong
from flowlang.runtime.journal.home import FileHome

EFFECT_TABLE_SQL: Final = (
    "CREATE TABLE IF NOT EXISTS _flowlang_effect (key TEXT PRIMARY KEY, result BLOB NOT NULL, run TEXT NOT NULL, "
    "created_at_ms INTEGER NOT NULL) WITHOUT ROWID"
)
FIND_EFFECT_SQL: Final = "SELECT result FROM _flowlang_effect WHERE key = ?"
ADD_EFFECT_SQL: Final = "INSERT INTO _flowlang_effect (key, result, run, created_at_ms) VALUES (?, ?, ?, ?)"
BUSY_TIMEOUT_MS_MAX: Final = 5000
VALUE_BYTES_MAX: Final = 16 << 20
STATEMENT_BYTES_MAX: Final = 1 << 20
INSTRUCTIONS_PER_CHECK: Final = 10_000
IDLE_MAX: Final = 8
JOINT_S: Final = 0.25
"""So long a write may hold up those who drive runs."""
REFERENCES_SQL: Final = (
    "SELECT m.name, f.\"table\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'"
)

Arguments = Sequence[Any] | Mapping[str, Any]


class SqliteConnection:
    """One connection with its guard. `inode` tells whether the path still leads to the file that was opened. What is
    executed at `end_s`, a reading of `time.monotonic()`, is interrupted."""

    def __init__(self, path: str, *, read_only: bool) -> None:
        self.path = path
        self.is_new = not read_only and not os.path.exists(path)
        mode = "ro" if read_only else "rwc"
        self.raw = sqlite3.connect(
            f"file:{quote_url(path)}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64 if read_only else 0,
        )
        self.raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
        self.raw.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, STATEMENT_BYTES_MAX)
        self.raw.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        if not read_only:
            if self.is_new:
                self.raw.execute("PRAGMA journal_mode = WAL")
            self.raw.execute("PRAGMA synchronous = FULL")
            self.raw.execute("PRAGMA foreign_keys = ON")
        self.guard = Guard(read_only)
        self.raw.set_authorizer(self.guard.authorize)
        self.inode = _inode(path)
        self.end_s: float | None = None

    def watch(self, context: ActionContext) -> None:
        """Has statements interrupted when the attempt is given up, or at `end_s`."""
        self.raw.set_progress_handler(lambda: context.cancelled or self.is_late, INSTRUCTIONS_PER_CHECK)

    @property
    def is_late(self) -> bool:
        """Whether it is past `end_s`."""
        return self.end_s is not None and time.monotonic() > self.end_s

    def own(self, text: str, arguments: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Executes a statement of ours, about which the guard is not asked."""
        with self.guard.stood_down():
            return self.raw.execute(text, arguments)

    def close(self) -> None:
        """Ends the connection, and undoes a transaction that is open."""
        with suppress(sqlite3.Error):
            self.raw.close()


class SqlitePool:
    """The idle connections to one file, of one kind."""

    def __init__(self, path: str, *, read_only: bool) -> None:
        self._path = path
        self._read_only = read_only
        self._idle: list[SqliteConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def borrow(self, context: ActionContext) -> Iterator[SqliteConnection]:
        """A connection for one action, whose statements end when the attempt is given up."""
        connection = self._take()
        try:
            remaining_s = context.remaining_s()
            wait_ms = BUSY_TIMEOUT_MS_MAX if remaining_s is None else min(BUSY_TIMEOUT_MS_MAX, int(remaining_s * 1000))
            connection.own(f"PRAGMA busy_timeout = {wait_ms}")
            connection.guard.journal = _journal_tables(context, connection.inode)
            connection.end_s = None
            connection.watch(context)
            yield connection
            connection.raw.set_progress_handler(None, 0)
        except BaseException:
            connection.close()  # also ends its transaction
            raise
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Closes what is idle now, and what is borrowed when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> SqliteConnection:
        inode = _inode(self._path)
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection = self._idle.pop()
            if connection.inode == inode:
                return connection
            connection.close()
        if self._read_only and inode is None:
            raise FileNotFoundError(self._path)
        if not self._read_only:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
        return SqliteConnection(self._path, read_only=self._read_only)


def query(context: ActionContext, database: Database, text: str, arguments: Arguments) -> list[dict[str, Any]]:
    """The rows of a statement that only reads."""
    guard: Guard | None = None
    try:
        with _pool(context, database, read_only=True).borrow(context) as connection:
            guard = connection.guard
            guard.reset()
            cursor = connection.raw.execute(text, arguments)
            if cursor.description is None:
                return []
            return collect_rows([column[0] for column in cursor.description], cursor)
    except FileNotFoundError:
        raise database_not_found(database) from None
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as problem:
        context.check()
        raise problem_error(problem, text, guard, database) from None


def is_home(context: ActionContext, database: Database) -> bool:
    """Whether the journal is in this very file."""
    return bool(_journal_tables(context, _inode(database.location)))


def write(
    context: ActionContext, database: Database, statements: Sequence[tuple[str, Sequence[Arguments]]],
    recorder: Recorder | None = None,
) -> list[int]:  # fmt: skip
    """Executes statements, each once for every one of its arguments, in one transaction, exactly once. Gives the
    number of rows that each changed. With a recorder that is recorded in the same transaction; raises TakesLong when it
    would take long, and JournalUnavailable when nobody knows whether it was committed."""
    at = [""]  # the statement that is executed, for messages
    connection: SqliteConnection | None = None
    try:
        with _pool(context, database, read_only=False).borrow(context) as connection:
            if recorder is not None:
                connection.end_s = time.monotonic() + JOINT_S
                connection.own(f"PRAGMA busy_timeout = {int(JOINT_S * 1000)}")
            connection.own("BEGIN IMMEDIATE")
            if database.exactly_once:
                connection.own(EFFECT_TABLE_SQL)
                found = connection.own(FIND_EFFECT_SQL, (context.idempotency_key,)).fetchone()
                if found is not None:
                    connection.own("ROLLBACK")
                    return list(to_host(decode(found[0])))
            counts = _change(connection, statements, at)
            if database.exactly_once:
                row = (context.idempotency_key, encode(from_host(counts)), context.run_id, context.clock.now_ms())
                connection.own(ADD_EFFECT_SQL, row)
            context.commit()
            if recorder is None:
                connection.own("COMMIT")
            else:
                _commit_recorded(connection, recorder, counts)
            return counts
    except OSError as problem:
        raise ActionError(
            "permission-denied", f"database `{database.name}` cannot be made: {problem.strerror}"
        ) from None
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as problem:
        context.check()
        if recorder is not None and _is_delay(problem):
            raise TakesLong from None
        guard = None if connection is None else connection.guard
        raise problem_error(problem, at[0], guard, database) from None


def _change(
    connection: SqliteConnection, statements: Sequence[tuple[str, Sequence[Arguments]]], at: list[str]
) -> list[int]:
    """Executes what a script wants executed."""
    counts = []
    for text, repetitions in statements:
        at[0] = text
        counts.append(_execute(connection, text, repetitions))
        if connection.guard.journal and connection.guard.defined:
            _check_references(connection, text)
        if connection.is_late:
            raise TakesLong
    at[0] = ""
    return counts


def _commit_recorded(connection: SqliteConnection, recorder: Recorder, counts: list[int]) -> None:
    """Records and commits; from here on nothing is executed that scripts have said."""
    connection.end_s = None
    with connection.guard.stood_down():
        recorder.write(connection.raw.cursor(), counts)
        try:
            connection.raw.execute("COMMIT")
        except sqlite3.Error as problem:
            if connection.raw.in_transaction:
                raise  # it was refused, and can still be undone
            recorder.fail(problem)
            raise JournalUnavailable(
                f"nobody knows whether the last write reached the journal: {problem}",
                hint="check the disk, then resume the run in a new process",
            ) from problem
    recorder.settle()


def _check_references(connection: SqliteConnection, text: str) -> None:
    """A reference to a row of the journal would keep the journal from removing it."""
    for table, other in connection.own(REFERENCES_SQL).fetchall():
        if other.lower() in connection.guard.journal and table.lower() not in connection.guard.journal:
            deed = f"makes `{clip(table)}` refer to a table of the journal, which is stored in the same file"
            raise ActionError("sql-refused", f"this statement {deed}", data={"statement": text[:1000]})


def _is_delay(problem: Exception) -> bool:
    """Whether something took long, or somebody else is writing."""
    code = getattr(problem, "sqlite_errorcode", None)
    return code is not None and code & PRIMARY_CODE in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY)


def _pool(context: ActionContext, database: Database, *, read_only: bool) -> SqlitePool:
    kind = "read" if read_only else "write"
    return context.databases.resource(kind, database, lambda: SqlitePool(database.location, read_only=read_only))


def _execute(connection: SqliteConnection, text: str, repetitions: Sequence[Arguments]) -> int:
    """Executes one statement of a script. Gives the number of rows that it changed."""
    before = connection.raw.total_changes
    connection.guard.reset()
    if len(repetitions) == 1:
        cursor = connection.raw.execute(text, repetitions[0])
        if cursor.description is not None:
            if not connection.guard.wrote:
                raise ActionError(
                    "sql-error", "this statement changes nothing, it gives rows", hint="use `sql.query` for it"
                )
            for _ in cursor:
                pass  # the rows of RETURNING; the statement is finished only when they have been fetched
    else:
        cursor = connection.raw.executemany(text, repetitions)
    if cursor.rowcount >= 0:
        return cursor.rowcount
    # The host counts only statements that begin with the right word, not those that begin with WITH.
    return int(connection.own("SELECT changes()").fetchone()[0]) if connection.raw.total_changes > before else 0


def _journal_tables(context: ActionContext, inode: tuple[int, int] | None) -> frozenset[str]:
    """The names of the journal's tables in that file; none if the journal is elsewhere."""
    home = context.home
    return home.tables if isinstance(home, FileHome) and home.inode == inode else frozenset()


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
