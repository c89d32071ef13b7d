"""SQLite behind the SQL actions: connections, what statements may do, and writes that happen exactly once.

**Exactly once.** A write runs in one transaction together with a row in `_flowlang_effect` that holds the attempt's
idempotency key and the result. If the process dies after the commit and before the journal knows, the attempt is
repeated with the same key, finds the row and returns what it says. Transactions begin as `IMMEDIATE`, so of two
workers that believe to own the same attempt, the second waits and then finds the row of the first.

**What statements may do.** Statements come from scripts. An authorizer is asked while each of them is compiled: no
other files (`ATTACH`, `VACUUM INTO`), no settings of the connection, no extensions, no transaction control, since the
transaction is ours, no change of `_flowlang_effect`; and in queries no change of anything. Connections that write
compile every statement anew, because a compiled one from a cache would not be asked about again.

**Connections** are kept between actions: opening one costs as much as a commit. A connection is used by one action at
a time, on whatever thread, and is dropped when the file it was opened on is no longer the one at that path.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import quote as quote_url

from flowlang.actions.sql_rows import collect_rows
from flowlang.actions.sqlite_guard import Guard
from flowlang.actions.sqlite_problem import database_not_found, problem_error
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.runtime.action import ActionContext, ActionError
from flowlang.runtime.database import Database

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

Arguments = Sequence[Any] | Mapping[str, Any]


class SqliteConnection:
    """One connection with its guard. `inode` tells whether the path still leads to the file that was opened."""

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
            connection.raw.set_progress_handler(lambda: context.cancelled, INSTRUCTIONS_PER_CHECK)
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


def write(
    context: ActionContext, database: Database, statements: Sequence[tuple[str, Sequence[Arguments]]]
) -> list[int]:
    """Executes statements, each once for every one of its arguments, in one transaction, exactly once. Gives the
    number of rows that each changed."""
    guard: Guard | None = None
    text = ""
    counts: list[int] = []
    try:
        with _pool(context, database, read_only=False).borrow(context) as connection:
            guard = connection.guard
            connection.own("BEGIN IMMEDIATE")
            if database.exactly_once:
                connection.own(EFFECT_TABLE_SQL)
                found = connection.own(FIND_EFFECT_SQL, (context.idempotency_key,)).fetchone()
                if found is not None:
                    connection.own("ROLLBACK")
                    return list(to_host(decode(found[0])))
            for text, repetitions in statements:
                counts.append(_execute(connection, text, repetitions))
            if database.exactly_once:
                row = (context.idempotency_key, encode(from_host(counts)), context.run_id, context.clock.now_ms())
                connection.own(ADD_EFFECT_SQL, row)
            context.commit()
            connection.own("COMMIT")
            return counts
    except OSError as problem:
        raise ActionError(
            "permission-denied", f"database `{database.name}` cannot be made: {problem.strerror}"
        ) from None
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as problem:
        context.check()
        raise problem_error(problem, text, guard, database) from None


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


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
